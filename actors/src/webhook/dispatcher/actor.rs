//! The dispatcher: wakes destinations that are owed something when the machine starts or when a hint was lost.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, WrapFuture};
use tracing::warn;

use super::super::DestinationActor;
use super::super::messages::{ALL_DESTINATIONS, DESTINATIONS, Look};
use crate::house::House;
use crate::keys;
use crate::store::{Pages, Scan, StoreError};
use crate::supervision::Members;

const STORE_PAUSE: Duration = Duration::from_millis(500);
/// How often lost hints are looked for.
const SWEEP: Duration = Duration::from_secs(2);
/// Destinations that are read at once when the machine starts.
const PAGE: usize = 1_000;

/// Wakes destinations that are owed something and do not run.
pub struct DispatcherActor {
    house: Arc<House>,
    destinations: Members<DestinationActor>,
}

impl DispatcherActor {
    /// A dispatcher that looks at every destination when it starts.
    #[must_use]
    pub const fn new(house: Arc<House>, destinations: Members<DestinationActor>) -> Self {
        Self { house, destinations }
    }

    fn sweep(&self, ctx: &mut Context<Self>) {
        let wait = self.house.clock.sleep(SWEEP).into_actor(self);
        ctx.spawn(wait.map(|(), act, ctx| {
            let names = DESTINATIONS.into_iter().flat_map(|prefix| act.house.hints.take_prefixed(prefix));
            for name in names.collect::<Vec<_>>() {
                let (house, destinations) = (act.house.clone(), act.destinations.clone());
                tokio::spawn(async move { look(&house, &destinations, &name).await });
            }
            act.sweep(ctx);
        }));
    }
}

impl Actor for DispatcherActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let (house, destinations) = (self.house.clone(), self.destinations.clone());
        let wake = async move {
            while let Err(error) = wake_all(&house, &destinations).await {
                warn!(%error, "destinations could not be read, trying again");
                house.clock.sleep(STORE_PAUSE).await;
            }
        };
        ctx.spawn(wake.into_actor(self));
        self.sweep(ctx);
    }
}

/// Has a destination, or all of them, running and looking; notes it down again when that fails.
async fn look(house: &House, destinations: &Members<DestinationActor>, name: &str) {
    let looked = if name == ALL_DESTINATIONS {
        wake_all(house, destinations).await.is_ok()
    } else {
        destinations.ask(name, Look).await.is_ok()
    };
    if !looked {
        house.hints.note(name);
    }
}

async fn wake_all(house: &House, destinations: &Members<DestinationActor>) -> Result<(), StoreError> {
    let mut pages = Pages::of(&*house.store, Scan::prefix(keys::destinations(), PAGE).keys_only());
    while let Some(page) = pages.next().await? {
        for name in page.iter().filter_map(|(key, _)| keys::parse_destination(key)) {
            if is_owed(house, &name).await? && destinations.ask(&name, Look).await.is_err() {
                house.hints.note(&name);
            }
        }
    }
    Ok(())
}

async fn is_owed(house: &House, name: &str) -> Result<bool, StoreError> {
    for prefix in [keys::waiting_at(name), keys::lines_of(name)] {
        if !house.store.scan(Scan::prefix(prefix, 1).keys_only()).await?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}
