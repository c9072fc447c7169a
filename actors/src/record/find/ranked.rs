//! A match in a list that no index orders, kept while all matches are looked at.

use serde_json::Value;

use crate::ids::RecordId;
use crate::record::SortKey;

/// What decides a place in a list that no index orders; the id breaks ties.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Key(SortKey),
    Chance(u64),
}

pub(super) struct Ranked {
    pub(super) rank: Rank,
    pub(super) sk: RecordId,
    pub(super) document: Value,
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (&self.rank, &self.sk).cmp(&(&other.rank, &other.sk))
    }
}
