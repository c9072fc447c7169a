//! What was said in a conversation, as a mail. Pure.

use std::fmt::Write;

use serde_json::Value;

use super::message::Message;
use super::model::Chat;

/// Messages of a transcript at most: the latest.
pub const MOST: usize = 1_000;
/// Bytes of its text, so that a job can carry it in every configuration of its queue.
const MOST_BYTES: usize = 40 * 1024;

/// The subject and the text of it.
#[must_use]
pub fn transcript(chat: &Chat, messages: &[Message]) -> (String, String) {
    let subject = format!("Your chat of {}", day(chat.started.to_jiff()));
    let mut lines: Vec<String> = Vec::new();
    let mut bytes = 0;
    // The latest are what is asked for, where there is too much.
    for message in messages.iter().rev() {
        let line = line(message);
        bytes += line.len() + 1;
        if bytes > MOST_BYTES {
            break;
        }
        lines.push(line);
    }
    let left_out = messages.len() - lines.len();
    let mut text = String::new();
    if left_out > 0 {
        // Writing to a text does not fail.
        let _ = writeln!(text, "({left_out} earlier messages are left out.)\n");
    }
    for line in lines.iter().rev() {
        text.push_str(line);
        text.push('\n');
    }
    (subject, text)
}

fn day(moment: jiff::Timestamp) -> String {
    moment.strftime("%Y-%m-%d").to_string()
}

fn line(message: &Message) -> String {
    let at = message.said.unwrap_or(message.sent).to_jiff().strftime("%H:%M:%S UTC");
    let files: String = message.files.iter().map(|file| format!(" [{}]", file.name)).collect();
    format!("{at}  {}: {}{files}", message.from_name, said(&message.content))
}

/// What a content says, in plain words.
pub(super) fn said(content: &Value) -> String {
    if let Some(text) = content.as_str().or_else(|| content.get("text")?.as_str()) {
        return text.to_owned();
    }
    // What a rich editor makes.
    let inserts = content.get("ops").and_then(Value::as_array).into_iter().flatten();
    let text: String = inserts.filter_map(|op| op.get("insert")?.as_str()).collect();
    if text.is_empty() { content.to_string() } else { text.trim_end().to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::id::ChatId;
    use super::super::message::{FileRef, MessageDraft, MessageKind};
    use super::*;
    use crate::clock::Timestamp;
    use crate::ids::{MessageId, OrgId};

    fn message(seq: u64, content: Value) -> Message {
        let id = MessageId::new(Timestamp::from_millis(seq));
        let files = vec![FileRef { name: "a.png".into(), url: None, path: None, mime_type: None }];
        let draft = MessageDraft { kind: MessageKind::User, files, ..MessageDraft::of_server(id, content) };
        draft.into_message(ChatId::new("team").unwrap(), seq, Timestamp::from_millis(1_700_000_000_000))
    }

    #[test]
    fn it_has_every_line_in_plain_words_and_the_latest_where_there_are_too_many() {
        let chat = Chat::new(ChatId::new("team").unwrap(), OrgId::new("o").unwrap(), Timestamp::default());
        let rich = json!({"ops": [{"insert": "two "}, {"insert": "parts\n"}]});
        let said = [message(1, json!("hi")), message(2, rich), message(3, json!({"text": "ok"}))];
        let (subject, text) = transcript(&chat, &said);
        assert_eq!(subject, "Your chat of 1970-01-01");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "22:13:20 UTC  system: hi [a.png]");
        assert!(lines[1].ends_with("two parts [a.png]") && lines[2].ends_with("ok [a.png]"));
        let many: Vec<Message> = (1..100).map(|n| message(n, json!("x".repeat(1_000)))).collect();
        let (_, text) = transcript(&chat, &many);
        assert!(text.starts_with("(60 earlier messages are left out.)"), "{}", &text[..80]);
        assert!(text.len() < 42_000);
    }
}
