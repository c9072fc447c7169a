//! Flows that a person starts.

use std::time::Duration;

use appengine_actors::flow::book::{Execution, FlowError};
use appengine_actors::flow::definition::FlowStatus;
use appengine_actors::flow::run::{Run, RunStatus};
use appengine_actors::ids::{OrgId, RecordId};
use appengine_actors::testkit::probe::{quiet, until};
use appengine_actors::testkit::{ADA, TestHouse};
use serde_json::{Value, json};

const WAIT: Duration = Duration::from_secs(5);

async fn flow(house: &TestHouse) -> RecordId {
    let note = json!({"type": "create_data", "config": {"datatype": "note", "data": {"text": "{{text}}"}}});
    let body = json!({
        "name": "f", "status": "draft", "trigger": {"type": "contact.created"},
        "actions": [note, {"type": "send_webhook", "config": {"url": "https://r.example/"}}],
    });
    house.flow(body).await
}

async fn start(house: &TestHouse, id: &RecordId, execution: Execution) -> Result<Run, FlowError> {
    house.machine.flows.execute(&house.org, id, execution, WAIT).await
}

fn with(variables: Value) -> Execution {
    let variables = variables.as_object().cloned().unwrap();
    Execution { variables, start_step: None, by: Some("ada@example.com".into()), key: None }
}

#[actix::test]
async fn a_flow_of_any_status_but_archived_runs_once_with_what_it_is_given() {
    let house = TestHouse::start();
    let id = flow(&house).await;
    let run = start(&house, &id, with(json!({"text": "hello", "contact": {"id": "c-1", "name": "Ada"}})))
        .await
        .unwrap();
    assert_eq!(run.status, RunStatus::Completed);
    assert_eq!((run.executed_by.as_deref(), run.depth), (Some("ada@example.com"), 1));
    assert_eq!((run.trigger, run.event), (None, None));
    quiet().await;
    let notes = house.records("note").await;
    assert_eq!(notes.len(), 1, "its queue asked for the same run and joined it");
    assert_eq!(notes[0].data["text"], "hello");
    let body = house.transport().sent().remove(0).json();
    assert_eq!((&body["event"], &body["data"]["sk"]), (&json!("contact.created"), &json!("c-1")));
    house.machine.flows.set_status(&house.org, &id, FlowStatus::Archived, ADA).await.unwrap();
    assert_eq!(start(&house, &id, Execution::default()).await, Err(FlowError::Archived(id)));
}

#[actix::test]
async fn a_run_may_begin_at_any_step_that_there_is() {
    let house = TestHouse::start();
    let id = flow(&house).await;
    let at = |step: &str| Execution { start_step: Some(step.to_owned()), ..Execution::default() };
    let run = start(&house, &id, at("step-2")).await.unwrap();
    assert_eq!(run.completed_steps, ["step-2"]);
    assert_eq!(house.records("note").await, []);
    assert_eq!(start(&house, &id, at("step-3")).await, Err(FlowError::NoStep("step-3".into())));
    assert_eq!(house.runs(&id).await.len(), 1);
}

#[actix::test]
async fn a_flow_that_is_not_there_or_belongs_to_others_is_missing() {
    let house = TestHouse::start();
    let id = flow(&house).await;
    let nowhere = RecordId::new("automation-none").unwrap();
    let missing = start(&house, &nowhere, Execution::default()).await;
    assert_eq!(missing, Err(FlowError::Missing(nowhere)));
    let foreign = OrgId::new("other-org").unwrap();
    let theirs = house.machine.flows.execute(&foreign, &id, Execution::default(), WAIT).await;
    assert_eq!(theirs, Err(FlowError::Missing(id)));
}

#[actix::test]
async fn who_does_not_wait_for_the_end_gets_the_run_as_it_stands_and_it_goes_on() {
    let house = TestHouse::start();
    let id = flow(&house).await;
    quiet().await;
    let flows = house.machine.flows.clone();
    let (org, of) = (house.org.clone(), id.clone());
    let asked = tokio::spawn(async move { flows.execute(&org, &of, Execution::default(), WAIT).await });
    // The run is durable; its first step is not, for now.
    house.store().hold();
    quiet().await;
    house.store().release_next(1);
    quiet().await;
    house.setup.clock.advance(WAIT);
    let run = asked.await.unwrap().unwrap();
    assert!(!run.status.is_final(), "{run:?}");
    house.store().release();
    house.advance(Duration::from_secs(20)).await;
    let (ended, _) = house.ended_run(&id).await;
    assert_eq!((ended.id, ended.status), (run.id, RunStatus::Completed));
    assert_eq!(house.records("note").await.len(), 1);
}

#[actix::test]
async fn the_same_key_is_the_same_run() {
    let house = TestHouse::start();
    let (id, other) = (flow(&house).await, flow(&house).await);
    let keyed = |text: &str| Execution { key: Some("k-1".into()), ..with(json!({"text": text})) };
    let first = start(&house, &id, keyed("a")).await.unwrap();
    let again = start(&house, &id, keyed("a")).await.unwrap();
    assert_eq!((again.id, again.status), (first.id, RunStatus::Completed));
    quiet().await;
    assert_eq!(house.records("note").await.len(), 1);
    let reused = Err(FlowError::KeyReused("k-1".into()));
    assert_eq!(start(&house, &id, keyed("b")).await, reused);
    assert_eq!(start(&house, &other, keyed("a")).await, reused);
    assert_eq!(start(&house, &other, with(json!({"text": "a"}))).await.unwrap().status, RunStatus::Completed);
}

#[actix::test]
async fn a_paused_run_is_an_answer() {
    let house = TestHouse::start();
    let actions = json!([
        {"type": "delay", "config": {"duration": 1, "unit": "hours"}},
        {"type": "create_data", "config": {"datatype": "note", "data": {}}},
    ]);
    let id = house.short_flow("order.paid", actions).await;
    let run = start(&house, &id, Execution::default()).await.unwrap();
    assert_eq!(run.status, RunStatus::Waiting);
    house.advance(Duration::from_secs(3_600)).await;
    until("it goes on", async || (house.records("note").await.len() == 1).then_some(())).await;
}
