//! `kill -9` on the real binary under load, again and again on one data folder: what was acknowledged is
//! there, what was owed arrives. `CRASH_ROUNDS` raises the number of kills.

#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

mod support;

#[path = "crash/checks.rs"]
mod checks;
#[path = "crash/ledger.rs"]
mod ledger;

use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

use appengine_actors::clock::{Clock, SystemClock};
use ledger::{Ledger, MATCHING, Pages, create, publish};
use serde_json::json;
use support::binary::{House, Server};
use support::client::Client;
use support::receiver::{Answer, Receiver};
use support::{ADA, ORG, standard_webhooks};

const PATH: &str = "/orders";
/// Threads that publish, and threads that create contacts.
const PUBLISHERS: usize = 3;
const CREATORS: usize = 2;
/// Most acknowledgements of one round before the kill.
const MOST: usize = 160;
/// The receiver refuses one request of so many, so that kills meet deliveries that wait to be tried again.
const REFUSED: usize = 7;

/// One server after the other on one folder.
struct Trial {
    house: House,
    receiver: Receiver,
    ledger: Ledger,
    clock: SystemClock,
    token: String,
    /// What was looked for, and found, after earlier kills.
    checked: Pages,
    /// What the last kill left undone.
    owed: Owed,
    /// How long after the start of its process each job that was cut short was running again.
    back: Vec<Duration>,
    /// How long each start took until it said that it serves, after a kill.
    ready: Vec<Duration>,
}

/// Webhooks that have not arrived, though their events were acknowledged.
#[derive(Default)]
struct Owed {
    /// The keys of those events.
    keys: BTreeSet<String>,
    /// Requests that the receiver had had by then.
    received: usize,
}

#[test]
fn what_was_acknowledged_survives_kills_under_load() {
    let rounds = std::env::var("CRASH_ROUNDS").map_or(20, |rounds| rounds.parse().unwrap());
    // At the end would be late to find that they are missing.
    standard_webhooks::installed();
    let mut trial = Trial::begin();
    let secret = trial.create_flow();
    for round in 0..rounds {
        trial.round(round);
    }
    trial.finish(rounds, &secret);
}

impl Trial {
    fn begin() -> Self {
        let schedule = json!(vec!["200ms"; 50]).to_string();
        let house = House::new().with("WEBHOOKS__RETRY_SCHEDULE", &schedule).with("LOG__FILTER", "warn");
        let token = house.token(&["--org", ORG, "--email", ADA]);
        let receiver = Receiver::open();
        let answer = |n: usize| Answer::Status(if n.is_multiple_of(REFUSED) { 503 } else { 200 });
        receiver.script(PATH, (0..100_000).map(answer));
        let (ledger, clock, checked) = (Ledger::default(), SystemClock::new(), Pages::default());
        let (owed, back, ready) = (Owed::default(), Vec::new(), Vec::new());
        Self { house, receiver, ledger, clock, token, checked, owed, back, ready }
    }

    fn client(&self, server: &Server) -> Client {
        Client::signed(&server.base, ORG, &self.token)
    }

    fn create_flow(&self) -> String {
        let server = self.house.start();
        let config = json!({"url": self.receiver.url(PATH), "headers": {"X-Key": "{{key}}"}});
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
        let started = self.clock.now();
        let since = self.clock.elapsed();
        let server = self.house.start();
        self.ready.push(self.clock.elapsed().saturating_sub(since));
        let client = self.client(&server);
        self.ledger.make_sure(&client);
        let all = self.ledger.pages().clone();
        let new = all.since(&self.checked);
        checks::events(&client, &all, &new);
        checks::records(&client, &new);
        // Every other time the next kill meets what the last one left undone.
        if round.is_multiple_of(2) {
            self.wait_for(&self.owed);
            let cut_short = new.events.iter().filter(|(_, (_, key))| self.owed.keys.contains(key));
            self.back.extend(cut_short.filter_map(|(id, _)| checks::taken_up(&client, id, started)));
        }
        self.checked = all;
        self.load_and_kill(server, round);
        self.owed = self.owed();
    }

    /// Lets everybody write until some more is acknowledged, and kills the server.
    fn load_and_kill(&self, server: Server, round: usize) {
        let ledger = &self.ledger;
        let length = ledger.pages().len() + rand::random_range(0..MOST);
        std::thread::scope(|scope| {
            for writer in 0..PUBLISHERS {
                let client = self.client(&server);
                scope.spawn(move || publish(&client, ledger, &format!("{round}-{writer}")));
            }
            for writer in 0..CREATORS {
                let client = self.client(&server);
                scope.spawn(move || create(&client, ledger, &format!("{round}-{writer}")));
            }
            ledger.wait_until_longer_than(length);
            server.kill();
        });
    }

    fn owed(&self) -> Owed {
        let received = self.receiver.received();
        let arrived = received.iter().filter(|delivery| checks::taken(delivery)).map(checks::key);
        let arrived: BTreeSet<&str> = arrived.collect();
        let mut keys = self.ledger.pages().matching();
        keys.retain(|key| !arrived.contains(key.as_str()));
        Owed { keys, received: received.len() }
    }

    fn wait_for(&self, owed: &Owed) {
        let what = format!("all of {} webhooks", owed.keys.len());
        self.receiver.wait(&what, |received| {
            let new = received[owed.received..].iter().filter(|delivery| checks::taken(delivery));
            let new: BTreeSet<&str> = new.map(checks::key).filter(|key| owed.keys.contains(*key)).collect();
            (new.len() == owed.keys.len()).then_some(())
        });
    }

    fn finish(&self, rounds: usize, secret: &str) {
        let server = self.house.start();
        let client = self.client(&server);
        let all = self.ledger.pages().clone();
        checks::events(&client, &all, &all);
        checks::records(&client, &all);
        self.wait_for(&self.owed());
        checks::nothing_is_owed(&client);
        server.stop();

        let received = self.receiver.received();
        let refused = received.iter().filter(|delivery| !checks::taken(delivery)).count();
        let ids = checks::ids(&received);
        // The library believes nothing that is older than five minutes; a long run has such.
        let (now, fresh) = (self.receiver.now(), Duration::from_secs(240));
        let repeated = checks::repeated(&received).into_iter().filter(|delivery| now - delivery.at < fresh);
        standard_webhooks::verify(secret, &repeated.take(40).collect::<Vec<_>>());
        let back = self.back.iter().max().copied().unwrap_or_default();
        let slowest = self.ready.iter().max().copied().unwrap_or_default();
        let average = self.ready.iter().sum::<Duration>() / u32::try_from(self.ready.len().max(1)).unwrap();
        // Not by a macro, whose words the test runner would keep to itself.
        let said = writeln!(
            std::io::stderr(),
            "crash: {rounds} kills under load; {} events and {} records acknowledged, none lost; {ids} webhooks \
             in {} requests: {refused} refused by the receiver, {} repeats beyond that; {} jobs cut short, all \
             running again within {} ms of the start; a start after a kill served after {} ms on average, {} ms \
             at most",
            all.events.len(),
            all.records.len(),
            received.len(),
            received.len() - ids - refused,
            self.back.len(),
            back.as_millis(),
            average.as_millis(),
            slowest.as_millis(),
        );
        said.unwrap();
    }
}
