//! The port through which HTTP requests leave: what is asked, what comes back, and the check of an address that holds
//! at create, at test and at send. Owns no connection and no decision: [`super::outcome`] judges what came back.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::failure::{Refused, SendError};
use super::retry_after::RetryAfter;
use super::send_options::{OptionsError, SendOptions, TlsOptions};

/// How much of a response body is kept where the operator does not say otherwise (contract §14).
pub const KEPT_BODY: usize = 16 * 1024;
/// How many response headers are kept.
pub const MAX_KEPT_HEADERS: usize = 64;
/// How many bytes of response header names and values are kept.
pub const MAX_KEPT_HEADER_BYTES: usize = 8 * 1024;

/// Sends requests to addresses that tenants chose. Redirects are never followed.
pub trait Transport: Send + Sync {
    /// Makes one attempt. Vets the address first, and every address that its name resolves to; ends within the
    /// request's `timeout` whatever the receiver does.
    fn send(&self, request: OutboundRequest) -> BoxFuture<'static, Attempt>;

    /// Whether `send` would try this URL at all: scheme, port, credentials, host name, literal address. Resolves
    /// nothing, so a name that leads to a closed address passes here and is refused when it is sent to.
    fn vet(&self, url: &str) -> Result<(), Refused>;

    /// Whether `send` could use these TLS options: can each text be read, does the key fit the certificate. Connects to
    /// nobody, so a receiver may still refuse them.
    fn check_tls(&self, options: &TlsOptions) -> Result<(), OptionsError>;
}

/// Request methods that may leave (contract §4.7, `send_webhook`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
    /// DELETE
    Delete,
}

/// One request. Its `Debug` shows sizes only: URL, headers and body may all hold secrets.
#[derive(Clone)]
pub struct OutboundRequest {
    /// The method.
    pub method: Method,
    /// Absolute, `https` or `http`.
    pub url: String,
    /// In the order of sending; bounded and checked by [`super::headers::check`].
    pub headers: Vec<(String, String)>,
    /// May be empty. As it was signed: what `options` do to it is done by the transport.
    pub body: Bytes,
    /// For the whole attempt, the reading of the body included.
    pub timeout: Duration,
    /// What differs from an ordinary request.
    pub options: SendOptions,
}

/// What one attempt came to, and how long it took.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// An answer with any status, or why there was none.
    pub result: Result<OutboundReply, SendError>,
    /// How long it took.
    pub timings: Timings,
}

/// The receiver's answer. Its status line decides; the body is kept for people to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundReply {
    /// 200 to 599 from an honest receiver; any three digits from another.
    pub status: u16,
    /// The first of them, within [`MAX_KEPT_HEADERS`] and [`MAX_KEPT_HEADER_BYTES`]; names in lower case.
    pub headers: Vec<(String, String)>,
    /// Whether there were more headers than were kept.
    pub headers_truncated: bool,
    /// The first bytes of it: [`KEPT_BODY`], or as many as the operator keeps.
    pub body: Bytes,
    /// How the body ended.
    pub body_end: BodyEnd,
    /// The `Retry-After` header, where it can be read.
    pub retry_after: Option<RetryAfter>,
}

/// How the reading of a response body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyEnd {
    /// All of it was read and kept.
    Complete,
    /// There was more than is kept.
    TooLong,
    /// The attempt's time was over first.
    TimedOut,
    /// The receiver hung up in the middle.
    Broken,
}

/// How long an attempt took, by phase. For the operator: phases shown to a tenant would make a port scanner of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timings {
    /// Resolving the name; `None` when a connection was used again, or the URL holds an address.
    pub dns: Option<Duration>,
    /// TCP, after the name was resolved, and the proxy's agreement where there is one; `None` when a connection was
    /// used again, or none was made.
    pub connect: Option<Duration>,
    /// TLS, after that; `None` also when the URL is `http`, or the handshake did not end well.
    pub tls: Option<Duration>,
    /// From the start to the whole response head.
    pub first_byte: Option<Duration>,
    /// From the start to the end.
    pub total: Duration,
}

impl OutboundReply {
    /// Whether the receiver sent more of a body than is kept, or did not finish it.
    pub fn body_truncated(&self) -> bool {
        self.body_end != BodyEnd::Complete
    }
}

impl fmt::Debug for OutboundRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundRequest")
            .field("method", &self.method)
            .field("headers", &self.headers.len())
            .field("body_bytes", &self.body.len())
            .field("timeout", &self.timeout)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
