//! Who answers in a conversation, or where it waits for somebody (contract §5.5, §5.6). Pure: what follows from a step
//! is a new [`Chat`] and a [`Decision`] that says in words why.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::id::{Between, ChatId};
use super::model::{Chat, ChatStatus};
use super::place::Place;
use crate::clock::Timestamp;
use crate::ids::EventId;
use crate::session::person::{Person, Side};

/// Who answers in a conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub enum Handling {
    /// Nobody needs to.
    #[default]
    Nobody,
    /// It waits for somebody.
    Waiting {
        /// For whom.
        place: Place,
        /// Since when: its place among those of the same priority.
        since: Timestamp,
        /// Whether it has waited for so long that somebody was told.
        #[serde(default)]
        missed: bool,
    },
    /// One of the staff does.
    With {
        /// Who.
        agent: Person,
        /// Since when.
        since: Timestamp,
        /// Whether they have said something since.
        answered: bool,
        /// Where it waited before, and waits again if they are gone.
        place: Place,
        /// Since when it waited there.
        waited: Timestamp,
    },
}

impl Handling {
    /// Who answers, if anybody does.
    #[must_use]
    pub const fn agent(&self) -> Option<&Person> {
        match self {
            Self::With { agent, .. } => Some(agent),
            Self::Nobody | Self::Waiting { .. } => None,
        }
    }

    /// Where it waits, if it does.
    #[must_use]
    pub const fn place(&self) -> Option<&Place> {
        match self {
            Self::Waiting { place, .. } => Some(place),
            Self::Nobody | Self::With { .. } => None,
        }
    }
}

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
}

impl Chat {
    /// The conversation once a step is taken; none where that is so already.
    ///
    /// # Errors
    /// When something else was decided first.
    pub fn routed(&self, route: &Route, now: Timestamp) -> Result<Option<Moved>, Outrun> {
        if self.decided == Some(route.id) {
            return Ok(None);
        }
        if route.turn.is_some_and(|turn| turn != self.turn) {
            return Err(Outrun);
        }
        let mut chat = if self.status == ChatStatus::Ended { self.begun_anew(now) } else { self.clone() };
        let (mut known, mut told, waited) = (None, None, self.waited(now));
        chat.handling = match &route.step {
            Step::Wait { place, since, customer, context } => {
                known.clone_from(context);
                if let Some(contact) = customer {
                    chat.contact = Some(contact.clone());
                }
                Handling::Waiting { place: place.clone(), since: since.unwrap_or(now), missed: false }
            }
            Step::Miss { notify } => match &self.handling {
                Handling::Waiting { place, since, missed: false } => {
                    told.clone_from(notify);
                    Handling::Waiting { place: place.clone(), since: *since, missed: true }
                }
                _ => return Ok(None),
            },
            Step::Give { to } if self.handling.agent().is_some_and(|agent| agent.email == to.email) => {
                return Ok(None);
            }
            Step::Give { to } => {
                chat.take_in(to);
                let (place, waited) = waited;
                Handling::With { agent: to.clone(), since: now, answered: false, place, waited }
            }
        };
        let by = route.by.as_ref().map(|person| person.email.clone());
        let decision = chat.decide(route.id, by, route.why.clone(), route.note.clone(), now);
        Ok(Some(Moved { before: self.handling.clone(), chat, decision, context: known, notify: told }))
    }

    /// The conversation once somebody has said something in it: a customer waits for an answer, whoever of the staff
    /// is first takes it on. None where that changes nothing.
    #[must_use]
    pub fn after_word_by(&self, by: &Person, place: &Place, id: EventId, now: Timestamp) -> Option<Moved> {
        if !matches!(self.id.between(), Between::Customer { .. }) {
            return None;
        }
        let (handling, words) = match (by.side, &self.handling) {
            (Side::Customer, Handling::Nobody) => {
                let waiting = Handling::Waiting { place: place.clone(), since: now, missed: false };
                (waiting, format!("{} wrote, and nobody answers yet", by.email))
            }
            (Side::Agent, Handling::Nobody | Handling::Waiting { .. }) => {
                let (place, waited) = self.waited(now);
                let agent = by.clone();
                let with = Handling::With { agent, since: now, answered: true, place, waited };
                (with, format!("{} wrote first", by.email))
            }
            _ => return None,
        };
        let mut chat = Self { handling, ..self.clone() };
        let decision = chat.decide(id, Some(by.email.clone()), words, None, now);
        Some(Moved { before: self.handling.clone(), chat, decision, context: None, notify: None })
    }

    /// The conversation once whoever answers in it has; none where that is known, or it is somebody else.
    #[must_use]
    pub fn answered_by(&self, by: &Person) -> Option<Self> {
        match &self.handling {
            Handling::With { agent, answered: false, .. } if agent.email == by.email => {
                let mut next = self.clone();
                if let Handling::With { answered, .. } = &mut next.handling {
                    *answered = true;
                }
                Some(next)
            }
            _ => None,
        }
    }

    /// The conversation when it has ended, and why that is so; no decision where nobody answered or waited.
    #[must_use]
    pub fn closed(
        &self,
        reason: &str,
        by: Option<&str>,
        id: EventId,
        now: Timestamp,
    ) -> (Self, Option<Moved>) {
        let mut chat = self.ended(reason, now);
        if chat.handling == Handling::Nobody {
            return (chat, None);
        }
        chat.handling = Handling::Nobody;
        let words = format!("it ended: {reason}");
        let decision = chat.decide(id, by.map(str::to_owned), words, None, now);
        let moved = Moved {
            before: self.handling.clone(),
            chat: chat.clone(),
            decision,
            context: None,
            notify: None,
        };
        (chat, Some(moved))
    }

    /// What stands about it; none where nobody need do anything.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        if self.handling == Handling::Nobody {
            return None;
        }
        let (customer_email, customer_name) = self.customer_is();
        Some(Standing {
            chat_id: self.id.clone(),
            turn: self.turn,
            handling: self.handling.clone(),
            customer_email,
            customer_name,
            started: self.started,
            config_id: self.config_id.clone(),
        })
    }

    /// The customer's address and name, as far as they are known.
    #[must_use]
    pub fn customer_is(&self) -> (String, String) {
        let person = self.customer.as_ref().map(|person| (person.email.clone(), person.name.clone()));
        let contact = || self.contact.as_ref().map(|contact| (contact.email.clone(), contact.name.clone()));
        person.or_else(contact).unwrap_or_else(|| {
            let email = match self.id.between() {
                Between::Customer { email, .. } => email,
                Between::Pair(..) | Between::Staff => "",
            };
            (email.to_owned(), email.to_owned())
        })
    }

    /// Whether somebody of the staff hears what is said next: one answers, or it is among themselves.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.handling.agent().is_some() || !matches!(self.id.between(), Between::Customer { .. })
    }

    /// Where it waits or waited, and since when.
    fn waited(&self, now: Timestamp) -> (Place, Timestamp) {
        match &self.handling {
            Handling::Nobody => (Place::default(), now),
            Handling::Waiting { place, since, .. } => (place.clone(), *since),
            Handling::With { place, waited, .. } => (place.clone(), *waited),
        }
    }

    fn decide(
        &mut self,
        id: EventId,
        by: Option<String>,
        words: String,
        note: Option<String>,
        at: Timestamp,
    ) -> Decision {
        self.turn += 1;
        self.decided = Some(id);
        let (agent, place) = (self.handling.agent().map(|agent| agent.email.clone()), self.handling.place());
        let outcome = match &self.handling {
            Handling::Nobody => Outcome::Ended,
            Handling::Waiting { missed: true, .. } => Outcome::Missed,
            Handling::Waiting { .. } => Outcome::Queued,
            Handling::With { .. } => Outcome::Assigned,
        };
        Decision { turn: self.turn, id, at, outcome, words, by, agent, place: place.cloned(), note }
    }
}

#[cfg(test)]
mod tests;
