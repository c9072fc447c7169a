//! A stream, read as Server-Sent Events, in one of three ways of speaking. Whoever was cut off comes again with the last id
//! that they have, and goes on behind it.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse, web};
use appengine_actors::clock::{Clock, Timestamp};
use appengine_actors::ids::StreamId;
use appengine_actors::machine::Machine;
use appengine_actors::session::stream::Reader;
use appengine_actors::session::stream::frame::Frame;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{Stream, stream};
use serde::Deserialize;

use super::{TAG, theirs};
use crate::ai::speak::{Speaker, Way};
use crate::auth::gate::Gate;
use crate::gateway::Gateway;
use crate::http::admit::credentials;
use crate::http::keep::keep;
use crate::http::route::{Access, Route, id};
use crate::http::take::Params;
use crate::problem::Problem;

/// How often a reader hears that the connection lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a reader may leave what it is sent unread.
const STALLED: Duration = Duration::from_secs(60);

/// The routes of this part. They are open, for a browser's `EventSource` can show its token in the query only.
pub(super) fn routes() -> Vec<Route> {
    ["/ai/stream/{streamId}", "/ai/agent/stream/{streamId}"]
        .map(|path| {
            Route::get(path, Access::Open, read)
                .about(TAG, "An answer as Server-Sent Events, with `?token=` or the usual headers")
                .part("streamId", id(StreamId::PREFIX))
                .hidden()
        })
        .into()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ReadParams {
    token: Option<String>,
    format: Option<String>,
    last_event_id: Option<String>,
}

async fn read(
    request: HttpRequest,
    machine: web::Data<Machine>,
    gate: web::Data<Gate>,
    gateway: web::Data<Gateway>,
    id: web::Path<StreamId>,
    Params(params): Params<ReadParams>,
) -> Result<HttpResponse, Problem> {
    let caller = gate.admit(credentials(request.headers(), params.token.as_deref())).await?;
    gate.count_use(&caller);
    let way = Way::named(params.format.as_deref());
    let place = place(request.headers(), params.last_event_id.as_deref());
    keep(
        "the stream cannot be read",
        [
            ("format", way.is_some(), "must be plain, ui or openai"),
            ("lastEventId", place.is_some(), "must be the number of a frame"),
        ],
    )?;
    let (Some(way), Some(place)) = (way, place) else {
        return Err(Problem::bad_request("invalid", "the stream cannot be read"));
    };
    let head = theirs(&caller, &machine, *id).await?;
    // A browser that is answered so comes no more.
    if head.status.is_over() && place > 0 && place >= head.last {
        return Ok(HttpResponse::NoContent().finish());
    }
    let mut answer = HttpResponse::build(StatusCode::OK);
    for header in Speaker::headers(way) {
        answer.insert_header(*header);
    }
    let mut begun = Vec::new();
    Speaker::comment("an answer", &mut begun);
    if place > 0 {
        Speaker::after(place, &mut begun);
    }
    let clock = machine.house.clock.clone();
    // The ways that remember what they have said look at all of it.
    let from = if way == Way::Plain { place } else { 0 };
    let telling = Telling {
        reader: machine.sessions.streams.read(&head, from),
        speaker: Speaker::new(way, head.started_at.as_secs()),
        place,
        heartbeat: clock.sleep(HEARTBEAT),
        taken_at: clock.elapsed(),
        expires_at: caller.expires_at,
        clock,
        gateway,
        waiting: Some(begun),
        state: State::Goes,
    };
    Ok(answer.streaming(told(telling)))
}

/// The number of the last frame that a reader has; 0 for none. A header that is no number counts as none: browsers send
/// back whatever they were told last, by whomever.
fn place(headers: &HeaderMap, asked: Option<&str>) -> Option<u64> {
    if let Some(asked) = asked.filter(|asked| !asked.is_empty()) {
        return asked.parse().ok();
    }
    let sent = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.trim().parse().ok());
    Some(sent.unwrap_or_default())
}

/// A reader who is being told.
struct Telling {
    reader: Reader,
    speaker: Speaker,
    /// The number of the last frame that the reader has.
    place: u64,
    heartbeat: BoxFuture<'static, ()>,
    /// When something was taken last.
    taken_at: Duration,
    expires_at: Timestamp,
    clock: Arc<dyn Clock>,
    gateway: web::Data<Gateway>,
    waiting: Option<Vec<u8>>,
    state: State,
}

/// How far a reader has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// There is more to tell.
    Goes,
    /// All was told.
    Whole,
    /// There is more, and this reader is not told it now.
    Cut,
    /// The body is at its end.
    Ended,
}

/// The body ends before the answer does. A clean end would pass half an answer for all of it.
#[derive(Debug, thiserror::Error)]
#[error("tell all of the answer: the reader is to come again")]
struct CutOff;

fn told(telling: Telling) -> impl Stream<Item = Result<Bytes, CutOff>> {
    stream::unfold(telling, |mut telling| async move {
        loop {
            if let Some(bytes) = telling.waiting.take().filter(|bytes| !bytes.is_empty()) {
                telling.taken_at = telling.clock.elapsed();
                return Some((Ok(Bytes::from(bytes)), telling));
            }
            match telling.state {
                State::Goes => telling.step().await,
                State::Cut => {
                    telling.state = State::Ended;
                    return Some((Err(CutOff), telling));
                }
                State::Whole | State::Ended => return None,
            }
        }
    })
}

impl Telling {
    async fn step(&mut self) {
        let mut into = Vec::new();
        // This runs only while the reader takes what it is sent.
        let stalled = self.clock.elapsed().saturating_sub(self.taken_at) > STALLED;
        if stalled || self.expires_at <= self.clock.now() {
            Speaker::comment(&format!("cut: come again with Last-Event-ID {}", self.place), &mut into);
            self.state = State::Cut;
            self.waiting = Some(into);
            return;
        }
        let gateway = self.gateway.clone();
        tokio::select! {
            frames = self.reader.next() => match frames {
                Ok(Some(frames)) => frames.iter().for_each(|frame| self.say(frame, &mut into)),
                Ok(None) => {
                    self.speaker.done(&mut into);
                    self.state = State::Whole;
                }
                // What was not told is there when the reader comes again.
                Err(error) => {
                    tracing::warn!(%error, "a stream cannot be told just now");
                    self.state = State::Cut;
                }
            },
            () = &mut self.heartbeat => {
                self.heartbeat = self.clock.sleep(HEARTBEAT);
                Speaker::comment("heartbeat", &mut into);
            }
            () = gateway.closing() => self.state = State::Cut,
        }
        self.waiting = Some(into);
    }

    fn say(&mut self, frame: &Frame, into: &mut Vec<u8>) {
        if frame.number <= self.place {
            self.speaker.skip(frame);
        } else {
            self.speaker.speak(frame, into);
            self.place = frame.number;
        }
    }
}
