//! Deliveries that keep an order: each stands in a line, and only the first of a line may be sent. The store
//! holds the lines; this holds the first of each, and asks for the next when that one is done. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::delivery::LinePlace;
use crate::clock::Timestamp;
use crate::ids::DeliveryId;

/// Lines whose first is held at most; the others are met when there is room.
pub const MOST: usize = 4_096;

/// The first of a line, and when it is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct First {
    /// Its place in the line.
    pub place: LinePlace,
    /// It.
    pub id: DeliveryId,
    /// When it may be sent.
    pub due: Timestamp,
}

#[derive(Debug)]
enum Line {
    /// Which one is first is not known.
    Unread,
    /// The store was asked; true when more came since.
    Reading(bool),
    /// This one.
    Waits(First),
    /// This one, and it is being sent.
    Sent(DeliveryId),
}

/// The lines of one destination.
#[derive(Debug, Default)]
pub struct Lines {
    held: BTreeMap<Arc<str>, Line>,
    due: BTreeSet<(Timestamp, LinePlace, Arc<str>)>,
    unread: BTreeSet<Arc<str>>,
    /// Whether the store may have lines that are not held.
    more: bool,
    /// The last line that was met when the store was gone through.
    met: Option<Arc<str>>,
    surveying: bool,
}

impl Lines {
    /// Everything is looked for anew: some of it may have been missed.
    pub fn start_over(&mut self) {
        self.held.retain(|_, line| matches!(line, Line::Sent(_)));
        self.due.clear();
        self.unread.clear();
        (self.more, self.met, self.surveying) = (true, None, false);
    }

    /// A delivery was added to a line.
    pub fn added(&mut self, key: &Arc<str>) {
        if let Some(line) = self.held.get_mut(key) {
            if let Line::Reading(more) = line {
                *more = true;
            }
        } else if self.held.len() < MOST {
            self.unread(key.clone());
        } else {
            self.more = true;
        }
    }

    fn unread(&mut self, key: Arc<str>) {
        self.held.insert(key.clone(), Line::Unread);
        self.unread.insert(key);
    }

    /// The lines that the store has beyond the last one met, in their order, and whether there are more.
    pub fn surveyed(&mut self, lines: Vec<Arc<str>>, more: bool) {
        if !self.surveying {
            // An answer to a question of before everything was looked for anew.
            return;
        }
        self.surveying = false;
        self.more = more;
        for key in lines {
            if self.held.len() >= MOST {
                self.more = true;
                return;
            }
            self.met = Some(key.clone());
            if !self.held.contains_key(&key) {
                self.unread(key);
            }
        }
        if !more {
            self.met = None;
        }
    }

    /// The survey failed; it is asked for again.
    pub const fn survey_failed(&mut self) {
        self.surveying = false;
    }

    /// After which line the store should be gone through now, if it should.
    pub fn wants_survey(&mut self) -> Option<Option<Arc<str>>> {
        let wants = self.more && !self.surveying && self.held.len() < MOST / 2;
        self.surveying |= wants;
        wants.then(|| self.met.clone())
    }

    /// The lines whose first should be read now.
    pub fn wants_first(&mut self) -> Vec<Arc<str>> {
        let wanted: Vec<_> = std::mem::take(&mut self.unread).into_iter().collect();
        for key in &wanted {
            self.held.insert(key.clone(), Line::Reading(false));
        }
        wanted
    }

    /// The first of a line was read; none when the line is empty.
    pub fn read(&mut self, key: &Arc<str>, first: Option<First>) {
        let Some(Line::Reading(more)) = self.held.get(key) else { return };
        match first {
            Some(first) => self.wait(key.clone(), first),
            None if *more => self.unread(key.clone()),
            None => _ = self.held.remove(key),
        }
    }

    /// It could not be read; it is asked for again.
    pub fn read_failed(&mut self, key: &Arc<str>) {
        if let Some(Line::Reading(_)) = self.held.get(key) {
            self.unread(key.clone());
        }
    }

    fn wait(&mut self, key: Arc<str>, first: First) {
        self.due.insert((first.due, first.place.clone(), key.clone()));
        self.held.insert(key, Line::Waits(first));
    }

    /// When the next one is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(due, ..)| *due)
    }

    /// Takes the one that is due first.
    pub fn pop(&mut self) -> Option<First> {
        let (_, _, key) = self.due.pop_first()?;
        let Some(Line::Waits(first)) = self.held.remove(&key) else { return None };
        self.held.insert(key, Line::Sent(first.id));
        Some(first)
    }

    /// An attempt ended: the delivery stays first and is due then, or has left its line.
    pub fn settled(&mut self, place: LinePlace, id: DeliveryId, next: Option<Timestamp>) {
        let key = place.key.clone();
        if !matches!(self.held.get(&key), Some(Line::Sent(sent)) if *sent == id) {
            return;
        }
        match next {
            Some(due) => self.wait(key, First { place, id, due }),
            None => self.unread(key),
        }
    }

    /// Whether a delivery that waits is to be sent at another time than was thought: it is read anew.
    pub fn moved(&mut self, key: &Arc<str>) {
        if let Some(Line::Waits(first)) = self.held.get(key) {
            self.due.remove(&(first.due, first.place.clone(), key.clone()));
            self.unread(key.clone());
        }
    }
}

#[cfg(test)]
mod tests;
