//! A queue's jobs as the store has them, a page at a time.

use std::sync::Arc;

use super::job::{Job, JobState};
use super::lines::LineId;
use crate::clock::Timestamp;
use crate::house::House;
use crate::ids::{JobId, OrgId, QueueName};
use crate::keys::{self, Side};
use crate::store::{Key, Pages, Scan, StoreError, after_prefix, decode};
use crate::window::Place;

/// Lines that are looked for at once.
const LINES: usize = 256;
/// Places of jobs of all organisations that are looked at for one request.
const LOOK_AT: usize = 1_000_000;
/// Those that are looked at together.
const PLACES: usize = 2_000;
/// Jobs that are read at once for it.
const PAGE: usize = 500;
/// Keys that are counted at once.
const COUNTED: usize = 10_000;

/// Some of a queue's jobs.
#[derive(Debug, Clone)]
pub enum Jobs {
    /// Those in a state, of all organisations.
    All(JobState),
    /// Those that wait for workers outside of this process, of all organisations. [`Jobs::All`] has the others.
    Outside,
    /// Those of one organisation that wait.
    WaitingOf(Side, OrgId),
    /// Those that stand in a line.
    Line(Side, LineId),
}

impl Jobs {
    const fn state(&self) -> JobState {
        match self {
            Self::All(state) => *state,
            Self::Outside | Self::WaitingOf(..) | Self::Line(..) => JobState::Waiting,
        }
    }

    fn prefix(&self, queue: &QueueName) -> Key {
        match self {
            Self::All(JobState::Waiting) => keys::waiting_jobs(queue, Side::Inside),
            Self::All(state) => keys::jobs_in(queue, state.letter()),
            Self::Outside => keys::waiting_jobs(queue, Side::Outside),
            Self::WaitingOf(side, org) => keys::waiting_jobs_of(queue, *side, org),
            Self::Line(side, line) => keys::waiting_line(queue, *side, parts_of(line)),
        }
    }
}

fn parts_of(line: &LineId) -> (&OrgId, i32, &str) {
    (&line.org, line.priority, &line.key)
}

/// A page of jobs.
#[derive(Debug, Default)]
pub struct JobPage {
    /// In their order.
    pub jobs: Vec<Job>,
    /// Whether there are more after them.
    pub more: bool,
    /// Where the store has the last one: where the next page begins.
    pub last: Option<Key>,
}

/// A page of a queue's jobs, in their order, after a place in the store.
///
/// # Errors
/// When the store cannot be read.
pub async fn read_jobs(
    house: Arc<House>,
    queue: QueueName,
    which: Jobs,
    after: Option<Key>,
    limit: usize,
) -> Result<JobPage, StoreError> {
    let mut scan = Scan::prefix(which.prefix(&queue), limit).keys_only();
    if let Some(last) = after {
        scan = scan.after(&last);
    }
    let page = house.store.scan(scan).await?;
    let ids: Vec<_> = page.iter().filter_map(|(key, _)| keys::parse_job_in(key)).collect();
    let found = house.store.get_many(ids.iter().map(|(_, id)| keys::job(*id)).collect()).await?;
    let jobs: Vec<Job> = found.into_iter().flatten().map(|f| decode(&f.value)).collect::<Result<_, _>>()?;
    // One that moved on between the two reads is met in its new state, or was met already.
    let jobs = jobs.into_iter().filter(|job| job.state == which.state()).collect();
    let more = page.len() == limit;
    Ok(JobPage { jobs, more, last: page.into_iter().next_back().map(|(key, _)| key) })
}

/// An organisation's jobs of a queue in a state, in their order.
#[derive(Debug, Default)]
pub struct Found {
    /// As many as were wanted, and sometimes more.
    pub jobs: Vec<Job>,
    /// Whether no more were looked at, although there may be some.
    pub cut: bool,
}

/// At least `wanted` jobs of an organisation that are in a state, where there are so many among the first
/// 1,000,000 of the queue; with `before` only those that came to it before then.
///
/// # Errors
/// When the store cannot be read.
pub async fn jobs_of(
    house: &Arc<House>,
    queue: &QueueName,
    (org, state): (&OrgId, JobState),
    before: Option<Timestamp>,
    wanted: usize,
) -> Result<Found, StoreError> {
    let (mut jobs, mut looked) = (Vec::new(), 0);
    let parts = match state {
        JobState::Waiting => {
            [Side::Inside, Side::Outside].map(|side| Jobs::WaitingOf(side, org.clone())).to_vec()
        }
        other => vec![Jobs::All(other)],
    };
    for which in parts {
        let mut pages = Pages::of(house.store.as_ref(), Scan::prefix(which.prefix(queue), PLACES));
        while jobs.len() < wanted
            && looked < LOOK_AT
            && let Some(places) = pages.next().await?
        {
            looked += places.len();
            // Earlier versions did not write whose a job is.
            let may_be_own = |whose: &[u8]| whose.is_empty() || whose == org.as_str().as_bytes();
            let own = places.iter().filter(|(_, found)| may_be_own(&found.value));
            let own = own.filter_map(|(key, _)| keys::parse_job_in(key));
            let meant = own.filter(|(place, _)| before.is_none_or(|before| *place < before.as_millis()));
            let ids: Vec<JobId> = meant.map(|(_, id)| id).collect();
            for ids in ids.chunks(PAGE) {
                if jobs.len() < wanted {
                    jobs.extend(read_own(house, ids, org, state).await?);
                }
            }
        }
    }
    Ok(Found { jobs, cut: looked >= LOOK_AT })
}

/// Those of some jobs that are an organisation's, and in a state.
async fn read_own(
    house: &House,
    ids: &[JobId],
    org: &OrgId,
    state: JobState,
) -> Result<Vec<Job>, StoreError> {
    let found = house.store.get_many(ids.iter().map(|id| keys::job(*id)).collect()).await?;
    let jobs = found.into_iter().flatten().map(|found| decode::<Job>(&found.value));
    let jobs: Vec<Job> = jobs.collect::<Result<_, _>>()?;
    Ok(jobs.into_iter().filter(|job| job.org_id == *org && job.state == state).collect())
}

/// Where a page begins that comes after a place among these jobs.
pub(super) fn place_of(queue: &QueueName, which: &Jobs, (place, id): Place<JobId>) -> Key {
    match which {
        Jobs::Line(side, line) => keys::job_waiting(queue, *side, parts_of(line), place, id),
        other => keys::job_in(queue, other.state().letter(), place, id),
    }
}

/// Some lines after one, and whether there are more: those of one organisation that wait for workers outside
/// of this process, or all others.
///
/// # Errors
/// When the store cannot be read.
pub(super) async fn survey(
    house: Arc<House>,
    queue: QueueName,
    of: Option<OrgId>,
    after: Option<LineId>,
) -> Result<(Vec<LineId>, bool), StoreError> {
    let side = if of.is_some() { Side::Outside } else { Side::Inside };
    let prefix = match &of {
        Some(org) => keys::waiting_jobs_of(&queue, side, org),
        None => keys::waiting_jobs(&queue, side),
    };
    let mut scan = Scan::prefix(prefix, 1).keys_only();
    let behind = |line: &LineId| after_prefix(&keys::waiting_line(&queue, side, parts_of(line)));
    if let Some(line) = after {
        scan.from = behind(&line);
    }
    let mut lines = Vec::new();
    while lines.len() < LINES {
        let found = house.store.scan(scan.clone()).await?;
        let Some((key, _)) = found.first() else { return Ok((lines, false)) };
        let (org, priority, of) = keys::parse_waiting(&queue, side, key)
            .ok_or_else(|| StoreError::Corrupt(format!("queue {queue}: a key makes no sense")))?;
        let line = LineId { org, priority, key: of.into() };
        scan.from = behind(&line);
        lines.push(line);
    }
    Ok((lines, true))
}

/// How many jobs there are.
///
/// # Errors
/// When the store cannot be read.
pub(super) async fn count(house: &House, queue: &QueueName, which: Jobs) -> Result<u64, StoreError> {
    let mut pages = Pages::of(&*house.store, Scan::prefix(which.prefix(queue), COUNTED).keys_only());
    let mut total = 0;
    while let Some(page) = pages.next().await? {
        total += page.len() as u64;
    }
    Ok(total)
}
