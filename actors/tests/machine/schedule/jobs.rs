//! Schedules that add work to a queue.

use appengine_actors::queue::job::{JobState, Outcome};
use appengine_actors::queue::parts::Part;
use appengine_actors::queue::task::Task;
use appengine_actors::schedule::book::ScheduleError;
use appengine_actors::testkit::probe::quiet;
use appengine_actors::testkit::{Setup, TestHouse};
use serde_json::{Value, json};

use super::kit::{HOUR, MINUTE, fields, get, made};
use crate::queue::shop::{QUEUE, Shop};

fn report() -> Value {
    json!({
        "type": "job", "queue": QUEUE, "name": "report.make", "payload": {"of": "orders"},
        "priority": -5, "key": "reports", "maxAttempts": 2,
    })
}

#[actix::test]
async fn work_is_added_at_each_time_and_knows_which() {
    let house = TestHouse::start();
    let id = made(&house, json!({"cron": "0 * * * *", "action": report()})).await.id;
    house.advance(HOUR).await;
    house.advance(HOUR).await;
    let shop = Shop(house);
    let jobs = shop.claim(9).await;
    let first = jobs.first().unwrap();
    assert_eq!((first.task.clone(), jobs.len()), (Task::Work { kind: "report.make".into() }, 2));
    assert_eq!((first.priority, first.key.as_deref(), first.max_attempts), (-5, Some("reports"), 2));
    let given = shop.part(first.id, Part::Payload).await.unwrap();
    let expected = json!({
        "of": "orders", "scheduleId": id, "scheduledAt": "2026-01-01T01:00:00.000Z", "lateMs": 0, "missed": 0,
    });
    assert_eq!(given, expected);
    assert_eq!(shop.settle(first, Outcome::Done).await.unwrap().state, JobState::Completed);
    assert_eq!(get(&shop.0, id).await.runs, 2);
}

#[actix::test]
async fn a_crash_adds_the_work_of_each_time_once() {
    for (at, kept) in (0..4).flat_map(|at| [(at, 0), (at, 1)]) {
        let house = TestHouse::start();
        made(&house, json!({"cron": "0 * * * *", "missed": "all", "action": report()})).await;
        house.store().hold();
        house.setup.clock.advance(2 * HOUR);
        for _ in 0..at {
            quiet().await;
            house.store().release_next(1);
        }
        quiet().await;
        let shop = Shop(house.crash(kept));
        quiet().await;
        shop.0.advance(MINUTE).await;
        assert_eq!(shop.claim(9).await.len(), 2, "at {at}, kept {kept}");
    }
}

#[actix::test]
async fn a_queue_that_is_not_there_is_refused_and_one_that_went_is_told_of() {
    let house = TestHouse::start();
    let mut body = fields(json!({"name": "n", "every": "1h", "action": report()}));
    body["action"]["queue"] = json!("nowhere");
    let refused = house.machine.schedules.create(&house.org, &body, "ada").await;
    let Err(ScheduleError::Invalid(problems)) = refused else { panic!("{refused:?}") };
    assert_eq!(problems[0].to_string(), "action.queue: is nowhere, and there is no such queue");
    let id = made(&house, json!({"every": "1h", "action": report()})).await.id;
    let mut settings = house.setup.settings.clone();
    settings.queues.retain(|name, _| name.as_str() != QUEUE);
    let house = Setup { settings, ..house.crash(0).setup }.start();
    house.advance(HOUR).await;
    let schedule = get(&house, id).await;
    assert_eq!((schedule.last_error, schedule.runs), (Some(format!("there is no queue {QUEUE}")), 0));
}
