//! The port through which a run uses the server's own tools, and those of servers that it knows.

use futures_util::future::{BoxFuture, ready};
use serde_json::Value;

use super::head::Asker;
use super::model::{Tool, ToolCall};
use crate::ids::OrgId;

/// What the names of tools of connected servers begin with: `mcp.{server}.{tool}`.
pub const CONNECTED: &str = "mcp.";

/// Whether a tool is among these: by its name, or by how it begins, as with `server.memory.*`.
#[must_use]
pub fn is_named(names: &[String], tool: &str) -> bool {
    names.iter().any(|name| match name.strip_suffix('*') {
        Some(begins) => tool.starts_with(begins),
        None => name == tool,
    })
}

/// Those of these names that are of connected servers.
#[must_use]
pub fn connected(names: &[String]) -> Vec<String> {
    names.iter().filter(|name| name.starts_with(CONNECTED)).cloned().collect()
}

/// What both of these name.
#[must_use]
pub fn in_both(some: &[String], others: &[String]) -> Vec<String> {
    let within = |of: &&String, names: &[String]| is_named(names, of);
    let mut both: Vec<String> = some.iter().filter(|of| within(of, others)).cloned().collect();
    both.extend(
        others.iter().filter(|of| !both.contains(of) && within(of, some)).cloned().collect::<Vec<_>>(),
    );
    both
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: &[&str]) -> Vec<String> {
        of.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_star_names_all_that_begin_so() {
        let some = names(&["mcp.stock.*", "server.memory.store"]);
        assert!(is_named(&some, "mcp.stock.find") && is_named(&some, "server.memory.store"));
        assert!(!is_named(&some, "mcp.stocks.find") && !is_named(&some, "server.memory.stored"));
        assert_eq!(connected(&some), names(&["mcp.stock.*"]));
    }

    #[test]
    fn what_both_name_is_no_more_than_either_does() {
        let of = |some: &[&str], others: &[&str]| in_both(&names(some), &names(others));
        assert_eq!(
            of(&["mcp.a.*", "mcp.b.x"], &["mcp.a.find", "mcp.b.*"]),
            names(&["mcp.b.x", "mcp.a.find"])
        );
        assert_eq!(of(&["mcp.a.x"], &["mcp.a.x"]), names(&["mcp.a.x"]));
        assert_eq!(of(&["mcp.*"], &["mcp.a.*", "server.memory.store"]), names(&["mcp.a.*"]));
        assert!(of(&["mcp.a.x"], &["mcp.a.y"]).is_empty() && of(&[], &["mcp.*"]).is_empty());
    }
}
