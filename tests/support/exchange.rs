//! HTTP/1.1 by hand: a client that writes exactly the bytes it is told to, one connection a request, and checks the
//! one shape of errors.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
};

use serde_json::Value;

use super::PATIENCE;

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
    pub fn new(address: SocketAddr, method: &str, target: &str) -> Self {
        let (headers, body) = (Vec::new(), Vec::new());
        Self { address, source: None, method: method.to_owned(), target: target.to_owned(), headers, body }
    }

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
        let mut bytes =
            format!("{} {} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n", self.method, self.target);
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
        Self::on(stream)
    }

    /// On a connection that is there.
    pub fn on(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).expect("a guard");
        stream.set_write_timeout(Some(PATIENCE)).expect("a guard");
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
        self.any_answer_at_all().expect("the connection ended without an answer")
    }

    /// Nothing more comes.
    pub fn assert_ended(&mut self) {
        let next = self.any_answer_at_all();
        assert!(next.is_none(), "another answer: {next:?}");
    }

    /// The next answer, or none when the other side has gone.
    pub fn any_answer_at_all(&mut self) -> Option<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match self.0.read_until(b'\n', &mut head) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("{error}: {}", String::from_utf8_lossy(&head)),
            }
        }
        let head = String::from_utf8(head).expect("a head of text");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        let mut answer = Answer { status, headers, body: Vec::new() };
        answer.body = self.body(&answer);
        Some(answer)
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
