//! Adding work to a queue: as many jobs as are given as one commit, with what each of them is given, the unique
//! keys that they hold and the jobs that they wait for. What was read is a condition of the commit.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::alter::Alteration;
use super::job::{Job, JobDraft, JobState, Task};
use super::parts::{Part, close};
use super::terms::{Held, OnFailure, Terms, Until};
use super::trail::{Aftermath, Holder};
use crate::clock::Timestamp;
use crate::house::House;
use crate::ids::{JobId, OrgId, QueueName};
use crate::keys;
use crate::retry::Backoff;
use crate::store::{Batch, Expect, StoreError, decode, encode};

mod actor;
pub mod messages;
mod unique;

/// Jobs that one job may wait for.
pub const MOST_DEPENDENCIES: usize = 100;
/// Drafts that are seen to at a stretch.
const FEW: usize = 32;

/// Work to be added.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkDraft {
    /// What kind of work it is.
    pub kind: String,
    /// What is to be done.
    pub payload: Value,
    /// How urgent it is among its organisation's: the lowest goes first.
    pub priority: i32,
    /// What it concerns: keys take turns, and order holds within one.
    pub key: Option<String>,
    /// When to do it; at once where nothing is said.
    pub run_at: Option<Timestamp>,
    /// Attempts allowed; the queue's own number when none is given.
    pub max_attempts: Option<u32>,
    /// How long one attempt may take.
    pub timeout: Option<Duration>,
    /// Pauses between attempts; the queue's own where none are given.
    pub backoff: Option<Backoff>,
    /// What no second job may have.
    pub unique: Option<Unique>,
    /// Jobs that must end before it.
    pub depends_on: Vec<JobId>,
    /// What becomes of it when one of them is given up.
    pub on_dependency_failure: OnFailure,
}

impl WorkDraft {
    /// Work to be done at once.
    #[must_use]
    pub const fn new(kind: String, payload: Value) -> Self {
        Self {
            kind,
            payload,
            priority: 0,
            key: None,
            run_at: None,
            max_attempts: None,
            timeout: None,
            backoff: None,
            unique: None,
            depends_on: Vec::new(),
            on_dependency_failure: OnFailure::Fail,
        }
    }
}

/// A key that no second job of the queue may have, and what becomes of one that would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unique {
    /// The key.
    pub key: String,
    /// What becomes of a second one.
    pub mode: Mode,
    /// Until when in its life a job holds the key.
    pub until: Until,
    /// How long it holds it at most.
    pub ttl: Option<Duration>,
}

/// What becomes of a second job with the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It is not added.
    Reject,
    /// It takes the place of one that was not begun: what it is given, and its time. It is not added beside one
    /// that runs.
    Replace,
    /// The same, and it is added beside one that runs: at most one waits.
    KeepLast,
    /// The same, and each moves the time on, up to this long after the first.
    Debounce {
        /// At most so long after the first.
        max_wait: Option<Duration>,
    },
}

impl Mode {
    /// Until when a job of this mode holds its key, where whoever adds it wants this.
    const fn until(self, wanted: Until) -> Until {
        match self {
            Self::Reject | Self::Replace => wanted,
            Self::KeepLast | Self::Debounce { .. } => Until::Started,
        }
    }
}

/// What came of one draft.
#[derive(Debug, Clone, PartialEq)]
pub enum Added {
    /// A job.
    New(Job),
    /// Nothing: there is this one with the same key.
    Duplicate(Job),
    /// It took the place of this one, which is so now.
    Replaced(Job),
}

impl Added {
    /// The job.
    #[must_use]
    pub const fn job(&self) -> &Job {
        match self {
            Self::New(job) | Self::Duplicate(job) | Self::Replaced(job) => job,
        }
    }

    /// The same, taken out.
    #[must_use]
    pub fn into_job(self) -> Job {
        match self {
            Self::New(job) | Self::Duplicate(job) | Self::Replaced(job) => job,
        }
    }
}

/// Why nothing was added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    /// A job to be waited for is none of the organisation's work.
    #[error("wait for the job {id}: there is no such job of work")]
    NoDependency {
        /// Which of the drafts.
        index: usize,
        /// The job.
        id: JobId,
    },
    /// Others took the same keys over and over again.
    #[error("add the jobs: others change the same ones at the same time; try again shortly")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is to be written.
#[derive(Debug, Default)]
struct Plan {
    added: Vec<Job>,
    altered: Vec<Alteration>,
    batch: Batch,
    outcome: Vec<Added>,
}

/// For whom something is added, when, and how many attempts are allowed where nothing is said.
#[derive(Debug, Clone)]
struct Terminal {
    org: OrgId,
    queue: QueueName,
    now: Timestamp,
    attempts: u32,
}

/// A job of the plan, with what it is given: a new one, or one that the store has.
struct Slot<'a> {
    job: Job,
    payload: Option<&'a Value>,
    before: Option<Job>,
}

/// What became of a draft, given the job that it is or met.
type Outcome = fn(Job) -> Added;

/// What adding these drafts comes to, as things stand. `inside` says which kinds are done in this process.
async fn plan(
    house: &Arc<House>,
    at: &Terminal,
    drafts: &[WorkDraft],
    inside: impl Fn(&str) -> bool,
) -> Result<Plan, AddError> {
    let mut plan = Plan::default();
    let mut slots: Vec<Slot<'_>> = Vec::new();
    // Where the holder of each key is among the slots, and what becomes of each draft.
    let mut holders: HashMap<String, usize> = HashMap::new();
    let mut outcome: Vec<(usize, Outcome)> = Vec::new();
    // In their order: of jobs of the same moment the one with the lower id goes first.
    let mut ids: Vec<JobId> = drafts.iter().map(|_| JobId::new(at.now)).collect();
    ids.sort_unstable();
    for ((index, draft), id) in drafts.iter().enumerate().zip(ids) {
        pause(index).await;
        if let Some(unique) = &draft.unique {
            if !holders.contains_key(&unique.key)
                && let Some(job) = unique::holder(house, at, &unique.key, &mut plan.batch).await?
            {
                slots.push(Slot { before: Some(job.clone()), payload: None, job });
                holders.insert(unique.key.clone(), slots.len() - 1);
            }
            if let Some(&slot) = holders.get(&unique.key)
                && let Some(held) = slots.get_mut(slot)
            {
                match unique::meet(held, draft, unique.mode, at.now) {
                    unique::Met::Stays => {
                        outcome.push((slot, Added::Duplicate));
                        continue;
                    }
                    unique::Met::Replaced => {
                        outcome.push((slot, Added::Replaced));
                        continue;
                    }
                    unique::Met::Beside => {}
                }
            }
            holders.insert(unique.key.clone(), slots.len());
        }
        let job = wait_for(house, index, made(at, id, draft, &inside), &mut plan.batch).await?;
        outcome.push((slots.len(), Added::New));
        slots.push(Slot { job, payload: Some(&draft.payload), before: None });
    }
    plan.outcome = outcome
        .into_iter()
        .filter_map(|(slot, how)| slots.get(slot).map(|slot| how(slot.job.clone())))
        .collect();
    for (index, Slot { job, payload, before }) in slots.into_iter().enumerate() {
        pause(index).await;
        if let Some(payload) = payload {
            plan.batch.put(keys::job_part(job.id, Part::Payload.letter()), close(house, payload)?);
        }
        match before {
            None => {
                plan.batch.insert(keys::job(job.id), encode(&job)?).insert(job.at(), job.whose());
                if let Some(held) = &job.terms.unique {
                    let holder = Holder { job: job.id, expires: held.expires };
                    plan.batch.put(keys::unique_job(&at.org, &at.queue, &held.key), encode(&holder)?);
                }
                plan.added.push(job);
            }
            Some(before) if before != job => plan.altered.push(Alteration { before, after: Some(job) }),
            Some(_) => {}
        }
    }
    Ok(plan)
}

/// Lets others have a turn after every few of many: the queue has more to do than to add.
async fn pause(index: usize) {
    if index % FEW == FEW - 1 {
        tokio::task::yield_now().await;
    }
}

/// The job that a draft makes of itself.
fn made(at: &Terminal, id: JobId, draft: &WorkDraft, inside: impl Fn(&str) -> bool) -> Job {
    let held = draft.unique.as_ref().map(|unique| Held {
        until: unique.mode.until(unique.until),
        expires: unique.ttl.map(|ttl| at.now.plus(ttl)),
        key: unique.key.clone(),
    });
    let terms = Terms {
        inside: inside(&draft.kind),
        run_at: draft.run_at,
        timeout_ms: draft.timeout.map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)),
        backoff: draft.backoff.clone(),
        unique: held,
        on_dependency_failure: (!draft.depends_on.is_empty()).then_some(draft.on_dependency_failure),
        waits_for: draft.depends_on.clone(),
        skipped: false,
        begun: false,
    };
    let job = JobDraft {
        due: draft.run_at,
        max_attempts: draft.max_attempts,
        priority: draft.priority,
        key: draft.key.clone(),
        ..JobDraft::new(id, at.queue.clone(), Task::Work { kind: draft.kind.clone() })
    };
    Job { terms, ..job.into_job(at.org.clone(), at.now, at.attempts) }
}

/// The job, which waits for those of its dependencies that have not been done.
async fn wait_for(
    house: &Arc<House>,
    index: usize,
    mut job: Job,
    batch: &mut Batch,
) -> Result<Job, AddError> {
    let wanted = std::mem::take(&mut job.terms.waits_for);
    let found = house.store.get_many(wanted.iter().map(|id| keys::job(*id)).collect()).await?;
    for (id, found) in wanted.into_iter().zip(found) {
        let found = found.ok_or(AddError::NoDependency { index, id })?;
        let other: Job = decode(&found.value)?;
        if other.org_id != job.org_id || !other.task.is_work() {
            return Err(AddError::NoDependency { index, id });
        }
        if other.state == JobState::Completed || job.terms.waits_for.contains(&id) {
            continue;
        }
        // It must not end meanwhile without noticing who waits for it.
        batch.expect(keys::job(id), Expect::Version(found.version));
        batch.put(keys::dependent(id, job.id), encode(&job.queue)?).put(keys::awaited(id), Vec::new());
        if other.state.is_final() {
            // It was given up before: that is told once more.
            let aftermath = Aftermath { org_id: other.org_id, done: false, unique: None };
            batch.put(keys::aftermath(&other.queue, id), encode(&aftermath)?);
        }
        job.terms.waits_for.push(id);
    }
    if !job.terms.waits_for.is_empty() {
        job = Job { state: JobState::Blocked, place: job.created.as_millis(), ..job };
    }
    Ok(job)
}
