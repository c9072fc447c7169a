//! Certificates that vendors sign with. A verifier names an address only after it has held it against the vendor's own
//! rules; it is fetched by the guarded transport, without redirects, and kept for a day.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use appengine_actors::clock::Clock;
use appengine_actors::webhook::transport::Method;
use bytes::Bytes;

use super::api::{Api, ApiCall};
use crate::vendors::Certificates;
use crate::vendors::certificate::Trust;

/// How long a certificate is kept before it is fetched anew.
const KEPT: Duration = Duration::from_hours(24);
/// Certificates that are kept at most: vendors have a handful each.
const MOST: usize = 64;
/// Vendors wait some seconds for an answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The certificates that were fetched, and whom to trust.
pub struct FetchedCertificates {
    api: Api,
    clock: Arc<dyn Clock>,
    trust: Trust,
    kept: Mutex<HashMap<String, (String, Duration)>>,
}

impl FetchedCertificates {
    /// No certificates yet; `trust` says who may have issued them.
    #[must_use]
    pub fn new(api: Api, clock: Arc<dyn Clock>, trust: Trust) -> Self {
        Self { api, clock, trust, kept: Mutex::default() }
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
        let call = ApiCall::new(Method::Get, url.to_owned()).within(TIMEOUT);
        let answer = self.api.send(call).await.map_err(|error| error.to_string())?;
        match answer.status {
            200 => Ok(answer.body),
            status => Err(format!("read {url}: it is answered with status {status}")),
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

    fn trust(&self) -> &Trust {
        &self.trust
    }
}
