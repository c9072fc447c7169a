//! Certificates that vendors sign with. A verifier names an address only after it has held it against the vendor's own
//! rules; it is fetched by the guarded transport, without redirects, and kept for a day.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use appengine_actors::clock::Clock;
use appengine_actors::webhook::send_options::SendOptions;
use appengine_actors::webhook::transport::{BodyEnd, Method, OutboundRequest, Transport};
use bytes::Bytes;

use crate::vendors::Certificates;

/// How long a certificate is kept before it is fetched anew.
const KEPT: Duration = Duration::from_hours(24);
/// Certificates that are kept at most: vendors have a handful each.
const MOST: usize = 64;
/// Vendors wait some seconds for an answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The certificates that were fetched, and whom to trust.
pub struct FetchedCertificates {
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    anchors: String,
    intermediates: String,
    kept: Mutex<HashMap<String, (String, Duration)>>,
}

impl FetchedCertificates {
    /// No certificates yet; trusted are those of `anchors`, over `intermediates` that a vendor may leave out.
    #[must_use]
    pub fn new(
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        anchors: String,
        intermediates: String,
    ) -> Self {
        Self { transport, clock, anchors, intermediates, kept: Mutex::default() }
    }

    /// Fetches what is served at an address and keeps it.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub async fn fetch(&self, url: &str) -> Result<(), String> {
        let answer = self.get(url).await?;
        let pem = String::from_utf8(answer.to_vec());
        let pem = pem.map_err(|_| format!("read the certificate at {url}: it is no text"))?;
        let now = self.clock.elapsed();
        let mut kept = self.kept();
        kept.retain(|_, (_, until)| *until > now);
        if kept.len() >= MOST {
            // Whoever signs with so many is no vendor; those that are in use come back.
            kept.clear();
        }
        kept.insert(url.to_owned(), (pem, now.saturating_add(KEPT)));
        Ok(())
    }

    /// Reads an address of a vendor.
    ///
    /// # Errors
    /// Why there is no answer, in words.
    pub async fn get(&self, url: &str) -> Result<Bytes, String> {
        let request = OutboundRequest {
            method: Method::Get,
            url: url.to_owned(),
            headers: Vec::new(),
            body: Bytes::new(),
            timeout: TIMEOUT,
            options: SendOptions::default(),
        };
        let answer = self.transport.send(request).await.result;
        let answer = answer.map_err(|error| format!("read {url}: {error}"))?;
        match (answer.status, answer.body_end) {
            (200, BodyEnd::Complete) => Ok(answer.body),
            (200, _) => Err(format!("read {url}: the answer is too long, or did not end")),
            (status, _) => Err(format!("read {url}: it is answered with status {status}")),
        }
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<String, (String, Duration)>> {
        // An entry is whole whenever the lock is free.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Certificates for FetchedCertificates {
    fn served(&self, url: &str) -> Option<String> {
        let now = self.clock.elapsed();
        self.kept().get(url).filter(|(_, until)| *until > now).map(|(pem, _)| pem.clone())
    }

    fn anchors(&self) -> &str {
        &self.anchors
    }

    fn intermediates(&self) -> &str {
        &self.intermediates
    }
}
