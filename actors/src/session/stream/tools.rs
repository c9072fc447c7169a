//! The port through which a run uses the server's own tools, and those of servers that it knows.

use futures_util::future::{BoxFuture, ready};
use serde_json::Value;

use super::head::Asker;
use super::model::{Tool, ToolCall};
use crate::ids::OrgId;

/// Uses tools in somebody's name.
pub trait ToolBox: Send + Sync + 'static {
    /// The tools of these names; `server.memory.*` names all that begin so.
    fn named(&self, names: &[String]) -> Vec<Tool>;

    /// What came of a tool, used by whoever asks and with what they may do; else why it could not be used, in words for
    /// the model.
    fn used<'a>(
        &'a self,
        org: &'a OrgId,
        by: &'a Asker,
        call: &'a ToolCall,
    ) -> BoxFuture<'a, Result<Value, String>>;
}

/// A [`ToolBox`] with nothing in it.
pub struct NoTools;

impl ToolBox for NoTools {
    fn named(&self, _: &[String]) -> Vec<Tool> {
        Vec::new()
    }

    fn used<'a>(
        &'a self,
        _: &'a OrgId,
        _: &'a Asker,
        call: &'a ToolCall,
    ) -> BoxFuture<'a, Result<Value, String>> {
        Box::pin(ready(Err(format!("there is no tool `{}`", call.name))))
    }
}
