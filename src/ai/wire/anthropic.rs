//! Anthropic's Messages, streamed (Claude API docs, "Create a Message", "Streaming Messages", "Handling stop reasons",
//! "Errors"): `message_start`, blocks of content, `message_delta` with the reason of the end, `message_stop`. The base
//! address is without `/v1`, as the vendor's own libraries and compatible servers have it: `https://api.anthropic.com`.
//!
//! Tokens that were read are counted with those that came from the cache and went into it. Thoughts, and tools that the
//! provider uses itself, are passed over.

mod body;
mod told;

use appengine_actors::session::stream::model::{Finish, ModelError, Piece, Prompt};
use serde_json::Value;

use self::told::{Begun, Block, Delta, Told, Usage};
use super::calls::{Calls, Part};
use super::loose::{Loose, known};
use super::sse::Event;
use super::{Reader, Wire, fault};

/// The events that are read; `ping` and those to come are of no use here.
const TYPES: [&str; 6] =
    ["message_start", "content_block_start", "content_block_delta", "message_delta", "message_stop", "error"];

/// Messages.
pub struct Messages;

impl Wire for Messages {
    fn path(&self) -> &'static str {
        "/v1/messages"
    }

    fn headers(&self, key: Option<&str>) -> Vec<(&'static str, String)> {
        let key = key.filter(|key| !key.is_empty()).map(|key| ("x-api-key", key.to_owned()));
        [("anthropic-version", "2023-06-01".to_owned())].into_iter().chain(key).collect()
    }

    fn body(&self, prompt: &Prompt, model: &str) -> Value {
        body::body(prompt, model)
    }

    fn reader(&self, prompt: &Prompt) -> Box<dyn Reader> {
        Box::new(Events { calls: Calls::of(prompt), ..Events::default() })
    }
}

/// Tokens, as they were told last.
#[derive(Default, Clone, Copy, PartialEq)]
struct Tokens {
    input: u64,
    written: u64,
    cached: u64,
    output: u64,
}

/// Reads events.
#[derive(Default)]
struct Events {
    calls: Calls,
    id: String,
    tokens: Tokens,
    finish: Option<Finish>,
    has_said: bool,
    is_over: bool,
}

impl Reader for Events {
    fn read(&mut self, event: &Event) -> Result<Vec<Piece>, ModelError> {
        if self.is_over {
            return Ok(Vec::new());
        }
        let Some(told) = known::<Told<'_>>(&event.data, &TYPES)? else { return Ok(Vec::new()) };
        let mut pieces = Vec::new();
        match if told.kind.text().is_empty() { event.name.as_str() } else { told.kind.text() } {
            "message_start" => {
                if let Some(message) = told.message {
                    self.begun(&message, &mut pieces);
                }
            }
            "content_block_start" => {
                if let Some(block) = told.content_block {
                    self.block(told.index.number(), block, &mut pieces)?;
                }
            }
            "content_block_delta" => {
                if let Some(delta) = told.delta {
                    self.delta(told.index.number(), &delta, &mut pieces)?;
                }
            }
            "message_delta" => {
                pieces.extend(told.usage.and_then(|usage| self.count(&usage)));
                if let Some(finish) = told.delta.and_then(|delta| finish(delta.stop_reason.text())) {
                    self.finish = Some(finish);
                }
            }
            "message_stop" if self.finish.is_some() || self.has_said => {
                let finish = self.finish.unwrap_or(Finish::Other);
                pieces.append(&mut self.close(finish));
            }
            "message_stop" => return Err(fault::broken()),
            "error" => return Err(fault::told(&serde_json::from_str(&event.data).unwrap_or_default())),
            _ => {}
        }
        Ok(pieces)
    }

    fn end(&mut self) -> Result<Vec<Piece>, ModelError> {
        match (self.is_over, self.finish) {
            (true, _) => Ok(Vec::new()),
            (false, Some(finish)) => Ok(self.close(finish)),
            (false, None) => Err(fault::broken()),
        }
    }
}

impl Events {
    fn begun(&mut self, message: &Begun<'_>, pieces: &mut Vec<Piece>) {
        if !message.model.text().is_empty() {
            pieces.push(Piece::Model(message.model.text().to_owned()));
        }
        message.id.text().clone_into(&mut self.id);
        pieces.extend(message.usage.as_ref().and_then(|usage| self.count(usage)));
    }

    /// What was used so far, if that is news. Later counts are of everything, but need not tell all.
    fn count(&mut self, usage: &Usage<'_>) -> Option<Piece> {
        let before = self.tokens;
        let tokens = &mut self.tokens;
        tokens.input = usage.input_tokens.number().unwrap_or(tokens.input);
        tokens.written = usage.cache_creation_input_tokens.number().unwrap_or(tokens.written);
        tokens.cached = usage.cache_read_input_tokens.number().unwrap_or(tokens.cached);
        tokens.output = usage.output_tokens.number().unwrap_or(tokens.output);
        let Tokens { input, written, cached, output } = *tokens;
        let input = input.saturating_add(written).saturating_add(cached);
        (*tokens != before).then_some(Piece::Usage { input, output })
    }

    fn block(
        &mut self,
        index: Option<u64>,
        block: Block<'_>,
        pieces: &mut Vec<Piece>,
    ) -> Result<(), ModelError> {
        match block.kind.text() {
            "text" => self.text(block.text, pieces),
            "tool_use" => {
                self.has_said = true;
                // It is empty here, and comes in pieces; some servers give all of it at once.
                let whole = match &block.input {
                    Loose::Other(Value::Object(input)) if input.is_empty() => None,
                    Loose::Other(input @ Value::Object(_)) => Some(input.to_string()),
                    Loose::Other(_) | Loose::None | Loose::Text(_) | Loose::Number(_) => None,
                };
                let (id, name) = (block.id.text(), block.name.text());
                self.calls.add(Part { index, id, name, more: "", whole: whole.as_deref() })?;
            }
            _ => {}
        }
        Ok(())
    }

    fn delta(
        &mut self,
        index: Option<u64>,
        delta: &Delta<'_>,
        pieces: &mut Vec<Piece>,
    ) -> Result<(), ModelError> {
        match delta.kind.text() {
            "text_delta" => self.text(Loose::Text(delta.text.text().into()), pieces),
            // Those of the provider's own tools, whose blocks are passed over, become calls without a name: none.
            "input_json_delta" => {
                self.calls.add(Part { index, more: delta.partial_json.text(), ..Part::default() })?;
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: Loose<'_>, pieces: &mut Vec<Piece>) {
        let words = text.into_words();
        if !words.is_empty() {
            self.has_said = true;
            pieces.push(Piece::Text(words));
        }
    }

    fn close(&mut self, finish: Finish) -> Vec<Piece> {
        self.is_over = true;
        let (mut pieces, finish) = self.calls.finish(&self.id, finish);
        pieces.push(Piece::Finish(finish));
        pieces
    }
}

fn finish(reason: &str) -> Option<Finish> {
    Some(match reason {
        "" => return None,
        "end_turn" | "stop_sequence" => Finish::Stop,
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "tool_use" => Finish::ToolCalls,
        "refusal" => Finish::ContentFilter,
        // `pause_turn` is of tools that the provider uses itself, and none are given.
        _ => Finish::Other,
    })
}

#[cfg(test)]
mod tests;
