//! The shell: goes from organisation to organisation, one step after the other, and rests when it has been everywhere.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, WrapFuture};
use tracing::{debug, warn};

use super::sweep::{Table, step};
use crate::house::House;
use crate::ids::OrgId;
use crate::keys;
use crate::ports::Publisher;
use crate::store::{Lease, Pages, Scan, StoreError};
use crate::supervision::Fate;

/// How long it rests between two walks.
const REST: Duration = Duration::from_secs(30);
/// How long it rests between two steps, so that it is in nobody's way.
const BREATH: Duration = Duration::from_millis(2);
/// How long a store that fails rests before it is asked again.
const STORE_PAUSE: Duration = Duration::from_secs(5);
/// Organisations read at once.
const PAGE: usize = 500;

/// Removes history that is too old.
pub struct RetentionActor {
    house: Arc<House>,
    publisher: Arc<dyn Publisher>,
    fate: Fate,
    lease: Option<Lease>,
}

impl RetentionActor {
    /// One that begins its first walk when it starts.
    #[must_use]
    pub const fn new(house: Arc<House>, publisher: Arc<dyn Publisher>, fate: Fate) -> Self {
        Self { house, publisher, fate, lease: None }
    }
}

impl Actor for RetentionActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let lease = self.house.store.lease("retention".to_owned()).into_actor(self);
        ctx.wait(lease.map(|lease, act, ctx| match lease {
            Ok(lease) => {
                act.lease = Some(lease);
                let (house, publisher) = (act.house.clone(), act.publisher.clone());
                ctx.spawn(async move { walks(&house, &*publisher).await }.into_actor(act));
            }
            Err(error) => {
                act.fate.failed(error.to_string());
                ctx.stop();
            }
        }));
    }
}

async fn walks(house: &House, publisher: &dyn Publisher) {
    loop {
        let rest = match walk(house, publisher).await {
            Ok(()) => REST,
            Err(error) => {
                warn!(%error, "old history was not removed, trying again");
                STORE_PAUSE
            }
        };
        house.clock.sleep(rest).await;
    }
}

async fn walk(house: &House, publisher: &dyn Publisher) -> Result<(), StoreError> {
    let mut pages = Pages::of(&*house.store, Scan::prefix(keys::orgs(), PAGE).keys_only());
    while let Some(page) = pages.next().await? {
        for org in page.iter().filter_map(|(key, _)| keys::parse_org(key)) {
            sweep(house, publisher, &org).await?;
        }
    }
    Ok(())
}

async fn sweep(house: &House, publisher: &dyn Publisher, org: &OrgId) -> Result<(), StoreError> {
    for table in Table::ALL {
        let (mut after, mut steps) = (None, 0_u32);
        loop {
            let at = (house.settings.retention, house.clock.now());
            after = step((house.store.as_ref(), publisher), org, table, at, after).await?;
            steps += 1;
            if after.is_none() {
                break;
            }
            house.clock.sleep(BREATH).await;
        }
        if steps > 1 {
            debug!(%org, ?table, steps, "old history removed");
        }
    }
    Ok(())
}
