//! The port through which the machine asks what a vendor's call means.

use super::call::StoredCall;
use super::told::Told;

/// Reads vendors' calls: what each file of a vendor knows.
pub trait Translator: Send + Sync + 'static {
    /// What a call means; nothing for a kind that is not known. The same call always means the same.
    fn translate(&self, call: &StoredCall, body: Vec<u8>) -> Vec<Told>;
}

/// A [`Translator`] of a machine without vendors.
pub struct NoVendors;

impl Translator for NoVendors {
    fn translate(&self, _: &StoredCall, _: Vec<u8>) -> Vec<Told> {
        Vec::new()
    }
}
