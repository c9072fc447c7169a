//! What the vendors' tests share.

use std::sync::LazyLock;

use appengine_actors::clock::Timestamp;
use serde_json::Value;

use super::call::{Call, Headers};
use super::certificate::Trust;
use super::told::Told;
use super::{Around, Certificates, Vendor};

/// The moment at which the tests are.
pub fn now() -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000)
}

/// A call to a path of ours.
pub fn call(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Call {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Call {
        method: method.to_owned(),
        url: format!("https://hooks.example.test{path}"),
        headers: Headers::new(headers),
        body: body.as_bytes().to_vec(),
    }
}

/// What a JSON body means.
pub fn told_by(vendor: &dyn Vendor, body: &Value) -> Vec<Told> {
    vendor.translate(&call("POST", "/", &[], &body.to_string()))
}

/// A world without certificates.
#[derive(Default)]
pub struct NoCertificates(Trust);

impl Certificates for NoCertificates {
    fn served(&self, _: &str) -> Option<String> {
        None
    }

    fn trust(&self) -> &Trust {
        &self.0
    }
}

/// That moment, in that world.
pub fn around() -> Around<'static> {
    static NOBODY: LazyLock<NoCertificates> = LazyLock::new(NoCertificates::default);
    Around { now: now(), certificates: &*NOBODY }
}
