//! History ends, and what goes on does not.

use std::time::Duration;

use appengine_actors::bus::change::{Change, Idempotency};
use appengine_actors::keys;
use appengine_actors::retention::Ages;
use appengine_actors::store::{Scan, Store};
use appengine_actors::testkit::probe::quiet;
use appengine_actors::testkit::{Answer, Setup, TestHouse};
use serde_json::json;

const DAY: Duration = Duration::from_secs(86_400);
const HOOK: &str = "https://receiver.example/hook";

async fn start(ages: Ages) -> TestHouse {
    let mut setup = Setup::default();
    setup.settings.retention = ages;
    let house = setup.start();
    house.found_org().await;
    let endpoint = json!({"url": HOOK, "events": ["order.*"], "fifo": "endpoint"});
    house.machine.endpoints.create(&house.org, &endpoint, "ada").await.unwrap();
    let send = json!([{"type": "send_webhook", "config": {"url": "https://flow.example/"}}]);
    house.short_flow("order.paid", send).await;
    quiet().await;
    house
}

/// Everything of the organisation's history.
const ALL: &[u8] = b"elkixnostdb";
/// The same without what a job is linked to: jobs are their queue's to remove.
const OWN: &[u8] = b"elkinostdb";

/// Keys of the organisation in these tables.
async fn left(house: &TestHouse, tables: &[u8]) -> usize {
    let mut all = keys::all_records(&house.org);
    all.pop();
    let found = house.store().scan(Scan::prefix(all.clone(), 100_000).keys_only()).await.unwrap();
    let table = |key: &Vec<u8>| key[all.len()];
    found.iter().filter(|(key, _)| tables.contains(&table(key))).count()
}

async fn walks(house: &TestHouse, by: Duration) {
    house.advance(by).await;
    for _ in 0..60 {
        house.advance(Duration::from_secs(1)).await;
    }
}

#[actix::test]
async fn all_of_it_goes_when_it_is_too_old_and_nothing_before() {
    let ages =
        Ages { events: DAY * 9, runs: DAY * 6, deliveries: DAY * 3, idempotency: DAY * 3, ..Ages::default() };
    let house = start(ages).await;
    for n in 0..250 {
        let mut change = Change::default();
        change.events.push(house.draft("order.paid", json!({"n": n})));
        change.idempotency = Some(Idempotency { key: format!("k-{n}"), digest: String::new() });
        house.tick();
        house.machine.publisher.commit(house.org.clone(), change).await.unwrap();
        quiet().await;
    }
    let whole = left(&house, OWN).await;
    assert_eq!((house.deliveries().await.len(), house.transport().sent().len()), (500, 500));
    walks(&house, DAY * 2).await;
    assert_eq!(left(&house, OWN).await, whole);
    walks(&house, DAY * 2).await;
    assert_eq!(house.deliveries().await.len(), 0);
    let without_deliveries = left(&house, OWN).await;
    assert!(without_deliveries <= whole - 250 * 5, "{without_deliveries} of {whole}");
    walks(&house, DAY * 3).await;
    assert!(left(&house, OWN).await < without_deliveries);
    walks(&house, DAY * 3).await;
    assert_eq!(left(&house, ALL).await, 0);
    house.publish("order.paid", json!({"n": 1})).await;
    quiet().await;
    assert_eq!(house.transport().sent().len(), 502, "it goes on");
}

#[actix::test]
async fn what_is_not_at_its_end_stays() {
    let house =
        start(Ages { events: DAY, runs: DAY, deliveries: DAY, idempotency: DAY, ..Ages::default() }).await;
    house.transport().always(HOOK, Answer::Hang);
    house.publish("order.seen", json!({})).await;
    quiet().await;
    walks(&house, DAY * 2).await;
    assert_eq!(house.deliveries().await.len(), 1);
    house.transport().let_go(HOOK, &Answer::Status(200));
    walks(&house, DAY * 2).await;
    assert_eq!(house.deliveries().await.len(), 0);
}
