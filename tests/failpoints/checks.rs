//! What was published, and what must hold of it in the end.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::receiver::{Answer, Received, Receiver};
use crate::{KEYS, KIND, PATH};

/// What was published, in its order.
#[derive(Default)]
pub struct Story {
    /// The ids of what was acknowledged, by number.
    acknowledged: BTreeMap<usize, String>,
    next: usize,
    /// Sent when a process ended: taken or not.
    unsure: Option<usize>,
}

impl Story {
    pub fn acknowledged(&self) -> usize {
        self.acknowledged.len()
    }

    /// Publishes the next event; whether it was acknowledged.
    pub fn publish(&mut self, client: &Client) -> bool {
        let n = self.next;
        self.next += 1;
        self.send(client, n)
    }

    /// Sends once more what an ended process may have taken; whether it was acknowledged.
    pub fn try_to_make_sure(&mut self, client: &Client) -> bool {
        self.unsure.take().is_none_or(|n| self.send(client, n))
    }

    pub fn make_sure(&mut self, client: &Client) {
        assert!(self.try_to_make_sure(client), "the server is gone");
    }

    fn send(&mut self, client: &Client, n: usize) -> bool {
        let body = json!({
            "event": KIND, "data": {"k": n % KEYS, "n": n, "id": format!("n-{n}")}, "idempotencyKey": format!("n-{n}"),
        });
        let Ok(reply) = client.call(Method::POST, "/events", Some(&body)) else {
            self.unsure = Some(n);
            return false;
        };
        assert_eq!(reply.status, 202, "{}", reply.text);
        self.acknowledged.insert(n, reply.json()["id"].as_str().unwrap().to_owned());
        true
    }
}

/// Has those jobs tried again that stood under way at one end too many, as an operator would; how many they were.
/// Nothing else may have been given up.
pub fn take_up_what_was_set_aside(client: &Client) -> u64 {
    no_job_is_under_way(client);
    let failed = client.get("/monitoring/queues/automation/jobs?state=failed", 200).json();
    let failed = failed["data"].as_array().unwrap();
    for job in failed {
        assert_eq!(job["failedReason"], "poisonous", "{job:#}");
    }
    let again = client.post("/monitoring/queues/automation/retry-failed", &json!({}), 200).json();
    assert_eq!((&again["count"], &again["more"]), (&json!(failed.len()), &json!(false)));
    again["count"].as_u64().unwrap()
}

/// All invariants, once nothing is under way any more.
pub fn all(client: &Client, receiver: &Receiver, story: &Story) {
    nothing_is_under_way(client);
    each_event_is_there_once(client, story);
    each_event_was_delivered_in_its_order(receiver, story);
    each_delivery_has_its_attempts(client, story);
    each_event_has_one_note(client, story);
    counts_are_what_is_there(client);
}

fn nothing_is_under_way(client: &Client) {
    let empty = |page: &Value| page["data"].as_array()?.is_empty().then_some(());
    client.until("/webhooks/deliveries?status=pending", empty);
    client.until("/automation/executions?status=running", empty);
    client.until("/automation/executions?status=pending", empty);
    no_job_is_under_way(client);
}

fn no_job_is_under_way(client: &Client) {
    let empty = |page: &Value| page["data"].as_array()?.is_empty().then_some(());
    for state in ["waiting", "active", "delayed"] {
        client.until(&format!("/monitoring/queues/automation/jobs?state={state}"), empty);
    }
}

fn each_event_is_there_once(client: &Client, story: &Story) {
    let log = pages(client, &format!("/events?kind={KIND}&limit=500"));
    let numbers: Vec<usize> = log.iter().map(|event| number(&event["data"])).collect();
    let distinct: BTreeSet<usize> = numbers.iter().copied().collect();
    assert_eq!(distinct.len(), numbers.len(), "an event is there twice");
    assert_eq!(distinct, story.acknowledged.keys().copied().collect(), "acknowledged, and there");
    assert!(numbers.is_sorted(), "the log keeps the order of the answers");
}

fn pages(client: &Client, first: &str) -> Vec<Value> {
    let (mut all, mut path) = (Vec::new(), first.to_owned());
    loop {
        let page = client.get(&path, 200).json();
        all.extend(page["data"].as_array().unwrap().iter().cloned());
        if page["hasNext"] == false {
            return all;
        }
        path = format!("{first}&after={}", page["next"].as_str().unwrap());
    }
}

fn number(data: &Value) -> usize {
    data["n"].as_u64().unwrap().try_into().unwrap()
}

fn taken(receiver: &Receiver) -> Vec<Received> {
    let received = receiver.received().into_iter();
    received.filter(|request| request.path == PATH && request.answer == Answer::Status(200)).collect()
}

fn each_event_was_delivered_in_its_order(receiver: &Receiver, story: &Story) {
    let mut by_key: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for request in taken(receiver) {
        let n = number(&request.json()["data"]);
        by_key.entry(n % KEYS).or_default().push(n);
    }
    for (key, mut told) in by_key {
        assert!(told.is_sorted(), "key {key} was told out of order: {told:?}");
        told.dedup();
        let expected: Vec<usize> = story.acknowledged.keys().copied().filter(|n| n % KEYS == key).collect();
        assert_eq!(told, expected, "key {key}");
    }
}

fn each_delivery_has_its_attempts(client: &Client, story: &Story) {
    for id in story.acknowledged.values() {
        let rows = client.get(&format!("/webhooks/deliveries?eventId={id}"), 200).json();
        let rows = rows["data"].as_array().unwrap().clone();
        assert_eq!(rows.len(), 1, "deliveries of {id}: {rows:?}");
        assert_eq!(rows[0]["status"], "delivered");
        let delivery =
            client.get(&format!("/webhooks/deliveries/{}", rows[0]["id"].as_str().unwrap()), 200).json();
        let numbers: Vec<&Value> =
            delivery["attemptLog"].as_array().unwrap().iter().map(|attempt| &attempt["number"]).collect();
        let attempts = usize::try_from(delivery["attempts"].as_u64().unwrap()).unwrap();
        assert_eq!(numbers, (1..=attempts).map(|n| json!(n)).collect::<Vec<_>>().iter().collect::<Vec<_>>());
        assert!(attempts >= 1);
    }
}

fn each_event_has_one_note(client: &Client, story: &Story) {
    let find = json!({"query": {}, "options": {"pageSize": 1_000}});
    let mut of: Vec<String> = Vec::new();
    for page in 1.. {
        let mut find = find.clone();
        find["options"]["page"] = json!(page);
        let found = client.post("/repository/find/note", &find, 200).json();
        let rows = found["data"].as_array().unwrap();
        of.extend(rows.iter().map(|note| note["data"]["of"].as_str().unwrap().to_owned()));
        if rows.len() < 1_000 {
            break;
        }
    }
    of.sort();
    let mut expected: Vec<String> = story.acknowledged.keys().map(|n| format!("n-{n}")).collect();
    expected.sort();
    assert_eq!(of, expected, "one note for each event");
}

fn counts_are_what_is_there(client: &Client) {
    let queues = client.get("/monitoring/queues", 200).json();
    for queue in queues["queues"].as_array().unwrap() {
        let name = queue["name"].as_str().unwrap();
        for state in ["waiting", "active", "delayed", "completed", "failed"] {
            let mut there = 0;
            for page in 1.. {
                let path = format!("/monitoring/queues/{name}/jobs?state={state}&page={page}");
                let jobs = client.get(&path, 200).json();
                there += jobs["data"].as_array().unwrap().len();
                if jobs["hasNext"] == false {
                    break;
                }
            }
            assert_eq!(json!(there), queue[state], "{name}: {state}");
        }
    }
}

/// Requests that the receiver took although it had taken the same webhook before.
pub fn repeats(receiver: &Receiver) -> usize {
    let taken = taken(receiver);
    let distinct: BTreeSet<&str> = taken.iter().map(|request| request.header("webhook-id")).collect();
    taken.len() - distinct.len()
}

/// How many jobs were cut short.
pub fn interrupted(client: &Client) -> usize {
    let mut cut = 0;
    for page in 1.. {
        let path = format!("/monitoring/queues/automation/jobs?state=completed&page={page}");
        let jobs = client.get(&path, 200).json();
        cut += jobs["data"].as_array().unwrap().iter().filter(|job| job["interrupted"] != 0).count();
        if jobs["hasNext"] == false {
            break;
        }
    }
    cut
}
