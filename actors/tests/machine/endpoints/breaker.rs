//! Receivers that fail: what they are owed waits, their owner hears, and others notice nothing.

use std::time::Duration;

use appengine_actors::event::EventKind;
use appengine_actors::log::EventLog;
use appengine_actors::testkit::{Answer, Setup, TestHouse};
use appengine_actors::webhook::breaker::BreakerSettings;
use appengine_actors::webhook::delivery::DeliveryStatus;
use appengine_actors::webhook::endpoint::EndpointStatus;
use appengine_actors::webhook::endpoint::book::Wish;
use serde_json::{Value, json};

use super::{HOOK, in_status, publish, register, set, shown, start};

const SECOND: Duration = Duration::from_secs(1);

fn setup() -> Setup {
    let mut setup = Setup::default();
    setup.settings.webhooks.breaker = BreakerSettings {
        failures: 3,
        after: SECOND * 900,
        pause: SECOND * 5,
        longest_pause: SECOND * 60,
        disable_after: SECOND * 1_000,
    };
    setup.settings.webhooks.concurrency = 4;
    setup
}

async fn events(house: &TestHouse, kind: &str) -> Vec<Value> {
    let log = EventLog::new(house.house().store.clone());
    let kind = EventKind::new(kind).unwrap();
    let page = log.page(&house.org, Some(&kind), None, false, 100).await.unwrap();
    page.events.into_iter().map(|event| event.data).collect()
}

#[actix::test]
async fn what_waits_behind_an_open_breaker_keeps_its_attempts_and_drains_slowly() {
    let house = start(setup()).await;
    let (id, _) = register(&house, json!({"retrySchedule": [1000, 1000]})).await;
    house.transport().always(HOOK, Answer::Status(500));
    for n in 0..60 {
        publish(&house, "order.paid", json!({"n": n})).await;
    }
    let tried = house.transport().sent().len();
    assert_eq!(tried, 3);
    assert!(shown(&house, id).await.health.opened_at.is_some());
    for _ in 0..60 {
        house.advance(SECOND).await;
    }
    let probes = house.transport().sent().len() - tried;
    assert_eq!(probes, 3, "after 5, 15 and 35 seconds");
    let burnt: u32 = house.deliveries().await.iter().map(|d| d.attempts - d.uncounted).sum();
    assert_eq!(burnt, 3, "only those that failed before it opened");
    house.transport().always(HOOK, Answer::Status(200));
    house.advance(SECOND * 15).await;
    let at_first = in_status(&house, DeliveryStatus::Delivered).await.len();
    assert!((1..=3).contains(&at_first), "{at_first} at once");
    house.advance(SECOND).await;
    let then = in_status(&house, DeliveryStatus::Delivered).await.len();
    assert!(then > at_first && then < 30, "{then} after a second");
    for _ in 0..5 {
        house.advance(SECOND).await;
    }
    // The three that failed first, and the probes, wait for their own time.
    let done = in_status(&house, DeliveryStatus::Delivered).await.len();
    assert!(done >= 54, "{done}");
    assert_eq!(shown(&house, id).await.health.opened_at, None);
    assert_eq!(events(&house, "webhook.endpoint.failing").await.len(), 1);
    assert_eq!(events(&house, "webhook.endpoint.recovered").await.len(), 1);
}

#[actix::test]
async fn the_owner_hears_before_an_endpoint_is_disabled_and_what_to_do() {
    let house = start(setup()).await;
    let (id, _) = register(&house, json!({})).await;
    house.transport().always(HOOK, Answer::Status(500));
    for n in 0..5 {
        publish(&house, "order.paid", json!({"n": n})).await;
    }
    let failing = events(&house, "webhook.endpoint.failing").await;
    assert_eq!(failing[0]["endpointId"], json!(id));
    assert!(failing[0]["whatToDo"].as_str().unwrap().contains("mend the receiver"));
    assert!(failing[0]["disabledAt"].is_string());
    for _ in 0..120 {
        house.advance(SECOND * 10).await;
    }
    let disabled = events(&house, "webhook.endpoint.disabled").await;
    assert_eq!(disabled.len(), 1);
    assert!(disabled[0]["disabledReason"].as_str().unwrap().contains("every attempt failed"), "{disabled:?}");
    assert_eq!(shown(&house, id).await.endpoint.status, EndpointStatus::Disabled);
    let sent = house.transport().sent().len();
    house.advance(SECOND * 1_000).await;
    assert_eq!(house.transport().sent().len(), sent, "it is left alone");
    assert_eq!(in_status(&house, DeliveryStatus::Pending).await.len(), 5, "nothing is lost");
    house.transport().always(HOOK, Answer::Status(200));
    set(&house, id, Wish::Enable).await;
    for _ in 0..80 {
        house.advance(SECOND).await;
    }
    assert_eq!(in_status(&house, DeliveryStatus::Delivered).await.len(), 5);
}

#[actix::test]
async fn a_receiver_that_is_gone_disables_its_endpoint() {
    let house = start(setup()).await;
    let (id, _) = register(&house, json!({})).await;
    house.transport().next(HOOK, vec![Answer::Status(410)]);
    publish(&house, "order.paid", json!({})).await;
    let endpoint = shown(&house, id).await.endpoint;
    assert_eq!(endpoint.status, EndpointStatus::Disabled);
    assert_eq!(endpoint.disabled_reason.as_deref(), Some("the receiver answered 410 (gone)"));
    assert_eq!(in_status(&house, DeliveryStatus::Failed).await.len(), 1);
    assert_eq!(events(&house, "webhook.endpoint.disabled").await.len(), 1);
}

#[actix::test]
async fn a_breaker_is_open_still_after_a_restart() {
    let house = start(setup()).await;
    let (id, _) = register(&house, json!({"retrySchedule": [1, 1]})).await;
    house.transport().always(HOOK, Answer::Status(500));
    for n in 0..6 {
        publish(&house, "order.paid", json!({"n": n})).await;
    }
    let sent = house.transport().sent().len();
    let house = house.restart().await;
    house.advance(SECOND * 2).await;
    assert_eq!(house.transport().sent().len(), sent);
    assert!(shown(&house, id).await.health.opened_at.is_some());
    house.advance(SECOND * 4).await;
    assert_eq!(house.transport().sent().len(), sent + 1, "one probe");
}

#[actix::test]
async fn one_dead_and_one_slow_receiver_delay_none_of_98_good_ones() {
    let house = start(setup()).await;
    for n in 0..100 {
        register(&house, json!({"url": format!("https://r{n}.example/")})).await;
    }
    house.transport().always("https://r0.example/", Answer::Status(500));
    house.transport().always("https://r1.example/", Answer::Hang);
    for n in 0..20 {
        publish(&house, "order.paid", json!({"n": n})).await;
    }
    assert_eq!(in_status(&house, DeliveryStatus::Delivered).await.len(), 98 * 20);
    assert_eq!(house.transport().hanging("https://r1.example/"), 4);
}

#[actix::test]
async fn too_much_is_taken_back_for_everything_the_receiver_is_owed() {
    let house = start(setup()).await;
    register(&house, json!({"retrySchedule": [1, 1, 1]})).await;
    house.transport().next(HOOK, vec![Answer::Later(429, SECOND * 30)]);
    for n in 0..4 {
        publish(&house, "order.paid", json!({"n": n})).await;
    }
    assert_eq!(house.transport().sent().len(), 1);
    house.advance(SECOND * 29).await;
    assert_eq!(house.transport().sent().len(), 1);
    house.advance(SECOND * 2).await;
    assert_eq!(in_status(&house, DeliveryStatus::Delivered).await.len(), 4);
}
