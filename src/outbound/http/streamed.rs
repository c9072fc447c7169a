//! Answers that are read as they come: a language model's. The head has a limit of time; how long the body may be silent is
//! for whoever reads it to say. Whoever drops the body closes the connection.

use appengine_actors::webhook::failure::{SendError, Waiting};
use appengine_actors::webhook::retry_after::RetryAfter;
use appengine_actors::webhook::send_options::TlsOptions;
use appengine_actors::webhook::transport::OutboundRequest;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use reqwest::Client;
use reqwest::header::RETRY_AFTER;
use tokio::time::timeout;

use super::super::classify::{classify, detail};
use super::HttpTransport;

/// An answer whose head has come.
pub struct Opened {
    /// The status.
    pub status: u16,
    /// When to ask again, where it says so.
    pub retry_after: Option<RetryAfter>,
    /// The body; an error, in words, is its end.
    pub body: BoxStream<'static, Result<Bytes, String>>,
}

impl HttpTransport {
    /// The client itself, for those who speak a protocol by themselves to this address and to no other: only the names that
    /// it looks up are vetted.
    ///
    /// # Errors
    /// When the address is one that nothing is sent to.
    pub fn client_for(&self, url: &str) -> Result<Client, SendError> {
        self.rules.check(url).map_err(SendError::from)?;
        self.clients.get(&TlsOptions::default())
    }

    /// Makes a request whose answer is read as it comes. Its time is for the head.
    ///
    /// # Errors
    /// When it was not sent, or no head came.
    pub async fn open(&self, request: OutboundRequest) -> Result<Opened, SendError> {
        let limit = request.timeout;
        let client = self.clients.get(&request.options.tls)?;
        let prepared = self.prepare(request)?;
        let response = match timeout(limit, client.execute(prepared)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                let found = classify(&error, self.proxied);
                tracing::debug!(class = found.code(), detail = detail(error), "an outbound request failed");
                return Err(found);
            }
            Err(_) => return Err(SendError::TimedOut(Waiting::Response)),
        };
        let retry_after = response.headers().get(RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| RetryAfter::parse(value.to_str().ok()?));
        let status = response.status().as_u16();
        let body = response.bytes_stream().map(|bytes| {
            bytes.map_err(|error| {
                tracing::debug!(detail = detail(error), "an answer broke off");
                "the connection broke off".to_owned()
            })
        });
        Ok(Opened { status, retry_after, body: Box::pin(body) })
    }
}
