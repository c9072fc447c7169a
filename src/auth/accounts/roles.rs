//! Giving roles to staff and taking them away. What somebody is stands in their account; their record repeats
//! it for people to read, so both change in one commit.

use appengine_actors::bus::change::{Change, ChangeError};
use appengine_actors::ids::OrgId;
use appengine_actors::keys;
use appengine_actors::record::model::Record;
use appengine_actors::record::service::WriteError;
use appengine_actors::store::{Expect, Key, Scan, decode, encode};
use serde_json::{Value, json};

use super::apps::check_no_higher;
use super::bodies;
use super::error::AccountError;
use super::person::{Account, Person};
use super::{Accounts, TRIES, account_key};
use crate::auth::principal::{Kind, Principal};
use crate::auth::role::Role;

/// Accounts that are read at once.
const PAGE: usize = 500;

/// Another owner's account, and that it is still theirs.
type Another = (Key, Expect);

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
                true => Some(self.another_owner(&by.org, &person).await?.ok_or(AccountError::LastOwner)?),
                false => None,
            };
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
        another: Option<Another>,
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
        if let Some((key, expect)) = another {
            // Two owners who leave at once would leave none.
            change.extra.expect(key, expect);
        }
        let receipt = self.parts.publisher.commit(org.clone(), change).await?;
        receipt.records.into_iter().next().ok_or(AccountError::Contended)
    }

    /// An owner who is somebody else.
    async fn another_owner(&self, org: &OrgId, person: &Person) -> Result<Option<Another>, AccountError> {
        let own = account_key(org, Kind::User, &person.record.sk);
        let all = keys::privates(org, "account");
        let mut prefix = all.clone();
        prefix.extend_from_slice(format!("{}/", Kind::User.name()).as_bytes());
        let mut scan = Scan::prefix(prefix, PAGE);
        loop {
            let page = self.parts.store.scan(scan.clone()).await?;
            for (key, found) in page.iter().filter(|(key, _)| *key != own) {
                let account: Account = decode(&found.value)?;
                let id = keys::parse_private(&all, key).and_then(|name| name.split_once('/')?.1.parse().ok());
                let Some(id) = id.filter(|_| account.roles.contains(&Role::Owner)) else { continue };
                if self.by_id(org, Kind::User, &id).await?.is_some() {
                    return Ok(Some((key.clone(), Expect::Version(found.version))));
                }
            }
            match page.last() {
                Some((last, _)) if page.len() == PAGE => scan = scan.after(last),
                _ => return Ok(None),
            }
        }
    }
}
