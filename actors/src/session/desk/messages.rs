//! What a desk hears, and what it answers.

use std::time::Duration;

use actix::Message as ActixMessage;
use serde_json::Value;

use super::agent::{Agent, Status};
use super::state::Position;
use crate::ids::IdError;
use crate::session::chat::Chat;
use crate::session::chat::ChatId;
use crate::session::chat::decision::{Contact, Standing};
use crate::session::chat::messages::ChatError;
use crate::session::chat::place::Place;
use crate::session::person::Person;
use crate::store::StoreError;
use crate::supervision::AskError;

/// Why a desk did not do something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeskError {
    /// Whoever is meant is not here.
    #[error(
        "give the chat to {0}: no client of theirs is connected; transfer it to a queue, or to somebody who is here"
    )]
    NotHere(String),
    /// It is no customer's conversation, or somebody may not.
    #[error("route the chat {0}: it is no customer's")]
    NoCustomer(ChatId),
    /// A customer waits already.
    #[error("route the chat: {0}")]
    Unfit(String),
    /// The conversation did not do it.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A name broke its rule.
    #[error(transparent)]
    Name(#[from] IdError),
    /// An actor did not answer.
    #[error(transparent)]
    Unreachable(#[from] AskError),
}

/// Takes the next conversation that waits. None where none does.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "Result<Option<Chat>, DeskError>")]
pub struct PickNext {
    /// Who.
    pub by: Person,
    /// From one queue only.
    pub queue: Option<String>,
    /// Those that need this only.
    pub skill: Option<String>,
}

/// Answers in a conversation from now on, whoever did before.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "Result<Chat, DeskError>")]
pub struct Takeover {
    /// Who.
    pub by: Person,
    /// In which.
    pub chat: ChatId,
}

/// Hands a conversation on.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "Result<Chat, DeskError>")]
pub struct Transfer {
    /// Who wants it.
    pub by: Person,
    /// Which.
    pub chat: ChatId,
    /// To whom.
    pub to: Target,
    /// What the next one is to know.
    pub note: Option<String>,
}

/// To whom a conversation is handed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Somebody, by their address.
    Agent(String),
    /// Whoever answers in a queue, or has a skill.
    Queue {
        /// The queue, where another one is meant.
        queue: Option<String>,
        /// The skill.
        skill: Option<String>,
    },
}

/// Has a conversation wait.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "Result<(Chat, Option<Position>), DeskError>")]
pub struct Enqueue {
    /// Who wants it.
    pub by: Option<Person>,
    /// Which.
    pub chat: ChatId,
    /// Where.
    pub place: Place,
    /// Who the customer is.
    pub customer: Contact,
    /// What else is known.
    pub context: Option<Value>,
}

/// Says what somebody of the staff is.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "Result<Agent, DeskError>")]
pub struct SetStatus {
    /// Who is meant.
    pub who: Person,
    /// What they are.
    pub status: Status,
}

/// Those that wait, in one queue or in all.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "Vec<(Standing, Position)>")]
pub struct GetWaiting(pub Option<String>);

/// Where a conversation stands; none where it does not wait.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "Option<(Standing, Option<Position>)>")]
pub struct GetStanding(pub ChatId);

/// Those of the staff that the desk knows.
#[derive(Debug, Clone, Copy, ActixMessage)]
#[rtype(result = "Vec<Agent>")]
pub struct GetAgents;

/// How somebody of the staff is, also one that the desk has not met.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "Result<Agent, DeskError>")]
pub struct GetAgent(pub Person);

/// How many wait, and how long it takes.
#[derive(Debug, Clone, Copy, ActixMessage)]
#[rtype(result = "Figures")]
pub struct GetFigures;

/// Figures of a desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// Conversations that wait.
    pub waiting: usize,
    /// Conversations that are answered.
    pub active: usize,
    /// Those of the staff who take conversations.
    pub available: usize,
    /// How long one takes, on average.
    pub handle_time: Duration,
}
