//! The log of events page by page, and the tree of what came of an event.

use std::time::Duration;

use appengine_actors::bus::change::Change;
use appengine_actors::event::EventKind;
use appengine_actors::ids::OrgId;
use appengine_actors::log::{EventLog, Place};
use appengine_actors::store::StoreError;
use appengine_actors::testkit::probe::quiet;
use appengine_actors::testkit::{Answer, TestHouse};
use appengine_actors::trace::{Trace, TraceNode, Traces};
use serde_json::{Value, json};

fn log(house: &TestHouse) -> EventLog {
    EventLog::new(house.house().store.clone())
}

/// All events of a list, read in pages of this size.
async fn read(house: &TestHouse, kind: Option<&str>, newest_first: bool, size: usize) -> Vec<u64> {
    let kind = kind.map(|kind| EventKind::new(kind).unwrap());
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = log(house).page(&house.org, kind.as_ref(), after, newest_first, size).await.unwrap();
        assert!(page.events.len() == size || !page.more);
        found.extend(page.events.iter().map(|event| event.data["n"].as_u64().unwrap()));
        // What a client gets is text.
        after = page.last.map(|last| last.to_string().parse::<Place>().unwrap()).or(after);
        if !page.more {
            return found;
        }
    }
}

#[actix::test]
async fn the_log_is_read_in_order_in_both_directions_whatever_the_size_of_a_page() {
    let house = TestHouse::start();
    // Many within one commit and many within one millisecond.
    for first in [0, 10, 20] {
        let mut change = Change::default();
        let draft = |n: u64| {
            house.draft(if n.is_multiple_of(2) { "order.even" } else { "order.odd" }, json!({"n": n}))
        };
        change.events.extend((first..first + 10).map(draft));
        house.machine.publisher.commit(house.org.clone(), change).await.unwrap();
    }
    let all: Vec<u64> = (0..30).collect();
    let even: Vec<u64> = all.iter().copied().filter(|n| n.is_multiple_of(2)).collect();
    let reversed = |list: &[u64]| list.iter().rev().copied().collect::<Vec<_>>();
    for size in [1, 3, 10, 29, 30, 31] {
        assert_eq!(read(&house, None, false, size).await, all, "{size}");
        assert_eq!(read(&house, None, true, size).await, reversed(&all), "{size}");
        assert_eq!(read(&house, Some("order.even"), false, size).await, even, "{size}");
        assert_eq!(read(&house, Some("order.even"), true, size).await, reversed(&even), "{size}");
    }
    assert_eq!(read(&house, Some("order.none"), false, 5).await, [0_u64; 0]);
}

#[actix::test]
async fn who_follows_the_log_by_cursor_misses_nothing_that_comes_meanwhile() {
    let house = TestHouse::start();
    let (mut seen, mut after) = (Vec::new(), None);
    for n in 0..20 {
        if n % 3 == 0 {
            // The clock of the machine goes back; the log does not.
            let now = appengine_actors::clock::Clock::now(&house.setup.clock).as_millis();
            house.setup.clock.set_now(appengine_actors::clock::Timestamp::from_millis(now - 5_000));
        }
        house.try_publish("order.paid", json!({"n": n})).await.unwrap();
        let page = log(&house).page(&house.org, None, after, false, 2).await.unwrap();
        seen.extend(page.events.iter().map(|event| event.data["n"].as_u64().unwrap()));
        after = page.last.or(after);
    }
    assert_eq!(seen, (0..20).collect::<Vec<_>>());
}

#[actix::test]
async fn events_are_read_by_their_own_organisation_alone() {
    let house = TestHouse::start();
    let id = house.publish("order.paid", json!({})).await;
    let foreign = OrgId::new("my-org0").unwrap();
    assert!(log(&house).get(&house.org, id).await.unwrap().is_some());
    assert_eq!(log(&house).get(&foreign, id).await.unwrap(), None);
    assert!(log(&house).page(&foreign, None, None, false, 10).await.unwrap().events.is_empty());
    let traces = Traces::new(house.house().store.clone());
    assert!(traces.of(&foreign, id).await.unwrap().is_none());
}

/// The tree as words: what each node is, and its children in brackets.
fn shape(node: &TraceNode) -> String {
    let body = serde_json::to_value(&node.body).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |items: &Value, key: &str| {
        let items = items.as_array().into_iter().flatten();
        items.map(|item| item[key].to_string().replace('"', "")).collect::<Vec<_>>().join("+")
    };
    let word = match body["type"].as_str().unwrap() {
        "event" => text(&body["event"]["event"]),
        "run" => format!("run:{}:{}", list(&body["steps"], "stepId"), text(&body["run"]["status"])),
        "job" => format!("job:{}:{}", text(&body["job"]["queue"]), text(&body["job"]["state"])),
        "delivery" => format!(
            "delivery:{}:{}",
            list(&body["attempts"], "statusCode"),
            text(&body["delivery"]["status"])
        ),
        other => panic!("{other}"),
    };
    let mut children: Vec<_> = node.children.iter().map(shape).collect();
    children.sort();
    if children.is_empty() { word } else { format!("{word}[{}]", children.join(", ")) }
}

async fn trace(house: &TestHouse, id: appengine_actors::ids::EventId) -> Trace {
    let traces = Traces::new(house.house().store.clone());
    traces.of(&house.org, id).await.unwrap().unwrap()
}

#[actix::test]
async fn a_trace_shows_all_that_came_of_an_event() {
    let house = TestHouse::start();
    house.transport().next("https://r.example", [Answer::Status(500)]);
    let pause = json!({"type": "delay", "config": {"duration": 1, "unit": "seconds"}});
    let hook = json!({"type": "send_webhook", "config": {"url": "https://r.example/"}});
    let task = json!({"type": "create_data", "config": {"datatype": "task", "data": {}}});
    house.short_flow("order.paid", json!([task, pause, hook])).await;
    let watch = json!({"type": "database_change", "config": {"datatype": "task"}});
    let note = json!({"type": "create_data", "config": {"datatype": "note", "data": {}}});
    house.flow(json!({"name": "w", "trigger": watch, "actions": [note]})).await;
    let id = house.publish("order.paid", json!({})).await;
    house.advance(Duration::from_secs(1)).await;
    house.advance(Duration::from_secs(7)).await;
    let trace = trace(&house, id).await;
    let watched = "collection-create[job:automation-trigger:completed, \
        run:step-1:completed[collection-create, job:automation:completed, note.created]]";
    let expected = format!(
        "order.paid[run:step-1+step-2+step-3:completed[{watched}, delivery:500+200:delivered, \
         job:automation:completed, job:schedule:completed, task.created]]"
    );
    assert_eq!(shape(&trace.root), expected);
    assert!(!trace.truncated);
}

#[actix::test]
async fn a_trace_shows_jobs_that_failed_and_runs_that_were_cut() {
    let house = TestHouse::start();
    let echo = json!([{"type": "create_data", "config": {"datatype": "ping", "data": {}}}]);
    let settings = json!({"circularPrevention": {"maxDepth": 1}});
    house
        .flow(
            json!({"name": "e", "trigger": {"type": "ping.created"}, "actions": echo, "settings": settings}),
        )
        .await;
    let ping = house.create("ping", json!({})).await;
    quiet().await;
    let kind = EventKind::new("ping.created").unwrap();
    let events = log(&house).page(&house.org, Some(&kind), None, false, 1).await.unwrap().events;
    assert_eq!(events[0].data["sk"], json!(ping.sk));
    let tree = shape(&trace(&house, events[0].id).await.root);
    let cut = "ping.created[run::cancelled]";
    assert_eq!(
        tree,
        format!("ping.created[run:step-1:completed[collection-create, job:automation:completed, {cut}]]")
    );
}

#[actix::test]
async fn a_trace_that_is_too_large_is_cut_and_says_so() {
    let house = TestHouse::start();
    let actions: Vec<_> =
        (0..40).map(|_| json!({"type": "create_data", "config": {"datatype": "ping", "data": {}}})).collect();
    let settings = json!({"circularPrevention": {"maxDepth": 2}});
    house.flow(json!({"name": "e", "trigger": {"type": "ping.created"}, "actions": actions, "settings": settings})).await;
    house.create("ping", json!({})).await;
    for _ in 0..40 {
        quiet().await;
    }
    let kind = EventKind::new("ping.created").unwrap();
    let first = log(&house).page(&house.org, Some(&kind), None, false, 1).await.unwrap().events.remove(0);
    let trace = trace(&house, first.id).await;
    assert!(trace.truncated);
    let text = serde_json::to_string(&trace).unwrap();
    assert!(text.matches("\"children\"").count() <= 1_000);
}

#[actix::test]
async fn a_trace_out_of_a_store_that_fails_is_an_error_not_half_a_tree() {
    let house = TestHouse::start();
    let id = house.publish("order.paid", json!({})).await;
    let away = StoreError::Unavailable("the disk is away".into());
    house.store().fail_next_reads(&appengine_actors::keys::event(&house.org, id), 1, &away);
    let traces = Traces::new(house.house().store.clone());
    assert_eq!(traces.of(&house.org, id).await.unwrap_err(), away);
}
