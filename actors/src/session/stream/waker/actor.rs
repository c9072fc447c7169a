//! Wakes streams that go on and are not awake: when the machine starts, and whenever one has died that nobody reads.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, WrapFuture};
use tracing::warn;

use crate::house::House;
use crate::ids::OrgId;
use crate::keys;
use crate::session::stream::actor::StreamActor;
use crate::session::stream::book::actor_name;
use crate::store::{Pages, Scan, StoreError, decode};
use crate::supervision::Members;

/// How often it looks. Whoever reads a stream wakes it at once.
const PAUSE: Duration = Duration::from_secs(15);
/// Streams that are read at once.
const PAGE: usize = 1_000;

/// Wakes streams.
pub struct WakerActor {
    house: Arc<House>,
    streams: Members<StreamActor>,
}

impl WakerActor {
    /// A waker of these streams.
    #[must_use]
    pub const fn new(house: Arc<House>, streams: Members<StreamActor>) -> Self {
        Self { house, streams }
    }
}

impl Actor for WakerActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let (house, streams) = (self.house.clone(), self.streams.clone());
        let wake = async move {
            loop {
                if let Err(error) = wake_all(&house, &streams).await {
                    warn!(%error, "streams that go on could not be woken, trying again");
                }
                house.clock.sleep(PAUSE).await;
            }
        };
        ctx.spawn(wake.into_actor(self).map(|(), _, _| ()));
    }
}

async fn wake_all(house: &House, streams: &Members<StreamActor>) -> Result<(), StoreError> {
    let mut pages = Pages::of(&*house.store, Scan::prefix(keys::running_streams(), PAGE));
    while let Some(page) = pages.next().await? {
        for (key, found) in page {
            let Some(id) = keys::parse_running_stream(&key) else { continue };
            let org: OrgId = decode(&found.value)?;
            let name = actor_name(&org, id);
            if !streams.is_awake(&name)
                && let Err(error) = streams.wake(&name).await
            {
                warn!(%error, %org, stream = %id, "a stream could not be woken, trying again");
            }
        }
    }
    Ok(())
}
