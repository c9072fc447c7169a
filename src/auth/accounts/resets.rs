//! Forgotten passwords of customers, and customers whom staff made and who have none yet. Only who reads the
//! mail of an address may choose its password, so a token goes there, by way of the organisation: asking
//! publishes an event that says whom it is about and holds no token, since staff, flows and webhooks keep what
//! events say. Whoever runs the organisation has a token made, and sends it. One is good at a time, once.

use std::time::Duration;

use appengine_actors::bus::change::Change;
use appengine_actors::clock::Timestamp;
use appengine_actors::event::{EventDraft, EventKind};
use appengine_actors::ids::{EventId, OrgId, RecordId};
use appengine_actors::keys;
use appengine_actors::store::{Batch, Expect, StoreError, encode};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::bodies;
use super::error::AccountError;
use super::person::{Account, Person};
use super::sessions::Sessions;
use super::{Accounts, account_key, reset_key, sessions_key};
use crate::auth::input::{self, Invalid};
use crate::auth::principal::{Kind, Principal};
use crate::auth::random;

/// The event that asks for a token.
const ASKED: &str = "customer.password_reset_requested";
/// How long a token is good.
const LIFE: Duration = Duration::from_secs(24 * 3_600);
/// How often one customer may forget their password.
const PAUSE: Duration = Duration::from_secs(60);
const KIND: Kind = Kind::Customer;
const PREFIX: &str = "pr_";

/// A customer's forgotten password.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Reset {
    /// When somebody last said so.
    asked: Timestamp,
    /// The token that may set another.
    token: Option<Good>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Good {
    hash: String,
    ends: Timestamp,
}

impl Accounts {
    /// `GET /profile/customer/password/forgot/{email}`: publishes that a customer asks for a token. Whether there
    /// is such a customer shows neither in the answer nor in how long it takes: something is written either way.
    ///
    /// # Errors
    /// 400 for what is no address, or when the store or the bus does not answer.
    pub async fn forget_password(&self, org: &OrgId, email: &str) -> Result<(), AccountError> {
        let email = input::email(email).ok_or_else(|| Invalid::new("email", "must be an e-mail address"))?;
        if !self.org_exists(org).await? {
            return Ok(());
        }
        let now = self.parts.clock.now();
        let Some(person) = self.by_email(org, KIND, &email).await? else {
            return self.write_nothing(org, now).await;
        };
        let key = reset_key(org, KIND, &person.record.sk);
        let (before, expect) = self.read::<Reset>(key.clone()).await?;
        let before = before.unwrap_or_default();
        if before.asked.plus(PAUSE) > now {
            return self.write_nothing(org, now).await;
        }
        let data = json!({"email": person.record.email(), "customer": person.record.to_json()});
        let kind = EventKind::new(ASKED).map_err(|_| AccountError::Contended)?;
        let event = EventDraft { id: EventId::new(now), kind, data, occurred_at: None };
        let mut change = Change { events: vec![event], ..Change::default() };
        change.extra.expect(key.clone(), expect).put(key, encode(&Reset { asked: now, ..before })?);
        self.parts.publisher.commit(org.clone(), change).await?;
        Ok(())
    }

    /// `POST /profile/customer/password/token`, `{email}`: a token with which the customer may choose a password,
    /// to be sent to that address: also as an invitation. An earlier one is good no longer.
    ///
    /// # Errors
    /// 400 for a body that cannot be used, 404 for nobody.
    pub async fn password_token(&self, by: &Principal, body: &Value) -> Result<Value, AccountError> {
        let email = bodies::address(body)?;
        let found = self.by_email(&by.org, KIND, &email).await?;
        let id = found.ok_or(AccountError::UnknownPerson)?.record.sk;
        let (secret, ends) = (random::secret(), self.parts.clock.now().plus(LIFE));
        let key = reset_key(&by.org, KIND, &id);
        let (before, expect) = self.read::<Reset>(key.clone()).await?;
        let good = Good { hash: random::digest(&secret), ends };
        let after = Reset { token: Some(good), ..before.unwrap_or_default() };
        let mut batch = Batch::default();
        batch.expect(key.clone(), expect).put(key, encode(&after)?);
        self.commit_alone(batch).await?;
        Ok(json!({"email": email, "sk": id, "token": written(&id, &secret), "expiresAt": ends}))
    }

    /// `POST /profile/customer/password/validate-token`, `{token}`: whether it is good.
    ///
    /// # Errors
    /// 400 for a body that cannot be used.
    pub async fn is_password_token(&self, org: &OrgId, body: &Value) -> Result<bool, AccountError> {
        match self.bearer_of(org, bodies::reset_token(body)?).await {
            Ok(_) => Ok(true),
            Err(AccountError::InvalidResetToken) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// `POST /profile/customer/password/reset`, `{token, password}`: the customer signs in with this password from
    /// now on; all their sessions end.
    ///
    /// # Errors
    /// 400 for a body that cannot be used, 401 for a token that is not good.
    pub async fn reset_password(&self, org: &OrgId, body: &Value) -> Result<(), AccountError> {
        let asked = bodies::NewPassword::read(body)?;
        let (person, reset_is) = self.bearer_of(org, &asked.token).await?;
        let password = Some(self.parts.passwords.hash(&asked.password).await?);
        let (id, now) = (&person.record.sk, self.parts.clock.now());
        let account = Account { password, roles: person.roles(), changed: now };
        let sessions_key = sessions_key(org, KIND, id);
        let (sessions, sessions_are) = self.read::<Sessions>(sessions_key.clone()).await?;
        let mut sessions = sessions.unwrap_or_default();
        sessions.close_others(None);
        let (reset, key) = (reset_key(org, KIND, id), account_key(org, KIND, id));
        let mut batch = Batch::default();
        batch.expect(reset.clone(), reset_is).delete(reset);
        batch.expect(key.clone(), person.account_is).put(key, encode(&account)?);
        batch.expect(sessions_key.clone(), sessions_are).put(sessions_key, encode(&sessions)?);
        self.commit_alone(batch).await?;
        self.parts.seen.forget(org, KIND, id);
        Ok(())
    }

    /// Whose good token it is.
    async fn bearer_of(&self, org: &OrgId, token: &str) -> Result<(Person, Expect), AccountError> {
        let refuse = || AccountError::InvalidResetToken;
        let (id, secret) = read(token).ok_or_else(refuse)?;
        let (reset, expect) = self.read::<Reset>(reset_key(org, KIND, &id)).await?;
        let good = reset.and_then(|reset| reset.token).filter(|good| good.ends > self.parts.clock.now());
        if !good.is_some_and(|good| random::same(&good.hash, &random::digest(&secret))) {
            return Err(refuse());
        }
        Ok((self.by_id(org, KIND, &id).await?.ok_or_else(refuse)?, expect))
    }

    /// What an address that nobody has costs.
    async fn write_nothing(&self, org: &OrgId, now: Timestamp) -> Result<(), AccountError> {
        let mut batch = Batch::default();
        batch.put(keys::private(org, "reset", "nobody"), encode(&now)?);
        self.commit_alone(batch).await
    }

    async fn commit_alone(&self, batch: Batch) -> Result<(), AccountError> {
        match self.parts.store.commit(batch).await {
            Err(StoreError::Conflict { .. }) => Err(AccountError::Contended),
            done => Ok(done?),
        }
    }
}

fn written(id: &RecordId, secret: &str) -> String {
    // Neither holds a slash: ids may not, and the secret is base64url.
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(format!("{id}/{secret}")))
}

fn read(token: &str) -> Option<(RecordId, String)> {
    let body = URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
    let body = String::from_utf8(body).ok()?;
    let (id, secret) = body.split_once('/')?;
    Some((RecordId::new(id).ok()?, secret.to_owned()))
}
