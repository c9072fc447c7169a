//! The live feed over a real socket: who may watch what, and how it ends. Time is turned by hand.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

#[path = "live_feed/house.rs"]
mod house;
#[path = "live_feed/sse.rs"]
mod sse;

use std::time::Duration;

use actix_http::ws::CloseCode;
use appengine::auth::principal::Kind;
use appengine::auth::role::Role;
use house::{House, UPGRADE, Watching};
use serde_json::json;

const SECOND: Duration = Duration::from_secs(1);
const NOT_ADMITTED: CloseCode = CloseCode::Other(4401);

#[actix_web::test]
async fn a_watcher_is_greeted_and_told_the_queues() {
    let house = House::open().await;
    let token = house.owner("my-org");
    for mut feed in [house.watch(&token).await, Watching::by_header(&house, &token).await] {
        let hello = feed.next().await.unwrap();
        assert_eq!(hello, json!({"type": "hello", "org": "my-org", "email": "ada@example.com"}));
        let queues = feed.next().await.unwrap();
        assert_eq!(queues["type"], "queues");
        let names: Vec<&str> = queues["queues"]
            .as_array()
            .unwrap()
            .iter()
            .map(|queue| queue["name"].as_str().unwrap())
            .collect();
        assert!(names.contains(&"automation") && names.contains(&"notification"), "{names:?}");
        assert_eq!(feed.echo("ping").await, "pong");
    }
}

#[actix_web::test]
async fn whoever_may_not_watch_is_refused_before_the_upgrade() {
    let house = House::open().await;
    let refused = async |query: &str, headers: &[&str], expected: (u16, &str)| {
        let (status, code) = house.refused(query, headers).await;
        assert_eq!((status, code.as_str()), expected, "{query}");
    };
    refused("", UPGRADE, (401, "missing_authorization_header")).await;
    refused("?token=no.token.atall", UPGRADE, (401, "invalid_token")).await;
    let customer = house.token("my-org", Kind::Customer, Role::Customer);
    refused(&format!("?token={customer}"), UPGRADE, (403, "forbidden")).await;
    let token = house.owner("my-org");
    let elsewhere: Vec<&str> = UPGRADE.iter().copied().chain(["orgid: other-org"]).collect();
    refused(&format!("?token={token}"), &elsewhere, (403, "token_org_mismatch")).await;
    refused(&format!("?token={token}"), &[], (400, "not_a_websocket")).await;
    refused(&format!("?token={token}&tokn=1"), UPGRADE, (400, "invalid_parameter")).await;
    house.clock.advance(SECOND * 3600);
    refused(&format!("?token={token}"), UPGRADE, (401, "token_expired")).await;
}

#[actix_web::test]
async fn an_organisation_sees_its_own_events_and_nobody_elses() {
    let house = House::open().await;
    let (ours, theirs) = (house.owner("my-org"), house.owner("other-org"));
    let (mut mine, mut foreign) = (house.watch(&ours).await, house.watch(&theirs).await);
    mine.next_of("queues").await;
    foreign.next_of("queues").await;
    let hidden = house.publish(&theirs, &json!({"secret": 1})).await;
    let shown = house.publish(&ours, &json!({"amount": 120})).await;
    let seen = mine.next_of("event").await;
    assert_eq!(seen["event"]["id"], json!(shown));
    assert_eq!(seen["event"]["event"], "order.paid");
    assert_eq!(seen["event"]["data"], json!({"amount": 120}));
    assert_eq!(foreign.next_of("event").await["event"]["id"], json!(hidden));
}

#[actix_web::test]
async fn a_watcher_is_not_told_what_a_record_hides() {
    let house = House::open().await;
    let (owner, user) = (house.owner("my-org"), house.token("my-org", Kind::User, Role::User));
    let (mut all, mut some) = (house.watch(&owner).await, house.watch(&user).await);
    all.next_of("queues").await;
    some.next_of("queues").await;
    let record = json!({"datatype": "note", "data": {"text": "x"}, "requiredRole": {"read": ["Owner"]}});
    let published = house.publish(&owner, &record).await;
    assert_eq!(all.next_of("event").await["event"]["data"], record);
    let seen = some.next_of("event").await["event"].clone();
    assert_eq!((&seen["id"], &seen["hidden"]), (&json!(published), &json!(true)));
    assert_eq!(seen.get("data"), None, "{seen}");
}

#[actix_web::test]
async fn counts_come_every_five_seconds_and_a_silent_client_is_let_go() {
    let house = House::open().await;
    let mut feed = house.watch(&house.owner("my-org")).await;
    feed.next_of("queues").await;
    for _ in 0..8 {
        house.clock.advance(SECOND * 5);
        feed.next_of("queues").await;
    }
    house.clock.advance(SECOND * 5);
    let (_, last, code) = feed.read_to_end().await;
    assert_eq!((last["code"].as_str(), code), (Some("silent"), Some(CloseCode::Policy)));
}

#[actix_web::test]
async fn the_feed_ends_with_the_token() {
    let house = House::open().await;
    let mut feed = house.watch(&house.owner("my-org")).await;
    feed.next_of("queues").await;
    house.clock.advance(SECOND * 3600);
    let (_, last, code) = feed.read_to_end().await;
    assert_eq!((last["code"].as_str(), code), (Some("token_expired"), Some(NOT_ADMITTED)));
}

#[actix_web::test]
async fn the_feed_ends_with_the_session() {
    let house = House::open().await;
    let token = house.owner("my-org");
    let mut feed = house.watch(&token).await;
    feed.next_of("queues").await;
    let url = format!("http://{}/profile/logout", house.app.address);
    assert_eq!(house.http.get(url).bearer_auth(&token).send().await.unwrap().status(), 200);
    house.clock.advance(SECOND * 15);
    let (_, last, code) = feed.read_to_end().await;
    assert_eq!((last["code"].as_str(), code), (Some("token_revoked"), Some(NOT_ADMITTED)));
}

/// What a client leaves unread stays in buffers of a fixed size; the rest is dropped, and so is the client.
#[actix_web::test]
async fn a_client_that_does_not_read_is_let_go() {
    const SENT: usize = 3_000;
    let house = House::open().await;
    let token = house.owner("my-org");
    let mut feed = house.watch(&token).await;
    feed.next_of("queues").await;
    let id = house.publish(&token, &json!({"text": "x".repeat(60_000)})).await;
    let event = feed.next_of("event").await;
    assert_eq!(event["event"]["id"], json!(id));
    // The same event again and again: as much as no buffer takes, without filling the store.
    let event = std::sync::Arc::new(serde_json::from_value(event["event"].clone()).unwrap());
    for _ in 0..SENT {
        let event = std::sync::Arc::clone(&event);
        house.app.machine.house.feed.show(|| appengine_actors::feed::Observation::Event { event });
        // The server has threads of its own; this only lets it keep up as well as it can.
        std::thread::yield_now();
    }
    house.clock.advance(SECOND * 21);
    let (events, last, code) = feed.read_to_end().await;
    assert!(events < SENT, "{events} events of 60 kB were kept for a client that read none");
    assert_eq!((last["code"].as_str(), code), (Some("too_slow"), Some(CloseCode::Again)));
}

#[actix_web::test]
async fn what_clients_send_is_bounded() {
    let house = House::open().await;
    let token = house.owner("my-org");
    let mut large = house.watch(&token).await;
    large.text("x".repeat(4_000)).await;
    assert_eq!(large.echo("ping").await, "pong");
    large.text("x".repeat(5_000)).await;
    assert_eq!(large.read_to_end().await.2, Some(CloseCode::Size));
    let mut many = house.watch(&token).await;
    many.flood(16_000).await;
    let (_, last, code) = many.read_to_end().await;
    assert_eq!((last["code"].as_str(), code), (Some("too_much"), Some(CloseCode::Policy)));
}

#[actix_web::test]
async fn both_sides_close_in_good_order() {
    let house = House::open().await;
    let token = house.owner("my-org");
    let mut feed = house.watch(&token).await;
    feed.close().await;
    assert_eq!(feed.read_to_end().await.2, Some(CloseCode::Normal));
    let mut feed = house.watch(&token).await;
    feed.next_of("queues").await;
    let (ended, ()) = futures_util::join!(feed.read_to_end(), house.app.stop());
    assert_eq!((ended.1["code"].as_str(), ended.2), (Some("server_closing"), Some(CloseCode::Away)));
}
