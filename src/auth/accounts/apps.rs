//! Apps: programs that call for people, such as a site's own server (contract §1.1, §2.1). An app is a
//! private value and no record: what it shows to get its token is kept as digests.

use appengine_actors::clock::Timestamp;
use appengine_actors::ids::{OrgId, RecordId};
use appengine_actors::keys;
use appengine_actors::store::{Batch, Expect, Scan, encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Accounts;
use super::bodies;
use super::error::AccountError;
use crate::auth::input::{Fields, NAME_CHARS};
use crate::auth::principal::{Kind, Principal};
use crate::auth::random;
use crate::auth::refusal::Refusal;
use crate::auth::role::{Permission, Role, list, may_give};
use crate::auth::token::Identity;

/// Most apps of one organisation.
pub const MAX_APPS: usize = 100;

/// An app as it is kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct App {
    id: RecordId,
    name: String,
    key_hash: String,
    secret_hash: String,
    roles: Vec<Role>,
    created_at: Timestamp,
    created_by: String,
}

/// A new app with what it signs in by. Key and secret are seen here and never again.
pub struct NewApp {
    /// Its id: `appId`.
    pub id: RecordId,
    /// The name it was given.
    pub name: String,
    /// What it may do.
    pub roles: Vec<Role>,
    /// The less secret half.
    pub key: String,
    /// The more secret half.
    pub secret: String,
}

impl NewApp {
    /// The body: `{appId, name, roles, key, secret}`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({"appId": self.id, "name": self.name, "roles": self.roles, "key": self.key, "secret": self.secret})
    }
}

impl Accounts {
    /// `POST /app/register`: `{name, roles?}`. Staff may add apps that do no more than they themselves may;
    /// an app that is given no roles is a `User`, or what its maker is where they may not make it one.
    ///
    /// # Errors
    /// 400 for a body that cannot be used, 403 for callers that are no staff and roles too high, 409 when
    /// there are [`MAX_APPS`].
    pub async fn register_app(&self, maker: &Principal, body: &Value) -> Result<NewApp, AccountError> {
        maker_is_staff(maker)?;
        let fields = Fields::of(body)?;
        fields.only(&["name", "roles"])?;
        let name = fields.needed("name", NAME_CHARS)?.to_owned();
        let roles = match fields.get("roles") {
            None if check_no_higher(&[Role::User], maker).is_ok() => vec![Role::User],
            None => maker.roles.clone(),
            Some(roles) => Vec::<Role>::deserialize(roles)
                .map_err(|_| fields.invalid("roles", &format!("must be a list of {}", list())))?,
        };
        check_no_higher(&roles, maker)?;
        let (org, now) = (&maker.org, self.parts.clock.now());
        let there = Scan::prefix(keys::privates(org, "app"), MAX_APPS).keys_only();
        if self.parts.store.scan(there).await?.len() >= MAX_APPS {
            return Err(AccountError::TooManyApps(MAX_APPS));
        }
        let id = RecordId::generate(&self.datatypes.app, now);
        let new = NewApp { id, name, roles, key: random::id(), secret: random::secret() };
        let app = App {
            id: new.id.clone(),
            name: new.name.clone(),
            key_hash: random::digest(&new.key),
            secret_hash: random::digest(&new.secret),
            roles: new.roles.clone(),
            created_at: now,
            created_by: maker.label().to_owned(),
        };
        let key = keys::private(org, "app", new.id.as_str());
        let mut batch = Batch::default();
        batch.expect(key.clone(), Expect::Absent).put(key, encode(&app)?);
        self.parts.store.commit(batch).await?;
        Ok(new)
    }

    /// `POST /profile/app/key`: `{appId, key, secret}` gives `{token}`.
    ///
    /// # Errors
    /// 400 for a body that cannot be used, 401 when any of the three is wrong.
    pub async fn app_token(&self, org: &OrgId, body: &Value) -> Result<Value, AccountError> {
        let asked = bodies::AppKey::read(body)?;
        let id = RecordId::new(&asked.id).map_err(|_| AccountError::WrongAppKey)?;
        let app = self.app(org, &id).await?.ok_or(AccountError::WrongAppKey)?;
        let key_right = random::same(&app.key_hash, &random::digest(&asked.key));
        let secret_right = random::same(&app.secret_hash, &random::digest(&asked.secret));
        if !(key_right && secret_right) {
            return Err(AccountError::WrongAppKey);
        }
        let (org, kind) = (org.clone(), Kind::App);
        let identity =
            Identity { org, id: app.id, email: None, name: app.name, kind, roles: app.roles, session: None };
        let (now, life) = (self.parts.clock.now(), self.parts.rules.access_life);
        let token = self.parts.tokens.sign(&identity, life, now)?;
        Ok(json!({"token": token, "data": {"token": token}}))
    }

    pub(super) async fn app(&self, org: &OrgId, id: &RecordId) -> Result<Option<App>, AccountError> {
        Ok(self.read(keys::private(org, "app", id.as_str())).await?.0)
    }
}

/// Apps and API keys are made by staff who signed in, not by other keys.
pub(super) fn maker_is_staff(maker: &Principal) -> Result<(), Refusal> {
    let staff = maker.kind == Kind::User && maker.scopes.is_none();
    let adds = maker.may(Permission::Create) || maker.may(Permission::Add);
    if staff && adds { Ok(()) } else { Err(Refusal::Forbidden(Permission::Create)) }
}

/// Whether somebody may give all of these roles.
pub(super) fn check_no_higher(roles: &[Role], maker: &Principal) -> Result<(), AccountError> {
    let higher = |role: &&Role| !may_give(&maker.roles, **role);
    roles.iter().find(higher).map_or(Ok(()), |role| Err(AccountError::RoleTooHigh(*role)))
}
