//! What providers' refusals and errors mean. Their bodies are alike: `{"error": {"message", "type", "code"}}` (OpenAI,
//! "Error codes"; Anthropic, "Errors"; vLLM, llama.cpp, Ollama), with the error in words only, or without a wrapper.
//!
//! | code | when | retryable |
//! |---|---|---|
//! | `provider_refused` | the request is not one that it takes: 400, 413, 422 … | no |
//! | `provider_unauthorized` | the key is wrong, or may not do this: 401, 403 | no |
//! | `provider_not_found` | there is no such model, or no such address: 404 | no |
//! | `provider_quota` | it wants to be paid: 402, or 429 with `insufficient_quota` | no |
//! | `provider_rate_limited` | 429 | yes |
//! | `provider_unavailable` | it cannot now: 408, 409 (a lock), 5xx, 529 (overloaded) | yes |
//! | `stream_broken` | the answer broke off | yes |
//! | `stream_unreadable` | the answer is not in the provider's own format | yes |
//! | `answer_too_large` | there is no end to it | no |
//!
//! Providers repeat keys in their words, in part (OpenAI's 401) or whole (some proxies). Of a refused key nothing but the
//! kind is told, and whatever looks like a key is left out elsewhere.

use std::borrow::Cow;

use appengine_actors::session::stream::model::ModelError;
use serde_json::Value;

/// Letters of a provider's words at most.
const MOST_WORDS: usize = 300;
/// Bytes of a body that are read at most.
const MOST_BODY: usize = 64 * 1024;
/// What keys begin with.
const KEYS: [&str; 12] =
    ["sk-", "sk_", "pk-", "gsk_", "xai-", "AIza", "hf_", "r8_", "pplx-", "nvapi-", "csk-", "tgp_"];

/// The kind of an error, and whether the same may work later.
type Meaning = (&'static str, bool);

const REFUSED: Meaning = ("provider_refused", false);
const UNAUTHORIZED: Meaning = ("provider_unauthorized", false);
const NOT_FOUND: Meaning = ("provider_not_found", false);
const QUOTA: Meaning = ("provider_quota", false);
const RATE_LIMITED: Meaning = ("provider_rate_limited", true);
const UNAVAILABLE: Meaning = ("provider_unavailable", true);

/// What an error's status and body mean.
#[must_use]
pub fn refusal(status: u16, body: &[u8]) -> ModelError {
    let text = if body.len() <= MOST_BODY { String::from_utf8_lossy(body) } else { Cow::Borrowed("") };
    let said = Said::of(&serde_json::from_str(&text).unwrap_or_else(|_| plain(&text)));
    let meaning = match of_status(status) {
        // Some answer 403 to those who owe them, some 429.
        RATE_LIMITED | UNAUTHORIZED if said.meaning() == Some(QUOTA) => QUOTA,
        meaning => meaning,
    };
    said.error(meaning, &format!("get an answer of the model: the provider answered {status}"))
}

/// What an error within a stream means: the event's data, or the `error` in it.
#[must_use]
pub fn told(error: &Value) -> ModelError {
    let said = Said::of(error);
    // The request was taken, so what is not known is not the request's fault.
    let meaning = said.meaning().unwrap_or(UNAVAILABLE);
    said.error(meaning, "get the whole answer of the model: the provider broke it off")
}

/// An answer that broke off.
#[must_use]
pub fn broken() -> ModelError {
    let message = "get the whole answer of the model: its stream ended early".to_owned();
    ModelError { code: "stream_broken", message, retryable: true }
}

/// An answer in a format that is not the provider's.
#[must_use]
pub fn unreadable() -> ModelError {
    let message =
        "read the answer of the model: an event in it has another format than the provider's".to_owned();
    ModelError { code: "stream_unreadable", message, retryable: true }
}

/// An answer without an end.
#[must_use]
pub fn too_large() -> ModelError {
    let message = "read the answer of the model: it wants to use too many tools, or with too much".to_owned();
    ModelError { code: "answer_too_large", message, retryable: false }
}

fn of_status(status: u16) -> Meaning {
    match status {
        401 | 403 => UNAUTHORIZED,
        402 => QUOTA,
        404 => NOT_FOUND,
        408 | 409 | 500.. => UNAVAILABLE,
        429 => RATE_LIMITED,
        _ => REFUSED,
    }
}

fn of_kind(kind: &str) -> Option<Meaning> {
    Some(match kind {
        "insufficient_quota" | "billing_error" | "billing_hard_limit_reached" => QUOTA,
        "rate_limit_error" | "rate_limit_exceeded" | "too_many_requests" => RATE_LIMITED,
        "overloaded_error"
        | "api_error"
        | "timeout_error"
        | "server_error"
        | "internal_server_error"
        | "service_unavailable_error" => UNAVAILABLE,
        "authentication_error" | "permission_error" | "invalid_api_key" => UNAUTHORIZED,
        "not_found_error" | "model_not_found" => NOT_FOUND,
        "BadRequestError"
        | "context_length_exceeded"
        | "exceed_context_size_error"
        | "request_too_large"
        | "content_policy_violation"
        | "image_content_policy_violation"
        | "string_above_max_length" => REFUSED,
        kind if kind.starts_with("invalid_") || kind.starts_with("unsupported_") => REFUSED,
        kind => match kind.parse() {
            Ok(status @ 400..600) => of_status(status),
            Ok(_) | Err(_) => return None,
        },
    })
}

/// What is no JSON: words, unless it is a page.
fn plain(text: &str) -> Value {
    if text.trim_start().starts_with('<') { Value::Null } else { text.into() }
}

/// What a provider says of an error.
struct Said {
    /// Its kinds, the narrowest first.
    kinds: Vec<String>,
    words: String,
}

impl Said {
    fn of(body: &Value) -> Self {
        let error = body.get("error").filter(|error| !error.is_null()).unwrap_or(body);
        let kinds = ["code", "type"].iter().filter_map(|name| match &error[name] {
            Value::String(kind) => Some(kind.clone()),
            Value::Number(kind) => Some(kind.to_string()),
            _ => None,
        });
        let words = ["message", "detail"].iter().find_map(|name| error[name].as_str());
        let words = words.or_else(|| error.as_str()).unwrap_or_default();
        Self { kinds: kinds.collect(), words: clean(words) }
    }

    fn meaning(&self) -> Option<Meaning> {
        self.kinds.iter().find_map(|kind| of_kind(kind))
    }

    fn error(&self, (code, retryable): Meaning, what: &str) -> ModelError {
        let mut message = what.to_owned();
        let is_word = |kind: &&String| {
            (1..=48).contains(&kind.len())
                && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                && !looks_like_key(kind)
        };
        if let Some(kind) = self.kinds.iter().find(is_word) {
            message.push_str(&format!(" ({kind})"));
        }
        if !self.words.is_empty() && code != UNAUTHORIZED.0 {
            message.push_str(": ");
            message.push_str(&self.words);
        }
        ModelError { code, message, retryable }
    }
}

/// Words that are fit to be told: short, on one line, without what looks like a key.
fn clean(words: &str) -> String {
    let is_of_token = |letter: char| letter.is_ascii_alphanumeric() || "_-.*".contains(letter);
    let words: String = words.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let mut clean = String::new();
    let mut is_after_bearer = false;
    let mut rest = words.trim();
    while !rest.is_empty() && clean.len() < MOST_WORDS * 4 {
        let end = rest.find(|letter| !is_of_token(letter)).unwrap_or(rest.len());
        let (token, behind) = rest.split_at(end);
        if token.is_empty() {
            let end = rest.find(is_of_token).unwrap_or(rest.len());
            let (between, behind) = rest.split_at(end);
            clean.push_str(between);
            rest = behind;
            continue;
        }
        clean.push_str(if is_after_bearer || looks_like_key(token) { "…" } else { token });
        is_after_bearer = token.eq_ignore_ascii_case("bearer");
        rest = behind;
    }
    match clean.char_indices().nth(MOST_WORDS) {
        Some((at, _)) => Cow::Owned(clean.get(..at).unwrap_or_default().to_owned() + "…"),
        None => Cow::Borrowed(clean.as_str()),
    }
    .into_owned()
}

/// Whether a token begins as keys do, or has a part of 32 letters and digits or more that is no word.
fn looks_like_key(token: &str) -> bool {
    let is_long = |part: &str| {
        part.len() >= 32
            && part.bytes().any(|byte| byte.is_ascii_digit())
            && part.bytes().any(|byte| byte.is_ascii_alphabetic())
    };
    KEYS.iter().any(|begin| token.starts_with(begin))
        || token.contains("***")
        || token.split(['_', '-', '.']).any(is_long)
}

#[cfg(test)]
mod tests;
