//! The opener: opens the desk of an organisation in which something waits, when the machine starts and whenever there
//! is news that no desk has heard.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, AsyncContext, Context, WrapFuture};
use tracing::warn;

use crate::house::House;
use crate::ids::OrgId;
use crate::keys;
use crate::session::desk::DeskActor;
use crate::store::{Pages, Scan, StoreError};
use crate::supervision::Members;

/// Before something that failed is tried again.
const PAUSE: Duration = Duration::from_millis(500);
/// Organisations that are read at once.
const PAGE: usize = 1_000;

/// Opens desks.
pub struct OpenerActor {
    house: Arc<House>,
    desks: Members<DeskActor>,
}

impl OpenerActor {
    /// An opener that looks at every organisation when it starts.
    #[must_use]
    pub const fn new(house: Arc<House>, desks: Members<DeskActor>) -> Self {
        Self { house, desks }
    }
}

impl Actor for OpenerActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let (house, desks) = (self.house.clone(), self.desks.clone());
        let open = async move {
            while let Err(error) = open_all(&house, &desks).await {
                warn!(%error, "the desks could not be opened, trying again");
                house.clock.sleep(PAUSE).await;
            }
            loop {
                for org in house.board.unheard().await {
                    if let Err(error) = desks.wake(org.as_str()).await {
                        warn!(%error, %org, "a desk could not be opened, trying again");
                        house.clock.sleep(PAUSE).await;
                    }
                }
            }
        };
        ctx.spawn(open.into_actor(self).map(|(), _, _| ()));
    }
}

async fn open_all(house: &House, desks: &Members<DeskActor>) -> Result<(), StoreError> {
    let mut pages = Pages::of(&*house.store, Scan::prefix(keys::orgs(), PAGE).keys_only());
    while let Some(page) = pages.next().await? {
        for org in page.iter().filter_map(|(key, _)| keys::parse_org(key)) {
            if waits(house, &org).await? && desks.wake(org.as_str()).await.is_err() {
                return Err(StoreError::Unavailable(format!("the desk of {org} does not open")));
            }
        }
    }
    Ok(())
}

/// Whether anything waits or is answered there.
async fn waits(house: &House, org: &OrgId) -> Result<bool, StoreError> {
    Ok(!house.store.scan(Scan::prefix(keys::standings(org), 1).keys_only()).await?.is_empty())
}
