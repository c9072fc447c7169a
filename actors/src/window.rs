//! A bounded view on a list that the store keeps in order: the first entries are held in memory, the
//! rest stay in the store until there is room. Pure; its owner reads pages for it.

use std::collections::BTreeMap;

/// Entries that are held at most.
pub const WINDOW: usize = 1_000;

/// A place in the order: a moment (or a number) first, then the id.
pub type Place<I> = (u64, I);

/// The first entries of a list, by place.
#[derive(Debug)]
pub struct Window<I, V> {
    held: BTreeMap<Place<I>, V>,
    count: u64,
    /// Whether the store holds some that are not here.
    more: bool,
    fetching: bool,
    /// Added while a page was being read: whether the page has them is not known.
    late: Vec<(Place<I>, V)>,
    /// Start over from the store: too much came late, or news was lost while a page was being read.
    again: bool,
    /// Entries that are held at most.
    room: usize,
}

impl<I: Ord + Copy, V> Window<I, V> {
    /// A view on a list of `count` entries, of which none has been read.
    #[must_use]
    pub fn unread(count: u64) -> Self {
        let (held, late) = (BTreeMap::new(), Vec::new());
        Self { held, count, more: true, fetching: false, late, again: false, room: WINDOW }
    }

    /// A view on a list that has no entry yet.
    #[must_use]
    pub fn empty(room: usize) -> Self {
        Self { more: false, ..Self::unread(0).with_room(room) }
    }

    /// The view, which holds so many entries at most.
    #[must_use]
    pub const fn with_room(mut self, room: usize) -> Self {
        self.room = room;
        self
    }

    /// Whether everything there is is held.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        !self.more && !self.fetching
    }

    /// Whether a page is being read.
    #[must_use]
    pub const fn is_fetching(&self) -> bool {
        self.fetching
    }

    /// Entries that are held at most.
    #[must_use]
    pub const fn room(&self) -> usize {
        self.room
    }

    /// Takes note of an entry that the store has. One that is held already changes nothing.
    pub fn add(&mut self, place: Place<I>, value: V) {
        if !self.held.contains_key(&place) {
            self.count += 1;
            self.keep(place, value);
        }
    }

    fn keep(&mut self, place: Place<I>, value: V) {
        if self.fetching {
            if self.late.len() < self.room {
                self.late.push((place, value));
            } else {
                self.again = true;
            }
            return;
        }
        let before_last = self.held.last_key_value().is_some_and(|(last, _)| place < *last);
        if self.more && !before_last {
            // Beyond what is held: it is met when that part of the store is read.
            return;
        }
        self.held.insert(place, value);
        if self.held.len() > self.room {
            self.held.pop_last();
            self.more = true;
        }
    }

    /// Takes in the page that [`Window::wants_page`] asked for; `more` says that the store has further ones.
    pub fn page(&mut self, page: impl IntoIterator<Item = (Place<I>, V)>, more: bool) {
        self.fetching = false;
        self.more = more;
        self.held.extend(page);
        for (place, value) in std::mem::take(&mut self.late) {
            self.keep(place, value);
        }
        if self.again {
            self.start_over();
        } else if !self.more {
            // All there is is held: now the count is known to the last entry.
            self.count = self.held.len() as u64;
        }
    }

    /// The page could not be read; it is asked for again.
    pub const fn page_failed(&mut self) {
        self.fetching = false;
    }

    /// Forgets what is held, because the store may hold what nobody told of.
    pub fn start_over(&mut self) {
        self.again = self.fetching;
        self.more = true;
        self.held.clear();
    }

    /// The place after which a page should be read now, if one should: `Some(None)` from the start.
    pub fn wants_page(&mut self) -> Option<Option<Place<I>>> {
        let wants = self.more && !self.fetching && self.held.len() < self.room.div_ceil(2);
        wants.then(|| {
            self.fetching = true;
            self.held.last_key_value().map(|(place, _)| *place)
        })
    }

    /// The first place.
    #[must_use]
    pub fn first(&self) -> Option<Place<I>> {
        self.held.first_key_value().map(|(place, _)| *place)
    }

    /// Takes the first entry out.
    pub fn pop(&mut self) -> Option<(Place<I>, V)> {
        let first = self.held.pop_first();
        if first.is_some() {
            self.count = self.count.saturating_sub(1);
        }
        first
    }

    /// Takes an entry out that the store no longer has.
    pub fn remove(&mut self, place: Place<I>) {
        self.count = self.count.saturating_sub(1);
        if self.held.remove(&place).is_none() {
            // A page on its way may have it still, and so may those that came late.
            self.again |= self.fetching;
        }
    }

    /// Takes the first entry out, if its place is as it should be.
    pub fn pop_if(&mut self, wanted: impl FnOnce(Place<I>) -> bool) -> Option<(Place<I>, V)> {
        if wanted(self.first()?) { self.pop() } else { None }
    }

    /// Entries, held or not.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Add(u64),
        Pop,
        BeginPage,
        EndPage,
        StartOver,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..5_000u64).prop_map(Step::Add),
            4 => Just(Step::Pop),
            2 => Just(Step::BeginPage),
            2 => Just(Step::EndPage),
            1 => Just(Step::StartOver),
        ]
    }

    /// The store as the window's owner sees it: a page is what was there when it was read.
    fn read(store: &BTreeSet<Place<u8>>, after: Option<Place<u8>>) -> (Vec<Place<u8>>, bool) {
        let page = store.iter().filter(|place| after.is_none_or(|after| **place > after));
        let page: Vec<_> = page.take(WINDOW).copied().collect();
        let more = page.len() == WINDOW;
        (page, more)
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_comes_twice(
            first in proptest::collection::btree_set(0..5_000u64, 0..2_500),
            steps in proptest::collection::vec(step(), 0..200),
        ) {
            let mut store: BTreeSet<Place<u8>> = first.iter().map(|&n| (n, 0)).collect();
            let mut window = Window::unread(store.len() as u64);
            let mut taken = BTreeSet::new();
            let mut page = None;
            let take = |window: &mut Window<u8, ()>, store: &mut BTreeSet<Place<u8>>, taken: &mut BTreeSet<_>| {
                if let Some((place, ())) = window.pop() && store.remove(&place) {
                    taken.insert(place);
                }
            };
            for step in steps {
                match step {
                    Step::Add(n) => {
                        if !taken.contains(&(n, 0)) && store.insert((n, 0)) {
                            window.add((n, 0), ());
                        }
                    }
                    Step::Pop => take(&mut window, &mut store, &mut taken),
                    Step::BeginPage => {
                        if page.is_none() && let Some(after) = window.wants_page() {
                            page = Some(read(&store, after));
                        }
                    }
                    Step::EndPage => {
                        if let Some((places, more)) = page.take() {
                            window.page(places.into_iter().map(|place| (place, ())), more);
                        }
                    }
                    Step::StartOver => window.start_over(),
                }
            }
            if let Some((places, more)) = page.take() {
                window.page(places.into_iter().map(|place| (place, ())), more);
            }
            let mut rounds = 0;
            while !store.is_empty() {
                rounds += 1;
                prop_assert!(rounds < 20_000, "{} left in the store", store.len());
                if let Some(after) = window.wants_page() {
                    let (places, more) = read(&store, after);
                    window.page(places.into_iter().map(|place| (place, ())), more);
                }
                take(&mut window, &mut store, &mut taken);
            }
        }
    }
}
