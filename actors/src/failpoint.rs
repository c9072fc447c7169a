//! Named points at which a test has the process end at once, as `kill -9` would: between any two steps of a commit,
//! an attempt a job or an upload. In a release they are nothing.

/// Every point, those of an event's way in the order in which it passes them.
pub const ALL: [&str; 13] = [
    "commit.append",
    "commit.sync",
    "commit.answer",
    "bus.tell",
    "job.run",
    "job.end",
    "attempt.send",
    "attempt.answered",
    "attempt.written",
    "carry.begin",
    "carry.end",
    "file.placed",
    "file.known",
];

#[cfg(debug_assertions)]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// What is armed.
    static ARMED: OnceLock<Armed> = OnceLock::new();

    struct Armed {
        point: String,
        /// How often it is still passed, the last time included.
        left: AtomicU64,
        end: fn(),
    }

    /// Has the process ended by `end` when the point is passed for the `nth` time, from 1.
    pub fn arm(point: &str, nth: u64, end: fn()) {
        // The first one counts: a process ends once.
        let _ = ARMED.set(Armed { point: point.to_owned(), left: AtomicU64::new(nth), end });
    }

    /// Passes a point.
    pub fn pass(point: &str) {
        if let Some(armed) = ARMED.get()
            && armed.point == point
            && armed.left.fetch_sub(1, Ordering::SeqCst) == 1
        {
            (armed.end)();
        }
    }
}

#[cfg(debug_assertions)]
pub use armed::{arm, pass};

/// Passes a point.
#[cfg(not(debug_assertions))]
pub const fn pass(_: &str) {}
