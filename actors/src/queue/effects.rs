//! What a queue's state is told, and what it asks for.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::alter::Alteration;
use super::job::{Job, JobState, Outcome};
use super::lines::{Held, LineId};
use super::messages::Move;
use super::outside::Demand;
use crate::ids::{JobId, OrgId};

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// What the store held when the actor started. Jobs found active were cut short by a crash.
    Loaded {
        /// Totals as last written.
        totals: Totals,
        /// Jobs found active.
        interrupted: Vec<Job>,
        /// How many there are that are not read yet.
        counts: Counts,
        /// Whose jobs are not taken.
        paused: BTreeSet<Held>,
    },
    /// A page of jobs that was asked for by [`Effect::Fetch`].
    Fetched {
        /// What was asked for.
        page: Page,
        /// The jobs, in order.
        jobs: Vec<Job>,
        /// Whether the store holds more after them.
        more: bool,
    },
    /// A page could not be read; it is asked for again with the next input.
    FetchFailed(Page),
    /// Lines that were asked for by [`Effect::Survey`].
    Surveyed {
        /// Whose were asked for: see [`Effect::Survey`].
        of: Option<OrgId>,
        /// The lines, in order.
        lines: Vec<LineId>,
        /// Whether the store has others after them.
        more: bool,
    },
    /// Lines could not be looked for; it is tried again with the next input.
    SurveyFailed(Option<OrgId>),
    /// Jobs were added to the store.
    Added(Vec<Job>),
    /// Jobs may have been added that nobody told of.
    Missed,
    /// Nothing but the passing of time.
    Tick,
    /// The store has carried out these moves.
    Written(Vec<Move>),
    /// The store refused moves because this one's job is no longer where it was thought to be.
    Stale(JobId, Vec<Move>),
    /// A job's attempt ended.
    Ended(JobId, Outcome),
    /// The worker that has a job says how it ended, and waits to hear that this is written.
    Settled {
        /// Which.
        id: JobId,
        /// How.
        outcome: Outcome,
        /// What is written beside it.
        parts: Vec<(u8, Vec<u8>)>,
    },
    /// A worker outside of this process asks for jobs.
    Asked(Demand),
    /// It no longer waits for any.
    Withdrawn(u64),
    /// How many there are, as asked for by [`Effect::Count`].
    Counted(Counts),
    /// Jobs were changed beside their course: the store has it so.
    Altered(Vec<Alteration>),
    /// They could not be: what was counted for it is taken back.
    NotAltered(Vec<Alteration>),
    /// They are about to be.
    Altering(Vec<Alteration>),
    /// Writing moves failed; the same moves are tried again after a while.
    WriteFailed(Vec<Move>),
    /// Stop or go on taking jobs: all, or those of some.
    SetPaused(Option<Held>, bool),
    /// Take no more jobs, for good.
    Drain,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Write these moves and the totals; then run those that became active.
    Write(Vec<Move>, Totals),
    /// Run a job that the store has active.
    Run(Box<Job>),
    /// Read a page of jobs that come after `after`.
    Fetch {
        /// Which.
        page: Page,
        /// Place and id of the last one held.
        after: Option<(u64, JobId)>,
        /// So many at most.
        limit: usize,
    },
    /// Look for lines after this one: those of an organisation that wait for workers outside of this process,
    /// or all others.
    Survey(Option<OrgId>, Option<LineId>),
    /// Answer a worker that asked for jobs; the store has these active.
    Lend(u64, Vec<Job>),
    /// Count the jobs that nobody keeps track of otherwise.
    Count,
    /// Come back with a [`Input::Tick`] after this long.
    WakeIn(Duration),
    /// Nothing runs any more and nothing will.
    Drained,
}

/// Which jobs a page has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// Those that are to be run later.
    Delayed,
    /// Those of a line.
    Line(LineId),
    /// Those of a line that wait for workers outside of this process.
    Outside(LineId),
}

/// How many jobs there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// That wait.
    pub waiting: u64,
    /// That wait for workers outside of this process.
    pub outside: u64,
    /// That are to be run later.
    pub delayed: u64,
    /// That wait for others to end.
    pub blocked: u64,
}

/// What is counted; written with each change of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Jobs done that are kept.
    pub completed: u64,
    /// Jobs given up that are kept.
    pub failed: u64,
    /// Whether no jobs are taken.
    pub paused: bool,
}

impl Totals {
    /// Counts a job that came to a state, or left it.
    pub(super) fn count(&mut self, state: JobState, by: i64) {
        let total = match state {
            JobState::Completed => &mut self.completed,
            JobState::Failed => &mut self.failed,
            JobState::Blocked | JobState::Waiting | JobState::Delayed | JobState::Active => return,
        };
        *total = total.saturating_add_signed(by);
    }
}
