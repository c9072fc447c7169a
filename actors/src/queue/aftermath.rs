//! After a job ended: those that wait for it are told, each by its own queue, until all of them know. What is
//! still to be told is written in the batch of the job's end, so no crash loses it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::job::{FailedReason, Job, JobState};
use super::terms::OnFailure;
use super::trail::{Aftermath, Holder};
use crate::clock::Timestamp;
use crate::house::House;
use crate::ids::{JobId, QueueName};
use crate::keys;
use crate::store::{Batch, Expect, Key, Scan, StoreError, decode};

mod actor;
pub mod messages;

/// Jobs whose end is looked into at once.
const ENDED: usize = 256;
/// Jobs that are told of one end at once.
const TOLD: usize = 256;

/// A job that ended, and who is to be told.
#[derive(Debug)]
struct Ended {
    id: JobId,
    aftermath: Aftermath,
    version: u64,
    waiting: BTreeMap<QueueName, Vec<JobId>>,
}

/// Jobs of a queue that ended, of which others are to be told, after this place; and where there may be more.
async fn ended(
    house: &Arc<House>,
    queue: &QueueName,
    from: Option<Key>,
) -> Result<(Vec<Ended>, Option<Key>), StoreError> {
    let scan = Scan::prefix(keys::aftermaths(queue), ENDED);
    let scan = if let Some(last) = from { scan.after(&last) } else { scan };
    let found = house.store.scan(scan).await?;
    let more = found.last().filter(|_| found.len() == ENDED).map(|(key, _)| key.clone());
    let looked = found.into_iter().filter_map(|(key, value)| Some((keys::parse_dependent(&key)?, value)));
    let looked = looked.map(async |(id, value)| {
        let aftermath: Aftermath = decode(&value.value)?;
        let edges = house.store.scan(Scan::prefix(keys::dependents(id), TOLD)).await?;
        let mut waiting: BTreeMap<QueueName, Vec<JobId>> = BTreeMap::new();
        for (key, value) in edges {
            let queue: QueueName = decode(&value.value)?;
            waiting.entry(queue).or_default().extend(keys::parse_dependent(&key));
        }
        Ok(Ended { id, aftermath, version: value.version, waiting })
    });
    let ended = futures_util::future::join_all(looked).await;
    Ok((ended.into_iter().collect::<Result<_, StoreError>>()?, more))
}

/// All who waited for these know: nothing is left of their end.
async fn forget(house: &Arc<House>, queue: &QueueName, ended: Vec<Ended>) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    for Ended { id, aftermath, version, .. } in ended {
        if let Some(key) = aftermath.unique {
            // Its time was over: another job may have the key by now.
            let key = keys::unique_job(&aftermath.org_id, queue, &key);
            if let Some(found) = house.store.get(key.clone()).await?
                && decode::<Holder>(&found.value)?.job == id
            {
                batch.expect(key.clone(), Expect::Version(found.version)).delete(key);
            }
        }
        // Somebody may have begun to wait for it since it was looked at.
        let key = keys::aftermath(queue, id);
        batch.expect(key.clone(), Expect::Version(version)).delete(key).delete(keys::awaited(id));
    }
    house.store.commit(batch.lazily()).await
}

/// What becomes of a job that waits for one which has ended; none where it does not.
fn after(job: &Job, ended: JobId, done: bool, now: Timestamp) -> Option<Job> {
    if job.state != JobState::Blocked || !job.terms.waits_for.contains(&ended) {
        return None;
    }
    let mut job = job.clone();
    job.terms.waits_for.retain(|id| *id != ended);
    let policy = job.terms.on_dependency_failure.unwrap_or_default();
    let (place, finished) = (now.as_millis(), Some(now));
    Some(match policy {
        OnFailure::Fail if !done => Job {
            state: JobState::Failed,
            place,
            finished,
            last_error: Some(format!("the job {ended}, which it waited for, was given up")),
            failed_reason: Some(FailedReason::Dependency),
            ..job
        },
        OnFailure::Skip if !done => {
            job.terms.skipped = true;
            let why = format!("passed over: the job {ended}, which it waited for, was given up");
            Job { state: JobState::Completed, place, finished, last_error: Some(why), ..job }
        }
        _ if !job.terms.waits_for.is_empty() => job,
        _ => match job.terms.run_at.filter(|at| *at > now) {
            Some(at) => Job { state: JobState::Delayed, place: at.as_millis(), ..job },
            None => Job { state: JobState::Waiting, place, ..job },
        },
    })
}
