//! `kill -9` on the real binary under load, again and again on one data folder: what was acknowledged is
//! there, what was owed arrives. `CRASH_ROUNDS` raises the number of kills.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use appengine_actors::clock::{Clock, SystemClock, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use support::binary::{House, Server};
use support::client::Client;
use support::receiver::{Answer, Received, Receiver};
use support::{ADA, ORG, PATIENCE, standard_webhooks};

const PATH: &str = "/orders";
const MATCHING: &str = "order.paid";
const OTHER: &str = "order.seen";
/// Threads that publish, and threads that create records.
const PUBLISHERS: usize = 3;
const CREATORS: usize = 2;
/// Most acknowledgements of one round before the kill.
const MOST: usize = 160;

/// Everything that a server has acknowledged, in any round.
#[derive(Default)]
struct Ledger {
    pages: Mutex<Pages>,
    grown: Condvar,
}

#[derive(Default, Clone)]
struct Pages {
    /// Kind and own key of each event, by id.
    events: BTreeMap<String, (&'static str, String)>,
    /// E-mail of each contact, by id.
    records: BTreeMap<String, String>,
}

impl Pages {
    fn len(&self) -> usize {
        self.events.len() + self.records.len()
    }

    /// The keys of the events that the flow listens to.
    fn matching(&self) -> BTreeSet<String> {
        let matching = self.events.values().filter(|(kind, _)| *kind == MATCHING);
        matching.map(|(_, key)| key.clone()).collect()
    }

    fn since(&self, before: &Self) -> Self {
        let mut new = self.clone();
        new.events.retain(|id, _| !before.events.contains_key(id));
        new.records.retain(|id, _| !before.records.contains_key(id));
        new
    }
}

impl Ledger {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap()
    }

    fn note(&self, write: impl FnOnce(&mut Pages)) {
        write(&mut self.pages());
        self.grown.notify_all();
    }

    fn wait_until_longer_than(&self, length: usize) {
        let waiting = |pages: &mut Pages| pages.len() <= length;
        let (pages, late) = self.grown.wait_timeout_while(self.pages(), PATIENCE, waiting).unwrap();
        assert!(!late.timed_out(), "only {} acknowledgements, {length} expected", pages.len());
    }
}

/// One server after the other on one folder.
struct Trial {
    house: House,
    receiver: Receiver,
    ledger: Ledger,
    clock: SystemClock,
    token: String,
    /// How long after the start of its process each job that was cut short was running again.
    back: Vec<Duration>,
}

#[test]
fn what_was_acknowledged_survives_kills_under_load() {
    let rounds = std::env::var("CRASH_ROUNDS").map_or(20, |rounds| rounds.parse().unwrap());
    let mut trial = Trial::begin();
    let secret = trial.create_flow();
    for round in 0..rounds {
        trial.round(round);
    }
    trial.finish(rounds, &secret);
}

impl Trial {
    fn begin() -> Self {
        let schedule = json!(vec!["200ms"; 100]).to_string();
        let house = House::new().with("WEBHOOKS__RETRY_SCHEDULE", &schedule).with("LOG__FILTER", "warn");
        let token = house.token(&["--org", ORG, "--email", ADA]);
        let receiver = Receiver::open();
        // Some are refused at first, so that kills meet deliveries that wait for their next attempt.
        let answer = |n: usize| Answer::Status(if n.is_multiple_of(7) { 503 } else { 200 });
        receiver.script(PATH, (0..100_000).map(answer));
        let (ledger, clock) = (Ledger::default(), SystemClock::new());
        Self { house, receiver, ledger, clock, token, back: Vec::new() }
    }

    fn client(&self, server: &Server) -> Client {
        Client::signed(&server.base, ORG, &self.token)
    }

    fn create_flow(&self) -> String {
        let server = self.house.start();
        let config = json!({"url": self.receiver.url(PATH)});
        let flow = json!({
            "name": "Orders", "trigger": {"type": MATCHING},
            "actions": [{"type": "send_webhook", "config": config}],
        });
        let created = self.client(&server).post("/automation/flows/create", &flow, 201).json();
        server.kill();
        created["webhookSecret"].as_str().unwrap().to_owned()
    }

    fn round(&mut self, round: usize) {
        if round % 4 == 3 {
            // Killed while it starts, with all the work of before still to be taken up.
            let server = self.house.launch();
            server.ready_or_after(Duration::from_millis(rand::random_range(0..300)));
            server.kill();
        }
        let before = self.ledger.pages().clone();
        let server = self.house.start();
        std::thread::scope(|scope| {
            for writer in 0..PUBLISHERS {
                let client = self.client(&server);
                scope.spawn(move || publish(&client, &self.ledger, &format!("{round}-{writer}")));
            }
            for writer in 0..CREATORS {
                let client = self.client(&server);
                scope.spawn(move || create(&client, &self.ledger, &format!("{round}-{writer}")));
            }
            self.ledger.wait_until_longer_than(before.len() + rand::random_range(0..MOST));
            server.kill();
        });
        let new = self.ledger.pages().since(&before);
        let missing = self.missing();

        let started = self.clock.now();
        let server = self.house.start();
        let client = self.client(&server);
        self.check_events(&client, &new);
        check_records(&client, &new);
        // Every other time the next kill meets what this one left undone.
        if round % 2 == 0 {
            self.wait_for(&missing);
            let cut_short = new.events.iter().filter(|(_, (_, key))| missing.contains(key));
            for (id, _) in cut_short {
                self.back.extend(taken_up(&client, id, started));
            }
        }
        server.kill();
    }

    /// Matching events that were acknowledged and have not arrived yet.
    fn missing(&self) -> BTreeSet<String> {
        let arrived = keys(&self.receiver.received());
        self.ledger.pages().matching().into_iter().filter(|key| !arrived.contains(key)).collect()
    }

    fn wait_for(&self, missing: &BTreeSet<String>) {
        let what = format!("all of {} webhooks", missing.len());
        self.receiver.wait(&what, |received| missing.is_subset(&keys(received)).then_some(()));
    }

    /// All events are in the log, once; those of the last round are also found by themselves.
    fn check_events(&self, client: &Client, new: &Pages) {
        let mut listed = BTreeSet::new();
        let mut path = "/events?limit=500".to_owned();
        loop {
            let page = client.get(&path, 200).json();
            for event in page["data"].as_array().unwrap() {
                let id = event["id"].as_str().unwrap().to_owned();
                assert!(listed.insert(id), "listed twice: {event}");
            }
            if page["hasNext"] == false {
                break;
            }
            path = format!("/events?limit=500&after={}", page["next"].as_str().unwrap());
        }
        let lost: Vec<_> =
            self.ledger.pages().events.keys().filter(|id| !listed.contains(*id)).cloned().collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        for (id, (kind, key)) in &new.events {
            let event = client.get(&format!("/events/{id}"), 200).json();
            assert_eq!((&event["event"], &event["data"]["key"]), (&json!(kind), &json!(key)));
        }
    }

    fn finish(&self, rounds: usize, secret: &str) {
        let server = self.house.start();
        let client = self.client(&server);
        let pages = self.ledger.pages().clone();
        self.check_events(&client, &pages);
        check_records(&client, &pages);
        self.wait_for(&pages.matching());
        for status in ["pending", "delivering"] {
            let path = format!("/webhooks/deliveries?status={status}");
            client.until(&path, |page| page["data"].as_array()?.is_empty().then_some(()));
        }
        for status in ["failed", "dead", "discarded"] {
            let page = client.get(&format!("/webhooks/deliveries?status={status}"), 200).json();
            assert_eq!(page["data"], json!([]));
        }
        server.stop();

        let received = self.receiver.received();
        let refused = received.len().div_ceil(7);
        let ids = check_ids(&received);
        let repeats: Vec<Received> = repeated(&received).into_iter().take(40).collect();
        standard_webhooks::verify(secret, &repeats);
        let back = self.back.iter().max().copied().unwrap_or_default();
        // Not by a macro that the test runner would keep to itself.
        let said = writeln!(
            std::io::stderr(),
            "crash: {rounds} kills under load; {} events and {} records acknowledged, none lost; {ids} webhooks in {} \
             requests, {refused} refused by the receiver, {} beyond that; {} jobs were cut short, all running again \
             within {} ms of the start",
            pages.events.len(),
            pages.records.len(),
            received.len(),
            received.len() - ids - refused.min(received.len() - ids),
            self.back.len(),
            back.as_millis(),
        );
        said.unwrap();
    }
}

/// Publishes until the server is gone: alone and in batches, what the flow listens to and what it does not.
fn publish(client: &Client, ledger: &Ledger, writer: &str) {
    for number in 0.. {
        let count = if number % 5 == 4 { 3 } else { 1 };
        let events: Vec<(&str, String)> = (0..count)
            .map(|part| {
                (
                    if part == 0 && number % 3 == 2 { OTHER } else { MATCHING },
                    format!("{writer}-{number}-{part}"),
                )
            })
            .collect();
        let bodies: Vec<Value> =
            events.iter().map(|(kind, key)| json!({"event": kind, "data": {"key": key}})).collect();
        let (path, body) = if count == 1 {
            ("/events", bodies[0].clone())
        } else {
            ("/events/batch", json!({"events": bodies}))
        };
        let Ok(reply) = client.call(Method::POST, path, Some(&body)) else { return };
        assert_eq!(reply.status, 202, "{}", reply.text);
        let reply = reply.json();
        let ids =
            if count == 1 { vec![reply["id"].clone()] } else { reply["ids"].as_array().unwrap().clone() };
        assert_eq!(ids.len(), count);
        ledger.note(|pages| {
            for (id, event) in ids.iter().zip(events) {
                pages.events.insert(id.as_str().unwrap().to_owned(), event);
            }
        });
    }
}

/// Creates contacts until the server is gone.
fn create(client: &Client, ledger: &Ledger, writer: &str) {
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

fn check_records(client: &Client, pages: &Pages) {
    for (sk, email) in &pages.records {
        let record = client.get(&format!("/repository/get/contact/{sk}"), 200).json();
        assert_eq!(record["data"]["email"], *email);
    }
}

/// If the process was killed while the job of an event's run was running: when the next one, started at
/// `started`, had it running again.
fn taken_up(client: &Client, event: &str, started: Timestamp) -> Option<Duration> {
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

fn keys(received: &[Received]) -> BTreeSet<String> {
    received.iter().map(key).collect()
}

fn key(delivery: &Received) -> String {
    delivery.json()["data"]["key"].as_str().unwrap().to_owned()
}

/// One id for each event, over all attempts of all processes; how many there are.
fn check_ids(received: &[Received]) -> usize {
    let mut by_key: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for delivery in received {
        by_key.entry(key(delivery)).or_default().insert(delivery.header("webhook-id"));
    }
    let changed: Vec<_> = by_key.iter().filter(|(_, ids)| ids.len() > 1).collect();
    assert!(changed.is_empty(), "events with more than one webhook-id: {changed:?}");
    let ids: BTreeSet<&str> = by_key.values().flatten().copied().collect();
    assert_eq!(ids.len(), by_key.len(), "two events share a webhook-id");
    ids.len()
}

/// Every request for a delivery that was asked for more than once.
fn repeated(received: &[Received]) -> Vec<Received> {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for delivery in received {
        *count.entry(delivery.header("webhook-id")).or_default() += 1;
    }
    received.iter().filter(|delivery| count[delivery.header("webhook-id")] > 1).cloned().collect()
}
