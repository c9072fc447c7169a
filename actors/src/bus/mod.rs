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
use crate::ports::{Keeper, Publisher};
use crate::supervision::Ref;
use change::{Change, ChangeError, Receipt};

/// How often a change is asked about anew when what it was let through by is changed meanwhile.
const TRIES: usize = 8;

/// The bus, as others see it: every change comes by here, and what it may not take away is asked first.
#[derive(Clone)]
pub struct Bus {
    actor: Ref<BusActor>,
    keeper: Arc<dyn Keeper>,
}

impl Bus {
    /// The bus by its name.
    #[must_use]
    pub const fn new(actor: Ref<BusActor>, keeper: Arc<dyn Keeper>) -> Self {
        Self { actor, keeper }
    }

    async fn ask(&self, org: OrgId, change: Change) -> Result<Receipt, ChangeError> {
        self.actor.ask(messages::Commit { org, change: Arc::new(change) }).await?
    }

    async fn commit_kept(&self, org: OrgId, change: Change) -> Result<Receipt, ChangeError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let mut kept = change.clone();
            for (key, expect) in self.keeper.conditions(&org, &change).await? {
                kept.extra.expect(key, expect);
            }
            match self.ask(org.clone(), kept).await {
                // It may have been a condition of the caller's own: that one fails again.
                Err(ChangeError::Condition) if tries < TRIES => {}
                done => return done,
            }
        }
    }
}

impl Publisher for Bus {
    fn commit(&self, org: OrgId, change: Change) -> BoxFuture<'static, Result<Receipt, ChangeError>> {
        let bus = self.clone();
        if self.keeper.minds(&change) {
            return Box::pin(async move { bus.commit_kept(org, change).await });
        }
        Box::pin(async move { bus.ask(org, change).await })
    }
}
