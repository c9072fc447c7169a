//! What is written together, what is refused, and what a process that dies leaves behind.

use appengine_actors::bus::change::{Change, ChangeError, Idempotency, Receipt};
use appengine_actors::flow::run::RunStatus;
use appengine_actors::ids::OrgId;
use appengine_actors::log::EventLog;
use appengine_actors::queue::job::{JobState, names};
use appengine_actors::record::service::{NewRecord, Origin};
use appengine_actors::store::{MAX_VALUE_BYTES, Store, StoreError};
use appengine_actors::testkit::probe::{FeedProbe, quiet};
use appengine_actors::testkit::{MemoryStore, Setup, TestHouse};
use futures_util::future::join_all;
use serde_json::{Map, json};

#[actix::test]
async fn a_record_its_events_their_run_and_its_job_are_one_batch() {
    for kept in [0, 1] {
        let house = TestHouse::start();
        house.found_org().await;
        let tag = json!([{"type": "add_tag", "config": {"tags": ["new"]}}]);
        let flow = house.short_flow("contact.created", tag).await;
        quiet().await;
        house.store().hold();
        let (records, org) = (house.machine.records.clone(), house.org.clone());
        let asked = tokio::spawn(async move {
            let datatype = "contact".parse().unwrap();
            let data = json!({"email": "ada@example.com"}).as_object().cloned().unwrap();
            let new = NewRecord { datatype, sk: None, data, meta: Map::new(), once: true };
            records.create(&org, new, &Origin::default()).await
        });
        quiet().await;
        assert_eq!(house.store().stats().waiting, 1, "the whole change is one batch");
        assert!(!asked.is_finished(), "nothing is acknowledged before it is durable");
        let house = house.crash(kept);
        assert!(asked.await.unwrap().is_err(), "the caller does not know");
        quiet().await;
        let log = EventLog::new(house.house().store.clone());
        let events = log.page(&house.org, None, None, false, 100).await.unwrap().events;
        let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
        let jobs = house.jobs(names::AUTOMATION, JobState::Completed).await.len();
        if kept == 0 {
            assert_eq!(house.records("contact").await, []);
            assert_eq!(kinds, ["collection-create", "automation.created"]);
            assert_eq!((house.runs(&flow).await.len(), jobs), (0, 0));
        } else {
            let (run, _) = house.ended_run(&flow).await;
            quiet().await;
            assert_eq!(run.status, RunStatus::Completed);
            let contact = house.records("contact").await.remove(0);
            assert_eq!(contact.data["tags"], json!(["new"]));
            let flow_and_contact =
                ["collection-create", "automation.created", "collection-create", "contact.created"];
            assert_eq!(kinds[..4], flow_and_contact);
            assert_eq!(house.jobs(names::AUTOMATION, JobState::Completed).await.len(), 1);
        }
    }
}

fn keyed(house: &TestHouse, key: &str, digest: &str) -> Change {
    let idempotency = Some(Idempotency { key: key.to_owned(), digest: digest.to_owned() });
    let events =
        vec![house.draft("order.paid", json!({"digest": digest})), house.draft("order.sent", json!({}))];
    Change { events, idempotency, ..Change::default() }
}

fn ids(receipt: &Receipt) -> Vec<appengine_actors::ids::EventId> {
    receipt.repeated.clone().unwrap_or_else(|| receipt.events.iter().map(|event| event.id).collect())
}

#[actix::test]
async fn a_request_with_a_used_key_gets_the_first_answer_and_does_nothing() {
    let house = TestHouse::start();
    let commit = |org: &OrgId, change| house.machine.publisher.commit(org.clone(), change);
    let first = commit(&house.org, keyed(&house, "k", "one")).await.unwrap();
    assert_eq!(first.repeated, None);
    let again = commit(&house.org, keyed(&house, "k", "one")).await.unwrap();
    assert_eq!(again.repeated, Some(ids(&first)));
    assert!(again.events.is_empty() && again.stamp == first.stamp);
    let other = commit(&house.org, keyed(&house, "k", "two")).await;
    assert_eq!(other.unwrap_err(), ChangeError::KeyReused);
    let foreign = OrgId::new("other-org").unwrap();
    let elsewhere = commit(&foreign, keyed(&house, "k", "two")).await.unwrap();
    assert_eq!(elsewhere.repeated, None, "keys belong to one organisation");
    let log = EventLog::new(house.house().store.clone());
    assert_eq!(log.page(&house.org, None, None, false, 100).await.unwrap().events.len(), 2);
    // The answer is remembered by the disk, not by the process.
    let house = house.crash(0);
    let again = house.machine.publisher.commit(house.org.clone(), keyed(&house, "k", "one")).await.unwrap();
    assert_eq!(again.repeated, Some(ids(&first)));
}

#[actix::test]
async fn of_many_requests_with_one_key_at_once_one_is_carried_out() {
    let house = TestHouse::start();
    let asked = (0..10).map(|_| house.machine.publisher.commit(house.org.clone(), keyed(&house, "k", "one")));
    let answers: Vec<_> = join_all(asked).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| answer.repeated.is_none()).count(), 1);
    assert!(answers.iter().all(|answer| ids(answer) == ids(&answers[0])));
}

#[actix::test]
async fn an_event_is_published_once() {
    let house = TestHouse::start();
    let mut change = Change::default();
    change.events.push(house.draft("order.paid", json!({})));
    let id = change.events[0].id;
    let commit = |org: &OrgId| house.machine.publisher.commit(org.clone(), change.clone());
    commit(&house.org).await.unwrap();
    assert_eq!(commit(&house.org).await.unwrap_err(), ChangeError::Published(id));
    assert!(commit(&OrgId::new("other-org").unwrap()).await.is_ok(), "ids are an organisation's own");
}

#[actix::test]
async fn what_is_too_large_is_refused_with_all_that_belongs_to_it() {
    let mut setup = Setup::default();
    setup.settings.value_limit = 2_000;
    assert!(setup.settings.value_limit < MAX_VALUE_BYTES);
    let house = setup.start();
    let mut change = Change::default();
    change.events.push(house.draft("order.paid", json!({})));
    change.events.push(house.draft("order.paid", json!({"text": "x".repeat(2_000)})));
    let refused = house.machine.publisher.commit(house.org.clone(), change.clone()).await.unwrap_err();
    assert!(matches!(refused, ChangeError::TooLarge { what: "an event", limit: 2_000, .. }), "{refused}");
    change.events.truncate(1);
    assert!(
        house.machine.publisher.commit(house.org.clone(), change).await.is_ok(),
        "it was not written before"
    );
}

#[actix::test]
async fn a_store_that_is_full_or_fails_is_the_callers_to_see_and_nothing_is_told() {
    let setup = Setup { store: MemoryStore::with_capacity(3), ..Setup::default() };
    let house = setup.start();
    quiet().await;
    let mut feed = FeedProbe::new(&house.house().feed);
    house.store().hold();
    let asked: Vec<_> = (0..5).map(|n| house.try_publish("order.paid", json!({"n": n}))).collect();
    let asked = join_all(asked);
    let (answers, ()) = futures_util::future::join(asked, async {
        quiet().await;
        house.store().release();
    })
    .await;
    let refused = answers.iter().filter(|answer| matches!(answer, Err(ChangeError::Store(StoreError::Full))));
    assert_eq!(refused.count(), 2);
    assert_eq!(feed.events().await.len(), 3);
    let away = StoreError::Unavailable("the disk is away".into());
    house.store().fail_next(1, &away);
    let answer = house.try_publish("order.paid", json!({})).await;
    assert_eq!(answer.unwrap_err(), ChangeError::Store(away));
    assert_eq!(feed.events().await.len(), 0);
    assert!(house.try_publish("order.paid", json!({})).await.is_ok());
}

#[actix::test]
async fn events_are_shown_and_logged_in_the_order_of_their_commits() {
    let house = TestHouse::start();
    quiet().await;
    let mut feed = FeedProbe::new(&house.house().feed);
    for _ in 0..3 {
        join_all((0..15).map(|n| house.try_publish("order.paid", json!({"n": n})))).await;
    }
    let log = EventLog::new(house.house().store.clone());
    let logged = log.page(&house.org, None, None, false, 100).await.unwrap().events;
    let logged: Vec<_> = logged.iter().map(|event| event.id).collect();
    let shown: Vec<_> = feed.events().await.iter().map(|event| event.id).collect();
    assert_eq!(logged.len(), 45);
    assert!(shown == logged, "they were shown in another order than they were logged");
}
