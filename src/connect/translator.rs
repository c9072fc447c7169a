//! What the machine asks of the vendors.

use appengine_actors::inbound::call::StoredCall;
use appengine_actors::inbound::told::Told;
use appengine_actors::inbound::translator::Translator;

use crate::vendors::call::{Call, Headers};
use crate::vendors::named;

/// Reads calls by the vendors' own files.
pub struct Vendors;

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
}
