//! An endpoint's life: registered, changed, stopped, removed; by those who may.

use serde_json::{Value, json};

use crate::house::{House, text};

#[test]
fn an_endpoint_is_registered_shown_changed_and_removed() {
    let house = House::open();
    let made = house.post(
        "/webhooks/endpoints",
        json!({
            "url": house.receiver.url("/x"), "events": ["contact.*"], "filter": {"data.vip": true},
            "headers": {"x-team": "sales"}, "rateLimit": 5, "concurrency": 2, "fifo": "key",
            "retrySchedule": [1, 2.5], "metadata": {"mine": 1},
        }),
        201,
    );
    let id = text(&made["id"]);
    assert!(id.starts_with("ep_") && text(&made["secret"]).starts_with("whsec_"), "{made}");
    let path = format!("/webhooks/endpoints/{id}");
    let shown = house.get(&path);
    assert_eq!(shown["secret"], Value::Null, "it is shown once");
    for (name, value) in [
        ("status", json!("enabled")),
        ("events", json!(["contact.*"])),
        ("filter", json!({"data.vip": true})),
        ("headers", json!({"x-team": "sales"})),
        ("rateLimit", json!(5.0)),
        ("concurrency", json!(2)),
        ("fifo", json!("key")),
        ("retrySchedule", json!([1.0, 2.5])),
        ("metadata", json!({"mine": 1})),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    let (status, patched) =
        house.call("PATCH", &path, &json!({"rateLimit": null, "description": "for sales"}));
    assert_eq!(
        (status, &patched["rateLimit"], &patched["fifo"]),
        (200, &Value::Null, &json!("key")),
        "{patched}"
    );
    let (status, put) = house.call("PUT", &path, &json!({"url": house.receiver.url("/y")}));
    assert_eq!(
        (status, &put["events"], &put["fifo"], &put["headers"]),
        (200, &json!(["*"]), &json!("none"), &json!({}))
    );
    assert_eq!(house.get("/webhooks/endpoints")["total"], 1);
    assert_eq!(house.call("DELETE", &path, &Value::Null).0, 200);
    assert_eq!(house.call("GET", &path, &Value::Null).0, 404);
    assert_eq!(house.get("/webhooks/endpoints")["total"], 0);
    let kinds = house.get("/events?limit=100")["data"].clone();
    let kinds = kinds.as_array().unwrap().iter().map(|event| text(&event["event"]));
    let told: Vec<String> = kinds.filter(|kind| kind.starts_with("webhook.")).collect();
    let expected =
        ["created", "updated", "updated", "deleted"].map(|verb| format!("webhook.endpoint.{verb}"));
    assert_eq!(told, expected);
}

#[test]
fn what_cannot_work_is_refused_with_every_problem_at_its_path() {
    let house = House::open();
    let body = json!({"url": "ftp://x", "events": ["a b"], "fifo": "yes", "colour": "red"});
    let (status, answer) = house.call("POST", "/webhooks/endpoints", &body);
    let mut paths: Vec<String> =
        answer["problems"].as_array().unwrap().iter().map(|problem| text(&problem["path"])).collect();
    paths.sort();
    assert_eq!((status, paths), (400, ["colour", "events[0]", "fifo", "url"].map(str::to_owned).to_vec()));
    let closed = json!({"url": "http://10.0.0.1/"});
    assert_eq!(house.call("POST", "/webhooks/endpoints", &closed).0, 400, "the same addresses as at sending");
    let (id, _) = house.register(json!({}));
    let path = format!("/webhooks/endpoints/{id}");
    assert_eq!(house.call("PATCH", &path, &closed).0, 400);
}

#[test]
fn those_who_run_the_organisation_decide_what_is_sent_where() {
    let house = House::open();
    let (id, _) = house.register(json!({"headers": {"x-key": "hush-hush"}}));
    let viewer = house.viewer();
    let path = format!("/webhooks/endpoints/{id}");
    let (status, shown) = house.call_as(&viewer, "GET", &path, &Value::Null);
    assert_eq!((status, &shown["headers"]["x-key"]), (200, &json!("••••••")));
    for (method, path) in [
        ("POST", "/webhooks/endpoints".to_owned()),
        ("PATCH", path.clone()),
        ("DELETE", path.clone()),
        ("POST", format!("{path}/test")),
        ("POST", format!("{path}/secret/rotate")),
        ("POST", format!("{path}/disable")),
        ("POST", format!("{path}/replay")),
    ] {
        let (status, answer) = house.call_as(&viewer, method, &path, &json!({"url": "https://x.example"}));
        assert_eq!(status, 403, "{method} {path}: {answer}");
    }
    let other = house.token_of(&crate::support::in_process::owner("other"));
    assert_eq!(house.call_as(&other, "GET", &path, &Value::Null).0, 404);
    assert_eq!(house.call_as(&other, "DELETE", &path, &Value::Null).0, 404);
}

#[test]
fn a_get_that_is_put_back_changes_nothing_even_where_header_values_are_hidden() {
    let house = House::open();
    let (id, _) = house.register(json!({"headers": {"x-key": "hush"}, "rateLimit": 3}));
    let path = format!("/webhooks/endpoints/{id}");
    let mut shown = house.get(&path);
    shown["headers"]["x-key"] = json!("••••••");
    let (status, put) = house.call("PUT", &path, &shown);
    assert_eq!(
        (status, &put["headers"]["x-key"], &put["rateLimit"]),
        (200, &json!("hush"), &json!(3.0)),
        "{put}"
    );
}
