//! `kill -9` on the real binary while schedules are due, again and again on one data folder: each time of each
//! schedule happens once. `CRASH_ROUNDS` raises the number of kills.

#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

mod support;

use std::collections::BTreeMap;

use appengine_actors::clock::{Clock, SystemClock, Timestamp};
use serde_json::{Value, json};
use support::PATIENCE;
use support::binary::House;
use support::client::Client;

/// Schedules, each due every second.
const SCHEDULES: usize = 25;

/// The times that each schedule has happened for, in the order of the log.
fn happened(client: &Client) -> BTreeMap<String, Vec<Timestamp>> {
    let mut found: BTreeMap<String, Vec<Timestamp>> = BTreeMap::new();
    let mut after = String::new();
    loop {
        let page = client.get(&format!("/events?kind=tick&limit=500{after}"), 200).json();
        for event in page["data"].as_array().unwrap() {
            let data = &event["data"];
            let at = data["scheduledAt"].as_str().unwrap().parse().unwrap();
            assert_eq!(data["missed"], 0, "all are made up for: {event}");
            found.entry(data["scheduleId"].as_str().unwrap().to_owned()).or_default().push(at);
        }
        match &page["next"] {
            Value::String(next) if page["hasNext"] == true => after = format!("&after={next}"),
            _ => return found,
        }
    }
}

fn count(client: &Client) -> usize {
    happened(client).values().map(Vec::len).sum()
}

/// Waits until so many more have happened.
fn until_more(client: &Client, more: usize) {
    let (clock, wanted) = (SystemClock::new(), count(client) + more);
    while count(client) < wanted {
        assert!(clock.elapsed() < PATIENCE, "it did not come to {wanted}");
    }
}

#[test]
fn each_time_of_each_schedule_happens_once_through_kills() {
    let rounds = std::env::var("CRASH_ROUNDS").map_or(6, |rounds| rounds.parse().unwrap());
    let house = House::new().with("LOG__FILTER", "warn").with("LIMITS__REQUESTS_PER_MINUTE", "1000000");
    let mut server = house.start();
    let mut client = house.owner(&server);
    let tick = json!({"type": "event", "event": "tick"});
    for n in 0..SCHEDULES {
        let body = json!({"name": format!("s{n}"), "every": "1s", "missed": "all", "missedLimit": 1000, "action": tick});
        client.post("/schedules", &body, 201);
    }
    for round in 0..rounds {
        // In the middle of what is due together: another one each time.
        until_more(&client, 1 + round * 7 % SCHEDULES);
        server.kill();
        server = house.start();
        client = house.owner(&server);
    }
    until_more(&client, 2 * SCHEDULES);
    let happened = happened(&client);
    assert_eq!(happened.len(), SCHEDULES);
    for (id, times) in happened {
        let row = client.get(&format!("/schedules/{id}"), 200).json();
        assert_eq!((&row["lastError"], &row["leftOut"]), (&Value::Null, &json!(0)), "{row}");
        let anchor: Timestamp = row["anchor"].as_str().unwrap().parse().unwrap();
        let expected: Vec<u64> = (1..=times.len() as u64).map(|n| anchor.as_millis() + n * 1_000).collect();
        let times: Vec<u64> = times.iter().map(|at| at.as_millis()).collect();
        assert_eq!(times, expected, "{id}: in their order, none twice, none missing");
    }
}
