//! Which spellings are read, and which order they give.

use super::*;
use crate::record::tests::{any_document, any_json, any_path};
use proptest::prelude::*;
use serde_json::json;

fn parse(sort: &Value) -> Sort {
    Sort::parse(sort, None).unwrap_or_else(|problems| panic!("{sort}: {problems:?}"))
}

fn sorted(sort: &Value, mut documents: Vec<Value>) -> Vec<Value> {
    let sort = parse(sort);
    documents.sort_by(|left, right| sort.compare(left, right));
    documents
}

#[test]
fn reads_every_spelling() {
    use Direction::{Ascending, Descending};
    let table = [
        (json!({"createdate": -1}), None, ("createdate", Descending)),
        (json!({"createdate": 1.0}), None, ("createdate", Ascending)),
        (json!({"createdate": "desc"}), None, ("createdate", Descending)),
        (json!("createdate"), None, ("createdate", Ascending)),
        (json!("createdate"), Some(json!(-1)), ("createdate", Descending)),
        (json!("createdate"), Some(json!("asc")), ("createdate", Ascending)),
        (json!("-createdate"), None, ("createdate", Descending)),
    ];
    for (sort, sort_type, expected) in table {
        let parsed = Sort::parse(&sort, sort_type.as_ref()).unwrap();
        assert_eq!(parsed.single(), Some(expected), "{sort} {sort_type:?}");
    }
    assert!(parse(&json!({})).is_empty());
    assert_eq!(parse(&json!({"a": 1, "b": 1})).single(), None);
}

#[test]
fn names_mistakes() {
    let many: Value = (0..9).map(|at| (format!("f{at}"), json!(1))).collect();
    let table = [
        (json!(5), None, "sort", "must be an object"),
        (json!({"a": 2}), None, "sort.a", "must be 1, -1"),
        (json!({"a": null}), None, "sort.a", "must be 1, -1"),
        (json!({"$a": 1}), None, "sort.$a", "begins with `$`"),
        (json!(""), None, "sort", "none of them empty"),
        (json!("a"), Some(json!(0)), "sortType", "must be 1, -1"),
        (json!("-a"), Some(json!(1)), "sortType", "given already"),
        (json!({"a": 1}), Some(json!(1)), "sortType", "an object has its directions inside"),
        (many, None, "sort", "more than 8 keys"),
    ];
    for (sort, sort_type, path, message) in table {
        let problems = Sort::parse(&sort, sort_type.as_ref()).expect_err(&sort.to_string());
        assert_eq!(problems[0].path, path, "{sort}");
        assert!(problems[0].message.contains(message), "{sort}: {}", problems[0]);
    }
}

#[test]
fn the_first_key_written_decides_first() {
    let documents = vec![json!({"z": 1, "a": 2}), json!({"z": 2, "a": 1}), json!({"z": 1, "a": 1})];
    let expected = [json!({"z": 2, "a": 1}), json!({"z": 1, "a": 1}), json!({"z": 1, "a": 2})];
    let sort: Value = serde_json::from_str(r#"{"z": -1, "a": 1}"#).unwrap();
    assert_eq!(sorted(&sort, documents), expected);
}

#[test]
fn arrays_sort_by_their_extremes_and_missing_as_null() {
    let ascending = vec![
        json!({"a": []}),
        json!({"a": null, "n": 1}),
        json!({"n": 2}),
        json!({"a": [9, 1]}),
        json!({"a": 2}),
        json!({"a": "x"}),
        json!({"a": [[0]]}),
        json!({"a": true}),
        json!({"a": "2026-04-25T00:00:00.5Z"}),
        json!({"a": "2026-04-25T00:00:01Z"}),
    ];
    let mut shuffled = ascending.clone();
    shuffled.rotate_left(4);
    assert_eq!(sorted(&json!({"a": 1}), shuffled), ascending);
    let descending =
        sorted(&json!({"a": -1}), vec![json!({"a": []}), json!({"a": 2}), json!({"a": [9, 1]}), json!({})]);
    assert_eq!(descending, [json!({"a": [9, 1]}), json!({"a": 2}), json!({}), json!({"a": []})]);
    let nested = parse(&json!({"a.b": 1}));
    assert_eq!(nested.compare(&json!({"a": [7]}), &json!({})), Ordering::Equal);
    let fanned = sorted(
        &json!({"a.b": 1}),
        vec![json!({"a": [{"b": 5}, {"b": 2}]}), json!({"a": {"b": 3}}), json!({"a": [7]})],
    );
    assert_eq!(fanned, [json!({"a": [7]}), json!({"a": [{"b": 5}, {"b": 2}]}), json!({"a": {"b": 3}})]);
}

proptest! {
    #[test]
    fn is_a_total_order(path in any_path(), up in any::<bool>(), a in any_document(), b in any_document(), c in any_document()) {
        let sort = parse(&json!({path: if up { 1 } else { -1 }, "b": 1}));
        prop_assert_eq!(sort.compare(&a, &a), Ordering::Equal);
        prop_assert_eq!(sort.compare(&a, &b), sort.compare(&b, &a).reverse());
        let mut three = [&a, &b, &c];
        three.sort_by(|left, right| sort.compare(left, right));
        prop_assert_ne!(sort.compare(three[0], three[2]), Ordering::Greater);
    }

    #[test]
    fn nothing_panics(sort in any_json(), sort_type in prop::option::of(any_json()), document in any_json()) {
        if let Ok(sort) = Sort::parse(&sort, sort_type.as_ref()) {
            sort.key(&document);
        }
    }
}
