//! Whoever was away hears what they missed, once and in order; sessions that end lose nothing.

use std::time::Duration;

use appengine_actors::retention::Ages;
use appengine_actors::session::chat::messages::Replayed;
use appengine_actors::session::chat::{ChatId, Word};
use appengine_actors::supervision::{Collapse, Supervisor};
use appengine_actors::testkit::probe::quiet;
use appengine_actors::testkit::{Setup, TestHouse};

use super::ear::{Client, Ear, agent, customer, text};

/// Others keep 128 events for each connection and tell a client that missed more to fetch it all anew (Mattermost).
#[actix::test]
async fn whoever_comes_back_hears_what_they_missed_before_what_is_new() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), agent("bob"));
    let chat = ChatId::of_customer(&ann);
    let desk = Client::come(&house, &bob).await;
    for n in 1..=500_u64 {
        assert_eq!(desk.say(&house, &chat, text(n.to_string())).await, Ok(n));
    }
    for since in [0, 1, 250, 470, 499, 500] {
        let phone = Client::come(&house, &ann).await;
        let replay = async {
            // The first half of what is new is said while the old is repeated.
            let said = desk.say(&house, &chat, text("new"));
            let (replayed, said) = futures_util::join!(phone.attach(&house, &chat, Some(since)), said);
            (replayed.unwrap(), said.unwrap())
        };
        let (replayed, said) = replay.await;
        assert!(!replayed.gap && replayed.from == since + 1);
        assert_eq!(phone.ear.numbers(), (since + 1..=said).collect::<Vec<_>>(), "since {since}");
        phone.go(&house);
    }
}

/// Others ask for what changed within the last seconds only, and an agent never hears of the rest (Chatwoot 14934).
#[actix::test]
async fn it_does_not_matter_how_long_somebody_was_away() {
    let house = TestHouse::start();
    let (ann, bob, eve) = (customer("ann"), agent("bob"), agent("eve"));
    let chat = ChatId::of_customer(&ann);
    let (desk, other) = (Client::come(&house, &bob).await, Client::come(&house, &eve).await);
    desk.say(&house, &chat, text("before")).await.unwrap();
    desk.go(&house);
    for day in 2..=4 {
        house.advance(Duration::from_secs(86_400)).await;
        assert_eq!(other.say(&house, &chat, text("meanwhile")).await, Ok(day));
    }
    house.advance(Duration::from_secs(30 * 86_400)).await;
    let back = Client::come(&house, &bob).await;
    let replayed = back.attach(&house, &chat, Some(1)).await.unwrap();
    assert_eq!(replayed, Replayed { from: 2, to: 4, count: 3, gap: false });
    other.say(&house, &chat, text("after")).await.unwrap();
    assert_eq!(back.ear.numbers(), [2, 3, 4, 5]);
}

/// Others keep what was sent in one process's memory, and lose it with that.
#[actix::test]
async fn a_restart_in_the_middle_leaves_no_gap_and_repeats_nothing() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), agent("bob"));
    let chat = ChatId::of_customer(&ann);
    let (phone, desk) = (Client::come(&house, &ann).await, Client::come(&house, &bob).await);
    for _ in 0..3 {
        desk.say(&house, &chat, text("before")).await.unwrap();
    }
    let had = phone.ear.numbers().last().copied();
    let house = house.restart().await;
    let desk = Client::come(&house, &bob).await;
    assert_eq!(desk.say(&house, &chat, text("between")).await, Ok(4));
    let phone = Client::come(&house, &ann).await;
    let replayed = phone.attach(&house, &chat, had).await.unwrap();
    assert_eq!(replayed, Replayed { from: 4, to: 4, count: 1, gap: false });
    desk.say(&house, &chat, text("after")).await.unwrap();
    assert_eq!(phone.ear.numbers(), [4, 5]);
    assert_eq!(desk.ear.numbers(), [4, 5], "it takes part, and came back to that");
    let replayed = phone.attach(&house, &chat, Some(9_999)).await.unwrap();
    assert_eq!(
        replayed,
        Replayed { from: 6, to: 5, ..Replayed::default() },
        "a number that is not there yet"
    );
    desk.say(&house, &chat, text("still")).await.unwrap();
    assert_eq!(phone.ear.numbers(), [4, 5, 6]);
}

#[actix::test]
async fn an_actor_that_ends_is_built_anew_and_those_who_hear_it_notice_nothing() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), agent("bob"));
    let chat = ChatId::of_customer(&ann);
    let (phone, desk) = (Client::come(&house, &ann).await, Client::come(&house, &bob).await);
    quiet().await;
    for turns in 0..40 {
        let group = house.actor::<Supervisor>("sessions/chats");
        // It ends at another moment of the same word each time.
        let end = async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            let told = group.tell(Collapse);
            house.advance(Duration::from_secs(1)).await;
            told
        };
        let word = || Word { client_id: Some(format!("c-{turns}")), ..text("x") };
        let (said, ended) = futures_util::join!(desk.say(&house, &chat, word()), end);
        ended.unwrap();
        quiet().await;
        house.advance(Duration::from_secs(61)).await;
        // A client that was not answered sends the same again.
        let said = if said.is_ok() { said } else { desk.say(&house, &chat, word()).await };
        assert_eq!(said, Ok(turns + 1), "{turns}");
    }
    assert!(phone.ear.numbers().into_iter().eq(1..=40), "{:?}", phone.ear.numbers());
    assert_eq!(desk.ear.numbers(), phone.ear.numbers());
}

#[actix::test]
async fn whoever_does_not_keep_up_keeps_nobody_waiting_and_hears_all_of_it() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), agent("bob"));
    let chat = ChatId::of_customer(&ann);
    let desk = Client::come(&house, &bob).await;
    let slow = Client::come_with(&house, &ann, Ear::with_room(3)).await;
    for n in 1..=200 {
        assert_eq!(desk.say(&house, &chat, text("x")).await, Ok(n));
    }
    assert_eq!((slow.ear.numbers(), desk.ear.numbers().len()), (vec![1, 2], 200));
    slow.ear.make_room(usize::MAX);
    house.advance(Duration::from_millis(20)).await;
    desk.say(&house, &chat, text("x")).await.unwrap();
    assert!(slow.ear.numbers().into_iter().eq(1..=201) && !slow.ear.was_cut());
}

#[actix::test]
async fn whoever_is_being_brought_on_is_told_nothing_twice_and_goes_on_with_the_next_actor() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), agent("bob"));
    let chat = ChatId::of_customer(&ann);
    let desk = Client::come(&house, &bob).await;
    // Two messages, and that somebody answers.
    let slow = Client::come_with(&house, &ann, Ear::with_room(3)).await;
    for _ in 0..10 {
        desk.say(&house, &chat, text("x")).await.unwrap();
    }
    // Asked for again while it is on its way.
    let replayed = slow.attach(&house, &chat, Some(0)).await.unwrap();
    assert_eq!((replayed.from, replayed.count), (3, 0));
    house.actor::<Supervisor>("sessions/chats").tell(Collapse).unwrap();
    house.advance(Duration::from_secs(1)).await;
    slow.ear.make_room(usize::MAX);
    desk.say(&house, &chat, text("x")).await.unwrap();
    house.advance(Duration::from_secs(1)).await;
    assert!(slow.ear.numbers().into_iter().eq(1..=11), "{:?}", slow.ear.numbers());
}

#[actix::test]
async fn whoever_takes_nothing_is_cut_and_comes_back_to_all_of_it() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), agent("bob"));
    let chat = ChatId::of_customer(&ann);
    let desk = Client::come(&house, &bob).await;
    let stuck = Client::come_with(&house, &ann, Ear::with_room(2)).await;
    for _ in 0..5 {
        desk.say(&house, &chat, text("x")).await.unwrap();
    }
    for _ in 0..3_100 {
        house.setup.clock.advance(Duration::from_millis(20));
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
    }
    assert!(stuck.ear.was_cut());
    stuck.go(&house);
    let back = Client::come(&house, &ann).await;
    let replayed = back.attach(&house, &chat, Some(2)).await.unwrap();
    assert_eq!((back.ear.numbers(), replayed.count), (vec![3, 4, 5], 3));
}

#[actix::test]
async fn a_slow_client_is_repeated_to_as_fast_as_it_takes_it() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), agent("bob"));
    let chat = ChatId::of_customer(&ann);
    let desk = Client::come(&house, &bob).await;
    for _ in 0..10 {
        desk.say(&house, &chat, text("x")).await.unwrap();
    }
    let ear = Ear::with_room(3);
    let phone = Client::come_with(&house, &ann, ear.clone()).await;
    let pace = async {
        for _ in 0..5 {
            house.advance(Duration::from_millis(20)).await;
            ear.make_room(3);
        }
        house.advance(Duration::from_millis(20)).await;
    };
    let (replayed, ()) = futures_util::join!(phone.attach(&house, &chat, Some(0)), pace);
    assert_eq!(replayed.unwrap().count, 10);
    assert!(ear.numbers().into_iter().eq(1..=10) && !ear.was_cut());
}

#[actix::test]
async fn a_quiet_conversation_sleeps_and_wakes() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), agent("bob"));
    let chat = ChatId::of_customer(&ann);
    let (phone, desk) = (Client::come(&house, &ann).await, Client::come(&house, &bob).await);
    desk.say(&house, &chat, text("x")).await.unwrap();
    let awake =
        || house.house().registry.statuses().iter().filter(|s| s.path.as_str().contains("chats/")).count();
    assert_eq!(awake(), 1);
    for _ in 0..2 {
        house.advance(Duration::from_secs(61)).await;
    }
    assert_eq!(awake(), 0);
    assert_eq!(desk.say(&house, &chat, text("y")).await, Ok(2));
    assert_eq!((phone.ear.numbers(), awake()), (vec![1, 2], 1), "who hears it was there all the time");
}

#[actix::test]
async fn what_is_no_longer_kept_is_said_to_be_missing() {
    let mut setup = Setup::default();
    setup.settings.retention = Ages { messages: Duration::from_secs(86_400), ..Ages::default() };
    let house = setup.start();
    house.found_org().await;
    let (ann, bob, eve) = (customer("ann"), agent("bob"), customer("eve"));
    let (chat, other) = (ChatId::of_customer(&ann), ChatId::of_customer(&eve));
    let desk = Client::come(&house, &bob).await;
    for n in 1..=250_u64 {
        assert_eq!(desk.say(&house, &chat, text("old")).await, Ok(n));
    }
    assert_eq!(desk.say(&house, &other, text("old, and the latest")).await, Ok(1));
    house.advance(Duration::from_secs(2 * 86_400)).await;
    assert_eq!(desk.say(&house, &chat, text("new")).await, Ok(251));
    for _ in 0..60 {
        house.advance(Duration::from_secs(1)).await;
        quiet().await;
    }
    let house = house.restart().await;
    let phone = Client::come(&house, &ann).await;
    let replayed = phone.attach(&house, &chat, Some(100)).await.unwrap();
    assert_eq!((replayed.gap, replayed.to, replayed.count), (true, 251, 1));
    assert_eq!(phone.ear.numbers(), [251]);
    let known = phone.attach(&house, &chat, Some(251)).await.unwrap();
    assert_eq!((known.gap, known.count), (false, 0));
    let hers = house.machine.sessions.chats.history(&house.org, &eve, &other, None, 10).await.unwrap();
    assert_eq!(hers.len(), 1, "the latest of a chat stays");
    let desk = Client::come(&house, &bob).await;
    assert_eq!(desk.say(&house, &other, text("next")).await, Ok(2));
}
