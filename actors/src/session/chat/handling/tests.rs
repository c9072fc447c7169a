use serde_json::json;

use super::*;
use crate::ids::OrgId;
use crate::session::chat::ChatId;
use crate::session::chat::reception::tests::assistance;

fn person(side: Side, email: &str) -> Person {
    let id = RecordId::new("p-1").unwrap();
    Person { side, id, email: email.into(), name: email.into(), guest: false }
}

fn id(n: u64) -> EventId {
    EventId::new(Timestamp::from_millis(n))
}

fn give(to: &str, turn: Option<u64>) -> Route {
    let step = Step::Give { to: person(Side::Agent, to) };
    Route { id: id(1), turn, step, by: None, why: "first in line".into(), note: None }
}

#[test]
fn a_customer_waits_until_somebody_takes_it_and_again_when_it_is_queued() {
    let at = Timestamp::from_millis;
    let ann = person(Side::Customer, "ann@x.io");
    let chat = Chat::new(ChatId::of_customer(&ann), OrgId::new("o").unwrap(), at(1));
    let place = Place { queue: "sales".into(), skill: None, priority: 3 };
    let staff = Reception { place: place.clone(), assistance: None };
    let waits = chat.after_word_by(&ann, "hi", &staff, id(2), at(2)).unwrap().chat;
    assert_eq!((waits.turn, waits.handling.place()), (1, Some(&place)));
    assert_eq!(waits.after_word_by(&ann, "hi", &staff, id(3), at(3)), None, "it waits already");
    let route = give("bob@x.io", Some(1));
    let given = waits.routed(&route, at(4)).unwrap().unwrap();
    assert_eq!((given.decision.turn, given.decision.outcome), (2, Outcome::Assigned));
    assert_eq!(given.chat.staff.len(), 1, "whoever answers hears it");
    assert_eq!(given.chat.routed(&route, at(5)), Ok(None), "asked again");
    let late = Route { id: id(9), ..give("eve@x.io", Some(1)) };
    assert_eq!(given.chat.routed(&late, at(5)), Err(Outrun));
    let Handling::With { place: came_from, waited, .. } = &given.chat.handling else { panic!() };
    assert_eq!((came_from, *waited), (&place, at(2)));
    let (over, moved) = given.chat.closed("agent", None, id(6), at(6));
    assert_eq!((over.handling.clone(), moved.unwrap().decision.turn), (Handling::Nobody, 3));
    assert_eq!(over.closed("agent", None, id(7), at(7)).1, None);
}

#[test]
fn whoever_writes_first_takes_it_on() {
    let at = Timestamp::from_millis;
    let (ann, bob) = (person(Side::Customer, "ann@x.io"), person(Side::Agent, "bob@x.io"));
    let org = OrgId::new("o").unwrap();
    let chat = Chat::new(ChatId::of_customer(&ann), org.clone(), at(1));
    let staff = Reception::default();
    let taken = chat.after_word_by(&bob, "hi", &staff, id(2), at(2)).unwrap().chat;
    assert_eq!(taken.handling.agent(), Some(&bob));
    assert_eq!(taken.answered_by(&bob), None, "they have answered with it");
    assert_eq!(taken.after_word_by(&ann, "hi", &staff, id(3), at(3)), None);
    let team = Chat::new(ChatId::new("team").unwrap(), org, at(1));
    assert_eq!(team.after_word_by(&bob, "hi", &staff, id(2), at(2)), None, "no customer's");
}

#[test]
fn an_assistant_answers_until_the_staff_goes_on() {
    let at = Timestamp::from_millis;
    let (ann, bob) = (person(Side::Customer, "ann@x.io"), person(Side::Agent, "bob@x.io"));
    let chat = Chat::new(ChatId::of_customer(&ann), OrgId::new("o").unwrap(), at(1));
    let place = Place { queue: "sales".into(), skill: None, priority: 0 };
    let with = assistance(&json!({"aiHandover": {"afterAnswers": 1}}));
    let reception = Reception { place, assistance: Some(with) };
    let at_once = chat.after_word_by(&ann, "A human, please!", &reception, id(2), at(2)).unwrap();
    assert!(at_once.chat.handling.place().is_some());
    assert_eq!(at_once.decision.words, "the customer said “human”", "why no assistant answers");
    let assisted = chat.after_word_by(&ann, "hi", &reception, id(2), at(2)).unwrap();
    assert_eq!((assisted.decision.outcome, assisted.chat.routed_to()), (Outcome::Assisted, "assistant"));
    assert_eq!(assisted.chat.standing(), None, "it waits for its customer");
    let (one, two) = (MessageId::new(at(1)), MessageId::new(at(2)));
    let asked = assisted.chat.asked(Some(one), None).unwrap();
    assert_eq!(asked.handling.question(), Some(one));
    let reply = Reply { stream: StreamId::new(at(3)), to: one, becomes: MessageId::new(at(3)) };
    let answering = asked.asked(None, Some(reply.clone())).unwrap();
    assert_eq!((answering.handling.reply(), answering.handling.question()), (Some(&reply), None));
    assert!(answering.standing().is_some(), "its desk sees to it");
    let more = answering.asked(Some(two), None).unwrap();
    assert_eq!(more.handling.question(), None, "one answer at a time");
    assert_eq!(more.after_word_by(&ann, "and?", &reception, id(3), at(3)), None);
    let other = Reply { becomes: two, ..reply.clone() };
    assert_eq!(more.replied(&other, true), None, "another answer");
    let answered = more.replied(&reply, true).unwrap();
    assert_eq!(answered.handling.question(), Some(two), "the next one");
    let moved = answered.after_word_by(&ann, "and?", &reception, id(4), at(4)).unwrap();
    assert_eq!(moved.decision.words, "the assistant has answered 1 times");
    assert_eq!(moved.chat.handling.place().map(|place| place.queue.as_str()), Some("sales"));
    let taken = answered.after_word_by(&bob, "I take this", &reception, id(4), at(4)).unwrap();
    assert_eq!((taken.decision.outcome, taken.chat.routed_to()), (Outcome::Assigned, "agent"));
    let gone = Reception { assistance: None, ..reception };
    assert!(answered.after_word_by(&ann, "and?", &gone, id(4), at(4)).is_some(), "nobody is left alone");
    let why = Handover { why: "asked".into(), summary: Some("s".into()), skill: Some("refunds".into()) };
    let handed = answered.handed_over(&why, id(5), at(5)).unwrap();
    assert_eq!(handed.chat.handling.place().and_then(|place| place.skill.as_deref()), Some("refunds"));
    assert_eq!(handed.decision.note.as_deref(), Some("s"));
    assert_eq!(chat.handed_over(&why, id(5), at(5)), None);
}
