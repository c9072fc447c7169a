//! Many deliveries: each destination by itself, within its bounds.

use std::time::Duration;

use appengine_actors::keys;
use appengine_actors::store::{Batch, encode};
use appengine_actors::testkit::probe::{quiet, until_true};
use appengine_actors::testkit::{Answer, Setup};
use appengine_actors::webhook::DestinationActor;
use appengine_actors::webhook::delivery::{DeliveryStatus, DestinationId};
use appengine_actors::webhook::messages::Drain;

use super::{HOOK, send, start};

const SECOND: Duration = Duration::from_secs(1);

#[actix::test]
async fn a_destination_gets_no_more_requests_at_once_than_allowed() {
    let house = start(Setup::default()).await;
    house.transport().always("https://receiver.example", Answer::Hang);
    for n in 0..7 {
        send(&house, &format!("{HOOK}/{n}")).await;
    }
    assert_eq!(house.transport().hanging(""), 2, "the addresses differ, the receiver does not");
    for left in [5, 3, 1, 0] {
        assert!(house.transport().let_go("", &Answer::Status(200)) > 0);
        quiet().await;
        let waiting = house.deliveries().await.iter().filter(|d| d.status == DeliveryStatus::Pending).count();
        assert_eq!(waiting, left);
    }
    assert_eq!(house.transport().most_hanging(), 2);
    assert_eq!(house.transport().sent().len(), 7);
}

#[actix::test]
async fn a_dead_destination_delays_no_other() {
    let house = start(Setup::default()).await;
    house.transport().always("https://dead.example/", Answer::Hang);
    for n in 0..10 {
        send(&house, &format!("https://dead.example/{n}")).await;
    }
    send(&house, HOOK).await;
    send(&house, "https://dead.example:8443/").await;
    send(&house, "http://dead.example/").await;
    let done = house.deliveries().await;
    let done = done.iter().filter(|delivery| delivery.status == DeliveryStatus::Delivered);
    assert_eq!(done.count(), 3, "another host, another port and another scheme are other destinations");
    assert_eq!(house.transport().hanging("https://dead.example/"), 2);
}

#[actix::test]
async fn one_receiver_of_two_organisations_is_two_destinations() {
    let mut house = start(Setup::default()).await;
    house.transport().always(HOOK, Answer::Hang);
    for _ in 0..4 {
        send(&house, HOOK).await;
    }
    house.org = "other-org".parse().unwrap();
    let action = serde_json::json!([{"type": "send_webhook", "config": {"url": HOOK}}]);
    house.short_flow("order.paid", action).await;
    send(&house, HOOK).await;
    assert_eq!(house.transport().hanging(HOOK), 3);
}

#[actix::test]
async fn retries_wait_in_a_line_of_their_own_and_new_deliveries_pass_them() {
    let house = start(Setup::default()).await;
    house.transport().next(HOOK, vec![Answer::Status(500); 4]);
    for _ in 0..4 {
        send(&house, HOOK).await;
    }
    send(&house, HOOK).await;
    let delivered = house.deliveries().await.into_iter().filter(|d| d.status == DeliveryStatus::Delivered);
    assert_eq!(delivered.count(), 1);
}

#[actix::test]
async fn a_destination_keeps_one_alarm_however_much_it_is_owed() {
    let house = start(Setup::default()).await;
    house.transport().always(HOOK, Answer::Status(500));
    send(&house, HOOK).await;
    quiet().await;
    let asleep = house.setup.clock.sleepers();
    for _ in 0..30 {
        send(&house, HOOK).await;
    }
    assert_eq!(house.setup.clock.sleepers(), asleep);
    house.transport().always(HOOK, Answer::Status(200));
    house.advance(SECOND * 7).await;
    assert!(house.deliveries().await.iter().all(|delivery| delivery.status == DeliveryStatus::Delivered));
}

#[actix::test]
async fn more_deliveries_than_are_held_in_memory_all_go_out() {
    let mut setup = Setup::default();
    setup.settings.webhooks.concurrency = 20;
    let house = start(setup).await;
    house.transport().always(HOOK, Answer::Hang);
    let count = 1_200;
    for n in 0..count {
        house.publish("order.paid", serde_json::json!({"url": HOOK, "n": n})).await;
    }
    until_true("twenty are under way", || house.transport().hanging(HOOK) == 20).await;
    let house = house.crash(0);
    house.transport().always(HOOK, Answer::Status(200));
    until_true("all have gone out", || house.transport().sent().len() >= count).await;
    house.advance(SECOND * 3).await;
    let deliveries = house.deliveries().await;
    assert_eq!(deliveries.len(), count);
    assert!(deliveries.iter().all(|delivery| delivery.status == DeliveryStatus::Delivered));
}

#[actix::test]
async fn draining_begins_no_attempt_and_waits_for_those_under_way() {
    let house = start(Setup::default()).await;
    house.transport().always(HOOK, Answer::Hang);
    send(&house, HOOK).await;
    let name = DestinationId::of_origin(&house.org, "https://receiver.example");
    let destination = house.actor::<DestinationActor>(&format!("delivery/destinations/{name}"));
    let drained = tokio::spawn({
        let destination = destination.clone();
        async move { destination.ask(Drain).await }
    });
    quiet().await;
    send(&house, HOOK).await;
    assert!(!drained.is_finished());
    house.transport().let_go(HOOK, &Answer::Status(200));
    drained.await.unwrap().unwrap();
    house.advance(SECOND).await;
    let states: Vec<_> = house.deliveries().await.iter().map(|delivery| delivery.status).collect();
    assert_eq!(states, [DeliveryStatus::Delivered, DeliveryStatus::Pending]);
}

#[actix::test]
async fn a_delivery_that_cannot_be_signed_is_not_waited_for() {
    let house = start(Setup::default()).await;
    let secret = keys::private(&house.org, "webhook-secret", "default");
    let mut batch = Batch::default();
    batch.put(secret, encode(&"sealed with another key").unwrap());
    house.house().store.commit(batch).await.unwrap();
    send(&house, HOOK).await;
    let name = DestinationId::of_origin(&house.org, "https://receiver.example");
    let destination = house.actor::<DestinationActor>(&format!("delivery/destinations/{name}"));
    let drained = tokio::spawn(async move { destination.ask(Drain).await });
    quiet().await;
    assert!(drained.is_finished(), "it rests until somebody mends the secret");
    assert!(house.transport().sent().is_empty());
    assert_eq!(house.deliveries().await[0].status, DeliveryStatus::Pending);
}

#[actix::test]
async fn a_machine_that_drains_waits_for_requests_longer_than_anybodys_patience() {
    let house = start(Setup::default()).await;
    house.transport().always(HOOK, Answer::Hang);
    send(&house, HOOK).await;
    let drained = house.machine.drain();
    tokio::pin!(drained);
    for _ in 0..5 {
        tokio::select! {
            biased;
            () = &mut drained => panic!("a request is still under way"),
            () = house.advance(house.setup.settings.patience) => {}
        }
    }
    house.transport().let_go(HOOK, &Answer::Status(200));
    drained.await;
    assert_eq!(house.deliveries().await[0].status, DeliveryStatus::Delivered);
}
