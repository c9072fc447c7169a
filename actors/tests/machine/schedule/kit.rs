//! What these tests share: schedules of events, and the events that came of them.

use std::time::Duration;

use appengine_actors::clock::{Clock, Timestamp};
use appengine_actors::ids::ScheduleId;
use appengine_actors::log::EventLog;
use appengine_actors::schedule::model::Schedule;
use appengine_actors::testkit::TestHouse;
use serde_json::{Map, Value, json};

pub const MINUTE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(3_600);

pub fn fields(body: Value) -> Map<String, Value> {
    body.as_object().cloned().unwrap()
}

/// Stores a schedule that publishes `tick`, with these fields over the usual ones.
pub async fn made(house: &TestHouse, with: Value) -> Schedule {
    let mut body =
        fields(json!({"name": "n", "action": {"type": "event", "event": "tick", "data": {"own": 1}}}));
    body.extend(fields(with));
    house.machine.schedules.create(&house.org, &body, "ada").await.unwrap()
}

pub async fn get(house: &TestHouse, id: ScheduleId) -> Schedule {
    house.machine.schedules.get(&house.org, id).await.unwrap()
}

/// What every `tick` said, in their order.
pub async fn ticks(house: &TestHouse) -> Vec<Value> {
    let log = EventLog::new(house.house().store.clone());
    let kind = "tick";
    let kind = appengine_actors::event::EventKind::new(kind).unwrap();
    let page = log.page(&house.org, Some(&kind), None, false, 10_000).await.unwrap();
    page.events.into_iter().map(|event| event.data).collect()
}

/// The times that the ticks were for, and how many others each stands for.
pub async fn told(house: &TestHouse) -> Vec<(String, u64)> {
    let tick = |data: &Value| {
        let at = data["scheduledAt"].as_str().unwrap();
        (at["2026-01-".len()..at.len() - ":00.000Z".len()].to_owned(), data["missed"].as_u64().unwrap())
    };
    ticks(house).await.iter().map(tick).collect()
}

pub fn one(at: &str, missed: u64) -> (String, u64) {
    (at.to_owned(), missed)
}

/// Puts the clock on the wall forward or back, as an operator or NTP does, and lets what waits look at it.
pub async fn put_clock(house: &TestHouse, to: &str) {
    let to: Timestamp = to.parse().unwrap();
    house.setup.clock.set_now(to.minus(Duration::from_secs(1)));
    house.advance(Duration::from_secs(1)).await;
    assert_eq!(house.setup.clock.now(), to);
}
