//! `$project`: which fields stay, which go, and which are computed.

use serde_json::{Map, Value};

use super::exceeded::{Exceeded, Meter, weight};
use super::expression::{Expression, Parser, own};
use crate::record::Path;
use crate::record::fields::{Tree, whole};
use crate::record::path::Part;
use crate::record::problem::kind;

/// A parsed `$project`.
#[derive(Debug, Clone)]
pub(super) enum Project {
    /// Keeps these and `_id`, in the order of the document, then computes those, in the order written.
    Keep { paths: Tree, computed: Vec<(Path, Expression)> },
    /// Removes these.
    Remove(Tree),
}

/// What has been read of a `$project` so far.
#[derive(Default)]
struct Draft {
    all: Tree,
    keep: Tree,
    remove: Tree,
    computed: Vec<(Path, Expression)>,
    /// What was said of `_id`, which may be removed though others are kept.
    id: Option<Wish>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    Keep,
    Remove,
    Compute,
}

impl Parser<'_> {
    pub(super) fn project(&mut self, at: &str, value: &Value) -> Option<Project> {
        let mut draft = Draft::default();
        match value.as_object() {
            Some(fields) if !fields.is_empty() => {
                self.project_fields(at, "", fields, 1, &mut draft);
            }
            _ => self
                .problems
                .add(at, format_args!("must be an object with at least one field, not {}", kind(value))),
        }
        let keeps = !draft.keep.is_empty() || !draft.computed.is_empty();
        if keeps && !draft.remove.is_empty() {
            self.problems
                .add(at, "both keeps and removes fields: only _id may be removed while others are kept");
        }
        let id = Path::parse("_id").ok()?;
        if keeps || draft.id == Some(Wish::Keep) {
            if draft.id.is_none_or(|wish| wish == Wish::Keep) {
                draft.keep.widen(&id);
            }
            return Some(Project::Keep { paths: draft.keep, computed: draft.computed });
        }
        if draft.id.is_some() {
            draft.remove.widen(&id);
        }
        Some(Project::Remove(draft.remove))
    }

    fn project_fields(
        &mut self,
        at: &str,
        above: &str,
        fields: &Map<String, Value>,
        depth: usize,
        draft: &mut Draft,
    ) {
        for (name, value) in fields {
            let (at, dotted) = (format!("{at}.{name}"), format!("{above}{name}"));
            if self.problems.full() || !self.within(&at, depth) {
                return;
            }
            match value.as_object() {
                Some(nested) if !nested.is_empty() && !nested.keys().any(|name| name.starts_with('$')) => {
                    self.project_fields(&at, &format!("{dotted}."), nested, depth + 1, draft);
                }
                _ => {
                    self.project_field(&at, &dotted, value, depth, draft);
                }
            }
        }
    }

    fn project_field(
        &mut self,
        at: &str,
        dotted: &str,
        value: &Value,
        depth: usize,
        draft: &mut Draft,
    ) -> Option<()> {
        let path = self.path(at, dotted)?;
        draft.all.insert(&path).map_err(|overlap| self.problems.add(at, overlap)).ok()?;
        let wish = match (value, whole(value)) {
            (Value::Bool(true), _) | (_, Some(1)) => Wish::Keep,
            (Value::Bool(false), _) | (_, Some(0)) => Wish::Remove,
            (Value::Number(_), _) => {
                self.problems
                    .add(at, "must be 0, 1 or an expression; write {\"$literal\": n} for another number");
                return None;
            }
            _ => Wish::Compute,
        };
        match wish {
            Wish::Keep if dotted != "_id" => draft.keep.widen(&path),
            Wish::Remove if dotted != "_id" => draft.remove.widen(&path),
            Wish::Keep | Wish::Remove => {}
            Wish::Compute => draft.computed.push((path, self.expression(at, value, depth)?)),
        }
        if dotted == "_id" {
            draft.id = Some(wish);
        }
        Some(())
    }
}

impl Project {
    pub(super) fn apply(&self, document: Value, limit: usize) -> Result<Value, Exceeded> {
        match (self, document) {
            (Self::Remove(paths), Value::Object(mut fields)) => {
                paths.edit(&mut fields, |_| false);
                Ok(Value::Object(fields))
            }
            (Self::Remove(_), other) => Ok(other),
            (Self::Keep { paths, computed }, document) => {
                let mut room = Meter::document(limit);
                let mut made =
                    Value::Object(document.as_object().map(|fields| paths.keep(fields)).unwrap_or_default());
                for (path, expression) in computed {
                    if let Some(value) = expression.evaluate(&document, &mut room)? {
                        let value = own(value, &mut room)?;
                        set(&mut made, path.parts(), value, &mut room)?;
                    }
                }
                Ok(made)
            }
        }
    }
}

/// Puts `value` at a path of names, in every element of arrays on the way; anything else on the way becomes an object.
pub(super) fn set(
    target: &mut Value,
    parts: &[Part],
    value: Value,
    room: &mut Meter,
) -> Result<(), Exceeded> {
    let Some((first, rest)) = parts.split_first() else {
        *target = value;
        return Ok(());
    };
    if let Value::Array(items) = target {
        for item in items {
            room.take(weight(&value))?;
            set(item, parts, value.clone(), room)?;
        }
        return Ok(());
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    match target.as_object_mut() {
        Some(fields) => set(fields.entry(&*first.name).or_insert(Value::Null), rest, value, room),
        None => Ok(()),
    }
}
