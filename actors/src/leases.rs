//! Leases among the callers of one process: what every store that only one process may open needs.
//! Engines hold one `LocalLeases` each; nothing here is durable or reaches another process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use crate::store::{Lease, StoreError, StoreFuture};

/// Leases by name. Each goes to one holder at a time, in the order in which they were asked for.
#[derive(Clone, Default)]
pub struct LocalLeases(Arc<Mutex<Turns>>);

type Turns = HashMap<String, Arc<Semaphore>>;

impl LocalLeases {
    /// The lease `name`, waited for until whoever holds it drops it.
    #[must_use]
    pub fn take(&self, name: String) -> StoreFuture<Lease> {
        let seat = Seat::join(self, name);
        Box::pin(async move {
            let turn = seat.turn.clone().acquire_owned().await;
            let permit = turn.map_err(|_| StoreError::LeaseTaken(seat.name.clone()))?;
            Ok(Lease::new(move || {
                drop(permit);
                drop(seat);
            }))
        })
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the line for one name; the last to leave forgets the name.
struct Seat {
    leases: LocalLeases,
    name: String,
    turn: Arc<Semaphore>,
}

impl Seat {
    fn join(leases: &LocalLeases, name: String) -> Self {
        let turn = leases.turns().entry(name.clone()).or_insert_with(|| Arc::new(Semaphore::new(1))).clone();
        Self { leases: leases.clone(), name, turn }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut turns = self.leases.turns();
        // Two are the table's and this seat's: nobody else holds or waits, and nobody joins meanwhile.
        if Arc::strong_count(&self.turn) == 2 {
            turns.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn names_are_forgotten_once_nobody_holds_or_waits() {
        let leases = LocalLeases::default();
        let held = leases.take("bus".into()).await.unwrap();
        let mut given_up = leases.take("bus".into());
        assert!((&mut given_up).now_or_never().is_none());
        drop(given_up);
        assert_eq!(leases.turns().len(), 1);
        drop(held);
        assert!(leases.turns().is_empty());
    }
}
