//! Dotted paths (`data.items.0.price`), split once and then walked over many documents.
//! Walks as MongoDB's matcher does; never clones a value. Query, sort, projection and partial update all use it.

use serde_json::Value;

const MAX_BYTES: usize = 512;
const MAX_PARTS: usize = 32;
/// An index may also be the name of a field, so each one can double the walk; this bounds it.
const MAX_INDEXES: usize = 8;

/// A parsed path of one to 32 names or array indexes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    text: Box<str>,
    parts: Box<[Part]>,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: Box<str>,
    /// The same as an array index, if it is written as one: digits without a leading zero.
    pub(super) index: Option<usize>,
}

/// Why a text is not a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Nothing, or nothing between two dots.
    #[error("a path is names joined by single dots, none of them empty")]
    EmptyPart,
    /// A name that begins with `$`.
    #[error("`{0}` begins with `$`, which no field of a path may")]
    Operator(String),
    /// Longer than any real field needs.
    #[error("a path has at most {MAX_BYTES} bytes, {MAX_PARTS} names and {MAX_INDEXES} array indexes")]
    TooLong,
}

/// What a walk reports when the path ends at an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaf {
    /// Each element and then the array itself, as comparisons need it.
    Each,
    /// Only the array itself, as `$exists`, `$size` and `$elemMatch` need it.
    Whole,
}

/// Hears of each value that a walk reaches, `None` for one that is missing; true ends the walk.
pub type Visit<'a, 'v> = dyn FnMut(Option<&'v Value>) -> bool + 'a;

impl Path {
    /// Splits `text` at its dots.
    ///
    /// # Errors
    /// An empty part, a part that begins with `$`, or a path that is too long.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.len() > MAX_BYTES {
            return Err(PathError::TooLong);
        }
        let parts = text.split('.').map(Part::parse).collect::<Result<Box<[_]>, _>>()?;
        let indexes = parts.iter().filter(|part| part.index.is_some()).count();
        if parts.len() > MAX_PARTS || indexes > MAX_INDEXES {
            return Err(PathError::TooLong);
        }
        Ok(Self { text: text.into(), parts })
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The one value exactly at this path: fields of objects and indexes of arrays, no fanning out.
    pub fn get<'v>(&self, document: &'v Value) -> Option<&'v Value> {
        self.parts.iter().try_fold(document, |value, part| part.of(value))
    }

    /// Reports every value that the path reaches, fanning out over arrays of objects on the way as MongoDB does.
    /// Returns true as soon as `visit` does. An array on the way that holds nothing suitable reports nothing at all,
    /// not even `None`.
    pub fn any<'v>(&self, document: &'v Value, leaf: Leaf, visit: &mut Visit<'_, 'v>) -> bool {
        walk(&self.parts, document, leaf, visit)
    }
}

impl Part {
    fn parse(text: &str) -> Result<Self, PathError> {
        if text.is_empty() {
            return Err(PathError::EmptyPart);
        }
        if text.starts_with('$') {
            return Err(PathError::Operator(text.to_owned()));
        }
        let canonical =
            text == "0" || (!text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()));
        let index = if canonical { text.parse().ok() } else { None };
        Ok(Self { name: text.into(), index })
    }

    fn of<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match value {
            Value::Object(fields) => fields.get(&*self.name),
            Value::Array(items) => items.get(self.index?),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        }
    }
}

/// Goes down through objects to the end of the path or to the first array.
fn walk<'v>(parts: &[Part], document: &'v Value, leaf: Leaf, visit: &mut Visit<'_, 'v>) -> bool {
    let mut current = document;
    let mut rest = parts;
    while let Some((part, after)) = rest.split_first() {
        rest = after;
        match part.of(current) {
            None => return visit(None),
            Some(array @ Value::Array(items)) => {
                return if rest.is_empty() {
                    end(array, items, leaf, visit)
                } else {
                    fan_out(items, rest, leaf, visit)
                };
            }
            Some(next) => current = next,
        }
    }
    visit(Some(current))
}

fn end<'v>(array: &'v Value, items: &'v [Value], leaf: Leaf, visit: &mut Visit<'_, 'v>) -> bool {
    (leaf == Leaf::Each && items.iter().any(|item| visit(Some(item)))) || visit(Some(array))
}

/// Looks for `rest` in every object of an array, and, where `rest` begins with an index, at that element.
fn fan_out<'v>(items: &'v [Value], rest: &[Part], leaf: Leaf, visit: &mut Visit<'_, 'v>) -> bool {
    let Some((first, after)) = rest.split_first() else {
        return false;
    };
    items.iter().enumerate().any(|(at, item)| {
        if item.is_object() && walk(rest, item, leaf, visit) {
            return true;
        }
        if first.index != Some(at) {
            return false;
        }
        match item {
            // An element named by its index is not taken apart any further: `a.0` of [[1, 2]] is [1, 2].
            _ if after.is_empty() => visit(Some(item)),
            Value::Object(_) => walk(after, item, leaf, visit),
            Value::Array(inner) => fan_out(inner, after, leaf, visit),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reached(path: &str, document: &Value, leaf: Leaf) -> Vec<Option<Value>> {
        let mut seen = Vec::new();
        Path::parse(path).unwrap().any(document, leaf, &mut |value| {
            seen.push(value.cloned());
            false
        });
        seen
    }

    #[test]
    fn walks_as_mongodb_does() {
        let missing = None;
        let table = [
            ("a", json!({"a": 5}), vec![Some(json!(5))]),
            ("a", json!({"b": 5}), vec![missing.clone()]),
            ("a.b", json!({"a": {"b": null}}), vec![Some(json!(null))]),
            ("a.b", json!({"a": 4}), vec![missing.clone()]),
            ("a.b", json!({"a": [4]}), vec![]),
            ("a.b", json!({"a": []}), vec![]),
            ("a", json!({"a": [5, 6]}), vec![Some(json!(5)), Some(json!(6)), Some(json!([5, 6]))]),
            ("a", json!({"a": []}), vec![Some(json!([]))]),
            (
                "a.b",
                json!({"a": [{"b": 5}, 3, {}, {"b": [9, 11]}, {"b": 7}]}),
                vec![
                    Some(json!(5)),
                    missing.clone(),
                    Some(json!(9)),
                    Some(json!(11)),
                    Some(json!([9, 11])),
                    Some(json!(7)),
                ],
            ),
            ("a.1", json!({"a": [5, 7, 3]}), vec![Some(json!(7))]),
            ("a.1", json!({"a": {"1": 8}}), vec![Some(json!(8))]),
            ("a.9", json!({"a": [5, 7, 3]}), vec![]),
            ("a.01", json!({"a": [5, 7, 3]}), vec![]),
            ("a.1", json!({"a": [5, [2, 4], 3]}), vec![Some(json!([2, 4]))]),
            ("a.1", json!({"a": [5, {"1": 4}, 3]}), vec![Some(json!(4)), Some(json!({"1": 4}))]),
            ("a.1.b", json!({"a": [5, {"b": 4}, 3]}), vec![missing, Some(json!(4))]),
            ("a.1.b", json!({"a": [5, [{"b": 4}], 3]}), vec![Some(json!(4))]),
            ("a.b.x", json!({"a": [{"b": []}, {"b": []}]}), vec![]),
            ("0", json!([7, 8]), vec![Some(json!(7))]),
        ];
        for (path, document, expected) in table {
            assert_eq!(reached(path, &document, Leaf::Each), expected, "{path} of {document}");
        }
    }

    #[test]
    fn whole_leaves_are_not_taken_apart() {
        assert_eq!(reached("a", &json!({"a": [5, 6]}), Leaf::Whole), [Some(json!([5, 6]))]);
        let nested = json!({"a": [{"b": [1]}, {"b": 2}]});
        assert_eq!(reached("a.b", &nested, Leaf::Whole), [Some(json!([1])), Some(json!(2))]);
    }

    #[test]
    fn gets_exactly_one_value() {
        let document = json!({"a": [{"b": 1}, {"b": 2}]});
        assert_eq!(Path::parse("a.1.b").unwrap().get(&document), Some(&json!(2)));
        assert_eq!(Path::parse("a.b").unwrap().get(&document), None);
    }

    #[test]
    fn refuses_what_is_no_path() {
        for text in ["", ".", "a.", ".a", "a..b"] {
            assert_eq!(Path::parse(text), Err(PathError::EmptyPart), "{text}");
        }
        assert_eq!(Path::parse("a.$b"), Err(PathError::Operator("$b".to_owned())));
        for text in ["a.".repeat(32) + "b", "0.".repeat(8) + "0", "a".repeat(513)] {
            assert_eq!(Path::parse(&text), Err(PathError::TooLong));
        }
    }
}
