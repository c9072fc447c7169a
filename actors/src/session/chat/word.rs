//! Something that somebody wants to say, and the rules for it.

use serde_json::Value;

use super::message::{FileRef, MOST_CLIENT_ID, MOST_CONTENT, MOST_FILE_TEXT, MOST_FILES, MessageKind};
use crate::clock::Timestamp;

/// Something that somebody wants to say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Word {
    /// What it says: a text, or an object.
    pub content: Value,
    /// To whom in particular.
    pub to: Option<String>,
    /// Its files.
    pub files: Vec<FileRef>,
    /// The configuration of the widget that it comes by.
    pub config_id: Option<String>,
    /// The assistant that is to answer it, by its id or name, where nobody answers yet.
    pub assistant: Option<String>,
    /// What its sender calls it: said again under the same name, it is the same message.
    pub client_id: Option<String>,
    /// Who said it, in kind; a person where nothing is said.
    pub kind: Option<MessageKind>,
    /// When it was said, where that was elsewhere and earlier.
    pub said: Option<Timestamp>,
}

impl Word {
    /// Whether it keeps the rules.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn check(&self) -> Result<(), String> {
        let unfit = Err::<(), String>;
        let bytes = serde_json::to_vec(&self.content).map_or(usize::MAX, |text| text.len());
        if bytes > MOST_CONTENT {
            return unfit(format!("the message has {bytes} bytes; at most {MOST_CONTENT} are taken"));
        }
        let is_empty = match &self.content {
            Value::String(text) => text.trim().is_empty(),
            Value::Object(fields) => fields.is_empty(),
            _ => return unfit("`message` must be a text or an object".to_owned()),
        };
        if is_empty && self.files.is_empty() {
            return unfit("the message is empty; give `message` or `files`".to_owned());
        }
        if self.files.len() > MOST_FILES {
            return unfit(format!("a message has {MOST_FILES} files at most"));
        }
        let texts = |file: &FileRef| {
            let places = [Some(&file.name), file.url.as_ref(), file.path.as_ref(), file.mime_type.as_ref()];
            places.into_iter().flatten().all(|text| text.chars().count() <= MOST_FILE_TEXT)
        };
        if !self.files.iter().all(texts) {
            return unfit(format!("a file's name and place have {MOST_FILE_TEXT} characters at most"));
        }
        if self.client_id.as_ref().is_some_and(|id| id.is_empty() || id.chars().count() > MOST_CLIENT_ID) {
            return unfit(format!("`clientId` has 1 to {MOST_CLIENT_ID} characters"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_keep_their_rules() {
        let word = |content: Value| Word { content, ..Word::default() };
        let file = FileRef { name: "a".into(), url: None, path: None, mime_type: None };
        assert!(word("hi".into()).check().is_ok());
        assert!(Word { files: vec![file.clone()], ..word(" ".into()) }.check().is_ok());
        let table = [
            (word(" ".into()), "the message is empty"),
            (word(Value::Null), "must be a text"),
            (word("x".repeat(MOST_CONTENT).into()), "at most"),
            (Word { files: vec![file; MOST_FILES + 1], ..word("x".into()) }, "files at most"),
            (Word { client_id: Some(String::new()), ..word("x".into()) }, "`clientId`"),
        ];
        for (word, why) in table {
            let error = word.check().unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
