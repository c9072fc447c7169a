//! A whole server in this process, on the store in memory and a clock that is turned by hand, and a
//! WebSocket client that reads and writes frames by itself.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_codec::{Framed, FramedParts};
use actix_http::ws::{CloseCode, Codec, Frame, Message};
use appengine::app::{App, Foundation};
use appengine::auth::principal::Kind;
use appengine::auth::role::Role;
use appengine::auth::token::Identity;
use appengine::config::Config;
use appengine_actors::clock::Clock;
use appengine_actors::ids::{OrgId, RecordId};
use appengine_actors::testkit::{ManualClock, MemoryStore};
use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub struct House {
    pub app: App,
    pub clock: ManualClock,
    pub http: reqwest::Client,
}

impl House {
    pub async fn open() -> Self {
        let settings =
            [("APPENGINE__LIMITS__REQUESTS_PER_MINUTE", "1000000"), ("APPENGINE__SERVER__WORKERS", "1")];
        let clock = ManualClock::default();
        let (app, futures) = App::start(Foundation {
            config: Config::load(None, settings).unwrap(),
            store: Arc::new(MemoryStore::default()),
            secret: vec![7; 32],
            clock: Arc::new(clock.clone()),
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
            first_link_life: None,
            transport: None,
        })
        .await
        .unwrap();
        actix::spawn(futures.server);
        actix::spawn(futures.machine);
        Self { app, clock, http: reqwest::Client::new() }
    }

    /// A token that lives for an hour.
    pub fn token(&self, org: &str, kind: Kind, role: Role) -> String {
        let who = Identity {
            org: OrgId::new(org).unwrap(),
            id: RecordId::new(&format!("{}-1", kind.name())).unwrap(),
            email: Some("ada@example.com".into()),
            name: "Ada".into(),
            kind,
            roles: vec![role],
            session: None,
        };
        self.app.tokens.sign(&who, Duration::from_secs(3600), self.clock.now()).unwrap()
    }

    pub fn owner(&self, org: &str) -> String {
        self.token(org, Kind::User, Role::Owner)
    }

    /// Publishes an event and gives its id.
    pub async fn publish(&self, token: &str, data: &Value) -> String {
        let url = format!("http://{}/events", self.app.address);
        let body = json!({"event": "order.paid", "data": data}).to_string();
        let request =
            self.http.post(url).bearer_auth(token).header("content-type", "application/json").body(body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 202);
        let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        answer["id"].as_str().unwrap().to_owned()
    }

    /// Asks for the feed with these headers, each `name: value`, and gives the status and the error's code.
    pub async fn refused(&self, query: &str, headers: &[&str]) -> (u16, String) {
        let mut stream = ask(self.app.address, query, headers).await;
        let mut text = String::new();
        let mut bytes = vec![0; 4096];
        while !text.contains("\"code\":") {
            let read = stream.read(&mut bytes).await.unwrap();
            assert_ne!(read, 0, "{text}");
            text.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
        }
        let status = text.split(' ').nth(1).unwrap().parse().unwrap();
        let body: Value = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
        (status, body["code"].as_str().unwrap().to_owned())
    }

    /// Opens the feed with a token in the query.
    pub async fn watch(&self, token: &str) -> Watching {
        Watching::open(ask(self.app.address, &format!("?token={token}"), UPGRADE).await).await
    }
}

pub const UPGRADE: &[&str] = &[
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

async fn ask(address: SocketAddr, query: &str, headers: &[&str]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let head = format!("GET /monitoring/live{query} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// A client of the feed.
pub struct Watching(Framed<TcpStream, Codec>);

impl Watching {
    /// Opens the feed with the usual headers.
    pub async fn by_header(house: &House, token: &str) -> Self {
        let bearer = format!("Authorization: Bearer {token}");
        let headers: Vec<&str> = UPGRADE.iter().copied().chain([bearer.as_str()]).collect();
        Self::open(ask(house.app.address, "", &headers).await).await
    }

    async fn open(mut stream: TcpStream) -> Self {
        let mut bytes = BytesMut::new();
        let end = loop {
            if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "{bytes:?}");
        };
        let head = bytes.split_to(end);
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{head:?}");
        let codec = Codec::new().client_mode().max_size(1 << 20);
        Self(Framed::from_parts(FramedParts::with_read_buf(stream, codec, bytes)))
    }

    /// The next message; none once the feed is closed. Answers no pings.
    pub async fn next(&mut self) -> Result<Value, Option<CloseCode>> {
        loop {
            match self.0.next().await {
                Some(Ok(Frame::Text(text))) => return Ok(serde_json::from_slice(&text).unwrap()),
                Some(Ok(Frame::Ping(_))) => {}
                Some(Ok(Frame::Close(reason))) => return Err(reason.map(|reason| reason.code)),
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next message of a type; others before it are passed over.
    pub async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next().await.unwrap();
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// Reads to the end: how many events came, the last message, and how it was closed.
    pub async fn read_to_end(&mut self) -> (usize, Value, Option<CloseCode>) {
        let (mut events, mut last) = (0, Value::Null);
        loop {
            match self.next().await {
                Ok(message) => {
                    events += usize::from(message["type"] == "event");
                    last = message;
                }
                Err(code) => return (events, last, code),
            }
        }
    }

    pub async fn text(&mut self, text: String) {
        self.0.send(Message::Text(text.into())).await.unwrap();
    }

    pub async fn close(&mut self) {
        self.0.send(Message::Close(Some(CloseCode::Normal.into()))).await.unwrap();
    }

    /// Says a text and gives the answer to it, which is no JSON.
    pub async fn echo(&mut self, text: &str) -> Bytes {
        self.text(text.to_owned()).await;
        loop {
            match self.0.next().await {
                Some(Ok(Frame::Text(text))) if !text.starts_with(b"{") => return text,
                Some(Ok(Frame::Text(_) | Frame::Ping(_))) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Sends this many of the smallest frames there are.
    pub async fn flood(&mut self, frames: usize) {
        for _ in 0..frames {
            self.0.feed(Message::Pong(Bytes::new())).await.unwrap();
        }
        SinkExt::<Message>::flush(&mut self.0).await.unwrap();
    }
}
