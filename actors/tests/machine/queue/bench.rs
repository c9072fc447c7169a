//! One queue under a supervisor of its own, with a worker that does what a test says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::Arbiter;
use appengine_actors::clock::{Clock, Timestamp};
use appengine_actors::house::House;
use appengine_actors::ids::{JobId, OrgId, RecordId, RunId};
use appengine_actors::keys;
use appengine_actors::queue::job::{Job, JobDraft, JobState, Outcome, QueueSettings, Task};
use appengine_actors::queue::messages::{GetStatus, JobsAdded, QueueStatus};
use appengine_actors::queue::worker::Worker;
use appengine_actors::queue::{Jobs, QueueActor, read_jobs};
use appengine_actors::store::{Batch, Store, decode, encode};
use appengine_actors::supervision::{ActorPath, Child, Ref, on_arbiter, run_root};
use appengine_actors::testkit::Setup;
use appengine_actors::testkit::house::queue_name;
use appengine_actors::testkit::probe::quiet;
use appengine_actors::tree::ROOT;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

pub const QUEUE: &str = "notification";

/// What the worker does with an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    End(Outcome),
    Panic,
    Hang,
}

/// Does jobs as it is told; what is not in its script is done.
#[derive(Default)]
pub struct Hands {
    script: Mutex<VecDeque<Deed>>,
    begun: Mutex<Vec<(JobId, Timestamp)>>,
    hanging: Mutex<Vec<oneshot::Sender<Outcome>>>,
    most: Mutex<usize>,
    clock: Mutex<Option<Arc<dyn Clock>>>,
}

impl Hands {
    pub fn next(&self, deeds: impl IntoIterator<Item = Deed>) {
        self.script.lock().unwrap().extend(deeds);
    }

    /// Which attempts were begun, and when.
    pub fn begun(&self) -> Vec<(JobId, Timestamp)> {
        self.begun.lock().unwrap().clone()
    }

    pub fn hanging(&self) -> usize {
        self.hanging.lock().unwrap().iter().filter(|tell| !tell.is_closed()).count()
    }

    /// The most that hung at once.
    pub fn most(&self) -> usize {
        *self.most.lock().unwrap()
    }

    /// Lets the first attempt that hangs come to an end.
    pub fn let_go(&self, outcome: Outcome) {
        let mut hanging = self.hanging.lock().unwrap();
        hanging.retain(|tell| !tell.is_closed());
        hanging.remove(0).send(outcome).unwrap();
    }
}

impl Worker for Hands {
    fn run(&self, job: Job) -> BoxFuture<'static, Outcome> {
        let now = self.clock.lock().unwrap().as_ref().unwrap().now();
        self.begun.lock().unwrap().push((job.id, now));
        let deed = self.script.lock().unwrap().pop_front().unwrap_or(Deed::End(Outcome::Done));
        match deed {
            Deed::End(outcome) => Box::pin(async { outcome }),
            Deed::Panic => Box::pin(async { panic!("a test made the worker panic") }),
            Deed::Hang => {
                let (tell, told) = oneshot::channel();
                self.hanging.lock().unwrap().push(tell);
                let now = self.hanging();
                let mut most = self.most.lock().unwrap();
                *most = now.max(*most);
                Box::pin(async { told.await.unwrap() })
            }
        }
    }
}

pub struct Bench {
    pub setup: Setup,
    pub house: Arc<House>,
    pub hands: Arc<Hands>,
    pub queue: Ref<QueueActor>,
    stop: oneshot::Sender<()>,
}

impl Bench {
    pub fn start(setup: Setup) -> Self {
        let (house, hands) = (Arc::new(setup.house()), Arc::new(Hands::default()));
        *hands.clock.lock().unwrap() = Some(house.clock.clone());
        let path = ActorPath::root("queue");
        let settings = setup.settings.queues[&queue_name(QUEUE)].clone();
        let (shared, worker) = (house.clone(), hands.clone());
        let start = on_arbiter(house.registry.clone(), path.clone(), ROOT, Arbiter::current(), move |fate| {
            QueueActor::new((queue_name(QUEUE), settings.clone()), shared.clone(), worker.clone(), fate)
        });
        let (stop, told_to_stop) = oneshot::channel::<()>();
        let root = Child { path: path.clone(), policy: ROOT, start };
        let registry = house.registry.clone();
        tokio::spawn(async move {
            run_root(root, registry, async {
                let _ = told_to_stop.await;
            })
            .await
        });
        let queue = Ref::new(house.registry.clone(), path, setup.settings.patience);
        Self { setup, house, hands, queue, stop }
    }

    pub fn fresh() -> Self {
        Self::start(Setup::default())
    }

    /// The process dies, and another one starts.
    pub fn crash(self, kept: usize) -> Self {
        let setup = self.setup.crash(kept);
        drop(self.stop);
        Self::start(setup)
    }

    /// The queue stops and another one starts on the same store.
    pub async fn restart(self) -> Self {
        drop(self.stop);
        quiet().await;
        Self::start(self.setup)
    }

    /// Adds a job to the store as the bus does, and tells nobody.
    pub async fn add_untold(&self, due: Option<Duration>) -> Job {
        // A moment for each, so that their order is known.
        self.setup.clock.advance(Duration::from_millis(1));
        let now = self.setup.clock.now();
        let task = Task::RunFlow { flow: RecordId::new("flow-1").unwrap(), run: RunId::new(now) };
        let (id, due) = (JobId::new(now), due.map(|due| now.plus(due)));
        let draft = JobDraft { due, ..JobDraft::new(id, queue_name(QUEUE), task) };
        let job = draft.into_job(OrgId::new("my-org").unwrap(), now, 3);
        let mut batch = Batch::default();
        batch.put(keys::job(id), encode(&job).unwrap());
        batch.put(job.at(), Vec::new());
        self.setup.store.commit(batch).await.unwrap();
        job
    }

    pub async fn add(&self, due: Option<Duration>) -> JobId {
        let job = self.add_untold(due).await;
        let id = job.id;
        // Nobody there or no room: whoever adds jobs notes that the hint was lost.
        if self.queue.tell(JobsAdded(vec![job])).is_err() {
            self.house.hints.note(QUEUE);
        }
        quiet().await;
        id
    }

    pub async fn advance(&self, by: Duration) {
        quiet().await;
        self.setup.clock.advance(by);
        quiet().await;
    }

    pub async fn status(&self) -> QueueStatus {
        self.queue.ask(GetStatus).await.unwrap()
    }

    pub async fn job(&self, id: JobId) -> Job {
        decode(&self.setup.store.get(keys::job(id)).await.unwrap().unwrap().value).unwrap()
    }

    pub async fn jobs(&self, state: JobState) -> Vec<JobId> {
        let page =
            read_jobs(self.house.clone(), queue_name(QUEUE), Jobs::All(state), None, 1_000).await.unwrap();
        page.jobs.iter().map(|job| job.id).collect()
    }

    pub fn settings(&self) -> &QueueSettings {
        &self.setup.settings.queues[&queue_name(QUEUE)]
    }
}
