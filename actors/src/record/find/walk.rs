//! The walk along an index of time: what is looked at only on the index, and what has to be read.

use serde_json::Value;

use super::cursor::{cursor, place};
use super::{COUNTED, Find, FindError, admits_deleted};
use crate::keys::{self, TimeOrder};
use crate::record::place::Flags;
use crate::record::service::Records;
use crate::store::Scan;

/// Where a walk goes.
#[derive(Debug, Clone)]
pub(super) struct Along {
    /// The index.
    pub(super) order: TimeOrder,
    /// The part of it.
    pub(super) scan: Scan,
    /// Whether all that is in this part matches the query.
    pub(super) exact: bool,
}

/// What a walk came by.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// Those that were kept, as clients see them.
    pub(super) page: Vec<Value>,
    /// All that match, as far as they were counted.
    pub(super) matched: u64,
    /// Whether there may be more.
    pub(super) is_lower_bound: bool,
    /// The place of the last that was kept.
    pub(super) last: Option<String>,
}

impl Records {
    /// Walks along an index: passes over `skip` matches, keeps `size` of them, and counts on from there as far as
    /// it is worth.
    pub(super) async fn walk(
        &self,
        find: &Find<'_>,
        along: &Along,
        mut skip: u64,
        size: usize,
    ) -> Result<Walked, FindError> {
        let Along { order, mut scan, exact } = along.clone();
        let options = find.options;
        let (mut page, mut matched, mut looked) = (Vec::new(), 0_u64, 0_usize);
        let (mut last, mut counted_beyond) = (None, 0_usize);
        let is_lower_bound = 'walk: loop {
            let entries = self.store.scan(scan.clone()).await?;
            let prefix = keys::records_by_time(find.org, find.datatype, order);
            let places = entries.iter().filter_map(|(key, entry)| {
                let (stamp, sk) = keys::parse_record_by_time(&prefix, key)?;
                Some((stamp, sk, Flags::from_bytes(&entry.value)))
            });
            let wanted: Vec<_> =
                places.filter(|(_, _, flags)| admits_deleted(find) || !flags.deleted).collect();
            let by_index = |flags: &Flags| {
                exact && find.visible.is_none() && options.states.is_empty() && !flags.restricted
            };
            let mut ahead = std::collections::VecDeque::new();
            for (index, (stamp, sk, flags)) in wanted.iter().enumerate() {
                // What was read ahead begins with this entry, whether it is needed now or not.
                let mut read = ahead.pop_front();
                let beyond = page.len() >= size;
                if by_index(flags) && (skip > 0 || beyond) {
                    matched += 1;
                    skip = skip.saturating_sub(1);
                } else {
                    if read.is_none() {
                        // As many as the page still wants are read at once.
                        let need = if beyond { 100 } else { (size - page.len()).max(1) };
                        let next = wanted.iter().skip(index).take(need);
                        ahead = self.read_places(find, order, next).await?.into();
                        read = ahead.pop_front();
                    }
                    looked += 1;
                    let Some(Some(record)) = read else { continue };
                    debug_assert_eq!((&record.sk, place(&record, order)), (sk, *stamp));
                    let document = record.to_json();
                    if !self.admits(find, &record, &document) {
                        if looked >= find.budget {
                            break 'walk true;
                        }
                        continue;
                    }
                    matched += 1;
                    if skip > 0 {
                        skip -= 1;
                    } else if !beyond {
                        last = Some(cursor(&record, order));
                        page.push(options.projection.apply(&document));
                    }
                }
                if beyond {
                    counted_beyond += 1;
                    if counted_beyond >= COUNTED || looked >= find.budget {
                        break 'walk true;
                    }
                }
            }
            match entries.last() {
                Some((last, _)) if entries.len() == scan.limit => scan = scan.after(last),
                _ => break false,
            }
        };
        Ok(Walked { page, matched, is_lower_bound, last })
    }
}
