//! How a conversation goes for good: all that was said and decided in it, also by assistants as streams, who took part, and
//! that it was.
//!
//! What stays is two numbers, [`Reached`], under a digest of its id. Whatever is said in it later goes on behind them,
//! for three reasons: a client that comes back with an old number is told of a `gap`, as where messages were too old
//! to be kept, instead of missing what is new; one that is here hears what comes behind what it has heard; and no key
//! is written twice that is promised to be new.
//!
//! The record goes last, so that a process that ends half way is asked the same again and finds what is left.

mod actor;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::book::ChatBook;
use super::handling::Handling;
use super::message::Message;
use super::messages::ChatError;
use super::model::Chat;
use crate::bus::change::{Change, ChangeError};
use crate::keys;
use crate::session::stream::Streams;
use crate::store::{Batch, Pages, Scan, StoreError, decode, encode, remove_all};

/// Entries that go in one commit.
const STEP: usize = 200;

/// What came of a conversation that was to be erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erasure {
    /// It is gone.
    Done,
    /// There is none.
    Missing,
    /// It is between others.
    NotYours,
    /// It waits for somebody of the staff.
    Waits,
    /// Somebody of the staff answers in it.
    Answered,
}

impl Erasure {
    /// Why a conversation stays; none where it may go.
    fn refused(chat: &Chat) -> Option<Self> {
        match chat.handling {
            Handling::Nobody | Handling::Assisted { .. } => None,
            Handling::Waiting { .. } => Some(Self::Waits),
            Handling::With { .. } => Some(Self::Answered),
        }
    }
}

/// The numbers of the latest message and of the latest decision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reached {
    /// Of messages.
    pub(super) seq: u64,
    /// Of decisions.
    pub(super) turn: u64,
}

/// Those who want the conversation erased.
#[derive(Debug, Default)]
pub(super) struct Erasing {
    waits: Vec<oneshot::Sender<Result<Erasure, ChatError>>>,
    /// Whether it is being erased.
    is_under_way: bool,
    /// The number of the latest decision when it was erased.
    turn: u64,
}

impl Erasing {
    /// Whether nobody does.
    pub(super) const fn is_quiet(&self) -> bool {
        self.waits.is_empty()
    }

    fn answer(&mut self, erasure: Erasure) {
        self.is_under_way = false;
        for wait in std::mem::take(&mut self.waits) {
            // Whoever asked may be gone.
            let _ = wait.send(Ok(erasure));
        }
    }
}

impl ChatBook {
    /// What the conversation had reached when it was erased; nothing where it never was.
    pub(super) async fn reached(&self) -> Result<Reached, StoreError> {
        let found = self.house.store.get(keys::erased_chat(&self.org, self.chat.as_str())).await?;
        Ok(found.map(|found| decode(&found.value)).transpose()?.unwrap_or_default())
    }

    /// Removes the conversation, step by step. It is gone for good when this is answered.
    async fn erase(&self, chat: &Chat, reached: Reached, streams: &Streams) -> Result<(), ChangeError> {
        // By the bus: what an earlier incarnation has said there comes first, and has this fail.
        let mut change = Change::default();
        self.expect_nothing_behind(reached, &mut change.extra);
        change.extra.put(keys::erased_chat(&self.org, self.chat.as_str()), encode(&reached)?);
        self.publisher.commit(self.org.clone(), change).await?;
        // Before the messages: the answer that is under way would become one.
        let forgotten = streams.forget_chat(&self.org, self.chat.as_str()).await;
        forgotten.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        self.remove_messages().await?;
        let decisions = Scan::prefix(keys::decisions(&self.org, self.chat.as_str()), STEP);
        remove_all(&*self.house.store, decisions).await?;
        Ok(self.remove_head(chat).await?)
    }

    async fn remove_messages(&self) -> Result<(), StoreError> {
        let (org, chat) = (&self.org, self.chat.as_str());
        let mut pages = Pages::of(&*self.house.store, Scan::prefix(keys::messages(org, chat), STEP));
        while let Some(page) = pages.next().await? {
            let mut batch = Batch::default();
            for (key, found) in page {
                let message: Message = decode(&found.value)?;
                batch.delete(key).delete(keys::message_place(org, message.id));
                if let Some(client_id) = &message.client_id {
                    batch.delete(keys::message_called(org, chat, &message.from, client_id));
                }
            }
            // On the disk with the last step.
            self.house.store.commit(batch.lazily()).await?;
        }
        Ok(())
    }

    /// The record, and who finds it by it.
    async fn remove_head(&self, chat: &Chat) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.delete(keys::chat(&self.org, self.chat.as_str()));
        batch.delete(keys::standing(&self.org, self.chat.as_str()));
        for address in chat.hearers() {
            batch.delete(keys::chat_of(&self.org, address.as_str(), self.chat.as_str()));
        }
        self.house.store.commit(batch).await
    }
}
