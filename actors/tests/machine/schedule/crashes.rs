//! An occurrence and the fact that it was are one commit: a process may die at any moment, an answer may be lost,
//! and each time happens once.

use appengine_actors::ids::OrgId;
use appengine_actors::schedule::model::Status;
use appengine_actors::store::{Store, StoreError};
use appengine_actors::supervision::{Ref, Supervisor};
use appengine_actors::testkit::TestHouse;
use appengine_actors::testkit::probe::quiet;
use serde_json::json;

use super::kit::{HOUR, MINUTE, get, made, one, told};

#[actix::test]
async fn a_crash_at_any_batch_leaves_each_time_once() {
    for at in 0..5 {
        for kept in [0, 1] {
            let house = TestHouse::start();
            let id = made(&house, json!({"cron": "*/10 * * * *", "missed": "all"})).await.id;
            house.advance(MINUTE).await;
            house.store().hold();
            // Three times come due; one batch after the other goes to the disk.
            house.setup.clock.advance(30 * MINUTE);
            for _ in 0..at {
                quiet().await;
                house.store().release_next(1);
            }
            quiet().await;
            let house = house.crash(kept);
            quiet().await;
            house.advance(MINUTE).await;
            let all = [one("01T00:10", 0), one("01T00:20", 0), one("01T00:30", 0)];
            assert_eq!(told(&house).await, all, "at {at}, kept {kept}");
            let schedule = get(&house, id).await;
            assert_eq!((schedule.runs, schedule.status), (3, Status::Active), "at {at}, kept {kept}");
        }
    }
}

#[actix::test]
async fn a_lost_answer_and_a_failing_disk_repeat_and_lose_nothing() {
    for lost in [false, true] {
        let house = TestHouse::start();
        let id = made(&house, json!({"cron": "0 * * * *"})).await.id;
        quiet().await;
        if lost {
            house.store().lose_next_answers(1);
        } else {
            house.store().fail_next(2, &StoreError::Unavailable("the disk is away".into()));
        }
        house.advance(HOUR).await;
        for _ in 0..4 {
            house.advance(std::time::Duration::from_millis(500)).await;
        }
        assert_eq!(told(&house).await, [one("01T01:00", 0)], "lost {lost}");
        assert_eq!(get(&house, id).await.runs, 1);
    }
}

#[actix::test]
async fn an_actor_that_dies_in_the_middle_is_followed_by_one_that_goes_on() {
    let house = TestHouse::start();
    made(&house, json!({"cron": "0 * * * *"})).await;
    quiet().await;
    house.store().hold();
    house.advance(HOUR).await;
    assert_eq!(house.store().stats().waiting, 1, "the occurrence is on its way");
    let group: Ref<Supervisor> = house.actor("automation");
    group.tell(appengine_actors::supervision::Collapse).unwrap();
    quiet().await;
    house.store().release();
    for _ in 0..5 {
        house.advance(std::time::Duration::from_secs(1)).await;
    }
    assert_eq!(told(&house).await, [one("01T01:00", 0)]);
    house.advance(HOUR).await;
    assert_eq!(told(&house).await.len(), 2);
}

#[actix::test]
async fn whoever_writes_while_it_is_due_writes_what_came_of_it() {
    let house = TestHouse::start();
    let trigger = json!({"type": "scheduled_time", "config": {"interval": 5, "unit": "seconds"}});
    let note = json!([{"type": "create_data", "config": {"datatype": "note", "data": {}}}]);
    let body = json!({"name": "f", "trigger": trigger, "actions": note});
    let flow = house.flow(body.clone()).await;
    let own = made(&house, json!({"every": "5s"})).await.id;
    quiet().await;
    house.store().hold();
    house.advance(std::time::Duration::from_secs(5)).await;
    assert_eq!(house.store().stats().waiting, 2, "both occurrences are on their way");
    let patched = actix::spawn({
        let (schedules, org) = (house.machine.schedules.clone(), house.org.clone());
        let patch = super::kit::fields(json!({"name": "m", "missed": "skip"}));
        async move { schedules.patch(&org, own, &patch, "ada").await }
    });
    let saved = actix::spawn({
        let (flows, org, flow) = (house.machine.flows.clone(), house.org.clone(), flow.clone());
        let mut body = body.clone();
        body["name"] = "g".into();
        async move { flows.replace(&org, &flow, &body, appengine_actors::testkit::ADA).await }
    });
    quiet().await;
    house.store().release();
    quiet().await;
    let patched = patched.await.unwrap().unwrap();
    assert_eq!((patched.name.as_str(), patched.runs), ("m", 1));
    saved.await.unwrap().unwrap();
    let slice = appengine_actors::list::Slice { skip: 0, limit: 10 };
    let all = house.machine.schedules.list(&house.org, None, slice).await.unwrap().rows;
    let of_flow = all.iter().find(|one| one.owner.is_some()).unwrap();
    assert_eq!((of_flow.name.as_str(), of_flow.runs), ("g: scheduled_time", 1));
    house.advance(std::time::Duration::from_secs(5)).await;
    assert_eq!((super::kit::ticks(&house).await.len(), house.runs(&flow).await.len()), (2, 2));
}

#[actix::test]
async fn another_organisation_knows_nothing_of_it() {
    let house = TestHouse::start();
    let id = made(&house, json!({"cron": "0 * * * *"})).await.id;
    let other = OrgId::new("other-org").unwrap();
    let schedules = &house.machine.schedules;
    assert!(schedules.get(&other, id).await.is_err());
    assert!(schedules.pause(&other, id, "eve").await.is_err());
    assert!(schedules.run(&other, id, "eve").await.is_err());
    assert!(schedules.delete(&other, id, "eve").await.is_err());
    let slice = appengine_actors::list::Slice { skip: 0, limit: 10 };
    assert_eq!(schedules.list(&other, None, slice).await.unwrap().total, 0);
    assert_eq!(schedules.list(&house.org, None, slice).await.unwrap().total, 1);
}
