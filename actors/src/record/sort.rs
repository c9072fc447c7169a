//! The order of a list, as clients ask for it: `{createdate: -1}`, or `"createdate"` with `sortType: -1`, or `"-createdate"`.
//! Compares as MongoDB does: across types, a missing field as null, an array by its least or greatest element.

use std::cmp::Ordering;

use serde_json::Value;

use super::compare::Operand;
use super::path::{Leaf, Path};
use super::problem::{Problem, Problems, kind};

const MAX_KEYS: usize = 8;

/// Ascending or descending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From low to high: `1`, `"asc"`.
    Ascending,
    /// From high to low: `-1`, `"desc"`.
    Descending,
}

/// A parsed order; without keys (`Sort::default()`) all documents are equal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sort {
    keys: Vec<(Path, Direction)>,
}

impl Sort {
    /// Reads an object of up to 8 keys, of which the first one written is the first to decide, or a field name with
    /// an optional `sort_type` or a leading `-`.
    ///
    /// # Errors
    /// Every problem found, with paths that begin with `sort`.
    pub fn parse(sort: &Value, sort_type: Option<&Value>) -> Result<Self, Vec<Problem>> {
        Self::parse_at("sort", sort, sort_type)
    }

    /// The same, with paths that begin with `at` (and `{at}Type` for the sort type).
    pub(super) fn parse_at(at: &str, sort: &Value, sort_type: Option<&Value>) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::default();
        let mut keys = Vec::new();
        let type_at = format!("{at}Type");
        match sort {
            Value::Object(fields) if fields.len() > MAX_KEYS => {
                problems.add(at, format_args!("has more than {MAX_KEYS} keys"));
            }
            Value::Object(fields) => {
                for (name, value) in fields {
                    let at = format!("{at}.{name}");
                    let direction = direction(&at, value, &mut problems);
                    keys.extend(key(&mut problems, &at, name, direction));
                }
                if sort_type.is_some() {
                    problems.add(
                        &type_at,
                        "goes with a sort that is a field name; an object has its directions inside",
                    );
                }
            }
            Value::String(text) => {
                let (name, dash) = text.strip_prefix('-').map_or((text.as_str(), false), |name| (name, true));
                let given = sort_type.and_then(|value| direction(&type_at, value, &mut problems));
                if dash && sort_type.is_some() {
                    problems
                        .add(&type_at, "the direction is given already, by the `-` before the field name");
                }
                let default = if dash { Direction::Descending } else { Direction::Ascending };
                keys.extend(key(&mut problems, at, name, Some(given.unwrap_or(default))));
            }
            other => problems.add(
                at,
                format_args!(
                    "must be an object such as {{\"createdate\": -1}} or a field name, not {}",
                    kind(other)
                ),
            ),
        }
        problems.or(Self { keys })
    }

    /// True if there is nothing to sort by.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The only key, if there is just one: an index on it can give the order.
    pub fn single(&self) -> Option<(&str, Direction)> {
        match self.keys.as_slice() {
            [(path, direction)] => Some((path.as_str(), *direction)),
            _ => None,
        }
    }

    /// Which of two documents comes first. Sorting many, make a `key` of each once instead.
    pub fn compare(&self, left: &Value, right: &Value) -> Ordering {
        self.key(left).cmp(&self.key(right))
    }

    /// The values of `document` that decide its place, to be kept beside it.
    pub fn key(&self, document: &Value) -> SortKey {
        SortKey(
            self.keys
                .iter()
                .map(|(path, direction)| Entry {
                    value: extreme(path, *direction, document),
                    direction: *direction,
                })
                .collect(),
        )
    }
}

/// The place of a document in the order of the `Sort` that made it; only keys of the same `Sort` compare.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SortKey(Box<[Entry]>);

impl SortKey {
    /// The values, `None` for an empty array.
    pub(super) fn values(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().filter_map(|entry| Some(entry.value.as_ref()?.value()))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// `None`, an empty array, sorts below everything.
    value: Option<Operand>,
    direction: Direction,
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        let ascending = self.value.cmp(&other.value);
        match self.direction {
            Direction::Ascending => ascending,
            Direction::Descending => ascending.reverse(),
        }
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn key(
    problems: &mut Problems,
    at: &str,
    name: &str,
    direction: Option<Direction>,
) -> Option<(Path, Direction)> {
    match Path::parse(name) {
        Ok(path) => Some((path, direction?)),
        Err(error) => {
            problems.add(at, error);
            None
        }
    }
}

fn direction(at: &str, value: &Value, problems: &mut Problems) -> Option<Direction> {
    match (value.as_f64(), value.as_str()) {
        (Some(1.0), _) | (_, Some("asc")) => Some(Direction::Ascending),
        (Some(-1.0), _) | (_, Some("desc")) => Some(Direction::Descending),
        _ => {
            problems.add(at, "must be 1, -1, \"asc\" or \"desc\"");
            None
        }
    }
}

/// The least (ascending) or greatest (descending) of the values at `path`.
fn extreme(path: &Path, direction: Direction, document: &Value) -> Option<Operand> {
    const NULL: &Value = &Value::Null;
    let mut found: Option<&Value> = None;
    let mut reached = false;
    let mut consider = |value| {
        let better = |known| match direction {
            Direction::Ascending => super::compare::order(value, known).is_lt(),
            Direction::Descending => super::compare::order(value, known).is_gt(),
        };
        if found.is_none_or(better) {
            found = Some(value);
        }
    };
    path.any(document, Leaf::Whole, &mut |value| {
        reached = true;
        match value {
            Some(Value::Array(items)) => items.iter().for_each(&mut consider),
            other => consider(other.unwrap_or(NULL)),
        }
        false
    });
    if reached { found.map(|value| Operand::new(value.clone())) } else { Some(Operand::new(Value::Null)) }
}

#[cfg(test)]
mod tests;
