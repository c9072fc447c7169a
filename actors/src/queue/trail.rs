//! What else is written when a job of work moves on: its unique key is let go of, and those that wait for it
//! are to be told.

use serde::{Deserialize, Serialize};

use super::job::{Job, JobState};
use super::terms::Until;
use crate::clock::Timestamp;
use crate::ids::{JobId, OrgId};
use crate::keys;
use crate::store::{Batch, Expect, StoreError, encode};

/// That a job ended: kept until all who wait for it know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Aftermath {
    /// Whose it is.
    pub org_id: OrgId,
    /// Whether it was done.
    pub done: bool,
    /// A unique key that it may hold still, although its time is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique: Option<String>,
}

/// Who holds a unique key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The job.
    pub job: JobId,
    /// Until when at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

/// Whether others are to be told that a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// They may be.
    Perhaps,
    /// Nobody waits for it, which is a condition of the batch: so it has no aftermath.
    No,
}

impl Awaited {
    /// What is supposed of a job that comes to its end: next to none is waited for.
    #[must_use]
    pub fn supposed(job: &Job) -> Self {
        let plain = job.terms.unique.as_ref().is_none_or(|held| held.expires.is_none());
        if job.task.is_work() && job.state.is_final() && plain { Self::No } else { Self::Perhaps }
    }
}

/// What belongs to the batch in which a job comes to this state.
///
/// # Errors
/// Never: it has a JSON form.
pub(super) fn follow(batch: &mut Batch, job: &Job, awaited: Awaited) -> Result<(), StoreError> {
    if !job.task.is_work() {
        return Ok(());
    }
    // It came to this state now.
    let now = Some(job.place);
    if job.state.is_final() && awaited == Awaited::No {
        batch.expect(keys::awaited(job.id), Expect::Absent);
        let_go(batch, job, now);
    } else if job.state.is_final() {
        ended(batch, job, (job.state == JobState::Completed, now))?;
    } else if job.state == JobState::Active
        && job.terms.unique.as_ref().is_some_and(|held| held.until == Until::Started)
    {
        let_go(batch, job, now);
    }
    Ok(())
}

/// What belongs to the batch in which a job is removed.
///
/// # Errors
/// Never: it has a JSON form.
pub(super) fn removed(batch: &mut Batch, job: &Job) -> Result<(), StoreError> {
    if !job.task.is_work() {
        return Ok(());
    }
    super::parts::remove(batch, job.id);
    // One that had ended left its word already.
    if job.state.is_final() { Ok(()) } else { ended(batch, job, (false, None)) }
}

/// What belongs to the batch in which a job leaves this queue for another one.
pub(super) fn left(batch: &mut Batch, before: &Job, now: Timestamp) {
    if !before.state.is_final() {
        let_go(batch, before, Some(now.as_millis()));
    }
}

fn ended(batch: &mut Batch, job: &Job, (done, now): (bool, Option<u64>)) -> Result<(), StoreError> {
    let_go(batch, job, now);
    let unique = job.terms.unique.as_ref().filter(|held| held.expires.is_some());
    let unique = unique.map(|held| held.key.clone());
    let aftermath = Aftermath { org_id: job.org_id.clone(), done, unique };
    batch.put(keys::aftermath(&job.queue, job.id), encode(&aftermath)?);
    Ok(())
}

/// Lets go of a key that the job holds for sure: once its time is over another job may have it.
fn let_go(batch: &mut Batch, job: &Job, now: Option<u64>) {
    let sure = |expires: Timestamp| now.is_some_and(|now| expires.as_millis() > now);
    if let Some(held) = job.terms.unique.as_ref().filter(|held| held.expires.is_none_or(sure)) {
        batch.delete(keys::unique_job(&job.org_id, &job.queue, &held.key));
    }
}
