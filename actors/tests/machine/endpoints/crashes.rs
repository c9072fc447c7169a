//! What is owed survives the process, in its order, and nothing is owed twice.

use std::time::Duration;

use appengine_actors::bus::change::Change;
use appengine_actors::event::EventKind;
use appengine_actors::log::EventLog;
use appengine_actors::testkit::probe::quiet;
use appengine_actors::testkit::{Answer, Setup};
use appengine_actors::webhook::delivery::DeliveryStatus;
use serde_json::json;

use super::{HOOK, in_status, publish, register, start, told};

#[actix::test]
async fn what_was_owed_in_order_is_sent_in_order_by_the_next_process() {
    let house = start(Setup::default()).await;
    register(&house, json!({"fifo": "key", "fifoKey": "data.k"})).await;
    house.transport().always(HOOK, Answer::Hang);
    for n in 0..12 {
        publish(&house, "order.paid", json!({"k": n % 3, "n": n})).await;
    }
    let house = house.crash(usize::MAX);
    house.transport().always(HOOK, Answer::Status(200));
    house.advance(Duration::from_secs(1)).await;
    quiet().await;
    let told = told(&house, "n");
    for key in 0..3 {
        let of_key: Vec<i64> =
            told.iter().filter_map(serde_json::Value::as_i64).filter(|n| n % 3 == key).collect();
        assert!(of_key.is_sorted(), "{of_key:?}");
    }
    assert_eq!(in_status(&house, DeliveryStatus::Delivered).await.len(), 12);
    publish(&house, "order.paid", json!({"k": 0, "n": 99})).await;
    assert_eq!(
        in_status(&house, DeliveryStatus::Delivered).await.len(),
        13,
        "the bus knows the endpoint still"
    );
}

#[actix::test]
async fn an_event_and_what_it_owes_are_one_commit() {
    // Whatever is kept of the commits that wait, there is never the one without the other.
    for kept in 0..2 {
        let house = start(Setup::default()).await;
        register(&house, json!({})).await;
        house.store().hold();
        let mut change = Change::default();
        change.events.push(house.draft("order.paid", json!({})));
        let committing = tokio::spawn(house.machine.publisher.commit(house.org.clone(), change));
        quiet().await;
        let house = house.crash(kept);
        committing.abort();
        quiet().await;
        let log = EventLog::new(house.house().store.clone());
        let kind = EventKind::new("order.paid").unwrap();
        let events = log.page(&house.org, Some(&kind), None, false, 10).await.unwrap().events.len();
        assert_eq!((events, house.deliveries().await.len()), (kept, kept));
    }
}
