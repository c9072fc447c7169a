//! The one place that turns what a caller sends into who they are: for REST, SSE and sockets alike. It
//! decides nothing about routes and writes nothing; people and keys are looked up through [`People`]
//! and [`Keys`].

use std::sync::Arc;

use appengine_actors::clock::{Clock, Timestamp};
use appengine_actors::ids::OrgId;
use futures_util::future::BoxFuture;

use super::api_key::{Keys, hash_of};
use super::principal::{Kind, NEVER, Principal};
use super::refusal::Refusal;
use super::seen::{Known, Seen, fingerprint};
use super::token::Tokens;

/// What a caller sends, as it was sent. Empty texts count as not sent. It has no way to be printed.
#[derive(Clone, Copy, Default)]
pub struct Credentials<'a> {
    /// The header `Authorization`: `Bearer` and a token.
    pub authorization: Option<&'a str>,
    /// The header `x-client-authorization`: the person's token beside an app's, with or without `Bearer`.
    pub x_client_authorization: Option<&'a str>,
    /// The header `x-api-key`.
    pub x_api_key: Option<&'a str>,
    /// The header `orgid`.
    pub orgid: Option<&'a str>,
    /// A token from where browsers can put one: a socket's handshake, an event stream's query.
    pub query_token: Option<&'a str>,
}

/// Where the people behind tokens are.
pub trait People: Send + Sync + 'static {
    /// Whom a verified token stands for. A token is a full identity: the organisation and the record come to
    /// be when they are not there. A token of a session that has ended is refused.
    fn ensure<'a>(&'a self, principal: &'a Principal) -> BoxFuture<'a, Result<Known, Refusal>>;
}

/// Admits callers.
pub struct Gate {
    tokens: Arc<Tokens>,
    people: Arc<dyn People>,
    keys: Arc<dyn Keys>,
    seen: Arc<Seen>,
    clock: Arc<dyn Clock>,
}

impl Gate {
    /// A gate that believes `tokens` and asks `people` and `keys`.
    #[must_use]
    pub fn new(
        tokens: Arc<Tokens>,
        people: Arc<dyn People>,
        keys: Arc<dyn Keys>,
        seen: Arc<Seen>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { tokens, people, keys, seen, clock }
    }

    /// Who is asking, by contract §1.1:
    ///
    /// | sent | who it is |
    /// |---|---|
    /// | `Authorization` | the token's person or app; its organisation counts, `orgid` may only repeat it |
    /// | and `x-client-authorization` | that token's person, if the first one is an app's of the same organisation |
    /// | else `x-api-key` and `orgid` | the key, in that organisation |
    /// | else a token in the query | the token's person or app |
    ///
    /// # Errors
    /// A [`Refusal`] that says which of these did not hold.
    pub async fn admit(&self, sent: Credentials<'_>) -> Result<Principal, Refusal> {
        let org = read_org(sent.orgid)?;
        let client = given(sent.x_client_authorization).map(without_bearer);
        let principal = match (given(sent.authorization), given(sent.x_api_key), given(sent.query_token)) {
            (Some(header), _, _) => self.by_token(bearer(header)?, org.as_ref()).await?,
            (None, Some(_), _) if client.is_some() => return Err(Refusal::ClientWithoutApp),
            (None, Some(key), _) => self.by_key(key, org.ok_or(Refusal::MissingOrgId)?).await?,
            (None, None, Some(token)) => self.by_token(without_bearer(token), org.as_ref()).await?,
            (None, None, None) => return Err(Refusal::MissingAuthorization),
        };
        match client {
            None => Ok(principal),
            Some(token) => self.behind(&principal, token).await,
        }
    }

    /// Counts what was let through, of those whose use is counted: API keys.
    pub fn count_use(&self, caller: &Principal) {
        if caller.scopes.is_some() {
            self.keys.count_use(&caller.org, &caller.id);
        }
    }

    /// The organisation of a public route, where nobody is signed in.
    ///
    /// # Errors
    /// When `orgid` was not sent, or is no organisation's id.
    pub fn public_org(&self, sent: Credentials<'_>) -> Result<OrgId, Refusal> {
        read_org(sent.orgid)?.ok_or(Refusal::MissingOrgId)
    }

    /// The person behind an app. A person's own token, sent twice, is that person.
    async fn behind(&self, first: &Principal, token: &str) -> Result<Principal, Refusal> {
        let person = self.by_token(token, Some(&first.org)).await?;
        let is_app = first.kind == Kind::App;
        let same = (first.kind, &first.id) == (person.kind, &person.id);
        if (is_app && person.kind != Kind::App) || (!is_app && same) {
            Ok(person)
        } else {
            Err(Refusal::ClientWithoutApp)
        }
    }

    async fn by_token(&self, token: &str, org: Option<&OrgId>) -> Result<Principal, Refusal> {
        let fingerprint = fingerprint(token);
        let (principal, is_known) = match self.seen.get(&fingerprint) {
            Some(seen) if seen.expires_at <= self.clock.now() => return Err(Refusal::TokenExpired),
            Some(seen) => (seen, true),
            None => (self.tokens.verify(token, self.clock.now())?, false),
        };
        // Before the first use is carried out: a refused request must leave nothing behind.
        if org.is_some_and(|org| *org != principal.org) {
            return Err(Refusal::TokenOrgMismatch);
        }
        if is_known {
            return Ok(principal);
        }
        let epoch = self.seen.epoch();
        let Known { id, roles } = self.people.ensure(&principal).await?;
        let principal = Principal { id, roles, ..principal };
        self.seen.remember(epoch, fingerprint, principal.clone());
        Ok(principal)
    }

    async fn by_key(&self, key: &str, org: OrgId) -> Result<Principal, Refusal> {
        let hash = hash_of(key).ok_or(Refusal::InvalidApiKey)?;
        let found = self.keys.find(&org, &hash).await?.ok_or(Refusal::InvalidApiKey)?;
        if found.expires_at.is_some_and(|end| end <= self.clock.now()) {
            return Err(Refusal::InvalidApiKey);
        }
        Ok(Principal {
            org,
            token_id: found.id.to_string(),
            id: found.id,
            email: None,
            name: found.name,
            kind: Kind::App,
            roles: found.roles,
            scopes: Some(found.scopes),
            rate_limits: Some(found.rate_limits),
            session: None,
            issued_at: Timestamp::default(),
            expires_at: found.expires_at.unwrap_or(NEVER),
        })
    }
}

fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn read_org(header: Option<&str>) -> Result<Option<OrgId>, Refusal> {
    given(header).map(|text| OrgId::new(text).map_err(|_| Refusal::InvalidOrgId)).transpose()
}

/// The token after `Bearer`, a word that is read in any case (RFC 9110 §11.1).
fn bearer(header: &str) -> Result<&str, Refusal> {
    scheme_bearer(header).ok_or(Refusal::InvalidToken)
}

fn without_bearer(header: &str) -> &str {
    scheme_bearer(header).unwrap_or(header)
}

fn scheme_bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests;
