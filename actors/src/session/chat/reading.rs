//! What can be read of conversations without asking them: lists, histories, decisions.

use super::assisting;
use super::book::{decisions, latest};
use super::chats::{Chats, ChatsError, MOST_CHATS, may};
use super::decision::Decision;
use super::id::ChatId;
use super::message::Message;
use super::model::{Chat, ChatStatus};
use crate::clock::Timestamp;
use crate::ids::OrgId;
use crate::keys;
use crate::list::{COUNTED, Listed, Slice};
use crate::session::person::{Address, Person, Side};
use crate::session::stream::model;
use crate::store::{Pages, Scan, StoreError, decode};

/// Messages of one page of a history.
pub const MOST_HISTORY: usize = 500;

impl Chats {
    /// Conversations in which somebody has said something, and that whoever asks may take part in, by their ids, in one status or in any, as many as are found among
    /// the first ten thousand.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list(
        &self,
        org: &OrgId,
        by: &Person,
        status: Option<ChatStatus>,
        slice: Slice,
    ) -> Result<Listed<Chat>, StoreError> {
        let mut pages = Pages::of(&*self.house.store, Scan::prefix(keys::chats(org), MOST_HISTORY));
        let (mut listed, mut looked) = (Listed::new(slice), 0);
        while let Some(page) = pages.next().await? {
            for (_, found) in &page {
                let chat: Chat = decode(&found.value)?;
                if chat.has_begun() && chat.id.admits(by) && status.is_none_or(|status| status == chat.status)
                {
                    listed.meet(chat);
                }
            }
            looked += page.len();
            if looked >= COUNTED && !pages.is_over() {
                listed.total_is_lower_bound = true;
                break;
            }
        }
        Ok(listed)
    }

    /// What was decided about who answers in a conversation, in its order.
    ///
    /// # Errors
    /// When somebody may not, or the store cannot be read.
    pub async fn decisions(
        &self,
        org: &OrgId,
        by: &Person,
        chat: &ChatId,
    ) -> Result<Vec<Decision>, ChatsError> {
        may(chat, by)?;
        Ok(decisions(&self.house, org, chat, MOST_HISTORY).await?)
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
        let found = latest(&self.house, org, chat, before, limit.clamp(1, MOST_HISTORY)).await?;
        Ok(self.readable(org, found))
    }

    /// The latest messages as a model is told them (contract §8, `conversationId`).
    ///
    /// # Errors
    /// When somebody may not, or the store cannot be read.
    pub async fn told(
        &self,
        org: &OrgId,
        by: &Person,
        chat: &ChatId,
    ) -> Result<Vec<model::Message>, ChatsError> {
        Ok(assisting::history(&self.history(org, by, chat, None, assisting::TOLD).await?))
    }

    /// Messages with addresses at which their files can be read now.
    fn readable(&self, org: &OrgId, messages: Vec<Message>) -> Vec<Message> {
        let readable = |message: Message| message.readable(org, &*self.house.links).into_owned();
        messages.into_iter().map(readable).collect()
    }

    /// What was said since a moment in the conversations of whoever has an address, in the order of time; the latest
    /// of it where there is more.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn messages_of(
        &self,
        org: &OrgId,
        email: &str,
        since: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let mut chats: Vec<ChatId> = ChatId::new(&format!("customer::{email}")).into_iter().collect();
        let address = Address::of(org, Side::Agent, email);
        let scan = Scan::prefix(keys::chats_of(org, address.as_str()), MOST_CHATS).keys_only();
        let found = self.house.store.scan(scan).await?;
        let taken_part = found.iter().filter_map(|(key, _)| keys::parse_chat_of(org, address.as_str(), key));
        chats.extend(taken_part.filter_map(|text| ChatId::new(&text).ok()));
        let mut messages = Vec::new();
        for chat in chats {
            messages.extend(latest(&self.house, org, &chat, None, limit).await?);
        }
        messages.retain(|message| since.is_none_or(|since| message.sent > since));
        messages.sort_by_key(|message| (message.sent, message.id));
        let more = messages.len().saturating_sub(limit);
        messages.drain(..more);
        Ok(self.readable(org, messages))
    }
}
