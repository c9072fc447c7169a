//! What is decided about who answers in a conversation: steps that are to be taken, decisions with the words that say why,
//! and what then stands for those who give conversations to the staff.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::handling::{Handling, Reply};
use super::id::ChatId;
use super::model::Chat;
use super::place::Place;
use crate::clock::Timestamp;
use crate::ids::EventId;
use crate::session::person::Person;

/// A customer, as whoever puts them in a queue says who they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    /// The address.
    pub email: String,
    /// The name to show.
    pub name: String,
}

/// Has a conversation wait, or be answered by somebody.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// Made by whoever asks, so that asking twice does it once.
    pub id: EventId,
    /// The turn on which that was decided: it is not done when another came first.
    pub turn: Option<u64>,
    /// What is to be.
    pub step: Step,
    /// Who wants it; none for the server.
    pub by: Option<Person>,
    /// Why, in words.
    pub why: String,
    /// What whoever wants it says to the next one.
    pub note: Option<String>,
}

/// What is to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// It waits.
    Wait {
        /// For whom.
        place: Place,
        /// Since when, where it keeps its place.
        since: Option<Timestamp>,
        /// Who the customer is, where nobody has said anything yet.
        customer: Option<Contact>,
        /// What else is known, for whoever answers.
        context: Option<Value>,
    },
    /// Somebody answers.
    Give {
        /// Who.
        to: Person,
    },
    /// It has waited for too long.
    Miss {
        /// Who is sent a mail about it.
        notify: Option<String>,
    },
    /// The assistant has answered, or has not.
    Conclude(Conclusion),
}

/// What an assistant's answer has come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Conclusion {
    /// The answer.
    pub reply: Reply,
    /// What it said; may be empty.
    pub text: String,
    /// What comes of it.
    pub then: Then,
}

/// What comes of an assistant's answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Then {
    /// The customer has the word.
    Listen,
    /// A restart has cut it: it is asked for once more.
    Again,
    /// The staff goes on.
    HandOver(Handover),
}

/// An assistant's conversation goes to the staff.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Handover {
    /// Why, in words.
    pub why: String,
    /// What whoever answers is to know; from what was said where nothing is given.
    pub summary: Option<String>,
    /// What whoever answers must know.
    pub skill: Option<String>,
}

/// What was decided about a conversation, and why. Kept with it, numbered from 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Its number.
    pub turn: u64,
    /// Which step it was.
    pub id: EventId,
    /// When.
    pub at: Timestamp,
    /// What it came to.
    pub outcome: Outcome,
    /// Why, in words: who was chosen, who was not.
    pub words: String,
    /// Who wanted it; none for the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// To whom it went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Where it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What was said to the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What a decision came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It waits.
    Queued,
    /// Somebody answers.
    Assigned,
    /// An assistant answers.
    Assisted,
    /// It waits, for longer than it should.
    Missed,
    /// It is over.
    Ended,
}

/// Something else was decided first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("route the chat: somebody else was quicker; look at it again")]
pub struct Outrun;

/// What a step, or a word, does to a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    /// Who answered before.
    pub before: Handling,
    /// The conversation now.
    pub chat: Chat,
    /// Why.
    pub decision: Decision,
    /// What else is known, for whoever answers.
    pub context: Option<Value>,
    /// Who is sent a mail about it.
    pub notify: Option<String>,
}

/// What stands about a conversation that waits or is answered, for whoever gives conversations to the staff.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// The conversation.
    pub chat_id: ChatId,
    /// The number of the latest decision.
    pub turn: u64,
    /// Who answers.
    pub handling: Handling,
    /// The customer's address.
    pub customer_email: String,
    /// The customer's name.
    pub customer_name: String,
    /// When it began.
    pub started: Timestamp,
    /// The configuration of the widget that it came by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_id: Option<String>,
    /// What was said with an assistant, for whoever answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}
