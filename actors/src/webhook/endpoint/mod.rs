//! Endpoints: receivers that an organisation registers, which events it sends them, and how (contract §14).

pub mod book;
mod compose;
mod draft;
pub mod index;
pub mod secrets;
mod sign;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use compose::{Composed, compose, order_key, unrendered};
pub use draft::{DOTS, Draft, MOST_CONCURRENT};

use crate::clock::Timestamp;
use crate::form::Map;
use crate::ids::{EndpointId, OrgId};
use crate::webhook::send_options::{ClientIdentity, Compression, TlsOptions};
use crate::webhook::signature::keys::KeyKind;

/// An endpoint as it is stored. Its keys and the values of its headers are kept apart, sealed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Whose it is.
    pub org_id: OrgId,
    /// Where requests go.
    pub url: String,
    /// What it is for, in its owner's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Patterns of the events that are sent: `contact.created`, `contact.*`, `*`.
    pub events: Vec<String>,
    /// Only events that match this, a query over `{event, orgId, timestamp, data}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Value>,
    /// The names of the headers that are sent beside those of every webhook.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub header_names: Vec<String>,
    /// What is sent instead of `{event, type, orgId, timestamp, data}`: a template over these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Value>,
    /// Requests a second; as many as come where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<f64>,
    /// Requests at once; the installation's number where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<usize>,
    /// Which deliveries keep their order.
    #[serde(default)]
    pub fifo: Fifo,
    /// Where in an event the key is that orders it: `data.sk`. The record's own where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fifo_key: Option<String>,
    /// Seconds between attempts; the installation's where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_schedule: Option<Vec<f64>>,
    /// How what it is sent is signed.
    #[serde(default = "usual_signatures")]
    pub signatures: Vec<KeyKind>,
    /// What is done to bodies on their way.
    #[serde(default)]
    pub compression: Compression,
    /// PEM certificates of authorities that are trusted instead of the machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// The PEM certificate that is shown to a receiver that asks who is calling; its key is kept apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<String>,
    /// Whether it is sent to.
    pub status: EndpointStatus,
    /// Why it is disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<String>,
    /// Since when it is disabled or paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<Timestamp>,
    /// Anything of its owner's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was changed.
    pub updated_at: Timestamp,
}

/// Whether an endpoint is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EndpointStatus {
    /// It is.
    Enabled,
    /// Not now: what becomes owed waits.
    Paused,
    /// It is not, and nothing becomes owed to it.
    Disabled,
}

/// Which deliveries keep their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fifo {
    /// None.
    #[default]
    None,
    /// All to the endpoint.
    Endpoint,
    /// Those about one thing.
    Key,
}

fn usual_signatures() -> Vec<KeyKind> {
    vec![KeyKind::V1]
}

impl Endpoint {
    /// Whom to trust and what to show, with the key of its certificate.
    #[must_use]
    pub fn tls(&self, client_key: Option<&str>) -> TlsOptions {
        let client = self.client_certificate.as_deref().zip(client_key);
        let client = client
            .map(|(certificate, key)| ClientIdentity { certificate: certificate.into(), key: key.into() });
        TlsOptions { ca: self.ca.as_deref().map(Into::into), client }
    }

    /// The pauses after its failed attempts, in milliseconds, where it has its own.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked when it was read")]
    pub fn schedule(&self) -> Option<Vec<u64>> {
        let millis = |seconds: &f64| (seconds * 1e3).round() as u64;
        self.retry_schedule.as_ref().map(|pauses| pauses.iter().map(millis).collect())
    }
}
