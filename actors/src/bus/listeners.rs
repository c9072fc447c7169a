//! Listeners in this process: typed code that reacts to events. They hear an event once it is durable,
//! each by itself, so one that fails or hangs fails neither the request nor another listener.

use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tracing::{error, warn};

use crate::event::Event;

/// What a listener may say of an event that it could not handle.
pub type Heard = Result<(), String>;

/// The data of one kind of event, as a type.
pub trait EventData: DeserializeOwned + Send + 'static {
    /// The kind.
    const KIND: &'static str;
}

trait Listener: Send + Sync {
    fn kind(&self) -> Option<&'static str>;
    /// Whether it wants to hear of an event.
    fn wants(&self, event: &Event) -> bool {
        self.kind().is_none_or(|kind| kind == event.kind.as_str())
    }
    fn hear(&self, event: Arc<Event>) -> BoxFuture<'static, Heard>;
}

struct Typed<D, F> {
    react: F,
    data: PhantomData<fn() -> D>,
}

impl<D, F, R> Listener for Typed<D, F>
where
    D: EventData,
    F: Fn(Arc<Event>, D) -> R + Send + Sync + 'static,
    R: Future<Output = Heard> + Send + 'static,
{
    fn kind(&self) -> Option<&'static str> {
        Some(D::KIND)
    }

    fn hear(&self, event: Arc<Event>) -> BoxFuture<'static, Heard> {
        match serde_json::from_value::<D>(event.data.clone()) {
            Ok(data) => Box::pin((self.react)(event, data)),
            Err(error) => Box::pin(std::future::ready(Err(format!("read its data: {error}")))),
        }
    }
}

struct Every<F>(F);

impl<F, R> Listener for Every<F>
where
    F: Fn(Arc<Event>) -> R + Send + Sync + 'static,
    R: Future<Output = Heard> + Send + 'static,
{
    fn kind(&self) -> Option<&'static str> {
        None
    }

    fn hear(&self, event: Arc<Event>) -> BoxFuture<'static, Heard> {
        Box::pin((self.0)(event))
    }
}

/// Reactions that may be under way at once, over all listeners; further ones are left out and counted.
const AT_ONCE: usize = 1024;

/// All listeners of a machine.
#[derive(Clone)]
pub struct Listeners {
    listeners: Arc<Vec<Box<dyn Listener>>>,
    room: Arc<Semaphore>,
    failures: Arc<AtomicU64>,
    /// Whether the latest event found no room.
    busy: Arc<AtomicBool>,
}

/// Collects listeners before the machine starts.
#[derive(Default)]
pub struct ListenersBuilder(Vec<Box<dyn Listener>>);

impl ListenersBuilder {
    /// Adds a listener for the events whose data is a `D`.
    #[must_use]
    pub fn on<D, F, R>(mut self, react: F) -> Self
    where
        D: EventData,
        F: Fn(Arc<Event>, D) -> R + Send + Sync + 'static,
        R: Future<Output = Heard> + Send + 'static,
    {
        self.0.push(Box::new(Typed { react, data: PhantomData::<fn() -> D> }));
        self
    }

    /// Adds a listener for every event.
    #[must_use]
    pub fn on_every<F, R>(mut self, react: F) -> Self
    where
        F: Fn(Arc<Event>) -> R + Send + Sync + 'static,
        R: Future<Output = Heard> + Send + 'static,
    {
        self.0.push(Box::new(Every(react)));
        self
    }

    /// The listeners, ready to hear.
    #[must_use]
    pub fn build(self) -> Listeners {
        let (room, failures) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::default());
        Listeners { listeners: Arc::new(self.0), room, failures, busy: Arc::default() }
    }
}

impl Listeners {
    /// Lets all whom it concerns hear an event, without waiting for any of them.
    pub fn hear(&self, event: &Arc<Event>) {
        for listener in self.listeners.iter().filter(|listener| listener.wants(event)) {
            let Ok(permit) = self.room.clone().try_acquire_owned() else {
                self.failures.fetch_add(1, Ordering::Relaxed);
                // Said once: they are busy when there is much, and a line for each event would be more.
                if !self.busy.swap(true, Ordering::Relaxed) {
                    warn!(event = %event.id, kind = %event.kind, "listeners are busy: from this event on some do not hear");
                }
                continue;
            };
            self.busy.store(false, Ordering::Relaxed);
            // Also the call that makes the future may panic: it runs within the guarded task.
            let (reaction, failures) = (listener.hear_guarded(event.clone()), self.failures.clone());
            let (id, kind) = (event.id, event.kind.clone());
            tokio::spawn(async move {
                let _permit = permit;
                let trouble = match reaction.await {
                    Ok(Ok(())) => return,
                    Ok(Err(why)) => why,
                    Err(_) => "panic".to_owned(),
                };
                failures.fetch_add(1, Ordering::Relaxed);
                error!(event = %id, %kind, trouble, "a listener failed");
            });
        }
    }

    /// How often a listener failed or could not hear.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}

type Guarded = BoxFuture<'static, Result<Heard, ()>>;

trait HearGuarded {
    fn hear_guarded(&self, event: Arc<Event>) -> Guarded;
}

impl HearGuarded for Box<dyn Listener> {
    fn hear_guarded(&self, event: Arc<Event>) -> Guarded {
        match std::panic::catch_unwind(AssertUnwindSafe(|| self.hear(event))) {
            Ok(reaction) => {
                Box::pin(AssertUnwindSafe(reaction).catch_unwind().map(|done| done.map_err(|_| ())))
            }
            Err(_) => Box::pin(std::future::ready(Err(()))),
        }
    }
}
