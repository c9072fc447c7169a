//! Which flows an event starts: those that stand in the store when it is published, no others.

use appengine_actors::flow::definition::FlowStatus;
use appengine_actors::flow::run::RunStatus;
use appengine_actors::ids::OrgId;
use appengine_actors::queue::job::{JobState, names};
use appengine_actors::testkit::probe::{quiet, until};
use appengine_actors::testkit::{ADA, Setup, TestHouse};
use futures_util::future::join_all;
use serde_json::{Value, json};

fn task(title: &str) -> Value {
    json!([{"type": "create_data", "config": {"datatype": "task", "data": {"title": title}}}])
}

async fn titles(house: &TestHouse) -> Vec<String> {
    quiet().await;
    let mut tasks = house.records("task").await;
    tasks.sort_by_key(|task| task.created);
    tasks.iter().map(|task| task.data["title"].as_str().unwrap().to_owned()).collect()
}

#[actix::test]
async fn a_flow_that_is_made_changed_or_put_away_counts_for_the_very_next_event() {
    let house = TestHouse::start();
    house.publish("order.paid", json!({})).await;
    let flow = house.short_flow("order.paid", task("first")).await;
    house.publish("order.paid", json!({})).await;
    let body = json!({"name": "f", "trigger": {"type": "order.paid"}, "actions": task("second")});
    house.machine.flows.replace(&house.org, &flow, &body, ADA).await.unwrap();
    house.publish("order.paid", json!({})).await;
    let body = json!({"name": "f", "trigger": {"type": "order.sent"}, "actions": task("third")});
    house.machine.flows.replace(&house.org, &flow, &body, ADA).await.unwrap();
    house.publish("order.paid", json!({})).await;
    house.publish("order.sent", json!({})).await;
    for status in [FlowStatus::Inactive, FlowStatus::Draft, FlowStatus::Testing] {
        house.machine.flows.set_status(&house.org, &flow, status, ADA).await.unwrap();
        house.publish("order.sent", json!({})).await;
    }
    house.machine.flows.set_status(&house.org, &flow, FlowStatus::Active, ADA).await.unwrap();
    house.publish("order.sent", json!({})).await;
    house.machine.flows.set_status(&house.org, &flow, FlowStatus::Archived, ADA).await.unwrap();
    house.publish("order.sent", json!({})).await;
    assert_eq!(titles(&house).await, ["first", "second", "third", "third"]);
    let versions: Vec<_> = house.runs(&flow).await.iter().map(|run| run.flow_version).collect();
    assert_eq!(versions, [0, 1, 2, 6]);
}

#[actix::test]
async fn a_flow_that_changes_while_its_run_pauses_is_followed_in_the_version_it_began_with() {
    let house = TestHouse::start();
    let pause = json!({"type": "delay", "config": {"duration": 5, "unit": "seconds"}});
    let actions = json!([pause, task("old")[0]]);
    let flow = house.short_flow("order.paid", actions).await;
    house.publish("order.paid", json!({})).await;
    until("the run pauses", async || {
        house.runs(&flow).await.into_iter().find(|run| run.status == RunStatus::Waiting)
    })
    .await;
    let body = json!({"name": "f", "trigger": {"type": "order.paid"}, "actions": task("new")});
    house.machine.flows.replace(&house.org, &flow, &body, ADA).await.unwrap();
    house.machine.flows.set_status(&house.org, &flow, FlowStatus::Archived, ADA).await.unwrap();
    house.advance(std::time::Duration::from_secs(5)).await;
    assert_eq!(titles(&house).await, ["old"]);
}

#[actix::test]
async fn flows_are_back_after_a_restart_and_after_a_crash() {
    let house = TestHouse::start();
    house.found_org().await;
    house.short_flow("order.paid", task("a")).await;
    let away = house.short_flow("order.paid", task("b")).await;
    house.machine.flows.set_status(&house.org, &away, FlowStatus::Inactive, ADA).await.unwrap();
    let house = house.restart().await;
    house.publish("order.paid", json!({})).await;
    assert_eq!(titles(&house).await, ["a"]);
    let house = house.crash(0);
    house.publish("order.paid", json!({})).await;
    assert_eq!(titles(&house).await, ["a", "a"]);
}

#[actix::test]
async fn a_flow_starts_by_the_events_of_its_own_organisation() {
    let house = TestHouse::start();
    let flow = house.short_flow("*", task("heard")).await;
    let foreign = OrgId::new("my-org.x").unwrap();
    let mut change = appengine_actors::bus::change::Change::default();
    change.events.push(house.draft("order.paid", json!({})));
    let receipt = house.machine.publisher.commit(foreign, change).await.unwrap();
    assert!(receipt.runs.is_empty());
    quiet().await;
    assert!(house.runs(&flow).await.is_empty());
}

#[actix::test]
async fn a_filter_is_asked_before_a_run_is_made() {
    let house = TestHouse::start();
    let trigger = json!({"type": "order.paid", "filter": {"amount": {"$gte": 100}}});
    let flow = house.flow(json!({"name": "f", "trigger": trigger, "actions": task("large")})).await;
    house.publish("order.paid", json!({"amount": 99})).await;
    house.publish("order.paid", json!({"amount": 100})).await;
    assert_eq!(titles(&house).await, ["large"]);
    assert_eq!(house.runs(&flow).await.len(), 1);
}

#[actix::test]
async fn changes_of_data_are_looked_at_in_their_own_queue() {
    let house = TestHouse::start();
    house.found_org().await;
    let config = json!({"datatype": "deal", "operations": ["update"], "filter": {"data.stage": "won"}});
    let trigger = json!({"type": "database_change", "config": config});
    let flow = house.flow(json!({"name": "f", "trigger": trigger, "actions": task("party")})).await;
    let deal = house.create("deal", json!({"stage": "won"})).await;
    let datatype = deal.datatype.clone();
    let house = house.crash(0);
    for stage in ["lost", "won"] {
        let edit = |record: &mut appengine_actors::record::model::Record| {
            record.data.insert("stage".into(), stage.into());
            Ok(())
        };
        let origin = appengine_actors::record::service::Origin::default();
        let at = (&datatype, &deal.sk);
        house.machine.records.update(&house.org, at, None, &origin, edit).await.unwrap();
        quiet().await;
    }
    let (run, _) = house.ended_run(&flow).await;
    assert_eq!(run.depth, 1);
    assert_eq!(titles(&house).await, ["party"]);
    let looked = house.jobs(names::AUTOMATION_TRIGGER, JobState::Completed).await;
    assert_eq!(looked.len(), 2, "creating a deal does not concern it");
}

#[actix::test]
async fn a_burst_that_overflows_every_mailbox_is_worked_off() {
    let mut setup = Setup::default();
    setup.settings.mailbox = 1;
    let house = setup.start();
    let flow = house.short_flow("order.paid", task("x")).await;
    let published = join_all((0..60).map(|n| house.try_publish("order.paid", json!({"n": n})))).await;
    assert!(published.iter().all(Result::is_ok));
    for _ in 0..5 {
        house.advance(std::time::Duration::from_secs(1)).await;
    }
    let runs = house.runs(&flow).await;
    assert_eq!(runs.len(), 60);
    assert!(runs.iter().all(|run| run.status == RunStatus::Completed), "{runs:#?}");
    let queue = house.queue(names::AUTOMATION).await;
    assert_eq!((queue.completed, queue.waiting, queue.active), (60, 0, 0));
}
