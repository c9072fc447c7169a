//! Many schedules: all of them happen, none twice, and only those that are due are looked at.

use std::collections::BTreeSet;

use appengine_actors::schedule::model::Status;
use appengine_actors::testkit::TestHouse;
use appengine_actors::testkit::probe::{quiet, until};
use serde_json::json;

use super::kit::{HOUR, MINUTE, made, ticks};

#[actix::test]
async fn all_that_are_due_at_once_happen_once_each() {
    let house = TestHouse::start();
    for _ in 0..350 {
        made(&house, json!({"cron": "0 * * * *"})).await;
    }
    house.setup.clock.advance(HOUR);
    let all = until("all have happened", async || {
        let ticks = ticks(&house).await;
        (ticks.len() >= 350).then_some(ticks)
    });
    let all = all.await;
    let of: BTreeSet<String> = all.iter().map(|tick| tick["scheduleId"].to_string()).collect();
    quiet().await;
    assert_eq!((all.len(), of.len(), ticks(&house).await.len()), (350, 350, 350));
}

#[actix::test]
async fn thousands_that_are_not_due_are_not_looked_at() {
    let house = TestHouse::start();
    for n in 0..3_000_u32 {
        made(&house, json!({"at": format!("2027-01-{:02}T00:00:00Z", n % 28 + 1)})).await;
    }
    let soon = made(&house, json!({"every": "1m"})).await.id;
    let house = house.restart().await;
    for _ in 0..3 {
        house.advance(MINUTE).await;
    }
    assert_eq!(ticks(&house).await.len(), 3);
    house.machine.schedules.pause(&house.org, soon, "ada").await.unwrap();
    let slice = appengine_actors::list::Slice { skip: 0, limit: 1 };
    let listed = house.machine.schedules.list(&house.org, Some(Status::Active), slice).await.unwrap();
    assert_eq!((listed.total, listed.rows.len()), (3_000, 1));
}

#[actix::test]
async fn a_backlog_of_hundreds_is_made_up_for_one_commit_at_a_time() {
    let house = TestHouse::start();
    made(&house, json!({"every": "1m", "missed": "all", "missedLimit": 300})).await;
    let other = made(&house, json!({"every": "5h"})).await.id;
    house.setup.clock.advance(10 * HOUR);
    let all = until("all have happened", async || {
        let ticks = ticks(&house).await;
        (ticks.len() >= 303).then_some(ticks)
    });
    let all = all.await;
    quiet().await;
    let own = all.iter().filter(|tick| tick["scheduleId"] != json!(other));
    let missed: Vec<u64> = own.map(|tick| tick["missed"].as_u64().unwrap()).collect();
    // 599 were missed, and the last two are late by a minute and by nothing.
    assert_eq!((missed.len(), missed[0], missed[1..].iter().sum::<u64>()), (302, 298, 0));
    let place = all.iter().position(|tick| tick["scheduleId"] == json!(other)).unwrap();
    assert!(place < 10, "the other one did not wait for the backlog: {place}");
}

#[actix::test]
async fn one_that_is_due_waits_for_nobodys_backlog() {
    let house = TestHouse::start();
    for _ in 0..120 {
        made(&house, json!({"every": "1m", "missed": "all", "missedLimit": 10})).await;
    }
    // Due before the others make up for what they missed: the clock stands still here, and what is due at the very
    // same moment has no order.
    let other = made(&house, json!({"every": "599m"})).await.id;
    house.setup.clock.advance(10 * HOUR);
    let all = until("all have happened", async || {
        let ticks = ticks(&house).await;
        (ticks.len() > 1_200).then_some(ticks)
    });
    let all = all.await;
    let place = all.iter().position(|tick| tick["scheduleId"] == json!(other)).unwrap();
    assert!(place <= 220, "each of the others had one turn before it: {place}");
}

#[actix::test]
async fn on_a_copy_of_other_data_schedules_wait() {
    let mut setup = appengine_actors::testkit::Setup::default();
    setup.settings.schedules = false;
    let house = setup.start();
    made(&house, json!({"every": "1m"})).await;
    house.advance(HOUR).await;
    assert_eq!(ticks(&house).await.len(), 0);
}
