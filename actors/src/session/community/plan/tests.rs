use proptest::prelude::*;

use super::*;
use crate::ids::{GroupId, RecordId};
use crate::session::community::group::{GroupStatus, Muted, Openness, Role, Settings};
use crate::session::community::wish::Word;
use crate::session::person::Side;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn person(name: &str) -> Person {
    let id = RecordId::new(&format!("customer-{name}")).unwrap();
    Person { side: Side::Customer, id, email: format!("{name}@x.io"), name: name.to_owned(), guest: false }
}

fn handle(name: &str) -> Handle {
    Handle::of(&person(name))
}

fn word(content: &str) -> Word {
    Word { content: content.to_owned(), ..Word::default() }
}

fn wish(by: &str, act: Act) -> Wish {
    Wish { id: MessageId::new(at(1)), by: person(by), moderates: false, act }
}

fn plan(id: ConversationId) -> Plan {
    Plan::new(id, OrgId::new("o").unwrap(), at(1_000), None, Found::default())
}

/// A group that Ann has made, with these settings.
fn group(settings: Settings) -> Plan {
    let mut plan = plan(ConversationId::group(GroupId::new(at(1))));
    let settings = Settings { name: Some("Dogs".into()), ..settings };
    plan.take(&wish("ann", Act::Found(settings, Vec::new()))).unwrap();
    plan
}

fn open_group() -> Plan {
    group(Settings { openness: Some(Openness::Public), ..Settings::default() })
}

impl Plan {
    fn will(&mut self, by: &str, act: Act) -> Result<Done, Refusal> {
        self.take(&wish(by, act))
    }

    fn says(&mut self, by: &str, content: &str) -> Result<Message, Refusal> {
        self.will(by, Act::Say(word(content), None)).map(|done| done.message.unwrap())
    }
}

#[test]
fn whoever_makes_a_group_looks_after_it_and_those_named_are_in_it() {
    let mut plan = plan(ConversationId::group(GroupId::new(at(1))));
    let settings = Settings { name: Some("Dogs".into()), ..Settings::default() };
    let people =
        vec![(person("bob"), Role::Member), (person("ann"), Role::Member), (person("eve"), Role::Admin)];
    let done = plan.will("ann", Act::Found(settings.clone(), people)).unwrap();
    assert_eq!(done.members.len(), 3);
    let there = plan.conversation.clone().unwrap();
    assert!(
        there.is_admin(&handle("ann")) && there.is_admin(&handle("eve")) && !there.is_admin(&handle("bob"))
    );
    assert_eq!(plan.happened.iter().map(|done| done.entry.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(plan.happened[0].group.as_ref().map(|(_, members)| *members), Some(3));
    assert!(plan.will("ann", Act::Found(settings, Vec::new())).is_err(), "there is one");
}

#[test]
fn the_last_place_is_given_once() {
    let mut plan =
        group(Settings { openness: Some(Openness::Public), max_members: Some(2), ..Settings::default() });
    assert!(plan.will("bob", Act::Join).is_ok());
    let refused = plan.will("eve", Act::Join).unwrap_err();
    assert_eq!(refused.code(), "limit_reached");
    assert!(plan.will("bob", Act::Join).unwrap().seq.is_none(), "who is there is there");
    plan.will("bob", Act::Leave).unwrap();
    assert!(plan.will("eve", Act::Join).is_ok());
    let lower = Settings { max_members: Some(1), ..Settings::default() };
    assert!(plan.will("ann", Act::Update(lower)).is_err(), "nobody is put out by a number");
}

#[test]
fn whoever_is_in_as_many_groups_as_may_be_is_let_into_no_more() {
    let mut plan = open_group();
    plan.found.counts.insert(handle("bob"), crate::session::community::rules::MOST_GROUPS);
    for refused in
        [plan.will("bob", Act::Join), plan.will("ann", Act::Add(vec![(person("bob"), Role::Member)]))]
    {
        assert_eq!(refused.unwrap_err().code(), "limit_reached");
    }
}

#[test]
fn nobody_sheds_what_an_admin_said_by_going_and_coming_back() {
    let mut plan = open_group();
    for name in ["bob", "eve"] {
        plan.will(name, Act::Join).unwrap();
    }
    plan.will("ann", Act::Mute(handle("bob"), Some(Muted { until: None }))).unwrap();
    plan.will("bob", Act::Leave).unwrap();
    plan.will("bob", Act::Join).unwrap();
    assert_eq!(plan.says("bob", "hi"), Err(Refusal::Muted { until: None }));
    plan.will("ann", Act::Remove(handle("eve"))).unwrap();
    assert_eq!(plan.will("eve", Act::Join), Err(Refusal::Removed));
    plan.will("ann", Act::Add(vec![(person("eve"), Role::Member)])).unwrap();
    assert!(plan.says("eve", "hi").is_ok());
    plan.will("eve", Act::Leave).unwrap();
    assert!(plan.will("eve", Act::Join).is_ok(), "that was their own wish");
}

#[test]
fn a_private_group_lets_in_whom_its_admins_do() {
    let mut plan = group(Settings::default());
    assert_eq!(plan.will("bob", Act::Join), Err(Refusal::Private));
    assert_eq!(plan.will("bob", Act::Add(vec![(person("bob"), Role::Member)])), Err(Refusal::NotMember));
    plan.will("ann", Act::Add(vec![(person("bob"), Role::Member)])).unwrap();
    let add = Act::Add(vec![(person("eve"), Role::Member)]);
    assert_eq!(plan.will("bob", add.clone()), Err(Refusal::NotAdmin("add members")));
    let staff = Wish { moderates: true, ..wish("ada", add) };
    assert!(plan.take(&staff).is_ok(), "those who look after all groups may");
}

#[test]
fn admins_say_who_writes() {
    let mut plan = open_group();
    plan.will("bob", Act::Join).unwrap();
    assert_eq!(plan.says("eve", "hi"), Err(Refusal::NotMember));
    let said = plan.says("bob", "hi").unwrap();
    let until = Some(Muted { until: Some(at(5_000)) });
    assert_eq!(plan.will("bob", Act::Mute(handle("ann"), until)), Err(Refusal::NotAdmin("mute members")));
    plan.will("ann", Act::Mute(handle("bob"), until)).unwrap();
    assert_eq!(plan.says("bob", "hi"), Err(Refusal::Muted { until: Some(at(5_000)) }));
    assert!(plan.will("bob", Act::Edit(said.id, "ho".into())).is_err(), "nor by a change");
    plan.now = at(5_000);
    assert!(plan.says("bob", "hi").is_ok(), "it is over by itself");
    plan.will("ann", Act::Mute(handle("bob"), Some(Muted { until: None }))).unwrap();
    assert_eq!(plan.says("bob", "hi"), Err(Refusal::Muted { until: None }));
    plan.will("ann", Act::Mute(handle("bob"), None)).unwrap();
    assert!(plan.says("bob", "hi").is_ok());
    let quiet = Settings { only_admins_post: Some(true), ..Settings::default() };
    plan.will("ann", Act::Update(quiet)).unwrap();
    assert_eq!(plan.says("bob", "hi"), Err(Refusal::OnlyAdminsPost));
    assert!(plan.says("ann", "hi").is_ok());
    assert!(plan.will("ann", Act::Mute(handle("ann"), until)).is_err(), "an admin is not muted");
    let over = Settings { status: Some(GroupStatus::Archived), ..Settings::default() };
    plan.will("ann", Act::Update(over)).unwrap();
    assert_eq!(plan.says("ann", "hi"), Err(Refusal::Archived));
    assert_eq!(plan.will("eve", Act::Join), Err(Refusal::Archived));
}

#[test]
fn a_message_is_its_senders_and_an_admin_may_take_it_away() {
    let mut plan = open_group();
    plan.will("bob", Act::Join).unwrap();
    let said = plan.says("bob", "hi").unwrap();
    assert_eq!(plan.will("ann", Act::Edit(said.id, "ho".into())), Err(Refusal::NotOwn));
    assert_eq!(plan.will("eve", Act::Edit(said.id, "ho".into())), Err(Refusal::NoMessage));
    let edited = plan.will("bob", Act::Edit(said.id, "ho".into())).unwrap().message.unwrap();
    assert_eq!((edited.content.as_str(), edited.edited), ("ho", Some(at(1_000))));
    assert!(plan.will("bob", Act::Edit(said.id, "ho".into())).unwrap().seq.is_none(), "it says that already");
    let anns = plan.says("ann", "mine").unwrap();
    assert_eq!(plan.will("bob", Act::Delete(anns.id)), Err(Refusal::NotOwn));
    let gone = plan.will("ann", Act::Delete(said.id)).unwrap().message.unwrap();
    assert_eq!(
        (gone.content.as_str(), gone.deleted.map(|deleted| deleted.by)),
        ("", Some("ann@x.io".into()))
    );
    assert_eq!(plan.will("bob", Act::Edit(said.id, "hi".into())), Err(Refusal::NoMessage));
    assert_eq!(plan.will("bob", Act::Delete(said.id)), Err(Refusal::NoMessage));
    let told: Vec<_> = plan.happened.iter().filter_map(|done| done.message.as_ref()).collect();
    assert!(told.iter().all(|message| message.content != "hi" && message.content != "ho"), "{told:?}");
}

#[test]
fn a_feeling_comes_and_goes_and_there_is_room_for_so_many() {
    use crate::session::community::rules::MOST_REACTIONS;
    let mut plan = open_group();
    plan.will("bob", Act::Join).unwrap();
    let said = plan.says("ann", "hi").unwrap();
    let react = |by: &str, kind: &str, plan: &mut Plan| plan.will(by, Act::React(said.id, kind.into()));
    for (by, kind, added, count) in [
        ("bob", "like", true, 1),
        ("ann", "like", true, 2),
        ("bob", "wow", true, 3),
        ("bob", "like", false, 2),
    ] {
        let done = react(by, kind, &mut plan).unwrap();
        assert_eq!((done.added, done.message.unwrap().reactions.len()), (Some(added), count), "{by} {kind}");
    }
    for n in 2..MOST_REACTIONS {
        react("ann", &format!("f{n}"), &mut plan).unwrap();
    }
    assert_eq!(react("bob", "more", &mut plan).unwrap_err().code(), "limit_reached");
    assert!(!react("bob", "wow", &mut plan).unwrap().added.unwrap(), "one may always be taken back");
}

#[test]
fn two_people_speak_until_one_blocks_the_other() {
    let id = ConversationId::pair(&handle("ann"), &handle("bob"));
    let mut plan = plan(id);
    let said = plan.will("ann", Act::Say(word("hi"), Some(person("bob")))).unwrap().message.unwrap();
    assert_eq!(said.to.as_ref().map(|to| to.email.as_str()), Some("bob@x.io"));
    assert_eq!(plan.will("eve", Act::Say(word("hi"), Some(person("bob")))), Err(Refusal::NotMember));
    assert_eq!(plan.will("bob", Act::Leave), Err(Refusal::NoGroup));
    assert_eq!(plan.will("bob", Act::Delete(said.id)), Err(Refusal::NotOwn), "there are no admins");
    plan.found.blocked = true;
    for by in ["ann", "bob"] {
        assert_eq!(plan.says(by, "hi"), Err(Refusal::Blocked));
        assert_eq!(plan.will(by, Act::React(said.id, "like".into())), Err(Refusal::Blocked));
    }
    assert!(plan.will("ann", Act::Delete(said.id)).is_ok(), "what is one's own may always go");
}

#[test]
fn what_is_read_is_counted_and_never_goes_back() {
    let mut plan = open_group();
    plan.will("bob", Act::Join).unwrap();
    let said: Vec<_> = (0..3).map(|n| plan.says("ann", &n.to_string()).unwrap()).collect();
    let read = |ids: Option<Vec<MessageId>>, plan: &mut Plan| {
        plan.will("bob", Act::Read(ids)).unwrap().mark.map(|mark| mark.count)
    };
    assert_eq!(read(Some(vec![said[1].id, said[0].id]), &mut plan), Some(2));
    assert_eq!(read(Some(vec![said[0].id]), &mut plan), Some(2));
    assert_eq!(read(None, &mut plan), Some(3));
    let foreign = MessageId::new(at(77));
    assert_eq!(plan.will("bob", Act::Read(Some(vec![foreign]))), Err(Refusal::NoMessage));
    assert_eq!(plan.found.marks.get(&handle("ann")).map(|mark| mark.count), Some(3), "who speaks has read");
}

#[test]
fn the_same_message_is_said_once_and_a_reply_answers_what_is_there() {
    let mut plan = open_group();
    let named = || Word { client_id: Some("c-1".into()), ..word("once") };
    let first = plan.will("ann", Act::Say(named(), None)).unwrap();
    let again = plan.will("ann", Act::Say(named(), None)).unwrap();
    assert_eq!((first.seq, first.message), (again.seq, again.message.clone()));
    let reply = |to| Act::Say(Word { reply_to: Some(to), ..word("re") }, None);
    let id = again.message.unwrap().id;
    assert_eq!(plan.will("ann", reply(id)).unwrap().message.unwrap().reply_to.map(|to| to.id), Some(id));
    assert_eq!(plan.will("ann", reply(MessageId::new(at(9)))), Err(Refusal::NoMessage));
}

#[test]
fn those_who_are_named_are_members_and_others() {
    let mut plan = open_group();
    plan.will("bob", Act::Join).unwrap();
    let word = Word { mentions: vec!["Bob@x.io".into(), "eve@x.io".into()], ..word("hi @ann@x.io") };
    let said = plan.will("ann", Act::Say(word, None)).unwrap().message.unwrap();
    assert_eq!(said.mentions, ["bob@x.io"]);
    assert_eq!(plan.mentions.len(), 1);
}

/// What somebody may want, out of a few people and messages.
fn acts() -> impl Strategy<Value = (usize, u8, usize, bool)> {
    (0..4_usize, 0..10_u8, 0..4_usize, any::<bool>())
}

proptest! {
    /// Whatever anybody wants, in whichever order: numbers have no gap, a group that somebody is in is looked after by
    /// somebody, it is never fuller than it may be, and what is refused changes nothing.
    #[test]
    fn a_group_stays_whole(steps in proptest::collection::vec(acts(), 1..80)) {
        let names = ["ann", "bob", "eve", "zoe"];
        let mut plan = group(Settings {
            openness: Some(Openness::Public), max_members: Some(3), ..Settings::default()
        });
        let mut said: Vec<MessageId> = Vec::new();
        for (by, act, other, flag) in steps {
            let message = said.get(other).copied().unwrap_or_else(|| MessageId::new(at(3)));
            let act = match act {
                0 => Act::Join,
                1 => Act::Leave,
                2 => Act::Add(vec![(person(names[other]), if flag { Role::Admin } else { Role::Member })]),
                3 => Act::Remove(handle(names[other])),
                4 => Act::Promote(handle(names[other]), if flag { Role::Admin } else { Role::Member }),
                5 => Act::Mute(handle(names[other]), flag.then_some(Muted { until: None })),
                6 => Act::React(message, "like".into()),
                7 => Act::Delete(message),
                8 => Act::Edit(message, if flag { "a".into() } else { "b".into() }),
                _ => Act::Say(word("x"), None),
            };
            let before = (plan.conversation.clone(), plan.happened.len(), plan.found.messages.clone());
            match plan.will(names[by], act) {
                Ok(done) => said.extend(done.message.map(|message| message.id)),
                Err(_) => prop_assert_eq!(
                    before, (plan.conversation.clone(), plan.happened.len(), plan.found.messages.clone())
                ),
            }
            let there = plan.conversation.clone().unwrap();
            prop_assert!(plan.happened.iter().map(|done| done.entry.seq).eq(1..=there.head.last));
            prop_assert!(there.members.len() <= 3);
            prop_assert_eq!(there.members.len(), there.head.members as usize);
            prop_assert_eq!(there.members.is_empty(), there.admins() == 0);
            prop_assert!(!there.members.is_empty() || there.is_archived());
            prop_assert!(there.members.values().all(|m| m.role == Role::Member || m.muted.is_none()));
            let messages = plan.found.messages.values();
            let mut numbers: Vec<u64> = messages.map(|message| message.count).collect();
            numbers.sort_unstable();
            prop_assert!(numbers.into_iter().eq(1..=there.head.messages));
        }
    }
}
