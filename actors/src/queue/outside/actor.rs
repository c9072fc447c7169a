//! The queue as workers outside of this process speak to it.

use actix::{ActorFutureExt, Context, Handler, WrapFuture, fut};
use futures_util::future::BoxFuture;
use tokio::sync::mpsc::error::TrySendError;

use super::messages::{Ask, Beat, Claim, Note, NoteError, Settle};
use super::{Demand, NotLeased};
use crate::clock::Timestamp;
use crate::ids::JobId;
use crate::queue::QueueActor;
use crate::queue::effects::Input;
use crate::queue::job::{Job, Outcome};
use crate::queue::parts::{Part, close, say};
use crate::store::StoreError;
use crate::supervision::Answer;

impl QueueActor {
    /// Hands jobs to the worker that waits for them; one that is gone does not burn their attempts.
    pub(in crate::queue) fn lend(&mut self, ticket: u64, jobs: Vec<Job>, ctx: &mut Context<Self>) {
        if let Some(alarm) = self.alarms.remove(&ticket) {
            // A worker that asks often would leave as many behind as it asks in the time that it may wait.
            self.errands.recall(alarm);
        }
        let refused = match self.desk.asking.remove(&ticket) {
            Some(tell) => tell.try_send(jobs).err().map(TrySendError::into_inner).unwrap_or_default(),
            None => jobs,
        };
        for job in refused {
            self.feed(Input::Ended(job.id, Outcome::Released), ctx);
        }
    }

    /// Ends a job that is out; the answer is the job once that is on the disk.
    pub(in crate::queue) fn settle(
        &mut self,
        id: JobId,
        outcome: Outcome,
        parts: Vec<(u8, Vec<u8>)>,
        ctx: &mut Context<Self>,
    ) -> BoxFuture<'static, Option<Job>> {
        let (tell, told) = tokio::sync::oneshot::channel();
        self.desk.settling.insert(id, tell);
        self.feed(Input::Settled { id, outcome, parts }, ctx);
        Box::pin(async move { told.await.ok() })
    }
}

impl Handler<Claim> for QueueActor {
    type Result = ();

    fn handle(&mut self, Claim { ask, answer }: Claim, ctx: &mut Self::Context) {
        let Ask { org, worker, most, length, wait } = ask;
        let ticket = self.desk.ticket(answer);
        let token = format!("{:032x}", rand::random::<u128>());
        let at_once = wait.is_zero();
        self.feed(Input::Asked(Demand { ticket, org, worker, token, most, length, at_once }), ctx);
        // It may be answered already.
        if self.desk.asking.contains_key(&ticket) && !at_once {
            let wait = self.house.clock.sleep(wait).into_actor(self);
            let alarm = self.errands.send(wait.map(move |(), act, ctx| {
                act.alarms.remove(&ticket);
                act.feed(Input::Withdrawn(ticket), ctx);
            }));
            self.alarms.insert(ticket, alarm);
        }
    }
}

impl Handler<Beat> for QueueActor {
    type Result = Result<Timestamp, NotLeased>;

    fn handle(&mut self, Beat { id, token, length }: Beat, _: &mut Self::Context) -> Self::Result {
        let now = self.house.clock.now();
        self.state.leases().renew(id, &token, length, now)
    }
}

impl Handler<Note> for QueueActor {
    type Result = Answer<Self, Result<(), NoteError>>;

    fn handle(&mut self, Note { id, token, what }: Note, _: &mut Self::Context) -> Self::Result {
        let now = self.house.clock.now();
        let renewed = self.state.leases().renew(id, &token, None, now);
        let job = renewed.and_then(|_| self.state.leases().of(id, &token).cloned());
        let job = match job {
            Ok(job) => job,
            Err(error) => return self.errands.answer(fut::ready(Err(error.into()))),
        };
        let house = self.house.clone();
        let said = async move { say(&house, &job, what).await };
        self.errands.answer(said.into_actor(self).map(|said, _, _| match said {
            // It has ended in this moment.
            Err(StoreError::Conflict { .. }) => Err(NotLeased.into()),
            said => said.map_err(NoteError::from),
        }))
    }
}

impl Handler<Settle> for QueueActor {
    type Result = Answer<Self, Result<Job, NoteError>>;

    fn handle(&mut self, settle: Settle, ctx: &mut Self::Context) -> Self::Result {
        let Settle { id, token, outcome, result } = settle;
        let parts = self.state.leases().of(id, &token).map_err(NoteError::from).and_then(|_| {
            let letter = Part::Result.letter();
            let closed = result.map(|value| close(&self.house, &value)).transpose()?;
            Ok(closed.into_iter().map(|value| (letter, value)).collect())
        });
        match parts {
            Ok(parts) => {
                let settled = self.settle(id, outcome, parts, ctx).into_actor(self);
                self.errands.answer(settled.map(|job, _, _| job.ok_or_else(|| NotLeased.into())))
            }
            Err(error) => self.errands.answer(fut::ready(Err(error))),
        }
    }
}
