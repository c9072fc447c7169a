//! How far a listing was read. Most listings are read from their newest end back to what is known: such a walk may take
//! several runs, and what is known moves only when it has come to its end, so that nothing in between is left out.

use std::time::Duration;

use appengine_actors::clock::Timestamp;
use appengine_actors::inbound::told::Told;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::adapter::Read;

/// What may be listed late: things this old are looked at again, and told once all the same.
const LATE: Duration = Duration::from_secs(600);
/// Pages that may wait to be read.
const MOST_WAITING: usize = 200;

/// How far a listing was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Cursor {
    /// The newest thing that is known, where the platform is asked for what came after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// When the newest thing that is known came, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// The same of the walk that goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_mark: Option<String>,
    /// The same of the walk that goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<u64>,
    /// Pages that this walk has still to read, the next one first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pages: Vec<String>,
    /// Answers in a row with nothing in them.
    #[serde(skip_serializing_if = "is_zero")]
    pub empty: u32,
    /// Who we are there, where that had to be asked for.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub us: Map<String, Value>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Cursor {
    /// The page that is to be read next, where a walk goes on.
    pub fn page(&self) -> Option<&str> {
        self.pages.first().map(String::as_str)
    }

    /// The time after which things are news.
    pub fn floor(&self, since: Timestamp, now: Timestamp) -> Timestamp {
        self.at.map_or(since, |at| Timestamp::from_millis(at).min(now.minus(LATE)))
    }

    /// Whether something is news.
    pub fn is_news(&self, at: Option<Timestamp>, since: Timestamp, now: Timestamp) -> bool {
        at.is_none_or(|at| at > self.floor(since, now))
    }

    /// Something was met whose id grows with time.
    pub fn meet(&mut self, id: &str) {
        if self.next_mark.as_deref().is_none_or(|met| is_later(id, met)) {
            self.next_mark = Some(id.to_owned());
        }
    }

    /// Something was met that came at a time.
    pub fn meet_at(&mut self, at: Option<Timestamp>) {
        self.next_at = self.next_at.max(at.map(Timestamp::as_millis));
    }

    /// The walk has read its page; these come after it. Without any it is at its end, and what it has met is known.
    pub fn walk(mut self, told: Vec<Told>, next: impl IntoIterator<Item = String>) -> Read {
        if !self.pages.is_empty() {
            self.pages.remove(0);
        }
        self.pages.extend(next);
        self.pages.truncate(MOST_WAITING);
        let more = !self.pages.is_empty();
        if !more {
            self = self.settled();
        }
        Read { told, cursor: self, more }
    }

    /// What was met is known.
    pub fn settled(self) -> Self {
        let mark = self.next_mark.filter(|met| self.mark.as_deref().is_none_or(|known| is_later(met, known)));
        let (mark, at) = (mark.or(self.mark), self.at.max(self.next_at));
        Self { mark, at, next_mark: None, next_at: None, pages: Vec::new(), ..self }
    }

    /// The walk begins again: the platform does not know its pages any more.
    pub fn restarted(self) -> Self {
        Self { pages: Vec::new(), next_mark: None, next_at: None, ..self }
    }
}

/// Whether one number, or number with decimals, is larger than another: ids of many digits are too large for numbers.
fn is_later(one: &str, other: &str) -> bool {
    let digits = |text: &str| text.split('.').next().unwrap_or_default().len();
    (digits(one), one) > (digits(other), other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_moves_when_a_walk_has_come_to_its_end() {
        let mut cursor = Cursor { mark: Some("9".to_owned()), at: Some(5), ..Cursor::default() };
        for id in ["12", "10", "11"] {
            cursor.meet(id);
        }
        cursor.meet_at(Some(Timestamp::from_millis(7)));
        let Read { cursor, more, .. } = cursor.walk(Vec::new(), ["two".to_owned()]);
        assert!(more);
        assert_eq!((cursor.mark.as_deref(), cursor.at, cursor.page()), (Some("9"), Some(5), Some("two")));
        // It is written and read between two runs.
        let cursor: Cursor = serde_json::from_value(serde_json::to_value(cursor).unwrap()).unwrap();
        let again = cursor.clone().restarted();
        assert_eq!(
            (again.mark.as_deref(), again.next_mark.as_deref(), again.page()),
            (Some("9"), None, None)
        );
        let Read { cursor, more, .. } = cursor.walk(Vec::new(), None);
        assert!(!more);
        assert_eq!((cursor.mark.as_deref(), cursor.at, cursor.next_mark), (Some("12"), Some(7), None));
    }

    #[test]
    fn things_that_are_listed_late_are_looked_at_again() {
        let minute = |minute: u64| Timestamp::from_millis(minute * 60_000);
        let cursor = Cursor { at: Some(minute(99).as_millis()), ..Cursor::default() };
        assert!(cursor.is_news(Some(minute(91)), minute(0), minute(100)));
        assert!(!cursor.is_news(Some(minute(90)), minute(0), minute(100)));
        // Later on nothing is news that came no later than the newest that is known.
        assert!(!cursor.is_news(Some(minute(99)), minute(0), minute(200)));
        assert!(!Cursor::default().is_news(Some(minute(5)), minute(5), minute(200)));
    }

    #[test]
    fn longer_numbers_are_later() {
        assert!(is_later("10", "9") && is_later("1790000000.000200", "1790000000.000100"));
        assert!(!is_later("9", "10") && !is_later("10", "10"));
    }
}
