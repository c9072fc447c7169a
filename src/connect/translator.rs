//! What the machine asks of the vendors.

use std::sync::{Arc, OnceLock};

use appengine_actors::inbound::call::StoredCall;
use appengine_actors::inbound::told::Told;
use appengine_actors::inbound::translator::{Confirmed, Translator};
use futures_util::future::BoxFuture;

use super::confirm::Confirmations;

use crate::vendors::call::{Call, Headers};
use crate::vendors::named;

/// Reads calls by the vendors' own files.
#[derive(Clone, Default)]
pub struct Vendors {
    /// Integrations are kept by the machine, which is started with this: they come afterwards.
    confirmations: Arc<OnceLock<Confirmations>>,
}

impl Vendors {
    /// By whom vendors are asked; said once.
    pub fn take_confirmations(&self, confirmations: Confirmations) {
        // Whoever is first has said it.
        let _ = self.confirmations.set(confirmations);
    }
}

impl Translator for Vendors {
    fn translate(&self, stored: &StoredCall, body: Vec<u8>) -> Vec<Told> {
        // A vendor whose file is gone means nothing any more.
        let Some(vendor) = named(&stored.vendor) else { return Vec::new() };
        vendor.translate(&Call {
            method: stored.method.clone(),
            url: stored.url.clone(),
            headers: Headers::new(stored.headers.iter().cloned()),
            body,
        })
    }

    fn confirm<'a>(
        &'a self,
        call: &'a StoredCall,
        body: Vec<u8>,
    ) -> BoxFuture<'a, Result<Confirmed, String>> {
        Box::pin(async move {
            match self.confirmations.get() {
                Some(confirmations) => confirmations.ask(call, body).await,
                None => Err("the server is starting".to_owned()),
            }
        })
    }
}
