//! What must hold after every kill, asked of the next server and of the receiver.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use appengine_actors::clock::Timestamp;
use serde_json::{Value, json};

use crate::ledger::{BATCH, Pages};
use crate::support::client::Client;
use crate::support::receiver::{Answer, Received};

/// All that was ever acknowledged is in the log, nothing is in it twice, and no commit is in it by half.
/// What is new is also found by itself.
pub fn events(client: &Client, all: &Pages, new: &Pages) {
    let log = log(client);
    let ids: BTreeSet<&str> = log.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), log.len(), "an id is in the log twice");
    let lost: Vec<_> = all.events.keys().filter(|id| !ids.contains(id.as_str())).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");

    let keys: Vec<&str> = log.iter().filter_map(|event| event["data"]["key"].as_str()).collect();
    let distinct: BTreeSet<&str> = keys.iter().copied().collect();
    assert_eq!(distinct.len(), keys.len(), "an event is there twice, though its idempotency key is one");
    let mut batches: BTreeMap<&str, usize> = BTreeMap::new();
    for key in keys.iter().filter(|key| key.ends_with(&format!("of{BATCH}"))) {
        *batches.entry(key.rsplit_once('-').unwrap().0).or_default() += 1;
    }
    let halves: Vec<_> = batches.iter().filter(|(_, count)| **count != BATCH).collect();
    assert!(halves.is_empty(), "batches of which a part is there: {halves:?}");

    let created = log.iter().filter(|event| event["event"] == "contact.created");
    let created: BTreeSet<&str> = created.map(|event| event["data"]["sk"].as_str().unwrap()).collect();
    let silent: Vec<_> = all.records.keys().filter(|sk| !created.contains(sk.as_str())).collect();
    assert!(silent.is_empty(), "contacts without their event: {silent:?}");

    for (id, (kind, key)) in &new.events {
        let event = client.get(&format!("/events/{id}"), 200).json();
        assert_eq!((&event["event"], &event["data"]["key"]), (&json!(kind), &json!(key)));
    }
}

fn log(client: &Client) -> Vec<Value> {
    let (mut log, mut path) = (Vec::new(), "/events?limit=500".to_owned());
    loop {
        let page = client.get(&path, 200).json();
        log.extend(page["data"].as_array().unwrap().iter().cloned());
        if page["hasNext"] == false {
            return log;
        }
        path = format!("/events?limit=500&after={}", page["next"].as_str().unwrap());
    }
}

/// Every contact is there, as it was sent.
pub fn records(client: &Client, pages: &Pages) {
    for (sk, email) in &pages.records {
        let record = client.get(&format!("/repository/get/contact/{sk}"), 200).json();
        assert_eq!(record["data"]["email"], *email);
    }
}

/// If the process was killed while the job of an event's run was running: how long after `started`, when
/// the next process was started, it was running again.
pub fn taken_up(client: &Client, event: &str, started: Timestamp) -> Option<Duration> {
    let trace = client.get(&format!("/events/{event}/trace"), 200).json();
    let run = &trace["children"][0];
    let mut jobs = run["children"].as_array()?.iter().filter(|child| child["type"] == "job");
    let job = &jobs.next()?["job"];
    if job["interrupted"] == 0 {
        return None;
    }
    let again: Timestamp = job["started"].as_str()?.parse().unwrap();
    Some(again.since(started))
}

/// No delivery is left undone or given up.
pub fn nothing_is_owed(client: &Client) {
    for status in ["pending", "delivering"] {
        let path = format!("/webhooks/deliveries?status={status}");
        client.until(&path, |page| page["data"].as_array()?.is_empty().then_some(()));
    }
    for status in ["failed", "dead", "discarded"] {
        let page = client.get(&format!("/webhooks/deliveries?status={status}"), 200).json();
        assert_eq!(page["data"], json!([]));
    }
}

/// Whether the receiver took it.
pub fn taken(delivery: &Received) -> bool {
    delivery.answer == Answer::Status(200)
}

/// The key of the event that a webhook is about.
pub fn key(delivery: &Received) -> &str {
    delivery.header("x-key")
}

/// One id for each event, over all attempts of all processes; how many there are.
pub fn ids(received: &[Received]) -> usize {
    let mut by_key: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for delivery in received {
        assert_eq!(delivery.json()["data"]["key"], key(delivery));
        by_key.entry(key(delivery)).or_default().insert(delivery.header("webhook-id"));
    }
    let changed: Vec<_> = by_key.iter().filter(|(_, ids)| ids.len() > 1).collect();
    assert!(changed.is_empty(), "events with more than one webhook-id: {changed:?}");
    let ids: BTreeSet<&str> = by_key.values().flatten().copied().collect();
    assert_eq!(ids.len(), by_key.len(), "two events share a webhook-id");
    ids.len()
}

/// Every request for a delivery that was asked for more than once.
pub fn repeated(received: &[Received]) -> Vec<Received> {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for delivery in received {
        *count.entry(delivery.header("webhook-id")).or_default() += 1;
    }
    received.iter().filter(|delivery| count[delivery.header("webhook-id")] > 1).cloned().collect()
}
