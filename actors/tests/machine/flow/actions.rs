//! Each action that writes data, end to end: the event, the run, the record.

use std::time::Duration;

use appengine_actors::event::{Cause, EventKind};
use appengine_actors::flow::run::{RunStatus, StepStatus};
use appengine_actors::ids::RecordId;
use appengine_actors::log::EventLog;
use appengine_actors::testkit::TestHouse;
use appengine_actors::testkit::probe::{quiet, until};
use serde_json::{Value, json};

/// Runs one action for a new contact; answers the contact's id and how its run ended.
async fn run(house: &TestHouse, kind: &str, config: Value) -> (RecordId, Result<Value, String>) {
    let flow = house.short_flow("contact.created", json!([{"type": kind, "config": config}])).await;
    let data = json!({"email": "ada@example.com", "name": "Ada", "tags": ["old"], "score": 3});
    let contact = house.create("contact", data).await;
    let (run, mut steps) = house.ended_run(&flow).await;
    let step = steps.remove(0);
    assert!(steps.is_empty(), "it was tried more than once");
    let outcome = match run.status {
        RunStatus::Completed => Ok(step.output),
        _ => Err(step.error.unwrap()),
    };
    (contact.sk, outcome)
}

#[actix::test]
async fn create_data_makes_a_record_and_its_events_know_why() {
    let house = TestHouse::start();
    let data =
        json!({"title": "Call {{contact.name}}", "for": "{{contact.id}}", "score": "{{contact.score}}"});
    let (contact, done) = run(&house, "create_data", json!({"datatype": "task", "data": data})).await;
    let task = house.records("task").await.remove(0);
    assert_eq!(Value::Object(task.data.clone()), json!({"title": "Call Ada", "for": contact, "score": 3}));
    assert_eq!(done.unwrap(), json!({"recordId": task.sk, "datatype": "task"}));
    assert!(task.author.as_ref().unwrap().starts_with("automation:automation-"));
    let log = EventLog::new(house.house().store.clone());
    let kind = EventKind::new("task.created").unwrap();
    let event = log.page(&house.org, Some(&kind), None, false, 9).await.unwrap().events.remove(0);
    assert!(matches!(&event.cause, Some(Cause::Run { step: Some(step), .. }) if step == "step-1"));
    assert_eq!((event.depth, event.by), (1, task.author));
}

#[actix::test]
async fn update_data_changes_the_paths_it_names() {
    let house = TestHouse::start();
    let updates = json!({"score": 4, "data.address.city": "London", "data.name": "{{contact.name}} L."});
    let config = json!({"datatype": "contact", "recordId": "{{contact.id}}", "updates": updates});
    let (contact, done) = run(&house, "update_data", config).await;
    assert_eq!(done.unwrap(), json!({"recordId": contact, "datatype": "contact"}));
    let contact = house.record("contact", &contact).await.unwrap();
    assert_eq!(contact.version, 1);
    let expected = json!({
        "email": "ada@example.com", "name": "Ada L.", "tags": ["old"], "score": 4, "address": {"city": "London"},
    });
    assert_eq!(Value::Object(contact.data), expected);
}

#[actix::test]
async fn update_data_changes_all_that_match_in_one_commit() {
    let house = TestHouse::start();
    for (title, of) in [("a", "Ada"), ("b", "Ada"), ("c", "Bob")] {
        house.create("task", json!({"title": title, "of": of})).await;
    }
    let config = json!({
        "datatype": "task", "query": {"data.of": "{{contact.name}}"}, "updates": {"done": true},
    });
    let (_, done) = run(&house, "update_data", config).await;
    assert_eq!(done.unwrap()["updated"], 2);
    let tasks = house.records("task").await;
    let done: Vec<bool> = tasks.iter().map(|task| task.data.contains_key("done")).collect();
    assert_eq!(done, [true, true, false]);
    let stamps: std::collections::BTreeSet<_> =
        tasks.iter().filter(|task| task.version == 1).map(|task| task.modified).collect();
    assert_eq!(stamps.len(), 1, "one commit");
}

#[actix::test]
async fn update_data_changes_no_more_than_it_may_at_once() {
    let house = TestHouse::start();
    for n in 0..101 {
        house.create("task", json!({"n": n})).await;
    }
    let config = json!({"datatype": "task", "query": {}, "updates": {"done": true}});
    let (_, failed) = run(&house, "update_data", config).await;
    assert!(failed.unwrap_err().contains("more than 100 records"));
    assert!(house.records("task").await.iter().all(|task| task.version == 0));
}

#[actix::test]
async fn delete_data_deletes_softly_unless_told_otherwise() {
    for (hard, state) in [(false, Some("deleted".to_owned())), (true, None)] {
        let house = TestHouse::start();
        let config = json!({"datatype": "contact", "recordId": "{{contact.id}}", "hardDelete": hard});
        let (contact, done) = run(&house, "delete_data", config).await;
        assert_eq!(done.unwrap(), json!({"recordId": contact, "datatype": "contact"}));
        assert_eq!(house.record("contact", &contact).await.map(|record| record.state), state);
    }
}

#[actix::test]
async fn tags_come_and_go_each_once() {
    for (kind, config, tags) in [
        ("add_tag", json!({"tags": ["new", "old", "new-{{contact.score}}"]}), json!(["old", "new", "new-3"])),
        ("add_tag", json!({"tag": "vip"}), json!(["old", "vip"])),
        ("remove_tag", json!({"tags": ["old", "never"]}), json!([])),
    ] {
        let house = TestHouse::start();
        let (contact, done) = run(&house, kind, config).await;
        done.unwrap();
        assert_eq!(house.record("contact", &contact).await.unwrap().data["tags"], tags, "{kind}");
    }
}

#[actix::test]
async fn a_tag_that_is_added_starts_those_that_wait_for_it() {
    let house = TestHouse::start();
    let tag = json!({"type": "add_tag", "config": {"contactId": "{{contact.id}}", "tags": ["vip"]}});
    house.short_flow("contact.created", json!([tag])).await;
    let body = json!({
        "name": "welcome", "trigger": {"type": "contact_tagged", "config": {"tags": ["vip"]}},
        "actions": [{"type": "create_data", "config": {"datatype": "task", "data": {"tag": "{{tagEvent.tag}}"}}}],
    });
    let welcome = house.flow(body).await;
    house.create("customer", json!({"email": "a@example.com"})).await;
    let (run, _) = house.ended_run(&welcome).await;
    assert_eq!((run.status, run.depth), (RunStatus::Completed, 2));
    assert_eq!(house.records("task").await[0].data["tag"], "vip");
    assert_eq!(house.records("customer").await[0].data["tags"], json!(["vip"]));
}

#[actix::test]
async fn what_an_action_cannot_do_is_said_in_the_runs_history() {
    for (kind, config, why) in [
        (
            "update_data",
            json!({"datatype": "task", "recordId": "task-1", "updates": {"a": 1}}),
            "there is no such record",
        ),
        ("delete_data", json!({"datatype": "task", "recordId": "task-1"}), "there is no such record"),
        (
            "delete_data",
            json!({"datatype": "{{contact.name}}{{contact.nothing}} x", "recordId": "1"}),
            "datatype",
        ),
        ("create_data", json!({"datatype": "us{{contact.nothing}}er", "data": {}}), "flows may not write"),
        ("add_tag", json!({"contactId": "contact-9", "tags": ["a"]}), "there is no contact contact-9"),
        ("add_tag", json!({"tags": ["{{contact.nothing}}"]}), "names no tag"),
        ("delay", json!({"duration": "{{contact.name}}"}), "duration"),
    ] {
        let house = TestHouse::start();
        let (_, failed) = run(&house, kind, config.clone()).await;
        let failed = failed.expect_err(&config.to_string());
        assert!(failed.contains(why), "{config}: {failed}");
    }
}

#[actix::test]
async fn a_pause_ends_when_it_should_also_over_a_crash() {
    let house = TestHouse::start();
    house.found_org().await;
    let flow = house
        .short_flow(
            "order.paid",
            json!([
                {"type": "delay", "config": {"duration": "{{hours}}", "unit": "hours"}},
                {"type": "create_data", "config": {"datatype": "task", "data": {}}},
            ]),
        )
        .await;
    house.publish("order.paid", json!({"hours": 2})).await;
    let waiting = until("the run pauses", async || {
        house.runs(&flow).await.into_iter().find(|run| run.status == RunStatus::Waiting)
    })
    .await;
    let hour = Duration::from_secs(3_600);
    assert_eq!(waiting.resumes_at, Some(waiting.started_at.unwrap().plus(hour * 2)));
    house.advance(hour).await;
    let house = house.crash(0);
    house.advance(hour - Duration::from_millis(1)).await;
    assert_eq!(house.runs(&flow).await[0].status, RunStatus::Waiting);
    house.advance(Duration::from_secs(1)).await;
    let (run, steps) = house.ended_run(&flow).await;
    assert_eq!((run.status, run.completed_steps.len()), (RunStatus::Completed, 2));
    assert_eq!(steps[0].status, StepStatus::Completed);
    assert_eq!(house.records("task").await.len(), 1);
}

#[actix::test]
async fn a_pause_of_no_length_is_none() {
    let house = TestHouse::start();
    let (_, done) = run(&house, "delay", json!({"duration": 0, "unit": "days"})).await;
    assert!(done.unwrap()["resumesAt"].is_string());
    quiet().await;
}
