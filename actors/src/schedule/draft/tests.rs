use super::*;
use crate::ids::{OrgId, ScheduleId};

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn fields(body: Value) -> Map<String, Value> {
    body.as_object().cloned().unwrap()
}

fn body() -> Value {
    json!({
        "name": "n", "cron": "0 9 * * MON", "timezone": "Europe/Berlin",
        "action": {"type": "event", "event": "invoice.due", "data": {"a": 1}},
    })
}

fn problems(body: Value) -> Vec<String> {
    let found = Draft::read(&fields(body), now(), None).unwrap_err();
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_left_out_is_usual() {
    let draft = Draft::read(&fields(body()), now(), None).unwrap();
    assert_eq!((draft.missed, draft.missed_limit), (Missed::Once, 100));
    let flow = json!({"name": "n", "every": "5m", "action": {"type": "flow", "flowId": "f-1"}, "missed": "all", "missedLimit": 7});
    let draft = Draft::read(&fields(flow), now(), None).unwrap();
    assert_eq!((draft.missed, draft.missed_limit), (Missed::All, 7));
}

#[test]
fn everything_wrong_is_named_with_its_place() {
    for (change, expected) in [
        (json!({"name": null}), "name: is missing"),
        (json!({"name": "x".repeat(201)}), "name: has 201 characters"),
        (json!({"action": null}), "action: is missing"),
        (json!({"action": "now"}), "action: is a string; expected an object"),
        (json!({"action": {"type": "mail"}}), "action.type: is `mail`; expected `event`, `flow` or `job`"),
        (json!({"action": {}}), "action.type: is missing"),
        (json!({"action": {"type": "event"}}), "action.event: is missing"),
        (json!({"action": {"type": "event", "event": "a b"}}), "action.event: is no event"),
        (
            json!({"action": {"type": "event", "event": "collection-create"}}),
            "action.event: is `collection-create`, which the server alone",
        ),
        (json!({"action": {"type": "event", "event": "a", "data": [1]}}), "action.data: is an array"),
        (
            json!({"action": {"type": "event", "event": "a", "data": {"lateMs": 1}}}),
            "action.data.lateMs: is set by each occurrence",
        ),
        (json!({"action": {"type": "event", "event": "a", "flowId": "f"}}), "action.flowId: is unknown"),
        (json!({"action": {"type": "flow", "flowId": "a/b"}}), "action.flowId: is no flow"),
        (json!({"action": {"type": "job", "name": "n"}}), "action.queue: is missing"),
        (json!({"action": {"type": "job", "queue": "a b", "name": "n"}}), "action.queue: is none"),
        (
            json!({"action": {"type": "job", "queue": "q", "name": "a b"}}),
            "action.name: has 1 to 128 letters",
        ),
        (
            json!({"action": {"type": "job", "queue": "q", "name": "n", "priority": 2_147_483_648_u64}}),
            "action.priority: must be a whole number of 32 bits",
        ),
        (
            json!({"action": {"type": "job", "queue": "q", "name": "n", "maxAttempts": 0}}),
            "action.maxAttempts: is 0; expected a whole number from 1 to 100",
        ),
        (
            json!({"action": {"type": "job", "queue": "q", "name": "n", "payload": {"missed": 1}}}),
            "action.payload.missed: is set by each occurrence",
        ),
        (json!({"cron": 5}), "cron: is 5; expected a string"),
        (json!({"cron": "0 25 * * *"}), "cron: hour: `25`"),
        (json!({"every": "5m"}), "cron: stands beside another"),
        (json!({"timezone": "Mars"}), "timezone: is `Mars`"),
        (json!({"missed": "some"}), "missed: is `some`; expected one of `skip`, `once`, `all`"),
        (json!({"missedLimit": 1001}), "missedLimit: is 1001; expected a whole number from 1 to 1000"),
        (json!({"nextRun": "now"}), "nextRun: is unknown"),
    ] {
        let mut given = fields(body());
        given.extend(fields(change.clone()));
        let found = problems(Value::Object(given));
        assert!(found.len() == 1 && found[0].starts_with(expected), "{change}: {found:?}");
    }
    assert_eq!(problems(json!({})).len(), 3, "name, time and action");
}

#[test]
fn a_patch_changes_what_it_names_and_the_sort_of_timing_as_a_whole() {
    let read = |body: &Map<String, Value>, kept: Option<&Timing>| Draft::read(body, now(), kept).unwrap();
    let draft =
        read(&fields(json!({"name": "n", "every": "5m", "action": {"type": "event", "event": "a"}})), None);
    let id = ScheduleId::new(now());
    let org = OrgId::new("o").unwrap();
    let schedule = Schedule::new(id, org, draft.name.clone(), draft.timing.clone(), draft.action, now());
    let patch = |patch| Draft::patched(&schedule, &fields(patch));
    let later = "2026-05-05T05:05:05Z".parse().unwrap();
    let same = Draft::read(&patch(json!({"name": "m"})), later, Some(&schedule.timing)).unwrap();
    assert_eq!((same.name.as_str(), &same.timing), ("m", &schedule.timing));
    // Whoever says the same again does not begin anew.
    let again = fields(json!({"name": "n", "every": "300s", "action": {"type": "event", "event": "a"}}));
    assert_eq!(Draft::read(&again, later, Some(&schedule.timing)).unwrap().timing, schedule.timing);
    let other = read(&patch(json!({"cron": "@daily", "timezone": "Asia/Tokyo"})), Some(&schedule.timing));
    assert_eq!((other.timing.cron(), other.timing.zone().as_str()), (Some("@daily"), "Asia/Tokyo"));
    let data = read(&patch(json!({"action": {"data": {"x": 1}}})), Some(&schedule.timing));
    assert_eq!(json!(data.action), json!({"type": "event", "event": "a", "data": {"x": 1}}));
}
