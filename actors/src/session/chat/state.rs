//! What a conversation has in hand, without a clock or a store: the line of what is to be said, what of it is being
//! written, and the latest that was told.
//!
//! ```text
//! said -> line -> written together, one group at a time -> told, in order
//! ```
//!
//! One group is written at a time, so that numbers have no gaps whatever fails: whoever speaks meanwhile is in the
//! next group.

use std::collections::{HashSet, VecDeque};

use super::message::{Message, MessageDraft};
use crate::clock::Timestamp;
use crate::ids::MessageId;

/// Messages that may wait to be written; further ones are refused until there is room. A client is made to wait
/// long before that: it takes a hundred of them.
pub const MOST_WAITING: usize = 8_192;
/// Bytes of what they say.
const MOST_WAITING_BYTES: usize = 16 * 1024 * 1024;
/// Messages that are written together.
pub const GROUP: usize = 64;
/// Messages that are kept in memory for those who missed a few.
pub const RECENT: usize = 64;

/// A conversation has as much to write as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("say something: {MOST_WAITING} messages of this chat wait for the disk; try again in a moment")]
pub struct Busy;

/// What something that is to be said is known by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Name {
    /// The id that it will have: the question is asked again.
    Id(MessageId),
    /// What its sender calls it: the client sends it again.
    Called(String, String),
}

/// Something to be said, and whoever waits for that: `W` is told once it is on the disk.
#[derive(Debug)]
pub struct Ticket<W> {
    /// What is to be said.
    pub draft: MessageDraft,
    /// Those who asked for it; more than one where it was asked for again.
    pub waits: Vec<W>,
}

/// The state of a conversation.
#[derive(Debug)]
pub struct ChatState<W> {
    /// The number of the latest message that is on the disk, and told.
    last: u64,
    line: VecDeque<Ticket<W>>,
    /// Bytes of the line.
    waiting_bytes: usize,
    writing: Vec<Ticket<W>>,
    /// The names of all that waits or is being written.
    pending: HashSet<Name>,
    recent: VecDeque<Message>,
}

impl<W> ChatState<W> {
    /// A conversation whose latest messages these are, in their order.
    #[must_use]
    pub fn new(latest: Vec<Message>) -> Self {
        let last = latest.last().map_or(0, |message| message.seq);
        let recent = latest.into_iter().collect();
        let (line, writing, pending) = (VecDeque::new(), Vec::new(), HashSet::new());
        Self { last, line, waiting_bytes: 0, writing, pending, recent }
    }

    /// The number of the latest message.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// Whether a group is being written.
    #[must_use]
    pub fn is_writing(&self) -> bool {
        !self.writing.is_empty()
    }

    /// Whether nothing is to be written.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.line.is_empty() && self.writing.is_empty()
    }

    /// Takes something to be said. What waits already is not taken twice: whoever asks again waits with the first.
    ///
    /// # Errors
    /// When too much waits.
    pub fn say(&mut self, draft: MessageDraft, wait: W) -> Result<(), Busy> {
        let names = names(&draft);
        if names.iter().any(|name| self.pending.contains(name)) {
            let mut pending = self.writing.iter_mut().chain(&mut self.line);
            let is_same = |ticket: &&mut Ticket<W>| names_meet(&ticket.draft, &names);
            if let Some(ticket) = pending.find(is_same) {
                ticket.waits.push(wait);
            }
            return Ok(());
        }
        let bytes = draft.weight();
        if self.line.len() >= MOST_WAITING || self.waiting_bytes + bytes > MOST_WAITING_BYTES {
            return Err(Busy);
        }
        self.pending.extend(names);
        self.waiting_bytes += bytes;
        self.line.push_back(Ticket { draft, waits: vec![wait] });
        Ok(())
    }

    /// What is to be written now, from the number behind [`last`](Self::last): nothing while something is.
    pub fn next_group(&mut self) -> Vec<MessageDraft> {
        if !self.writing.is_empty() {
            return Vec::new();
        }
        let count = self.line.len().min(GROUP);
        self.writing = self.line.drain(..count).collect();
        self.waiting_bytes -= self.writing.iter().map(|ticket| ticket.draft.weight()).sum::<usize>();
        self.writing.iter().map(|ticket| ticket.draft.clone()).collect()
    }

    /// The group is on the disk, these new messages of it. Returns those who asked, each with the message that theirs
    /// has become: a new one, or one of `known` that was said before.
    pub fn wrote(&mut self, new: Vec<Message>, known: &[Message]) -> Vec<(W, Message)> {
        let mut answers = Vec::new();
        for Ticket { draft, waits } in self.take_writing() {
            let became = new.iter().chain(known).find(|message| {
                message.id == draft.id || (draft.client_id.is_some() && message.client_id == draft.client_id)
            });
            if let Some(message) = became {
                answers.extend(waits.into_iter().map(|wait| (wait, message.clone())));
            }
        }
        self.last = new.last().map_or(self.last, |message| message.seq);
        self.recent.extend(new);
        let more = self.recent.len().saturating_sub(RECENT);
        self.recent.drain(..more);
        answers
    }

    /// The group was not written. Returns those who asked.
    pub fn failed(&mut self) -> Vec<W> {
        self.take_writing().into_iter().flat_map(|ticket| ticket.waits).collect()
    }

    fn take_writing(&mut self) -> Vec<Ticket<W>> {
        let writing = std::mem::take(&mut self.writing);
        for name in writing.iter().flat_map(|ticket| names(&ticket.draft)) {
            self.pending.remove(&name);
        }
        writing
    }

    /// What is being written.
    #[must_use]
    pub fn ids(&self) -> Vec<MessageId> {
        self.writing.iter().map(|ticket| ticket.draft.id).collect()
    }

    /// The group has to be written again, behind these latest messages. Returns those who asked for one of them, or
    /// for one that was `said` before.
    pub fn again(&mut self, latest: Vec<Message>, said: &[Message]) -> Vec<(W, Message)> {
        let (line, writing) = (std::mem::take(&mut self.line), std::mem::take(&mut self.writing));
        *self = Self::new(latest);
        let mut answers = Vec::new();
        for Ticket { draft, waits } in writing.into_iter().chain(line) {
            match self.recent.iter().chain(said).find(|message| message.id == draft.id) {
                Some(message) => answers.extend(waits.into_iter().map(|wait| (wait, message.clone()))),
                None => {
                    self.pending.extend(names(&draft));
                    self.waiting_bytes += draft.weight();
                    self.line.push_back(Ticket { draft, waits });
                }
            }
        }
        answers
    }

    /// A message that was told has changed.
    pub fn changed(&mut self, message: &Message) {
        if let Some(known) = self.recent.iter_mut().find(|known| known.seq == message.seq) {
            *known = message.clone();
        }
    }

    /// The number of the latest message that was said before a moment, among those in memory.
    #[must_use]
    pub fn before(&self, moment: Timestamp) -> u64 {
        let later = self.recent.iter().filter(|message| message.sent >= moment).count();
        self.last - later as u64
    }

    /// All messages behind a number, where all of them are in memory.
    #[must_use]
    pub fn since(&self, seq: u64) -> Option<Vec<Message>> {
        if seq >= self.last {
            return Some(Vec::new());
        }
        let first = self.recent.front()?.seq;
        (first <= seq + 1).then(|| self.recent.iter().filter(|message| message.seq > seq).cloned().collect())
    }
}

/// What a draft is known by.
fn names(draft: &MessageDraft) -> Vec<Name> {
    let sender = draft.from.as_ref().map(|person| person.email.clone()).unwrap_or_default();
    let called = draft.client_id.clone().map(|client_id| Name::Called(sender, client_id));
    std::iter::once(Name::Id(draft.id)).chain(called).collect()
}

fn names_meet(draft: &MessageDraft, others: &[Name]) -> bool {
    names(draft).iter().any(|name| others.contains(name))
}

#[cfg(test)]
mod tests;
