//! Upgrades as they come in the wild: on a used connection, behind other requests, with frames in the same write.

use super::house::House;
use super::wire::{ACCEPT, ENGINE, LIVE, Line, text_frame, upgrade_head};

const AMY: &str = r#"{"token":"agent:amy@acme.io","orgId":"acme"}"#;

#[test]
fn socket_io_upgrades_a_used_connection() {
    let house = House::open();
    let mut line = Line::open(house.address);
    assert_eq!(line.get("/ping").body, "pong");
    assert_eq!(line.get("/nowhere").status, 404);
    let switched = line.upgrade(ENGINE);
    assert_eq!(switched.status, 101);
    assert_eq!(switched.header("sec-websocket-accept"), Some(ACCEPT));
    line.join("/chat", AMY);
    line.send(text_frame(r#"42/chat,1["set-status",{"status":"busy"}]"#));
    let answer = r#"43/chat,1[{"success":true,"status":"busy"}]"#;
    // Behind the news of who is here.
    while line.text() != answer {}
}

#[test]
fn other_upgrades_work_on_a_used_connection() {
    let house = House::open();
    let mut line = Line::open(house.address);
    assert_eq!(line.get("/ping").body, "pong");
    let switched = line.upgrade(LIVE);
    assert_eq!(switched.status, 101);
    assert_eq!(switched.header("sec-websocket-accept"), Some(ACCEPT));
    line.send(text_frame("hello"));
    assert_eq!(line.text(), "hello");
}

#[test]
fn frames_that_come_with_the_handshake_are_not_lost() {
    let house = House::open();
    let mut engine = Line::open(house.address);
    let early = [upgrade_head(ENGINE).into_bytes(), text_frame(&format!("40/echo,{AMY}"))];
    engine.send(early.concat());
    assert_eq!(engine.answer().status, 101);
    engine.joined("/echo");

    let mut live = Line::open(house.address);
    let early = [upgrade_head(LIVE).into_bytes(), text_frame("one"), text_frame("two")];
    live.send(early.concat());
    assert_eq!(live.answer().status, 101);
    assert_eq!((live.text(), live.text()), ("one".into(), "two".into()));
}

#[test]
fn an_upgrade_waits_for_the_answers_before_it() {
    let house = House::open();
    for target in [ENGINE, LIVE] {
        let mut line = Line::open(house.address);
        let ping = "GET /ping HTTP/1.1\r\nhost: localhost\r\n\r\n";
        line.send([ping, ping, &upgrade_head(target)].concat());
        assert_eq!(line.answer().body, "pong");
        assert_eq!(line.answer().body, "pong");
        assert_eq!(line.answer().status, 101, "{target}");
    }
}

#[test]
fn a_handshake_in_single_bytes_is_a_handshake() {
    let house = House::open();
    for target in [ENGINE, LIVE] {
        let mut line = Line::open(house.address);
        for byte in upgrade_head(target).bytes() {
            line.send([byte]);
        }
        assert_eq!(line.answer().status, 101, "{target}");
    }
}

#[test]
fn bad_handshakes_are_refused_by_name() {
    let house = House::open();
    let without = |header: &str| {
        let keep = |line: &&str| !line.starts_with(header);
        let lines: Vec<_> = upgrade_head(ENGINE).split("\r\n").map(str::to_owned).collect();
        lines.iter().map(String::as_str).filter(keep).collect::<Vec<_>>().join("\r\n")
    };
    for (head, word) in [
        (upgrade_head("/socket.io/?EIO=3&transport=websocket"), "eio"),
        (upgrade_head("/socket.io/?EIO=4"), "transport"),
        (upgrade_head("/socket.io"), "eio"),
        (upgrade_head("/socket.io/?EIO=4&transport=polling"), "upgrade"),
        (without("sec-websocket-key"), "key"),
        (without("sec-websocket-version"), "version"),
        (without("connection"), "connection"),
    ] {
        let mut line = Line::open(house.address);
        line.send(&head);
        let answer = line.answer();
        assert_eq!(answer.status, 400, "{head}");
        let body = answer.json();
        assert_eq!(body["statusCode"], 400);
        assert_eq!(body["code"], "bad_handshake");
        let message = body["message"].as_str().expect("a message");
        assert!(message.to_lowercase().contains(word), "{message}");
        line.wait_for_end();
    }
    assert_eq!(house.gateway.streams(), 0);
    // An unknown session is found out only after the switch, and closed.
    let mut line = Line::open(house.address);
    assert_eq!(line.upgrade(&format!("{ENGINE}&sid=AAAAAAAAAAAAAAAA")).status, 101);
    line.wait_for_end();
}

#[test]
fn an_upgrade_to_nowhere_is_answered_by_the_app() {
    let house = House::open();
    let mut line = Line::open(house.address);
    assert_eq!(line.upgrade("/nowhere").status, 404);
    let mut line = Line::open(house.address);
    line.send("CONNECT example.com:443 HTTP/1.1\r\nhost: example.com\r\n\r\n");
    assert_eq!(line.answer().status, 404);
}

#[test]
fn polling_is_an_ordinary_route() {
    let house = House::open();
    let mut line = Line::open(house.address);
    let opened = line.get("/socket.io/?EIO=4&transport=polling");
    assert_eq!(opened.status, 200);
    assert!(opened.body.starts_with("0{\"sid\":\""), "{}", opened.body);
    assert_eq!(opened.header("x-around"), Some("yes"));
    assert_eq!(line.get("/ping").body, "pong", "on the same connection");
    // The engine would switch protocols on a connection that it does not have.
    let refused = line.get("/socket.io/?EIO=4&transport=websocket");
    assert_eq!((refused.status, refused.json()["code"].as_str()), (400, Some("bad_handshake")));
    assert_eq!(line.get("/socket.io/?EIO=4&transport=polling&sid=x").status, 400);
    assert_eq!(line.get("/socket.io-admin").status, 404);
}

#[test]
fn a_panic_is_answered_and_keeps_its_secret() {
    let house = House::open();
    let mut line = Line::open(house.address);
    for path in ["/panic", "/panic-around"] {
        let answer = line.get(&format!("{path}?x=1"));
        assert_eq!(answer.status, 500);
        let expected = serde_json::json!({
            "statusCode": 500, "error": "Internal Server Error", "code": "internal_error",
            "reason": "internal_error", "path": path,
            "message": "the server failed to handle this request",
        });
        assert_eq!(answer.json(), expected);
    }
    let next = line.get("/ping");
    assert_eq!(next.body, "pong", "the connection and the worker go on");
    assert_eq!(next.header("x-around"), Some("yes"));
}
