//! A conversation that is erased leaves nothing but numbers, and what is said in it later is heard by everybody.

use std::time::Duration;

use appengine_actors::keys;
use appengine_actors::session::chat::{ChatId, ChatsError, Erasure, Word};
use appengine_actors::session::desk::messages::PickNext;
use appengine_actors::session::person::Person;
use appengine_actors::store::{Scan, Store, StoreError};
use appengine_actors::supervision::{Collapse, Supervisor};
use appengine_actors::testkit::TestHouse;
use appengine_actors::testkit::probe::quiet;
use futures_util::future::join_all;

use super::ear::{Client, agent, customer, text};

async fn erase(house: &TestHouse, by: &Person, chat: &ChatId) -> Result<Erasure, ChatsError> {
    house.machine.sessions.chats.erase(&house.org, by, chat).await
}

async fn end(house: &TestHouse, chat: &ChatId) {
    house.machine.sessions.chats.end(&house.org, &agent("bob"), chat, "agent", None).await.unwrap();
}

fn called(text: &str) -> Word {
    Word { client_id: Some(text.to_owned()), ..super::ear::text(text) }
}

/// A customer's conversation of so many messages, which has ended.
async fn spoken(house: &TestHouse, person: &Person, count: u64) -> ChatId {
    let chat = ChatId::of_customer(person);
    let client = Client::come(house, person).await;
    let words = (1..count).map(|n| client.say(house, &chat, called(&format!("word {n}"))));
    join_all(words).await.into_iter().for_each(|said| _ = said.unwrap());
    client.go(house);
    end(house, &chat).await;
    chat
}

/// The tables of the organisation that tell of chats, as far as anything is in them.
async fn tables(house: &TestHouse) -> String {
    let mut parts = keys::standings(&house.org);
    parts.pop();
    let from = parts.len();
    let prefixes = [keys::chats(&house.org), parts, keys::all_messages(&house.org)];
    let mut tables = Vec::new();
    for prefix in prefixes {
        let found = house.store().scan(Scan::prefix(prefix, 10_000).keys_only()).await.unwrap();
        tables.extend(found.iter().map(|(key, _)| match key[from - 1] {
            b'q' => format!("q{}", char::from(key[from])),
            table => char::from(table).to_string(),
        }));
    }
    tables.dedup();
    tables.join(" ")
}

#[actix::test]
async fn it_leaves_numbers_and_nothing_else() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), agent("bob"));
    let chat = spoken(&house, &ann, 450).await;
    assert_eq!(tables(&house).await, "a qc qd qi qp z");
    let (phone, desk) = (Client::come(&house, &ann).await, Client::come(&house, &bob).await);
    assert_eq!(erase(&house, &bob, &chat).await, Ok(Erasure::Done));
    assert_eq!(tables(&house).await, "qe");
    assert_eq!(erase(&house, &bob, &chat).await, Ok(Erasure::Missing));
    let chats = &house.machine.sessions.chats;
    assert!(chats.history(&house.org, &ann, &chat, None, 10).await.unwrap().is_empty());
    assert!(chats.decisions(&house.org, &bob, &chat).await.unwrap().is_empty());

    // It begins anew: what was called the same is another message, and nobody misses it.
    assert_eq!(desk.say(&house, &chat, called("word 1")).await, Ok(451));
    assert_eq!(phone.say(&house, &chat, called("word 1")).await, Ok(452));
    assert_eq!((phone.ear.numbers(), desk.ear.numbers()), (vec![451, 452], vec![451, 452]));
    let back = Client::come(&house, &ann).await;
    let replayed = back.attach(&house, &chat, Some(17)).await.unwrap();
    assert_eq!((replayed.gap, replayed.to, replayed.count), (true, 452, 2), "an old number");
    let found = chats.find(&house.org, &chat).await.unwrap().unwrap();
    let turns: Vec<u64> =
        chats.decisions(&house.org, &bob, &chat).await.unwrap().iter().map(|d| d.turn).collect();
    assert_eq!((turns, found.staff), (vec![3], vec![bob.clone()]), "decisions go on as well");

    end(&house, &chat).await;
    assert_eq!(erase(&house, &bob, &chat).await, Ok(Erasure::Done));
    let house = house.restart().await;
    let phone = Client::come(&house, &ann).await;
    let replayed = phone.attach(&house, &chat, Some(452)).await.unwrap();
    assert_eq!((replayed.gap, replayed.to, replayed.count), (true, 453, 0));
    assert_eq!(phone.say(&house, &chat, text("after a restart")).await, Ok(454));
    let others = ChatId::of_customer(&customer("eve"));
    let desk = Client::come(&house, &bob).await;
    assert_eq!(desk.say(&house, &others, text("hello")).await, Ok(1), "another chat begins at one");
}

#[actix::test]
async fn what_the_staff_has_to_do_with_stays() {
    let house = TestHouse::start();
    let (ann, bob, eve) = (customer("ann"), agent("bob"), agent("eve"));
    let chat = ChatId::of_customer(&ann);
    let phone = Client::come(&house, &ann).await;
    assert_eq!(erase(&house, &bob, &chat).await, Ok(Erasure::Missing));
    phone.say(&house, &chat, text("hello")).await.unwrap();
    assert_eq!(erase(&house, &bob, &chat).await, Ok(Erasure::Waits));
    let pick = PickNext { by: bob.clone(), queue: None, skill: None };
    house.machine.sessions.desks.pick_next(&house.org, pick).await.unwrap().unwrap();
    assert_eq!(erase(&house, &bob, &chat).await, Ok(Erasure::Answered));
    assert_eq!(phone.say(&house, &chat, text("are you there?")).await, Ok(2), "nothing of it is gone");
    let (pair, team) = (ChatId::pair("ann@x.io", "bob@x.io"), ChatId::new("team").unwrap());
    let desk = Client::come(&house, &bob).await;
    for chat in [&pair, &team] {
        desk.say(&house, chat, text("hello")).await.unwrap();
    }
    assert_eq!(erase(&house, &eve, &pair).await, Ok(Erasure::NotYours));
    assert_eq!(erase(&house, &bob, &pair).await, Ok(Erasure::Done));
    assert_eq!(erase(&house, &eve, &team).await, Ok(Erasure::Done), "nobody need answer in it");
    assert_eq!(house.machine.sessions.chats.of(&house.org, &bob).await.unwrap(), [chat]);
}

#[actix::test]
async fn what_is_said_meanwhile_waits_and_begins_it_anew() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), agent("bob"));
    let chat = spoken(&house, &ann, 450).await;
    let phone = Client::come(&house, &ann).await;
    let twice = join_all([erase(&house, &bob, &chat), erase(&house, &bob, &chat)]);
    let said = async {
        // The first steps are on their way.
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        phone.say(&house, &chat, text("hello?")).await
    };
    let (erased, said) = futures_util::join!(twice, said);
    assert_eq!((erased, said), (vec![Ok(Erasure::Done), Ok(Erasure::Done)], Ok(451)));
    let kept = house.machine.sessions.chats.history(&house.org, &ann, &chat, None, 10).await.unwrap();
    assert_eq!((kept.len(), kept[0].seq, phone.ear.numbers()), (1, 451, vec![451]));
}

#[actix::test]
async fn an_actor_that_ends_at_any_step_is_asked_again() {
    let house = TestHouse::start();
    let bob = agent("bob");
    for turns in 0..40 {
        let person = customer(&format!("c{turns}"));
        let chat = spoken(&house, &person, 210).await;
        let group = house.actor::<Supervisor>("sessions/chats");
        let ended = async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            let told = group.tell(Collapse);
            house.advance(Duration::from_secs(1)).await;
            told
        };
        let (erased, ended) = futures_util::join!(erase(&house, &bob, &chat), ended);
        ended.unwrap();
        quiet().await;
        house.advance(Duration::from_secs(61)).await;
        if erased != Ok(Erasure::Done) {
            let again = erase(&house, &bob, &chat).await;
            assert!(matches!(again, Ok(Erasure::Done | Erasure::Missing)), "{turns}: {again:?}");
        }
        assert_eq!(tables(&house).await, "qe", "{turns}");
        let phone = Client::come(&house, &person).await;
        assert_eq!(phone.say(&house, &chat, text("hello")).await, Ok(211), "{turns}");
        end(&house, &chat).await;
        assert_eq!(erase(&house, &bob, &chat).await, Ok(Erasure::Done));
    }
}

#[actix::test]
async fn a_process_that_ends_at_any_step_leaves_what_can_be_asked_for_again() {
    // Its numbers, three times messages, decisions, the record.
    for kept in 0..6 {
        let house = TestHouse::start();
        house.found_org().await;
        let (ann, bob) = (customer("ann"), agent("bob"));
        let chat = spoken(&house, &ann, 450).await;
        let store = house.store().clone();
        store.hold();
        let erasing = erase(&house, &bob, &chat);
        let dies = async {
            for _ in 0..kept {
                store.until_waiting(1).await;
                store.release_next(1);
            }
            store.until_waiting(1).await;
        };
        // Whoever asked is not answered: this is the last that the process does.
        tokio::select! {
            erased = erasing => panic!("{kept}: it was answered while a step waited: {erased:?}"),
            () = dies => {}
        }
        let house = house.crash(0);
        let phone = Client::come(&house, &ann).await;
        phone.attach(&house, &chat, Some(3)).await.unwrap();
        assert_eq!(erase(&house, &bob, &chat).await, Ok(Erasure::Done), "{kept}");
        assert_eq!(tables(&house).await, "qe", "{kept}");
        assert_eq!(phone.say(&house, &chat, text("hello")).await, Ok(451), "{kept}");
    }
}

#[actix::test]
async fn a_store_that_fails_loses_no_number() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), agent("bob"));
    let fault = StoreError::Unavailable("a test".to_owned());
    for n in 0..6 {
        let chat = spoken(&house, &ann, 450).await;
        let chats = &house.machine.sessions.chats;
        let last = chats.history(&house.org, &ann, &chat, None, 1).await.unwrap()[0].seq;
        match n {
            0..3 => house.store().fail_next(n, &fault),
            _ => house.store().lose_next_answers(n - 2),
        }
        let mut erased = erase(&house, &bob, &chat).await;
        for _ in 0..3 {
            house.advance(Duration::from_secs(10)).await;
            if erased.is_err() {
                erased = erase(&house, &bob, &chat).await;
            }
        }
        assert!(matches!(erased, Ok(Erasure::Done | Erasure::Missing)), "{n}: {erased:?}");
        assert_eq!(tables(&house).await, "qe", "{n}");
        let phone = Client::come(&house, &ann).await;
        assert_eq!(phone.say(&house, &chat, text("hello")).await, Ok(last + 1), "{n}");
        end(&house, &chat).await;
    }
}
