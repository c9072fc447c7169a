//! HTTP/1.1 and WebSocket by hand, for what no well-behaved client sends.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// The head of an upgrade; the key is RFC 6455's example.
pub fn upgrade_head(target: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
pub const ENGINE: &str = "/socket.io/?EIO=4&transport=websocket";
pub const LIVE: &str = "/monitoring/live";

/// One masked text frame, as clients send them. The mask is zero, so that the payload stays readable.
pub fn text_frame(text: &str) -> Vec<u8> {
    frame(1, text.as_bytes())
}

pub fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match u16::try_from(payload.len()) {
        Ok(short) if short < 126 => frame.push(0x80 | short as u8),
        Ok(medium) => {
            frame.push(0x80 | 126);
            frame.extend(medium.to_be_bytes());
        }
        Err(_) => {
            frame.push(0x80 | 127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

pub struct Line {
    read: BufReader<TcpStream>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let of_name = |line: &'_ str| {
            line.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.len())
        };
        self.headers.lines().find_map(|line| of_name(line).map(|length| &line[line.len() - length..]))
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }
}

impl Line {
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a connection");
        // A guard against waiting for ever.
        let guard = Some(Duration::from_secs(20));
        stream.set_read_timeout(guard).expect("a guard");
        Self { read: BufReader::new(stream) }
    }

    /// Writes until all is written or the other side has had enough; whether all was.
    pub fn pour(&mut self, bytes: &[u8]) -> bool {
        let stream = self.read.get_mut();
        stream.set_write_timeout(Some(Duration::from_secs(5))).expect("a guard");
        stream.write_all(bytes).is_ok()
    }

    /// Writes in one piece.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.read.get_mut().write_all(bytes.as_ref()).expect("a write");
    }

    pub fn get(&mut self, target: &str) -> Answer {
        self.send(format!("GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n"));
        self.answer()
    }

    pub fn post(&mut self, target: &str, body: &str) -> Answer {
        let length = body.len();
        self.send(format!(
            "POST {target} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{body}"
        ));
        self.answer()
    }

    pub fn upgrade(&mut self, target: &str) -> Answer {
        self.send(upgrade_head(target));
        self.answer()
    }

    pub fn answer(&mut self) -> Answer {
        let mut headers = String::new();
        while !headers.ends_with("\r\n\r\n") {
            let n = self.read.read_line(&mut headers).expect("a head");
            assert_ne!(n, 0, "the connection ended within a head: {headers}");
        }
        let status = headers.split(' ').nth(1).expect("a status").parse();
        let mut answer = Answer { status: status.expect("a number"), headers, body: String::new() };
        let length = answer.header("content-length").map_or(0, |l| l.parse().expect("a length"));
        let mut body = vec![0; length];
        self.read.read_exact(&mut body).expect("a body");
        answer.body = String::from_utf8(body).expect("text");
        answer
    }

    /// The opcode and payload of the next frame.
    pub fn frame(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.read.read_exact(&mut head).expect("a frame");
        let length = match head[1] & 0x7f {
            126 => u64::from(u16::from_be_bytes(self.bytes())),
            127 => u64::from_be_bytes(self.bytes()),
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).expect("a length")];
        self.read.read_exact(&mut payload).expect("a payload");
        (head[0] & 0x0f, payload)
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.read.read_exact(&mut bytes).expect("bytes");
        bytes
    }

    /// The next text frame that is no ping of the engine.
    pub fn text(&mut self) -> String {
        loop {
            let (opcode, payload) = self.frame();
            let text = String::from_utf8(payload).expect("text");
            assert_eq!(opcode, 1, "{text}");
            if text != "2" {
                return text;
            }
        }
    }

    /// Waits until the other side has closed; what it says before is dropped.
    pub fn wait_for_end(mut self) {
        let mut rest = Vec::new();
        match self.read.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
    }

    /// Joins a namespace of the engine; the answer to the upgrade was read already.
    pub fn join(&mut self, namespace: &str, auth: &str) {
        self.send(text_frame(&format!("40{namespace},{auth}")));
        self.joined(namespace);
    }

    pub fn joined(&mut self, namespace: &str) {
        assert!(self.text().starts_with("0{"), "the engine opens");
        self.connected(namespace);
    }

    pub fn connected(&mut self, namespace: &str) {
        let connected = self.text();
        assert!(connected.starts_with(&format!("40{namespace},{{\"sid\"")), "{connected}");
        let told = self.text();
        assert!(told.contains("\"authenticate\",{\"success\":true"), "{told}");
    }
}
