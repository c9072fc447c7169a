//! The tools of servers that an organisation has connected: integrations of the type `mcp`, each spoken to by the Model
//! Context Protocol over Streamable HTTP. A tool is called `mcp.{the integration's name}.{the server's name for it}`.
//!
//! What a server's tools are is remembered for a minute. A server that does not say takes nothing from an answer but its
//! tools: the model goes on with the others.

mod server;
mod shelf;

use std::sync::Arc;

use appengine_actors::ids::OrgId;
use appengine_actors::inbound::integration::Integration;
use appengine_actors::machine::Machine;
use appengine_actors::session::stream::head::Asker;
use appengine_actors::session::stream::model::Tool;
use appengine_actors::session::stream::tools::{CONNECTED, is_named};
use appengine_actors::store::StoreError;
use futures_util::future::join_all;
use serde_json::Value;
use tracing::warn;

use self::server::Server;
use self::shelf::Shelf;
use super::provider::reached;
use crate::outbound::http::HttpTransport;

/// The type of integration that connects one.
pub const TYPE: &str = "mcp";
/// Servers of an organisation that are asked.
const MOST_SERVERS: usize = 20;

/// What a server's tools are, or why nobody knows, in words that fit after "failed to".
pub type Read = Result<Arc<[Tool]>, String>;

/// The servers that organisations have connected.
#[derive(Clone)]
pub struct Connected {
    transport: HttpTransport,
    shelf: Arc<Shelf>,
}

impl Connected {
    /// Reaches them so.
    #[must_use]
    pub fn new(transport: HttpTransport) -> Self {
        Self { transport, shelf: Arc::default() }
    }

    /// The tools of these names, as far as their servers say what they are.
    pub async fn named(&self, machine: &Machine, org: &OrgId, names: &[String]) -> Vec<Tool> {
        if names.is_empty() {
            return Vec::new();
        }
        let servers = match servers(machine, org).await {
            Ok(servers) => servers,
            Err(error) => {
                warn!(%org, %error, "nobody knows which servers of tools are connected");
                return Vec::new();
            }
        };
        let servers = servers.iter().filter(|of| names.iter().any(|name| concerns(name, &prefix(of))));
        let read = join_all(servers.map(|of| self.read(machine, org, of))).await;
        let known = read.iter().flatten().flat_map(|tools| tools.iter());
        known.filter(|tool| is_named(names, &tool.name)).cloned().collect()
    }

    /// The tools of all of them, by the servers' names.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn all(&self, machine: &Machine, org: &OrgId) -> Result<Vec<(String, Read)>, StoreError> {
        let servers = servers(machine, org).await?;
        let read = join_all(servers.iter().map(|of| self.read(machine, org, of))).await;
        Ok(servers.into_iter().map(|of| of.name).zip(read).collect())
    }

    /// What came of a tool, used for whoever asks; else why it was not used, in words for the model.
    ///
    /// # Errors
    /// When there is no such tool, its server does not answer, or it says that it failed.
    pub async fn used(
        &self,
        machine: &Machine,
        org: &OrgId,
        by: &Asker,
        name: &str,
        input: Value,
    ) -> Result<Value, String> {
        let servers = servers(machine, org).await.map_err(|error| error.to_string())?;
        // A name may begin with another's: the longest is meant.
        let mine = servers.iter().filter_map(|of| Some((of, name.strip_prefix(&prefix(of))?)));
        let found = mine.min_by_key(|(_, tool)| tool.len());
        let (of, tool) = found.ok_or_else(|| {
            format!("there is no tool `{name}`: no server of its name is connected and active")
        })?;
        let server = self.server(machine, org, of).await?;
        server.uses(&self.transport, (org, by), tool, input).await
    }

    async fn read(&self, machine: &Machine, org: &OrgId, of: &Integration) -> Read {
        let now = machine.house.clock.now();
        if let Some(known) = self.shelf.get(of, now) {
            return known;
        }
        let read = match self.server(machine, org, of).await {
            Ok(server) => server.tools(&self.transport).await,
            Err(why) => Err(why),
        };
        if let Err(why) = &read {
            warn!(%org, server = of.name, why, "a server of tools cannot be read");
        }
        let tools = read.map(|tools| {
            let named = |tool: Tool| Tool { name: format!("{}{}", prefix(of), tool.name), ..tool };
            tools.into_iter().map(named).collect::<Arc<[_]>>()
        });
        self.shelf.put(of, machine.house.clock.now(), tools.clone());
        tools
    }

    async fn server(&self, machine: &Machine, org: &OrgId, of: &Integration) -> Result<Server, String> {
        let reached = reached(&machine.inbound.integrations, org, of).await;
        let (choices, key) = reached.map_err(|error| error.to_string())?;
        let url = choices.base_url.ok_or_else(|| {
            format!("reach `{}`: its setting `baseUrl` is missing, the address of the server", of.name)
        })?;
        Ok(Server { name: of.name.clone(), url: url.to_string(), key })
    }
}

async fn servers(machine: &Machine, org: &OrgId) -> Result<Vec<Integration>, StoreError> {
    let mut all = machine.inbound.integrations.of(org).await?;
    all.retain(|of| of.active && of.vendor == TYPE);
    all.truncate(MOST_SERVERS);
    Ok(all)
}

/// What the names of a server's tools begin with.
fn prefix(of: &Integration) -> String {
    format!("{CONNECTED}{}.", of.name)
}

/// Whether a name may be one of those that begin so.
fn concerns(name: &str, prefix: &str) -> bool {
    name.starts_with(prefix) || name.strip_suffix('*').is_some_and(|begins| prefix.starts_with(begins))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_servers_that_are_meant_are_asked() {
        for name in ["mcp.stock.find", "mcp.stock.*", "mcp.*", "mcp.st*"] {
            assert!(concerns(name, "mcp.stock."), "{name}");
        }
        for name in ["mcp.stocks.find", "mcp.stock", "server.memory.*", "mcp.a*"] {
            assert!(!concerns(name, "mcp.stock."), "{name}");
        }
    }
}
