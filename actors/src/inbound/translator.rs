//! The port through which the machine asks what a vendor's call means.

use std::future::ready;

use futures_util::future::BoxFuture;

use super::call::StoredCall;
use super::told::Told;

/// Reads vendors' calls: what each file of a vendor knows.
pub trait Translator: Send + Sync + 'static {
    /// What a call means; nothing for a kind that is not known. The same call always means the same.
    fn translate(&self, call: &StoredCall, body: Vec<u8>) -> Vec<Told>;

    /// Asks the vendor for what it has sent, where its signature does not vouch for all of it and we can ask. An error, in
    /// words, when there is no answer just now.
    fn confirm<'a>(
        &'a self,
        _call: &'a StoredCall,
        body: Vec<u8>,
    ) -> BoxFuture<'a, Result<Confirmed, String>> {
        Box::pin(ready(Ok(Confirmed::Unasked(body))))
    }
}

/// What a vendor says of a call that came in its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmed {
    /// It was not asked: the body is as it came.
    Unasked(Vec<u8>),
    /// It has sent this.
    Sent(Vec<u8>),
    /// It knows nothing of it.
    Unknown,
}

/// A [`Translator`] of a machine without vendors.
pub struct NoVendors;

impl Translator for NoVendors {
    fn translate(&self, _: &StoredCall, _: Vec<u8>) -> Vec<Told> {
        Vec::new()
    }
}
