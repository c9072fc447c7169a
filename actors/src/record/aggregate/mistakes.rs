//! What a pipeline is refused for, and the bounds that stop a run.

use super::*;
use serde_json::json;

fn refused(pipeline: &Value, path: &str, message: &str) {
    let problems = Pipeline::parse(pipeline, &Limits::default()).expect_err(&pipeline.to_string());
    assert!(problems[0].path.starts_with(path), "{pipeline}: {}", problems[0]);
    assert!(problems[0].message.contains(message), "{pipeline}: {}", problems[0]);
}

#[test]
fn are_named() {
    let table = r#"
        {}                                  | pipeline                     | must be an array of stages, not an object
        [{}]                                | pipeline[0]                  | must be an object with one stage: known are $match
        [{"$match": {}, "$limit": 1}]       | pipeline[0]                  | one stage
        [{"$limit": 1}, {"$lookup": {}}]    | pipeline[1].$lookup          | unknown stage `$lookup`: known are $match
        [{"$match": {"a": {"$foo": 1}}}]    | pipeline[0].$match.a.$foo    | unknown operator
        [{"$limit": 0}]                     | pipeline[0].$limit           | whole number from 1
        [{"$skip": -1}]                     | pipeline[0].$skip            | whole number from 0
        [{"$sort": {}}]                     | pipeline[0].$sort            | must be an object such as
        [{"$sort": {"a": 2}}]               | pipeline[0].$sort.a          | must be 1, -1
        [{"$count": "a.b"}]                 | pipeline[0].$count           | without dots
        [{"$count": 1}]                     | pipeline[0].$count           | must be the name
        [{"$group": 1}]                     | pipeline[0].$group           | must be an object with _id
        [{"$group": {"n": {"$sum": 1}}}]    | pipeline[0].$group           | needs an _id
        [{"$group": {"_id": null, "n": {"$median": 1}}}] | pipeline[0].$group.n.$median | unknown accumulator `$median`: known are $sum
        [{"$group": {"_id": null, "n": 1}}] | pipeline[0].$group.n         | one accumulator
        [{"$group": {"_id": null, "n": {"$count": 1}}}] | pipeline[0].$group.n.$count | must be {}
        [{"$group": {"_id": null, "a.b": {"$sum": 1}}}] | pipeline[0].$group.a.b | without dots
        [{"$group": {"_id": {"$year": "$a"}}}] | pipeline[0].$group._id.$year | unknown expression `$year`: known are
        [{"$group": {"_id": "$$NOW"}}]      | pipeline[0].$group._id       | unknown variable `$$NOW`
        [{"$group": {"_id": "$a..b"}}]      | pipeline[0].$group._id       | none of them empty
        [{"$project": {}}]                  | pipeline[0].$project         | at least one field
        [{"$project": {"a": 1, "b": 0}}]    | pipeline[0].$project         | both keeps and removes
        [{"$project": {"a": 5}}]            | pipeline[0].$project.a       | $literal
        [{"$project": {"a": 1, "a.b": 1}}]  | pipeline[0].$project.a.b     | overlaps
        [{"$project": {"a": {"$concat": []}}}] | pipeline[0].$project.a.$concat | unknown expression
        [{"$unwind": "l"}]                  | pipeline[0].$unwind          | begins with `$`
        [{"$unwind": 5}]                    | pipeline[0].$unwind          | must be "$path"
        [{"$unwind": {"path": "$l", "x": 1}}] | pipeline[0].$unwind.x      | unknown name: known are path
        [{"$unwind": {"path": "$l", "includeArrayIndex": "l.i"}}] | pipeline[0].$unwind.includeArrayIndex | overlaps
        [{"$unwind": {"path": "$l", "preserveNullAndEmptyArrays": 1}}] | pipeline[0].$unwind.preserveNullAndEmptyArrays | must be true
        [{"$unwind": {}}]                   | pipeline[0].$unwind.path     | begins with `$`
    "#;
    for line in table.lines().filter(|line| !line.trim().is_empty()) {
        let columns: Vec<_> = line.split(" | ").map(str::trim).collect();
        let [pipeline, path, message] = columns[..] else { panic!("not three columns: {line}") };
        refused(&serde_json::from_str(pipeline).unwrap(), path, message);
    }
    let deep = (0..30).fold(json!("$a"), |inner, _| json!([inner]));
    refused(&json!([{"$project": {"a": deep}}]), "pipeline[0].$project.a", "deeper than 20");
    refused(&json!([{"$project": {"a": vec!["$b"; 300]}}]), "pipeline[0]", "more than 200 expressions");
    refused(&json!(vec![json!({"$limit": 1}); 33]), "pipeline", "more than 32 stages");
}

#[test]
fn bounds_are_kept() {
    let limits = Limits {
        groups: 3,
        collected: 3,
        sorted: 3,
        unwound: 3,
        results: 3,
        document_bytes: 500,
        held_bytes: 8_000,
        ..Limits::default()
    };
    let documents = || (0..20).map(|at| json!({"a": at, "l": [1, 2], "big": "x".repeat(300)}));
    let push = json!([{"$group": {"_id": null, "x": {"$push": "$a"}}}]);
    let add = json!([{"$group": {"_id": null, "x": {"$addToSet": "$a"}}}]);
    let twice = json!([{"$project": {"x": ["$big", "$big"]}}]);
    let table = [
        (json!([{"$group": {"_id": "$a"}}]), "pipeline[0].$group", Exceeded::Groups(3)),
        (push, "pipeline[0].$group", Exceeded::Collected(3)),
        (add, "pipeline[0].$group", Exceeded::Collected(3)),
        (json!([{"$match": {}}, {"$sort": {"a": 1}}]), "pipeline[1].$sort", Exceeded::Sorted(3)),
        (json!([{"$sort": {"a": 1}}, {"$limit": 4}]), "pipeline[0].$sort", Exceeded::Sorted(3)),
        (json!([{"$unwind": "$l"}, {"$count": "n"}]), "pipeline[0].$unwind", Exceeded::Unwound(3)),
        (json!([]), "pipeline", Exceeded::Results(3)),
        (twice, "pipeline[0].$project", Exceeded::DocumentBytes(500)),
        (json!([{"$sort": {"a": -1}}, {"$limit": 3}]), "pipeline[0].$sort", Exceeded::HeldBytes(8_000)),
    ];
    for (pipeline, at, exceeded) in table {
        let found = Pipeline::parse(&pipeline, &limits).unwrap().run(documents());
        assert_eq!(found, Err(PipelineError { at: at.to_owned(), exceeded }), "{pipeline}");
    }
    let shorter = json!([{"$project": {"a": 1}}, {"$sort": {"a": -1}}, {"$limit": 9}, {"$limit": 1}]);
    let found = Pipeline::parse(&shorter, &limits).unwrap().run(documents());
    assert_eq!(found.unwrap(), [json!({"a": 19})]);
    let short = json!([{"$project": {"a": 1}}, {"$sort": {"a": -1}}, {"$limit": 3}]);
    let found = Pipeline::parse(&short, &limits).unwrap().run(documents());
    assert_eq!(found.unwrap(), [json!({"a": 19}), json!({"a": 18}), json!({"a": 17})]);
}

#[test]
fn a_document_cannot_be_doubled_without_end() {
    let double = json!({"$project": {"_id": 0, "a": "$$ROOT", "b": "$$ROOT"}});
    let pipeline = Pipeline::parse(&json!(vec![double; 32]), &Limits::default()).unwrap();
    let error = pipeline.run([json!({"text": "x"})]).unwrap_err();
    assert!(matches!(error.exceeded, Exceeded::DocumentBytes(_)), "{error}");
    assert!(error.to_string().contains("].$project: more than 1048576 bytes added"), "{error}");
}
