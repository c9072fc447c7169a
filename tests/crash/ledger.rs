//! What was acknowledged, and those who write it down: threads that publish events and create contacts
//! until the server is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex, MutexGuard};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::client::Client;

/// The kind of event that the flow listens to.
pub const MATCHING: &str = "order.paid";
const OTHER: &str = "order.seen";
/// Events in a batch.
pub const BATCH: usize = 3;

/// Everything that a server has acknowledged, in any round.
#[derive(Default)]
pub struct Ledger {
    pages: Mutex<Pages>,
    grown: Condvar,
}

#[derive(Default, Clone)]
pub struct Pages {
    /// Kind and own key of each event, by id.
    pub events: BTreeMap<String, (&'static str, String)>,
    /// E-mail of each contact, by id.
    pub records: BTreeMap<String, String>,
    /// What was sent when a server died: it may have been taken, or not.
    pub unsure: Vec<Sent>,
}

/// A request that publishes events, alone or as a batch, under a key of its own.
#[derive(Clone)]
pub struct Sent {
    events: Vec<(&'static str, String)>,
}

impl Pages {
    pub fn len(&self) -> usize {
        self.events.len() + self.records.len()
    }

    /// The keys of the events that the flow listens to.
    pub fn matching(&self) -> BTreeSet<String> {
        let matching = self.events.values().filter(|(kind, _)| *kind == MATCHING);
        matching.map(|(_, key)| key.clone()).collect()
    }

    /// What is new since then.
    pub fn since(&self, before: &Self) -> Self {
        let mut new = self.clone();
        new.events.retain(|id, _| !before.events.contains_key(id));
        new.records.retain(|id, _| !before.records.contains_key(id));
        new
    }
}

impl Ledger {
    pub fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap()
    }

    fn note(&self, write: impl FnOnce(&mut Pages)) {
        write(&mut self.pages());
        self.grown.notify_all();
    }

    pub fn wait_until_longer_than(&self, length: usize) {
        let waiting = |pages: &mut Pages| pages.len() <= length;
        let (pages, late) = self.grown.wait_timeout_while(self.pages(), PATIENCE, waiting).unwrap();
        assert!(!late.timed_out(), "only {} acknowledgements, {length} expected", pages.len());
    }

    /// Sends once more what a dead server may have taken.
    pub fn make_sure(&self, client: &Client) {
        let unsure = std::mem::take(&mut self.pages().unsure);
        for sent in unsure {
            assert!(sent.publish(client, self), "the server is gone");
        }
    }
}

impl Sent {
    /// Whether it was acknowledged; if the server died over it, that is noted.
    fn publish(self, client: &Client, ledger: &Ledger) -> bool {
        let bodies = self.events.iter().map(|(kind, key)| json!({"event": kind, "data": {"key": key}}));
        let mut bodies: Vec<Value> = bodies.collect();
        let (path, mut body) = match bodies.len() {
            1 => ("/events", bodies.remove(0)),
            _ => ("/events/batch", json!({"events": bodies})),
        };
        body["idempotencyKey"] = json!(self.events[0].1);
        let Ok(reply) = client.call(Method::POST, path, Some(&body)) else {
            ledger.note(|pages| pages.unsure.push(self));
            return false;
        };
        assert_eq!(reply.status, 202, "{}", reply.text);
        let reply = reply.json();
        let ids = reply["ids"].as_array().cloned().unwrap_or_else(|| vec![reply["id"].clone()]);
        assert_eq!(ids.len(), self.events.len());
        ledger.note(|pages| {
            for (id, event) in ids.iter().zip(self.events) {
                pages.events.insert(id.as_str().unwrap().to_owned(), event);
            }
        });
        true
    }
}

/// Publishes until the server is gone: alone and in batches, what the flow listens to and what it does not.
pub fn publish(client: &Client, ledger: &Ledger, writer: &str) {
    for number in 0.. {
        let count = if number % 5 == 4 { BATCH } else { 1 };
        let kind = |part| if part == 0 && number % 3 == 2 { OTHER } else { MATCHING };
        let event = |part| (kind(part), format!("{writer}-{number}-{part}of{count}"));
        let sent = Sent { events: (0..count).map(event).collect() };
        if !sent.publish(client, ledger) {
            return;
        }
    }
}

/// Creates contacts until the server is gone.
pub fn create(client: &Client, ledger: &Ledger, writer: &str) {
    for number in 0.. {
        let email = format!("{writer}-{number}@example.com");
        let body = json!({"data": {"email": email}});
        let Ok(reply) = client.call(Method::POST, "/repository/create/contact", Some(&body)) else { return };
        assert_eq!(reply.status, 201, "{}", reply.text);
        let sk = reply.json()["sk"].as_str().unwrap().to_owned();
        ledger.note(|pages| {
            pages.records.insert(sk, email);
        });
    }
}
