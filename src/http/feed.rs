//! The operator's live feed, `GET /monitoring/live`: events, runs, deliveries and queue counts as they
//! happen, over a raw WebSocket, or as Server-Sent Events for who accepts them. The only file that names actix-web-actors. It reads what the machine
//! shows and changes nothing.
//!
//! An actor here runs only while its client reads: what it is sent piles up in the machine's bounded
//! feed, which forgets the oldest and counts them, and in one buffer of the connection, never in here.

mod pace;
mod sse;

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, StreamHandler, WrapFuture};
use actix_web::error::PayloadError;
use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse, web};
use actix_web_actors::ws::{self, CloseCode, CloseReason, Message, ProtocolError, WebsocketContext};
use appengine_actors::clock::Clock;
use appengine_actors::feed::Observation;
use appengine_actors::ids::OrgId;
use appengine_actors::machine::Machine;
use appengine_actors::queue::messages::QueueStatus;
use bytes::Bytes;
use futures_util::{FutureExt, Stream, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use self::pace::{End, Pace, TURN};
use super::admit::{allow, credentials};
use super::route::{Access, Route};
use super::shown;
use super::take::Params;
use crate::auth::gate::Gate;
use crate::auth::principal::Principal;
use crate::auth::refusal::Refusal;
use crate::auth::role::Permission;
use crate::gateway::Gateway;
use crate::problem::Problem;

/// Who may watch. The route itself is open: a browser can put its token in the query only.
const WATCHERS: Access = Access::Staff(Permission::Read, "read:monitoring");
/// Bytes of one frame from a client.
const FRAME: usize = 4 * 1024;
/// Bytes that a client may send between two pings: it has nothing to say but pongs.
const INBOUND: usize = 64 * 1024;

/// What a client is told that leaves what it is sent unread: a code and its words.
const TOO_SLOW: (&str, &str) = ("too_slow", "what was sent was not read in time");
/// What everybody is told when the server stops.
const CLOSING: (&str, &str) = ("server_closing", "the server is stopping");

/// The routes of this chapter.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/monitoring/live", Access::Open, live)
            .about(
                "Monitoring",
                "What happens, as it happens: a WebSocket or Server-Sent Events, with `?token=` or the usual headers",
            )
            .hidden(),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LiveParams {
    token: Option<String>,
}

async fn live(
    request: HttpRequest,
    payload: web::Payload,
    Params(params): Params<LiveParams>,
    machine: web::Data<Machine>,
    gate: web::Data<Gate>,
    gateway: web::Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let pass = Pass { gate, headers: request.headers().clone(), token: params.token };
    let caller = pass.show().await?;
    pass.gate.count_use(&caller);
    if sse::is_wanted(&request) {
        return Ok(sse::respond(caller, pass, machine, gateway));
    }
    let inbound = Rc::default();
    let metered = Metered { payload, taken: Rc::clone(&inbound) };
    let clock = machine.house.clock.clone();
    let pace = Pace::new(caller.expires_at, clock.elapsed());
    let watcher = Watcher { caller, pass: Rc::new(pass), machine, gateway, clock, pace, inbound };
    let socket = ws::WsResponseBuilder::new(watcher, &request, metered).frame_size(FRAME).start();
    socket.map_err(|error| {
        Problem::bad_request("not_a_websocket", format!("this path is a WebSocket: {error}"))
    })
}

/// What the feed says beside what is observed.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Word<'a> {
    /// First of all: who watches what.
    Hello { org: &'a OrgId, email: Option<&'a str> },
    /// What was published, as this watcher may see it.
    Event { event: Value },
    /// How all queues are.
    Queues { queues: &'a [QueueStatus] },
    /// So many observations were not shown, because the client was too slow.
    Lagged { missed: u64 },
    /// Last of all, where there is something to say.
    Error { code: &'a str, message: &'a str },
}

/// What the caller came with, to be shown again from time to time: a session may end before its token.
struct Pass {
    gate: web::Data<Gate>,
    headers: HeaderMap,
    token: Option<String>,
}

impl Pass {
    async fn show(&self) -> Result<Principal, Refusal> {
        let caller = self.gate.admit(credentials(&self.headers, self.token.as_deref())).await?;
        allow(WATCHERS, &caller)?;
        Ok(caller)
    }
}

/// One client that watches.
struct Watcher {
    caller: Principal,
    pass: Rc<Pass>,
    machine: web::Data<Machine>,
    gateway: web::Data<Gateway>,
    clock: Arc<dyn Clock>,
    pace: Pace,
    inbound: Rc<Cell<usize>>,
}

type Socket = WebsocketContext<Watcher>;

impl Actor for Watcher {
    type Context = Socket;

    fn started(&mut self, socket: &mut Socket) {
        say(socket, &Word::Hello { org: &self.caller.org, email: self.caller.email.as_deref() });
        socket.add_stream(observed(self.machine.house.feed.watch()));
        socket.add_stream(turns(self.clock.clone()));
        let gateway = self.gateway.clone();
        let closing = async move { gateway.closing().await }.into_actor(self);
        socket.spawn(closing.map(|(), _, socket| say_goodbye(socket)));
        self.turn(socket);
    }
}

impl Watcher {
    fn turn(&mut self, socket: &mut Socket) {
        match self.pace.turn(self.clock.elapsed(), self.clock.now()) {
            Ok(due) => {
                if due.ping {
                    self.inbound.set(0);
                    socket.ping(b"");
                    self.show_pass(socket);
                }
                if due.queues {
                    self.ask_queues(socket);
                }
            }
            Err(End::Expired) => refuse(socket, &Refusal::TokenExpired),
            Err(End::Stalled) => {
                end(socket, CloseCode::Again, TOO_SLOW.0, TOO_SLOW.1);
            }
            Err(End::Silent) => end(socket, CloseCode::Policy, "silent", "no ping was answered"),
        }
    }

    fn ask_queues(&self, socket: &mut Socket) {
        let machine = self.machine.clone();
        let org = self.caller.org.clone();
        let asked = async move { machine.queues.statuses_for(&org).await }.into_actor(self);
        socket.spawn(asked.map(|queues, watcher, socket| {
            watcher.pace.answered();
            say(socket, &Word::Queues { queues: &queues });
        }));
    }

    fn show_pass(&self, socket: &mut Socket) {
        let pass = Rc::clone(&self.pass);
        let shown = async move { pass.show().await }.into_actor(self);
        socket.spawn(shown.map(|shown, _, socket| match shown {
            // A store that does not answer just now is no reason to send anybody away.
            Ok(_) | Err(Refusal::Unavailable) => {}
            Err(refusal) => refuse(socket, &refusal),
        }));
    }
}

/// What was observed, or how many observations were missed.
struct Seen(Result<Observation, u64>);

impl StreamHandler<Seen> for Watcher {
    fn handle(&mut self, Seen(seen): Seen, socket: &mut Socket) {
        if let Some(text) = told(&self.caller, &mut self.pace, seen) {
            socket.text(text);
        }
    }
}

/// What a watcher is told of what was observed, if anything.
fn told(caller: &Principal, pace: &mut Pace, seen: Result<Observation, u64>) -> Option<String> {
    match seen {
        Ok(Observation::Queue { .. }) => {
            pace.changed();
            None
        }
        Ok(Observation::Event { event }) if event.org_id == caller.org => {
            text(&Word::Event { event: shown::event(caller, &event) })
        }
        Ok(observation) if observation.org() == Some(&caller.org) => text(&observation),
        Ok(_) => None,
        Err(missed) => {
            pace.changed();
            text(&Word::Lagged { missed })
        }
    }
}

/// It is time to look what is due.
struct Turn;

impl StreamHandler<Turn> for Watcher {
    fn handle(&mut self, Turn: Turn, socket: &mut Socket) {
        self.turn(socket);
    }
}

impl StreamHandler<Result<Message, ProtocolError>> for Watcher {
    fn handle(&mut self, message: Result<Message, ProtocolError>, socket: &mut Socket) {
        self.pace.heard(self.clock.elapsed());
        match message {
            Ok(Message::Ping(bytes)) => socket.pong(&bytes),
            Ok(Message::Text(text)) if text == "ping" => socket.text("pong"),
            Ok(Message::Close(reason)) => {
                socket.close(reason);
                socket.stop();
            }
            Ok(
                Message::Text(_)
                | Message::Binary(_)
                | Message::Continuation(_)
                | Message::Pong(_)
                | Message::Nop,
            ) => {}
            Err(ProtocolError::Overflow) => {
                end(socket, CloseCode::Size, "frame_too_large", "a frame may have 4 KiB");
            }
            Err(ProtocolError::Io(_)) if self.inbound.get() > INBOUND => {
                end(socket, CloseCode::Policy, "too_much", "the feed takes no messages");
            }
            // Nothing more can be read: the client has gone, or the gateway shows everybody out.
            Err(ProtocolError::Io(_)) if self.gateway.closing().now_or_never().is_some() => {
                say_goodbye(socket);
            }
            Err(ProtocolError::Io(_)) => socket.stop(),
            Err(_) => end(socket, CloseCode::Protocol, "protocol", "this is not the WebSocket protocol"),
        }
    }
}

fn observed(feed: Receiver<Observation>) -> impl Stream<Item = Seen> {
    stream::unfold(feed, |mut feed| async move {
        match feed.recv().await {
            Ok(observation) => Some((Seen(Ok(observation)), feed)),
            Err(RecvError::Lagged(missed)) => Some((Seen(Err(missed)), feed)),
            Err(RecvError::Closed) => None,
        }
    })
}

fn turns(clock: Arc<dyn Clock>) -> impl Stream<Item = Turn> {
    stream::unfold(clock, |clock| async move {
        clock.sleep(TURN).await;
        Some((Turn, clock))
    })
}

fn text(word: &impl Serialize) -> Option<String> {
    let text = serde_json::to_string(word);
    text.inspect_err(|error| tracing::error!(%error, "the live feed could not say something")).ok()
}

fn say(socket: &mut Socket, word: &impl Serialize) {
    if let Some(text) = text(word) {
        socket.text(text);
    }
}

/// The token lets its holder in no longer: 4401, after HTTP's 401.
fn refuse(socket: &mut Socket, refusal: &Refusal) {
    end(socket, CloseCode::Other(4401), refusal.code(), &format!("failed to {refusal}"));
}

fn say_goodbye(socket: &mut Socket) {
    end(socket, CloseCode::Away, CLOSING.0, CLOSING.1);
}

fn end(socket: &mut Socket, code: CloseCode, reason: &str, message: &str) {
    say(socket, &Word::Error { code: reason, message });
    socket.close(Some(CloseReason { code, description: Some(reason.to_owned()) }));
    socket.stop();
}

/// What a client sends, up to a limit: whatever is read is kept until it is handled, and a flood of tiny
/// frames is read faster than it is handled.
struct Metered {
    payload: web::Payload,
    taken: Rc<Cell<usize>>,
}

impl Stream for Metered {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.taken.get() > INBOUND {
            return Poll::Ready(Some(Err(PayloadError::Overflow)));
        }
        let read = Pin::new(&mut self.payload).poll_next(context);
        if let Poll::Ready(Some(Ok(bytes))) = &read {
            self.taken.set(self.taken.get() + bytes.len());
        }
        read
    }
}
