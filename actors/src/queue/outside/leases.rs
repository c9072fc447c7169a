//! Who has which job, and until when. A worker that is not heard of in time has lost it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::NotLeased;
use crate::clock::Timestamp;
use crate::ids::JobId;
use crate::queue::job::Job;

/// A job that is out.
#[derive(Debug)]
struct Lease {
    job: Job,
    until: Timestamp,
    /// Its end is being written: nobody has a say any more.
    ending: bool,
}

/// All jobs that are out.
#[derive(Debug, Default)]
pub struct Leases {
    out: BTreeMap<JobId, Lease>,
    /// When each runs out.
    order: BTreeSet<(Timestamp, JobId)>,
}

impl Leases {
    pub(super) fn begin(&mut self, job: Job, now: Timestamp) {
        let until = end_of(&job, None, now);
        self.order.insert((until, job.id));
        self.out.insert(job.id, Lease { job, until, ending: false });
    }

    pub(super) fn end(&mut self, id: JobId) -> Option<Job> {
        let lease = self.out.remove(&id)?;
        self.order.remove(&(lease.until, id));
        Some(lease.job)
    }

    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    pub(super) fn get(&self, id: JobId) -> Option<&Job> {
        self.out.get(&id).map(|lease| &lease.job)
    }

    /// The jobs that are out.
    pub fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.out.values().map(|lease| &lease.job)
    }

    /// The job, of which whoever has this token may speak.
    ///
    /// # Errors
    /// When nobody has it any more, or somebody else does.
    pub fn of(&self, id: JobId, token: &str) -> Result<&Job, NotLeased> {
        let lease = self.out.get(&id).filter(|lease| !lease.ending).ok_or(NotLeased)?;
        let is_own = lease.job.lease.as_ref().is_some_and(|own| own.token == token);
        if is_own { Ok(&lease.job) } else { Err(NotLeased) }
    }

    /// Its worker lives: the moment until which the job is its own.
    ///
    /// # Errors
    /// When nobody has it any more, or somebody else does.
    pub fn renew(
        &mut self,
        id: JobId,
        token: &str,
        length: Option<Duration>,
        now: Timestamp,
    ) -> Result<Timestamp, NotLeased> {
        self.of(id, token)?;
        let lease = self.out.get_mut(&id).ok_or(NotLeased)?;
        self.order.remove(&(lease.until, id));
        lease.until = end_of(&lease.job, length, now);
        self.order.insert((lease.until, id));
        Ok(lease.until)
    }

    /// Its end is about to be written: the job.
    pub fn settle(&mut self, id: JobId) -> Option<Job> {
        let lease = self.out.get_mut(&id).filter(|lease| !lease.ending)?;
        lease.ending = true;
        self.order.remove(&(lease.until, id));
        Some(lease.job.clone())
    }

    /// A job whose time is over, and whether that is its own fault: it may take only so long.
    pub fn run_out(&mut self, now: Timestamp) -> Option<(Job, bool)> {
        let (_, id) = self.order.first().copied().filter(|(until, _)| *until <= now)?;
        let job = self.settle(id)?;
        let late = deadline(&job).is_some_and(|deadline| deadline <= now);
        Some((job, late))
    }

    /// The next moment at which one runs out.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.order.first().map(|(until, _)| *until)
    }
}

fn deadline(job: &Job) -> Option<Timestamp> {
    job.started.zip(job.terms.timeout()).map(|(began, limit)| began.plus(limit))
}

fn end_of(job: &Job, length: Option<Duration>, now: Timestamp) -> Timestamp {
    let own = job.lease.as_ref().map(|lease| Duration::from_millis(lease.length_ms));
    let end = now.plus(length.or(own).unwrap_or_default());
    deadline(job).map_or(end, |deadline| deadline.min(end))
}
