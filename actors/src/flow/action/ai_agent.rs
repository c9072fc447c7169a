//! `ai_agent`: has an assistant, or a model, answer, and puts the answer into the variables. The answer is a stream of its
//! own, begun once however often the step is taken; the step is taken again until it is over.

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{Action, Check, Plan, StepContext, StepError, recheck};
use crate::clock::timeout;
use crate::event::Cause;
use crate::flow::Map;
use crate::form::problem::Problems;
use crate::record::model::Record;
use crate::rights::Author;
use crate::session::stream::assistant::{self, Assistant};
use crate::session::stream::frame::Said;
use crate::session::stream::head::{Ask, Asker, Head, Origin, StreamStatus};
use crate::session::stream::model::{Message, Prompt};
use crate::session::stream::tools;
use crate::session::stream::{BeginError, Beginning, Once, StreamsError};
use crate::store::StoreError;

/// How long a step waits for the answer before it gives its place to others.
const PATIENCE: Duration = Duration::from_secs(10);
/// When it looks again.
const AGAIN: Duration = Duration::from_secs(2);
/// Bytes of an answer that become a variable.
const MOST: usize = 32 * 1024;

/// The action.
pub struct Handler;

impl Action for Handler {
    fn kind(&self) -> &'static str {
        "ai_agent"
    }

    fn check(&self, config: &Map, _: Check<'_>, problems: &mut Problems) {
        let known =
            ["actionType", "retry", "assistantId", "message", "system", "provider", "model", "maxTokens"];
        problems.only(config, &known);
        problems.required_text(config, "message");
        for name in ["assistantId", "system", "provider", "model"] {
            problems.text(config, name);
        }
        problems.whole(config, "maxTokens", 1..=1_000_000);
    }

    fn plan<'a>(&'a self, ctx: &'a StepContext<'a>, config: Map) -> BoxFuture<'a, Result<Plan, StepError>> {
        Box::pin(async move {
            recheck(self, &config, ctx)?;
            let beginning = beginning(ctx, &config).await?;
            let (org, streams) = (&ctx.run.org_id, ctx.streams);
            let id = streams.begin(org, beginning).await.map_err(not_begun)?;
            let waited = timeout(ctx.house.clock.as_ref(), PATIENCE, answer(ctx, id)).await;
            let Some(answer) = waited.transpose()? else {
                return Ok(Plan { again: Some(AGAIN), ..Plan::default() });
            };
            let (head, answer) = answer;
            if head.status == StreamStatus::Failed {
                let why = head.finish.unwrap_or_default();
                let message = format!("failed to answer: {why}; the stream {id} has the words");
                return Err(StepError { message, retryable: true });
            }
            let output = json!({
                "answer": answer, "streamId": id, "finishReason": head.finish, "model": head.model,
                "usage": {"inputTokens": head.input_tokens, "outputTokens": head.output_tokens},
            });
            Ok(Plan { output, ..Plan::default() })
        })
    }
}

/// What is asked, with a key that makes taking the step again the same request.
async fn beginning(ctx: &StepContext<'_>, config: &Map) -> Result<Beginning, StepError> {
    let text = |name: &str| config.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let org = &ctx.run.org_id;
    let assistant = match text("assistantId") {
        Some(id) => Some(assistant(ctx, id).await?),
        None => None,
    };
    let of = assistant.as_ref().map(|record| Assistant::of(&record.data)).unwrap_or_default();
    let system = [of.system.as_str(), text("system").unwrap_or_default()];
    let system = system.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n");
    let by = Asker {
        id: ctx.author(),
        label: ctx.author(),
        email: None,
        name: ctx.author(),
        rights: Author::from(ctx.rights),
    };
    let prompt = Prompt {
        org: org.clone(),
        by,
        sources: of.sources,
        provider: text("provider").map(str::to_owned).or(of.provider),
        model: text("model").map(str::to_owned).or(of.model),
        system,
        messages: vec![Message::User {
            text: text("message").unwrap_or_default().to_owned(),
            images: Vec::new(),
        }],
        tools: ctx.house.tools.named(&of.tools),
        connected: tools::connected(&of.tools),
        temperature: of.temperature,
        max_tokens: config.get("maxTokens").and_then(Value::as_u64).and_then(|most| u32::try_from(most).ok()),
    };
    let (run, step) = (ctx.run, &ctx.step.id);
    // A step that failed asks anew; one that is only taken again asks for the same.
    let key = format!("{}/{step}/{}/{}", run.id, run.step_count, run.step_failures);
    let once = Some(Once { key, digest: String::new(), replaces: None });
    let assistant = assistant.map(|record| record.sk.to_string());
    // Its end is an event, and one that this step sets off.
    let origin = Origin {
        cause: Some(Cause::Run { id: run.id, step: Some(step.clone()) }),
        depth: run.depth,
        breadth: run.breadth.saturating_mul(run.effects.max(1)),
    };
    Ok(Beginning {
        origin,
        conversation: None,
        assistant,
        ask: Ask { prompt, client_tools: Vec::new(), given: Map::new() },
        once,
    })
}

async fn assistant(ctx: &StepContext<'_>, id: &str) -> Result<Record, StepError> {
    let missing = || StepError::lasting(format!("there is no assistant `{id}`, or it is not active"));
    assistant::find(&*ctx.house.store, &ctx.run.org_id, id).await.map_err(later)?.ok_or_else(missing)
}

/// The whole answer, once it is over.
async fn answer(ctx: &StepContext<'_>, id: crate::ids::StreamId) -> Result<(Head, String), StepError> {
    let org = &ctx.run.org_id;
    let gone = || StepError::lasting(format!("the stream {id} can no longer be read"));
    let head = ctx.streams.find(org, id).await.map_err(later)?.ok_or_else(gone)?;
    let mut reader = ctx.streams.read(&head, 0);
    let mut answer = String::new();
    while let Some(frames) = reader.next().await.map_err(unread)? {
        for frame in frames {
            if let Said::Chunk { data } = &*frame.said {
                answer.push_str(data);
            }
        }
    }
    answer.truncate(answer.floor_char_boundary(MOST));
    let head = ctx.streams.find(org, id).await.map_err(later)?.ok_or_else(gone)?;
    Ok((head, answer))
}

fn not_begun(error: BeginError) -> StepError {
    let retryable = match &error {
        BeginError::Change(change) => change.is_retryable(),
        BeginError::Full(_) => true,
        BeginError::Busy(_) | BeginError::KeyUsed | BeginError::TooLong(..) => false,
    };
    StepError { message: format!("failed to {error}"), retryable }
}

fn later(error: StoreError) -> StepError {
    StepError { message: format!("failed to {error}"), retryable: true }
}

fn unread(error: StreamsError) -> StepError {
    StepError { message: format!("failed to {error}"), retryable: true }
}
