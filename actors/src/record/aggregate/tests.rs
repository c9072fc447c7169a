//! Stages and accumulators, and when a run wants no more.

use super::*;
use serde_json::json;

fn parse(pipeline: &Value) -> Pipeline {
    Pipeline::parse(pipeline, &Limits::default())
        .unwrap_or_else(|problems| panic!("{pipeline}: {problems:?}"))
}

/// Each line: the stages and the result for `documents`. Compared as text, so that the order of fields and the
/// spelling of numbers count.
fn check(documents: &str, table: &str) {
    let documents: Vec<Value> = serde_json::from_str(documents).unwrap();
    for line in table.lines().filter(|line| !line.trim().is_empty()) {
        let (pipeline, expected) = line.split_once(" | ").unwrap();
        let [pipeline, expected]: [Value; 2] =
            [pipeline, expected].map(|text| serde_json::from_str(text).unwrap());
        let found = parse(&pipeline).run(documents.clone());
        let found = found.unwrap_or_else(|error| panic!("{pipeline}: {error}"));
        assert_eq!(Value::from(found).to_string(), expected.to_string(), "{pipeline}");
    }
}

#[test]
fn streams() {
    check(
        r#"[{"a": 1}, {"a": 2}, {"a": 3}, {"a": 4}]"#,
        r#"
        []                                     | [{"a": 1}, {"a": 2}, {"a": 3}, {"a": 4}]
        [{"$match": {"a": {"$gt": 2}}}]        | [{"a": 3}, {"a": 4}]
        [{"$skip": 1}, {"$limit": 2}]          | [{"a": 2}, {"a": 3}]
        [{"$limit": 2}, {"$skip": 1}]          | [{"a": 2}]
        [{"$skip": 9}]                         | []
        [{"$count": "n"}]                      | [{"n": 4}]
        [{"$match": {"a": 9}}, {"$count": "n"}] | []
        [{"$sort": {"a": -1}}]                 | [{"a": 4}, {"a": 3}, {"a": 2}, {"a": 1}]
        [{"$sort": {"a": -1}}, {"$skip": 1}, {"$limit": 2}] | [{"a": 3}, {"a": 2}]
        [{"$sort": {"a": -1}}, {"$limit": 3}, {"$sort": {"a": 1}}, {"$limit": 1}] | [{"a": 2}]
        [{"$sort": {"a": -1}}, {"$project": {"a": 1}}, {"$limit": 1}] | [{"a": 4}]
        [{"$sort": {"a": -1}}, {"$match": {"a": {"$lt": 3}}}, {"$limit": 1}] | [{"a": 2}]
        "#,
    );
}

#[test]
fn groups() {
    check(
        r#"[{"s": "x", "n": 1, "t": ["p"]}, {"s": "y", "n": 2.5}, {"s": "x", "n": 3, "t": ["q"]}, {"s": "x", "n": "no"}, {"n": null}]"#,
        r#"
        [{"$group": {"_id": "$s", "sum": {"$sum": "$n"}, "avg": {"$avg": "$n"}}}] | [{"_id": "x", "sum": 4, "avg": 2}, {"_id": "y", "sum": 2.5, "avg": 2.5}, {"_id": null, "sum": 0, "avg": null}]
        [{"$group": {"_id": "$s", "rows": {"$sum": 1}, "count": {"$count": {}}}}] | [{"_id": "x", "rows": 3, "count": 3}, {"_id": "y", "rows": 1, "count": 1}, {"_id": null, "rows": 1, "count": 1}]
        [{"$group": {"_id": null, "min": {"$min": "$n"}, "max": {"$max": "$n"}}}] | [{"_id": null, "min": 1, "max": "no"}]
        [{"$group": {"_id": null, "first": {"$first": "$s"}, "last": {"$last": "$s"}}}] | [{"_id": null, "first": "x", "last": null}]
        [{"$group": {"_id": null, "all": {"$push": "$n"}, "tags": {"$push": "$t"}}}] | [{"_id": null, "all": [1, 2.5, 3, "no", null], "tags": [["p"], ["q"]]}]
        [{"$group": {"_id": null, "set": {"$addToSet": "$s"}}}] | [{"_id": null, "set": ["x", "y"]}]
        [{"$group": {"_id": {"s": "$s", "c": "k"}, "one": {"$first": "$$ROOT"}}}, {"$limit": 1}] | [{"_id": {"s": "x", "c": "k"}, "one": {"s": "x", "n": 1, "t": ["p"]}}]
        [{"$group": {"_id": null, "min": {"$min": "$none"}}}] | [{"_id": null, "min": null}]
        "#,
    );
    check(
        r#"[{"a": 1}, {"a": 1.0}, {"a": "1"}, {}]"#,
        r#"[{"$group": {"_id": "$a"}}] | [{"_id": 1}, {"_id": "1"}, {"_id": null}]"#,
    );
    check("[]", r#"[{"$group": {"_id": null, "n": {"$sum": 1}}}] | []"#);
}

#[test]
fn sums() {
    let table = [
        (r#"[{"a": 18446744073709551615}, {"a": 1}, {"a": -1}]"#, "18446744073709551615"),
        (r#"[{"a": 18446744073709551615}, {"a": 1}]"#, "1.8446744073709552e+19"),
        (r#"[{"a": 1e100}, {"a": 1.5}, {"a": -1e100}]"#, "1.5"),
        (r#"[{"a": 0.1}, {"a": 0.2}, {"a": 0.7}]"#, "1"),
        (r#"[{"a": 1e308}, {"a": 1e308}]"#, "null"),
    ];
    for (documents, expected) in table {
        let sum = r#"[{"$group": {"_id": null, "s": {"$sum": "$a"}}}]"#;
        check(documents, &format!(r#"{sum} | [{{"_id": null, "s": {expected}}}]"#));
    }
}

#[test]
fn projects() {
    check(
        r#"[{"_id": 7, "a": 1, "b": {"c": 2, "d": 3}, "l": [{"x": 1, "y": 2}, 5]}]"#,
        r#"
        [{"$project": {"a": 1}}]               | [{"_id": 7, "a": 1}]
        [{"$project": {"_id": 0, "a": true}}]  | [{"a": 1}]
        [{"$project": {"_id": 1}}]             | [{"_id": 7}]
        [{"$project": {"_id": 0, "l": 0, "b.d": 0}}] | [{"a": 1, "b": {"c": 2}}]
        [{"$project": {"_id": 0}}, {"$project": {"b": 0, "l": false}}] | [{"a": 1}]
        [{"$project": {"_id": 0, "b": {"c": 1}, "l.x": 1}}] | [{"b": {"c": 2}, "l": [{"x": 1}]}]
        [{"$project": {"_id": 0, "z": "$b.c", "y.w": "$a", "t": "text", "n": {"$literal": 5}, "gone": "$nope"}}] | [{"z": 2, "y": {"w": 1}, "t": "text", "n": 5}]
        [{"$project": {"_id": "$a", "xs": "$l.x", "both": ["$a", "$nope"]}}] | [{"_id": 1, "xs": [1], "both": [1, null]}]
        [{"$project": {"_id": 0, "o": {"p": "$a", "q": {"r": "$b.d"}}}}] | [{"o": {"p": 1, "q": {"r": 3}}}]
        [{"$project": {"_id": 0, "l.x": 1, "l.z": "$a"}}] | [{"l": [{"x": 1, "z": 1}]}]
        "#,
    );
}

#[test]
fn unwinds() {
    check(
        r#"[{"k": 1, "l": [1, 2]}, {"k": 2, "l": []}, {"k": 3}, {"k": 4, "l": null}, {"k": 5, "l": "s"}, {"k": 6, "l": [[9]]}]"#,
        r#"
        [{"$unwind": "$l"}] | [{"k": 1, "l": 1}, {"k": 1, "l": 2}, {"k": 5, "l": "s"}, {"k": 6, "l": [9]}]
        [{"$unwind": {"path": "$l", "preserveNullAndEmptyArrays": true, "includeArrayIndex": "i"}}] | [{"k": 1, "l": 1, "i": 0}, {"k": 1, "l": 2, "i": 1}, {"k": 2, "i": null}, {"k": 3, "i": null}, {"k": 4, "l": null, "i": null}, {"k": 5, "l": "s", "i": null}, {"k": 6, "l": [9], "i": 0}]
        [{"$unwind": "$l"}, {"$limit": 1}] | [{"k": 1, "l": 1}]
        "#,
    );
    check(
        r#"[{"d": {"t": ["b", "a"]}}, {"d": {"t": ["b", "c"]}}]"#,
        r#"[{"$unwind": "$d.t"}, {"$group": {"_id": "$d.t", "n": {"$sum": 1}}}, {"$sort": {"n": -1, "_id": 1}}] | [{"_id": "b", "n": 2}, {"_id": "a", "n": 1}, {"_id": "c", "n": 1}]"#,
    );
}

#[test]
fn says_when_more_input_is_useless() {
    let stages = json!([{"$match": {"a": 1}}, {"$limit": 2}, {"$group": {"_id": "$a", "n": {"$sum": 1}}}]);
    let pipeline = parse(&stages);
    let mut run = pipeline.start();
    let documents = [1, 2, 1, 2, 1].into_iter().map(|a| json!({"a": a}));
    let demands: Vec<_> = documents.map(|document| run.push(document).unwrap()).collect();
    let (more, nothing) = (Demand::More, Demand::Nothing);
    assert_eq!(demands, [more, more, nothing, nothing, nothing]);
    assert_eq!(run.finish().unwrap(), [json!({"_id": 1, "n": 2})]);
    let endless = std::iter::repeat_with(|| json!({"a": 1}));
    assert_eq!(pipeline.run(endless).unwrap(), [json!({"_id": 1, "n": 2})]);
}

#[test]
fn shows_its_leading_match() {
    let pipeline = parse(&json!([{"$match": {"state": "active"}}, {"$count": "n"}]));
    let state = pipeline.leading_match().and_then(|query| query.equality("state"));
    assert_eq!(state, Some(&json!("active")));
    assert!(parse(&json!([{"$limit": 1}, {"$match": {}}])).leading_match().is_none());
}

#[test]
fn pipelines_and_runs_may_move_between_threads() {
    fn moves<T: Send + Sync + 'static>() {}
    moves::<Pipeline>();
    moves::<Run>();
    moves::<Query>();
}
