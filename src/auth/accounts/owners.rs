//! An organisation keeps an owner, whichever way the last one would go: by losing the role, or with their
//! record. The second is asked of every change before it is committed, whoever makes it.

use std::sync::Arc;

use appengine_actors::bus::change::{Change, ChangeError, Write};
use appengine_actors::ids::{Datatype, IdError, OrgId, RecordId};
use appengine_actors::keys;
use appengine_actors::ports::{Condition, Keeper};
use appengine_actors::record::model::Record;
use appengine_actors::store::{Expect, Pages, Scan, Store, StoreError, decode};
use futures_util::future::BoxFuture;

use super::account_key;
use super::error::AccountError;
use super::person::Account;
use crate::auth::principal::Kind;
use crate::auth::role::Role;

/// Accounts that are read at once.
const PAGE: usize = 500;

/// The owners of all organisations.
pub struct Owners {
    store: Arc<dyn Store>,
    user: Datatype,
}

impl Owners {
    /// The owners that a store knows.
    ///
    /// # Errors
    /// When the datatype's name breaks the rule for such names, which is a fault of this program.
    pub fn new(store: Arc<dyn Store>) -> Result<Self, IdError> {
        Ok(Self { store, user: Datatype::new(Kind::User.name())? })
    }

    /// An owner who is none of these, as what must still hold when they go: two who leave at once would leave
    /// none. Their account says that they are one, their record that they are there.
    pub(super) async fn another(
        &self,
        org: &OrgId,
        leaving: &[&RecordId],
    ) -> Result<Option<Vec<Condition>>, StoreError> {
        let all = keys::privates(org, "account");
        let mut prefix = all.clone();
        prefix.extend_from_slice(format!("{}/", Kind::User.name()).as_bytes());
        let mut pages = Pages::of(&*self.store, Scan::prefix(prefix, PAGE));
        while let Some(page) = pages.next().await? {
            for (key, found) in &page {
                let account: Account = decode(&found.value)?;
                let name = keys::parse_private(&all, key);
                let id: Option<RecordId> = name.and_then(|name| name.split_once('/')?.1.parse().ok());
                let id = id.filter(|id| account.roles.contains(&Role::Owner) && !leaving.contains(&id));
                let Some(id) = id else { continue };
                let at = keys::record(org, &self.user, &id);
                let Some(person) = self.store.get(at.clone()).await? else { continue };
                if !decode::<Record>(&person.value)?.is_deleted() {
                    let still = [
                        (key.clone(), Expect::Version(found.version)),
                        (at, Expect::Version(person.version)),
                    ];
                    return Ok(Some(still.into()));
                }
            }
        }
        Ok(None)
    }

    async fn is_owner(&self, org: &OrgId, id: &RecordId) -> Result<bool, StoreError> {
        let Some(found) = self.store.get(account_key(org, Kind::User, id)).await? else { return Ok(false) };
        Ok(decode::<Account>(&found.value)?.roles.contains(&Role::Owner))
    }
}

impl Keeper for Owners {
    fn minds(&self, change: &Change) -> bool {
        leaving(change).next().is_some()
    }

    fn conditions<'a>(
        &'a self,
        org: &'a OrgId,
        change: &'a Change,
    ) -> BoxFuture<'a, Result<Vec<Condition>, ChangeError>> {
        Box::pin(async move {
            let leaving: Vec<&RecordId> = leaving(change).collect();
            for id in &leaving {
                if self.is_owner(org, id).await? {
                    let last = AccountError::LastOwner;
                    let refused = || ChangeError::Kept { code: last.code(), why: last.to_string() };
                    return self.another(org, &leaving).await?.ok_or_else(refused);
                }
            }
            Ok(Vec::new())
        })
    }
}

/// The staff whose records go with a change, softly or for good.
fn leaving(change: &Change) -> impl Iterator<Item = &RecordId> {
    let gone = change.writes.iter().filter_map(|write| match write {
        Write::Replace { before, after, .. } if after.is_deleted() => Some(before),
        Write::Remove { before, .. } => Some(before),
        Write::Create(_) | Write::Replace { .. } => None,
    });
    let are_staff = |record: &Record| record.datatype.as_str() == Kind::User.name() && !record.is_deleted();
    gone.filter(move |record| are_staff(record)).map(|record| &record.sk)
}
