//! A change: all that one request or one step wants written together. The bus adds what follows from
//! it (events of writes, runs and jobs of events) and commits the whole as one batch.

use serde::{Deserialize, Serialize};

use crate::clock::Stamp;
use crate::event::{Cause, Event, EventDraft};
use crate::flow::run::{Run, RunDraft};
use crate::ids::{EventId, RecordId};
use crate::queue::job::{Job, JobDraft};
use crate::record::model::Record;
use crate::store::{Batch, StoreError};
use crate::webhook::delivery::{Delivery, DeliveryDraft};
use crate::webhook::endpoint::Endpoint;

/// What is to be written together for one organisation.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// What led to it.
    pub cause: Option<Cause>,
    /// How many runs stand between it and the outside.
    pub depth: u32,
    /// How many runs may stand beside the one that it is a step of; at least 1.
    pub breadth: u32,
    /// Who asked for it.
    pub by: Option<String>,
    /// Writes of records.
    pub writes: Vec<Write>,
    /// Events beside those that follow from the writes.
    pub events: Vec<EventDraft>,
    /// Runs beside those that follow from the events.
    pub runs: Vec<RunDraft>,
    /// Jobs beside those that follow from the runs.
    pub jobs: Vec<JobDraft>,
    /// Requests that become owed.
    pub deliveries: Vec<DeliveryDraft>,
    /// Writes of webhook endpoints.
    pub endpoints: Vec<EndpointWrite>,
    /// Anything else that belongs to the same commit.
    pub extra: Batch,
    /// Whether schedules are among that: whoever looks after them looks anew.
    pub reschedules: bool,
    /// Answer a repeat with what the first one did.
    pub idempotency: Option<Idempotency>,
    /// The same for single events. Whoever gives them looks first: a key that was used fails the change.
    pub event_keys: Vec<EventKey>,
}

/// One write of one record.
#[derive(Debug, Clone)]
pub enum Write {
    /// A new record; version and times are filled in.
    Create(Box<Record>),
    /// A changed record.
    Replace {
        /// As it was read.
        before: Box<Record>,
        /// The store's version of what was read.
        read_version: u64,
        /// As it shall be; version and times are filled in.
        after: Box<Record>,
    },
    /// A record that goes for good.
    Remove {
        /// As it was read.
        before: Box<Record>,
        /// The store's version of what was read.
        read_version: u64,
    },
}

/// One write of one webhook endpoint.
#[derive(Debug, Clone)]
pub struct EndpointWrite {
    /// As it shall be; as it was, where it is removed.
    pub endpoint: Endpoint,
    /// The store's version of what was read; none for a new one.
    pub read_version: Option<u64>,
    /// Whether it goes.
    pub removed: bool,
}

/// The caller's key for "the same request again".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The caller's key, unique in the organisation.
    pub key: String,
    /// Digest of the request, so that the same key with another content is noticed.
    pub digest: String,
}

/// The key of one of several events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventKey {
    /// Which of them.
    pub event: EventId,
    /// Its key.
    pub idempotency: Idempotency,
}

/// What an idempotency key stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// Digest of the first request.
    pub digest: String,
    /// The events that it published.
    pub events: Vec<EventId>,
    /// When it was accepted.
    pub at: Stamp,
}

/// What was written.
#[derive(Debug, Clone, Default)]
pub struct Receipt {
    /// The commit's place in the order of all.
    pub stamp: Stamp,
    /// The records as written; removed ones as they were.
    pub records: Vec<Record>,
    /// The events, those of the writes first.
    pub events: Vec<Event>,
    /// The runs that were made.
    pub runs: Vec<Run>,
    /// The jobs that were added.
    pub jobs: Vec<Job>,
    /// The deliveries that became owed.
    pub deliveries: Vec<Delivery>,
    /// The endpoints that were written.
    pub endpoints: Vec<EndpointWrite>,
    /// Whether schedules were written.
    pub reschedules: bool,
    /// The answer of an earlier request with the same idempotency key, instead of all the above.
    pub repeated: Option<Vec<EventId>>,
}

/// Why a change was not written. Nothing of it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// A record was changed by somebody else since it was read.
    #[error("write {0}: it was changed meanwhile; read it again")]
    Changed(RecordId),
    /// There is a record with this id already.
    #[error("create {0}: a record with this id exists")]
    Exists(RecordId),
    /// Another record has the value that must be unique.
    #[error("write a record: another one has the same {field}")]
    Taken {
        /// The field that must be unique.
        field: &'static str,
    },
    /// An identical create was carried out before and made this record.
    #[error("create a record: an identical one was created before")]
    SameCreate,
    /// This very event was published before.
    #[error("publish {0}: it was published before")]
    Published(EventId),
    /// The idempotency key was used before.
    #[error("use the idempotency key: it was used for another request")]
    KeyReused,
    /// The key of one of the events was used before.
    #[error("publish the events: the idempotency key of one was used meanwhile; publish them again")]
    EventKeyUsed,
    /// A condition of the caller's own did not hold.
    #[error("commit: what it depends on was changed meanwhile")]
    Condition,
    /// It would take away what a [`crate::ports::Keeper`] keeps.
    #[error("{why}")]
    Kept {
        /// A word that does not change, for programs.
        code: &'static str,
        /// In words, to follow "failed to".
        why: String,
    },
    /// The server acts on records of this datatype, and cannot on one such as this.
    #[error("write a {datatype}: {}", wrong.join("; "))]
    Unfit {
        /// The datatype.
        datatype: &'static str,
        /// Everything that is wrong with it.
        wrong: Vec<String>,
    },
    /// A value is too large to store.
    #[error("store {what} of {bytes} bytes: the limit is {limit}")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The most that is stored.
        limit: usize,
    },
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bus is busy, restarting or gone.
    #[error("commit: {0}")]
    Unreachable(#[from] crate::supervision::AskError),
}

impl ChangeError {
    /// Whether the same call may succeed later, with nothing changed by the caller.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_retryable(),
            Self::Unreachable(_) => true,
            _ => false,
        }
    }
}
