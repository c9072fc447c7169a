//! What is said is stored first, told to everybody whom it concerns, in one order.

use appengine_actors::session::chat::message::MessageStatus;
use appengine_actors::session::chat::messages::ChatError;
use appengine_actors::session::chat::{ChatId, ChatsError, Word};
use appengine_actors::testkit::TestHouse;
use futures_util::future::{join_all, try_join_all};
use serde_json::{Value, json};

use super::ear::{Client, Ear, agent, customer, kinds, text};

#[actix::test]
async fn everybody_whom_it_concerns_hears_it_once_and_in_order() {
    let house = TestHouse::start();
    let (ann, bob, eve) = (customer("ann"), agent("bob"), agent("eve"));
    let chat = ChatId::of_customer(&ann);
    let phone = Client::come(&house, &ann).await;
    let laptop = Client::come(&house, &ann).await;
    let desk = Client::come(&house, &bob).await;
    let other = Client::come(&house, &eve).await;
    assert_eq!(phone.say(&house, &chat, text("hello")).await, Ok(1));
    assert_eq!(desk.ear.numbers(), [0_u64; 0], "nobody of the staff takes part yet");
    desk.attach(&house, &chat, Some(0)).await.unwrap();
    assert_eq!(desk.say(&house, &chat, text("hi")).await, Ok(2));
    let second = Client::come(&house, &bob).await;
    assert_eq!(phone.say(&house, &chat, text("help")).await, Ok(3));
    for (who, ear, numbers) in [
        ("phone", &phone.ear, vec![1, 2, 3]),
        ("laptop", &laptop.ear, vec![1, 2, 3]),
        ("desk", &desk.ear, vec![1, 2, 3]),
        ("a second client of who takes part", &second.ear, vec![3]),
        ("somebody else", &other.ear, vec![]),
    ] {
        assert_eq!(ear.numbers(), numbers, "{who}");
    }
    let heard = &desk.ear.of("message")[0];
    assert_eq!((&heard["from"], &heard["senderRole"]), (&json!("ann@x.io"), &json!("customer")));
}

#[actix::test]
async fn many_who_speak_at_once_are_heard_by_all_in_the_same_order() {
    const SPEAKERS: usize = 8;
    const WORDS: usize = 50;
    let house = TestHouse::start();
    let chat = ChatId::new("team").unwrap();
    let people: Vec<_> = (0..SPEAKERS).map(|n| agent(&format!("a{n}"))).collect();
    let clients = join_all(people.iter().map(|person| Client::come(&house, person))).await;
    for client in &clients {
        client.attach(&house, &chat, None).await.unwrap();
    }
    let words = clients.iter().enumerate().flat_map(|(who, client)| {
        let (house, chat) = (&house, &chat);
        (0..WORDS).map(move |n| client.say(house, chat, text(format!("{who} {n}"))))
    });
    try_join_all(words).await.unwrap();
    let first = clients[0].ear.words();
    for client in &clients {
        assert!(client.ear.numbers().into_iter().eq(1..=(SPEAKERS * WORDS) as u64));
        assert_eq!(client.ear.words(), first);
    }
    for who in 0..SPEAKERS {
        let of: Vec<&String> = first.iter().filter(|word| word.starts_with(&format!("{who} "))).collect();
        assert!(of.into_iter().eq(&(0..WORDS).map(|n| format!("{who} {n}")).collect::<Vec<_>>()));
    }
}

#[actix::test]
async fn the_same_word_of_a_sender_is_said_once() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), agent("bob"));
    let chat = ChatId::of_customer(&ann);
    let (phone, desk) = (Client::come(&house, &ann).await, Client::come(&house, &bob).await);
    let word = || Word { client_id: Some("c-1".into()), ..text("once") };
    let twice = join_all([phone.say(&house, &chat, word()), phone.say(&house, &chat, word())]).await;
    assert_eq!(twice, [Ok(1), Ok(1)]);
    assert_eq!(phone.say(&house, &chat, word()).await, Ok(1));
    assert_eq!(desk.say(&house, &chat, word()).await, Ok(2), "another sender's names are their own");
    let house = house.crash(0);
    let phone = Client::come(&house, &ann).await;
    assert_eq!(phone.say(&house, &chat, word()).await, Ok(1));
    assert_eq!(phone.say(&house, &chat, text("twice")).await, Ok(3));
}

#[actix::test]
async fn nobody_takes_part_in_what_is_between_others() {
    let house = TestHouse::start();
    let (ann, eve) = (customer("ann"), customer("eve"));
    let client = Client::come(&house, &eve).await;
    let chat = ChatId::of_customer(&ann);
    let refused = Err(ChatsError::NotYours(chat.clone()));
    assert_eq!(client.say(&house, &chat, text("let me in")).await, refused);
    assert_eq!(client.attach(&house, &chat, Some(0)).await.map(|_| 0), refused);
    let phone = Client::come(&house, &ann).await;
    phone.say(&house, &chat, text("mine")).await.unwrap();
    let chats = &house.machine.sessions.chats;
    let said = chats.history(&house.org, &ann, &chat, None, 10).await.unwrap();
    let marked = chats.mark(&house.org, &eve, said[0].id, MessageStatus::Read).await;
    assert_eq!(marked, Err(ChatError::NoMessage.into()));
}

#[actix::test]
async fn reading_is_told_once_and_kept() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), agent("bob"));
    let chat = ChatId::of_customer(&ann);
    let (phone, desk) = (Client::come(&house, &ann).await, Client::come(&house, &bob).await);
    desk.say(&house, &chat, text("hi")).await.unwrap();
    let chats = &house.machine.sessions.chats;
    let said = chats.history(&house.org, &ann, &chat, None, 10).await.unwrap();
    for _ in 0..2 {
        chats.mark(&house.org, &ann, said[0].id, MessageStatus::Read).await.unwrap();
    }
    assert_eq!(desk.ear.of("update").len(), 1);
    let update = &desk.ear.of("update")[0];
    assert_eq!((&update["status"], &update["from"]), (&json!("read"), &json!("ann@x.io")));
    let kept = chats.history(&house.org, &ann, &chat, None, 10).await.unwrap();
    assert_eq!((kept[0].status, kept[0].read.is_some()), (MessageStatus::Read, true));
    drop(phone);
}

#[actix::test]
async fn a_conversation_ends_and_begins_anew_with_the_next_word() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), agent("bob"));
    let chat = ChatId::of_customer(&ann);
    let (phone, desk) = (Client::come(&house, &ann).await, Client::come(&house, &bob).await);
    phone.say(&house, &chat, text("hello")).await.unwrap();
    desk.say(&house, &chat, text("bye")).await.unwrap();
    let chats = &house.machine.sessions.chats;
    assert_eq!(chats.of(&house.org, &bob).await.unwrap(), std::slice::from_ref(&chat));
    for _ in 0..2 {
        chats.end(&house.org, &bob, &chat, "agent", None).await.unwrap();
    }
    for ear in [&phone.ear, &desk.ear] {
        assert_eq!(ear.of("chat-ended").len(), 1);
        assert_eq!(ear.of("chat-ended")[0]["reason"], json!("agent"));
    }
    assert_eq!(chats.of(&house.org, &bob).await.unwrap(), [], "it is no longer theirs");
    assert_eq!(phone.say(&house, &chat, text("again")).await, Ok(4));
    let kinds = kinds(&house).await;
    let of = |kind: &str| kinds.iter().filter(|known| *known == kind).count();
    assert_eq!((of("chat.started"), of("chat.ended"), of("chat.message.created")), (2, 1, 4));
}

#[actix::test]
async fn what_breaks_a_rule_is_not_said() {
    let house = TestHouse::start();
    let ann = customer("ann");
    let client = Client::come_with(&house, &ann, Ear::new()).await;
    let word = Word { content: Value::Null, ..Word::default() };
    let refused = client.say(&house, &ChatId::of_customer(&ann), word).await.unwrap_err();
    assert!(matches!(refused, ChatsError::Unfit(_)), "{refused}");
    assert!(kinds(&house).await.is_empty());
}
