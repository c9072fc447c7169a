//! Records, for those who read and write them: each write is planned from what was read and committed
//! by the bus with the events that follow. Holds no state.

use std::sync::Arc;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::model::{DELETED, EMAIL_FIELD, Record};
use crate::bus::change::{Change, ChangeError, Receipt, Write};
use crate::clock::{Clock, Stamp};
use crate::event::Cause;
use crate::ids::{Datatype, OrgId, RecordId};
use crate::keys;
use crate::ports::Publisher;
use crate::store::{Store, StoreError, decode};

/// How often an update is tried anew when somebody else writes the record in between.
const TRIES: usize = 8;

/// A record as it was read, with the store's version of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// The record.
    pub record: Record,
    /// To be insisted on when it is written back.
    pub version: u64,
}

/// A record that is to be created.
#[derive(Debug, Clone)]
pub struct NewRecord {
    /// Its collection.
    pub datatype: Datatype,
    /// The id that the client chose; one is made otherwise.
    pub sk: Option<RecordId>,
    /// The application's fields.
    pub data: Map<String, Value>,
    /// Other fields that clients may set.
    pub meta: Map<String, Value>,
    /// Whether an exact repeat is to be noticed instead of carried out.
    pub once: bool,
}

/// Who writes, and because of what.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The person or key.
    pub by: Option<String>,
    /// What led to it.
    pub cause: Option<Cause>,
    /// How many runs stand between it and the outside.
    pub depth: u32,
}

impl Origin {
    /// An empty change of this origin.
    #[must_use]
    pub fn change(&self) -> Change {
        Change { by: self.by.clone(), cause: self.cause.clone(), depth: self.depth, ..Change::default() }
    }
}

/// Why a record was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// There is no such record.
    #[error("find {datatype} {sk}: there is no such record")]
    Missing {
        /// Its collection.
        datatype: Datatype,
        /// Its id.
        sk: RecordId,
    },
    /// The client has seen an older version.
    #[error("write {sk}: it is at version {actual} by now, not {expected}; read it again")]
    Version {
        /// Its id.
        sk: RecordId,
        /// What the client has seen.
        expected: u64,
        /// What is there.
        actual: u64,
    },
    /// The edit itself was refused.
    #[error("{0}")]
    Refused(String),
    /// It could not be committed.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<StoreError> for WriteError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

/// What a create came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Created {
    /// The record was made.
    New(Box<Record>),
    /// The record that an identical create of the same person made stands as it was made.
    Repeat,
}

/// The records of all organisations.
#[derive(Clone)]
pub struct Records {
    pub(super) store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    publisher: Arc<dyn Publisher>,
}

impl Records {
    /// Records in a store, written through the bus.
    #[must_use]
    pub const fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, publisher: Arc<dyn Publisher>) -> Self {
        Self { store, clock, publisher }
    }

    /// A record by its id, softly deleted ones included.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn read(
        &self,
        org: &OrgId,
        datatype: &Datatype,
        sk: &RecordId,
    ) -> Result<Option<Read>, StoreError> {
        let found = self.store.get(keys::record(org, datatype, sk)).await?;
        found.map(|f| Ok(Read { record: decode(&f.value)?, version: f.version })).transpose()
    }

    /// A record that must be there and not be deleted.
    ///
    /// # Errors
    /// When it is not, or the store fails.
    pub async fn require(&self, org: &OrgId, datatype: &Datatype, sk: &RecordId) -> Result<Read, WriteError> {
        let found = self.read(org, datatype, sk).await?.filter(|read| !read.record.is_deleted());
        found.ok_or_else(|| WriteError::Missing { datatype: datatype.clone(), sk: sk.clone() })
    }

    /// The one record of a datatype with unique e-mails that has this one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn by_email(
        &self,
        org: &OrgId,
        datatype: &Datatype,
        email: &str,
    ) -> Result<Option<Read>, StoreError> {
        let key = keys::unique(org, datatype, EMAIL_FIELD, &email.trim().to_lowercase());
        let Some(found) = self.store.get(key).await? else { return Ok(None) };
        let sk: RecordId = decode(&found.value)?;
        self.read(org, datatype, &sk).await
    }

    /// The write that creates a record.
    #[must_use]
    pub fn plan_create(&self, org: &OrgId, new: NewRecord, by: Option<&str>) -> Write {
        let hash = new.once.then(|| create_hash(&new, by));
        let sk = new.sk.unwrap_or_else(|| RecordId::generate(&new.datatype, self.clock.now()));
        let mut meta = new.meta;
        let state = meta.remove("state").and_then(|state| state.as_str().map(str::to_owned));
        Write::Create(Box::new(Record {
            sk,
            org: org.clone(),
            datatype: new.datatype,
            version: 0,
            state: state.unwrap_or_else(|| "new".to_owned()),
            created: Stamp::default(),
            modified: Stamp::default(),
            author: by.map(str::to_owned),
            modified_by: by.map(str::to_owned),
            create_hash: hash,
            data: new.data,
            meta,
        }))
    }

    /// Creates a record.
    ///
    /// # Errors
    /// When the id or a unique value is taken, or it cannot be committed.
    pub async fn create(&self, org: &OrgId, new: NewRecord, origin: &Origin) -> Result<Created, WriteError> {
        let mut change = origin.change();
        change.writes.push(self.plan_create(org, new, origin.by.as_deref()));
        match self.publisher.commit(org.clone(), change).await {
            Ok(receipt) => Ok(Created::New(Box::new(only(receipt)?))),
            Err(ChangeError::SameCreate) => Ok(Created::Repeat),
            Err(error) => Err(error.into()),
        }
    }

    /// The write that changes a record as `edit` says.
    ///
    /// # Errors
    /// When it is not there, the client's version is old, or `edit` refuses.
    pub async fn plan_update(
        &self,
        org: &OrgId,
        at: (&Datatype, &RecordId),
        expected: Option<u64>,
        by: Option<&str>,
        edit: impl Fn(&mut Record) -> Result<(), String>,
    ) -> Result<Write, WriteError> {
        let Read { record: before, version } = self.require(org, at.0, at.1).await?;
        if let Some(expected) = expected.filter(|&expected| expected != before.version) {
            return Err(WriteError::Version { sk: before.sk, expected, actual: before.version });
        }
        let mut after = before.clone();
        edit(&mut after).map_err(WriteError::Refused)?;
        if by.is_some() {
            after.modified_by = by.map(str::to_owned);
        }
        Ok(Write::Replace { before: Box::new(before), read_version: version, after: Box::new(after) })
    }

    /// Changes a record as `edit` says, again from the start when somebody else is faster.
    ///
    /// # Errors
    /// As [`Records::plan_update`], or when it cannot be committed.
    pub async fn update(
        &self,
        org: &OrgId,
        at: (&Datatype, &RecordId),
        expected: Option<u64>,
        origin: &Origin,
        edit: impl Fn(&mut Record) -> Result<(), String>,
    ) -> Result<Record, WriteError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let write = self.plan_update(org, at, expected, origin.by.as_deref(), &edit).await?;
            let mut change = origin.change();
            change.writes.push(write);
            match self.publisher.commit(org.clone(), change).await {
                Ok(receipt) => return only(receipt),
                Err(ChangeError::Changed(_)) if tries < TRIES => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The write that deletes a record: softly (its state becomes `deleted`) or for good.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn plan_delete(
        &self,
        org: &OrgId,
        at: (&Datatype, &RecordId),
        hard: bool,
        by: Option<&str>,
    ) -> Result<Write, WriteError> {
        if hard {
            let missing = || WriteError::Missing { datatype: at.0.clone(), sk: at.1.clone() };
            let Read { record, version } = self.read(org, at.0, at.1).await?.ok_or_else(missing)?;
            return Ok(Write::Remove { before: Box::new(record), read_version: version });
        }
        let soften = |record: &mut Record| {
            DELETED.clone_into(&mut record.state);
            Ok(())
        };
        self.plan_update(org, at, None, by, soften).await
    }

    /// Deletes a record.
    ///
    /// # Errors
    /// When it is not there, or it cannot be committed.
    pub async fn delete(
        &self,
        org: &OrgId,
        at: (&Datatype, &RecordId),
        hard: bool,
        origin: &Origin,
    ) -> Result<Record, WriteError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let mut change = origin.change();
            change.writes.push(self.plan_delete(org, at, hard, origin.by.as_deref()).await?);
            match self.publisher.commit(org.clone(), change).await {
                Ok(receipt) => return only(receipt),
                Err(ChangeError::Changed(_)) if tries < TRIES => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn only(receipt: Receipt) -> Result<Record, WriteError> {
    let nothing = || WriteError::Refused("the bus wrote no record".to_owned());
    receipt.records.into_iter().next().ok_or_else(nothing)
}

/// A digest of who asked to create what: equal for an exact repeat, whatever the order of keys. Another
/// person's identical record is theirs, and no repeat.
fn create_hash(new: &NewRecord, by: Option<&str>) -> String {
    let mut digest = Sha256::new();
    digest.update(by.unwrap_or_default());
    digest.update([0]);
    digest.update(new.sk.as_ref().map_or("", RecordId::as_str));
    digest.update([0]);
    for fields in [&new.data, &new.meta] {
        digest_value(&Value::Object(fields.clone()), &mut digest);
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest_value(value: &Value, digest: &mut Sha256) {
    match value {
        Value::Object(fields) => {
            let sorted: std::collections::BTreeMap<_, _> = fields.iter().collect();
            digest.update(b"{");
            for (name, value) in sorted {
                digest.update(Value::String(name.clone()).to_string());
                digest_value(value, digest);
            }
            digest.update(b"}");
        }
        Value::Array(values) => {
            digest.update(b"[");
            values.iter().for_each(|value| digest_value(value, digest));
            digest.update(b"]");
        }
        scalar => digest.update(scalar.to_string()),
    }
}
