//! Work of an organisation's own: added by its programs, done by its workers, seen by its people.

use std::time::Duration;

use appengine::auth::principal::Kind;
use appengine::auth::role::Role;
use serde_json::{Value, json};

use crate::house::{Caller, House};
use crate::kit::got;

const JOBS: &str = "/queues/notification/jobs";
const CLAIM: &str = "/queues/notification/claim";

/// Jobs for a worker, without waiting.
async fn claimed(caller: &Caller<'_>, max: u32) -> Vec<Value> {
    let answer = caller.done(CLAIM, json!({"worker": "w-1", "max": max})).await;
    answer["jobs"].as_array().unwrap().clone()
}

/// A path about a job, and the lease that it was given with.
fn about(job: &Value, what: &str) -> (String, Value) {
    (format!("/jobs/{}/{what}", job["id"].as_str().unwrap()), job["lease"].clone())
}

async fn say(caller: &Caller<'_>, job: &Value, what: &str, mut body: Value) -> (u16, Value) {
    let (path, lease) = about(job, what);
    body["lease"] = lease;
    caller.post(&path, body).await
}

#[actix_web::test]
async fn work_is_added_taken_kept_alive_and_done() {
    let house = House::open().await;
    let ada = house.owner();
    let draft = json!({"name": "mail.send", "payload": {"to": "x@example.com"}, "key": "x", "priority": -2});
    let (status, added) = ada.post(JOBS, draft).await;
    assert_eq!(status, 201, "{added}");
    assert_eq!((&added["state"], &added["task"]["kind"]), (&json!("waiting"), &json!("mail.send")));
    assert_eq!((&added["deduplicated"], &added["replaced"]), (&json!(false), &json!(false)));
    let job = claimed(&ada, 5).await.remove(0);
    let wanted = json!({"to": "x@example.com"});
    assert_eq!((&job["id"], &job["payload"], &job["attempt"]), (&added["id"], &wanted, &json!(1)));
    assert_eq!((&job["cursor"], &job["maxAttempts"]), (&Value::Null, &json!(5)));
    assert!(claimed(&ada, 5).await.is_empty());
    let (status, beat) = say(&ada, &job, "heartbeat", json!({"progress": {"percent": 10}})).await;
    assert_eq!((status, &beat["cancelled"], beat["leaseUntil"].is_string()), (200, &json!(false), true));
    assert_eq!(say(&ada, &job, "progress", json!({"progress": 50})).await.0, 200);
    assert_eq!(say(&ada, &job, "log", json!({"lines": ["one", "two"]})).await.0, 200);
    assert_eq!(say(&ada, &job, "checkpoint", json!({"cursor": {"row": 3}})).await.0, 200);
    let seen = got(&ada, &format!("/monitoring/jobs/{}", job["id"].as_str().unwrap())).await;
    assert_eq!((&seen["progress"], &seen["cursor"]["row"]), (&json!(50), &json!(3)));
    assert_eq!((&seen["log"], &seen["payload"]), (&json!(["one", "two"]), &wanted));
    assert_eq!((&seen["lease"]["worker"], &seen["lease"]["token"]), (&json!("w-1"), &Value::Null));
    let (status, failed) = say(&ada, &job, "fail", json!({"error": "no route", "retryAfterMs": 5_000})).await;
    assert_eq!((status, &failed["state"]), (200, &json!("delayed")));
    house.clock.advance(Duration::from_secs(5));
    let again = until_claimed(&ada).await;
    assert_eq!((&again["attempt"], &again["cursor"]["row"]), (&json!(2), &json!(3)));
    let (status, done) = say(&ada, &again, "complete", json!({"result": {"sent": true}})).await;
    assert_eq!((status, &done["state"]), (200, &json!("completed")));
    let seen = got(&ada, &format!("/monitoring/jobs/{}", job["id"].as_str().unwrap())).await;
    assert_eq!(seen["result"], json!({"sent": true}));
    for what in ["complete", "fail", "release", "heartbeat", "log"] {
        let body = match what {
            "fail" => json!({"error": "late"}),
            "log" => json!({"lines": ["late"]}),
            _ => json!({}),
        };
        let (status, answer) = say(&ada, &again, what, body).await;
        assert_eq!((status, &answer["code"]), (409, &json!("lease_lost")), "{what}: {answer}");
    }
}

async fn until_claimed(caller: &Caller<'_>) -> Value {
    for _ in 0..2_000 {
        if let Some(job) = claimed(caller, 1).await.pop() {
            return job;
        }
        tokio::task::yield_now().await;
    }
    panic!("no job came");
}

#[actix_web::test]
async fn a_worker_is_told_that_its_job_was_called_off() {
    let house = House::open().await;
    let ada = house.owner();
    ada.done(JOBS, json!({"name": "n"})).await;
    let job = claimed(&ada, 1).await.remove(0);
    let cancel = format!("/monitoring/jobs/{}/cancel", job["id"].as_str().unwrap());
    let cancelled = ada.done(&cancel, json!({})).await;
    assert_eq!((&cancelled["state"], &cancelled["failedReason"]), (&json!("failed"), &json!("cancelled")));
    let (status, beat) = say(&ada, &job, "heartbeat", json!({})).await;
    assert_eq!((status, beat), (200, json!({"cancelled": true, "leaseUntil": null})));
    assert_eq!(say(&ada, &job, "complete", json!({})).await.0, 409);
    ada.done(JOBS, json!({"name": "n"})).await;
    let job = claimed(&ada, 1).await.remove(0);
    let (status, released) = say(&ada, &job, "release", json!({})).await;
    assert_eq!((status, &released["state"], &released["attempts"]), (200, &json!("waiting"), &json!(0)));
}

#[actix_web::test]
async fn many_are_added_as_one_and_a_wrong_one_adds_none() {
    let house = House::open().await;
    let ada = house.owner();
    let bulk = format!("{JOBS}/bulk");
    let jobs: Vec<Value> = (0..1_000).map(|n| json!({"name": "n", "payload": n})).collect();
    let (status, answer) = ada.post(&bulk, json!({"jobs": jobs})).await;
    assert_eq!((status, answer["jobs"].as_array().unwrap().len()), (201, 1_000));
    let mut order = Vec::new();
    while order.len() < 1_000 {
        order.extend(claimed(&ada, 100).await.into_iter().map(|job| job["payload"].as_u64().unwrap()));
    }
    assert!(order.is_sorted(), "first in, first out");
    let (status, answer) = ada.post(&bulk, json!({"jobs": [{"name": "n"}, {"name": "n m"}]})).await;
    assert_eq!((status, &answer["problems"][0]["path"]), (400, &json!("jobs[1].name")), "{answer}");
    let gone = "job_01ARZ3NDEKTSV4RRFFQ69G5FAV";
    let (status, answer) =
        ada.post(&bulk, json!({"jobs": [{"name": "n"}, {"name": "n", "dependsOn": [gone]}]})).await;
    assert_eq!((status, &answer["problems"][0]["path"]), (400, &json!("jobs[1].dependsOn")), "{answer}");
    let queues = got(&ada, "/monitoring/queues").await;
    let queue = queues["queues"].as_array().unwrap().iter().find(|queue| queue["name"] == "notification");
    assert_eq!((&queue.unwrap()["waiting"], &queue.unwrap()["active"]), (&json!(0), &json!(1_000)));
}

#[actix_web::test]
async fn unique_and_dependent_jobs_and_those_that_move() {
    let house = House::open().await;
    let ada = house.owner();
    let draft = json!({"name": "n", "unique": {"key": "u"}});
    let first = ada.done(JOBS, draft.clone()).await;
    let (status, second) = ada.post(JOBS, draft).await;
    assert_eq!((status, &second["id"], &second["deduplicated"]), (200, &first["id"], &json!(true)));
    let replace = json!({"name": "n", "payload": 2, "unique": {"key": "u", "mode": "replace"}});
    let (status, third) = ada.post(JOBS, replace).await;
    assert_eq!((status, &third["id"], &third["replaced"]), (200, &first["id"], &json!(true)));
    let bound = json!({"name": "after", "dependsOn": [first["id"]], "onDependencyFailure": "skip"});
    let bound = ada.done("/queues/billing/jobs", bound).await;
    assert_eq!((&bound["state"], &bound["terms"]["waitsFor"]), (&json!("blocked"), &json!([first["id"]])));
    let listed = got(&ada, "/monitoring/queues/billing/jobs?state=blocked").await;
    assert_eq!(listed["data"][0]["id"], bound["id"]);
    let job = claimed(&ada, 1).await.remove(0);
    assert_eq!(
        say(&ada, &job, "fail", json!({"error": "no", "retry": false})).await.1["failedReason"],
        "fatal"
    );
    let path = format!("/monitoring/jobs/{}", bound["id"].as_str().unwrap());
    let skipped = loop {
        let job = got(&ada, &path).await;
        if job["state"] != "blocked" {
            break job;
        }
        house.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    };
    assert_eq!((&skipped["state"], &skipped["terms"]["skipped"]), (&json!("completed"), &json!(true)));
    let some = json!({"queue": "escalation", "state": "failed"});
    let moved = ada.done("/monitoring/queues/notification/move", some).await;
    assert_eq!(moved, json!({"count": 1, "more": false}));
    let back = format!("/monitoring/jobs/{}/move", first["id"].as_str().unwrap());
    let job = ada.done(&back, json!({"queue": "schedule"})).await;
    assert_eq!(
        (&job["queue"], &job["state"], &job["attempts"]),
        (&json!("schedule"), &json!("waiting"), &json!(0))
    );
    for (body, at) in [(json!({"queue": "schedule"}), "queue"), (json!({"queue": "nowhere"}), "queue")] {
        let (status, answer) = ada.post(&back, body).await;
        assert_eq!((status, &answer["problems"][0]["path"]), (400, &json!(at)), "{answer}");
    }
}

#[actix_web::test]
async fn what_cannot_be_taken_is_refused_and_what_is_not_theirs_is_not_there() {
    let house = House::open().await;
    let ada = house.owner();
    let large = "x".repeat(64 * 1024);
    for (body, at) in [
        (json!({"name": ""}), "name"),
        (json!({"name": "n", "payload": large}), "payload"),
        (json!({"name": "n", "delayMs": 1, "runAt": "2026-04-25T10:00:00Z"}), "delayMs"),
        (json!({"name": "n", "maxAttempts": 0}), "maxAttempts"),
        (json!({"name": "n", "unique": {"key": ""}}), "unique.key"),
        (json!({"name": "n", "unique": {"key": "k", "mode": "debounce"}}), "unique.mode"),
        (json!({"name": "n", "unique": {"key": "k", "maxWaitMs": 5}}), "unique.maxWaitMs"),
        (json!({"name": "n", "backoff": {"kind": "exponential", "factor": 0.5}}), "backoff"),
        (json!({"name": "n", "timeoutMs": 5}), "timeoutMs"),
    ] {
        let (status, answer) = ada.post(JOBS, body.clone()).await;
        assert_eq!((status, &answer["problems"][0]["path"]), (400, &json!(at)), "{answer}");
    }
    for (body, at) in [
        (json!({"worker": ""}), "worker"),
        (json!({"worker": "w", "max": 101}), "max"),
        (json!({"worker": "w", "leaseMs": 10}), "leaseMs"),
        (json!({"worker": "w", "waitMs": 15_001}), "waitMs"),
    ] {
        let (status, answer) = ada.post(CLAIM, body).await;
        assert_eq!((status, &answer["problems"][0]["path"]), (400, &json!(at)), "{answer}");
    }
    assert_eq!(ada.post("/queues/nowhere/jobs", json!({"name": "n"})).await.0, 404);
    let added = ada.done(JOBS, json!({"name": "n"})).await;
    let stranger = house.somebody("another-org", Kind::User, "eve@example.com", Role::Owner);
    assert!(claimed(&stranger, 9).await.is_empty());
    let job = claimed(&ada, 1).await.remove(0);
    for (what, body) in
        [("complete", json!({})), ("heartbeat", json!({})), ("progress", json!({"progress": 1}))]
    {
        assert_eq!(say(&stranger, &job, what, body).await.0, 404, "{what}");
    }
    let bound = json!({"name": "n", "dependsOn": [added["id"]]});
    assert_eq!(stranger.post(JOBS, bound).await.0, 400, "it is not theirs to wait for");
}
