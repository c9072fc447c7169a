//! What matches what, operator by operator, and what is refused.

use super::*;
use serde_json::json;

fn parse(query: &Value) -> Query {
    Query::parse(query, &Limits::default()).unwrap_or_else(|problems| panic!("{query}: {problems:?}"))
}

fn values(text: &str) -> Vec<Value> {
    let stream = serde_json::Deserializer::from_str(text).into_iter();
    stream.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Each line: a query, documents that match it, documents that do not.
fn check(table: &str) {
    for line in table.lines().filter(|line| !line.trim().is_empty()) {
        let columns: Vec<_> = line.split('|').map(values).collect();
        let [query, matching, others] = &columns[..] else { panic!("not three columns: {line}") };
        let parsed = parse(&query[0]);
        for document in matching {
            assert!(parsed.matches(document), "{} must match {document}", query[0]);
        }
        for document in others {
            assert!(!parsed.matches(document), "{} must not match {document}", query[0]);
        }
    }
}

#[test]
fn times_of_records_are_read_as_times_or_refused() {
    let read = |query: Value| Query::parse_records_at("query", &query, &Limits::default());
    let record = json!({"modifydate": "2026-04-25T10:00:00.000Z", "data": {"modifydate": 5}});
    let matches = |query: Value| read(query).unwrap().matches(&record);
    let ten = 1_777_111_200_000_u64;
    for since in [json!(ten), json!(ten as f64), json!("2026-04-25"), json!("2026-04-25T12:00:00+02:00")] {
        assert!(matches(json!({"modifydate": {"$gte": since}})), "{since}");
        assert!(read(json!({"modifydate": {"$gte": since}})).unwrap().time_range("modifydate").is_some());
        assert!(!matches(json!({"$or": [{"modifydate": {"$not": {"$gte": since}}}]})), "{since}");
    }
    assert!(matches(json!({"modifydate": ten})) && matches(json!({"modifydate": {"$in": [ten]}})));
    assert!(!matches(json!({"modifydate": {"$gt": ten}})) && matches(json!({"publishedDate": null})));
    let published = |date: &str, query: Value| read(query).unwrap().matches(&json!({"publishedDate": date}));
    for date in ["2026-04-25", "2026-04-25T10:00:00Z"] {
        assert!(
            published(date, json!({"publishedDate": {"$gte": "2026-04-25", "$lt": "2026-04-26"}})),
            "{date}"
        );
    }
    assert!(matches(json!({"data.modifydate": 5})), "an application's own fields are its own");
    for (wrong, path) in [
        (json!({"modifydate": {"$gte": "garbage"}}), "query.modifydate.$gte"),
        (json!({"createdate": true}), "query.createdate"),
        (json!({"$and": [{"publishedDate": {"$in": ["2026-13-01"]}}]}), "query.$and[0].publishedDate.$in[0]"),
        (json!({"modifydate": {"$lt": 1e300}}), "query.modifydate.$lt"),
    ] {
        assert_eq!(read(wrong.clone()).unwrap_err()[0].path, path, "{wrong}");
        assert!(Query::parse(&wrong, &Limits::default()).is_ok(), "elsewhere they may be anything");
    }
}

#[test]
fn equality() {
    check(
        r#"
        {}                        | {} {"a": 1} |
        {"a": 1}                  | {"a": 1} {"a": 1.0} {"a": [0, 1]} | {"a": "1"} {"a": true} {} {"a": [[1]]} {"a": null}
        {"a": {"$eq": "x"}}       | {"a": "x"} {"a": ["x"]} | {"a": "X"} {"a": {}}
        {"a": null}               | {"a": null} {} {"a": [1, null]} | {"a": 0} {"a": false} {"a": ""} {"a": []}
        {"a.b": null}             | {} {"a": 5} {"a": {}} {"a": [{"b": 1}, {}]} | {"a": {"b": 1}} {"a": []} {"a": [5]} {"a": [{"b": 1}]}
        {"a": [1, 2]}             | {"a": [1, 2]} {"a": [1.0, 2]} {"a": [[1, 2], 3]} | {"a": [2, 1]} {"a": [1, 2, 3]} {"a": 1}
        {"a": {"b": 1, "c": 2}}   | {"a": {"c": 2, "b": 1}} {"a": [{"b": 1, "c": 2}]} | {"a": {"b": 1}} {"a": {"b": 1, "c": 2, "d": 3}}
        {"a": {}}                 | {"a": {}} {"a": [{}]} | {} {"a": {"b": 1}} {"a": []}
        {"a": []}                 | {"a": []} {"a": [[]]} | {"a": [1]} {}
        {"a": true}               | {"a": true} | {"a": 1} {"a": "true"}
        {"a": {"$ne": 1}}         | {"a": 2} {} {"a": null} {"a": []} | {"a": 1} {"a": [1, 2]}
        {"a": {"$ne": null}}      | {"a": 0} {"a": []} | {} {"a": null}
        {"a": 9007199254740993}   | {"a": 9007199254740993} | {"a": 9007199254740992} {"a": 9007199254740992.0}
        "#,
    );
}

#[test]
fn paths_and_arrays() {
    check(
        r#"
        {"a.b.c": 1}              | {"a": {"b": {"c": 1}}} {"a": [{"b": [{"c": 1}]}]} | {"a.b.c": 1} {"a": {"b": 1}} {"a": [[{"b": {"c": 1}}]]}
        {"a.0": 1}                | {"a": [1]} {"a": {"0": 1}} {"a": [{"0": 1}]} | {"a": [2, 1]} {"a": [[1]]} {"a": []}
        {"a.1.b": {"$gt": 4}}     | {"a": [0, {"b": 5}]} | {"a": [{"b": 5}, {"b": 1}]}
        {"a": {"$gt": 5, "$lt": 3}} | {"a": [1, 9]} | {"a": 4} {"a": [4]}
        "#,
    );
}

#[test]
fn comparison() {
    check(
        r#"
        {"a": {"$gt": 1}}         | {"a": 2} {"a": 1.5} {"a": [0, 2]} | {"a": 1} {"a": "2"} {"a": null} {} {"a": true} {"a": [[2]]}
        {"a": {"$gte": 1, "$lte": 2}} | {"a": 1} {"a": 2.0} | {"a": 0} {"a": 3}
        {"a": {"$lt": "b"}}       | {"a": "a"} {"a": ""} | {"a": "b"} {"a": 1}
        {"a": {"$gte": null}}     | {"a": null} {} | {"a": 1}
        {"a": {"$lte": null}}     | {"a": null} {} | {"a": 1}
        {"a": {"$gt": null}}      | | {"a": null} {} {"a": 1}
        {"a": {"$gt": false}}     | {"a": true} | {"a": false} {"a": 1}
        {"a": {"$gt": [1, 2]}}    | {"a": [1, 3]} {"a": [2]} | {"a": [1, 2]} {"a": 9}
        {"a": {"$lt": {"b": 2}}}  | {"a": {"b": 1}} {"a": {}} | {"a": {"b": 2}}
        {"a": {"$gt": 9007199254740992.0}} | {"a": 9007199254740993} | {"a": 9007199254740992}
        {"a": {"$lte": 18446744073709551615}} | {"a": 18446744073709551615} {"a": -1} | {"a": 18446744073709551616.0}
        {"a": {"$lt": -9223372036854775807}} | {"a": -9223372036854775808} {"a": -9223372036854775808.0} | {"a": -9223372036854775807}
        "#,
    );
}

#[test]
fn timestamps() {
    check(
        r#"
        {"a": "2026-04-25T00:00:00Z"} | {"a": "2026-04-25T00:00:00.000Z"} {"a": "2026-04-25T02:00:00+02:00"} | {"a": "2026-04-25T00:00:00.001Z"} {"a": "2026-04-25"}
        {"a": {"$gt": "2026-04-25T00:00:00Z"}} | {"a": "2026-04-25T00:00:00.0001Z"} {"a": "2026-04-25T01:00:00-05:00"} | {"a": "2026-04-25T00:00:00.000Z"} {"a": "2026-04-25T01:00:00+05:00"}
        {"a": {"$gte": "2026-04-25"}} | {"a": "2026-04-25T00:00:00Z"} {"a": "2026-04-25"} | {"a": "2026-04-24T23:00:00Z"}
        {"a": {"$lt": "2026-04-25T00:00:00Z"}} | {"a": "2026-04-25"} {"a": ""} | {"a": "b"} {"a": 0}
        {"a": {"$gte": {"$date": "2026-04-25"}}} | {"a": "2026-04-25T00:00:00Z"} {"a": ["2026-05-01T00:00Z"]} | {"a": "2026-04-24T23:59:59.999Z"} {"a": "zzz"}
        {"a": {"$date": 1777075200000}} | {"a": "2026-04-25T00:00:00Z"} | {"a": 1777075200000}
        {"a": {"$in": [{"$date": {"$numberLong": "1777075200000"}}]}} | {"a": "2026-04-25T00:00:00Z"} | {"a": "x"}
        {"a": {"b": {"$date": "2026-04-25T00:00:00Z"}}} | {"a": {"b": "2026-04-25T00:00:00.0Z"}} | {"a": {"b": 1}}
        "#,
    );
}

#[test]
fn lists() {
    check(
        r#"
        {"a": {"$in": [1, "x", "2026-04-25T00:00:00Z"]}} | {"a": 1.0} {"a": "x"} {"a": [9, "x"]} {"a": "2026-04-25T00:00:00.000Z"} | {"a": "1"} {} {"a": null}
        {"a": {"$in": [null, 3]}} | {} {"a": null} {"a": 3} | {"a": 1} {"a": []}
        {"a": {"$in": [[1, 2]]}}  | {"a": [1, 2]} {"a": [[1, 2]]} | {"a": [1]}
        {"a": {"$in": []}}        | | {} {"a": 1} {"a": []}
        {"a": {"$nin": [1, 2]}}   | {"a": 3} {} {"a": [3]} | {"a": 1} {"a": [3, 2]}
        {"a": {"$nin": [null]}}   | {"a": 1} | {} {"a": null}
        {"a": {"$nin": []}}       | {} {"a": 1} |
        {"a": {"$all": [1, 2]}}   | {"a": [2, 3, 1]} | {"a": [1]} {"a": 1} {}
        {"a": {"$all": [1]}}      | {"a": 1} {"a": [1]} | {"a": [2]}
        {"a": {"$all": [[1, 2]]}} | {"a": [1, 2]} {"a": [[1, 2]]} | {"a": [1, 2, 3]}
        {"a": {"$all": []}}       | | {} {"a": []} {"a": [1]}
        {"a": {"$all": [{"$elemMatch": {"b": 1}}, {"$elemMatch": {"b": 2}}]}} | {"a": [{"b": 2}, {"b": 1}]} | {"a": [{"b": 1}]}
        {"a": {"$size": 2}}       | {"a": [1, 2]} {"a": [[], []]} | {"a": [1]} {"a": 2} {} {"a": "ab"}
        {"a": {"$size": 0.0}}     | {"a": []} | {} {"a": null}
        {"a.b": {"$size": 1}}     | {"a": [{"b": []}, {"b": [1]}]} | {"a": [{"b": 1}]}
        "#,
    );
}

#[test]
fn elements() {
    check(
        r#"
        {"a": {"$elemMatch": {"$gt": 5, "$lt": 9}}} | {"a": [1, 7]} | {"a": [1, 10]} {"a": 7} {"a": [[7]]} {}
        {"a": {"$elemMatch": {"b": 1, "c": {"$gt": 1}}}} | {"a": [{"b": 1}, {"b": 1, "c": 2}]} | {"a": [{"b": 1}, {"c": 2}]} {"a": {"b": 1, "c": 2}}
        {"a": {"$elemMatch": {"$or": [{"b": 1}, {"c": 1}]}}} | {"a": [{"c": 1}]} | {"a": [{"d": 1}]}
        {"a": {"$elemMatch": {}}} | {"a": [{}]} | {"a": [1]} {"a": []}
        {"a": {"$elemMatch": {"$not": {"$gt": 5}}}} | {"a": [9, 1]} {"a": ["x"]} | {"a": [9]}
        {"a": {"$elemMatch": {"$elemMatch": {"$eq": 1}}}} | {"a": [[1]]} | {"a": [1]}
        {"a": {"$elemMatch": {"0": 1}}} | {"a": [[1]]} {"a": [{"0": 1}]} | {"a": [1]}
        {"a": {"$elemMatch": {"$all": [1]}}} | {"a": [1]} | {"a": [2]} {"a": [[1]]}
        {"a": {"$elemMatch": {"$size": 1}}} | {"a": [[1]]} | {"a": [1]}
        {"a": {"$elemMatch": {"$exists": true, "$in": [1]}}} | {"a": [1]} | {"a": [2]}
        {"a.b": {"$elemMatch": {"c": 1}}} | {"a": [{"b": [{"c": 1}]}]} | {"a": [{"b": {"c": 1}}]}
        "#,
    );
}

#[test]
fn existence() {
    check(
        r#"
        {"a": {"$exists": true}}   | {"a": null} {"a": []} | {} {"b": 1}
        {"a": {"$exists": false}}  | {} | {"a": null}
        {"a": {"$exists": 1}}      | {"a": 0} | {}
        {"a.b": {"$exists": true}} | {"a": [{}, {"b": 1}]} | {"a": [{}]} {"a": 1}
        {"a.b": {"$exists": 0}}    | {"a": []} {"a": [1]} | {"a": {"b": null}}
        "#,
    );
}

#[test]
fn regular_expressions() {
    check(
        r#"
        {"a": {"$regex": "^ab+$"}}               | {"a": "abb"} {"a": ["x", "ab"]} | {"a": "ABB"} {"a": "xab"} {"a": 1} {}
        {"a": {"$options": "i", "$regex": "AB"}} | {"a": "xaby"} | {"a": "b"}
        {"a": {"$regex": "^b", "$options": "m"}} | {"a": "a\nb"} | {"a": "ab"}
        {"a": {"$regex": "a.b", "$options": "s"}} | {"a": "a\nb"} | {"a": "ab"}
        {"a": {"$regex": "a b", "$options": "x"}} | {"a": "ab"} | {"a": "a b"}
        {"a": {"$not": {"$regex": "^x"}}}        | {"a": "y"} {} {"a": 1} | {"a": "xy"}
        "#,
    );
}

#[test]
fn logic() {
    check(
        r#"
        {"$and": [{"a": 1}, {"b": 2}]}         | {"a": 1, "b": 2} | {"a": 1}
        {"$or": [{"a": 1}, {"b": 2, "c": 3}]}  | {"a": 1} {"b": 2, "c": 3} | {"b": 2}
        {"$nor": [{"a": 1}, {"b": 2}]}         | {"a": 2} {} | {"a": 1} {"b": 2}
        {"a": {"$not": {"$gt": 1}}}            | {"a": 1} {} {"a": "x"} | {"a": 2} {"a": [0, 2]}
        {"a": {"$not": {"$gt": 1, "$lt": 5}}}  | {"a": 7} | {"a": 3}
        {"a": {"$not": {"$not": {"$eq": 1}}}}  | {"a": 1} | {"a": 2}
        {"a": 1, "$or": [{"b": 1}, {"b": 2}]}  | {"a": 1, "b": 2} | {"a": 2, "b": 2} {"a": 1}
        {"$or": [{"$and": [{"a": 1}, {"$nor": [{"b": 1}]}]}]} | {"a": 1} | {"a": 1, "b": 1}
        "#,
    );
}

#[test]
fn the_seed_polling_call() {
    let query = parse(&json!({"modifydate": {"$gte": "2026-04-25T00:00:00Z"}}));
    let modified = |at: &str| json!({"sk": "1", "modifydate": at, "data": {}});
    assert!(query.matches(&modified("2026-04-25T00:00:00.000Z")));
    assert!(!query.matches(&modified("2026-04-24T23:59:59.999Z")));
}
