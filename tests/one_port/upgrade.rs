//! From polling to a stream (Engine.IO 4, "Upgrade"): the probe, what the polls hear meanwhile, and probes that come to nothing.

use std::time::Duration;

use appengine::gateway::GatewayLimits;

use super::house::House;
use super::polling::Polling;
use super::wire::{ENGINE, Line, frame, text_frame};

const AMY: &str = r#"{"token":"agent:amy@acme.io","orgId":"acme"}"#;

fn probe(house: &House, polling: &Polling) -> Line {
    let mut line = Line::open(house.address);
    assert_eq!(line.upgrade(&format!("{ENGINE}&sid={}", polling.sid)).status, 101);
    line
}

/// A client that polls, and has heard all that there was.
fn settled(house: &House) -> Polling {
    let mut polling = Polling::open(house.address);
    polling.join("/echo", AMY);
    polling.hear_ping();
    polling
}

#[test]
fn a_probe_answers_the_poll_that_waits_and_takes_over() {
    let house = House::open();
    let mut polling = settled(&house);
    polling.ask();
    let mut line = probe(&house, &polling);
    line.send(text_frame("2probe"));
    assert_eq!(line.text(), "3probe");
    let body = polling.polls.answer().body;
    assert!(body.ends_with('6'), "the waiting poll is let go: {body}");
    assert_eq!(polling.poll().body, "6", "and so is any other until the change is made");
    // What is said until then goes by polling, and is answered by the stream.
    polling.say("42/echo,1[\"number\",1]");
    line.send(text_frame("5"));
    assert_eq!((line.text().as_str(), line.text().as_str()), ("42/echo,[\"number\",1]", "43/echo,1[1]"));
    line.send(text_frame("42/echo,2[\"number\",2]"));
    assert_eq!((line.text().as_str(), line.text().as_str()), ("42/echo,[\"number\",2]", "43/echo,2[2]"));
    // The old way is closed.
    assert_eq!(polling.post("42/echo,3[\"number\",3]").status, 400);
    assert_eq!(polling.poll().status, 400);
    // A second stream gets nothing.
    probe(&house, &polling).wait_for_end();
    line.send(text_frame("42/echo,4[\"number\",4]"));
    assert_eq!(line.text(), "42/echo,[\"number\",4]");
    drop(line);
    house.wait_until_drained();
    house.wait_until(|gateway| gateway.sessions() == 0);
}

/// What is left of a session whose probe was given up: it ends, and its client comes again. It must not be left
/// neither here nor there, where nobody pings it and its place is taken for ever.
#[test]
fn a_probe_that_is_given_up_ends_its_session() {
    let house = House::open();
    for (way, is_probed, last) in [
        ("gone before the probe", false, vec![]),
        ("gone after the probe", true, vec![]),
        ("closed after the probe", true, frame(8, &1000_u16.to_be_bytes())),
        ("no probe", false, text_frame("4hello")),
        ("bytes for a probe", false, frame(2, b"x")),
        ("no change after the probe", true, text_frame("40/echo,{}")),
    ] {
        let mut polling = settled(&house);
        let mut line = probe(&house, &polling);
        if is_probed {
            line.send(text_frame("2probe"));
            assert_eq!(line.text(), "3probe", "{way}");
        }
        line.send(last);
        drop(line);
        house.wait_until_drained();
        // Between the end of the stream and that of the session a poll is let go with nothing.
        assert!((0..1_000).any(|_| polling.poll().status == 400), "{way}: the session is left over");
    }
    house.wait_until(|gateway| gateway.sessions() == 0);
}

#[test]
fn a_probe_that_takes_too_long_ends_its_session() {
    let limits = GatewayLimits { upgrade_timeout: Duration::from_millis(100), ..GatewayLimits::default() };
    let house = House::with(limits);
    let mut polling = settled(&house);
    let mut line = probe(&house, &polling);
    line.send(text_frame("2probe"));
    assert_eq!(line.text(), "3probe");
    line.wait_for_end();
    assert_eq!(polling.hear(), None);
    house.wait_until(|gateway| gateway.sessions() == 0);
}
