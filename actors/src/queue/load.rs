//! What a queue begins with, and what it writes.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::effects::{Counts, Input, Totals};
use super::job::JobState;
use super::lines::Held;
use super::messages::Move;
use super::pages::{Jobs, count, read_jobs};
use super::trail::{Awaited, follow};
use crate::house::House;
use crate::ids::QueueName;
use crate::keys;
use crate::store::{Batch, Expect, StoreError, decode, encode};
use crate::window::WINDOW;

mod actor;

/// What is written when jobs move on.
///
/// # Errors
/// When a job has no JSON form, which is a fault of this program.
pub(super) fn batch_of(moves: &[Move], queue: &QueueName, totals: Totals) -> Result<Batch, StoreError> {
    let mut batch = Batch::default();
    for Move { from, .. } in moves {
        batch.expect(from.clone(), Expect::Present);
    }
    for Move { job, from, parts, awaited, .. } in moves {
        batch.delete(from.clone());
        batch.insert(job.at(), job.whose());
        batch.put(keys::job(job.id), encode(job)?);
        for (letter, value) in parts {
            batch.put(keys::job_part(job.id, *letter), value.clone());
        }
        follow(&mut batch, job, *awaited)?;
    }
    batch.put(keys::queue_totals(queue), encode(&totals)?);
    Ok(batch)
}

/// Why the store refused a batch of moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// This one's job is elsewhere.
    Moved(usize),
    /// Somebody waits for this one's job.
    Awaited(usize),
}

/// What the refusal of a batch that [`batch_of`] made of these moves means.
pub(super) fn refused(moves: &[Move], error: &StoreError) -> Option<Refused> {
    let StoreError::Conflict { index } = error else { return None };
    match index.checked_sub(moves.len()) {
        None => Some(Refused::Moved(*index)),
        Some(nth) => {
            let mut unawaited = moves.iter().enumerate().filter(|(_, one)| one.awaited == Awaited::No);
            unawaited.nth(nth).map(|(index, _)| Refused::Awaited(index))
        }
    }
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
