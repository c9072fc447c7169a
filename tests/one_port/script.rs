//! Talks as tables: what a client says and what it must hear, packet by packet, the same over both transports.

use std::net::SocketAddr;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::polling::Polling;
use super::wire::{ENGINE, Line, frame, text_frame};

/// One step of a talk. The texts are packets of Engine.IO.
pub enum Step {
    /// The client says this.
    Say(&'static str),
    /// The client says these bytes.
    SayBytes(&'static [u8]),
    /// The client hears this next; `…` at the end stands for anything.
    Hear(&'static str),
    /// The client hears these bytes next.
    HearBytes(&'static [u8]),
    /// The server ends the connection; whatever it says before is dropped.
    Ended,
}

/// A client by one of the two transports.
pub enum Talker {
    Streams(Option<Line>),
    Polls(Box<Polling>),
}

impl Talker {
    /// One by each transport.
    pub fn both(address: SocketAddr) -> [Self; 2] {
        let mut line = Line::open(address);
        assert_eq!(line.upgrade(ENGINE).status, 101);
        assert!(line.text().starts_with("0{"), "the engine opens");
        [Self::Streams(Some(line)), Self::Polls(Box::new(Polling::open(address)))]
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Streams(_) => "websocket",
            Self::Polls(_) => "polling",
        }
    }

    fn line(&mut self) -> &mut Line {
        match self {
            Self::Streams(line) => line.as_mut().expect("the talk goes on"),
            Self::Polls(_) => panic!("it polls"),
        }
    }

    fn say(&mut self, packet: &str) {
        match self {
            Self::Streams(_) => self.line().send(text_frame(packet)),
            // Whether what it says is taken shows in what it hears.
            Self::Polls(polling) => drop(polling.post(packet)),
        }
    }

    fn say_bytes(&mut self, bytes: &[u8]) {
        match self {
            Self::Streams(_) => self.line().send(frame(2, bytes)),
            Self::Polls(_) => self.say(&format!("b{}", STANDARD.encode(bytes))),
        }
    }

    /// The next packet, but for what everybody is told of who comes and goes, at any time.
    fn hear(&mut self) -> String {
        loop {
            let packet = match self {
                Self::Streams(_) => self.line().text(),
                Self::Polls(polling) => polling.hear().expect("the session goes on"),
            };
            if !packet.starts_with(r#"42/chat,["presence-change""#) {
                return packet;
            }
        }
    }

    fn hear_bytes(&mut self) -> Vec<u8> {
        match self {
            Self::Streams(_) => {
                let (opcode, bytes) = self.line().frame();
                assert_eq!(opcode, 2, "{}", String::from_utf8_lossy(&bytes));
                bytes
            }
            Self::Polls(_) => {
                let packet = self.hear();
                let text = packet.strip_prefix('b').unwrap_or_else(|| panic!("no bytes: {packet}"));
                STANDARD.decode(text).expect("base64")
            }
        }
    }

    fn wait_for_end(&mut self) {
        match self {
            Self::Streams(line) => line.take().expect("the talk goes on").wait_for_end(),
            Self::Polls(polling) => while polling.hear().is_some() {},
        }
    }

    /// Goes through a talk.
    pub fn play(&mut self, script: &[Step]) {
        for (number, step) in script.iter().enumerate() {
            let way = self.name();
            match *step {
                Step::Say(packet) => self.say(packet),
                Step::SayBytes(bytes) => self.say_bytes(bytes),
                Step::HearBytes(bytes) => assert_eq!(self.hear_bytes(), bytes, "step {number}, {way}"),
                Step::Ended => self.wait_for_end(),
                Step::Hear(expected) => {
                    let heard = self.hear();
                    match expected.strip_suffix('…') {
                        Some(begin) => assert!(heard.starts_with(begin), "step {number}, {way}: {heard}"),
                        None => assert_eq!(heard, expected, "step {number}, {way}"),
                    }
                }
            }
        }
    }
}
