//! The server's own tools, for models and for whoever calls them by name: each does what whoever asks may do by REST, in
//! their organisation and by their rights, whatever the arguments say.

mod memory;
mod notification;
mod repository;

use std::sync::{Arc, OnceLock, Weak};

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use appengine_actors::ids::OrgId;
use appengine_actors::machine::Machine;
use appengine_actors::session::stream::head::Asker;
use appengine_actors::session::stream::model::{Tool, ToolCall};
use appengine_actors::session::stream::tools::{CONNECTED, ToolBox, is_named};
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::TAG;
use crate::ai::asker;
use crate::ai::connected::Connected;
use crate::auth::principal::Principal;
use crate::auth::refusal::Refusal;
use crate::auth::role::Permission;
use crate::http::admit::Caller;
use crate::http::route::{Access, Route};
use crate::http::take::{Json, Object};
use crate::problem::{Detail, Problem};

/// A tool of the server's.
pub(super) struct ServerTool {
    /// Its name.
    pub(super) name: &'static str,
    category: &'static str,
    description: &'static str,
    /// The JSON schema of its arguments.
    schema: fn() -> Value,
}

/// All of them.
pub(super) const TOOLS: [ServerTool; 8] = [
    ServerTool {
        name: "server.memory.store",
        category: "memory",
        description: "Remember something for the person you talk to, under a key.",
        schema: memory::stores,
    },
    ServerTool {
        name: "server.memory.retrieve",
        category: "memory",
        description: "Recall what was remembered under a key.",
        schema: memory::retrieves,
    },
    ServerTool {
        name: "server.memory.delete",
        category: "memory",
        description: "Forget what was remembered under a key.",
        schema: memory::deletes,
    },
    ServerTool {
        name: "server.repository.find",
        category: "repository",
        description: "Find records of a collection, such as contact or order, by the query language.",
        schema: repository::finds,
    },
    ServerTool {
        name: "server.repository.create",
        category: "repository",
        description: "Create a record in a collection.",
        schema: repository::creates,
    },
    ServerTool {
        name: "server.repository.update",
        category: "repository",
        description: "Change some fields of a record.",
        schema: repository::updates,
    },
    ServerTool {
        name: "server.repository.delete",
        category: "repository",
        description: "Delete a record; it can be restored.",
        schema: repository::deletes,
    },
    ServerTool {
        name: "server.notification.send",
        category: "notification",
        description: "Leave a notification for somebody of the organisation, or for the person you talk to.",
        schema: notification::sends,
    },
];

/// The routes of this part.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/ai/mcp/tools", Access::Signed, list)
            .about(TAG, "The server's tools, with the schemas of their arguments")
            .gives_object(StatusCode::OK),
        Route::post("/ai/mcp/execute", Access::Signed, execute)
            .about(TAG, "Use one of the server's tools, by your own rights")
            .takes::<ToolBody>()
            .also(StatusCode::BAD_GATEWAY, "A tool of a connected server failed (`tool_failed`)")
            .gives_object(StatusCode::OK),
    ]
}

/// A tool that is to be used.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({"toolName": "server.memory.store", "args": {"key": "colour", "value": "green"}})))]
struct ToolBody {
    /// Its name.
    #[schema(min_length = 1, max_length = 255)]
    tool_name: String,
    /// Its arguments.
    #[serde(default)]
    args: Map<String, Value>,
}

async fn list(
    caller: Caller,
    machine: web::Data<Machine>,
    connected: web::Data<Connected>,
) -> Result<HttpResponse, Problem> {
    let own = TOOLS.iter().map(|tool| {
        json!({
            "name": tool.name, "description": tool.description, "inputSchema": (tool.schema)(),
            "category": tool.category,
        })
    });
    let mut tools: Vec<Value> = own.collect();
    let mut servers = Vec::new();
    if may_use_connected(&caller).is_ok() {
        for (server, read) in connected.all(&machine, &caller.org).await? {
            let error = read.as_ref().err().map(|error| format!("failed to {error}"));
            let of = read.unwrap_or_default();
            servers.push(json!({"name": server, "tools": of.len(), "error": error}));
            tools.extend(of.iter().map(|Tool { name, description, schema }| {
                json!({"name": name, "description": description, "inputSchema": schema, "category": "mcp"})
            }));
        }
    }
    Ok(HttpResponse::Ok().json(json!({"tools": tools, "servers": servers})))
}

async fn execute(
    caller: Caller,
    machine: web::Data<Machine>,
    connected: web::Data<Connected>,
    Json(Object(body)): Json<Object<ToolBody>>,
) -> Result<HttpResponse, Problem> {
    let args = Value::Object(body.args);
    let result = if body.tool_name.starts_with(CONNECTED) {
        may_use_connected(&caller)?;
        let used = connected.used(&machine, &caller.org, &asker::of(&caller), &body.tool_name, args).await;
        used.map_err(|why| Problem::new(StatusCode::BAD_GATEWAY, "tool_failed", why))?
    } else {
        used(&caller, &machine, &body.tool_name, args).await?
    };
    Ok(HttpResponse::Ok().json(json!({"toolName": body.tool_name, "result": result})))
}

/// What came of a tool.
async fn used(caller: &Principal, machine: &Machine, name: &str, args: Value) -> Result<Value, Problem> {
    match name {
        "server.memory.store" => memory::store(caller, machine, arguments(args)?).await,
        "server.memory.retrieve" => memory::retrieve(caller, machine, arguments(args)?).await,
        "server.memory.delete" => memory::delete(caller, machine, arguments(args)?).await,
        "server.repository.find" => repository::find(caller, machine, arguments(args)?).await,
        "server.repository.create" => repository::create(caller, machine, arguments(args)?).await,
        "server.repository.update" => repository::update(caller, machine, arguments(args)?).await,
        "server.repository.delete" => repository::delete(caller, machine, arguments(args)?).await,
        "server.notification.send" => notification::send(caller, machine, arguments(args)?).await,
        _ => {
            let names: Vec<_> = TOOLS.iter().map(|tool| tool.name).collect();
            let message = format!("there is no tool `{name}`; known are {}", names.join(", "));
            Err(Problem::not_found(message))
        }
    }
}

fn arguments<T: DeserializeOwned>(args: Value) -> Result<T, Problem> {
    // A model that gives no arguments gives null, or nothing.
    let args = if args.is_null() { Value::Object(Map::new()) } else { args };
    serde_path_to_error::deserialize(args).map_err(|error| {
        let path = format!("args.{}", error.path()).trim_end_matches('.').to_owned();
        let detail = Detail { path, message: error.into_inner().to_string() };
        Problem::invalid("the tool cannot be used", vec![detail])
    })
}

/// Whether somebody may use the tools of connected servers by name.
///
/// # Errors
/// Says what they lack.
pub(super) fn may_use_connected(caller: &Principal) -> Result<(), Refusal> {
    if caller.is_end_user() {
        return Err(Refusal::Forbidden(Permission::Update));
    }
    caller.require(Permission::Update, "write:ai")
}

/// The server's tools and those of connected servers, for runs.
#[derive(Clone)]
pub struct ServerTools {
    connected: Connected,
    /// The machine is started with this, and holds it: it comes afterwards, and is not held.
    machine: Arc<OnceLock<Weak<Machine>>>,
}

impl ServerTools {
    /// With the tools of servers that are reached so.
    #[must_use]
    pub fn new(connected: Connected) -> Self {
        Self { connected, machine: Arc::default() }
    }

    /// Whose they are; said once.
    pub fn take_machine(&self, machine: &Arc<Machine>) {
        // Whoever is first has said it.
        let _ = self.machine.set(Arc::downgrade(machine));
    }
}

impl ToolBox for ServerTools {
    fn named(&self, names: &[String]) -> Vec<Tool> {
        let wanted = TOOLS.iter().filter(|tool| is_named(names, tool.name));
        let tools = wanted.map(|tool| Tool {
            name: tool.name.to_owned(),
            description: tool.description.to_owned(),
            schema: (tool.schema)(),
        });
        tools.collect()
    }

    fn used<'a>(
        &'a self,
        org: &'a OrgId,
        by: &'a Asker,
        call: &'a ToolCall,
    ) -> BoxFuture<'a, Result<Value, String>> {
        Box::pin(async move {
            let machine = self.machine.get().and_then(Weak::upgrade);
            let machine = machine.ok_or("the server starts or stops just now")?;
            if call.name.starts_with(CONNECTED) {
                return self.connected.used(&machine, org, by, &call.name, call.input.clone()).await;
            }
            let caller = asker::caller(org, by).ok_or("nobody knows who asks")?;
            used(&caller, &machine, &call.name, call.input.clone())
                .await
                .map_err(|problem| problem.to_string())
        })
    }
}
