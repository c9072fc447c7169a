//! Mail about chats: what was said, as one ends, and that one was missed.

use std::time::Duration;

use appengine_actors::mail::Mail;
use appengine_actors::session::chat::{ChatId, ChatsError, Recipient, Word};
use appengine_actors::testkit::TestHouse;
use appengine_actors::testkit::probe::{quiet, until};
use serde_json::json;

use super::ear::{Client, agent, customer, kinds, text};
use crate::flow::mail::{Post, house};

async fn the_mail(post: &Post) -> Mail {
    until("the mail", async || post.asked.lock().unwrap().first().cloned()).await
}

#[actix::test]
async fn a_chat_that_ends_is_sent_to_its_customer_as_it_was() {
    let post = Post::default();
    let house = house(&post);
    let (ann, bob) = (customer("ann"), agent("bob"));
    let chat = ChatId::of_customer(&ann);
    let (phone, desk) = (Client::come(&house, &ann).await, Client::come(&house, &bob).await);
    let chats = &house.machine.sessions.chats;
    phone.say(&house, &chat, text("of an earlier chat")).await.unwrap();
    chats.end(&house.org, &ann, &chat, "customer_closed", None).await.unwrap();
    house.advance(Duration::from_secs(1)).await;
    phone.say(&house, &chat, text("hello")).await.unwrap();
    desk.say(&house, &chat, text("good day")).await.unwrap();
    let nowhere = Some(Recipient::Address("nowhere".to_owned()));
    let refused = chats.end(&house.org, &bob, &chat, "agent", nowhere).await;
    assert!(matches!(refused, Err(ChatsError::Unfit(_))), "{refused:?}");
    chats.end(&house.org, &bob, &chat, "agent", Some(Recipient::Customer)).await.unwrap();
    let mail = the_mail(&post).await;
    assert_eq!(mail.to, "ann@x.io");
    assert!(mail.subject.starts_with("Your chat of "), "{}", mail.subject);
    let lines: Vec<&str> =
        mail.text.lines().filter_map(|line| line.split_once("UTC  ")).map(|(_, said)| said).collect();
    assert_eq!(lines, ["ann: hello", "bob: good day", "system: bob has ended the chat."]);
    chats.end(&house.org, &bob, &chat, "agent", Some(Recipient::Customer)).await.unwrap();
    quiet().await;
    assert_eq!(post.asked.lock().unwrap().len(), 1, "it had ended");
}

#[actix::test]
async fn a_chat_that_nobody_answers_is_told_once_also_after_a_restart() {
    let post = Post::default();
    let house = house(&post);
    house.found_org().await;
    let missed = json!({"enabled": true, "timeoutMinutes": 2, "notifyEmail": "boss@x.io"});
    let config = house.create("chat_config", json!({"name": "widget", "missedChat": missed})).await;
    let ann = customer("ann");
    let chat = ChatId::of_customer(&ann);
    let phone = Client::come(&house, &ann).await;
    let word = Word { config_id: Some(config.sk.to_string()), ..text("hello?") };
    phone.say(&house, &chat, word).await.unwrap();
    let pass = async |house: &TestHouse, seconds: u64| {
        for _ in 0..seconds {
            house.advance(Duration::from_secs(1)).await;
            quiet().await;
        }
    };
    pass(&house, 100).await;
    assert!(post.asked.lock().unwrap().is_empty());
    pass(&house, 30).await;
    let mail = the_mail(&post).await;
    assert_eq!((mail.to.as_str(), mail.subject.as_str()), ("boss@x.io", "A chat was missed: ann"));
    assert!(mail.text.contains("nobody answered within 2 minutes"), "{}", mail.text);
    let house = house.restart().await;
    pass(&house, 130).await;
    assert_eq!(post.asked.lock().unwrap().len(), 1);
    let told = kinds(&house).await.iter().filter(|kind| *kind == "chat.missed").count();
    assert_eq!(told, 1);
    assert_eq!(
        house.machine.sessions.desks.waiting(&house.org, None).await.unwrap().len(),
        1,
        "ann waits still"
    );
}
