//! Engine.IO 4, packet by packet, as its protocol document has it: how a session opens, lives and ends.

use std::time::Duration;

use appengine::gateway::GatewayLimits;

use super::house::House;
use super::polling::{POLL, Polling, SEPARATOR};
use super::script::{Step, Talker};
use super::wire::{ENGINE, Line, frame, text_frame};

const AMY: &str = r#"{"token":"agent:amy@acme.io","orgId":"acme"}"#;

fn quick() -> GatewayLimits {
    GatewayLimits {
        ping_interval: Duration::from_millis(50),
        ping_timeout: Duration::from_millis(500),
        ..GatewayLimits::default()
    }
}

/// A house of one worker does things in turn: after two more answers whatever was begun is done.
fn settle(house: &House) {
    let mut line = Line::open(house.address);
    (0..2).for_each(|_| assert_eq!(line.get("/ping").body, "pong"));
}

/// The fields of an open packet.
fn opened(packet: &str) -> serde_json::Value {
    let json = packet.strip_prefix('0').expect("an open packet");
    serde_json::from_str(json).expect("JSON")
}

#[test]
fn a_session_opens_with_its_fields() {
    let house = House::open();
    let told = opened(&Line::open(house.address).get(POLL).body);
    assert_eq!(told["upgrades"], serde_json::json!(["websocket"]));
    let mut line = Line::open(house.address);
    assert_eq!(line.upgrade(ENGINE).status, 101);
    let streamed = opened(&line.text());
    assert_eq!(streamed["upgrades"], serde_json::json!([]), "there is nothing above it");
    for told in [told, streamed] {
        assert!(told["sid"].as_str().is_some_and(|sid| sid.len() >= 16), "{told}");
        assert_eq!(told["pingInterval"], 25_000);
        assert_eq!(told["pingTimeout"], 20_000);
        assert_eq!(told["maxPayload"], 100_000);
    }
}

#[test]
fn bad_requests_are_refused_by_their_query_and_method() {
    let house = House::open();
    let sid = Polling::open(house.address).sid;
    let mut line = Line::open(house.address);
    for (method, query, status, words) in [
        ("GET", "", 400, "EIO"),
        ("GET", "?transport=polling", 400, "EIO"),
        ("GET", "?EIO=3&transport=polling", 400, "EIO"),
        ("GET", "?EIO=5&transport=polling", 400, "EIO"),
        ("GET", "?EIO=abc&transport=polling", 400, "EIO"),
        ("GET", "?EIO=4", 400, "transport"),
        ("GET", "?EIO=4&transport=abc", 400, "transport"),
        ("GET", "?EIO=4&transport=websocket", 400, "upgrade"),
        ("POST", "?EIO=4&transport=polling", 400, "method"),
        ("GET", "?EIO=4&transport=polling&sid=", 400, "Session ID unknown"),
        ("GET", "?EIO=4&transport=polling&sid=abc", 400, "Session ID unknown"),
        ("GET", "?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA", 400, "Session ID unknown"),
        ("POST", "?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA", 400, "Session ID unknown"),
        ("PUT", "?EIO=4&transport=polling", 405, ""),
        ("DELETE", &format!("?EIO=4&transport=polling&sid={sid}"), 405, ""),
    ] {
        line.send(format!("{method} /socket.io/{query} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"));
        let answer = line.answer();
        assert_eq!(answer.status, status, "{method} {query}");
        assert!(answer.body.contains(words), "{method} {query}: {}", answer.body);
    }
    // Nothing was opened by any of them, and the one session is as it was.
    assert_eq!(house.gateway.sessions(), 1);
    assert_eq!(line.post(&format!("{POLL}&sid={sid}"), "3").body, "ok");
}

#[test]
fn a_live_session_is_pinged_and_one_that_does_not_answer_ends() {
    let house = House::with(quick());
    let mut line = Line::open(house.address);
    assert_eq!(line.upgrade(ENGINE).status, 101);
    assert!(opened(&line.text())["pingInterval"] == 50);
    line.send(text_frame(&format!("40/echo,{AMY}")));
    line.connected("/echo");
    // Alive as long as it answers, for many intervals. The first ping came while it joined.
    line.send(text_frame("3"));
    for _ in 0..20 {
        while line.frame().1 != b"2" {}
        line.send(text_frame("3"));
    }
    line.wait_for_end();

    let mut polling = Polling::open(house.address);
    polling.join("/echo", AMY);
    polling.say("3");
    for _ in 0..20 {
        while !polling.poll().body.split(SEPARATOR).any(|packet| packet == "2") {}
        polling.say("3");
    }
    assert_eq!(polling.hear(), None);
    assert_eq!(polling.poll().status, 400, "the session is forgotten");
    house.wait_until_drained();
}

#[test]
fn a_body_has_many_packets() {
    let house = House::build(GatewayLimits::default(), 1);
    let mut polling = Polling::open(house.address);
    polling.say(&format!("40/echo,{AMY}"));
    settle(&house);
    let body = polling.poll().body;
    let packets: Vec<&str> = body.split(SEPARATOR).filter(|packet| *packet != "2").collect();
    assert_eq!(packets.len(), 2, "{body}");
    assert!(packets[0].starts_with("40/echo,{") && packets[1].starts_with("42/echo,["), "{body}");

    let said: Vec<String> = (0..3).map(|n| format!("42/echo,{n}[\"number\",{n}]")).collect();
    polling.say(&["3", &said.join("\u{1e}")].join("\u{1e}"));
    let heard: Vec<String> = (0..6).map(|_| polling.hear().expect("an answer")).collect();
    let expected = (0..3).flat_map(|n| [format!("42/echo,[\"number\",{n}]"), format!("43/echo,{n}[{n}]")]);
    assert_eq!(heard, expected.collect::<Vec<_>>());
}

#[test]
fn text_of_many_bytes_a_letter_survives_both_ways() {
    let house = House::open();
    for mut talker in Talker::both(house.address) {
        talker.play(&[
            Step::Say("40/chat,{\"token\":\"agent:amy@acme.io\",\"orgId\":\"acme\"}"),
            Step::Hear("40/chat,{\"sid\":…"),
            Step::Hear("42/chat,[\"authenticate\",{\"success\":true…"),
            Step::Say("42/chat,[\"größe€😀\"]"),
            Step::Hear("42/chat,[\"error\",{\"code\":\"unknown_event\",\"message\":\"this namespace has no such event\",\"event\":\"größe€😀\"}]"),
        ]);
    }
}

#[test]
fn a_client_that_says_goodbye_is_gone() {
    let house = House::build(GatewayLimits::default(), 1);
    for mut talker in Talker::both(house.address) {
        talker.play(&[Step::Say("1"), Step::Ended]);
    }
    // A poll that waits meanwhile is answered.
    let mut polling = Polling::open(house.address);
    assert_eq!(polling.poll().body, "2", "the first ping");
    polling.ask();
    settle(&house);
    polling.say("1");
    let last = polling.polls.answer();
    assert!(matches!(last.body.as_str(), "6" | ""), "{last:?}");
    assert_eq!(polling.poll().status, 400);
    // The streams' own goodbye.
    let mut line = Line::open(house.address);
    assert_eq!(line.upgrade(ENGINE).status, 101);
    line.send(frame(8, &1000_u16.to_be_bytes()));
    line.wait_for_end();
    house.wait_until_drained();
}

#[test]
fn packets_that_nobody_knows_end_the_connection() {
    let house = House::open();
    for packet in ["x", "7", "9abc", "é", "4", "4x", "47", "b!"] {
        for mut talker in Talker::both(house.address) {
            talker.play(&[Step::Say(packet), Step::Ended]);
        }
    }
    // Those of the handshake have no place in a stream that is open.
    for packet in ["", "0{}", "2probe", "3probe", "5"] {
        let mut line = Line::open(house.address);
        assert_eq!(line.upgrade(ENGINE).status, 101);
        line.send(text_frame(packet));
        line.wait_for_end();
    }
    house.wait_until_drained();
}

#[test]
fn two_polls_at_once_end_the_session() {
    let house = House::build(GatewayLimits::default(), 1);
    let mut polling = Polling::open(house.address);
    assert_eq!(polling.poll().body, "2");
    polling.ask();
    settle(&house);
    let mut second = Line::open(house.address);
    assert_eq!(second.get(&polling.target).status, 400);
    let first = polling.polls.answer();
    assert!(matches!(first.body.as_str(), "1" | ""), "{first:?}");
    assert_eq!(polling.poll().status, 400);
}

#[test]
fn a_stream_is_left_alone_by_polls() {
    let house = House::open();
    let mut line = Line::open(house.address);
    assert_eq!(line.upgrade(ENGINE).status, 101);
    let told = opened(&line.text());
    let target = format!("{POLL}&sid={}", told["sid"].as_str().expect("an id"));
    let mut other = Line::open(house.address);
    assert_eq!(other.get(&target).status, 400);
    assert_eq!(other.post(&target, "1").status, 400);
    line.send(text_frame(&format!("40/echo,{AMY}")));
    line.connected("/echo");
}
