//! Groups: what is said in one is stored first and heard by all in one order, and who is in it is decided in that
//! order too.

use std::time::Duration;

use appengine_actors::ids::GroupId;
use appengine_actors::list::Slice;
use appengine_actors::session::community::group::{Muted, Openness, Role, Settings};
use appengine_actors::session::community::who::Handle;
use appengine_actors::session::community::wish::{Act, Refusal, Word};
use appengine_actors::session::community::{ConversationId, Part, Which};
use appengine_actors::testkit::TestHouse;
use appengine_actors::testkit::probe::quiet;
use futures_util::future::{join_all, try_join_all};
use serde_json::json;

use super::house::{Client, customer, group, kinds, refusal, say, word};

#[actix::test]
async fn many_who_speak_at_once_are_heard_by_all_in_the_same_order() {
    const PEOPLE: usize = 50;
    const WORDS: usize = 8;
    let house = TestHouse::start();
    let people: Vec<_> = (0..PEOPLE).map(|n| customer(&format!("c{n}"))).collect();
    let clients = join_all(people.iter().map(|person| Client::come(&house, person))).await;
    let id = group(&clients[0], &people[1..], Settings::default()).await;
    let speak = clients.iter().enumerate().map(|(who, client)| {
        let id = id.clone();
        async move {
            for n in 0..WORDS {
                client.say(&id, &format!("{who} {n}")).await?;
            }
            Ok::<_, Refusal>(())
        }
    });
    try_join_all(speak).await.unwrap();
    let first = clients[0].words("groupMessage");
    assert_eq!(first.len(), PEOPLE * WORDS);
    for client in &clients {
        // The group was made, its people came in, and all was said.
        assert!(client.numbers().into_iter().eq(1..=(1 + PEOPLE + PEOPLE * WORDS) as u64));
        assert_eq!(client.words("groupMessage"), first);
    }
    for who in 0..PEOPLE {
        let of = first.iter().filter(|word| word.starts_with(&format!("{who} ")));
        assert!(of.eq(&(0..WORDS).map(|n| format!("{who} {n}")).collect::<Vec<_>>()));
    }
}

#[actix::test]
async fn the_last_places_are_given_to_as_many_as_there_are() {
    let house = TestHouse::start();
    let ann = Client::come(&house, &customer("ann")).await;
    let id = group(&ann, &[], Settings { max_members: Some(4), ..Settings::default() }).await;
    let people: Vec<_> = (0..20).map(|n| customer(&format!("c{n}"))).collect();
    let clients = join_all(people.iter().map(|person| Client::come(&house, person))).await;
    let joined = join_all(clients.iter().map(|client| client.want(&id, Act::Join))).await;
    let full = joined.iter().filter(|joined| joined.as_ref().is_err_and(|why| why.code() == "limit_reached"));
    assert_eq!((joined.iter().filter(|joined| joined.is_ok()).count(), full.count()), (3, 17));
    assert_eq!(ann.ear.of("memberJoined").len(), 4, "with whoever made it");
    let told = house.machine.sessions.talks.group(&ann.asker, id.as_group().unwrap()).await.unwrap();
    assert_eq!((&told["memberCount"], told["members"].as_array().unwrap().len()), (&json!(4), 4));
}

#[actix::test]
async fn nothing_is_told_or_answered_before_it_is_stored() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), customer("bob"));
    let (anns, bobs) = (Client::come(&house, &ann).await, Client::come(&house, &bob).await);
    let id = group(&anns, &[bob], Settings::default()).await;
    let before = bobs.ear.all().len();
    house.store().hold();
    let mut saying = std::pin::pin!(anns.say(&id, "hi"));
    assert!(futures_util::poll!(saying.as_mut()).is_pending());
    quiet().await;
    assert!(futures_util::poll!(saying.as_mut()).is_pending());
    assert_eq!(bobs.ear.all().len(), before, "nobody has heard it");
    house.store().release();
    assert_eq!(saying.await.unwrap().content, "hi");
    assert_eq!(bobs.words("groupMessage"), ["hi"]);
}

#[actix::test]
async fn a_member_is_muted_as_long_as_an_admin_says_and_everybody_is_told() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), customer("bob"));
    let (anns, bobs) = (Client::come(&house, &ann).await, Client::come(&house, &bob).await);
    let id = group(&anns, std::slice::from_ref(&bob), Settings::default()).await;
    let until = house.house().clock.now().plus(Duration::from_secs(60));
    anns.want(&id, Act::Mute(Handle::of(&bob), Some(Muted { until: Some(until) }))).await.unwrap();
    assert_eq!(bobs.say(&id, "hi").await, Err(Refusal::Muted { until: Some(until) }));
    let told = &bobs.ear.of("memberMuted")[0];
    assert_eq!((&told["member"]["email"], &told["muted"]), (&json!("bob@x.io"), &json!(true)));
    house.advance(Duration::from_secs(61)).await;
    assert_eq!(bobs.say(&id, "hi").await.map(|said| said.content), Ok("hi".to_owned()));
    let quiet = Settings { only_admins_post: Some(true), ..Settings::default() };
    anns.want(&id, Act::Update(quiet)).await.unwrap();
    assert_eq!(bobs.say(&id, "ho").await, Err(Refusal::OnlyAdminsPost));
    let told = &bobs.ear.of("groupUpdated").pop().unwrap();
    assert_eq!(
        (&told["changed"], &told["group"]["onlyAdminsPost"]),
        (&json!(["onlyAdminsPost"]), &json!(true))
    );
    assert_eq!(anns.numbers(), bobs.numbers());
}

#[actix::test]
async fn whoever_is_out_hears_no_more_and_whoever_is_in_does() {
    let house = TestHouse::start();
    let (ann, bob, eve) = (customer("ann"), customer("bob"), customer("eve"));
    let anns = Client::come(&house, &ann).await;
    let (bobs, tablet) = (Client::come(&house, &bob).await, Client::come(&house, &bob).await);
    let eves = Client::come(&house, &eve).await;
    let id = group(&anns, std::slice::from_ref(&bob), Settings::default()).await;
    anns.want(&id, Act::Remove(Handle::of(&bob))).await.unwrap();
    anns.say(&id, "behind your back").await.unwrap();
    for client in [&bobs, &tablet] {
        assert_eq!(client.ear.of("memberLeft")[0]["removed"], json!(true));
        assert_eq!(client.words("groupMessage").len(), 0);
        assert_eq!(client.attach(&id, 0).await, Err(Refusal::NotMember));
    }
    assert_eq!(bobs.say(&id, "let me in").await, Err(Refusal::NotMember));
    assert_eq!(bobs.history(&id, Part::default()).await, Err(Refusal::NotMember));
    eves.want(&id, Act::Join).await.unwrap();
    anns.say(&id, "hello").await.unwrap();
    assert_eq!(eves.words("groupMessage"), ["hello"]);
    anns.want(&id, Act::Leave).await.unwrap();
    let told = &eves.ear.of("groupUpdated")[0];
    assert_eq!((&told["member"]["email"], &told["member"]["role"]), (&json!("eve@x.io"), &json!("admin")));
    eves.want(&id, Act::Leave).await.unwrap();
    assert_eq!(anns.want(&id, Act::Join).await, Err(Refusal::Archived), "nobody is in it any more");
}

#[actix::test]
async fn edits_feelings_and_removals_are_told_in_their_order_and_kept() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), customer("bob"));
    let (anns, bobs) = (Client::come(&house, &ann).await, Client::come(&house, &bob).await);
    let id = group(&anns, &[bob], Settings::default()).await;
    let said = bobs.say(&id, "helo").await.unwrap();
    let other = bobs.say(&id, "secret").await.unwrap();
    bobs.about(said.id, Act::Edit(said.id, "hello".into())).await.unwrap();
    anns.about(said.id, Act::React(said.id, "like".into())).await.unwrap();
    anns.about(other.id, Act::Delete(other.id)).await.unwrap();
    let told = ["groupMessage", "groupMessage", "messageUpdated", "reaction", "messageDeleted"];
    assert_eq!(anns.heard()[3..], told);
    assert!(anns.numbers().into_iter().eq(1..=8) && bobs.numbers().into_iter().eq(1..=8));
    assert_eq!(anns.ear.of("messageUpdated")[0]["content"], json!("hello"));
    let felt = &bobs.ear.of("reaction")[0];
    assert_eq!(felt["reactions"], json!([{"type": "like", "count": 1, "by": ["ann@x.io"]}]));
    let kept = bobs.history(&id, Part { limit: 10, ..Part::default() }).await.unwrap().messages;
    let shown: Vec<_> = kept.iter().map(|message| (&message["content"], &message["status"])).collect();
    assert_eq!(shown, [(&json!("hello"), &json!("sent")), (&json!(""), &json!("deleted"))]);
    assert_eq!(anns.about(other.id, Act::React(other.id, "like".into())).await, Err(Refusal::NoMessage));
}

#[actix::test]
async fn what_is_unread_is_counted_and_reading_is_told() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), customer("bob"));
    let (anns, bobs) = (Client::come(&house, &ann).await, Client::come(&house, &bob).await);
    let id = group(&anns, &[bob], Settings::default()).await;
    let mut said = Vec::new();
    for n in 0..5 {
        said.push(anns.say(&id, &n.to_string()).await.unwrap());
    }
    let talks = &house.machine.sessions.talks;
    let unread = async || talks.unread(&bobs.asker).await.unwrap();
    assert_eq!((unread().await, talks.unread(&anns.asker).await.unwrap()), ((0, 5), (0, 0)));
    for _ in 0..2 {
        bobs.want(&id, Act::Read(Some(vec![said[2].id, said[1].id]))).await.unwrap();
    }
    assert_eq!(unread().await, (0, 2));
    let told: Vec<_> =
        anns.ear.of("messageRead").into_iter().filter(|read| read["by"] == "bob@x.io").collect();
    assert_eq!(told.len(), 1, "it is told once");
    assert_eq!(told[0]["lastSeq"], json!(said[2].seq));
    bobs.want(&id, Act::Read(None)).await.unwrap();
    assert_eq!(unread().await, (0, 0));
    let groups = talks.groups(&bobs.asker, Which::Own, None, Slice { skip: 0, limit: 10 }).await.unwrap();
    assert_eq!(groups.rows[0]["unreadCount"], json!(0));
    assert_eq!(groups.rows[0]["lastMessage"]["content"], json!("4"));
}

#[actix::test]
async fn a_history_is_read_page_by_page_in_both_directions() {
    let house = TestHouse::start();
    let ann = Client::come(&house, &customer("ann")).await;
    let id = group(&ann, &[], Settings::default()).await;
    let first = ann.say(&id, "0").await.unwrap();
    for n in 1..25 {
        // What is no message has numbers too, and no place in a history.
        ann.about(first.id, Act::React(first.id, "like".into())).await.unwrap();
        let word = Word { reply_to: (n % 5 == 0).then_some(first.id), ..word(n.to_string()) };
        ann.want(&id, Act::Say(word, None)).await.unwrap();
    }
    let read = async |part: Part| {
        let page = ann.history(&id, Part { limit: 10, ..part }).await.unwrap();
        let words = page.messages.iter().map(|message| message["content"].as_str().unwrap().parse().unwrap());
        (words.collect::<Vec<u32>>(), page.has_more, page.next)
    };
    let (mut back, mut before) = (Vec::new(), None);
    loop {
        let (page, has_more, next) = read(Part { before, ..Part::default() }).await;
        back.splice(0..0, page);
        before = next;
        if !has_more {
            break;
        }
    }
    assert!(back.into_iter().eq(0..25));
    let (mut all, mut after) = (Vec::new(), Some(0));
    while let Some(from) = after {
        let (page, _, next) = read(Part { after: Some(from), ..Part::default() }).await;
        all.extend(page);
        after = next;
    }
    assert!(all.into_iter().eq(0..25));
    let (replies, more, _) = read(Part { reply_to: Some(first.id), ..Part::default() }).await;
    assert_eq!((replies, more), (vec![5, 10, 15, 20], false));
}

#[actix::test]
async fn the_same_word_of_a_sender_is_said_once_and_events_tell_of_it() {
    let house = TestHouse::start();
    let (ann, bob) = (customer("ann"), customer("bob"));
    let (anns, bobs) = (Client::come(&house, &ann).await, Client::come(&house, &bob).await);
    let id = group(&anns, &[bob], Settings::default()).await;
    let said = |content: &str| Act::Say(Word { client_id: Some("c-1".into()), ..word(content) }, None);
    let twice = join_all([anns.want(&id, said("hi @bob@x.io")), anns.want(&id, said("hi @bob@x.io"))]).await;
    let seq = twice[0].as_ref().unwrap().seq;
    assert_eq!(twice[1].as_ref().unwrap().seq, seq);
    assert_ne!(bobs.want(&id, said("mine")).await.unwrap().seq, seq, "another sender's names are their own");
    let kinds = kinds(&house).await;
    let of = |kind: &str| kinds.iter().filter(|known| *known == kind).count();
    assert_eq!((of("community.message.created"), of("community.mention")), (2, 1));
    assert_eq!((of("community.group.created"), of("community.member.joined")), (1, 2));
    let house = house.crash(0);
    let back = Client::come(&house, &ann).await;
    assert_eq!(back.want(&id, said("hi @bob@x.io")).await.unwrap().seq, seq);
}

#[actix::test]
async fn a_private_group_is_found_by_its_members_only() {
    let house = TestHouse::start();
    let (anns, eves) =
        (Client::come(&house, &customer("ann")).await, Client::come(&house, &customer("eve")).await);
    let private = Settings { openness: Some(Openness::Private), ..Settings::default() };
    let (hidden, open) = (group(&anns, &[], private).await, group(&anns, &[], Settings::default()).await);
    let talks = &house.machine.sessions.talks;
    let listed = async |client: &Client, which| {
        let groups = talks.groups(&client.asker, which, None, Slice { skip: 0, limit: 10 }).await.unwrap();
        let mut ids: Vec<_> = groups.rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    let mut both = vec![hidden.to_string(), open.to_string()];
    both.sort();
    assert_eq!(listed(&anns, Which::Own).await, both);
    assert_eq!(listed(&eves, Which::Open).await, [open.to_string()]);
    assert_eq!(listed(&eves, Which::Own).await.len(), 0);
    let seen = talks.group(&eves.asker, hidden.as_group().unwrap()).await;
    assert_eq!(seen.map_err(refusal), Err(Refusal::NoGroup));
    let seen = talks.group(&eves.asker, open.as_group().unwrap()).await.unwrap();
    assert!(seen.get("members").is_none() && seen["memberCount"] == json!(1));
    assert_eq!(eves.want(&hidden, Act::Join).await, Err(Refusal::Private));
    let nowhere = ConversationId::group(GroupId::new(house.house().clock.now()));
    for act in [Act::Join, Act::Leave, say("hi"), Act::Read(None)] {
        assert_eq!(eves.want(&nowhere, act).await, Err(Refusal::NoGroup));
    }
    let guest = appengine_actors::session::person::Person { guest: true, ..customer("zoe") };
    let asker = appengine_actors::session::community::Asker { person: guest, ..eves.asker.clone() };
    assert_eq!(talks.want(&asker, &open, Act::Join).await.map_err(refusal), Err(Refusal::Guest));
    let promoted = anns.want(&open, Act::Promote(Handle::of(&customer("eve")), Role::Admin)).await;
    assert_eq!(promoted, Err(Refusal::NoMember("eve@x.io".into())));
}

#[actix::test]
async fn nobody_of_another_organisation_finds_anything_and_no_actor_is_made_for_what_is_not_there() {
    let house = TestHouse::start();
    let ann = customer("ann");
    let anns = Client::come(&house, &ann).await;
    let id = group(&anns, &[], Settings::default()).await;
    let said = anns.say(&id, "ours").await.unwrap();
    let org = appengine_actors::ids::OrgId::new("other-org").unwrap();
    let other = appengine_actors::session::community::Asker { org, ..anns.asker.clone() };
    let (talks, group) = (&house.machine.sessions.talks, id.as_group().unwrap());
    let awake =
        || house.house().registry.statuses().iter().filter(|s| s.path.as_str().contains("talks/")).count();
    assert_eq!(awake(), 1);
    for act in [Act::Join, say("hi"), Act::Read(None), Act::Leave] {
        assert_eq!(talks.want(&other, &id, act).await.map_err(refusal), Err(Refusal::NoGroup));
    }
    let deleted = talks.about(&other, said.id, Act::Delete(said.id)).await.map_err(refusal);
    assert_eq!(deleted, Err(Refusal::NoMessage));
    assert_eq!(talks.group(&other, group).await.map_err(refusal), Err(Refusal::NoGroup));
    let all = talks.groups(&other, Which::All, None, Slice { skip: 0, limit: 10 }).await.unwrap();
    assert_eq!((all.total, awake()), (0, 1));
}
