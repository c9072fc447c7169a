//! The lines of one organisation: the lowest priority first, and within it keys take turns.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use super::{Held, LineId, Wanted};
use crate::ids::{JobId, OrgId};
use crate::queue::job::Job;
use crate::window::{Place, Window};

/// An organisation.
#[derive(Debug, Default)]
pub(super) struct Org {
    pub(super) turn: u64,
    pub(super) classes: BTreeMap<i32, Class>,
    pub(super) running: usize,
}

/// The lines of one priority.
#[derive(Debug, Default)]
pub(super) struct Class {
    pub(super) order: VecDeque<Arc<str>>,
    pub(super) lines: HashMap<Arc<str>, Window<JobId, Job>>,
}

/// What a class has to give.
enum Next {
    Job(Box<Job>),
    /// It has, once a page is read.
    Later,
    Nothing,
}

/// Which keys of an organisation may not give a job now.
pub(super) struct Gate<'a> {
    pub(super) org: &'a OrgId,
    pub(super) share: usize,
    pub(super) paused: &'a BTreeSet<Held>,
    pub(super) running: &'a HashMap<(OrgId, Arc<str>), usize>,
}

impl Gate<'_> {
    fn is_shut(&self, key: &Arc<str>) -> bool {
        let full =
            || self.running.get(&(self.org.clone(), key.clone())).is_some_and(|count| *count >= self.share);
        let paused = || self.paused.contains(&Held { org: self.org.clone(), key: Some(key.to_string()) });
        !key.is_empty() && ((self.share > 0 && full()) || (!self.paused.is_empty() && paused()))
    }
}

impl Org {
    /// The next job, and how many lines turned out to be empty.
    pub(super) fn next(&mut self, gate: &Gate<'_>, wanted: &mut Vec<Wanted>) -> (Option<Job>, usize) {
        let mut closed = 0;
        let mut next = None;
        for (priority, class) in &mut self.classes {
            let line = |key| LineId { org: gate.org.clone(), priority: *priority, key };
            let (found, empty) =
                class.next(gate, |key, after, limit| wanted.push(Wanted { line: line(key), after, limit }));
            closed += empty;
            match found {
                Next::Job(job) => next = Some(*job),
                // What is less urgent does not go before it.
                Next::Later => {}
                Next::Nothing => continue,
            }
            break;
        }
        self.classes.retain(|_, class| !class.lines.is_empty());
        (next, closed)
    }
}

impl Class {
    fn next(
        &mut self,
        gate: &Gate<'_>,
        mut want: impl FnMut(Arc<str>, Option<Place<JobId>>, usize),
    ) -> (Next, usize) {
        let (mut closed, mut later) = (0, false);
        for _ in 0..self.order.len() {
            let Some(key) = self.order.pop_front() else { break };
            let Some(window) = self.lines.get_mut(&key) else { continue };
            if gate.is_shut(&key) {
                self.order.push_back(key);
                continue;
            }
            let job = window.pop();
            if let Some(after) = window.wants_page() {
                want(key.clone(), after, window.room());
            }
            if job.is_none() && window.is_whole() {
                self.lines.remove(&key);
                closed += 1;
                continue;
            }
            self.order.push_back(key);
            match job {
                Some((_, job)) => return (Next::Job(Box::new(job)), closed),
                None => later = true,
            }
        }
        (if later { Next::Later } else { Next::Nothing }, closed)
    }
}
