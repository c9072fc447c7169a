//! Numbers in options and results, and sets of paths as trees: what several of these modules need alike.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::{Map, Value};

use super::Path;

/// A whole number from 0, also when it is written as a float.
pub(super) fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let float = value.as_f64()?;
        (float.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&float)).then_some(float as u64)
    })
}

/// A number as a JavaScript server prints it: without a fraction if it has none.
pub(super) fn number(float: f64) -> Value {
    if float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0 {
        Value::from(float as i64)
    } else {
        Value::from(float)
    }
}

/// A set of paths as a tree of names.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree(BTreeMap<Box<str>, Node>);

/// What is known of one name: the whole value is meant, or only paths below it.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Leaf,
    Branch(Tree),
}

/// One path is the same as another or begins with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("overlaps with another path given here")]
pub(super) struct Overlap;

impl Tree {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn find(&self, name: &str) -> Option<&Node> {
        self.0.get(name)
    }

    /// Adds a path that must not overlap with those before it.
    pub(super) fn insert(&mut self, path: &Path) -> Result<(), Overlap> {
        let (tree, name) = self.parent(path).ok_or(Overlap)?;
        match tree.0.entry(name.into()) {
            Entry::Vacant(free) => {
                free.insert(Node::Leaf);
                Ok(())
            }
            Entry::Occupied(_) => Err(Overlap),
        }
    }

    /// Adds a path; of two that overlap the shorter one counts.
    pub(super) fn widen(&mut self, path: &Path) {
        if let Some((tree, name)) = self.parent(path) {
            tree.0.insert(name.into(), Node::Leaf);
        }
    }

    /// Makes the branches above the last name; `None` if one of them is a leaf already.
    fn parent<'p>(&mut self, path: &'p Path) -> Option<(&mut Self, &'p str)> {
        let (last, names) = path.parts().split_last()?;
        let mut tree = self;
        for part in names {
            match tree.0.entry(part.name.clone()).or_insert_with(|| Node::Branch(Self::default())) {
                Node::Leaf => return None,
                Node::Branch(below) => tree = below,
            }
        }
        Some((tree, &last.name))
    }

    /// A copy of `fields` with only what the tree names, in the order of `fields`. Arrays on the way keep those of
    /// their elements that are objects or arrays.
    pub(super) fn keep(&self, fields: &Map<String, Value>) -> Map<String, Value> {
        let kept = fields.iter().filter_map(|(name, value)| {
            let value = match self.find(name)? {
                Node::Leaf => value.clone(),
                Node::Branch(below) => below.keep_value(value)?,
            };
            Some((name.clone(), value))
        });
        kept.collect()
    }

    fn keep_value(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Object(fields) => Some(Value::Object(self.keep(fields))),
            Value::Array(items) => Some(items.iter().filter_map(|item| self.keep_value(item)).collect()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        }
    }

    /// Hands every value that the tree names to `change`, which may alter it or, by false, have it removed.
    pub(super) fn edit(&self, fields: &mut Map<String, Value>, change: fn(&mut Value) -> bool) {
        fields.retain(|name, value| match self.find(name) {
            None => true,
            Some(Node::Leaf) => change(value),
            Some(Node::Branch(below)) => {
                below.edit_value(value, change);
                true
            }
        });
    }

    fn edit_value(&self, value: &mut Value, change: fn(&mut Value) -> bool) {
        match value {
            Value::Object(fields) => self.edit(fields, change),
            Value::Array(items) => items.iter_mut().for_each(|item| self.edit_value(item, change)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}
