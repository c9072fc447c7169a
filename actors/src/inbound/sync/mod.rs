//! Reading what vendors do not tell by themselves: listings of social networks, page by page, from where the last run
//! stopped. What is found becomes events as calls do, by the same keys, so that what a webhook has told is not told
//! again; how far a listing was read is written in the same commit, so that nothing is lost or told twice.
//!
//! One job reads an integration. When it ends it writes its successor, due when there is something to do, in the commit
//! that says how it went: there is no moment at which an integration is neither read nor to be read. No actor is needed
//! for it, a restart finds the job where it was, and the queue's share, pause and status apply. Only one job counts, the
//! one that the integration's `SyncHead` names; any other is done at once. `Syncs::revive` replaces those that were
//! called off or given up.
//!
//! | file | what |
//! |---|---|
//! | `state` | How far the listings of an integration were read, and what is due when |
//! | `syncs` | All of them, for those who look at them and those who start them |
//! | `tasks` | The job that reads an integration |
//! | `page` | From a page to a commit |

mod page;
pub mod state;
pub mod syncs;
pub mod tasks;

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::integration::{Credentials, Integration};
use super::told::Told;
use crate::clock::Timestamp;

/// Reads listings: what each file of a platform knows.
pub trait Syncer: Send + Sync + 'static {
    /// The listings that an integration is to be read by.
    ///
    /// # Errors
    /// What is wrong with what it follows, in words.
    fn streams(&self, integration: &Integration) -> Result<Vec<String>, String>;

    /// Reads one page.
    fn page(&self, ask: Ask) -> BoxFuture<'static, Result<Page, SyncError>>;
}

/// Which page is wanted.
#[derive(Debug, Clone)]
pub struct Ask {
    /// By what it is read.
    pub integration: Integration,
    /// What the vendor's interface is called with.
    pub credentials: Credentials,
    /// The listing.
    pub stream: String,
    /// How far it was read: what the page before gave, null at first.
    pub cursor: Value,
    /// From when on things are news; what is older is history that nobody is to react to.
    pub since: Timestamp,
    /// What time it is.
    pub now: Timestamp,
}

/// A page of a listing.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// What is on it, the oldest first.
    pub told: Vec<Told>,
    /// How far the listing was read with it.
    pub cursor: Value,
    /// Whether there is more to read now.
    pub more: bool,
    /// How long the vendor wants to be left alone.
    pub pause: Option<Duration>,
}

/// Why there is no page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyncError {
    /// The vendor wants to be left alone for a while.
    #[error("{why}")]
    Wait {
        /// In its words.
        why: String,
        /// For how long.
        pause: Duration,
    },
    /// This listing cannot be read; others may.
    #[error("{0}")]
    Stream(String),
    /// No listing of the integration can be read just now.
    #[error("{0}")]
    Integration(String),
}

/// A [`Syncer`] of a machine without vendors.
pub struct NoSync;

impl Syncer for NoSync {
    fn streams(&self, integration: &Integration) -> Result<Vec<String>, String> {
        Err(format!("read {}: no listings of it are known", integration.vendor))
    }

    fn page(&self, ask: Ask) -> BoxFuture<'static, Result<Page, SyncError>> {
        let why = format!("read {}: no listings of it are known", ask.integration.vendor);
        Box::pin(std::future::ready(Err(SyncError::Integration(why))))
    }
}
