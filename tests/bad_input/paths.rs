//! Paths, ids and parameters: what leads nowhere is told so, and nothing leads where it should not.

use std::collections::BTreeSet;

use actix_web::http::Method;
use appengine::http::route::Route;
use appengine::http::routes;
use serde_json::json;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Schema, SchemaType, Type};

use crate::support::in_process::owner;
use crate::{ORG, filled, ready, request};

/// What people put where a name is expected.
const TRICKS: [&str; 18] = [
    "..",
    ".",
    "%2e%2e",
    "..%2f..%2f",
    "..%2f..%2f..%2f..%2fetc%2fpasswd",
    "..%5c..%5c",
    "a%2fb",
    "%2f",
    "%00",
    "a%00b",
    "%0d%0aset-cookie:%20a=b",
    "%ff%fe",
    "%c0%ae%c0%ae",
    "%zz",
    "%20",
    "'%20or%20'1'='1",
    "{id}",
    "$ne",
];

#[test]
fn names_that_are_tricks_lead_nowhere() {
    let server = ready();
    let before = server.dump();
    let long = "a".repeat(5_000);
    let tricks = TRICKS.into_iter().chain([long.as_str()]);
    for trick in tricks {
        for route in routes().iter().filter(|route| route.path.contains('{')) {
            let target = filled(route.path, trick);
            let answer = request(&server, route, &target).send();
            // Lists of collections that nobody has written to are empty; everything else there is not.
            let empty = answer.status == 200 && answer.json()["data"] == serde_json::json!([]);
            if !empty {
                assert!((400..500).contains(&answer.status), "{} {target}: {answer:?}", route.method);
                answer.problem();
            }
            assert!(answer.header("set-cookie").is_none(), "{target}: {answer:?}");
        }
    }
    assert!(server.dump() == before, "a trick left something behind");
    server.assert_well();
}

#[test]
fn paths_that_are_tricks_lead_nowhere() {
    let server = ready();
    let token = server.token(&owner(ORG));
    let tricks = [
        "//",
        "///events",
        "/events/",
        "/events//",
        "/./events",
        "/../events",
        "/events/../health",
        "/events/..%2fhealth",
        "/%2e%2e/health",
        "/events;x=1",
        "/%65vents%00",
        "/%00",
        "/EVENTS",
        "/static/../Cargo.toml",
        "/static/..%2f..%2fCargo.toml",
        "/static/%2e%2e/%2e%2e/config.toml",
        "/repository/get/contact/..%2f..%2f",
        "/repository/get/..%2f..%2fuser/x",
        "/.git/config",
        "/.env",
        "/wp-login.php",
        "/socket.io",
        "/socket.io/../health",
        "/socket.io/?EIO=4&transport=../..",
        "/socket.io/?EIO=3&transport=polling",
    ];
    for target in tricks {
        let answer = server.call_as(&token, "GET", target).send();
        assert!((400..500).contains(&answer.status), "{target}: {answer:?}");
        answer.problem();
    }
    // Engine.IO says in its own words what its clients look for.
    let lost = server.call("GET", "/socket.io/?EIO=4&transport=polling&sid=nobody").send();
    assert_eq!((lost.status, &lost.json()["message"]), (400, &"Session ID unknown".into()));
    server.assert_well();
}

#[test]
fn a_head_that_is_too_long_is_refused() {
    let server = ready();
    let token = server.token(&owner(ORG));
    let get = |target: &str| server.call_as(&token, "GET", target);
    get(&format!("/automation/{}", "a".repeat(20_000))).send().assert_problem(414, "uri_too_long");
    get(&format!("/events?kind={}", "a".repeat(20_000))).send().assert_problem(414, "uri_too_long");
    get("/events").header("x-long", &"a".repeat(100_000)).send().assert_problem(431, "headers_too_large");
    get("/events").header("x-long", &"a".repeat(10_000)).send().expect(200);
    server.assert_well();
}

#[test]
fn methods_that_a_path_does_not_take_are_refused_by_every_route() {
    let server = ready();
    let table = routes();
    let known = |path: &str| -> BTreeSet<String> {
        let routes = table.iter().filter(|route| route.path == path);
        routes.flat_map(Route::methods).map(|method| method.to_string()).collect()
    };
    for route in &table {
        let target = filled(route.path, "some-id");
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"]
        {
            // Another path may take the same words: `/automation/executions` is one with `{id}`.
            let fits = table
                .iter()
                .any(|other| known(other.path).contains(method) && filled(other.path, "some-id") == target);
            if known(route.path).contains(method) || fits {
                continue;
            }
            let answer = server.call(method, &target).send();
            if method == "HEAD" {
                assert_eq!((answer.status, answer.body.len()), (405, 0), "{target}");
            } else {
                answer.assert_problem(405, "method_not_allowed");
            }
            let allow = answer.header("allow").expect("Allow").split(", ").map(str::to_owned);
            let allow: BTreeSet<String> = allow.collect();
            assert_eq!(allow, known(route.path), "{method} {target}");
        }
    }
}

#[test]
fn head_is_answered_as_get_is_without_the_body() {
    let server = ready();
    let authorization = format!("Bearer {}", server.token(&owner(ORG)));
    let table = routes();
    for route in table.iter().filter(|route| route.methods().contains(&Method::HEAD)) {
        let target = filled(route.path, "some-id");
        let ask = |method: &str| {
            server.call(method, &target).header("orgid", ORG).header("authorization", &authorization).send()
        };
        let (get, head) = (ask("GET"), ask("HEAD"));
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{target}: {head:?}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{target}");
    }
    assert_eq!(server.call("HEAD", "/").send().status, 200);
    server.assert_well();
}

#[test]
fn head_changes_nothing() {
    let server = ready();
    let buyer = json!({"email": "buyer@acme.example", "password": "correct horse"});
    let sign_up = server.call("POST", "/profile/customer/signup").header("orgid", ORG).json(&buyer);
    let token = sign_up.send().expect(201)["token"].as_str().expect("a token").to_owned();
    let before = server.dump();
    for target in ["/profile/logout", "/profile/customer/password/forgot/buyer@acme.example"] {
        let answer = server.call_as(&token, "HEAD", target).header("orgid", ORG).send();
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET")), "{target}");
    }
    assert_eq!(server.dump(), before);
    server.call_as(&token, "GET", "/profile/whoami").send().expect(200);
    server.call_as(&token, "GET", "/profile/logout").send().expect(200);
    server.call_as(&token, "GET", "/profile/whoami").send().assert_problem(401, "token_revoked");
}

/// Parameters and values that their schema does not allow.
fn bad_values(schema: &RefOr<Schema>) -> Vec<&'static str> {
    let RefOr::T(Schema::Object(object)) = schema else { return Vec::new() };
    match (&object.schema_type, &object.enum_values, &object.pattern) {
        (SchemaType::Type(Type::Integer), ..) => {
            vec![
                "",
                "x",
                "-1",
                "0",
                "1.5",
                "1e3",
                "+1",
                "99999999999999999999",
                "0x10",
                "true",
                "null",
                "%ff",
            ]
        }
        (_, Some(_), _) => vec!["", "nonsense", "0", "%ff"],
        (SchemaType::Type(Type::String), _, Some(pattern)) if pattern.contains("[A-Za-z0-9") => {
            vec!["%ff", "%00", "a%20b%0a"]
        }
        (SchemaType::Type(Type::String), _, Some(pattern)) if pattern.ends_with("{26}$") => {
            vec!["", "x", "evt_", "%00", "01ARZ3NDEKTSV4RRFFQ69G5FAV"]
        }
        _ => Vec::new(),
    }
}

#[test]
fn parameters_are_refused_by_name() {
    let server = ready();
    // What vendors send people back with is theirs, and more than is read.
    let is_ours = |route: &&Route| route.path != "/connect/oauth2callback/{vendor}";
    for route in routes().iter().filter(|route| !route.doc.query.is_empty()).filter(is_ours) {
        // The name of a queue is looked up before its parameters are read.
        let path = filled(route.path, if route.path.contains("/queues/") { "automation" } else { "some-id" });
        let refused = |query: &str| {
            let answer = request(&server, route, &format!("{path}?{query}")).send();
            assert_eq!(answer.status, 400, "{} {path}?{query}: {answer:?}", route.method);
            let problem = answer.problem();
            if problem["code"] == "invalid_parameter" {
                let name = query.split('=').next().unwrap_or_default();
                let told = problem["problems"][0].to_string();
                // What must be there and is not is told first.
                let is_told = told.contains(name) || told.contains("missing field") || name == "%zz";
                assert!(is_told, "{path}?{query}: {problem}");
            }
        };
        refused("surprise=1");
        refused("%zz=1");
        for (name, schema, _) in &route.doc.query {
            refused(&format!("{name}=1&{name}=1"));
            for value in bad_values(schema) {
                refused(&format!("{name}={value}"));
            }
        }
    }
}

#[test]
fn ids_of_nothing_are_not_found_and_other_texts_are_no_ids() {
    let server = ready();
    let token = server.token(&owner(ORG));
    let ulid = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    let table = [
        ("/events/", "evt_", ""),
        ("/events/", "evt_", "/trace"),
        ("/automation/executions/", "run_", ""),
        ("/webhooks/deliveries/", "dlv_", ""),
        ("/monitoring/jobs/", "job_", ""),
    ];
    for (before, prefix, after) in table {
        let get = |id: &str| server.call_as(&token, "GET", &format!("{before}{id}{after}")).send();
        get(&format!("{prefix}{ulid}")).assert_problem(404, "not_found");
        let others = ["evt_", "run_", "dlv_", "job_", "xxx_"].into_iter().filter(|other| *other != prefix);
        let strange = others.map(|other| format!("{other}{ulid}"));
        let broken = [
            "",
            "0",
            "01ARZ3NDEKTSV4RRFFQ69G5FAVX",
            "0!ARZ3NDEKTSV4RRFFQ69G5FAV",
            "ZZZZZZZZZZZZZZZZZZZZZZZZZZ",
        ];
        for id in broken.map(|body| format!("{prefix}{body}")).into_iter().chain(strange) {
            let refused = get(&id);
            refused.assert_problem(400, "invalid_path");
            assert_eq!(refused.json()["problems"][0]["path"], "id", "{refused:?}");
        }
    }
    for path in ["/repository/get/contact/nobody", "/repository/get/nothing/nobody", "/automation/nobody"] {
        server.call_as(&token, "GET", path).send().assert_problem(404, "not_found");
    }
    server.call_as(&token, "GET", "/monitoring/queues/nothing/jobs").send().assert_problem(404, "not_found");
}
