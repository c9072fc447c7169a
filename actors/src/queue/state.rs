//! A queue's mind: which job is next, what becomes of one that ended, what must be read or written.
//! Pure: inputs and a `now` in, effects out. The actor carries them out and reports back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::alter::Alteration;
use super::effects::{Effect, Input, Page, Totals};
use super::interrupted::{interrupted_move, is_suspect};
use super::job::{Job, JobState, Outcome, QueueSettings};
use super::lines::{Held, Lines, Wanted};
use super::messages::{Move, QueueStatus};
use super::retention::Bound;
use crate::clock::Timestamp;
use crate::ids::{JobId, OrgId, QueueName};
use crate::window::{WINDOW, Window};

/// Due jobs that go to their lines in one batch.
const AT_ONCE: usize = 256;
/// What is due already and has to wait for the next batch comes with it.
const SOON: Duration = Duration::from_millis(1);

/// One queue.
#[derive(Debug)]
pub struct QueueState {
    name: QueueName,
    settings: QueueSettings,
    totals: Totals,
    waiting: Lines,
    delayed: Window<JobId, Job>,
    /// Cut short, or due, and not yet known to wait.
    returning: BTreeSet<JobId>,
    /// Taken from its line and not yet known to be active.
    claiming: BTreeMap<JobId, Job>,
    active: BTreeMap<JobId, Job>,
    /// The process ended more than once while these ran. They run one at a time, so that it is known which one
    /// ends it.
    suspects: VecDeque<Job>,
    ended_at: VecDeque<(u64, u32)>,
    last_error: Option<(OrgId, String)>,
    failures: u64,
    draining: bool,
}

impl QueueState {
    /// A queue that knows nothing yet: it begins with [`Input::Loaded`].
    #[must_use]
    pub fn new(name: QueueName, settings: QueueSettings) -> Self {
        Self {
            name,
            waiting: Lines::unread(0, settings.shares),
            settings,
            totals: Totals::default(),
            delayed: Window::unread(0),
            returning: BTreeSet::new(),
            claiming: BTreeMap::new(),
            active: BTreeMap::new(),
            suspects: VecDeque::new(),
            ended_at: VecDeque::new(),
            last_error: None,
            failures: 0,
            draining: false,
        }
    }

    /// Takes an input at `now` and says what follows. `random` in 0..1 spreads pauses.
    pub fn handle(&mut self, input: Input, now: Timestamp, random: f64) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Loaded { totals, interrupted, counts, paused } => {
                self.totals = totals;
                self.waiting = Lines::unread(counts.0, self.settings.shares);
                paused.into_iter().for_each(|held| self.waiting.set_paused(held, true));
                self.delayed = Window::unread(counts.1);
                let moves: Vec<_> = interrupted.into_iter().map(|job| interrupted_move(job, now)).collect();
                for Move { job, .. } in &moves {
                    if job.state == JobState::Failed {
                        self.totals.failed += 1;
                        self.failures += 1;
                        self.last_error =
                            Some((job.org_id.clone(), job.last_error.clone().unwrap_or_default()));
                    }
                    // Until this is written, a page may have it as waiting already.
                    self.returning.insert(job.id);
                }
                if !moves.is_empty() {
                    effects.push(self.write(moves));
                }
            }
            Input::Fetched { page, jobs, more } => self.fetched(&page, jobs, more),
            Input::FetchFailed(Page::Delayed) => self.delayed.page_failed(),
            Input::FetchFailed(Page::Line(line)) => self.waiting.page_failed(&line),
            Input::Surveyed { lines, more } => self.waiting.surveyed(lines, more),
            Input::SurveyFailed => self.waiting.survey_failed(),
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
            Input::Altering(alterations) => self.count_altered(&alterations, 1),
            Input::NotAltered(alterations) => self.count_altered(&alterations, -1),
            Input::Altered(alterations) => self.altered(alterations),
            Input::WriteFailed(moves) => effects.push(self.write(moves)),
            Input::SetPaused(None, paused) => {
                self.totals.paused = paused;
                effects.push(self.write(Vec::new()));
            }
            Input::SetPaused(Some(held), paused) => self.waiting.set_paused(held, paused),
            Input::Drain => self.draining = true,
        }
        effects.extend(self.wake(now));
        effects.extend(self.claim(now));
        effects.extend(self.fetch());
        if self.draining && self.active.is_empty() && self.claiming.is_empty() {
            effects.push(Effect::Drained);
        }
        effects
    }

    fn written(&mut self, Move { job, .. }: Move) -> Option<Effect> {
        if job.state == JobState::Active {
            self.claiming.remove(&job.id);
            self.active.insert(job.id, job.clone());
            return Some(Effect::Run(Box::new(job)));
        }
        self.forget(job.id);
        match job.state {
            JobState::Active => {}
            JobState::Waiting | JobState::Delayed => self.added(job),
            JobState::Completed | JobState::Failed => {}
        }
        None
    }

    fn forget(&mut self, id: JobId) {
        self.returning.remove(&id);
        for job in [self.claiming.remove(&id), self.active.remove(&id)].into_iter().flatten() {
            self.waiting.ended(&job);
        }
    }

    fn start_over(&mut self) {
        self.waiting.start_over();
        self.delayed.start_over();
    }

    fn knows(&self, id: JobId) -> bool {
        self.returning.contains(&id)
            || self.claiming.contains_key(&id)
            || self.active.contains_key(&id)
            || self.suspects.iter().any(|job| job.id == id)
    }

    fn added(&mut self, job: Job) {
        if self.knows(job.id) {
            return;
        }
        match job.state {
            JobState::Delayed => self.delayed.add((job.place, job.id), job),
            _ => self.waiting.add(job),
        }
    }

    fn fetched(&mut self, page: &Page, jobs: Vec<Job>, more: bool) {
        let fresh: Vec<_> = jobs.into_iter().filter(|job| !self.knows(job.id)).collect();
        match page {
            Page::Delayed => self.delayed.page(fresh.into_iter().map(|job| ((job.place, job.id), job)), more),
            Page::Line(line) => self.waiting.page(line, fresh, more),
        }
    }

    fn write(&mut self, moves: Vec<Move>) -> Effect {
        Effect::Write(moves, self.totals)
    }

    /// Puts what is due into its line, and says when something will be.
    fn wake(&mut self, now: Timestamp) -> Vec<Effect> {
        let mut moves = Vec::new();
        while moves.len() < AT_ONCE
            && let Some((_, job)) = self.delayed.pop_if(|(due, _)| due <= now.as_millis())
        {
            if !self.knows(job.id) {
                self.returning.insert(job.id);
                let from = job.at();
                moves.push(Move { job: Job { state: JobState::Waiting, ..job }, from });
            }
        }
        let mut effects = Vec::new();
        if !moves.is_empty() {
            effects.push(self.write(moves));
        }
        if let Some((due, _)) = self.delayed.first() {
            let pause = Timestamp::from_millis(due).since(now);
            effects.push(Effect::WakeIn(pause.max(SOON)));
        }
        effects
    }

    /// Takes ready jobs for the free slots.
    fn claim(&mut self, now: Timestamp) -> Vec<Effect> {
        if self.totals.paused || self.draining {
            return Vec::new();
        }
        let mut moves = Vec::new();
        while self.active.len() + self.claiming.len() < self.settings.concurrency {
            let Some(job) = self.take_ready() else { break };
            let from = job.at();
            let (place, attempts, started) = (now.as_millis(), job.attempts + 1, Some(now));
            let job = Job { state: JobState::Active, place, attempts, started, ..job };
            self.waiting.began(&job);
            self.claiming.insert(job.id, job.clone());
            moves.push(Move { job, from });
        }
        if moves.is_empty() { Vec::new() } else { vec![self.write(moves)] }
    }

    /// The job that is next.
    fn take_ready(&mut self) -> Option<Job> {
        let mut under_way = self.active.values().chain(self.claiming.values());
        if !under_way.any(is_suspect)
            && let Some(job) = self.suspects.pop_front()
        {
            return Some(job);
        }
        loop {
            let job = self.waiting.pop()?;
            // One that is in hand stands in a line only because a page was old when it came.
            if self.knows(job.id) {
                continue;
            }
            if !is_suspect(&job) {
                return Some(job);
            }
            self.suspects.push_back(job);
            let mut under_way = self.active.values().chain(self.claiming.values());
            if !under_way.any(is_suspect) {
                return self.suspects.pop_front();
            }
        }
    }

    fn fetch(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(after) = self.delayed.wants_page() {
            effects.push(Effect::Fetch { page: Page::Delayed, after, limit: WINDOW });
        }
        effects.extend(self.waiting.wants_survey().map(Effect::Survey));
        let wanted = self.waiting.wanted().into_iter();
        effects.extend(wanted.map(|Wanted { line, after, limit }| {
            let page = Page::Line(line);
            Effect::Fetch { page, after, limit }
        }));
        effects
    }

    fn ended(&mut self, mut job: Job, outcome: Outcome, now: Timestamp, random: f64) -> Move {
        let from = job.at();
        let failures = job.attempts.saturating_sub(job.interrupted);
        let (state, error, pause) = match outcome {
            Outcome::Done => (JobState::Completed, None, None),
            Outcome::Fail(error) => (JobState::Failed, Some(error), None),
            Outcome::Cancelled(by) => {
                job.cancelled_by = Some(by.clone());
                (JobState::Failed, Some(format!("cancelled by {by}")), None)
            }
            Outcome::Retry(error) if failures >= job.max_attempts => (JobState::Failed, Some(error), None),
            Outcome::Retry(error) => {
                let pause = self.settings.backoff.delay(failures, random);
                (JobState::Delayed, Some(error), Some(pause.unwrap_or_default()))
            }
        };
        self.totals.count(state, 1);
        self.failures += u64::from(state == JobState::Failed);
        if state.is_final() {
            self.count_end(now);
        }
        if let Some(error) = &error {
            self.last_error = Some((job.org_id.clone(), error.clone()));
        }
        let place = now.plus(pause.unwrap_or_default()).as_millis();
        let finished = state.is_final().then_some(now);
        let job = Job { state, place, finished, last_error: error.or(job.last_error.clone()), ..job };
        Move { job, from }
    }

    /// Counts alterations, or with -1 takes back what was counted for them.
    fn count_altered(&mut self, alterations: &[Alteration], by: i64) {
        for Alteration { before, after } in alterations {
            self.totals.count(before.state, -by);
            after.iter().for_each(|job| self.totals.count(job.state, by));
        }
    }

    fn altered(&mut self, alterations: Vec<Alteration>) {
        for Alteration { before, after } in alterations {
            match before.state {
                JobState::Waiting => self.waiting.remove(&before),
                JobState::Delayed => self.delayed.remove((before.place, before.id)),
                JobState::Active | JobState::Completed | JobState::Failed => {}
            }
            self.suspects.retain(|job| job.id != before.id);
            after.into_iter().filter(|job| !job.state.is_final()).for_each(|job| self.added(job));
        }
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
        let oldest = self.waiting.oldest();
        let (last_error_of, last_error) = self.last_error.clone().unzip();
        QueueStatus {
            name: self.name.clone(),
            waiting: self.waiting.count() + self.suspects.len() as u64,
            active: (self.active.len() + self.claiming.len()) as u64,
            delayed: self.delayed.count(),
            completed: self.totals.completed,
            failed: self.totals.failed,
            failures: self.failures,
            paused: self.totals.paused,
            held: self.waiting.paused().clone(),
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

    /// Whose jobs are not taken.
    #[must_use]
    pub const fn paused(&self) -> &BTreeSet<Held> {
        self.waiting.paused()
    }

    /// What is kept of the jobs in a state, and how many there are; none where they do not end there.
    #[must_use]
    pub const fn kept(&self, state: JobState) -> Option<(Bound, u64)> {
        let count =
            if matches!(state, JobState::Completed) { self.totals.completed } else { self.totals.failed };
        match self.settings.keep.of(state) {
            Some(bound) => Some((bound, count)),
            None => None,
        }
    }

    /// How long one attempt may take.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.settings.timeout
    }
}

#[cfg(test)]
mod tests;
