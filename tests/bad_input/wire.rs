//! What is hardly HTTP: it is refused or dropped, and the server goes on. Whoever does not speak HTTP gets no JSON
//! either: such a head never reaches a route.

use std::io::Write;
use std::net::{Shutdown, TcpStream};

use crate::ORG;
use crate::ready;
use crate::support::exchange::Line;
use crate::support::in_process::owner;

#[test]
fn heads_that_are_no_http_are_refused() {
    let server = ready();
    let long = format!("GET /health HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "a".repeat(300_000));
    let many: String = (0..500).map(|n| format!("x-{n}: 1\r\n")).collect();
    let many = format!("GET /health HTTP/1.1\r\nhost: x\r\n{many}\r\n");
    let target = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(300_000));
    let table: [(&[u8], u16); 18] = [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /health\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
        (b"GET /health HTTP/3.0\r\nhost: x\r\n\r\n", 400),
        (b"GET /a b HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        (b"GET /\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        (b"G\xc3\x89T /health HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nhost: x\r\nx-a: b\r\n folded\r\n\r\n", 400),
        (b"POST /events HTTP/1.1\r\nhost: x\r\ncontent-length: abc\r\n\r\n", 400),
        (b"POST /events HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n", 400),
        (b"POST /events HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", 400),
        (b"POST /events HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (long.as_bytes(), 431),
        (many.as_bytes(), 431),
        (target.as_bytes(), 431),
    ];
    for (head, status) in table {
        let mut line = Line::open(server.address);
        line.write(head);
        let answer = line.answer();
        let shown: String = String::from_utf8_lossy(head).chars().take(80).collect();
        assert_eq!(answer.status, status, "{shown:?}: {answer:?}");
        line.assert_ended();
    }
    server.assert_well();
}

#[test]
fn bodies_that_never_come_are_given_up() {
    let server = ready();
    let token = server.token(&owner(ORG));
    let before = server.dump();
    let heads = [
        "content-length: 100\r\n\r\n{\"event\": \"a.b\"",
        "transfer-encoding: chunked\r\n\r\n64\r\n{\"event\": \"a.b\"",
        "transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    ];
    for head in heads {
        let mut stream = TcpStream::connect(server.address).expect("a connection");
        let head = format!(
            "POST /events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n{head}"
        );
        stream.write_all(head.as_bytes()).expect("a write");
        stream.shutdown(Shutdown::Write).expect("half a goodbye");
        let mut line = Line::on(stream);
        // It may say that the body ended early, or nothing to somebody who has gone.
        if let Some(answer) = line.any_answer_at_all() {
            assert_eq!(answer.status, 400, "{answer:?}");
        }
    }
    assert!(server.dump() == before, "half an event is in the store");
    server.assert_well();
}
