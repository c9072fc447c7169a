//! Waiting in tests without waiting for time: other tasks are given their turns until what is waited for
//! is so, and a test that waits in vain says for what.

use std::sync::Arc;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

use crate::event::Event;
use crate::feed::{Feed, Observation};
use crate::ids::RunId;

/// Turns that others get before a test gives up.
const MOST_TURNS: usize = 20_000;
/// Turns after which nothing goes on by itself: far more than any chain of messages here is long.
const QUIET_TURNS: usize = 400;

/// Gives others their turns until `so` gives something, and returns that.
///
/// # Panics
/// When it does not come to be so; `what` says what was waited for.
pub async fn until<T, F>(what: &str, mut so: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    for _ in 0..MOST_TURNS {
        if let Some(found) = so().await {
            return found;
        }
        tokio::task::yield_now().await;
    }
    panic!("waited in vain until {what}");
}

/// As [`until`], for what can be seen without waiting.
///
/// # Panics
/// When it does not come to be so.
pub async fn until_true(what: &str, mut so: impl FnMut() -> bool) {
    until(what, || std::future::ready(so().then_some(()))).await;
}

/// Lets everybody else go on until nothing more happens by itself. Only where all run on this thread.
pub async fn quiet() {
    for _ in 0..QUIET_TURNS {
        tokio::task::yield_now().await;
    }
}

/// Watches a feed from the moment at which it is made.
pub struct FeedProbe(Receiver<Observation>);

impl FeedProbe {
    /// A probe that sees everything from now on.
    #[must_use]
    pub fn new(feed: &Feed) -> Self {
        Self(feed.watch())
    }

    /// What was shown since the last look, once all is quiet.
    ///
    /// # Panics
    /// When so much was shown that parts were lost.
    pub async fn seen(&mut self) -> Vec<Observation> {
        quiet().await;
        let mut seen = Vec::new();
        loop {
            match self.0.try_recv() {
                Ok(observation) => seen.push(observation),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return seen,
                Err(TryRecvError::Lagged(missed)) => assert_eq!(missed, 0, "the probe was too slow"),
            }
        }
    }

    /// The events among what was shown.
    pub async fn events(&mut self) -> Vec<Arc<Event>> {
        let event = |observation| match observation {
            Observation::Event { event } => Some(event),
            _ => None,
        };
        self.seen().await.into_iter().filter_map(event).collect()
    }

    /// The states that runs came to, among what was shown.
    pub async fn runs(&mut self) -> Vec<(RunId, String)> {
        let run = |observation| match observation {
            Observation::Run { id, status, .. } => Some((id, status.as_str().unwrap_or_default().to_owned())),
            _ => None,
        };
        self.seen().await.into_iter().filter_map(run).collect()
    }
}
