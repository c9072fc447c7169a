//! A queue's mind: which job is next, what becomes of one that ended, what must be read or written.
//! Pure: inputs and a `now` in, effects out. The actor carries them out and reports back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use self::tally::Doubt;
use super::effects::{Effect, Input, Page, Totals};
use super::interrupted::interrupted_move;
use super::job::{Job, JobState, Outcome, QueueSettings};
use super::lines::{Lines, Wanted};
use super::messages::Move;
use super::outside::Outside;
use super::rate::Bucket;
use crate::clock::Timestamp;
use crate::ids::{JobId, OrgId, QueueName};
use crate::keys::Side;
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
    /// What workers outside of this process ask for and have.
    outside: Outside,
    /// Jobs that wait for others to end.
    blocked: u64,
    /// Moves that are being written.
    writing: usize,
    /// What was counted may be off by those; whether it is counted once more when there are none.
    doubt: Doubt,
    bucket: Option<Bucket>,
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
            outside: Outside::new(settings.shares),
            blocked: 0,
            writing: 0,
            doubt: Doubt::None,
            bucket: settings.rate.map(Bucket::full),
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
                self.waiting = Lines::unread(counts.waiting, self.settings.shares);
                self.blocked = counts.blocked;
                for held in paused {
                    self.outside.set_paused(held.clone(), true);
                    self.waiting.set_paused(held, true);
                }
                self.delayed = Window::unread(counts.delayed);
                let (out, cut): (Vec<_>, _) = interrupted.into_iter().partition(|job| job.lease.is_some());
                self.outside.load(counts.outside, out, now);
                let moves: Vec<_> = cut.into_iter().map(|job| interrupted_move(job, now)).collect();
                for Move { job, .. } in &moves {
                    self.count_ended(job, now);
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
            Input::FetchFailed(Page::Outside(line)) => {
                self.outside.lines_of(&line.org).iter_mut().for_each(|lines| lines.page_failed(&line));
            }
            Input::Surveyed { of, lines: found, more } => {
                self.lines_of(of.as_ref()).into_iter().for_each(|lines| lines.surveyed(found.clone(), more));
            }
            Input::SurveyFailed(of) => {
                self.lines_of(of.as_ref()).into_iter().for_each(Lines::survey_failed);
            }
            Input::Added(jobs) => jobs.into_iter().for_each(|job| self.added(job)),
            Input::Tick => {}
            Input::Written(moves) => {
                self.writing = self.writing.saturating_sub(moves.len());
                let mut lent: BTreeMap<u64, Vec<Job>> = BTreeMap::new();
                for done in moves {
                    if done.job.state == JobState::Active && done.job.lease.is_some() {
                        let ticket = self.outside.written(&done.job, now);
                        ticket.into_iter().for_each(|of| lent.entry(of).or_default().push(done.job.clone()));
                    } else {
                        effects.extend(self.written(done));
                    }
                }
                effects.extend(lent.into_iter().map(|(ticket, jobs)| Effect::Lend(ticket, jobs)));
            }
            Input::Stale(id, rest) => {
                self.writing = self.writing.saturating_sub(1 + rest.len());
                effects.extend(self.forget(id).map(|ticket| Effect::Lend(ticket, Vec::new())));
                // An old page had it, and its true place may have been passed over meanwhile.
                self.start_over();
                if !rest.is_empty() {
                    effects.push(self.write(rest));
                }
            }
            Input::Missed => {
                self.start_over();
                self.doubt = Doubt::Counting;
                effects.push(Effect::Count);
            }
            Input::Counted(counts) => {
                self.outside.counted(counts.outside);
                self.blocked = counts.blocked;
                self.doubt = self.doubt.counted(self.writing);
            }
            Input::Ended(id, outcome) => {
                if let Some(job) = self.active.get(&id).cloned() {
                    let ended = self.ended(job, outcome, now, random);
                    effects.push(self.write(vec![ended]));
                } else if let Some(job) = self.outside.leases().settle(id) {
                    let ended = self.ended(job, outcome, now, random);
                    effects.push(self.write(vec![ended]));
                }
            }
            Input::Settled { id, outcome, parts } => {
                if let Some(job) = self.outside.leases().settle(id) {
                    let ended = self.ended(job, outcome, now, random);
                    effects.push(self.write(vec![Move { parts, promised: true, ..ended }]));
                }
            }
            Input::Asked(demand) => {
                // One for whom there is no room waits as long as it would have, and does not ask again at once.
                let refused = self.outside.ask(demand).filter(|demand| demand.at_once);
                effects.extend(refused.map(|demand| Effect::Lend(demand.ticket, Vec::new())));
            }
            Input::Withdrawn(ticket) => {
                if self.outside.withdraw(ticket) {
                    effects.push(Effect::Lend(ticket, Vec::new()));
                }
            }
            Input::Altering(alterations) => self.count_altered(&alterations, 1),
            Input::NotAltered(alterations) => self.count_altered(&alterations, -1),
            Input::Altered(alterations) => self.altered(alterations),
            Input::WriteFailed(moves) => {
                self.writing = self.writing.saturating_sub(moves.len());
                effects.push(self.write(moves));
            }
            Input::SetPaused(None, paused) => {
                self.totals.paused = paused;
                effects.push(self.write(Vec::new()));
            }
            Input::SetPaused(Some(held), paused) => {
                self.outside.set_paused(held.clone(), paused);
                self.waiting.set_paused(held, paused);
            }
            Input::Drain => self.draining = true,
        }
        effects.extend(self.wake(now, random));
        effects.extend(self.claim(now));
        effects.extend(self.fetch());
        effects.extend(self.count_again());
        let in_vain = self.outside.in_vain(self.draining);
        effects.extend(in_vain.into_iter().map(|ticket| Effect::Lend(ticket, Vec::new())));
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
        if !job.state.is_final() {
            self.added(job);
        }
        None
    }

    /// It is not in hand any more: the ticket that waits for it in vain.
    fn forget(&mut self, id: JobId) -> Option<u64> {
        self.returning.remove(&id);
        for job in [self.claiming.remove(&id), self.active.remove(&id)].into_iter().flatten() {
            self.waiting.ended(&job);
        }
        self.outside.forget(id)
    }

    /// The lines of those that wait inside, or outside for workers of an organisation.
    fn lines_of(&mut self, of: Option<&OrgId>) -> Option<&mut Lines> {
        match of {
            Some(org) => self.outside.lines_of(org),
            None => Some(&mut self.waiting),
        }
    }

    fn start_over(&mut self) {
        self.waiting.start_over();
        self.outside.start_over();
        self.delayed.start_over();
    }

    fn knows(&self, id: JobId) -> bool {
        self.returning.contains(&id)
            || self.claiming.contains_key(&id)
            || self.active.contains_key(&id)
            || self.outside.knows(id)
            || self.suspects.iter().any(|job| job.id == id)
    }

    fn added(&mut self, job: Job) {
        if self.knows(job.id) {
            return;
        }
        match job.state {
            JobState::Delayed => self.delayed.add((job.place, job.id), job),
            JobState::Blocked => self.blocked += 1,
            _ if job.side() == Side::Outside => self.outside.add(job),
            _ => self.waiting.add(job),
        }
    }

    fn fetched(&mut self, page: &Page, jobs: Vec<Job>, more: bool) {
        let fresh: Vec<_> = jobs.into_iter().filter(|job| !self.knows(job.id)).collect();
        match page {
            Page::Delayed => self.delayed.page(fresh.into_iter().map(|job| ((job.place, job.id), job)), more),
            Page::Line(line) => self.waiting.page(line, fresh, more),
            Page::Outside(line) => {
                let lines = self.outside.lines_of(&line.org);
                lines.into_iter().for_each(|lines| lines.page(line, fresh.clone(), more));
            }
        }
    }

    fn write(&mut self, moves: Vec<Move>) -> Effect {
        self.writing += moves.len();
        Effect::Write(moves, self.totals)
    }

    /// Puts what is due into its line, takes back what no worker is heard of any more, and says when there will
    /// be something to do.
    fn wake(&mut self, now: Timestamp, random: f64) -> Vec<Effect> {
        let mut moves = Vec::new();
        while moves.len() < AT_ONCE
            && let Some((job, late)) = self.outside.leases().run_out(now)
        {
            let outcome = if late {
                Outcome::Retry(format!("it took longer than {:?}", job.terms.timeout().unwrap_or_default()))
            } else {
                let worker = job.lease.as_ref().map(|lease| lease.worker.as_str()).unwrap_or_default();
                Outcome::Interrupted(format!("its worker `{worker}` was not heard of"))
            };
            moves.push(self.ended(job, outcome, now, random));
        }
        while moves.len() < AT_ONCE
            && let Some((_, job)) = self.delayed.pop_if(|(due, _)| due <= now.as_millis())
        {
            if !self.knows(job.id) {
                self.returning.insert(job.id);
                let from = job.at();
                moves.push(Move::of(Job { state: JobState::Waiting, ..job }, from));
            }
        }
        let mut effects = Vec::new();
        if !moves.is_empty() {
            effects.push(self.write(moves));
        }
        let due = self.delayed.first().map(|(due, _)| Timestamp::from_millis(due));
        if let Some(next) = [due, self.outside.leases().next()].into_iter().flatten().min() {
            effects.push(Effect::WakeIn(next.since(now).max(SOON)));
        }
        effects
    }

    fn fetch(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(after) = self.delayed.wants_page() {
            effects.push(Effect::Fetch { page: Page::Delayed, after, limit: WINDOW });
        }
        effects.extend(self.waiting.wants_survey().map(|after| Effect::Survey(None, after)));
        let surveys = self.outside.surveys().into_iter();
        effects.extend(surveys.map(|(org, after)| Effect::Survey(Some(org), after)));
        let wanted = self.outside.wanted().into_iter();
        effects.extend(wanted.map(|Wanted { line, after, limit }| {
            let page = Page::Outside(line);
            Effect::Fetch { page, after, limit }
        }));
        let wanted = self.waiting.wanted().into_iter();
        effects.extend(wanted.map(|Wanted { line, after, limit }| {
            let page = Page::Line(line);
            Effect::Fetch { page, after, limit }
        }));
        effects
    }
}

mod taking;
mod tally;
mod view;

#[cfg(test)]
mod tests;
