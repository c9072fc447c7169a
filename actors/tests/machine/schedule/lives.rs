//! What a schedule does at its times, when they are missed, and when somebody changes it. It is midnight of the
//! 1st of January 2026 as each test begins.

use std::time::Duration;

use appengine_actors::schedule::book::ScheduleError;
use appengine_actors::schedule::model::Status;
use appengine_actors::testkit::TestHouse;
use appengine_actors::testkit::probe::quiet;
use serde_json::json;

use super::kit::{HOUR, MINUTE, fields, get, made, one, put_clock, ticks, told};

#[actix::test]
async fn an_event_comes_at_each_time_and_tells_which() {
    let house = TestHouse::start();
    let id = made(&house, json!({"cron": "*/15 * * * *"})).await.id;
    for _ in 0..3 {
        house.advance(15 * MINUTE).await;
    }
    assert_eq!(told(&house).await, [one("01T00:15", 0), one("01T00:30", 0), one("01T00:45", 0)]);
    let tick = ticks(&house).await.remove(0);
    assert_eq!(
        tick,
        json!({"own": 1, "scheduleId": id, "scheduledAt": "2026-01-01T00:15:00.000Z", "lateMs": 0, "missed": 0})
    );
    let schedule = get(&house, id).await;
    assert_eq!((schedule.runs, schedule.status, schedule.left_out), (3, Status::Active, 0));
    assert_eq!(schedule.next_run(), "2026-01-01T01:00:00Z".parse().ok());
    let seconds = house.setup.clock.next_due().unwrap();
    assert!(seconds <= Duration::from_secs(1), "it looks at the clock while it waits");
}

#[actix::test]
async fn an_interval_counts_from_its_anchor_and_once_is_once() {
    let house = TestHouse::start();
    made(&house, json!({"every": "40m"})).await;
    let once = made(&house, json!({"at": "2026-01-01T01:00:00Z"})).await.id;
    house.advance(40 * MINUTE).await;
    house.advance(20 * MINUTE).await;
    house.advance(20 * MINUTE).await;
    assert_eq!(told(&house).await, [one("01T00:40", 0), one("01T01:00", 0), one("01T01:20", 0)]);
    let once = get(&house, once).await;
    assert_eq!((once.status, once.runs, once.next_run()), (Status::Done, 1, None));
}

/// Stops the process from 00:30 to 03:30 while an hourly schedule waits, and gives the ticks up to 04:30.
async fn down(with: serde_json::Value) -> Vec<(String, u64)> {
    let house = TestHouse::start();
    let mut body = fields(with);
    body.insert("cron".to_owned(), json!("0 * * * *"));
    made(&house, body.into()).await;
    house.advance(30 * MINUTE).await;
    let house = house.crash(0);
    // Nobody runs: the new machine gets its turn only when the clock has been turned.
    house.setup.clock.advance(3 * HOUR);
    quiet().await;
    house.advance(30 * MINUTE).await;
    told(&house).await
}

#[actix::test]
async fn what_was_missed_while_the_process_was_down_is_left_to_the_choice() {
    assert_eq!(down(json!({"missed": "skip"})).await, [one("01T04:00", 3)]);
    assert_eq!(down(json!({})).await, [one("01T03:00", 2), one("01T04:00", 0)]);
    let all = [one("01T01:00", 0), one("01T02:00", 0), one("01T03:00", 0), one("01T04:00", 0)];
    assert_eq!(down(json!({"missed": "all"})).await, all);
    let two = [one("01T02:00", 1), one("01T03:00", 0), one("01T04:00", 0)];
    assert_eq!(down(json!({"missed": "all", "missedLimit": 2})).await, two);
}

#[actix::test]
async fn the_clock_going_forward_misses_and_going_back_repeats_nothing() {
    for (missed, expected) in [
        ("skip", vec![one("01T00:00", 0), one("01T02:00", 1)]),
        ("once", vec![one("01T00:00", 0), one("01T01:00", 0), one("01T02:00", 0)]),
        ("all", vec![one("01T00:00", 0), one("01T01:00", 0), one("01T02:00", 0)]),
    ] {
        let house = TestHouse::start();
        put_clock(&house, "2025-12-31T23:30:00Z").await;
        made(&house, json!({"cron": "0 * * * *", "missed": missed})).await;
        house.advance(40 * MINUTE).await;
        let before = told(&house).await;
        assert_eq!(
            before,
            [one("01T00:00", 0)][..usize::from(missed != "skip")],
            "ten minutes late are missed"
        );
        // An hour forward: what lies in it was missed.
        put_clock(&house, "2026-01-01T01:10:00Z").await;
        let forward = told(&house).await;
        // And back: what was, was.
        put_clock(&house, "2026-01-01T00:10:00Z").await;
        house.advance(49 * MINUTE).await;
        house.advance(2 * MINUTE).await;
        house.advance(58 * MINUTE).await;
        assert_eq!(told(&house).await, forward, "nothing is repeated before 02:00");
        house.advance(MINUTE).await;
        let all = told(&house).await;
        assert_eq!(all.len(), forward.len() + 1);
        if missed == "skip" {
            assert_eq!(all, [one("01T02:00", 2)]);
        } else {
            assert_eq!(all, expected);
        }
    }
}

#[actix::test]
async fn one_that_rests_misses_its_times_and_goes_on() {
    for (missed, expected) in [
        ("skip", vec![one("01T04:00", 3)]),
        ("once", vec![one("01T03:00", 2), one("01T04:00", 0)]),
        ("all", vec![one("01T01:00", 0), one("01T02:00", 0), one("01T03:00", 0), one("01T04:00", 0)]),
    ] {
        let house = TestHouse::start();
        let schedules = &house.machine.schedules;
        let id = made(&house, json!({"cron": "0 * * * *", "missed": missed})).await.id;
        let paused = schedules.pause(&house.org, id, "ada").await.unwrap();
        assert_eq!((paused.status, paused.next_run()), (Status::Paused, None));
        schedules.pause(&house.org, id, "ada").await.unwrap();
        for _ in 0..7 {
            house.advance(30 * MINUTE).await;
        }
        assert_eq!(told(&house).await, []);
        let house = house.restart().await;
        house.advance(MINUTE).await;
        assert_eq!(told(&house).await, [], "it rests beyond a restart");
        house.machine.schedules.resume(&house.org, id, "ada").await.unwrap();
        house.advance(29 * MINUTE).await;
        assert_eq!(told(&house).await, expected, "{missed}");
    }
}

#[actix::test]
async fn run_now_is_beside_the_plan() {
    let house = TestHouse::start();
    let id = made(&house, json!({"cron": "0 * * * *"})).await.id;
    house.advance(10 * MINUTE).await;
    let ran = house.machine.schedules.run(&house.org, id, "ada").await.unwrap();
    assert_eq!((ran.runs, ran.next_run()), (1, "2026-01-01T01:00:00Z".parse().ok()));
    let tick = ticks(&house).await.remove(0);
    assert_eq!((&tick["manual"], &tick["scheduledAt"]), (&json!(true), &json!("2026-01-01T00:10:00.000Z")));
    house.advance(50 * MINUTE).await;
    assert_eq!(told(&house).await, [one("01T00:10", 0), one("01T01:00", 0)]);
}

#[actix::test]
async fn a_change_of_time_counts_from_now_and_another_one_does_not() {
    let house = TestHouse::start();
    let schedules = house.machine.schedules.clone();
    let id = made(&house, json!({"every": "1h"})).await.id;
    house.advance(50 * MINUTE).await;
    let patch = |body| {
        let (schedules, org) = (schedules.clone(), house.org.clone());
        async move { schedules.patch(&org, id, &fields(body), "ada").await }
    };
    let renamed = patch(json!({"name": "m", "missed": "all"})).await.unwrap();
    assert_eq!((renamed.name.as_str(), renamed.next_run()), ("m", "2026-01-01T01:00:00Z".parse().ok()));
    let sooner = patch(json!({"cron": "*/5 * * * *"})).await.unwrap();
    assert_eq!(sooner.next_run(), "2026-01-01T00:55:00Z".parse().ok());
    house.advance(5 * MINUTE).await;
    assert_eq!(told(&house).await, [one("01T00:55", 0)]);
    let once = patch(json!({"at": "2026-01-01T00:56:00Z"})).await.unwrap();
    assert_eq!(once.timing.cron(), None);
    house.advance(MINUTE).await;
    assert_eq!(get(&house, id).await.status, Status::Done);
    // What is over may be renamed, and begins again with another time.
    assert_eq!(patch(json!({"name": "k"})).await.unwrap().status, Status::Done);
    let done = schedules.resume(&house.org, id, "ada").await.unwrap_err();
    assert_eq!(done, ScheduleError::Done(id));
    assert_eq!(patch(json!({"every": "1m"})).await.unwrap().status, Status::Active);
    house.advance(MINUTE).await;
    assert_eq!(told(&house).await.len(), 3);
}

#[actix::test]
async fn one_that_is_deleted_while_it_is_due_does_nothing() {
    let house = TestHouse::start();
    let id = made(&house, json!({"every": "5s"})).await.id;
    quiet().await;
    // The deletion is on its way to the disk as the time comes.
    house.store().hold();
    let deleted = tokio::spawn({
        let (schedules, org) = (house.machine.schedules.clone(), house.org.clone());
        async move { schedules.delete(&org, id, "ada").await }
    });
    quiet().await;
    house.advance(Duration::from_secs(5)).await;
    house.store().release();
    quiet().await;
    deleted.await.unwrap().unwrap();
    assert_eq!(told(&house).await, []);
    let missing = house.machine.schedules.get(&house.org, id).await.unwrap_err();
    assert_eq!(missing, ScheduleError::Missing(id));
    house.advance(HOUR).await;
    assert_eq!(told(&house).await, []);
}

#[actix::test]
async fn what_cannot_be_done_is_kept_as_its_error_and_the_plan_goes_on() {
    let mut setup = appengine_actors::testkit::Setup::default();
    setup.settings.value_limit = 1_000;
    let house = setup.start();
    // The limit is lowered after it was stored.
    let text = "x".repeat(500);
    let data = json!({"type": "event", "event": "tick", "data": {"text": text}});
    let large = made(&house, json!({"cron": "0 * * * *", "action": data})).await.id;
    let house = appengine_actors::testkit::Setup {
        settings: {
            let mut settings = house.setup.settings.clone();
            settings.value_limit = 600;
            settings
        },
        ..house.crash(0).setup
    }
    .start();
    house.advance(HOUR).await;
    let schedule = get(&house, large).await;
    assert_eq!((schedule.runs, schedule.next_run()), (0, "2026-01-01T02:00:00Z".parse().ok()));
    assert!(schedule.last_error.unwrap().starts_with("failed to store an event of"));
    assert_eq!(told(&house).await, []);
}
