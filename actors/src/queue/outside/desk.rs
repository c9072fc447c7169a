//! Who waits for an answer of a queue: workers for jobs, and whoever ended a job for that to be written.

use std::collections::HashMap;

use tokio::sync::{mpsc, oneshot};

use crate::ids::JobId;
use crate::queue::job::Job;
use crate::queue::messages::Move;

/// All who wait.
#[derive(Default)]
pub struct Desk {
    ticket: u64,
    /// Workers that asked for jobs.
    pub(in crate::queue) asking: HashMap<u64, mpsc::Sender<Vec<Job>>>,
    /// Those who are told once a job's end is written.
    pub(in crate::queue) settling: HashMap<JobId, oneshot::Sender<Job>>,
    /// Whether those who wait for other jobs are being told.
    pub(in crate::queue) spreading: bool,
    /// Whether there is news for them since.
    pub(in crate::queue) news: bool,
}

impl Desk {
    /// A new ticket, which is answered here.
    pub(in crate::queue) fn ticket(&mut self, answer: mpsc::Sender<Vec<Job>>) -> u64 {
        self.ticket += 1;
        self.asking.insert(self.ticket, answer);
        self.ticket
    }

    /// These moves are written.
    pub(in crate::queue) fn settled(&mut self, moves: &[Move]) {
        for done in moves.iter().filter(|done| done.promised) {
            if let Some(tell) = self.settling.remove(&done.id()) {
                // Whoever waited may have gone.
                let _ = tell.send(done.job.clone());
            }
        }
    }
}
