//! What is asked for twice, at once, or too long.

use std::time::Duration;

use appengine_actors::keys;
use appengine_actors::session::stream::BeginError;
use appengine_actors::session::stream::usage::Day;
use appengine_actors::store::{Scan, Store};

use super::*;

#[actix::test]
async fn a_conversation_has_one_answer_at_a_time() {
    let (house, model) = start();
    let begun = || Beginning { conversation: Some("c1".to_owned()), ..beginning(&house, "Hello?") };
    let first = streams(&house).begin(&house.org, begun()).await.unwrap();
    quiet().await;
    assert_eq!(streams(&house).begin(&house.org, begun()).await, Err(BeginError::Busy(first)));
    assert_eq!(streams(&house).running_in(&house.org, "c1").await.unwrap(), Some(first));
    let other = Beginning { conversation: Some("c2".to_owned()), ..beginning(&house, "Hello?") };
    assert!(streams(&house).begin(&house.org, other).await.is_ok());
    model.turns()[0].finishes();
    quiet().await;
    assert_eq!(streams(&house).running_in(&house.org, "c1").await.unwrap(), None);
    assert!(streams(&house).begin(&house.org, begun()).await.is_ok());
}

#[actix::test]
async fn the_same_request_is_begun_once_for_as_long_as_it_can_be_read() {
    let (house, model) = start();
    let begun = |digest| Beginning { once: once("k", digest), ..beginning(&house, "Hello?") };
    let first = streams(&house).begin(&house.org, begun("d")).await.unwrap();
    assert_eq!(streams(&house).begin(&house.org, begun("d")).await, Ok(first));
    assert_eq!(streams(&house).begin(&house.org, begun("e")).await, Err(BeginError::KeyUsed));
    let mut theirs = begun("d");
    theirs.ask.prompt.by.id = "user-2".to_owned();
    assert_ne!(streams(&house).begin(&house.org, theirs).await.unwrap(), first, "the key is theirs");
    quiet().await;
    assert_eq!(model.turns().len(), 2);
    house.advance(house.setup.settings.streams.keep).await;
    assert_ne!(streams(&house).begin(&house.org, begun("e")).await.unwrap(), first);
}

#[actix::test]
async fn whoever_stops_an_answer_keeps_what_was_said() {
    let (house, model) = start();
    let begun = Beginning { conversation: Some("c1".to_owned()), ..beginning(&house, "Hello?") };
    let id = streams(&house).begin(&house.org, begun).await.unwrap();
    quiet().await;
    let turn = model.turn();
    turn.says("Half");
    let stopped = streams(&house).stop(&house.org, id).await.unwrap();
    assert_eq!((stopped.status, stopped.finish.as_deref()), (StreamStatus::Stopped, Some("stopped")));
    quiet().await;
    assert!(!turn.is_heard(), "the provider is told that no more is wanted");
    turn.says(" and half");
    let (frames, is_over) = read(&house, id, 0).await;
    assert!(is_over);
    assert!(["Half[stopped]", "[stopped]"].contains(&words(&frames).as_str()), "{frames:?}");
    assert_eq!(streams(&house).stop(&house.org, id).await.unwrap(), stopped, "once");
    assert_eq!(streams(&house).running_in(&house.org, "c1").await.unwrap(), None);
    let nobody = StreamId::new(house.house().clock.now());
    assert!(streams(&house).stop(&house.org, nobody).await.is_err());
}

#[actix::test]
async fn an_answer_has_an_end() {
    let (house, model) = start_with(|setup| setup.settings.streams.max_bytes = 1_000);
    let id = begin(&house).await;
    let turn = model.turn();
    for _ in 0..50 {
        turn.says(&"x".repeat(100));
        quiet().await;
    }
    let (frames, is_over) = read(&house, id, 0).await;
    assert!(is_over && words(&frames).ends_with("[length]"), "{frames:?}");
    assert!(words(&frames).len() < 1_200 && !turn.is_heard());
}

#[actix::test]
async fn what_is_asked_is_bounded() {
    let (house, _) = start();
    let long = beginning(&house, &"x".repeat(200_000));
    assert!(matches!(streams(&house).begin(&house.org, long).await, Err(BeginError::TooLong(..))));
}

#[actix::test]
async fn there_is_a_most_of_those_that_go_on() {
    let (house, model) = start_with(|setup| setup.settings.streams.max_running = 2);
    begin(&house).await;
    begin(&house).await;
    let more = streams(&house).begin(&house.org, beginning(&house, "Hello?")).await;
    assert_eq!(more, Err(BeginError::Full(2)));
    model.turn().finishes();
    quiet().await;
    begin(&house).await;
    // The next process knows who goes on.
    let house = house.crash(0);
    quiet().await;
    let more = streams(&house).begin(&house.org, beginning(&house, "Hello?")).await;
    assert_eq!(more, Err(BeginError::Full(2)));
}

#[actix::test]
async fn what_can_no_longer_be_read_goes_with_all_that_belongs_to_it() {
    let keep = Duration::from_secs(3_600);
    let (house, model) = start_with(|setup| {
        setup.settings.streams.keep = keep;
        setup.settings.retention.streams = keep;
        setup.settings.retention.messages = keep;
    });
    house.found_org().await;
    let begun = Beginning {
        conversation: Some("c1".to_owned()),
        once: once("k", "d"),
        ..beginning(&house, "Hello?")
    };
    let id = streams(&house).begin(&house.org, begun).await.unwrap();
    quiet().await;
    for _ in 0..700 {
        model.turn().says("word ");
        quiet().await;
    }
    model.turn().finishes();
    quiet().await;
    // One that goes on is left alone, however old.
    let other = begin(&house).await;
    let today = Day::of(house.machine.house.clock.now());
    let usage = async || streams(&house).usage(&house.org, Day(0), today).await.unwrap();
    let used = usage().await;
    assert_eq!(used.iter().map(|(place, used)| (place.0, used.runs)).collect::<Vec<_>>(), [(today, 2)]);
    for _ in 0..5 {
        house.advance(keep / 2).await;
    }
    assert_eq!(streams(&house).find(&house.org, id).await.unwrap(), None);
    assert!(streams(&house).exchanges(&house.org, "c1", 10).await.unwrap().is_empty());
    assert!(streams(&house).find(&house.org, other).await.unwrap().is_some());
    let left = |prefix| async { house.store().scan(Scan::prefix(prefix, 1_000)).await.unwrap().len() };
    assert_eq!(left(keys::stream_pages(&house.org, id)).await, 0);
    assert_eq!(
        (left(keys::stream_usages(&house.org)).await, usage().await),
        (1, used),
        "what it used is not forgotten"
    );
    assert!(house.store().get(keys::stream_once(&house.org, &ada().id, "k")).await.unwrap().is_none());
}
