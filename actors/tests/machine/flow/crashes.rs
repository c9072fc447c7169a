//! A step's result is durable before the next step begins: a process may die at any moment.

use std::time::Duration;

use appengine_actors::flow::run::{RunStatus, StepStatus};
use appengine_actors::ids::RecordId;
use appengine_actors::queue::job::{JobState, names};
use appengine_actors::record::model::Record;
use appengine_actors::record::service::Origin;
use appengine_actors::store::{Store, StoreError};
use appengine_actors::testkit::TestHouse;
use appengine_actors::testkit::probe::{quiet, until};
use appengine_actors::webhook::delivery::DeliveryStatus;
use futures_util::future::join_all;
use serde_json::json;

const SECOND: Duration = Duration::from_secs(1);

/// A note, a webhook, a note: what happens twice can be seen.
async fn flow(house: &TestHouse) -> RecordId {
    let note =
        |text: &str| json!({"type": "create_data", "config": {"datatype": "note", "data": {"text": text}}});
    let webhook = json!({"type": "send_webhook", "config": {"url": "https://r.example/hook"}});
    house.short_flow("order.paid", json!([note("first"), webhook, note("second")])).await
}

#[actix::test]
async fn a_crash_between_any_two_batches_leaves_each_step_done_once() {
    for at in 0..14 {
        for kept in [0, 1] {
            let house = TestHouse::start();
            house.found_org().await;
            let flow = flow(&house).await;
            house.publish("order.paid", json!({})).await;
            // From here on one batch at a time: claims, steps, the delivery, ends of jobs.
            house.store().hold();
            for _ in 0..at {
                quiet().await;
                house.store().release_next(1);
            }
            quiet().await;
            let mut house = house.crash(kept);
            house.advance(SECOND).await;
            // Once more, in the middle of what the second process does.
            house.store().hold();
            house.store().release_next(1);
            house = house.crash(1);
            for _ in 0..4 {
                house.advance(SECOND).await;
            }
            let (run, steps) = house.ended_run(&flow).await;
            assert_eq!(run.status, RunStatus::Completed, "at {at}, kept {kept}");
            let taken: Vec<_> =
                steps.iter().map(|step| (step.step_id.as_str(), step.status, step.attempt)).collect();
            let done = StepStatus::Completed;
            assert_eq!(
                taken,
                [("step-1", done, 1), ("step-2", done, 1), ("step-3", done, 1)],
                "at {at}, kept {kept}"
            );
            assert_eq!(house.records("note").await.len(), 2, "at {at}, kept {kept}");
            let deliveries = house.deliveries().await;
            assert_eq!(deliveries.len(), 1, "at {at}, kept {kept}: ordered once");
            assert_eq!(deliveries[0].status, DeliveryStatus::Delivered, "at {at}, kept {kept}");
            let sent = house.transport().sent();
            assert!(!sent.is_empty() && sent.iter().all(|sent| sent.id() == deliveries[0].id.to_string()));
            let queue = house.queue(names::AUTOMATION).await;
            assert_eq!((queue.failed, queue.active, queue.waiting), (0, 0, 0), "at {at}, kept {kept}");
        }
    }
}

#[actix::test]
async fn a_step_whose_write_fails_is_taken_again_and_leaves_one_trace() {
    // The batches of the run, in order; each fails or loses its answer in turn.
    for at in 0..8 {
        for lost in [false, true] {
            let house = TestHouse::start();
            let flow = flow(&house).await;
            house.store().hold();
            let published = tokio::spawn({
                let (publisher, org) = (house.machine.publisher.clone(), house.org.clone());
                let mut change = appengine_actors::bus::change::Change::default();
                change.events.push(house.draft("order.paid", json!({})));
                async move { publisher.commit(org, change).await }
            });
            quiet().await;
            house.store().release_next(1);
            published.await.unwrap().unwrap();
            for _ in 0..at {
                quiet().await;
                house.store().release_next(1);
            }
            quiet().await;
            if lost {
                house.store().lose_next_answers(1);
            } else {
                house.store().fail_next(1, &StoreError::Full);
            }
            house.store().release();
            for _ in 0..5 {
                house.advance(SECOND).await;
            }
            let (run, steps) = house.ended_run(&flow).await;
            assert_eq!(run.status, RunStatus::Completed, "at {at}, lost {lost}");
            assert_eq!(steps.len(), 3, "at {at}, lost {lost}");
            assert_eq!(house.records("note").await.len(), 2, "at {at}, lost {lost}");
            assert_eq!(house.deliveries().await.len(), 1, "at {at}, lost {lost}");
            assert_eq!(house.deliveries().await[0].status, DeliveryStatus::Delivered, "at {at}, lost {lost}");
            let queue = house.queue(names::AUTOMATION).await;
            assert_eq!((queue.completed, queue.active), (1, 0), "at {at}, lost {lost}");
        }
    }
}

#[actix::test]
async fn a_record_that_somebody_else_writes_meanwhile_is_not_overwritten() {
    let house = TestHouse::start();
    let config = json!({"datatype": "deal", "recordId": "{{deal}}", "updates": {"data.stage": "won"}});
    let flow = house.short_flow("order.paid", json!([{"type": "update_data", "config": config}])).await;
    let deal = house.create("deal", json!({"stage": "new", "owner": "none"})).await;
    quiet().await;
    house.publish("order.paid", json!({"deal": deal.sk})).await;
    house.store().hold();
    quiet().await;
    // The job is claimed but that is not written; somebody writes the deal; then the step reads it.
    let update = tokio::spawn({
        let (records, org, deal) = (house.machine.records.clone(), house.org.clone(), deal.clone());
        async move {
            let edit = |record: &mut Record| {
                record.data.insert("owner".into(), "ada".into());
                Ok(())
            };
            records.update(&org, (&deal.datatype, &deal.sk), None, &Origin::default(), edit).await
        }
    });
    quiet().await;
    assert_eq!(house.store().stats().waiting, 2, "the claim, and the write from outside");
    house.store().release_next(1);
    quiet().await;
    assert_eq!(house.store().stats().waiting, 2, "the write from outside, and the step's");
    house.store().release();
    update.await.unwrap().unwrap();
    let (run, steps) = house.ended_run(&flow).await;
    assert_eq!((run.status, steps.len()), (RunStatus::Completed, 1));
    let deal = house.record("deal", &deal.sk).await.unwrap();
    assert_eq!((deal.version, &deal.data["owner"], &deal.data["stage"]), (2, &json!("ada"), &json!("won")));
}

#[actix::test]
async fn many_runs_that_write_one_record_all_have_their_say() {
    let house = TestHouse::start();
    let tag = json!([{"type": "add_tag", "config": {"contactId": "{{contact.id}}", "tags": ["{{n}}"]}}]);
    let flow = house.short_flow("order.paid", tag).await;
    let contact = house.create("contact", json!({"email": "a@example.com"})).await;
    let publish = |n: usize| {
        let data = json!({"contact": {"id": contact.sk}, "n": format!("tag-{n}")});
        house.try_publish("order.paid", data)
    };
    assert!(join_all((0..12).map(publish)).await.iter().all(Result::is_ok));
    until("all runs are at their end", async || {
        house.runs(&flow).await.iter().all(|run| run.status == RunStatus::Completed).then_some(())
    })
    .await;
    let contact = house.record("contact", &contact.sk).await.unwrap();
    assert_eq!(contact.data["tags"].as_array().unwrap().len(), 12);
    quiet().await;
    assert_eq!(house.jobs(names::AUTOMATION, JobState::Completed).await.len(), 12);
}
