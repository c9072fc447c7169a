//! What a conversation of a community hears.

use std::sync::Arc;

use actix::Message as ActixMessage;

use super::wish::{Done, Refusal, Wish};
use crate::bus::change::ChangeError;
use crate::session::line::Busy;
use crate::session::person::Person;
pub use crate::session::replay::Replayed;
use crate::session::seat::{Seat, SeatId};
use crate::store::StoreError;

/// Why something was not done in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TalkError {
    /// It may not be.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Too much waits for the disk.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// It could not be written.
    #[error("change the conversation: {0}")]
    Change(#[from] ChangeError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Something is wanted. Answered once it is on the disk, and told to everybody; the same wish again is done once.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "Result<Done, TalkError>")]
pub struct Want(pub Wish);

/// Has a client of somebody who takes part hear the conversation from now on, and what it has missed before.
#[derive(Clone, ActixMessage)]
#[rtype(result = "Result<Replayed, TalkError>")]
pub struct Attach {
    /// Who.
    pub by: Person,
    /// The client.
    pub seat: Arc<dyn Seat>,
    /// The number of what it has heard last; none for a client that has nothing and wants nothing repeated.
    pub since: Option<u64>,
    /// Leave a client alone that hears it already.
    pub unless_there: bool,
}

/// Somebody writes, or has stopped; told to the others, and kept nowhere.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "Result<(), TalkError>")]
pub struct Typing {
    /// Who.
    pub by: Person,
    /// Whether they write.
    pub is_typing: bool,
    /// The client that says so.
    pub seat: SeatId,
}
