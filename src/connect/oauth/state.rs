//! What comes back with a code: a state that nobody else can make, good for one vendor, once, and for ten minutes.
//! Whatever is secret of it, such as the verifier of PKCE, stays here, sealed; in the state is only where that is.

use std::sync::Arc;
use std::time::Duration;

use appengine_actors::bus::change::{Change, ChangeError};
use appengine_actors::clock::Timestamp;
use appengine_actors::house::House;
use appengine_actors::ids::{IntegrationId, OrgId};
use appengine_actors::keys;
use appengine_actors::ports::Publisher;
use appengine_actors::store::{Expect, Scan, StoreError, decode, encode};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::pkce;
use crate::auth::link_key::LinkKey;

/// How long somebody may take at the vendor.
const LIFE: Duration = Duration::from_mins(10);
/// States of one organisation that may be on their way at once.
const MOST: usize = 1_000;
/// Characters of a state: ours have a third of it, and longer ones are not looked at.
const LONGEST: usize = 1_024;
/// What they are kept as.
const PURPOSE: &str = "oauth-state";

/// Why a state is not taken, or not given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// It is none of ours, or one for another vendor.
    #[error("take the state: it was not made here for this vendor; begin to connect anew")]
    Unknown,
    /// It came too late.
    #[error("take the state: it is older than ten minutes; begin to connect anew")]
    Expired,
    /// It came before.
    #[error("take the state: it was used already; begin to connect anew")]
    Used,
    /// Too many are on their way.
    #[error("begin to connect: {MOST} of this organisation's are not at their end; wait ten minutes")]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<StoreError> for StateError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

/// What is known of a connection that somebody has begun.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pending {
    /// The integration that gets the tokens.
    pub integration: IntegrationId,
    /// Where the browser goes in the end.
    pub return_url: Option<String>,
    /// The secret of PKCE.
    pub verifier: Option<String>,
    /// Who began.
    pub by: String,
}

/// What is signed: the organisation, until when, and the name.
#[derive(Debug, Serialize, Deserialize)]
struct Claims(OrgId, u64, String);

/// Gives states out and takes them back.
pub(super) struct States {
    house: Arc<House>,
    publisher: Arc<dyn Publisher>,
    key: LinkKey,
}

impl States {
    /// States that are signed with this key.
    pub(super) fn new(house: Arc<House>, publisher: Arc<dyn Publisher>, key: LinkKey) -> Self {
        Self { house, publisher, key }
    }

    /// A state under which this is found again. Those that came to nothing are forgotten on the way.
    pub(super) async fn give(
        &self,
        org: &OrgId,
        vendor: &str,
        pending: &Pending,
    ) -> Result<String, StateError> {
        let now = self.house.clock.now();
        let until = now.plus(LIFE);
        let claims = Claims(org.clone(), until.as_millis(), pkce::random());
        let mut change = Change { by: Some(pending.by.clone()), ..Change::default() };
        let all = keys::privates(org, PURPOSE);
        let found = self.house.store.scan(Scan::prefix(all.clone(), MOST).keys_only()).await?;
        let mut live = 0;
        for (key, _) in found {
            let ends = keys::parse_private(&all, &key).and_then(|name| end_of(&name));
            if ends.is_some_and(|end| end >= now) {
                live += 1;
            } else {
                change.extra.delete(key);
            }
        }
        if live >= MOST {
            return Err(StateError::TooMany);
        }
        let plain = serde_json::to_string(pending).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        change.extra.insert(key_of(&claims), encode(&self.house.vault.seal(&plain))?);
        self.publisher.commit(org.clone(), change).await?;
        let said = serde_json::to_vec(&claims).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let said = URL_SAFE_NO_PAD.encode(said);
        Ok(format!("{said}.{}", self.key.sign(&signed(vendor, &said))))
    }

    /// What a state stands for. It is gone, durably, before it is told: a code that comes with it is used once.
    pub(super) async fn take(&self, vendor: &str, state: &str) -> Result<(OrgId, Pending), StateError> {
        let claims = self.read(vendor, state).ok_or(StateError::Unknown)?;
        if Timestamp::from_millis(claims.1) < self.house.clock.now() {
            return Err(StateError::Expired);
        }
        let key = key_of(&claims);
        let found = self.house.store.get(key.clone()).await?.ok_or(StateError::Used)?;
        let mut change = Change::default();
        change.extra.expect(key.clone(), Expect::Version(found.version));
        change.extra.delete(key);
        let Claims(org, ..) = claims;
        match self.publisher.commit(org.clone(), change).await {
            Err(ChangeError::Condition) => return Err(StateError::Used),
            done => _ = done?,
        }
        let sealed: String = decode(&found.value)?;
        let unreadable = || StoreError::Corrupt("a state was sealed with another key".to_owned());
        let plain = self.house.vault.open(&sealed).ok_or_else(unreadable)?;
        let pending = serde_json::from_str(&plain).map_err(|_| unreadable())?;
        Ok((org, pending))
    }

    /// What a state says, if it was signed here for this vendor.
    fn read(&self, vendor: &str, state: &str) -> Option<Claims> {
        let (said, signature) = state.split_once('.').filter(|_| state.len() <= LONGEST)?;
        if !self.key.verify(&signed(vendor, said), signature) {
            return None;
        }
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(said).ok()?).ok()
    }
}

/// A vendor's name has no line break, so no two pairs become one text.
fn signed(vendor: &str, said: &str) -> String {
    format!("{vendor}\n{said}")
}

/// By their end, so that those that are over stand first.
fn key_of(Claims(org, until, name): &Claims) -> appengine_actors::store::Key {
    keys::private(org, PURPOSE, &format!("{until:016}.{name}"))
}

fn end_of(name: &str) -> Option<Timestamp> {
    Some(Timestamp::from_millis(name.split_once('.')?.0.parse().ok()?))
}
