//! OpenAI's Chat Completions, streamed (OpenAI API reference, "Create chat completion" and "Streaming"): chunks without
//! names, at their end `data: [DONE]`. The base address ends in `/v1`, such as `https://api.openai.com/v1`.
//!
//! Ollama, vLLM, llama.cpp and others speak it with differences: no `[DONE]`, no usage or usage with every chunk, the
//! finish `stop` although tools are called, calls without index or id, words as a list, `choices` that are `null`. A
//! stream that ended after a finish is whole.

mod body;
mod told;

use appengine_actors::session::stream::model::{Finish, ModelError, Piece, Prompt};
use serde_json::Value;

use self::told::{Chunk, Delta, Function};
use super::calls::{Calls, Part};
use super::loose::Loose;
use super::sse::Event;
use super::{Reader, Wire, bearer, fault};

/// Chat Completions.
pub struct Chat;

impl Wire for Chat {
    fn path(&self) -> &'static str {
        "/chat/completions"
    }

    fn headers(&self, key: Option<&str>) -> Vec<(&'static str, String)> {
        bearer(key)
    }

    fn body(&self, prompt: &Prompt, model: &str) -> Value {
        body::body(prompt, model)
    }

    fn reader(&self, prompt: &Prompt) -> Box<dyn Reader> {
        Box::new(Chunks { calls: Calls::of(prompt), ..Chunks::default() })
    }
}

/// Reads chunks.
#[derive(Default)]
struct Chunks {
    calls: Calls,
    /// The answer's id, where the server gives one.
    id: String,
    has_model: bool,
    has_text: bool,
    /// The last that came: some servers count with every chunk.
    usage: Option<(u64, u64)>,
    finish: Option<Finish>,
    is_over: bool,
}

impl Reader for Chunks {
    fn read(&mut self, event: &Event) -> Result<Vec<Piece>, ModelError> {
        let data = event.data.trim();
        if self.is_over || data.is_empty() {
            return Ok(Vec::new());
        }
        if data.starts_with("[DONE]") {
            return self.done();
        }
        if event.name == "error" {
            return Err(fault::told(&serde_json::from_str(data).unwrap_or_else(|_| data.into())));
        }
        let chunk: Chunk<'_> = serde_json::from_str(data).map_err(|_| fault::unreadable())?;
        match &chunk.error {
            Loose::Other(Value::Bool(_)) | Loose::None | Loose::Number(_) => {}
            Loose::Text(words) if words.is_empty() => {}
            Loose::Text(words) => return Err(fault::told(&words.as_ref().into())),
            Loose::Other(error) => return Err(fault::told(error)),
        }
        if chunk.object.text() == "error" {
            return Err(fault::told(&serde_json::from_str(data).unwrap_or_default()));
        }
        self.chunk(chunk)
    }

    fn end(&mut self) -> Result<Vec<Piece>, ModelError> {
        match (self.is_over, self.finish) {
            (true, _) => Ok(Vec::new()),
            (false, Some(finish)) => Ok(self.close(finish)),
            (false, None) => Err(fault::broken()),
        }
    }
}

impl Chunks {
    fn chunk(&mut self, chunk: Chunk<'_>) -> Result<Vec<Piece>, ModelError> {
        let mut pieces = Vec::new();
        if !self.has_model && !chunk.model.text().is_empty() {
            self.has_model = true;
            pieces.push(Piece::Model(chunk.model.text().to_owned()));
        }
        if self.id.is_empty() {
            chunk.id.text().clone_into(&mut self.id);
        }
        if let Some(usage) = &chunk.usage {
            let count = |tokens: &Loose<'_>| tokens.number().unwrap_or_default();
            self.usage = Some((count(&usage.prompt_tokens), count(&usage.completion_tokens)));
        }
        let choices = chunk.choices.unwrap_or_default();
        // With this one all was said, although some servers go on without `[DONE]`.
        let is_last = choices.is_empty() && chunk.usage.is_some();
        for choice in choices.into_iter().filter(|choice| choice.index.number().unwrap_or_default() == 0) {
            if let Some(delta) = choice.delta {
                self.delta(delta, &mut pieces)?;
            }
            if let Some(finish) = finish(choice.finish_reason.text()) {
                self.finish = Some(finish);
            }
        }
        if let (true, Some(finish)) = (is_last, self.finish) {
            pieces.append(&mut self.close(finish));
        }
        Ok(pieces)
    }

    fn delta(&mut self, delta: Delta<'_>, pieces: &mut Vec<Piece>) -> Result<(), ModelError> {
        for words in [delta.content, delta.refusal].map(Loose::into_words) {
            if !words.is_empty() {
                self.has_text = true;
                pieces.push(Piece::Text(words));
            }
        }
        for call in delta.tool_calls.unwrap_or_default() {
            let Function { name, arguments } = call.function.unwrap_or_default();
            // Some give an object in place of its text, and then the whole of it.
            let whole = if let Loose::Other(whole @ Value::Object(_)) = &arguments {
                Some(whole.to_string())
            } else {
                None
            };
            self.calls.add(Part {
                index: call.index.number(),
                id: call.id.text(),
                name: name.text(),
                more: arguments.text(),
                whole: whole.as_deref(),
            })?;
        }
        Ok(())
    }

    /// The server says that it is done. One that never said why has nothing more to say all the same.
    fn done(&mut self) -> Result<Vec<Piece>, ModelError> {
        match self.finish {
            Some(finish) => Ok(self.close(finish)),
            None if self.has_text || !self.calls.is_empty() => Ok(self.close(Finish::Other)),
            None => Err(fault::broken()),
        }
    }

    fn close(&mut self, finish: Finish) -> Vec<Piece> {
        self.is_over = true;
        let (mut pieces, finish) = self.calls.finish(&self.id, finish);
        pieces.extend(self.usage.map(|(input, output)| Piece::Usage { input, output }));
        pieces.push(Piece::Finish(finish));
        pieces
    }
}

fn finish(reason: &str) -> Option<Finish> {
    Some(match reason {
        "" => return None,
        "stop" => Finish::Stop,
        "length" => Finish::Length,
        "tool_calls" | "function_call" => Finish::ToolCalls,
        "content_filter" => Finish::ContentFilter,
        _ => Finish::Other,
    })
}

#[cfg(test)]
mod tests;
