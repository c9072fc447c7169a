//! The server, somebody who is well behaved, and the count of what the others have left.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use appengine::auth::role::Role;
use appengine_actors::clock::{Clock, SystemClock};
use appengine_actors::ids::OrgId;
use appengine_actors::session::person::{Address, Side};
use serde_json::Value;

use crate::support::PATIENCE;
use crate::support::in_process::{Server, Who, owner, staff};
use crate::wire::{ENGINE, Line, text_frame};

pub const ORG: &str = "acme";
/// Opens a polling session.
pub const POLL: &str = "/socket.io/?EIO=4&transport=polling";

/// A server, and what a client says to join its chats.
pub struct House {
    pub server: Server,
    pub auth: String,
}

/// Whoever does the harm.
pub fn mallory() -> Who {
    staff(ORG, "mallory@acme.io", Role::Owner)
}

impl House {
    pub fn open() -> Self {
        Self::with(&[])
    }

    pub fn with(settings: &[(&str, &str)]) -> Self {
        // How fast they may be is told where limits are; here they are as fast as they can.
        let fast = [("APPENGINE__SOCKETS__EVENTS_PER_SECOND", "100000")];
        let server = Server::with(&[&fast, settings].concat());
        let auth = auth(&server.token(&mallory()));
        Self { server, auth }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// A stream that has joined the chats.
    pub fn come(&self) -> Line {
        let mut line = Line::open(self.address());
        assert_eq!(line.upgrade(ENGINE).status, 101);
        line.join("/chat", &self.auth);
        // The first ping may have come meanwhile.
        line.send(text_frame("3"));
        line
    }

    /// A polling session that has joined the chats, and where it goes on.
    pub fn poll(&self) -> (Line, String) {
        let mut line = Line::open(self.address());
        let opened = line.get(POLL);
        assert_eq!(opened.status, 200, "{opened:?}");
        let target = format!("{POLL}&sid={}", opened.body.split('"').nth(3).expect("an id"));
        assert_eq!(line.post(&target, &format!("40/chat,{}", self.auth)).body, "ok");
        while !line.get(&target).body.contains(r#""authenticate",{"success":true"#) {}
        (line, target)
    }

    /// Upgraded streams and polling sessions, as an operator sees them.
    pub fn connections(&self) -> (u64, u64) {
        let token = self.server.token(&owner(ORG));
        let told =
            self.server.call_as(&token, "GET", "/monitoring/system-metrics").header("orgid", ORG).send();
        let told: Value = told.json();
        let count = |name: &str| told["sockets"][name].as_u64().unwrap_or_else(|| panic!("{told}"));
        (count("streams"), count("pollingSessions"))
    }

    /// Clients of somebody who hear what is said to them.
    pub fn seats(&self, side: Side, email: &str) -> usize {
        let hall = &self.server.machine.house.hall;
        let org = OrgId::new(ORG).unwrap();
        hall.gather("count", &[Address::of(&org, side, email)], |_| 0);
        let found = hall.behind("count", u64::MAX);
        found.iter().for_each(|(seat, _)| hall.part("count", seat.id()));
        found.len()
    }

    /// Clients that hear a conversation, or are brought to it.
    pub fn hearers(&self, chat: &str) -> usize {
        let hall = &self.server.machine.house.hall;
        let room = format!("chat:{ORG}:{chat}");
        hall.behind(&room, u64::MAX).len() + hall.catching_up(&room).len()
    }

    /// Does harm while somebody else asks and is answered, then waits until nothing is left of whoever did it.
    pub fn while_somebody_is_answered(&self, harm: impl FnOnce()) {
        let witness = Witness::come(self);
        harm();
        witness.was_answered();
        self.until("nothing is left", || {
            self.connections() == (0, 0) && self.seats(Side::Agent, "mallory@acme.io") == 0
        });
        self.server.assert_well();
    }

    /// Waits until something holds.
    pub fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let begun = SystemClock::new();
        while !holds() {
            assert!(begun.elapsed() < PATIENCE, "never: {what}; {:?}", self.connections());
        }
    }
}

pub fn auth(token: &str) -> String {
    format!(r#"{{"token":"{token}","orgId":"{ORG}"}}"#)
}

/// Somebody well behaved, who asks one thing after the other.
struct Witness {
    done: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Witness {
    fn come(house: &House) -> Self {
        let auth = auth(&house.server.token(&staff(ORG, "wes@acme.io", Role::Owner)));
        let (address, done) = (house.address(), Arc::new(AtomicBool::new(false)));
        let is_done = Arc::clone(&done);
        let thread = std::thread::spawn(move || {
            let mut line = Line::open(address);
            assert_eq!(line.upgrade(ENGINE).status, 101);
            line.join("/chat", &auth);
            line.send(text_frame("3"));
            // As long as the harm is done, and for a while afterwards.
            let (mut asked, mut left) = (0, 50);
            while left > 0 {
                left -= usize::from(is_done.load(Ordering::SeqCst));
                ask(&mut line, asked);
                asked += 1;
            }
        });
        Self { done, thread }
    }

    fn was_answered(self) {
        self.done.store(true, Ordering::SeqCst);
        self.thread.join().expect("every question is answered");
    }
}

/// Says something that is stored, and waits for its answer.
fn ask(line: &mut Line, number: usize) {
    line.send(text_frame(&format!(
        r#"42/chat,{number}["sendMessage",{{"chatId":"witness","content":"{number}"}}]"#
    )));
    let answer = format!("43/chat,{number}[{{\"success\":true");
    loop {
        match line.frame() {
            (1, text) if text == b"2" => line.send(text_frame("3")),
            (1, text) if text.starts_with(answer.as_bytes()) => return,
            (1, text) if text.starts_with(b"43") => panic!("{}", String::from_utf8_lossy(&text)),
            (1, _) => {}
            (opcode, bytes) => panic!("{opcode}: {}", String::from_utf8_lossy(&bytes)),
        }
    }
}
