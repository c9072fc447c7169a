//! How much there may be of everything, and what a text must be.

use super::group::{MOST_MEMBERS, Role, Settings};
use super::message::Attachment;
use super::wish::{Refusal, Word};
use crate::session::person::Person;

/// Bytes of a message's words.
pub const MOST_CONTENT: usize = 16 * 1024;
/// Files of one message.
pub const MOST_ATTACHMENTS: usize = 10;
/// Bytes of each text that says what a file is, and where.
pub const MOST_ATTACHMENT_TEXT: usize = 1_024;
/// Characters of what a client calls its own message.
pub const MOST_CLIENT_ID: usize = 128;
/// People whom one message names.
pub const MOST_MENTIONS: usize = 20;
/// Characters of what somebody is called.
pub const MOST_ADDRESS: usize = 320;
/// Feelings about one message, of all people together.
pub const MOST_REACTIONS: usize = 250;
/// Characters of a feeling's name.
pub const MOST_REACTION: usize = 32;
/// Characters of a group's name.
pub const MOST_NAME: usize = 100;
/// Characters of what a group is for.
pub const MOST_DESCRIPTION: usize = 1_000;
/// People who are added to a group at once.
pub const MOST_ADDED: usize = 100;
/// Groups that somebody is in.
pub const MOST_GROUPS: usize = 200;
/// People with whom somebody speaks directly.
pub const MOST_THREADS: usize = 1_000;
/// People whom somebody blocks.
pub const MOST_BLOCKS: usize = 500;
/// Messages of one page of a history.
pub const MOST_HISTORY: usize = 200;
/// Messages that are said to be read at once.
pub const MOST_READ: usize = 200;

fn unfit<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Unfit(why.into()))
}

/// Whether somebody may say this.
pub(super) fn word(word: &Word) -> Result<(), Refusal> {
    if word.content.trim().is_empty() && word.attachments.is_empty() {
        return unfit("say something: the message is empty; give `content` or `attachments`");
    }
    content(&word.content)?;
    if word.attachments.len() > MOST_ATTACHMENTS {
        return unfit(format!("say something: a message has {MOST_ATTACHMENTS} attachments at most"));
    }
    let texts = |file: &Attachment| {
        let texts = [Some(&file.url), file.kind.as_ref(), file.name.as_ref()];
        texts.into_iter().flatten().all(|text| text.len() <= MOST_ATTACHMENT_TEXT)
    };
    if !word.attachments.iter().all(|file| !file.url.is_empty() && texts(file)) {
        return unfit(format!(
            "say something: an attachment has a `url`, and each of its texts {MOST_ATTACHMENT_TEXT} bytes at most"
        ));
    }
    let is_address = |text: &String| (1..=MOST_ADDRESS).contains(&text.chars().count());
    if word.mentions.len() > MOST_MENTIONS || !word.mentions.iter().all(is_address) {
        return unfit(format!(
            "say something: a message mentions {MOST_MENTIONS} people at most, each by up to {MOST_ADDRESS} characters"
        ));
    }
    if word.client_id.as_ref().is_some_and(|id| id.is_empty() || id.len() > MOST_CLIENT_ID) {
        return unfit(format!("say something: `clientId` has 1 to {MOST_CLIENT_ID} characters"));
    }
    Ok(())
}

/// Whether a message may say this.
pub(super) fn content(text: &str) -> Result<(), Refusal> {
    if text.len() > MOST_CONTENT {
        let bytes = text.len();
        return unfit(format!(
            "say something: `content` has {bytes} bytes; at most {MOST_CONTENT} are taken"
        ));
    }
    Ok(())
}

/// Whether a message may say this instead.
pub(super) fn edited(text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return unfit("change the message: `content` is empty; delete the message instead");
    }
    content(text)
}

/// Whether it is a feeling's name.
pub(super) fn reaction(kind: &str) -> Result<(), Refusal> {
    let fits = !kind.trim().is_empty() && kind.chars().count() <= MOST_REACTION;
    if !fits || kind.chars().any(char::is_control) {
        return unfit(format!("react: `type` has 1 to {MOST_REACTION} characters, such as `like`"));
    }
    Ok(())
}

/// Whether a group may be like this.
pub(super) fn settings(settings: &Settings, is_new: bool) -> Result<(), Refusal> {
    let Settings { name, description, page, max_members, .. } = settings;
    let count = |text: &Option<String>| text.as_ref().map(|text| text.chars().count());
    let is_blank = name.as_ref().is_some_and(|name| name.trim().is_empty());
    match count(name) {
        None if !is_new => {}
        Some(1..=MOST_NAME) if !is_blank => {}
        _ => return unfit(format!("change the group: `name` has 1 to {MOST_NAME} characters")),
    }
    if count(description).is_some_and(|count| count > MOST_DESCRIPTION) {
        return unfit(format!("change the group: `description` has {MOST_DESCRIPTION} characters at most"));
    }
    if count(page).is_some_and(|count| count > MOST_NAME) {
        return unfit(format!("change the group: `page` has {MOST_NAME} characters at most"));
    }
    if max_members.is_some_and(|most| !(1..=MOST_MEMBERS).contains(&most)) {
        return unfit(format!("change the group: `maxMembers` is 1 to {MOST_MEMBERS}"));
    }
    Ok(())
}

/// Whether so many may be added at once.
pub(super) fn added(people: &[(Person, Role)]) -> Result<(), Refusal> {
    if people.len() > MOST_ADDED {
        return unfit(format!("add members: at most {MOST_ADDED} at once"));
    }
    Ok(())
}

/// Addresses that a text names: `@ann@example.com`.
pub(super) fn named_in(text: &str) -> impl Iterator<Item = String> + '_ {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | '<' | '>'));
    words.filter_map(|word| {
        let word = word.strip_prefix('@')?.trim_end_matches(['.', ':', '!', '?', '\'', '"']);
        let (name, host) = word.split_once('@')?;
        (!name.is_empty() && !host.is_empty()).then(|| word.to_lowercase())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(content: &str) -> Word {
        Word { content: content.to_owned(), ..Word::default() }
    }

    #[test]
    fn words_keep_their_rules() {
        let file = Attachment { url: "https://x.io/a".into(), kind: None, name: None, size: None };
        assert_eq!(word(&say("hi")), Ok(()));
        assert_eq!(word(&Word { attachments: vec![file.clone()], ..say(" ") }), Ok(()));
        let nowhere = Attachment { url: String::new(), ..file.clone() };
        let table = [
            (say(" \n"), "empty"),
            (say(&"x".repeat(MOST_CONTENT + 1)), "at most"),
            (Word { attachments: vec![file; MOST_ATTACHMENTS + 1], ..say("x") }, "attachments at most"),
            (Word { attachments: vec![nowhere], ..say("x") }, "`url`"),
            (Word { mentions: vec!["a@b".into(); MOST_MENTIONS + 1], ..say("x") }, "mentions"),
            (Word { client_id: Some(String::new()), ..say("x") }, "`clientId`"),
        ];
        for (wrong, why) in table {
            let error = word(&wrong).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
            assert_eq!(error.code(), "bad_message");
        }
    }

    #[test]
    fn groups_keep_theirs() {
        let named = |name: &str| Settings { name: Some(name.to_owned()), ..Settings::default() };
        assert_eq!(settings(&named("Dogs"), true), Ok(()));
        assert_eq!(settings(&Settings::default(), false), Ok(()));
        for wrong in [
            named(" "),
            named(&"x".repeat(MOST_NAME + 1)),
            Settings { max_members: Some(0), ..named("Dogs") },
            Settings { max_members: Some(MOST_MEMBERS + 1), ..named("Dogs") },
            Settings { description: Some("x".repeat(MOST_DESCRIPTION + 1)), ..named("Dogs") },
            Settings::default(),
        ] {
            assert!(settings(&wrong, true).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn those_whom_a_text_names_are_found() {
        let found: Vec<_> =
            named_in("hi @Ann@x.io, (@bob@x.io) and @eve@x.io! mail me: me@x.io @nobody").collect();
        assert_eq!(found, ["ann@x.io", "bob@x.io", "eve@x.io"]);
    }
}
