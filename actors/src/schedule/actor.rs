//! The shell around the state: one actor for all schedules, which finds the next in the store's order of time.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use futures_util::future::join_all;
use tracing::warn;

use super::fire::fire;
use super::messages::Look;
use super::state::{Effect, Input, PAGE, Place, ScheduleState};
use crate::house::House;
use crate::keys;
use crate::ports::Publisher;
use crate::store::{Lease, Scan};
use crate::supervision::{Alarm, Fate};

/// Whoever looks after schedules.
pub struct ScheduleActor {
    house: Arc<House>,
    publisher: Arc<dyn Publisher>,
    fate: Fate,
    state: ScheduleState,
    alarm: Alarm,
    lease: Option<Lease>,
}

impl ScheduleActor {
    /// An actor that looks what is due when it starts.
    #[must_use]
    pub fn new(house: Arc<House>, publisher: Arc<dyn Publisher>, fate: Fate) -> Self {
        Self { house, publisher, fate, state: ScheduleState::default(), alarm: Alarm::default(), lease: None }
    }

    fn feed(&mut self, input: Input, ctx: &mut Context<Self>) {
        match self.state.handle(input, self.house.clock.now()) {
            Some(Effect::Read) => self.read(ctx),
            Some(Effect::Fire(places)) => self.fire(places, ctx),
            Some(Effect::WakeIn(pause)) => self.look_after(pause, ctx),
            None => {}
        }
    }

    fn look(&mut self, ctx: &mut Context<Self>) {
        if self.house.settings.schedules {
            self.feed(Input::Look, ctx);
        }
    }

    fn read(&self, ctx: &mut Context<Self>) {
        let scan = Scan::prefix(keys::schedules_due(), PAGE).keys_only();
        let read = self.house.store.scan(scan).into_actor(self);
        ctx.spawn(read.map(|page, act, ctx| match page {
            Ok(page) => {
                let places = page.iter().filter_map(|(key, _)| keys::parse_schedule_due(key)).collect();
                act.feed(Input::Page(places), ctx);
            }
            Err(error) => {
                warn!(%error, "schedules could not be read, trying again");
                act.feed(Input::PageFailed, ctx);
            }
        }));
    }

    fn fire(&self, places: Vec<Place>, ctx: &mut Context<Self>) {
        let (house, publisher) = (self.house.clone(), self.publisher.clone());
        let work = async move {
            let fired = places.into_iter().map(|place| fire(&house, publisher.as_ref(), place));
            let fired = join_all(fired).await;
            let trouble = fired.into_iter().find_map(Result::err);
            if let Some(error) = &trouble {
                warn!(%error, "schedules that are due wait, trying again");
            }
            trouble.is_some()
        };
        ctx.spawn(work.into_actor(self).map(|failed, act, ctx| act.feed(Input::Fired { failed }, ctx)));
    }

    fn look_after(&mut self, pause: Duration, ctx: &mut Context<Self>) {
        self.alarm.ring_after(pause, self.house.clock.as_ref(), ctx, |act, ctx| {
            act.alarm.rang();
            act.feed(Input::Look, ctx);
        });
    }
}

impl Actor for ScheduleActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(self.house.settings.mailbox);
        let lease = self.house.store.lease("schedules".to_owned()).into_actor(self);
        ctx.wait(lease.map(|lease, act, ctx| match lease {
            Ok(lease) => {
                act.lease = Some(lease);
                act.look(ctx);
            }
            Err(error) => {
                act.fate.failed(error.to_string());
                ctx.stop();
            }
        }));
    }
}

impl Handler<Look> for ScheduleActor {
    type Result = ();

    fn handle(&mut self, _: Look, ctx: &mut Self::Context) {
        self.look(ctx);
    }
}
