//! Assistants that answer customers: received, heard as it comes, kept, handed over, taken over, and gone on with after a
//! restart.

use appengine_actors::keys;
use appengine_actors::list::Slice;
use appengine_actors::session::chat::handling::Handling;
use appengine_actors::session::chat::{ChatId, Erasure, Word};
use appengine_actors::session::desk::messages::{PickNext, Target};
use appengine_actors::session::person::Person;
use appengine_actors::session::stream::head::StreamStatus;
use appengine_actors::session::stream::model::{Finish, Message, ModelError, Piece, ToolCall};
use appengine_actors::store::{Key, Scan, Store};
use appengine_actors::testkit::TestHouse;
use appengine_actors::testkit::probe::quiet;
use serde_json::{Value, json};

use super::chat::ear::{Client, agent, customer, text};
use super::stream::{Scripted, head, start};

/// A widget whose assistant is called Helper.
async fn widget(house: &TestHouse, more: Value) -> String {
    house.found_org().await;
    house
        .create("ai_assistant", json!({"name": "helper", "title": "Helper", "description": "You help."}))
        .await;
    let mut widget = json!({"name": "widget", "ai": "helper", "queue": "sales"});
    widget.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    house.create("chat_config", widget).await.sk.to_string()
}

/// Somebody asks by a widget.
async fn ask(house: &TestHouse, client: &Client, config: &str, words: &str) {
    let word = Word { config_id: Some(config.to_owned()), ..text(words) };
    client.say(house, &ChatId::of_customer(&client.person), word).await.unwrap();
    quiet().await;
}

async fn handling(house: &TestHouse, person: &Person) -> Handling {
    let chat = ChatId::of_customer(person);
    house.machine.sessions.chats.find(&house.org, &chat).await.unwrap().unwrap().handling
}

/// What a client hears of answers: `event: words`.
fn streamed(client: &Client) -> Vec<String> {
    let told = client.ear.of("chat-stream");
    let words = |frame: &Value| match frame["event"].as_str().unwrap() {
        "chunk" => format!("{}: {}", frame["offset"], frame["data"].as_str().unwrap()),
        "end" => format!("end: {}", frame["finishReason"].as_str().unwrap()),
        "error" => format!("error: {}", frame["code"].as_str().unwrap()),
        event => format!("{event}: {}", frame["data"]["name"].as_str().unwrap()),
    };
    told.iter().map(words).collect()
}

fn says(model: &Scripted, words: &str) {
    model.turn().says(words);
}

async fn come(house: &TestHouse, name: &str) -> Client {
    Client::come(house, &customer(name)).await
}

#[actix::test]
async fn an_answer_is_heard_as_it_comes_and_then_it_is_a_message() {
    let (house, model) = start();
    let config = widget(&house, json!({})).await;
    let phone = come(&house, "ann").await;
    ask(&house, &phone, &config, "Where is my order?").await;
    let prompt = model.turn().prompt;
    assert!(prompt.system.starts_with("You help.\n\nYou answer a customer, ann,"), "{}", prompt.system);
    assert!(
        matches!(prompt.messages.as_slice(), [Message::User { text, .. }] if text == "Where is my order?")
    );
    says(&model, "It is ");
    quiet().await;
    let chat = ChatId::of_customer(&phone.person);
    let desk = Client::come(&house, &agent("bob")).await;
    desk.attach(&house, &chat, None).await.unwrap();
    says(&model, "on its way.");
    quiet().await;
    assert_eq!(streamed(&phone), ["0: It is ", "6: on its way."]);
    assert_eq!(streamed(&desk), ["0: It is ", "6: on its way."], "whoever comes in the middle has all of it");
    model.turn().finishes();
    quiet().await;
    let asked = phone.ear.of("message")[0].clone();
    let end = phone.ear.of("chat-stream").pop().unwrap();
    assert_eq!((&end["event"], &end["messageId"]), (&json!("end"), &asked["sk"]));
    let answer = phone.ear.of("message").pop().unwrap();
    assert_eq!((&answer["sk"], &answer["type"]), (&end["sk"], &json!("ai-assistant")));
    assert_eq!((&answer["content"], &answer["fromName"]), (&json!("It is on its way."), &json!("Helper")));
    assert_eq!(desk.ear.words(), ["It is on its way."]);
    let Handling::Assisted { answers: 1, reply: None, asked: None, .. } =
        handling(&house, &phone.person).await
    else {
        panic!()
    };
    ask(&house, &phone, &config, "Thanks!").await;
    assert_eq!(model.turn().prompt.messages.len(), 3, "it knows what was said");
}

#[actix::test]
async fn what_is_asked_meanwhile_is_answered_next() {
    let (house, model) = start();
    let config = widget(&house, json!({})).await;
    let phone = come(&house, "ann").await;
    ask(&house, &phone, &config, "one").await;
    ask(&house, &phone, &config, "two").await;
    ask(&house, &phone, &config, "three").await;
    assert_eq!(model.turns().len(), 1, "one answer at a time");
    says(&model, "First.");
    model.turn().finishes();
    quiet().await;
    assert_eq!(model.turns().len(), 2, "and one to all that was asked meanwhile");
    assert_eq!(model.turn().prompt.messages.len(), 4);
    says(&model, "Second.");
    model.turn().finishes();
    quiet().await;
    assert_eq!(phone.ear.words(), ["one", "two", "three", "First.", "Second."]);
    let ends = phone.ear.of("chat-stream").into_iter().filter(|frame| frame["event"] == "end");
    let to: Vec<Value> = ends.map(|end| end["messageId"].clone()).collect();
    let asked = phone.ear.of("message");
    assert_eq!(to, [asked[0]["sk"].clone(), asked[2]["sk"].clone()]);
}

#[actix::test]
async fn it_stops_the_moment_somebody_of_the_staff_takes_over() {
    let (house, model) = start();
    let config = widget(&house, json!({})).await;
    let (phone, bob) = (come(&house, "ann").await, agent("bob"));
    ask(&house, &phone, &config, "Help").await;
    says(&model, "Let me see");
    quiet().await;
    let chat = ChatId::of_customer(&phone.person);
    let taken = house.machine.sessions.desks.takeover(&house.org, bob.clone(), chat.clone()).await.unwrap();
    assert!(taken.summary.unwrap().contains("Customer: Help"), "whoever goes on knows what was said");
    says(&model, " what I can do");
    quiet().await;
    assert!(!model.turn().is_heard(), "nobody pays for words that nobody hears");
    assert_eq!(streamed(&phone), ["0: Let me see", "end: stopped"]);
    assert_eq!(phone.ear.words(), ["Help", "Let me see"], "what was heard is kept");
    let events: Vec<String> = phone.ear.all().into_iter().map(|(event, _)| event).collect();
    let order = |name: &str| events.iter().position(|event| event == name).unwrap();
    assert!(order("chat-stream") < order("agent-assigned"));
    assert_eq!(handling(&house, &phone.person).await.agent(), Some(&bob));
    ask(&house, &phone, &config, "Are you there?").await;
    assert_eq!(model.turns().len(), 1, "bob answers");
}

#[actix::test]
async fn it_stops_when_somebody_of_the_staff_writes_or_the_customer_goes() {
    let (house, model) = start();
    let config = widget(&house, json!({})).await;
    let (ann, eve) = (come(&house, "ann").await, come(&house, "eve").await);
    ask(&house, &ann, &config, "Help").await;
    says(&model, "Well");
    quiet().await;
    let desk = Client::come(&house, &agent("bob")).await;
    desk.say(&house, &ChatId::of_customer(&ann.person), text("I take this.")).await.unwrap();
    quiet().await;
    assert_eq!(ann.ear.words(), ["Help", "Well", "I take this."]);
    assert!(!model.turn().is_heard());
    ask(&house, &eve, &config, "Help").await;
    says(&model, "Well");
    quiet().await;
    let chats = &house.machine.sessions.chats;
    chats.end(&house.org, &eve.person, &ChatId::of_customer(&eve.person), "left", None).await.unwrap();
    quiet().await;
    assert_eq!(eve.ear.words()[..2], ["Help", "Well"]);
    assert!(!model.turn().is_heard());
    assert_eq!(handling(&house, &eve.person).await, Handling::Nobody);
}

#[actix::test]
async fn it_hands_over_by_its_tool_with_what_it_knows() {
    let (house, model) = start();
    let config = widget(&house, json!({})).await;
    let (phone, desk) =
        (super::desk::come(&house, &customer("ann")).await, super::desk::come(&house, &agent("bob")).await);
    ask(&house, &phone, &config, "I want my money back").await;
    says(&model, "I hand you over.");
    let input = json!({"reason": "a refund", "summary": "Ann wants a refund.", "skill": "refunds"});
    let call = ToolCall { id: "1".into(), name: "transfer_chat_to_agent".into(), input };
    model.turn().piece(Piece::ToolCall(call));
    model.turn().piece(Piece::Finish(Finish::ToolCalls));
    quiet().await;
    assert_eq!(phone.ear.words(), ["I want my money back", "I hand you over."]);
    let place = handling(&house, &phone.person).await.place().cloned().unwrap();
    assert_eq!((place.queue.as_str(), place.skill.as_deref()), ("sales", Some("refunds")));
    assert_eq!(phone.ear.of("queued").len(), 1);
    let told = desk.ear.of("queue-notification").pop().unwrap();
    assert_eq!(told["summary"], json!("Ann wants a refund."));
    let pick = PickNext { by: desk.person.clone(), queue: None, skill: None };
    let picked = house.machine.sessions.desks.pick_next(&house.org, pick).await.unwrap().unwrap();
    assert_eq!(picked.summary.as_deref(), Some("Ann wants a refund."));
    let chats = &house.machine.sessions.chats;
    let chat = ChatId::of_customer(&phone.person);
    let decisions = chats.decisions(&house.org, &desk.person, &chat).await.unwrap();
    assert_eq!(decisions[1].words, "the assistant handed it over: a refund");
}

#[actix::test]
async fn whoever_passes_it_on_adds_to_what_was_said() {
    let (house, model) = start();
    let config = widget(&house, json!({})).await;
    let (phone, bob) = (come(&house, "ann").await, agent("bob"));
    ask(&house, &phone, &config, "Help").await;
    says(&model, "Let me see");
    quiet().await;
    let chat = ChatId::of_customer(&phone.person);
    let (desks, org) = (&house.machine.sessions.desks, &house.org);
    let to = Target::Queue { queue: Some("refunds".to_owned()), skill: None };
    desks.transfer(org, bob.clone(), chat, to, Some("She is in a hurry.".to_owned())).await.unwrap();
    quiet().await;
    let pick = PickNext { by: bob, queue: Some("refunds".to_owned()), skill: None };
    let picked = desks.pick_next(org, pick).await.unwrap().unwrap();
    let known = "She is in a hurry.\nCustomer: Help\nAssistant: Let me see";
    assert_eq!(picked.summary.as_deref(), Some(known));
}

#[actix::test]
async fn whoever_hears_it_is_told_when_the_chat_is_erased() {
    let (house, model) = start();
    let config = widget(&house, json!({})).await;
    let phone = come(&house, "ann").await;
    ask(&house, &phone, &config, "Help").await;
    says(&model, "An earlier one.");
    model.turn().finishes();
    quiet().await;
    ask(&house, &phone, &config, "And now?").await;
    says(&model, "Let me see");
    quiet().await;
    let (chats, chat) = (&house.machine.sessions.chats, ChatId::of_customer(&phone.person));
    let streams = async || {
        let scan = Scan::prefix(keys::streams_of_chat(&house.org, chat.as_str()), 10);
        let found = house.store().scan(scan).await.unwrap();
        let id = |(key, _): &(Key, _)| keys::parse_stream_of_chat(&house.org, chat.as_str(), key).unwrap();
        found.iter().map(id).collect::<Vec<_>>()
    };
    let known = streams().await;
    assert_eq!(known.len(), 2);
    assert_eq!(chats.erase(&house.org, &agent("bob"), &chat).await.unwrap(), Erasure::Done);
    quiet().await;
    let heard = ["0: An earlier one.", "end: stop", "0: Let me see", "end: stopped"];
    assert_eq!(streamed(&phone), heard);
    assert_eq!(phone.ear.of("chat-stream").pop().unwrap()["sk"], Value::Null);
    assert!(!model.turn().is_heard());
    // What they were asked and have said is gone; what they used is not.
    assert!(streams().await.is_empty());
    for id in known {
        let head = head(&house, id).await;
        assert!(head.status.is_over() && head.kept_until <= house.machine.house.clock.now());
        assert!(house.store().get(keys::stream_ask(&house.org, id)).await.unwrap().is_none());
        let pages = Scan::prefix(keys::stream_pages(&house.org, id), 1);
        assert!(house.store().scan(pages).await.unwrap().is_empty());
    }
}

#[actix::test]
async fn it_hands_over_by_rule_when_asked_and_when_it_fails() {
    let (house, model) = start();
    let config = widget(&house, json!({"aiHandover": {"words": ["human"], "afterAnswers": 1}})).await;
    let [ann, eve, joe] = [come(&house, "ann").await, come(&house, "eve").await, come(&house, "joe").await];
    ask(&house, &ann, &config, "Hello").await;
    says(&model, "Hel");
    quiet().await;
    ask(&house, &ann, &config, "A human, please!").await;
    assert!(handling(&house, &ann.person).await.place().is_some());
    assert_eq!(ann.ear.words(), ["Hello", "Hel", "A human, please!"]);
    assert!(!model.turn().is_heard());
    ask(&house, &eve, &config, "Hello").await;
    says(&model, "Hello!");
    model.turn().finishes();
    quiet().await;
    ask(&house, &eve, &config, "What now?").await;
    assert!(handling(&house, &eve.person).await.place().is_some(), "it has answered once");
    ask(&house, &joe, &config, "Hello").await;
    let message = "reach the provider".to_owned();
    model.turn().fails(ModelError { code: "provider_unavailable", message, retryable: true });
    quiet().await;
    assert!(handling(&house, &joe.person).await.place().is_some(), "nobody is left alone");
    assert_eq!(streamed(&joe), ["error: provider_unavailable"]);
    let waiting = house.machine.sessions.desks.waiting(&house.org, None).await.unwrap();
    let known = |name: &str| {
        let of = |(standing, _): &&(appengine_actors::session::chat::decision::Standing, _)| {
            standing.customer_email == format!("{name}@x.io")
        };
        waiting.iter().find(of).unwrap().0.summary.clone().unwrap()
    };
    assert_eq!(known("eve"), "Customer: Hello\nAssistant: Hello!\nCustomer: What now?");
    assert_eq!(known("joe"), "Customer: Hello");
}

#[actix::test]
async fn a_first_visit_is_greeted_once() {
    let (house, model) = start();
    let config = widget(&house, json!({"aiGreeting": "Hello, I am Helper."})).await;
    let phone = come(&house, "ann").await;
    let (chats, chat) = (&house.machine.sessions.chats, ChatId::of_customer(&phone.person));
    chats.greet(&house.org, &phone.person, &chat, &config).await.unwrap();
    chats.greet(&house.org, &phone.person, &chat, &config).await.unwrap();
    quiet().await;
    assert_eq!(phone.ear.words(), ["Hello, I am Helper."]);
    let slice = Slice { skip: 0, limit: 10 };
    let listed = chats.list(&house.org, &agent("bob"), None, slice).await.unwrap();
    assert!(listed.rows.is_empty(), "nobody has said anything");
    ask(&house, &phone, &config, "Hi").await;
    assert_eq!(super::stream::events(&house, "chat.started").await.len(), 1);
    let said = model.turn().prompt.messages;
    assert!(matches!(said.as_slice(), [Message::Assistant { .. }, Message::User { .. }]), "{said:?}");
    chats.greet(&house.org, &phone.person, &chat, &config).await.unwrap();
    quiet().await;
    assert_eq!(phone.ear.words().len(), 2);
}

#[actix::test]
async fn a_restart_in_the_middle_has_it_asked_again() {
    let (house, model) = start();
    let config = widget(&house, json!({})).await;
    let phone = come(&house, "ann").await;
    ask(&house, &phone, &config, "Where is my order?").await;
    says(&model, "It is");
    quiet().await;
    let house = house.crash(0);
    quiet().await;
    let phone = Client::come(&house, &phone.person).await;
    quiet().await;
    assert_eq!(model.turns().len(), 2, "asked again, though nobody was there");
    says(&model, "It is on its way.");
    model.turn().finishes();
    quiet().await;
    assert_eq!(phone.ear.words(), ["It is on its way."]);
    let Handling::Assisted { answers: 1, reply: None, .. } = handling(&house, &phone.person).await else {
        panic!()
    };
}

#[actix::test]
async fn an_answer_that_was_whole_when_the_process_died_is_kept() {
    let (house, model) = start();
    let config = widget(&house, json!({})).await;
    let phone = come(&house, "ann").await;
    ask(&house, &phone, &config, "Where is my order?").await;
    let Handling::Assisted { reply: Some(reply), .. } = handling(&house, &phone.person).await else {
        panic!()
    };
    says(&model, "On its way.");
    model.turn().finishes();
    let streams = &house.machine.sessions.streams;
    let mut reader = streams.read(&head(&house, reply.stream).await, 0);
    while reader.next().await.unwrap().is_some() {}
    assert_eq!(head(&house, reply.stream).await.status, StreamStatus::Done);
    let house = house.crash(0);
    quiet().await;
    let chats = &house.machine.sessions.chats;
    let chat = ChatId::of_customer(&phone.person);
    let said = chats.history(&house.org, &phone.person, &chat, None, 10).await.unwrap();
    assert_eq!(said.last().unwrap().content, json!("On its way."));
    assert_eq!(model.turns().len(), 1);
}

#[actix::test]
async fn a_customer_wants_another_assistant_than_the_widgets() {
    let (house, model) = start();
    let config = widget(&house, json!({})).await;
    for (name, visibility) in [("sales", "global"), ("books", "organization")] {
        let data = json!({"name": name, "description": format!("You are {name}."), "visibility": visibility});
        house.create("ai_assistant", data).await;
    }
    let asks = async |name: &str, config: Option<&str>, wanted: &str| {
        let client = come(&house, name).await;
        let config_id = config.map(str::to_owned);
        let word = Word { config_id, assistant: Some(wanted.to_owned()), ..text("Hello") };
        client.say(&house, &ChatId::of_customer(&client.person), word).await.unwrap();
        quiet().await;
        client
    };
    for (name, config, wanted, system) in [
        ("ann", Some(&*config), "sales", "You are sales."),
        ("bea", None, "sales", "You are sales."),
        // It is not for customers, or not there: the widget's goes on.
        ("cid", Some(&*config), "books", "You help."),
        ("dan", Some(&*config), "nobody", "You help."),
    ] {
        let client = asks(name, config, wanted).await;
        assert!(model.turn().prompt.system.starts_with(system), "{name}: {}", model.turn().prompt.system);
        assert!(matches!(handling(&house, &client.person).await, Handling::Assisted { .. }), "{name}");
        // It stays with them, also where they say no more whom they want.
        says(&model, "Hello.");
        model.turn().finishes();
        quiet().await;
        let chat = ChatId::of_customer(&client.person);
        client.say(&house, &chat, text("And now?")).await.unwrap();
        quiet().await;
        assert!(model.turn().prompt.system.starts_with(system), "{name}");
        model.turn().finishes();
        quiet().await;
    }
    let gil = asks("gil", None, "books").await;
    assert!(matches!(handling(&house, &gil.person).await, Handling::Waiting { .. }));
}
