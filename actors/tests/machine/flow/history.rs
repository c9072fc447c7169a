//! What an operator reads of a run afterwards.

use std::time::Duration;

use appengine_actors::flow::book::RunsWanted;
use appengine_actors::flow::run::RunStatus;
use appengine_actors::ids::{OrgId, RecordId};
use appengine_actors::list::{Slice, Span};
use appengine_actors::testkit::TestHouse;
use appengine_actors::testkit::probe::{FeedProbe, quiet};
use serde_json::{Value, json};

#[actix::test]
async fn every_step_is_there_with_what_it_got_and_what_it_gave() {
    let house = TestHouse::start();
    let actions = json!([
        {"id": "make", "name": "Make a task", "type": "create_data",
         "config": {"datatype": "task", "data": {"for": "{{contact.email}}", "all": "{{contact.tags}}"}}},
        {"id": "ask", "type": "if_then",
         "config": {"field": "contact.score", "operator": ">=", "value": "{{limit}}", "thenStepId": "wait", "elseStepId": "tell"}},
        {"id": "wait", "type": "delay", "config": {"duration": 30, "unit": "seconds"}},
        {"id": "tell", "type": "send_webhook",
         "config": {"url": "https://r.example/{{steps.make.recordId}}", "body": {"task": "{{recordId}}"}}},
    ]);
    let flow = house.short_flow("contact.created", actions).await;
    let mut feed = FeedProbe::new(&house.house().feed);
    let contact =
        house.create("contact", json!({"email": "ada@example.com", "tags": ["a"], "score": 5})).await;
    house.advance(Duration::from_secs(30)).await;
    let (run, steps) = house.ended_run(&flow).await;
    let task = house.records("task").await.remove(0).sk;
    let delivery = house.deliveries().await.remove(0);
    let start = run.started_at.unwrap();
    let step = |id: &str, name: &str, handler: &str, input: Value, output: Value, at| {
        json!({
            "stepId": id, "name": name, "handler": handler, "status": "completed", "attempt": 1,
            "input": input, "output": output, "startedAt": at, "completedAt": at,
        })
    };
    let asked = json!({"conditionType": "if_then", "field": "contact.score", "operator": ">=", "value": "{{limit}}",
        "thenStepId": "wait", "elseStepId": "tell"});
    let url = format!("https://r.example/{task}");
    let expected = json!([
        step(
            "make",
            "Make a task",
            "create_data",
            json!({"datatype": "task", "data": {"for": "ada@example.com", "all": ["a"]}}),
            json!({"recordId": task, "datatype": "task"}),
            start
        ),
        step("ask", "if_then", "if_then", asked, json!({"passed": false, "nextStepId": "tell"}), start),
        step(
            "tell",
            "send_webhook",
            "send_webhook",
            json!({"url": url, "body": {"task": task}}),
            json!({"deliveryId": delivery.id}),
            start
        ),
    ]);
    let found = serde_json::to_value(&steps).unwrap();
    assert_eq!(found, expected, "{found:#}");
    let run_json = serde_json::to_value(&run).unwrap();
    for (key, value) in [
        ("orgId", json!("my-org")),
        ("automationId", json!(flow)),
        ("flowVersion", json!(0)),
        ("status", json!("completed")),
        ("depth", json!(1)),
        ("completedSteps", json!(["make", "ask", "tell"])),
        ("stepCount", json!(3)),
        ("totalSteps", json!(4)),
        ("createdAt", json!(contact.created.time())),
        ("completedAt", json!(start)),
        ("cause", json!({"type": "event", "id": run.event.unwrap()})),
    ] {
        assert_eq!(run_json[key], value, "{key}");
    }
    assert_eq!((delivery.run_id, delivery.step_id.as_deref()), (Some(run.id), Some("tell")));
    let shown: Vec<_> = feed.runs().await.into_iter().map(|(_, status)| status).collect();
    assert_eq!(shown, ["running", "running", "completed"]);
}

#[actix::test]
async fn what_is_too_large_for_the_history_is_replaced_by_its_size() {
    let house = TestHouse::start();
    let config = json!({"datatype": "task", "data": {"text": "{{text}}"}});
    let flow = house.short_flow("order.paid", json!([{"type": "create_data", "config": config}])).await;
    house.publish("order.paid", json!({"text": "x".repeat(20_000)})).await;
    let (run, steps) = house.ended_run(&flow).await;
    assert_eq!(run.status, RunStatus::Completed);
    assert_eq!(steps[0].input["omitted"], true);
    assert!(steps[0].input["bytes"].as_u64().unwrap() > 20_000);
    assert_eq!(house.records("task").await[0].data["text"].as_str().unwrap().len(), 20_000);
}

#[actix::test]
async fn runs_are_listed_newest_first_by_flow_and_by_status_and_page_by_page() {
    let house = TestHouse::start();
    let update = json!({"type": "delete_data", "config": {"datatype": "task", "recordId": "{{task}}"}});
    let flow = house.short_flow("order.paid", json!([update.clone()])).await;
    let pause = json!({"type": "delay", "config": {"duration": 1}});
    let other = house.short_flow("order.sent", json!([pause, update])).await;
    for n in 0..6 {
        let task = house.create("task", json!({})).await;
        let task = if n % 2 == 0 { json!(task.sk) } else { json!("task-none") };
        house.publish("order.paid", json!({"task": task})).await;
        house.publish("order.sent", json!({})).await;
    }
    quiet().await;
    let flows = &house.machine.flows;
    let list = async |of: Option<&RecordId>, status, before, limit| {
        let wanted = RunsWanted { flow: of.cloned(), status, before, ..RunsWanted::default() };
        flows.runs(&house.org, &wanted, Slice { skip: 0, limit }).await.unwrap().rows
    };
    let all = list(None, None, None, 100).await;
    assert_eq!(all.len(), 12);
    assert!(all.iter().map(|run| run.id).is_sorted_by(|newer, older| newer > older));
    assert_eq!(list(Some(&flow), None, None, 100).await.len(), 6);
    assert_eq!(list(Some(&flow), Some(RunStatus::Failed), None, 100).await.len(), 3);
    assert_eq!(list(None, Some(RunStatus::Waiting), None, 100).await.len(), 6);
    let first = list(Some(&other), None, None, 4).await;
    let second = list(Some(&other), None, Some(first[3].id), 4).await;
    assert_eq!((first.len(), second.len()), (4, 2));
    assert!(second[0].id < first[3].id);
    let made = Span { from: Some(all[8].created_at), to: Some(all[4].created_at) };
    let wanted = RunsWanted { made, ..RunsWanted::default() };
    let middle = flows.runs(&house.org, &wanted, Slice { skip: 0, limit: 100 }).await.unwrap();
    let expected = all.iter().filter(|run| made.holds(run.created_at)).count();
    assert_eq!((middle.rows.len(), middle.total), (expected, expected));
    assert!((5..12).contains(&expected), "{expected}");
    let page = flows.runs(&house.org, &RunsWanted::default(), Slice { skip: 5, limit: 5 }).await.unwrap();
    assert_eq!((&page.rows[..], page.total, page.has_next()), (&all[5..10], 12, true));
    let foreign = OrgId::new("other-org").unwrap();
    for flow in [Some(flow), None] {
        let wanted = RunsWanted { flow, ..RunsWanted::default() };
        let theirs = flows.runs(&foreign, &wanted, Slice { skip: 0, limit: 100 }).await.unwrap();
        assert_eq!((theirs.rows, theirs.total), (vec![], 0));
    }
    assert!(flows.run(&foreign, all[0].id).await.is_err());
}
