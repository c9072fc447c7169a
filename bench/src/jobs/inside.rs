//! The library in this process: the machine on its store, jobs that are added by asking the queue and done by a
//! handler.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use actix::Arbiter;
use anyhow::Context;
use appengine::auth::sealing::RootSecret;
use appengine::outbound::http::{HttpOptions, HttpTransport};
use appengine::store::{Options, open};
use appengine_actors::bus::listeners::ListenersBuilder;
use appengine_actors::clock::{Clock, Stamp, Stamper, SystemClock};
use appengine_actors::feed::{Feed, LostHints};
use appengine_actors::house::{FlowSettings, House, Settings, WebhookSettings};
use appengine_actors::ids::{OrgId, QueueName};
use appengine_actors::inbound::sync::NoSync;
use appengine_actors::inbound::translator::NoVendors;
use appengine_actors::machine::Machine;
use appengine_actors::ports::{KeepsNothing, NoFiles};
use appengine_actors::queue::QueueActor;
use appengine_actors::queue::add::WorkDraft;
use appengine_actors::queue::add::messages::AddWork;
use appengine_actors::queue::job::{Job, Outcome, QueueSettings, WorkSettings};
use appengine_actors::queue::lines::Shares;
use appengine_actors::queue::messages::{GetStatus, SetPaused};
use appengine_actors::queue::retention::{Bound, Keep};
use appengine_actors::queue::worker::{Handler, Handlers, JobContext};
use appengine_actors::retry::Backoff;
use appengine_actors::session::board::Board;
use appengine_actors::session::desk::DeskSettings;
use appengine_actors::session::hall::Hall;
use appengine_actors::session::presence::Presence;
use appengine_actors::session::stream::model::NoModel;
use appengine_actors::session::stream::tools::NoTools;
use appengine_actors::session::stream::{Running, StreamSettings};
use appengine_actors::supervision::{Ref, Registry};
use appengine_actors::webhook::breaker::BreakerSettings;
use appengine_actors::webhook::counts::DeliveryCounts;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{
    ADDED_AT_ONCE, ADDED_BULKS, ADDED_ONE, AT_ONCE, BACKLOG, BEGUN, BULK, BUSY, CONCURRENCY, DONE_BUSY,
    DONE_ONE, HELD, IDLE, JOB, ONE_BY_ONE, QUEUE, SERIAL, WARM, durability, lanes, payload,
};
use crate::measured::{Side, Since};
use crate::{IN_FLIGHT, cores};

/// A job that says when it is begun.
pub const TOLD: &str = "bench.told";

struct Nothing;

impl Handler for Nothing {
    fn work(&self, _: Job, _: JobContext) -> BoxFuture<'static, Outcome> {
        Box::pin(ready(Outcome::Done))
    }
}

struct Tells(mpsc::Sender<Instant>);

impl Handler for Tells {
    fn work(&self, _: Job, _: JobContext) -> BoxFuture<'static, Outcome> {
        // Whoever adds one waits for it before the next.
        let told = self.0.try_send(Instant::now());
        Box::pin(ready(if told.is_ok() { Outcome::Done } else { Outcome::Fail("nobody listens".to_owned()) }))
    }
}

/// A machine on a store of its own.
pub struct Inside {
    machine: Machine,
    /// Its queue.
    pub jobs: Jobs,
    begun: mpsc::Receiver<Instant>,
    ended: tokio::task::JoinHandle<Result<(), String>>,
    arbiters: Vec<Arbiter>,
    folder: tempfile::TempDir,
}

/// The queue of a machine.
#[derive(Clone)]
pub struct Jobs(Ref<QueueActor>);

impl Inside {
    /// Starts it, with a queue that does so many jobs at once and is paused.
    pub async fn start(durability_name: &str, concurrency: usize) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let options = Options { durability: durability(durability_name)?, ..Options::default() };
        let store = open(folder.path(), &options)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let (tell, begun) = mpsc::channel(1);
        let house = House {
            store,
            stamper: Stamper::new(clock.clone(), Stamp::default()),
            registry: Registry::new(clock.clone()),
            clock,
            feed: Feed::default(),
            hall: Hall::default(),
            board: Board::default(),
            presence: Presence::default(),
            hints: LostHints::default(),
            deliveries: DeliveryCounts::default(),
            transport: Arc::new(HttpTransport::new(&HttpOptions::default())?),
            vault: Arc::new(RootSecret::new(&[7; 32])?.vault()?),
            links: Arc::new(NoFiles),
            keeper: Arc::new(KeepsNothing),
            translator: Arc::new(NoVendors),
            syncer: Arc::new(NoSync),
            model: Arc::new(NoModel),
            tools: Arc::new(NoTools),
            answers: Running::default(),
            handlers: Handlers::default().with(JOB, Nothing).with(TOLD, Tells(tell)),
            settings: settings(concurrency)?,
        };
        let arbiters: Vec<Arbiter> = (0..cores()).map(|_| Arbiter::new()).collect();
        let handles = arbiters.iter().map(Arbiter::handle).collect();
        let (machine, ended) = Machine::start(house, ListenersBuilder::default().build(), handles)?;
        let ended = actix::spawn(ended);
        let queue = machine.queues.get(&QueueName::new(QUEUE)?).context("there is no such queue")?.clone();
        let jobs = Jobs(queue);
        jobs.pause(true).await?;
        Ok(Self { machine, jobs, begun, ended, arbiters, folder })
    }

    /// Adds a job, and says after how many milliseconds it was begun.
    pub async fn wait_of_one(&mut self, org: &OrgId) -> anyhow::Result<f64> {
        let asked = Instant::now();
        self.jobs.add(org, TOLD, 0..1).await?;
        let begun = self.begun.recv().await.context("the queue is gone")?;
        Ok(begun.saturating_duration_since(asked).as_secs_f64() * 1e3)
    }

    /// Ends it.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.machine.stop();
        drop(self.machine);
        self.ended.await?.map_err(anyhow::Error::msg)?;
        for arbiter in self.arbiters {
            arbiter.stop();
            let _ = arbiter.join();
        }
        drop(self.folder);
        Ok(())
    }
}

impl Jobs {
    /// Takes no more jobs, or takes them again.
    pub async fn pause(&self, paused: bool) -> anyhow::Result<()> {
        Ok(self.0.ask(SetPaused { whose: None, paused }).await??)
    }

    /// Adds jobs as one commit.
    pub async fn add(&self, org: &OrgId, kind: &str, numbers: std::ops::Range<usize>) -> anyhow::Result<()> {
        let draft = |number| WorkDraft::new(kind.to_owned(), payload(number));
        self.0.ask(AddWork { org: org.clone(), drafts: numbers.map(draft).collect() }).await??;
        Ok(())
    }

    /// Adds many jobs in bulks, one after the other.
    pub async fn fill(&self, org: &OrgId, count: usize) -> anyhow::Result<()> {
        for from in (0..count).step_by(BULK) {
            self.add(org, JOB, from..(from + BULK).min(count)).await?;
        }
        Ok(())
    }

    /// Does what there is.
    pub async fn work(&self) -> anyhow::Result<()> {
        self.pause(false).await?;
        loop {
            let status = self.0.ask(GetStatus).await?;
            if status.waiting + status.active == 0 {
                return Ok(());
            }
            crate::pause(Duration::from_millis(5)).await;
        }
    }
}

fn settings(concurrency: usize) -> anyhow::Result<Settings> {
    let day = Duration::from_secs(86_400);
    let kept = Bound { age: day, count: 100_000 };
    let queue = QueueSettings {
        concurrency,
        attempts: 5,
        backoff: Backoff::webhook(),
        timeout: Duration::from_secs(60),
        stuck_after: Duration::from_secs(60),
        leases: 1_000,
        rate: None,
        shares: Shares::default(),
        keep: Keep { completed: kept, failed: kept },
    };
    Ok(Settings {
        mailbox: 1_024,
        patience: Duration::from_secs(20),
        value_limit: 1024 * 1024,
        query_documents: 100_000,
        queues: [(QueueName::new(QUEUE)?, queue)].into(),
        work: WorkSettings { payload: 64 * 1024, sealed: false },
        desk: DeskSettings {
            agent_grace: Duration::from_secs(60),
            agent_capacity: 5,
            handle_time: Duration::from_secs(300),
        },
        streams: StreamSettings {
            keep: day,
            max_bytes: 1024 * 1024,
            max_steps: 10,
            tool_wait: Duration::from_secs(600),
            max_running: 1_000,
            resume: false,
        },
        schedules: true,
        retention: appengine_actors::retention::Ages::default(),
        flows: FlowSettings { max_depth: 20, max_breadth: 10_000, max_steps: 1_000, run_timeout: day },
        webhooks: WebhookSettings {
            timeout: Duration::from_secs(15),
            backoff: Backoff::webhook(),
            concurrency: 8,
            breaker: BreakerSettings::default(),
        },
    })
}

/// Every figure once.
pub async fn measure(durability: &str) -> anyhow::Result<()> {
    let side = Side { name: "in process", durability: durability.to_owned() };
    let org = OrgId::new("bench")?;
    // First, so that nothing is held of what came before.
    let inside = Inside::start(durability, CONCURRENCY).await?;
    inside.jobs.fill(&org, 2 * BULK).await?;
    let since = Since::now(None)?;
    inside.jobs.fill(&org, BACKLOG - 2 * BULK).await?;
    side.rate(ADDED_BULKS, BACKLOG - 2 * BULK, &since, None)?;
    side.memory(HELD, None)?;
    inside.stop().await?;

    for (figure, count, at_once) in [(ADDED_ONE, ONE_BY_ONE, 1), (ADDED_AT_ONCE, AT_ONCE, IN_FLIGHT)] {
        let inside = Inside::start(durability, CONCURRENCY).await?;
        let add = async |_, number| inside.jobs.add(&org, JOB, number..number + 1).await;
        lanes(WARM, at_once, add).await?;
        let since = Since::now(None)?;
        lanes(count, at_once, add).await?;
        side.rate(figure, count, &since, None)?;
        inside.stop().await?;
    }
    for (figure, count, concurrency) in [(DONE_ONE, SERIAL, 1), (DONE_BUSY, BUSY, CONCURRENCY)] {
        let inside = Inside::start(durability, concurrency).await?;
        inside.jobs.fill(&org, WARM).await?;
        inside.jobs.work().await?;
        inside.jobs.pause(true).await?;
        inside.jobs.fill(&org, count).await?;
        let since = Since::now(None)?;
        inside.jobs.work().await?;
        side.rate(figure, count, &since, None)?;
        inside.stop().await?;
    }
    let mut inside = Inside::start(durability, 1).await?;
    inside.jobs.pause(false).await?;
    let mut waits = Vec::new();
    for number in 0..IDLE + IDLE / 5 {
        let wait = inside.wait_of_one(&org).await?;
        if number >= IDLE / 5 {
            waits.push(wait);
        }
        crate::pause(Duration::from_millis(2)).await;
    }
    side.latency(BEGUN, waits)?;
    inside.stop().await
}
