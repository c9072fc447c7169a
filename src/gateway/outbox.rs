//! How much waits to be sent to one client, by whichever of its namespaces. The engine has room for so many packets
//! and does not say how many are in it; so each is counted here as it is handed over, and what the stream has written
//! says which of them are gone.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use appengine_actors::session::seat::Full;
use socketioxide::extract::SocketRef;

use super::connections::{Carrier, Link};

/// The share of a client's buffer that it is sent of our own accord before it has taken what was sent before. The rest
/// is for the answers to what it asks, and for what it may not have taken yet when it stops polling.
const SHARE: (usize, usize) = (3, 8);
/// The part of that which a client that polls is sent before it is left alone for a moment: nobody knows what it has
/// taken.
const AT_ONCE: usize = 12;
/// The part of that which is for what is worth nothing later.
const SPARE: usize = 4;
/// How often it is: whoever has more for it comes again every 20 ms. So it may take three seconds for a poll, or for
/// the change to a stream, and its buffer still has room for what a stream may be sent, and for answers.
const LEFT_ALONE: u32 = 12;

/// What was handed over for one client; in the extensions of the request that opened its connection.
pub(super) struct Outbox {
    /// Packets that may wait for it before it is sent no more of our own accord.
    most: usize,
    /// Its stream, once it has one.
    link: OnceLock<Link>,
    sent: Mutex<Sent>,
}

/// Bytes as they leave, counted from when the stream was found. What the engine adds of its own is not: so this falls
/// short of what is written sooner or later, and then everything is gone.
#[derive(Default)]
struct Sent {
    /// Where each packet ends that may wait still.
    ends: VecDeque<u64>,
    /// Where the last one ends.
    end: u64,
    /// How often a client that polls was left alone since it was sent something.
    refused: u32,
}

impl Outbox {
    /// That of a socket's client.
    pub fn of(socket: &SocketRef) -> Option<&Arc<Self>> {
        socket.req_parts().extensions.get()
    }

    /// That of a client whose buffer has room for so many packets, with its stream, unless it polls.
    pub fn new(buffer: usize, link: Option<Link>) -> Self {
        let link = link.map_or_else(OnceLock::new, OnceLock::from);
        Self { most: (buffer * SHARE.0 / SHARE.1).max(1), link, sent: Mutex::default() }
    }

    /// Whether there is room for something that nobody asked for.
    ///
    /// # Errors
    /// When there is none.
    pub fn room(&self, socket: &SocketRef) -> Result<(), Full> {
        self.admit(socket, self.most)
    }

    /// Whether there is so much room that something may go that is worth nothing later.
    ///
    /// # Errors
    /// When there is none.
    pub fn spare(&self, socket: &SocketRef) -> Result<(), Full> {
        self.admit(socket, self.most.div_ceil(SPARE))
    }

    fn admit(&self, socket: &SocketRef, most: usize) -> Result<(), Full> {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if self.link.get().is_none() && sent.ends.len() >= most.div_ceil(AT_ONCE) {
            // It may have stopped polling.
            let found = Carrier::of(socket).and_then(|carrier| carrier.link(&socket.id.to_string()));
            let Some(link) = found else {
                sent.refused += 1;
                if sent.refused >= LEFT_ALONE {
                    sent.ends.clear();
                    sent.refused = 0;
                }
                return Err(Full);
            };
            // What it polled has not gone by its stream.
            *sent = Sent { end: link.written(), ..Sent::default() };
            let _ = self.link.set(link);
        }
        if let Some(link) = self.link.get() {
            sent.written(link.written());
        }
        if sent.ends.len() < most { Ok(()) } else { Err(Full) }
    }

    /// Counts a packet that is handed over: an event of this name, or an answer; and the bytes of its payload.
    pub fn count(&self, namespace: &str, event: Option<&str>, payload: usize) {
        // `42/chat,["name",…]`, `43/chat,1[…]`: the number of an answer has a digit at least.
        let name = event.map_or(1, |name| name.len() + 3);
        let bytes = 2 + namespace.len() + 1 + 2 + name + payload;
        // The head of a WebSocket frame to a client (RFC 6455 §5.2).
        let head = match bytes {
            0..=125 => 2,
            126..=65_535 => 4,
            _ => 10,
        };
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        match self.link.get() {
            Some(link) => sent.written(link.written()),
            // Nobody knows what has gone by polling, and more than this is known to be too much.
            None if sent.ends.len() >= self.most => return,
            None => {}
        }
        sent.end += (bytes + head) as u64;
        let end = sent.end;
        sent.ends.push_back(end);
    }
}

impl Sent {
    /// So many bytes have been written in all.
    fn written(&mut self, written: u64) {
        while self.ends.front().is_some_and(|end| *end <= written) {
            self.ends.pop_front();
        }
        if self.ends.is_empty() {
            self.end = self.end.max(written);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_gone() {
        let mut sent = Sent::default();
        for end in [10, 20, 30] {
            sent.ends.push_back(end);
            sent.end = end;
        }
        sent.written(9);
        assert_eq!(sent.ends, [10, 20, 30]);
        sent.written(25);
        assert_eq!(sent.ends, [30]);
        // What the engine added is taken for written once nothing waits.
        sent.written(37);
        assert!(sent.ends.is_empty());
        assert_eq!(sent.end, 37);
    }

    #[test]
    fn what_is_kept_of_a_client_that_polls_is_bounded() {
        let outbox = Outbox::new(800, None);
        for _ in 0..1_000 {
            outbox.count("/chat", None, 10);
        }
        assert_eq!(outbox.sent.lock().unwrap().ends.len(), 300);
    }
}
