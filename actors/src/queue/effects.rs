//! What a queue's state is told, and what it asks for.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::alter::Alteration;
use super::job::{Job, JobState, Outcome};
use super::lines::{Held, LineId};
use super::messages::Move;
use crate::ids::JobId;

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// What the store held when the actor started. Jobs found active were cut short by a crash.
    Loaded {
        /// Totals as last written.
        totals: Totals,
        /// Jobs found active.
        interrupted: Vec<Job>,
        /// How many wait, and how many are delayed.
        counts: (u64, u64),
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
        /// The lines, in order.
        lines: Vec<LineId>,
        /// Whether the store has others after them.
        more: bool,
    },
    /// Lines could not be looked for; it is tried again with the next input.
    SurveyFailed,
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
    /// Look for lines after this one.
    Survey(Option<LineId>),
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
            JobState::Waiting | JobState::Delayed | JobState::Active => return,
        };
        *total = total.saturating_add_signed(by);
    }
}
