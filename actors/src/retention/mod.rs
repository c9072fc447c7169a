//! What is kept, and for how long: the history of an organisation goes step by step, the oldest first, so that the disk
//! has an end and no clean-up is ever large. Jobs are their queue's own to remove.

mod actor;
mod community;
mod messages;
mod sweep;

use std::time::Duration;

pub use actor::RetentionActor;

/// How long history is kept; for ever where the time is zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ages {
    /// Events, from when they were accepted.
    pub events: Duration,
    /// Runs with their steps, from when they were begun, once they are at their end.
    pub runs: Duration,
    /// Deliveries with their attempts, from when they were ordered, once they are at their end.
    pub deliveries: Duration,
    /// Idempotency keys, from when they were used.
    pub idempotency: Duration,
    /// Messages of chats, from when they were said, but for the latest of each chat.
    pub messages: Duration,
    /// What happened in groups and direct conversations, but for the latest of each.
    pub community_messages: Duration,
    /// Calls of vendors, from when they came: as long as that they are known when they come again.
    pub vendor_calls: Duration,
    /// Answers of language models, from when they were asked for: as long as that they can be read.
    pub streams: Duration,
}
