//! Order, where it is asked for.

use std::time::Duration;

use appengine_actors::testkit::{Answer, Setup};
use appengine_actors::webhook::delivery::DeliveryStatus;
use serde_json::json;

use super::{HOOK, in_status, publish, register, start, told};

#[actix::test]
async fn an_endpoint_in_order_gets_one_after_the_other_also_past_failures() {
    let house = start(Setup::default()).await;
    register(&house, json!({"fifo": "endpoint", "concurrency": 8, "retrySchedule": [1, 1, 1]})).await;
    house.transport().next(HOOK, vec![Answer::Status(200), Answer::Status(500), Answer::Status(500)]);
    for n in 0..5 {
        publish(&house, "order.paid", json!({"n": n})).await;
    }
    assert_eq!(told(&house, "n"), [0, 1]);
    house.advance(Duration::from_secs(2)).await;
    assert_eq!(told(&house, "n"), [0, 1, 1]);
    house.advance(Duration::from_secs(2)).await;
    assert_eq!(told(&house, "n"), [0, 1, 1, 1, 2, 3, 4]);
}

#[actix::test]
async fn order_by_key_holds_within_one_record_while_others_flow_on() {
    let house = start(Setup::default()).await;
    register(&house, json!({"fifo": "key", "fifoKey": "data.k", "concurrency": 8, "retrySchedule": [5]}))
        .await;
    house.transport().next(HOOK, vec![Answer::Status(500)]);
    for (key, n) in [("a", 0), ("a", 1), ("b", 2), ("b", 3), ("a", 4)] {
        publish(&house, "order.paid", json!({"k": key, "n": n})).await;
    }
    publish(&house, "order.paid", json!({"n": 5})).await;
    assert_eq!(told(&house, "n"), [0, 2, 3, 5]);
    house.advance(Duration::from_secs(7)).await;
    assert_eq!(told(&house, "n"), [0, 2, 3, 5, 0, 1, 4]);
}

#[actix::test]
async fn one_that_dies_lets_those_behind_it_go() {
    let house = start(Setup::default()).await;
    register(&house, json!({"fifo": "endpoint", "retrySchedule": []})).await;
    house.transport().next(HOOK, vec![Answer::Status(400)]);
    publish(&house, "order.paid", json!({"n": 0})).await;
    publish(&house, "order.paid", json!({"n": 1})).await;
    assert_eq!(told(&house, "n"), [0, 1]);
    assert_eq!(in_status(&house, DeliveryStatus::Dead).await.len(), 1);
}

#[actix::test]
async fn events_of_one_commit_keep_their_order_too() {
    let house = start(Setup::default()).await;
    register(&house, json!({"fifo": "endpoint"})).await;
    let mut change = appengine_actors::bus::change::Change::default();
    for n in 0..20 {
        change.events.push(house.draft("order.paid", json!({"n": n})));
    }
    house.machine.publisher.commit(house.org.clone(), change).await.unwrap();
    house.advance(Duration::from_secs(1)).await;
    assert_eq!(told(&house, "n"), (0..20).collect::<Vec<_>>());
}
