//! Places in an order of time: of a record, of a range of times, and as clients carry them from page to
//! page.

use std::ops::Bound;

use crate::clock::{Stamp, Timestamp};
use crate::ids::RecordId;
use crate::keys::TimeOrder;
use crate::record::TimeRange;
use crate::record::model::Record;

/// A place in an order of time, as clients carry it.
pub(super) fn cursor(record: &Record, order: TimeOrder) -> String {
    let stamp = if order == TimeOrder::Modified { record.modified } else { record.created };
    format!("{:x}.{}", stamp.as_u64(), record.sk)
}

pub(super) fn parse_cursor(text: &str) -> Option<(Stamp, RecordId)> {
    let (stamp, sk) = text.split_once('.')?;
    Some((Stamp::from_u64(u64::from_str_radix(stamp, 16).ok()?), RecordId::new(sk).ok()?))
}

pub(super) fn stamps((from, to): TimeRange) -> (Option<Stamp>, Option<Stamp>) {
    let at = |millis: i64| Stamp::first_of(Timestamp::from_millis(u64::try_from(millis).unwrap_or(0)));
    let from = match from {
        Bound::Included(millis) => Some(at(millis)),
        Bound::Excluded(millis) => Some(at(millis.saturating_add(1))),
        Bound::Unbounded => None,
    };
    let to = match to {
        Bound::Included(millis) => Some(at(millis.saturating_add(1))),
        Bound::Excluded(millis) => Some(at(millis)),
        Bound::Unbounded => None,
    };
    (from, to)
}

pub(super) fn place(record: &Record, order: TimeOrder) -> Stamp {
    if order == TimeOrder::Modified { record.modified } else { record.created }
}
