//! The feed as Server-Sent Events: the same frames to the same people, and the same ends.

use appengine::auth::principal::Kind;
use appengine::auth::role::Role;
use serde_json::{Value, json};

use crate::SECOND;
use crate::house::House;

/// A client that reads a stream of events by itself.
struct Reading {
    answer: reqwest::Response,
    unread: Vec<u8>,
}

impl Reading {
    async fn open(house: &House, token: &str) -> Self {
        let url = format!("http://{}/monitoring/live?token={token}", house.app.address);
        let answer = house.http.get(url).header("accept", "text/event-stream").send().await.unwrap();
        assert_eq!(answer.status(), 200);
        Self { answer, unread: Vec::new() }
    }

    /// The next block as it came, without the empty line that ends it; none at the end.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.unread.windows(2).position(|two| two == b"\n\n") {
                let rest = self.unread.split_off(at + 2);
                let block = std::mem::replace(&mut self.unread, rest);
                return Some(String::from_utf8(block[..at].to_vec()).unwrap());
            }
            match self.answer.chunk().await.unwrap() {
                Some(bytes) => self.unread.extend_from_slice(&bytes),
                None => {
                    assert_eq!(self.unread, b"", "the stream ended in the middle of a block");
                    return None;
                }
            }
        }
    }

    /// The next frame; comments are passed over.
    async fn next(&mut self) -> Option<Value> {
        loop {
            let block = self.block().await?;
            match block.strip_prefix("data: ") {
                Some(data) => return Some(serde_json::from_str(data).unwrap()),
                None => assert_eq!(block, ": heartbeat"),
            }
        }
    }

    async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next().await.unwrap();
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// Reads to the end: how many events came, and the last frame.
    async fn read_to_end(&mut self) -> (usize, Value) {
        let (mut events, mut last) = (0, Value::Null);
        while let Some(frame) = self.next().await {
            events += usize::from(frame["type"] == "event");
            last = frame;
        }
        (events, last)
    }
}

#[actix_web::test]
async fn the_same_frames_come_as_nameless_events() {
    let house = House::open().await;
    let (ours, theirs) = (house.owner("my-org"), house.owner("other-org"));
    let mut feed = Reading::open(&house, &ours).await;
    let header = |name: &str| feed.answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/event-stream");
    assert_eq!(
        (header("x-accel-buffering"), header("cache-control")),
        ("no".to_owned(), "no-store".to_owned())
    );
    let hello = feed.block().await.unwrap();
    assert_eq!(hello, r#"data: {"type":"hello","org":"my-org","email":"ada@example.com"}"#);
    assert_eq!(feed.next().await.unwrap()["type"], "queues");
    house.publish(&theirs, &json!({"secret": 1})).await;
    let id = house.publish(&ours, &json!({"text": "two\nlines"})).await;
    let seen = feed.next_of("event").await;
    assert_eq!((&seen["event"]["id"], &seen["event"]["data"]), (&json!(id), &json!({"text": "two\nlines"})));
}

#[actix_web::test]
async fn whoever_may_not_watch_is_refused_as_ever() {
    let house = House::open().await;
    let ask = async |query: &str, bearer: Option<&str>| {
        let url = format!("http://{}/monitoring/live{query}", house.app.address);
        let request = house.http.get(url).header("accept", "text/event-stream");
        let request = bearer.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth);
        request.send().await.unwrap().status().as_u16()
    };
    let (owner, customer) = (house.owner("my-org"), house.token("my-org", Kind::Customer, Role::Customer));
    assert_eq!(ask("", Some(&owner)).await, 200);
    assert_eq!(ask("", None).await, 401);
    assert_eq!(ask("?token=no.token.atall", None).await, 401);
    assert_eq!(ask("", Some(&customer)).await, 403);
    assert_eq!(ask(&format!("?token={owner}&tokn=1"), None).await, 400);
}

#[actix_web::test]
async fn a_heartbeat_comes_every_fifteen_seconds_and_nobody_has_to_answer() {
    let house = House::open().await;
    let mut feed = Reading::open(&house, &house.owner("my-org")).await;
    feed.next_of("queues").await;
    for _ in 0..4 {
        for _ in 0..3 {
            house.clock.advance(SECOND * 5);
            let mut block = feed.block().await.unwrap();
            if block == ": heartbeat" {
                block = feed.block().await.unwrap();
            }
            assert!(block.starts_with(r#"data: {"type":"queues""#), "{block}");
        }
    }
    let mut beats = Reading::open(&house, &house.owner("my-org")).await;
    beats.next_of("queues").await;
    house.clock.advance(SECOND * 15);
    assert_eq!(beats.block().await.unwrap(), ": heartbeat");
}

#[actix_web::test]
async fn it_ends_with_the_token_and_with_the_session() {
    let house = House::open().await;
    let token = house.owner("my-org");
    let mut feed = Reading::open(&house, &token).await;
    feed.next_of("queues").await;
    let url = format!("http://{}/profile/logout", house.app.address);
    assert_eq!(house.http.get(url).bearer_auth(&token).send().await.unwrap().status(), 200);
    house.clock.advance(SECOND * 15);
    assert_eq!(feed.read_to_end().await.1["code"], "token_revoked");
    let house = House::open().await;
    let mut feed = Reading::open(&house, &house.owner("my-org")).await;
    feed.next_of("queues").await;
    house.clock.advance(SECOND * 3600);
    assert_eq!(feed.read_to_end().await.1["code"], "token_expired");
}

#[actix_web::test]
async fn a_client_that_does_not_read_is_cut() {
    const SENT: usize = 3_000;
    let house = House::open().await;
    let token = house.owner("my-org");
    let mut feed = Reading::open(&house, &token).await;
    feed.next_of("queues").await;
    house.publish(&token, &json!({"text": "x".repeat(60_000)})).await;
    let event = feed.next_of("event").await;
    let event = std::sync::Arc::new(serde_json::from_value(event["event"].clone()).unwrap());
    for _ in 0..SENT {
        let event = std::sync::Arc::clone(&event);
        house.app.machine.house.feed.show(|| appengine_actors::feed::Observation::Event { event });
        std::thread::yield_now();
    }
    house.clock.advance(SECOND * 21);
    let (events, last) = feed.read_to_end().await;
    assert!(events < SENT, "{events} events of 60 kB were kept for a client that read none");
    assert_eq!(last["code"], "too_slow");
}

#[actix_web::test]
async fn a_server_that_stops_says_so() {
    let house = House::open().await;
    let mut feed = Reading::open(&house, &house.owner("my-org")).await;
    feed.next_of("queues").await;
    let (ended, ()) = futures_util::join!(feed.read_to_end(), house.app.stop());
    assert_eq!(ended.1["code"], "server_closing");
}
