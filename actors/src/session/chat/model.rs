//! A conversation, as it is stored.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::decision::Contact;
use super::handling::Handling;
use super::id::ChatId;
use crate::clock::Timestamp;
use crate::ids::{EventId, OrgId};
use crate::session::person::{Address, Person, Side};

/// People of the staff who take part in one conversation at most; those who came first make room.
const MOST_STAFF: usize = 50;

/// Where a conversation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatStatus {
    /// It goes on.
    Open,
    /// It is over, until somebody says something.
    Ended,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Chat {
    /// Its id.
    pub id: ChatId,
    /// Whose it is.
    pub org_id: OrgId,
    /// Where it stands.
    pub status: ChatStatus,
    /// The customer, where it is one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Person>,
    /// Those of the staff who take part: whoever said something in it, or answers in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub staff: Vec<Person>,
    /// Who the customer is, where somebody else has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// The configuration of the widget that it came by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_id: Option<String>,
    /// Who answers in it.
    #[serde(default)]
    pub handling: Handling,
    /// What was said with an assistant, for whoever of the staff answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The number of the latest decision about that.
    #[serde(default)]
    pub turn: u64,
    /// Which step that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<EventId>,
    /// When it began, the last time it did.
    pub started: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Chat {
    /// One that begins.
    #[must_use]
    pub const fn new(id: ChatId, org_id: OrgId, now: Timestamp) -> Self {
        Self {
            id,
            org_id,
            status: ChatStatus::Open,
            customer: None,
            staff: Vec::new(),
            contact: None,
            config_id: None,
            handling: Handling::Nobody,
            summary: None,
            turn: 0,
            decided: None,
            started: now,
            ended: None,
            reason: None,
        }
    }

    /// The conversation once somebody has said something in it; none where that changes nothing.
    #[must_use]
    pub fn after_word(&self, of: Option<&Person>, config_id: Option<&str>, now: Timestamp) -> Option<Self> {
        let is_known = of.is_none_or(|person| self.has(person));
        let is_by_it = config_id.is_none_or(|config_id| self.config_id.as_deref() == Some(config_id));
        if self.status == ChatStatus::Open && is_known && is_by_it {
            return None;
        }
        let mut next = if self.status == ChatStatus::Ended { self.begun_anew(now) } else { self.clone() };
        match of {
            Some(person) if person.side == Side::Customer => next.customer = Some(person.clone()),
            Some(person) => next.take_in(person),
            None => {}
        }
        if let Some(config_id) = config_id {
            next.config_id = Some(config_id.to_owned());
        }
        Some(next)
    }

    /// Whether anybody takes part yet, or was said to: not where an assistant has only greeted.
    #[must_use]
    pub const fn has_begun(&self) -> bool {
        self.customer.is_some() || !self.staff.is_empty() || self.contact.is_some() || self.turn > 0
    }

    /// The conversation as it goes on after an end.
    pub(super) fn begun_anew(&self, now: Timestamp) -> Self {
        Self { status: ChatStatus::Open, started: now, ended: None, reason: None, ..self.clone() }
    }

    /// Whether it is known that somebody takes part.
    fn has(&self, person: &Person) -> bool {
        match person.side {
            Side::Customer => self.customer.as_ref() == Some(person),
            Side::Agent => self.staff.iter().any(|known| known.email == person.email),
        }
    }

    /// Has somebody of the staff take part.
    pub(super) fn take_in(&mut self, person: &Person) {
        if !self.has(person) {
            self.staff.push(person.clone());
            let more = self.staff.len().saturating_sub(MOST_STAFF);
            self.staff.drain(..more);
        }
    }

    /// The conversation when it has ended.
    #[must_use]
    pub fn ended(&self, reason: &str, now: Timestamp) -> Self {
        let (ended, reason) = (Some(now), Some(reason.to_owned()));
        Self { status: ChatStatus::Ended, staff: Vec::new(), ended, reason, ..self.clone() }
    }

    /// Those who hear it without asking.
    #[must_use]
    pub fn hearers(&self) -> Vec<Address> {
        let mut hearers = self.id.parties(&self.org_id);
        let staff = self.staff.iter().map(|person| person.address(&self.org_id));
        hearers.extend(staff.filter(|address| !hearers.contains(address)).collect::<Vec<_>>());
        hearers
    }

    /// The conversation as events tell of it.
    #[must_use]
    pub fn told(&self) -> Value {
        let (email, name) = self.customer_is();
        let agent = self.handling.agent().map(|agent| json!({"email": agent.email, "name": agent.name}));
        let assistant = match &self.handling {
            Handling::Assisted { assistant, title, .. } => Some(json!({"id": assistant, "title": title})),
            _ => None,
        };
        json!({
            "chatId": self.id, "status": self.status, "configId": self.config_id, "startedAt": self.started,
            "customerEmail": email, "customerName": name, "agent": agent, "assistant": assistant,
            "endedAt": self.ended, "reason": self.reason,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::RecordId;

    fn person(side: Side, email: &str) -> Person {
        let id = RecordId::new("p-1").unwrap();
        Person { side, id, email: email.into(), name: email.into(), guest: false }
    }

    #[test]
    fn whoever_speaks_takes_part_until_it_ends() {
        let at = Timestamp::from_millis;
        let (ann, bob) = (person(Side::Customer, "ann@x.io"), person(Side::Agent, "bob@x.io"));
        let org = OrgId::new("o").unwrap();
        let chat = Chat::new(ChatId::of_customer(&ann), org, at(1));
        let chat = chat.after_word(Some(&ann), Some("cfg"), at(2)).unwrap();
        let chat = chat.after_word(Some(&bob), None, at(3)).unwrap();
        assert_eq!(chat.after_word(Some(&bob), Some("cfg"), at(4)), None, "nothing new");
        let hearers: Vec<String> = chat.hearers().iter().map(|address| address.as_str().to_owned()).collect();
        assert_eq!(hearers, ["o:customer:ann@x.io", "o:agent:bob@x.io"]);
        let ended = chat.ended("customer_closed", at(5));
        assert_eq!((ended.status, ended.hearers().len()), (ChatStatus::Ended, 1));
        let again = ended.after_word(Some(&ann), None, at(6)).unwrap();
        assert_eq!((again.status, again.started, again.ended), (ChatStatus::Open, at(6), None));
    }

    #[test]
    fn the_staff_of_one_conversation_is_bounded() {
        let (ann, org) = (person(Side::Customer, "ann@x.io"), OrgId::new("o").unwrap());
        let mut chat = Chat::new(ChatId::of_customer(&ann), org, Timestamp::default());
        for n in 0..=MOST_STAFF {
            let agent = person(Side::Agent, &format!("{n}@x.io"));
            chat = chat.after_word(Some(&agent), None, Timestamp::default()).unwrap();
        }
        assert_eq!((chat.staff.len(), chat.staff[0].email.as_str()), (MOST_STAFF, "1@x.io"));
    }
}
