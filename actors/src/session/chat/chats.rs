//! All conversations, for those who bring clients to them. It asks whether somebody may; the conversations themselves
//! do not ask again.

use std::sync::Arc;

use serde_json::Value;

use super::actor::ChatActor;
use super::book::actor_name;
use super::erasure::Erasure;
use super::id::ChatId;
use super::message::{Message, MessageDraft, MessageKind, MessageStatus};
use super::messages::{Attach, ChatError, Erase, Greet, Mark, Replayed, Reword, Said, Say};
use super::model::{Chat, ChatStatus};
use super::word::Word;
use crate::house::House;
use crate::ids::{MessageId, OrgId};
use crate::keys;
use crate::mail::is_address;
use crate::session::hall::Hall;
use crate::session::person::{Person, Side};
use crate::session::seat::{Frame, Seat, SeatId};
use crate::store::{Scan, StoreError, decode};
use crate::supervision::{AskError, Members};

/// Conversations that a client comes back to at most: the latest by their ids.
pub(super) const MOST_CHATS: usize = 200;

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

/// Who is sent what was said in a conversation that ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// Its customer.
    Customer,
    /// Whoever has an address.
    Address(String),
}

/// All conversations.
#[derive(Clone)]
pub struct Chats {
    pub(super) house: Arc<House>,
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
        // Nothing is waited for before the conversation is asked: whoever asks for two things has them in that order.
        self.take(org, by, chat, word, true).await
    }

    /// Keeps what was said elsewhere. Nobody waits for an answer to it.
    ///
    /// # Errors
    /// As [`say`](Self::say).
    pub async fn save(
        &self,
        org: &OrgId,
        by: &Person,
        chat: &ChatId,
        word: Word,
    ) -> Result<Said, ChatsError> {
        self.take(org, by, chat, word, false).await
    }

    async fn take(
        &self,
        org: &OrgId,
        by: &Person,
        chat: &ChatId,
        word: Word,
        asks: bool,
    ) -> Result<Said, ChatsError> {
        word.check().map_err(ChatsError::Unfit)?;
        let Word { content, to, files, config_id, assistant, client_id, said, kind } = word;
        let draft = MessageDraft {
            from: Some(by.clone()),
            kind: kind.unwrap_or(MessageKind::User),
            to,
            files,
            config_id,
            client_id,
            assistant,
            asks,
            said,
            ..MessageDraft::of_server(MessageId::new(self.house.clock.now()), content)
        };
        Ok(self.actors.ask(&actor_name(org, chat), Say(draft)).await??)
    }

    /// Ends a conversation, and has what was said in it sent to an address. One that has ended stays as it is.
    ///
    /// # Errors
    /// When somebody may not, or it could not be written.
    pub async fn end(
        &self,
        org: &OrgId,
        by: &Person,
        chat: &ChatId,
        reason: &str,
        transcript: Option<Recipient>,
    ) -> Result<(), ChatsError> {
        may(chat, by)?;
        let open = self.find(org, chat).await?.filter(|chat| chat.status == ChatStatus::Open);
        let Some(open) = open else { return Ok(()) };
        let transcript = transcript.map(|recipient| match recipient {
            Recipient::Customer => open.customer_is().0,
            Recipient::Address(to) => to,
        });
        if transcript.as_ref().is_some_and(|to| !is_address(to)) {
            return Err(ChatsError::Unfit("`transcriptEmail` is no e-mail address".to_owned()));
        }
        let words = Value::from(format!("{} has ended the chat.", by.name));
        let draft = MessageDraft {
            ends: Some(reason.to_owned()),
            ended_by: Some(by.email.clone()),
            transcript,
            ..MessageDraft::of_server(MessageId::new(self.house.clock.now()), words)
        };
        self.actors.ask(&actor_name(org, chat), Say(draft)).await??;
        Ok(())
    }

    /// Erases a conversation for good: all that was said and decided in it, and who took part. Only one that nobody of
    /// the staff has to do with.
    ///
    /// # Errors
    /// When it could not be done, or not all of it: asked again, it goes on where it was.
    pub async fn erase(&self, org: &OrgId, by: &Person, chat: &ChatId) -> Result<Erasure, ChatsError> {
        if !chat.admits(by) {
            return Ok(Erasure::NotYours);
        }
        if self.find(org, chat).await?.is_none() {
            return Ok(Erasure::Missing);
        }
        Ok(self.actors.ask(&actor_name(org, chat), Erase).await??)
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

    /// Has the assistant of a widget greet a customer, where nothing was said yet.
    ///
    /// # Errors
    /// When somebody may not, or the store fails.
    pub async fn greet(
        &self,
        org: &OrgId,
        by: &Person,
        chat: &ChatId,
        config_id: &str,
    ) -> Result<(), ChatsError> {
        may(chat, by)?;
        Ok(self.actors.ask(&actor_name(org, chat), Greet { config_id: config_id.to_owned() }).await??)
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
        let (chat, seq) = self.find_message(org, by, id).await?;
        Ok(self.actors.ask(&actor_name(org, &chat), Mark { seq, status, by: by.clone() }).await??)
    }

    /// Changes what a message says: one's own, or any of the staff's conversations.
    ///
    /// # Errors
    /// When there is no such message, or somebody may not change it.
    pub async fn reword(
        &self,
        org: &OrgId,
        by: &Person,
        id: MessageId,
        content: Value,
    ) -> Result<Message, ChatsError> {
        let word = Word { content, ..Word::default() };
        word.check().map_err(ChatsError::Unfit)?;
        let (chat, seq) = self.find_message(org, by, id).await?;
        let found = self.house.store.get(keys::message(org, chat.as_str(), seq)).await?;
        let message: Message = decode(&found.ok_or(ChatError::NoMessage)?.value)?;
        if by.side == Side::Customer && message.from != by.email {
            return Err(ChatsError::NotYours(chat));
        }
        let reword = Reword { seq, content: word.content, by: by.clone() };
        Ok(self.actors.ask(&actor_name(org, &chat), reword).await??)
    }

    /// Where a message is. Whoever may not hear it is not told that it exists.
    async fn find_message(
        &self,
        org: &OrgId,
        by: &Person,
        id: MessageId,
    ) -> Result<(ChatId, u64), ChatsError> {
        let found = self.house.store.get(keys::message_place(org, id)).await?;
        let (chat, seq): (ChatId, u64) = decode(&found.ok_or(ChatError::NoMessage)?.value)?;
        may(&chat, by).map_err(|_| ChatError::NoMessage)?;
        Ok((chat, seq))
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

pub(super) fn may(chat: &ChatId, person: &Person) -> Result<(), ChatsError> {
    if chat.admits(person) { Ok(()) } else { Err(ChatsError::NotYours(chat.clone())) }
}
