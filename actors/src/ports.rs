//! What the machine asks of the world beside the store: declared here, implemented at the edges.

use futures_util::future::BoxFuture;

use crate::bus::change::{Change, ChangeError, Receipt};
use crate::ids::OrgId;

/// Where changes go to be committed: the way upwards for everything that causes events. The bus
/// implements it; below the bus nobody knows more of it than this.
pub trait Publisher: Send + Sync + 'static {
    /// Commits a change with all that follows from it. Resolves once it is durable.
    fn commit(&self, org: OrgId, change: Change) -> BoxFuture<'static, Result<Receipt, ChangeError>>;
}

/// Keeps secrets unreadable at rest.
pub trait Vault: Send + Sync + 'static {
    /// The text, sealed with this installation's key, safe to store.
    fn seal(&self, plain: &str) -> String;

    /// The text that was sealed; none when the key is another one or the text was altered.
    fn open(&self, sealed: &str) -> Option<String>;
}
