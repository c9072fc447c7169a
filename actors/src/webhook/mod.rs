//! Signed delivery of events to the addresses that integrators registered: what is sent, how it is
//! signed and what an answer means. Never opens a connection itself: bytes leave through
//! [`transport::Transport`].

mod actor;
mod attempt;
pub mod body;
pub mod breaker;
pub mod cause;
pub mod counts;
pub mod deliveries;
pub mod delivery;
mod dispatcher;
pub mod endpoint;
pub mod explain;
pub mod failure;
pub mod headers;
pub mod health;
pub mod lines;
pub mod messages;
pub mod outcome;
mod owed;
pub mod pace;
pub mod replay;
mod request;
pub mod resend;
pub mod retry_after;
pub mod secrets;
pub mod send_options;
pub mod settle;
pub mod signature;
pub mod state;
mod target;
pub mod transport;
mod turn;

pub use actor::DestinationActor;
pub use dispatcher::DispatcherActor;
