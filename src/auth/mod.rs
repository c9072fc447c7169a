//! Who is asking and what they may do. Everything that lets somebody in goes through here: the gate turns
//! what a caller sends into a principal, accounts make what the gate believes. Nothing in here knows HTTP;
//! the routes, the event streams and the sockets call it.

pub mod accounts;
pub mod api_key;
pub mod gate;
pub mod input;
pub mod link_key;
pub mod password;
pub mod principal;
pub(crate) mod random;
pub mod refusal;
pub mod sealing;
pub mod seen;
pub mod sockets;
pub mod token;

pub use appengine_actors::rights::{role, scope};
