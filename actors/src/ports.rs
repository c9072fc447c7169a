//! What the machine asks of the world beside the store: declared here, implemented at the edges.

use futures_util::future::BoxFuture;

use crate::bus::change::{Change, ChangeError, Receipt};
use crate::ids::OrgId;
use crate::store::{Expect, Key};

/// Where changes go to be committed: the way upwards for everything that causes events. The bus
/// implements it; below the bus nobody knows more of it than this.
pub trait Publisher: Send + Sync + 'static {
    /// Commits a change with all that follows from it. Resolves once it is durable.
    fn commit(&self, org: OrgId, change: Change) -> BoxFuture<'static, Result<Receipt, ChangeError>>;
}

/// What must hold when a change is committed.
pub type Condition = (Key, Expect);

/// Knows what no change may take away, whichever way it comes: the bus asks before each commit.
pub trait Keeper: Send + Sync + 'static {
    /// Whether it has anything to say about a change. Asked of every change, so it looks at nothing else.
    fn minds(&self, change: &Change) -> bool;

    /// What must still hold when the change is committed. What it read may be changed meanwhile: then it
    /// is asked again.
    fn conditions<'a>(
        &'a self,
        org: &'a OrgId,
        change: &'a Change,
    ) -> BoxFuture<'a, Result<Vec<Condition>, ChangeError>>;
}

/// A [`Keeper`] that lets everything go.
pub struct KeepsNothing;

impl Keeper for KeepsNothing {
    fn minds(&self, _: &Change) -> bool {
        false
    }

    fn conditions<'a>(
        &'a self,
        _: &'a OrgId,
        _: &'a Change,
    ) -> BoxFuture<'a, Result<Vec<Condition>, ChangeError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

/// [`FileLinks`] of a machine without files.
pub struct NoFiles;

impl FileLinks for NoFiles {
    fn sign(&self, _: &OrgId, _: &str) -> Option<String> {
        None
    }
}

/// Keeps secrets unreadable at rest.
pub trait Vault: Send + Sync + 'static {
    /// The text, sealed with this installation's key, safe to store.
    fn seal(&self, plain: &str) -> String;

    /// The text that was sealed; none when the key is another one or the text was altered.
    fn open(&self, sealed: &str) -> Option<String>;
}

/// Makes addresses at which uploaded files can be read for a while. What is stored names a file by its path, which
/// lasts; whoever tells of it asks for an address each time.
pub trait FileLinks: Send + Sync + 'static {
    /// A fresh address for the file at `path`; none where that is no path of this organisation's.
    fn sign(&self, org: &OrgId, path: &str) -> Option<String>;
}
