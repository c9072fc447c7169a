//! A store that is a map, and all that may happen between it and a queue's mind.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::super::*;
use super::steps::Step;
use super::store::Writing;
use super::workers::{Workers, held, org};
use crate::ids::{RecordId, RunId};
use crate::queue::effects::Counts;
use crate::queue::job::{JobDraft, Task};
use crate::queue::lines::{LineId, Shares};
use crate::queue::retention::{Bound, Keep};
use crate::retry::{Backoff, Curve};

pub(super) const CONCURRENCY: usize = 3;
pub(super) const LEASES: usize = 2;
const ATTEMPTS: u32 = 2;

/// A page on its way.
struct Reading {
    what: What,
    after: Option<(u64, JobId)>,
    limit: usize,
    keys: Option<Vec<JobId>>,
    jobs: Option<(Vec<Job>, bool)>,
    lines: Option<Vec<LineId>>,
}

#[derive(Clone)]
enum What {
    Page(Page),
    Lines(Option<OrgId>, Option<LineId>),
    Count,
}

impl Reading {
    fn of(what: What, after: Option<(u64, JobId)>, limit: usize) -> Self {
        Self { what, after, limit, keys: None, jobs: None, lines: None }
    }

    fn concerns(&self, job: &Job) -> bool {
        match &self.what {
            What::Page(Page::Delayed) => job.state == JobState::Delayed,
            What::Page(Page::Line(line)) => waits(job, Side::Inside) && LineId::of(job) == *line,
            What::Page(Page::Outside(line)) => waits(job, Side::Outside) && LineId::of(job) == *line,
            What::Lines(..) | What::Count => false,
        }
    }
}

fn waits(job: &Job, side: Side) -> bool {
    job.state == JobState::Waiting && job.side() == side
}

pub(super) struct World {
    pub(super) mind: QueueState,
    pub(super) now: Timestamp,
    pub(super) stored: BTreeMap<JobId, Job>,
    pub(super) totals: Totals,
    pub(super) writes: VecDeque<(Writing, Totals)>,
    pub(super) applied: VecDeque<(Writing, Result<(), usize>)>,
    reads: Vec<Reading>,
    hints: VecDeque<Job>,
    running: BTreeSet<JobId>,
    pub(super) workers: Workers,
    /// How many attempts at each job are known to have failed.
    pub(super) failures: BTreeMap<JobId, u32>,
    /// Whether a write failed: what was counted meanwhile may have been counted in vain.
    pub(super) trouble: bool,
    /// Jobs taken from among those that waited, in order.
    pub(super) order: Vec<(u64, JobId)>,
}

fn mind() -> QueueState {
    let second = Duration::from_secs(1);
    let curve = Curve::Exponential { first: second, factor: 2.0, max: second * 10 };
    let backoff = Backoff::new(curve, 10, 0.0).unwrap();
    let kept = Bound { age: second * 86_400, count: 100_000 };
    let settings = QueueSettings {
        concurrency: CONCURRENCY,
        attempts: ATTEMPTS,
        backoff,
        timeout: second,
        stuck_after: second,
        leases: LEASES,
        rate: None,
        shares: Shares::default(),
        keep: Keep { completed: kept, failed: kept },
    };
    QueueState::new(QueueName::new("automation").unwrap(), settings)
}

impl World {
    /// A queue that finds `jobs` in the store, some of which were cut short.
    pub(super) fn new(jobs: usize, first_active: usize) -> Self {
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
            workers: Workers::default(),
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
        self.add_of(delay, 0, 0, false);
    }

    /// A job of one of a few organisations, keys and priorities; done here, or by workers elsewhere.
    fn add_of(&mut self, delay: u64, whose: u8, urgency: i32, outside: bool) {
        let id = JobId::new(self.now);
        let task = match outside {
            true => Task::Work { kind: "w".into() },
            false => Task::RunFlow { flow: RecordId::new("f").unwrap(), run: RunId::new(self.now) },
        };
        let due = Some(self.now.plus(Duration::from_millis(delay)));
        let queue = QueueName::new("automation").unwrap();
        let key = Some(format!("k{}", whose / 2 % 2));
        let draft = JobDraft { due, key, priority: urgency, ..JobDraft::new(id, queue, task) };
        let job = draft.into_job(org(whose), self.now, ATTEMPTS);
        self.stored.insert(id, job.clone());
        self.hints.push_back(job);
    }

    pub(super) fn in_state(&self, state: JobState) -> Vec<&Job> {
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
        let counts = self.counts();
        self.running.clear();
        self.workers.tickets.clear();
        let paused = BTreeSet::new();
        self.feed(Input::Loaded { totals: self.totals, interrupted, counts, paused });
    }

    fn counts(&self) -> Counts {
        let waiting = |side| self.stored.values().filter(|job| waits(job, side)).count() as u64;
        let delayed = self.in_state(JobState::Delayed).len() as u64;
        Counts { waiting: waiting(Side::Inside), outside: waiting(Side::Outside), delayed, blocked: 0 }
    }

    pub(super) fn feed(&mut self, input: Input) {
        for effect in self.mind.handle(input, self.now, 0.5) {
            match effect {
                Effect::Write(moves, totals) => {
                    for Move { job, from, .. } in &moves {
                        let Some(stored) = self.stored.get(&job.id) else { continue };
                        let early = stored.state == JobState::Delayed && stored.place > self.now.as_millis();
                        assert!(!early || stored.at() != *from, "taken before it was due");
                        if job.state == JobState::Active {
                            self.order.push((stored.place, job.id));
                        }
                    }
                    self.writes.push_back((Writing::Moves(moves), totals));
                }
                Effect::Run(job) => self.run(&job),
                Effect::Fetch { page, after, limit } => {
                    self.reads.push(Reading::of(What::Page(page), after, limit));
                }
                Effect::Survey(of, after) => self.reads.push(Reading::of(What::Lines(of, after), None, 2)),
                Effect::Count => self.reads.push(Reading::of(What::Count, None, 0)),
                Effect::Lend(ticket, jobs) => self.lend(ticket, jobs),
                Effect::WakeIn(pause) => assert!(!pause.is_zero(), "it would wake again and again"),
                Effect::Drained => {}
            }
        }
        let status = self.mind.status(self.now);
        assert!(status.active <= (CONCURRENCY + LEASES) as u64, "{} at once", status.active);
    }

    fn run(&mut self, job: &Job) {
        let stored = &self.stored[&job.id];
        assert_eq!(stored.state, JobState::Active, "it runs and the store does not know");
        assert!(self.running.insert(job.id), "it runs twice at once");
        assert!(self.running.len() <= CONCURRENCY);
        self.begun(job);
    }

    /// An attempt begins.
    pub(super) fn begun(&self, job: &Job) {
        let stored = &self.stored[&job.id];
        assert_eq!(stored.attempts, job.attempts);
        let failures = self.failures.get(&job.id).copied().unwrap_or_default();
        assert_eq!(job.attempts - job.interrupted, failures + 1, "what was cut short is no failure");
        assert!(failures < job.max_attempts, "tried too often");
    }

    pub(super) fn read(&mut self, which: u8) {
        if self.reads.is_empty() {
            return;
        }
        let at = usize::from(which) % self.reads.len();
        if let What::Count = self.reads[at].what {
            self.reads.remove(at);
            return self.feed(Input::Counted(self.counts()));
        }
        if let What::Lines(of, after) = self.reads[at].what.clone() {
            let Some(lines) = self.reads[at].lines.take() else {
                let side = if of.is_some() { Side::Outside } else { Side::Inside };
                let here = self.stored.values().filter(|job| waits(job, side));
                let here = here.filter(|job| of.as_ref().is_none_or(|of| job.org_id == *of));
                let lines: BTreeSet<_> = here.map(LineId::of).collect();
                let beyond = lines.into_iter().filter(|line| after.as_ref().is_none_or(|after| line > after));
                self.reads[at].lines = Some(beyond.take(2).collect());
                return;
            };
            self.reads.remove(at);
            let more = lines.len() == 2;
            return self.feed(Input::Surveyed { of, lines, more });
        }
        let mut reading = self.reads.remove(at);
        if let Some((jobs, more)) = reading.jobs.take() {
            let What::Page(page) = reading.what else { return };
            return self.feed(Input::Fetched { page, jobs, more });
        } else if let Some(keys) = &reading.keys {
            let found = keys.iter().filter_map(|id| self.stored.get(id)).filter(|job| reading.concerns(job));
            reading.jobs = Some((found.cloned().collect(), keys.len() == reading.limit));
        } else {
            let mut found: Vec<_> = self.stored.values().filter(|job| reading.concerns(job)).collect();
            found.sort_by_key(|job| (job.place, job.id));
            let after = reading.after;
            let beyond =
                found.into_iter().filter(|job| after.is_none_or(|after| (job.place, job.id) > after));
            reading.keys = Some(beyond.take(reading.limit).map(|job| job.id).collect());
        }
        self.reads.insert(at, reading);
    }

    pub(super) fn end(&mut self, which: u8, how: u8) {
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

    pub(super) fn take(&mut self, step: Step) {
        match step {
            Step::Add { delay, whose, urgency, outside } => self.add_of(delay, whose, urgency, outside),
            Step::Ask { whose, most, at_once } => self.ask(whose, most, at_once),
            Step::Withdraw => self.withdraw(),
            Step::Settle(which, how) => self.settle(which, how),
            Step::Live(which) => self.live(which),
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
            Step::LoseAnswer => self.lose_answer(),
            Step::FailWrite => self.fail_write(),
            Step::Wish(which, what) => self.wish(which, what),
            Step::Read(which) => self.read(which),
            Step::ReadAll => (0..self.reads.len() * 3).for_each(|_| self.read(0)),
            Step::FailRead(which) => {
                if !self.reads.is_empty() {
                    let failed = self.reads.remove(usize::from(which) % self.reads.len());
                    match failed.what {
                        What::Page(page) => self.feed(Input::FetchFailed(page)),
                        What::Lines(of, _) => self.feed(Input::SurveyFailed(of)),
                        What::Count => self.reads.push(failed),
                    }
                }
            }
            Step::End(which, how) => self.end(which, how),
            Step::Pause(paused) => self.feed(Input::SetPaused(None, paused)),
            Step::Hold { whose, paused } => self.feed(Input::SetPaused(Some(held(whose)), paused)),
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
    pub(super) fn finish(&mut self) {
        self.feed(Input::SetPaused(None, false));
        (0..8).for_each(|whose| self.feed(Input::SetPaused(Some(held(whose)), false)));
        // Whatever hint was lost, the queue is told so sooner or later.
        self.feed(Input::Missed);
        // Somebody may still want a job that has ended to be tried again.
        (0..self.writes.len()).for_each(|_| self.apply());
        let mut rounds = 0;
        while self.stored.values().any(|job| !job.state.is_final()) {
            rounds += 1;
            assert!(rounds < 20_000, "jobs are left behind: {:?}", self.mind.status(self.now));
            for _ in 0..8 {
                self.apply();
                self.answer();
                self.read(0);
                self.end(0, 0);
                self.settle(0, 0);
            }
            (0..2).for_each(|whose| self.ask(whose, 3, rounds % 2 == 0));
            self.now = self.now.plus(Duration::from_secs(1));
            self.feed(Input::Tick);
        }
        for _ in 0..self.writes.len() + self.reads.len() * 3 + 10 {
            self.apply();
            self.answer();
            self.read(0);
        }
        // Now that all is quiet the count is right, whatever was counted while it was not.
        self.feed(Input::Missed);
        (0..self.reads.len() * 3).for_each(|_| self.read(0));
    }
}
