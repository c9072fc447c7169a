//! The real binary, ended at every named point on an event's way, again and again on one data folder: whatever had
//! been done and whatever had not, the next process takes it up where it stood. `FAILPOINT_ROUNDS` goes through the
//! points more often.

#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

mod support;

#[path = "failpoints/checks.rs"]
mod checks;

use std::io::Write;

use appengine_actors::failpoint;
use checks::Story;
use reqwest::Method;
use serde_json::{Value, json};
use support::binary::{House, Server};
use support::client::Client;
use support::receiver::{Answer, Receiver};
use support::{ADA, ORG};

const PATH: &str = "/orders";
const KIND: &str = "order.paid";
/// Events are about so many things, and keep their order within each.
const KEYS: usize = 4;
/// The receiver refuses one request of so many.
const REFUSED: usize = 9;
/// Events of one process that lives on.
const EVENTS: usize = 60;

/// The points that a process of this test passes: those of the carrying of tables are passed by the store's own test,
/// and those of uploads by that of files.
fn points() -> impl Iterator<Item = &'static str> {
    failpoint::ALL.into_iter().filter(|point| !point.starts_with("carry.") && !point.starts_with("file."))
}

#[test]
fn a_process_that_ends_at_any_point_is_taken_up_by_the_next() {
    let rounds: u64 = std::env::var("FAILPOINT_ROUNDS").map_or(2, |rounds| rounds.parse().unwrap());
    let house = House::new().with("LOG__FILTER", "warn").with("WEBHOOKS__JITTER", "0.0");
    let token = house.token(&["--org", ORG, "--email", ADA]);
    let receiver = Receiver::open();
    let answer = |n: usize| Answer::Status(if n.is_multiple_of(REFUSED) { 503 } else { 200 });
    receiver.script(PATH, (1..100_000).map(answer));
    let mut story = Story::default();
    begin(&Client::signed(&house.start().base, ORG, &token), &receiver);
    let mut kills = 0;
    for round in 0..rounds {
        for point in points() {
            // Soon, and in the middle of much that is under way.
            let nth = if round % 2 == 0 { 1 + round } else { rand::random_range(5..60) };
            let server = house.launch_with("APPENGINE_FAILPOINT", &format!("{point}:{nth}"));
            kills += usize::from(write_until_it_ends(server, &token, &mut story));
        }
    }
    let server = house.start();
    let client = Client::signed(&server.base, ORG, &token);
    story.make_sure(&client);
    let set_aside = checks::take_up_what_was_set_aside(&client);
    checks::all(&client, &receiver, &story);
    let repeats = checks::repeats(&receiver);
    assert!(kills >= points().count(), "only {kills} processes ended at their point");
    // Each process had a few requests under way when it ended: those may come again, and no others.
    assert!(repeats <= kills * KEYS, "{repeats} repeats after {kills} ends");
    let said = writeln!(
        std::io::stderr(),
        "failpoints: {kills} ends at {} points; {} events acknowledged, none lost; {repeats} webhooks came again, \
         {set_aside} jobs were set aside",
        points().count(),
        story.acknowledged(),
    );
    said.unwrap();
    server.stop();
}

/// A deployment: the server is told to stop in the middle of its work, and another one goes on.
#[test]
fn restarts_in_good_order_lose_and_repeat_nothing() {
    let house = House::new().with("LOG__FILTER", "warn").with("WEBHOOKS__JITTER", "0.0");
    let token = house.token(&["--org", ORG, "--email", ADA]);
    let receiver = Receiver::open();
    let mut story = Story::default();
    begin(&Client::signed(&house.start().base, ORG, &token), &receiver);
    for _ in 0..6 {
        let server = house.start();
        let client = Client::signed(&server.base, ORG, &token);
        story.make_sure(&client);
        let enough = story.acknowledged() + 40;
        while story.publish(&client) {
            if story.acknowledged() == enough {
                server.terminate();
            }
        }
        let ended = server.wait();
        assert!(ended.status.success(), "{:?}: {}", ended.status, ended.err);
    }
    let server = house.start();
    let client = Client::signed(&server.base, ORG, &token);
    story.make_sure(&client);
    checks::all(&client, &receiver, &story);
    assert_eq!(checks::repeats(&receiver), 0);
    let interrupted = checks::interrupted(&client);
    assert_eq!(interrupted, 0, "a job was cut short");
    server.stop();
}

/// An endpoint in order by key, and a flow that writes a note for each event.
fn begin(client: &Client, receiver: &Receiver) {
    let pauses = vec![0.05; 60];
    let endpoint = json!({
        "url": receiver.url(PATH), "events": [KIND], "fifo": "key", "fifoKey": "data.k", "retrySchedule": pauses,
    });
    client.post("/webhooks/endpoints", &endpoint, 201);
    let note = json!({"datatype": "note", "data": {"of": "{{id}}"}});
    let flow = json!({
        "name": "Notes", "trigger": {"type": KIND}, "actions": [{"type": "create_data", "config": note}],
    });
    client.post("/automation/flows/create", &flow, 201);
}

/// Publishes, one event after the other, until the process ends or enough is acknowledged; whether it ended by itself.
fn write_until_it_ends(server: Server, token: &str, story: &mut Story) -> bool {
    let Some(server) = server.ready_or_ended() else { return true };
    let client = Client::signed(&server.base, ORG, token);
    if !story.try_to_make_sure(&client) {
        return server.wait_killed();
    }
    for _ in 0..EVENTS {
        if !story.publish(&client) {
            return server.wait_killed();
        }
    }
    // What it does by itself may come to the point still.
    let idle = |client: &Client| client.call(Method::GET, "/webhooks/deliveries?status=pending", None);
    while let Ok(answer) = idle(&client) {
        let page: Value = answer.json();
        if page["data"].as_array().is_none_or(Vec::is_empty) {
            server.kill();
            return false;
        }
    }
    server.wait_killed()
}
