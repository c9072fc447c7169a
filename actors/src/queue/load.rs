//! What a queue begins with, and what it writes.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::effects::{Counts, Input, Totals};
use super::job::JobState;
use super::lines::Held;
use super::messages::Move;
use super::pages::{Jobs, count, read_jobs};
use super::trail::follow;
use crate::house::House;
use crate::ids::QueueName;
use crate::keys;
use crate::store::{Batch, Expect, StoreError, decode, encode};
use crate::window::WINDOW;

/// What is written when jobs move on.
///
/// # Errors
/// When a job has no JSON form, which is a fault of this program.
pub(super) fn batch_of(moves: &[Move], queue: &QueueName, totals: Totals) -> Result<Batch, StoreError> {
    let mut batch = Batch::default();
    for Move { job, from, parts, .. } in moves {
        batch.expect(from.clone(), Expect::Present).delete(from.clone());
        batch.insert(job.at(), Vec::new());
        batch.put(keys::job(job.id), encode(job)?);
        for (letter, value) in parts {
            batch.put(keys::job_part(job.id, *letter), value.clone());
        }
        follow(&mut batch, job)?;
    }
    batch.put(keys::queue_totals(queue), encode(&totals)?);
    Ok(batch)
}

/// What a queue begins with.
///
/// # Errors
/// When the store cannot be read.
pub(super) async fn load(house: &Arc<House>, name: &QueueName) -> Result<Input, StoreError> {
    let totals = match house.store.get(keys::queue_totals(name)).await? {
        Some(found) => decode(&found.value)?,
        None => Totals::default(),
    };
    let paused = match house.store.get(keys::queue_paused(name)).await? {
        Some(found) => decode(&found.value)?,
        None => BTreeSet::new(),
    };
    let mut interrupted = Vec::new();
    let mut after = None;
    loop {
        let active = Jobs::All(JobState::Active);
        let page = read_jobs(house.clone(), name.clone(), active, after, WINDOW).await?;
        interrupted.extend(page.jobs);
        after = page.last;
        if !page.more {
            break;
        }
    }
    Ok(Input::Loaded { totals, interrupted, counts: counts(house, name).await?, paused })
}

/// How many jobs there are that nobody holds.
///
/// # Errors
/// When the store cannot be read.
pub(super) async fn counts(house: &House, name: &QueueName) -> Result<Counts, StoreError> {
    let all = |state| count(house, name, Jobs::All(state));
    Ok(Counts {
        waiting: all(JobState::Waiting).await?,
        outside: count(house, name, Jobs::Outside).await?,
        delayed: all(JobState::Delayed).await?,
        blocked: all(JobState::Blocked).await?,
    })
}

/// What is written when somebody's jobs are paused.
///
/// # Errors
/// Never: it has a JSON form.
pub(super) fn paused_of(queue: &QueueName, paused: &BTreeSet<Held>) -> Result<Batch, StoreError> {
    let mut batch = Batch::default();
    batch.put(keys::queue_paused(queue), encode(paused)?);
    Ok(batch)
}
