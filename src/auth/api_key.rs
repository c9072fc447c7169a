//! API keys: how they are made, what is kept of them, and what a request to make one may say (contract
//! §2.5, in both of its spellings). The key itself is seen once, by its maker; here only its digest lives on.

use appengine_actors::clock::Timestamp;
use appengine_actors::ids::{OrgId, RecordId};
use appengine_actors::rights::kept::{LAST_USED, USAGE};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::input::{Fields, Invalid, NAME_CHARS};
use super::random;
use super::refusal::Refusal;
use super::role::Role;
use super::scope::{MAX_SCOPES, SCOPE, ScopeError, Scopes};

/// What every key begins with.
pub const PREFIX: &str = "ak_live_";

/// Characters of a key that may be shown, so that its owner can tell it from others.
const SHOWN: usize = PREFIX.len() + 6;

/// The largest rate that may be asked for.
pub const MAX_RATE: u32 = 1_000_000;

/// How often a key may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimits {
    /// Requests in a minute.
    pub per_minute: u32,
    /// Requests in an hour.
    pub per_hour: u32,
    /// Requests in a day.
    pub per_day: u32,
}

impl Default for RateLimits {
    /// The contract's: 100, 1,000 and 10,000.
    fn default() -> Self {
        Self { per_minute: 100, per_hour: 1_000, per_day: 10_000 }
    }
}

/// A new key and what is kept of it.
pub struct MintedKey {
    /// The key: `ak_live_` and 256 random bits. To be shown once.
    pub key: String,
    /// Its first characters, to be shown ever after.
    pub prefix: String,
    /// Its SHA-256 in hex: what it is found by.
    pub hash: String,
}

/// Makes a key.
#[must_use]
pub fn mint() -> MintedKey {
    let key = format!("{PREFIX}{}", random::secret());
    MintedKey { prefix: key.chars().take(SHOWN).collect(), hash: random::digest(&key), key }
}

/// The digest by which a presented key is found; none when the text has not the form of a key.
#[must_use]
pub fn hash_of(presented: &str) -> Option<String> {
    let body = presented.strip_prefix(PREFIX)?;
    let formed =
        body.len() == 43 && body.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    formed.then(|| random::digest(presented))
}

/// What a key may do: stored by its digest, where no list of records shows it and no write of a record
/// changes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyRecord {
    /// The id of the record that shows the key to people and switches it off.
    pub id: RecordId,
    /// Its name.
    pub name: String,
    /// Its maker's roles when it was made: no key can do more than its maker could.
    pub roles: Vec<Role>,
    /// What it may be used for.
    pub scopes: Scopes,
    /// How often it may be used.
    pub rate_limits: RateLimits,
    /// When it ends; none for never.
    pub expires_at: Option<Timestamp>,
}

/// Where the gate finds API keys.
pub trait Keys: Send + Sync + 'static {
    /// The key with this digest in this organisation, unless it is switched off. Whether it has expired is
    /// the gate's to say.
    fn find<'a>(
        &'a self,
        org: &'a OrgId,
        hash: &'a str,
    ) -> BoxFuture<'a, Result<Option<ApiKeyRecord>, Refusal>>;

    /// Counts a request that was let through with the key of this record.
    fn count_use(&self, org: &OrgId, id: &RecordId);
}

/// What was asked for in `POST /api-key/create`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// Its name.
    pub name: String,
    /// What it is for, in words.
    pub description: Option<String>,
    /// What it may be used for; `read` where nothing was said.
    pub scopes: Scopes,
    /// How often it may be used; the default where nothing was said.
    pub rate_limits: RateLimits,
    /// When it ends; none for never.
    pub expires_at: Option<Timestamp>,
}

const FIELDS: [&str; 7] =
    ["name", "description", "permissions", "scopes", "rateLimits", "rateLimit", "expiresAt"];

impl NewApiKey {
    /// Reads the body in either spelling: `scopes` or `permissions`, `rateLimits` or `rateLimit`.
    ///
    /// # Errors
    /// Names the first field that cannot be used, and what is allowed there.
    pub fn read(body: &Value, now: Timestamp) -> Result<Self, Invalid> {
        let fields = Fields::of(body)?;
        fields.only(&FIELDS)?;
        Ok(Self {
            name: fields.needed("name", NAME_CHARS)?.to_owned(),
            description: fields.text("description", 2_000)?.map(str::to_owned),
            scopes: read_scopes(fields)?,
            rate_limits: read_rates(fields)?,
            expires_at: read_end(fields, now)?,
        })
    }

    /// The application fields of the record that shows the key to people.
    #[must_use]
    pub fn shown(&self, prefix: &str) -> Map<String, Value> {
        let fields = json!({
            "name": self.name, "description": self.description, "keyPrefix": prefix, "scopes": self.scopes,
            "permissions": self.scopes, "rateLimits": self.rate_limits, "expiresAt": self.expires_at,
            "status": ACTIVE, LAST_USED: null, USAGE: {"totalRequests": 0},
        });
        fields.as_object().cloned().unwrap_or_default()
    }
}

/// The `data.status` of a key that may be used; any other switches it off.
pub const ACTIVE: &str = "active";

/// The one of two spellings that was used.
fn either<'a>(fields: Fields<'_>, one: &'a str, other: &'a str) -> Result<Option<&'a str>, Invalid> {
    match (fields.get(one), fields.get(other)) {
        (Some(_), Some(_)) => {
            Err(fields.invalid(other, &format!("says the same as {one}; give one of them")))
        }
        (Some(_), None) => Ok(Some(one)),
        (None, Some(_)) => Ok(Some(other)),
        (None, None) => Ok(None),
    }
}

fn read_scopes(fields: Fields<'_>) -> Result<Scopes, Invalid> {
    let Some(name) = either(fields, "scopes", "permissions")? else { return Ok(Scopes::read_only()) };
    let wrong = || fields.invalid(name, "must be a list of texts");
    let list = fields.get(name).and_then(Value::as_array).ok_or_else(wrong)?;
    let texts: Vec<&str> = list.iter().map(Value::as_str).collect::<Option<_>>().ok_or_else(wrong)?;
    Scopes::new(&texts).map_err(|problem| match problem {
        ScopeError::Malformed { index, .. } => {
            fields.invalid(&format!("{name}[{index}]"), &format!("must be {SCOPE}"))
        }
        ScopeError::None | ScopeError::TooMany(_) => {
            fields.invalid(name, &format!("must be a list of 1 to {MAX_SCOPES} scopes"))
        }
    })
}

fn read_rates(fields: Fields<'_>) -> Result<RateLimits, Invalid> {
    let names = match either(fields, "rateLimits", "rateLimit")? {
        None => return Ok(RateLimits::default()),
        Some("rateLimits") => ["perMinute", "perHour", "perDay"],
        Some(_) => ["requestsPerMinute", "requestsPerHour", "requestsPerDay"],
    };
    let group = if names.contains(&"perMinute") { "rateLimits" } else { "rateLimit" };
    let Some(inner) = fields.inner(group)? else { return Ok(RateLimits::default()) };
    inner.only(&names)?;
    let [minute, hour, day] = names;
    let usual = RateLimits::default();
    Ok(RateLimits {
        per_minute: read_rate(inner, minute, usual.per_minute)?,
        per_hour: read_rate(inner, hour, usual.per_hour)?,
        per_day: read_rate(inner, day, usual.per_day)?,
    })
}

fn read_rate(fields: Fields<'_>, name: &str, usual: u32) -> Result<u32, Invalid> {
    let Some(value) = fields.get(name) else { return Ok(usual) };
    let rate = value.as_u64().and_then(|rate| u32::try_from(rate).ok());
    rate.filter(|rate| (1..=MAX_RATE).contains(rate))
        .ok_or_else(|| fields.invalid(name, &format!("must be a whole number from 1 to {MAX_RATE}")))
}

fn read_end(fields: Fields<'_>, now: Timestamp) -> Result<Option<Timestamp>, Invalid> {
    let Some(text) = fields.text("expiresAt", 64)? else { return Ok(None) };
    let end: Timestamp = text
        .parse()
        .map_err(|_| fields.invalid("expiresAt", "must be a time such as 2030-01-31T00:00:00Z, or null"))?;
    if end > now {
        Ok(Some(end))
    } else {
        Err(fields.invalid("expiresAt", "must be a time to come, or null"))
    }
}

#[cfg(test)]
mod tests;
