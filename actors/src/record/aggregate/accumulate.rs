//! The accumulators of `$group`: what each keeps and what it answers.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use super::exceeded::{Exceeded, Meter, weight};
use crate::record::compare::Operand;
use crate::record::fields::number;

/// Their names, as they are written.
pub(super) const KNOWN: [&str; 9] =
    ["$sum", "$avg", "$min", "$max", "$first", "$last", "$push", "$addToSet", "$count"];

/// One accumulator of one group.
#[derive(Debug, Clone)]
pub(super) enum Accumulator {
    /// Ignores what is no number.
    Sum(Sum),
    Average(Sum, u64),
    /// Ignores null and missing values, as does `Max`.
    Min(Option<Operand>),
    Max(Option<Operand>),
    First(Option<Value>),
    Last(Option<Value>),
    /// Ignores missing values, as does `Set`.
    Push(Vec<Value>),
    Set(BTreeSet<Operand>),
    Count(u64),
}

/// What accumulators are charged with.
pub(super) struct Room<'r> {
    pub(super) held: &'r mut Meter,
    /// Values collected so far in all groups, and how many there may be.
    pub(super) collected: &'r mut usize,
    pub(super) most: usize,
}

impl Room<'_> {
    fn collect(&mut self, value: &Value) -> Result<(), Exceeded> {
        *self.collected += 1;
        if *self.collected > self.most {
            Err(Exceeded::Collected(self.most))
        } else {
            self.held.take(weight(value))
        }
    }
}

impl Accumulator {
    /// An empty one; `None` if the name is unknown.
    pub(super) fn new(name: &str) -> Option<Self> {
        Some(match name {
            "$sum" => Self::Sum(Sum::default()),
            "$avg" => Self::Average(Sum::default(), 0),
            "$min" => Self::Min(None),
            "$max" => Self::Max(None),
            "$first" => Self::First(None),
            "$last" => Self::Last(None),
            "$push" => Self::Push(Vec::new()),
            "$addToSet" => Self::Set(BTreeSet::new()),
            "$count" => Self::Count(0),
            _ => return None,
        })
    }

    /// Takes the value of one more document, `None` if it is missing there.
    pub(super) fn add(&mut self, value: Option<Cow<'_, Value>>, room: &mut Room<'_>) -> Result<(), Exceeded> {
        match self {
            Self::Sum(sum) => {
                sum.add(value.as_deref());
            }
            Self::Average(sum, count) => *count += u64::from(sum.add(value.as_deref())),
            Self::Min(least) => {
                return extreme(least, value, room, |candidate, known| candidate < known);
            }
            Self::Max(most) => {
                return extreme(most, value, room, |candidate, known| candidate > known);
            }
            Self::First(Some(_)) => {}
            Self::First(first) => {
                room.held.take(value.as_deref().map_or(0, weight))?;
                *first = Some(value.map_or(Value::Null, Cow::into_owned));
            }
            Self::Last(last) => {
                room.held.take(value.as_deref().map_or(0, weight))?;
                room.held.give(last.as_ref().map_or(0, weight));
                *last = Some(value.map_or(Value::Null, Cow::into_owned));
            }
            Self::Push(values) => {
                if let Some(value) = value {
                    room.collect(&value)?;
                    values.push(value.into_owned());
                }
            }
            Self::Set(values) => {
                let operand = value.map(|value| Operand::new(value.into_owned()));
                if let Some(operand) = operand.filter(|operand| !values.contains(operand)) {
                    room.collect(operand.value())?;
                    values.insert(operand);
                }
            }
            Self::Count(count) => *count += 1,
        }
        Ok(())
    }

    /// The result.
    pub(super) fn finish(self) -> Value {
        match self {
            Self::Sum(sum) => sum.total(),
            Self::Average(_, 0) => Value::Null,
            Self::Average(sum, count) => number(sum.float() / count as f64),
            Self::Min(value) | Self::Max(value) => value.map_or(Value::Null, Operand::into_value),
            Self::First(value) | Self::Last(value) => value.unwrap_or(Value::Null),
            Self::Push(values) => Value::Array(values),
            Self::Set(values) => values.into_iter().map(Operand::into_value).collect(),
            Self::Count(count) => Value::from(count),
        }
    }

    /// The bytes that `add` took for what is still kept.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Sum(_) | Self::Average(..) | Self::Count(_) => 0,
            Self::Min(value) | Self::Max(value) => value.as_ref().map_or(0, |value| weight(value.value())),
            Self::First(value) | Self::Last(value) => value.as_ref().map_or(0, weight),
            Self::Push(values) => values.iter().map(weight).sum(),
            Self::Set(values) => values.iter().map(|value| weight(value.value())).sum(),
        }
    }
}

fn extreme(
    known: &mut Option<Operand>,
    value: Option<Cow<'_, Value>>,
    room: &mut Room<'_>,
    better: fn(&Operand, &Operand) -> bool,
) -> Result<(), Exceeded> {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return Ok(());
    };
    let candidate = Operand::new(value.into_owned());
    if known.as_ref().is_none_or(|known| better(&candidate, known)) {
        room.held.take(weight(candidate.value()))?;
        room.held.give(known.as_ref().map_or(0, |known| weight(known.value())));
        *known = Some(candidate);
    }
    Ok(())
}

/// A sum that is exact for integers and compensated (Neumaier) for floats.
#[derive(Debug, Clone, Default)]
pub(super) struct Sum {
    integers: i128,
    floats: f64,
    lost: f64,
    has_floats: bool,
}

impl Sum {
    /// False if `value` is no number.
    fn add(&mut self, value: Option<&Value>) -> bool {
        let Some(Value::Number(value)) = value else {
            return false;
        };
        match value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from)) {
            Some(integer) => self.integers = self.integers.saturating_add(integer),
            None => self.add_float(value.as_f64().unwrap_or(0.0)),
        }
        true
    }

    fn add_float(&mut self, value: f64) {
        let sum = self.floats + value;
        let (large, small) =
            if self.floats.abs() >= value.abs() { (self.floats, value) } else { (value, self.floats) };
        self.lost += (large - sum) + small;
        self.floats = sum;
        self.has_floats = true;
    }

    fn float(&self) -> f64 {
        let lost = if self.lost.is_finite() { self.lost } else { 0.0 };
        self.integers as f64 + (self.floats + lost)
    }

    /// An integer, as long as only integers were added and it fits; else a float. A sum that is too large is null.
    fn total(&self) -> Value {
        let integer = i64::try_from(self.integers)
            .map(Value::from)
            .or_else(|_| u64::try_from(self.integers).map(Value::from));
        match integer {
            Ok(integer) if !self.has_floats => integer,
            _ => number(self.float()),
        }
    }
}
