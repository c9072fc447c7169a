//! SIGTERM: requests and jobs under way finish, nothing new comes in, and asking twice ends it at once.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use appengine_actors::clock::{Clock, SystemClock};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::binary::{House, Server};
use crate::support::receiver::{Answer, Receiver};
use crate::support::{ADA, ORG, PATIENCE};

/// A request whose second half has not been sent yet.
struct Halfway {
    stream: TcpStream,
    rest: Vec<u8>,
}

impl Halfway {
    fn publish(server: &Server, token: &str) -> Self {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let body = json!({"event": "sent.slowly", "data": {"slow": true}}).to_string();
        let (first, rest) = body.as_bytes().split_at(10);
        let head = format!(
            "POST /events HTTP/1.1\r\nhost: {}\r\norgid: {ORG}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
            server.address(),
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        // The server answers `100` from within the handler: from then on the request is under way.
        let mut interim = [0; 25];
        stream.read_exact(&mut interim).unwrap();
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(first).unwrap();
        Self { stream, rest: rest.to_vec() }
    }

    /// Sends what is left; status and body of the answer.
    fn finish(mut self) -> (u16, Value) {
        self.stream.write_all(&self.rest).unwrap();
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
    }
}

fn wait_until_refused(server: &Server) {
    let clock = SystemClock::new();
    while TcpStream::connect(server.address()).is_ok() {
        assert!(clock.elapsed() < PATIENCE, "new connections are still taken");
    }
}

#[test]
fn a_request_under_way_finishes_and_new_ones_are_refused() {
    let house = House::new();
    let token = house.token(&["--org", ORG, "--email", ADA]);
    let server = house.start();
    let halfway = Halfway::publish(&server, &token);
    server.terminate();
    server.logged("draining");
    wait_until_refused(&server);
    let (status, body) = halfway.finish();
    assert_eq!(status, 202, "{body}");
    let ended = server.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.err);
    assert!(ended.err.contains("drained") && !ended.err.contains("WARN"), "{}", ended.err);

    let server = house.start();
    let event = house.owner(&server).get(&format!("/events/{}", body["id"].as_str().unwrap()), 200).json();
    assert_eq!(event["data"], json!({"slow": true}));
    server.stop();
}

#[test]
fn asking_twice_ends_it_at_once() {
    let house = House::new();
    let token = house.token(&["--org", ORG, "--email", ADA]);
    let server = house.start();
    let owner = house.owner(&server);
    let id = owner.post("/events", &json!({"event": "a.b"}), 202).json()["id"].as_str().unwrap().to_owned();
    // It would wait for this one until its grace is over.
    let _halfway = Halfway::publish(&server, &token);
    server.terminate();
    server.logged("draining");
    server.terminate();
    let ended = server.wait();
    assert_eq!(ended.status.code(), Some(130), "{}", ended.err);
    assert!(!ended.err.contains("drained"), "{}", ended.err);
    let server = house.start();
    house.owner(&server).get(&format!("/events/{id}"), 200);
    server.stop();
}

#[test]
fn the_grace_is_one_for_requests_and_for_webhooks() {
    const GRACE: Duration = Duration::from_secs(2);
    let house = House::new().with("SERVER__SHUTDOWN_GRACE", "2s");
    let token = house.token(&["--org", ORG, "--email", ADA]);
    let receiver = Receiver::open();
    receiver.script("/never", [Answer::Held]);
    let server = house.start();
    let owner = house.owner(&server);
    let flow = json!({
        "name": "Never", "trigger": {"type": "a.b"},
        "actions": [{"type": "send_webhook", "config": {"url": receiver.url("/never")}}],
    });
    owner.post("/automation/flows/create", &flow, 201);
    owner.post("/events", &json!({"event": "a.b"}), 202);
    receiver.wait_for("/never", 1);
    let _halfway = Halfway::publish(&server, &token);
    let clock = SystemClock::new();
    server.terminate();
    let ended = server.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.err);
    assert!(clock.elapsed() < 2 * GRACE, "it took {:?}", clock.elapsed());
}

#[test]
fn an_interrupt_from_the_keyboard_is_heard_as_well() {
    let house = House::new();
    let server = house.start();
    server.signal(Signal::INT);
    let ended = server.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.err);
    assert!(ended.err.contains("drained"), "{}", ended.err);
}

#[test]
fn a_delivery_under_way_finishes() {
    let (house, receiver) = (House::new(), Receiver::open());
    receiver.script("/slow", [Answer::Held]);
    let server = house.start();
    let owner = house.owner(&server);
    let flow = json!({
        "name": "Slow", "trigger": {"type": "a.b"},
        "actions": [{"type": "send_webhook", "config": {"url": receiver.url("/slow")}}],
    });
    owner.post("/automation/flows/create", &flow, 201);
    owner.post("/events", &json!({"event": "a.b"}), 202);
    let delivery = receiver.wait_for("/slow", 1).remove(0);
    server.terminate();
    server.logged("draining");
    wait_until_refused(&server);
    receiver.release();
    let ended = server.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.err);

    let server = house.start();
    let path = format!("/webhooks/deliveries/{}", delivery.header("webhook-id"));
    let stored = house.owner(&server).get(&path, 200).json();
    assert_eq!((&stored["status"], &stored["attempts"]), (&json!("delivered"), &json!(1)), "{stored:#}");
    assert_eq!(receiver.received().len(), 1);
    server.stop();
}

#[test]
fn what_does_not_finish_in_time_is_taken_up_again() {
    let house = House::new().with("SERVER__SHUTDOWN_GRACE", "1s");
    let receiver = Receiver::open();
    receiver.script("/never", [Answer::Held]);
    let server = house.start();
    let owner = house.owner(&server);
    let flow = json!({
        "name": "Never", "trigger": {"type": "a.b"},
        "actions": [{"type": "send_webhook", "config": {"url": receiver.url("/never")}}],
    });
    owner.post("/automation/flows/create", &flow, 201);
    owner.post("/events", &json!({"event": "a.b"}), 202);
    receiver.wait_for("/never", 1);
    server.stop();
    let server = house.start();
    let deliveries = receiver.wait_for("/never", 2);
    assert_eq!(deliveries[0].header("webhook-id"), deliveries[1].header("webhook-id"));
    let path = format!("/webhooks/deliveries/{}", deliveries[1].header("webhook-id"));
    house.owner(&server).until(&path, |body| (body["status"] == "delivered").then_some(()));
    server.stop();
}
