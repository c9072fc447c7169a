//! `$unwind`: one document for every element of an array.

use serde_json::{Map, Value};

use super::exceeded::{Exceeded, Meter};
use super::expression::Parser;
use super::project::set;
use crate::record::Path;
use crate::record::fields::Tree;
use crate::record::path::Part;
use crate::record::problem::kind;

const KNOWN: [&str; 3] = ["path", "preserveNullAndEmptyArrays", "includeArrayIndex"];

/// A parsed `$unwind`.
#[derive(Debug, Clone)]
pub(super) struct Unwind {
    path: Path,
    /// Whether documents without an element stay, once.
    keep_empty: bool,
    /// Where the index goes; null for documents that were not taken apart.
    index: Option<Path>,
}

impl Parser<'_> {
    pub(super) fn unwind(&mut self, at: &str, value: &Value) -> Option<Unwind> {
        let fields = match value {
            Value::String(text) => {
                return Some(Unwind { path: self.dollar_path(at, text)?, keep_empty: false, index: None });
            }
            Value::Object(fields) => fields,
            other => {
                self.problems
                    .add(at, format_args!("must be \"$path\" or an object with path, not {}", kind(other)));
                return None;
            }
        };
        for name in fields.keys().filter(|name| !KNOWN.contains(&name.as_str())) {
            self.problems
                .add(&format!("{at}.{name}"), format_args!("unknown name: known are {}", KNOWN.join(", ")));
        }
        let path = self.dollar_path(
            &format!("{at}.path"),
            fields.get("path").and_then(Value::as_str).unwrap_or_default(),
        )?;
        let keep_empty = match fields.get("preserveNullAndEmptyArrays") {
            None => false,
            Some(Value::Bool(keep)) => *keep,
            Some(other) => {
                self.problems.add(
                    &format!("{at}.preserveNullAndEmptyArrays"),
                    format_args!("must be true or false, not {}", kind(other)),
                );
                return None;
            }
        };
        let index = match fields.get("includeArrayIndex") {
            None => None,
            Some(name) => Some(self.index(&format!("{at}.includeArrayIndex"), name, &path)?),
        };
        Some(Unwind { path, keep_empty, index })
    }

    fn dollar_path(&mut self, at: &str, text: &str) -> Option<Path> {
        match text.strip_prefix('$') {
            Some(path) => self.path(at, path),
            None => {
                self.problems.add(at, "must be a path that begins with `$`, such as \"$data.items\"");
                None
            }
        }
    }

    fn index(&mut self, at: &str, name: &Value, path: &Path) -> Option<Path> {
        let Some(name) = name.as_str() else {
            self.problems.add(at, format_args!("must be a field name, not {}", kind(name)));
            return None;
        };
        let index = self.path(at, name)?;
        let mut both = Tree::default();
        let added = both.insert(path).and_then(|()| both.insert(&index));
        added.map_err(|overlap| self.problems.add(at, overlap)).ok().map(|()| index)
    }
}

impl Unwind {
    /// The documents that `document` is taken apart into.
    pub(super) fn apply<'u>(
        &'u self,
        mut document: Value,
        limit: usize,
    ) -> Box<dyn Iterator<Item = Result<Value, Exceeded>> + 'u> {
        let found = slot(&mut document, self.path.parts());
        let found = found.map(|slot| match slot {
            // Taken out, so that the copies do not each carry the whole array.
            Value::Array(items) => Elements::Some(std::mem::take(items)),
            Value::Null => Elements::None,
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => Elements::Itself,
        });
        match found.unwrap_or(Elements::None) {
            Elements::Some(items) if !items.is_empty() => {
                Box::new(items.into_iter().enumerate().map(move |(at, item)| {
                    let mut copy = document.clone();
                    if let Some(slot) = slot(&mut copy, self.path.parts()) {
                        *slot = item;
                    }
                    self.numbered(copy, Value::from(at), limit)
                }))
            }
            Elements::Itself => Box::new(std::iter::once(self.numbered(document, Value::Null, limit))),
            _ if self.keep_empty => {
                remove_array(&mut document, self.path.parts());
                Box::new(std::iter::once(self.numbered(document, Value::Null, limit)))
            }
            _ => Box::new(std::iter::empty()),
        }
    }

    fn numbered(&self, mut document: Value, at: Value, limit: usize) -> Result<Value, Exceeded> {
        if let Some(index) = &self.index {
            set(&mut document, index.parts(), at, &mut Meter::document(limit))?;
        }
        Ok(document)
    }
}

/// What there is to take apart.
enum Elements {
    Some(Vec<Value>),
    /// Nothing: null or missing.
    None,
    /// A scalar or an object, which counts as an array of itself.
    Itself,
}

/// The value at a path of names through objects.
fn slot<'d>(document: &'d mut Value, parts: &[Part]) -> Option<&'d mut Value> {
    parts.iter().try_fold(document, |value, part| value.as_object_mut()?.get_mut(&*part.name))
}

/// As in MongoDB, an empty array that is kept loses its field, and null stays.
fn remove_array(document: &mut Value, parts: &[Part]) {
    let Some((last, above)) = parts.split_last() else {
        return;
    };
    let fields = slot(document, above).and_then(Value::as_object_mut);
    if let Some(fields) = fields.filter(|fields| fields.get(&*last.name).is_some_and(Value::is_array)) {
        Map::shift_remove(fields, &*last.name);
    }
}
