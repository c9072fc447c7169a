//! Bodies that are too large, however they are sent: whoever sends one reads the refusal.

use appengine::http::routes;

use crate::support::exchange::{Answer, Line};
use crate::support::in_process::{Server, owner};
use crate::{ORG, filled, ready, request, takes_json};

const MIB: usize = 1 << 20;
const HUNDRED: usize = 100;

#[test]
fn one_byte_too_many_is_refused_by_every_route() {
    let server = ready();
    let before = server.dump();
    let body = format!("{{\"data\": \"{}\"}}", "x".repeat(MIB));
    for route in routes().iter().filter(|route| takes_json(route)) {
        let answer = request(&server, route, &filled(route.path, "some-id")).body(body.as_str()).send();
        assert_eq!(answer.status, 413, "{} {}: {answer:?}", route.method, route.path);
        answer.assert_problem(413, "payload_too_large");
    }
    assert!(server.dump() == before, "something that was refused is in the store");
}

/// How 100 MB are sent.
#[derive(Debug, Clone, Copy)]
struct Way {
    chunked: bool,
    /// Ask before sending; the client does not wait for an answer, as it may (RFC 9110 §10.1.1).
    expect: bool,
    signed: bool,
}

fn send(server: &Server, way: Way) -> Answer {
    let mut head =
        String::from("POST /events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n");
    if way.signed {
        head.push_str(&format!("authorization: Bearer {}\r\n", server.token(&owner(ORG))));
    }
    if way.expect {
        head.push_str("expect: 100-continue\r\n");
    }
    head.push_str(&match way.chunked {
        true => "transfer-encoding: chunked\r\n\r\n".to_owned(),
        false => format!("content-length: {}\r\n\r\n", HUNDRED * MIB),
    });
    let mut line = Line::open(server.address);
    assert!(line.write(head.as_bytes()));
    let piece = match way.chunked {
        true => [format!("{MIB:x}\r\n").as_bytes(), &vec![b' '; MIB], b"\r\n"].concat(),
        false => vec![b' '; MIB],
    };
    // A client may stop where the server does not read on.
    let sent = (0..HUNDRED).take_while(|_| line.write(&piece)).count();
    if sent == HUNDRED && way.chunked {
        line.write(b"0\r\n\r\n");
    }
    line.answer()
}

#[test]
fn a_hundred_megabytes_get_their_answer() {
    let server = ready();
    let before = server.dump();
    for n in 0..8 {
        let way = Way { chunked: n & 1 > 0, expect: n & 2 > 0, signed: n & 4 > 0 };
        let answer = send(&server, way);
        let expected = if way.signed { 413 } else { 401 };
        assert_eq!(answer.status, expected, "{way:?}: {answer:?}");
        answer.problem();
    }
    assert!(server.dump() == before, "something that was refused is in the store");
    server.assert_well();
}

#[test]
fn a_client_that_waits_for_leave_to_send_is_answered() {
    let server = ready();
    let mut line = Line::open(server.address);
    let token = server.token(&owner(ORG));
    line.write(
        format!(
            "POST /events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\nexpect: 100-continue\r\n\
             content-type: application/json\r\ncontent-length: 16\r\n\r\n"
        )
        .as_bytes(),
    );
    assert_eq!(line.any_answer().status, 100);
    line.write(b"{\"event\": \"a.b\"}");
    line.answer().expect(202);
}
