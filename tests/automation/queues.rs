//! What an operator does about jobs: paused, run now, called off, tried again, removed.

use appengine::auth::principal::Kind;
use appengine::auth::role::Role;
use serde_json::{Value, json};

use crate::house::{Caller, House, ORG};
use crate::kit::{ended, flow, got, saved};

/// A flow that rests for an hour and then writes a note.
fn resting() -> Value {
    let note = json!({"datatype": "note", "data": {"text": "rested"}});
    flow(json!([
        {"type": "delay", "config": {"duration": 1, "unit": "hours"}},
        {"type": "create_data", "config": note},
    ]))
}

/// The jobs of a queue in a state, once there are so many.
async fn jobs(caller: &Caller<'_>, queue: &str, state: &str, count: usize) -> Vec<Value> {
    let path = format!("/monitoring/queues/{queue}/jobs?state={state}");
    for _ in 0..2_000 {
        let data = got(caller, &path).await["data"].as_array().unwrap().clone();
        if data.len() == count {
            return data;
        }
        tokio::task::yield_now().await;
    }
    panic!("{path} did not come to {count}");
}

async fn done(caller: &Caller<'_>, path: &str, body: Value) -> Value {
    let (status, answer) = caller.post(path, body).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

#[actix_web::test]
async fn a_delayed_job_is_run_now_or_called_off_with_its_run() {
    let house = House::open().await;
    let ada = house.owner();
    let id = saved(&ada, resting()).await;
    for _ in 0..2 {
        ada.done(&format!("/automation/{id}/execute"), json!({})).await;
    }
    let delayed = jobs(&ada, "schedule", "delayed", 2).await;
    let at = |index: usize, what: &str| {
        format!("/monitoring/jobs/{}/{what}", delayed[index]["id"].as_str().unwrap())
    };
    let promoted = done(&ada, &at(0, "promote"), json!({})).await;
    assert_eq!(promoted["state"], "waiting");
    let cancelled = done(&ada, &at(1, "cancel"), json!({})).await;
    assert_eq!((&cancelled["state"], cancelled["cancelledBy"].is_string()), (&json!("failed"), true));
    ended(&ada, "/automation/executions?status=cancelled", 1).await;
    jobs(&ada, "schedule", "completed", 1).await;
    // It was due in an hour and not before: the run looks at its own clock.
    ended(&ada, "/automation/executions?status=waiting", 1).await;
    for wrong in ["promote", "cancel"] {
        let (status, answer) = ada.post(&at(1, wrong), json!({})).await;
        assert_eq!((status, &answer["code"]), (409, &json!("conflict")), "{answer}");
        assert!(answer["message"].as_str().unwrap().contains("is failed cannot be"), "{answer}");
    }
    assert_eq!(done(&ada, &at(1, "retry"), json!({})).await["state"], "waiting");
    jobs(&ada, "schedule", "completed", 2).await;
    let run = got(&ada, "/automation/executions?status=cancelled").await["data"][0].clone();
    assert!(run["error"].to_string().contains("cancelled by"), "the run stays called off: {run}");
}

#[actix_web::test]
async fn an_organisation_pauses_its_own_jobs_and_cleans_them_up() {
    let house = House::open().await;
    let ada = house.owner();
    let id =
        saved(&ada, flow(json!([{"type": "create_data", "config": {"datatype": "note", "data": {}}}]))).await;
    let paused = done(&ada, "/monitoring/queues/automation/pause", json!({})).await;
    assert_eq!((&paused["name"], &paused["paused"]), (&json!("automation"), &json!(true)));
    let stranger = house.somebody("another-org", Kind::User, "eve@example.com", Role::Owner);
    let others = got(&stranger, "/monitoring/queues").await;
    assert!(others["queues"].as_array().unwrap().iter().all(|queue| queue["paused"] == false));
    assert_eq!(ada.post("/events", json!({"event": "order.paid"})).await.0, 202);
    jobs(&ada, "automation", "waiting", 1).await;
    assert_eq!(done(&ada, "/monitoring/queues/automation/resume", json!({})).await["paused"], false);
    jobs(&ada, "automation", "completed", 1).await;
    done(&ada, "/monitoring/queues/automation/pause", json!({"key": id})).await;
    assert_eq!(ada.post("/events", json!({"event": "order.paid"})).await.0, 202);
    jobs(&ada, "automation", "waiting", 1).await;
    let clean = "/monitoring/queues/automation/clean";
    let young = done(&ada, clean, json!({"olderThan": "1h"})).await;
    assert_eq!(young, json!({"count": 0, "more": false}));
    assert_eq!(done(&stranger, clean, json!({})).await["count"], 0);
    assert_eq!(done(&ada, clean, json!({})).await, json!({"count": 1, "more": false}));
    assert_eq!(done(&ada, clean, json!({"state": "waiting", "limit": 1})).await["count"], 1);
    jobs(&ada, "automation", "waiting", 0).await;
    assert_eq!(done(&ada, "/monitoring/queues/automation/retry-failed", json!({})).await["count"], 0);
}

#[actix_web::test]
async fn what_is_not_theirs_or_makes_no_sense_is_refused() {
    let house = House::open().await;
    let ada = house.owner();
    let pause = "/monitoring/queues/billing/pause";
    let (status, answer) = ada.post(pause, json!({"scope": "queue"})).await;
    assert_eq!((status, &answer["problems"][0]["path"]), (403, &json!("scope")), "{answer}");
    let root = house.somebody(ORG, Kind::User, "root@example.com", Role::RootAdmin);
    assert_eq!(done(&root, pause, json!({"scope": "queue"})).await["paused"], true);
    assert_eq!(
        done(&root, "/monitoring/queues/billing/resume", json!({"scope": "queue"})).await["paused"],
        false
    );
    for (path, body, at) in [
        (pause, json!({"key": ""}), "key"),
        (pause, json!({"scope": "queue", "key": "k"}), "key"),
        ("/monitoring/queues/billing/clean", json!({"limit": 1001}), "limit"),
        ("/monitoring/queues/billing/clean", json!({"olderThan": "soon"}), "olderThan"),
    ] {
        let caller = if body.get("scope").is_some() { &root } else { &ada };
        let (status, answer) = caller.post(path, body.clone()).await;
        assert_eq!((status, &answer["problems"][0]["path"]), (400, &json!(at)), "{body}: {answer}");
    }
    for body in [json!({"state": "active"}), json!({"scope": "world"}), json!({"other": 1})] {
        assert_eq!(ada.post("/monitoring/queues/billing/clean", body).await.0, 400);
    }
    assert_eq!(ada.post("/monitoring/queues/nothing/pause", json!({})).await.0, 404);
    let nowhere = "/monitoring/jobs/job_01ARZ3NDEKTSV4RRFFQ69G5FAV/cancel";
    assert_eq!(ada.post(nowhere, json!({})).await.0, 404);
    let reader = house.somebody(ORG, Kind::User, "bob@example.com", Role::Reviewer);
    assert_eq!(reader.post(pause, json!({})).await.0, 403);
}
