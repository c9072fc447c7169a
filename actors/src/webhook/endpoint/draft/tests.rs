use serde_json::json;

use super::*;
use crate::clock::Timestamp;
use crate::ids::EndpointId;
use crate::testkit::clock::ManualClock;
use crate::testkit::transport::ScriptedTransport;

fn read(body: &Value) -> Result<Draft, Vec<String>> {
    let transport = ScriptedTransport::new(std::sync::Arc::new(ManualClock::default()));
    let read = Draft::read(body, None, &transport);
    read.map_err(|problems| problems.into_iter().map(|problem| problem.path).collect())
}

#[test]
fn a_url_is_enough() {
    let draft = read(&json!({"url": "https://r.example/x"})).unwrap();
    assert_eq!(draft.events, ["*"]);
    assert_eq!((draft.fifo, draft.rate_limit, draft.retry_schedule), (Fifo::None, None, None));
}

#[test]
fn everything_wrong_is_named_at_once() {
    let body = json!({
        "url": 7, "events": ["ok.*", "not ok", 3], "filter": {"$foo": 1}, "headers": {"host": "x", "x-a": 1},
        "rateLimit": 0, "concurrency": 0, "fifo": "some", "fifoKey": "sk", "retrySchedule": [1, -1, "x"],
        "status": "gone", "secret": "short", "unknown": 1,
    });
    let mut paths = read(&body).unwrap_err();
    paths.sort();
    paths.dedup();
    let expected = [
        "concurrency",
        "events[1]",
        "events[2]",
        "fifo",
        "fifoKey",
        "filter.$foo",
        "headers.host",
        "headers.x-a",
        "rateLimit",
        "retrySchedule[1]",
        "retrySchedule[2]",
        "secret",
        "status",
        "unknown",
        "url",
    ];
    assert_eq!(paths, expected);
    assert_eq!(read(&json!([])).unwrap_err(), ["body"]);
    assert_eq!(read(&json!({"url": "https://r.example", "events": []})).unwrap_err(), ["events"]);
    let key = json!({"url": "https://r.example", "fifoKey": "data.sk"});
    assert_eq!(read(&key).unwrap_err(), ["fifoKey"], "it says what an order by key is by");
}

#[test]
fn a_patch_keeps_what_it_does_not_name_and_dots_keep_a_header() {
    let now = Timestamp::from_millis(1);
    let before: Endpoint = serde_json::from_value(json!({
        "id": EndpointId::new(now), "orgId": "o", "url": "https://r.example", "events": ["a.*"], "fifo": "endpoint",
        "rateLimit": 2.5, "headerNames": ["x-a"], "status": "paused", "createdAt": now, "updatedAt": now,
    }))
    .unwrap();
    let transport = ScriptedTransport::new(std::sync::Arc::new(ManualClock::default()));
    let patch = json!({"rateLimit": null, "concurrency": 3});
    let draft = Draft::read(&patch, Some(&before), &transport).unwrap();
    assert_eq!((draft.fifo, draft.rate_limit, draft.concurrency), (Fifo::Endpoint, None, Some(3)));
    assert_eq!((draft.events, draft.status), (vec!["a.*".to_owned()], None));
    assert_eq!(draft.headers, [("x-a".to_owned(), None)]);
    let patch = json!({"headers": {"x-a": DOTS, "x-b": "new"}});
    let draft = Draft::read(&patch, Some(&before), &transport).unwrap();
    assert_eq!(draft.headers, [("x-a".to_owned(), None), ("x-b".to_owned(), Some("new".to_owned()))]);
}
