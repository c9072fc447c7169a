//! What an organisation has set for a vendor.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::sync::state::SyncSettings;
use crate::clock::Timestamp;
use crate::ids::{IntegrationId, OrgId};

/// Secrets that a vendor may sign with at once: the new one, and those that it replaces.
pub const MOST_SECRETS: usize = 4;

/// Under which names tokens are kept among what a vendor's API is called with: whoever renews them writes these, and
/// nobody else may put older ones back.
pub const TOKENS: [&str; 5] = ["access_token", "refresh_token", "expires_at", "scope", "connected_account"];

/// A vendor, connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Integration {
    /// Its id: the `serviceId` of the address that the vendor calls.
    pub id: IntegrationId,
    /// Whose it is.
    pub org_id: OrgId,
    /// The vendor: `stripe`.
    pub vendor: String,
    /// What people call it.
    pub name: String,
    /// Whether calls are taken.
    pub active: bool,
    /// What else the vendor's rules need; nothing in it is a secret.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// What clients may know of it.
    #[serde(default)]
    pub public_config: Map<String, Value>,
    /// How its listings are read; nothing where nobody has set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncSettings>,
    /// When it was set up.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Who set it up or changed it last.
    pub by: String,
}

impl Integration {
    /// How its listings are read, where they are.
    #[must_use]
    pub fn synced(&self) -> Option<&SyncSettings> {
        self.sync.as_ref().filter(|sync| self.active && sync.enabled)
    }
}

/// What is kept sealed of an integration.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Credentials {
    /// What the vendor signs with, newest first.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// Public keys of its own, newest first.
    #[serde(default)]
    pub public_keys: Vec<String>,
    /// What we call the vendor's API with, by name: an API key, a client's id and secret, tokens.
    #[serde(default)]
    pub api: Map<String, Value>,
    /// The store's version of what was read; none where nothing was.
    #[serde(skip)]
    pub read_version: Option<u64>,
}

impl Credentials {
    /// Takes the tokens of others in place of its own.
    pub fn take_tokens_of(&mut self, other: &Self) {
        for name in TOKENS {
            match other.api.get(name) {
                Some(token) => _ = self.api.insert(name.to_owned(), token.clone()),
                None => _ = self.api.remove(name),
            }
        }
    }

    /// Forgets its tokens.
    pub fn forget_tokens(&mut self) {
        self.take_tokens_of(&Self::default());
    }

    /// A new secret before the others; the oldest goes where there are too many.
    pub fn rotate(&mut self, secret: String) {
        self.secrets.retain(|kept| *kept != secret);
        self.secrets.insert(0, secret);
        self.secrets.truncate(MOST_SECRETS);
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("••••••••")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_secret_stands_before_those_it_replaces() {
        let mut credentials = Credentials::default();
        for secret in ["a", "b", "a", "c", "d", "e"] {
            credentials.rotate(secret.to_owned());
        }
        assert_eq!(credentials.secrets, ["e", "d", "c", "a"]);
        assert!(!format!("{credentials:?}").contains('e'));
    }
}
