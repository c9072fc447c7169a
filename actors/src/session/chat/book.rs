//! One conversation in the store: read as it wakes, written with the events that tell of it, in one commit.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::decision::{Decision, Moved, Outrun, Route};
use super::entry::{Entry, Heard, event, sender};
use super::erasure::Reached;
use super::handling::Handling;
use super::id::ChatId;
use super::message::{Message, MessageDraft, MessageStatus};
use super::messages::ChatError;
use super::model::Chat;
use super::state::RECENT;
use super::{assisting, transcript, words};
use crate::bus::change::{Change, ChangeError};
use crate::house::House;
use crate::ids::{EventId, MessageId, OrgId};
use crate::keys;
use crate::ports::Publisher;
use crate::session::hall::RoomName;
use crate::session::person::{Address, Person};
use crate::session::replay::Past;
use crate::session::seat::Frame;
use crate::store::{Batch, Expect, Scan, StoreError, decode, encode};

/// One conversation in the store.
#[derive(Clone)]
pub struct ChatBook {
    pub(super) house: Arc<House>,
    pub(super) publisher: Arc<dyn Publisher>,
    pub(super) org: OrgId,
    pub(super) chat: ChatId,
}

/// What is to be written.
pub(super) struct Wanted {
    /// The conversation as it is, where there is one.
    pub(super) chat: Option<Chat>,
    /// What is to be done.
    pub(super) routes: Vec<Route>,
    /// What is to be said.
    pub(super) drafts: Vec<MessageDraft>,
    /// The numbers of the latest message and, where there is no conversation, decision.
    pub(super) reached: Reached,
    /// What an assistant has said so far of the answer that is under way.
    pub(super) heard: Option<Heard>,
}

/// What was written.
pub(super) struct Written {
    /// The conversation as it is now.
    pub(super) chat: Chat,
    /// The new messages.
    pub(super) new: Vec<Message>,
    /// Those that had been said before.
    pub(super) known: Vec<Message>,
    /// Who answers now, each time that changed.
    pub(super) moves: Vec<Moved>,
    /// What came of each step that was to be taken.
    pub(super) routed: Vec<Result<Chat, Outrun>>,
}

/// What was found.
pub(super) struct Reloaded {
    /// The conversation.
    pub(super) chat: Option<Chat>,
    /// Its latest messages.
    pub(super) latest: Vec<Message>,
    /// The numbers that it had reached when it was erased.
    pub(super) reached: Reached,
    /// Those that were asked for.
    pub(super) said: Vec<Message>,
}

impl ChatBook {
    /// A conversation of an organisation.
    #[must_use]
    pub const fn new(house: Arc<House>, publisher: Arc<dyn Publisher>, org: OrgId, chat: ChatId) -> Self {
        Self { house, publisher, org, chat }
    }

    /// The conversation whose actor has this name.
    #[must_use]
    pub fn of_actor(name: &str, house: Arc<House>, publisher: Arc<dyn Publisher>) -> Option<Self> {
        let (org, chat) = parse_name(name)?;
        Some(Self::new(house, publisher, org, chat))
    }

    /// The conversation, if there is one, its latest messages, in their order, and what it had reached when it was
    /// erased.
    pub(super) async fn load(&self) -> Result<(Option<Chat>, Vec<Message>, Reached), StoreError> {
        // What an earlier incarnation has queued is in the store before this one reads it.
        self.house.store.commit(Batch::default()).await?;
        let latest = latest(&self.house, &self.org, &self.chat, None, RECENT).await?;
        Ok((self.head().await?, latest, self.reached().await?))
    }

    /// The conversation, if there is one.
    pub(super) async fn head(&self) -> Result<Option<Chat>, StoreError> {
        let found = self.house.store.get(keys::chat(&self.org, self.chat.as_str())).await?;
        found.map(|found| decode(&found.value)).transpose()
    }

    /// Writes what is to be done and said, with the events of it.
    pub(super) async fn write(&self, wanted: Wanted) -> Result<Written, ChangeError> {
        let Wanted { chat: before, routes, drafts, reached, heard } = wanted;
        let known = self.said_before(&drafts).await?;
        let asked: Vec<String> = drafts.iter().filter_map(|draft| draft.transcript.clone()).collect();
        let at = self.reception(before.as_ref(), &drafts).await?;
        let is_assisted =
            before.as_ref().is_some_and(|chat| matches!(chat.handling, Handling::Assisted { .. }));
        let told = if is_assisted || at.assistance.is_some() {
            latest(&self.house, &self.org, &self.chat, Some(reached.seq + 1), assisting::TOLD).await?
        } else {
            Vec::new()
        };
        let mut entry = Entry::new(self, before.clone(), reached, told, heard);
        let mut routed = Vec::new();
        for route in routes {
            routed.push(entry.route(&route)?);
        }
        for draft in drafts {
            let is_known = |message: &Message| message.id == draft.id || is_called(message, &draft);
            if !known.iter().any(is_known) {
                entry.word(draft, &at)?;
            }
        }
        entry.answer(&at)?;
        if !asked.is_empty() && !entry.new.is_empty() {
            let before =
                latest(&self.house, &self.org, &self.chat, Some(reached.seq + 1), transcript::MOST).await?;
            entry.transcripts(&asked, before)?;
        }
        let Entry { chat, mut change, new, moves, .. } = entry;
        if !new.is_empty() || !moves.is_empty() || before.as_ref().is_some_and(|before| *before != chat) {
            if before.as_ref() != Some(&chat) {
                self.put_head(before.as_ref(), &chat, &mut change.extra)?;
            }
            self.publisher.commit(self.org.clone(), change).await?;
        }
        Ok(Written { chat, new, known, moves, routed })
    }

    /// Has a batch fail once somebody else has written: they have the next number, of messages or of decisions.
    pub(super) fn expect_nothing_behind(&self, Reached { seq, turn }: Reached, batch: &mut Batch) {
        batch.expect(keys::message(&self.org, self.chat.as_str(), seq + 1), Expect::Absent);
        batch.expect(keys::decision(&self.org, self.chat.as_str(), turn + 1), Expect::Absent);
    }

    /// The conversation, and who finds it by it.
    fn put_head(&self, before: Option<&Chat>, chat: &Chat, batch: &mut Batch) -> Result<(), StoreError> {
        batch.put(keys::chat(&self.org, self.chat.as_str()), encode(chat)?);
        let key = |address: &Address| keys::chat_of(&self.org, address.as_str(), self.chat.as_str());
        let hearers = chat.hearers();
        let heard = before.map_or_else(Vec::new, Chat::hearers);
        for address in heard.iter().filter(|address| !hearers.contains(address)) {
            batch.delete(key(address));
        }
        for address in hearers.iter().filter(|address| !heard.contains(address)) {
            batch.put(key(address), Vec::new());
        }
        let standing = keys::standing(&self.org, self.chat.as_str());
        match (before.and_then(Chat::standing), chat.standing()) {
            (before, now) if before == now => {}
            (_, Some(now)) => _ = batch.put(standing, encode(&now)?),
            (_, None) => _ = batch.delete(standing),
        }
        Ok(())
    }

    /// What there is after somebody else has written: the conversation, its latest messages, and those of `ids` that
    /// were said before these.
    pub(super) async fn reload(&self, ids: Vec<MessageId>) -> Result<Reloaded, StoreError> {
        let (chat, latest, reached) = self.load().await?;
        let places = ids.into_iter().map(|id| keys::message_place(&self.org, id)).collect();
        let places = self.house.store.get_many(places).await?.into_iter().flatten();
        let places: Vec<(ChatId, u64)> =
            places.map(|found| decode(&found.value)).collect::<Result<_, _>>()?;
        let keys = places.iter().map(|(chat, seq)| keys::message(&self.org, chat.as_str(), *seq)).collect();
        let found = self.house.store.get_many(keys).await?.into_iter().flatten();
        let said = found.map(|found| decode(&found.value)).collect::<Result<_, _>>()?;
        Ok(Reloaded { chat, latest, reached, said })
    }

    /// Messages that are what their senders ask for again.
    async fn said_before(&self, drafts: &[MessageDraft]) -> Result<Vec<Message>, StoreError> {
        let called = drafts.iter().filter_map(|draft| Some((draft, draft.client_id.as_deref()?)));
        let called =
            called.map(|(draft, id)| keys::message_called(&self.org, self.chat.as_str(), sender(draft), id));
        let called: Vec<_> = called.collect();
        if called.is_empty() {
            return Ok(Vec::new());
        }
        let numbers = self.house.store.get_many(called).await?;
        let numbers: Vec<u64> =
            numbers.into_iter().flatten().map(|found| decode(&found.value)).collect::<Result<_, _>>()?;
        let keys = numbers.into_iter().map(|seq| keys::message(&self.org, self.chat.as_str(), seq)).collect();
        let found = self.house.store.get_many(keys).await?;
        found.into_iter().flatten().map(|found| decode(&found.value)).collect()
    }

    /// Writes how far a message has come. Returns it, and whether that is news.
    pub(super) async fn mark(&self, seq: u64, status: MessageStatus) -> Result<(Message, bool), ChatError> {
        let key = keys::message(&self.org, self.chat.as_str(), seq);
        let found = self.house.store.get(key.clone()).await?.ok_or(ChatError::NoMessage)?;
        let message: Message = decode(&found.value)?;
        let Some(marked) = message.marked(status, self.house.clock.now()) else {
            return Ok((message, false));
        };
        let mut batch = Batch::default();
        batch.expect(key.clone(), Expect::Version(found.version)).put(key, encode(&marked)?);
        self.house.store.commit(batch).await?;
        Ok((marked, true))
    }

    /// Writes what a message says from now on, with the event of it.
    pub(super) async fn reword(&self, seq: u64, content: Value, by: &Person) -> Result<Message, ChatError> {
        let key = keys::message(&self.org, self.chat.as_str(), seq);
        let found = self.house.store.get(key.clone()).await?.ok_or(ChatError::NoMessage)?;
        let now = self.house.clock.now();
        let reworded = decode::<Message>(&found.value)?.reworded(content, now);
        let mut change = Change { by: Some(by.email.clone()), ..Change::default() };
        change.events.push(event(EventId::new(now), "chat-update-message", reworded.in_event())?);
        change.extra.expect(key.clone(), Expect::Version(found.version)).put(key, encode(&reworded)?);
        self.publisher.commit(self.org.clone(), change).await?;
        Ok(reworded)
    }
}

impl Past for ChatBook {
    type Entry = Message;

    fn house(&self) -> &House {
        &self.house
    }

    fn room(&self) -> RoomName {
        self.chat.room(&self.org)
    }

    fn page(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Message>, StoreError>> {
        let scan = Scan::prefix(keys::messages(&self.org, self.chat.as_str()), limit);
        let scan = scan.after(&keys::message(&self.org, self.chat.as_str(), after));
        Box::pin(async move {
            let found = self.house.store.scan(scan).await?;
            found.iter().map(|(_, found)| decode(&found.value)).collect()
        })
    }

    fn last(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async move {
            let latest = latest(&self.house, &self.org, &self.chat, None, 1).await?;
            let erased = self.reached().await?.seq;
            Ok(latest.last().map_or(erased, |message| message.seq.max(erased)))
        })
    }

    fn frames(&self, message: &Message) -> Result<Vec<Frame>, StoreError> {
        let ends = message.ends.is_some().then(|| words::ended(message));
        std::iter::once(words::message(message, &self.org, &*self.house.links)).chain(ends).collect()
    }
}

fn is_called(message: &Message, draft: &MessageDraft) -> bool {
    draft.client_id.is_some() && message.client_id == draft.client_id && message.from == sender(draft)
}

/// The latest messages of a conversation, or those before a number, in their order.
pub(super) async fn latest(
    house: &House,
    org: &OrgId,
    chat: &ChatId,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<Message>, StoreError> {
    let mut scan = Scan::prefix(keys::messages(org, chat.as_str()), limit).descending();
    if let Some(before) = before {
        scan.to = keys::message(org, chat.as_str(), before);
    }
    let found = house.store.scan(scan).await?;
    found.iter().rev().map(|(_, found)| decode(&found.value)).collect()
}

/// The latest decisions about a conversation, in their order.
pub(super) async fn decisions(
    house: &House,
    org: &OrgId,
    chat: &ChatId,
    limit: usize,
) -> Result<Vec<Decision>, StoreError> {
    let scan = Scan::prefix(keys::decisions(org, chat.as_str()), limit).descending();
    let found = house.store.scan(scan).await?;
    found.iter().rev().map(|(_, found)| decode(&found.value)).collect()
}

/// The name of the actor of a conversation: a place in the tree has no slash in it.
#[must_use]
pub fn actor_name(org: &OrgId, chat: &ChatId) -> String {
    format!("{org}:{}", chat.as_str().replace('%', "%25").replace('/', "%2F"))
}

fn parse_name(name: &str) -> Option<(OrgId, ChatId)> {
    // An organisation's id has no colon.
    let (org, chat) = name.split_once(':')?;
    Some((OrgId::new(org).ok()?, ChatId::new(&chat.replace("%2F", "/").replace("%25", "%")).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actors_name_says_which_conversation_it_is() {
        let org = OrgId::new("my-org").unwrap();
        for text in ["customer::ann@x.io", "a/b%2F", "team room", "a@x.io|b@x.io"] {
            let chat = ChatId::new(text).unwrap();
            assert!(!actor_name(&org, &chat).contains('/'));
            assert_eq!(parse_name(&actor_name(&org, &chat)), Some((org.clone(), chat)));
        }
    }
}
