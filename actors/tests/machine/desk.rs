//! The desk: who waits, who answers, and what it remembers when it ends.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use appengine_actors::session::chat::ChatId;
use appengine_actors::session::chat::decision::Contact;
use appengine_actors::session::chat::handling::Handling;
use appengine_actors::session::chat::place::Place;
use appengine_actors::session::desk::agent::Status;
use appengine_actors::session::desk::messages::{DeskError, Enqueue, PickNext, Target};
use appengine_actors::session::person::Person;
use appengine_actors::session::presence::Here;
use appengine_actors::session::seat::Seat;
use appengine_actors::supervision::{Collapse, Supervisor};
use appengine_actors::testkit::TestHouse;
use appengine_actors::testkit::probe::quiet;
use futures_util::future::join_all;
use serde_json::json;

use super::chat::ear::{Client, Ear, agent, customer, kinds, text};

/// Somebody at a client that hears conversations and is known to be here.
pub async fn come(house: &TestHouse, person: &Person) -> Client {
    let client = Client::come(house, person).await;
    let seat: Arc<dyn Seat> = client.ear.clone();
    let since = house.house().clock.now();
    let here =
        Here { seat, person: Some(person.clone()), device_id: None, config_id: None, since, page: None };
    house.machine.sessions.desks.arrive(&house.org, here);
    quiet().await;
    client
}

async fn go(house: &TestHouse, client: &Client) {
    client.go(house);
    house.machine.sessions.desks.depart(&house.org, client.ear.id());
    quiet().await;
}

fn pick(by: &Person) -> PickNext {
    PickNext { by: by.clone(), queue: None, skill: None }
}

async fn enqueue(house: &TestHouse, name: &str, priority: i64) -> Result<ChatId, DeskError> {
    let email = format!("{name}@x.io");
    let asked = Enqueue {
        by: None,
        chat: ChatId::new(&format!("customer::{email}")).unwrap(),
        place: Place { priority, ..Place::default() },
        customer: Contact { email: email.clone(), name: email },
        context: None,
    };
    house.machine.sessions.desks.enqueue(&house.org, asked).await.map(|(chat, _)| chat.id)
}

async fn handling(house: &TestHouse, chat: &ChatId) -> Handling {
    house.machine.sessions.chats.find(&house.org, chat).await.unwrap().unwrap().handling
}

/// What was decided about a conversation, in words.
async fn words(house: &TestHouse, chat: &ChatId) -> Vec<String> {
    let decisions = house.machine.sessions.chats.decisions(&house.org, &agent("ada"), chat).await.unwrap();
    decisions.into_iter().map(|decision| decision.words).collect()
}

async fn pass(house: &TestHouse, seconds: u64) {
    for _ in 0..seconds {
        house.advance(Duration::from_secs(1)).await;
        quiet().await;
    }
}

#[actix::test]
async fn a_hundred_pick_at_once_and_nobody_gets_the_same_chat() {
    let house = TestHouse::start();
    for n in 0..60 {
        enqueue(&house, &format!("c{n}"), n % 3).await.unwrap();
        house.advance(Duration::from_millis(1)).await;
    }
    let staff: Vec<Person> = (0..100).map(|n| agent(&format!("a{n}"))).collect();
    let picked = staff.iter().map(|by| house.machine.sessions.desks.pick_next(&house.org, pick(by)));
    let picked: Vec<_> = join_all(picked).await.into_iter().map(Result::unwrap).collect();
    let chats: Vec<ChatId> = picked.iter().flatten().map(|chat| chat.id.clone()).collect();
    assert_eq!((chats.len(), chats.iter().collect::<HashSet<_>>().len()), (60, 60));
    for (by, chat) in staff.iter().zip(&picked).filter_map(|(by, chat)| Some((by, chat.as_ref()?))) {
        assert_eq!(handling(&house, &chat.id).await.agent(), Some(by), "as it is stored");
    }
    let first = chats[0].as_str();
    assert_eq!(first, "customer::c2@x.io", "the highest priority that waits longest");
}

#[actix::test]
async fn a_customer_waits_once_and_is_told_where() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), agent("bob"));
    let (phone, desk) = (come(&house, &ann).await, come(&house, &bob).await);
    enqueue(&house, "eve", 0).await.unwrap();
    house.advance(Duration::from_millis(1)).await;
    let chat = ChatId::of_customer(&ann);
    phone.say(&house, &chat, text("hello")).await.unwrap();
    quiet().await;
    let queued = phone.ear.of("queued");
    assert_eq!(queued.len(), 1);
    assert_eq!((&queued[0]["position"], &queued[0]["ahead"]), (&json!(2), &json!(1)));
    // ceil(2 / 1) times the usual five minutes.
    assert_eq!(queued[0]["estimatedWaitSeconds"], json!(600));
    assert_eq!(desk.ear.of("queue-notification").len(), 2);
    phone.say(&house, &chat, text("anybody?")).await.unwrap();
    assert_eq!(enqueue(&house, "ann", 9).await, Ok(chat.clone()), "she waits already");
    assert_eq!(house.machine.sessions.desks.waiting(&house.org, None).await.unwrap().len(), 2);
    pass(&house, 31).await;
    let updates = phone.ear.of("queue-update");
    assert_eq!(updates.len(), 2, "every fifteen seconds");
    assert_eq!(updates[0]["position"], json!(1), "the higher priority goes first");
    house.machine.sessions.desks.pick_next(&house.org, pick(&bob)).await.unwrap();
    assert_eq!(phone.ear.of("agent-assigned")[0]["agent"]["email"], json!("bob@x.io"));
    pass(&house, 31).await;
    assert_eq!(phone.ear.of("queue-update").len(), 2, "she waits no more");
    let refused = enqueue(&house, "ann", 0).await;
    assert!(matches!(refused, Err(DeskError::Unfit(_))), "{refused:?}");
    let kinds = kinds(&house).await;
    for kind in ["chat.queued", "chat-queue-notification", "chat.assigned", "chat-new-message"] {
        assert!(kinds.iter().any(|known| known == kind), "{kind}: {kinds:?}");
    }
}

#[actix::test]
async fn a_desk_that_ends_knows_again_who_waits_and_who_answers() {
    let house = TestHouse::start();
    house.found_org().await;
    let (bob, ann) = (agent("bob"), customer("ann"));
    let desk = come(&house, &bob).await;
    house.machine.sessions.desks.set_status(&house.org, bob.clone(), Status::Busy).await.unwrap();
    come(&house, &ann).await.say(&house, &ChatId::of_customer(&ann), text("hello")).await.unwrap();
    enqueue(&house, "eve", 0).await.unwrap();
    house.machine.sessions.desks.pick_next(&house.org, pick(&bob)).await.unwrap();
    house.actor::<Supervisor>("sessions/desks").tell(Collapse).unwrap();
    pass(&house, 2).await;
    let agents = house.machine.sessions.desks.agents(&house.org).await.unwrap();
    assert_eq!((agents.len(), agents[0].shown(), agents[0].load), (1, "busy", 1));
    assert_eq!(house.machine.sessions.desks.waiting(&house.org, None).await.unwrap().len(), 1);
    drop(desk);

    let house = house.restart().await;
    quiet().await;
    let waiting = house.machine.sessions.desks.waiting(&house.org, None).await.unwrap();
    assert_eq!(waiting[0].0.customer_email, "eve@x.io");
    // Whoever answered does not come back: what they left behind waits again, though nobody has asked the desk.
    pass(&house, 61).await;
    let chat = ChatId::of_customer(&ann);
    assert!(matches!(handling(&house, &chat).await, Handling::Waiting { .. }));
    assert!(words(&house, &chat).await.last().unwrap().contains("bob@x.io has been gone for 60 s"));
}

#[actix::test]
async fn a_queue_hands_out_takes_back_and_passes_on() {
    let house = TestHouse::start();
    let queue = |name: &str, rules: serde_json::Value| {
        let mut data = json!({"name": name});
        data.as_object_mut().unwrap().extend(rules.as_object().unwrap().clone());
        data
    };
    house
        .create("chat_queue", queue("default", json!({"mode": "round_robin", "answerWithinSeconds": 10})))
        .await;
    let (ann, ada, bob) = (customer("ann"), agent("ada"), agent("bob"));
    let (one, other) = (come(&house, &ada).await, come(&house, &bob).await);
    let phone = come(&house, &ann).await;
    let chat = ChatId::of_customer(&ann);
    phone.say(&house, &chat, text("hello")).await.unwrap();
    pass(&house, 2).await;
    assert_eq!(handling(&house, &chat).await.agent(), Some(&ada));
    pass(&house, 11).await;
    assert_eq!(handling(&house, &chat).await.agent(), Some(&bob), "ada did not answer");
    other.say(&house, &chat, text("hi")).await.unwrap();
    pass(&house, 30).await;
    assert_eq!(handling(&house, &chat).await.agent(), Some(&bob), "bob did");
    // Gone for a moment only.
    go(&house, &other).await;
    pass(&house, 40).await;
    let other = come(&house, &bob).await;
    pass(&house, 40).await;
    assert_eq!(handling(&house, &chat).await.agent(), Some(&bob));
    go(&house, &other).await;
    pass(&house, 63).await;
    let said = words(&house, &chat).await;
    assert_eq!(handling(&house, &chat).await.agent(), None, "ada did not answer before: {said:?}");
    let expected = [
        "ann@x.io wrote",
        "ada@x.io is next in turn",
        "ada@x.io did not answer within 10 s",
        "bob@x.io is next in turn",
        "bob@x.io has been gone for 60 s",
    ];
    assert_eq!(said.len(), expected.len(), "{said:?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.starts_with(expected), "{said}");
    }
    assert!(said[3].contains("skipped: ada@x.io (did not answer it before)"), "{}", said[3]);

    house.create("chat_queue", queue("slow", json!({"maxWaitSeconds": 20, "overflow": "other"}))).await;
    let slow = Target::Queue { queue: Some("slow".to_owned()), skill: None };
    house.machine.sessions.desks.transfer(&house.org, ada.clone(), chat.clone(), slow, None).await.unwrap();
    pass(&house, 8).await;
    let Handling::Waiting { place, .. } = handling(&house, &chat).await else { panic!() };
    assert_eq!(place.queue, "other", "it had waited for longer than that already");
    drop(one);
}

#[actix::test]
async fn a_chat_is_transferred_to_who_is_here_and_taken_over() {
    let house = TestHouse::start();
    let (ann, ada, bob) = (customer("ann"), agent("ada"), agent("bob"));
    let (phone, one, other) = (come(&house, &ann).await, come(&house, &ada).await, come(&house, &bob).await);
    let (desks, org, chat) = (&house.machine.sessions.desks, &house.org, ChatId::of_customer(&ann));
    phone.say(&house, &chat, text("hello")).await.unwrap();
    quiet().await;
    one.say(&house, &chat, text("hi")).await.unwrap();
    assert_eq!(handling(&house, &chat).await.agent(), Some(&ada), "whoever writes first");
    let to = |email: &str| Target::Agent(email.to_owned());
    let refused = desks.transfer(org, ada.clone(), chat.clone(), to("eve@x.io"), None).await;
    assert_eq!(refused, Err(DeskError::NotHere("eve@x.io".to_owned())));
    let note = Some("she knows".to_owned());
    desks.transfer(org, ada.clone(), chat.clone(), to("bob@x.io"), note).await.unwrap();
    for ear in [&phone.ear, &one.ear, &other.ear] {
        let told = &ear.of("chat-transferred")[0];
        assert_eq!((&told["fromAgent"], &told["note"]), (&json!("ada@x.io"), &json!("she knows")));
        assert_eq!(ear.of("agent-changed")[0]["newAgent"], json!("bob@x.io"));
    }
    desks.takeover(org, ada.clone(), chat.clone()).await.unwrap();
    assert_eq!(handling(&house, &chat).await.agent(), Some(&ada));
    let agents = desks.agents(org).await.unwrap();
    assert_eq!(agents.iter().map(|agent| agent.load).collect::<Vec<_>>(), [1, 0]);
    house.machine.sessions.chats.end(org, &ada, &chat, "agent", None).await.unwrap();
    quiet().await;
    assert!(desks.agents(org).await.unwrap().iter().all(|agent| agent.load == 0));
    let team = ChatId::new("team").unwrap();
    assert_eq!(desks.takeover(org, ada, team.clone()).await, Err(DeskError::NoCustomer(team)));
}

#[actix::test]
async fn the_others_see_who_comes_and_goes() {
    let house = TestHouse::start();
    let (ann, ada) = (customer("ann"), agent("ada"));
    let (phone, one) = (come(&house, &ann).await, come(&house, &ada).await);
    let bob = come(&house, &agent("bob")).await;
    let laptop = come(&house, &ann).await;
    go(&house, &laptop).await;
    go(&house, &bob).await;
    let seen = |ear: &Ear| {
        let changes = ear.of("presence-change").into_iter();
        changes
            .map(|change| {
                format!("{} {}", change["email"].as_str().unwrap(), change["status"].as_str().unwrap())
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(seen(&phone.ear), ["ada@x.io available", "bob@x.io available", "bob@x.io offline"]);
    assert_eq!(seen(&one.ear), seen(&phone.ear), "ann was here before, and is still");
    go(&house, &phone).await;
    assert_eq!(seen(&one.ear).last().unwrap(), "ann@x.io offline");
}
