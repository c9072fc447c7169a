//! Signed delivery of events to the addresses that integrators registered: what is sent, how it is
//! signed and what an answer means. Never opens a connection itself: bytes leave through
//! [`transport::Transport`].

mod actor;
mod attempt;
pub mod body;
pub mod counts;
pub mod deliveries;
pub mod delivery;
pub mod failure;
pub mod headers;
pub mod messages;
pub mod outcome;
pub mod retry_after;
pub mod secrets;
pub mod send_options;
pub mod signature;
pub mod state;
pub mod transport;

pub use actor::{DestinationActor, DispatcherActor};
