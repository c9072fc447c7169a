//! What servers have said their tools are, for a while.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use appengine_actors::clock::Timestamp;
use appengine_actors::ids::IntegrationId;
use appengine_actors::inbound::integration::Integration;

use super::Read;

/// How long what a server has said holds.
const FRESH: Duration = Duration::from_secs(60);
/// How long it is let alone after it has not said.
const PAUSE: Duration = Duration::from_secs(10);
/// Servers that are remembered: each has said a megabyte at most, and usually a few KiB.
const MOST: usize = 256;

/// What is remembered.
#[derive(Default)]
pub(super) struct Shelf {
    known: Mutex<HashMap<IntegrationId, Known>>,
}

struct Known {
    read_at: Timestamp,
    /// The integration's last change: another address is another server.
    of: Timestamp,
    read: Read,
}

impl Known {
    fn holds(&self, now: Timestamp) -> bool {
        let held = if self.read.is_ok() { FRESH } else { PAUSE };
        now < self.read_at.plus(held)
    }
}

impl Shelf {
    pub(super) fn get(&self, of: &Integration, now: Timestamp) -> Option<Read> {
        let known = self.known();
        let found = known.get(&of.id).filter(|known| known.of == of.updated_at && known.holds(now));
        found.map(|known| known.read.clone())
    }

    pub(super) fn put(&self, of: &Integration, now: Timestamp, read: Read) {
        let mut known = self.known();
        if known.len() >= MOST {
            known.retain(|_, known| known.holds(now));
        }
        // All of them were read within a minute: they are read once more.
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(of.id, Known { read_at: now, of: of.updated_at, read });
    }

    fn known(&self) -> MutexGuard<'_, HashMap<IntegrationId, Known>> {
        // What is in it is whole whenever nobody holds it.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
