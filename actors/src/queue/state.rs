//! A queue's mind: which job is next, what becomes of one that ended, what must be read or written.
//! Pure: inputs and a `now` in, effects out. The actor carries them out and reports back.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::job::{Job, JobState, Outcome, QueueSettings};
use super::messages::{Move, QueueStatus};
use crate::clock::Timestamp;
use crate::ids::{JobId, OrgId, QueueName};
use crate::window::Window;

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
    },
    /// A page of jobs that was asked for by [`Effect::Fetch`].
    Fetched {
        /// Their state.
        state: JobState,
        /// The jobs, in order.
        jobs: Vec<Job>,
        /// Whether the store holds more after them.
        more: bool,
    },
    /// A page could not be read; it is asked for again with the next input.
    FetchFailed(JobState),
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
    /// Writing moves failed; the same moves are tried again after a while.
    WriteFailed(Vec<Move>),
    /// Stop or go on taking jobs.
    SetPaused(bool),
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
    /// Read a page of jobs in `state` that come after `after`.
    Fetch {
        /// Their state.
        state: JobState,
        /// Place and id of the last one held.
        after: Option<(u64, JobId)>,
    },
    /// Come back with a [`Input::Tick`] after this long.
    WakeIn(Duration),
    /// Nothing runs any more and nothing will.
    Drained,
}

/// What is counted over the store's whole life; written with each change of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Jobs done.
    pub completed: u64,
    /// Jobs given up.
    pub failed: u64,
    /// Whether no jobs are taken.
    pub paused: bool,
}

/// One queue.
#[derive(Debug)]
pub struct QueueState {
    name: QueueName,
    settings: QueueSettings,
    totals: Totals,
    waiting: Window<JobId, Job>,
    delayed: Window<JobId, Job>,
    /// Taken from a window and not yet known to be active, or cut short and not yet known to wait.
    claiming: BTreeMap<JobId, Job>,
    active: BTreeMap<JobId, Job>,
    ended_at: VecDeque<(u64, u32)>,
    last_error: Option<(OrgId, String)>,
    draining: bool,
}

impl QueueState {
    /// A queue that knows nothing yet: it begins with [`Input::Loaded`].
    #[must_use]
    pub fn new(name: QueueName, settings: QueueSettings) -> Self {
        Self {
            name,
            settings,
            totals: Totals::default(),
            waiting: Window::unread(0),
            delayed: Window::unread(0),
            claiming: BTreeMap::new(),
            active: BTreeMap::new(),
            ended_at: VecDeque::new(),
            last_error: None,
            draining: false,
        }
    }

    /// Takes an input at `now` and says what follows. `random` in 0..1 spreads pauses.
    pub fn handle(&mut self, input: Input, now: Timestamp, random: f64) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Loaded { totals, interrupted, counts } => {
                self.totals = totals;
                self.waiting = Window::unread(counts.0);
                self.delayed = Window::unread(counts.1);
                let moves: Vec<_> = interrupted.into_iter().map(|job| interrupted_move(job, now)).collect();
                // Until this is written, a page may have them as waiting already.
                self.claiming.extend(moves.iter().map(|moved| (moved.id(), moved.job.clone())));
                if !moves.is_empty() {
                    effects.push(self.write(moves));
                }
            }
            Input::Fetched { state, jobs, more } => self.fetched(state, jobs, more),
            Input::FetchFailed(state) => self.window(state).page_failed(),
            Input::Added(jobs) => jobs.into_iter().for_each(|job| self.added(job)),
            Input::Tick => {}
            Input::Written(moves) => {
                for done in moves {
                    effects.extend(self.written(done));
                }
            }
            Input::Stale(id, rest) => {
                self.forget(id);
                // An old page had it, and its true place may have been passed over meanwhile.
                self.start_over();
                if !rest.is_empty() {
                    effects.push(self.write(rest));
                }
            }
            Input::Missed => self.start_over(),
            Input::Ended(id, outcome) => {
                if let Some(job) = self.active.get(&id).cloned() {
                    let ended = self.ended(job, outcome, now, random);
                    effects.push(self.write(vec![ended]));
                }
            }
            Input::WriteFailed(moves) => effects.push(self.write(moves)),
            Input::SetPaused(paused) => {
                self.totals.paused = paused;
                effects.push(self.write(Vec::new()));
            }
            Input::Drain => self.draining = true,
        }
        effects.extend(self.claim(now));
        effects.extend(self.fetch());
        if self.draining && self.active.is_empty() && self.claiming.is_empty() {
            effects.push(Effect::Drained);
        }
        effects
    }

    fn written(&mut self, Move { job, .. }: Move) -> Option<Effect> {
        self.forget(job.id);
        match job.state {
            JobState::Active => {
                self.active.insert(job.id, job.clone());
                return Some(Effect::Run(Box::new(job)));
            }
            JobState::Waiting | JobState::Delayed => self.added(job),
            JobState::Completed | JobState::Failed => {}
        }
        None
    }

    fn forget(&mut self, id: JobId) {
        self.claiming.remove(&id);
        self.active.remove(&id);
    }

    fn start_over(&mut self) {
        self.waiting.start_over();
        self.delayed.start_over();
    }

    fn window(&mut self, state: JobState) -> &mut Window<JobId, Job> {
        if state == JobState::Delayed { &mut self.delayed } else { &mut self.waiting }
    }

    fn knows(&self, id: JobId) -> bool {
        self.claiming.contains_key(&id) || self.active.contains_key(&id)
    }

    fn added(&mut self, job: Job) {
        if self.knows(job.id) {
            return;
        }
        self.window(job.state).add((job.place, job.id), job);
    }

    fn fetched(&mut self, state: JobState, jobs: Vec<Job>, more: bool) {
        let fresh: Vec<_> = jobs.into_iter().filter(|job| !self.knows(job.id)).collect();
        self.window(state).page(fresh.into_iter().map(|job| ((job.place, job.id), job)), more);
    }

    fn write(&mut self, moves: Vec<Move>) -> Effect {
        Effect::Write(moves, self.totals)
    }

    /// Takes ready jobs for the free slots.
    fn claim(&mut self, now: Timestamp) -> Vec<Effect> {
        if self.totals.paused || self.draining {
            return Vec::new();
        }
        let running = self.active.len() + self.claiming.len();
        let mut moves = Vec::new();
        while running + moves.len() < self.settings.concurrency {
            let Some(job) = self.take_ready(now) else { break };
            let (from, from_place) = (job.state, job.place);
            let job = Job {
                state: JobState::Active,
                place: now.as_millis(),
                attempts: job.attempts + 1,
                started: Some(now),
                ..job
            };
            self.claiming.insert(job.id, job.clone());
            moves.push(Move { job, from, from_place });
        }
        let mut effects = Vec::new();
        if !moves.is_empty() {
            effects.push(self.write(moves));
        }
        if let Some((due, _)) = self.delayed.first()
            && due > now.as_millis()
        {
            effects.push(Effect::WakeIn(Timestamp::from_millis(due).since(now)));
        }
        effects
    }

    /// The job that came up first: ready before due, and in the order of their places.
    fn take_ready(&mut self, now: Timestamp) -> Option<Job> {
        loop {
            let waiting = self.waiting.first();
            let due = self.delayed.first().filter(|(at, _)| *at <= now.as_millis());
            let window = match (waiting, due) {
                (Some(waiting), Some(due)) if due < waiting => &mut self.delayed,
                (Some(_), _) => &mut self.waiting,
                (None, Some(_)) => &mut self.delayed,
                (None, None) => return None,
            };
            let (_, job) = window.pop()?;
            // One that is in hand stands in the window only because a page was old when it came.
            if !self.knows(job.id) {
                return Some(job);
            }
        }
    }

    fn fetch(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        for state in [JobState::Waiting, JobState::Delayed] {
            if let Some(after) = self.window(state).wants_page() {
                effects.push(Effect::Fetch { state, after });
            }
        }
        effects
    }

    fn ended(&mut self, job: Job, outcome: Outcome, now: Timestamp, random: f64) -> Move {
        let (from, from_place) = (job.state, job.place);
        let failures = job.attempts.saturating_sub(job.interrupted);
        let (state, error, pause) = match outcome {
            Outcome::Done => (JobState::Completed, None, None),
            Outcome::Fail(error) => (JobState::Failed, Some(error), None),
            Outcome::Retry(error) if failures >= job.max_attempts => (JobState::Failed, Some(error), None),
            Outcome::Retry(error) => {
                let pause = self.settings.backoff.delay(failures, random);
                (JobState::Delayed, Some(error), Some(pause.unwrap_or_default()))
            }
        };
        match state {
            JobState::Completed => self.totals.completed += 1,
            JobState::Failed => self.totals.failed += 1,
            JobState::Waiting | JobState::Delayed | JobState::Active => {}
        }
        if state.is_final() {
            self.count_end(now);
        }
        if let Some(error) = &error {
            self.last_error = Some((job.org_id.clone(), error.clone()));
        }
        let place = now.plus(pause.unwrap_or_default()).as_millis();
        let finished = state.is_final().then_some(now);
        let job = Job { state, place, finished, last_error: error.or(job.last_error.clone()), ..job };
        Move { job, from, from_place }
    }

    fn count_end(&mut self, now: Timestamp) {
        let second = now.as_secs();
        match self.ended_at.back_mut() {
            Some((last, count)) if *last == second => *count += 1,
            _ => self.ended_at.push_back((second, 1)),
        }
        self.ended_at.retain(|(at, _)| second.saturating_sub(*at) < 60);
    }

    /// What an operator sees.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> QueueStatus {
        let recent = self.ended_at.iter().filter(|(at, _)| now.as_secs().saturating_sub(*at) < 60);
        let ended: u32 = recent.map(|(_, count)| count).sum();
        let oldest = self.waiting.first().map(|(place, _)| place);
        let (last_error_of, last_error) = self.last_error.clone().unzip();
        QueueStatus {
            name: self.name.clone(),
            waiting: self.waiting.count(),
            active: (self.active.len() + self.claiming.len()) as u64,
            delayed: self.delayed.count(),
            completed: self.totals.completed,
            failed: self.totals.failed,
            paused: self.totals.paused,
            concurrency: self.settings.concurrency,
            rate_per_second: f64::from(ended) / 60.0,
            oldest_waiting_ms: oldest.map(|place| now.as_millis().saturating_sub(place)),
            last_error,
            last_error_of,
        }
    }

    /// What may be written to the store as the queue's totals.
    #[must_use]
    pub const fn totals(&self) -> Totals {
        self.totals
    }

    /// How long one attempt may take.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.settings.timeout
    }
}

/// A job that a crash cut short goes back to the front: its place is where it began.
fn interrupted_move(job: Job, now: Timestamp) -> Move {
    let (from, from_place) = (job.state, job.place);
    let why = "the process ended while it ran".to_owned();
    let job = Job {
        state: JobState::Waiting,
        place: from_place.min(now.as_millis()),
        interrupted: job.interrupted + 1,
        last_error: Some(why),
        ..job
    };
    Move { job, from, from_place }
}

#[cfg(test)]
mod tests;
