//! Tokens: signed statements of who somebody is (contract §14). HS256 and nothing else; the time is the
//! caller's, so that tests turn it. Whether what a token states still holds is the gate's to find out.

use std::time::Duration;

use appengine_actors::clock::Timestamp;
use appengine_actors::ids::{OrgId, RecordId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::principal::{Kind, Principal};
use super::random;
use super::refusal::Refusal;
use super::role::Role;
use super::sealing::SigningKey;

/// Longest token that is looked at, in bytes.
pub const MAX_TOKEN: usize = 8 * 1024;

/// How far the clocks of one installation's machines may differ: a token may be this much younger than
/// now. It never prolongs a token's life.
pub const LEEWAY: Duration = Duration::from_secs(30);

/// What a token is good for. A token made for one use is worth nothing for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Calling this server: the claim `use` is left out, as the contract's claims have none.
    Access,
    /// Signing in once, by a link.
    SignInLink,
}

/// The claim `use` of tokens that are not for access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Purpose {
    SignInLink,
}

impl Use {
    const fn purpose(self) -> Option<Purpose> {
        match self {
            Self::Access => None,
            Self::SignInLink => Some(Purpose::SignInLink),
        }
    }
}

/// Whom a token is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The organisation.
    pub org: OrgId,
    /// The id of the person's record, or the app's.
    pub id: RecordId,
    /// Their address, where they have one.
    pub email: Option<String>,
    /// The name to show.
    pub name: String,
    /// What sort of caller.
    pub kind: Kind,
    /// What they are in the organisation.
    pub roles: Vec<Role>,
    /// The session that the token ends with; none for tokens that stand for themselves.
    pub session: Option<String>,
}

/// The claims of contract §14, with `sid` (OpenID Connect's session id) and `use` added.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claims {
    sub: RecordId,
    org_id: OrgId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    datatype: Kind,
    roles: Vec<Role>,
    iat: u64,
    exp: u64,
    #[serde(default, skip_serializing)]
    nbf: Option<u64>,
    jti: String,
    iss: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    purpose: Option<Purpose>,
}

/// A token could not be made: the cryptographic library refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("sign a token: {0}")]
pub struct SignError(String);

/// Makes and reads tokens of one installation.
pub struct Tokens {
    issuer: String,
    signs: EncodingKey,
    verifies: DecodingKey,
    rules: Validation,
}

impl Tokens {
    /// Tokens that carry `issuer` and are signed with `key`.
    #[must_use]
    pub fn new(key: &SigningKey, issuer: &str) -> Self {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[issuer]);
        rules.set_required_spec_claims(&["exp", "iss", "sub"]);
        // The crate would read the machine's clock; `check_times` uses the caller's.
        rules.validate_exp = false;
        Self {
            issuer: issuer.to_owned(),
            signs: EncodingKey::from_secret(key.bytes()),
            verifies: DecodingKey::from_secret(key.bytes()),
            rules,
        }
    }

    /// A token for calling this server that lives for `life`, in whole seconds, from `now`.
    ///
    /// # Errors
    /// When the cryptographic library refuses.
    pub fn sign(&self, who: &Identity, life: Duration, now: Timestamp) -> Result<String, SignError> {
        self.sign_for(Use::Access, who, life, now)
    }

    /// A token for one use.
    ///
    /// # Errors
    /// When the cryptographic library refuses.
    pub fn sign_for(
        &self,
        purpose: Use,
        who: &Identity,
        life: Duration,
        now: Timestamp,
    ) -> Result<String, SignError> {
        let claims = Claims {
            sub: who.id.clone(),
            org_id: who.org.clone(),
            email: who.email.clone(),
            name: Some(who.name.clone()),
            datatype: who.kind,
            roles: who.roles.clone(),
            iat: now.as_secs(),
            exp: now.plus(life).as_secs(),
            nbf: None,
            jti: random::id(),
            iss: self.issuer.clone(),
            sid: who.session.clone(),
            purpose: purpose.purpose(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signs)
            .map_err(|error| SignError(error.to_string()))
    }

    /// Whom a token for calling this server stands for.
    ///
    /// # Errors
    /// [`Refusal::InvalidToken`] for anything that this installation did not make for this use, and
    /// [`Refusal::TokenExpired`] for what it made and what is over.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Principal, Refusal> {
        self.verify_for(Use::Access, token, now)
    }

    /// Whom a token for one use stands for.
    ///
    /// # Errors
    /// As [`Tokens::verify`].
    pub fn verify_for(&self, purpose: Use, token: &str, now: Timestamp) -> Result<Principal, Refusal> {
        if token.len() > MAX_TOKEN {
            return Err(Refusal::InvalidToken);
        }
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.verifies, &self.rules);
        let claims = decoded.map_err(|_| Refusal::InvalidToken)?.claims;
        if claims.purpose != purpose.purpose() {
            return Err(Refusal::InvalidToken);
        }
        check_times(&claims, now)?;
        Ok(claims.into_principal())
    }
}

fn check_times(claims: &Claims, now: Timestamp) -> Result<(), Refusal> {
    let latest = now.plus(LEEWAY).as_secs();
    if claims.iat > latest || claims.nbf.is_some_and(|from| from > latest) {
        return Err(Refusal::InvalidToken);
    }
    if claims.exp <= now.as_secs() { Err(Refusal::TokenExpired) } else { Ok(()) }
}

impl Claims {
    fn into_principal(self) -> Principal {
        let email = self.email.map(|email| email.trim().to_lowercase());
        let name = self.name.or_else(|| email.clone()).unwrap_or_else(|| self.sub.to_string());
        Principal {
            org: self.org_id,
            id: self.sub,
            email,
            name,
            kind: self.datatype,
            roles: self.roles,
            scopes: None,
            rate_limits: None,
            token_id: self.jti,
            session: self.sid,
            issued_at: Timestamp::from_millis(self.iat.saturating_mul(1_000)),
            expires_at: Timestamp::from_millis(self.exp.saturating_mul(1_000)),
        }
    }
}

#[cfg(test)]
mod tests;
