//! `$sort`: holds documents until all have come; if a `$limit` follows, no more than about twice that many.

use std::sync::Arc;

use serde_json::Value;

use super::exceeded::{Exceeded, Meter, weight};
use crate::record::{Limits, Sort, SortKey};

/// The documents of one run.
#[derive(Debug, Clone)]
pub(super) struct Sorter {
    sort: Arc<Sort>,
    /// How many are wanted, if the stages behind say so.
    pub(super) keep: Option<usize>,
    held: Vec<Held>,
}

#[derive(Debug, Clone)]
struct Held {
    key: SortKey,
    document: Value,
    weight: usize,
}

impl Sorter {
    pub(super) fn new(sort: Sort) -> Self {
        Self { sort: Arc::new(sort), keep: None, held: Vec::new() }
    }

    pub(super) fn add(
        &mut self,
        document: Value,
        meter: &mut Meter,
        limits: &Limits,
    ) -> Result<(), Exceeded> {
        let key = self.sort.key(&document);
        let weight = weight(&document) + key.values().map(weight).sum::<usize>();
        meter.take(weight)?;
        self.held.push(Held { key, document, weight });
        match self.keep.filter(|keep| *keep <= limits.sorted) {
            Some(keep) if self.held.len() >= keep.saturating_mul(2).saturating_add(16) => {
                self.prune(meter);
            }
            None if self.held.len() > limits.sorted => return Err(Exceeded::Sorted(limits.sorted)),
            _ => {}
        }
        Ok(())
    }

    /// Sorts, keeping equal ones in the order they came in, and lets go of those not wanted.
    fn prune(&mut self, meter: &mut Meter) {
        self.held.sort_by(|left, right| left.key.cmp(&right.key));
        let unwanted = self.held.split_off(self.keep.unwrap_or(usize::MAX).min(self.held.len()));
        meter.give(unwanted.iter().map(|held| held.weight).sum());
    }

    /// The documents in order.
    pub(super) fn drain(&mut self, meter: &mut Meter) -> Vec<Value> {
        self.prune(meter);
        let held = std::mem::take(&mut self.held);
        meter.give(held.iter().map(|held| held.weight).sum());
        held.into_iter().map(|held| held.document).collect()
    }
}
