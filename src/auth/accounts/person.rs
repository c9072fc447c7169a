//! A person: the record that everybody may see, and the account that nobody does. Finding one by address
//! or id, and making one with everything that belongs to it in one commit.

use appengine_actors::bus::change::{Change, ChangeError, Write};
use appengine_actors::clock::{Stamp, Timestamp};
use appengine_actors::ids::{Datatype, OrgId, RecordId};
use appengine_actors::keys;
use appengine_actors::record::model::{EMAIL_FIELD, Record};
use appengine_actors::store::{Batch, Expect, Scan, decode, encode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::error::AccountError;
use super::sessions::Sessions;
use super::{Accounts, TRIES, account_key, sessions_key};
use crate::auth::principal::Kind;
use crate::auth::role::Role;
use crate::auth::token::Identity;

/// People with one address, one after the other, of whom those that were deleted are looked for.
const SAME_ADDRESS: usize = 1_000;

/// What lets a person in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Account {
    /// Hash of the password in PHC form; none for people who never chose one.
    pub(super) password: Option<String>,
    /// What they are. The record's `data.roles` repeats it for people to read, and has no effect.
    pub(super) roles: Vec<Role>,
    /// When the password or the roles last changed.
    pub(super) changed: Timestamp,
}

/// A person as found.
pub(super) struct Person {
    pub(super) kind: Kind,
    pub(super) record: Record,
    pub(super) account: Option<Account>,
    /// That the account is still as found.
    pub(super) account_is: Expect,
}

impl Person {
    /// What they are: what their account says, or the least that their kind of person is.
    pub(super) fn roles(&self) -> Vec<Role> {
        self.account.as_ref().map_or_else(|| vec![least(self.kind)], |account| account.roles.clone())
    }

    pub(super) fn identity(&self, session: Option<String>) -> Identity {
        identity(self.kind, &self.record, self.roles(), session)
    }
}

/// Whom a token for a record is made for.
pub(super) fn identity(kind: Kind, record: &Record, roles: Vec<Role>, session: Option<String>) -> Identity {
    Identity {
        org: record.org.clone(),
        id: record.sk.clone(),
        email: record.email(),
        name: display_name(record),
        kind,
        roles,
        session,
    }
}

/// What somebody of a kind is when nothing more is known of them.
pub(super) const fn least(kind: Kind) -> Role {
    match kind {
        Kind::User | Kind::App => Role::User,
        Kind::Customer => Role::Customer,
        Kind::Guest => Role::Guest,
    }
}

/// The roles of a new person.
pub(super) enum Standing {
    /// By what the organisation is: its first person, if staff, owns it; all others are the least.
    SignedUp,
    /// These.
    Given(Vec<Role>),
}

/// A person to be made.
pub(super) struct NewPerson {
    pub(super) kind: Kind,
    /// Their record's id, where it is known already.
    pub(super) id: Option<RecordId>,
    pub(super) profile: Map<String, Value>,
    pub(super) password: Option<String>,
    pub(super) standing: Standing,
    /// The sessions that they begin with.
    pub(super) sessions: Option<Sessions>,
    /// Whether the organisation may come to be by it.
    pub(super) may_found: bool,
    /// Who asked for it, if not they themselves.
    pub(super) by: Option<String>,
}

/// An organisation's entry.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrgEntry {
    id: OrgId,
    created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl Accounts {
    /// The person with an address.
    pub(super) async fn by_email(
        &self,
        org: &OrgId,
        kind: Kind,
        email: &str,
    ) -> Result<Option<Person>, AccountError> {
        match self.holder(org, kind, email).await? {
            Some(id) => self.by_id(org, kind, &id).await,
            None => Ok(None),
        }
    }

    /// The person with a record's id, unless it was deleted.
    pub(super) async fn by_id(
        &self,
        org: &OrgId,
        kind: Kind,
        id: &RecordId,
    ) -> Result<Option<Person>, AccountError> {
        let Some(record) = self.record(org, kind, id).await?.filter(|record| !record.is_deleted()) else {
            return Ok(None);
        };
        let (account, account_is) = self.read(account_key(org, kind, id)).await?;
        Ok(Some(Person { kind, record, account, account_is }))
    }

    /// A person's record, deleted ones included.
    pub(super) async fn record(
        &self,
        org: &OrgId,
        kind: Kind,
        id: &RecordId,
    ) -> Result<Option<Record>, AccountError> {
        Ok(self.read(keys::record(org, self.datatype(kind), id)).await?.0)
    }

    /// The record that holds an address.
    pub(super) async fn holder(
        &self,
        org: &OrgId,
        kind: Kind,
        email: &str,
    ) -> Result<Option<RecordId>, AccountError> {
        let key = keys::unique(org, self.datatype(kind), EMAIL_FIELD, email);
        let found = self.parts.store.get(key).await?;
        Ok(found.map(|found| decode(&found.value)).transpose()?)
    }

    /// Whether somebody with an address was deleted at a moment or later.
    pub(super) async fn deleted_since(
        &self,
        org: &OrgId,
        kind: Kind,
        email: &str,
        moment: Timestamp,
    ) -> Result<bool, AccountError> {
        let with = keys::records_with(org, self.datatype(kind), EMAIL_FIELD, email);
        let found = self.parts.store.scan(Scan::prefix(with, SAME_ADDRESS).keys_only()).await?;
        for id in found.iter().filter_map(|(key, _)| keys::trailing_record_id(key)) {
            let record = self.record(org, kind, &id).await?;
            if record.is_some_and(|record| record.is_deleted() && record.modified.time() >= moment) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether an organisation has come to be.
    pub(super) async fn org_exists(&self, org: &OrgId) -> Result<bool, AccountError> {
        Ok(self.parts.store.get(keys::org(org)).await?.is_some())
    }

    /// Makes a person: record, account, sessions, and the organisation if it is its first, in one commit.
    pub(super) async fn make(&self, org: &OrgId, new: &NewPerson) -> Result<Person, AccountError> {
        let now = self.parts.clock.now();
        let id = new.id.clone().unwrap_or_else(|| RecordId::generate(self.datatype(new.kind), now));
        for _ in 0..TRIES {
            let founds = !self.org_exists(org).await?;
            if founds && !new.may_found {
                return Err(AccountError::UnknownOrg);
            }
            let roles = match &new.standing {
                Standing::SignedUp if founds && new.kind == Kind::User => vec![Role::Owner],
                Standing::SignedUp => vec![least(new.kind)],
                Standing::Given(roles) => roles.clone(),
            };
            let account = Account { password: new.password.clone(), roles, changed: now };
            let record = self.draft(org, &id, new, &account.roles);
            let change = Change {
                by: record.author.clone(),
                writes: vec![Write::Create(Box::new(record))],
                extra: extras(org, &id, new, &account, founds)?,
                ..Change::default()
            };
            match self.parts.publisher.commit(org.clone(), change).await {
                Ok(receipt) => {
                    let made = receipt.records.into_iter().next();
                    let record = made.ok_or(AccountError::Contended)?;
                    return Ok(Person {
                        kind: new.kind,
                        record,
                        account: Some(account),
                        account_is: Expect::Present,
                    });
                }
                // Somebody else founded the organisation meanwhile.
                Err(ChangeError::Condition) if founds => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(AccountError::Contended)
    }

    fn draft(&self, org: &OrgId, id: &RecordId, new: &NewPerson, roles: &[Role]) -> Record {
        let mut data = new.profile.clone();
        data.insert("roles".into(), json!(roles));
        let own = data.get("email").and_then(Value::as_str).unwrap_or(id.as_str()).to_owned();
        let author = new.by.as_deref().unwrap_or(&own);
        fresh_record(org, self.datatype(new.kind), id.clone(), author, data)
    }
}

/// A record to be created; the bus fills in version and times.
pub(super) fn fresh_record(
    org: &OrgId,
    datatype: &Datatype,
    sk: RecordId,
    author: &str,
    data: Map<String, Value>,
) -> Record {
    Record {
        sk,
        org: org.clone(),
        datatype: datatype.clone(),
        version: 0,
        state: "active".to_owned(),
        created: Stamp::default(),
        modified: Stamp::default(),
        author: Some(author.to_owned()),
        modified_by: None,
        create_hash: None,
        data,
        meta: Map::new(),
    }
}

/// Everything beside the record.
fn extras(
    org: &OrgId,
    id: &RecordId,
    new: &NewPerson,
    account: &Account,
    founds: bool,
) -> Result<Batch, AccountError> {
    let mut extra = Batch::default();
    // Without conditions: the record's own says that it is new, and a removed one may have left these.
    extra.put(account_key(org, new.kind, id), encode(account)?);
    if let Some(sessions) = &new.sessions {
        extra.put(sessions_key(org, new.kind, id), encode(sessions)?);
    }
    if founds {
        let entry = OrgEntry { id: org.clone(), created_at: account.changed, name: None };
        extra.expect(keys::org(org), Expect::Absent).put(keys::org(org), encode(&entry)?);
    }
    Ok(extra)
}

/// The name to show: `name`, or else first and last name, or else the address, or else the id.
fn display_name(record: &Record) -> String {
    let text = |name: &str| record.data.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let parts: Vec<&str> = ["firstName", "lastName"].into_iter().filter_map(text).collect();
    let full = (!parts.is_empty()).then(|| parts.join(" "));
    text("name")
        .map(str::to_owned)
        .or(full)
        .or_else(|| record.email())
        .unwrap_or_else(|| record.sk.to_string())
}
