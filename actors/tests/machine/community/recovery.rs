//! Whoever was away hears what they missed, once and in order; conversations that end lose nothing.

use std::time::Duration;

use appengine_actors::session::community::who::Handle;
use appengine_actors::session::community::wish::{Act, Refusal, Word};
use appengine_actors::supervision::{Collapse, Supervisor};
use appengine_actors::testkit::TestHouse;
use appengine_actors::testkit::probe::quiet;
use serde_json::json;

use super::house::{Client, customer, group, say, word};
use crate::chat::ear::Ear;

#[actix::test]
async fn whoever_comes_back_hears_all_that_happened_before_what_is_new() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), customer("bob"));
    let anns = Client::come(&house, &ann).await;
    let id = group(&anns, std::slice::from_ref(&bob), Default::default()).await;
    let mut said = Vec::new();
    for n in 0..300 {
        said.push(anns.say(&id, &n.to_string()).await.unwrap());
    }
    anns.about(said[0].id, Act::React(said[0].id, "like".into())).await.unwrap();
    anns.about(said[1].id, Act::Edit(said[1].id, "changed".into())).await.unwrap();
    anns.about(said[2].id, Act::Delete(said[2].id)).await.unwrap();
    let mut last = 306;
    for since in [0, 3, 100, 250, 305, 306] {
        let bobs = Client::arrive(&house, &bob, Ear::new()).await;
        let replay = async {
            // What is new is said while the old is repeated.
            let (replayed, said) = futures_util::join!(bobs.attach(&id, since), anns.say(&id, "new"));
            (replayed.unwrap(), said.unwrap())
        };
        let (replayed, new) = replay.await;
        last += 1;
        assert_eq!(new.seq, last);
        assert!(!replayed.gap && replayed.from == since + 1);
        assert_eq!(bobs.numbers(), (since + 1..=last).collect::<Vec<_>>(), "since {since}");
        if since == 0 {
            let words = bobs.words("groupMessage");
            assert_eq!(words[..4], ["0", "changed", "", "3"], "as they are by now");
            assert!(bobs.heard().contains(&"messageDeleted".to_owned()));
        }
        bobs.go();
    }
}

#[actix::test]
async fn a_restart_leaves_no_gap_and_repeats_nothing() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), customer("bob"));
    let (anns, bobs) = (Client::come(&house, &ann).await, Client::come(&house, &bob).await);
    let id = group(&anns, std::slice::from_ref(&bob), Default::default()).await;
    anns.say(&id, "before").await.unwrap();
    let had = *bobs.numbers().last().unwrap();
    let house = house.restart().await;
    let anns = Client::come(&house, &ann).await;
    anns.say(&id, "between").await.unwrap();
    let back = Client::arrive(&house, &bob, Ear::new()).await;
    let replayed = back.attach(&id, had).await.unwrap();
    assert_eq!((replayed.from, replayed.to, replayed.count, replayed.gap), (had + 1, had + 1, 1, false));
    back.settle(&house);
    anns.say(&id, "after").await.unwrap();
    assert_eq!(back.words("groupMessage"), ["between", "after"]);
    assert_eq!(back.attach(&id, 9_999).await.unwrap().to, had + 2, "a number that is not there yet");
    anns.say(&id, "still").await.unwrap();
    assert_eq!(back.words("groupMessage").last().unwrap(), "still");
}

#[actix::test]
async fn an_actor_that_ends_is_built_anew_and_those_who_hear_it_notice_nothing() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), customer("bob"));
    let (anns, bobs) = (Client::come(&house, &ann).await, Client::come(&house, &bob).await);
    let id = group(&anns, std::slice::from_ref(&bob), Default::default()).await;
    quiet().await;
    for turns in 0..40_u64 {
        let supervisor = house.actor::<Supervisor>("sessions/talks");
        // It ends at another moment of the same word each time.
        let end = async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            let told = supervisor.tell(Collapse);
            house.advance(Duration::from_secs(1)).await;
            told
        };
        let act = || Act::Say(Word { client_id: Some(format!("c-{turns}")), ..word("x") }, None);
        let talks = &house.machine.sessions.talks;
        let (said, ended) = futures_util::join!(talks.want(&anns.asker, &id, act()), end);
        ended.unwrap();
        quiet().await;
        house.advance(Duration::from_secs(61)).await;
        // A client that was not answered sends the same again.
        let seq = match said {
            Ok(done) => done.seq,
            Err(_) => anns.want(&id, act()).await.unwrap().seq,
        };
        assert_eq!(seq, Some(turns + 4), "{turns}");
    }
    assert!(bobs.numbers().into_iter().eq(1..=43), "{:?}", bobs.numbers());
    assert_eq!(anns.numbers(), bobs.numbers());
}

#[actix::test]
async fn a_feeling_that_is_asked_for_again_is_not_taken_back() {
    let house = TestHouse::start();
    let anns = Client::come(&house, &customer("ann")).await;
    let id = group(&anns, &[], Default::default()).await;
    let said = anns.say(&id, "hi").await.unwrap();
    for turns in 0..30_u64 {
        let supervisor = house.actor::<Supervisor>("sessions/talks");
        let end = async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            let told = supervisor.tell(Collapse);
            house.advance(Duration::from_secs(1)).await;
            told
        };
        let talks = &house.machine.sessions.talks;
        let act = Act::React(said.id, format!("f{turns}"));
        // One question, which its asker puts again to the actor that comes after.
        let (felt, ended) = futures_util::join!(talks.about(&anns.asker, said.id, act), end);
        ended.unwrap();
        quiet().await;
        house.advance(Duration::from_secs(61)).await;
        if let Ok(done) = felt {
            assert_eq!(done.added, Some(true), "{turns}");
        }
    }
    let felt = anns.ear.of("reaction");
    assert!(felt.iter().all(|felt| felt["action"] == json!("added")), "{felt:?}");
}

#[actix::test]
async fn whatever_was_answered_is_there_after_a_crash_and_numbers_have_no_gap() {
    for kept in 0..6 {
        let house = TestHouse::start();
        let (ann, bob) = (customer("ann"), customer("bob"));
        let anns = Client::come(&house, &ann).await;
        let id = group(&anns, std::slice::from_ref(&bob), Default::default()).await;
        anns.say(&id, "answered").await.unwrap();
        house.store().hold();
        let talks = house.machine.sessions.talks.clone();
        let (asker, to) = (anns.asker.clone(), id.clone());
        let waiting = tokio::spawn(async move {
            futures_util::future::join_all((0..5).map(|n| talks.want(&asker, &to, say(n.to_string())))).await
        });
        quiet().await;
        let house = house.crash(kept);
        waiting.abort();
        let back = Client::arrive(&house, &bob, Ear::new()).await;
        back.attach(&id, 0).await.unwrap();
        let numbers = back.numbers();
        assert!(numbers.iter().copied().eq(1..=numbers.len() as u64), "{numbers:?}");
        assert_eq!(back.words("groupMessage")[0], "answered");
        let anns = Client::come(&house, &ann).await;
        assert_eq!(anns.say(&id, "next").await.unwrap().seq, numbers.len() as u64 + 1);
    }
}

#[actix::test]
async fn whoever_does_not_keep_up_keeps_nobody_waiting_and_hears_all_of_it() {
    let house = TestHouse::start();
    let (ann, bob, eve) = (customer("ann"), customer("bob"), customer("eve"));
    let anns = Client::come(&house, &ann).await;
    let slow = Client::come_with(&house, &bob, Ear::with_room(2)).await;
    let stuck = Client::come_with(&house, &eve, Ear::with_room(2)).await;
    let id = group(&anns, &[bob, eve.clone()], Default::default()).await;
    for _ in 0..100 {
        anns.say(&id, "x").await.unwrap();
    }
    assert_eq!((slow.numbers(), anns.numbers().len()), (vec![1, 2], 104));
    anns.want(&id, Act::Remove(Handle::of(&eve))).await.unwrap();
    assert!(stuck.ear.was_cut(), "it has not heard that it is out, and comes again to hear so");
    slow.ear.make_room(usize::MAX);
    house.advance(Duration::from_millis(20)).await;
    anns.say(&id, "x").await.unwrap();
    assert!(slow.numbers().into_iter().eq(1..=106) && !slow.ear.was_cut());
    let back = Client::arrive(&house, &eve, Ear::new()).await;
    assert_eq!(back.attach(&id, 2).await, Err(Refusal::NotMember));
}

#[actix::test]
async fn a_quiet_conversation_sleeps_and_wakes() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), customer("bob"));
    let (anns, bobs) = (Client::come(&house, &ann).await, Client::come(&house, &bob).await);
    anns.say_to(&bob, "x").await.unwrap();
    let awake =
        || house.house().registry.statuses().iter().filter(|s| s.path.as_str().contains("talks/")).count();
    assert_eq!(awake(), 1);
    for _ in 0..2 {
        house.advance(Duration::from_secs(61)).await;
    }
    assert_eq!(awake(), 0);
    assert_eq!(anns.say_to(&bob, "y").await.unwrap().seq, 2);
    assert_eq!((bobs.numbers(), awake()), (vec![1, 2], 1), "who hears it was there all the time");
}
