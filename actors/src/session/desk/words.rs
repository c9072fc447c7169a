//! What a desk tells customers and the staff (contract §5.4).

use std::time::Duration;

use serde_json::{Value, json};

use super::agent::Agent;
use super::state::Position;
use crate::session::chat::decision::Standing;
use crate::session::chat::handling::Handling;
use crate::session::person::Person;
use crate::session::seat::Frame;
use crate::store::StoreError;

/// Where a customer stands, at first and every so often.
///
/// # Errors
/// As [`Frame::of`].
pub fn position(
    event: &'static str,
    standing: &Standing,
    at: &Position,
    offline: Option<&str>,
) -> Result<Frame, StoreError> {
    let mut told = told_position(standing, at);
    let message = offline.map_or_else(|| line_words(at), str::to_owned);
    if let Some(fields) = told.as_object_mut() {
        fields.insert("message".to_owned(), Value::from(message));
        fields.insert("offline".to_owned(), Value::from(offline.is_some()));
    }
    Frame::of(event, &told)
}

/// The same, without words.
#[must_use]
pub fn told_position(standing: &Standing, at: &Position) -> Value {
    let mut told = json!({
        "chatId": standing.chat_id, "queue": at.queue, "position": at.position, "ahead": at.position - 1,
    });
    if let (Some(estimate), Some(fields)) = (at.estimate, told.as_object_mut()) {
        fields.insert("estimatedWaitSeconds".to_owned(), Value::from(estimate.as_secs()));
    }
    told
}

fn line_words(at: &Position) -> String {
    let minutes = |estimate: Duration| estimate.as_secs().div_ceil(60);
    match at.estimate.map(minutes) {
        None => format!("You're #{} in line.", at.position),
        Some(1) => format!("You're #{} in line, about a minute.", at.position),
        Some(minutes) => format!("You're #{} in line, about {minutes} minutes.", at.position),
    }
}

/// A conversation that waits, for the staff.
///
/// # Errors
/// As [`Frame::of`].
pub fn queued(standing: &Standing, at: &Position) -> Result<Frame, StoreError> {
    Frame::of("queue-notification", &entry(standing, at))
}

/// An entry of a queue, as the staff sees it.
#[must_use]
pub fn entry(standing: &Standing, at: &Position) -> Value {
    let mut told = told_position(standing, at);
    let (place, since) = match &standing.handling {
        Handling::Waiting { place, since, .. } => (Some(place), Some(*since)),
        Handling::Nobody | Handling::With { .. } | Handling::Assisted { .. } => (None, None),
    };
    if let Some(fields) = told.as_object_mut() {
        fields.extend([
            ("customerEmail".to_owned(), Value::from(standing.customer_email.clone())),
            ("customerName".to_owned(), Value::from(standing.customer_name.clone())),
            ("skill".to_owned(), json!(place.and_then(|place| place.skill.as_ref()))),
            ("priority".to_owned(), json!(place.map(|place| place.priority))),
            ("enqueuedAt".to_owned(), json!(since)),
            ("summary".to_owned(), json!(standing.summary)),
        ]);
    }
    told
}

/// Somebody of the staff is something else now, for everybody.
///
/// # Errors
/// As [`Frame::of`].
pub fn agent(agent: &Agent) -> Result<Frame, StoreError> {
    let Agent { person, online, .. } = agent;
    let told = json!({
        "email": person.email, "name": person.name, "role": "agent", "status": agent.shown(), "online": online,
    });
    Frame::of("presence-change", &told)
}

/// A customer came or went, for the staff.
///
/// # Errors
/// As [`Frame::of`].
pub fn customer(person: &Person, online: bool) -> Result<Frame, StoreError> {
    let status = if online { "online" } else { "offline" };
    let told = json!({
        "email": person.email, "name": person.name, "role": "customer", "status": status, "online": online,
        "guest": person.guest,
    });
    Frame::of("presence-change", &told)
}
