//! How two JSON values compare: MongoDB's order across types, with ISO-8601 timestamps as its dates.
//! Query, sort and aggregation share this one order, so that what they call equal is the same everywhere.
//! Two deviations: objects are unordered, as JSON says, and a string that is a full timestamp is a date.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::{Map, Number, Value};

/// The order of any two values. From low to high: null, numbers, strings, objects, arrays, booleans, timestamps.
/// Numbers compare exactly across integers and floats; timestamps as instants; objects by their sorted entries.
pub fn order(left: &Value, right: &Value) -> Ordering {
    View::of(left).cmp(&View::of(right))
}

/// The same as `order(..) == Equal`, without its cost for objects.
pub fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, value)| right.get(name).is_some_and(|other| equal(value, other)))
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        _ => order(left, right) == Ordering::Equal,
    }
}

/// The instant that a full ISO-8601 timestamp names: date, `T`, time and an offset (`Z`, `+02:00`).
/// Dates alone and local times are not instants.
pub fn instant(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':')];
    let shaped = (17..=40).contains(&bytes.len())
        && separators.iter().all(|&(at, byte)| bytes.get(at) == Some(&byte))
        && bytes.iter().skip(11).all(|byte| byte.is_ascii_digit() || b":.+-Z".contains(byte));
    if shaped { text.parse().ok() } else { None }
}

/// Epoch milliseconds of an instant, rounded down.
pub fn milliseconds(instant: Timestamp) -> i64 {
    let floor = instant.as_nanosecond().div_euclid(1_000_000);
    i64::try_from(floor).unwrap_or(if floor < 0 { i64::MIN } else { i64::MAX })
}

/// A value to compare many others with: its timestamp, if it is one, is read once.
#[derive(Debug, Clone)]
pub(super) struct Operand {
    value: Value,
    instant: Option<Timestamp>,
    /// Given as `{"$date": …}`, so that plain strings are of another type.
    date: bool,
}

impl Operand {
    pub(super) fn new(value: Value) -> Self {
        let instant = value.as_str().and_then(instant);
        Self { value, instant, date: false }
    }

    pub(super) fn date(instant: Timestamp) -> Self {
        Self { value: Value::String(instant.to_string()), instant: Some(instant), date: true }
    }

    pub(super) fn value(&self) -> &Value {
        &self.value
    }

    pub(super) fn into_value(self) -> Value {
        self.value
    }

    pub(super) fn instant(&self) -> Option<Timestamp> {
        self.instant
    }

    /// How `document` compares with this operand; `None` if they are of types that do not compare.
    /// Two timestamps compare as instants; a timestamp and another string compare as strings.
    pub(super) fn compare(&self, document: &Value) -> Option<Ordering> {
        match (document, &self.value) {
            (Value::String(text), Value::String(mine)) => {
                match self.instant.and_then(|mine| Some(instant(text)?.cmp(&mine))) {
                    None if self.date => None,
                    None => Some(text.cmp(mine)),
                    known => known,
                }
            }
            (document, mine) if bracket(document) == bracket(mine) => Some(order(document, mine)),
            _ => None,
        }
    }

    pub(super) fn equals(&self, document: &Value) -> bool {
        match (document, &self.value) {
            (Value::String(_), Value::String(_)) => self.compare(document) == Some(Ordering::Equal),
            (document, mine) => equal(document, mine),
        }
    }

    pub(super) fn view(&self) -> View<'_> {
        match self.instant {
            Some(instant) => View::Instant(instant),
            None => View::plain(&self.value),
        }
    }
}

impl Ord for Operand {
    fn cmp(&self, other: &Self) -> Ordering {
        self.view().cmp(&other.view())
    }
}

impl PartialOrd for Operand {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Operand {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Operand {}

/// A value as the order sees it.
#[derive(Debug, Clone, Copy)]
pub(super) enum View<'v> {
    Null,
    Number(&'v Number),
    Text(&'v str),
    Object(&'v Map<String, Value>),
    Array(&'v [Value]),
    Bool(bool),
    Instant(Timestamp),
}

impl<'v> View<'v> {
    pub(super) fn of(value: &'v Value) -> Self {
        match value.as_str().and_then(instant) {
            Some(instant) => Self::Instant(instant),
            None => Self::plain(value),
        }
    }

    fn plain(value: &'v Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Number(number) => Self::Number(number),
            Value::String(text) => Self::Text(text),
            Value::Object(fields) => Self::Object(fields),
            Value::Array(items) => Self::Array(items),
            Value::Bool(value) => Self::Bool(*value),
        }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Number(_) => 1,
            Self::Text(_) => 2,
            Self::Object(_) => 3,
            Self::Array(_) => 4,
            Self::Bool(_) => 5,
            Self::Instant(_) => 6,
        }
    }

    pub(super) fn cmp(&self, other: &View<'_>) -> Ordering {
        match (*self, *other) {
            (Self::Number(left), View::Number(right)) => numbers(left, right),
            (Self::Text(left), View::Text(right)) => left.cmp(right),
            (Self::Object(left), View::Object(right)) => objects(left, right),
            (Self::Array(left), View::Array(right)) => arrays(left, right),
            (Self::Bool(left), View::Bool(right)) => left.cmp(&right),
            (Self::Instant(left), View::Instant(right)) => left.cmp(&right),
            (left, right) => left.rank().cmp(&right.rank()),
        }
    }
}

/// Types that a comparison operator compares with each other: the JSON types.
fn bracket(value: &Value) -> u8 {
    View::plain(value).rank()
}

fn arrays(left: &[Value], right: &[Value]) -> Ordering {
    let differing =
        left.iter().zip(right).map(|(left, right)| order(left, right)).find(|found| found.is_ne());
    differing.unwrap_or_else(|| left.len().cmp(&right.len()))
}

fn objects(left: &Map<String, Value>, right: &Map<String, Value>) -> Ordering {
    let (left, right) = (sorted(left), sorted(right));
    let pairs = left.iter().zip(&right);
    let mut differing = pairs.map(|(left, right)| left.0.cmp(right.0).then_with(|| order(left.1, right.1)));
    differing.find(|found| found.is_ne()).unwrap_or_else(|| left.len().cmp(&right.len()))
}

fn sorted(fields: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = fields.iter().collect();
    entries.sort_unstable_by_key(|(name, _)| *name);
    entries
}

fn numbers(left: &Number, right: &Number) -> Ordering {
    match (integer(left), integer(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        (Some(left), None) => integer_and_float(left, float(right)),
        (None, Some(right)) => integer_and_float(right, float(left)).reverse(),
        (None, None) => floats(float(left), float(right)),
    }
}

fn integer(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

fn float(number: &Number) -> f64 {
    number.as_f64().unwrap_or(f64::NAN)
}

/// JSON has no NaN; were there one, it would sort below every number, as in MongoDB.
fn floats(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or_else(|| right.is_nan().cmp(&left.is_nan()))
}

/// Compares without rounding the integer: 2^53 + 1 is not equal to 2^53 as a float.
fn integer_and_float(left: i128, right: f64) -> Ordering {
    if right.is_nan() {
        return Ordering::Greater;
    }
    // A float beyond the range of i128 saturates, which is still beyond every i64 and u64.
    let whole = right.trunc() as i128;
    left.cmp(&whole).then_with(|| floats(0.0, right.fract()))
}

#[cfg(test)]
mod tests;
