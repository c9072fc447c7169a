//! Tokens that were found good lately, so that the next request with one is neither verified nor looked up anew.
//! Bounded: what has not been used for long is looked up again. Accounts make it forget people whose
//! tokens end.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use appengine_actors::ids::{OrgId, RecordId};
use sha2::{Digest, Sha256};

use super::principal::{Kind, Principal};
use super::role::Role;

/// The SHA-256 of a token: a name for exactly this one, with all its claims.
pub(super) type Fingerprint = [u8; 32];

/// Whom a token was found to stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Their record.
    pub id: RecordId,
    /// What they are by now: a session's token may be older than their latest roles.
    pub roles: Vec<Role>,
}

/// A bounded set of good tokens with the record that each stands for.
pub struct Seen {
    half: usize,
    inner: Mutex<Inner>,
}

/// Two generations: when the young one is full, the old one is dropped and the young one becomes old.
#[derive(Default)]
struct Inner {
    epoch: u64,
    young: HashMap<Fingerprint, Principal>,
    old: HashMap<Fingerprint, Principal>,
}

impl Seen {
    /// A set that keeps `most` tokens at the most.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { half: (most / 2).max(1), inner: Mutex::default() }
    }

    /// Makes every token of somebody be looked up again at its next use.
    pub fn forget(&self, org: &OrgId, kind: Kind, id: &RecordId) {
        let mut inner = self.lock();
        inner.epoch += 1;
        let stays = |who: &Principal| who.org != *org || who.kind != kind || who.id != *id;
        inner.young.retain(|_, who| stays(who));
        inner.old.retain(|_, who| stays(who));
    }

    /// Whom a token was found to stand for; whether it has expired since is not looked at.
    pub(super) fn get(&self, token: &Fingerprint) -> Option<Principal> {
        let mut inner = self.lock();
        if let Some(who) = inner.young.get(token) {
            return Some(who.clone());
        }
        let who = inner.old.remove(token)?;
        self.insert(&mut inner, *token, who.clone());
        Some(who)
    }

    /// The moment before a look at the store; see [`Seen::remember`].
    pub(super) fn epoch(&self) -> u64 {
        self.lock().epoch
    }

    /// Keeps what was found, unless something was forgotten since `epoch`: then it may be what was found.
    pub(super) fn remember(&self, epoch: u64, token: Fingerprint, who: Principal) {
        let mut inner = self.lock();
        if inner.epoch == epoch {
            self.insert(&mut inner, token, who);
        }
    }

    fn insert(&self, inner: &mut Inner, token: Fingerprint, who: Principal) {
        if inner.young.len() >= self.half {
            inner.old = std::mem::take(&mut inner.young);
        }
        inner.young.insert(token, who);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of a token in this set.
pub(super) fn fingerprint(token: &str) -> Fingerprint {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use appengine_actors::clock::Timestamp;

    use super::*;
    use crate::auth::principal::NEVER;

    fn subject(id: &str) -> Principal {
        Principal {
            org: OrgId::new("o").unwrap(),
            id: RecordId::new(id).unwrap(),
            email: None,
            name: id.to_owned(),
            kind: Kind::User,
            roles: Vec::new(),
            scopes: None,
            rate_limits: None,
            token_id: "t".to_owned(),
            session: None,
            issued_at: Timestamp::default(),
            expires_at: NEVER,
        }
    }

    #[test]
    fn it_keeps_what_is_used_and_never_more_than_it_may() {
        let seen = Seen::new(10);
        let often = fingerprint("often");
        seen.remember(seen.epoch(), often, subject("ada"));
        for n in 0..100 {
            seen.remember(seen.epoch(), fingerprint(&n.to_string()), subject("bob"));
            assert_eq!(seen.get(&often), Some(subject("ada")), "{n}");
            let inner = seen.lock();
            assert!(inner.young.len() + inner.old.len() <= 10);
        }
        assert_eq!(seen.get(&fingerprint("0")), None);
    }

    #[test]
    fn somebody_forgotten_is_looked_up_again_and_nobody_else() {
        let seen = Seen::new(10);
        let (one, other) = (fingerprint("1"), fingerprint("2"));
        seen.remember(seen.epoch(), one, subject("ada"));
        seen.remember(seen.epoch(), other, subject("bob"));
        seen.forget(&subject("ada").org, Kind::User, &subject("ada").id);
        assert_eq!((seen.get(&one), seen.get(&other)), (None, Some(subject("bob"))));
    }

    #[test]
    fn what_was_found_before_a_forgetting_is_not_kept_after_it() {
        let seen = Seen::new(10);
        let (token, before) = (fingerprint("1"), seen.epoch());
        seen.forget(&subject("ada").org, Kind::User, &subject("ada").id);
        seen.remember(before, token, subject("ada"));
        assert_eq!(seen.get(&token), None);
    }
}
