//! Unique keys: who holds one, and what a second job with it comes to.

use std::sync::Arc;

use super::{Mode, Slot, Terminal, WorkDraft};
use crate::clock::Timestamp;
use crate::house::House;
use crate::keys;
use crate::queue::job::{Job, JobState};
use crate::queue::trail::Holder;
use crate::store::{Batch, Expect, StoreError, decode};

/// The job that holds a key, if one does. What was read becomes a condition of the batch.
pub(super) async fn holder(
    house: &Arc<House>,
    at: &Terminal,
    key: &str,
    batch: &mut Batch,
) -> Result<Option<Job>, StoreError> {
    let key = keys::unique_job(&at.org, &at.queue, key);
    let Some(found) = house.store.get(key.clone()).await? else {
        batch.expect(key, Expect::Absent);
        return Ok(None);
    };
    batch.expect(key, Expect::Version(found.version));
    let Holder { job: id, expires } = decode(&found.value)?;
    if expires.is_some_and(|expires| expires <= at.now) {
        return Ok(None);
    }
    let Some(found) = house.store.get(keys::job(id)).await? else { return Ok(None) };
    let job: Job = decode(&found.value)?;
    // One that has ended lets go of it in that very moment; and one that went to another queue does so too.
    if job.state.is_final() || job.queue != at.queue {
        return Ok(None);
    }
    batch.expect(keys::job(id), Expect::Version(found.version));
    Ok(Some(job))
}

/// What a second job comes to.
pub(super) enum Met {
    /// The first one stays as it is.
    Stays,
    /// The first one is now as the second would have been.
    Replaced,
    /// It is added beside the first.
    Beside,
}

/// A second job with the key that `held` has.
pub(super) fn meet<'a>(held: &mut Slot<'a>, draft: &'a WorkDraft, mode: Mode, now: Timestamp) -> Met {
    let begun = held.job.state == JobState::Active;
    match mode {
        Mode::Reject => return Met::Stays,
        Mode::Replace if begun => return Met::Stays,
        Mode::KeepLast | Mode::Debounce { .. } if begun => return Met::Beside,
        Mode::Replace | Mode::KeepLast | Mode::Debounce { .. } => {}
    }
    let due = match mode {
        // No later than so long after the first.
        Mode::Debounce { max_wait: Some(longest) } => {
            let last = held.job.created.plus(longest);
            draft.run_at.map(|due| due.min(last))
        }
        _ => draft.run_at,
    };
    held.payload = Some(&draft.payload);
    held.job.priority = draft.priority;
    held.job.key.clone_from(&draft.key);
    held.job.terms.run_at = due;
    if held.job.state != JobState::Blocked {
        (held.job.state, held.job.place) = match due.filter(|due| *due > now) {
            Some(due) => (JobState::Delayed, due.as_millis()),
            None => (JobState::Waiting, now.as_millis()),
        };
    }
    Met::Replaced
}
