//! An attempt at a job, under way. One whose queue is gone must not go on beside the one that begins it again.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::context::JobContext;
use super::job::{Job, Outcome};
use super::parts::given;
use super::worker::Handler;
use crate::house::House;

/// How long work that was called off may take to come to an end by itself.
const GRACE: Duration = Duration::from_secs(5);

/// An attempt, which ends with this.
pub(super) struct Attempt {
    task: AbortHandle,
    signal: Option<watch::Sender<bool>>,
    cancelled_by: Option<String>,
}

impl Attempt {
    /// The attempt that a task makes. What listens to the signal ends by itself.
    pub(super) const fn of(task: AbortHandle, signal: Option<watch::Sender<bool>>) -> Self {
        Self { task, signal, cancelled_by: None }
    }

    /// Stops it, and remembers on whose behalf.
    pub(super) fn cancel(&mut self, by: &str) {
        self.cancelled_by = Some(by.to_owned());
        match &self.signal {
            Some(signal) => _ = signal.send_replace(true),
            None => self.task.abort(),
        }
    }

    /// It is over: who called it off, if somebody did.
    pub(super) fn end(mut self) -> Option<String> {
        self.cancelled_by.take()
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An attempt at work within this process: until it ends, is silent for too long, or was called off and does not
/// come to an end by itself.
pub(super) async fn work(
    house: Arc<House>,
    job: Job,
    handler: Arc<dyn Handler>,
    stuck_after: Duration,
    cancelled: watch::Receiver<bool>,
) -> Outcome {
    let given = match given(&house, std::slice::from_ref(&job)).await {
        Ok(given) => given,
        Err(error) => return Outcome::Retry(format!("failed to {error}")),
    };
    let given = given.into_iter().next().unwrap_or_default();
    let context = JobContext::new(house.clone(), job.clone(), given, cancelled);
    let (watched, called_off) = (context.clone(), context.clone());
    let silent = async move {
        watched.silent(stuck_after).await;
        Outcome::Interrupted(format!("its handler gave no sign of life for {stuck_after:?}"))
    };
    let stopped = async move {
        called_off.cancelled().await;
        house.clock.sleep(GRACE).await;
        Outcome::Fail("it was called off".to_owned())
    };
    let given_up = select(Box::pin(silent), Box::pin(stopped));
    match select(handler.work(job, context), given_up).await {
        Either::Left((outcome, _)) | Either::Right((Either::Left((outcome, _)), _)) => outcome,
        Either::Right((Either::Right((outcome, _)), _)) => outcome,
    }
}
