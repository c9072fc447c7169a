//! MongoDB's update operators, of which `$set`, `$unset`, `$inc` and `$push` are known: read with
//! everything wrong named by its path, then applied to one record after another. Pure.

use appengine_actors::record::model::Record;
use appengine_actors::record::{Path, edit};
use serde_json::{Map, Number, Value};

use crate::http::repository::bodies::{self, Fields};
use crate::http::repository::rules;
use crate::problem::{Detail, Problem};

const KNOWN: [&str; 4] = ["$set", "$unset", "$inc", "$push"];

/// What becomes of the value at one path.
#[derive(Debug, Clone, PartialEq)]
enum Step {
    Set(Value),
    Unset,
    Add(Number),
    Push(Vec<Value>),
}

/// An update as it was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// By path.
    steps: Vec<(String, Step)>,
    /// The root fields that are touched, with their values where whole fields are set.
    pub roots: Fields,
}

impl Update {
    /// Reads `{"$set": {"data.status": "active"}, …}`, which stands at `at`.
    ///
    /// # Errors
    /// 400 with every operator and path that cannot be taken, 409 for paths within others.
    pub fn parse(at: &str, update: &Fields) -> Result<Self, Problem> {
        let mut problems = Vec::new();
        let mut steps: Vec<(String, &str, Step)> = Vec::new();
        let mut refuse = |path: String, message: String| problems.push(Detail { path, message });
        if update.is_empty() {
            refuse(at.to_owned(), format!("is empty: known operators are {}", KNOWN.join(", ")));
        }
        for (operator, operands) in update {
            let at = format!("{at}.{}", clip(operator));
            let Some(known) = KNOWN.into_iter().find(|known| known == operator) else {
                let advice = "replaceOne takes whole records";
                refuse(at, format!("unknown operator: known are {}; {advice}", KNOWN.join(", ")));
                continue;
            };
            let Some(paths) = operands.as_object().filter(|paths| !paths.is_empty()) else {
                refuse(at, "must be an object of paths, such as {\"data.status\": \"active\"}".into());
                continue;
            };
            for (path, operand) in paths {
                match step(known, operand) {
                    Ok(step) => steps.push((path.clone(), known, step)),
                    Err(message) => refuse(format!("{at}.{}", clip(path)), message.into()),
                }
            }
        }
        if !problems.is_empty() {
            return Err(Problem::invalid("the update cannot be taken", problems));
        }
        let all = merged(&steps)?;
        bodies::check_changes(&all, |path| {
            let operator =
                steps.iter().find(|(known, ..)| known == path).map_or("", |(_, operator, _)| operator);
            format!("{at}.{operator}.{path}")
        })?;
        let steps = steps.into_iter().map(|(path, _, step)| (path, step)).collect();
        Ok(Self { steps, roots: bodies::roots(&all) })
    }

    /// Whether it would delete the record softly, which takes the permission to delete.
    #[must_use]
    pub fn deletes(&self) -> bool {
        rules::deletes(self.roots.get("state"))
    }

    /// Makes all of the changes, or none.
    ///
    /// # Errors
    /// What the record as it is cannot take: a sum with a text, a path through one.
    pub fn apply(&self, record: &mut Record) -> Result<(), String> {
        let document = record.to_json();
        let mut changes = Map::new();
        for (path, step) in &self.steps {
            let found = Path::parse(path).ok();
            let found = found.and_then(|path| path.get(&document).cloned()).filter(|value| !value.is_null());
            let value = match step {
                Step::Unset => continue,
                Step::Set(value) => value.clone(),
                Step::Add(number) => sum(path, found.as_ref(), number)?,
                Step::Push(values) => longer(path, found, values)?,
            };
            changes.insert(path.clone(), value);
        }
        let mut changed = record.clone();
        if !changes.is_empty() {
            edit::apply_partial(&mut changed, &changes)?;
        }
        for (path, _) in self.steps.iter().filter(|(_, step)| *step == Step::Unset) {
            unset(&mut changed, path);
        }
        *record = changed;
        Ok(())
    }
}

fn step(operator: &str, operand: &Value) -> Result<Step, &'static str> {
    match (operator, operand) {
        ("$set", value) => Ok(Step::Set(value.clone())),
        ("$unset", _) => Ok(Step::Unset),
        ("$inc", Value::Number(number)) => Ok(Step::Add(number.clone())),
        ("$inc", _) => Err("must be a number"),
        (_, Value::Object(fields)) if fields.keys().any(|name| name.starts_with('$')) => {
            match (fields.len(), fields.get("$each")) {
                (1, Some(Value::Array(values))) => Ok(Step::Push(values.clone())),
                _ => Err("knows no modifier but {\"$each\": […]}"),
            }
        }
        (_, value) => Ok(Step::Push(vec![value.clone()])),
    }
}

/// All paths in one map, as they are checked: null stands for values that are not known yet.
fn merged(steps: &[(String, &str, Step)]) -> Result<Fields, Problem> {
    let mut all = Map::new();
    for (path, _, step) in steps {
        let value = if let Step::Set(value) = step { value.clone() } else { Value::Null };
        if all.insert(path.clone(), value).is_some() {
            let message = format!("failed to change `{}` in two ways at once", clip(path));
            return Err(Problem::conflict("overlapping_paths", message));
        }
    }
    Ok(all)
}

fn sum(path: &str, found: Option<&Value>, number: &Number) -> Result<Value, String> {
    let found = match found {
        None => return Ok(Value::Number(number.clone())),
        Some(Value::Number(found)) => found,
        Some(_) => return Err(format!("add to `{path}`: it is no number")),
    };
    let whole = found.as_i64().zip(number.as_i64()).and_then(|(a, b)| a.checked_add(b)).map(Value::from);
    let float =
        || found.as_f64().zip(number.as_f64()).and_then(|(a, b)| Number::from_f64(a + b)).map(Value::Number);
    whole.or_else(float).ok_or_else(|| format!("add to `{path}`: the sum is too large"))
}

fn longer(path: &str, found: Option<Value>, values: &[Value]) -> Result<Value, String> {
    let mut items = match found {
        None => Vec::new(),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(format!("push to `{path}`: it is no array")),
    };
    items.extend_from_slice(values);
    Ok(Value::Array(items))
}

/// Takes a path away. An element of an array becomes null, as in MongoDB, so that others keep their places.
fn unset(record: &mut Record, path: &str) {
    let names: Vec<&str> = path.split('.').collect();
    match names.as_slice() {
        ["data", below @ ..] => unset_in(&mut record.data, below),
        names => unset_in(&mut record.meta, names),
    }
}

fn unset_in(fields: &mut Fields, names: &[&str]) {
    match names {
        [] => {}
        [last] => {
            fields.shift_remove(*last);
        }
        [first, below @ ..] => {
            if let Some(value) = fields.get_mut(*first) {
                unset_below(value, below);
            }
        }
    }
}

fn unset_below(value: &mut Value, names: &[&str]) {
    match value {
        Value::Object(fields) => unset_in(fields, names),
        Value::Array(items) => {
            let Some((index, below)) = names.split_first() else { return };
            let Some(item) = index.parse::<usize>().ok().and_then(|index| items.get_mut(index)) else {
                return;
            };
            if below.is_empty() { *item = Value::Null } else { unset_below(item, below) }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn clip(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::repository::rules::tests::record;
    use serde_json::json;

    fn fields(value: Value) -> Fields {
        value.as_object().cloned().unwrap()
    }

    fn parse(update: Value) -> Result<Update, Problem> {
        Update::parse("update", &fields(update))
    }

    fn applied(data: Value, update: Value) -> Result<Value, String> {
        let mut record = record("contact", "1", "ada", json!({"name": "n"}));
        record.data = fields(data);
        parse(update).unwrap().apply(&mut record)?;
        Ok(record.to_json())
    }

    #[test]
    fn operators_do_what_mongodbs_do() {
        let table = [
            (json!({"a": 1}), json!({"$set": {"data.b.c": 2}}), json!({"a": 1, "b": {"c": 2}})),
            (json!({"a": 1, "b": 2}), json!({"$unset": {"data.a": ""}}), json!({"b": 2})),
            (
                json!({"a": {"b": [1, {"c": 2}]}}),
                json!({"$unset": {"data.a.b.1.c": 1, "data.x.y": 1}}),
                json!({"a": {"b": [1, {}]}}),
            ),
            (json!({"a": [1, 2]}), json!({"$unset": {"data.a.0": 1}}), json!({"a": [null, 2]})),
            (json!({"a": 1}), json!({"$inc": {"data.a": 2, "data.b": -1}}), json!({"a": 3, "b": -1})),
            (json!({"a": 0.5}), json!({"$inc": {"data.a": 1}}), json!({"a": 1.5})),
            (
                json!({"a": i64::MAX}),
                json!({"$inc": {"data.a": 1}}),
                json!({"a": 9_223_372_036_854_775_807_i64 as f64 + 1.0}),
            ),
            (
                json!({"a": [1]}),
                json!({"$push": {"data.a": 2, "data.b": {"$each": [3, 4]}}}),
                json!({"a": [1, 2], "b": [3, 4]}),
            ),
            (json!({"a": null}), json!({"$push": {"data.a": {"x": 1}}}), json!({"a": [{"x": 1}]})),
        ];
        for (data, update, expected) in table {
            assert_eq!(applied(data, update.clone()).unwrap()["data"], expected, "{update}");
        }
        let renamed =
            applied(json!({}), json!({"$set": {"state": "active"}, "$unset": {"name": 1}})).unwrap();
        assert_eq!((&renamed["state"], renamed.get("name")), (&json!("active"), None));
    }

    #[test]
    fn a_record_that_cannot_take_it_stays_as_it_is() {
        let mut record = record("contact", "1", "ada", json!({}));
        record.data = fields(json!({"a": "text", "b": 1}));
        let before = record.clone();
        for update in [
            json!({"$inc": {"data.a": 1}}),
            json!({"$push": {"data.a": 1}}),
            json!({"$set": {"data.a.b": 1}}),
        ] {
            let mut with_unset = fields(update);
            with_unset.insert("$unset".into(), json!({"data.b": 1}));
            assert!(Update::parse("update", &with_unset).unwrap().apply(&mut record).is_err());
            assert_eq!(record, before);
        }
    }

    #[test]
    fn everything_wrong_is_told_with_its_path() {
        let table = [
            (json!({}), "update"),
            (json!({"data.a": 1}), "update.data.a"),
            (json!({"$rename": {"data.a": "b"}}), "update.$rename"),
            (json!({"$set": {}}), "update.$set"),
            (json!({"$set": []}), "update.$set"),
            (json!({"$set": {"email": 1}}), "update.$set.email"),
            (json!({"$set": {"version": 1}}), "update.$set.version"),
            (json!({"$set": {"state": "odd"}}), "update.$set.state"),
            (json!({"$unset": {"data": 1}}), "update.$unset.data"),
            (json!({"$inc": {"data.a": "1"}}), "update.$inc.data.a"),
            (json!({"$push": {"data.a": {"$slice": 1}}}), "update.$push.data.a"),
        ];
        for (update, path) in table {
            let told = parse(update.clone()).unwrap_err().to_string();
            assert!(told.starts_with("400") && told.contains(&format!("{path}: ")), "{update}: {told}");
        }
        for update in [
            json!({"$set": {"data.a": 1}, "$inc": {"data.a": 1}}),
            json!({"$set": {"data.a": 1, "data.a.b": 1}}),
        ] {
            assert_eq!(parse(update).unwrap_err().status(), 409);
        }
    }

    #[test]
    fn deleting_by_an_update_is_noticed() {
        assert!(parse(json!({"$set": {"state": "deleted"}})).unwrap().deletes());
        assert!(!parse(json!({"$set": {"state": "active"}})).unwrap().deletes());
    }
}
