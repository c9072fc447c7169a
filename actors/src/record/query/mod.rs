//! The filter of `find`, `count`, triggers and `$match`: MongoDB's query language over JSON records (contract §3.2).
//! Parsed once, with every mistake named; matching then borrows the document and clones nothing of it.
//! `plan` tells a store which index may serve it.

mod operators;
mod parse;
mod plan;

use std::cmp::Ordering;

use regex::Regex;
use serde_json::Value;

use super::compare::{Operand, View};
use super::path::{Leaf, Path};
use super::{Limits, Problem};
pub use plan::TimeRange;

/// A parsed filter. `Query::default()` matches everything.
///
/// Differences from MongoDB: objects are equal whatever the order of their names; a string that is a full ISO-8601
/// timestamp compares with another one as an instant; regular expressions run in linear time, without look-around
/// and back-references.
#[derive(Debug, Clone, Default)]
pub struct Query {
    clauses: Vec<Clause>,
}

impl Query {
    /// Reads a filter such as `{"data.age": {"$gte": 18}, "state": "active"}`.
    ///
    /// # Errors
    /// Every problem found, up to 20, with paths that begin with `query`: unknown operators, operands of a wrong
    /// type, and whatever exceeds `limits`.
    pub fn parse(value: &Value, limits: &Limits) -> Result<Self, Vec<Problem>> {
        Self::parse_at("query", value, limits)
    }

    /// The same, with paths that begin with `at`: for filters inside of something else.
    ///
    /// # Errors
    /// As `parse`.
    pub fn parse_at(at: &str, value: &Value, limits: &Limits) -> Result<Self, Vec<Problem>> {
        parse::query(at, value, limits, false)
    }

    /// The same for a filter over records, whose times at the root are known to be such: `modifydate`, `createdate`
    /// and `publishedDate` are compared with ISO-8601 times, dates (midnight UTC) and epoch milliseconds only.
    ///
    /// # Errors
    /// As `parse`; and for what is no time, which would silently match nothing.
    pub fn parse_records_at(at: &str, value: &Value, limits: &Limits) -> Result<Self, Vec<Problem>> {
        parse::query(at, value, limits, true)
    }

    /// Whether the whole record `document` matches.
    pub fn matches(&self, document: &Value) -> bool {
        self.clauses.iter().all(|clause| clause.matches(document))
    }
}

/// One condition; those of a query must all hold.
#[derive(Debug, Clone)]
enum Clause {
    Field(Path, Test),
    /// `$or`.
    Any(Vec<Query>),
    /// `$nor`.
    Neither(Vec<Query>),
}

impl Clause {
    fn matches(&self, document: &Value) -> bool {
        match self {
            Self::Field(path, test) => test.matches(path, document),
            Self::Any(queries) => queries.iter().any(|query| query.matches(document)),
            Self::Neither(queries) => !queries.iter().any(|query| query.matches(document)),
        }
    }
}

/// What is asked of the values at one path.
#[derive(Debug, Clone)]
enum Test {
    Is(Relation, Operand),
    OneOf(OneOf),
    Exists,
    Regex(Regex),
    Size(u64),
    /// `$elemMatch` with a query: some element, as a document, matches it.
    Element(Query),
    /// `$elemMatch` with operators: some element passes them all.
    ElementIs(Vec<Test>),
    /// `$all`: passes them all, though perhaps by different elements.
    All(Vec<Test>),
    /// `$not`: does not pass them all.
    Not(Vec<Test>),
}

impl Test {
    fn matches(&self, path: &Path, document: &Value) -> bool {
        match self {
            Self::All(tests) => !tests.is_empty() && tests.iter().all(|test| test.matches(path, document)),
            Self::Not(tests) => !tests.iter().all(|test| test.matches(path, document)),
            Self::Is(..) | Self::OneOf(_) | Self::Regex(_) => {
                path.any(document, Leaf::Each, &mut |it| self.accepts(it))
            }
            Self::Exists | Self::Size(_) | Self::Element(_) | Self::ElementIs(_) => {
                path.any(document, Leaf::Whole, &mut |it| self.accepts(it))
            }
        }
    }

    /// The test of one value by itself; `None` is a missing one.
    fn accepts(&self, value: Option<&Value>) -> bool {
        match self {
            Self::Is(relation, operand) => relation.holds(value, operand),
            Self::OneOf(set) => set.contains(value),
            Self::Exists => value.is_some(),
            Self::Regex(regex) => value.and_then(Value::as_str).is_some_and(|text| regex.is_match(text)),
            Self::Size(size) => items(value).is_some_and(|items| items.len() as u64 == *size),
            Self::Element(query) => items(value).is_some_and(|items| {
                items.iter().any(|item| (item.is_object() || item.is_array()) && query.matches(item))
            }),
            Self::ElementIs(tests) => items(value).is_some_and(|items| {
                items.iter().any(|item| tests.iter().all(|test| test.accepts(Some(item))))
            }),
            Self::All(tests) => !tests.is_empty() && tests.iter().all(|test| test.accepts(value)),
            Self::Not(tests) => !tests.iter().all(|test| test.accepts(value)),
        }
    }
}

fn items(value: Option<&Value>) -> Option<&Vec<Value>> {
    value.and_then(Value::as_array)
}

/// A comparison operator; `$ne` is `$not` of `Equal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Relation {
    fn holds(self, value: Option<&Value>, operand: &Operand) -> bool {
        let ordering = match value {
            // Missing counts as null.
            None if operand.value().is_null() => Some(Ordering::Equal),
            None => None,
            Some(value) if self == Self::Equal => return operand.equals(value),
            Some(value) => operand.compare(value),
        };
        ordering.is_some_and(|ordering| match self {
            Self::Equal => ordering.is_eq(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
        })
    }
}

/// The values of `$in`, sorted for lookup and as they were given.
#[derive(Debug, Clone)]
struct OneOf {
    sorted: Box<[Operand]>,
    given: Box<[Value]>,
}

impl OneOf {
    fn new(mut operands: Vec<Operand>) -> Self {
        let given = operands.iter().map(|operand| operand.value().clone()).collect();
        operands.sort();
        Self { sorted: operands.into(), given }
    }

    fn contains(&self, value: Option<&Value>) -> bool {
        let view = value.map_or(View::Null, View::of);
        self.sorted.binary_search_by(|operand| operand.view().cmp(&view)).is_ok()
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod mistakes;
#[cfg(test)]
mod tests;
