//! Who is next. The jobs that wait for a queue stand in lines, one for each organisation, priority and key.
//! Organisations take turns; within one the lowest priority goes first; within a priority keys take turns;
//! within a line whoever came first goes first. So no flood, of an organisation or of a key, is in
//! anybody else's way. Pure; the queue's state asks it, and reads of the store what it asks for.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use self::class::{Gate, Org};
use super::job::Job;
use crate::ids::{JobId, OrgId};
use crate::window::{Place, Window};

mod class;

/// Lines that are held at most; there may be more in the store.
const MOST_LINES: usize = 4_096;
/// Jobs that are held over all lines, roughly.
const HELD: usize = 4_096;
/// Every line holds so many, however many lines there are.
const LEAST: usize = 4;

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineId {
    /// Whose jobs these are.
    pub org: OrgId,
    /// How urgent they are: the lowest goes first.
    pub priority: i32,
    /// What they concern; empty where they do not say.
    pub key: Arc<str>,
}

impl LineId {
    /// The line that a job stands in while it waits.
    #[must_use]
    pub fn of(job: &Job) -> Self {
        let key = job.key.as_deref().unwrap_or_default().into();
        Self { org: job.org_id.clone(), priority: job.priority, key }
    }
}

/// A page of a line that should be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The line.
    pub line: LineId,
    /// The place after which it begins.
    pub after: Option<Place<JobId>>,
    /// Jobs that there is room for.
    pub limit: usize,
}

/// How many of one organisation, and of one key of it, may run at once; 0 for as many as the queue runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shares {
    /// Of one organisation.
    pub org: usize,
    /// Of one key.
    pub key: usize,
}

/// Whose jobs are not taken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// The organisation.
    pub org: OrgId,
    /// One key of it; all of them where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// All lines of a queue.
#[derive(Debug)]
pub struct Lines {
    orgs: HashMap<OrgId, Org>,
    /// The organisations that may have something to give, by whose turn it is.
    turns: BTreeSet<(u64, OrgId)>,
    /// The latest turn that was taken.
    turn: u64,
    lines: usize,
    /// Lines, and jobs over all of them, that are held at most.
    bounds: (usize, usize),
    count: u64,
    shares: Shares,
    paused: BTreeSet<Held>,
    running: HashMap<(OrgId, Arc<str>), usize>,
    survey: Survey,
    /// Pages that were asked for since they were last fetched.
    wanted: Vec<Wanted>,
}

/// What is known of the lines in the store.
#[derive(Debug, PartialEq, Eq)]
enum Survey {
    /// All of them are held.
    Complete,
    /// Those up to this one were read; there may be more.
    Known(Option<LineId>),
    /// They are being read.
    UnderWay {
        /// News were lost meanwhile.
        again: bool,
    },
}

impl Lines {
    /// Lines of which nothing is known but how many jobs stand in them.
    #[must_use]
    pub fn unread(count: u64, shares: Shares) -> Self {
        Self {
            orgs: HashMap::new(),
            turns: BTreeSet::new(),
            turn: 0,
            lines: 0,
            bounds: (MOST_LINES, HELD),
            count,
            shares,
            paused: BTreeSet::new(),
            running: HashMap::new(),
            survey: if count == 0 { Survey::Complete } else { Survey::Known(None) },
            wanted: Vec::new(),
        }
    }

    /// The lines, of which so many are held at most, and so many jobs.
    #[must_use]
    pub const fn bounded(mut self, lines: usize, jobs: usize) -> Self {
        self.bounds = (lines, jobs);
        self
    }

    /// Whether something is on its way from the store that may give a job.
    #[must_use]
    pub fn is_reading(&self) -> bool {
        matches!(self.survey, Survey::UnderWay { .. }) || self.windows().any(Window::is_fetching)
    }

    /// Takes note of a job that the store has waiting.
    pub fn add(&mut self, job: Job) {
        let line = LineId::of(&job);
        if !self.holds(&line) && !self.open(&line, self.survey == Survey::Complete) {
            // There is no room: it is met by a later survey.
            self.count += 1;
            self.look_again();
            return;
        }
        if let Some(window) = self.window(&line) {
            let before = window.count();
            window.add((job.place, job.id), job);
            self.count += window.count().saturating_sub(before);
        }
        self.wait_for_turn(&line.org);
    }

    /// The job that is next, which leaves its line.
    pub fn pop(&mut self) -> Option<Job> {
        let mut at = Bound::Unbounded;
        while let Some((turn, name)) = self.turns.range((at, Bound::Unbounded)).next().cloned() {
            at = Bound::Excluded((turn, name.clone()));
            let Some(org) = self.orgs.get_mut(&name) else { continue };
            let gate =
                Gate { org: &name, share: self.shares.key, paused: &self.paused, running: &self.running };
            let (next, closed) = org.next(&gate, &mut self.wanted);
            self.lines -= closed;
            if let Some(job) = next {
                self.count = self.count.saturating_sub(1);
                self.turn = turn;
                org.turn = turn + 1;
                self.turns.remove(&(turn, name.clone()));
                self.wait_for_turn(&name);
                return Some(job);
            }
            if org.classes.is_empty() {
                self.turns.remove(&(turn, name.clone()));
                self.forget_if_idle(&name);
            }
        }
        None
    }

    /// Takes a job out, which no longer waits.
    pub fn remove(&mut self, job: &Job) {
        if let Some(window) = self.window(&LineId::of(job)) {
            window.remove((job.place, job.id));
        }
        self.count = self.count.saturating_sub(1);
    }

    /// A job that was taken runs, or is about to.
    pub fn began(&mut self, job: &Job) {
        let line = LineId::of(job);
        *self.running.entry((line.org.clone(), line.key)).or_default() += 1;
        self.orgs.entry(line.org.clone()).or_default().running += 1;
        self.wait_for_turn(&line.org);
    }

    /// It no longer does.
    pub fn ended(&mut self, job: &Job) {
        let line = LineId::of(job);
        let of = (line.org.clone(), line.key);
        if let Some(count) = self.running.get_mut(&of) {
            *count -= 1;
            if *count == 0 {
                self.running.remove(&of);
            }
            if let Some(org) = self.orgs.get_mut(&line.org) {
                org.running = org.running.saturating_sub(1);
            }
        }
        self.wait_for_turn(&line.org);
        self.forget_if_idle(&line.org);
    }

    /// Takes no more jobs of these, or takes them again.
    pub fn set_paused(&mut self, held: Held, paused: bool) {
        let org = held.org.clone();
        match paused {
            true => self.paused.insert(held),
            false => self.paused.remove(&held),
        };
        self.wait_for_turn(&org);
    }

    /// Whose jobs are not taken.
    #[must_use]
    pub const fn paused(&self) -> &BTreeSet<Held> {
        &self.paused
    }

    /// Pages that should be read now.
    pub fn wanted(&mut self) -> Vec<Wanted> {
        std::mem::take(&mut self.wanted)
    }

    /// Takes in a page of a line; `more` says that the store has further ones.
    pub fn page(&mut self, line: &LineId, jobs: impl IntoIterator<Item = Job>, more: bool) {
        let Some(window) = self.window(line) else { return };
        let before = window.count();
        window.page(jobs.into_iter().map(|job| ((job.place, job.id), job)), more);
        let after = window.count();
        self.count = (self.count + after).saturating_sub(before);
        self.wait_for_turn(&line.org);
        self.recount();
    }

    /// A page could not be read; it is asked for again.
    pub fn page_failed(&mut self, line: &LineId) {
        if let Some(window) = self.window(line) {
            window.page_failed();
        }
    }

    /// The line after which lines should be looked for in the store now: `Some(None)` from the first.
    pub fn wants_survey(&mut self) -> Option<Option<LineId>> {
        let Survey::Known(after) = &self.survey else { return None };
        let wants = self.lines < self.bounds.0 / 2;
        let after = after.clone();
        wants.then(|| {
            self.survey = Survey::UnderWay { again: false };
            after
        })
    }

    /// Takes in lines that the store has; `more` says that it has others after them.
    pub fn surveyed(&mut self, lines: Vec<LineId>, more: bool) {
        let again = self.survey == Survey::UnderWay { again: true };
        let mut last = None;
        let mut all = !more;
        for line in lines {
            if !self.holds(&line) && !self.open(&line, false) {
                all = false;
                break;
            }
            self.wait_for_turn(&line.org);
            last = Some(line);
        }
        self.survey = match (again, all) {
            (true, _) => Survey::Known(None),
            (false, true) => Survey::Complete,
            (false, false) => Survey::Known(last),
        };
        self.recount();
    }

    /// Lines could not be looked for; it is tried again.
    pub fn survey_failed(&mut self) {
        self.survey = Survey::Known(None);
    }

    /// Forgets what is held, because the store may hold what nobody told of.
    pub fn start_over(&mut self) {
        for window in
            self.orgs.values_mut().flat_map(|org| org.classes.values_mut()).flat_map(|c| c.lines.values_mut())
        {
            window.start_over();
        }
        self.look_again();
    }

    /// Jobs that wait, held or not.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The place of the job that has waited longest, of those that are held.
    #[must_use]
    pub fn oldest(&self) -> Option<u64> {
        self.windows().filter_map(Window::first).map(|(place, _)| place).min()
    }

    fn windows(&self) -> impl Iterator<Item = &Window<JobId, Job>> {
        self.orgs.values().flat_map(|org| org.classes.values()).flat_map(|class| class.lines.values())
    }

    fn look_again(&mut self) {
        self.survey = match self.survey {
            Survey::UnderWay { .. } => Survey::UnderWay { again: true },
            Survey::Complete | Survey::Known(_) => Survey::Known(None),
        };
    }

    fn holds(&self, line: &LineId) -> bool {
        let class = self.orgs.get(&line.org).and_then(|org| org.classes.get(&line.priority));
        class.is_some_and(|class| class.lines.contains_key(&line.key))
    }

    fn window(&mut self, line: &LineId) -> Option<&mut Window<JobId, Job>> {
        self.orgs.get_mut(&line.org)?.classes.get_mut(&line.priority)?.lines.get_mut(&line.key)
    }

    /// Makes room for a line, if there is any.
    fn open(&mut self, line: &LineId, empty: bool) -> bool {
        if self.lines >= self.bounds.0 {
            return false;
        }
        self.lines += 1;
        let room = (self.bounds.1 / self.lines).max(LEAST);
        let window = if empty { Window::empty(room) } else { Window::unread(0).with_room(room) };
        let class = self.orgs.entry(line.org.clone()).or_default().classes.entry(line.priority).or_default();
        class.order.push_back(line.key.clone());
        class.lines.insert(line.key.clone(), window);
        true
    }

    /// Puts an organisation among those whose turn comes, if it may have something to give.
    fn wait_for_turn(&mut self, name: &OrgId) {
        let Some(org) = self.orgs.get_mut(name) else { return };
        let whole = Held { org: name.clone(), key: None };
        let full = self.shares.org > 0 && org.running >= self.shares.org;
        let place = (org.turn, name.clone());
        if org.classes.is_empty() || full || self.paused.contains(&whole) {
            self.turns.remove(&place);
        } else if !self.turns.contains(&place) {
            // Turns that passed while it had nothing to give are gone.
            org.turn = org.turn.max(self.turn);
            self.turns.insert((org.turn, name.clone()));
        }
    }

    fn forget_if_idle(&mut self, name: &OrgId) {
        if self.orgs.get(name).is_some_and(|org| org.running == 0 && org.classes.is_empty()) {
            self.orgs.remove(name);
        }
    }

    /// Once everything there is is held, the count is known to the last job.
    fn recount(&mut self) {
        if self.survey == Survey::Complete && self.windows().all(Window::is_whole) {
            self.count = self.windows().map(Window::count).sum();
        }
    }
}

#[cfg(test)]
mod tests;
