//! Workers outside of the process: they ask, live, fall silent, and say how their jobs ended.

use std::collections::{BTreeMap, BTreeSet};

use super::super::*;
use super::world::{LEASES, World};
use crate::queue::lines::Held;
use crate::queue::outside::Demand;

pub(super) fn org(whose: u8) -> OrgId {
    OrgId::new(["o", "p"][usize::from(whose % 2)]).unwrap()
}

/// An organisation, or one key of it.
pub(super) fn held(whose: u8) -> Held {
    Held { org: org(whose), key: (whose / 4 % 2 == 1).then(|| format!("k{}", whose / 2 % 2)) }
}

#[derive(Default)]
pub(super) struct Workers {
    ticket: u64,
    /// Those that wait for jobs.
    pub(super) tickets: BTreeSet<u64>,
    /// The jobs that they believe to have, and what they were given with.
    has: BTreeMap<JobId, String>,
}

impl World {
    pub(super) fn ask(&mut self, whose: u8, most: usize, at_once: bool) {
        self.workers.ticket += 1;
        let ticket = self.workers.ticket;
        self.workers.tickets.insert(ticket);
        let (worker, token, length) = ("w".to_owned(), ticket.to_string(), Duration::from_secs(2));
        self.feed(Input::Asked(Demand { ticket, org: org(whose), worker, token, most, length, at_once }));
    }

    pub(super) fn withdraw(&mut self) {
        if let Some(ticket) = self.workers.tickets.first().copied() {
            self.feed(Input::Withdrawn(ticket));
        }
    }

    pub(super) fn lend(&mut self, ticket: u64, jobs: Vec<Job>) {
        let waits = self.workers.tickets.remove(&ticket);
        for job in jobs {
            let stored = &self.stored[&job.id];
            assert_eq!(stored, &job, "it is lent and the store does not know");
            assert_eq!(stored.state, JobState::Active);
            if !waits {
                self.feed(Input::Ended(job.id, Outcome::Released));
                continue;
            }
            self.begun(&job);
            let token = job.lease.as_ref().expect("it is leased").token.clone();
            assert_eq!(token, ticket.to_string(), "it was taken for somebody else");
            self.workers.has.insert(job.id, token);
        }
        assert!(self.mind.leases().jobs().count() <= LEASES);
    }

    fn one(&self, which: u8) -> Option<(JobId, String)> {
        let count = self.workers.has.len().max(1);
        self.workers.has.iter().nth(usize::from(which) % count).map(|(id, token)| (*id, token.clone()))
    }

    pub(super) fn settle(&mut self, which: u8, how: u8) {
        let Some((id, token)) = self.one(which) else { return };
        self.workers.has.remove(&id);
        if self.mind.leases().of(id, &token).is_err() {
            return;
        }
        let outcome = match how % 6 {
            0 | 1 => Outcome::Done,
            2 => Outcome::Retry("once more".into()),
            3 => Outcome::RetryIn("later".into(), Duration::from_millis(700)),
            4 => Outcome::Released,
            _ => Outcome::Fail("for good".into()),
        };
        self.feed(Input::Settled { id, outcome, parts: Vec::new() });
    }

    pub(super) fn live(&mut self, which: u8) {
        let Some((id, token)) = self.one(which) else { return };
        if let Ok(until) = self.mind.leases().renew(id, &token, None, self.now) {
            assert!(until > self.now);
            assert_eq!(self.stored[&id].state, JobState::Active, "whoever may renew it has it");
        }
    }
}
