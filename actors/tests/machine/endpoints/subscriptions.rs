//! Who gets what.

use std::time::Duration;

use appengine_actors::testkit::probe::quiet;
use appengine_actors::testkit::{Answer, Setup};
use appengine_actors::webhook::delivery::DeliveryStatus;
use appengine_actors::webhook::endpoint::book::{EndpointError, Wish};
use serde_json::json;

use super::{HOOK, in_status, publish, register, set, shown, start, told};

#[actix::test]
async fn an_event_goes_to_the_endpoints_that_listen_signed_with_the_secret_of_each() {
    let house = start(Setup::default()).await;
    let (_, one) = register(&house, json!({})).await;
    let (_, other) =
        register(&house, json!({"url": "https://other.example/", "headers": {"x-team": "sales"}})).await;
    register(&house, json!({"events": ["contact.*"]})).await;
    publish(&house, "order.paid", json!({"n": 1})).await;
    let sent = house.transport().sent();
    assert_eq!(sent.len(), 2);
    let to = |url: &str| sent.iter().find(|sent| sent.request.url == url).unwrap();
    assert!(to(HOOK).is_signed_with(&one) && !to(HOOK).is_signed_with(&other));
    let second = to("https://other.example/");
    assert!(second.is_signed_with(&other));
    assert_eq!(second.header("x-team"), "sales");
    let body = second.json();
    assert_eq!(body["type"], "order.paid");
    assert_eq!(
        (&body["event"], &body["orgId"], &body["data"]),
        (&json!("order.paid"), &json!("my-org"), &json!({"n": 1}))
    );
    let attempts = house.attempts(second.id().parse().unwrap()).await;
    let header = attempts[0].request_headers.iter().find(|(name, _)| name == "x-team").unwrap();
    assert_ne!(header.1, "sales", "what was configured is not kept in the clear");
    assert_eq!(in_status(&house, DeliveryStatus::Delivered).await.len(), 2);
}

#[actix::test]
async fn a_template_says_what_is_sent_and_an_endpoint_that_changes_is_sent_to_as_it_is_now() {
    let house = start(Setup::default()).await;
    let (id, _) =
        register(&house, json!({"template": {"text": "{{data.who}} paid", "n": "{{data.n}}"}})).await;
    house.transport().next(HOOK, vec![Answer::Status(500)]);
    publish(&house, "order.paid", json!({"who": "Ada", "n": 3})).await;
    assert_eq!(house.transport().sent()[0].json(), json!({"text": "Ada paid", "n": 3}));
    let patch =
        json!({"url": "https://moved.example/", "template": "{{data.who}}", "headers": {"x-new": "1"}});
    house.machine.endpoints.change((&house.org, id), &patch, true, "ada").await.unwrap();
    quiet().await;
    house.advance(Duration::from_secs(7)).await;
    let sent = house.transport().sent();
    assert_eq!(
        (sent[1].request.url.as_str(), &sent[1].request.body[..]),
        ("https://moved.example/", &b"Ada"[..])
    );
    assert_eq!((sent[1].header("content-type"), sent[1].header("x-new")), ("text/plain; charset=utf-8", "1"));
    assert_eq!(sent[0].id(), sent[1].id());
}

#[actix::test]
async fn a_paused_endpoint_is_sent_everything_later_and_a_disabled_one_is_not() {
    let house = start(Setup::default()).await;
    let (id, _) = register(&house, json!({})).await;
    set(&house, id, Wish::Pause).await;
    publish(&house, "order.paid", json!({"n": 1})).await;
    assert_eq!(told(&house, "n"), [json!(null); 0]);
    set(&house, id, Wish::Enable).await;
    assert_eq!(told(&house, "n"), [1]);
    let disabled = set(&house, id, Wish::Disable).await;
    assert_eq!(disabled.endpoint.disabled_reason.as_deref(), Some("disabled by ada"));
    publish(&house, "order.paid", json!({"n": 2})).await;
    set(&house, id, Wish::Enable).await;
    assert_eq!(told(&house, "n"), [1]);
    assert_eq!(house.deliveries().await.len(), 1);
}

#[actix::test]
async fn what_a_deleted_endpoint_is_owed_is_discarded() {
    let house = start(Setup::default()).await;
    let (id, _) = register(&house, json!({})).await;
    set(&house, id, Wish::Pause).await;
    for n in 0..5 {
        publish(&house, "order.paid", json!({"n": n})).await;
    }
    house.machine.endpoints.delete(&house.org, id, "ada").await.unwrap();
    quiet().await;
    assert_eq!(in_status(&house, DeliveryStatus::Discarded).await.len(), 5);
    assert_eq!(house.transport().sent().len(), 0);
    let gone = house.machine.endpoints.get(&house.org, id).await.err();
    assert_eq!(gone, Some(EndpointError::Missing(id)));
    publish(&house, "order.paid", json!({})).await;
    assert_eq!(house.deliveries().await.len(), 5);
}

#[actix::test]
async fn while_a_secret_is_replaced_both_sign() {
    let house = start(Setup::default()).await;
    let (id, old) = register(&house, json!({})).await;
    let hour = Duration::from_secs(3_600);
    let rotated = house.machine.endpoints.rotate((&house.org, id), None, hour, "ada").await.unwrap();
    let new = appengine_actors::webhook::signature::Secret::parse(rotated.1.as_ref().unwrap()).unwrap();
    assert!(rotated.0.secret_expires_at.is_some());
    quiet().await;
    publish(&house, "order.paid", json!({})).await;
    house.advance(hour).await;
    publish(&house, "order.paid", json!({})).await;
    let sent = house.transport().sent();
    assert!(sent[0].is_signed_with(&old) && sent[0].is_signed_with(&new));
    assert!(!sent[1].is_signed_with(&old) && sent[1].is_signed_with(&new));
    assert_eq!(shown(&house, id).await.secret_expires_at, None);
}

#[actix::test]
async fn a_rate_and_a_number_at_once_are_kept_to() {
    let house = start(Setup::default()).await;
    register(&house, json!({"rateLimit": 2})).await;
    for n in 0..10 {
        publish(&house, "order.paid", json!({"n": n})).await;
    }
    assert_eq!(house.transport().sent().len(), 2);
    for seconds in 1..=4 {
        house.advance(Duration::from_secs(1)).await;
        assert_eq!(house.transport().sent().len(), 2 + 2 * seconds);
    }
    register(&house, json!({"url": "https://slow.example/", "concurrency": 5, "events": ["slow"]})).await;
    house.transport().always("https://slow.example/", Answer::Hang);
    for _ in 0..9 {
        publish(&house, "slow", json!({})).await;
    }
    assert_eq!(house.transport().hanging("https://slow.example/"), 5);
}

#[actix::test]
async fn the_endpoints_own_schedule_is_followed_to_its_end() {
    let house = start(Setup::default()).await;
    register(&house, json!({"retrySchedule": [1, 2.5]})).await;
    house.transport().always(HOOK, Answer::Status(500));
    publish(&house, "order.paid", json!({})).await;
    for seconds in [2, 4] {
        house.advance(Duration::from_secs(seconds)).await;
    }
    let dead = in_status(&house, DeliveryStatus::Dead).await;
    assert_eq!((dead.len(), dead[0].attempts), (1, 3));
}

#[actix::test]
async fn a_test_is_sent_at_once_whatever_the_endpoints_state() {
    let house = start(Setup::default()).await;
    let (id, secret) = register(&house, json!({})).await;
    set(&house, id, Wish::Disable).await;
    let kind = appengine_actors::event::EventKind::new("order.paid").unwrap();
    let test = house.machine.resender.test(&house.org, id, kind, json!({"n": 7})).await.unwrap();
    assert_eq!((test.0.status, test.1.status_code), (DeliveryStatus::Delivered, Some(200)));
    assert!(house.transport().sent()[0].is_signed_with(&secret));
    assert_eq!(told(&house, "n"), [7]);
    assert_eq!(house.attempts(test.0.id).await.len(), 1);
}

#[actix::test]
async fn what_ended_is_sent_again_with_the_same_id_and_a_whole_schedule() {
    let house = start(Setup::default()).await;
    register(&house, json!({"retrySchedule": [1]})).await;
    house.transport().next(HOOK, vec![Answer::Status(500); 3]);
    publish(&house, "order.paid", json!({})).await;
    house.advance(Duration::from_secs(2)).await;
    let dead = in_status(&house, DeliveryStatus::Dead).await.remove(0);
    house.machine.resender.resend(&house.org, dead.id).await.unwrap();
    quiet().await;
    assert_eq!(house.deliveries().await[0].status, DeliveryStatus::Pending, "its schedule begins anew");
    house.advance(Duration::from_secs(2)).await;
    let after = house.deliveries().await.remove(0);
    assert_eq!((after.status, after.attempts), (DeliveryStatus::Delivered, 4));
    let ids: std::collections::BTreeSet<String> =
        house.transport().sent().iter().map(|sent| sent.id().into()).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(house.attempts(dead.id).await.len(), 4);
}
