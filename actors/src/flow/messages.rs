//! What a flow hears.

use actix::Message;

use super::run::Run;
use super::runner::RunFault;
use crate::ids::{OrgId, RunId};

/// Stop a run where it stands: no further step is taken. One that has ended stays as it is.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Run, RunFault>")]
pub struct Cancel {
    /// Whose it is.
    pub org: OrgId,
    /// Which.
    pub run: RunId,
    /// Who wants it.
    pub by: String,
}

/// Take a run to its next pause or its end. Safe to ask twice: a run that is under way is joined.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Run, RunFault>")]
pub struct Proceed {
    /// Whose it is.
    pub org: OrgId,
    /// Which.
    pub run: RunId,
}
