//! From a request to what a model is asked. Clients of two documents are understood: `task` with its settings, and
//! `agentId` with a `message`.

use appengine_actors::ids::{Datatype, RecordId};
use appengine_actors::machine::Machine;
use appengine_actors::record::model::Record;
use appengine_actors::session::stream::assistant::{self, Assistant};
use appengine_actors::session::stream::head::{Ask, Exchange, Origin};
use appengine_actors::session::stream::model::{Message, Prompt, Tool};
use appengine_actors::session::stream::{Beginning, Once};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::NAME;
use crate::ai::asker;
use crate::auth::principal::Principal;
use crate::http::keep::{keep, keep_path};
use crate::problem::Problem;

/// Exchanges of a conversation that a model is told: each is two messages.
const REMEMBERED: usize = 10;
/// Messages, tools, files and pictures of one request.
const MOST: usize = 100;
const UNFIT: &str = "the answer cannot be asked for";
/// Names that name no assistant: two roles, and the gap that clients' documents leave for one.
const ROLES: [&str; 3] = ["chat", "ai-agent", "..."];

/// What is asked.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(examples(json!({"message": "Who wrote to us today?"}), json!({
    "task": "Summarise the last conversation", "agentRole": "chat", "conversationId": "c-1",
    "context": {"aiMode": "auto"}, "settings": {"temperature": 0.2, "maxTokens": 500},
})))]
pub struct AskBody {
    /// The words; `message` is the same.
    #[schema(max_length = 65536)]
    task: Option<String>,
    /// The words; `task` is the same.
    #[schema(max_length = 65536)]
    message: Option<String>,
    /// The assistant, by its id or its name; the organisation's own choice if not given.
    #[schema(max_length = 255)]
    agent_id: Option<String>,
    /// `chat`, `ai-agent`, or an assistant.
    #[schema(max_length = 255)]
    agent_role: Option<String>,
    /// What the model is told besides.
    #[schema(max_length = 65536)]
    agent_instructions: Option<String>,
    /// What was said before; that of the conversation if not given.
    #[schema(max_items = 100)]
    conversation_history: Vec<Turn>,
    /// The conversation that this is part of: it has one answer at a time.
    #[schema(max_length = 255)]
    conversation_id: Option<String>,
    /// What it is about.
    context: Context,
    /// How it is to be answered.
    settings: ModelChoices,
    /// Taken from clients that send it, and of no effect: `server.memory.store` says itself for how long (`ttl`).
    memory_ttl: Option<u64>,
    /// Tools that you use: their results are posted to the stream.
    #[schema(max_items = 100)]
    client_mcp_tools: Vec<ClientTool>,
    /// The server's tools that may be used, by name.
    #[schema(max_items = 100)]
    available_tools: Vec<String>,
    /// Files that it is about.
    #[schema(max_items = 100)]
    files: Vec<Attached>,
    /// Pictures, by their addresses: `https:` or `data:`.
    #[schema(max_items = 100)]
    images: Vec<Value>,
}

/// Something that was said before.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Turn {
    /// `user` or `assistant`; what others said is told as the user's.
    role: String,
    /// The words.
    content: String,
}

/// What it is about.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
struct Context {
    /// `developer`, `data-analyst`, `graphic-artist`, `content-writer` or `auto`.
    ai_mode: Option<String>,
    /// What the model is told before everything else.
    #[schema(max_length = 65536)]
    system_prompt: Option<String>,
}

/// How it is to be answered.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
struct ModelChoices {
    /// How much chance there is in it, from 0 to 2.
    #[schema(minimum = 0, maximum = 2)]
    temperature: Option<f64>,
    /// Tokens of the answer.
    #[schema(minimum = 1)]
    max_tokens: Option<u32>,
    /// The provider's name of the model.
    #[schema(max_length = 255)]
    model: Option<String>,
    /// The provider: the name of its integration, its type, or `built-in`.
    #[schema(max_length = 255)]
    provider: Option<String>,
}

/// A tool that whoever asks uses.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ClientTool {
    /// Its name.
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    /// What it does.
    #[serde(default)]
    description: String,
    /// The JSON schema of its arguments.
    #[serde(default)]
    #[schema(value_type = Object)]
    input_schema: Value,
}

/// A file that it is about.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Attached {
    /// What it is called.
    #[serde(default)]
    name: String,
    /// Where it is kept.
    #[serde(default)]
    path: String,
    /// Where it can be read.
    #[serde(default)]
    url: Option<String>,
}

/// A conversation's name, so that nobody comes upon another person's by chance. An end user's conversations are their own;
/// the staff share theirs.
pub(super) fn scoped(caller: &Principal, conversation: &str) -> Result<String, Problem> {
    keep_path(
        "conversationId",
        is_name(conversation),
        "must have 1 to 255 characters, none of them control characters",
    )?;
    Ok(if caller.is_end_user() { format!("{}/{conversation}", caller.id) } else { conversation.to_owned() })
}

fn is_name(text: &str) -> bool {
    (1..=NAME).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// What is to be begun.
pub(super) async fn beginning(
    caller: &Principal,
    machine: &Machine,
    body: AskBody,
    once: Option<Once>,
) -> Result<Beginning, Problem> {
    let words = body.task.as_deref().or(body.message.as_deref()).unwrap_or_default();
    let short = |text: Option<&String>| text.is_none_or(|text| text.chars().count() <= NAME);
    let temperature = body.settings.temperature.is_none_or(|of| (0.0..=2.0).contains(&of));
    let counts = [
        body.conversation_history.len(),
        body.client_mcp_tools.len(),
        body.available_tools.len(),
        body.files.len(),
        body.images.len(),
    ];
    keep(
        UNFIT,
        [
            ("message", !words.trim().is_empty(), "must say something; `task` is taken, too"),
            ("agentId", short(body.agent_id.as_ref()), "must have at most 255 characters"),
            ("agentRole", short(body.agent_role.as_ref()), "must have at most 255 characters"),
            ("settings.temperature", temperature, "must be a number from 0 to 2"),
            ("settings.maxTokens", body.settings.max_tokens != Some(0), "must be at least 1"),
            ("", counts.iter().all(|count| *count <= MOST), "must have lists of at most 100 entries"),
        ],
    )?;
    let conversation = match body.conversation_id.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => Some(scoped(caller, name)?),
        None => None,
    };
    let assistant = assistant(caller, machine, &body).await?;
    let of = assistant.as_ref().map(|record| Assistant::of(&record.data)).unwrap_or_default();
    let mut messages = history(caller, machine, conversation.as_deref(), &body.conversation_history).await?;
    let images = body.images.iter().filter_map(image).collect();
    messages.push(Message::User { text: with_files(words, &body.files), images });
    let tools = body.client_mcp_tools.iter().map(|tool| Tool {
        name: tool.name.clone(),
        description: tool.description.clone(),
        schema: if tool.input_schema.is_object() {
            tool.input_schema.clone()
        } else {
            json!({"type": "object"})
        },
    });
    let prompt = Prompt {
        org: caller.org.clone(),
        by: asker::of(caller),
        sources: of.sources.clone(),
        provider: body.settings.provider.clone().or_else(|| of.provider.clone()),
        model: body.settings.model.clone().or_else(|| of.model.clone()),
        system: system(&of, &body),
        messages,
        tools: tools.chain(machine.house.tools.named(named_tools(&of, &body))).collect(),
        temperature: body.settings.temperature.or(of.temperature),
        max_tokens: body.settings.max_tokens,
    };
    let client_tools = body.client_mcp_tools.into_iter().map(|tool| tool.name).collect();
    let assistant = assistant.map(|record| record.sk.to_string());
    Ok(Beginning {
        origin: Origin::default(),
        conversation,
        assistant,
        ask: Ask { prompt, client_tools },
        once,
    })
}

/// The assistant that is asked for, by its id or its name.
async fn assistant(caller: &Principal, machine: &Machine, body: &AskBody) -> Result<Option<Record>, Problem> {
    let wanted = [&body.agent_id, &body.agent_role]
        .into_iter()
        .flatten()
        .find(|text| !text.is_empty() && !ROLES.contains(&text.as_str()));
    let Some(wanted) = wanted else { return Ok(None) };
    let missing = || {
        Problem::not_found(format!(
            "failed to find the assistant `{wanted}`: there is no `ai_assistant` with that id"
        ))
    };
    let datatype = Datatype::new(assistant::DATATYPE).map_err(|_| missing())?;
    let sk = RecordId::new(wanted).map_err(|_| missing())?;
    let found = machine.records.read(&caller.org, &datatype, &sk).await?;
    found.map(|read| read.record).filter(assistant::is_active).ok_or_else(missing).map(Some)
}

/// What was said before: what the request says, or what the conversation remembers.
async fn history(
    caller: &Principal,
    machine: &Machine,
    conversation: Option<&str>,
    given: &[Turn],
) -> Result<Vec<Message>, Problem> {
    if !given.is_empty() {
        let said = given.iter().map(|turn| match turn.role.as_str() {
            "assistant" => Message::Assistant { text: turn.content.clone(), calls: Vec::new() },
            _ => Message::User { text: turn.content.clone(), images: Vec::new() },
        });
        return Ok(said.collect());
    }
    let Some(conversation) = conversation else { return Ok(Vec::new()) };
    let exchanges = machine.sessions.streams.exchanges(&caller.org, conversation, REMEMBERED).await?;
    // What broke off before its first word was answered by nobody.
    let answered = exchanges.into_iter().filter(|exchange| !exchange.answer.is_empty());
    let said = answered.flat_map(|Exchange { question, answer, .. }| {
        let question = Message::User { text: question, images: Vec::new() };
        [question, Message::Assistant { text: answer, calls: Vec::new() }]
    });
    Ok(said.collect())
}

/// What the model is told before everything else: what the assistant is like, and what the request adds.
fn system(assistant: &Assistant, body: &AskBody) -> String {
    let mode = match body.context.ai_mode.as_deref() {
        Some("developer") => "Answer as an experienced software developer.",
        Some("data-analyst") => "Answer as a data analyst.",
        Some("graphic-artist") => "Answer as a graphic artist.",
        Some("content-writer") => "Answer as a writer of content.",
        _ => "",
    };
    let given = |text: &Option<String>| text.clone().unwrap_or_default();
    let parts = [
        assistant.system.clone(),
        given(&body.context.system_prompt),
        given(&body.agent_instructions),
        mode.to_owned(),
    ];
    parts.into_iter().filter(|part| !part.trim().is_empty()).collect::<Vec<_>>().join("\n\n")
}

/// The server's tools that may be used: those that the request names, else the assistant's.
fn named_tools<'a>(assistant: &'a Assistant, body: &'a AskBody) -> &'a [String] {
    if body.available_tools.is_empty() { &assistant.tools } else { &body.available_tools }
}

fn image(of: &Value) -> Option<String> {
    let url = of.as_str().or_else(|| of["url"].as_str())?;
    (url.starts_with("https://") || url.starts_with("data:image/")).then(|| url.to_owned())
}

fn with_files(words: &str, files: &[Attached]) -> String {
    let files = files.iter().map(|file| {
        let at = file.url.as_deref().unwrap_or(&file.path);
        format!("\n[attached: {} {at}]", file.name)
    });
    std::iter::once(words.to_owned()).chain(files).collect()
}
