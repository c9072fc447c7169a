//! Steps that fail: tried again as the flow says, and then stopped, passed over or led elsewhere.

use std::time::Duration;

use appengine_actors::flow::book::Execution;
use appengine_actors::flow::run::{Run, RunStatus, StepRecord, StepStatus};
use appengine_actors::ids::RecordId;
use appengine_actors::keys;
use appengine_actors::queue::job::{JobState, names};
use appengine_actors::store::StoreError;
use appengine_actors::testkit::TestHouse;
use appengine_actors::testkit::probe::quiet;
use serde_json::{Value, json};

const SECOND: Duration = Duration::from_secs(1);

/// Steps: `edit` (an update of the deal), then `after`; and `rescue`, to which only errors lead.
async fn flow(house: &TestHouse, handling: Value, retry: Value) -> RecordId {
    let note = |id: &str| {
        let config = json!({"actionType": "create_data", "datatype": "note", "data": {"step": id}});
        json!({"id": id, "type": "action", "config": config})
    };
    let mut config =
        json!({"actionType": "update_data", "datatype": "deal", "recordId": "{{deal}}", "updates": {"n": 1}});
    if !retry.is_null() {
        config["retry"] = retry;
    }
    let edit = json!({"id": "edit", "type": "action", "config": config, "nextStepId": "after"});
    let mut steps = vec![edit, note("after")];
    if handling.to_string().contains("rescue") || steps[0].to_string().contains("rescue") {
        steps.push(note("rescue"));
    }
    let trigger = json!({"id": "t", "type": "order.paid", "name": "t"});
    let flow = json!({"name": "f", "status": "active", "triggers": [trigger], "steps": steps, "errorHandling": handling});
    house.flow(flow).await
}

/// Lets reads of the deal fail so often, and runs the flow for it.
async fn run(house: &TestHouse, flow: &RecordId, broken: usize) -> RecordId {
    let deal = house.create("deal", json!({})).await;
    quiet().await;
    let away = StoreError::Unavailable("the disk is away".into());
    house.store().fail_next_reads(&keys::record(&house.org, &deal.datatype, &deal.sk), broken, &away);
    house.publish("order.paid", json!({"deal": deal.sk})).await;
    quiet().await;
    assert_eq!(house.runs(flow).await.len(), 1);
    deal.sk
}

fn attempts(steps: &[StepRecord]) -> Vec<(&str, StepStatus, u32)> {
    steps.iter().map(|step| (step.step_id.as_str(), step.status, step.attempt)).collect()
}

async fn only(house: &TestHouse, flow: &RecordId) -> Run {
    house.runs(flow).await.remove(0)
}

const FAILED: StepStatus = StepStatus::Failed;
const DONE: StepStatus = StepStatus::Completed;

#[actix::test]
async fn a_step_that_may_work_later_is_tried_again_after_growing_pauses() {
    let house = TestHouse::start();
    let flow = flow(&house, json!({"maxRetries": 3, "retryDelaySeconds": 10}), Value::Null).await;
    run(&house, &flow, 3).await;
    for (failures, pause) in [(1, 10), (2, 20), (3, 40)] {
        let waiting = only(&house, &flow).await;
        assert_eq!((waiting.status, waiting.step_failures), (RunStatus::Waiting, failures));
        house.advance(SECOND * pause - Duration::from_millis(1)).await;
        assert_eq!(only(&house, &flow).await.step_failures, failures, "not before its pause is over");
        house.advance(SECOND).await;
    }
    let (run, steps) = house.ended_run(&flow).await;
    assert_eq!((run.status, run.step_failures), (RunStatus::Completed, 0));
    let expected = [
        ("edit", FAILED, 1),
        ("edit", FAILED, 2),
        ("edit", FAILED, 3),
        ("edit", DONE, 4),
        ("after", DONE, 1),
    ];
    assert_eq!(attempts(&steps), expected);
    assert!(steps[0].error.as_ref().unwrap().contains("the disk is away"));
    assert_eq!(run.completed_steps, ["edit", "after"]);
}

#[actix::test]
async fn a_pause_before_a_retry_survives_a_crash() {
    let house = TestHouse::start();
    house.found_org().await;
    let flow = flow(&house, json!({"maxRetries": 1, "retryDelaySeconds": 60}), Value::Null).await;
    run(&house, &flow, 1).await;
    let house = house.crash(0);
    house.advance(SECOND * 30).await;
    let house = house.restart().await;
    assert_eq!(only(&house, &flow).await.status, RunStatus::Waiting);
    house.advance(SECOND * 31).await;
    let (run, steps) = house.ended_run(&flow).await;
    assert_eq!(run.status, RunStatus::Completed);
    assert_eq!(attempts(&steps), [("edit", FAILED, 1), ("edit", DONE, 2), ("after", DONE, 1)]);
}

#[actix::test]
async fn when_the_last_try_fails_the_flow_says_what_happens() {
    for (handling, retry, status, taken) in [
        (json!({"maxRetries": 1}), Value::Null, RunStatus::Failed, vec!["edit", "edit"]),
        (json!({"maxRetries": 0}), Value::Null, RunStatus::Failed, vec!["edit"]),
        (
            json!({"maxRetries": 0, "onError": "continue"}),
            Value::Null,
            RunStatus::Completed,
            vec!["edit", "after"],
        ),
        (
            json!({"maxRetries": 1, "onError": "goto", "gotoStepId": "rescue"}),
            Value::Null,
            RunStatus::Completed,
            vec!["edit", "edit", "rescue"],
        ),
        // A step's own rule goes before the flow's.
        (json!({"maxRetries": 5}), json!({"maxRetries": 0}), RunStatus::Failed, vec!["edit"]),
        (
            json!({"maxRetries": 0}),
            json!({"onError": "goto", "gotoStepId": "rescue"}),
            RunStatus::Completed,
            vec!["edit", "rescue"],
        ),
    ] {
        let house = TestHouse::start();
        let flow = flow(&house, handling.clone(), retry).await;
        run(&house, &flow, 9).await;
        for _ in 0..10 {
            house.advance(SECOND).await;
        }
        let (run, steps) = house.ended_run(&flow).await;
        assert_eq!(run.status, status, "{handling}");
        let found: Vec<_> = steps.iter().map(|step| step.step_id.as_str()).collect();
        assert_eq!(found, taken, "{handling}");
        if status == RunStatus::Failed {
            let error = run.error.unwrap();
            assert!(error.message.contains("the disk is away"), "{error:?}");
            assert_eq!(error.step_id.as_deref(), Some("edit"));
            assert!(run.next_step.is_none() && run.completed_at.is_some());
        }
    }
}

#[actix::test]
async fn what_can_never_work_is_not_tried_again_but_may_be_passed_over() {
    for (on_error, status, taken) in
        [("stop", RunStatus::Failed, vec!["edit"]), ("continue", RunStatus::Completed, vec!["edit", "after"])]
    {
        let house = TestHouse::start();
        let flow = flow(&house, json!({"maxRetries": 5, "onError": on_error}), Value::Null).await;
        house.publish("order.paid", json!({"deal": "deal-none"})).await;
        let (run, steps) = house.ended_run(&flow).await;
        let found: Vec<_> = steps.iter().map(|step| step.step_id.as_str()).collect();
        assert_eq!((run.status, found), (status, taken));
    }
}

#[actix::test]
async fn a_run_that_cannot_be_read_is_its_jobs_trouble_and_goes_on_later() {
    let house = TestHouse::start();
    let flow = flow(&house, json!({}), Value::Null).await;
    let away = StoreError::Unavailable("the disk is away".into());
    house.store().fail_next_reads(&keys::flow_version(&house.org, &flow, 0), 2, &away);
    run(&house, &flow, 0).await;
    let job = house.jobs(names::AUTOMATION, JobState::Delayed).await.remove(0);
    assert!(job.last_error.unwrap().contains("the disk is away"));
    assert_eq!(only(&house, &flow).await.status, RunStatus::Pending);
    house.advance(SECOND).await;
    house.advance(SECOND * 2).await;
    let (run, steps) = house.ended_run(&flow).await;
    assert_eq!((run.status, steps.len()), (RunStatus::Completed, 2));
}

#[actix::test]
async fn a_run_whose_variables_grow_too_large_is_stopped() {
    let house = TestHouse::start();
    let note = json!({"type": "create_data", "config": {"datatype": "note", "data": {}}});
    let flow = house.short_flow("order.paid", json!(vec![note; 30])).await;
    // There is room for what a few steps return, not for what thirty do.
    let text = "x".repeat(house.setup.settings.value_limit - 2_000);
    let variables = json!({"text": text}).as_object().cloned().unwrap();
    let execution = Execution { variables, ..Execution::default() };
    let run = house.machine.flows.execute(&house.org, &flow, execution, SECOND).await.unwrap();
    assert_eq!(run.status, RunStatus::Failed);
    let error = run.error.unwrap();
    assert_eq!(error.message, "the run's variables are larger than 65536 bytes");
    let taken = house.run(run.id).await.1.len();
    assert!((1..30).contains(&taken), "{taken}");
    assert_eq!(error.step_id, Some(format!("step-{taken}")));
}
