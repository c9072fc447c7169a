//! Laws of matching and of the planner, on arbitrary queries and documents.

use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds};

use super::*;
use crate::record::compare::{instant, milliseconds};
use crate::record::tests::{any_document, any_json, any_path, any_syntax, any_timestamp};
use proptest::prelude::*;
use serde_json::json;

fn parse(query: &Value) -> Query {
    Query::parse(query, &Limits::default()).unwrap_or_else(|problems| panic!("{query}: {problems:?}"))
}

/// A test that is valid under a field.
fn any_test() -> impl Strategy<Value = Value> {
    let literal = || prop_oneof![3 => any_json(), 1 => any_timestamp().prop_map(Value::from)];
    let relation = prop::sample::select(vec!["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]);
    let leaf = prop_oneof![
        4 => (relation, literal()).prop_map(|(name, value)| json!({name: value})),
        1 => (prop::sample::select(vec!["$in", "$nin", "$all"]), prop::collection::vec(literal(), 0..4)).prop_map(|(name, values)| json!({name: values})),
        1 => any::<bool>().prop_map(|exists| json!({"$exists": exists})),
        1 => (0..3_u8).prop_map(|size| json!({"$size": size})),
        1 => Just(json!({"$regex": "a"})),
    ];
    leaf.prop_recursive(2, 6, 1, |inner| {
        prop_oneof![
            inner.clone().prop_map(|test| json!({"$not": test})),
            inner.prop_map(|test| json!({"$elemMatch": test}))
        ]
    })
}

fn time_test() -> impl Strategy<Value = Value> {
    let relation = prop::sample::select(vec!["$eq", "$gt", "$gte", "$lt", "$lte", "$ne"]);
    prop_oneof![
        5 => (relation, any_timestamp()).prop_map(|(name, at)| json!({name: at})),
        1 => any_timestamp().prop_map(|at| json!({"$gte": {"$date": at}})),
        1 => prop::collection::vec(any_timestamp(), 0..3).prop_map(|all| json!({"$in": all})),
        1 => Just(json!({"$gte": "2026"})),
    ]
}

fn time_query() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::collection::vec(time_test(), 1..4)
            .prop_map(|tests| json!({"$and": tests.into_iter().map(|test| json!({"modifydate": test})).collect::<Vec<_>>()})),
        time_test().prop_map(|test| json!({"modifydate": test, "state": "active"})),
    ]
}

proptest! {
    #[test]
    fn nothing_panics(query in any_syntax(), document in any_json()) {
        match Query::parse(&query, &Limits::default()) {
            Ok(query) => { query.matches(&document); }
            Err(problems) => prop_assert!(!problems.is_empty() && problems.len() <= 20),
        }
    }

    #[test]
    fn not_is_the_opposite(path in any_path(), test in any_test(), document in any_document()) {
        let plain = parse(&json!({&path: test})).matches(&document);
        prop_assert_eq!(parse(&json!({&path: {"$not": test}})).matches(&document), !plain);
        prop_assert_eq!(parse(&json!({"$nor": [{&path: test}]})).matches(&document), !plain);
        prop_assert_eq!(parse(&json!({"$or": [{&path: test}]})).matches(&document), plain);
        prop_assert_eq!(parse(&json!({"$and": [{&path: test}]})).matches(&document), plain);
    }

    #[test]
    fn operators_agree(path in any_path(), value in any_json(), document in any_document()) {
        let matches = |test: Value| parse(&json!({&path: test})).matches(&document);
        let equal = matches(json!({"$eq": value}));
        prop_assert_eq!(matches(json!({"$in": [value]})), equal);
        prop_assert_eq!(matches(json!({"$all": [value]})), equal);
        prop_assert_eq!(matches(json!({"$nin": [value]})), !equal);
        prop_assert_eq!(matches(json!({"$ne": value})), !equal);
        prop_assert_eq!(matches(json!({"$gte": value})), equal || matches(json!({"$gt": value})));
        prop_assert_eq!(matches(json!({"$lte": value})), equal || matches(json!({"$lt": value})));
    }

    #[test]
    fn a_document_matches_its_own_fields(document in any_document()) {
        for (name, value) in document.as_object().unwrap() {
            if Path::parse(name).is_ok_and(|path| path.parts().len() == 1) {
                let query = parse(&json!({name: {"$eq": value}}));
                prop_assert!(query.matches(&document));
            }
        }
    }

    #[test]
    fn a_time_range_excludes_no_match(query in time_query(), at in any_timestamp()) {
        let query = parse(&query);
        let document = json!({"modifydate": at, "state": "active"});
        let key = milliseconds(instant(&at).unwrap());
        let within = query.time_range("modifydate").is_none_or(|range| range.contains(&key));
        prop_assert!(within || !query.matches(&document));
        if query.is_only("modifydate") {
            prop_assert_eq!(within, query.matches(&document));
        }
    }

    #[test]
    fn a_time_range_is_fit_for_a_map(query in time_query()) {
        if let Some(range) = parse(&query).time_range("modifydate") {
            prop_assert_eq!(BTreeMap::<i64, ()>::new().range(range).count(), 0);
        }
    }

    #[test]
    fn plans_exclude_no_match(value in any_json(), others in prop::collection::vec(any_json(), 0..3)) {
        let query = parse(&json!({"a": value}));
        let many = others.iter().chain([&value]).cloned().collect::<Vec<_>>();
        for document in others.into_iter().chain([value, Value::from(many)]).map(|value| json!({"a": value})) {
            let holds = |wanted: &Value| Path::parse("a").unwrap().any(&document, Leaf::Each, &mut |value| {
                value.is_some_and(|value| crate::record::compare::equal(value, wanted))
            });
            prop_assert!(!query.matches(&document) || query.equality("a").is_none_or(holds));
            prop_assert!(!query.matches(&document) || query.one_of("a").is_none_or(|all| all.iter().any(holds)));
        }
    }
}

#[test]
fn plans() {
    let query =
        parse(&json!({"$and": [{"state": "active"}, {"owner.id": {"$in": ["a", "b"]}}], "n": {"$gt": 1},
        "at": "2026-04-25T00:00:00Z", "x": null, "big": {"$in": ["a", "2026-04-25T00:00:00Z"]}}));
    assert_eq!(query.equality("state"), Some(&json!("active")));
    assert_eq!(query.one_of("state"), Some(&[json!("active")][..]));
    assert_eq!(query.one_of("owner.id"), Some(&[json!("a"), json!("b")][..]));
    assert_eq!(query.equality("owner.id"), None);
    for path in ["n", "at", "x", "big", "owner"] {
        assert_eq!((query.equality(path), query.one_of(path)), (None, None), "{path}");
    }
    assert!(!query.is_empty() && !query.is_only("state"));
    assert!(parse(&json!({})).is_empty() && !parse(&json!({})).is_only("modifydate"));
    assert_eq!(parse(&json!({"$or": [{"state": "active"}]})).equality("state"), None);
}

#[test]
fn time_ranges() {
    use Bound::{Excluded, Included, Unbounded};
    let (at, ms) = ("2026-04-25T00:00:00Z", 1_777_075_200_000);
    let finer = "2026-04-25T00:00:00.0005Z";
    let later = "2026-04-25T00:00:01Z";
    let table = [
        (json!({"$gte": at}), Some((Included(ms), Unbounded)), true),
        (json!({"$gt": at}), Some((Included(ms), Unbounded)), false),
        (json!({"$lt": at}), Some((Unbounded, Excluded(ms))), true),
        (json!({"$lte": at}), Some((Unbounded, Included(ms))), false),
        (json!({"$lt": finer}), Some((Unbounded, Included(ms))), false),
        (json!({"$gte": finer}), Some((Included(ms), Unbounded)), false),
        (json!({"$eq": at}), Some((Included(ms), Included(ms))), false),
        (json!(at), Some((Included(ms), Included(ms))), false),
        (json!({"$gte": at, "$lt": later}), Some((Included(ms), Excluded(ms + 1000))), true),
        (json!({"$gte": at, "$gt": later}), Some((Included(ms + 1000), Unbounded)), false),
        (json!({"$lt": later, "$lte": later}), Some((Unbounded, Excluded(ms + 1000))), false),
        (json!({"$lte": later, "$lt": later}), Some((Unbounded, Excluded(ms + 1000))), false),
        (json!({"$gte": at, "$lt": at}), Some((Included(0), Excluded(0))), true),
        (json!({"$gte": later, "$lt": at}), Some((Included(0), Excluded(0))), true),
        (json!({"$in": [later, at]}), Some((Included(ms), Included(ms + 1000))), false),
        (json!({"$in": [at, "x"]}), None, false),
        (json!({"$in": []}), Some((Included(0), Excluded(0))), false),
        (json!({"$gte": "2026-04-25"}), None, false),
        (json!({"$gte": 5}), None, false),
        (json!({"$not": {"$gte": at}}), None, false),
        (json!({"$gte": {"$date": at}, "$exists": true}), Some((Included(ms), Unbounded)), false),
    ];
    for (test, range, only) in table {
        let query = parse(&json!({"modifydate": test}));
        assert_eq!(query.time_range("modifydate"), range, "{test}");
        assert_eq!(query.is_only("modifydate"), only, "{test}");
        assert_eq!(query.time_range("createdate"), None, "{test}");
    }
}
