//! Pages of lists that are walked in their order: what is passed over, what is shown, what is only counted.

use crate::clock::Timestamp;

/// Entries that are counted beyond the page; further ones make the total a lower bound.
pub const COUNTED: usize = 10_000;

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Slice {
    /// Entries before it.
    pub skip: usize,
    /// The most entries of it.
    pub limit: usize,
}

/// A time that something must be within, both ends included.
#[derive(Debug, Clone, Copy, Default)]
pub struct Span {
    /// Not before this.
    pub from: Option<Timestamp>,
    /// Not after this.
    pub to: Option<Timestamp>,
}

impl Span {
    /// Whether it holds a moment.
    #[must_use]
    pub fn holds(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at <= to)
    }

    /// Whether it holds every moment.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }
}

/// A part of a list.
#[derive(Debug)]
pub struct Listed<T> {
    slice: Slice,
    /// What is shown.
    pub rows: Vec<T>,
    /// Entries in all, as far as they were counted.
    pub total: usize,
    /// Whether there may be more than `total`.
    pub total_is_lower_bound: bool,
}

impl<T> Listed<T> {
    /// Nothing yet.
    #[must_use]
    pub const fn new(slice: Slice) -> Self {
        Self { slice, rows: Vec::new(), total: 0, total_is_lower_bound: false }
    }

    /// The next entry.
    pub fn meet(&mut self, entry: T) {
        if self.total >= self.slice.skip && !self.is_full() {
            self.rows.push(entry);
        }
        self.total += 1;
    }

    /// The next `count` entries, of which it is known that none is shown: see [`Listed::passes`].
    pub const fn pass(&mut self, count: usize) {
        self.total += count;
    }

    /// Whether the next `count` entries are only counted.
    #[must_use]
    pub fn passes(&self, count: usize) -> bool {
        self.is_full() || self.total + count <= self.slice.skip
    }

    /// Whether all that is shown was met.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.rows.len() >= self.slice.limit
    }

    /// Whether there are entries after this part.
    #[must_use]
    pub fn has_next(&self) -> bool {
        self.total > self.slice.skip.saturating_add(self.rows.len()) || self.total_is_lower_bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_shown_and_the_rest_is_counted() {
        for (skip, limit, rows, next) in
            [(0, 3, vec![0, 1, 2], true), (8, 3, vec![8, 9], false), (99, 3, vec![], false)]
        {
            let mut listed = Listed::new(Slice { skip, limit });
            (0..10).for_each(|entry| listed.meet(entry));
            assert_eq!((&listed.rows, listed.total, listed.has_next()), (&rows, 10, next));
        }
    }

    #[test]
    fn a_span_holds_its_ends() {
        let at = Timestamp::from_millis;
        let span = Span { from: Some(at(2)), to: Some(at(4)) };
        assert_eq!((1..6).filter(|ms| span.holds(at(*ms))).collect::<Vec<_>>(), [2, 3, 4]);
        assert!(Span::default().is_open() && Span::default().holds(at(0)));
    }
}
