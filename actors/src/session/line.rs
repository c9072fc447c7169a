//! What a session has in hand, without a clock or a store: the line of what is to be written, what of it is being
//! written, and the latest that was told.
//!
//! ```text
//! asked -> line -> written together, one group at a time -> told, in order
//! ```
//!
//! One group is written at a time, so that numbers have no gaps whatever fails: whoever asks meanwhile is in the
//! next group.

use std::collections::{HashSet, VecDeque};
use std::fmt::Debug;
use std::hash::Hash;

use crate::clock::Timestamp;

/// Drafts that may wait to be written; further ones are refused until there is room. A client is made to wait long
/// before that: it takes a hundred of them.
pub const MOST_WAITING: usize = 8_192;
/// Bytes of what they say.
const MOST_WAITING_BYTES: usize = 16 * 1024 * 1024;
/// Drafts that are written together.
pub const GROUP: usize = 64;
/// What is kept in memory for those who missed a little.
pub const RECENT: usize = 64;

/// A session has as much to write as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("say something: {MOST_WAITING} messages of this chat wait for the disk; try again in a moment")]
pub struct Busy;

/// Something that is to be written.
pub trait Draft: Clone {
    /// What it is known by, so that the same asked for again is noticed.
    type Name: Debug + Clone + Eq + Hash;

    /// All that it is known by.
    fn names(&self) -> Vec<Self::Name>;

    /// Bytes that it takes while it waits, roughly.
    fn weight(&self) -> usize;
}

/// Something that was written, with its number: 1 and up, without a gap.
pub trait Numbered: Clone {
    /// The number.
    fn seq(&self) -> u64;

    /// When it was taken.
    fn at(&self) -> Timestamp;
}

/// A draft, and whoever waits for it: `W` is told once it is on the disk.
#[derive(Debug)]
pub struct Ticket<D, W> {
    /// What is to be written.
    pub draft: D,
    /// Those who asked for it; more than one where it was asked for again.
    pub waits: Vec<W>,
}

/// Drafts `D` that become entries `E`.
#[derive(Debug)]
pub struct Line<D: Draft, E, W> {
    /// The number of the latest entry that is on the disk, and told.
    last: u64,
    line: VecDeque<Ticket<D, W>>,
    /// Bytes of the line.
    waiting_bytes: usize,
    writing: Vec<Ticket<D, W>>,
    /// The names of all that waits or is being written.
    pending: HashSet<D::Name>,
    recent: VecDeque<E>,
}

impl<D: Draft, E: Numbered, W> Line<D, E, W> {
    /// A session whose latest entries these are, in their order.
    #[must_use]
    pub fn new(latest: Vec<E>) -> Self {
        let last = latest.last().map_or(0, Numbered::seq);
        let recent = latest.into_iter().collect();
        let (line, writing, pending) = (VecDeque::new(), Vec::new(), HashSet::new());
        Self { last, line, waiting_bytes: 0, writing, pending, recent }
    }

    /// Numbers go on behind this one, though nothing that has it is left.
    pub fn go_on_behind(&mut self, seq: u64) {
        self.last = self.last.max(seq);
    }

    /// Nothing that was written is left; numbers go on.
    pub fn forget(&mut self) {
        self.recent.clear();
    }

    /// The number of the latest entry.
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

    /// Takes a draft. What waits already is not taken twice: whoever asks again waits with the first.
    ///
    /// # Errors
    /// When too much waits.
    pub fn say(&mut self, draft: D, wait: W) -> Result<(), Busy> {
        let names = draft.names();
        if names.iter().any(|name| self.pending.contains(name)) {
            let mut pending = self.writing.iter_mut().chain(&mut self.line);
            let is_same =
                |ticket: &&mut Ticket<D, W>| ticket.draft.names().iter().any(|name| names.contains(name));
            if let Some(ticket) = pending.find(is_same) {
                ticket.waits.push(wait);
            }
            return Ok(());
        }
        let bytes = draft.weight();
        if self.line.len() >= MOST_WAITING || self.waiting_bytes + bytes > MOST_WAITING_BYTES {
            return Err(Busy);
        }
        self.queue(Ticket { draft, waits: vec![wait] });
        Ok(())
    }

    /// Puts a ticket at the end of the line.
    fn queue(&mut self, ticket: Ticket<D, W>) {
        self.pending.extend(ticket.draft.names());
        self.waiting_bytes += ticket.draft.weight();
        self.line.push_back(ticket);
    }

    /// What is to be written now, from the number behind [`last`](Self::last): nothing while something is.
    pub fn next_group(&mut self) -> Vec<D> {
        if !self.writing.is_empty() {
            return Vec::new();
        }
        let count = self.line.len().min(GROUP);
        self.writing = self.line.drain(..count).collect();
        self.waiting_bytes -= self.writing.iter().map(|ticket| ticket.draft.weight()).sum::<usize>();
        self.drafts()
    }

    /// What is being written.
    #[must_use]
    pub fn drafts(&self) -> Vec<D> {
        self.writing.iter().map(|ticket| ticket.draft.clone()).collect()
    }

    /// The group is on the disk, with these entries of it. Returns it, in its order.
    pub fn written(&mut self, new: Vec<E>) -> Vec<Ticket<D, W>> {
        self.last = new.last().map_or(self.last, Numbered::seq);
        self.recent.extend(new);
        let more = self.recent.len().saturating_sub(RECENT);
        self.recent.drain(..more);
        self.take_writing()
    }

    /// The group was not written. Returns those who asked.
    pub fn failed(&mut self) -> Vec<W> {
        self.take_writing().into_iter().flat_map(|ticket| ticket.waits).collect()
    }

    fn take_writing(&mut self) -> Vec<Ticket<D, W>> {
        let writing = std::mem::take(&mut self.writing);
        for name in writing.iter().flat_map(|ticket| ticket.draft.names()) {
            self.pending.remove(&name);
        }
        writing
    }

    /// Everything that was to be written has to be looked at again, behind these latest entries: `became` says which
    /// drafts are written already. Returns those who asked for one of them.
    pub fn again<A: Clone>(
        &mut self,
        latest: Vec<E>,
        became: impl Fn(&D, &VecDeque<E>) -> Option<A>,
    ) -> Vec<(W, A)> {
        let (line, writing) = (std::mem::take(&mut self.line), std::mem::take(&mut self.writing));
        *self = Self::new(latest);
        let mut answers = Vec::new();
        for ticket in writing.into_iter().chain(line) {
            match became(&ticket.draft, &self.recent) {
                Some(answer) => {
                    answers.extend(ticket.waits.into_iter().map(|wait| (wait, answer.clone())));
                }
                None => self.queue(ticket),
            }
        }
        answers
    }

    /// The entries in memory, in their order.
    pub fn recent(&self) -> impl Iterator<Item = &E> {
        self.recent.iter()
    }

    /// The entries in memory, to be kept as they are now.
    pub fn recent_mut(&mut self) -> impl Iterator<Item = &mut E> {
        self.recent.iter_mut()
    }

    /// The number of the latest entry that was written before a moment, among those in memory.
    #[must_use]
    pub fn before(&self, moment: Timestamp) -> u64 {
        let later = self.recent.iter().filter(|entry| entry.at() >= moment).count();
        self.last - later as u64
    }

    /// All entries behind a number, where all of them are in memory.
    #[must_use]
    pub fn since(&self, seq: u64) -> Option<Vec<E>> {
        if seq >= self.last {
            return Some(Vec::new());
        }
        let first = self.recent.front()?.seq();
        (first <= seq + 1).then(|| self.recent.iter().filter(|entry| entry.seq() > seq).cloned().collect())
    }
}
