//! Endpoints of webhooks: who gets what, in which order, how fast, and what becomes of receivers that fail.

mod breaker;
mod crashes;
mod order;
mod subscriptions;

use appengine_actors::ids::EndpointId;
use appengine_actors::testkit::TestHouse;
use appengine_actors::testkit::probe::quiet;
use appengine_actors::webhook::delivery::{Delivery, DeliveryStatus};
use appengine_actors::webhook::endpoint::book::{Shown, Wish};
use appengine_actors::webhook::signature::Secret;
use serde_json::{Value, json};

const HOOK: &str = "https://receiver.example/hook";

/// A machine with one organisation.
async fn start(setup: appengine_actors::testkit::Setup) -> TestHouse {
    let house = setup.start();
    house.found_org().await;
    quiet().await;
    house
}

/// Registers an endpoint at the hook with these wishes, and gives its id and secret.
async fn register(house: &TestHouse, wishes: Value) -> (EndpointId, Secret) {
    let mut body = json!({"url": HOOK, "events": ["order.*"]});
    body.as_object_mut().unwrap().extend(wishes.as_object().unwrap().clone());
    let (shown, secret) = house.machine.endpoints.create(&house.org, &body, "ada").await.unwrap();
    quiet().await;
    (shown.endpoint.id, Secret::parse(&secret.unwrap()).unwrap())
}

async fn set(house: &TestHouse, id: EndpointId, wish: Wish) -> Shown {
    let shown = house.machine.endpoints.set(&house.org, id, wish, "ada").await.unwrap();
    quiet().await;
    shown
}

async fn shown(house: &TestHouse, id: EndpointId) -> Shown {
    house.machine.endpoints.get(&house.org, id).await.unwrap()
}

async fn publish(house: &TestHouse, kind: &str, data: Value) {
    house.publish(kind, data).await;
    quiet().await;
}

async fn in_status(house: &TestHouse, status: DeliveryStatus) -> Vec<Delivery> {
    house.deliveries().await.into_iter().filter(|delivery| delivery.status == status).collect()
}

/// What the receiver was told, in its order: this field of the data.
fn told(house: &TestHouse, field: &str) -> Vec<Value> {
    house.transport().sent().iter().map(|sent| sent.json()["data"][field].clone()).collect()
}
