//! Bodies: what is no JSON, what is another JSON than was asked for, and what says that it is something else.

use appengine::http::route::Route;
use appengine::http::routes;
use serde_json::{Value, json};

use crate::support::exchange::{Answer, Request};
use crate::support::in_process::{Server, owner};
use crate::{ORG, filled, ready, request, takes_json};

const JSON: &str = "application/json";

/// Calls every route that takes a body, hands each answer to `check`, and makes sure that nothing was stored.
fn everywhere(bodies: &[(&str, Vec<u8>, &str)], check: impl Fn(&Route, &Answer, &str)) {
    let server = ready();
    let before = server.dump();
    for route in routes().iter().filter(|route| takes_json(route)) {
        for (what, body, media) in bodies {
            let target = filled(route.path, "some-id");
            let answer =
                request(&server, route, &target).header("content-type", media).body(body.clone()).send();
            let what = format!("{what}: {} {target}", route.method);
            check(route, &answer, &what);
        }
    }
    assert!(server.dump() == before, "something that was refused is in the store");
    server.assert_well();
}

#[test]
fn what_is_no_json_is_refused_by_every_route() {
    let deep = |open: &str, close: &str| [open.repeat(10_000), close.repeat(10_000)].concat().into_bytes();
    let text = |text: &str| text.as_bytes().to_vec();
    let bodies = [
        ("cut short", text("{\"event\": \"a.b\"")),
        ("no value", text("{\"event\": }")),
        ("a comma too many", text("{\"event\": \"a.b\",}")),
        ("single quotes", text("{'event': 'a.b'}")),
        ("a comment", text("{} // done")),
        ("two values", text("{} {}")),
        ("words", text("event=a.b")),
        ("NaN", text("{\"event\": NaN}")),
        ("infinity", text("{\"event\": -Infinity}")),
        ("a number beyond all bounds", text("{\"event\": 1e999}")),
        ("5,000 digits", format!("{{\"event\": {}}}", "9".repeat(5_000)).into_bytes()),
        ("half a surrogate", text("{\"event\": \"\\ud800\"}")),
        ("a raw control character", text("{\"event\": \"a\nb\"}")),
        ("a byte order mark", text("\u{feff}{}")),
        ("invalid UTF-8", b"{\"event\": \"\xff\xfe\"}".to_vec()),
        ("an overlong slash", b"{\"event\": \"\xc0\xaf\"}".to_vec()),
        ("UTF-16", "{}".encode_utf16().flat_map(u16::to_be_bytes).collect()),
        ("lists 10,000 deep", deep("[", "]")),
        ("objects 10,000 deep", deep("{\"a\":", "}")),
        ("10,000 lists never closed", "[".repeat(10_000).into_bytes()),
    ];
    let bodies = bodies.map(|(what, body)| (what, body, JSON));
    everywhere(&bodies, |_, answer, what| {
        let problem = answer.problem();
        let code = problem["code"].as_str().unwrap_or_default();
        // What comes before the place that is no JSON may be wrong as well, and is told then.
        let told = if what.contains("10,000") { &["too_deep"][..] } else { &["malformed_json", "invalid"] };
        assert!(answer.status == 400 && told.contains(&code), "{what}: {answer:?}");
    });
}

#[test]
fn other_values_than_an_object_are_refused_by_every_route() {
    let bodies = ["null", "true", "7", "\"text\"", "[[]]", "[7]", "[\"a.b\", {}, null, null]"];
    let bodies = bodies.map(|body| (body, body.as_bytes().to_vec(), JSON));
    everywhere(&bodies, |route, answer, what| {
        // The one that takes a list of ids looks for these, finds none, and says so one by one.
        if route.path != "/repository/delete/{datatype}" {
            assert_eq!(answer.status, 400, "{what}: {answer:?}");
            answer.problem();
        } else if answer.status != 200 {
            answer.problem();
        }
    });
}

#[test]
fn no_body_is_refused_where_one_is_needed() {
    let server = ready();
    for route in routes().iter().filter(|route| takes_json(route) && !route.doc.body_optional) {
        let answer = request(&server, route, &filled(route.path, "some-id")).send();
        assert_eq!(answer.status, 400, "{} {}: {answer:?}", route.method, route.path);
        answer.assert_problem(400, "missing_body");
    }
}

#[test]
fn other_media_are_refused_by_every_route() {
    let media = [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/jsonp",
        "json",
        "*/*",
        "nonsense",
    ];
    let bodies = media.map(|media| ("other media", b"{}".to_vec(), media));
    everywhere(&bodies, |_, answer, what| {
        assert_eq!(answer.status, 415, "{what}: {answer:?}");
        answer.assert_problem(415, "unsupported_media_type");
    });
}

#[test]
fn json_may_be_called_by_its_other_names() {
    let server = ready();
    let token = server.token(&owner(ORG));
    for media in ["application/json; charset=utf-8", "Application/JSON", "application/vnd.acme+json"] {
        let event = server.call_as(&token, "POST", "/events").header("content-type", media);
        event.body("{\"event\": \"a.b\"}").send().expect(202);
    }
    server.call_as(&token, "POST", "/events").body("{\"event\": \"a.b\"}").send().expect(202);
}

#[test]
fn compressed_bodies_are_refused_by_name() {
    let server = ready();
    for encoding in ["gzip", "br", "deflate", "zstd", "identity, gzip"] {
        let event = server
            .call_as(&server.token(&owner(ORG)), "POST", "/events")
            .header("content-encoding", encoding);
        event.json(&json!({"event": "a.b"})).send().assert_problem(415, "unsupported_content_encoding");
    }
}

fn event(server: &Server, body: &Value) -> Request {
    server.call_as(&server.token(&owner(ORG)), "POST", "/events").json(body)
}

#[test]
fn what_is_wrong_with_an_event_is_told_with_its_place() {
    let server = ready();
    let long = "k".repeat(257);
    let before = server.dump();
    // The body, the place that is named, and a word of what is said.
    let table = [
        (json!({}), "body", "missing field `event`"),
        (json!({"event": 7}), "event", "invalid type: integer"),
        (json!({"event": null}), "event", "invalid type: null"),
        (json!({"event": ""}), "event", "1 to 128 characters"),
        (json!({"event": "a b"}), "event", "joined by dots"),
        (json!({"event": "a..b"}), "event", "joined by dots"),
        (json!({"event": "../x"}), "event", "joined by dots"),
        (json!({"event": "a".repeat(129)}), "event", "1 to 128 characters"),
        (json!({"event": "a.b", "orgId": "other"}), "orgId", "unknown field"),
        (json!({"event": "a.b", "occurredAt": "yesterday"}), "occurredAt", ""),
        (json!({"event": "a.b", "occurredAt": 7}), "occurredAt", ""),
        (json!({"event": "a.b", "occurredAt": "2026-13-45T99:99:99Z"}), "occurredAt", ""),
        (json!({"event": "a.b", "occurredAt": "1969-12-31T23:59:59Z"}), "occurredAt", ""),
        (json!({"event": "a.b", "idempotencyKey": ""}), "idempotencyKey", "1 to 256"),
        (json!({"event": "a.b", "idempotencyKey": long}), "idempotencyKey", "1 to 256"),
        (json!({"event": "a.b", "idempotencyKey": 7}), "idempotencyKey", "invalid type: integer"),
        (json!({"event": "a.b", "idempotencyKey": ["k"]}), "idempotencyKey", "invalid type: sequence"),
    ];
    for (body, place, word) in table {
        let answer = event(&server, &body).send();
        answer.assert_problem(400, "invalid");
        let problem = &answer.problem()["problems"][0];
        let message = problem["message"].as_str().unwrap_or_default();
        assert!(problem["path"] == place && message.contains(word), "{body}: {answer:?}");
    }
    let batches = [
        (json!({"events": []}), "events"),
        (json!({"events": vec![json!({"event": "a.b"}); 501]}), "events"),
        (json!({"events": [{"event": "a.b"}, {"event": 7}]}), "events[1].event"),
        (json!({"events": [["a.b", null, null]]}), "events[0]"),
        (json!({"events": {"0": {"event": "a.b"}}}), "events"),
    ];
    for (body, place) in batches {
        let answer = server.call_as(&server.token(&owner(ORG)), "POST", "/events/batch").json(&body).send();
        answer.assert_problem(400, "invalid");
        assert_eq!(answer.problem()["problems"][0]["path"], place, "{answer:?}");
    }
    assert!(server.dump() == before, "an event that was refused is in the store");
}

#[test]
fn an_event_that_is_too_large_is_refused_whole() {
    let server = ready();
    let before = server.dump();
    let data = "x".repeat(200 * 1024);
    event(&server, &json!({"event": "a.b", "data": data})).send().assert_problem(413, "value_too_large");
    let batch = json!({"events": [{"event": "a.b"}, {"event": "a.b", "data": data}]});
    let batch = server.call_as(&server.token(&owner(ORG)), "POST", "/events/batch").json(&batch);
    batch.send().assert_problem(413, "value_too_large");
    assert!(server.dump() == before, "half of a batch is in the store");
}

#[test]
fn an_idempotency_key_stands_for_one_request() {
    let server = ready();
    let keys = ["k", "\u{0}", "../..", "ключ", "a\nb", "🔑", &"k".repeat(256), &"🔑".repeat(256)];
    for key in keys {
        let body = json!({"event": "a.b", "data": {"n": 1}, "idempotencyKey": key});
        let first = event(&server, &body).send();
        let id = first.expect(202)["id"].clone();
        assert_eq!(first.header("idempotent-replayed"), None);
        let again = event(&server, &body).send();
        assert_eq!(again.expect(202)["id"], id, "{key:?}");
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        let other = json!({"event": "a.b", "data": {"n": 2}, "idempotencyKey": key});
        event(&server, &other).send().assert_problem(409, "idempotency_key_reused");
    }
}
