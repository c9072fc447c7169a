//! Tells those that wait for a job of its end.

use actix::{ActorFutureExt, Handler, ResponseActFuture, WrapFuture, fut};
use futures_util::FutureExt;
use tracing::debug;

use super::messages::DependencyEnded;
use super::{Ended, after, ended, forget};
use crate::ids::{JobId, QueueName};
use crate::keys;
use crate::queue::QueueActor;
use crate::queue::alter::Alteration;
use crate::queue::job::Job;
use crate::store::{Batch, Expect, Key, StoreError, Versioned, decode};
use crate::supervision::Answer;

impl QueueActor {
    /// Sees to it that all who wait for jobs of this queue know how these ended.
    pub(in crate::queue) fn spread(&mut self) {
        self.desk.news = true;
        if std::mem::replace(&mut self.desk.spreading, true) {
            return;
        }
        self.desk.news = false;
        self.errands.send(self.round(None, false).map(|told, act, _| {
            act.desk.spreading = false;
            // Of those who were told the next round finds that they know.
            if told || act.desk.news {
                act.spread();
            }
        }));
    }

    /// Goes through all jobs that ended, page by page. Whether anybody was told anything.
    fn round(&self, from: Option<Key>, told: bool) -> ResponseActFuture<Self, bool> {
        let (house, name) = (self.house.clone(), self.name().clone());
        let look = async move { ended(&house, &name, from).await }.into_actor(self);
        Box::pin(look.then(move |looked, act, _| -> ResponseActFuture<Self, bool> {
            let (found, last) = match looked {
                Ok((found, _)) if found.is_empty() => return Box::pin(fut::ready(told)),
                Ok(looked) => looked,
                Err(error) => return act.put_off(&error),
            };
            let (done, waiting): (Vec<_>, Vec<_>) = found.into_iter().partition(|one| one.waiting.is_empty());
            let telling: Vec<_> = waiting.into_iter().map(|one| act.tell_of(one)).collect();
            let (house, name) = (act.house.clone(), act.name().clone());
            let page = async move {
                let known = futures_util::future::join_all(telling).await.into_iter().any(|known| known);
                if let Err(error) = forget(&house, &name, done).await {
                    debug!(queue = %name, %error, "what is done with is forgotten later");
                }
                known
            };
            Box::pin(page.into_actor(act).then(move |known, act, _| -> ResponseActFuture<Self, bool> {
                match last {
                    Some(last) => act.round(Some(last), told || known),
                    None => Box::pin(fut::ready(told || known)),
                }
            }))
        }))
    }

    fn put_off(&self, error: &StoreError) -> ResponseActFuture<Self, bool> {
        debug!(queue = %self.name(), %error, "those who wait for jobs are told later");
        Box::pin(fut::ready(false))
    }

    /// Tells each queue that has jobs which wait for this one. Whether any of them knows.
    fn tell_of(&self, one: Ended) -> futures_util::future::BoxFuture<'static, bool> {
        let Ended { id: ended, aftermath, waiting, .. } = one;
        let told = waiting.into_iter().map(|(queue, waiting): (QueueName, Vec<JobId>)| {
            // One that the configuration has no more is told when it is back.
            let is_there = self.house.settings.queues.contains_key(&queue);
            let other = is_there.then(|| self.queue_named(&queue)).flatten();
            let message = DependencyEnded { ended, done: aftermath.done, waiting };
            async move {
                match other {
                    Some(other) => other.ask(message).await.unwrap_or(false),
                    None => false,
                }
            }
        });
        futures_util::future::join_all(told).map(|told| told.into_iter().any(|known| known)).boxed()
    }

    fn freed(
        &self,
        found: Vec<Option<Versioned>>,
        message: &DependencyEnded,
    ) -> Result<(Vec<Alteration>, Batch), StoreError> {
        let (mut alterations, mut batch) = (Vec::new(), Batch::default());
        let now = self.house.clock.now();
        for (id, found) in message.waiting.iter().zip(found) {
            batch.delete(keys::dependent(message.ended, *id));
            let Some(found) = found else { continue };
            let before: Job = decode(&found.value)?;
            if let Some(job) = after(&before, message.ended, message.done, now) {
                // Another one that it waits for may end in the same moment.
                batch.expect(keys::job(*id), Expect::Version(found.version));
                alterations.push(Alteration { before, after: Some(job) });
            }
        }
        Ok((alterations, batch))
    }
}

impl Handler<DependencyEnded> for QueueActor {
    type Result = Answer<Self, bool>;

    fn handle(&mut self, message: DependencyEnded, _: &mut Self::Context) -> Self::Result {
        let wanted = message.waiting.iter().map(|id| keys::job(*id)).collect();
        let read = self.house.store.get_many(wanted).into_actor(self);
        self.errands.answer(read.then(move |found, act, ctx| -> ResponseActFuture<Self, bool> {
            match found.and_then(|found| act.freed(found, &message)) {
                Ok((alterations, with)) => {
                    let written = act.write_altered(alterations, false, with, ctx);
                    Box::pin(written.map(|written, _, _| written.is_ok()))
                }
                Err(error) => act.put_off(&error),
            }
        }))
    }
}
