//! All conversations, for those who bring clients to them. It asks whether somebody may; the conversations themselves
//! do not ask again.

use std::sync::Arc;

use serde_json::Value;

use super::actor::ChatActor;
use super::book::{actor_name, latest};
use super::id::ChatId;
use super::message::{FileRef, MOST_CLIENT_ID, MOST_CONTENT, MOST_FILE_TEXT, MOST_FILES};
use super::message::{Message, MessageDraft, MessageKind, MessageStatus};
use super::messages::{Attach, ChatError, Mark, Replayed, Said, Say};
use super::model::{Chat, ChatStatus};
use crate::house::House;
use crate::ids::{MessageId, OrgId};
use crate::keys;
use crate::session::hall::Hall;
use crate::session::person::Person;
use crate::session::seat::{Frame, Seat, SeatId};
use crate::store::{Scan, StoreError, decode};
use crate::supervision::{AskError, Members};

/// Messages of one page of a history.
pub const MOST_HISTORY: usize = 500;
/// Conversations that a client comes back to at most: the latest by their ids.
const MOST_CHATS: usize = 200;

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChatsError {
    /// It is somebody else's.
    #[error("take part in the chat {0}: it is between others")]
    NotYours(ChatId),
    /// A message breaks a rule.
    #[error("say something: {0}")]
    Unfit(String),
    /// The conversation could not do it.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The conversation did not answer.
    #[error(transparent)]
    Unreachable(#[from] AskError),
}

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
    /// What its sender calls it: said again under the same name, it is the same message.
    pub client_id: Option<String>,
}

/// All conversations.
#[derive(Clone)]
pub struct Chats {
    house: Arc<House>,
    actors: Members<ChatActor>,
}

impl Chats {
    /// The conversations of a machine.
    #[must_use]
    pub const fn new(house: Arc<House>, actors: Members<ChatActor>) -> Self {
        Self { house, actors }
    }

    /// Has a conversation awake. What is asked of one that is reaches it in the order in which it is asked.
    ///
    /// # Errors
    /// When it cannot be woken in time.
    pub async fn wake(&self, org: &OrgId, chat: &ChatId) -> Result<(), ChatsError> {
        let name = actor_name(org, chat);
        if !self.actors.is_awake(&name) {
            self.actors.wake(&name).await?;
        }
        Ok(())
    }

    /// Who is here.
    #[must_use]
    pub fn hall(&self) -> &Hall {
        &self.house.hall
    }

    /// Says something. It is on the disk and told to everybody when this is answered.
    ///
    /// # Errors
    /// When somebody may not, the message breaks a rule, or it could not be written.
    pub async fn say(&self, org: &OrgId, by: &Person, chat: &ChatId, word: Word) -> Result<Said, ChatsError> {
        may(chat, by)?;
        check(&word)?;
        let Word { content, to, files, config_id, client_id } = word;
        let (id, kind) = (MessageId::new(self.house.clock.now()), MessageKind::User);
        let from = Some(by.clone());
        let draft = MessageDraft { id, from, kind, to, content, files, config_id, client_id, ends: None };
        Ok(self.actors.ask(&actor_name(org, chat), Say(draft)).await??)
    }

    /// Ends a conversation. One that has ended stays as it is.
    ///
    /// # Errors
    /// When somebody may not, or it could not be written.
    pub async fn end(&self, org: &OrgId, by: &Person, chat: &ChatId, reason: &str) -> Result<(), ChatsError> {
        may(chat, by)?;
        let open = self.find(org, chat).await?.filter(|chat| chat.status == ChatStatus::Open);
        if open.is_none() {
            return Ok(());
        }
        let draft = MessageDraft {
            id: MessageId::new(self.house.clock.now()),
            from: None,
            kind: MessageKind::System,
            to: None,
            content: Value::from(format!("{} has ended the chat.", by.name)),
            files: Vec::new(),
            config_id: None,
            client_id: None,
            ends: Some(reason.to_owned()),
        };
        self.actors.ask(&actor_name(org, chat), Say(draft)).await??;
        Ok(())
    }

    /// Has a client hear a conversation from now on, and what it has missed since a number.
    ///
    /// # Errors
    /// When somebody may not, or the store fails.
    pub async fn attach(
        &self,
        org: &OrgId,
        by: &Person,
        chat: &ChatId,
        seat: Arc<dyn Seat>,
        since: Option<u64>,
    ) -> Result<Replayed, ChatsError> {
        may(chat, by)?;
        Ok(self.actors.ask(&actor_name(org, chat), Attach { seat, since }).await??)
    }

    /// The conversations that somebody takes part in, and that are not over.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn of(&self, org: &OrgId, person: &Person) -> Result<Vec<ChatId>, StoreError> {
        let address = person.address(org);
        let scan = Scan::prefix(keys::chats_of(org, address.as_str()), MOST_CHATS).keys_only();
        let found = self.house.store.scan(scan).await?;
        let found = found.iter().filter_map(|(key, _)| keys::parse_chat_of(org, address.as_str(), key));
        let chats = found.filter_map(|text| ChatId::new(&text).ok());
        Ok(chats.filter(|chat| chat.admits(person)).collect())
    }

    /// A conversation.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find(&self, org: &OrgId, chat: &ChatId) -> Result<Option<Chat>, StoreError> {
        let found = self.house.store.get(keys::chat(org, chat.as_str())).await?;
        found.map(|found| decode(&found.value)).transpose()
    }

    /// The latest messages, or those before a number, in their order.
    ///
    /// # Errors
    /// When somebody may not, or the store cannot be read.
    pub async fn history(
        &self,
        org: &OrgId,
        by: &Person,
        chat: &ChatId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Message>, ChatsError> {
        may(chat, by)?;
        Ok(latest(&self.house, org, chat, before, limit.clamp(1, MOST_HISTORY)).await?)
    }

    /// Says how far a message has come: to be said by those on the other side.
    ///
    /// # Errors
    /// When there is no such message, or somebody may not hear it.
    pub async fn mark(
        &self,
        org: &OrgId,
        by: &Person,
        id: MessageId,
        status: MessageStatus,
    ) -> Result<Message, ChatsError> {
        let found = self.house.store.get(keys::message_place(org, id)).await?;
        let (chat, seq): (ChatId, u64) = match found {
            Some(found) => decode(&found.value)?,
            None => return Err(ChatError::NoMessage.into()),
        };
        // Whoever may not hear it is not told that it exists.
        may(&chat, by).map_err(|_| ChatError::NoMessage)?;
        Ok(self.actors.ask(&actor_name(org, &chat), Mark { seq, status, by: by.clone() }).await??)
    }

    /// Tells the others in a conversation what is worth nothing later, such as that somebody types.
    ///
    /// # Errors
    /// When somebody may not.
    pub fn hint(
        &self,
        org: &OrgId,
        by: &Person,
        chat: &ChatId,
        but: SeatId,
        frame: &Frame,
    ) -> Result<(), ChatsError> {
        may(chat, by)?;
        self.house.hall.hint(&chat.room(org), frame, but);
        Ok(())
    }
}

fn may(chat: &ChatId, person: &Person) -> Result<(), ChatsError> {
    if chat.admits(person) { Ok(()) } else { Err(ChatsError::NotYours(chat.clone())) }
}

fn check(word: &Word) -> Result<(), ChatsError> {
    let unfit = |why: String| Err(ChatsError::Unfit(why));
    let bytes = serde_json::to_vec(&word.content).map_or(usize::MAX, |text| text.len());
    if bytes > MOST_CONTENT {
        return unfit(format!("the message has {bytes} bytes; at most {MOST_CONTENT} are taken"));
    }
    let is_empty = match &word.content {
        Value::String(text) => text.trim().is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => return unfit("`message` must be a text or an object".to_owned()),
    };
    if is_empty && word.files.is_empty() {
        return unfit("the message is empty; give `message` or `files`".to_owned());
    }
    if word.files.len() > MOST_FILES {
        return unfit(format!("a message has {MOST_FILES} files at most"));
    }
    let texts = |file: &FileRef| {
        let places = [Some(&file.name), file.url.as_ref(), file.path.as_ref(), file.mime_type.as_ref()];
        places.into_iter().flatten().all(|text| text.len() <= MOST_FILE_TEXT)
    };
    if !word.files.iter().all(texts) {
        return unfit(format!("a file's name and place have {MOST_FILE_TEXT} characters at most"));
    }
    if word.client_id.as_ref().is_some_and(|id| id.is_empty() || id.len() > MOST_CLIENT_ID) {
        return unfit(format!("`clientId` has 1 to {MOST_CLIENT_ID} characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_keep_their_rules() {
        let word = |content: Value| Word { content, ..Word::default() };
        let file = FileRef { name: "a".into(), url: None, path: None, mime_type: None };
        assert!(check(&word("hi".into())).is_ok());
        assert!(check(&Word { files: vec![file.clone()], ..word(" ".into()) }).is_ok());
        let table = [
            (word(" ".into()), "the message is empty"),
            (word(Value::Null), "must be a text"),
            (word("x".repeat(MOST_CONTENT).into()), "at most"),
            (Word { files: vec![file; MOST_FILES + 1], ..word("x".into()) }, "files at most"),
            (Word { client_id: Some(String::new()), ..word("x".into()) }, "`clientId`"),
        ];
        for (word, why) in table {
            let error = check(&word).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
