//! One alarm for an actor that keeps time: however often it is set, only the earliest moment rings, and when it
//! does, the next one is known.

use std::time::Duration;

use actix::fut::wrap_future;
use actix::{Actor, ActorFutureExt, AsyncContext, Context, SpawnHandle};

use crate::clock::Clock;

/// An alarm, which knows when it is to ring on the clock that never goes back.
#[derive(Debug, Default)]
pub struct Alarm(Option<(Duration, SpawnHandle)>);

impl Alarm {
    /// Has `ring` called after a pause, unless it is to be called earlier than that already. It says first of all
    /// that the alarm [`rang`](Self::rang).
    pub fn ring_after<A>(
        &mut self,
        pause: Duration,
        clock: &dyn Clock,
        ctx: &mut Context<A>,
        ring: fn(&mut A, &mut Context<A>),
    ) where
        A: Actor<Context = Context<A>>,
    {
        let due = clock.elapsed().saturating_add(pause);
        match self.0 {
            Some((set, _)) if set <= due => return,
            Some((_, later)) => _ = ctx.cancel_future(later),
            None => {}
        }
        let wait = wrap_future::<_, A>(clock.sleep(pause));
        self.0 = Some((due, ctx.spawn(wait.map(move |(), act, ctx| ring(act, ctx)))));
    }

    /// It rang: the next one may be set.
    pub const fn rang(&mut self) {
        self.0 = None;
    }
}
