//! The live feed for those who ask for Server-Sent Events: the same frames, each as the `data` of a nameless event, and
//! a comment where a WebSocket is pinged. Decides nothing of its own: who may watch, what is shown and when it ends are
//! the feed's.
//!
//! It runs only while its client reads: what it is sent piles up in the machine's bounded feed, which forgets the oldest
//! and counts them, and in the one buffer of the connection. A client that lets it stand still for too long is cut.

use std::collections::VecDeque;
use std::sync::Arc;

use actix_web::http::header::{ACCEPT, CACHE_CONTROL, UPGRADE};
use actix_web::{HttpRequest, HttpResponse, web};
use appengine_actors::clock::Clock;
use appengine_actors::feed::Observation;
use appengine_actors::machine::Machine;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{Stream, stream};
use serde::Serialize;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::pace::{End, Pace, TURN};
use super::{CLOSING, Pass, TOO_SLOW, Word, text, told};
use crate::auth::principal::Principal;
use crate::auth::refusal::Refusal;
use crate::gateway::Gateway;

const MEDIA: &str = "text/event-stream";

/// Whether the request asks for this, rather than for a WebSocket.
pub(super) fn is_wanted(request: &HttpRequest) -> bool {
    let accepts = request.headers().get_all(ACCEPT).filter_map(|value| value.to_str().ok());
    let named =
        |value: &str| value.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case(MEDIA));
    !request.headers().contains_key(UPGRADE) && accepts.flat_map(|value| value.split(',')).any(named)
}

/// The answer to a caller who may watch.
pub(super) fn respond(
    caller: Principal,
    pass: Pass,
    machine: web::Data<Machine>,
    gateway: web::Data<Gateway>,
) -> HttpResponse {
    let clock = machine.house.clock.clone();
    let mut watch = Watch {
        feed: machine.house.feed.watch(),
        pace: Pace::new(caller.expires_at, clock.elapsed()),
        // The first one is due at once.
        next_turn: Box::pin(std::future::ready(())),
        waiting: VecDeque::new(),
        ended: false,
        caller,
        pass,
        machine,
        gateway,
        clock,
    };
    let (org, email) = (watch.caller.org.clone(), watch.caller.email.clone());
    watch.say(&Word::Hello { org: &org, email: email.as_deref() });
    HttpResponse::Ok()
        .content_type(MEDIA)
        .insert_header((CACHE_CONTROL, "no-store"))
        // nginx would else keep frames until it has enough of them.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(frames(watch))
}

/// One client that watches.
struct Watch {
    caller: Principal,
    pass: Pass,
    machine: web::Data<Machine>,
    gateway: web::Data<Gateway>,
    clock: Arc<dyn Clock>,
    pace: Pace,
    feed: Receiver<Observation>,
    next_turn: BoxFuture<'static, ()>,
    /// Frames of one turn that were not taken yet: never more than a few.
    waiting: VecDeque<Bytes>,
    ended: bool,
}

/// What happened while a client waited for its next frame.
enum Next {
    Seen(Result<Observation, RecvError>),
    Turn,
    Closing,
}

fn frames(watch: Watch) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> {
    stream::unfold(watch, |mut watch| async move {
        loop {
            if let Some(frame) = watch.waiting.pop_front() {
                return Some((Ok(frame), watch));
            }
            if watch.ended {
                return None;
            }
            watch.step().await;
        }
    })
}

impl Watch {
    async fn step(&mut self) {
        let next = tokio::select! {
            seen = self.feed.recv() => Next::Seen(seen),
            () = &mut self.next_turn => Next::Turn,
            () = self.gateway.closing() => Next::Closing,
        };
        match next {
            Next::Seen(Err(RecvError::Closed)) => self.ended = true,
            Next::Seen(seen) => {
                let seen = seen.map_err(|error| match error {
                    RecvError::Lagged(missed) => missed,
                    RecvError::Closed => 0,
                });
                if let Some(text) = told(&self.caller, &mut self.pace, seen) {
                    self.push(&text);
                }
            }
            Next::Turn => {
                self.next_turn = self.clock.sleep(TURN);
                self.turn().await;
            }
            Next::Closing => self.end(CLOSING.0, CLOSING.1),
        }
    }

    async fn turn(&mut self) {
        let now = self.clock.elapsed();
        // Nobody answers here; that this runs says that the client reads.
        match self.pace.turn(now, self.clock.now()) {
            Ok(due) => {
                self.pace.heard(now);
                if due.ping {
                    self.waiting.push_back(Bytes::from_static(b": heartbeat\n\n"));
                    match self.pass.show().await {
                        // A store that does not answer just now is no reason to send anybody away.
                        Ok(_) | Err(Refusal::Unavailable) => {}
                        Err(refusal) => return self.refuse(&refusal),
                    }
                }
                if due.queues {
                    let queues = self.machine.queues.statuses_for(&self.caller.org).await;
                    self.pace.answered();
                    self.say(&Word::Queues { queues: &queues });
                }
            }
            Err(End::Expired) => self.refuse(&Refusal::TokenExpired),
            Err(End::Stalled | End::Silent) => self.end(TOO_SLOW.0, TOO_SLOW.1),
        }
    }

    fn refuse(&mut self, refusal: &Refusal) {
        self.end(refusal.code(), &format!("failed to {refusal}"));
    }

    fn end(&mut self, code: &str, message: &str) {
        self.say(&Word::Error { code, message });
        self.ended = true;
    }

    fn say(&mut self, word: &impl Serialize) {
        if let Some(text) = text(word) {
            self.push(&text);
        }
    }

    /// JSON holds no line break, so a frame is one line.
    fn push(&mut self, text: &str) {
        self.waiting.push_back(Bytes::from(format!("data: {text}\n\n")));
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn it_is_for_those_who_name_it_and_ask_for_no_upgrade() {
        let asks = |headers: &[(&'static str, &'static str)]| {
            let request = TestRequest::default();
            let request = headers.iter().fold(request, |request, header| request.append_header(*header));
            is_wanted(&request.to_http_request())
        };
        for accept in ["text/event-stream", "Text/Event-Stream; q=0.9", "text/html, text/event-stream"] {
            assert!(asks(&[("accept", accept)]), "{accept}");
        }
        for accept in ["*/*", "text/*", "text/event-streams", ""] {
            assert!(!asks(&[("accept", accept)]), "{accept}");
        }
        assert!(asks(&[("accept", "text/html"), ("accept", "text/event-stream")]));
        assert!(!asks(&[("accept", "text/event-stream"), ("upgrade", "websocket")]) && !asks(&[]));
    }
}
