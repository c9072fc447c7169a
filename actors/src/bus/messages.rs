//! What the bus hears.

use std::sync::Arc;

use actix::Message;

use super::change::{Change, ChangeError, Receipt};
use crate::ids::OrgId;

/// Commit a change with all that follows from it. Safe to ask twice: the ids in it are chosen by the
/// sender, and what exists already is refused.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Receipt, ChangeError>")]
pub struct Commit {
    /// Whose it is.
    pub org: OrgId,
    /// What is to be written.
    pub change: Arc<Change>,
}
