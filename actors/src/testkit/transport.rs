//! A transport that answers from a script and remembers what it was asked. Nothing leaves the process.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use crate::clock::{Clock, Timestamp};
use crate::webhook::failure::{Refused, SendError};
use crate::webhook::retry_after::RetryAfter;
use crate::webhook::send_options::{OptionsError, Part, TlsOptions};
use crate::webhook::signature::{ID_HEADER, SIGNATURE_HEADER, Secret, Signed, TOLERANCE, verify};
use crate::webhook::transport::{Attempt, BodyEnd, OutboundReply, OutboundRequest, Timings, Transport};

/// What a receiver does with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It answers with this status and an empty body.
    Status(u16),
    /// It answers with this status and asks for a pause.
    Later(u16, Duration),
    /// No answer comes: this goes wrong.
    Fail(SendError),
    /// Nothing happens until the test says what; see [`ScriptedTransport::let_go`].
    Hang,
    /// The transport itself panics.
    Panic,
}

/// A request as it went out.
#[derive(Debug, Clone)]
pub struct Sent {
    /// When.
    pub at: Timestamp,
    /// The request.
    pub request: OutboundRequest,
}

impl Sent {
    /// A header's value, whatever the case of its name; empty when there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let found = self.request.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value.as_str())
    }

    /// The receiver's idempotency key.
    #[must_use]
    pub fn id(&self) -> &str {
        self.header(ID_HEADER)
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.request.body).expect("the body is JSON")
    }

    /// Whether a receiver who holds `secret` believes it at the moment at which it was sent.
    #[must_use]
    pub fn is_signed_with(&self, secret: &Secret) -> bool {
        let signed = Signed {
            id: self.id(),
            timestamp: self.header("webhook-timestamp"),
            signature: self.header(SIGNATURE_HEADER),
        };
        verify(std::slice::from_ref(secret), signed, &self.request.body, self.at.to_jiff(), TOLERANCE).is_ok()
    }
}

/// A [`Transport`] out of a script. Clones are the same transport. What is not in the script is answered 200.
#[derive(Clone)]
pub struct ScriptedTransport {
    script: Arc<Mutex<Script>>,
    clock: Arc<dyn Clock>,
    /// Set once the process it belongs to has died.
    dead: Arc<Mutex<bool>>,
}

#[derive(Default)]
struct Script {
    /// By the beginning of the URL: what comes next, and what comes when that is used up.
    receivers: Vec<Receiver>,
    refused: Vec<String>,
    sent: Vec<Sent>,
    hanging: Vec<(String, oneshot::Sender<Answer>)>,
    most_hanging: usize,
}

struct Receiver {
    url: String,
    next: VecDeque<Answer>,
    always: Answer,
}

impl ScriptedTransport {
    /// A transport with an empty script.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { script: Arc::default(), clock, dead: Arc::default() }
    }

    /// Requests to URLs that begin with `url` get these answers, one each, before what they got so far.
    pub fn next(&self, url: &str, answers: impl IntoIterator<Item = Answer>) {
        self.script().receiver(url).next.extend(answers);
    }

    /// Requests to URLs that begin with `url` get this answer once those of [`Self::next`] are used up.
    pub fn always(&self, url: &str, answer: Answer) {
        self.script().receiver(url).always = answer;
    }

    /// URLs that begin with `url` are refused at create, at test and at send.
    pub fn refuse(&self, url: &str) {
        self.script().refused.push(url.to_owned());
    }

    /// Lets every hanging request to URLs that begin with `url` come to this end; says how many.
    pub fn let_go(&self, url: &str, answer: &Answer) -> usize {
        let released: Vec<_> = {
            let mut script = self.script();
            let all = std::mem::take(&mut script.hanging);
            let (released, kept) = all.into_iter().partition(|(to, _)| to.starts_with(url));
            script.hanging = kept;
            released
        };
        let told = released.into_iter().filter_map(|(_, tell)| tell.send(answer.clone()).ok());
        told.count()
    }

    /// Every request to URLs that begin with `url`, in order.
    #[must_use]
    pub fn sent_to(&self, url: &str) -> Vec<Sent> {
        let all = &self.script().sent;
        all.iter().filter(|sent| sent.request.url.starts_with(url)).cloned().collect()
    }

    /// Every request, in order.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        self.sent_to("")
    }

    /// How many requests to URLs that begin with `url` hang now.
    #[must_use]
    pub fn hanging(&self, url: &str) -> usize {
        let script = self.script();
        script.hanging.iter().filter(|(to, tell)| to.starts_with(url) && !tell.is_closed()).count()
    }

    /// The most requests that ever hung at once.
    #[must_use]
    pub fn most_hanging(&self) -> usize {
        self.script().most_hanging
    }

    /// The same script for the next process; this handle's requests go nowhere from now on.
    #[must_use]
    pub fn crash(&self) -> Self {
        *self.dead.lock().unwrap_or_else(PoisonError::into_inner) = true;
        Self { script: self.script.clone(), clock: self.clock.clone(), dead: Arc::default() }
    }

    fn is_dead(&self) -> bool {
        *self.dead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Script {
    fn receiver(&mut self, url: &str) -> &mut Receiver {
        let at = self.receivers.iter().position(|receiver| receiver.url == url).unwrap_or_else(|| {
            let always = Answer::Status(200);
            self.receivers.push(Receiver { url: url.to_owned(), next: VecDeque::new(), always });
            self.receivers.len() - 1
        });
        &mut self.receivers[at]
    }

    fn answer(&mut self, url: &str) -> Answer {
        let receiver = self.receivers.iter_mut().find(|receiver| url.starts_with(&receiver.url));
        receiver.map_or(Answer::Status(200), |r| r.next.pop_front().unwrap_or_else(|| r.always.clone()))
    }

    fn hang(&mut self, url: String) -> oneshot::Receiver<Answer> {
        let (tell, told) = oneshot::channel();
        self.hanging.retain(|(_, tell)| !tell.is_closed());
        self.hanging.push((url, tell));
        self.most_hanging = self.most_hanging.max(self.hanging.len());
        told
    }
}

impl Transport for ScriptedTransport {
    fn send(&self, request: OutboundRequest) -> BoxFuture<'static, Attempt> {
        let this = self.clone();
        Box::pin(async move {
            if this.is_dead() {
                return std::future::pending().await;
            }
            let (url, at) = (request.url.clone(), this.clock.now());
            let hanging = {
                let mut script = this.script();
                script.sent.push(Sent { at, request });
                match script.answer(&url) {
                    Answer::Hang => Err(script.hang(url)),
                    answer => Ok(answer),
                }
            };
            let answer = match hanging {
                Ok(answer) => answer,
                // The script outlives the request, so an error means that it was let go without an answer.
                Err(told) => told.await.unwrap_or(Answer::Fail(SendError::ConnectionClosed)),
            };
            attempt(answer, this.clock.now().since(at))
        })
    }

    fn vet(&self, url: &str) -> Result<(), Refused> {
        let refused = self.script().refused.iter().any(|refused| url.starts_with(refused.as_str()));
        if refused { Err(Refused::LocalName) } else { Ok(()) }
    }

    /// Reads no PEM: a certificate that says nothing is refused, and any other is taken.
    fn check_tls(&self, options: &TlsOptions) -> Result<(), OptionsError> {
        match &options.ca {
            Some(ca) if ca.is_empty() => Err(OptionsError::NoCertificate(Part::Ca)),
            _ => Ok(()),
        }
    }
}

fn attempt(answer: Answer, total: Duration) -> Attempt {
    let result = match answer {
        Answer::Status(status) => Ok(reply(status, None)),
        Answer::Later(status, pause) => Ok(reply(status, Some(RetryAfter::In(pause)))),
        Answer::Fail(error) => Err(error),
        Answer::Hang => Err(SendError::ConnectionClosed),
        Answer::Panic => panic!("the script made the transport panic"),
    };
    Attempt { result, timings: Timings { total, ..Timings::default() } }
}

fn reply(status: u16, retry_after: Option<RetryAfter>) -> OutboundReply {
    OutboundReply {
        status,
        headers: Vec::new(),
        headers_truncated: false,
        body: Bytes::new(),
        body_end: BodyEnd::Complete,
        retry_after,
    }
}
