//! The shell around a queue's state: reads and writes the store, runs jobs, keeps time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use futures_util::FutureExt;
use tokio::sync::watch;
use tracing::{debug, error, warn};

use super::alter::Alteration;
use super::attempt::{Attempt, work};
use super::effects::{Effect, Input, Page};
use super::job::{Job, JobState, Outcome, QueueSettings, Task};
use super::lines::LineId;
use super::load::{batch_of, counts, load, paused_of};
use super::messages::{Drain, GetStatus, JobsAdded, SetPaused};
use super::outside::Desk;
use super::pages::{JobPage, Jobs, place_of, read_jobs, survey};
use super::retention::STEP;
use super::state::QueueState;
use super::worker::Worker;
use crate::clock::timeout;
use crate::house::House;
use crate::ids::{JobId, OrgId, QueueName};
use crate::keys::Side;
use crate::store::{Batch, Lease, StoreError};
use crate::supervision::{ActorPath, Alarm, Answer, ErrandId, Errands, Fate, Ref};
use crate::window::Place;

/// How long a failed read or write rests before it is tried again.
const STORE_PAUSE: Duration = Duration::from_millis(500);
/// How often it is looked whether jobs are old enough to go.
const CLEANING: Duration = Duration::from_secs(10);
/// How often a queue looks up by itself: what falls due, and hints that were lost.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// A queue.
pub struct QueueActor {
    pub(super) name: QueueName,
    pub(super) house: Arc<House>,
    pub(super) worker: Arc<dyn Worker>,
    fate: Fate,
    pub(super) state: QueueState,
    pub(super) running: HashMap<JobId, Attempt>,
    drained: Vec<tokio::sync::oneshot::Sender<()>>,
    alarm: Alarm,
    /// Held while this incarnation acts, so that no other one does.
    lease: Option<Lease>,
    /// Whoever waits for something.
    pub(super) desk: Desk,
    /// When whoever waits for jobs is told that there are none.
    pub(super) alarms: HashMap<u64, ErrandId>,
    /// What it waits for.
    pub(super) errands: Errands<Self>,
    /// Where the other queues are.
    group: Option<ActorPath>,
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
        let (running, drained, alarm) = (HashMap::new(), Vec::new(), Alarm::default());
        let (lease, desk, group, alarms) = (None, Desk::default(), None, HashMap::new());
        let errands = Errands::default();
        Self {
            name,
            house,
            worker,
            fate,
            state,
            running,
            drained,
            alarm,
            lease,
            desk,
            alarms,
            errands,
            group,
        }
    }

    /// The queue, which finds the others in this place.
    #[must_use]
    pub fn beside(mut self, group: ActorPath) -> Self {
        self.group = Some(group);
        self
    }

    /// Its name.
    pub(super) const fn name(&self) -> &QueueName {
        &self.name
    }

    /// A queue, this one or another.
    pub(super) fn queue_named(&self, name: &QueueName) -> Option<Ref<Self>> {
        let path = self.group.as_ref()?.child(name.as_str());
        Some(Ref::new(self.house.registry.clone(), path, self.house.settings.patience))
    }

    /// Tells other queues of jobs that the store has for them.
    pub(super) fn tell_others(&self, jobs: Vec<Job>) {
        let mut by_queue: HashMap<QueueName, Vec<Job>> = HashMap::new();
        jobs.into_iter().for_each(|job| by_queue.entry(job.queue.clone()).or_default().push(job));
        for (name, jobs) in by_queue {
            let told = self.queue_named(&name).is_some_and(|other| other.tell(JobsAdded(jobs)).is_ok());
            if !told {
                self.house.hints.note(name.as_str());
            }
        }
    }

    pub(super) fn feed(&mut self, input: Input, ctx: &mut Context<Self>) {
        let effects = self.state.handle(input, self.house.clock.now(), rand::random());
        for effect in effects {
            match effect {
                Effect::Write(moves, totals) => self.write(moves, totals),
                Effect::Run(job) => self.run(*job),
                Effect::Fetch { page, after, limit } => self.fetch(page, after, limit),
                Effect::Survey(of, after) => self.survey(of, after),
                Effect::Lend(ticket, jobs) => self.lend(ticket, jobs, ctx),
                Effect::Count => self.count(),
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

    fn tick_after(&mut self, pause: Duration, ctx: &mut Context<Self>) {
        self.alarm.ring_after(pause, self.house.clock.as_ref(), ctx, |act, ctx| {
            act.alarm.rang();
            act.feed(Input::Tick, ctx);
        });
    }

    fn heartbeat(&self) {
        let wait = self.house.clock.sleep(HEARTBEAT).into_actor(self);
        self.errands.send(wait.map(|(), act, ctx| {
            let missed = act.house.hints.take(act.name.as_str());
            act.feed(if missed { Input::Missed } else { Input::Tick }, ctx);
            act.spread();
            act.heartbeat();
        }));
    }

    fn clean(&self) {
        let wait = self.house.clock.sleep(CLEANING).into_actor(self);
        self.errands.send(wait.map(|(), act, _| {
            // One is enough to see whether any is to go.
            [JobState::Completed, JobState::Failed].into_iter().for_each(|state| act.remove_old(state, 1));
            act.clean();
        }));
    }

    fn remove_old(&self, state: JobState, limit: usize) {
        let read = read_jobs(self.house.clone(), self.name.clone(), Jobs::All(state), None, limit);
        let removed = read.into_actor(self).then(move |page, act, ctx| {
            let jobs = page.unwrap_or_default().jobs;
            let kept = act.state.kept(state);
            let count = kept.map_or(0, |(bound, kept)| bound.outlived(kept, &jobs, act.house.clock.now()));
            let removal = |before| Alteration { before, after: None };
            let removals = jobs.into_iter().take(count).map(removal).collect();
            act.write_altered(removals, false, Batch::default(), ctx)
        });
        self.errands.send(removed.map(move |removed, act, _| match removed {
            Ok(removed) if removed.jobs.len() >= limit => act.remove_old(state, STEP),
            Ok(_) => {}
            // The next time will do.
            Err(error) => debug!(queue = %act.name, %error, "old jobs were not removed"),
        }));
    }

    fn fetch(&self, page: Page, after: Option<Place<JobId>>, limit: usize) {
        let which = match &page {
            Page::Delayed => Jobs::All(JobState::Delayed),
            Page::Line(line) => Jobs::Line(Side::Inside, line.clone()),
            Page::Outside(line) => Jobs::Line(Side::Outside, line.clone()),
        };
        let after = after.map(|after| place_of(&self.name, &which, after));
        let read = read_jobs(self.house.clone(), self.name.clone(), which, after, limit).into_actor(self);
        self.errands.send(read.map(move |read, act, ctx| match read {
            Ok(JobPage { jobs, more, .. }) => act.feed(Input::Fetched { page, jobs, more }, ctx),
            Err(error) => act.after_pause(&error, Input::FetchFailed(page)),
        }));
    }

    fn survey(&self, of: Option<OrgId>, after: Option<LineId>) {
        let read = survey(self.house.clone(), self.name.clone(), of.clone(), after).into_actor(self);
        self.errands.send(read.map(move |read, act, ctx| match read {
            Ok((lines, more)) => act.feed(Input::Surveyed { of, lines, more }, ctx),
            Err(error) => act.after_pause(&error, Input::SurveyFailed(of)),
        }));
    }

    fn count(&self) {
        let (house, name) = (self.house.clone(), self.name.clone());
        let count = async move { counts(&house, &name).await }.into_actor(self);
        self.errands.send(count.map(|counted, act, ctx| match counted {
            Ok(counts) => act.feed(Input::Counted(counts), ctx),
            // What is shown is a little off until the next time.
            Err(error) => debug!(queue = %act.name, %error, "jobs could not be counted"),
        }));
    }

    pub(super) fn after_pause(&self, error: &StoreError, input: Input) {
        warn!(queue = %self.name, %error, "jobs could not be read or written, trying again");
        let wait = self.house.clock.sleep(STORE_PAUSE).into_actor(self);
        self.errands.send(wait.map(move |(), act, ctx| act.feed(input, ctx)));
    }

    fn run(&mut self, job: Job) {
        crate::failpoint::pass("job.run");
        let (id, limit) = (job.id, job.terms.timeout().unwrap_or(self.state.settings().timeout));
        let (clock, stuck_after) = (self.house.clock.clone(), self.state.settings().stuck_after);
        let (done, signal) = match &job.task {
            Task::Work { kind } => match self.worker.handler(kind) {
                Some(handler) => {
                    let (signal, cancelled) = watch::channel(false);
                    (work(self.house.clone(), job, handler, stuck_after, cancelled).boxed(), Some(signal))
                }
                None => {
                    let nobody = Outcome::Retry(format!("nobody in this process does `{kind}`"));
                    (std::future::ready(nobody).boxed(), None)
                }
            },
            _ => (self.worker.run(job), None),
        };
        let attempt = tokio::spawn(async move {
            let done = timeout(clock.as_ref(), limit, done).await;
            done.unwrap_or_else(|| Outcome::Retry(format!("it took longer than {limit:?}")))
        });
        self.running.insert(id, Attempt::of(attempt.abort_handle(), signal));
        self.errands.send(attempt.into_actor(self).map(move |ended, act, ctx| {
            let cancelled_by = act.running.remove(&id).and_then(Attempt::end);
            let outcome = match (ended, cancelled_by) {
                (Ok(Outcome::Done), _) => Outcome::Done,
                (_, Some(by)) => Outcome::Cancelled(by),
                (Ok(outcome), None) => outcome,
                (Err(failure), None) => {
                    error!(queue = %act.name, job = %id, %failure, "a job's handler panicked");
                    Outcome::Retry("its handler panicked; the log has the place".to_owned())
                }
            };
            crate::failpoint::pass("job.end");
            act.feed(Input::Ended(id, outcome), ctx);
        }));
    }
}

impl Actor for QueueActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.house.settings.mailbox);
        self.errands.begin(ctx);
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
                act.heartbeat();
                act.clean();
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
    type Result = Answer<Self, Result<(), StoreError>>;

    fn handle(&mut self, SetPaused { whose, paused }: SetPaused, ctx: &mut Self::Context) -> Self::Result {
        let before = match &whose {
            Some(held) => self.state.paused().contains(held),
            None => self.state.totals().paused,
        };
        // From here on every write says so: none that is made meanwhile takes it back.
        self.feed(Input::SetPaused(whose.clone(), paused), ctx);
        let batch = match whose {
            Some(_) => paused_of(&self.name, self.state.paused()),
            None => batch_of(&[], &self.name, self.state.totals()),
        };
        let store = self.house.store.clone();
        let write = async move { store.commit(batch?).await };
        self.errands.answer(write.into_actor(self).map(move |written, act, ctx| {
            // Only what is written holds: a pause that a restart forgets is none.
            if written.is_err() {
                act.feed(Input::SetPaused(whose, before), ctx);
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
