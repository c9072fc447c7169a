//! The receiver in Rust, as docs/receivers.md has it: a test compares the two.

use std::collections::HashSet;

use http::HeaderMap;
use standardwebhooks::{Webhook, WebhookError};

/// Believes messages and passes each on once.
pub struct Receiver {
    webhooks: Vec<Webhook>,
    /// In earnest a table with a unique key.
    seen: HashSet<String>,
}

impl Receiver {
    /// With the secret, and during a rotation with both.
    pub fn new(secrets: &str) -> Result<Self, WebhookError> {
        let webhooks = secrets.split(' ').map(Webhook::new).collect::<Result<_, _>>()?;
        Ok(Self { webhooks, seen: HashSet::new() })
    }

    /// The status to answer with; `work` is handed each message once, and has to be quick.
    pub fn receive(&mut self, headers: &HeaderMap, body: &[u8], work: impl FnOnce(&str, &[u8])) -> u16 {
        if !self.webhooks.iter().any(|webhook| webhook.verify(body, headers).is_ok()) {
            return 401;
        }
        let Some(id) = headers.get("webhook-id").and_then(|id| id.to_str().ok()) else { return 401 };
        if self.seen.insert(id.to_owned()) {
            work(id, body);
        }
        204
    }
}
