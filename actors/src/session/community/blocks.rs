//! Whom somebody does not want to hear. A client of theirs hears nothing that is a blocked person's word.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::session::person::Address;
use crate::session::seat::{Frame, Full, Seat, SeatId};

/// Those whom one person blocks, as all of their clients know it.
#[derive(Debug, Default)]
pub(super) struct Blocked(Mutex<HashSet<Address>>);

/// What is known of those who are here.
#[derive(Clone, Default)]
pub(super) struct Blocks(Arc<Mutex<HashMap<Address, Weak<Blocked>>>>);

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Blocked {
    pub(super) fn set(&self, whom: Address, is_blocked: bool) {
        let mut blocked = locked(&self.0);
        if is_blocked {
            blocked.insert(whom);
        } else {
            blocked.remove(&whom);
        }
    }

    fn has(&self, whom: &Address) -> bool {
        locked(&self.0).contains(whom)
    }
}

impl Blocks {
    /// What is known of somebody, shared by all of their clients.
    pub(super) fn of(&self, who: &Address) -> Arc<Blocked> {
        let mut known = locked(&self.0);
        if let Some(blocked) = known.get(who).and_then(Weak::upgrade) {
            return blocked;
        }
        let blocked = Arc::<Blocked>::default();
        known.insert(who.clone(), Arc::downgrade(&blocked));
        blocked
    }

    /// Whoever is here, and blocks somebody now, or no longer.
    pub(super) fn changed(&self, who: &Address, whom: Address, is_blocked: bool) {
        let known = locked(&self.0).get(who).and_then(Weak::upgrade);
        if let Some(blocked) = known {
            blocked.set(whom, is_blocked);
        }
    }

    /// Forgets somebody who has no client here any more.
    pub(super) fn forget(&self, who: &Address) {
        let mut known = locked(&self.0);
        if known.get(who).is_some_and(|blocked| blocked.strong_count() == 0) {
            known.remove(who);
        }
    }
}

/// A client that does not hear those whom its person blocks.
pub(super) struct Sieve {
    pub(super) seat: Arc<dyn Seat>,
    pub(super) blocked: Arc<Blocked>,
}

impl Sieve {
    fn lets_through(&self, frame: &Frame) -> bool {
        frame.speaker().is_none_or(|speaker| !self.blocked.has(speaker))
    }
}

impl Seat for Sieve {
    fn id(&self) -> SeatId {
        self.seat.id()
    }

    fn push(&self, frame: &Frame) -> Result<(), Full> {
        if self.lets_through(frame) { self.seat.push(frame) } else { Ok(()) }
    }

    fn hint(&self, frame: &Frame) {
        if self.lets_through(frame) {
            self.seat.hint(frame);
        }
    }

    fn cut(&self) {
        self.seat.cut();
    }
}
