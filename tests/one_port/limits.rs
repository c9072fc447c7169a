//! What one client may cost, which pages may connect, and how the gateway ends.

use std::time::Duration;

use appengine::gateway::GatewayLimits;

use super::house::House;
use super::polling::POLL;
use super::wire::{ENGINE, LIVE, Line, frame, text_frame};

const AMY: &str = r#"{"token":"agent:amy@acme.io","orgId":"acme"}"#;

/// Begins a polling session and returns its id.
fn open_session(line: &mut Line) -> String {
    let opened = line.get(POLL);
    assert_eq!(opened.status, 200);
    opened.body.split('"').nth(3).expect("an id").to_owned()
}

/// Sends packets of a polling session.
fn post(line: &mut Line, session: &str, body: &str) {
    assert_eq!(line.post(session, body).body, "ok");
}

/// Polls for the greeting and the first ping, in whichever order: after them there is nothing more to hear.
fn hear_greeting(line: &mut Line, session: &str) {
    let mut heard = String::new();
    while !heard.contains("authenticate") || !heard.split('\u{1e}').any(|packet| packet == "2") {
        heard = [heard, line.get(session).body].join("\u{1e}");
    }
}

#[test]
fn upgrades_beyond_the_limit_are_refused_and_places_come_back() {
    let limits = GatewayLimits { max_connections: 2, ..GatewayLimits::default() };
    let house = House::with(limits);
    let mut engine = Line::open(house.address);
    assert_eq!(engine.upgrade(ENGINE).status, 101);
    let mut live = Line::open(house.address);
    assert_eq!(live.upgrade(LIVE).status, 101);
    assert_eq!(house.gateway.streams(), 2);
    for target in [ENGINE, LIVE] {
        let mut line = Line::open(house.address);
        let answer = line.upgrade(target);
        assert_eq!(answer.status, 503);
        assert_eq!(answer.json()["code"], "too_many_connections");
        line.wait_for_end();
    }
    // Ordinary requests are not meant.
    assert_eq!(Line::open(house.address).get("/ping").status, 200);
    // A client that closes, and one that is gone without a word, free their places.
    live.send(frame(8, &1000_u16.to_be_bytes()));
    live.wait_for_end();
    drop(engine);
    house.wait_until_drained();
    let mut next = [Line::open(house.address), Line::open(house.address)];
    for line in &mut next {
        assert_eq!(line.upgrade(LIVE).status, 101);
    }
}

#[test]
fn polling_sessions_have_a_limit_too() {
    let limits = GatewayLimits { max_connections: 1, ..GatewayLimits::default() };
    let house = House::with(limits);
    let mut line = Line::open(house.address);
    let sid = open_session(&mut line);
    let refused = line.get(POLL);
    assert_eq!((refused.status, refused.json()["code"].as_str()), (503, Some("too_many_connections")));
    assert_eq!(house.gateway.sessions(), 1);
    // The session's own requests go on: it joins, hears its first ping, and says goodbye.
    let session = format!("{POLL}&sid={sid}");
    post(&mut line, &session, &format!("40/echo,{AMY}"));
    hear_greeting(&mut line, &session);
    post(&mut line, &session, "1");
    // The engine forgets the session in a task of its own, soon after.
    let next = (0..10_000).find(|_| line.get(POLL).status == 200);
    assert!(next.is_some(), "the place is free again");
}

/// Its goodbye is read before it is let in, so that nobody is told who has gone.
#[test]
fn a_client_that_goes_while_it_is_let_in_leaves_nothing() {
    let house = House::build(GatewayLimits::default(), 1);
    let goodbye = [text_frame("1"), frame(8, &1000_u16.to_be_bytes())];
    for namespace in ["/chat", "/echo"] {
        for goodbye in &goodbye {
            let mut line = Line::open(house.address);
            assert_eq!(line.upgrade(ENGINE).status, 101);
            line.send([text_frame(&format!("40{namespace},{AMY}")), goodbye.clone()].concat());
            line.wait_for_end();
        }
        let mut line = Line::open(house.address);
        let session = format!("{POLL}&sid={}", open_session(&mut line));
        post(&mut line, &session, &format!("40{namespace},{AMY}\u{1e}1"));
    }
    house.wait_until_drained();
    // Whoever comes now is let in behind all of them.
    for namespace in ["/chat", "/echo"] {
        let mut line = Line::open(house.address);
        assert_eq!(line.upgrade(ENGINE).status, 101);
        line.join(namespace, AMY);
        let there = house.gateway.io().of(namespace).expect("a namespace").sockets().len();
        assert_eq!(there, 1, "{namespace}");
    }
}

#[test]
fn places_that_idlers_take_come_back() {
    let limits = GatewayLimits {
        max_connections: 50,
        connect_timeout: Duration::from_millis(500),
        ..GatewayLimits::default()
    };
    let house = House::with(limits);
    // None of them joins a namespace; half of the sessions begin to change to a stream, which takes a place as well.
    let sessions: Vec<String> = (0..50).map(|_| open_session(&mut Line::open(house.address))).collect();
    let targets = sessions[..25].iter().map(|sid| format!("{ENGINE}&sid={sid}"));
    let targets: Vec<String> = targets.chain(std::iter::repeat_n(ENGINE.to_owned(), 25)).collect();
    let idle = targets.iter().map(|target| {
        let mut line = Line::open(house.address);
        assert_eq!(line.upgrade(target).status, 101);
        line
    });
    let idle: Vec<Line> = idle.collect();
    // The server ends them; nobody goes by themselves.
    idle.into_iter().for_each(Line::wait_for_end);
    house.wait_until_drained();
    house.wait_until(|gateway| gateway.sessions() == 0);
    let mut line = Line::open(house.address);
    assert_eq!(line.upgrade(ENGINE).status, 101);
    line.join("/echo", AMY);
    open_session(&mut Line::open(house.address));
}

#[test]
fn a_polling_body_beyond_the_limit_is_refused() {
    let house = House::with(GatewayLimits { max_payload: 100, ..GatewayLimits::default() });
    let mut line = Line::open(house.address);
    let sid = open_session(&mut line);
    let body = "4".repeat(101);
    line.send(format!(
        "POST {POLL}&sid={sid} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 101\r\n\r\n{body}"
    ));
    let refused = line.answer();
    assert_eq!((refused.status, refused.json()["code"].as_str()), (413, Some("payload_too_large")));
}

#[test]
fn a_websocket_message_beyond_the_limit_ends_the_connection() {
    let limits = GatewayLimits { ws_max_message: 1000, ws_max_frame: 1000, ..GatewayLimits::default() };
    let house = House::with(limits);
    let mut line = Line::open(house.address);
    assert_eq!(line.upgrade(ENGINE).status, 101);
    line.join("/echo", AMY);
    let fits = format!("42/echo,1[\"number\",{:>900}]", 5);
    line.send(text_frame(&fits));
    assert_eq!(line.text(), "42/echo,[\"number\",5]");
    assert_eq!(line.text(), "43/echo,1[5]");
    // It may have ended before all is written.
    let _ = line.pour(&text_frame(&"4".repeat(1001)));
    line.wait_for_end();
}

/// Each is answered with an `error` event; 40 arrive in one piece, and are answered before the writer runs.
fn overflow(line: &mut Line) {
    line.send(text_frame(r#"42/chat,["no-such-event"]"#).repeat(40));
}

#[test]
fn a_client_whose_buffer_is_full_is_cut() {
    let limits = GatewayLimits {
        max_buffered_packets: 8,
        // So that nothing else ends the connection within the test.
        ping_timeout: Duration::from_secs(600),
        ..GatewayLimits::default()
    };
    let house = House::with(limits);
    let mut line = Line::open(house.address);
    assert_eq!(line.upgrade(ENGINE).status, 101);
    line.join("/chat", AMY);
    overflow(&mut line);
    line.wait_for_end();

    // Likewise when it began by polling.
    let sid = open_session(&mut Line::open(house.address));
    let mut line = Line::open(house.address);
    assert_eq!(line.upgrade(&format!("{ENGINE}&sid={sid}")).status, 101);
    line.send(text_frame("2probe"));
    assert_eq!(line.text(), "3probe");
    line.send(text_frame("5"));
    line.send(text_frame(&format!("40/chat,{AMY}")));
    line.connected("/chat");
    overflow(&mut line);
    line.wait_for_end();
}

#[test]
fn a_burst_is_answered_without_overflowing_the_buffer() {
    let limits = GatewayLimits { max_buffered_packets: 256, ..GatewayLimits::default() };
    let house = House::with(limits);
    let mut line = Line::open(house.address);
    assert_eq!(line.upgrade(ENGINE).status, 101);
    line.join("/echo", AMY);
    let events = (0..2000).map(|i| text_frame(&format!("42/echo,{i}[\"number\",{i}]")));
    line.send(events.collect::<Vec<_>>().concat());
    for i in 0..2000 {
        assert_eq!(line.text(), format!("42/echo,[\"number\",{i}]"));
        assert_eq!(line.text(), format!("43/echo,{i}[{i}]"));
    }
}

#[test]
fn pages_of_other_origins_may_not_connect() {
    let house = House::open();
    let with_origin =
        |head: &str, origin: &str| head.replacen("\r\n\r\n", &format!("\r\norigin: {origin}\r\n\r\n"), 1);
    let poll = format!("GET {POLL} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let ask = |head: &str, origin: &str| {
        let mut line = Line::open(house.address);
        line.send(with_origin(head, origin));
        line.answer()
    };
    for target in [ENGINE, LIVE] {
        let head = super::wire::upgrade_head(target);
        assert_eq!(ask(&head, "https://app.example.com").status, 101);
        assert_eq!(ask(&head, "http://localhost").status, 101);
        let refused = ask(&head, "https://evil.example");
        assert_eq!((refused.status, refused.json()["code"].as_str()), (403, Some("origin_refused")));
    }
    let listed = ask(&poll, "https://app.example.com");
    assert_eq!(listed.status, 200);
    assert_eq!(listed.header("access-control-allow-origin"), Some("https://app.example.com"));
    assert_eq!(listed.header("vary"), Some("Origin"));
    let refused = ask(&poll, "https://evil.example");
    assert_eq!(refused.status, 403);
    assert_eq!(refused.header("access-control-allow-origin"), None);

    let asks_first = poll.replacen("GET", "OPTIONS", 1);
    let allowed = ask(&asks_first, "https://app.example.com");
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://app.example.com"));
    assert!(allowed.header("access-control-allow-headers").is_some_and(|names| names.contains("orgid")));
    assert_eq!(ask(&asks_first, "https://evil.example").header("access-control-allow-origin"), None);
}

#[test]
fn a_closing_server_takes_no_one_and_cuts_who_does_not_go() {
    let house = House::open();
    let mut stuck = Line::open(house.address);
    assert_eq!(stuck.upgrade(ENGINE).status, 101);
    stuck.join("/echo", AMY);
    // Far more than the kernel keeps for a client that does not read.
    stuck.send(text_frame(r#"42/echo,["flood",1000]"#));
    assert!(stuck.text().starts_with("42/echo,[\"chunk\""), "it has begun");
    // Connected before the end, so that it can ask while the listener is closing.
    let mut late = [Line::open(house.address), Line::open(house.address)];
    late.iter_mut().for_each(|line| assert_eq!(line.get("/ping").status, 200));
    house.stop();
    // The clock stands still: only a turn ends the wait for the one that does not go.
    let [engine, poll] = &mut late;
    loop {
        // The first answers may still come from before the stop.
        let answer = poll.get(POLL);
        if answer.status == 503 {
            assert_eq!(answer.json()["code"], "closing");
            break;
        }
    }
    let refused = engine.upgrade(ENGINE);
    assert_eq!((refused.status, refused.json()["code"].as_str()), (503, Some("closing")));
    house.clock.turn();
    assert_eq!(house.wait_for_shutdown(), 1, "one had to be cut");
    stuck.wait_for_end();
}

#[test]
fn a_poll_that_waits_at_the_end_is_answered_with_the_goodbye() {
    let house = House::build(GatewayLimits::default(), 1);
    let mut poll = Line::open(house.address);
    let session = format!("{POLL}&sid={}", open_session(&mut poll));
    post(&mut poll, &session, &format!("40/echo,{AMY}"));
    hear_greeting(&mut poll, &session);
    poll.send(format!("GET {session} HTTP/1.1\r\nhost: localhost\r\n\r\n"));
    // The one worker serves what arrives in turn: after the second answer the poll is waiting.
    let mut other = Line::open(house.address);
    assert_eq!(other.get("/ping").body, "pong");
    assert_eq!(other.get("/ping").body, "pong");
    house.stop();
    assert_eq!(poll.answer().body, "1");
    assert_eq!(house.wait_for_shutdown(), 0);
}

#[test]
fn events_that_come_too_fast_are_refused_and_the_rest_is_answered() {
    let house = House::with(GatewayLimits { events_per_second: 1, ..GatewayLimits::default() });
    let mut line = Line::open(house.address);
    assert_eq!(line.upgrade(ENGINE).status, 101);
    line.join("/chat", AMY);
    let asked: Vec<u8> = (0..20)
        .flat_map(|n| text_frame(&format!(r#"42/chat,{n}["leave-chat",{{"chatId":"team"}}]"#)))
        .collect();
    line.send(asked);
    let (mut taken, mut refused, mut told) = (0, 0, 0);
    while taken + refused < 20 {
        let text = String::from_utf8(line.frame().1).expect("text");
        match text.as_str() {
            "2" => line.send(text_frame("3")),
            text if text.starts_with("42/chat,[\"error\"") && text.contains("rate_limited") => told += 1,
            text if text.starts_with("43/chat,") && text.contains("rate_limited") => refused += 1,
            text if text.starts_with("43/chat,") => taken += 1,
            _ => {}
        }
    }
    // Four at once, and one more for each second that this takes.
    assert!((4..20).contains(&taken), "{taken} were taken");
    assert_eq!(told, refused);
}
