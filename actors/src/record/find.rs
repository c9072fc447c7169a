//! Lists of records. The query picks an index; the walk along it is bounded; what is counted beyond the
//! page is counted on the index alone where that is enough. A record that is written while a list is
//! read is met at its old place or at its new one: it is never listed at a place that it has left, so
//! whoever polls by `modifydate` misses nothing.

mod cursor;
mod ranked;
mod walk;

use std::collections::BinaryHeap;

use serde_json::Value;

use super::model::{EMAIL_FIELD, Record, indexed_email};
use super::options::Options;
use super::place::Flags;
use super::service::Records;
use super::{Demand, Direction, Pipeline, PipelineError, Query};
use crate::clock::Stamp;
use crate::ids::{Datatype, OrgId, RecordId};
use crate::keys::{self, TimeOrder};
use crate::store::{Scan, StoreError, decode, successor};
use cursor::{parse_cursor, place, stamps};
use ranked::{Rank, Ranked};
use walk::{Along, Walked};

/// Matches that are counted exactly beyond the page; further ones make the total a lower bound.
pub const COUNTED: usize = 10_000;
/// Index entries read at once.
const CHUNK: usize = 500;

/// Who may see which records.
pub type Visible<'a> = &'a (dyn Fn(&Record) -> bool + Send + Sync);

/// What is listed.
pub struct Find<'a> {
    /// Whose records.
    pub org: &'a OrgId,
    /// Which of them.
    pub datatype: &'a Datatype,
    /// What they must match.
    pub query: &'a Query,
    /// Page, order and fields.
    pub options: &'a Options,
    /// Who may see them; none for those who see all but what records themselves restrict.
    pub visible: Option<Visible<'a>>,
    /// Asked of records that name roles of their own.
    pub may_read: Visible<'a>,
    /// Records that may be looked at.
    pub budget: usize,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The records as clients see them.
    pub data: Vec<Value>,
    /// How many match in all, as far as they were counted.
    pub total: u64,
    /// Whether there may be more than `total`.
    pub total_is_lower_bound: bool,
    /// Whether there are more after this page.
    pub has_next: bool,
    /// How many of them a cursor has passed before this page.
    pub passed: u64,
    /// Where the next page begins, for the option `lastItem`.
    pub last_item: Option<String>,
}

/// Why a list could not be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FindError {
    /// The cursor is none of ours.
    #[error("continue after `{0}`: give the `lastItem` of the page before")]
    Cursor(String),
    /// Too many records would have to be looked at.
    #[error(
        "look at more than {0} records: narrow the query by `sk`, `data.email`, `modifydate` or `createdate`"
    )]
    TooBroad(usize),
    /// The pipeline exceeded one of its bounds.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where candidates come from.
enum Source {
    Ids(Vec<RecordId>),
    Email(String),
    /// Along an index of time, and what of it the cursor has passed.
    Time(Along, Option<Scan>),
}

impl Records {
    /// A page of the records that match.
    ///
    /// # Errors
    /// When the query is too broad for its budget, the cursor is foreign, or the store fails.
    pub async fn find(&self, find: &Find<'_>) -> Result<Page, FindError> {
        let single = find.options.sort.single();
        let sorted_by_time = match single {
            Some(("modifydate", direction)) => Some((TimeOrder::Modified, direction)),
            Some(("createdate", direction)) => Some((TimeOrder::Created, direction)),
            None if find.options.sort.is_empty() => Some((TimeOrder::Modified, Direction::Descending)),
            _ => None,
        };
        let source = self.source(find, sorted_by_time)?;
        match (source, sorted_by_time) {
            (Source::Time(along, passed), Some(_)) if !find.options.random => {
                self.in_order(find, along, passed).await
            }
            (source, _) => self.sorted(find, source).await,
        }
    }

    fn source(&self, find: &Find<'_>, sorted: Option<(TimeOrder, Direction)>) -> Result<Source, FindError> {
        let query = find.query;
        if let Some(ids) = query.one_of("sk") {
            let ids = ids.iter().filter_map(Value::as_str).filter_map(|id| RecordId::new(id).ok());
            return Ok(Source::Ids(ids.collect()));
        }
        if let Some(email) = query.equality(EMAIL_FIELD).and_then(Value::as_str).and_then(indexed_email) {
            return Ok(Source::Email(email));
        }
        let by_creation =
            query.time_range("modifydate").is_none() && query.time_range("createdate").is_some();
        let usual = if by_creation { TimeOrder::Created } else { TimeOrder::Modified };
        let (order, direction) = sorted.unwrap_or((usual, Direction::Descending));
        let field = if order == TimeOrder::Modified { "modifydate" } else { "createdate" };
        let mut scan = Scan::prefix(keys::records_by_time(find.org, find.datatype, order), CHUNK);
        if let Some(range) = query.time_range(field) {
            let at = |stamp| keys::records_from(find.org, find.datatype, order, stamp);
            let (from, to) = stamps(range);
            scan.from = from.map_or(scan.from, at);
            scan.to = to.map_or(scan.to, at);
        }
        if direction == Direction::Descending {
            scan = scan.descending();
        }
        let mut passed = None;
        if let Some(last) = &find.options.last_item {
            let (stamp, sk) = parse_cursor(last).ok_or_else(|| FindError::Cursor(last.clone()))?;
            let key = keys::record_by_time(find.org, find.datatype, order, stamp, &sk);
            let mut before = scan.clone();
            if direction == Direction::Descending {
                before.from = before.from.max(key.clone());
                scan.to = scan.to.min(key);
            } else {
                let next = successor(&key);
                before.to = before.to.min(next.clone());
                scan.from = scan.from.max(next);
            }
            passed = Some(before);
        }
        let exact = query.is_empty() || query.is_only(field);
        Ok(Source::Time(Along { order, scan, exact }, passed))
    }

    /// The index gives the order: the page is where the walk stands after its offset.
    async fn in_order(&self, find: &Find<'_>, along: Along, passed: Option<Scan>) -> Result<Page, FindError> {
        let options = find.options;
        let size = usize::try_from(options.page_size).unwrap_or(usize::MAX);
        let here = self.walk(find, &along, options.offset, size).await?;
        if here.is_lower_bound && here.page.is_empty() && here.matched == 0 {
            return Err(FindError::TooBroad(find.budget));
        }
        // The list is the same on each of its pages: what the cursor has passed is part of it.
        let before = match passed {
            Some(scan) => self.walk(find, &Along { scan, ..along }, 0, 0).await?,
            None => Walked::default(),
        };
        let shown = options.offset + here.page.len() as u64;
        Ok(Page {
            has_next: here.matched > shown || (here.is_lower_bound && here.page.len() < size),
            data: here.page,
            total: before.matched + here.matched,
            total_is_lower_bound: before.is_lower_bound || here.is_lower_bound,
            passed: before.matched,
            last_item: here.last,
        })
    }

    /// The records at these places, but for those that have left them meanwhile.
    async fn read_places<'p>(
        &self,
        find: &Find<'_>,
        order: TimeOrder,
        places: impl Iterator<Item = &'p (Stamp, RecordId, Flags)>,
    ) -> Result<Vec<Option<Record>>, StoreError> {
        let places: Vec<_> = places.collect();
        let wanted = places.iter().map(|(_, sk, _)| keys::record(find.org, find.datatype, sk)).collect();
        let found = self.store.get_many(wanted).await?;
        let records = found.into_iter().zip(places).map(|(found, (stamp, _, _))| {
            let record = found.map(|found| decode::<Record>(&found.value)).transpose()?;
            Ok(record.filter(|record| place(record, order) == *stamp))
        });
        records.collect()
    }

    fn admits(&self, find: &Find<'_>, record: &Record, document: &Value) -> bool {
        (admits_deleted(find) || !record.is_deleted())
            && find.visible.is_none_or(|visible| visible(record))
            && (!Flags::of(record).restricted || (find.may_read)(record))
            && find.options.admits(document)
            && find.query.matches(document)
    }

    /// The order is none of an index: all matches are looked at, and the best of them kept.
    async fn sorted(&self, find: &Find<'_>, source: Source) -> Result<Page, FindError> {
        let options = find.options;
        let offset = usize::try_from(options.offset).unwrap_or(usize::MAX);
        let size = usize::try_from(options.page_size).unwrap_or(usize::MAX);
        let keep = offset.saturating_add(size);
        let mut best: BinaryHeap<Ranked> = BinaryHeap::new();
        let mut matched = 0_u64;
        self.each(find, source, |record, document| {
            matched += 1;
            let rank = if options.random {
                Rank::Chance(rand::random())
            } else {
                Rank::Key(options.sort.key(&document))
            };
            best.push(Ranked { rank, sk: record.sk, document });
            if best.len() > keep {
                best.pop();
            }
            true
        })
        .await?;
        let page = best.into_sorted_vec().into_iter().skip(offset);
        let data: Vec<Value> = page.map(|ranked| options.projection.apply(&ranked.document)).collect();
        let has_next = matched > options.offset + data.len() as u64;
        Ok(Page { data, total: matched, total_is_lower_bound: false, has_next, passed: 0, last_item: None })
    }

    /// Calls `take` with every match until it says to stop.
    async fn each(
        &self,
        find: &Find<'_>,
        source: Source,
        mut take: impl FnMut(Record, Value) -> bool,
    ) -> Result<(), FindError> {
        let mut looked = 0;
        let mut offer = |record: Record| -> Result<bool, FindError> {
            looked += 1;
            if looked > find.budget {
                return Err(FindError::TooBroad(find.budget));
            }
            let document = record.to_json();
            let admitted = self.admits(find, &record, &document);
            Ok(!admitted || take(record, document))
        };
        match source {
            Source::Ids(ids) => {
                let wanted = ids.iter().map(|sk| keys::record(find.org, find.datatype, sk)).collect();
                for found in self.store.get_many(wanted).await?.into_iter().flatten() {
                    if !offer(decode(&found.value)?)? {
                        break;
                    }
                }
            }
            Source::Email(email) => {
                let mut scan =
                    Scan::prefix(keys::records_with(find.org, find.datatype, EMAIL_FIELD, &email), CHUNK)
                        .keys_only();
                loop {
                    let page = self.store.scan(scan.clone()).await?;
                    let ids = page.iter().filter_map(|(key, _)| keys::trailing_record_id(key));
                    let wanted = ids.map(|sk| keys::record(find.org, find.datatype, &sk)).collect();
                    for found in self.store.get_many(wanted).await?.into_iter().flatten() {
                        if !offer(decode(&found.value)?)? {
                            return Ok(());
                        }
                    }
                    match page.last() {
                        Some((last, _)) if page.len() == CHUNK => scan = scan.after(last),
                        _ => break,
                    }
                }
            }
            Source::Time(Along { order, mut scan, .. }, _) => {
                let prefix = keys::records_by_time(find.org, find.datatype, order);
                loop {
                    let page = self.store.scan(scan.clone()).await?;
                    let places: Vec<_> = page
                        .iter()
                        .filter_map(|(key, entry)| {
                            let (stamp, sk) = keys::parse_record_by_time(&prefix, key)?;
                            Some((stamp, sk, Flags::from_bytes(&entry.value)))
                        })
                        .collect();
                    for record in self.read_places(find, order, places.iter()).await?.into_iter().flatten() {
                        if !offer(record)? {
                            return Ok(());
                        }
                    }
                    match page.last() {
                        Some((last, _)) if page.len() == scan.limit => scan = scan.after(last),
                        _ => break,
                    }
                }
            }
        }
        Ok(())
    }

    /// What a pipeline makes of the records that match its first stage.
    ///
    /// # Errors
    /// As [`Records::find`], or when the pipeline exceeds one of its bounds.
    pub async fn aggregate(&self, find: &Find<'_>, pipeline: &Pipeline) -> Result<Vec<Value>, FindError> {
        let mut run = pipeline.start();
        let mut trouble = None;
        let source = self.source(find, None)?;
        self.each(find, source, |_, document| match run.push(document) {
            Ok(Demand::More) => true,
            Ok(Demand::Nothing) => false,
            Err(error) => {
                trouble = Some(error);
                false
            }
        })
        .await?;
        match trouble {
            Some(error) => Err(error.into()),
            None => Ok(run.finish()?),
        }
    }
}

/// Softly deleted records are listed only for those who ask for a state.
fn admits_deleted(find: &Find<'_>) -> bool {
    !find.options.states.is_empty() || find.query.one_of("state").is_some()
}
