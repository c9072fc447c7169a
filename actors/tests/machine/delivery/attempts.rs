//! One delivery through its attempts, by the receiver's answers.

use std::collections::HashSet;
use std::time::Duration;

use appengine_actors::clock::Clock;
use appengine_actors::testkit::probe::FeedProbe;
use appengine_actors::testkit::{Answer, Setup, TestHouse};
use appengine_actors::webhook::delivery::{Delivery, DeliveryStatus};
use appengine_actors::webhook::failure::{SendError, Waiting};
use appengine_actors::webhook::outcome::MAX_RETRY_AFTER;
use appengine_actors::webhook::secrets::signing_secret;

use super::{HOOK, only, send, start};

const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);
/// Seconds between attempts (contract §14).
const SCHEDULE: [u64; 9] = [5, 30, 120, 600, 1_800, 7_200, 18_000, 36_000, 36_000];

/// Turns the clock to just before the next attempt, and then on to it; answers the pause.
async fn next_attempt(house: &TestHouse) -> Duration {
    let before = only(house).await;
    let pause = before.next_attempt_at.unwrap().since(house.setup.clock.now());
    house.advance(pause - MILLI).await;
    assert_eq!(only(house).await.attempts, before.attempts, "not before its pause is over");
    house.advance(MILLI).await;
    assert_eq!(only(house).await.attempts, before.attempts + 1);
    pause
}

#[actix::test]
async fn a_delivery_that_is_never_taken_is_dead_after_its_whole_schedule() {
    let house = start(Setup::default()).await;
    house.transport().always(HOOK, Answer::Status(500));
    send(&house, HOOK).await;
    for seconds in SCHEDULE {
        let pause = next_attempt(&house).await.as_secs_f64();
        let planned = Duration::from_secs(seconds).as_secs_f64();
        assert!((0.799..=1.201).contains(&(pause / planned)), "{pause} s where {planned} s are planned");
    }
    let dead = only(&house).await;
    assert_eq!((dead.status, dead.attempts, dead.next_attempt_at), (DeliveryStatus::Dead, 10, None));
    assert_eq!(dead.completed_at, Some(house.setup.clock.now()));
    let counted = house.house().deliveries.read();
    assert_eq!((counted.attempts, counted.dead, counted.delivered, counted.failed), (10, 1, 0, 0));
    assert_eq!(dead.last_error.as_deref(), Some("the receiver answered 500"));
    house.advance(SECOND * 200_000).await;
    let sent = house.transport().sent();
    assert_eq!(sent.len(), 10);
    let secret = signing_secret(house.house(), &house.org).await.unwrap();
    for one in &sent {
        assert_eq!((one.id(), &one.request.body), (dead.id.to_string().as_str(), &sent[0].request.body));
        assert_eq!(one.header("webhook-timestamp"), one.at.as_secs().to_string(), "each is signed anew");
        assert!(one.is_signed_with(&secret));
        assert_eq!(one.request.timeout, SECOND * 15);
    }
    let attempts = house.attempts(dead.id).await;
    let kept: Vec<_> = attempts.iter().map(|a| (a.number, a.started_at, a.status_code)).collect();
    let expected: Vec<_> = (1..).zip(&sent).map(|(number, sent)| (number, sent.at, Some(500))).collect();
    assert_eq!(kept, expected);
}

#[actix::test]
async fn pauses_are_spread_so_that_receivers_are_not_hit_all_at_once() {
    let house = start(Setup::default()).await;
    house.transport().always(HOOK, Answer::Status(500));
    for n in 0..20 {
        send(&house, &format!("{HOOK}/{n}")).await;
    }
    let mut pauses = HashSet::new();
    for delivery in house.deliveries().await {
        let pause = delivery.next_attempt_at.unwrap().since(house.attempts(delivery.id).await[0].started_at);
        assert!((SECOND * 4..=SECOND * 6).contains(&pause), "{pause:?}");
        pauses.insert(pause);
    }
    assert!(pauses.len() > 10, "{pauses:?}");
}

/// One attempt that is answered so; what became of the delivery, and the pause before its next attempt.
async fn answered(answer: Answer) -> (Delivery, Option<Duration>, TestHouse) {
    let house = start(Setup::default()).await;
    house.transport().next(HOOK, [answer]);
    send(&house, HOOK).await;
    let delivery = only(&house).await;
    let pause = delivery.next_attempt_at.map(|at| at.since(house.setup.clock.now()));
    (delivery, pause, house)
}

#[actix::test]
async fn a_receiver_that_asks_for_a_pause_gets_the_longer_of_its_own_and_the_schedules() {
    for status in [429, 502, 503, 504] {
        let (_, pause, house) = answered(Answer::Later(status, SECOND * 3_600)).await;
        assert_eq!(pause, Some(SECOND * 3_600), "{status}");
        assert_eq!(next_attempt(&house).await, SECOND * 3_600);
        assert_eq!(only(&house).await.status, DeliveryStatus::Delivered);
    }
    for answer in [Answer::Later(503, SECOND), Answer::Later(500, SECOND * 3_600), Answer::Status(429)] {
        let (_, pause, _) = answered(answer.clone()).await;
        assert!((SECOND * 4..=SECOND * 6).contains(&pause.unwrap()), "{answer:?}");
    }
    let (_, pause, _) = answered(Answer::Later(503, SECOND * 10_000_000)).await;
    assert_eq!(pause, Some(MAX_RETRY_AFTER));
}

#[actix::test]
async fn any_2xx_is_the_end_and_nothing_more_is_sent() {
    for status in [200, 201, 202, 204, 299] {
        let (delivery, pause, house) = answered(Answer::Status(status)).await;
        assert_eq!((delivery.status, pause), (DeliveryStatus::Delivered, None));
        assert_eq!((delivery.last_status_code, delivery.last_error.as_deref()), (Some(status), None));
        house.advance(SECOND * 100_000).await;
        assert_eq!(house.transport().sent().len(), 1);
    }
}

#[actix::test]
async fn a_receiver_that_is_gone_is_left_alone() {
    let (delivery, pause, house) = answered(Answer::Status(410)).await;
    assert_eq!((delivery.status, pause, delivery.attempts), (DeliveryStatus::Failed, None, 1));
    assert!(delivery.last_error.unwrap().contains("gone"));
    house.advance(SECOND * 100_000).await;
    assert_eq!(house.transport().sent().len(), 1);
}

#[actix::test]
async fn an_address_that_turns_out_to_be_closed_is_no_case_for_a_retry() {
    let refused = appengine_actors::webhook::failure::Refused::ResolvedAddress;
    let (delivery, pause, house) = answered(Answer::Fail(refused.into())).await;
    assert_eq!((delivery.status, pause), (DeliveryStatus::Failed, None));
    let attempt = house.attempts(delivery.id).await.remove(0);
    assert_eq!((attempt.error_class.as_deref(), attempt.status_code), (Some("refused"), None));
}

#[actix::test]
async fn anything_else_is_tried_again_and_the_attempt_says_what_it_was() {
    let late = SendError::TimedOut(Waiting::Response);
    for (answer, code, class, words) in [
        (Answer::Status(302), Some(302), None, "redirects are not followed"),
        (Answer::Status(404), Some(404), None, "the receiver answered 404"),
        (Answer::Fail(SendError::Dns), None, Some("dns"), "resolve the host name"),
        (Answer::Fail(SendError::Connect), None, Some("connect"), "connect to the host"),
        (Answer::Fail(late), None, Some("timed_out"), "no answer came"),
    ] {
        let (delivery, pause, house) = answered(answer).await;
        assert_eq!(delivery.status, DeliveryStatus::Pending);
        assert!(pause.is_some());
        let attempt = house.attempts(delivery.id).await.remove(0);
        assert_eq!((attempt.status_code, attempt.error_class.as_deref()), (code, class));
        assert!(attempt.error.as_ref().unwrap().contains(words), "{attempt:?}");
        assert_eq!(delivery.last_error, attempt.error);
        next_attempt(&house).await;
        assert_eq!(only(&house).await.status, DeliveryStatus::Delivered);
    }
}

#[actix::test]
async fn who_watches_sees_every_attempt() {
    let house = start(Setup::default()).await;
    house.transport().next(HOOK, [Answer::Status(500)]);
    let mut feed = FeedProbe::new(&house.house().feed);
    send(&house, HOOK).await;
    next_attempt(&house).await;
    let shown = feed.seen().await.into_iter().filter_map(|observation| {
        let json = serde_json::to_value(&observation).unwrap();
        (json["type"] == "delivery")
            .then(|| (json["status"].clone(), json["attempts"].clone(), json["statusCode"].clone()))
    });
    let shown: Vec<_> = shown.collect();
    assert_eq!(shown, [("pending".into(), 1.into(), 500.into()), ("delivered".into(), 2.into(), 200.into())]);
}
