//! The shell around a queue's state: reads and writes the store, runs jobs, keeps time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, ResponseActFuture, SpawnHandle,
    WrapFuture,
};
use tracing::{debug, error, warn};

use super::job::{Job, JobState, Outcome, QueueSettings};
use super::messages::{Drain, GetStatus, JobsAdded, Move, SetPaused};
use super::state::{Effect, Input, QueueState, Totals};
use super::worker::Worker;
use crate::clock::timeout;
use crate::house::House;
use crate::ids::{JobId, QueueName};
use crate::keys;
use crate::store::{Batch, Expect, Lease, Scan, StoreError, decode, encode};
use crate::supervision::Fate;
use crate::window::WINDOW;

/// How long a failed read or write rests before it is tried again.
const STORE_PAUSE: Duration = Duration::from_millis(500);
/// How often a queue looks up by itself: what falls due, and hints that were lost.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// A queue.
pub struct QueueActor {
    name: QueueName,
    house: Arc<House>,
    worker: Arc<dyn Worker>,
    fate: Fate,
    state: QueueState,
    running: HashMap<JobId, AbortOnDrop>,
    drained: Vec<tokio::sync::oneshot::Sender<()>>,
    /// The next moment to look up at, on the clock that never goes back.
    alarm: Option<(Duration, SpawnHandle)>,
    /// Held while this incarnation acts, so that no other one does.
    lease: Option<Lease>,
}

/// A job whose queue is gone must not run on beside the one that starts it again.
struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl QueueActor {
    /// A queue that loads its state from the store when it starts.
    pub fn new(
        (name, settings): (QueueName, QueueSettings),
        house: Arc<House>,
        worker: Arc<dyn Worker>,
        fate: Fate,
    ) -> Self {
        let state = QueueState::new(name.clone(), settings);
        let (running, drained, alarm) = (HashMap::new(), Vec::new(), None);
        Self { name, house, worker, fate, state, running, drained, alarm, lease: None }
    }

    fn feed(&mut self, input: Input, ctx: &mut Context<Self>) {
        let effects = self.state.handle(input, self.house.clock.now(), rand::random());
        for effect in effects {
            match effect {
                Effect::Write(moves, totals) => self.write(moves, totals, ctx),
                Effect::Run(job) => self.run(*job, ctx),
                Effect::Fetch { state, after } => self.fetch(state, after, ctx),
                Effect::WakeIn(pause) if pause < HEARTBEAT => self.tick_after(pause, ctx),
                Effect::WakeIn(_) => {}
                Effect::Drained => {
                    for done in self.drained.drain(..) {
                        // Whoever asked may have given up waiting.
                        let _ = done.send(());
                    }
                }
            }
        }
        self.house.feed.queue_changed(&self.name);
    }

    /// There is one alarm, however often it is asked for: when it goes off, the next one is known.
    fn tick_after(&mut self, pause: Duration, ctx: &mut Context<Self>) {
        let due = self.house.clock.elapsed().saturating_add(pause);
        match self.alarm {
            Some((set, _)) if set <= due => return,
            Some((_, later)) => _ = ctx.cancel_future(later),
            None => {}
        }
        let wait = self.house.clock.sleep(pause).into_actor(self);
        let ring = wait.map(|(), act, ctx| {
            act.alarm = None;
            act.feed(Input::Tick, ctx);
        });
        self.alarm = Some((due, ctx.spawn(ring)));
    }

    fn heartbeat(&self, ctx: &mut Context<Self>) {
        let wait = self.house.clock.sleep(HEARTBEAT).into_actor(self);
        ctx.spawn(wait.map(|(), act, ctx| {
            let missed = act.house.hints.take(act.name.as_str());
            act.feed(if missed { Input::Missed } else { Input::Tick }, ctx);
            act.heartbeat(ctx);
        }));
    }

    fn write(&self, moves: Vec<Move>, totals: Totals, ctx: &mut Context<Self>) {
        let batch = match batch_of(&moves, &self.name, totals) {
            // A power cut may have the jobs run again, as a crash may; whoever asks for them knows nothing of it.
            Ok(batch) => batch.lazily(),
            Err(error) => return error!(queue = %self.name, %error, "cannot encode jobs"),
        };
        let write = self.house.store.commit(batch).into_actor(self);
        ctx.spawn(write.map(move |written, act, ctx| act.wrote(written, moves, ctx)));
    }

    fn wrote(&mut self, written: Result<(), StoreError>, mut moves: Vec<Move>, ctx: &mut Context<Self>) {
        match written {
            Ok(()) => self.feed(Input::Written(moves), ctx),
            Err(StoreError::Conflict { index }) if index < moves.len() => {
                let refused = moves.remove(index);
                self.look_into(refused, moves, ctx);
            }
            Err(error) => {
                warn!(queue = %self.name, %error, "jobs could not be written, trying again");
                let wait = self.house.clock.sleep(STORE_PAUSE).into_actor(self);
                ctx.spawn(wait.map(move |(), act, ctx| act.feed(Input::WriteFailed(moves), ctx)));
            }
        }
    }

    /// A move was refused: either its job is elsewhere, or this very move came through although its
    /// first answer was a failure.
    fn look_into(&self, refused: Move, rest: Vec<Move>, ctx: &mut Context<Self>) {
        let read = self.house.store.get(keys::job(refused.id())).into_actor(self);
        ctx.spawn(read.map(move |found, act, ctx| {
            let found = found.and_then(|f| f.map(|f| decode::<Job>(&f.value)).transpose());
            match found {
                Ok(Some(job)) if job == refused.job => {
                    act.feed(Input::Written(vec![refused]), ctx);
                    if !rest.is_empty() {
                        act.feed(Input::WriteFailed(rest), ctx);
                    }
                }
                Ok(_) => {
                    debug!(queue = %act.name, job = %refused.id(), "a job had moved on already");
                    act.feed(Input::Stale(refused.id(), rest), ctx);
                }
                Err(error) => act.wrote(Err(error), [vec![refused], rest].concat(), ctx),
            }
        }));
    }

    fn fetch(&self, state: JobState, after: Option<(u64, JobId)>, ctx: &mut Context<Self>) {
        let read = read_jobs(self.house.clone(), self.name.clone(), state, after, WINDOW).into_actor(self);
        ctx.spawn(read.map(move |page, act, ctx| match page {
            Ok(JobPage { jobs, more, .. }) => act.feed(Input::Fetched { state, jobs, more }, ctx),
            Err(error) => {
                warn!(queue = %act.name, %error, "jobs could not be read, trying again");
                let wait = act.house.clock.sleep(STORE_PAUSE).into_actor(act);
                ctx.spawn(wait.map(move |(), act, ctx| act.feed(Input::FetchFailed(state), ctx)));
            }
        }));
    }

    fn run(&mut self, job: Job, ctx: &mut Context<Self>) {
        let (id, limit) = (job.id, self.state.timeout());
        let (clock, worker) = (self.house.clock.clone(), self.worker.clone());
        let attempt = tokio::spawn(async move {
            let done = timeout(clock.as_ref(), limit, worker.run(job)).await;
            done.unwrap_or_else(|| Outcome::Retry(format!("it took longer than {limit:?}")))
        });
        self.running.insert(id, AbortOnDrop(attempt.abort_handle()));
        ctx.spawn(attempt.into_actor(self).map(move |ended, act, ctx| {
            act.running.remove(&id);
            let outcome = ended.unwrap_or_else(|failure| {
                error!(queue = %act.name, job = %id, %failure, "a job's handler panicked");
                Outcome::Retry("its handler panicked; the log has the place".to_owned())
            });
            act.feed(Input::Ended(id, outcome), ctx);
        }));
    }
}

impl Actor for QueueActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.house.settings.mailbox);
        let (house, name) = (self.house.clone(), self.name.clone());
        let load = async move {
            let lease = house.store.lease(format!("queue/{name}")).await?;
            Ok::<_, StoreError>((lease, load(&house, &name).await?))
        };
        // Messages wait in the mailbox until the state is there.
        ctx.wait(load.into_actor(self).map(|loaded, act, ctx| match loaded {
            Ok((lease, input)) => {
                act.lease = Some(lease);
                act.feed(input, ctx);
                act.heartbeat(ctx);
            }
            Err(error) => {
                act.fate.failed(format!("load the queue {}: {error}", act.name));
                ctx.stop();
            }
        }));
    }
}

impl Handler<JobsAdded> for QueueActor {
    type Result = ();

    fn handle(&mut self, JobsAdded(jobs): JobsAdded, ctx: &mut Self::Context) {
        self.feed(Input::Added(jobs), ctx);
    }
}

impl Handler<SetPaused> for QueueActor {
    type Result = ResponseActFuture<Self, Result<(), StoreError>>;

    fn handle(&mut self, SetPaused(paused): SetPaused, ctx: &mut Self::Context) -> Self::Result {
        let before = self.state.totals().paused;
        // From here on every write says so: none that is made meanwhile takes it back.
        self.feed(Input::SetPaused(paused), ctx);
        let batch = batch_of(&[], &self.name, self.state.totals());
        let store = self.house.store.clone();
        let write = async move { store.commit(batch?).await };
        Box::pin(write.into_actor(self).map(move |written, act, ctx| {
            // Only what is written holds: a pause that a restart forgets is none.
            if written.is_err() {
                act.feed(Input::SetPaused(before), ctx);
            }
            written
        }))
    }
}

impl Handler<GetStatus> for QueueActor {
    type Result = actix::MessageResult<GetStatus>;

    fn handle(&mut self, _: GetStatus, _: &mut Self::Context) -> Self::Result {
        actix::MessageResult(self.state.status(self.house.clock.now()))
    }
}

impl Handler<Drain> for QueueActor {
    type Result = actix::ResponseFuture<()>;

    fn handle(&mut self, _: Drain, ctx: &mut Self::Context) -> Self::Result {
        let (done, drained) = tokio::sync::oneshot::channel();
        self.drained.push(done);
        self.feed(Input::Drain, ctx);
        Box::pin(async move {
            // An error means that the actor is gone: then nothing of it runs either.
            let _ = drained.await;
        })
    }
}

fn batch_of(moves: &[Move], queue: &QueueName, totals: Totals) -> Result<Batch, StoreError> {
    let mut batch = Batch::default();
    for Move { job, from, from_place } in moves {
        let old = keys::job_in(queue, from.letter(), *from_place, job.id);
        batch.expect(old.clone(), Expect::Present).delete(old);
        batch.insert(keys::job_in(queue, job.state.letter(), job.place, job.id), Vec::new());
        batch.put(keys::job(job.id), encode(job)?);
    }
    batch.put(keys::queue_totals(queue), encode(&totals)?);
    Ok(batch)
}

async fn load(house: &Arc<House>, name: &QueueName) -> Result<Input, StoreError> {
    let totals = match house.store.get(keys::queue_totals(name)).await? {
        Some(found) => decode(&found.value)?,
        None => Totals::default(),
    };
    let mut interrupted = Vec::new();
    let mut after = None;
    loop {
        let page = read_jobs(house.clone(), name.clone(), JobState::Active, after, WINDOW).await?;
        interrupted.extend(page.jobs);
        after = page.last;
        if !page.more {
            break;
        }
    }
    let counts = (count(house, name, JobState::Waiting).await?, count(house, name, JobState::Delayed).await?);
    Ok(Input::Loaded { totals, interrupted, counts })
}

async fn count(house: &House, name: &QueueName, state: JobState) -> Result<u64, StoreError> {
    let mut scan = Scan::prefix(keys::jobs_in(name, state.letter()), 10_000).keys_only();
    let mut total = 0;
    loop {
        let page = house.store.scan(scan.clone()).await?;
        total += page.len() as u64;
        match page.last() {
            Some((last, _)) if page.len() == scan.limit => scan = scan.after(last),
            _ => return Ok(total),
        }
    }
}

/// Jobs of one state.
#[derive(Debug, Default)]
pub struct JobPage {
    /// In their order.
    pub jobs: Vec<Job>,
    /// Whether there are more after them.
    pub more: bool,
    /// Place and id of the last one: where the next page begins.
    pub last: Option<(u64, JobId)>,
}

/// A page of a queue's jobs in a state, in their order, after a place.
///
/// # Errors
/// When the store cannot be read.
pub async fn read_jobs(
    house: Arc<House>,
    name: QueueName,
    state: JobState,
    after: Option<(u64, JobId)>,
    limit: usize,
) -> Result<JobPage, StoreError> {
    let mut scan = Scan::prefix(keys::jobs_in(&name, state.letter()), limit).keys_only();
    if let Some((place, id)) = after {
        scan = scan.after(&keys::job_in(&name, state.letter(), place, id));
    }
    let page = house.store.scan(scan).await?;
    let places: Vec<_> = page.iter().filter_map(|(key, _)| keys::parse_job_in(key)).collect();
    let found = house.store.get_many(places.iter().map(|(_, id)| keys::job(*id)).collect()).await?;
    let jobs: Vec<Job> = found.into_iter().flatten().map(|f| decode(&f.value)).collect::<Result<_, _>>()?;
    // One that moved on between the two reads is met in its new state, or was met already.
    let jobs = jobs.into_iter().filter(|job| job.state == state).collect();
    Ok(JobPage { jobs, more: page.len() == limit, last: places.last().copied() })
}
