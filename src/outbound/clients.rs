//! The HTTP clients behind the transport: one for ordinary requests, and one for each set of TLS options that is in
//! use, so that connections stay pooled and never leak from one set to another. Bounded: the one that was not used for
//! longest goes, and its idle connections with it. All of them resolve and guard addresses alike.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use appengine_actors::webhook::failure::SendError;
use appengine_actors::webhook::send_options::{OptionsError, TlsOptions};
use reqwest::{Client, ClientBuilder};

use super::tls::Authorities;

type Builder = dyn Fn() -> ClientBuilder + Send + Sync;
type Kept = (TlsOptions, Client);

/// Cheap to clone; clones share the clients.
#[derive(Clone)]
pub(super) struct Clients {
    builder: Arc<Builder>,
    authorities: Authorities,
    ordinary: Client,
    bound: usize,
    /// The one that was used last comes last.
    others: Arc<Mutex<Vec<Kept>>>,
}

impl Clients {
    /// `builder` sets everything but TLS. At most `bound` clients are kept beside the ordinary one.
    pub(super) fn new(
        builder: impl Fn() -> ClientBuilder + Send + Sync + 'static,
        authorities: Authorities,
        bound: usize,
    ) -> Result<Self, reqwest::Error> {
        let ordinary = builder().tls_backend_preconfigured(authorities.ordinary()).build()?;
        Ok(Self {
            builder: Arc::new(builder),
            authorities,
            ordinary,
            bound: bound.max(1),
            others: Arc::default(),
        })
    }

    /// The client for these options; made when there is none.
    pub(super) fn get(&self, options: &TlsOptions) -> Result<Client, SendError> {
        if options.is_plain() {
            return Ok(self.ordinary.clone());
        }
        if let Some(known) = used(&mut self.others(), options) {
            return Ok(known);
        }
        // Made outside of the lock: others need not wait for it.
        let tls = self.authorities.config(options).map_err(|error| SendError::Refused(error.into()))?;
        let fresh = (self.builder)().tls_backend_preconfigured(tls).build().map_err(|_| SendError::Local)?;
        let mut others = self.others();
        if let Some(known) = used(&mut others, options) {
            return Ok(known);
        }
        if others.len() >= self.bound {
            others.remove(0);
        }
        others.push((options.clone(), fresh.clone()));
        Ok(fresh)
    }

    /// Whether a client could be made for these options.
    pub(super) fn check(&self, options: &TlsOptions) -> Result<(), OptionsError> {
        self.authorities.config(options).map(drop)
    }

    fn others(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.others().len()
    }
}

/// The client that is kept for these options, which are the last used from now on.
fn used(others: &mut [Kept], options: &TlsOptions) -> Option<Client> {
    let at = others.iter().rposition(|(known, _)| known == options)?;
    others[at..].rotate_left(1);
    others.last().map(|(_, client)| client.clone())
}
