//! What a process that ends in the middle of an upload leaves behind: nothing, or a file that is whole and known.

use std::io::Write;
use std::net::TcpStream;

use appengine_actors::clock::{Clock, SystemClock};
use serde_json::Value;

use crate::house::{file, on_disk, sending};
use crate::support::binary::{House, Server};
use crate::support::exchange::{Line, Request};
use crate::support::{ADA, ORG, PATIENCE};

/// Waits until this lies on the disk.
fn until(house: &House, what: &str, is_so: impl Fn(&[String]) -> bool) {
    let clock = SystemClock::new();
    loop {
        let found = on_disk(&house.data());
        if is_so(&found) {
            return;
        }
        assert!(clock.elapsed() < PATIENCE, "{what} did not come about: {found:?}");
        std::thread::yield_now();
    }
}

fn request(server: &Server, token: &str, method: &str, target: &str) -> Request {
    let request = Request::new(server.address().parse().unwrap(), method, target);
    request.header("authorization", &format!("Bearer {token}"))
}

fn upload(server: &Server, token: &str, text: &str) -> Request {
    sending(request(server, token, "POST", "/repository/file/upload"), &[file("file", "a.txt", text)])
}

/// The first part of an upload, on a connection that stays open.
fn begin(server: &Server, token: &str) -> TcpStream {
    let bytes = upload(server, token, &"x".repeat(100_000)).bytes();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(&bytes[..bytes.len() / 2]).unwrap();
    stream
}

#[test]
fn an_upload_that_a_kill_or_its_client_cuts_off_leaves_nothing() {
    let house = House::new();
    let token = house.token(&["--org", ORG, "--email", ADA]);
    let server = house.start();
    let kept = upload(&server, &token, "kept").send().expect(201);
    let client = begin(&server, &token);
    until(&house, "a file on its way", |found| found.len() == 2);
    drop(client);
    until(&house, "its removal", |found| found.len() == 1);
    let _client = begin(&server, &token);
    until(&house, "a file on its way", |found| found.len() == 2);
    server.kill();
    assert_eq!(on_disk(&house.data()).len(), 2, "the kill left it half done");
    let server = house.start();
    let path = kept["path"].as_str().unwrap();
    assert_eq!(on_disk(&house.data()), [path.strip_prefix("files/").unwrap()], "the next start removed it");
    let link = request(&server, &token, "GET", &format!("/repository/file/link?path={path}")).send();
    assert_eq!(read(&server, &link.expect(200)), b"kept");
    server.stop();
}

fn read(server: &Server, told: &Value) -> Vec<u8> {
    let target = told["url"].as_str().unwrap().strip_prefix(&server.base).unwrap();
    let answer = Request::new(server.address().parse().unwrap(), "GET", target).send();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

/// Between being on the disk under its own name and being known, and between being known and being answered.
#[test]
fn a_process_that_ends_at_any_point_of_an_upload_leaves_a_whole_file_or_none() {
    for (point, left) in [("file.placed", 0), ("file.known", 1)] {
        let house = House::new();
        let token = house.token(&["--org", ORG, "--email", ADA]);
        let server = house.launch_with("APPENGINE_FAILPOINT", &format!("{point}:1")).ready();
        let request_bytes = upload(&server, &token, "whole").bytes();
        let mut line = Line::open(server.address().parse().unwrap());
        line.write(&request_bytes);
        assert!(line.any_answer_at_all().is_none(), "{point}: it was answered");
        server.wait_killed();
        assert_eq!(on_disk(&house.data()).len(), 2, "{point}: its name and its mark are there");
        let server = house.start();
        let found = on_disk(&house.data());
        assert_eq!(found.len(), left, "{point}: {found:?}");
        for path in found {
            let target = format!("/repository/file/link?path=files/{path}");
            let told = request(&server, &token, "GET", &target).send().expect(200);
            assert_eq!(read(&server, &told), b"whole", "{point}");
        }
        upload(&server, &token, "again").send().expect(201);
        server.stop();
    }
}
