//! What came of an event, as one tree: the runs and their steps, the jobs, the deliveries and their
//! attempts, and the events that those caused in turn. What an operator reads to see why.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::Serialize;

use crate::event::Event;
use crate::flow::run::{Run, StepRecord};
use crate::ids::{EventId, OrgId};
use crate::keys::{self, Node};
use crate::queue::job::Job;
use crate::store::{Key, Scan, Store, StoreError, decode};
use crate::webhook::delivery::{AttemptRecord, Delivery};

/// Nodes that one trace shows; a larger tree is cut and says so.
const MOST_NODES: usize = 1_000;
/// Effects of one node that are read.
const MOST_EFFECTS: usize = 500;
/// Steps or attempts of one node that are read.
const MOST_PARTS: usize = 500;

/// An event and everything that came of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    /// The tree.
    #[serde(flatten)]
    pub root: TraceNode,
    /// Whether parts were left out because the tree is too large.
    pub truncated: bool,
}

/// A node of the tree.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TraceNode {
    /// What it is.
    #[serde(flatten)]
    pub body: TraceBody,
    /// What it led to, oldest first.
    pub children: Vec<TraceNode>,
}

/// What a node of the tree is.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum TraceBody {
    /// An event.
    Event {
        /// It.
        event: Box<Event>,
    },
    /// A run with the steps it took.
    Run {
        /// It.
        run: Box<Run>,
        /// Its steps, in order.
        steps: Vec<StepRecord>,
    },
    /// A job.
    Job {
        /// It.
        job: Box<Job>,
    },
    /// A delivery with its attempts.
    Delivery {
        /// It.
        delivery: Box<Delivery>,
        /// Its attempts, in order.
        attempts: Vec<AttemptRecord>,
    },
}

/// Makes traces.
#[derive(Clone)]
pub struct Traces(Arc<dyn Store>);

struct Walk<'a> {
    store: &'a dyn Store,
    org: &'a OrgId,
    seen: HashSet<Node>,
    truncated: bool,
}

impl Traces {
    /// Traces out of a store.
    #[must_use]
    pub const fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }

    /// The trace of an event; none when there is no such event.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn of(&self, org: &OrgId, id: EventId) -> Result<Option<Trace>, StoreError> {
        let mut walk = Walk { store: self.0.as_ref(), org, seen: HashSet::new(), truncated: false };
        let root = walk.node(Node::Event(id)).await?;
        Ok(root.map(|root| Trace { root, truncated: walk.truncated }))
    }

    /// A delivery with its attempts; none when there is no such delivery.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delivery(
        &self,
        org: &OrgId,
        id: crate::ids::DeliveryId,
    ) -> Result<Option<TraceBody>, StoreError> {
        let walk = Walk { store: self.0.as_ref(), org, seen: HashSet::new(), truncated: false };
        walk.body(Node::Delivery(id)).await
    }
}

impl<'a> Walk<'a> {
    fn node<'w>(&'w mut self, node: Node) -> BoxFuture<'w, Result<Option<TraceNode>, StoreError>>
    where
        'a: 'w,
    {
        Box::pin(async move {
            if self.seen.len() >= MOST_NODES {
                self.truncated = true;
                return Ok(None);
            }
            if !self.seen.insert(node) {
                return Ok(None);
            }
            let Some(body) = self.body(node).await? else { return Ok(None) };
            let scan = Scan::prefix(keys::effects(self.org, node), MOST_EFFECTS).keys_only();
            let effects = self.store.scan(scan).await?;
            self.truncated |= effects.len() == MOST_EFFECTS;
            let mut children = Vec::new();
            for effect in effects.iter().filter_map(|(key, _)| keys::parse_effect(key)) {
                children.extend(self.node(effect).await?);
            }
            Ok(Some(TraceNode { body, children }))
        })
    }

    async fn body(&self, node: Node) -> Result<Option<TraceBody>, StoreError> {
        Ok(match node {
            Node::Event(id) => {
                let event = self.read::<Event>(keys::event(self.org, id)).await?;
                event.map(|event| TraceBody::Event { event: Box::new(event) })
            }
            Node::Run(id) => match self.read::<Run>(keys::run(self.org, id)).await? {
                Some(run) => {
                    let steps = self.parts(keys::steps(self.org, id)).await?;
                    Some(TraceBody::Run { run: Box::new(run), steps })
                }
                None => None,
            },
            Node::Job(id) => {
                let job = self.read::<Job>(keys::job(id)).await?.filter(|job| job.org_id == *self.org);
                job.map(|job| TraceBody::Job { job: Box::new(job) })
            }
            Node::Delivery(id) => match self.read::<Delivery>(keys::delivery(self.org, id)).await? {
                Some(delivery) => {
                    let attempts = self.parts(keys::attempts(self.org, id)).await?;
                    Some(TraceBody::Delivery { delivery: Box::new(delivery), attempts })
                }
                None => None,
            },
        })
    }

    async fn read<T: serde::de::DeserializeOwned>(&self, key: Key) -> Result<Option<T>, StoreError> {
        self.store.get(key).await?.map(|found| decode(&found.value)).transpose()
    }

    async fn parts<T: serde::de::DeserializeOwned>(&self, prefix: Key) -> Result<Vec<T>, StoreError> {
        let found = self.store.scan(Scan::prefix(prefix, MOST_PARTS)).await?;
        found.iter().map(|(_, part)| decode(&part.value)).collect()
    }
}
