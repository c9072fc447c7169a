//! What a vendor's answer about tokens means. Vendors refuse in many ways, some of them with status 200.

use std::fmt;
use std::time::Duration;

use appengine_actors::clock::Timestamp;
use appengine_actors::inbound::integration::Credentials;
use serde_json::Value;

use super::vendors::OAuthVendor;
use crate::connect::api::ApiReply;
use crate::vendors::told::{id, text};

/// Characters of a token.
const LONGEST: usize = 16 * 1024;
/// No token lives longer than this, whatever is said of it.
const LONGEST_LIFE: u64 = 10 * 366 * 24 * 60 * 60;
/// Vendors' words for: these tokens are not good any more and will not be again.
const GONE: [&str; 12] = [
    "invalid_grant",
    "invalid_refresh_token",
    "bad_refresh_token",
    "BAD_REFRESH_TOKEN",
    "token_revoked",
    "token_expired",
    "account_inactive",
    "invalid_auth",
    "access_token_invalid",
    "190",
    "Invalid refresh token",
    "Value passed for the token was invalid.",
];

/// Tokens, as a vendor gave them or as they are kept.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Granted {
    /// What the vendor's interface is called with.
    pub access: String,
    /// What new ones are had with.
    pub refresh: Option<String>,
    /// When the access token ends, where it does.
    pub expires: Option<Timestamp>,
    /// What may be done with it.
    pub scope: Option<String>,
    /// The account that was connected, where the vendor says so.
    pub account: Option<String>,
}

impl fmt::Debug for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Granted").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// Why a vendor gives no tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Denied {
    /// Those that it gave are worth nothing any more.
    Gone(String),
    /// Anything else, by the vendor's word for it.
    Refused(String),
}

/// Reads what a vendor answers to a request for tokens.
pub(super) fn read(of: &OAuthVendor, reply: &ApiReply, now: Timestamp) -> Result<Granted, Denied> {
    let body = reply.json();
    let access = text(&body, "/access_token").or_else(|| text(&body, "/authed_user/access_token"));
    let refresh = text(&body, "/refresh_token").or_else(|| text(&body, "/authed_user/refresh_token"));
    let fits = |token: &String| token.len() <= LONGEST && token.bytes().all(|byte| byte.is_ascii_graphic());
    match access.filter(|token| reply.is_ok() && fits(token)) {
        Some(access) => Ok(Granted {
            access,
            refresh: refresh.filter(fits),
            expires: expiry(&body, now),
            scope: scope(&body),
            account: id(&body, of.account).filter(|_| !of.account.is_empty()),
        }),
        None => Err(denial(reply.status, &body)),
    }
}

fn expiry(body: &Value, now: Timestamp) -> Option<Timestamp> {
    let found = body.pointer("/expires_in").or_else(|| body.pointer("/authed_user/expires_in"))?;
    let seconds = found.as_u64().or_else(|| found.as_str()?.parse().ok())?;
    // Some say 0 of what does not end.
    (seconds > 0).then(|| now.plus(Duration::from_secs(seconds.min(LONGEST_LIFE))))
}

fn scope(body: &Value) -> Option<String> {
    let found = body.get("scope")?;
    let list = |list: &Vec<Value>| list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ");
    let scope = found.as_array().map(list).or_else(|| found.as_str().map(str::to_owned))?;
    (!scope.is_empty() && scope.len() <= LONGEST).then_some(scope)
}

/// Vendors' words for a refusal stand in one of these.
fn denial(status: u16, body: &Value) -> Denied {
    let words =
        ["/error", "/error/code", "/error/type", "/status", "/code", "/message", "/error_description"];
    let said: Vec<String> = words.iter().filter_map(|pointer| id(body, pointer)).collect();
    let word = said.iter().find(|word| is_word(word)).cloned();
    let word = word.unwrap_or_else(|| format!("status_{status}"));
    if said.iter().any(|word| GONE.contains(&word.as_str())) {
        Denied::Gone(word)
    } else {
        Denied::Refused(word)
    }
}

/// Whether a text is a word of a program's: what may be told and logged, unlike sentences, which may hold what was sent.
pub(super) fn is_word(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

impl Granted {
    /// The tokens that are kept of an integration, if there are any.
    pub(super) fn kept(credentials: &Credentials) -> Option<Self> {
        let text = |name: &str| Some(credentials.api.get(name)?.as_str()?.to_owned());
        Some(Self {
            access: text("access_token")?,
            refresh: text("refresh_token"),
            expires: text("expires_at").and_then(|at| at.parse().ok()),
            scope: text("scope"),
            account: text("connected_account"),
        })
    }

    /// What a renewed token has not said stays as it was.
    pub(super) fn after(self, before: Self) -> Self {
        Self {
            refresh: self.refresh.or(before.refresh),
            scope: self.scope.or(before.scope),
            account: self.account.or(before.account),
            ..self
        }
    }

    /// Keeps them in place of those that were there.
    pub(super) fn keep(&self, credentials: &mut Credentials) {
        credentials.forget_tokens();
        let fields = [
            ("access_token", Some(self.access.clone())),
            ("refresh_token", self.refresh.clone()),
            ("expires_at", self.expires.map(|at| at.to_string())),
            ("scope", self.scope.clone()),
            ("connected_account", self.account.clone()),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                credentials.api.insert(name.to_owned(), value.into());
            }
        }
    }

    /// Whether more than this is left of its life.
    pub(super) fn outlives(&self, now: Timestamp, left: Duration) -> bool {
        self.expires.is_none_or(|end| end > now.plus(left))
    }
}

#[cfg(test)]
mod tests;
