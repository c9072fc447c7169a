//! How conditions and triggers compare two values (contract §4.6). Values come out of forms and webhooks, so a
//! number and its text, a boolean and its text, and two spellings of one moment are equal.
//! Numbers order by size, also as text; full dates order as moments; nothing else is ordered.

mod value;

use std::cmp::Ordering;

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use crate::form::template::has_placeholder;
use crate::form::{fields, quoted};
pub use value::equal;
use value::{compare, contains, is_empty, list, moment, text};

/// The longest regular expression, in bytes, and the most memory it may compile to.
const LONGEST_REGEX: usize = 1_000;
const REGEX_MEMORY: usize = 1 << 20;

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// Equal.
    Eq,
    /// Not equal.
    Neq,
    /// Greater or later.
    Gt,
    /// Greater, later or equal.
    Gte,
    /// Less or earlier.
    Lt,
    /// Less, earlier or equal.
    Lte,
    /// A text holds the other, or an array holds an equal item.
    Contains,
    /// Not [`Operator::Contains`].
    NotContains,
    /// One of a list; for an array, any of its items is.
    In,
    /// Not [`Operator::In`].
    NotIn,
    /// Matches a regular expression somewhere.
    Regex,
    /// Missing, null, or of no characters, items or fields.
    IsEmpty,
    /// Not [`Operator::IsEmpty`].
    IsNotEmpty,
    /// There, and not null.
    Exists,
    /// Not [`Operator::Exists`].
    NotExists,
    /// Within `[min, max]`, both included.
    Between,
    /// Both are dates, and this one is earlier.
    BeforeDate,
    /// Both are dates, and this one is later.
    AfterDate,
}

/// Every operator by every spelling; the first spelling of each is its name.
const SPELLINGS: [(&str, Operator); 31] = [
    ("eq", Operator::Eq),
    ("equals", Operator::Eq),
    ("==", Operator::Eq),
    ("===", Operator::Eq),
    ("neq", Operator::Neq),
    ("not_equals", Operator::Neq),
    ("!=", Operator::Neq),
    ("!==", Operator::Neq),
    ("gt", Operator::Gt),
    ("greater_than", Operator::Gt),
    (">", Operator::Gt),
    ("gte", Operator::Gte),
    (">=", Operator::Gte),
    ("lt", Operator::Lt),
    ("less_than", Operator::Lt),
    ("<", Operator::Lt),
    ("lte", Operator::Lte),
    ("<=", Operator::Lte),
    ("contains", Operator::Contains),
    ("not_contains", Operator::NotContains),
    ("in", Operator::In),
    ("not_in", Operator::NotIn),
    ("regex", Operator::Regex),
    ("regex_match", Operator::Regex),
    ("is_empty", Operator::IsEmpty),
    ("is_not_empty", Operator::IsNotEmpty),
    ("exists", Operator::Exists),
    ("not_exists", Operator::NotExists),
    ("between", Operator::Between),
    ("before_date", Operator::BeforeDate),
    ("after_date", Operator::AfterDate),
];

/// Why two values cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OperatorError {
    /// No such operator.
    #[error("is `{found}`; expected one of {}", quoted(SPELLINGS.iter().map(|(name, _)| *name)))]
    Unknown {
        /// What was given.
        found: String,
    },
    /// The value to compare with is of a type that the operator cannot use.
    #[error("is {found}; `{operator}` compares with {expected}")]
    Value {
        /// The operator's name.
        operator: &'static str,
        /// What it needs.
        expected: &'static str,
        /// What was given.
        found: String,
    },
    /// The value to compare with is no regular expression.
    #[error("is no regular expression: {reason}")]
    Regex {
        /// What is wrong with it.
        reason: String,
    },
}

impl Operator {
    /// The operator that `text` spells.
    ///
    /// # Errors
    /// No operator is spelled so; the message lists all that are.
    pub fn read(text: &str) -> Result<Self, OperatorError> {
        let found = SPELLINGS.iter().find(|(name, _)| *name == text);
        found.map(|(_, operator)| *operator).ok_or_else(|| OperatorError::Unknown { found: text.to_owned() })
    }

    /// Every spelling of every operator.
    pub fn spellings() -> impl Iterator<Item = &'static str> {
        SPELLINGS.iter().map(|(name, _)| *name)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        SPELLINGS.iter().find(|(_, operator)| *operator == self).map_or("", |(name, _)| name)
    }

    /// Whether it compares with a value at all.
    #[must_use]
    pub fn takes_value(self) -> bool {
        !matches!(self, Self::IsEmpty | Self::IsNotEmpty | Self::Exists | Self::NotExists)
    }

    /// Whether it can compare with `right`, as far as that is known before its placeholders are filled in.
    ///
    /// # Errors
    /// What it would need instead.
    pub fn check(self, right: &Value) -> Result<(), OperatorError> {
        if has_placeholder(right) {
            return Ok(());
        }
        let sorted = |min, max| compare(min, max).is_some_and(Ordering::is_le);
        let (fits, expected) = match self {
            Self::Regex => {
                return text(right)
                    .map_or_else(|| Err(self.refuse(right, "a string")), |text| regex(&text).map(drop));
            }
            Self::Gt | Self::Gte | Self::Lt | Self::Lte => {
                (compare(right, right).is_some(), "a number or an ISO date")
            }
            Self::BeforeDate | Self::AfterDate => {
                (moment(right).is_some(), "an ISO date or milliseconds since 1970")
            }
            Self::In | Self::NotIn => {
                (list(right).is_some(), "an array, or a string with commas between the items")
            }
            Self::Contains | Self::NotContains => (
                matches!(right, Value::String(_) | Value::Number(_) | Value::Bool(_)),
                "a string, number or boolean",
            ),
            Self::Between => (
                matches!(right.as_array().map(Vec::as_slice), Some([min, max]) if sorted(min, max)),
                "[min, max], two numbers or two ISO dates",
            ),
            Self::Eq | Self::Neq | Self::IsEmpty | Self::IsNotEmpty | Self::Exists | Self::NotExists => {
                (true, "")
            }
        };
        if fits { Ok(()) } else { Err(self.refuse(right, expected)) }
    }

    /// Whether `left` compares so with `right`; `None` is a value that is missing.
    ///
    /// # Errors
    /// `right` is nothing that this operator can compare with.
    pub fn holds(self, left: Option<&Value>, right: &Value) -> Result<bool, OperatorError> {
        let here = left.unwrap_or(&Value::Null);
        let ordered = |wanted: fn(Ordering) -> bool| compare(here, right).is_some_and(wanted);
        Ok(match self {
            Self::Eq => equal(here, right),
            Self::Neq => !equal(here, right),
            Self::Gt => ordered(Ordering::is_gt),
            Self::Gte => ordered(Ordering::is_ge),
            Self::Lt => ordered(Ordering::is_lt),
            Self::Lte => ordered(Ordering::is_le),
            Self::Contains => contains(here, right),
            Self::NotContains => !contains(here, right),
            Self::In => self.is_in(here, right)?,
            Self::NotIn => !self.is_in(here, right)?,
            Self::Regex => {
                let pattern = text(right).ok_or_else(|| self.refuse(right, "a string"))?;
                let pattern = regex(&pattern)?;
                text(here).is_some_and(|text| pattern.is_match(&text))
            }
            Self::IsEmpty => is_empty(here),
            Self::IsNotEmpty => !is_empty(here),
            Self::Exists => !here.is_null(),
            Self::NotExists => here.is_null(),
            Self::Between => match right.as_array().map(Vec::as_slice) {
                Some([min, max]) => {
                    compare(here, min).is_some_and(Ordering::is_ge)
                        && compare(here, max).is_some_and(Ordering::is_le)
                }
                _ => return Err(self.refuse(right, "[min, max]")),
            },
            Self::BeforeDate => moment(here).zip(moment(right)).is_some_and(|(here, there)| here < there),
            Self::AfterDate => moment(here).zip(moment(right)).is_some_and(|(here, there)| here > there),
        })
    }

    fn is_in(self, here: &Value, right: &Value) -> Result<bool, OperatorError> {
        let items = list(right)
            .ok_or_else(|| self.refuse(right, "an array, or a string with commas between the items"))?;
        let among = |value: &Value| items.iter().any(|item| equal(value, item));
        Ok(among(here) || here.as_array().is_some_and(|values| values.iter().any(among)))
    }

    fn refuse(self, right: &Value, expected: &'static str) -> OperatorError {
        OperatorError::Value { operator: self.name(), expected, found: fields::shown(right) }
    }
}

/// A regular expression of bounded size.
///
/// # Errors
/// What is wrong with it.
pub fn regex(pattern: &str) -> Result<Regex, OperatorError> {
    if pattern.len() > LONGEST_REGEX {
        return Err(OperatorError::Regex { reason: format!("it has more than {LONGEST_REGEX} bytes") });
    }
    let compiled = RegexBuilder::new(pattern).size_limit(REGEX_MEMORY).dfa_size_limit(REGEX_MEMORY).build();
    compiled.map_err(|error| {
        let reason = error.to_string();
        // The crate draws the pattern with a pointer below it; its last line says what is wrong.
        let last = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
        OperatorError::Regex { reason: last.to_owned() }
    })
}

#[cfg(test)]
mod tests;
