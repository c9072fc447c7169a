//! Answers of language models (contract §8): asked for, read as streams, stopped; and what conversations remember.

mod asking;
mod assistants;
mod read;
pub mod tools;
mod usage;

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse, web};
use appengine_actors::ids::StreamId;
use appengine_actors::machine::Machine;
use appengine_actors::session::stream::frame::Said;
use appengine_actors::session::stream::head::{Exchange, Head};
use appengine_actors::session::stream::messages::{StreamError, ToolOutput};
use appengine_actors::session::stream::{BeginError, Once, StreamsError};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use self::asking::AskBody;
use super::admit::Caller;
use super::keep::keep;
use super::route::{Access, Route, id, text};
use super::take::{Json, Object};
use crate::auth::principal::Principal;
use crate::auth::role::Permission;
use crate::problem::Problem;

const TAG: &str = "AI";
/// Exchanges of a conversation that are shown.
const MOST_EXCHANGES: usize = 200;
/// Characters of an idempotency key, and of a conversation's name.
const NAME: usize = 255;
const FAILED: &str = "The model's provider failed";
const EXPIRED: &str = "The answer can no longer be read";

/// The routes of this chapter.
#[must_use]
pub fn routes() -> Vec<Route> {
    let of = |route: Route| route.part("streamId", id(StreamId::PREFIX));
    let mut routes = vec![
        Route::post("/ai/agent/stream", Access::Signed, begin)
            .about(TAG, "Ask for an answer; it is read at `/ai/stream/{streamId}`")
            .takes::<AskBody>()
            .gives_object(StatusCode::ACCEPTED),
        Route::post("/ai/chat", Access::Signed, chat)
            .about(TAG, "Ask for an answer, and wait for all of it")
            .takes::<AskBody>()
            .gives_object(StatusCode::OK)
            .also(StatusCode::BAD_GATEWAY, FAILED),
        Route::post("/ai/agent/chat", Access::Signed, chat)
            .about(TAG, "Ask for an answer, and wait for all of it")
            .takes::<AskBody>()
            .gives_object(StatusCode::OK)
            .also(StatusCode::BAD_GATEWAY, FAILED),
        of(Route::post("/ai/stream/{streamId}/stop", Access::Signed, stop))
            .about(TAG, "Stop an answer; what was said is kept")
            .gives_object(StatusCode::OK)
            .also(StatusCode::GONE, EXPIRED),
        of(Route::post("/ai/stream/{streamId}/tool-results", Access::Signed, take_results))
            .about(TAG, "Give what came of tools that you have used")
            .takes::<ResultsBody>()
            .gives_object(StatusCode::ACCEPTED)
            .also(StatusCode::GONE, EXPIRED),
        Route::get("/ai/thread/{conversationId}", Access::Signed, thread)
            .about(TAG, "What you asked in a conversation, and what was answered, oldest first")
            .part("conversationId", text(r"^[^\x00-\x1f]{1,255}$"))
            .gives_object(StatusCode::OK),
    ];
    routes.extend(read::routes());
    routes.extend(tools::routes());
    routes.extend(assistants::routes());
    routes.extend(usage::routes());
    routes
}

/// What came of tools.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({"results": [{"id": "call_1", "output": {"found": 3}}]})))]
struct ResultsBody {
    /// One for each call.
    #[schema(min_items = 1, max_items = 100)]
    results: Vec<ResultBody>,
}

/// What came of one tool.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ResultBody {
    /// The call, as its `tool_use` frame names it.
    #[schema(min_length = 1, max_length = 255)]
    id: String,
    /// What came of it: any JSON.
    #[schema(value_type = Object)]
    output: Value,
    /// Whether that is an error.
    #[serde(default)]
    is_error: bool,
}

async fn begin(
    caller: Caller,
    machine: web::Data<Machine>,
    request: HttpRequest,
    Json(Object(body)): Json<Object<AskBody>>,
) -> Result<HttpResponse, Problem> {
    let id = begun(&caller, &machine, &request, body).await?;
    Ok(HttpResponse::Accepted().json(json!({"streamId": id, "url": format!("/ai/stream/{id}")})))
}

async fn begun(
    caller: &Caller,
    machine: &Machine,
    request: &HttpRequest,
    body: AskBody,
) -> Result<StreamId, Problem> {
    let once = once(request.headers(), &body)?;
    let beginning = asking::beginning(caller, machine, body, once).await?;
    Ok(machine.sessions.streams.begin(&caller.org, beginning).await?)
}

/// The key that makes a second request with it the same one.
fn once(headers: &HeaderMap, body: &AskBody) -> Result<Option<Once>, Problem> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().ok().filter(|key| (1..=NAME).contains(&key.chars().count()));
    let rule = "must have 1 to 255 visible characters";
    keep("the request cannot be taken", [("Idempotency-Key", key.is_some(), rule)])?;
    let digest = Sha256::digest(serde_json::to_vec(body).unwrap_or_default());
    let digest = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(key.map(|key| Once { key: key.to_owned(), digest, replaces: None }))
}

/// Waits for the end of an answer. Whoever hangs up meanwhile finds it in its stream.
async fn chat(
    caller: Caller,
    machine: web::Data<Machine>,
    request: HttpRequest,
    Json(Object(body)): Json<Object<AskBody>>,
) -> Result<HttpResponse, Problem> {
    let id = begun(&caller, &machine, &request, body).await?;
    let streams = &machine.sessions.streams;
    let head = streams.find(&caller.org, id).await?.ok_or_else(|| missing(id))?;
    let mut reader = streams.read(&head, 0);
    let (mut content, mut tools) = (String::new(), Vec::new());
    while let Some(frames) = reader.next().await? {
        for frame in frames {
            match &*frame.said {
                Said::Chunk { data } => content.push_str(data),
                // Nobody reads who could use it.
                Said::ToolUse { id, name, input, client: true } => {
                    tools.push(json!({"id": id, "name": name, "input": input}));
                }
                Said::ToolResult { id, .. } => tools.retain(|tool| tool["id"] != **id),
                Said::Error { code, message, .. } => {
                    let words = format!("failed to {message}");
                    return Err(Problem::new(StatusCode::BAD_GATEWAY, "ai_failed", words).detail("ai", code));
                }
                Said::Start { .. } | Said::ToolUse { .. } | Said::Usage { .. } | Said::End { .. } => {}
            }
        }
        if !tools.is_empty() {
            break;
        }
    }
    let head = streams.find(&caller.org, id).await?.unwrap_or(head);
    let mut answer = shown(&head);
    answer["content"] = content.into();
    if !tools.is_empty() {
        answer["toolUse"] = tools.into();
    }
    Ok(HttpResponse::Ok().json(answer))
}

/// A stream as people see it.
fn shown(head: &Head) -> Value {
    json!({
        "streamId": head.id, "messageId": head.message_id, "conversationId": head.conversation,
        "assistantId": head.assistant, "model": head.model, "status": head.status, "finishReason": head.finish,
        "usage": {"inputTokens": head.input_tokens, "outputTokens": head.output_tokens},
        "startedAt": head.started_at, "endedAt": head.ended_at,
    })
}

/// A stream that a caller may know of: their own; staff may know of all in their organisation.
async fn theirs(caller: &Principal, machine: &Machine, id: StreamId) -> Result<Head, Problem> {
    let now = machine.house.clock.now();
    let found = machine.sessions.streams.find(&caller.org, id).await?;
    let is_theirs = |head: &Head| {
        head.by.id == caller.id.as_str() || !caller.is_end_user() && caller.may(Permission::Read)
    };
    match found {
        Some(head) if is_theirs(&head) && head.kept_until > now => Ok(head),
        Some(head) if is_theirs(&head) => Err(expired(id)),
        Some(_) => Err(missing(id)),
        // Its own id says when it was begun.
        None if id.time().plus(machine.house.settings.streams.keep) <= now => Err(expired(id)),
        None => Err(missing(id)),
    }
}

fn missing(id: StreamId) -> Problem {
    Problem::not_found(format!("failed to find the stream {id}: there is none of that id"))
}

fn expired(id: StreamId) -> Problem {
    let message = format!("failed to find the stream {id}: it can no longer be read");
    Problem::new(StatusCode::GONE, "stream_expired", message)
}

async fn stop(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<StreamId>,
) -> Result<HttpResponse, Problem> {
    theirs(&caller, &machine, *id).await?;
    let head = machine.sessions.streams.stop(&caller.org, *id).await?;
    Ok(HttpResponse::Ok().json(shown(&head)))
}

async fn take_results(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<StreamId>,
    Json(Object(body)): Json<Object<ResultsBody>>,
) -> Result<HttpResponse, Problem> {
    let is_some = (1..=100).contains(&body.results.len());
    keep("the results cannot be taken", [("results", is_some, "must be a list of 1 to 100 results")])?;
    theirs(&caller, &machine, *id).await?;
    let results = body.results.into_iter();
    let results = results.map(|ResultBody { id, output, is_error }| ToolOutput { id, output, is_error });
    machine.sessions.streams.take_results(&caller.org, *id, results.collect()).await?;
    Ok(HttpResponse::Accepted().json(json!({"streamId": *id})))
}

async fn thread(
    caller: Caller,
    machine: web::Data<Machine>,
    conversation: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let conversation = asking::scoped(&caller, &conversation)?;
    let streams = &machine.sessions.streams;
    let data = streams.exchanges(&caller.org, &conversation, MOST_EXCHANGES).await?;
    let running = streams.running_in(&caller.org, &conversation).await?;
    let question = match running {
        Some(id) => streams.question(&caller.org, id).await?,
        None => None,
    };
    let data: Vec<Value> = data.iter().map(exchange).collect();
    let thread = json!({"data": data, "total": data.len(), "streamId": running, "question": question});
    Ok(HttpResponse::Ok().json(thread))
}

fn exchange(of: &Exchange) -> Value {
    json!({
        "sk": of.sk, "streamId": of.stream_id, "question": of.question, "answer": of.answer,
        "askedAt": of.asked_at, "answeredAt": of.answered_at,
    })
}

impl From<BeginError> for Problem {
    fn from(error: BeginError) -> Self {
        let words = format!("failed to {error}");
        match error {
            BeginError::Busy(id) => {
                Self::conflict("answer_under_way", words).detail("streamId", &format!("/ai/stream/{id}"))
            }
            BeginError::KeyUsed => Self::conflict("idempotency_key_reused", words),
            BeginError::TooLong(..) => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "value_too_large", words),
            BeginError::Full(_) => Self::unavailable(words),
            BeginError::Change(error) => error.into(),
        }
    }
}

impl From<StreamsError> for Problem {
    fn from(error: StreamsError) -> Self {
        let words = format!("failed to {error}");
        match error {
            StreamsError::Stream(StreamError::Missing) => Self::not_found(words),
            StreamsError::Stream(StreamError::Over) => Self::conflict("stream_over", words),
            StreamsError::Stream(StreamError::Unasked(_)) => Self::conflict("result_unasked", words),
            StreamsError::Stream(StreamError::Change(error)) => error.into(),
            StreamsError::Stream(StreamError::Store(error)) => error.into(),
            StreamsError::Unreachable(_) => Self::unavailable(words),
        }
    }
}
