//! OpenAI's Responses, streamed (OpenAI API reference, "Create a model response" and "Streaming events"): events whose
//! data have a `type`, the last of them `response.completed`, `response.incomplete` or `response.failed`. The base
//! address ends in `/v1`.
//!
//! The event `error` holds its fields in `error`, and not beside its type as the reference has it; both are read.

mod body;
mod told;

use appengine_actors::session::stream::model::{Finish, ModelError, Piece, Prompt};
use serde_json::Value;

use self::told::{Item, Response, Told};
use super::calls::{Calls, Part};
use super::loose::{Loose, known};
use super::sse::Event;
use super::{Reader, Wire, bearer, fault};

/// The events that are read; the rest is of no use here.
const TYPES: [&str; 13] = [
    "response.created",
    "response.in_progress",
    "response.output_text.delta",
    "response.refusal.delta",
    "response.output_item.added",
    "response.output_item.done",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.completed",
    "response.incomplete",
    "response.failed",
    "response.cancelled",
    "error",
];

/// Responses.
pub struct Responses;

impl Wire for Responses {
    fn path(&self) -> &'static str {
        "/responses"
    }

    fn headers(&self, key: Option<&str>) -> Vec<(&'static str, String)> {
        bearer(key)
    }

    fn body(&self, prompt: &Prompt, model: &str) -> Value {
        body::body(prompt, model)
    }

    fn reader(&self, prompt: &Prompt) -> Box<dyn Reader> {
        Box::new(Events { calls: Calls::of(prompt), ..Events::default() })
    }
}

/// Reads events.
#[derive(Default)]
struct Events {
    calls: Calls,
    /// The answer's id.
    id: String,
    has_model: bool,
    is_over: bool,
}

impl Reader for Events {
    fn read(&mut self, event: &Event) -> Result<Vec<Piece>, ModelError> {
        if self.is_over {
            return Ok(Vec::new());
        }
        let Some(told) = known::<Told<'_>>(&event.data, &TYPES)? else { return Ok(Vec::new()) };
        let kind = if told.kind.text().is_empty() { event.name.as_str() } else { told.kind.text() };
        let mut pieces = Vec::new();
        if let Some(response) = &told.response {
            self.begun(response, &mut pieces);
        }
        match kind {
            "response.output_text.delta" | "response.refusal.delta" => {
                let words = told.delta.into_words();
                pieces.extend(Some(words).filter(|words| !words.is_empty()).map(Piece::Text));
            }
            "response.output_item.added" | "response.output_item.done" => {
                if let Some(item) = &told.item {
                    self.item(told.output_index.number(), item)?;
                }
            }
            "response.function_call_arguments.delta" => {
                let more = told.delta.text();
                self.calls.add(Part { index: told.output_index.number(), more, ..Part::default() })?;
            }
            "response.function_call_arguments.done" => {
                let whole = Some(told.arguments.text());
                self.calls.add(Part { index: told.output_index.number(), whole, ..Part::default() })?;
            }
            "response.completed" => self.close(told.response, Finish::Stop, &mut pieces)?,
            "response.incomplete" => {
                let details =
                    told.response.as_ref().and_then(|response| response.incomplete_details.as_ref());
                let finish = match details.map(|details| details.reason.text()) {
                    Some("max_output_tokens") => Finish::Length,
                    Some("content_filter") => Finish::ContentFilter,
                    Some(_) | None => Finish::Other,
                };
                self.close(told.response, finish, &mut pieces)?;
            }
            "response.failed" | "response.cancelled" => {
                let error = told.response.map(|response| response.error).unwrap_or_default();
                return Err(fault::told(&if let Loose::Other(error) = error { error } else { Value::Null }));
            }
            "error" => return Err(fault::told(&serde_json::from_str(&event.data).unwrap_or_default())),
            _ => {}
        }
        Ok(pieces)
    }

    fn end(&mut self) -> Result<Vec<Piece>, ModelError> {
        if self.is_over { Ok(Vec::new()) } else { Err(fault::broken()) }
    }
}

impl Events {
    fn begun(&mut self, response: &Response<'_>, pieces: &mut Vec<Piece>) {
        if !self.has_model && !response.model.text().is_empty() {
            self.has_model = true;
            pieces.push(Piece::Model(response.model.text().to_owned()));
        }
        if self.id.is_empty() {
            response.id.text().clone_into(&mut self.id);
        }
    }

    fn item(&mut self, index: Option<u64>, item: &Item<'_>) -> Result<(), ModelError> {
        if item.kind.text() != "function_call" {
            return Ok(());
        }
        let id = if item.call_id.text().is_empty() { item.id.text() } else { item.call_id.text() };
        let whole = Some(item.arguments.text()).filter(|whole| !whole.is_empty());
        self.calls.add(Part { index, id, name: item.name.text(), more: "", whole })
    }

    /// The end. Servers that told nothing of the calls before tell all of them now.
    fn close(
        &mut self,
        response: Option<Response<'_>>,
        finish: Finish,
        pieces: &mut Vec<Piece>,
    ) -> Result<(), ModelError> {
        let (output, usage) = response.map(|response| (response.output, response.usage)).unwrap_or_default();
        if self.calls.is_empty() {
            for (index, item) in (0..).zip(&output.unwrap_or_default()) {
                self.item(Some(index), item)?;
            }
        }
        self.is_over = true;
        let (mut calls, finish) = self.calls.finish(&self.id, finish);
        pieces.append(&mut calls);
        let count = |tokens: &Loose<'_>| tokens.number().unwrap_or_default();
        pieces.extend(usage.map(|usage| Piece::Usage {
            input: count(&usage.input_tokens),
            output: count(&usage.output_tokens),
        }));
        pieces.push(Piece::Finish(finish));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
