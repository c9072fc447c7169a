//! Partial update: a map of dotted paths to new values (`{"data.status": "active"}`, contract §3.2).
//! All of the changes are made or none; what the server keeps itself cannot be written.

use serde_json::{Map, Value};

use super::Path;
use super::fields::Tree;
use super::path::Part;
use super::problem::{Problem, Problems, kind};

/// Root fields that a client may write, and of which type the whole of each is (null clears it).
const WRITABLE: [(&str, Kind); 15] = [
    ("data", Kind::Data),
    ("name", Kind::Text),
    ("state", Kind::State),
    ("subschema", Kind::Any),
    ("workflow", Kind::Object),
    ("post", Kind::Object),
    ("style", Kind::Object),
    ("publishedDate", Kind::Text),
    ("requiredRole", Kind::Object),
    ("notes", Kind::Array),
    ("rules", Kind::Array),
    ("stats", Kind::Object),
    ("share", Kind::Object),
    ("owner", Kind::Object),
    ("crm_agent", Kind::Any),
];

/// Root fields that the server keeps itself.
const MANAGED: [&str; 13] = [
    "sk",
    "pk",
    "datatype",
    "version",
    "createdate",
    "modifydate",
    "isNew",
    "author",
    "search",
    "create_hash",
    "modified_by",
    "created_by",
    "client",
];

const MAX_CHANGES: usize = 500;
/// Below the 128 levels that JSON readers accept, so that whatever was written can be read again.
const MAX_DEPTH: usize = 100;

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// An object that cannot be cleared.
    Data,
    /// A string that cannot be cleared.
    State,
    Object,
    Array,
    Text,
    Any,
}

/// Writes `changes` into `document`, a whole record.
///
/// A value replaces what was at its path, whole objects too. Objects that are missing (or null) on the way are made;
/// an array takes an index that it has or, to append, its length.
///
/// # Errors
/// Every problem found, up to 20, with the path that was given; `document` is then as it was. Refused are paths
/// outside of `data` and the root fields clients may write, paths that overlap, paths through a scalar or beyond the
/// end of an array, and values nested too deeply.
pub fn apply(document: &mut Value, changes: &Map<String, Value>) -> Result<(), Vec<Problem>> {
    let mut problems = Problems::default();
    if changes.len() > MAX_CHANGES {
        problems.add("changes", format_args!("more than {MAX_CHANGES} in one update"));
        return problems.or(());
    }
    let mut changed = document.clone();
    let mut seen = Tree::default();
    for (text, value) in changes {
        if let Err(message) = change(&mut changed, &mut seen, text, value) {
            problems.add(text, message);
        }
    }
    problems.or(())?;
    *document = changed;
    Ok(())
}

/// The root fields that `apply` writes.
pub fn writable() -> impl Iterator<Item = &'static str> {
    WRITABLE.iter().map(|(name, _)| *name)
}

fn change(document: &mut Value, seen: &mut Tree, text: &str, value: &Value) -> Result<(), String> {
    let path = Path::parse(text).map_err(|error| error.to_string())?;
    check(path.parts(), value)?;
    seen.insert(&path).map_err(|overlap| overlap.to_string())?;
    let place = place(document, path.parts())?;
    *place = value.clone();
    Ok(())
}

fn check(parts: &[Part], value: &Value) -> Result<(), String> {
    let root = parts.first().map_or("", |part| &part.name);
    let Some((_, fitting)) = WRITABLE.iter().find(|(name, _)| *name == root) else {
        let known = writable().collect::<Vec<_>>().join(", ");
        let why = if MANAGED.contains(&root) { "is kept by the server" } else { "is no field of a record" };
        return Err(format!("`{root}` {why}: known are {known}; application fields are under `data`"));
    };
    if parts.len() == 1 {
        check_root(*fitting, value)?;
    }
    let depth = parts.len() + depth(value, MAX_DEPTH);
    if depth > MAX_DEPTH { Err(format!("nested deeper than {MAX_DEPTH} levels")) } else { Ok(()) }
}

fn check_root(fitting: Kind, value: &Value) -> Result<(), String> {
    let (fits, expected) = match fitting {
        Kind::Data => (value.is_object(), "an object"),
        Kind::State => (value.as_str().is_some_and(|state| !state.is_empty()), "a state such as \"active\""),
        Kind::Object => (value.is_object() || value.is_null(), "an object or null"),
        Kind::Array => (value.is_array() || value.is_null(), "an array or null"),
        Kind::Text => (value.is_string() || value.is_null(), "a string or null"),
        Kind::Any => (true, ""),
    };
    if fits { Ok(()) } else { Err(format!("must be {expected}, not {}", kind(value))) }
}

/// Levels of nesting, counted no further than needed to know that there are more than `most`.
fn depth(value: &Value, most: usize) -> usize {
    let below = |values: &mut dyn Iterator<Item = &Value>| {
        if most == 0 { 1 } else { 1 + values.map(|value| depth(value, most - 1)).max().unwrap_or(0) }
    };
    match value {
        Value::Object(fields) => below(&mut fields.values()),
        Value::Array(items) => below(&mut items.iter()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// The value at the path, made with all that is missing above it.
fn place<'d>(document: &'d mut Value, parts: &[Part]) -> Result<&'d mut Value, String> {
    let mut current = document;
    for (at, part) in parts.iter().enumerate() {
        if current.is_null() {
            *current = Value::Object(Map::new());
        }
        current = match current {
            Value::Object(fields) => fields.entry(&*part.name).or_insert(Value::Null),
            Value::Array(items) => element(items, part, parts.iter().take(at))?,
            other => {
                return Err(format!(
                    "`{}` is {}: a path cannot go through it",
                    join(parts.iter().take(at)),
                    kind(other)
                ));
            }
        };
    }
    Ok(current)
}

fn element<'d, 'p>(
    items: &'d mut Vec<Value>,
    part: &Part,
    above: impl Iterator<Item = &'p Part>,
) -> Result<&'d mut Value, String> {
    let length = items.len();
    if part.index == Some(length) {
        items.push(Value::Null);
    }
    let found = part.index.and_then(|index| items.get_mut(index));
    found.ok_or_else(|| {
        let array = join(above);
        format!(
            "`{array}` is an array of {length}: the index must be a number from 0 to {length}, not `{}`",
            part.name
        )
    })
}

fn join<'p>(parts: impl Iterator<Item = &'p Part>) -> String {
    parts.map(|part| &*part.name).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests;
