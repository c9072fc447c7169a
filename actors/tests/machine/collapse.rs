//! Parts of the machine die while work is under way: what was acknowledged goes on.

use std::time::Duration;

use appengine_actors::bus::change::ChangeError;
use appengine_actors::flow::run::RunStatus;
use appengine_actors::queue::job::{JobState, names};
use appengine_actors::supervision::{Collapse, Supervisor};
use appengine_actors::testkit::probe::{quiet, until};
use appengine_actors::testkit::{ADA, Answer, TestHouse};
use appengine_actors::webhook::delivery::DeliveryStatus;
use serde_json::{Value, json};

const SECOND: Duration = Duration::from_secs(1);
const HOOK: &str = "https://receiver.example/hook";

fn webhook() -> Value {
    json!([{"type": "send_webhook", "config": {"url": HOOK}}])
}

/// A group of the tree panics and is rebuilt.
async fn lose(house: &TestHouse, group: &str) {
    // No hint is left over that would make anybody look by chance.
    house.advance(SECOND * 2).await;
    house.actor::<Supervisor>(group).tell(Collapse).unwrap();
    house.advance(SECOND).await;
    house.machine.health().await.unwrap();
}

#[actix::test]
async fn a_retry_is_made_although_the_destinations_died_meanwhile() {
    let house = TestHouse::start();
    house.transport().next(HOOK, [Answer::Status(500)]);
    house.short_flow("order.paid", webhook()).await;
    house.publish("order.paid", json!({})).await;
    until("the first attempt has failed", async || {
        house.deliveries().await.into_iter().find(|delivery| delivery.attempts == 1)
    })
    .await;
    lose(&house, "delivery/destinations").await;
    house.advance(SECOND * 6).await;
    let delivery = house.deliveries().await.remove(0);
    assert_eq!((delivery.status, delivery.attempts), (DeliveryStatus::Delivered, 2));
}

#[actix::test]
async fn a_request_that_is_under_way_when_the_destinations_die_is_made_again_with_the_same_id() {
    let house = TestHouse::start();
    house.transport().next(HOOK, [Answer::Hang]);
    house.short_flow("order.paid", webhook()).await;
    house.publish("order.paid", json!({})).await;
    until("the request hangs", async || (house.transport().hanging(HOOK) == 1).then_some(())).await;
    lose(&house, "delivery").await;
    assert_eq!(house.transport().hanging(HOOK), 0, "the old request was called off");
    let sent = house.transport().sent();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].id(), sent[1].id());
    let delivery = house.deliveries().await.remove(0);
    assert_eq!((delivery.status, delivery.attempts), (DeliveryStatus::Delivered, 1));
}

#[actix::test]
async fn runs_go_on_although_the_queues_or_the_flows_died_meanwhile() {
    for group in ["queues", "automation/flows", "automation", "events", "delivery", "delivery/destinations"] {
        let house = TestHouse::start();
        let flow = house
            .short_flow(
                "order.paid",
                json!([
                    {"type": "delay", "config": {"duration": 1, "unit": "minutes"}},
                    {"type": "create_data", "config": {"datatype": "task", "data": {"title": "call"}}},
                ]),
            )
            .await;
        house.publish("order.paid", json!({})).await;
        until("the run pauses", async || {
            house.runs(&flow).await.into_iter().find(|run| run.status == RunStatus::Waiting)
        })
        .await;
        lose(&house, group).await;
        house.advance(SECOND * 60).await;
        let (run, steps) = house.ended_run(&flow).await;
        assert_eq!((run.status, steps.len()), (RunStatus::Completed, 2), "{group}");
        assert_eq!(house.records("task").await.len(), 1, "{group}");
        quiet().await;
        let queue = house.queue(names::SCHEDULE).await;
        assert_eq!((queue.completed, queue.failed, queue.active), (1, 0, 0), "{group}");
    }
}

#[actix::test]
async fn a_job_that_ran_when_its_queue_died_runs_again_and_counts_as_interrupted() {
    let house = TestHouse::start();
    let flow = house.short_flow("order.paid", webhook()).await;
    house.publish("order.paid", json!({})).await;
    house.ended_run(&flow).await;
    quiet().await;
    // The next run's only step cannot be written for now, so its job is under way.
    house.setup.store.hold();
    let published = tokio::spawn(publish(&house));
    house.store().until_waiting(1).await;
    house.store().release_next(1);
    published.await.unwrap().unwrap();
    house.store().until_waiting(1).await;
    house.store().release_next(1);
    house.store().until_waiting(1).await;
    assert_eq!(house.jobs(names::AUTOMATION, JobState::Active).await.len(), 1);
    let queues = house.actor::<Supervisor>("queues");
    queues.tell(Collapse).unwrap();
    quiet().await;
    house.store().release();
    house.advance(SECOND).await;
    let jobs = house.jobs(names::AUTOMATION, JobState::Completed).await;
    let counts: Vec<_> = jobs.iter().map(|job| (job.attempts, job.interrupted)).collect();
    assert_eq!(counts, [(1, 0), (2, 1)]);
    assert_eq!(house.transport().sent().len(), 2, "each run ordered its webhook once");
    assert_eq!(house.queue(names::AUTOMATION).await.failed, 0);
}

fn publish(house: &TestHouse) -> impl Future<Output = Result<(), ChangeError>> + 'static {
    let mut change = appengine_actors::bus::change::Change::default();
    change.events.push(house.draft("order.paid", json!({})));
    let committed = house.machine.publisher.commit(house.org.clone(), change);
    async move { committed.await.map(drop) }
}

#[actix::test]
async fn what_was_durable_when_the_bus_died_is_followed_up_although_nobody_was_told() {
    let house = TestHouse::start();
    let flow = house.short_flow("order.paid", webhook()).await;
    quiet().await;
    house.store().hold();
    let published = tokio::spawn(publish(&house));
    house.store().until_waiting(1).await;
    house.actor::<Supervisor>("events").tell(Collapse).unwrap();
    quiet().await;
    house.store().release();
    house.advance(SECOND).await;
    let answer = published.await.unwrap();
    assert!(matches!(answer, Err(ChangeError::Published(_))), "it was asked again: {answer:?}");
    house.advance(SECOND * 2).await;
    house.advance(SECOND * 2).await;
    let (run, _) = house.ended_run(&flow).await;
    assert_eq!(run.status, RunStatus::Completed);
    house.advance(SECOND * 2).await;
    assert_eq!(house.transport().sent().len(), 1);
}

#[actix::test]
async fn a_delivery_that_was_durable_when_the_bus_died_is_made_although_nobody_was_told() {
    let house = TestHouse::start();
    house.short_flow("order.paid", webhook()).await;
    // The destination runs already, so nothing but a hint makes it look.
    house.publish("order.paid", json!({})).await;
    until("the first webhook went out", async || house.transport().sent().pop()).await;
    house.advance(SECOND * 2).await;
    house.store().hold();
    let published = tokio::spawn(publish(&house));
    // The event, the job's claim; then the step with its delivery.
    for _ in 0..2 {
        house.store().until_waiting(1).await;
        house.store().release_next(1);
    }
    published.await.unwrap().unwrap();
    house.store().until_waiting(1).await;
    house.actor::<Supervisor>("events").tell(Collapse).unwrap();
    quiet().await;
    house.store().release();
    for _ in 0..4 {
        house.advance(SECOND * 2).await;
    }
    assert_eq!(house.transport().sent().len(), 2);
    let delivered = house.deliveries().await;
    assert!(delivered.iter().all(|delivery| delivery.status == DeliveryStatus::Delivered));
}

#[actix::test]
async fn a_flow_that_was_on_its_way_to_the_disk_when_the_bus_died_is_armed_by_the_next_one() {
    let house = TestHouse::start();
    house.found_org().await;
    quiet().await;
    house.store().hold();
    let (flows, org) = (house.machine.flows.clone(), house.org.clone());
    let body = json!({"name": "f", "trigger": {"type": "order.paid"}, "actions": webhook()});
    let asked = tokio::spawn(async move { flows.create(&org, &body, ADA).await });
    house.store().until_waiting(1).await;
    house.actor::<Supervisor>("events").tell(Collapse).unwrap();
    house.advance(SECOND).await;
    house.store().release();
    assert!(asked.await.unwrap().is_err(), "it is there already when it is asked for again");
    house.publish("order.paid", json!({})).await;
    until("the webhook goes out", async || house.transport().sent().pop()).await;
}
