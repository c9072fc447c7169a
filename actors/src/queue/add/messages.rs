//! What a queue hears of whoever adds work.

use actix::Message;

use super::{AddError, Added, WorkDraft};
use crate::ids::OrgId;

/// Adds work, all of it or none. What it is answered with is on the disk.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Vec<Added>, AddError>")]
pub struct AddWork {
    /// Whose it is.
    pub org: OrgId,
    /// The jobs, in their order.
    pub drafts: Vec<WorkDraft>,
}
