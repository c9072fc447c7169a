//! Somebody's sessions: families of refresh tokens in which each replaces the one before it (RFC 9700
//! §4.14.2), and the tokens that were given back early. Pure: one value for each person, kept in the
//! store by its digests only.

use std::time::Duration;

use appengine_actors::clock::Timestamp;
use appengine_actors::ids::RecordId;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::auth::principal::{Kind, Principal};
use crate::auth::random;

/// Most sessions of one person; the one that was used longest ago makes room.
pub const MAX_OPEN: usize = 20;

/// Most tokens without a session that one person has given back early; the one that ends first makes room.
pub const MAX_REVOKED: usize = 200;

/// Longest refresh token that is looked at, in bytes.
const MAX_TOKEN: usize = 1_024;
const PREFIX: &str = "rt_";

/// All sessions of one person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sessions {
    open: Vec<Open>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    revoked: Vec<Revoked>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    id: String,
    /// Digest of the one secret that may be used next.
    hash: String,
    used: Timestamp,
    ends: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Revoked {
    /// Digest of its `jti`: a foreign one may be long.
    token: String,
    ends: Timestamp,
}

/// A session and the secret with which it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The session's id: the claim `sid` of its tokens.
    pub session: String,
    /// What the next refresh must show.
    pub secret: String,
}

/// What came of a refresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// The session goes on with another secret.
    Renewed(Ticket),
    /// The secret is not the session's latest: somebody has a copy, so the session has ended.
    Reused,
    /// There is no such session any more.
    Unknown,
}

impl Sessions {
    /// A new session that ends `life` after its last refresh.
    pub fn open(&mut self, now: Timestamp, life: Duration) -> Ticket {
        self.drop_ended(now);
        while self.open.len() >= MAX_OPEN {
            let oldest = self.open.iter().enumerate().min_by_key(|(_, open)| open.used);
            let Some((place, _)) = oldest else { break };
            self.open.remove(place);
        }
        let ticket = Ticket { session: random::id(), secret: random::secret() };
        let hash = random::digest(&ticket.secret);
        self.open.push(Open { id: ticket.session.clone(), hash, used: now, ends: now.plus(life) });
        ticket
    }

    /// Goes on with a session. Every secret but its latest ends it: a thief and the person robbed cannot
    /// be told apart, so both must sign in again.
    pub fn rotate(&mut self, ticket: &Ticket, now: Timestamp, life: Duration) -> Rotation {
        self.drop_ended(now);
        let Some(place) = self.open.iter().position(|open| open.id == ticket.session) else {
            return Rotation::Unknown;
        };
        let mut open = self.open.remove(place);
        if !random::same(&open.hash, &random::digest(&ticket.secret)) {
            return Rotation::Reused;
        }
        let secret = random::secret();
        open.hash = random::digest(&secret);
        open.used = now;
        open.ends = now.plus(life);
        self.open.push(open);
        Rotation::Renewed(Ticket { session: ticket.session.clone(), secret })
    }

    /// Ends what a token belongs to: its session, or the token itself where it has none.
    pub fn close(&mut self, principal: &Principal, now: Timestamp) {
        self.drop_ended(now);
        match &principal.session {
            Some(session) => self.open.retain(|open| open.id != *session),
            None => self.revoke(&principal.token_id, principal.expires_at),
        }
    }

    /// Ends all sessions but one.
    pub fn close_others(&mut self, keep: Option<&str>) {
        self.open.retain(|open| Some(open.id.as_str()) == keep);
    }

    /// Takes a token that works once: whether it was good until now.
    pub fn take_once(&mut self, principal: &Principal, now: Timestamp) -> bool {
        self.drop_ended(now);
        let fresh = !self.is_revoked(&principal.token_id);
        if fresh {
            self.revoke(&principal.token_id, principal.expires_at);
        }
        fresh
    }

    /// Whether a token that was good before may not be so now.
    #[must_use]
    pub fn ended_since(&self, before: &Self) -> bool {
        let is_open = |id: &String| self.open.iter().any(|open| open.id == *id);
        !before.open.iter().all(|open| is_open(&open.id)) || self.revoked != before.revoked
    }

    /// Whether what a token belongs to still lasts.
    #[must_use]
    pub fn hold(&self, principal: &Principal, now: Timestamp) -> bool {
        match &principal.session {
            Some(session) => self.open.iter().any(|open| open.id == *session && open.ends > now),
            None => !self.is_revoked(&principal.token_id),
        }
    }

    fn is_revoked(&self, token: &str) -> bool {
        let token = random::digest(token);
        self.revoked.iter().any(|revoked| revoked.token == token)
    }

    fn revoke(&mut self, token: &str, ends: Timestamp) {
        if self.is_revoked(token) {
            return;
        }
        let token = random::digest(token);
        if self.revoked.len() >= MAX_REVOKED {
            let first = self.revoked.iter().enumerate().min_by_key(|(_, revoked)| revoked.ends);
            if let Some((place, _)) = first {
                self.revoked.remove(place);
            }
        }
        self.revoked.push(Revoked { token, ends });
    }

    fn drop_ended(&mut self, now: Timestamp) {
        self.open.retain(|open| open.ends > now);
        self.revoked.retain(|revoked| revoked.ends > now);
    }
}

/// What a refresh token holds: whose session it is, and the ticket. Opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// What sort of person.
    pub kind: Kind,
    /// Their record's id.
    pub id: RecordId,
    /// The session and its secret.
    pub ticket: Ticket,
}

impl RefreshToken {
    /// The text that clients keep.
    #[must_use]
    pub fn encode(&self) -> String {
        let Ticket { session, secret } = &self.ticket;
        // No part can hold a slash: record ids may not, and the others are base64url.
        let body = format!("{}/{}/{session}/{secret}", self.kind.name(), self.id);
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(body))
    }

    /// What a text stands for; none when it is no refresh token.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        let body = text.strip_prefix(PREFIX).filter(|body| body.len() <= MAX_TOKEN)?;
        let body = String::from_utf8(URL_SAFE_NO_PAD.decode(body).ok()?).ok()?;
        let parts: Vec<&str> = body.split('/').collect();
        let [kind, id, session, secret] = parts.as_slice() else { return None };
        let kind = [Kind::User, Kind::Customer].into_iter().find(|known| known.name() == *kind)?;
        let ticket = Ticket { session: (*session).to_owned(), secret: (*secret).to_owned() };
        Some(Self { kind, id: RecordId::new(id).ok()?, ticket })
    }
}

#[cfg(test)]
mod tests;
