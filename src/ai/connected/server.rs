//! One server of tools, by the Model Context Protocol: its version 2026-07-28, or the handshake of those before it. A
//! connection is made for each errand and ends with it; nothing is held open for a server that may not be used again.

use std::sync::Arc;
use std::time::Duration;

use appengine_actors::ids::OrgId;
use appengine_actors::session::stream::head::Asker;
use appengine_actors::session::stream::model::Tool;
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ClientCapabilities, ClientConfig, Implementation,
    PaginatedRequestParams, ProtocolVersion,
};
use rmcp::service::{ClientLifecycleMode, ClientServiceExt, RunningService, ServiceError};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::common::client_side_sse::NeverRetry;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ErrorData, RoleClient};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::outbound::http::HttpTransport;

/// For the tools of a server, all pages of them.
const LIST: Duration = Duration::from_secs(15);
/// For the use of a tool.
const USE: Duration = Duration::from_secs(50);
/// For saying that the connection ends.
const CLOSE: Duration = Duration::from_secs(2);
/// Tools of a server that a model is told of, and pages in which it names them.
const MOST_TOOLS: usize = 128;
const MOST_PAGES: usize = 10;
/// Bytes of one answer, and of what is read of one that is no answer.
const MOST_BYTES: usize = 1024 * 1024;
const MOST_ERROR: usize = 1024;

/// A server.
pub(super) struct Server {
    /// What the organisation calls it.
    pub(super) name: String,
    /// Where it is.
    pub(super) url: String,
    /// The token that it wants, if it wants one.
    pub(super) key: Option<String>,
}

type Connection = RunningService<RoleClient, ClientConfig>;

impl Server {
    /// Its tools, by its own names.
    pub(super) async fn tools(&self, transport: &HttpTransport) -> Result<Vec<Tool>, String> {
        let listing = async {
            let mut connection = self.connect(transport).await?;
            let listed = listed(&connection).await;
            // It has said all that it was asked for.
            let _ = connection.close_with_timeout(CLOSE).await;
            listed.map_err(|error| self.failed("list the tools of", &error))
        };
        let late =
            |_| Err(format!("list the tools of `{}`: no answer within {} s", self.name, LIST.as_secs()));
        timeout(LIST, listing).await.unwrap_or_else(late)
    }

    /// What came of one of them. Whom it is used for is told beside the arguments, which a model has made up.
    pub(super) async fn uses(
        &self,
        transport: &HttpTransport,
        (org, by): (&OrgId, &Asker),
        tool: &str,
        input: Value,
    ) -> Result<Value, String> {
        let mut asks = CallToolRequestParams::new(tool.to_owned());
        asks = match input {
            Value::Object(input) => asks.with_arguments(input),
            Value::Null => asks,
            _ => return Err("the arguments must be an object".to_owned()),
        };
        let whom = json!({"appengine/orgId": org, "appengine/userId": by.id, "appengine/email": by.email});
        asks.meta = serde_json::from_value(whom).ok();
        let using = async {
            let mut connection = self.connect(transport).await?;
            let used = connection.call_tool(asks).await;
            let _ = connection.close_with_timeout(CLOSE).await;
            match used {
                Ok(result) => outcome(result),
                // The server's own words are for the model: it may do better.
                Err(ServiceError::McpError(ErrorData { message, .. })) => Err(message.into_owned()),
                Err(error) => Err(self.failed("use", &error)),
            }
        };
        let late = |_| Err(format!("`{}` did not answer within {} s", self.name, USE.as_secs()));
        timeout(USE, using).await.unwrap_or_else(late)
    }

    async fn connect(&self, transport: &HttpTransport) -> Result<Connection, String> {
        let client = transport.client_for(&self.url);
        let client = client.map_err(|why| format!("reach `{}`: {why}", self.name))?;
        let mut config = StreamableHttpClientTransportConfig::with_uri(self.url.as_str())
            .max_sse_event_size(MOST_BYTES)
            .max_json_response_size(MOST_BYTES)
            .max_error_response_size(MOST_ERROR)
            .reinit_on_expired_session(false);
        config.retry_config = Arc::new(NeverRetry::default());
        config.auth_header.clone_from(&self.key);
        let about = Implementation::new("appengine", env!("CARGO_PKG_VERSION"));
        let lifecycle = ClientLifecycleMode::Auto {
            preferred_versions: vec![ProtocolVersion::LATEST],
            legacy_version: Some(ProtocolVersion::LATEST_WITH_INITIALIZE),
        };
        let wire = StreamableHttpClientTransport::with_client(client, config);
        let config = ClientConfig::new(ClientCapabilities::default(), about);
        let connected = config.serve_with_lifecycle(wire, lifecycle).await;
        connected.map_err(|error| self.failed("reach", &error))
    }

    /// In words that fit after "failed to", with all that is behind an error: the first of it says little.
    fn failed(&self, what: &str, error: &dyn std::error::Error) -> String {
        let mut words = format!("{what} `{}`: {error}", self.name);
        let mut cause = error.source();
        while let Some(of) = cause {
            let more = of.to_string();
            if !words.contains(&more) {
                words = format!("{words}: {more}");
            }
            cause = of.source();
        }
        words.truncate(words.floor_char_boundary(MOST_ERROR));
        words
    }
}

async fn listed(connection: &Connection) -> Result<Vec<Tool>, ServiceError> {
    let (mut tools, mut cursor) = (Vec::new(), None);
    for _ in 0..MOST_PAGES {
        let page = cursor.map(|cursor| PaginatedRequestParams::default().with_cursor(Some(cursor)));
        let listed = connection.list_tools(page).await?;
        tools.extend(listed.tools.into_iter().map(|tool| Tool {
            description: tool.description.or(tool.title.map(Into::into)).unwrap_or_default().into_owned(),
            name: tool.name.into_owned(),
            schema: Value::Object((*tool.input_schema).clone()),
        }));
        cursor = listed.next_cursor;
        if cursor.is_none() || tools.len() >= MOST_TOOLS {
            break;
        }
    }
    tools.truncate(MOST_TOOLS);
    Ok(tools)
}

/// What a tool gave: its structure where it has one, else its words, else all of its blocks.
fn outcome(result: CallToolResult) -> Result<Value, String> {
    let words: Option<Vec<&str>> =
        result.content.iter().map(|block| block.as_text().map(|text| text.text.as_str())).collect();
    let words = words.map(|words| words.join("\n"));
    if result.is_error == Some(true) {
        return Err(words.filter(|words| !words.is_empty()).unwrap_or_else(|| "the tool failed".to_owned()));
    }
    if let Some(structure) = result.structured_content {
        return Ok(structure);
    }
    match words {
        Some(words) => Ok(Value::String(words)),
        None => serde_json::to_value(result.content).map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome_of(result: Value) -> Result<Value, String> {
        outcome(serde_json::from_value(result).unwrap())
    }

    #[test]
    fn what_a_tool_gave_is_read_as_far_as_a_model_can() {
        let text = |text: &str| json!({"type": "text", "text": text});
        let picture = json!({"type": "image", "data": "AAAA", "mimeType": "image/png"});
        assert_eq!(outcome_of(json!({"content": [text("a"), text("b")]})), Ok(json!("a\nb")));
        let both = json!({"content": [text("{}")], "structuredContent": {"stock": 7}});
        assert_eq!(outcome_of(both), Ok(json!({"stock": 7})));
        let blocks = outcome_of(json!({"content": [text("a"), picture]})).unwrap();
        assert_eq!(blocks[1]["mimeType"], "image/png");
        assert_eq!(
            outcome_of(json!({"content": [text("no such part")], "isError": true})),
            Err("no such part".into())
        );
        assert_eq!(outcome_of(json!({"content": [], "isError": true})), Err("the tool failed".into()));
    }
}
