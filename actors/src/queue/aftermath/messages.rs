//! What queues tell each other of jobs that wait for one another.

use actix::Message;

use crate::ids::JobId;

/// A job ended, for which these jobs of the queue wait. Answered with whether all of them know.
#[derive(Debug, Clone, Message)]
#[rtype(result = "bool")]
pub struct DependencyEnded {
    /// It.
    pub ended: JobId,
    /// Whether it was done.
    pub done: bool,
    /// Those that wait for it.
    pub waiting: Vec<JobId>,
}
