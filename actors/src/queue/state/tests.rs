//! The queue's mind against a simple model: a store that is a map, writes that are applied and
//! acknowledged at different moments, reads that are old by the time they arrive, hints that come late or
//! never, and crashes at any moment.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::ids::{OrgId, RecordId, RunId};
use crate::queue::job::{JobDraft, Task};
use crate::retry::{Backoff, Curve};
use crate::window::WINDOW;

const CONCURRENCY: usize = 3;
const ATTEMPTS: u32 = 2;

#[derive(Debug, Clone)]
enum Step {
    Add {
        delay: u64,
    },
    Hint,
    LoseHint,
    Advance(u64),
    /// The store carries out the oldest batch that waits.
    Apply,
    /// The oldest batch that was carried out is answered.
    Answer,
    /// The oldest batch that was carried out is reported as failed.
    LoseAnswer,
    /// The oldest batch that waits fails.
    FailWrite,
    /// A page's keys are read, then its jobs, then it arrives.
    Read(u8),
    ReadAll,
    FailRead(u8),
    End(u8, u8),
    Pause(bool),
    /// The process dies; of the batches that wait, this many are carried out all the same.
    Crash(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop_oneof![Just(0), 1..5_000_u64].prop_map(|delay| Step::Add { delay }),
        4 => Just(Step::Hint),
        1 => Just(Step::LoseHint),
        4 => (1..3_000_u64).prop_map(Step::Advance),
        9 => Just(Step::Apply),
        9 => Just(Step::Answer),
        1 => Just(Step::LoseAnswer),
        1 => Just(Step::FailWrite),
        6 => any::<u8>().prop_map(Step::Read),
        4 => Just(Step::ReadAll),
        1 => any::<u8>().prop_map(Step::FailRead),
        9 => (any::<u8>(), any::<u8>()).prop_map(|(which, how)| Step::End(which, how)),
        1 => any::<bool>().prop_map(Step::Pause),
        2 => (0..3_usize).prop_map(Step::Crash),
    ]
}

/// A page on its way.
struct Reading {
    state: JobState,
    after: Option<(u64, JobId)>,
    keys: Option<Vec<JobId>>,
    jobs: Option<(Vec<Job>, bool)>,
}

struct World {
    mind: QueueState,
    now: Timestamp,
    stored: BTreeMap<JobId, Job>,
    totals: Totals,
    writes: VecDeque<(Vec<Move>, Totals)>,
    applied: VecDeque<(Vec<Move>, Result<(), usize>)>,
    reads: Vec<Reading>,
    hints: VecDeque<Job>,
    running: BTreeSet<JobId>,
    /// How many attempts at each job are known to have failed.
    failures: BTreeMap<JobId, u32>,
    /// Whether a write failed: what was counted meanwhile may have been counted in vain.
    trouble: bool,
    /// Jobs taken from among those that waited, in order.
    order: Vec<(u64, JobId)>,
}

fn mind() -> QueueState {
    let second = Duration::from_secs(1);
    let curve = Curve::Exponential { first: second, factor: 2.0, max: second * 10 };
    let backoff = Backoff::new(curve, 10, 0.0).unwrap();
    let settings = QueueSettings { concurrency: CONCURRENCY, attempts: ATTEMPTS, backoff, timeout: second };
    QueueState::new(QueueName::new("automation").unwrap(), settings)
}

impl World {
    /// A queue that finds `jobs` in the store, some of which were cut short.
    fn new(jobs: usize, first_active: usize) -> Self {
        let now = Timestamp::from_millis(1_000_000);
        let mut world = Self {
            mind: mind(),
            now,
            stored: BTreeMap::new(),
            totals: Totals::default(),
            writes: VecDeque::new(),
            applied: VecDeque::new(),
            reads: Vec::new(),
            hints: VecDeque::new(),
            running: BTreeSet::new(),
            failures: BTreeMap::new(),
            trouble: false,
            order: Vec::new(),
        };
        for at in 0..jobs {
            world.now = now.plus(Duration::from_millis(at as u64));
            world.add(if at % 7 == 0 { 500 } else { 0 });
        }
        for job in world.stored.values_mut().filter(|job| job.state == JobState::Waiting).take(first_active) {
            (job.state, job.attempts) = (JobState::Active, 1);
        }
        world.hints.clear();
        world.load();
        world
    }

    fn add(&mut self, delay: u64) {
        let id = JobId::new(self.now);
        let task = Task::RunFlow { flow: RecordId::new("f").unwrap(), run: RunId::new(self.now) };
        let due = Some(self.now.plus(Duration::from_millis(delay)));
        let queue = QueueName::new("automation").unwrap();
        let draft = JobDraft { id, queue, task, due, max_attempts: None };
        let job = draft.into_job(OrgId::new("o").unwrap(), self.now, ATTEMPTS);
        self.stored.insert(id, job.clone());
        self.hints.push_back(job);
    }

    fn in_state(&self, state: JobState) -> Vec<&Job> {
        let mut jobs: Vec<_> = self.stored.values().filter(|job| job.state == state).collect();
        jobs.sort_by_key(|job| (job.place, job.id));
        jobs
    }

    /// The actor starts: the old one is gone with all that it had under way.
    fn load(&mut self) {
        self.mind = mind();
        self.reads.clear();
        self.hints.clear();
        self.applied.clear();
        let interrupted: Vec<_> = self.in_state(JobState::Active).into_iter().cloned().collect();
        let count = |state| self.in_state(state).len() as u64;
        let counts = (count(JobState::Waiting), count(JobState::Delayed));
        self.running.clear();
        self.feed(Input::Loaded { totals: self.totals, interrupted, counts });
    }

    fn feed(&mut self, input: Input) {
        for effect in self.mind.handle(input, self.now, 0.5) {
            match effect {
                Effect::Write(moves, totals) => {
                    for claimed in moves.iter().filter(|claimed| claimed.from == JobState::Waiting) {
                        self.order.push((claimed.from_place, claimed.job.id));
                    }
                    for claimed in moves.iter().filter(|claimed| claimed.job.state == JobState::Active) {
                        assert!(claimed.from_place <= self.now.as_millis(), "taken before it was due");
                    }
                    self.writes.push_back((moves, totals));
                }
                Effect::Run(job) => self.run(&job),
                Effect::Fetch { state, after } => {
                    self.reads.push(Reading { state, after, keys: None, jobs: None });
                }
                Effect::WakeIn(pause) => assert!(!pause.is_zero(), "it would wake again and again"),
                Effect::Drained => {}
            }
        }
        let status = self.mind.status(self.now);
        assert!(status.active <= CONCURRENCY as u64, "{} at once", status.active);
    }

    fn run(&mut self, job: &Job) {
        let stored = &self.stored[&job.id];
        assert_eq!(stored.state, JobState::Active, "it runs and the store does not know");
        assert_eq!(stored.attempts, job.attempts);
        assert!(self.running.insert(job.id), "it runs twice at once");
        assert!(self.running.len() <= CONCURRENCY);
        let failures = self.failures.get(&job.id).copied().unwrap_or_default();
        assert_eq!(job.attempts - job.interrupted, failures + 1, "what a crash cut short is no failure");
        assert!(failures < job.max_attempts, "tried too often");
    }

    fn apply(&mut self) {
        let Some((moves, totals)) = self.writes.pop_front() else { return };
        let is_there = |m: &Move| {
            let stored = self.stored.get(&m.id());
            stored.is_some_and(|job| job.state == m.from && job.place == m.from_place)
        };
        let result = match moves.iter().position(|m| !is_there(m)) {
            Some(index) => Err(index),
            None => {
                for Move { job, from, .. } in &moves {
                    if *from == JobState::Active && job.state == JobState::Delayed {
                        *self.failures.entry(job.id).or_default() += 1;
                    }
                    self.stored.insert(job.id, job.clone());
                }
                self.totals = totals;
                Ok(())
            }
        };
        self.applied.push_back((moves, result));
    }

    fn answer(&mut self) {
        let Some((mut moves, result)) = self.applied.pop_front() else { return };
        match result {
            Ok(()) => self.feed(Input::Written(moves)),
            Err(index) => {
                let refused = moves.remove(index);
                // The actor looks whether it was this very move that came through earlier.
                if self.stored.get(&refused.id()) == Some(&refused.job) {
                    self.feed(Input::Written(vec![refused]));
                    self.feed(Input::WriteFailed(moves));
                } else {
                    self.feed(Input::Stale(refused.id(), moves));
                }
            }
        }
    }

    fn read(&mut self, which: u8) {
        if self.reads.is_empty() {
            return;
        }
        let at = usize::from(which) % self.reads.len();
        let Reading { state, after, keys, jobs } = &mut self.reads[at];
        if let Some((jobs, more)) = jobs.take() {
            let state = *state;
            self.reads.remove(at);
            self.feed(Input::Fetched { state, jobs, more });
        } else if let Some(keys) = keys {
            let found = keys.iter().map(|id| &self.stored[id]).filter(|job| job.state == *state);
            *jobs = Some((found.cloned().collect(), keys.len() == WINDOW));
        } else {
            let mut found: Vec<_> = self.stored.values().filter(|job| job.state == *state).collect();
            found.sort_by_key(|job| (job.place, job.id));
            let beyond =
                found.into_iter().filter(|job| after.is_none_or(|after| (job.place, job.id) > after));
            *keys = Some(beyond.take(WINDOW).map(|job| job.id).collect());
        }
    }

    fn end(&mut self, which: u8, how: u8) {
        let count = self.running.len();
        let Some(id) = self.running.iter().nth(usize::from(which) % count.max(1)).copied() else { return };
        self.running.remove(&id);
        let outcome = match how % 4 {
            0 | 1 => Outcome::Done,
            2 => Outcome::Retry("once more".into()),
            _ => Outcome::Fail("for good".into()),
        };
        self.feed(Input::Ended(id, outcome));
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Add { delay } => self.add(delay),
            Step::Hint => {
                if let Some(job) = self.hints.pop_front() {
                    self.feed(Input::Added(vec![job]));
                }
            }
            Step::LoseHint => {
                if self.hints.pop_front().is_some() {
                    self.feed(Input::Missed);
                }
            }
            Step::Advance(millis) => {
                self.now = self.now.plus(Duration::from_millis(millis));
                self.feed(Input::Tick);
            }
            Step::Apply => self.apply(),
            Step::Answer => self.answer(),
            Step::LoseAnswer => {
                self.trouble = true;
                if let Some((moves, _)) = self.applied.pop_front() {
                    self.feed(Input::WriteFailed(moves));
                }
            }
            Step::FailWrite => {
                self.trouble = true;
                if let Some((moves, _)) = self.writes.pop_front() {
                    self.feed(Input::WriteFailed(moves));
                }
            }
            Step::Read(which) => self.read(which),
            Step::ReadAll => (0..self.reads.len() * 3).for_each(|_| self.read(0)),
            Step::FailRead(which) => {
                if !self.reads.is_empty() {
                    let failed = self.reads.remove(usize::from(which) % self.reads.len());
                    self.feed(Input::FetchFailed(failed.state));
                }
            }
            Step::End(which, how) => self.end(which, how),
            Step::Pause(paused) => self.feed(Input::SetPaused(paused)),
            Step::Crash(kept) => {
                for _ in 0..kept {
                    self.apply();
                }
                self.writes.clear();
                self.load();
            }
        }
    }

    /// Lets everything that is under way arrive and every job come to its end.
    fn finish(&mut self) {
        self.feed(Input::SetPaused(false));
        // Whatever hint was lost, the queue is told so sooner or later.
        self.feed(Input::Missed);
        let mut rounds = 0;
        while self.stored.values().any(|job| !job.state.is_final()) {
            rounds += 1;
            assert!(rounds < 20_000, "jobs are left behind: {:?}", self.mind.status(self.now));
            for _ in 0..8 {
                self.apply();
                self.answer();
                self.read(0);
                self.end(0, 0);
            }
            self.now = self.now.plus(Duration::from_secs(1));
            self.feed(Input::Tick);
        }
        for _ in 0..self.writes.len() + self.reads.len() * 3 + 10 {
            self.apply();
            self.answer();
            self.read(0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_run_twice_at_once_or_tried_too_often(
        first in prop_oneof![60 => 0..6_usize, 1 => 1_010..2_200_usize],
        cut_short in 0..=CONCURRENCY,
        steps in proptest::collection::vec(step(), 0..120),
    ) {
        let mut world = World::new(first, cut_short);
        for step in steps {
            world.take(step);
        }
        world.finish();
        let count = |state| world.in_state(state).len() as u64;
        let (completed, failed) = (count(JobState::Completed), count(JobState::Failed));
        prop_assert!(world.trouble || (world.totals.completed, world.totals.failed) == (completed, failed));
        let status = world.mind.status(world.now);
        prop_assert_eq!((status.waiting, status.delayed, status.active), (0, 0, 0));
        for job in world.stored.values() {
            let failures = job.attempts - job.interrupted;
            prop_assert!(job.state == JobState::Completed || failures <= job.max_attempts);
        }
    }

    #[test]
    fn jobs_that_wait_are_taken_in_the_order_in_which_they_came(
        steps in proptest::collection::vec((0..3_u64, any::<u8>()), 1..200),
    ) {
        let mut world = World::new(0, 0);
        for (wait, which) in steps {
            world.now = world.now.plus(Duration::from_millis(wait + 1));
            world.take(Step::Add { delay: 0 });
            world.take(Step::Hint);
            world.read(which);
            world.apply();
            world.answer();
            world.end(which, 0);
        }
        world.finish();
        prop_assert!(world.order.is_sorted(), "{:?}", world.order);
    }
}
