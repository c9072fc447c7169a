use proptest::prelude::*;
use serde_json::json;

use super::*;

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn spec(spec: serde_json::Value) -> Spec {
    serde_json::from_value(spec).unwrap()
}

fn problems(given: serde_json::Value) -> Vec<String> {
    Timing::read(&spec(given), now(), None).unwrap_err().iter().map(ToString::to_string).collect()
}

fn upcoming(given: serde_json::Value, count: usize) -> Vec<String> {
    let timing = Timing::read(&spec(given), now(), None).unwrap();
    timing.upcoming(now(), count).iter().map(|at| at.to_string().replace(".000Z", "Z")).collect()
}

#[test]
fn what_is_wrong_is_named_with_its_field() {
    for (given, expected) in [
        (json!({}), vec!["cron: is missing; expected one of `cron`, `every` and `at`"]),
        (json!({"cron": "* * * * *", "every": "5m"}), vec!["cron: stands beside another"]),
        (json!({"every": "5m", "at": "2027-01-01T00:00:00Z"}), vec!["every: stands beside another"]),
        (json!({"cron": "x", "timezone": "Mars"}), vec!["timezone: is `Mars`", "cron: has 1 fields"]),
        (json!({"every": "fast"}), vec!["every: is `fast`; expected a duration"]),
        (json!({"every": "10ms"}), vec!["every: is `10ms`; expected `1s` or more"]),
        (json!({"every": "0s"}), vec!["every: is `0s`"]),
        (json!({"every": "5m", "anchor": "noon"}), vec!["anchor: is `noon`; expected RFC 3339"]),
        (json!({"cron": "* * * * *", "anchor": "2026-01-01T00:00:00Z"}), vec!["anchor: belongs to `every`"]),
        (json!({"at": "tomorrow"}), vec!["at: is `tomorrow`"]),
        (
            json!({"at": "2026-01-01T00:00:00Z"}),
            vec!["at: is over; expected a moment after 2026-01-01T00:00:00.000Z"],
        ),
    ] {
        let found = problems(given.clone());
        assert_eq!(found.len(), expected.len(), "{given}: {found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{given}: {found}");
        }
    }
}

#[test]
fn each_sort_tells_what_comes() {
    assert_eq!(upcoming(json!({"at": "2026-04-25T12:00:00+02:00"}), 5), ["2026-04-25T10:00:00Z"]);
    assert_eq!(upcoming(json!({"every": "90m"}), 2), ["2026-01-01T01:30:00Z", "2026-01-01T03:00:00Z"]);
    let anchored = json!({"every": "1d", "anchor": "2020-06-01T09:30:00Z"});
    assert_eq!(upcoming(anchored, 2), ["2026-01-01T09:30:00Z", "2026-01-02T09:30:00Z"]);
    let later = json!({"every": "1h", "anchor": "2026-02-01T00:00:00Z"});
    assert_eq!(upcoming(later, 2), ["2026-02-01T00:00:00Z", "2026-02-01T01:00:00Z"]);
    let berlin = json!({"cron": "0 9 * * MON", "timezone": "Europe/Berlin"});
    assert_eq!(upcoming(berlin, 2), ["2026-01-05T08:00:00Z", "2026-01-12T08:00:00Z"]);
}

#[test]
fn the_store_gives_back_what_it_was_given() {
    for given in [
        json!({"cron": "0 9 * * MON", "timezone": "Europe/Berlin"}),
        json!({"every": "1500ms"}),
        json!({"at": "2026-04-25T10:00:00.5Z", "timezone": "Asia/Tokyo"}),
    ] {
        let timing = Timing::read(&spec(given), now(), None).unwrap();
        let stored = serde_json::to_string(&timing).unwrap();
        assert_eq!(serde_json::from_str::<Timing>(&stored).unwrap(), timing);
    }
    let over: Timing = serde_json::from_value(json!({"at": "1999-01-01T00:00:00Z"})).unwrap();
    assert_eq!(over.next_after(now()), None);
    assert!(serde_json::from_value::<Timing>(json!({"cron": "x"})).is_err());
}

proptest! {
    #[test]
    fn an_interval_is_counted_from_its_anchor(every in 1..5_000_u64, anchor in 0..10_000_u64, after in 0..20_000_u64) {
        let timing = Timing {
            kind: Kind::Every { every: Duration::from_millis(every), anchor: Timestamp::from_millis(anchor) },
            zone: Zone::utc(),
        };
        let next = timing.next_after(Timestamp::from_millis(after)).unwrap().as_millis();
        let walked = (0..).map(|n| anchor + n * every).find(|at| *at > after).unwrap();
        prop_assert_eq!(next, walked);
    }
}
