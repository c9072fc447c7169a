//! Names and where they live now. A restarted actor has a new address; callers hold a [`Ref`], which
//! looks the address up by name, waits for the next incarnation when one died, and asks it once more.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix::dev::{MessageResponse, ToEnvelope};
use actix::{Actor, Addr, Handler, MailboxError, Message};
use tokio::sync::Notify;

use super::policy::Restart;
use crate::clock::{Clock, Timestamp, timeout};

/// An actor's place in the tree, such as `machine/queues/notification`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct ActorPath(Arc<str>);

impl ActorPath {
    /// The top of a tree.
    #[must_use]
    pub fn root(name: &str) -> Self {
        Self(name.into())
    }

    /// A child of this place.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        Self(format!("{}/{name}", self.0).into())
    }

    /// The whole path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ActorPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ActorPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a child is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChildState {
    /// It takes messages.
    Running,
    /// It ended and starts again after its pause.
    Restarting,
    /// It ended for good.
    Ended,
}

/// What an operator sees of a child.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChildStatus {
    /// Its place.
    pub path: ActorPath,
    /// Its policy.
    pub restart: Restart,
    /// What it is doing.
    pub state: ChildState,
    /// Grows with every incarnation of anything in this machine.
    pub generation: u64,
    /// Times its present supervisor has restarted it.
    pub restarts: u64,
    /// How it ended last.
    pub last_exit: Option<String>,
    /// When it came to its present state.
    pub since: Timestamp,
    /// Requests that callers wait for now, in the mailbox or in hand.
    pub pending_asks: usize,
}

struct Entry {
    addr: Option<Box<dyn Any + Send + Sync>>,
    asks: Arc<()>,
    status: ChildStatus,
}

struct Inner {
    entries: Mutex<BTreeMap<ActorPath, Entry>>,
    generations: AtomicU64,
    changed: Notify,
    clock: Arc<dyn Clock>,
}

/// All names of one machine.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let (entries, changed) = (Mutex::new(BTreeMap::new()), Notify::new());
        Self(Arc::new(Inner { entries, generations: AtomicU64::new(0), changed, clock }))
    }

    /// The clock that waits are measured with.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<ActorPath, Entry>> {
        // A panic while the map is locked leaves it whole: every change below is one insert or write.
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a new incarnation under its name.
    pub fn enter<A: Actor>(&self, path: &ActorPath, restart: Restart, restarts: u64, addr: Addr<A>) {
        let since = self.0.clock.now();
        let mut entries = self.entries();
        let before = entries.get(path).map(|entry| &entry.status);
        let status = ChildStatus {
            path: path.clone(),
            restart,
            state: ChildState::Running,
            generation: self.0.generations.fetch_add(1, Ordering::Relaxed) + 1,
            restarts,
            last_exit: before.and_then(|s| s.last_exit.clone()),
            since,
            pending_asks: 0,
        };
        entries.insert(path.clone(), Entry { addr: Some(Box::new(addr)), asks: Arc::new(()), status });
        drop(entries);
        self.0.changed.notify_waiters();
    }

    /// Takes note that the present incarnation is gone.
    pub fn leave(&self, path: &ActorPath, state: ChildState, exit: &str) {
        let since = self.0.clock.now();
        if let Some(entry) = self.entries().get_mut(path) {
            entry.addr = None;
            entry.status.state = state;
            entry.status.last_exit = Some(exit.to_owned());
            entry.status.since = since;
        }
    }

    /// Forgets a name for good.
    pub fn forget(&self, path: &ActorPath) {
        self.entries().remove(path);
        self.0.changed.notify_waiters();
    }

    /// Takes note that an incarnation stops because its group does. A later one of the same name stays.
    pub(super) fn leave_with_group(&self, path: &ActorPath, generation: Option<u64>) {
        if self.generation(path) == generation && self.is_running(path) {
            self.leave(path, ChildState::Ended, "stopped with its group");
        }
    }

    fn is_running(&self, path: &ActorPath) -> bool {
        self.entries().get(path).is_some_and(|entry| entry.addr.is_some())
    }

    /// Every child there is, in the order of their paths.
    #[must_use]
    pub fn statuses(&self) -> Vec<ChildStatus> {
        let count = |entry: &Entry| ChildStatus {
            pending_asks: Arc::strong_count(&entry.asks) - 1,
            ..entry.status.clone()
        };
        self.entries().values().map(count).collect()
    }

    /// The names of permanent children that do not run now.
    #[must_use]
    pub fn missing(&self) -> Vec<ActorPath> {
        let missing = |s: &ChildStatus| s.restart == Restart::Permanent && s.state != ChildState::Running;
        self.entries().values().map(|e| &e.status).filter(|s| missing(s)).map(|s| s.path.clone()).collect()
    }

    /// The number of the incarnation that has this name now.
    #[must_use]
    pub fn generation(&self, path: &ActorPath) -> Option<u64> {
        self.entries().get(path).map(|entry| entry.status.generation)
    }

    pub(super) fn find<A: Actor>(&self, path: &ActorPath) -> Option<Found<A>> {
        let entries = self.entries();
        let entry = entries.get(path)?;
        let addr = entry.addr.as_ref()?.downcast_ref::<Addr<A>>()?.clone();
        Some(Found { addr, generation: entry.status.generation, ask: entry.asks.clone() })
    }

    async fn find_newer<A: Actor>(&self, path: &ActorPath, than: u64) -> Found<A> {
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            // Listen first, look second: an entry made in between is not missed.
            changed.as_mut().enable();
            if let Some(found) = self.find(path).filter(|f: &Found<A>| f.generation > than) {
                return found;
            }
            changed.await;
        }
    }

    /// As [`Registry::find_newer`], but does not wait for a name that is forgotten.
    pub(super) async fn find_known<A: Actor>(&self, path: &ActorPath, than: u64) -> Option<Found<A>> {
        let forgotten = async {
            loop {
                let changed = self.0.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if self.generation(path).is_none() {
                    return;
                }
                changed.await;
            }
        };
        tokio::select! {
            biased;
            found = self.find_newer(path, than) => Some(found),
            () = forgotten => None,
        }
    }

    /// Speaks to the present incarnation by the registry's own address. Every copy of an address has a
    /// place in the mailbox to itself, so messages sent by copies would never find it full.
    fn speak<A: Actor, T>(&self, path: &ActorPath, speak: impl FnOnce(&Addr<A>) -> T) -> Option<T> {
        let entries = self.entries();
        entries.get(path)?.addr.as_ref()?.downcast_ref::<Addr<A>>().map(speak)
    }
}

pub(super) struct Found<A: Actor> {
    pub(super) addr: Addr<A>,
    pub(super) generation: u64,
    /// Held while a caller waits, so that the registry can count them.
    ask: Arc<()>,
}

/// Why a question got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// It did not come in time: the actor is busy, restarting or gone.
    #[error("get an answer in time")]
    Late,
    /// Two incarnations died over it; what it asked for may or may not have happened.
    #[error("get an answer: the actor failed twice over it")]
    Interrupted,
}

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TellError {
    /// The mailbox is full.
    #[error("deliver a message: the mailbox is full")]
    Full,
    /// There is no such actor just now.
    #[error("deliver a message: the actor is not running")]
    Gone,
}

/// A name of an actor of type `A`, good for all its incarnations.
pub struct Ref<A: Actor> {
    pub(super) registry: Registry,
    pub(super) path: ActorPath,
    pub(super) patience: Duration,
    actor: PhantomData<fn() -> A>,
}

impl<A: Actor> Clone for Ref<A> {
    fn clone(&self) -> Self {
        let (registry, path) = (self.registry.clone(), self.path.clone());
        Self { registry, path, patience: self.patience, actor: PhantomData }
    }
}

impl<A: Actor> Ref<A> {
    /// A reference whose questions wait at most `patience`, restarts included.
    #[must_use]
    pub const fn new(registry: Registry, path: ActorPath, patience: Duration) -> Self {
        Self { registry, path, patience, actor: PhantomData }
    }

    /// Whose name this is.
    #[must_use]
    pub const fn path(&self) -> &ActorPath {
        &self.path
    }

    /// Asks, and asks the next incarnation once more when the first dies over it. So a question must
    /// be one that may be carried out twice: it carries the ids of what it would make.
    ///
    /// # Errors
    /// When no answer comes within the patience, or two incarnations die.
    pub async fn ask<M>(&self, question: M) -> Result<M::Result, AskError>
    where
        M: Message + Clone + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
        <A as Handler<M>>::Result: MessageResponse<A, M>,
    {
        let clock = self.registry.clock().clone();
        let twice = async {
            let mut tried = 0;
            for _ in 0..2 {
                let Found { addr, generation, ask } = self.registry.find_newer::<A>(&self.path, tried).await;
                let answer = addr.send(question.clone()).await;
                drop(ask);
                match answer {
                    Ok(answer) => return Ok(answer),
                    Err(MailboxError::Closed) => tried = generation,
                    Err(MailboxError::Timeout) => return Err(AskError::Late),
                }
            }
            Err(AskError::Interrupted)
        };
        timeout(clock.as_ref(), self.patience, twice).await.unwrap_or(Err(AskError::Late))
    }

    /// Leaves a message if there is room for it.
    ///
    /// # Errors
    /// When the mailbox is full or nobody is there: the caller decides what that means.
    pub fn tell<M>(&self, message: M) -> Result<(), TellError>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        let told = self.registry.speak(&self.path, |addr: &Addr<A>| addr.try_send(message));
        told.ok_or(TellError::Gone)?.map_err(|error| match error {
            actix::prelude::SendError::Full(_) => TellError::Full,
            actix::prelude::SendError::Closed(_) => TellError::Gone,
        })
    }
}
