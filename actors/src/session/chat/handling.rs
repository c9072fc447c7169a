//! Who answers in a conversation, or where it waits for somebody (contract §5.5, §5.6). Pure: what follows from a step
//! is a new [`Chat`] and a [`Decision`] that says in words why.

use serde::{Deserialize, Serialize};

use super::decision::{Decision, Handover, Moved, Outcome, Outrun, Route, Standing, Step};
use super::id::Between;
use super::model::{Chat, ChatStatus};
use super::place::Place;
use super::reception::{Assistance, Reception};
use crate::clock::Timestamp;
use crate::ids::{EventId, MessageId, RecordId, StreamId};
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
    /// An assistant does, until somebody of the staff takes it on.
    Assisted {
        /// Its record.
        assistant: RecordId,
        /// What it is called.
        title: String,
        /// Since when.
        since: Timestamp,
        /// Answers that it has given.
        answers: u32,
        /// The answer that is under way.
        reply: Option<Reply>,
        /// The latest question that no answer is under way to.
        asked: Option<MessageId>,
        /// Where it waits once it goes to the staff.
        place: Place,
    },
}

/// An assistant's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// The stream that it comes by.
    pub stream: StreamId,
    /// The customer's message that it answers.
    pub to: MessageId,
    /// The message that it becomes.
    pub becomes: MessageId,
}

impl Handling {
    /// Who answers, if anybody does.
    #[must_use]
    pub const fn agent(&self) -> Option<&Person> {
        match self {
            Self::With { agent, .. } => Some(agent),
            Self::Nobody | Self::Waiting { .. } | Self::Assisted { .. } => None,
        }
    }

    /// Where it waits, if it does.
    #[must_use]
    pub const fn place(&self) -> Option<&Place> {
        match self {
            Self::Waiting { place, .. } => Some(place),
            Self::Nobody | Self::With { .. } | Self::Assisted { .. } => None,
        }
    }

    /// The assistant's answer that is under way, if one is.
    #[must_use]
    pub const fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Assisted { reply, .. } => reply.as_ref(),
            Self::Nobody | Self::Waiting { .. } | Self::With { .. } => None,
        }
    }

    /// The question that the assistant is to answer next, once no answer is under way.
    #[must_use]
    pub const fn question(&self) -> Option<MessageId> {
        match self {
            Self::Assisted { asked, reply: None, .. } => *asked,
            _ => None,
        }
    }
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
            // What an assistant's answer comes to is no step of its own.
            Step::Conclude(_) => return Ok(None),
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

    /// The conversation once somebody has said something in it: a customer waits for an answer, or an assistant has one;
    /// whoever of the staff is first takes it on. None where that changes nothing.
    #[must_use]
    pub fn after_word_by(
        &self,
        by: &Person,
        said: &str,
        at: &Reception,
        id: EventId,
        now: Timestamp,
    ) -> Option<Moved> {
        if !matches!(self.id.between(), Between::Customer { .. }) {
            return None;
        }
        let (handling, words) = match (by.side, &self.handling) {
            (Side::Customer, Handling::Nobody) => {
                let waiting = || Handling::Waiting { place: at.place.clone(), since: now, missed: false };
                match at.assistance.as_ref().map(|with| (with, with.hands_over(said, 0))) {
                    Some((with, None)) => {
                        let words = format!("{} wrote, and {} answers first", by.email, with.assistant.title);
                        (self.assisted(with, &at.place, now), words)
                    }
                    Some((_, Some(why))) => (waiting(), why),
                    None => (waiting(), format!("{} wrote, and nobody answers yet", by.email)),
                }
            }
            (Side::Customer, Handling::Assisted { place, answers, .. }) => {
                let why = match &at.assistance {
                    Some(with) => with.hands_over(said, *answers)?,
                    None => "the assistant is not there any more".to_owned(),
                };
                (Handling::Waiting { place: place.clone(), since: now, missed: false }, why)
            }
            (Side::Agent, Handling::Nobody | Handling::Waiting { .. } | Handling::Assisted { .. }) => {
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

    fn assisted(&self, with: &Assistance, place: &Place, now: Timestamp) -> Handling {
        Handling::Assisted {
            assistant: with.id.clone(),
            title: with.assistant.title.clone(),
            since: now,
            answers: 0,
            reply: None,
            asked: None,
            place: place.clone(),
        }
    }

    /// The conversation once an assistant is asked something in it, or answers it; none where no assistant does.
    #[must_use]
    pub fn asked(&self, message: Option<MessageId>, under_way: Option<Reply>) -> Option<Self> {
        let mut next = self.clone();
        let Handling::Assisted { asked, reply, .. } = &mut next.handling else { return None };
        *asked = message;
        if under_way.is_some() {
            *reply = under_way;
        }
        Some(next)
    }

    /// The conversation once an assistant has answered; none where that answer is not under way any more.
    #[must_use]
    pub fn replied(&self, with: &Reply, has_answered: bool) -> Option<Self> {
        let mut next = self.clone();
        match &mut next.handling {
            Handling::Assisted { reply, answers, .. } if reply.as_ref() == Some(with) => {
                *reply = None;
                *answers += u32::from(has_answered);
            }
            _ => return None,
        }
        Some(next)
    }

    /// The conversation once an assistant leaves it to the staff; none where none answers.
    #[must_use]
    pub fn handed_over(&self, handover: &Handover, id: EventId, now: Timestamp) -> Option<Moved> {
        let Handling::Assisted { place, .. } = &self.handling else { return None };
        let skill = handover.skill.clone().or_else(|| place.skill.clone());
        let place = Place { skill, ..place.clone() };
        let handling = Handling::Waiting { place, since: now, missed: false };
        let mut chat = Self { handling, summary: handover.summary.clone(), ..self.clone() };
        let decision = chat.decide(id, None, handover.why.clone(), handover.summary.clone(), now);
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
        (chat.handling, chat.summary) = (Handling::Nobody, None);
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

    /// What stands about it; none where nobody need do anything: not where an assistant waits for its customer.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        match &self.handling {
            Handling::Nobody | Handling::Assisted { reply: None, .. } => return None,
            Handling::Waiting { .. } | Handling::With { .. } | Handling::Assisted { .. } => {}
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
            summary: self.summary.clone(),
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

    /// Who hears what is said next, as the wire says it: the staff also where it is among themselves.
    #[must_use]
    pub fn routed_to(&self) -> &'static str {
        match &self.handling {
            Handling::Assisted { .. } => "assistant",
            Handling::With { .. } => "agent",
            _ if !matches!(self.id.between(), Between::Customer { .. }) => "agent",
            Handling::Nobody | Handling::Waiting { .. } => "queued",
        }
    }

    /// Where it waits or waited, and since when.
    fn waited(&self, now: Timestamp) -> (Place, Timestamp) {
        match &self.handling {
            Handling::Nobody => (Place::default(), now),
            Handling::Waiting { place, since, .. } | Handling::Assisted { place, since, .. } => {
                (place.clone(), *since)
            }
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
            Handling::Assisted { .. } => Outcome::Assisted,
        };
        Decision { turn: self.turn, id, at, outcome, words, by, agent, place: place.cloned(), note }
    }
}

#[cfg(test)]
mod tests;
