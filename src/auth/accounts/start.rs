//! People who are added from outside: the owner at first start, and staff by the command line.

use std::time::Duration;

use appengine_actors::ids::OrgId;
use appengine_actors::keys;
use appengine_actors::record::model::Record;
use appengine_actors::store::{Key, Scan, Versioned, decode};
use serde_json::{Map, Value};

use super::error::AccountError;
use super::person::{Account, NewPerson, Person, Standing};
use super::{ACCOUNT, Accounts};
use crate::auth::input::{self, Invalid};
use crate::auth::password;
use crate::auth::principal::Kind;
use crate::auth::random;
use crate::auth::role::Role;
use crate::auth::token::Use;

/// Entries that are read at once.
const PAGE: usize = 1_000;

/// The owner made at first start.
pub struct FirstOwner {
    /// The organisation made with them.
    pub org: OrgId,
    /// The address they sign in with.
    pub email: String,
    /// The password, to be shown once.
    pub password: String,
    /// A token that signs them in once, for a link.
    pub link_token: String,
}

/// Somebody who was added.
pub struct Added {
    /// Their record.
    pub person: Record,
    /// The password that was made up for them, to be shown once; none where one was given.
    pub made_password: Option<String>,
}

impl Accounts {
    /// Makes an organisation and its owner, with a password made up, if nobody owns anything yet: people who
    /// were added before the first start do not take it away. The link lives for `link_life`.
    ///
    /// # Errors
    /// When the address is none, or the store or the bus does not answer.
    pub async fn first_start(
        &self,
        org: &OrgId,
        email: &str,
        link_life: Duration,
    ) -> Result<Option<FirstOwner>, AccountError> {
        if self.anybody_owns().await? {
            return Ok(None);
        }
        let password = random::password();
        let person = match self.add(org, email, &[Role::Owner], &password).await {
            // Whoever added them knows how they sign in, and chose that they own nothing.
            Err(AccountError::EmailTaken) => return Ok(None),
            added => added?,
        };
        let (now, identity) = (self.parts.clock.now(), person.identity(None));
        Ok(Some(FirstOwner {
            org: org.clone(),
            email: identity.email.clone().unwrap_or_default(),
            password,
            link_token: self.parts.tokens.sign_for(Use::SignInLink, &identity, link_life, now)?,
        }))
    }

    /// Whether any organisation has an owner. The first one is found at once: who founds an organisation owns
    /// it, and is older than all others in it.
    async fn anybody_owns(&self) -> Result<bool, AccountError> {
        let mut orgs = Scan::prefix(keys::orgs(), PAGE).keys_only();
        while let Some(page) = self.page(&mut orgs).await? {
            for org in page.iter().filter_map(|(key, _)| keys::parse_org(key)) {
                let mut accounts = Scan::prefix(keys::privates(&org, ACCOUNT), PAGE);
                while let Some(page) = self.page(&mut accounts).await? {
                    for (_, found) in page {
                        if decode::<Account>(&found.value)?.roles.contains(&Role::Owner) {
                            return Ok(true);
                        }
                    }
                }
            }
        }
        Ok(false)
    }

    /// The next entries of a scan, which then goes on behind them; none at its end.
    async fn page(&self, scan: &mut Scan) -> Result<Option<Vec<(Key, Versioned)>>, AccountError> {
        let page = self.parts.store.scan(scan.clone()).await?;
        let Some((last, _)) = page.last() else { return Ok(None) };
        *scan = scan.clone().after(last);
        Ok(Some(page))
    }

    /// `appengine user add`: staff with these roles, and the organisation if it is new. Without a password
    /// one is made up.
    ///
    /// # Errors
    /// For an address that is none or taken, or a password that breaks the rule.
    pub async fn add_user(
        &self,
        org: &OrgId,
        email: &str,
        roles: &[Role],
        password: Option<&str>,
    ) -> Result<Added, AccountError> {
        let made = password.is_none().then(random::password);
        let chosen = password.or(made.as_deref()).unwrap_or_default();
        let person = self.add(org, email, roles, chosen).await?;
        Ok(Added { person: person.record, made_password: made })
    }

    async fn add(
        &self,
        org: &OrgId,
        email: &str,
        roles: &[Role],
        password: &str,
    ) -> Result<Person, AccountError> {
        let email = input::email(email).ok_or_else(|| Invalid::new("email", "must be an e-mail address"))?;
        if !password::is_acceptable(password) {
            return Err(Invalid::new("password", password::RULE).into());
        }
        if self.holder(org, Kind::User, &email).await?.is_some() {
            return Err(AccountError::EmailTaken);
        }
        let new = NewPerson {
            kind: Kind::User,
            id: None,
            profile: Map::from_iter([("email".to_owned(), Value::String(email))]),
            password: Some(self.parts.passwords.hash(password).await?),
            standing: Standing::Given(roles.to_vec()),
            sessions: None,
            may_found: true,
            by: Some("appengine".to_owned()),
        };
        self.make(org, &new).await
    }
}
