//! Triggers: which events start which flows, and what a run then knows (contract §4.5, §14).
//! Here is the table of the built-in ones and how clients may spell them; `rule` decides, `index` finds.

mod contact;
mod index;
mod rule;
pub mod scheduled;
mod variables;

use serde_json::Value;

use crate::event::EventKind;
use crate::event::pattern::key_of;
use crate::form::problem::Problem;
use crate::form::quoted;
pub use index::{Armed, TriggerIndex};
pub(super) use rule::Compiled;
pub use variables::variables;

/// The trigger for any event: `config.event` names one, or those below a word (`order.*`), or all (`*`).
pub const EVENT: &str = "event";

/// A type of trigger.
#[derive(Debug)]
pub struct BuiltIn {
    /// Its canonical name.
    pub kind: &'static str,
    /// The events that it listens to.
    pub listens: &'static [&'static str],
    shape: Shape,
}

/// What a type asks for in its config and adds to the variables of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Contact,
    Email,
    Appointment,
    Page,
    Tagged,
    Change,
    Event,
    Scheduled,
    Plain,
}

/// Every trigger that can be used.
pub const BUILT_IN: [BuiltIn; 12] = [
    BuiltIn {
        kind: "contact_created",
        listens: &["contact.created", "contact.imported", "contact.registered", "customer.created"],
        shape: Shape::Contact,
    },
    BuiltIn {
        kind: "contact_tagged",
        listens: &["contact.tagged", "contact.tag_added", "tag.assigned", "tag.added"],
        shape: Shape::Tagged,
    },
    BuiltIn {
        kind: "email_opened",
        listens: &["email.opened", "email.open", "email_tracking.open"],
        shape: Shape::Email,
    },
    BuiltIn {
        kind: "email_clicked",
        listens: &["email.clicked", "email.link_clicked", "email_tracking.click"],
        shape: Shape::Email,
    },
    BuiltIn {
        kind: "appointment_booked",
        listens: &["appointment.booked", "calendar.appointment_created", "booking.created"],
        shape: Shape::Appointment,
    },
    BuiltIn {
        kind: "page_visited",
        listens: &["page.visited", "website.page_view", "tracking.page_visit"],
        shape: Shape::Page,
    },
    BuiltIn {
        kind: "database_change",
        listens: &["collection-create", "collection-update", "collection-delete"],
        shape: Shape::Change,
    },
    BuiltIn { kind: "call_incoming", listens: &["call.incoming", "call.inbound"], shape: Shape::Plain },
    BuiltIn { kind: "call_missed", listens: &["call.missed"], shape: Shape::Plain },
    BuiltIn { kind: "sms_received", listens: &["sms.received"], shape: Shape::Plain },
    BuiltIn { kind: EVENT, listens: &[], shape: Shape::Event },
    // Nothing that happens fires it: time does.
    BuiltIn { kind: scheduled::KIND, listens: &[], shape: Shape::Scheduled },
];

/// Other spellings of the trigger by time.
const SCHEDULED: [&str; 3] = ["scheduled", "schedule", "cron_trigger"];

/// Why a text is no trigger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TriggerError {
    /// Neither a trigger nor an event.
    #[error(
        "is `{found}`; expected one of {}, or the name of an event such as `order.paid`, `order.*` or `*`",
        quoted(BUILT_IN.iter().map(|trigger| trigger.kind))
    )]
    Unknown {
        /// What was given.
        found: String,
    },
}

/// The type that a client's spelling stands for, and the events it names where that type is [`EVENT`].
/// A dotted name that a built-in type listens to is that type (contract §13.3); any other is an event.
///
/// # Errors
/// It is no type and no event.
pub fn resolve(text: &str) -> Result<(&'static str, Option<&str>), TriggerError> {
    if SCHEDULED.contains(&text) {
        return Ok((scheduled::KIND, None));
    }
    let dotted = text.contains('.');
    let named = |trigger: &&BuiltIn| trigger.kind == text || (dotted && trigger.listens.contains(&text));
    if let Some(trigger) = BUILT_IN.iter().find(named) {
        return Ok((trigger.kind, None));
    }
    // A bare word is more likely a misspelled type than an event; `config.event` can still name it.
    let is_event = text == "*" || dotted || text.contains('-');
    match key_of(text) {
        Some(_) if is_event => Ok((EVENT, Some(text))),
        _ => Err(TriggerError::Unknown { found: text.to_owned() }),
    }
}

/// A compiled query: what the `filter` of a trigger is.
pub trait Filter: Sized {
    /// Reads a query.
    ///
    /// # Errors
    /// Everything wrong with it, at paths within the query.
    fn compile(query: &Value) -> Result<Self, Vec<Problem>>;

    /// Whether it matches a document.
    fn matches(&self, document: &Value) -> bool;
}

/// The trigger that listens to an event.
fn listener(kind: &EventKind) -> Option<&'static BuiltIn> {
    BUILT_IN.iter().find(|trigger| trigger.listens.contains(&kind.as_str()))
}

fn built_in(kind: &str) -> Option<&'static BuiltIn> {
    BUILT_IN.iter().find(|trigger| trigger.kind == kind)
}

#[cfg(test)]
pub(super) mod tests;
