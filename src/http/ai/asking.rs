//! From a request to what a model is asked. Clients of two documents are understood: `task` with its settings, and
//! `agentId` with a `message`.

mod body;

use appengine_actors::machine::Machine;
use appengine_actors::record::model::Record;
use appengine_actors::session::stream::assistant::{self, Assistant, Audience};
use appengine_actors::session::stream::head::{Ask, Exchange, Origin};
use appengine_actors::session::stream::model::{Message, Prompt, Tool};
use appengine_actors::session::stream::{Beginning, Once, tools};
use serde_json::{Map, Value, json};

pub(super) use self::body::AskBody;
use self::body::Attached;
use super::NAME;
use super::tools::may_use_connected;
use crate::ai::asker;
use crate::auth::principal::Principal;
use crate::http::chat;
use crate::http::keep::keep_path;
use crate::problem::Problem;

/// Exchanges of a conversation that a model is told: each is two messages.
const REMEMBERED: usize = 10;
/// Names that name no assistant: two roles, and the gap that clients' documents leave for one.
const ROLES: [&str; 3] = ["chat", "ai-agent", "..."];

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
    body.check()?;
    let conversation = match body.conversation_id.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => Some(scoped(caller, name)?),
        None => None,
    };
    let assistant = assistant(caller, machine, &body).await?;
    let of = assistant.as_ref().map(|record| Assistant::of(&record.data)).unwrap_or_default();
    let mut messages = history(caller, machine, conversation.as_deref(), &body).await?;
    let images = body.images.iter().filter_map(image).collect();
    messages.push(Message::User { text: with_files(body.words(), &body.files), images });
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
        connected: connected(caller, &of, &body),
        temperature: body.settings.temperature.or(of.temperature),
        max_tokens: body.settings.max_tokens,
    };
    let memory_ttl = body.memory_ttl;
    let client_tools = body.client_mcp_tools.into_iter().map(|tool| tool.name).collect();
    let assistant = assistant.map(|record| record.sk.to_string());
    Ok(Beginning {
        origin: Origin::default(),
        conversation,
        assistant,
        ask: Ask { prompt, client_tools, given: given(memory_ttl) },
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
            "failed to find the assistant `{wanted}`: there is no active `ai_assistant` of that id or name"
        ))
    };
    let found = assistant::find(&*machine.house.store, &caller.org, wanted).await?;
    found.filter(|record| may_ask(caller, record)).ok_or_else(missing).map(Some)
}

/// Whether somebody may ask an assistant by themselves.
fn may_ask(caller: &Principal, record: &Record) -> bool {
    if caller.is_end_user() {
        return assistant::audience(&record.data) == Audience::Everybody;
    }
    let is_theirs = || {
        let others = record.data.get("collaborators").and_then(Value::as_array).into_iter().flatten();
        let mut others = others.filter_map(|of| of.as_str().or_else(|| of["email"].as_str()));
        record.author.as_deref() == Some(caller.author())
            || others
                .any(|email| caller.email.as_deref().is_some_and(|mine| mine.eq_ignore_ascii_case(email)))
    };
    assistant::audience(&record.data) != Audience::Owner || is_theirs()
}

/// What was said before: what the request says, or what the conversation remembers, or what was said in the chat of its
/// name.
async fn history(
    caller: &Principal,
    machine: &Machine,
    conversation: Option<&str>,
    body: &AskBody,
) -> Result<Vec<Message>, Problem> {
    let given = &body.conversation_history;
    if !given.is_empty() {
        let said = given.iter().map(|turn| match turn.role.as_str() {
            "assistant" => Message::Assistant { text: turn.content.clone(), calls: Vec::new() },
            _ => Message::User { text: turn.content.clone(), images: Vec::new() },
        });
        return Ok(said.collect());
    }
    let Some(conversation) = conversation else { return Ok(Vec::new()) };
    let exchanges = machine.sessions.streams.exchanges(&caller.org, conversation, REMEMBERED).await?;
    if exchanges.is_empty() {
        return chat(caller, machine, body.conversation_id.as_deref().unwrap_or_default()).await;
    }
    // What broke off before its first word was answered by nobody.
    let answered = exchanges.into_iter().filter(|exchange| !exchange.answer.is_empty());
    let said = answered.flat_map(|Exchange { question, answer, .. }| {
        let question = Message::User { text: question, images: Vec::new() };
        [question, Message::Assistant { text: answer, calls: Vec::new() }]
    });
    Ok(said.collect())
}

/// What was said last in a chat, where there is one of this name that whoever asks may read.
async fn chat(caller: &Principal, machine: &Machine, name: &str) -> Result<Vec<Message>, Problem> {
    let Ok(by) = chat::reader(caller) else { return Ok(Vec::new()) };
    // Most conversations are no chats: their names say nothing of them.
    let Ok(chat) = chat::named(name, &by) else { return Ok(Vec::new()) };
    Ok(machine.sessions.chats.told(&caller.org, &by, &chat).await?)
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

/// What tools are given where the model does not say: for how long something is remembered.
fn given(memory_ttl: Option<u64>) -> Map<String, Value> {
    let given =
        memory_ttl.filter(|ttl| *ttl > 0).map(|ttl| ("server.memory.store".to_owned(), json!({"ttl": ttl})));
    given.into_iter().collect()
}

/// The server's tools that may be used: those that the request names, else the assistant's.
fn named_tools<'a>(assistant: &'a Assistant, body: &'a AskBody) -> &'a [String] {
    if body.available_tools.is_empty() { &assistant.tools } else { &body.available_tools }
}

/// Those of connected servers. They know nobody's rights here: whoever may not use them by name is given none but those that
/// the organisation has given the assistant.
fn connected(caller: &Principal, assistant: &Assistant, body: &AskBody) -> Vec<String> {
    let named = tools::connected(named_tools(assistant, body));
    if may_use_connected(caller).is_ok() { named } else { tools::in_both(&assistant.tools, &named) }
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
