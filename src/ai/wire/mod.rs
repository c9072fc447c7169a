//! What language models' providers are asked and how they answer, over HTTP and Server-Sent Events. All of it is pure:
//! whoever has the socket sends [`Wire::body`] to the base address and [`Wire::path`], and gives what comes back to
//! [`sse::Parser`] and its events to a [`Reader`].
//!
//! | file | what |
//! |---|---|
//! | `sse` | Server-Sent Events, out of bytes as they come |
//! | `openai_chat` | OpenAI's Chat Completions, which Ollama, vLLM, llama.cpp and many others speak too |
//! | `openai_responses` | OpenAI's Responses |
//! | `anthropic` | Anthropic's Messages |
//! | `names` | Tools' names, in letters that providers take |
//! | `parts` | What the bodies have in common: schemas, arguments, results, pictures |
//! | `calls` | Tool calls that come in pieces |
//! | `loose` | JSON whose kind differs between servers |
//! | `fault` | What refusals and errors mean, without the keys that they may repeat |

pub mod sse;

mod anthropic;
mod calls;
mod fault;
mod loose;
mod names;
mod openai_chat;
mod openai_responses;
mod parts;
#[cfg(test)]
mod testing;

use appengine_actors::session::stream::model::{ModelError, Piece, Prompt};
use serde_json::Value;

use self::sse::Event;
use crate::connect::register::site::Protocol;

/// A provider's way to be asked and to answer: pure.
pub trait Wire: Send + Sync {
    /// The path behind the base address, such as `/chat/completions`.
    fn path(&self) -> &'static str;

    /// The headers that hold the key and the version.
    fn headers(&self, key: Option<&str>) -> Vec<(&'static str, String)>;

    /// The body that asks for a streamed answer of `model`.
    fn body(&self, prompt: &Prompt, model: &str) -> Value;

    /// What reads the answer to a prompt. It knows the tools' names, which are others on the wire.
    fn reader(&self, prompt: &Prompt) -> Box<dyn Reader>;

    /// What an error's status and body mean, before any piece came. `Retry-After` is the caller's. The key is not
    /// known here: what looks like one is left out of the words, and whoever has it removes it once more.
    fn refusal(&self, status: u16, body: &[u8]) -> ModelError {
        fault::refusal(status, body)
    }
}

/// Reads one answer.
pub trait Reader: Send {
    /// What an event of the stream means, in order; an error is the end. Nothing comes after the finish.
    fn read(&mut self, event: &Event) -> Result<Vec<Piece>, ModelError>;

    /// What is left when the stream ended. An answer that broke off is the error `stream_broken`.
    fn end(&mut self) -> Result<Vec<Piece>, ModelError>;
}

/// A provider's way by the protocol that it speaks.
#[must_use]
pub fn of(protocol: Protocol) -> &'static dyn Wire {
    match protocol {
        Protocol::OpenAi => &openai_chat::Chat,
        Protocol::OpenAiResponses => &openai_responses::Responses,
        Protocol::Anthropic => &anthropic::Messages,
    }
}

/// The header that most providers take a key in.
fn bearer(key: Option<&str>) -> Vec<(&'static str, String)> {
    key.filter(|key| !key.is_empty())
        .map(|key| ("authorization", format!("Bearer {key}")))
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_their_paths_and_headers() {
        let table = [
            (Protocol::OpenAi, "/chat/completions", vec![("authorization", "Bearer k".to_owned())]),
            (Protocol::OpenAiResponses, "/responses", vec![("authorization", "Bearer k".to_owned())]),
            (
                Protocol::Anthropic,
                "/v1/messages",
                vec![("anthropic-version", "2023-06-01".to_owned()), ("x-api-key", "k".to_owned())],
            ),
        ];
        for (kind, path, headers) in table {
            let wire = of(kind);
            assert_eq!((wire.path(), wire.headers(Some("k"))), (path, headers), "{kind:?}");
            for none in [None, Some("")] {
                assert!(wire.headers(none).iter().all(|(_, value)| value == "2023-06-01"), "{kind:?}");
            }
        }
    }
}
