//! Schedules that start flows, and flows that bring their schedules with them.

use appengine_actors::flow::definition::FlowStatus;
use appengine_actors::flow::run::RunStatus;
use appengine_actors::ids::RecordId;
use appengine_actors::list::Slice;
use appengine_actors::schedule::book::ScheduleError;
use appengine_actors::schedule::model::{Schedule, Status};
use appengine_actors::testkit::{ADA, TestHouse};
use serde_json::{Value, json};

use super::kit::{HOUR, MINUTE, fields, get, made};

fn note() -> Value {
    json!([{"type": "create_data", "config": {"datatype": "note", "data": {
        "for": "{{scheduledAt}}", "by": "{{triggerType}} {{cronExpression}}", "own": "{{own}}",
    }}}])
}

fn timed(schedule: Value) -> Value {
    let trigger = json!({"type": "scheduled_time", "config": {"schedule": schedule}});
    json!({"name": "nightly", "trigger": trigger, "actions": note()})
}

async fn notes(house: &TestHouse) -> Vec<Value> {
    house.records("note").await.into_iter().map(|record| record.data.into()).collect()
}

async fn all(house: &TestHouse) -> Vec<Schedule> {
    let slice = Slice { skip: 0, limit: 100 };
    house.machine.schedules.list(&house.org, None, slice).await.unwrap().rows
}

#[actix::test]
async fn a_schedule_starts_a_flow_while_that_is_active() {
    let house = TestHouse::start();
    let flow = house.short_flow("order.paid", note()).await;
    let action = json!({"type": "flow", "flowId": flow, "variables": {"own": "x"}});
    let id = made(&house, json!({"cron": "0 * * * *", "action": action})).await.id;
    house.advance(HOUR).await;
    let (run, _) = house.ended_run(&flow).await;
    assert_eq!((run.status, run.executed_by), (RunStatus::Completed, Some(format!("schedule:{id}"))));
    let expected = json!({"for": "2026-01-01T01:00:00.000Z", "by": "scheduled_time 0 * * * *", "own": "x"});
    assert_eq!(notes(&house).await, [expected]);
    house.machine.flows.set_status(&house.org, &flow, FlowStatus::Inactive, ADA).await.unwrap();
    house.advance(HOUR).await;
    let idle = get(&house, id).await;
    assert_eq!((idle.runs, idle.next_run()), (1, "2026-01-01T03:00:00Z".parse().ok()));
    assert!(idle.last_error.unwrap().ends_with("is not active"));
    let now = house.machine.schedules.run(&house.org, id, "ada").await.unwrap_err();
    assert!(matches!(now, ScheduleError::Idle { .. }), "{now}");
    assert_eq!(house.runs(&flow).await.len(), 1);
    let action = json!({"name": "n", "every": "1h", "action": {"type": "flow", "flowId": "none"}});
    let refused = house.machine.schedules.create(&house.org, &fields(action), "ada").await.unwrap_err();
    let ScheduleError::Invalid(problems) = refused else { panic!("{refused}") };
    assert_eq!(problems[0].path, "action.flowId");
}

#[actix::test]
async fn a_flow_brings_its_schedule_and_takes_it_along() {
    let house = TestHouse::start();
    let flows = house.machine.flows.clone();
    let cron = json!({"type": "cron", "cronExpression": "30 9 * * *", "timezone": "Europe/Berlin", "missed": "skip"});
    let flow: RecordId = house.flow(timed(cron.clone())).await;
    let [schedule] = <[Schedule; 1]>::try_from(all(&house).await).unwrap();
    assert_eq!((schedule.name.as_str(), schedule.status), ("nightly: scheduled_time", Status::Active));
    assert_eq!(schedule.next_run(), "2026-01-01T08:30:00Z".parse().ok());
    house.advance(8 * HOUR).await;
    house.advance(30 * MINUTE).await;
    let (run, _) = house.ended_run(&flow).await;
    assert_eq!((run.status, run.trigger.as_deref()), (RunStatus::Completed, Some("trigger-1")));
    let by = "scheduled_time 30 9 * * *";
    assert_eq!(notes(&house).await, [json!({"for": "2026-01-01T08:30:00.000Z", "by": by, "own": ""})]);
    // It is the flow's: what it is, is changed there.
    let schedules = &house.machine.schedules;
    let owned = schedules.delete(&house.org, schedule.id, "ada").await.unwrap_err();
    assert_eq!(owned, ScheduleError::Owned { id: schedule.id, flow: flow.clone() });
    assert!(schedules.patch(&house.org, schedule.id, &fields(json!({"name": "x"})), "ada").await.is_err());
    schedules.pause(&house.org, schedule.id, "ada").await.unwrap();
    // Saved with the same time it is the same schedule, and rests.
    let mut same = timed(cron);
    same["name"] = "weekly".into();
    flows.replace(&house.org, &flow, &same, ADA).await.unwrap();
    let [kept] = <[Schedule; 1]>::try_from(all(&house).await).unwrap();
    assert_eq!((kept.id, kept.runs, kept.status), (schedule.id, 1, Status::Paused));
    assert!(kept.name.starts_with("weekly"));
    schedules.resume(&house.org, schedule.id, "ada").await.unwrap();
    let other = timed(json!({"type": "interval", "interval": 2, "unit": "hours"}));
    flows.replace(&house.org, &flow, &other, ADA).await.unwrap();
    let [changed] = <[Schedule; 1]>::try_from(all(&house).await).unwrap();
    assert_eq!((changed.id, changed.next_run()), (schedule.id, "2026-01-01T10:30:00Z".parse().ok()));
    flows.set_status(&house.org, &flow, FlowStatus::Inactive, ADA).await.unwrap();
    assert_eq!(all(&house).await, []);
    house.advance(3 * HOUR).await;
    assert_eq!(house.runs(&flow).await.len(), 1);
    flows.set_status(&house.org, &flow, FlowStatus::Active, ADA).await.unwrap();
    let [again] = <[Schedule; 1]>::try_from(all(&house).await).unwrap();
    assert_eq!(again.next_run(), "2026-01-01T13:30:00Z".parse().ok(), "it missed nothing while it was off");
    flows.set_status(&house.org, &flow, FlowStatus::Archived, ADA).await.unwrap();
    assert_eq!(all(&house).await, []);
}

#[actix::test]
async fn each_trigger_has_its_own_and_a_filter_decides() {
    let house = TestHouse::start();
    let at = |config: Value| json!({"type": "scheduled_time", "config": config});
    let flow = house
        .flow(json!({
            "name": "two", "status": "active",
            "triggers": [
                at(json!({"interval": 1, "unit": "hours"})),
                {"type": "cron_trigger", "config": {"cronExpression": "0 * * * *"}, "filter": {"missed": {"$gt": 0}}},
                at(json!({"schedule": {"type": "once", "executeAt": "2026-01-01T00:10:00Z"}})),
                at(json!({"schedule": {"type": "once", "executeAt": "2025-01-01T00:10:00Z"}})),
                {"type": "scheduled_time", "enabled": false, "config": {"interval": 5}},
            ],
            "steps": [{"id": "a", "type": "action", "config": {"actionType": "create_data", "datatype": "note", "data": {}}}],
        }))
        .await;
    assert_eq!(all(&house).await.len(), 3);
    house.advance(10 * MINUTE).await;
    assert_eq!(house.runs(&flow).await.len(), 1);
    house.advance(50 * MINUTE).await;
    assert_eq!(house.runs(&flow).await.len(), 2, "the filter keeps one of the two back");
    let done = all(&house).await.into_iter().filter(|one| one.status == Status::Done).count();
    assert_eq!(done, 1);
}

#[actix::test]
async fn a_webhook_of_a_flow_that_time_starts_says_so() {
    let house = TestHouse::start();
    let trigger = json!({"type": "scheduled_time", "config": {"interval": 30}});
    let hook = json!([{"type": "send_webhook", "config": {"url": "https://r.example/hook"}}]);
    house.flow(json!({"name": "hook", "trigger": trigger, "actions": hook})).await;
    house.advance(30 * MINUTE).await;
    let sent = house.transport().sent();
    assert_eq!(sent.len(), 1);
    let body: Value = serde_json::from_slice(&sent[0].request.body).unwrap();
    assert_eq!(body["event"], "scheduled_time");
    assert_eq!(body["data"]["scheduledAt"], "2026-01-01T00:30:00.000Z");
}
