//! What two people have: who hears it, who is not heard, and who is here.

use appengine_actors::session::community::who::Handle;
use appengine_actors::session::community::wish::{Act, Refusal};
use appengine_actors::session::community::{ConversationId, Part};
use appengine_actors::session::seat::Seat;
use appengine_actors::testkit::TestHouse;
use serde_json::json;

use super::house::{Client, agent, customer, group};

#[actix::test]
async fn both_hear_it_on_all_their_clients_and_nobody_else_does() {
    let house = TestHouse::start();
    let (ann, bob, eve) = (customer("ann"), customer("bob"), customer("eve"));
    let (phone, laptop) = (Client::come(&house, &ann).await, Client::come(&house, &ann).await);
    let (bobs, eves) = (Client::come(&house, &bob).await, Client::come(&house, &eve).await);
    let said = phone.say_to(&bob, "hi").await.unwrap();
    bobs.say_to(&ann, "ho").await.unwrap();
    for client in [&phone, &laptop, &bobs] {
        assert_eq!(client.words("newMessage"), ["hi", "ho"]);
    }
    assert_eq!(eves.ear.all().len(), 0);
    let heard = &bobs.ear.of("newMessage")[0];
    assert_eq!((&heard["sender"], &heard["recipient"]), (&json!("ann@x.io"), &json!("bob@x.io")));
    let id = ConversationId::pair(&Handle::of(&ann), &Handle::of(&bob));
    for refused in [
        eves.about(said.id, Act::Delete(said.id)).await,
        eves.about(said.id, Act::React(said.id, "like".into())).await,
    ] {
        assert_eq!(refused, Err(Refusal::NoMessage));
    }
    assert_eq!(eves.attach(&id, 0).await, Err(Refusal::NotMember));
    assert_eq!(eves.history(&id, Part::default()).await, Err(Refusal::NotMember));
    let talks = &house.machine.sessions.talks;
    let threads = talks.threads(&bobs.asker).await.unwrap();
    assert_eq!((&threads[0]["peer"], &threads[0]["unreadCount"]), (&json!("ann@x.io"), &json!(0)));
    phone.say_to(&bob, "hm").await.unwrap();
    assert_eq!(talks.threads(&bobs.asker).await.unwrap()[0]["unreadCount"], json!(1));
    bobs.want(&id, Act::Read(None)).await.unwrap();
    let page = phone.history(&id, Part { limit: 10, ..Part::default() }).await.unwrap();
    assert!(page.messages.iter().filter(|m| m["from"] == "ann@x.io").all(|m| m["status"] == "read"));
}

#[actix::test]
async fn two_people_with_one_address_are_two() {
    let house = TestHouse::start();
    let (ann, staff, bob) = (customer("ann"), agent("ann"), customer("bob"));
    let bobs = Client::come(&house, &bob).await;
    let (anns, desk) = (Client::come(&house, &ann).await, Client::come(&house, &staff).await);
    bobs.say_to(&staff, "for the staff").await.unwrap();
    assert_eq!((anns.words("newMessage").len(), desk.words("newMessage").len()), (0, 1));
}

#[actix::test]
async fn whoever_is_blocked_is_not_heard_until_that_is_taken_back() {
    let house = TestHouse::start();
    let (ann, bob, eve) = (customer("ann"), customer("bob"), customer("eve"));
    let (anns, bobs) = (Client::come(&house, &ann).await, Client::come(&house, &bob).await);
    let eves = Client::come(&house, &eve).await;
    let id = group(&anns, &[bob.clone(), eve.clone()], Default::default()).await;
    let talks = &house.machine.sessions.talks;
    talks.block(&anns.asker, &bob, true).await.unwrap();
    assert_eq!(bobs.say_to(&ann, "hi").await, Err(Refusal::Blocked));
    assert_eq!(anns.say_to(&bob, "hi").await, Err(Refusal::Blocked));
    bobs.say(&id, "to all").await.unwrap();
    talks.typing(&bobs.asker, &id, true, bobs.ear.id()).await.unwrap();
    eves.say(&id, "too").await.unwrap();
    assert_eq!(anns.words("groupMessage"), ["too"], "others go on to be heard");
    assert_eq!(eves.words("groupMessage"), ["to all", "too"]);
    assert_eq!((anns.ear.of("typing").len(), eves.ear.of("typing").len()), (0, 1));
    let part = || Part { limit: 10, ..Part::default() };
    assert_eq!(anns.history(&id, part()).await.unwrap().messages.len(), 1);
    // Nor by another client, nor by what is repeated, nor after a restart.
    let second = Client::come(&house, &ann).await;
    second.attach(&id, 0).await.unwrap();
    assert_eq!(second.words("groupMessage"), ["too"]);
    let house = house.restart().await;
    house.tick();
    let talks = &house.machine.sessions.talks;
    let (anns, bobs) = (Client::come(&house, &ann).await, Client::come(&house, &bob).await);
    assert_eq!(bobs.say_to(&ann, "hi").await, Err(Refusal::Blocked));
    talks.block(&anns.asker, &bob, false).await.unwrap();
    assert!(bobs.say_to(&ann, "hi").await.is_ok());
    bobs.say(&id, "again").await.unwrap();
    assert_eq!(
        (anns.words("newMessage"), anns.words("groupMessage")),
        (vec!["hi".into()], vec!["again".into()])
    );
    assert_eq!(anns.history(&id, part()).await.unwrap().messages.len(), 3);
}

#[actix::test]
async fn who_is_here_is_told_to_those_who_ask_unless_they_are_blocked() {
    let house = TestHouse::start();
    for name in ["ann", "bob"] {
        house.create("customer", json!({"email": format!("{name}@x.io"), "name": name})).await;
    }
    let (ann, bob) = (customer("ann"), customer("bob"));
    let anns = Client::come(&house, &ann).await;
    let talks = &house.machine.sessions.talks;
    let emails = ["bob@x.io".to_owned(), "nobody@x.io".to_owned()];
    let ask = async |client: &Client| {
        let told = talks.presence(&client.asker, &emails, Some(client.ear.id())).await.unwrap();
        told.iter().map(|one| one["status"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ask(&anns).await, ["offline", "offline"]);
    let (phone, laptop) = (Client::come(&house, &bob).await, Client::come(&house, &bob).await);
    assert_eq!(ask(&anns).await, ["online", "offline"]);
    phone.go();
    laptop.go();
    let told: Vec<_> = anns.ear.of("presence-change").iter().map(|one| one["status"].clone()).collect();
    assert_eq!(told, ["online", "offline"], "once for all of their clients");
    let phone = Client::come(&house, &bob).await;
    talks.block(&phone.asker, &ann, true).await.unwrap();
    assert_eq!(ask(&anns).await, ["offline", "offline"]);
    phone.go();
    assert_eq!(anns.ear.of("presence-change").len(), 3);
}

#[actix::test]
async fn people_are_found_by_address_side_and_record() {
    let house = TestHouse::start();
    let record =
        house.create("customer", json!({"email": "Ann@x.io", "firstName": "Ann", "lastName": "Bee"})).await;
    house.create("customer", json!({"email": "ada@x.io"})).await;
    let staff = house.create("user", json!({"email": "ada@x.io"})).await;
    let talks = &house.machine.sessions.talks;
    let find = async |text: &str| talks.person(&house.org, text).await;
    for text in ["ann@x.io", "ANN@x.io ", "customer:ann@x.io", record.sk.as_str()] {
        let found = find(text).await.unwrap();
        assert_eq!((found.id.as_str(), found.name.as_str()), (record.sk.as_str(), "Ann Bee"), "{text}");
    }
    assert_eq!(find("ada@x.io").await.unwrap().id, staff.sk, "nobody is one of the staff by saying so");
    assert_ne!(find("customer:ada@x.io").await.unwrap().id, staff.sk);
    for text in ["agent:ann@x.io", "nobody@x.io", "a b", ""] {
        assert!(find(text).await.is_err(), "{text}");
    }
}
