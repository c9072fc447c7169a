//! What an answer under way has said, and what follows from it: frames of its stream in, things to tell out.

use serde_json::{Value, json};

use super::super::assisting::{TRANSFER, transferred};
use super::super::decision::{Conclusion, Handover, Then};
use super::super::entry::Heard;
use super::super::handling::Reply;
use crate::ids::MessageId;
use crate::session::stream::INTERRUPTED;
use crate::session::stream::frame::{Frame, Said};

/// An answer that is under way.
pub struct Answering {
    pub(super) reply: Reply,
    /// What it said so far.
    text: String,
    /// Why it broke off, if it did.
    failed: Option<Failed>,
    /// Why it ended.
    finish: Option<String>,
    /// Whether a restart has cut it, and it is asked for once more.
    is_cut: bool,
    /// Whether nothing more of it is told.
    pub(super) is_concluded: bool,
}

/// Why an answer broke off: its kind, and in words that fit after "failed to".
struct Failed {
    code: String,
    what: String,
}

/// What whoever is in the conversation is told of an answer: the `event` of a `chat-stream`, and its fields.
#[derive(Debug, PartialEq, Eq)]
pub struct Telling {
    pub(super) event: &'static str,
    pub(super) fields: Value,
}

impl Answering {
    pub(super) const fn new(reply: Reply) -> Self {
        Self { reply, text: String::new(), failed: None, finish: None, is_cut: false, is_concluded: false }
    }

    /// Whether the stream has come to its own end.
    pub(super) const fn is_over(&self) -> bool {
        self.finish.is_some() || self.failed.is_some() || self.is_cut
    }

    /// What it has said so far.
    pub(in super::super) fn heard(&self) -> Heard {
        Heard { reply: self.reply.clone(), text: self.text.clone() }
    }

    /// For a client that has just come: all of it so far.
    pub(super) fn so_far(&self) -> Option<Telling> {
        (!self.text.is_empty())
            .then(|| Telling { event: "chunk", fields: json!({"data": self.text, "offset": 0}) })
    }

    /// It is read from its beginning once more.
    pub(super) fn begin_again(&mut self) {
        self.text.clear();
    }

    /// It cannot be read, and somebody of the staff goes on.
    pub(super) fn give_up(&mut self, error: &str) -> Conclusion {
        self.failed = Some(Failed { code: "lost".to_owned(), what: format!("read the answer: {error}") });
        self.comes_to(handed_over("the assistant's answer was lost".to_owned()))
    }

    /// Takes frames of its stream: what to tell of them, and what it has come to, once that is known.
    pub(super) fn hear(&mut self, frames: &[Frame]) -> (Vec<Telling>, Option<Conclusion>) {
        let (mut told, mut words) = (Vec::new(), String::new());
        for Frame { said, .. } in frames {
            if let Said::Chunk { data } = &**said {
                words.push_str(data);
                continue;
            }
            told.extend(self.speak(&mut words));
            if let Some(then) = self.follow(said, &mut told) {
                return (told, Some(self.comes_to(then)));
            }
        }
        told.extend(self.speak(&mut words));
        (told, None)
    }

    fn follow(&mut self, said: &Said, told: &mut Vec<Telling>) -> Option<Then> {
        match said {
            Said::Start { .. } | Said::Usage { .. } | Said::Chunk { .. } => None,
            Said::ToolUse { name, input, .. } if name == TRANSFER => {
                let (why, summary, skill) = transferred(input);
                Some(Then::HandOver(Handover { why, summary, skill }))
            }
            Said::ToolUse { id, name, input, .. } => {
                let fields = json!({"data": {"id": id, "name": name, "input": input}});
                told.push(Telling { event: "tool-use", fields });
                None
            }
            Said::ToolResult { id, name, output, is_error } => {
                let data = json!({"id": id, "name": name, "output": output, "isError": is_error});
                told.push(Telling { event: "tool-result", fields: json!({"data": data}) });
                None
            }
            Said::End { finish_reason, .. } => {
                self.finish = Some(finish_reason.clone());
                if self.text.trim().is_empty() {
                    // As of a model that keeps something back: whoever asked is not left with silence.
                    return Some(handed_over(format!("the assistant gave no answer: {finish_reason}")));
                }
                Some(Then::Listen)
            }
            Said::Error { code, .. } if code == INTERRUPTED => {
                self.is_cut = true;
                Some(Then::Again)
            }
            Said::Error { code, message, .. } => {
                self.failed = Some(Failed { code: code.clone(), what: message.clone() });
                Some(handed_over(format!("the assistant failed: {code}")))
            }
        }
    }

    /// Some words, and where in the answer they begin.
    fn speak(&mut self, words: &mut String) -> Option<Telling> {
        if words.is_empty() {
            return None;
        }
        let offset = self.text.encode_utf16().count();
        self.text.push_str(words);
        let fields = json!({"data": std::mem::take(words), "offset": offset});
        Some(Telling { event: "chunk", fields })
    }

    fn comes_to(&self, then: Then) -> Conclusion {
        Conclusion { reply: self.reply.clone(), text: self.text.clone(), then }
    }

    /// What is told once the conversation waits for it no more: `sk` is the message that it has become, if it has. Nothing
    /// where it is asked for once more.
    pub(super) fn end(&self, sk: Option<MessageId>) -> Option<Telling> {
        if self.is_cut {
            return None;
        }
        Some(match &self.failed {
            Some(Failed { code, what }) => Telling {
                event: "error",
                fields: json!({"error": format!("failed to {what}"), "code": code, "sk": sk}),
            },
            None => {
                let reason = self.finish.as_deref().unwrap_or("stopped");
                Telling { event: "end", fields: json!({"sk": sk, "finishReason": reason}) }
            }
        })
    }
}

fn handed_over(why: String) -> Then {
    Then::HandOver(Handover { why, ..Handover::default() })
}
