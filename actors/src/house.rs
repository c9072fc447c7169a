//! What every actor of one machine shares: the ports, the clock, the names and the limits. It holds no
//! state of its own and decides nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, Stamper};
use crate::feed::{Feed, LostHints};
use crate::ids::QueueName;
use crate::inbound::sync::Syncer;
use crate::inbound::translator::Translator;
use crate::ports::{FileLinks, Keeper, Vault};
use crate::queue::job::{QueueSettings, WorkSettings};
use crate::queue::worker::Handlers;
use crate::retention::Ages;
use crate::retry::{Backoff, Curve};
use crate::session::board::Board;
use crate::session::desk::DeskSettings;
use crate::session::hall::Hall;
use crate::session::presence::Presence;
use crate::session::stream::model::Model;
use crate::session::stream::tools::ToolBox;
use crate::session::stream::{Running, StreamSettings};
use crate::store::Store;
use crate::supervision::Registry;
use crate::webhook::breaker::BreakerSettings;
use crate::webhook::counts::DeliveryCounts;
use crate::webhook::transport::Transport;

/// The shared parts.
pub struct House {
    /// Where everything durable is.
    pub store: Arc<dyn Store>,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Gives commits their order.
    pub stamper: Stamper,
    /// Who is where.
    pub registry: Registry,
    /// What happens, for those who watch.
    pub feed: Feed,
    /// Who is here to hear what is said.
    pub hall: Hall,
    /// What the desks have not looked at.
    pub board: Board,
    /// Who is where, on which device.
    pub presence: Presence,
    /// Hints that could not be delivered.
    pub hints: LostHints,
    /// What became of webhooks.
    pub deliveries: DeliveryCounts,
    /// How requests leave.
    pub transport: Arc<dyn Transport>,
    /// How secrets are kept.
    pub vault: Arc<dyn Vault>,
    /// Where uploaded files are read.
    pub links: Arc<dyn FileLinks>,
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
    /// How many answers go on.
    pub answers: Running,
    /// Who does which work within this process.
    pub handlers: Handlers,
    /// Limits and defaults.
    pub settings: Settings,
}

/// Limits and defaults, as configured.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Messages that wait for one actor.
    pub mailbox: usize,
    /// How long a question waits for its answer, restarts included.
    pub patience: Duration,
    /// Bytes of the largest event or record.
    pub value_limit: usize,
    /// Records that one query may look at.
    pub query_documents: usize,
    /// How each queue treats its jobs.
    pub queues: BTreeMap<QueueName, QueueSettings>,
    /// How work is kept.
    pub work: WorkSettings,
    /// How flows run.
    pub flows: FlowSettings,
    /// How webhooks are sent.
    pub webhooks: WebhookSettings,
    /// How conversations are given to the staff.
    pub desk: DeskSettings,
    /// What answers of language models may do.
    pub streams: StreamSettings,
    /// Whether schedules happen.
    pub schedules: bool,
    /// How long history is kept.
    pub retention: Ages,
}

/// How flows run.
#[derive(Debug, Clone)]
pub struct FlowSettings {
    /// Runs that may cause one another in a chain, whatever their flows say.
    pub max_depth: u32,
    /// Runs side by side that may come of one event from outside.
    pub max_breadth: u32,
    /// Steps that one run may take.
    pub max_steps: u32,
    /// The whole life of a run, its pauses included.
    pub run_timeout: Duration,
}

/// How webhooks are sent.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// For one attempt, in all.
    pub timeout: Duration,
    /// Pauses after failed attempts, where a delivery has none of its own.
    pub backoff: Backoff,
    /// Requests to one destination at once.
    pub concurrency: usize,
    /// When nothing is sent to a receiver for a while, and when to an endpoint no more.
    pub breaker: BreakerSettings,
}

impl WebhookSettings {
    /// The pauses after failed attempts, in milliseconds.
    #[must_use]
    pub fn schedule(&self) -> Vec<u64> {
        let Curve::Schedule { delays } = self.backoff.curve() else { return Vec::new() };
        delays.iter().map(|delay| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)).collect()
    }
}
