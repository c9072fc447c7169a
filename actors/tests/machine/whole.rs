//! The machine as one thing: its health, its end, two of them on one store, and the walls between
//! organisations.

use std::time::Duration;

use appengine_actors::flow::run::RunStatus;
use appengine_actors::ids::OrgId;
use appengine_actors::queue::job::{JobState, names};
use appengine_actors::store::StoreError;
use appengine_actors::supervision::{ActorPath, Collapse, Ref, Supervisor};
use appengine_actors::testkit::probe::quiet;
use appengine_actors::testkit::{ADA, Setup, TestHouse};
use serde_json::json;

const SECOND: Duration = Duration::from_secs(1);

fn task() -> serde_json::Value {
    json!([{"type": "create_data", "config": {"datatype": "task", "data": {}}}])
}

fn root(house: &TestHouse) -> Ref<Supervisor> {
    Ref::new(house.house().registry.clone(), ActorPath::root("machine"), SECOND)
}

#[actix::test]
async fn a_machine_whose_root_dies_too_often_ends_with_the_reason_and_the_next_one_goes_on() {
    let house = TestHouse::start();
    house.found_org().await;
    let flow = house.short_flow("order.paid", task()).await;
    quiet().await;
    root(&house).tell(Collapse).unwrap();
    house.advance(SECOND).await;
    house.machine.health().await.unwrap();
    house.publish("order.paid", json!({})).await;
    assert!(!house.ended.is_finished());
    root(&house).tell(Collapse).unwrap();
    quiet().await;
    assert!(house.ended.is_finished());
    let wrong = house.machine.health().await.unwrap_err();
    assert!(wrong.contains(&"machine is not running".to_owned()), "{wrong:?}");
    assert!(wrong.contains(&"machine/events/bus is not running".to_owned()), "{wrong:?}");
    let TestHouse { machine, ended, setup, .. } = house;
    assert_eq!(ended.await.unwrap(), Err("machine panicked".to_owned()));
    drop(machine);
    let house = setup.start();
    house.publish("order.paid", json!({})).await;
    quiet().await;
    let runs = house.runs(&flow).await;
    assert_eq!(runs.len(), 2);
    assert!(runs.iter().all(|run| run.status == RunStatus::Completed));
}

#[actix::test]
async fn health_says_what_is_wrong_with_the_store() {
    let house = TestHouse::start();
    quiet().await;
    assert_eq!(house.machine.health().await, Ok(()));
    house.store().fail_next(1, &StoreError::Unavailable("the disk is away".into()));
    let wrong = house.machine.health().await.unwrap_err();
    assert_eq!(wrong, ["the store does not commit: reach the store: the disk is away"]);
    house.store().hold();
    let (wrong, ()) = futures_util::future::join(house.machine.health(), async {
        quiet().await;
        house.setup.clock.advance(house.setup.settings.patience);
    })
    .await;
    assert_eq!(wrong.unwrap_err(), ["the store does not commit in time"]);
    house.store().release();
    assert_eq!(house.machine.health().await, Ok(()));
}

#[actix::test]
async fn of_two_machines_on_one_store_the_second_acts_when_the_first_has_stopped() {
    let first = TestHouse::start();
    first.found_org().await;
    let flow = first.short_flow("order.paid", task()).await;
    let second = Setup {
        store: first.store().clone(),
        clock: first.setup.clock.clone(),
        transport: first.setup.transport.clone(),
        stamper: first.setup.stamper.clone(),
        ..Setup::default()
    };
    let second = second.start();
    let published = tokio::spawn({
        let (publisher, org) = (second.machine.publisher.clone(), second.org.clone());
        let mut change = appengine_actors::bus::change::Change::default();
        change.events.push(second.draft("order.paid", json!({})));
        async move { publisher.commit(org, change).await }
    });
    first.publish("order.paid", json!({})).await;
    first.advance(SECOND).await;
    assert_eq!(first.runs(&flow).await.len(), 1);
    assert!(!published.is_finished(), "the second one acts beside the first");
    drop(first);
    quiet().await;
    published.await.unwrap().unwrap();
    quiet().await;
    assert_eq!(second.runs(&flow).await.len(), 2);
    assert_eq!(second.records("task").await.len(), 2, "each event was followed up once");
}

#[actix::test]
async fn a_machine_that_drains_lets_jobs_end_and_begins_none() {
    let house = TestHouse::start();
    let flow = house.short_flow("order.paid", task()).await;
    house.publish("order.paid", json!({})).await;
    house.store().hold();
    quiet().await;
    house.store().release_next(1);
    quiet().await;
    let queues = house.machine.drain();
    let (drained, ()) = futures_util::future::join(queues, async {
        quiet().await;
        house.store().release();
    })
    .await;
    assert_eq!(drained, ());
    assert_eq!(house.runs(&flow).await[0].status, RunStatus::Completed);
    assert_eq!(house.jobs(names::AUTOMATION, JobState::Completed).await.len(), 1);
    house.publish("order.paid", json!({})).await;
    house.advance(SECOND).await;
    assert_eq!(house.jobs(names::AUTOMATION, JobState::Waiting).await.len(), 1, "what came later is kept");
    let house = house.restart().await;
    quiet().await;
    assert_eq!(house.jobs(names::AUTOMATION, JobState::Completed).await.len(), 2);
}

#[actix::test]
async fn nothing_of_one_organisation_can_be_read_or_changed_in_the_name_of_another() {
    let house = TestHouse::start();
    let flow = house.short_flow("contact.created", task()).await;
    let contact = house.create("customer", json!({"email": "ada@example.com"})).await;
    let (run, _) = house.ended_run(&flow).await;
    // Names that a careless key would mix up with `my-org`.
    for name in ["other", "my-orga", "my-or", "my-org.", "my-org-", "MY-ORG"] {
        let foreign = OrgId::new(name).unwrap();
        let records = &house.machine.records;
        let at = (&contact.datatype, &contact.sk);
        assert_eq!(records.read(&foreign, at.0, at.1).await.unwrap(), None, "{name}");
        assert_eq!(records.by_email(&foreign, at.0, "ada@example.com").await.unwrap(), None, "{name}");
        let origin = appengine_actors::record::service::Origin::default();
        assert!(records.update(&foreign, at, None, &origin, |_| Ok(())).await.is_err(), "{name}");
        assert!(records.delete(&foreign, at, true, &origin).await.is_err(), "{name}");
        let flows = &house.machine.flows;
        assert!(flows.read(&foreign, &flow).await.is_err(), "{name}");
        assert!(flows.run(&foreign, run.id).await.is_err(), "{name}");
        let archived = appengine_actors::flow::definition::FlowStatus::Archived;
        assert!(flows.set_status(&foreign, &flow, archived, ADA).await.is_err(), "{name}");
        let body = json!({"name": "f", "trigger": {"type": "a.b"}, "actions": task()});
        assert!(flows.replace(&foreign, &flow, &body, ADA).await.is_err(), "{name}");
    }
    assert_eq!(house.record("customer", &contact.sk).await, Some(*Box::new(contact)));
    assert_eq!(house.machine.flows.read(&house.org, &flow).await.unwrap().0.record.version, 0);
}
