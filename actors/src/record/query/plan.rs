//! What a store may learn from a query in order to choose an index. Looks only at conditions that must all hold
//! (top level and `$and`); never promises more than an index can keep.

use std::ops::Bound;

use jiff::Timestamp;
use serde_json::Value;

use super::{Clause, Query, Relation, Test};
use crate::record::compare::{instant, milliseconds};

/// A range of epoch milliseconds. Its start is never after its end, so that it may be given to `BTreeMap::range`;
/// a range that holds nothing is `(Included(0), Excluded(0))`.
pub type TimeRange = (Bound<i64>, Bound<i64>);

impl Query {
    /// True if everything matches.
    pub fn is_empty(&self) -> bool {
        self.clauses.is_empty()
    }

    /// The one value that `path` must have, or, for an array, contain. Only values that are equal to nothing spelled
    /// differently are given (strings that are not timestamps, booleans, and numbers, of which 1 equals 1.0).
    pub fn equality(&self, path: &str) -> Option<&Value> {
        self.tests(path).find_map(|test| match test {
            Test::Is(Relation::Equal, operand) => Some(operand.value()).filter(|value| is_exact(value)),
            _ => None,
        })
    }

    /// The values of which `path` must have one, from `$in` or an equality, under the same condition as `equality`.
    /// An empty slice: nothing matches.
    pub fn one_of(&self, path: &str) -> Option<&[Value]> {
        let lists = self.tests(path).filter_map(|test| match test {
            Test::OneOf(set) if set.given.iter().all(is_exact) => Some(&*set.given),
            _ => None,
        });
        self.equality(path).map(std::slice::from_ref).or_else(|| lists.min_by_key(|list| list.len()))
    }

    /// The range outside of which no document matches whose value at `path` is one timestamp, indexed by its epoch
    /// milliseconds rounded down. `None` if no condition bounds it. Documents with another kind of value at `path`
    /// are not in such an index and are not covered.
    pub fn time_range(&self, path: &str) -> Option<TimeRange> {
        let ranges = self.tests(path).filter_map(range);
        ranges.reduce(intersect).map(|found| if is_void(&found) { VOID } else { found })
    }

    /// True if `time_range(path)` says all that the query says, for the documents it covers: what is in the range
    /// matches and need not be looked at. Holds for `$gte` and `$lt` with whole milliseconds; other operators leave
    /// a question within the first or last millisecond.
    pub fn is_only(&self, path: &str) -> bool {
        !self.is_empty()
            && self.clauses.iter().all(|clause| match clause {
                Clause::Field(field, test) => field.as_str() == path && says_all(test),
                Clause::Any(_) | Clause::Neither(_) => false,
            })
    }

    fn tests<'q>(&'q self, path: &str) -> impl Iterator<Item = &'q Test> {
        self.clauses.iter().filter_map(move |clause| match clause {
            Clause::Field(field, test) if field.as_str() == path => Some(test),
            _ => None,
        })
    }
}

const VOID: TimeRange = (Bound::Included(0), Bound::Excluded(0));

fn is_exact(value: &Value) -> bool {
    match value {
        Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => instant(text).is_none(),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

/// The milliseconds that hold every timestamp passing `test`; the operand and the documents may be finer than that.
fn range(test: &Test) -> Option<TimeRange> {
    match test {
        Test::Is(relation, operand) => {
            let at = milliseconds(operand.instant()?);
            Some(match relation {
                Relation::Equal => (Bound::Included(at), Bound::Included(at)),
                Relation::Greater | Relation::GreaterOrEqual => (Bound::Included(at), Bound::Unbounded),
                Relation::Less if is_whole(operand.instant()?) => (Bound::Unbounded, Bound::Excluded(at)),
                Relation::Less | Relation::LessOrEqual => (Bound::Unbounded, Bound::Included(at)),
            })
        }
        Test::OneOf(set) => {
            let instants = set.sorted.iter().map(|operand| operand.instant().map(milliseconds));
            let instants = instants.collect::<Option<Vec<_>>>()?;
            Some(match (instants.iter().min(), instants.iter().max()) {
                (Some(first), Some(last)) => (Bound::Included(*first), Bound::Included(*last)),
                _ => VOID,
            })
        }
        _ => None,
    }
}

fn says_all(test: &Test) -> bool {
    match test {
        Test::Is(Relation::GreaterOrEqual | Relation::Less, operand) => {
            operand.instant().is_some_and(is_whole)
        }
        _ => false,
    }
}

fn is_whole(instant: Timestamp) -> bool {
    instant.as_nanosecond() % 1_000_000 == 0
}

fn intersect(left: TimeRange, right: TimeRange) -> TimeRange {
    let start = match (left.0, right.0) {
        (Bound::Included(left), Bound::Included(right)) => Bound::Included(left.max(right)),
        (Bound::Unbounded, other) | (other, _) => other,
    };
    let end = match (left.1, right.1) {
        (Bound::Unbounded, other) | (other, Bound::Unbounded) => other,
        (left, right) => {
            if key(left) <= key(right) {
                left
            } else {
                right
            }
        }
    };
    (start, end)
}

/// Orders ends: one that excludes a millisecond comes before one that includes it.
fn key(end: Bound<i64>) -> (i64, bool) {
    match end {
        Bound::Excluded(at) => (at, false),
        Bound::Included(at) => (at, true),
        Bound::Unbounded => (i64::MAX, true),
    }
}

fn is_void(range: &TimeRange) -> bool {
    match *range {
        (Bound::Included(start), Bound::Included(end)) => start > end,
        (Bound::Included(start), Bound::Excluded(end)) => start >= end,
        _ => false,
    }
}
