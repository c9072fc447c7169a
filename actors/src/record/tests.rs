//! Generators shared by the property tests of this module.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(any::<char>(), 0..6).prop_map(String::from_iter)
}

/// Field names, mostly from so small a set that queries, paths and documents often meet; none is an operator.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(vec!["a", "b", "c", "0", "1"]).prop_map(str::to_owned),
        1 => text().prop_map(|text| text.replace('$', "_")),
    ]
}

/// Paths of one to four such names.
pub(super) fn any_path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c", "0", "1"]), 1..4)
        .prop_map(|parts| parts.join("."))
}

/// Timestamps close to each other, in several spellings and precisions.
pub(super) fn any_timestamp() -> impl Strategy<Value = String> {
    let start = 1_777_075_200_000_000_000_i128;
    (0..5_000_000_i128, prop::bool::ANY).prop_map(move |(nanoseconds, rounded)| {
        let nanoseconds = if rounded { nanoseconds / 1_000_000 * 1_000_000 } else { nanoseconds };
        jiff::Timestamp::from_nanosecond(start + nanoseconds).unwrap().to_string()
    })
}

/// Null, booleans, numbers, strings and timestamps, among them many that are equal or nearly so.
pub(super) fn any_scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2..3_i64).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec![
            json!(1.0),
            json!(0.5),
            json!(9_007_199_254_740_993_u64),
            json!(9.007_199_254_740_992e15)
        ]),
        prop::sample::select(vec!["a", "b", "ab", "2026-04-25", "$a", "$$ROOT"]).prop_map(Value::from),
        any_timestamp().prop_map(Value::from),
        text().prop_map(Value::from),
    ]
}

/// Any JSON value of a few levels.
pub(super) fn any_json() -> impl Strategy<Value = Value> {
    any_scalar().prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..5)
                .prop_map(|entries| Value::from(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Any JSON object of a few levels.
pub(super) fn any_document() -> impl Strategy<Value = Value> {
    prop::collection::vec((name(), any_json()), 0..5)
        .prop_map(|entries| Value::from(entries.into_iter().collect::<Map<_, _>>()))
}

/// Objects of few fields and levels, for tests that need many of them.
pub(super) fn small_document() -> impl Strategy<Value = Value> {
    let fields = || prop::collection::vec((prop::sample::select(vec!["a", "b", "0"]), any_scalar()), 0..3);
    let object = |entries: Vec<(&str, Value)>| {
        Value::from(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
    };
    (fields(), prop::collection::vec(fields(), 0..3)).prop_map(move |(fields, items)| {
        let mut document = object(fields);
        document["c"] = items.into_iter().map(object).collect();
        document
    })
}

/// Anything that looks like a query or a pipeline: JSON whose names are often operators, right or wrong.
pub(super) fn any_syntax() -> impl Strategy<Value = Value> {
    const OPERATORS: &[&str] = &[
        "$eq",
        "$ne",
        "$gt",
        "$gte",
        "$lt",
        "$lte",
        "$in",
        "$nin",
        "$exists",
        "$regex",
        "$options",
        "$and",
        "$or",
        "$not",
        "$nor",
        "$all",
        "$size",
        "$elemMatch",
        "$date",
        "$foo",
        "$match",
        "$group",
        "$sort",
        "$limit",
        "$skip",
        "$project",
        "$count",
        "$unwind",
        "$sum",
        "$avg",
        "$min",
        "$max",
        "$first",
        "$last",
        "$push",
        "$addToSet",
        "$literal",
        "_id",
    ];
    let operator = || prop_oneof![3 => prop::sample::select(OPERATORS).prop_map(str::to_owned), 1 => any_path(), 1 => text()];
    any_scalar().prop_recursive(5, 60, 4, move |inner| {
        prop_oneof![
            2 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            5 => prop::collection::vec((operator(), inner), 0..4)
                .prop_map(|entries| Value::from(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}
