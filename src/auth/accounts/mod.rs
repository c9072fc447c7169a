//! Accounts: signing up, in and out, refreshing, guests, apps and API keys (contract §2.1, §2.2, §2.5),
//! over the store and the bus. Each public function is what one route does; none of them knows HTTP.
//! People are records of the datatypes `user`, `customer` and `guest`. What lets somebody in (password
//! hash, roles, sessions, key digests) is kept beside them as private values, which no write of a record
//! reaches: whoever may change a user's record does not thereby change what that user may do.
//!
//! | private value | name | holds |
//! |---|---|---|
//! | `account` | kind/sk | password hash and roles |
//! | `sessions` | kind/sk | open sessions by digest, tokens given back early |
//! | `reset` | kind/sk | when a password was forgotten, and the token that may set another |
//! | `apikey` | digest | the API key's roles, scopes, rates and end |
//! | `app` | app id | an app's name, digests and roles |

pub mod answer;
pub mod apps;
mod bodies;
pub mod error;
mod first_use;
mod guests;
mod keys;
pub mod owners;
mod person;
mod profiles;
mod resets;
mod roles;
mod session;
mod sessions;
pub mod start;
mod uses;

use std::sync::Arc;
use std::time::Duration;

use appengine_actors::clock::Clock;
use appengine_actors::ids::{Datatype, IdError, OrgId, RecordId};
use appengine_actors::ports::Publisher;
use appengine_actors::record::service::Records;
use appengine_actors::store::{Batch, Expect, Store, StoreError, decode, encode};

use super::password::Passwords;
use super::principal::Kind;
use super::seen::Seen;
use super::token::Tokens;
use crate::config::{Auth, Signup};
use error::AccountError;
use owners::Owners;
use sessions::Sessions;
use uses::Uses;

/// How often a change that others got in the way of is tried again.
const TRIES: usize = 8;

/// What is configured about accounts.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Whether staff may sign up by themselves, and found organisations by it.
    pub open_sign_up: bool,
    /// Life of an access token.
    pub access_life: Duration,
    /// Life of a session after its last refresh.
    pub refresh_life: Duration,
}

impl From<&Auth> for Rules {
    fn from(auth: &Auth) -> Self {
        Self {
            open_sign_up: auth.user_signup == Signup::Open,
            access_life: auth.access_token_life.get(),
            refresh_life: auth.refresh_token_life.get(),
        }
    }
}

/// What accounts are built on.
pub struct Parts {
    /// Where everything durable is.
    pub store: Arc<dyn Store>,
    /// Where new people are announced.
    pub publisher: Arc<dyn Publisher>,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Makes tokens.
    pub tokens: Arc<Tokens>,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// The gate's memory, shared with it: it must forget people whose tokens end.
    pub seen: Arc<Seen>,
    /// What is configured.
    pub rules: Rules,
}

/// The accounts of all organisations.
pub struct Accounts {
    parts: Parts,
    datatypes: Datatypes,
    owners: Owners,
    uses: Uses,
}

/// The datatypes of people and keys, checked once.
struct Datatypes {
    user: Datatype,
    customer: Datatype,
    guest: Datatype,
    app: Datatype,
    api_key: Datatype,
}

impl Accounts {
    /// Accounts over these parts.
    ///
    /// # Errors
    /// When the names of the datatypes break the rule for such names, which is a fault of this program.
    pub fn new(parts: Parts) -> Result<Self, IdError> {
        let datatypes = Datatypes {
            user: Datatype::new(Kind::User.name())?,
            customer: Datatype::new(Kind::Customer.name())?,
            guest: Datatype::new(Kind::Guest.name())?,
            app: Datatype::new(Kind::App.name())?,
            api_key: Datatype::new("apikey")?,
        };
        let owners = Owners::new(parts.store.clone())?;
        Ok(Self { parts, datatypes, owners, uses: Uses::default() })
    }

    /// The records, to change them as everybody does.
    fn records(&self) -> Records {
        let Parts { store, clock, publisher, .. } = &self.parts;
        Records::new(store.clone(), clock.clone(), publisher.clone())
    }

    fn datatype(&self, kind: Kind) -> &Datatype {
        match kind {
            Kind::User => &self.datatypes.user,
            Kind::Customer => &self.datatypes.customer,
            Kind::Guest => &self.datatypes.guest,
            Kind::App => &self.datatypes.app,
        }
    }

    /// A private value, and the condition that it is still the one that was read.
    async fn read<T: serde::de::DeserializeOwned>(
        &self,
        key: appengine_actors::store::Key,
    ) -> Result<(Option<T>, Expect), StoreError> {
        match self.parts.store.get(key).await? {
            Some(found) => Ok((Some(decode(&found.value)?), Expect::Version(found.version))),
            None => Ok((None, Expect::Absent)),
        }
    }

    /// Changes somebody's sessions, again if others get in the way; the gate looks anew when
    /// something ended.
    async fn with_sessions<T>(
        &self,
        org: &OrgId,
        kind: Kind,
        id: &RecordId,
        change: impl Fn(&mut Sessions) -> T,
    ) -> Result<T, AccountError> {
        let key = sessions_key(org, kind, id);
        for _ in 0..TRIES {
            let (before, expect) = self.read::<Sessions>(key.clone()).await?;
            let before = before.unwrap_or_default();
            let mut after = before.clone();
            let answer = change(&mut after);
            if after == before {
                return Ok(answer);
            }
            let mut batch = Batch::default();
            batch.expect(key.clone(), expect).put(key.clone(), encode(&after)?);
            match self.parts.store.commit(batch).await {
                Ok(()) => {
                    if after.ended_since(&before) {
                        self.parts.seen.forget(org, kind, id);
                    }
                    return Ok(answer);
                }
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(AccountError::Contended)
    }
}

/// The purpose of the private values that hold accounts.
const ACCOUNT: &str = "account";

fn private_name(kind: Kind, id: &RecordId) -> String {
    format!("{}/{id}", kind.name())
}

fn sessions_key(org: &OrgId, kind: Kind, id: &RecordId) -> appengine_actors::store::Key {
    appengine_actors::keys::private(org, "sessions", &private_name(kind, id))
}

fn reset_key(org: &OrgId, kind: Kind, id: &RecordId) -> appengine_actors::store::Key {
    appengine_actors::keys::private(org, "reset", &private_name(kind, id))
}

fn account_key(org: &OrgId, kind: Kind, id: &RecordId) -> appengine_actors::store::Key {
    appengine_actors::keys::private(org, ACCOUNT, &private_name(kind, id))
}

#[cfg(test)]
mod tests;
