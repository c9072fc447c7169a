//! What happened in communities ends, but for the latest; whoever missed it is told so, and what is left is whole.

use std::time::Duration;

use appengine_actors::keys;
use appengine_actors::list::Slice;
use appengine_actors::retention::Ages;
use appengine_actors::session::community::who::Handle;
use appengine_actors::session::community::wish::{Act, Refusal, Word};
use appengine_actors::session::community::{ConversationId, Part, Which};
use appengine_actors::store::{Scan, Store};
use appengine_actors::testkit::probe::quiet;
use appengine_actors::testkit::{Setup, TestHouse};
use serde_json::json;

use super::house::{Client, customer, group, word};
use crate::chat::ear::Ear;

const DAY: Duration = Duration::from_secs(86_400);

async fn start() -> TestHouse {
    start_with(DAY * 30).await
}

async fn start_with(age: Duration) -> TestHouse {
    let mut setup = Setup::default();
    setup.settings.retention = Ages { community_messages: age, ..Ages::default() };
    let house = setup.start();
    house.found_org().await;
    house
}

async fn walks(house: &TestHouse) {
    for _ in 0..60 {
        house.advance(Duration::from_secs(1)).await;
        quiet().await;
    }
}

fn part() -> Part {
    Part { limit: 100, ..Part::default() }
}

/// How many keys of a table of communities there are.
async fn left(house: &TestHouse, table: u8) -> usize {
    let mut prefix = keys::community_logs(&house.org);
    assert_eq!(prefix.pop(), Some(b'e'), "the letter of what happened");
    prefix.push(table);
    house.store().scan(Scan::prefix(prefix, 100_000).keys_only()).await.unwrap().len()
}

#[actix::test]
async fn what_is_too_old_goes_but_for_the_latest_and_is_said_to_be_missing() {
    let house = start().await;
    let (ann, bob, eve) = (customer("ann"), customer("bob"), customer("eve"));
    let anns = Client::come(&house, &ann).await;
    let id = group(&anns, std::slice::from_ref(&bob), Default::default()).await;
    let mut said = Vec::new();
    for n in 0..250 {
        let named = Word { client_id: Some(format!("c-{n}")), ..word(n.to_string()) };
        said.push(anns.want(&id, Act::Say(named, None)).await.unwrap().message.unwrap());
    }
    let reply = Word { reply_to: Some(said[0].id), ..word("re") };
    let reply = anns.want(&id, Act::Say(reply, None)).await.unwrap().message.unwrap();
    let quiet_group = group(&anns, std::slice::from_ref(&bob), Default::default()).await;
    let kept = anns.say(&quiet_group, "old, and the latest").await.unwrap();
    anns.want(&quiet_group, Act::Add(vec![(eve.clone(), Default::default())])).await.unwrap();
    walks(&house).await;
    assert_eq!(left(&house, b'm').await, 252, "nothing is old yet");
    house.advance(DAY * 29).await;
    // Something is felt about what is about to go.
    anns.about(reply.id, Act::React(reply.id, "like".into())).await.unwrap();
    house.advance(DAY * 2).await;
    let new = anns.say(&id, "new").await.unwrap();
    walks(&house).await;
    // Of the one what is new; of the other its latest message, and whoever came last.
    assert_eq!((left(&house, b'e').await, left(&house, b'm').await), (4, 2));
    assert_eq!((left(&house, b'i').await, left(&house, b'c').await, left(&house, b't').await), (4, 0, 0));
    let house = house.restart().await;
    let (anns, bobs) = (Client::come(&house, &ann).await, Client::arrive(&house, &bob, Ear::new()).await);
    let replayed = bobs.attach(&id, 100).await.unwrap();
    assert_eq!((replayed.gap, replayed.to, replayed.count), (true, new.seq, 1));
    assert_eq!(bobs.heard(), ["groupMessage"], "of a message that is gone nothing is told");
    let felt = bobs.attach(&id, new.seq - 2).await.unwrap();
    assert!(felt.gap, "what is felt about one that is gone is missing too");
    let known = bobs.attach(&id, new.seq).await.unwrap();
    assert_eq!((known.gap, known.count), (false, 0));
    let (edit, react) = (Act::Edit(reply.id, "x".into()), Act::React(reply.id, "x".into()));
    for act in [edit, react, Act::Delete(reply.id)] {
        assert_eq!(anns.about(reply.id, act).await, Err(Refusal::NoMessage));
    }
    let again = Word { reply_to: Some(said[3].id), ..word("re") };
    assert_eq!(anns.want(&id, Act::Say(again, None)).await, Err(Refusal::NoMessage));
    let replies = Part { reply_to: Some(said[0].id), ..part() };
    assert_eq!(anns.history(&id, replies).await, Err(Refusal::NoMessage));
    let page = bobs.history(&id, part()).await.unwrap();
    assert_eq!((page.messages.len(), page.has_more, page.gap), (1, false, true));
    for (after, gap) in [(0, true), (reply.seq, false), (new.seq, false)] {
        let page = bobs.history(&id, Part { after: Some(after), ..part() }).await.unwrap();
        assert_eq!(page.gap, gap, "after {after}");
    }
    let talks = &house.machine.sessions.talks;
    let own = talks.groups(&bobs.asker, Which::Own, None, Slice { skip: 0, limit: 10 }).await.unwrap();
    let unread: Vec<_> = own.rows.iter().map(|group| group["unreadCount"].clone()).collect();
    assert_eq!(unread, [json!(1), json!(1)], "what is gone is not unread");
    assert_eq!(own.rows[1]["lastMessage"]["id"], json!(kept.id));
    let page = bobs.history(&quiet_group, part()).await.unwrap();
    assert_eq!((page.messages.len(), page.gap), (1, false), "none of its messages is gone");
    assert!(anns.say(&quiet_group, "next").await.unwrap().seq > kept.seq);
}

#[actix::test]
async fn what_tells_of_a_message_goes_with_it() {
    let house = start().await;
    let (ann, bob) = (customer("ann"), customer("bob"));
    let (anns, bobs) = (Client::come(&house, &ann).await, Client::come(&house, &bob).await);
    anns.say_to(&bob, "secret").await.unwrap();
    bobs.say_to(&ann, "ho").await.unwrap();
    let told = async || {
        let mut words: Vec<_> =
            house.records("notification").await.iter().map(|record| record.data["body"].clone()).collect();
        words.sort_by_key(ToString::to_string);
        words
    };
    assert_eq!(told().await, [json!("ho"), json!("secret")]);
    house.advance(DAY * 31).await;
    walks(&house).await;
    assert_eq!(told().await, [json!("ho")]);
    assert_eq!(left(&house, b'n').await, 1);
    anns.say_to(&bob, "again").await.unwrap();
    assert_eq!(told().await, [json!("again"), json!("ho")]);
    let threads = house.machine.sessions.talks.threads(&bobs.asker).await.unwrap();
    assert_eq!(threads[0]["unreadCount"], json!(1));
    let id = ConversationId::pair(&Handle::of(&ann), &Handle::of(&bob));
    assert_eq!(bobs.history(&id, part()).await.unwrap().messages.len(), 2);
}

#[actix::test]
async fn a_message_that_goes_while_somebody_feels_something_about_it_does_not_come_back() {
    let house = start_with(Duration::from_secs(40)).await;
    let anns = Client::come(&house, &customer("ann")).await;
    let id = group(&anns, &[], Default::default()).await;
    let old = anns.say(&id, "old").await.unwrap();
    house.advance(Duration::from_secs(35)).await;
    anns.say(&id, "new").await.unwrap();
    house.store().hold();
    for _ in 0..30 {
        house.advance(Duration::from_secs(1)).await;
    }
    // It is still there to be read, and its removal waits for the disk before what is felt does.
    let mut feeling = std::pin::pin!(anns.about(old.id, Act::React(old.id, "like".into())));
    assert!(futures_util::poll!(feeling.as_mut()).is_pending());
    quiet().await;
    assert_eq!(left(&house, b'm').await, 2);
    house.store().release();
    assert_eq!(feeling.await, Err(Refusal::NoMessage));
    assert_eq!((left(&house, b'm').await, anns.heard().contains(&"reaction".to_owned())), (1, false));
}

#[actix::test]
async fn many_conversations_are_walked_through_and_none_is_left_out() {
    let house = start().await;
    let ann = customer("ann");
    let anns = Client::come(&house, &ann).await;
    let people: Vec<_> = (0..70).map(|n| customer(&format!("c{n}"))).collect();
    for person in &people {
        for _ in 0..3 {
            anns.say_to(person, "old").await.unwrap();
        }
    }
    house.advance(DAY * 31).await;
    walks(&house).await;
    for person in people.iter().step_by(2) {
        anns.say_to(person, "new").await.unwrap();
    }
    let records = house.records("notification").await;
    let new = records.iter().filter(|record| record.data["body"] == "new");
    assert!(
        new.into_iter().all(|record| record.data["count"] == 2),
        "what is gone is not unread: {records:?}"
    );
    walks(&house).await;
    assert_eq!((left(&house, b'e').await, left(&house, b'm').await), (70, 70));
    assert_eq!(house.records("notification").await.len(), 70, "each tells of what is left");
    house.advance(DAY * 31).await;
    walks(&house).await;
    assert_eq!(left(&house, b'e').await, 70, "the latest stays");
}
