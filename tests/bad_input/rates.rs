//! Too much: limits by address and by key are told, kept, and cannot be talked away.

use serde_json::json;

use crate::ORG;
use crate::support::exchange::Answer;
use crate::support::in_process::{Server, owner};

fn server(settings: &[(&str, &str)]) -> Server {
    Server::with(settings)
}

fn told(answer: &Answer, name: &str) -> u64 {
    let value = answer.header(name).unwrap_or_else(|| panic!("{name} is missing: {answer:?}"));
    value.parse().expect("a number")
}

/// Asserts a refusal that says when to come back.
fn assert_limited(answer: &Answer, limit: u64) {
    answer.assert_problem(429, "rate_limited");
    assert_eq!((told(answer, "ratelimit-limit"), told(answer, "ratelimit-remaining")), (limit, 0));
    let (wait, reset) = (told(answer, "retry-after"), told(answer, "ratelimit-reset"));
    assert!((1..=60).contains(&wait) && (1..=61).contains(&reset), "{answer:?}");
}

#[test]
fn an_address_is_told_how_much_is_left_and_then_to_wait() {
    let server = server(&[("APPENGINE__LIMITS__REQUESTS_PER_MINUTE", "3")]);
    let token = server.token(&owner(ORG));
    let ask = |from| server.call_as(&token, "GET", "/profile/whoami").from(from).send();
    let first = [127, 0, 0, 2];
    for left in [2, 1, 0] {
        let answer = ask(first);
        answer.expect(200);
        assert_eq!((told(&answer, "ratelimit-limit"), told(&answer, "ratelimit-remaining")), (3, left));
        assert!(told(&answer, "ratelimit-reset") >= 1);
        assert_eq!(answer.header("retry-after"), None);
    }
    assert_limited(&ask(first), 3);
    // What is refused is refused whatever it is, and others are not touched.
    let lost = server.call("GET", "/nowhere").from(first).send();
    assert_limited(&lost, 3);
    ask([127, 0, 0, 3]).expect(200);
    for _ in 0..10 {
        for path in ["/health", "/metrics"] {
            let answer = server.call("GET", path).from(first).send();
            assert_eq!((answer.status, answer.header("ratelimit-limit")), (200, None), "{answer:?}");
        }
    }
}

#[test]
fn tries_to_sign_in_are_counted_by_themselves() {
    let server = server(&[("APPENGINE__LIMITS__SIGN_INS_PER_MINUTE", "2")]);
    let body = json!({"email": "nobody@acme.example", "password": "not the password"});
    let paths = ["/profile/user/signin", "/profile/customer/signin", "/user/signin", "/profile/user/signup"];
    let try_at = |path: &str| server.call("POST", path).header("orgid", ORG).json(&body).send();
    for left in [1, 0] {
        let answer = try_at(paths[0]);
        assert_eq!(answer.status, 401, "{answer:?}");
        assert_eq!((told(&answer, "ratelimit-limit"), told(&answer, "ratelimit-remaining")), (2, left));
    }
    for path in paths {
        assert_limited(&try_at(path), 2);
    }
    server.call_as(&server.token(&owner(ORG)), "GET", "/profile/whoami").send().expect(200);
}

#[test]
fn every_way_to_try_a_secret_is_a_try_to_sign_in() {
    for route in appengine::http::routes() {
        let secrets = ["signin", "signup", "refresh", "password", "/key", "register-guest"];
        if route.method.as_str() == "POST" && secrets.iter().any(|word| route.path.ends_with(word)) {
            let server = server(&[("APPENGINE__LIMITS__SIGN_INS_PER_MINUTE", "1")]);
            let ask = || server.call("POST", route.path).header("orgid", ORG).json(&json!({})).send();
            assert!(ask().status < 429, "{}", route.path);
            assert_limited(&ask(), 1);
        }
    }
}

#[test]
fn a_key_is_used_as_often_as_it_may_be_from_anywhere() {
    let server = server(&[]);
    let limits = json!({"perMinute": 2, "perHour": 1_000, "perDay": 1_000});
    let body = json!({"name": "k", "scopes": ["read"], "rateLimits": limits});
    let made = server.call_as(&server.token(&owner(ORG)), "POST", "/api-key/create").json(&body).send();
    let key = made.expect(201)["data"]["key"].as_str().expect("a key").to_owned();
    let ask =
        |from| server.call("GET", "/events").header("x-api-key", &key).header("orgid", ORG).from(from).send();
    // The minute may turn between two uses: then there are two more.
    let answers: Vec<Answer> = (2..8).map(|last| ask([127, 0, 0, last])).collect();
    let refused = answers.iter().find(|answer| answer.status == 429).expect("six are too many");
    refused.assert_problem(429, "rate_limited");
    assert!((1..=60).contains(&told(refused, "retry-after")), "{refused:?}");
    // What is told is the key's own limit, not that of the address.
    assert_limited(refused, 2);
    let first = answers.first().expect("six answers");
    assert_eq!((told(first, "ratelimit-limit"), told(first, "ratelimit-remaining")), (2, 1), "{first:?}");
    assert!(answers.iter().take(2).all(|answer| answer.status == 200), "{answers:?}");
}

#[test]
fn a_key_has_the_limit_of_an_address_from_all_addresses_together() {
    let server = server(&[("APPENGINE__LIMITS__REQUESTS_PER_MINUTE", "3")]);
    let ask = |last| {
        let request = server.call("GET", "/events").header("x-api-key", "ak_live_x").header("orgid", ORG);
        request.from([127, 0, 0, last]).send()
    };
    for last in [2, 3, 4] {
        ask(last).assert_problem(401, "invalid_api_key");
    }
    assert_limited(&ask(5), 3);
}

#[test]
fn forwarded_addresses_are_believed_from_proxies_only() {
    let server = server(&[
        ("APPENGINE__LIMITS__REQUESTS_PER_MINUTE", "1"),
        ("APPENGINE__SERVER__TRUSTED_PROXIES", "127.0.0.9/32"),
    ]);
    let token = server.token(&owner(ORG));
    let ask = |from: u8, forwarded: &[&str]| {
        let request = server.call_as(&token, "GET", "/profile/whoami").from([127, 0, 0, from]);
        let request = forwarded.iter().fold(request, |request, list| request.header("x-forwarded-for", list));
        request.send().status
    };
    // Anybody may write the header; only what the proxy saw counts.
    assert_eq!((ask(2, &["198.51.100.1"]), ask(2, &["198.51.100.2"])), (200, 429));
    assert_eq!((ask(9, &["198.51.100.1"]), ask(9, &["198.51.100.1"])), (200, 429));
    assert_eq!(ask(9, &["198.51.100.2"]), 200);
    let spoofed = ["203.0.113.1, 198.51.100.2", "203.0.113.2,198.51.100.2 ", "nonsense, 198.51.100.2:4711"];
    for list in spoofed {
        assert_eq!(ask(9, &[list]), 429, "{list}");
    }
    assert_eq!(ask(9, &["203.0.113.3", "198.51.100.2"]), 429, "the last of several headers");
    assert_eq!(ask(9, &["198.51.100.3, 127.0.0.9"]), 200, "a chain of proxies");
    assert_eq!(ask(9, &["198.51.100.3, 127.0.0.9"]), 429);
    assert_eq!(ask(9, &["[2001:db8::1]:443"]), 200);
    assert_eq!(ask(9, &["2001:db8::1"]), 429);
    // What the proxy wrote cannot be read: it is the proxy who asks, not whom the client names.
    assert_eq!((ask(9, &["198.51.100.7, unknown"]), ask(9, &["198.51.100.8, _hidden"])), (200, 429));
}
