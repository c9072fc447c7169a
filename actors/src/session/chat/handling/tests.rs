use super::*;
use crate::ids::{OrgId, RecordId};

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
    let waits = chat.after_word_by(&ann, &place, id(2), at(2)).unwrap().chat;
    assert_eq!((waits.turn, waits.handling.place()), (1, Some(&place)));
    assert_eq!(waits.after_word_by(&ann, &place, id(3), at(3)), None, "it waits already");
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
    let taken = chat.after_word_by(&bob, &Place::default(), id(2), at(2)).unwrap().chat;
    assert_eq!(taken.handling.agent(), Some(&bob));
    assert_eq!(taken.answered_by(&bob), None, "they have answered with it");
    assert_eq!(taken.after_word_by(&ann, &Place::default(), id(3), at(3)), None);
    let team = Chat::new(ChatId::new("team").unwrap(), org, at(1));
    assert_eq!(team.after_word_by(&bob, &Place::default(), id(2), at(2)), None, "no customer's");
}
