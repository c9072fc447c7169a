//! The whole server in this process, on a free port, with a store in memory: up in milliseconds, gone when dropped.
//! And a client that writes exactly the bytes it is told to, one connection a request.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use appengine::{
    app::{App, Foundation, Futures},
    auth::{
        principal::Kind,
        role::Role,
        token::{Identity, Tokens, Use},
    },
    config::Config,
};
use appengine_actors::{
    clock::{Clock, SystemClock, Timestamp},
    ids::{OrgId, RecordId},
    machine::Machine,
    store::{Key, Scan, Store},
    testkit::MemoryStore,
};
use bytes::Bytes;
use futures_util::FutureExt;
use serde_json::Value;
use tokio::sync::oneshot;

/// Limits that no test reaches by accident, and a short goodbye.
const SETTINGS: [(&str, &str); 4] = [
    ("APPENGINE__LIMITS__REQUESTS_PER_MINUTE", "1000000"),
    ("APPENGINE__LIMITS__SIGN_INS_PER_MINUTE", "1000000"),
    ("APPENGINE__SERVER__WORKERS", "2"),
    ("APPENGINE__SERVER__SHUTDOWN_GRACE", "2s"),
];

/// What a server under test signs its tokens with.
pub const SECRET: &[u8; 32] = b"a secret that only this test has";

/// A guard against waiting for ever.
pub const GUARD: Duration = Duration::from_secs(60);

/// A running server.
pub struct Server {
    pub address: SocketAddr,
    pub machine: Arc<Machine>,
    pub store: MemoryStore,
    pub clock: Arc<SystemClock>,
    tokens: Arc<Tokens>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Whom a token is for.
#[derive(Debug, Clone)]
pub struct Who {
    pub org: String,
    pub email: String,
    pub kind: Kind,
    pub roles: Vec<Role>,
}

/// A member of staff with one role.
pub fn staff(org: &str, email: &str, role: Role) -> Who {
    Who { org: org.to_owned(), email: email.to_owned(), kind: Kind::User, roles: vec![role] }
}

/// The owner of an organisation.
pub fn owner(org: &str) -> Who {
    staff(org, &format!("owner@{org}.example"), Role::Owner)
}

/// A customer of an organisation.
pub fn customer(org: &str, email: &str) -> Who {
    Who { org: org.to_owned(), email: email.to_owned(), kind: Kind::Customer, roles: vec![Role::Customer] }
}

impl Server {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// With settings of its own, such as `("APPENGINE__LIMITS__BODY", "1KiB")`.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        let config = Config::load(None, SETTINGS.iter().chain(settings).copied()).expect("a configuration");
        let store = MemoryStore::default();
        let clock = Arc::new(SystemClock::new());
        let (ready_tx, ready) = mpsc::sync_channel(1);
        let (stop, stopped) = oneshot::channel::<()>();
        let (kept, time) = (store.clone(), clock.clone());
        let thread = std::thread::spawn(move || {
            actix::System::new().block_on(async move {
                let foundation = Foundation {
                    config,
                    store: Arc::new(kept),
                    secret: SECRET.to_vec(),
                    clock: time,
                    listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"),
                    first_link_life: None,
                };
                let (app, Futures { server, machine }) = App::start(foundation).await.expect("an App");
                let ends = (actix::spawn(server), actix::spawn(machine));
                let shown = (app.address, app.machine.clone(), app.tokens.clone());
                ready_tx.send(shown).expect("the test waits");
                // A test that panics drops its end, which counts as well.
                let _ = stopped.await;
                app.stop().await;
                ends.0.await.expect("the server's task").expect("a clean end");
                // It ends with the reason, and being told to is one.
                let _ = ends.1.await.expect("the machine's task");
            });
        });
        let (address, machine, tokens) = ready.recv().expect("the server starts");
        Self { address, machine, store, clock, tokens, stop: Some(stop), thread: Some(thread) }
    }

    /// A token that lives for an hour.
    pub fn token(&self, who: &Who) -> String {
        self.tokens.sign(&identity(who), Duration::from_secs(3600), self.clock.now()).expect("a token")
    }

    /// A token whose hour is over.
    pub fn expired_token(&self, who: &Who) -> String {
        let before = Timestamp::from_millis(self.clock.now().as_millis() - 7_200_000);
        self.tokens.sign(&identity(who), Duration::from_secs(3600), before).expect("a token")
    }

    /// A token that is good for signing in by a link and nothing else.
    pub fn link_token(&self, who: &Who) -> String {
        let life = Duration::from_secs(3600);
        self.tokens.sign_for(Use::SignInLink, &identity(who), life, self.clock.now()).expect("a token")
    }

    /// A request to build on.
    pub fn call(&self, method: &str, target: &str) -> Request {
        Request {
            address: self.address,
            source: None,
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A request by somebody with this token.
    pub fn call_as(&self, token: &str, method: &str, target: &str) -> Request {
        self.call(method, target).header("authorization", &format!("Bearer {token}"))
    }

    /// Everything in the store.
    pub fn dump(&self) -> BTreeMap<Key, Bytes> {
        let all =
            Scan { from: Vec::new(), to: vec![0xff; 8], descending: false, limit: usize::MAX, keys_only: false };
        let found = self.store.scan(all).now_or_never().expect("memory answers at once");
        found.expect("a scan").into_iter().map(|(key, value)| (key, value.value)).collect()
    }

    /// Asserts that the server is still well.
    pub fn assert_well(&self) {
        let health = self.call("GET", "/health").send();
        assert_eq!(health.status, 200, "{health:?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            assert!(!matches!(ended, Some(Err(_))), "the server's thread panicked");
        }
    }
}

fn identity(who: &Who) -> Identity {
    // The same person has the same id in every token.
    let name: String = who.email.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    Identity {
        org: OrgId::new(&who.org).expect("an org id"),
        id: RecordId::new(&format!("{}-{name}", who.kind.name())).expect("a record id"),
        email: Some(who.email.clone()),
        name: who.email.clone(),
        kind: who.kind,
        roles: who.roles.clone(),
        session: None,
    }
}

/// A request, byte for byte as it will be written.
#[derive(Debug, Clone)]
pub struct Request {
    address: SocketAddr,
    source: Option<Ipv4Addr>,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// A body of any bytes.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Comes from another address of this machine.
    pub fn from(mut self, source: [u8; 4]) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The bytes: a head, and the body with its length where there is one.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            bytes.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() {
            bytes.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        bytes.push_str("\r\n");
        [bytes.as_bytes(), &self.body].concat()
    }

    /// Sends it and reads the answer.
    pub fn send(&self) -> Answer {
        let source = self.source.map(IpAddr::V4);
        let mut line = Line::open_from(self.address, source);
        line.write(&self.bytes());
        line.answer()
    }
}

/// A connection.
pub struct Line(BufReader<TcpStream>);

impl Line {
    pub fn open(address: SocketAddr) -> Self {
        Self::open_from(address, None)
    }

    fn open_from(address: SocketAddr, source: Option<IpAddr>) -> Self {
        let stream = match source {
            None => TcpStream::connect(address).expect("a connection"),
            Some(source) => connect_from(source, address),
        };
        stream.set_read_timeout(Some(GUARD)).expect("a guard");
        stream.set_write_timeout(Some(GUARD)).expect("a guard");
        Self(BufReader::new(stream))
    }

    /// Writes; whether it could, the answer tells.
    pub fn write(&mut self, bytes: &[u8]) -> bool {
        self.0.get_mut().write_all(bytes).is_ok()
    }

    /// The next answer, the interim ones left out.
    pub fn answer(&mut self) -> Answer {
        loop {
            let answer = self.any_answer();
            if answer.status != 100 {
                return answer;
            }
        }
    }

    /// The next answer, be it an interim one.
    pub fn any_answer(&mut self) -> Answer {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let n = self.0.read_until(b'\n', &mut head).expect("the head of an answer");
            assert_ne!(n, 0, "the connection ended without an answer: {}", String::from_utf8_lossy(&head));
        }
        let head = String::from_utf8(head).expect("a head of text");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        let mut answer = Answer { status, headers, body: Vec::new() };
        answer.body = self.body(&answer);
        answer
    }

    fn body(&mut self, answer: &Answer) -> Vec<u8> {
        let mut body = Vec::new();
        if answer.status < 200 || answer.status == 204 {
            return body;
        }
        if answer.header("transfer-encoding") == Some("chunked") {
            loop {
                let mut size = String::new();
                self.0.read_line(&mut size).expect("the size of a chunk");
                let size = u64::from_str_radix(size.trim(), 16).expect("a number");
                let before = body.len() as u64;
                self.0.by_ref().take(size + 2).read_to_end(&mut body).expect("a chunk");
                body.truncate(usize::try_from(before + size).expect("a size"));
                if size == 0 {
                    return body;
                }
            }
        }
        let length = answer.header("content-length").map(|length| length.parse::<u64>().expect("a length"));
        self.0.by_ref().take(length.unwrap_or(u64::MAX)).read_to_end(&mut body).expect("a body");
        body
    }
}

/// Connects from one of this machine's loopback addresses.
fn connect_from(source: IpAddr, address: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::new(source, 0)).expect("a loopback address");
        socket.connect(address).await.expect("a connection").into_std().expect("a stream")
    });
    stream.set_nonblocking(false).expect("a blocking stream");
    stream
}

/// An answer.
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Head and body.
    pub fn bytes(&self) -> Vec<u8> {
        let head = self.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
        [head.collect::<String>().as_bytes(), &self.body].concat()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body, once the status is this one.
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// Asserts the one shape of errors, with this status and code, and hands out the message.
    pub fn assert_problem(&self, status: u16, code: &str) -> String {
        let body = self.problem();
        assert_eq!((self.status, body["code"].as_str()), (status, Some(code)), "{self:?}");
        body["message"].as_str().unwrap_or_default().to_owned()
    }

    /// Asserts the one shape of errors.
    pub fn problem(&self) -> Value {
        let media = self.header("content-type").unwrap_or_default();
        assert!(media.starts_with("application/json"), "{self:?}");
        let body = self.json();
        assert_eq!(body["statusCode"], self.status, "{self:?}");
        for field in ["error", "message", "reason", "code"] {
            assert!(body[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {self:?}");
        }
        assert_eq!(body["reason"], body["code"], "{self:?}");
        assert!(body["path"].as_str().is_some_and(|path| path.starts_with('/')), "path: {self:?}");
        body
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body: String = self.text().chars().take(2000).collect();
        write!(f, "{} {:?}\n{body}", self.status, self.headers)
    }
}
