//! One stream in the store: begun with what it claims, written page by page, ended in one commit with what follows.

use std::sync::Arc;

use serde_json::json;

use super::frame::{Frame, Said};
use super::head::{Ask, Exchange, Head, Origin, StreamStatus};
use crate::bus::change::{Change, ChangeError};
use crate::event::{EventDraft, EventKind};
use crate::house::House;
use crate::ids::{EventId, OrgId, StreamId};
use crate::keys;
use crate::ports::Publisher;
use crate::store::{Batch, Expect, Pages, Scan, StoreError, decode, encode, remove_all};

/// Pages that are read at once.
const PAGES: usize = 100;
/// Bytes of an exchange's question and of its answer that a conversation remembers: the store takes no value of 128 KiB.
const REMEMBERED: usize = 48 * 1024;

/// One stream in the store.
#[derive(Clone)]
pub struct StreamBook {
    pub(super) house: Arc<House>,
    pub(super) publisher: Arc<dyn Publisher>,
    pub(super) org: OrgId,
    pub(super) id: StreamId,
}

/// A stream, as it was found.
pub(super) struct Loaded {
    pub(super) head: Head,
    pub(super) ask: Ask,
    pub(super) said: Vec<Arc<Said>>,
}

/// The name of a stream's actor. An organisation's id has no colon.
pub(super) fn actor_name(org: &OrgId, id: StreamId) -> String {
    format!("{org}:{id}")
}

impl StreamBook {
    /// A stream of an organisation.
    #[must_use]
    pub const fn new(house: Arc<House>, publisher: Arc<dyn Publisher>, org: OrgId, id: StreamId) -> Self {
        Self { house, publisher, org, id }
    }

    /// The stream whose actor has this name.
    #[must_use]
    pub fn of_actor(name: &str, house: Arc<House>, publisher: Arc<dyn Publisher>) -> Option<Self> {
        let (org, id) = name.split_once(':')?;
        Some(Self::new(house, publisher, OrgId::new(org).ok()?, id.parse().ok()?))
    }

    /// What is known of it, if there is such a stream.
    pub(super) async fn head(&self) -> Result<Option<Head>, StoreError> {
        let found = self.house.store.get(keys::stream(&self.org, self.id)).await?;
        found.map(|found| decode(&found.value)).transpose()
    }

    /// All of it.
    pub(super) async fn load(&self) -> Result<Option<Loaded>, StoreError> {
        // What an earlier incarnation has queued is in the store before this one reads it.
        self.house.store.commit(Batch::default()).await?;
        let Some(head) = self.head().await? else { return Ok(None) };
        let ask = self.house.store.get(keys::stream_ask(&self.org, self.id)).await?;
        let missing = || StoreError::Corrupt(format!("the stream {} was asked nothing", self.id));
        let ask = decode(&ask.ok_or_else(missing)?.value)?;
        let mut said = Vec::new();
        let pages = Scan::prefix(keys::stream_pages(&self.org, self.id), PAGES);
        let mut pages = Pages::of(&*self.house.store, pages);
        while let Some(page) = pages.next().await? {
            for (_, page) in page {
                said.extend(read_page(&page.value)?);
            }
        }
        Ok(Some(Loaded { head, ask, said }))
    }

    /// Frames behind a place that are in the store: those of one page.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn after(&self, place: u64) -> Result<Vec<Frame>, StoreError> {
        // The page that begins last of those that begin before what is wanted, or with it.
        let mut scan = Scan::prefix(keys::stream_pages(&self.org, self.id), 1).descending();
        scan.to = keys::stream_page(&self.org, self.id, place.saturating_add(2));
        let Some((key, page)) = self.house.store.scan(scan).await?.pop() else { return Ok(Vec::new()) };
        let Some(first) = keys::parse_stream_page(&self.org, self.id, &key) else { return Ok(Vec::new()) };
        let frames = (first..).zip(read_page(&page.value)?);
        Ok(frames
            .filter(|(number, _)| *number > place)
            .map(|(number, said)| Frame { number, said })
            .collect())
    }

    /// Keeps frames. They outlive this process; a power cut may take the last of them, and then the run goes on, or
    /// breaks off, from those before.
    pub(super) async fn keep(&self, first: u64, lines: Vec<u8>, durable: bool) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.insert(keys::stream_page(&self.org, self.id, first), lines);
        self.house.store.commit(if durable { batch } else { batch.patiently() }).await
    }

    /// Keeps the last frames with what the stream has come to.
    pub(super) async fn end(
        &self,
        head: &Head,
        (first, lines): (u64, Vec<u8>),
        exchange: Option<Exchange>,
    ) -> Result<(), ChangeError> {
        let Origin { cause, depth, breadth } = head.origin.clone();
        let by = Some(head.by.label.clone());
        let mut change = Change { by, cause, depth, breadth, ..Change::default() };
        change.extra.insert(keys::stream_page(&self.org, self.id, first), lines);
        change.extra.put(keys::stream(&self.org, self.id), encode(head)?);
        change.extra.delete(keys::running_stream(self.id));
        if let Some(conversation) = &head.conversation {
            change.extra.delete(keys::stream_in(&self.org, conversation));
            if let Some(exchange) = exchange {
                let key = keys::exchange(&self.org, conversation, self.id);
                change.extra.insert(key, encode(&shortened(exchange))?);
            }
        }
        change.events.extend(self.told(head));
        self.publisher.commit(self.org.clone(), change).await.map(drop)
    }

    /// The event that tells of its end.
    fn told(&self, head: &Head) -> Option<EventDraft> {
        let kind = match head.status {
            StreamStatus::Failed => "ai.run.failed",
            _ => "ai.run.completed",
        };
        let data = json!({
            "streamId": head.id, "messageId": head.message_id, "conversationId": head.conversation,
            "chatId": head.chat, "assistantId": head.assistant, "model": head.model, "status": head.status,
            "finishReason": head.finish, "inputTokens": head.input_tokens, "outputTokens": head.output_tokens,
        });
        let id = EventId::new(self.house.clock.now());
        Some(EventDraft { id, kind: EventKind::new(kind).ok()?, data, occurred_at: None })
    }

    /// Begins a stream: with all that it claims, or not at all.
    pub(super) async fn begin(&self, head: &Head, ask: &Ask, once: Option<&Once>) -> Result<(), ChangeError> {
        let mut change = Change { by: Some(head.by.label.clone()), ..Change::default() };
        self.begins(head, ask, &mut change.extra)?;
        let extra = &mut change.extra;
        if let Some(conversation) = &head.conversation {
            let key = keys::stream_in(&self.org, conversation);
            extra.expect(key.clone(), Expect::Absent).put(key, encode(&self.id)?);
        }
        if let Some(Once { key, digest, replaces }) = once {
            let key = keys::stream_once(&self.org, &head.by.id, key);
            let begun = Begun { stream: self.id, digest: digest.clone(), kept_until: head.kept_until };
            extra.expect(key.clone(), replaces.map_or(Expect::Absent, Expect::Version));
            extra.put(key, encode(&begun)?);
        }
        self.publisher.commit(self.org.clone(), change).await.map(drop)
    }

    /// Removes what was asked and what was said of a stream that is over. It cannot be read any more; that it was, and what
    /// it has used, is known for as long as of any other.
    pub(super) async fn forget(&self, head: Head) -> Result<(), StoreError> {
        let pages = Scan::prefix(keys::stream_pages(&self.org, self.id), PAGES);
        remove_all(&*self.house.store, pages).await?;
        let head = Head { kept_until: self.house.clock.now(), ..head };
        let mut batch = Batch::default();
        batch.delete(keys::stream_ask(&self.org, self.id));
        batch.put(keys::stream(&self.org, self.id), encode(&head)?);
        self.house.store.commit(batch).await
    }

    /// Begins a stream with the rest of a batch: whoever waits for its answer has that in writing.
    ///
    /// # Errors
    /// When it cannot be written at all.
    pub fn begins(&self, head: &Head, ask: &Ask, batch: &mut Batch) -> Result<(), StoreError> {
        batch.insert(keys::stream(&self.org, self.id), encode(head)?);
        batch.insert(keys::stream_ask(&self.org, self.id), encode(ask)?);
        batch.insert(keys::running_stream(self.id), encode(&self.org)?);
        if let Some(chat) = &head.chat {
            batch.insert(keys::stream_of_chat(&self.org, chat, self.id), Vec::new());
        }
        Ok(())
    }
}

/// Whoever asks twice with one key is answered once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// The key.
    pub key: String,
    /// A digest of what is asked.
    pub digest: String,
    /// The store's version of what was begun with the key, where that can no longer be read.
    pub replaces: Option<u64>,
}

/// What was begun with a key.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Begun {
    pub(super) stream: StreamId,
    pub(super) digest: String,
    pub(super) kept_until: crate::clock::Timestamp,
}

/// Frames as a page keeps them: each a line of JSON, which has no line breaks of its own.
pub(super) fn line(said: &Said, into: &mut Vec<u8>) -> Result<usize, StoreError> {
    let before = into.len();
    serde_json::to_writer(&mut *into, said).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    into.push(b'\n');
    Ok(into.len() - before)
}

fn read_page(page: &[u8]) -> Result<Vec<Arc<Said>>, StoreError> {
    let lines = page.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| decode(line).map(Arc::new)).collect()
}

fn shortened(mut exchange: Exchange) -> Exchange {
    for text in [&mut exchange.question, &mut exchange.answer] {
        text.truncate(text.floor_char_boundary(REMEMBERED));
    }
    exchange
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_lines_of_what_was_said() {
        let said = [
            Said::Chunk { data: "one\ntwo".to_owned() },
            Said::End { sk: None, finish_reason: "stop".to_owned() },
        ];
        let mut page = Vec::new();
        let lengths: Vec<usize> = said.iter().map(|said| line(said, &mut page).unwrap()).collect();
        assert_eq!(lengths.iter().sum::<usize>(), page.len());
        let read = read_page(&page).unwrap();
        assert_eq!(read.iter().map(|said| (**said).clone()).collect::<Vec<_>>(), said);
        assert!(read_page(b"{\n").is_err());
    }
}
