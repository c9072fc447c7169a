//! The queue as workers outside of this process speak to it.

use actix::{ActorFutureExt, AsyncContext, Context, Handler, ResponseActFuture, WrapFuture, fut};
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::sync::mpsc::error::TrySendError;

use super::messages::{Ask, Beat, Claim, Note, NoteError, Said, Settle};
use super::{Demand, NotLeased};
use crate::clock::Timestamp;
use crate::ids::JobId;
use crate::keys;
use crate::queue::QueueActor;
use crate::queue::effects::Input;
use crate::queue::job::{Job, Outcome};
use crate::queue::parts::{Part, close, open};
use crate::store::{Batch, Expect, StoreError};

/// Lines of a job's log that are kept, and their characters all together.
const LINES: usize = 200;
const CHARACTERS: usize = 32 * 1024;

impl QueueActor {
    /// Hands jobs to the worker that waits for them; one that is gone does not burn their attempts.
    pub(in crate::queue) fn lend(&mut self, ticket: u64, jobs: Vec<Job>, ctx: &mut Context<Self>) {
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

    /// What is written when a worker says something, and under which condition.
    fn note(&self, job: &Job, what: Said) -> BoxFuture<'static, Result<Batch, StoreError>> {
        let (house, id) = (self.house.clone(), job.id);
        let mut batch = Batch::default();
        // One that was removed meanwhile leaves nothing behind.
        batch.expect(job.at(), Expect::Present);
        Box::pin(async move {
            match what {
                Said::Part(part, value) => {
                    batch.put(keys::job_part(id, part.letter()), close(&house, &value)?);
                    // Where an attempt goes on is worth more than what people look at.
                    Ok(if part == Part::Cursor { batch } else { batch.lazily() })
                }
                Said::Lines(new) => {
                    let key = keys::job_part(id, Part::Log.letter());
                    let found = house.store.get(key.clone()).await?;
                    let old = found.as_ref().map(|found| open(&house, &found.value)).transpose()?;
                    batch.expect(key.clone(), found.map_or(Expect::Absent, |f| Expect::Version(f.version)));
                    batch.put(key, close(&house, &kept(old, new))?);
                    Ok(batch.lazily())
                }
            }
        })
    }
}

/// The log with these lines at its end, and without as many of the oldest as are too much.
fn kept(old: Option<Value>, new: Vec<String>) -> Value {
    let old = if let Some(Value::Array(lines)) = old { lines } else { Vec::new() };
    let lines: Vec<Value> = old.into_iter().chain(new.into_iter().map(Value::from)).collect();
    let mut room = CHARACTERS;
    let newest = lines.into_iter().rev().take(LINES).take_while(|line| {
        let length = line.as_str().map_or(0, str::len);
        let fits = length <= room;
        room = room.saturating_sub(length);
        fits
    });
    let mut newest: Vec<Value> = newest.collect();
    newest.reverse();
    Value::from(newest)
}

impl Handler<Claim> for QueueActor {
    type Result = ();

    fn handle(&mut self, Claim { ask, answer }: Claim, ctx: &mut Self::Context) {
        let Ask { org, worker, most, length, wait } = ask;
        let ticket = self.desk.ticket(answer);
        let token = format!("{:032x}", rand::random::<u128>());
        let at_once = wait.is_zero();
        self.feed(Input::Asked(Demand { ticket, org, worker, token, most, length, at_once }), ctx);
        if !at_once {
            let wait = self.house.clock.sleep(wait).into_actor(self);
            ctx.spawn(wait.map(move |(), act, ctx| act.feed(Input::Withdrawn(ticket), ctx)));
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
    type Result = ResponseActFuture<Self, Result<(), NoteError>>;

    fn handle(&mut self, Note { id, token, what }: Note, _: &mut Self::Context) -> Self::Result {
        let now = self.house.clock.now();
        let renewed = self.state.leases().renew(id, &token, None, now);
        let job = renewed.and_then(|_| self.state.leases().of(id, &token).cloned());
        let job = match job {
            Ok(job) => job,
            Err(error) => return Box::pin(fut::ready(Err(error.into()))),
        };
        let (batch, store) = (self.note(&job, what.clone()), self.house.store.clone());
        let write = async move { store.commit(batch.await?).await };
        Box::pin(write.into_actor(self).then(move |written, act, ctx| match written {
            // Of two that add lines at once one is told to look again; and a job that is gone is gone.
            Err(StoreError::Conflict { .. }) => {
                let again = Note { id, token, what };
                <Self as Handler<Note>>::handle(act, again, ctx)
            }
            written => Box::pin(fut::ready(written.map_err(NoteError::from))),
        }))
    }
}

impl Handler<Settle> for QueueActor {
    type Result = ResponseActFuture<Self, Result<Job, NoteError>>;

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
                Box::pin(settled.map(|job, _, _| job.ok_or_else(|| NotLeased.into())))
            }
            Err(error) => Box::pin(fut::ready(Err(error))),
        }
    }
}
