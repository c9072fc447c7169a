//! Webhooks on their way: signed, repeated on schedule, bounded, and never forgotten.

mod attempts;
mod bounds;
mod lists;
mod troubles;

use appengine_actors::testkit::TestHouse;
use appengine_actors::testkit::probe::quiet;
use appengine_actors::webhook::delivery::Delivery;
use serde_json::json;

const HOOK: &str = "https://receiver.example/hook";

/// A machine in which every `order.paid` sends a webhook to the address that it names.
async fn start(setup: appengine_actors::testkit::Setup) -> TestHouse {
    let house = setup.start();
    house.found_org().await;
    house.short_flow("order.paid", json!([{"type": "send_webhook", "config": {"url": "{{url}}"}}])).await;
    quiet().await;
    house
}

async fn send(house: &TestHouse, url: &str) {
    house.publish("order.paid", json!({"url": url})).await;
    quiet().await;
}

/// The only delivery there is.
async fn only(house: &TestHouse) -> Delivery {
    let mut deliveries = house.deliveries().await;
    assert_eq!(deliveries.len(), 1);
    deliveries.remove(0)
}
