//! What an organisation has set for a vendor.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The keys of a vendor, and what else its rules need.
#[derive(Clone, Default)]
pub struct Keys {
    /// Secrets that it may have signed with, newest first: two while one replaces the other.
    pub secrets: Vec<Secret>,
    /// Public keys of its own, in the same way.
    pub public_keys: Vec<String>,
    /// What else its rules need.
    pub settings: Settings,
}

/// What else vendors' rules need. Each reads its own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The address that the vendor was given, without its query, where a proxy changes it on its way to us: some
    /// vendors sign it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Seconds that a call may be old, where the vendor leaves that to us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<u64>,
    /// PayPal: the id of our webhook there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_id: Option<String>,
    /// PayPal: whether calls of its sandbox and its simulator are taken.
    pub sandbox: bool,
    /// SES: the topics that may call; no others are confirmed.
    pub topic_arns: Vec<String>,
    /// Meta: the token that its handshake repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify_token: Option<String>,
    /// Mailgun: whether calls of subaccounts are checked by the parent account's key.
    pub use_parent_signature: bool,
    /// TikTok Shop: the key of our app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_key: Option<String>,
    /// Pinterest: the part of the path that nobody can guess.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_token: Option<String>,
    /// Pinterest: the field of the envelope that holds what is encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_field: Option<String>,
    /// Pinterest: the field that holds the nonce, where it does not stand before what is encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce_field: Option<String>,
    /// Pinterest: the field that holds the tag, where it does not stand behind what is encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_field: Option<String>,
    /// Snapchat: the header of the signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature_header: Option<String>,
    /// Snapchat: the header of the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp_header: Option<String>,
}

impl Settings {
    /// How old a call may be, where the vendor leaves that to us.
    #[must_use]
    pub fn tolerance(&self, usual: Duration) -> Duration {
        self.tolerance.map_or(usual, Duration::from_secs)
    }
}

/// A secret. It prints as dots.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// This secret.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret itself, for the scheme that uses it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("••••••••")
    }
}
