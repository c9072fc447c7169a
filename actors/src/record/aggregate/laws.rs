//! Laws of pipelines, on arbitrary documents.

use super::*;
use crate::record::Sort;
use crate::record::tests::{any_path, any_scalar, any_syntax, small_document};
use proptest::prelude::*;
use serde_json::json;

fn parse(stages: &Value) -> Pipeline {
    Pipeline::parse(stages, &Limits::default()).unwrap()
}

fn documents() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(small_document(), 0..8)
}

fn stage() -> impl Strategy<Value = Value> {
    prop_oneof![
        any_path().prop_map(|path| json!({"$match": {path: {"$exists": true}}})),
        (any_path(), prop::sample::select(vec![1, -1])).prop_map(|(path, direction)| json!({"$sort": {path: direction}})),
        (1..5_u8).prop_map(|limit| json!({"$limit": limit})),
        (0..5_u8).prop_map(|skip| json!({"$skip": skip})),
        any_path().prop_map(|path| json!({"$project": {path: 1}})),
        any_path().prop_map(|path| json!({"$project": {path: 0}})),
        (any_path(), any_path()).prop_map(|(to, from)| json!({"$project": {to: format!("${from}")}})),
        any_path().prop_map(|path| json!({"$unwind": format!("${path}")})),
        any_path().prop_map(|path| json!({"$unwind": {"path": format!("${path}"), "preserveNullAndEmptyArrays": true, "includeArrayIndex": "at"}})),
        Just(json!({"$count": "n"})),
        (any_path(), prop::sample::select(super::accumulate::KNOWN.to_vec()), any_path()).prop_map(|(id, name, path)| {
            let operand = if name == "$count" { json!({}) } else { json!(format!("${path}")) };
            json!({"$group": {"_id": format!("${id}"), "x": {name: operand}}})
        }),
    ]
}

proptest! {
    #[test]
    fn nothing_panics(syntax in any_syntax(), stages in prop::collection::vec(stage(), 0..5), documents in documents()) {
        let valid = parse(&Value::from(stages));
        prop_assert!(valid.run(documents.clone()).is_ok());
        if let Ok(pipeline) = Pipeline::parse(&json!([syntax]), &Limits::default()) {
            let _ = pipeline.run(documents);
        }
    }

    #[test]
    fn input_that_is_useless_changes_nothing(stages in prop::collection::vec(stage(), 0..5), documents in documents()) {
        let pipeline = parse(&Value::from(stages));
        let mut all = pipeline.start();
        for document in documents.clone() {
            all.push(document).unwrap();
        }
        prop_assert_eq!(all.finish().unwrap(), pipeline.run(documents).unwrap());
    }

    #[test]
    fn a_short_sort_is_the_head_of_a_full_one(
        direction in prop::sample::select(vec![1, -1]),
        skip in 0..4_usize,
        limit in 1..4_usize,
        values in prop::collection::vec(any_scalar(), 0..60),
    ) {
        let stages = json!([{"$sort": {"a": direction}}, {"$skip": skip}, {"$limit": limit}]);
        let numbered = values.into_iter().enumerate();
        let mut all: Vec<_> = numbered.map(|(at, value)| json!({"a": value, "at": at})).collect();
        let found = parse(&stages).run(all.clone()).unwrap();
        let sort = Sort::parse(&json!({"a": direction}), None).unwrap();
        all.sort_by(|left, right| sort.compare(left, right));
        prop_assert_eq!(found, all.into_iter().skip(skip).take(limit).collect::<Vec<_>>());
    }

    #[test]
    fn groups_add_up(path in any_path(), documents in documents()) {
        let pipeline = json!([{"$group": {"_id": format!("${path}"), "n": {"$sum": 1}}}, {"$group": {"_id": null, "n": {"$sum": "$n"}}}]);
        let found = parse(&pipeline).run(documents.clone()).unwrap();
        let expected = if documents.is_empty() { vec![] } else { vec![json!({"_id": null, "n": documents.len()})] };
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn whatever_is_held_is_given_back(stages in prop::collection::vec(stage(), 0..4), documents in documents()) {
        let limits = Limits { held_bytes: 200_000, ..Limits::default() };
        let stages: Vec<_> = stages.into_iter().chain([json!({"$match": {"never": {"$exists": true}}})]).collect();
        let mut run = Pipeline::parse(&Value::from(stages), &limits).unwrap().start();
        for document in documents {
            prop_assert!(run.push(document).is_ok());
        }
        prop_assert_eq!(run.close_and_weigh(), 0);
    }
}
