//! From JSON to a query: the shape of clauses, and literals. Operators under a field are in `operators`.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Number, Value};

use super::{Clause, Query, Relation, Test};
use crate::record::compare::{self, Operand};
use crate::record::problem::{Problems, kind};
use crate::record::{Limits, Path, Problem};

/// What the value of a field is known to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Anything.
    Nothing,
    /// A time of a record, always written in full.
    Time,
    /// A time of a record as a client wrote it, which may be a date alone.
    TimeOrDate,
}

/// What the root fields of records are known to be.
fn known(path: &str) -> Known {
    match path {
        "modifydate" | "createdate" => Known::Time,
        "publishedDate" => Known::TimeOrDate,
        _ => Known::Nothing,
    }
}

pub(super) fn query(at: &str, value: &Value, limits: &Limits, records: bool) -> Result<Query, Vec<Problem>> {
    let problems = Problems::default();
    let mut parser = Parser { limits, problems, clauses: 0, regexes: 0, records, known: Known::Nothing };
    let query = parser.query(at, value, 1);
    parser.problems.or(query)
}

/// What is counted over one whole query.
pub(super) struct Parser<'l> {
    pub(super) limits: &'l Limits,
    pub(super) problems: Problems,
    clauses: usize,
    pub(super) regexes: usize,
    /// Whether it is about records.
    records: bool,
    /// What the field is known to be that is read.
    known: Known,
}

impl Parser<'_> {
    pub(super) fn query(&mut self, at: &str, value: &Value, depth: usize) -> Query {
        let mut clauses = Vec::new();
        match value {
            Value::Object(fields) => self.clauses(at, fields, depth, &mut clauses),
            other => self.problems.add(at, format_args!("must be an object, not {}", kind(other))),
        }
        Query { clauses }
    }

    fn clauses(&mut self, at: &str, fields: &Map<String, Value>, depth: usize, into: &mut Vec<Clause>) {
        if self.too_deep(at, depth) {
            return;
        }
        for (name, value) in fields {
            if self.problems.full() || self.clauses > self.limits.clauses {
                return;
            }
            let at = format!("{at}.{name}");
            match name.as_str() {
                "$and" => {
                    let queries = self.queries(&at, value, depth);
                    into.extend(queries.into_iter().flat_map(|query| query.clauses));
                }
                "$or" => into.push(Clause::Any(self.queries(&at, value, depth))),
                "$nor" => into.push(Clause::Neither(self.queries(&at, value, depth))),
                operator if operator.starts_with('$') => {
                    let known = "here only $and, $or and $nor are known; other operators go under a field";
                    self.problems.add(&at, format_args!("unknown operator `{operator}`: {known}"));
                }
                path => match Path::parse(path) {
                    Ok(path) => self.field(&at, &path, value, depth, into),
                    Err(error) => self.problems.add(&at, error),
                },
            }
        }
    }

    fn queries(&mut self, at: &str, value: &Value, depth: usize) -> Vec<Query> {
        match value {
            Value::Array(items) if !items.is_empty() => {
                let mut queries = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    if self.problems.full() || !self.count(at) {
                        break;
                    }
                    queries.push(self.query(&format!("{at}[{index}]"), item, depth + 1));
                }
                queries
            }
            other => {
                let found = if other.is_array() { "an empty one" } else { kind(other) };
                self.problems.add(at, format_args!("must be an array of one or more queries, not {found}"));
                Vec::new()
            }
        }
    }

    fn field(&mut self, at: &str, path: &Path, value: &Value, depth: usize, into: &mut Vec<Clause>) {
        self.known = if self.records { known(path.as_str()) } else { Known::Nothing };
        let tests = match operators(value) {
            Some(operators) => self.operators(at, operators, depth),
            None if self.count(at) => {
                let literal = self.literal(at, value, depth);
                literal.map(|literal| Test::Is(Relation::Equal, literal)).into_iter().collect()
            }
            None => return,
        };
        into.extend(tests.into_iter().map(|test| Clause::Field(path.clone(), test)));
    }

    /// Counts one clause; false, with a problem, when there are too many.
    pub(super) fn count(&mut self, at: &str) -> bool {
        self.clauses += 1;
        let within = self.clauses <= self.limits.clauses;
        if self.clauses == self.limits.clauses + 1 {
            self.problems.add(at, format_args!("more than {} conditions in one query", self.limits.clauses));
        }
        within
    }

    pub(super) fn too_deep(&mut self, at: &str, depth: usize) -> bool {
        let deep = depth > self.limits.depth;
        if deep {
            self.problems.add(at, format_args!("nested deeper than {} levels", self.limits.depth));
        }
        deep
    }

    /// A value to compare with; `{"$date": …}` is one.
    pub(super) fn literal(&mut self, at: &str, value: &Value, depth: usize) -> Option<Operand> {
        match date(value) {
            Some(Ok(instant)) => Some(Operand::date(instant)),
            Some(Err(message)) => {
                self.problems.add(&format!("{at}.$date"), message);
                None
            }
            None if self.known != Known::Nothing => self.time(at, value),
            None => self.plain(at, value, depth).map(Operand::new),
        }
    }

    /// A time, or null for none.
    fn time(&mut self, at: &str, value: &Value) -> Option<Operand> {
        let found = match value {
            Value::Null => return Some(Operand::new(Value::Null)),
            Value::String(text) => match (compare::instant(text), midnight(text)) {
                (Some(instant), _) => Some(instant),
                // Beside dates it is compared as one.
                (None, Some(_)) if self.known == Known::TimeOrDate => {
                    return Some(Operand::new(value.clone()));
                }
                (None, midnight) => midnight,
            },
            Value::Number(number) => milliseconds(number),
            _ => None,
        };
        if found.is_none() {
            let expected = "an ISO-8601 time such as 2026-04-25T10:00:00Z, a date, or epoch milliseconds";
            self.problems.add(at, format_args!("must be {expected}"));
        }
        found.map(|instant| Operand::new(Value::String(instant.to_string())))
    }

    /// A literal with the dates inside of it as strings; operators inside of it are mistakes.
    fn plain(&mut self, at: &str, value: &Value, depth: usize) -> Option<Value> {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Some(value.clone()),
            Value::Array(_) | Value::Object(_) if self.too_deep(at, depth) => None,
            Value::Array(items) => {
                let items = items.iter().enumerate();
                let inner = items.map(|(index, item)| {
                    Some(self.literal(&format!("{at}[{index}]"), item, depth + 1)?.into_value())
                });
                inner.collect::<Option<Vec<_>>>().map(Value::from)
            }
            Value::Object(fields) => {
                let mut inner = Map::new();
                for (name, value) in fields {
                    let at = format!("{at}.{name}");
                    if name.starts_with('$') {
                        let advice = "an object here is compared as a whole; to ask about a field of it, write its dotted path";
                        self.problems.add(&at, format_args!("operator `{name}` inside a literal: {advice}"));
                        return None;
                    }
                    inner.insert(name.clone(), self.literal(&at, value, depth + 1)?.into_value());
                }
                Some(Value::Object(inner))
            }
        }
    }
}

/// The operators under a field, if `value` is an object of operators and not a literal.
pub(super) fn operators(value: &Value) -> Option<&Map<String, Value>> {
    let fields = value.as_object()?;
    let operators = fields.keys().any(|name| name.starts_with('$')) && !is_date(fields);
    operators.then_some(fields)
}

fn is_date(fields: &Map<String, Value>) -> bool {
    fields.len() == 1 && fields.contains_key("$date")
}

/// The instant of `{"$date": …}`; `None` if `value` is something else.
fn date(value: &Value) -> Option<Result<Timestamp, &'static str>> {
    let fields = value.as_object().filter(|fields| is_date(fields))?;
    let found = match fields.get("$date")? {
        Value::String(text) => compare::instant(text).or_else(|| midnight(text)),
        Value::Number(number) => milliseconds(number),
        Value::Object(long) if long.len() == 1 => {
            long.get("$numberLong").and_then(Value::as_str).and_then(|text| text.parse().ok()).and_then(epoch)
        }
        _ => None,
    };
    Some(found.ok_or("must be an ISO-8601 timestamp, a date (midnight UTC) or epoch milliseconds"))
}

/// JavaScript knows one kind of number: 5.0 is 5.
fn milliseconds(number: &Number) -> Option<Timestamp> {
    let float = number.as_f64().filter(|float| float.fract() == 0.0).map(|float| float as i64);
    number.as_i64().or(float).and_then(epoch)
}

fn epoch(milliseconds: i64) -> Option<Timestamp> {
    Timestamp::from_duration(SignedDuration::from_millis(milliseconds)).ok()
}

fn midnight(text: &str) -> Option<Timestamp> {
    compare::instant(&format!("{text}T00:00:00Z"))
}
