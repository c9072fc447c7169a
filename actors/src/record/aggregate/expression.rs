//! Expressions: what a stage computes from one document. Borrows from it where it can.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::exceeded::{Exceeded, Meter, weight};
use crate::record::path::Part;
use crate::record::problem::Problems;
use crate::record::{Limits, Path};

/// A parsed expression.
#[derive(Debug, Clone)]
pub(super) enum Expression {
    /// `"$$ROOT"`.
    Root,
    /// `"$a.b"`.
    Path(Path),
    Literal(Value),
    Object(Vec<(String, Expression)>),
    Array(Vec<Expression>),
}

/// What is counted over one whole pipeline.
pub(super) struct Parser<'l> {
    pub(super) limits: &'l Limits,
    pub(super) problems: Problems,
    parts: usize,
}

impl<'l> Parser<'l> {
    pub(super) fn new(limits: &'l Limits) -> Self {
        Self { limits, problems: Problems::default(), parts: 0 }
    }

    /// Counts one part of an expression; false, with a problem, when there are too many or they are nested too deeply.
    pub(super) fn within(&mut self, at: &str, depth: usize) -> bool {
        self.parts += 1;
        if self.parts > self.limits.clauses {
            self.problems
                .add(at, format_args!("more than {} expressions in one pipeline", self.limits.clauses));
        } else if depth > self.limits.depth {
            self.problems.add(at, format_args!("nested deeper than {} levels", self.limits.depth));
        }
        self.parts <= self.limits.clauses && depth <= self.limits.depth
    }

    pub(super) fn expression(&mut self, at: &str, value: &Value, depth: usize) -> Option<Expression> {
        if !self.within(at, depth) {
            return None;
        }
        match value {
            Value::String(text) => self.text(at, text),
            Value::Null | Value::Bool(_) | Value::Number(_) => Some(Expression::Literal(value.clone())),
            Value::Array(items) => {
                let items = items.iter().enumerate();
                let inner =
                    items.map(|(index, item)| self.expression(&format!("{at}[{index}]"), item, depth + 1));
                Some(Expression::Array(inner.collect::<Option<_>>()?))
            }
            Value::Object(fields) => self.object(at, fields, depth),
        }
    }

    fn text(&mut self, at: &str, text: &str) -> Option<Expression> {
        let path = match (text, text.strip_prefix('$')) {
            ("$$ROOT", _) => return Some(Expression::Root),
            (_, None) => return Some(Expression::Literal(Value::from(text))),
            (_, Some(variable)) if variable.starts_with('$') => {
                self.problems.add(at, format_args!("unknown variable `{text}`: known is $$ROOT"));
                return None;
            }
            (_, Some(path)) => path,
        };
        self.path(at, path).map(Expression::Path)
    }

    fn object(&mut self, at: &str, fields: &Map<String, Value>, depth: usize) -> Option<Expression> {
        if let Some(literal) = fields.get("$literal").filter(|_| fields.len() == 1) {
            return Some(Expression::Literal(literal.clone()));
        }
        let mut inner = Vec::new();
        for (name, value) in fields {
            let at = format!("{at}.{name}");
            self.name(&at, name)?;
            inner.push((name.clone(), self.expression(&at, value, depth + 1)?));
        }
        Some(Expression::Object(inner))
    }

    /// Checks the name of a field that a stage makes.
    pub(super) fn name(&mut self, at: &str, name: &str) -> Option<()> {
        if name.starts_with('$') {
            self.problems.add(
                at,
                format_args!("unknown expression `{name}`: known are \"$path\", $$ROOT and $literal"),
            );
        } else if name.is_empty() || name.contains('.') {
            self.problems.add(at, "a new field needs a name without dots");
        } else {
            return Some(());
        }
        None
    }

    pub(super) fn path(&mut self, at: &str, text: &str) -> Option<Path> {
        Path::parse(text).map_err(|error| self.problems.add(at, error)).ok()
    }
}

impl Expression {
    /// The value for `document`, `None` if it is missing. What is copied on the way is counted by `room`.
    pub(super) fn evaluate<'d>(
        &'d self,
        document: &'d Value,
        room: &mut Meter,
    ) -> Result<Option<Cow<'d, Value>>, Exceeded> {
        Ok(match self {
            Self::Root => Some(Cow::Borrowed(document)),
            Self::Literal(value) => Some(Cow::Borrowed(value)),
            Self::Path(path) => {
                let found = collect(path.parts(), document);
                if let Some(Cow::Owned(made)) = &found {
                    room.take(weight(made))?;
                }
                found
            }
            Self::Object(fields) => {
                let mut made = Map::new();
                for (name, field) in fields {
                    if let Some(value) = field.evaluate(document, room)? {
                        made.insert(name.clone(), own(value, room)?);
                    }
                }
                Some(Cow::Owned(Value::Object(made)))
            }
            Self::Array(items) => {
                let mut made = Vec::new();
                for item in items {
                    let value = item.evaluate(document, room)?;
                    made.push(value.map_or(Ok(Value::Null), |value| own(value, room))?);
                }
                Some(Cow::Owned(Value::Array(made)))
            }
        })
    }
}

/// The value itself; a copy is counted.
pub(super) fn own(value: Cow<'_, Value>, room: &mut Meter) -> Result<Value, Exceeded> {
    if let Cow::Borrowed(value) = &value {
        room.take(weight(value))?;
    }
    Ok(value.into_owned())
}

/// Follows names through objects; an array on the way gives the array of what its elements give.
fn collect<'d>(parts: &[Part], value: &'d Value) -> Option<Cow<'d, Value>> {
    let Some((first, rest)) = parts.split_first() else {
        return Some(Cow::Borrowed(value));
    };
    match value {
        Value::Object(fields) => collect(rest, fields.get(&*first.name)?),
        Value::Array(items) => {
            let nested = items.iter().filter(|item| item.is_object() || item.is_array());
            Some(Cow::Owned(nested.filter_map(|item| collect(parts, item)).map(Cow::into_owned).collect()))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}
