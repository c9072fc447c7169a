use std::collections::HashSet;

use super::*;
use crate::ids::{MessageId, RecordId, StreamId};
use crate::session::chat::decision::Step;
use crate::session::chat::handling::Reply;
use crate::session::desk::agent::Status;
use crate::session::desk::agent::tests::agent;
use crate::session::desk::rules::{Missed, Rules};
use serde_json::{Value, json};

const SECOND: u64 = 1_000;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_000_000 + seconds * SECOND)
}

fn desk(queues: &[Value]) -> DeskState {
    let (grace, takes) = (Duration::from_secs(60), Duration::from_secs(300));
    let mut desk = DeskState::new(DeskSettings { agent_grace: grace, agent_capacity: 5, handle_time: takes });
    let records: Vec<_> = queues.iter().map(|queue| queue.as_object().unwrap().clone()).collect();
    desk.set_rules(Rules::of_records(records.iter()));
    desk
}

fn chat(name: &str) -> ChatId {
    ChatId::new(&format!("customer::{name}@c.io")).unwrap()
}

fn standing(name: &str, turn: u64, handling: Handling) -> Standing {
    let customer_email = format!("{name}@c.io");
    Standing {
        chat_id: chat(name),
        turn,
        handling,
        customer_name: customer_email.clone(),
        customer_email,
        started: at(0),
        config_id: Some("cfg".into()),
        summary: None,
    }
}

fn waits(queue: &str, priority: i64, since: u64) -> Handling {
    let place = Place { queue: queue.into(), skill: None, priority };
    Handling::Waiting { place, since: at(since), missed: false }
}

fn with(email: &str, queue: &str, since: u64, answered: bool) -> Handling {
    let place = Place { queue: queue.into(), ..Place::default() };
    let agent = agent(email, 0, &[]).person;
    Handling::With { agent, since: at(since), answered, place, waited: at(0) }
}

fn enter(desk: &mut DeskState, name: &str, turn: u64, handling: Handling, now: u64) -> bool {
    desk.stands(&chat(name), turn, Some(standing(name, turn, handling)), at(now))
}

#[test]
fn higher_priorities_go_first_then_whoever_waits_longest() {
    let mut desk = desk(&[]);
    enter(&mut desk, "a", 1, waits("default", 0, 1), 1);
    enter(&mut desk, "b", 1, waits("default", 5, 2), 2);
    enter(&mut desk, "c", 1, waits("default", 0, 3), 3);
    let order: Vec<_> =
        desk.waiting(None).map(|(standing, at)| (standing.chat_id.clone(), at.position)).collect();
    assert_eq!(order, [(chat("b"), 1), (chat("a"), 2), (chat("c"), 3)]);
    assert_eq!(desk.position(&chat("c")).unwrap().estimate, None, "nobody is there");
    desk.put_agent(agent("ada@x.io", 0, &[]));
    desk.put_agent(agent("bob@x.io", 0, &[]));
    // Contract §5.6: ceil(3 / 2) * 300.
    assert_eq!(desk.position(&chat("c")).unwrap().estimate, Some(Duration::from_secs(600)));
}

#[test]
fn a_hundred_who_pick_get_each_their_own() {
    let mut desk = desk(&[]);
    for n in 0..60 {
        enter(&mut desk, &format!("c{n}"), 1, waits("default", 0, n), n);
    }
    let picked: Vec<_> = (0..100)
        .filter_map(|n| desk.pick(&agent(&format!("a{n}@x.io"), 0, &[]).person, None, None, at(100)))
        .map(|order| order.chat)
        .collect();
    assert_eq!(picked.iter().collect::<HashSet<_>>().len(), 60);
    assert_eq!(picked.len(), 60);
    desk.free(&picked[7]);
    let again = desk.pick(&agent("z@x.io", 0, &[]).person, None, None, at(101)).unwrap();
    assert_eq!(again.chat, picked[7], "what was not taken is free again");
}

#[test]
fn whoever_picks_may_name_a_queue_or_a_skill() {
    let mut desk = desk(&[]);
    enter(&mut desk, "a", 1, waits("default", 0, 1), 1);
    let place = Place { queue: "sales".into(), skill: Some("french".into()), priority: 0 };
    enter(&mut desk, "b", 1, Handling::Waiting { place, since: at(2), missed: false }, 2);
    let bob = agent("bob@x.io", 0, &[]);
    desk.put_agent(bob.clone());
    let mut pick = |queue, skill| {
        let order = desk.pick(&bob.person, queue, skill, at(3));
        order.inspect(|order| desk.free(&order.chat)).map(|order| order.chat)
    };
    assert_eq!(pick(Some("sales"), None), None, "they lack the skill, and did not ask for it");
    assert_eq!(pick(None, Some("French")), Some(chat("b")));
    assert_eq!(pick(None, None), Some(chat("a")));
    assert_eq!(pick(Some("Default"), None), Some(chat("a")));
}

#[test]
fn a_queue_hands_out_and_keeps_to_capacity() {
    let mut desk = desk(&[json!({"name": "sales", "mode": "least_busy"})]);
    let mut bob = agent("bob@x.io", 0, &[]);
    bob.abilities.capacity = 2;
    desk.put_agent(bob);
    for n in 0..5 {
        enter(&mut desk, &format!("c{n}"), 1, waits("sales", 0, n), n);
    }
    let orders = desk.orders(at(10), |_| true);
    let given: Vec<_> = orders.iter().map(|order| (order.chat.clone(), order.route.turn)).collect();
    assert_eq!(given, [(chat("c0"), Some(1)), (chat("c1"), Some(1))]);
    assert!(orders[0].route.why.contains("bob@x.io is least busy: 0 of 2 chats"), "{}", orders[0].route.why);
    assert_eq!(desk.orders(at(11), |_| true), [], "bob has as many as he takes");
    enter(&mut desk, "c0", 2, with("bob@x.io", "sales", 11, true), 11);
    desk.stands(&chat("c0"), 3, None, at(71));
    assert_eq!(desk.orders(at(71), |_| true)[0].chat, chat("c2"));
    assert_eq!(desk.handle_time(), Duration::from_secs(60));
    desk.agent_mut("bob@x.io").unwrap().kept.status = Status::Away;
    desk.stands(&chat("c1"), 3, None, at(72));
    assert_eq!(desk.orders(at(72), |_| true), []);
}

#[test]
fn what_waits_too_long_goes_on_and_keeps_its_time() {
    let mut desk = desk(&[json!({"name": "sales", "maxWaitSeconds": 30, "overflow": "all"})]);
    enter(&mut desk, "a", 1, waits("sales", 2, 5), 5);
    assert_eq!(desk.orders(at(34), |_| true), []);
    let orders = desk.orders(at(35), |_| true);
    let Step::Wait { place, since, .. } = &orders[0].route.step else { panic!() };
    assert_eq!((place.queue.as_str(), place.priority, *since), ("all", 2, Some(at(5))));
    assert_eq!(desk.orders(at(36), |_| true), [], "it is on its way");
}

#[test]
fn what_nobody_answers_waits_again_and_is_not_given_to_them_again() {
    let mut desk = desk(&[json!({"name": "sales", "mode": "round_robin", "answerWithinSeconds": 20})]);
    desk.put_agent(agent("ada@x.io", 0, &[]));
    enter(&mut desk, "a", 2, with("ada@x.io", "sales", 10, false), 10);
    assert_eq!(desk.agent("ada@x.io").unwrap().load, 1);
    assert_eq!(desk.orders(at(29), |_| true), []);
    let orders = desk.orders(at(30), |_| true);
    assert!(orders[0].route.why.contains("ada@x.io did not answer within 20 s"));
    enter(&mut desk, "a", 3, waits("sales", 0, 0), 30);
    assert_eq!(desk.orders(at(31), |_| true), [], "ada had it");
    desk.put_agent(agent("bob@x.io", 0, &[]));
    assert!(desk.orders(at(32), |_| true)[0].route.why.contains("ada@x.io (did not answer it before)"));
}

#[test]
fn what_an_agent_leaves_behind_waits_again() {
    let mut desk = desk(&[]);
    let mut ada = agent("ada@x.io", 0, &[]);
    (ada.online, ada.gone) = (false, Some(at(100)));
    desk.put_agent(ada);
    enter(&mut desk, "a", 2, with("ada@x.io", "default", 10, true), 10);
    enter(&mut desk, "b", 2, with("ada@x.io", "default", 11, true), 11);
    enter(&mut desk, "c", 2, with("ada@x.io", "default", 12, false), 12);
    assert_eq!(desk.orders(at(159), |_| true), [], "she may be back");
    let mut again: Vec<_> =
        desk.orders(at(160), |here| *here == chat("a")).into_iter().map(|o| o.chat).collect();
    again.sort();
    assert_eq!(again, [chat("a"), chat("c")], "nobody waits for an answer in b");
}

#[test]
fn customers_are_told_where_they_stand_every_fifteen_seconds() {
    let mut desk = desk(&[]);
    assert!(enter(&mut desk, "a", 1, waits("default", 0, 1), 1));
    desk.told(&chat("a"), at(1));
    assert_eq!(desk.updates(at(15)), []);
    assert_eq!(desk.updates(at(16)).len(), 1);
    assert_eq!(desk.updates(at(17)), []);
    assert!(!enter(&mut desk, "a", 1, waits("default", 0, 1), 18), "no news");
    assert!(enter(&mut desk, "a", 2, waits("sales", 0, 1), 18), "another queue");
}

#[test]
fn old_news_changes_nothing_and_answers_are_noticed() {
    let mut desk = desk(&[]);
    desk.put_agent(agent("ada@x.io", 0, &[]));
    enter(&mut desk, "a", 2, with("ada@x.io", "default", 10, false), 10);
    assert!(!enter(&mut desk, "a", 1, waits("default", 0, 1), 11));
    assert_eq!(desk.counts(), (0, 1));
    enter(&mut desk, "a", 2, with("ada@x.io", "default", 10, true), 12);
    let Handling::With { answered, .. } = &desk.standing(&chat("a")).unwrap().handling else { panic!() };
    assert!(answered);
    assert_eq!(desk.agent("ada@x.io").unwrap().load, 1);
}

#[test]
fn what_waits_for_too_long_is_missed_once() {
    let mut desk = desk(&[]);
    let data = json!({"missedChat": {"enabled": true, "notifyEmail": "boss@x.io", "timeoutMinutes": 2}});
    let missed = Missed::read(data.as_object().unwrap()).unwrap();
    desk.set_rules(Rules::default().with_widgets([("cfg".to_owned(), missed)].into()));
    enter(&mut desk, "a", 1, waits("default", 0, 0), 0);
    assert_eq!(desk.orders(at(119), |_| true), []);
    let orders = desk.orders(at(120), |_| true);
    assert_eq!(orders[0].route.step, Step::Miss { notify: Some("boss@x.io".into()) });
    assert_eq!(desk.orders(at(121), |_| true), [], "it is being told");
    let Handling::Waiting { place, since, .. } = waits("default", 0, 0) else { panic!() };
    enter(&mut desk, "a", 2, Handling::Waiting { place, since, missed: true }, 122);
    assert_eq!(desk.orders(at(900), |_| true), []);
    let off = json!({"missedChat": {"enabled": false, "notifyEmail": "boss@x.io"}});
    assert_eq!(Missed::read(off.as_object().unwrap()), None);
}

#[test]
fn an_assistants_conversation_takes_nobodys_time() {
    let mut desk = desk(&[]);
    let id = |n| MessageId::new(at(n));
    let reply = Reply { stream: StreamId::new(at(1)), to: id(1), becomes: id(2) };
    let assisted = Handling::Assisted {
        assistant: RecordId::new("a-1").unwrap(),
        title: "Helper".into(),
        since: at(1),
        answers: 0,
        reply: Some(reply),
        asked: None,
        place: Place::default(),
    };
    enter(&mut desk, "a", 1, assisted, 1);
    assert_eq!((desk.counts(), desk.assisted().count(), desk.is_idle()), ((0, 0), 1, false));
    assert_eq!(desk.orders(at(1_000), |_| true), Vec::new());
    assert!(!desk.stands(&chat("a"), 1, None, at(2)), "the answer is over, and nothing was decided");
    assert!(desk.is_idle());
}
