//! Tool calls that come in pieces: kept until the answer's end, and given whole then.
//!
//! A call is told from others by its index. Compatible servers leave the index out, give all calls the same, repeat the
//! name, or give no id; what can be told apart is. A call that an answer's end cuts off is no call.

use appengine_actors::session::stream::model::{Finish, ModelError, Piece, Prompt, ToolCall};
use serde_json::{Map, Value};

use super::fault;
use super::loose::is_object;
use super::names::{Names, mark};

/// Calls of an answer at most.
const MOST: usize = 128;
/// Bytes of all their arguments at most.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// What a server says of a call; what it does not say is empty.
#[derive(Debug, Default, Clone, Copy)]
pub struct Part<'p> {
    /// Its place.
    pub index: Option<u64>,
    /// The model's id of it.
    pub id: &'p str,
    /// The tool, as it is named on the wire.
    pub name: &'p str,
    /// Some of its arguments, which go behind those that are there.
    pub more: &'p str,
    /// All of its arguments, in place of those that are there.
    pub whole: Option<&'p str>,
}

#[derive(Debug, Default)]
struct Call {
    index: u64,
    id: String,
    name: String,
    arguments: String,
}

/// The calls of an answer.
#[derive(Debug, Default)]
pub struct Calls {
    names: Names,
    /// Messages of the prompt: what tells its answer from those before.
    messages: usize,
    calls: Vec<Call>,
    bytes: usize,
}

impl Calls {
    /// The calls of the answer to a prompt.
    #[must_use]
    pub fn of(prompt: &Prompt) -> Self {
        Self { names: Names::of(prompt), messages: prompt.messages.len(), ..Self::default() }
    }

    /// Adds what was said of a call.
    pub fn add(&mut self, part: Part<'_>) -> Result<(), ModelError> {
        let index = part.index.or_else(|| self.calls.last().map(|last| last.index)).unwrap_or_default();
        let at = match self.find(part) {
            Some(at) => at,
            None if self.calls.len() >= MOST => return Err(fault::too_large()),
            None => {
                self.calls.push(Call { index, ..Call::default() });
                self.calls.len() - 1
            }
        };
        let Some(call) = self.calls.get_mut(at) else { return Ok(()) };
        self.bytes += part.id.len() + part.name.len() + part.more.len();
        if call.id.is_empty() {
            part.id.clone_into(&mut call.id);
        }
        if call.name.is_empty() {
            part.name.clone_into(&mut call.name);
        }
        if let Some(whole) = part.whole {
            self.bytes = self.bytes.saturating_sub(call.arguments.len()) + whole.len();
            whole.clone_into(&mut call.arguments);
        }
        call.arguments.push_str(part.more);
        if self.bytes > MOST_BYTES { Err(fault::too_large()) } else { Ok(()) }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// The call that a part belongs to, if it has begun.
    fn find(&self, part: Part<'_>) -> Option<usize> {
        let at = match part.index {
            Some(index) => self.calls.iter().rposition(|call| call.index == index),
            None if part.id.is_empty() || part.name.is_empty() => {
                let same = self.calls.iter().rposition(|call| !part.id.is_empty() && call.id == part.id);
                same.or_else(|| self.calls.len().checked_sub(1))
            }
            None => self.calls.iter().rposition(|call| call.id == part.id),
        }?;
        let call = self.calls.get(at)?;
        if part.name.is_empty() || call.name.is_empty() {
            return Some(at);
        }
        let is_other = if part.id.is_empty() || call.id.is_empty() {
            part.name != call.name || is_object(&call.arguments)
        } else {
            part.id != call.id
        };
        (!is_other).then_some(at)
    }

    /// All of them, in their order, and why the answer ended. Those without an id get one, out of the answer's own.
    #[must_use]
    pub fn finish(&mut self, answer: &str, finish: Finish) -> (Vec<Piece>, Finish) {
        let is_whole = |arguments: &str| match finish {
            Finish::Stop | Finish::ToolCalls => true,
            Finish::Length | Finish::ContentFilter => is_object(arguments),
            Finish::Other => arguments.trim().is_empty() || is_object(arguments),
        };
        let mut calls = std::mem::take(&mut self.calls);
        calls.retain(|call| !call.name.is_empty() && is_whole(&call.arguments));
        calls.sort_by_key(|call| call.index);
        let answer = mark(&format!("{answer} {}", self.messages));
        let mut pieces: Vec<Piece> = Vec::with_capacity(calls.len());
        for (at, call) in calls.iter().enumerate() {
            let is_known = calls.iter().take(at).any(|before| before.id == call.id);
            let id = if call.id.is_empty() || is_known {
                format!("call_{answer:016x}_{at}")
            } else {
                call.id.clone()
            };
            let name = self.names.ours(&call.name).to_owned();
            pieces.push(Piece::ToolCall(ToolCall { id, name, input: input(&call.arguments) }));
        }
        let finish = match (finish, pieces.is_empty()) {
            (Finish::Stop | Finish::Other, false) => Finish::ToolCalls,
            (Finish::ToolCalls, true) => Finish::Other,
            (finish, _) => finish,
        };
        (pieces, finish)
    }
}

/// Arguments: an object, or the text that is none.
fn input(arguments: &str) -> Value {
    if arguments.trim().is_empty() {
        return Value::Object(Map::new());
    }
    match serde_json::from_str(arguments) {
        Ok(object @ Value::Object(_)) => object,
        Ok(Value::Null) => Value::Object(Map::new()),
        Ok(_) | Err(_) => arguments.into(),
    }
}

#[cfg(test)]
mod tests;
