//! What stays open: B's live feed and B's chat never carry what happens in A.

use serde_json::{Value, json};

use crate::house::House;
use crate::support::in_process::owner;
#[path = "../one_port/wire.rs"]
#[allow(dead_code, reason = "written for another test program, which uses all of it")]
mod wire;
use wire::{ENGINE, Line, text_frame};

/// Frames that are read before a stream counts as silent about what it should say.
const PATIENCE: usize = 1_000;

/// Reads frames until one holds `wanted`, and hands out all.
fn until(line: &mut Line, wanted: &str) -> Vec<String> {
    let mut heard = Vec::new();
    while heard.len() < PATIENCE {
        match line.frame() {
            (1, payload) => heard.push(String::from_utf8(payload).expect("text")),
            (9, _) => {}
            (opcode, payload) => panic!("opcode {opcode}: {}", String::from_utf8_lossy(&payload)),
        }
        if heard.last().is_some_and(|last| last.contains(wanted)) {
            return heard;
        }
    }
    panic!("{wanted} was never said: {heard:?}")
}

fn assert_silent_about_a(house: &House, heard: &[String]) {
    let seen = house.a.within(heard.concat().as_bytes());
    assert!(seen.is_empty(), "B heard {seen:?}: {heard:?}");
}

#[test]
fn the_live_feed_shows_each_organisation_its_own() {
    let house = House::open();
    let publish = |org: &str, mark: &str| {
        let body = json!({"event": "stream.marked", "data": {"mark": mark}});
        let token = house.server.token(&owner(org));
        house.server.call_as(&token, "POST", "/events").json(&body).send().expect(202);
    };
    let watch = |org: &str| {
        let mut line = Line::open(house.server.address);
        let token = house.server.token(&owner(org));
        let answer = line.upgrade(&format!("/monitoring/live?token={token}"));
        assert_eq!(answer.status, 101, "{answer:?}");
        until(&mut line, "\"type\":\"hello\"");
        line
    };
    let (mut a, mut b) = (watch(&house.a.org), watch("outsider"));
    // A's flow of deliveries, runs and events, then a word to each: what was to come before it has come.
    let execute = format!("/automation/{}/execute", house.a.get("flow"));
    let run = house.server.call_as(&house.a.token, "POST", &execute).send().expect(200);
    publish(&house.a.org, "the end of A");
    publish("outsider", "the end of B");
    let run = run["executionId"].as_str().expect("a run");
    let heard = until(&mut a, "the end of A");
    assert!(heard.iter().any(|frame| frame.contains(run)), "A sees its run: {heard:?}");
    assert_silent_about_a(&house, &until(&mut b, "the end of B"));
}

#[test]
fn the_chat_carries_presence_within_an_organisation() {
    let house = House::open();
    let join = |org: &str| {
        let mut line = Line::open(house.server.address);
        assert_eq!(line.upgrade(ENGINE).status, 101);
        let auth = json!({"token": house.server.token(&owner(org)), "orgId": org});
        line.join("/chat", &auth.to_string());
        line
    };
    let (mut a, mut colleague, mut b) = (join(&house.a.org), join(&house.a.org), join("outsider"));
    a.send(text_frame(r#"42/chat,["set-status",{"status":"busy"}]"#));
    let heard = until(&mut colleague, "presence-change");
    assert!(!house.a.within(heard.concat().as_bytes()).is_empty(), "A's people hear each other: {heard:?}");
    // B's own change comes after A's: what B was to hear of A's it has heard by then.
    b.send(text_frame(r#"42/chat,["set-status",{"status":"away"}]"#));
    let heard = until(&mut b, "presence-change");
    assert!(heard.iter().any(|frame| frame.contains("owner@outsider.example")), "{heard:?}");
    assert_silent_about_a(&house, &heard);
}

#[test]
fn nobody_joins_the_chat_of_another_organisation() {
    let house = House::open();
    let token = house.server.token(&owner("outsider"));
    let forged: Value = json!({"token": token, "orgId": house.a.org});
    let mut line = Line::open(house.server.address);
    assert_eq!(line.upgrade(ENGINE).status, 101);
    line.send(text_frame(&format!("40/chat,{forged}")));
    let heard = until(&mut line, "token_org_mismatch");
    assert!(heard.iter().all(|frame| !frame.contains("\"success\":true")), "{heard:?}");
}
