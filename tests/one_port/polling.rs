//! A client that polls, by hand: one line for its polls, one for what it says.

use std::{collections::VecDeque, net::SocketAddr};

use super::wire::{Answer, Line};

/// What opens a session; with `&sid=` it goes on with one.
pub const POLL: &str = "/socket.io/?EIO=4&transport=polling";

/// Between the packets of one body (Engine.IO, "Packet encoding").
pub const SEPARATOR: char = '\u{1e}';

pub struct Polling {
    pub sid: String,
    /// Where its polls and its words go.
    pub target: String,
    pub polls: Line,
    pub words: Line,
    heard: VecDeque<String>,
    pings: usize,
}

impl Polling {
    pub fn open(address: SocketAddr) -> Self {
        let mut polls = Line::open(address);
        let opened = polls.get(POLL);
        assert_eq!(opened.status, 200, "{opened:?}");
        let sid = opened.body.split('"').nth(3).expect("an id").to_owned();
        let target = format!("{POLL}&sid={sid}");
        Self { sid, target, polls, words: Line::open(address), heard: VecDeque::new(), pings: 0 }
    }

    /// Says packets, and expects them to be taken.
    pub fn say(&mut self, body: &str) {
        let answer = self.post(body);
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok"), "{body}");
    }

    /// Says packets, as the engine's own or not.
    pub fn post(&mut self, body: &str) -> Answer {
        self.words.post(&self.target, body)
    }

    /// Asks for what there is and does not wait for it.
    pub fn ask(&mut self) {
        self.polls.send(format!("GET {} HTTP/1.1\r\nhost: localhost\r\n\r\n", self.target));
    }

    pub fn poll(&mut self) -> Answer {
        self.ask();
        self.polls.answer()
    }

    /// The next packet that is no ping; none once the session has ended.
    pub fn hear(&mut self) -> Option<String> {
        loop {
            match self.heard.pop_front() {
                Some(packet) if packet == "1" => return None,
                Some(packet) if packet == "2" => self.pings += 1,
                Some(packet) => return Some(packet),
                None => {
                    let answer = self.poll();
                    if answer.status == 400 || answer.body.is_empty() {
                        return None;
                    }
                    assert_eq!(answer.status, 200, "{answer:?}");
                    self.heard.extend(answer.body.split(SEPARATOR).map(str::to_owned));
                }
            }
        }
    }

    /// Polls until the first ping has come, which may be before or after what else there was to hear.
    pub fn hear_ping(&mut self) {
        let rest: Vec<String> = self.heard.drain(..).collect();
        assert!(rest.iter().all(|packet| packet == "2"), "{rest:?}");
        self.pings += rest.len();
        while self.pings == 0 {
            assert_eq!(self.poll().body, "2");
            self.pings += 1;
        }
    }

    /// Joins a namespace.
    pub fn join(&mut self, namespace: &str, auth: &str) {
        self.say(&format!("40{namespace},{auth}"));
        let connected = self.hear().expect("an answer");
        assert!(connected.starts_with(&format!("40{namespace},{{\"sid\"")), "{connected}");
        let told = self.hear().expect("a greeting");
        assert!(told.contains("\"authenticate\",{\"success\":true"), "{told}");
    }
}
