//! Giving roles to staff and taking them away. What somebody is stands in their account; their record repeats
//! it for people to read, so both change in one commit.

use appengine_actors::bus::change::{Change, ChangeError};
use appengine_actors::ports::Condition;
use appengine_actors::record::model::Record;
use appengine_actors::record::service::WriteError;
use appengine_actors::store::encode;
use serde_json::{Value, json};

use super::apps::check_no_higher;
use super::bodies;
use super::error::AccountError;
use super::person::{Account, Person};
use super::{Accounts, TRIES, account_key};
use crate::auth::principal::{Kind, Principal};
use crate::auth::role::Role;

impl Accounts {
    /// `POST /user/role/add`: `{email, roles}`. The person's tokens are looked up again at once.
    ///
    /// # Errors
    /// 400 for a body that cannot be used, 403 for a role that outranks the caller's, 404 for nobody.
    pub async fn add_roles(&self, by: &Principal, body: &Value) -> Result<Record, AccountError> {
        self.change_roles(by, body, |before, asked| {
            let new = asked.iter().filter(|role| !before.contains(role));
            before.iter().chain(new).copied().collect()
        })
        .await
    }

    /// `POST /user/role/remove`: `{email, roles}`.
    ///
    /// # Errors
    /// As [`Accounts::add_roles`], and 409 for the organisation's last owner.
    pub async fn remove_roles(&self, by: &Principal, body: &Value) -> Result<Record, AccountError> {
        self.change_roles(by, body, |before, asked| {
            before.iter().filter(|role| !asked.contains(role)).copied().collect()
        })
        .await
    }

    async fn change_roles(
        &self,
        by: &Principal,
        body: &Value,
        change: impl Fn(&[Role], &[Role]) -> Vec<Role>,
    ) -> Result<Record, AccountError> {
        let asked = bodies::Roles::read(body)?;
        check_no_higher(&asked.roles, by)?;
        for _ in 0..TRIES {
            let found = self.by_email(&by.org, Kind::User, &asked.email).await?;
            let person = found.ok_or(AccountError::UnknownPerson)?;
            let roles = change(&person.roles(), &asked.roles);
            if roles == person.roles() {
                return Ok(person.record);
            }
            let leaves = person.roles().contains(&Role::Owner) && !roles.contains(&Role::Owner);
            let another = match leaves {
                true => self.owners.another(&by.org, &[&person.record.sk]).await?,
                false => Some(Vec::new()),
            };
            let another = another.ok_or(AccountError::LastOwner)?;
            match self.write_roles(by, &person, roles, another).await {
                Err(AccountError::Change(ChangeError::Changed(_) | ChangeError::Condition)) => {}
                written => {
                    self.parts.seen.forget(&by.org, Kind::User, &person.record.sk);
                    return written;
                }
            }
        }
        Err(AccountError::Contended)
    }

    async fn write_roles(
        &self,
        by: &Principal,
        person: &Person,
        roles: Vec<Role>,
        another: Vec<Condition>,
    ) -> Result<Record, AccountError> {
        let (org, id) = (&by.org, &person.record.sk);
        let show = |record: &mut Record| {
            record.data.insert("roles".to_owned(), json!(roles));
            Ok(())
        };
        let at = (self.datatype(Kind::User), id);
        let planned = self.records().plan_update(org, at, None, Some(by.label()), show).await;
        let write = planned.map_err(|error| match error {
            WriteError::Change(error) => AccountError::from(error),
            _ => AccountError::UnknownPerson,
        })?;
        let password = person.account.as_ref().and_then(|account| account.password.clone());
        let account = Account { password, roles: roles.clone(), changed: self.parts.clock.now() };
        let mut change = Change { by: Some(by.label().to_owned()), writes: vec![write], ..Change::default() };
        let key = account_key(org, Kind::User, id);
        change.extra.expect(key.clone(), person.account_is).put(key, encode(&account)?);
        for (key, expect) in another {
            change.extra.expect(key, expect);
        }
        let receipt = self.parts.publisher.commit(org.clone(), change).await?;
        receipt.records.into_iter().next().ok_or(AccountError::Contended)
    }
}
