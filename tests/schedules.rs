//! Schedules over REST, against a whole server in this process with a clock turned by hand: from a schedule to its
//! event, its flow and the webhook that arrives.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

#[path = "repository/house.rs"]
#[allow(dead_code, reason = "those who read lists of records use the rest")]
mod house;
#[path = "automation/kit.rs"]
#[allow(dead_code, reason = "those who start flows by hand use the rest")]
mod kit;
mod support;

use std::time::Duration;

use appengine::auth::principal::Kind;
use appengine::auth::role::Role;
use house::{Caller, House, ORG};
use kit::{ended, got, saved};
use reqwest::Method;
use serde_json::{Value, json};
use support::receiver::Receiver;

const MINUTE: Duration = Duration::from_secs(60);

async fn call(caller: &Caller<'_>, method: Method, path: &str, body: Value) -> (u16, Value) {
    caller.call(method, path, (!body.is_null()).then(|| body.to_string())).await
}

async fn made(caller: &Caller<'_>, with: Value) -> Value {
    let mut body =
        json!({"name": "n", "action": {"type": "event", "event": "invoice.due", "data": {"list": "all"}}});
    body.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    let (status, answer) = caller.post("/schedules", body).await;
    assert_eq!(status, 201, "{answer}");
    answer
}

/// Waits until a list has so many rows, which it tells.
async fn rows(caller: &Caller<'_>, path: &str, count: usize) -> Vec<Value> {
    for _ in 0..2_000 {
        let data = got(caller, path).await["data"].as_array().unwrap().clone();
        if data.len() == count {
            return data;
        }
        tokio::task::yield_now().await;
    }
    panic!("{path} did not come to {count}");
}

#[actix_web::test]
async fn a_schedule_becomes_an_event_and_a_signed_webhook() {
    let (house, receiver) = (House::open().await, Receiver::open());
    let ada = house.owner();
    let hook = json!([{"type": "send_webhook", "config": {"url": receiver.url("/due")}}]);
    saved(&ada, json!({"name": "hook", "trigger": {"type": "invoice.due"}, "actions": hook})).await;
    let schedule = made(&ada, json!({"cron": "*/15 * * * *", "timezone": "Europe/Berlin"})).await;
    let id = schedule["id"].as_str().unwrap();
    assert_eq!(schedule["nextRun"], "2026-01-01T00:15:00.000Z");
    assert_eq!(schedule["nextRuns"].as_array().unwrap().len(), 5);
    house.clock.advance(15 * MINUTE);
    let event = rows(&ada, "/events?kind=invoice.due", 1).await.remove(0);
    let data = json!({
        "list": "all", "scheduleId": id, "scheduledAt": "2026-01-01T00:15:00.000Z", "lateMs": 0, "missed": 0,
    });
    assert_eq!((&event["data"], &event["by"]), (&data, &json!(format!("schedule:{id}"))));
    assert_eq!(event["occurredAt"], "2026-01-01T00:15:00.000Z");
    ended(&ada, "/webhooks/deliveries?status=delivered&event=invoice.due", 1).await;
    let received = receiver.received();
    assert_eq!((received.len(), &received[0].json()["data"]), (1, &data));
    assert!(received[0].header("webhook-signature").starts_with("v1,"));
    let row = got(&ada, &format!("/schedules/{id}")).await;
    assert_eq!((&row["runs"], &row["lastScheduledAt"]), (&json!(1), &json!("2026-01-01T00:15:00.000Z")));
    assert_eq!((&row["nextRun"], &row["lastError"]), (&json!("2026-01-01T00:30:00.000Z"), &Value::Null));
    let trace = got(&ada, &format!("/events/{}/trace", event["id"].as_str().unwrap())).await;
    assert!(trace.to_string().contains("delivered"), "{trace}");
}

#[actix_web::test]
async fn schedules_are_listed_changed_stopped_and_removed() {
    let house = House::open().await;
    let ada = house.owner();
    let first = made(&ada, json!({"every": "1h"})).await;
    house.clock.advance(MINUTE);
    let second = made(&ada, json!({"at": "2026-05-01T00:00:00Z", "missed": "all", "missedLimit": 7})).await;
    assert_eq!((&second["missed"], &second["missedLimit"]), (&json!("all"), &json!(7)));
    let page = got(&ada, "/schedules?pageSize=1").await;
    assert_eq!(
        (&page["total"], &page["hasNext"], &page["data"][0]["id"]),
        (&json!(2), &json!(true), &second["id"])
    );
    let at = |tail: &str| format!("/schedules/{}{tail}", first["id"].as_str().unwrap());
    assert_eq!(got(&ada, &at("")).await["anchor"], "2026-01-01T00:00:00.000Z");
    let next = got(&ada, &at("/next?count=2")).await;
    assert_eq!(next["nextRuns"], json!(["2026-01-01T01:00:00.000Z", "2026-01-01T02:00:00.000Z"]));
    assert_eq!(ada.get(&at("/next?count=101")).await.0, 400);
    let paused = ada.done(&at("/pause"), json!({})).await;
    assert_eq!(
        (&paused["status"], &paused["nextRun"], &paused["nextRuns"]),
        (&json!("paused"), &Value::Null, &json!([]))
    );
    assert_eq!(got(&ada, "/schedules?status=paused").await["total"], 1);
    assert_eq!(ada.done(&at("/resume"), json!({})).await["status"], "active");
    let ran = ada.done(&at("/run"), json!({})).await;
    assert_eq!((&ran["runs"], &ran["nextRun"]), (&json!(1), &json!("2026-01-01T01:00:00.000Z")));
    assert_eq!(rows(&ada, "/events?kind=invoice.due", 1).await[0]["data"]["manual"], true);
    let patch = json!({"cron": "0 9 * * MON", "timezone": "America/New_York", "missed": "skip"});
    let (_, patched) = call(&ada, Method::PATCH, &at(""), patch).await;
    assert_eq!((&patched["nextRun"], patched.get("every")), (&json!("2026-01-05T14:00:00.000Z"), None));
    let body = json!({"name": "m", "every": "2h", "action": {"type": "event", "event": "other.due"}});
    let (status, put) = call(&ada, Method::PUT, &at(""), body).await;
    assert_eq!(
        (status, &put["missed"], &put["nextRun"]),
        (200, &json!("once"), &json!("2026-01-01T02:01:00.000Z"))
    );
    assert_eq!(call(&ada, Method::DELETE, &at(""), Value::Null).await.0, 200);
    assert_eq!(ada.get(&at("")).await.0, 404);
    assert_eq!(got(&ada, "/schedules").await["total"], 1);
    let stranger = house.somebody("another-org", Kind::User, "eve", Role::Owner);
    let theirs = format!("/schedules/{}", second["id"].as_str().unwrap());
    assert_eq!(stranger.get(&theirs).await.0, 404);
    let reader = house.somebody(ORG, Kind::User, "bob", Role::Reviewer);
    assert_eq!(
        (reader.get(&theirs).await.0, reader.post(&format!("{theirs}/run"), json!({})).await.0),
        (200, 403)
    );
}

#[actix_web::test]
async fn what_cannot_work_is_refused_with_its_place() {
    let house = House::open().await;
    let ada = house.owner();
    let event = json!({"type": "event", "event": "invoice.due"});
    for (body, at) in [
        (json!({"name": "n", "cron": "0 25 * * *", "action": event}), "cron"),
        (json!({"name": "n", "cron": "@daily", "timezone": "Mars/Olympus", "action": event}), "timezone"),
        (json!({"name": "n", "every": "1x", "action": event}), "every"),
        (json!({"name": "n", "at": "2020-01-01T00:00:00Z", "action": event}), "at"),
        (
            json!({"name": "n", "every": "1h", "action": {"type": "event", "event": "user-update"}}),
            "action.event",
        ),
        (
            json!({"name": "n", "every": "1h", "action": {"type": "flow", "flowId": "nothing"}}),
            "action.flowId",
        ),
        (
            json!({"name": "n", "every": "1h", "action": {"type": "job", "queue": "nowhere", "name": "mail"}}),
            "action.queue",
        ),
        (json!({"name": "n", "every": "1h", "action": event, "color": "red"}), "color"),
    ] {
        let (status, answer) = ada.post("/schedules", body.clone()).await;
        assert_eq!((status, &answer["problems"][0]["path"]), (400, &json!(at)), "{body}: {answer}");
    }
    for (body, at) in [
        (json!({"cron": "61 * * * *"}), "cron"),
        (json!({"every": "5m", "count": 0}), "count"),
        (json!({}), "cron"),
        (json!({"every": "5m", "name": "n"}), "name"),
    ] {
        let (status, answer) = ada.post("/schedules/preview", body.clone()).await;
        assert_eq!((status, &answer["problems"][0]["path"]), (400, &json!(at)), "{body}: {answer}");
    }
    let berlin = json!({"cron": "30 2 29 3 *", "timezone": "Europe/Berlin", "count": 2});
    let (status, answer) = ada.post("/schedules/preview", berlin).await;
    let expected = json!({
        "timezone": "Europe/Berlin",
        "nextRuns": ["2026-03-29T01:00:00.000Z", "2027-03-29T00:30:00.000Z"],
    });
    assert_eq!((status, answer), (200, expected), "the clocks go forward over half past two");
    for body in [json!([]), json!(null), json!("x")] {
        assert_eq!(ada.post("/schedules", body).await.0, 400);
    }
    for path in ["/schedules/sch_nothing", "/schedules?status=gone", "/schedules?pageSize=501"] {
        assert_eq!(ada.get(path).await.0, 400, "{path}");
    }
    assert_eq!(ada.get("/schedules/sch_01ARZ3NDEKTSV4RRFFQ69G5FAV").await.0, 404);
}

#[actix_web::test]
async fn a_key_has_no_schedule_do_what_it_may_not_do_itself() {
    let house = House::open().await;
    let ada = house.owner();
    let key = json!({"name": "k", "scopes": ["read:automation", "write:automation"]});
    let key = ada.done("/api-key/create", key).await["data"]["key"].as_str().unwrap().to_owned();
    let headers = [("x-api-key", key.as_str()), ("orgid", ORG)];
    let flow = saved(&ada, json!({"name": "f", "trigger": {"type": "a.b"}, "actions": [{"type": "delay", "config": {"duration": 1}}]})).await;
    let body = |action: Value| json!({"name": "n", "every": "1h", "action": action});
    let event = body(json!({"type": "event", "event": "order.paid"}));
    let (status, answer) = house.visit(Method::POST, "/schedules", &headers, event.clone()).await;
    assert_eq!((status, &answer["problems"][0]["path"]), (403, &json!("action")), "{answer}");
    let job = body(json!({"type": "job", "queue": "schedule", "name": "report.make"}));
    let (status, answer) = house.visit(Method::POST, "/schedules", &headers, job.clone()).await;
    assert_eq!((status, &answer["problems"][0]["path"]), (403, &json!("action")), "{answer}");
    let (status, answer) = ada.post("/schedules", job.clone()).await;
    assert_eq!((status, &answer["action"]["queue"]), (201, &json!("schedule")), "{answer}");
    let run = format!("/schedules/{}/run", answer["id"].as_str().unwrap());
    assert_eq!(ada.post(&run, json!({})).await.0, 200);
    let claim = json!({"worker": "w", "waitMs": 5_000});
    let (status, answer) = ada.post("/queues/schedule/claim", claim).await;
    assert_eq!((status, &answer["jobs"][0]["payload"]["manual"]), (200, &json!(true)), "{answer}");
    let started = body(json!({"type": "flow", "flowId": flow}));
    let (status, answer) = house.visit(Method::POST, "/schedules", &headers, started).await;
    assert_eq!(status, 201, "{answer}");
    let path = format!("/schedules/{}", answer["id"].as_str().unwrap());
    for method in [Method::PUT, Method::PATCH] {
        assert_eq!(house.visit(method, &path, &headers, event.clone()).await.0, 403);
    }
    let name = json!({"name": "m"});
    assert_eq!(house.visit(Method::PATCH, &path, &headers, name).await.0, 200);
}

#[actix_web::test]
async fn a_flow_that_time_starts_has_its_schedule_here() {
    let house = House::open().await;
    let ada = house.owner();
    let trigger = json!({"type": "scheduled_time", "config": {"schedule": {
        "type": "cron", "cronExpression": "0 9 * * MON", "timezone": "Europe/Berlin",
    }}});
    let note =
        json!([{"type": "create_data", "config": {"datatype": "note", "data": {"at": "{{scheduledAt}}"}}}]);
    let flow = saved(&ada, json!({"name": "weekly", "trigger": trigger, "actions": note})).await;
    let schedule = rows(&ada, "/schedules", 1).await.remove(0);
    assert_eq!((&schedule["flowId"], &schedule["triggerId"]), (&json!(flow), &json!("trigger-1")));
    assert_eq!(schedule["nextRun"], "2026-01-05T08:00:00.000Z");
    let path = format!("/schedules/{}", schedule["id"].as_str().unwrap());
    let (status, answer) = call(&ada, Method::DELETE, &path, Value::Null).await;
    assert_eq!((status, &answer["code"]), (409, &json!("conflict")), "{answer}");
    ada.done(&format!("{path}/run"), json!({})).await;
    ended(&ada, "/automation/executions?status=completed", 1).await;
    ada.done(&format!("/automation/{flow}/deactivate"), json!({})).await;
    assert_eq!(got(&ada, "/schedules").await["total"], 0);
    let bad =
        json!({"type": "scheduled_time", "config": {"schedule": {"type": "cron", "cronExpression": "soon"}}});
    let body =
        json!({"name": "bad", "trigger": bad, "actions": [{"type": "delay", "config": {"duration": 1}}]});
    let (status, answer) = ada.post("/automation", body).await;
    let at = "trigger.config.schedule.cronExpression";
    assert_eq!((status, &answer["problems"][0]["path"]), (400, &json!(at)), "{answer}");
}
