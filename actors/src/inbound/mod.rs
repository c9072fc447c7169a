//! What vendors tell us. A call that was found to be a vendor's is kept as it came, before it is answered; a job reads
//! it once, and what it means is committed as one: events, contacts, what became of what we sent, and the call's own
//! new state.
//!
//! | file | what |
//! |---|---|
//! | `integration` | What an organisation has set for a vendor |
//! | `integrations` | All of them, for those who set them and for those who check calls |
//! | `call` | A call as it is kept |
//! | `calls` | All of them: kept once, listed, read again |
//! | `told` | What a call means |
//! | `meaning` | From what is told to a change |
//! | `translator` | The port: what a vendor's call means is known at the edge |
//! | `tasks` | The job that reads a call |
//! | `sync` | Reading what vendors do not tell by themselves |

pub mod call;
pub mod calls;
pub mod integration;
pub mod integrations;
mod meaning;
pub mod sync;
pub mod tasks;
pub mod told;
pub mod translator;

use std::sync::Arc;

use self::calls::Calls;
use self::integrations::Integrations;
use self::sync::syncs::Syncs;
use crate::house::House;
use crate::ports::Publisher;

/// What vendors tell, for those who set it up and look at it.
pub struct Inbound {
    /// The vendors that organisations have connected.
    pub integrations: Integrations,
    /// What they told.
    pub calls: Calls,
    /// How their listings are read.
    pub syncs: Syncs,
}

impl Inbound {
    /// The parts of a machine.
    #[must_use]
    pub fn new(house: &Arc<House>, publisher: &Arc<dyn Publisher>) -> Self {
        Self {
            integrations: Integrations::new(house.clone(), publisher.clone()),
            calls: Calls::new(house.clone(), publisher.clone()),
            syncs: Syncs::new(house.clone(), publisher.clone()),
        }
    }
}
