//! Where a run goes: conditions, branches, steps that are off, ends, circles.

use appengine_actors::flow::run::{Run, RunStatus, StepStatus};
use appengine_actors::testkit::probe::quiet;
use appengine_actors::testkit::{Setup, TestHouse};
use serde_json::{Value, json};

fn note(id: &str, next: Option<&str>) -> Value {
    let config = json!({"actionType": "create_data", "datatype": "note", "data": {"step": id}});
    json!({"id": id, "type": "action", "config": config, "nextStepId": next})
}

/// Runs a flow of these steps for one event; answers the steps it took and the run.
async fn walk(house: &TestHouse, steps: Value, event: Value) -> (Vec<String>, Run) {
    let trigger = json!({"id": "t", "type": "order.paid", "name": "t"});
    let flow = json!({"name": "f", "status": "active", "triggers": [trigger], "steps": steps});
    let flow = house.flow(flow).await;
    house.publish("order.paid", event).await;
    let (run, steps) = house.ended_run(&flow).await;
    (steps.into_iter().map(|step| step.step_id).collect(), run)
}

#[actix::test]
async fn conditions_choose_the_branch() {
    let branch = |kind: &str, config: Value| {
        let mut config = config;
        config["conditionType"] = kind.into();
        json!([
            {"id": "ask", "type": "condition", "config": config},
            note("yes", Some("end")), note("no", Some("end")),
            {"id": "end", "type": "end", "config": {}},
        ])
    };
    let flat = json!({"field": "order.total", "operator": "greater_than", "value": 100});
    let mut if_then = flat.clone();
    (if_then["thenStepId"], if_then["elseStepId"]) = ("yes".into(), "no".into());
    let mut check = flat.clone();
    (check["trueFlowId"], check["falseFlowId"]) = ("yes".into(), "no".into());
    let text = json!({"condition": "{{order.total}} > 100", "thenStepId": "yes", "elseStepId": "no"});
    for (kind, config) in [("if_then", if_then), ("check_field_value", check), ("if_then", text)] {
        for (total, chosen) in [(101, "yes"), (100, "no")] {
            let house = TestHouse::start();
            let steps = branch(kind, config.clone());
            let (taken, run) = walk(&house, steps, json!({"order": {"total": total}})).await;
            assert_eq!(taken, ["ask", chosen, "end"], "{config}");
            assert_eq!(run.status, RunStatus::Completed);
            let (_, steps) = house.run(run.id).await;
            assert_eq!(steps[0].output, json!({"passed": chosen == "yes", "nextStepId": chosen}));
        }
    }
}

#[actix::test]
async fn a_condition_that_fails_and_names_no_branch_ends_the_run() {
    for (value, expected) in [(1, vec!["ask", "yes"]), (2, vec!["ask"])] {
        let house = TestHouse::start();
        let config = json!({"conditionType": "if_then", "field": "n", "operator": "equals", "value": 1});
        let ask = json!({"id": "ask", "type": "condition", "config": config, "nextStepId": "yes"});
        let (taken, run) = walk(&house, json!([ask, note("yes", None)]), json!({"n": value})).await;
        assert_eq!(
            (taken, run.status),
            (expected.into_iter().map(str::to_owned).collect(), RunStatus::Completed)
        );
    }
}

#[actix::test]
async fn always_execute_goes_on() {
    let house = TestHouse::start();
    let always = json!({"id": "a", "type": "condition", "config": {"conditionType": "always_execute"}, "nextStepId": "b"});
    let (taken, _) = walk(&house, json!([always, note("b", None)]), json!({})).await;
    assert_eq!(taken, ["a", "b"]);
}

#[actix::test]
async fn a_value_that_only_the_run_knows_may_be_of_no_use() {
    let house = TestHouse::start();
    let config =
        json!({"conditionType": "if_then", "field": "text", "operator": "regex", "value": "{{pattern}}"});
    let ask = json!({"id": "ask", "type": "condition", "config": config, "nextStepId": "b"});
    let (_, run) = walk(&house, json!([ask, note("b", None)]), json!({"text": "a", "pattern": "("})).await;
    assert_eq!(run.status, RunStatus::Failed);
    assert_eq!(run.error.unwrap().step_id.as_deref(), Some("ask"));
}

#[actix::test]
async fn a_step_that_is_off_is_passed_over_and_shown_as_skipped() {
    let house = TestHouse::start();
    let mut off = note("b", Some("c"));
    off["enabled"] = false.into();
    let (taken, run) = walk(&house, json!([note("a", Some("b")), off, note("c", None)]), json!({})).await;
    assert_eq!(taken, ["a", "b", "c"]);
    let (_, steps) = house.run(run.id).await;
    let states: Vec<_> = steps.iter().map(|step| step.status).collect();
    assert_eq!(states, [StepStatus::Completed, StepStatus::Skipped, StepStatus::Completed]);
    assert_eq!(house.records("note").await.len(), 2);
}

#[actix::test]
async fn a_trigger_may_begin_anywhere_and_its_picture_is_passed_through() {
    let house = TestHouse::start();
    let picture = json!({"id": "p", "type": "trigger", "config": {}, "nextStepId": "b"});
    let trigger = json!({"id": "t", "type": "order.paid", "name": "t", "nextStepId": "p"});
    let other = json!({"id": "u", "type": "order.sent", "name": "u"});
    let steps = json!([note("a", Some("b")), note("b", None), picture]);
    let flow = json!({"name": "f", "status": "active", "triggers": [trigger, other], "steps": steps});
    let flow = house.flow(flow).await;
    house.publish("order.paid", json!({})).await;
    house.publish("order.sent", json!({})).await;
    quiet().await;
    let runs = house.runs(&flow).await;
    let taken: Vec<_> =
        runs.iter().map(|run| (run.trigger.as_deref().unwrap(), run.completed_steps.join(" "))).collect();
    assert_eq!(taken, [("t", "p b".to_owned()), ("u", "a b".to_owned())]);
}

#[actix::test]
async fn a_flow_that_goes_in_circles_is_stopped() {
    let house = TestHouse::start();
    let (taken, run) = walk(&house, json!([note("a", Some("b")), note("b", Some("a"))]), json!({})).await;
    assert_eq!(taken.len(), 50);
    assert_eq!(run.status, RunStatus::Failed);
    assert_eq!(run.error.unwrap().message, "it took 50 steps, the most that are allowed");
}

#[actix::test]
async fn a_run_that_lives_too_long_is_stopped() {
    let mut setup = Setup::default();
    setup.settings.flows.run_timeout = std::time::Duration::from_secs(3_600);
    let house = setup.start();
    let pause =
        json!({"id": "w", "type": "wait", "config": {"duration": 61, "unit": "minutes"}, "nextStepId": "b"});
    let trigger = json!({"id": "t", "type": "order.paid", "name": "t"});
    let steps = json!([pause, note("b", None)]);
    let flow = json!({"name": "f", "status": "active", "triggers": [trigger], "steps": steps});
    let flow = house.flow(flow).await;
    house.publish("order.paid", json!({})).await;
    house.advance(std::time::Duration::from_secs(3_661)).await;
    let (run, _) = house.ended_run(&flow).await;
    assert_eq!(run.status, RunStatus::Failed);
    assert!(run.error.unwrap().message.contains("flows.run_timeout"));
    assert_eq!(house.records("note").await, []);
}
