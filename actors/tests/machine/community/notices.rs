//! What tells people of direct messages while they are away: one record for each conversation and recipient.

use appengine_actors::record::model::Record;
use appengine_actors::record::service::Origin;
use appengine_actors::session::community::message::{Attachment, ContentType};
use appengine_actors::session::community::who::Handle;
use appengine_actors::session::community::wish::{Act, Word};
use appengine_actors::session::community::{ConversationId, notice};
use appengine_actors::session::person::Person;
use appengine_actors::testkit::TestHouse;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::house::{Client, agent, customer, group, word};

async fn told(house: &TestHouse) -> Vec<Record> {
    house.records("notification").await
}

/// The one record there is.
async fn only(house: &TestHouse) -> Record {
    let mut all = told(house).await;
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

/// These fields of the one record there is.
async fn says<const N: usize>(house: &TestHouse, fields: [&str; N]) -> [Value; N] {
    let record = only(house).await;
    fields.map(|field| record.data.get(field).cloned().unwrap_or_default())
}

fn between(one: &Person, other: &Person) -> ConversationId {
    ConversationId::pair(&Handle::of(one), &Handle::of(other))
}

#[actix::test]
async fn one_record_tells_of_all_that_is_unread_until_it_is_read() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), customer("bob"));
    let (anns, bobs) = (Client::come(&house, &ann).await, Client::come(&house, &bob).await);
    let first = anns.say_to(&bob, "hi").await.unwrap();
    let record = only(&house).await;
    let data = json!({
        "type": "community_message", "recipient": "bob@x.io", "recipientRole": "customer",
        "title": format!("New message from {}", ann.name), "body": "hi", "from": "ann@x.io",
        "fromName": ann.name, "fromRole": "customer", "peer": "customer:ann@x.io",
        "thread": between(&ann, &bob), "messageId": first.id, "count": 1, "read": false,
        "createdAt": first.sent,
    });
    assert_eq!(Value::Object(record.data.clone()), data);
    assert_eq!(record.meta["owner"]["email"], "bob@x.io");
    assert_eq!(record.author, None, "whoever says something does not own what others are told");
    let latest = anns.say_to(&bob, &"é".repeat(300)).await.unwrap();
    let [count, id, body] = says(&house, ["count", "messageId", "body"]).await;
    assert_eq!((count, id), (json!(2), json!(latest.id)));
    assert_eq!(body, json!("é".repeat(notice::MOST_TEXT)));
    let id = between(&ann, &bob);
    bobs.want(&id, Act::Read(Some(vec![first.id]))).await.unwrap();
    assert_eq!(says(&house, ["count", "read"]).await, [json!(1), json!(false)]);
    bobs.want(&id, Act::Read(None)).await.unwrap();
    let [count, read, at] = says(&house, ["count", "read", "readAt"]).await;
    assert_eq!((count, read, at.is_string()), (json!(0), json!(true), true));
    let version = only(&house).await.version;
    bobs.want(&id, Act::Read(None)).await.unwrap();
    anns.about(latest.id, Act::React(latest.id, "like".into())).await.unwrap();
    assert_eq!(only(&house).await.version, version, "nothing about it is new");
    anns.say_to(&bob, "again").await.unwrap();
    let [count, read, at] = says(&house, ["count", "read", "readAt"]).await;
    assert_eq!((count, read, at), (json!(1), json!(false), Value::Null));
    assert_eq!(only(&house).await.sk, record.sk, "it is the same record");
    // Whoever answers has read, and tells the other one.
    bobs.say_to(&ann, "ho").await.unwrap();
    let all = told(&house).await;
    let of = |who: &str| all.iter().find(|record| record.data["recipient"] == who).unwrap();
    assert_eq!((all.len(), &of("bob@x.io").data["read"]), (2, &json!(true)));
    assert_eq!((&of("ann@x.io").data["body"], &of("ann@x.io").data["count"]), (&json!("ho"), &json!(1)));
}

#[actix::test]
async fn it_says_what_the_message_says_and_nothing_of_one_that_was_taken_away() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), customer("bob"));
    let (anns, bobs) = (Client::come(&house, &ann).await, Client::come(&house, &bob).await);
    let said = anns.say_to(&bob, "helo").await.unwrap();
    anns.about(said.id, Act::Edit(said.id, "hello".into())).await.unwrap();
    assert_eq!(says(&house, ["body", "read"]).await, [json!("hello"), json!(false)]);
    bobs.want(&between(&ann, &bob), Act::Read(None)).await.unwrap();
    anns.about(said.id, Act::Delete(said.id)).await.unwrap();
    assert_eq!(says(&house, ["body", "read"]).await, [json!(""), json!(true)]);
    let file = |url: &str, name: Option<&str>| Attachment {
        url: url.into(),
        kind: None,
        name: name.map(str::to_owned),
        size: None,
    };
    let attachments = vec![file("https://x.io/f/1", Some("cat.png")), file("files/o/dog.png", None)];
    let files = Word { attachments, content_type: ContentType::Image, ..word("") };
    anns.want(&between(&ann, &bob), Act::Say(files, None)).await.unwrap();
    assert_eq!(says(&house, ["body", "count"]).await, [json!("cat.png, dog.png"), json!(1)]);
}

#[actix::test]
async fn groups_tell_by_themselves_and_the_staff_own_no_record_by_their_address() {
    let house = TestHouse::start();
    let (ann, staff) = (customer("ann"), agent("bob"));
    let anns = Client::come(&house, &ann).await;
    let id = group(&anns, std::slice::from_ref(&staff), Default::default()).await;
    anns.say(&id, "to all").await.unwrap();
    assert_eq!(told(&house).await, []);
    anns.say_to(&staff, "hi").await.unwrap();
    let record = only(&house).await;
    assert_eq!(record.data["recipientRole"], "agent");
    assert!(!record.meta.contains_key("owner"), "a customer may have the same address: {record:?}");
}

#[actix::test]
async fn whatever_becomes_of_the_record_people_can_write_to_each_other() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), customer("bob"));
    let anns = Client::come(&house, &ann).await;
    let id = between(&ann, &bob);
    anns.say_to(&bob, "one").await.unwrap();
    let record = only(&house).await;
    let (records, org) = (&house.machine.records, &house.org);
    let at = (&record.datatype, &record.sk);
    // As much as a record holds, all of it of whoever it is for.
    let fill = |record: &mut Record| {
        record.data.insert("read".into(), json!(true));
        record.data.insert("mine".into(), json!("x".repeat(64_000)));
        Ok(())
    };
    records.update(org, at, None, &Origin::default(), fill).await.unwrap();
    anns.say_to(&bob, "two").await.unwrap();
    assert_eq!(says(&house, ["body", "read", "mine"]).await, [json!("two"), json!(false), Value::Null]);
    records.delete(org, at, false, &Origin::default()).await.unwrap();
    anns.say_to(&bob, "three").await.unwrap();
    let back = only(&house).await;
    assert_eq!((&back.sk, back.is_deleted()), (&record.sk, false));
    records.delete(org, at, true, &Origin::default()).await.unwrap();
    Client::come(&house, &bob).await.want(&id, Act::Read(None)).await.unwrap();
    assert_eq!(told(&house).await, [], "whoever wants none of it is told of what is new only");
    anns.say_to(&bob, "four").await.unwrap();
    assert_eq!(says(&house, ["body", "count"]).await, [json!("four"), json!(1)]);
}

#[actix::test]
async fn many_who_write_while_the_record_is_changed_are_all_heard() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), customer("bob"));
    let (anns, bobs) = (Client::come(&house, &ann).await, Client::come(&house, &bob).await);
    anns.say_to(&bob, "0").await.unwrap();
    let record = only(&house).await;
    let origin = Origin::default();
    let change = |n: usize| {
        let (house, origin, record) = (&house, &origin, &record);
        async move {
            let edit = move |record: &mut Record| {
                record.data.insert("seen".into(), json!(n));
                Ok(())
            };
            let at = (&record.datatype, &record.sk);
            house.machine.records.update(&house.org, at, None, origin, edit).await.map(drop)
        }
    };
    let words: Vec<String> = (1..=40).map(|n| n.to_string()).collect();
    let say = words.iter().map(|word| anns.say_to(&bob, word));
    let (said, _) = futures_util::join!(join_all(say), join_all((0..40).map(change)));
    assert!(said.iter().all(Result::is_ok), "{said:?}");
    assert!(bobs.numbers().into_iter().eq(1..=41));
    assert_eq!(says(&house, ["count"]).await, [json!(41)]);
}
