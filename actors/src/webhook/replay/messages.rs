//! What the replayer hears.

use actix::Message;

use crate::ids::{OrgId, ReplayId};

/// A replay was started, or goes on again: a hint, for it looks for itself from time to time.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Replaying(pub OrgId, pub ReplayId);
