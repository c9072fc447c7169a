//! What events look like: for each kind of event a description, a JSON Schema, a sample and a version. Owns the types
//! that an organisation makes and those that the program has from the start; decides whether a payload is as its type
//! says. Publishes nothing and knows no route. Kinds without a type are anybody's to publish with anything in them.

mod built_in;
mod schema;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use appengine_actors::event::EventKind;
use appengine_actors::ids::OrgId;
use appengine_actors::keys;
use appengine_actors::store::{Batch, Expect, Scan, Store, StoreError, Versioned, decode, encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use schema::Schema;
pub use schema::Wrong;

const PURPOSE: &str = "event-type";
/// Types that one organisation may have.
pub const MOST: usize = 500;
/// Bytes of a schema, and of a sample.
pub const LARGEST: usize = 48 * 1024;
/// The highest version that may be given.
const LAST_VERSION: u32 = 1_000_000_000;
/// Kinds whose schemas are kept ready.
const READY: usize = 1024;
/// How often a change is made anew because somebody else changes the same type.
const TRIES: usize = 8;

/// What events of one kind look like.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventType {
    /// The kind of event.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Grows whenever the schema changes.
    pub version: u32,
    /// What its data must be; none lets anything pass.
    pub schema: Option<Value>,
    /// Data as such an event may have it, for tests.
    pub sample: Option<Value>,
    /// Whether it is there from the start, rather than made by the organisation.
    pub built_in: bool,
}

/// What an organisation says of a type. All of it together is the type: what is left out is gone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draft {
    /// For people.
    pub description: Option<String>,
    /// What its data must be.
    pub schema: Option<Value>,
    /// Data as such an event may have it.
    pub sample: Option<Value>,
    /// Its version; where it is not given, the next one if the schema changed.
    pub version: Option<u32>,
}

/// Why a type was not stored.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// It contradicts itself, or is no type.
    #[error("store the event type: {} things are wrong with it", .0.len())]
    Wrong(Vec<Wrong>),
    /// The organisation has as many as it may have.
    #[error("store the event type: there are {MOST} already; delete one first")]
    Full,
    /// The store failed, or somebody else changed the type again and again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// As it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stored {
    description: Option<String>,
    version: u32,
    schema: Option<Value>,
    sample: Option<Value>,
}

/// The event types of all organisations. The one writer of them in this process, so that what it keeps ready is true.
pub struct EventTypes {
    store: Arc<dyn Store>,
    ready: Mutex<Ready>,
}

/// Whose kind of event.
type Place = (OrgId, EventKind);
/// A schema, if there is one, and when it was last used.
type Kept = (Option<Arc<Schema>>, u64);

/// Schemas that are ready to check with; for kinds without one it is known that there is none.
#[derive(Default)]
struct Ready {
    schemas: HashMap<Place, Kept>,
    /// Counts uses, to tell which was not used for longest.
    uses: u64,
    /// Counts changes: what was read before one is not kept.
    changes: u64,
}

impl EventTypes {
    /// The types that this store holds.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, ready: Mutex::default() }
    }

    /// All types of an organisation, by name: its own, and those of the program that it has not replaced.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self, org: &OrgId) -> Result<Vec<EventType>, StoreError> {
        let prefix = keys::privates(org, PURPOSE);
        let mut types: BTreeMap<String, EventType> =
            built_in::all().iter().map(|known| (known.name.clone(), known.clone())).collect();
        for (key, found) in self.store.scan(Scan::prefix(prefix.clone(), MOST)).await? {
            let Some(name) = keys::parse_private(&prefix, &key) else { continue };
            types.insert(name.clone(), decode::<Stored>(&found.value)?.named(name));
        }
        Ok(types.into_values().collect())
    }

    /// One type: the organisation's own, else the program's.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn get(&self, org: &OrgId, kind: &EventKind) -> Result<Option<EventType>, StoreError> {
        let own = self.read(org, kind).await?;
        Ok(own.map(|(stored, _)| stored.named(kind.to_string())).or_else(|| built_in::find(kind.as_str())))
    }

    /// Stores an organisation's own type in place of what there was.
    ///
    /// # Errors
    /// When it is wrong, one too many, or the store fails.
    pub async fn put(&self, org: &OrgId, kind: &EventKind, draft: Draft) -> Result<EventType, PutError> {
        let wrong = check_draft(&draft);
        if !wrong.is_empty() {
            return Err(PutError::Wrong(wrong));
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let before = self.read(org, kind).await?;
            if before.is_none() && self.count(org).await? >= MOST {
                return Err(PutError::Full);
            }
            let known = before.as_ref().map(|(stored, _)| stored);
            let version = next_version(known, &draft).map_err(|wrong| PutError::Wrong(vec![wrong]))?;
            let Draft { description, schema, sample, .. } = draft.clone();
            let stored = Stored { description, version, schema, sample };
            let expect = before.map_or(Expect::Absent, |(_, read)| Expect::Version(read.version));
            let key = keys::private(org, PURPOSE, kind.as_str());
            let mut batch = Batch::default();
            batch.expect(key.clone(), expect).put(key, encode(&stored)?);
            match self.store.commit(batch).await {
                Err(StoreError::Conflict { .. }) if tries < TRIES => {}
                Err(error) => return Err(error.into()),
                Ok(()) => {
                    self.forget(org, kind);
                    return Ok(stored.named(kind.to_string()));
                }
            }
        }
    }

    /// Removes an organisation's own type; a type of the program's is what there is again. Whether there was one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete(&self, org: &OrgId, kind: &EventKind) -> Result<bool, StoreError> {
        let key = keys::private(org, PURPOSE, kind.as_str());
        let mut batch = Batch::default();
        batch.expect(key.clone(), Expect::Present).delete(key);
        match self.store.commit(batch).await {
            Err(StoreError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error),
            Ok(()) => {
                self.forget(org, kind);
                Ok(true)
            }
        }
    }

    /// What is wrong with the data of an event that somebody wants to publish.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn check(&self, org: &OrgId, kind: &EventKind, data: &Value) -> Result<Vec<Wrong>, StoreError> {
        match self.schema_of(org, kind).await? {
            Some(schema) => Ok(schema.check_aside(data).await),
            None => Ok(Vec::new()),
        }
    }

    /// Data as an event of this kind may have it, where anything is known of that.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sample_of(&self, org: &OrgId, kind: &EventKind) -> Result<Option<Value>, StoreError> {
        let own = self.read(org, kind).await?.and_then(|(stored, _)| stored.sample);
        Ok(own.or_else(|| built_in::sample_of(kind.as_str())))
    }

    async fn read(&self, org: &OrgId, kind: &EventKind) -> Result<Option<(Stored, Versioned)>, StoreError> {
        let found = self.store.get(keys::private(org, PURPOSE, kind.as_str())).await?;
        found.map(|found| Ok((decode(&found.value)?, found))).transpose()
    }

    async fn count(&self, org: &OrgId) -> Result<usize, StoreError> {
        let all = Scan::prefix(keys::privates(org, PURPOSE), MOST).keys_only();
        Ok(self.store.scan(all).await?.len())
    }

    async fn schema_of(&self, org: &OrgId, kind: &EventKind) -> Result<Option<Arc<Schema>>, StoreError> {
        let place = (org.clone(), kind.clone());
        let changes = {
            let mut ready = self.ready();
            if let Some(known) = ready.find(&place) {
                return Ok(known);
            }
            ready.changes
        };
        let schema = self.get(org, kind).await?.and_then(|found| found.schema);
        let schema = schema.and_then(|schema| match Schema::read(&schema) {
            Ok(schema) => Some(Arc::new(schema)),
            // It was taken once, by an earlier build perhaps: events are worth more than their description.
            Err(wrong) => {
                tracing::warn!(%org, %kind, ?wrong, "the schema of an event type cannot be used; it checks nothing");
                None
            }
        });
        let mut ready = self.ready();
        if ready.changes == changes {
            ready.keep(place, schema.clone());
        }
        Ok(schema)
    }

    fn forget(&self, org: &OrgId, kind: &EventKind) {
        let mut ready = self.ready();
        ready.changes += 1;
        ready.schemas.remove(&(org.clone(), kind.clone()));
    }

    fn ready(&self) -> MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ready {
    fn find(&mut self, place: &Place) -> Option<Option<Arc<Schema>>> {
        self.uses += 1;
        let (schema, used) = self.schemas.get_mut(place)?;
        *used = self.uses;
        Some(schema.clone())
    }

    fn keep(&mut self, place: Place, schema: Option<Arc<Schema>>) {
        if self.schemas.len() >= READY {
            let oldest = self.schemas.iter().min_by_key(|(_, (_, used))| *used);
            if let Some(oldest) = oldest.map(|(place, _)| place.clone()) {
                self.schemas.remove(&oldest);
            }
        }
        self.schemas.insert(place, (schema, self.uses));
    }
}

impl Stored {
    fn named(self, name: String) -> EventType {
        let Self { description, version, schema, sample } = self;
        EventType { name, description, version, schema, sample, built_in: false }
    }
}

fn check_draft(draft: &Draft) -> Vec<Wrong> {
    let mut wrong: Vec<Wrong> = [("schema", &draft.schema), ("sample", &draft.sample)]
        .into_iter()
        .filter_map(|(path, part)| {
            let found = part.as_ref()?.to_string().len();
            let message = format!("has {found} bytes, at most {LARGEST} are allowed");
            (found > LARGEST).then(|| Wrong { path: path.to_owned(), message })
        })
        .collect();
    if draft.version.is_some_and(|given| !(1..=LAST_VERSION).contains(&given)) {
        wrong.push(Wrong { path: "version".to_owned(), message: format!("must be 1 to {LAST_VERSION}") });
    }
    if let (Some(schema), true) = (&draft.schema, wrong.is_empty()) {
        match Schema::read(schema) {
            Ok(schema) => {
                let broken = draft.sample.as_ref().map(|sample| schema.check(sample)).unwrap_or_default();
                wrong.extend(broken.into_iter().map(|one| one.within("sample")));
            }
            Err(one) => wrong.push(one.within("schema")),
        }
    }
    wrong
}

/// The version that a type has from now on: the one that is given, else the next one if the schema changed.
fn next_version(before: Option<&Stored>, draft: &Draft) -> Result<u32, Wrong> {
    let Some(before) = before else { return Ok(draft.version.unwrap_or(1)) };
    let changed = before.schema != draft.schema;
    let least = if changed { before.version.saturating_add(1) } else { before.version };
    match draft.version {
        None => Ok(least),
        Some(given) if given >= least => Ok(given),
        Some(given) => {
            let because = if changed { ", since its schema changed" } else { "" };
            let message =
                format!("is {given}, must be {least} or more{because}; leave it out to have it counted");
            Err(Wrong { path: "version".to_owned(), message })
        }
    }
}

#[cfg(test)]
mod tests;
