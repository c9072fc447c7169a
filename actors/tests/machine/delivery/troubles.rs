//! Processes that die, stores that fail, hints that are lost: every webhook arrives at least once.

use std::time::Duration;

use appengine_actors::clock::Clock;
use appengine_actors::store::StoreError;
use appengine_actors::testkit::probe::{quiet, until};
use appengine_actors::testkit::{Answer, Setup};
use appengine_actors::webhook::delivery::DeliveryStatus;
use appengine_actors::webhook::secrets::signing_secret;
use futures_util::future::join_all;
use serde_json::json;

use super::{HOOK, only, send, start};

const SECOND: Duration = Duration::from_secs(1);

#[actix::test]
async fn a_process_that_dies_in_the_middle_of_an_attempt_makes_it_again() {
    let house = start(Setup::default()).await;
    house.transport().next(HOOK, [Answer::Hang]);
    send(&house, HOOK).await;
    assert_eq!(house.transport().hanging(HOOK), 1);
    let secret = signing_secret(house.house(), &house.org).await.unwrap();
    let house = house.crash(0);
    quiet().await;
    let sent = house.transport().sent();
    assert_eq!(sent.len(), 2);
    assert_eq!((sent[0].id(), &sent[0].request.body), (sent[1].id(), &sent[1].request.body));
    assert!(sent[1].is_signed_with(&secret), "the secret outlives the process");
    let delivery = only(&house).await;
    assert_eq!((delivery.status, delivery.attempts), (DeliveryStatus::Delivered, 1));
}

#[actix::test]
async fn a_result_that_was_not_written_when_the_process_died_is_found_out_again() {
    for (kept, attempts) in [(0, 2), (1, 1)] {
        let house = start(Setup::default()).await;
        house.transport().next(HOOK, [Answer::Hang]);
        send(&house, HOOK).await;
        house.store().hold();
        house.transport().let_go(HOOK, &Answer::Status(200));
        quiet().await;
        let house = house.crash(kept);
        quiet().await;
        assert_eq!(house.transport().sent().len(), attempts, "kept {kept}");
        let delivery = only(&house).await;
        assert_eq!((delivery.status, delivery.attempts), (DeliveryStatus::Delivered, 1));
    }
}

#[actix::test]
async fn a_retry_keeps_its_time_over_a_crash_and_a_restart() {
    let house = start(Setup::default()).await;
    house.transport().next(HOOK, vec![Answer::Status(500); 3]);
    send(&house, HOOK).await;
    house.advance(SECOND * 7).await;
    let before = only(&house).await;
    assert_eq!(before.attempts, 2);
    let house = house.crash(0);
    quiet().await;
    let house = house.restart().await;
    quiet().await;
    let due = before.next_attempt_at.unwrap();
    house.advance(due.since(house.setup.clock.now()) - Duration::from_millis(1)).await;
    assert_eq!(only(&house).await, before);
    house.advance(Duration::from_millis(1)).await;
    assert_eq!(only(&house).await.attempts, 3);
    let sent = house.transport().sent();
    assert!(sent.iter().all(|one| one.id() == before.id.to_string()));
    house.advance(SECOND * 150).await;
    let numbers: Vec<_> = house.attempts(before.id).await.iter().map(|attempt| attempt.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
}

#[actix::test]
async fn a_result_that_cannot_be_written_is_written_later_and_the_request_is_not_repeated() {
    for (answer, error) in [
        (Answer::Status(200), StoreError::Full),
        (Answer::Status(500), StoreError::Unavailable("the disk is away".into())),
    ] {
        let house = start(Setup::default()).await;
        house.transport().next(HOOK, [Answer::Hang]);
        send(&house, HOOK).await;
        house.store().fail_next(3, &error);
        house.transport().let_go(HOOK, &answer);
        for _ in 0..2 {
            house.advance(SECOND / 2).await;
            assert_eq!(only(&house).await.attempts, 0);
        }
        house.advance(SECOND / 2).await;
        assert_eq!((only(&house).await.attempts, house.transport().sent().len()), (1, 1));
        house.advance(SECOND * 7).await;
        assert_eq!(only(&house).await.status, DeliveryStatus::Delivered);
    }
}

#[actix::test]
async fn a_result_whose_answer_was_lost_keeps_its_retry() {
    let house = start(Setup::default()).await;
    house.transport().next(HOOK, [Answer::Hang]);
    send(&house, HOOK).await;
    house.advance(SECOND * 3).await;
    house.store().lose_next_answers(1);
    house.transport().let_go(HOOK, &Answer::Status(500));
    house.advance(SECOND / 2).await;
    assert_eq!(only(&house).await.attempts, 1);
    house.advance(SECOND * 7).await;
    let delivery = only(&house).await;
    assert_eq!((delivery.status, delivery.attempts), (DeliveryStatus::Delivered, 2));
}

#[actix::test]
async fn deliveries_whose_hints_found_a_full_mailbox_are_looked_for() {
    let mut setup = Setup::default();
    setup.settings.mailbox = 1;
    let house = start(setup).await;
    let publish = |n: usize| house.try_publish("order.paid", json!({"url": format!("{HOOK}/{}", n % 5)}));
    assert!(join_all((0..50).map(publish)).await.iter().all(Result::is_ok));
    for _ in 0..4 {
        house.advance(SECOND * 2).await;
    }
    let deliveries = house.deliveries().await;
    assert_eq!(deliveries.len(), 50);
    assert!(deliveries.iter().all(|delivery| delivery.status == DeliveryStatus::Delivered));
    assert_eq!(house.transport().sent().len(), 50, "and none twice");
}

#[actix::test]
async fn a_destination_that_is_only_owed_and_never_hinted_at_is_found_at_the_start() {
    let house = start(Setup::default()).await;
    house.transport().next(HOOK, [Answer::Status(500)]);
    send(&house, HOOK).await;
    // Nothing is published any more; only the store knows of it.
    let house = house.crash(0);
    house.advance(SECOND * 7).await;
    assert_eq!(only(&house).await.status, DeliveryStatus::Delivered);
}

#[actix::test]
async fn an_attempt_that_panics_is_made_again() {
    let house = start(Setup::default()).await;
    house.transport().next(HOOK, [Answer::Panic, Answer::Panic]);
    send(&house, HOOK).await;
    assert_eq!(only(&house).await.attempts, 0);
    for _ in 0..3 {
        house.advance(SECOND * 2).await;
    }
    let delivery = only(&house).await;
    assert_eq!((delivery.status, delivery.attempts), (DeliveryStatus::Delivered, 1));
    assert_eq!(house.transport().sent().len(), 3);
    house.machine.health().await.unwrap();
}

#[actix::test]
async fn all_who_sign_first_agree_on_the_secret() {
    let house = start(Setup::default()).await;
    for n in 0..6 {
        house.publish("order.paid", json!({"url": format!("https://r{n}.example/")})).await;
    }
    until("all went out", async || (house.transport().sent().len() == 6).then_some(())).await;
    let secret = signing_secret(house.house(), &house.org).await.unwrap();
    assert!(house.transport().sent().iter().all(|sent| sent.is_signed_with(&secret)));
}
