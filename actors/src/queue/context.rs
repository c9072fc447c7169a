//! What a handler of this process has beside its job: what it is given, ways to say how far it is, and word that
//! the job was called off. Whatever it says is a sign of life.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use super::job::Job;
use super::parts::{Given, Part, Said, say};
use crate::house::House;
use crate::store::StoreError;

/// The surroundings of one attempt.
#[derive(Clone)]
pub struct JobContext(Arc<Inner>);

struct Inner {
    house: Arc<House>,
    job: Job,
    given: Given,
    /// When it was last heard of, in milliseconds on the clock that never goes back.
    beaten: AtomicU64,
    cancelled: watch::Receiver<bool>,
}

impl JobContext {
    pub(super) fn new(house: Arc<House>, job: Job, given: Given, cancelled: watch::Receiver<bool>) -> Self {
        let beaten = AtomicU64::new(0);
        let context = Self(Arc::new(Inner { house, job, given, beaten, cancelled }));
        context.beat();
        context
    }

    /// What is to be done.
    #[must_use]
    pub fn payload(&self) -> &Value {
        &self.0.given.payload
    }

    /// How far an earlier attempt came, if it said so.
    #[must_use]
    pub fn cursor(&self) -> Option<&Value> {
        self.0.given.cursor.as_ref()
    }

    /// It lives. Whoever says nothing for long is taken for stuck.
    pub fn beat(&self) {
        self.0.beaten.store(millis(self.0.house.clock.elapsed()), Ordering::Relaxed);
    }

    /// How far it is, for people to see.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn progress(&self, progress: Value) -> Result<(), StoreError> {
        self.say(Said::Part(Part::Progress, progress)).await
    }

    /// A line for its log.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn log(&self, line: impl Into<String>) -> Result<(), StoreError> {
        self.say(Said::Lines(vec![line.into()])).await
    }

    /// Where the next attempt is to go on, should this one not come to its end. On the disk when it is answered.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn checkpoint(&self, cursor: Value) -> Result<(), StoreError> {
        self.say(Said::Part(Part::Cursor, cursor)).await
    }

    /// What came of it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn result(&self, result: Value) -> Result<(), StoreError> {
        self.say(Said::Part(Part::Result, result)).await
    }

    async fn say(&self, what: Said) -> Result<(), StoreError> {
        self.beat();
        say(&self.0.house, &self.0.job, what).await
    }

    /// Whether somebody called the job off. It has a moment to come to an end by itself.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        *self.0.cancelled.borrow()
    }

    /// Waits until somebody calls the job off.
    pub async fn cancelled(&self) {
        let mut cancelled = self.0.cancelled.clone();
        if cancelled.wait_for(|cancelled| *cancelled).await.is_err() {
            // The queue is gone, and with it this attempt.
            std::future::pending::<()>().await;
        }
    }

    /// Waits until nothing was heard of it for so long.
    pub(super) async fn silent(&self, most: Duration) {
        loop {
            let clock = &self.0.house.clock;
            let beaten = Duration::from_millis(self.0.beaten.load(Ordering::Relaxed));
            let left = (beaten + most).saturating_sub(clock.elapsed());
            if left.is_zero() {
                return;
            }
            clock.sleep(left).await;
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
