//! Signed delivery of events to the addresses that integrators registered: what is sent, how it is
//! signed and what an answer means. Never opens a connection itself: bytes leave through
//! [`transport::Transport`].

pub mod delivery;
pub mod failure;
pub mod headers;
pub mod outcome;
pub mod retry_after;
pub mod signature;
pub mod transport;
