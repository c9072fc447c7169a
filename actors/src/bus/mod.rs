//! The bus: the one way in for everything that happens. It turns a change into one batch (the writes,
//! their events, the runs and jobs that those start), commits it in the order of its stamps, and tells
//! queues, destinations, listeners and watchers afterwards. It never waits for any of them.

mod actor;
mod build;
pub mod change;
pub mod listeners;
mod load;
pub mod messages;
pub mod state;

use std::sync::Arc;

use futures_util::future::BoxFuture;

pub use actor::{Below, BusActor};

use crate::ids::OrgId;
use crate::ports::Publisher;
use crate::supervision::Ref;
use change::{Change, ChangeError, Receipt};

/// The bus, as others see it.
#[derive(Clone)]
pub struct Bus(Ref<BusActor>);

impl Bus {
    /// The bus by its name.
    #[must_use]
    pub const fn new(actor: Ref<BusActor>) -> Self {
        Self(actor)
    }
}

impl Publisher for Bus {
    fn commit(&self, org: OrgId, change: Change) -> BoxFuture<'static, Result<Receipt, ChangeError>> {
        let bus = self.0.clone();
        Box::pin(async move { bus.ask(messages::Commit { org, change: Arc::new(change) }).await? })
    }
}
