//! What is in the journal and not yet in sled: two tables in memory over it. The writer fills the young
//! one; the old one, when there is one, is being carried into sled and does not change. Readers see both
//! before sled.
//!
//! A read happens at one moment: it takes what it needs of the tables under a short lock and then reads
//! sled, which changes only by what the old table holds, and only once every reader that does not know
//! that table is done.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use appengine_actors::store::{Key, Scan, StoreError, Versioned};
use bytes::Bytes;

use super::hot::Hot;

/// What a key holds from a commit on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    /// The commit.
    pub(super) version: u64,
    /// The value; none when the key was removed.
    pub(super) value: Option<Bytes>,
    /// Nothing below this table holds the key, so that removing it leaves no trace.
    pub(super) fresh: bool,
}

impl Written {
    /// As a reader sees it.
    pub(super) fn found(self) -> Option<Versioned> {
        let version = self.version;
        self.value.map(|value| Versioned { version, value })
    }
}

/// What an entry costs beside its bytes, roughly.
const OVERHEAD: usize = 96;

/// Changes by key.
#[derive(Debug, Default)]
pub(super) struct Table {
    entries: BTreeMap<Bytes, Written>,
    bytes: usize,
}

impl Table {
    /// Takes in a change that comes after all that are here.
    pub(super) fn put(&mut self, key: Bytes, written: Written) {
        let size = weight(&key, &written);
        match self.entries.get_mut(&key) {
            Some(before) => {
                self.bytes -= weight(&key, before);
                if before.fresh && written.value.is_none() {
                    self.entries.remove(&key);
                    return;
                }
                *before = Written { fresh: before.fresh, ..written };
            }
            // Made and removed within one group: nobody ever saw it.
            None if written.fresh && written.value.is_none() => return,
            None => _ = self.entries.insert(key, written),
        }
        self.bytes += size;
    }

    /// What it says of a key.
    pub(super) fn get(&self, key: &[u8]) -> Option<&Written> {
        self.entries.get(key)
    }

    /// Every change, in the order of keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Bytes, &Written)> {
        self.entries.iter()
    }

    /// Memory that it takes, roughly.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    fn range(&self, scan: &Scan) -> Box<dyn Iterator<Item = (&Bytes, &Written)> + '_> {
        let bounds = (Bound::Included(scan.from.as_slice()), Bound::Excluded(scan.to.as_slice()));
        let range = self.entries.range::<[u8], _>(bounds);
        if scan.descending { Box::new(range.rev()) } else { Box::new(range) }
    }
}

fn weight(key: &Bytes, written: &Written) -> usize {
    OVERHEAD + key.len() + written.value.as_ref().map_or(0, Bytes::len)
}

/// The two tables.
#[derive(Debug, Default)]
pub(super) struct Tables {
    layers: RwLock<Layers>,
    /// What sled said of keys that are in neither.
    hot: Hot,
    /// Held by every reader; taken whole to wait for those that began before.
    readers: RwLock<()>,
}

#[derive(Debug, Default)]
struct Layers {
    young: Table,
    old: Option<Arc<Table>>,
}

impl Layers {
    fn get(&self, key: &[u8]) -> Option<&Written> {
        self.young.get(key).or_else(|| self.old.as_ref()?.get(key))
    }
}

/// A reader, for whom [`Tables::until_known`] waits.
pub(super) struct Reading<'a> {
    tables: &'a Tables,
    _turn: RwLockReadGuard<'a, ()>,
}

impl Reading<'_> {
    /// What the tables say of several keys at one moment.
    pub(super) fn get(&self, keys: &[Key]) -> Vec<Option<Written>> {
        let layers = self.tables.layers();
        keys.iter().map(|key| layers.get(key).cloned()).collect()
    }

    /// What sled holds under a key that is in neither table: what it said before, or what it says now.
    pub(super) fn below(
        &self,
        key: &[u8],
        ask: impl FnOnce() -> Result<Option<Versioned>, StoreError>,
    ) -> Result<Option<Versioned>, StoreError> {
        if let Some(found) = self.tables.hot.get(key) {
            return Ok(found);
        }
        let found = ask()?;
        self.tables.hot.keep(key, &found);
        Ok(found)
    }

    /// What the tables say of a range at one moment, removals included: up to the scan's limit of values,
    /// or all of it.
    pub(super) fn region(&self, scan: &Scan) -> Vec<(Bytes, Written)> {
        let layers = self.tables.layers();
        let mut young = layers.young.range(scan).peekable();
        let mut old = layers.old.iter().flat_map(|old| old.range(scan)).peekable();
        let (mut changes, mut values) = (Vec::new(), 0);
        while values < scan.limit {
            let first = match (young.peek(), old.peek()) {
                (Some((a, _)), Some((b, _))) if a == b => {
                    old.next();
                    young.next()
                }
                (Some((a, _)), Some((b, _))) if (a < b) == scan.descending => old.next(),
                (Some(_), _) => young.next(),
                (None, _) => old.next(),
            };
            let Some((key, written)) = first else { break };
            values += usize::from(written.value.is_some());
            changes.push((key.clone(), written.clone()));
        }
        changes
    }
}

impl Tables {
    /// Tables whose young one is this.
    pub(super) fn of(young: Table) -> Self {
        Self {
            layers: RwLock::new(Layers { young, old: None }),
            hot: Hot::default(),
            readers: RwLock::default(),
        }
    }

    /// To be held from before the first look at the tables until after the last at sled.
    pub(super) fn read(&self) -> Reading<'_> {
        Reading { tables: self, _turn: self.readers.read().unwrap_or_else(PoisonError::into_inner) }
    }

    /// What several keys hold at one moment, where that is known without sled, and nobody is changing the
    /// tables: then nothing need be read, and nobody waited for.
    pub(super) fn all(&self, keys: &[Key]) -> Option<Vec<Option<Versioned>>> {
        let layers = self.layers.try_read().ok()?;
        let known = |key: &Key| match layers.get(key) {
            Some(written) => Some(written.clone().found()),
            None => self.hot.get(key),
        };
        keys.iter().map(known).collect()
    }

    /// The version that a key has here, for the writer, who alone changes the young table: none when the
    /// tables do not know it, `Some(None)` when it was removed.
    pub(super) fn version(&self, key: &[u8]) -> Option<Option<u64>> {
        self.layers().get(key).map(|written| written.value.as_ref().map(|_| written.version))
    }

    /// What sled holds under a key that is in neither table, where somebody has read it lately.
    pub(super) fn read_lately(&self, key: &[u8]) -> Option<Option<Versioned>> {
        self.hot.get(key)
    }

    /// Makes changes visible, all at once.
    pub(super) fn publish(&self, changes: impl IntoIterator<Item = (Bytes, Written)>) {
        let mut layers = self.layers.write().unwrap_or_else(PoisonError::into_inner);
        for (key, written) in changes {
            layers.young.put(key, written);
        }
    }

    /// Bytes in the young table, and whether there is an old one.
    pub(super) fn load(&self) -> (usize, bool) {
        let layers = self.layers();
        (layers.young.bytes(), layers.old.is_some())
    }

    /// Makes the young table the old one. There must be none.
    pub(super) fn freeze(&self) -> Arc<Table> {
        let mut layers = self.layers.write().unwrap_or_else(PoisonError::into_inner);
        let old = Arc::new(std::mem::take(&mut layers.young));
        layers.old = Some(old.clone());
        old
    }

    /// Returns once every reader knows the old table: from then on sled may take it in.
    pub(super) fn until_known(&self) {
        drop(self.readers.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Sled holds the old table now. What was known of its keys before is forgotten first: nobody can have
    /// learned it anew, because the table was asked first.
    pub(super) fn thaw(&self) {
        if let Some(old) = self.layers().old.clone() {
            self.hot.forget(|key| old.get(key).is_some());
        }
        self.layers.write().unwrap_or_else(PoisonError::into_inner).old = None;
    }

    /// Shows every change that sled does not hold for sure, those of the old table first.
    pub(super) fn each(&self, mut show: impl FnMut(&Bytes, &Written)) {
        let layers = self.layers();
        let tables = layers.old.iter().map(AsRef::as_ref).chain([&layers.young]);
        tables.flat_map(Table::iter).for_each(|(key, written)| show(key, written));
    }

    fn layers(&self) -> RwLockReadGuard<'_, Layers> {
        self.layers.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(table: &mut Table, key: &'static str, version: u64, value: Option<&'static str>, fresh: bool) {
        let value = value.map(|text| Bytes::from_static(text.as_bytes()));
        table.put(Bytes::from_static(key.as_bytes()), Written { version, value, fresh });
    }

    #[test]
    fn what_was_fresh_leaves_no_trace_and_its_bytes_are_given_back() {
        let mut table = Table::default();
        put(&mut table, "a", 1, Some("1"), true);
        put(&mut table, "a", 2, Some("longer"), false);
        put(&mut table, "a", 3, None, false);
        put(&mut table, "b", 3, None, true);
        assert_eq!((table.iter().count(), table.bytes()), (0, 0));
        put(&mut table, "a", 4, Some("1"), false);
        put(&mut table, "a", 5, None, false);
        assert!(table.get(b"a").is_some_and(|written| written.value.is_none()), "sled may hold it");
        put(&mut table, "a", 6, Some("1"), true);
        put(&mut table, "a", 7, None, false);
        assert!(table.get(b"a").is_some(), "it was removed here before it was made anew");
    }

    #[test]
    fn a_region_ends_with_its_last_value_in_both_directions() {
        let tables = Tables::default();
        let change = |key: &str, value: Option<&'static str>| {
            let value = value.map(|text| Bytes::from_static(text.as_bytes()));
            (Bytes::from(key.to_owned()), Written { version: 1, value, fresh: false })
        };
        tables.publish([change("a", Some("old")), change("b", None), change("d", Some("old"))]);
        drop(tables.freeze());
        tables.publish([change("a", None), change("c", Some("new")), change("d", Some("new"))]);
        let of = |scan: Scan| {
            let region = tables.read().region(&scan).into_iter();
            let text = |written: &Written| {
                written.value.as_ref().map(|value| String::from_utf8_lossy(value).into_owned())
            };
            let shown = region.map(|(key, w)| (String::from_utf8_lossy(&key).into_owned(), text(&w)));
            shown.collect::<Vec<_>>()
        };
        let pair = |key: &str, value: Option<&str>| (key.to_owned(), value.map(str::to_owned));
        let scan = |limit| Scan { to: b"z".to_vec(), ..Scan::prefix(Vec::new(), limit) };
        let up = vec![pair("a", None), pair("b", None), pair("c", Some("new"))];
        assert_eq!(of(scan(1)), up);
        let all: Vec<_> = up.clone().into_iter().chain([pair("d", Some("new"))]).collect();
        assert_eq!(of(scan(9)), all);
        assert_eq!(of(scan(1).descending()), [pair("d", Some("new"))]);
        assert_eq!(of(scan(9).descending()), all.into_iter().rev().collect::<Vec<_>>());
    }
}
