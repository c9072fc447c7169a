//! What may be written where, and that a refused update changes nothing.

use super::*;
use crate::record::tests::{any_document, any_json, any_path};
use proptest::prelude::*;
use serde_json::json;

fn updated(document: &Value, changes: &Value) -> Result<Value, Vec<Problem>> {
    let mut document = document.clone();
    apply(&mut document, changes.as_object().unwrap())?;
    Ok(document)
}

#[test]
fn writes() {
    let record = json!({"sk": "1", "state": "new", "data": {"a": {"b": 1, "c": 2}, "list": [1, {"x": 1}], "none": null}});
    let with = |data: Value| json!({"sk": "1", "state": "new", "data": data});
    let (a, list) = (json!({"b": 1, "c": 2}), json!([1, {"x": 1}]));
    let table = [
        (json!({}), record.clone()),
        (json!({"state": "active"}), json!({"sk": "1", "state": "active", "data": record["data"]})),
        (json!({"data.a.b": 5}), with(json!({"a": {"b": 5, "c": 2}, "list": list, "none": null}))),
        (json!({"data.a": {"d": 1}}), with(json!({"a": {"d": 1}, "list": list, "none": null}))),
        (json!({"data": {"z": 1}}), with(json!({"z": 1}))),
        (json!({"data.x.y.z": 1}), with(json!({"a": a, "list": list, "none": null, "x": {"y": {"z": 1}}}))),
        (json!({"data.x.0": 1}), with(json!({"a": a, "list": list, "none": null, "x": {"0": 1}}))),
        (json!({"data.none.y": 1}), with(json!({"a": a, "list": list, "none": {"y": 1}}))),
        (
            json!({"data.list.0": 9, "data.list.1.x": 8}),
            with(json!({"a": a, "list": [9, {"x": 8}], "none": null})),
        ),
        (
            json!({"data.list.2.y": 1, "data.list.3": 4}),
            with(json!({"a": a, "list": [1, {"x": 1}, {"y": 1}, 4], "none": null})),
        ),
        (json!({"data.a.b": null}), with(json!({"a": {"b": null, "c": 2}, "list": list, "none": null}))),
    ];
    for (changes, expected) in table {
        assert_eq!(updated(&record, &changes), Ok(expected), "{changes}");
    }
    let owned = updated(&record, &json!({"owner.id": "7", "notes": [], "share": null})).unwrap();
    assert_eq!((&owned["owner"], &owned["notes"]), (&json!({"id": "7"}), &json!([])));
}

#[test]
fn refuses() {
    let record = json!({"sk": "1", "data": {"text": "x", "list": [1]}});
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    let table = [
        (json!({"sk": "2"}), "sk", "`sk` is kept by the server: known are data, name"),
        (json!({"version": 2}), "version", "is kept by the server"),
        (json!({"modifydate.x": 2}), "modifydate.x", "is kept by the server"),
        (json!({"author": {}}), "author", "is kept by the server"),
        (json!({"status": "x"}), "status", "`status` is no field of a record"),
        (json!({"": 1}), "", "none of them empty"),
        (json!({"data.$set": 1}), "data.$set", "begins with `$`"),
        (json!({"data": 5}), "data", "must be an object, not a number"),
        (json!({"data": null}), "data", "must be an object, not null"),
        (json!({"state": ""}), "state", "must be a state"),
        (json!({"notes": {}}), "notes", "must be an array or null"),
        (json!({"name": 1}), "name", "must be a string or null"),
        (json!({"owner": 1}), "owner", "must be an object or null"),
        (json!({"data.text.x": 1}), "data.text.x", "`data.text` is a string: a path cannot go through it"),
        (
            json!({"data.list.2": 1}),
            "data.list.2",
            "an array of 1: the index must be a number from 0 to 1, not `2`",
        ),
        (json!({"data.list.x": 1}), "data.list.x", "not `x`"),
        (json!({"data.a": 1, "data.a.b": 2}), "data.a.b", "overlaps"),
        (json!({"data.a.b": 1, "data.a": 2}), "data.a", "overlaps"),
        (json!({"data.deep": deep}), "data.deep", "deeper than 100 levels"),
    ];
    for (changes, path, message) in table {
        let problems = updated(&record, &changes).expect_err(&changes.to_string());
        assert_eq!(problems[0].path, path, "{changes}");
        assert!(problems[0].message.contains(message), "{changes}: {}", problems[0]);
    }
    let many: Value = (0..501).map(|at| (format!("data.f{at}"), json!(1))).collect();
    assert!(updated(&record, &many).unwrap_err()[0].message.contains("more than 500"));
}

#[test]
fn all_or_nothing() {
    let mut record = json!({"sk": "1", "data": {"a": 1}});
    let before = record.clone();
    let changes = json!({"data.a": 2, "sk": "2", "data.b.c": 3, "pk": "x"});
    let problems = apply(&mut record, changes.as_object().unwrap()).unwrap_err();
    assert_eq!(problems.iter().map(|problem| problem.path.as_str()).collect::<Vec<_>>(), ["sk", "pk"]);
    assert_eq!(record, before);
}

#[test]
fn every_writable_field_is_known_once() {
    let mut names: Vec<_> = writable().chain(MANAGED).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}

proptest! {
    #[test]
    fn what_was_written_is_there(path in any_path(), value in any_json(), data in any_document()) {
        let path = format!("data.{path}");
        let record = json!({"sk": "1", "data": data});
        match updated(&record, &json!({&path: value})) {
            Ok(updated) => {
                prop_assert_eq!(Path::parse(&path).unwrap().get(&updated), Some(&value));
                prop_assert_eq!(&updated["sk"], &record["sk"]);
            }
            Err(problems) => prop_assert_eq!(&problems[0].path, &path),
        }
    }

    #[test]
    fn nothing_panics(document in any_json(), changes in any_document()) {
        let mut document = document;
        let before = document.clone();
        if apply(&mut document, changes.as_object().unwrap()).is_err() {
            prop_assert_eq!(document, before);
        }
    }
}
