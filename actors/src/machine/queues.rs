//! The queues of a machine, to be asked.

use crate::ids::{OrgId, QueueName};
use crate::queue::QueueActor;
use crate::queue::messages::{GetStatus, QueueStatus};
use crate::supervision::{AskError, Ref};

/// The queues of a machine.
#[derive(Clone)]
pub struct Queues(Vec<(QueueName, Ref<QueueActor>)>);

impl Queues {
    /// These queues.
    #[must_use]
    pub(super) const fn new(queues: Vec<(QueueName, Ref<QueueActor>)>) -> Self {
        Self(queues)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(QueueName, Ref<QueueActor>)> {
        self.0.iter()
    }

    /// How each queue is; one that does not answer in time is left out.
    pub async fn statuses(&self) -> Vec<QueueStatus> {
        let asked = self.0.iter().map(|(_, queue)| queue.ask(GetStatus));
        futures_util::future::join_all(asked).await.into_iter().flatten().collect()
    }

    /// How each queue is, as an organisation may see it.
    pub async fn statuses_for(&self, org: &OrgId) -> Vec<QueueStatus> {
        self.statuses().await.into_iter().map(|status| status.shown_to(org)).collect()
    }

    /// The names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &QueueName> {
        self.0.iter().map(|(name, _)| name)
    }

    /// A queue, to be asked; none by an unknown name.
    #[must_use]
    pub fn get(&self, name: &QueueName) -> Option<&Ref<QueueActor>> {
        self.0.iter().find(|(queue, _)| queue == name).map(|(_, queue)| queue)
    }

    /// How the queue of this name is.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn status(&self, name: &QueueName) -> Option<Result<QueueStatus, AskError>> {
        let (_, queue) = self.0.iter().find(|(queue, _)| queue == name)?;
        Some(queue.ask(GetStatus).await)
    }
}
