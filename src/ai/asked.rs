//! Asks a provider. Before its first piece came it may be asked again; afterwards what it has said stands, and it breaks
//! off or comes to its end. Each wait has a limit.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use appengine_actors::clock::{Clock, timeout};
use appengine_actors::session::stream::model::{ModelError, Piece, Prompt};
use appengine_actors::webhook::failure::SendError;
use appengine_actors::webhook::retry_after::RetryAfter;
use appengine_actors::webhook::send_options::SendOptions;
use appengine_actors::webhook::transport::{Method, OutboundRequest};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tracing::debug;

use super::models::fails;
use super::provider::Provider;
use super::wire::Reader;
use super::wire::sse::{Event, Parser};
use crate::outbound::http::{HttpTransport, Opened};

/// How often a provider is asked before its first piece.
const TRIES: u32 = 3;
/// The pause before the second time; it doubles.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest pause that a provider may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// Bytes of a refusal that are read.
const REFUSAL: usize = 16 * 1024;

/// How long providers are waited for.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Until the first piece of an answer.
    pub first: Duration,
    /// Between two pieces.
    pub between: Duration,
}

type Pieces = BoxStream<'static, Result<Piece, ModelError>>;

/// A provider's answer to a prompt.
pub(super) fn answer(
    transport: HttpTransport,
    clock: Arc<dyn Clock>,
    limits: Limits,
    provider: Provider,
    prompt: Prompt,
) -> Pieces {
    let Some(model) = prompt.model.clone().or_else(|| provider.model.clone()) else {
        let message = format!("ask `{}`: no model is named; save its setting `model`", provider.name);
        return fails(ModelError { code: "no_model", message, retryable: false });
    };
    let asking = Asking { transport, clock, limits, provider, prompt, model };
    Box::pin(stream::once(asking.begin()).flatten())
}

/// A provider that is being asked.
struct Asking {
    transport: HttpTransport,
    clock: Arc<dyn Clock>,
    limits: Limits,
    provider: Provider,
    prompt: Prompt,
    model: String,
}

/// Why there was no answer, and what the provider said of when to ask again.
struct Failed(ModelError, Option<Duration>);

impl Asking {
    /// Asks until there is a first piece, or it is known that none will come.
    async fn begin(self) -> Pieces {
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match self.ask().await {
                Ok(answer) => return answer,
                Err(Failed(error, _)) if !error.retryable => return fails(error),
                Err(Failed(error, wanted)) => {
                    debug!(provider = self.provider.name, %error, "a provider is asked again");
                    let wait = wanted.unwrap_or(pause);
                    if wait > LONGEST_PAUSE {
                        return fails(error);
                    }
                    self.clock.sleep(wait).await;
                    pause *= 2;
                }
            }
        }
        match self.ask().await {
            Ok(answer) => answer,
            Err(Failed(error, _)) => fails(error),
        }
    }

    /// Asks once, up to the first piece.
    async fn ask(&self) -> Result<Pieces, Failed> {
        let Self { provider, prompt, limits, .. } = self;
        let opened = self.transport.open(self.request()).await;
        let opened = opened.map_err(|error| Failed(unreachable(provider, &error), None))?;
        if opened.status / 100 != 2 {
            return Err(self.refused(opened).await);
        }
        let clock = self.clock.clone();
        let mut answer = Answer {
            body: opened.body,
            parser: Parser::default(),
            reader: provider.wire.reader(prompt),
            pieces: VecDeque::new(),
            name: provider.name.clone(),
            key: provider.key.clone(),
            is_over: false,
        };
        let first = timeout(clock.as_ref(), limits.first, answer.next()).await;
        let too_late = || Some(Err(late(&provider.name, limits.first)));
        let first = match first.unwrap_or_else(too_late) {
            Some(Ok(piece)) => piece,
            Some(Err(error)) => return Err(Failed(error, None)),
            None => return Ok(Box::pin(stream::empty())),
        };
        let between = limits.between;
        let rest = stream::unfold(Some((answer, clock)), move |state| async move {
            let (mut answer, clock) = state?;
            match timeout(clock.as_ref(), between, answer.next()).await {
                Some(Some(Ok(piece))) => Some((Ok(piece), Some((answer, clock)))),
                Some(Some(Err(error))) => Some((Err(error), None)),
                Some(None) => None,
                None => Some((Err(late(&answer.name, between)), None)),
            }
        });
        Ok(Box::pin(stream::once(std::future::ready(Ok(first))).chain(rest)))
    }

    fn request(&self) -> OutboundRequest {
        let Self { provider, prompt, model, .. } = self;
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        headers.push(("accept".to_owned(), "text/event-stream".to_owned()));
        let own = provider.wire.headers(provider.key.as_deref());
        headers.extend(own.into_iter().map(|(name, value)| (name.to_owned(), value)));
        OutboundRequest {
            method: Method::Post,
            url: format!("{}{}", provider.base, provider.wire.path()),
            headers,
            body: Bytes::from(provider.wire.body(prompt, model).to_string()),
            timeout: self.limits.first,
            options: SendOptions::default(),
        }
    }

    /// What a refusal means. The provider's words may repeat the key.
    async fn refused(&self, opened: Opened) -> Failed {
        let Opened { status, retry_after, mut body } = opened;
        let reading = async {
            let mut read = Vec::new();
            while let Some(Ok(bytes)) = body.next().await {
                read.extend_from_slice(&bytes[..bytes.len().min(REFUSAL - read.len())]);
                if read.len() >= REFUSAL {
                    break;
                }
            }
            read
        };
        let read = timeout(self.clock.as_ref(), self.limits.between, reading).await.unwrap_or_default();
        let error = masked(self.provider.wire.refusal(status, &read), self.provider.key.as_deref());
        // Providers say seconds; whoever says a date is asked again after the usual pause.
        let wanted = retry_after.and_then(|after| match after {
            RetryAfter::In(wait) => Some(wait),
            RetryAfter::At(_) => None,
        });
        Failed(error, wanted)
    }
}

/// An answer as it comes.
struct Answer {
    body: BoxStream<'static, Result<Bytes, String>>,
    parser: Parser,
    reader: Box<dyn Reader>,
    pieces: VecDeque<Result<Piece, ModelError>>,
    name: String,
    key: Option<String>,
    is_over: bool,
}

impl Answer {
    /// The next piece; none behind the last.
    async fn next(&mut self) -> Option<Result<Piece, ModelError>> {
        let mut events: Vec<Event> = Vec::new();
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                // Some keep the connection open behind the end: nothing more is waited for.
                self.is_over |= matches!(piece, Ok(Piece::Finish(_)));
                return Some(piece.map_err(|error| masked(error, self.key.as_deref())));
            }
            if self.is_over {
                return None;
            }
            match self.body.next().await {
                Some(Ok(bytes)) => {
                    let pushed = self.parser.push(&bytes, &mut events);
                    for event in events.drain(..) {
                        match self.reader.read(&event) {
                            Ok(pieces) => self.pieces.extend(pieces.into_iter().map(Ok)),
                            Err(error) => self.ends(Err(error)),
                        }
                        if self.is_over {
                            break;
                        }
                    }
                    // What came before stands.
                    if let Err(error) = pushed
                        && !self.is_over
                    {
                        self.ends(Err(error.into()));
                    }
                }
                Some(Err(why)) => {
                    let message = format!("read the answer of `{}`: {why}", self.name);
                    self.ends(Err(ModelError { code: "stream_broken", message, retryable: true }));
                }
                None => {
                    let end = self.reader.end();
                    self.ends(end);
                }
            }
        }
    }

    fn ends(&mut self, end: Result<Vec<Piece>, ModelError>) {
        self.is_over = true;
        match end {
            Ok(pieces) => self.pieces.extend(pieces.into_iter().map(Ok)),
            Err(error) => self.pieces.push_back(Err(error)),
        }
    }
}

/// An error without the key, which the provider's words may repeat.
fn masked(error: ModelError, key: Option<&str>) -> ModelError {
    let Some(key) = key.filter(|key| key.len() > 3) else { return error };
    ModelError { message: error.message.replace(key, "••••••••"), ..error }
}

fn late(name: &str, limit: Duration) -> ModelError {
    let message = format!("read the answer of `{name}`: nothing came for {} s", limit.as_secs());
    ModelError { code: "provider_timeout", message, retryable: true }
}

fn unreachable(provider: &Provider, error: &SendError) -> ModelError {
    let message = format!("reach `{}`: {error}", provider.name);
    ModelError { code: "provider_unreachable", message, retryable: error.is_retryable() }
}
