//! What JSON values are to an operator: equal, ordered, a text, a list, a moment.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Number, Value};

use crate::form::fields::words;

/// Whether two values are equal, a number and its text and two spellings of a moment included.
#[must_use]
pub fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(_), Value::Number(_) | Value::String(_)) | (Value::String(_), Value::Number(_)) => {
            quantity(left).zip(quantity(right)).is_some_and(|(left, right)| left.cmp(right).is_eq())
        }
        (Value::Bool(flag), Value::String(text)) | (Value::String(text), Value::Bool(flag)) => {
            text == if *flag { "true" } else { "false" }
        }
        (Value::String(one), Value::String(other)) => {
            one == other || date(one).zip(date(other)).is_some_and(|(one, other)| one == other)
        }
        _ => left == right,
    }
}

/// How two numbers or two dates compare; `None` for anything else.
pub(super) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    let numbers = quantity(left).zip(quantity(right)).map(|(left, right)| left.cmp(right));
    let dates = || Some(date(left.as_str()?)?.cmp(&date(right.as_str()?)?));
    numbers.or_else(dates)
}

/// A number, whole ones without loss.
#[derive(Clone, Copy)]
enum Quantity {
    Whole(i128),
    Real(f64),
}

impl Quantity {
    fn cmp(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Whole(left), Self::Whole(right)) => left.cmp(&right),
            (left, right) => left.real().total_cmp(&right.real()),
        }
    }

    fn real(self) -> f64 {
        match self {
            // A whole number that a float cannot hold is rounded: within a float's own precision.
            Self::Whole(number) => number as f64,
            // Adding zero makes -0.0 and 0.0 the same.
            Self::Real(number) => number + 0.0,
        }
    }
}

fn quantity(value: &Value) -> Option<Quantity> {
    let whole = |number: &Number| number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    match value {
        Value::Number(number) => {
            whole(number).map(Quantity::Whole).or_else(|| number.as_f64().map(Quantity::Real))
        }
        Value::String(text) => {
            let text = text.trim();
            let real = || text.parse().ok().filter(|number: &f64| number.is_finite()).map(Quantity::Real);
            text.parse::<i64>().ok().map(|number| Quantity::Whole(number.into())).or_else(real)
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The moment of an ISO 8601 date: with an offset, or without one in UTC, or a day alone at its beginning.
fn date(text: &str) -> Option<jiff::Timestamp> {
    let bytes = text.as_bytes();
    let shaped =
        (10..=64).contains(&bytes.len()) && bytes.get(4) == Some(&b'-') && bytes.get(7) == Some(&b'-');
    if !shaped {
        return None;
    }
    let local = || jiff::tz::TimeZone::UTC.to_timestamp(text.parse::<jiff::civil::DateTime>().ok()?).ok();
    text.parse().ok().or_else(local)
}

/// A date, or milliseconds since 1970.
pub(super) fn moment(value: &Value) -> Option<jiff::Timestamp> {
    match value {
        Value::String(text) => date(text),
        Value::Number(number) => jiff::Timestamp::from_millisecond(number.as_i64()?).ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

pub(super) fn contains(here: &Value, needle: &Value) -> bool {
    match here {
        Value::Array(items) => items.iter().any(|item| equal(item, needle)),
        _ => text(here).zip(text(needle)).is_some_and(|(text, needle)| text.contains(&*needle)),
    }
}

pub(super) fn list(value: &Value) -> Option<Cow<'_, [Value]>> {
    match value {
        Value::Array(items) => Some(Cow::Borrowed(items)),
        Value::String(_) => words(value).map(|found| found.into_iter().map(Value::String).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

pub(super) fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(_) | Value::Bool(_) => Some(Cow::Owned(value.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
