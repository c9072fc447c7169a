//! Jobs for workers outside of this process: which are asked for, by whom, and who has which. Each
//! organisation has a desk with lines of its own, so that what one lets pile up is in no other's way, and desks
//! take turns at the slots that there are. Pure; the queue's state asks it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use tokio::sync::mpsc;

use super::QueueActor;
use super::job::{Job, JobState, Leased};
use super::lines::{Held, LineId, Lines, Shares, Wanted};
use super::rate::Bucket;
use crate::clock::Timestamp;
use crate::ids::{JobId, OrgId};
use crate::supervision::{AskError, Ref};
use messages::{Ask, Claim};

mod actor;
mod desk;
mod leases;
pub mod messages;

pub(super) use desk::Desk;
pub use leases::Leases;

/// Organisations whose lines are held.
const MOST_DESKS: usize = 1_024;
/// Lines, and jobs over all of them, that are held of one organisation.
const HELD: (usize, usize) = (1_024, 512);
/// Workers of one organisation that wait for a job.
const MOST_DEMANDS: usize = 1_000;

/// A worker asks for jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// What it is answered by.
    pub ticket: u64,
    /// Whose jobs.
    pub org: OrgId,
    /// What the worker calls itself.
    pub worker: String,
    /// What it will have to show.
    pub token: String,
    /// So many at most.
    pub most: usize,
    /// How long they are its own after each sign of life.
    pub length: Duration,
    /// Whether it is answered with none if there is none now.
    pub at_once: bool,
}

/// Whoever speaks of a job does not have it, or not any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("find the lease: it ran out, or the job was taken back; another worker may have it by now")]
pub struct NotLeased;

/// Jobs for a worker: as soon as there are any, or none after a while. There may be more than it is given.
///
/// # Errors
/// When the queue does not answer.
pub async fn take(queue: &Ref<QueueActor>, ask: Ask) -> Result<Vec<Job>, AskError> {
    let (answer, mut answered) = mpsc::channel(1);
    queue.ask(Claim { ask, answer }).await?;
    // A queue that is gone meanwhile gives nothing.
    Ok(answered.recv().await.unwrap_or_default())
}

/// What an organisation's workers ask for, and its lines.
#[derive(Debug)]
struct OrgDesk {
    lines: Lines,
    demands: VecDeque<(Demand, usize)>,
}

/// All desks, and all jobs that are out.
#[derive(Debug)]
pub struct Outside {
    shares: Shares,
    /// Jobs that wait, held or not.
    count: u64,
    desks: BTreeMap<OrgId, OrgDesk>,
    /// Those at which somebody waits, by whose turn it is.
    turns: VecDeque<OrgId>,
    paused: BTreeSet<Held>,
    /// Taken from its line and not yet known to be active, with the ticket that it is for.
    lending: BTreeMap<JobId, (Job, u64)>,
    leases: Leases,
}

impl Outside {
    /// Nobody has asked for anything yet.
    #[must_use]
    pub fn new(shares: Shares) -> Self {
        Self {
            shares,
            count: 0,
            desks: BTreeMap::new(),
            turns: VecDeque::new(),
            paused: BTreeSet::new(),
            lending: BTreeMap::new(),
            leases: Leases::default(),
        }
    }

    /// What the store has: jobs that wait, and jobs that workers have. They may have been heard of while this
    /// process was not there.
    pub fn load(&mut self, count: u64, leased: Vec<Job>, now: Timestamp) {
        self.count = count;
        leased.into_iter().for_each(|job| self.leases.begin(job, now));
    }

    /// Jobs that wait.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// They were counted anew.
    pub const fn counted(&mut self, count: u64) {
        self.count = count;
    }

    /// Jobs that workers have, or are about to have.
    #[must_use]
    pub fn out(&self) -> usize {
        self.lending.len() + self.leases.len()
    }

    /// Whether it is in hand.
    #[must_use]
    pub fn knows(&self, id: JobId) -> bool {
        self.lending.contains_key(&id) || self.leases.get(id).is_some()
    }

    /// Who has what.
    pub const fn leases(&mut self) -> &mut Leases {
        &mut self.leases
    }

    /// Whether anybody waits for a job.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        !self.turns.is_empty()
    }

    /// Takes note of a job that the store has waiting.
    pub fn add(&mut self, job: Job) {
        self.count += 1;
        if let Some(desk) = self.desks.get_mut(&job.org_id) {
            desk.lines.add(job);
        }
    }

    /// Takes a job out, which no longer waits.
    pub fn remove(&mut self, job: &Job) {
        self.count = self.count.saturating_sub(1);
        if let Some(desk) = self.desks.get_mut(&job.org_id) {
            desk.lines.remove(job);
        }
    }

    /// Takes no more jobs of these, or takes them again.
    pub fn set_paused(&mut self, held: Held, paused: bool) {
        if let Some(desk) = self.desks.get_mut(&held.org) {
            desk.lines.set_paused(held.clone(), paused);
        }
        match paused {
            true => self.paused.insert(held),
            false => self.paused.remove(&held),
        };
    }

    /// A worker asks. It is given back when too many ask already.
    pub fn ask(&mut self, demand: Demand) -> Option<Demand> {
        let org = demand.org.clone();
        if !self.desks.contains_key(&org) && !self.open(&org) {
            return Some(demand);
        }
        let Some(desk) = self.desks.get_mut(&org) else { return Some(demand) };
        if desk.demands.len() >= MOST_DEMANDS {
            return Some(demand);
        }
        desk.demands.push_back((demand, 0));
        if !self.turns.contains(&org) {
            self.turns.push_back(org);
        }
        None
    }

    /// A worker no longer waits. Whether it is to be told that there is nothing: not when it is about to be
    /// given something.
    pub fn withdraw(&mut self, ticket: u64) -> bool {
        let waits = |desk: &&mut OrgDesk| desk.demands.iter().any(|(demand, _)| demand.ticket == ticket);
        if let Some(desk) = self.desks.values_mut().find(waits) {
            desk.demands.retain(|(demand, _)| demand.ticket != ticket);
            self.clear_turns();
        }
        self.lending.values().all(|(_, of)| *of != ticket)
    }

    fn clear_turns(&mut self) {
        let desks = &self.desks;
        self.turns.retain(|org| desks.get(org).is_some_and(|desk| !desk.demands.is_empty()));
    }

    /// Makes room for a desk, if there is any.
    fn open(&mut self, org: &OrgId) -> bool {
        if self.desks.len() >= MOST_DESKS {
            let idle = self.desks.iter().find(|(org, desk)| desk.demands.is_empty() && !self.is_out(org));
            let Some(idle) = idle.map(|(org, _)| org.clone()) else { return false };
            self.desks.remove(&idle);
        }
        // Nothing is known of its lines, so they count as if there were some.
        let mut lines = Lines::unread(1, self.shares).bounded(HELD.0, HELD.1);
        let of_org = |held: &&Held| held.org == *org;
        self.paused.iter().filter(of_org).for_each(|held| lines.set_paused(held.clone(), true));
        let out = self.leases.jobs().chain(self.lending.values().map(|(job, _)| job));
        out.filter(|job| job.org_id == *org).for_each(|job| lines.began(job));
        self.desks.insert(org.clone(), OrgDesk { lines, demands: VecDeque::new() });
        true
    }

    fn is_out(&self, org: &OrgId) -> bool {
        let mut out = self.leases.jobs().chain(self.lending.values().map(|(job, _)| job));
        out.any(|job| job.org_id == *org)
    }

    /// Takes jobs for whoever waits, while there are no more out than `most`: they are to become active.
    pub fn take(&mut self, most: usize, bucket: &mut Option<Bucket>, now: Timestamp) -> Vec<(Job, Job)> {
        let (mut taken, mut idle) = (Vec::new(), 0);
        while idle < self.turns.len() && self.out() < most {
            let Some(org) = self.turns.pop_front() else { break };
            self.turns.push_back(org.clone());
            if bucket.as_mut().is_some_and(|bucket| !bucket.take(now)) {
                break;
            }
            match self.take_of(&org, now) {
                Some(pair) => {
                    taken.push(pair);
                    idle = 0;
                }
                None => {
                    bucket.iter_mut().for_each(Bucket::put_back);
                    idle += 1;
                }
            }
        }
        if !taken.is_empty() {
            for desk in self.desks.values_mut() {
                desk.demands.retain(|(_, got)| *got == 0);
            }
            self.clear_turns();
        }
        taken
    }

    /// The next job of an organisation, as it waits and as it shall be.
    fn take_of(&mut self, org: &OrgId, now: Timestamp) -> Option<(Job, Job)> {
        let Self { desks, lending, leases, .. } = self;
        let desk = desks.get_mut(org)?;
        let (demand, got) = desk.demands.iter_mut().find(|(demand, got)| *got < demand.most)?;
        let known = |id: JobId| lending.contains_key(&id) || leases.get(id).is_some();
        // One that is in hand stands in a line only because a page was old when it came.
        let job = std::iter::from_fn(|| desk.lines.pop()).find(|job| !known(job.id))?;
        *got += 1;
        let length_ms = u64::try_from(demand.length.as_millis()).unwrap_or(u64::MAX);
        let lease = Leased { worker: demand.worker.clone(), token: demand.token.clone(), length_ms };
        let active = Job {
            state: JobState::Active,
            place: now.as_millis(),
            attempts: job.attempts + 1,
            started: Some(now),
            lease: Some(lease),
            ..job.clone()
        };
        desk.lines.began(&active);
        lending.insert(active.id, (active.clone(), demand.ticket));
        self.count = self.count.saturating_sub(1);
        Some((job, active))
    }

    /// The store has it active: the ticket that it is for.
    pub fn written(&mut self, job: &Job, now: Timestamp) -> Option<u64> {
        let (_, ticket) = self.lending.remove(&job.id)?;
        self.leases.begin(job.clone(), now);
        Some(ticket)
    }

    /// It is no longer out: the ticket that waits for it in vain.
    pub fn forget(&mut self, id: JobId) -> Option<u64> {
        let lending = self.lending.remove(&id);
        let ticket = lending.as_ref().map(|(_, ticket)| *ticket);
        for job in [lending.map(|(job, _)| job), self.leases.end(id)].into_iter().flatten() {
            if let Some(desk) = self.desks.get_mut(&job.org_id) {
                desk.lines.ended(&job);
            }
        }
        ticket
    }

    /// Who is to be told that there is nothing for them; everybody, if nothing is begun any more.
    pub fn in_vain(&mut self, everybody: bool) -> Vec<u64> {
        let mut tickets = Vec::new();
        for desk in self.desks.values_mut().filter(|desk| !desk.demands.is_empty()) {
            let goes = |demand: &Demand| everybody || demand.at_once;
            if !desk.demands.iter().any(|(demand, _)| goes(demand)) || (!everybody && desk.lines.is_reading())
            {
                continue;
            }
            let going = desk.demands.iter().filter(|(demand, _)| goes(demand));
            tickets.extend(going.map(|(demand, _)| demand.ticket));
            desk.demands.retain(|(demand, _)| !goes(demand));
        }
        if !tickets.is_empty() {
            self.clear_turns();
        }
        tickets
    }

    /// Lines that should be looked for now, of these organisations.
    pub fn surveys(&mut self) -> Vec<(OrgId, Option<LineId>)> {
        let asked = self.desks.iter_mut().filter(|(_, desk)| !desk.demands.is_empty());
        asked.filter_map(|(org, desk)| Some((org.clone(), desk.lines.wants_survey()?))).collect()
    }

    /// Pages that should be read now.
    pub fn wanted(&mut self) -> Vec<Wanted> {
        self.desks.values_mut().flat_map(|desk| desk.lines.wanted()).collect()
    }

    /// An organisation's lines, if anybody asks for them.
    pub fn lines_of(&mut self, org: &OrgId) -> Option<&mut Lines> {
        self.desks.get_mut(org).map(|desk| &mut desk.lines)
    }

    /// Forgets what is held, because the store may hold what nobody told of.
    pub fn start_over(&mut self) {
        self.desks.values_mut().for_each(|desk| desk.lines.start_over());
    }
}
