//! A whole machine in one call: on a store in memory, a clock turned by hand and a transport out of a
//! script, on this thread alone, so that a test decides everything that happens and in which order.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::task::JoinHandle;

use super::clock::ManualClock;
use super::memory::MemoryStore;
use super::probe::{quiet, until};
use super::settings::settings;
use super::transport::ScriptedTransport;
use super::vault::PlainVault;
use crate::bus::change::{Change, ChangeError, Receipt};
use crate::bus::listeners::{Listeners, ListenersBuilder};
use crate::clock::{Clock, Stamper};
use crate::event::{EventDraft, EventKind};
use crate::feed::{Feed, LostHints};
use crate::flow::book::{RunsWanted, Saver};
use crate::flow::run::{Run, StepRecord};
use crate::house::{House, Settings};
use crate::ids::{Datatype, DeliveryId, EventId, OrgId, QueueName, RecordId, RunId};
use crate::inbound::sync::{NoSync, Syncer};
use crate::inbound::translator::{NoVendors, Translator};
use crate::keys;
use crate::list::Slice;
use crate::machine::Machine;
use crate::ports::{Keeper, KeepsNothing, NoFiles};
use crate::queue::job::{Job, JobState};
use crate::queue::messages::QueueStatus;
use crate::queue::worker::Handlers;
use crate::queue::{Jobs, read_jobs};
use crate::record::model::Record;
use crate::record::service::{Created, NewRecord, Origin};
use crate::rights::role::Role;
use crate::rights::{Kind, Rights};
use crate::session::board::Board;
use crate::session::hall::Hall;
use crate::session::presence::Presence;
use crate::session::stream::Running;
use crate::session::stream::model::{Model, NoModel};
use crate::session::stream::tools::{NoTools, ToolBox};
use crate::store::{Batch, Scan, Store, decode};
use crate::supervision::{ActorPath, Ref, Registry};
use crate::webhook::counts::DeliveryCounts;
use crate::webhook::delivery::{AttemptRecord, Delivery};

/// The owner, who saves flows.
pub const ADA: Saver<'static> =
    Saver { name: "ada", rights: Rights { kind: Kind::User, roles: &[Role::Owner], scopes: None } };

/// What a [`TestHouse`] is made of.
pub struct Setup {
    /// Where everything durable is.
    pub store: MemoryStore,
    /// Where time comes from.
    pub clock: ManualClock,
    /// How requests leave.
    pub transport: ScriptedTransport,
    /// Who hears events in this process.
    pub listeners: Listeners,
    /// Limits.
    pub settings: Settings,
    /// Gives commits their order.
    pub stamper: Stamper,
    /// What no change may take away.
    pub keeper: Arc<dyn Keeper>,
    /// What vendors' calls mean.
    pub translator: Arc<dyn Translator>,
    /// How their listings are read.
    pub syncer: Arc<dyn Syncer>,
    /// What answers prompts.
    pub model: Arc<dyn Model>,
    /// What it may use.
    pub tools: Arc<dyn ToolBox>,
    /// Who does which work within the process.
    pub handlers: Handlers,
}

impl Default for Setup {
    fn default() -> Self {
        let clock = ManualClock::default();
        Self {
            store: MemoryStore::default(),
            transport: ScriptedTransport::new(Arc::new(clock.clone())),
            listeners: ListenersBuilder::default().build(),
            settings: settings(),
            stamper: Stamper::new(Arc::new(clock.clone()), crate::clock::Stamp::default()),
            keeper: Arc::new(KeepsNothing),
            translator: Arc::new(NoVendors),
            syncer: Arc::new(NoSync),
            model: Arc::new(NoModel),
            tools: Arc::new(NoTools),
            handlers: Handlers::default(),
            clock,
        }
    }
}

impl Setup {
    /// The shared parts of a machine, for tests of single actors.
    #[must_use]
    pub fn house(&self) -> House {
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        House {
            store: Arc::new(self.store.clone()),
            clock: clock.clone(),
            stamper: self.stamper.clone(),
            registry: Registry::new(clock),
            feed: Feed::default(),
            hall: Hall::default(),
            board: Board::default(),
            presence: Presence::default(),
            hints: LostHints::default(),
            deliveries: DeliveryCounts::default(),
            transport: Arc::new(self.transport.clone()),
            vault: Arc::new(PlainVault),
            links: Arc::new(NoFiles),
            keeper: self.keeper.clone(),
            translator: self.translator.clone(),
            syncer: self.syncer.clone(),
            model: self.model.clone(),
            tools: self.tools.clone(),
            answers: Running::default(),
            handlers: self.handlers.clone(),
            settings: self.settings.clone(),
        }
    }

    /// The process dies at once, and another one finds on the disk all that was acknowledged, and of the
    /// batches that wait the first `kept`.
    #[must_use]
    pub fn crash(self, kept: usize) -> Self {
        Self { store: self.store.crash(kept), transport: self.transport.crash(), ..self }
    }

    /// Starts a machine; it runs on this thread.
    #[must_use]
    pub fn start(self) -> TestHouse {
        let (machine, ended) = Machine::start(self.house(), self.listeners.clone(), Vec::new())
            .expect("built-in names are names");
        let org = OrgId::new("my-org").expect("it is a name");
        TestHouse { machine, org, ended: tokio::spawn(ended), setup: self }
    }
}

/// A running machine and its surroundings. All questions are asked in the name of `org`.
pub struct TestHouse {
    /// The machine.
    pub machine: Machine,
    /// The organisation that the short forms below speak for.
    pub org: OrgId,
    /// Ends when the machine does.
    pub ended: JoinHandle<Result<(), String>>,
    /// What it runs on.
    pub setup: Setup,
}

impl TestHouse {
    /// A machine on an empty store.
    #[must_use]
    pub fn start() -> Self {
        Setup::default().start()
    }

    /// The shared parts.
    #[must_use]
    pub fn house(&self) -> &Arc<House> {
        &self.machine.house
    }

    /// The store.
    #[must_use]
    pub const fn store(&self) -> &MemoryStore {
        &self.setup.store
    }

    /// The transport.
    #[must_use]
    pub const fn transport(&self) -> &ScriptedTransport {
        &self.setup.transport
    }

    /// Lets everything settle, turns the clock, and lets everything settle again.
    pub async fn advance(&self, by: Duration) {
        quiet().await;
        self.setup.clock.advance(by);
        quiet().await;
    }

    /// A moment passes, so that what follows is known to be later: order within a millisecond is not kept.
    pub fn tick(&self) {
        self.setup.clock.advance(Duration::from_millis(1));
    }

    /// The process dies at once and another one starts; see [`Setup::crash`].
    #[must_use]
    pub fn crash(self, kept: usize) -> Self {
        let Self { machine, org, setup, .. } = self;
        let next = setup.crash(kept);
        // The old actors notice when they get their turn; what they hold is dead by now.
        drop(machine);
        Self { org, ..next.start() }
    }

    /// The machine stops in good order and another one starts in the same process.
    pub async fn restart(self) -> Self {
        let Self { machine, org, ended, setup } = self;
        machine.stop();
        assert_eq!(ended.await.expect("the root does not panic"), Ok(()));
        quiet().await;
        Self { org, ..setup.start() }
    }

    /// A name of an actor below the root, such as `events/bus`.
    #[must_use]
    pub fn actor<A: actix::Actor>(&self, path: &str) -> Ref<A> {
        let registry = self.house().registry.clone();
        Ref::new(registry, self.path(path), self.setup.settings.patience)
    }

    /// A place below the root.
    #[must_use]
    pub fn path(&self, path: &str) -> ActorPath {
        path.split('/').fold(ActorPath::root("machine"), |place, name| place.child(name))
    }

    /// Enters the organisation, so that its flows are found at the next start.
    pub async fn found_org(&self) {
        let mut batch = Batch::default();
        batch.put(keys::org(&self.org), b"{}".to_vec());
        self.store().commit(batch).await.expect("the store takes it");
    }

    /// Publishes an event from outside.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn try_publish(&self, kind: &str, data: Value) -> Result<Receipt, ChangeError> {
        let mut change = Change::default();
        change.events.push(self.draft(kind, data));
        self.machine.publisher.commit(self.org.clone(), change).await
    }

    /// Publishes an event from outside.
    pub async fn publish(&self, kind: &str, data: Value) -> EventId {
        self.tick();
        let receipt = self.try_publish(kind, data).await.expect("the event is accepted");
        receipt.events[0].id
    }

    /// An event that could be published.
    #[must_use]
    pub fn draft(&self, kind: &str, data: Value) -> EventDraft {
        let kind = EventKind::new(kind).expect("it is a kind");
        EventDraft { id: EventId::new(self.setup.clock.now()), kind, data, occurred_at: None }
    }

    /// Creates a record with these application fields.
    pub async fn create(&self, datatype: &str, data: Value) -> Record {
        self.tick();
        let Value::Object(data) = data else { panic!("application fields are an object") };
        let datatype = Datatype::new(datatype).expect("it is a name");
        let new = NewRecord { datatype, sk: None, data, meta: Map::new(), once: false };
        let created = self.machine.records.create(&self.org, new, &Origin::default()).await;
        match created.expect("the record is accepted") {
            Created::New(record) => *record,
            Created::Repeat => unreachable!("it was not asked to be noticed"),
        }
    }

    /// A record as it is now.
    pub async fn record(&self, datatype: &str, sk: &RecordId) -> Option<Record> {
        let datatype = Datatype::new(datatype).expect("it is a name");
        let read = self.machine.records.read(&self.org, &datatype, sk).await.expect("the store answers");
        read.map(|read| read.record)
    }

    /// Every record of a datatype.
    pub async fn records(&self, datatype: &str) -> Vec<Record> {
        let datatype = Datatype::new(datatype).expect("it is a name");
        self.all(keys::records(&self.org, &datatype)).await
    }

    /// Stores a flow.
    pub async fn flow(&self, body: Value) -> RecordId {
        self.machine.flows.create(&self.org, &body, ADA).await.expect("the flow is accepted").sk
    }

    /// Stores an active flow of the short form.
    pub async fn short_flow(&self, on: &str, actions: Value) -> RecordId {
        self.flow(json!({"name": on, "trigger": {"type": on}, "actions": actions})).await
    }

    /// The runs of a flow, oldest first.
    pub async fn runs(&self, flow: &RecordId) -> Vec<Run> {
        let wanted = RunsWanted { flow: Some(flow.clone()), ..RunsWanted::default() };
        let runs = self.machine.flows.runs(&self.org, &wanted, Slice { skip: 0, limit: 100 }).await;
        let mut runs = runs.expect("the store answers").rows;
        runs.reverse();
        runs
    }

    /// The only run of a flow, once it is at its end.
    pub async fn ended_run(&self, flow: &RecordId) -> (Run, Vec<StepRecord>) {
        let run = until("the flow's run is at its end", async || {
            let runs = self.runs(flow).await;
            assert!(runs.len() < 2, "there is more than one run");
            runs.into_iter().find(|run| run.status.is_final())
        });
        let run = run.await;
        (run.clone(), self.run(run.id).await.1)
    }

    /// A run and its steps.
    pub async fn run(&self, id: RunId) -> (Run, Vec<StepRecord>) {
        self.machine.flows.run(&self.org, id).await.expect("there is such a run")
    }

    /// Every delivery, oldest first.
    pub async fn deliveries(&self) -> Vec<Delivery> {
        self.all(keys::deliveries(&self.org)).await
    }

    /// Every attempt at a delivery, in order.
    pub async fn attempts(&self, id: DeliveryId) -> Vec<AttemptRecord> {
        self.all(keys::attempts(&self.org, id)).await
    }

    /// How a queue is.
    pub async fn queue(&self, name: &str) -> QueueStatus {
        let status = self.machine.queues.status(&queue_name(name)).await;
        status.expect("there is such a queue").expect("it answers")
    }

    /// A queue's jobs in a state, in their order.
    pub async fn jobs(&self, queue: &str, state: JobState) -> Vec<Job> {
        let page = read_jobs(self.house().clone(), queue_name(queue), Jobs::All(state), None, 1_000).await;
        page.expect("the store answers").jobs
    }

    async fn all<T: serde::de::DeserializeOwned>(&self, prefix: crate::store::Key) -> Vec<T> {
        let found = self.store().scan(Scan::prefix(prefix, 10_000)).await.expect("the store answers");
        found.iter().map(|(_, found)| decode(&found.value).expect("it is what its key says")).collect()
    }
}

/// A queue's name.
#[must_use]
pub fn queue_name(name: &str) -> QueueName {
    QueueName::new(name).expect("it is a name")
}
