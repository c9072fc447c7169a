//! What a query is refused for: the path and the words.

use super::*;
use serde_json::json;

fn problems(query: &Value) -> Vec<Problem> {
    Query::parse(query, &Limits::default()).expect_err(&query.to_string())
}

fn refused(query: &Value, path: &str, message: &str) {
    let problems = problems(query);
    assert!(problems[0].path.starts_with(path), "{query}: {}", problems[0]);
    assert!(problems[0].message.contains(message), "{query}: {}", problems[0]);
}

#[test]
fn are_named() {
    let table = r#"
        []                              | query                    | must be an object, not an array
        {"data.age": {"$foo": 1}}       | query.data.age.$foo      | unknown operator `$foo`: known are $eq, $ne
        {"$where": "1"}                 | query.$where             | unknown operator `$where`
        {"$not": {"a": 1}}              | query.$not               | unknown operator
        {"a": {"$or": []}}              | query.a.$or              | stands beside fields
        {"a": {"$in": 1}}               | query.a.$in              | must be an array, not a number
        {"a": {"$nin": {}}}             | query.a.$nin             | must be an array, not an object
        {"a": {"$in": [1, {"$regex": "x"}]}} | query.a.$in[1].$regex | inside a literal
        {"a": {"$exists": "yes"}}       | query.a.$exists          | must be true or false, not a string
        {"a": {"$size": -1}}            | query.a.$size            | whole number
        {"a": {"$size": 1.5}}           | query.a.$size            | whole number
        {"a": {"$all": 1}}              | query.a.$all             | must be an array
        {"a": {"$elemMatch": 1}}        | query.a.$elemMatch       | must be an object
        {"a": {"$elemMatch": {"$gt": 1, "b": 2}}} | query.a.$elemMatch.b | field `b` among operators
        {"a": {"$not": 1}}              | query.a.$not             | must be an object of operators, not a number
        {"a": {"$not": {}}}             | query.a.$not             | must be an object of operators
        {"a": {"$regex": "("}}          | query.a.$regex           | is not a regular expression: unclosed group
        {"a": {"$regex": "(?=x)"}}      | query.a.$regex           | is not a regular expression: look-around
        {"a": {"$regex": 1}}            | query.a.$regex           | must be a string, not a number
        {"a": {"$regex": "a{1000}{1000}"}} | query.a.$regex        | bytes when compiled
        {"a": {"$regex": "x", "$options": "g"}} | query.a.$options | flags i, m, s and x
        {"a": {"$regex": "x", "$options": 1}} | query.a.$options   | flags i, m, s and x
        {"a": {"$options": "i"}}        | query.a.$options         | needs a $regex
        {"a": {"$gt": {"$lt": 1}}}      | query.a.$gt.$lt          | inside a literal
        {"data": {"age": {"$gt": 1}}}   | query.data.age.$gt       | write its dotted path
        {"a": {"$gt": 1, "b": 2}}       | query.a.b                | field `b` among operators
        {"a": {"$date": "soon"}}        | query.a.$date            | ISO-8601
        {"a": {"$gt": {"$date": true}}} | query.a.$gt.$date        | ISO-8601
        {"a": {"$date": 9e18}}          | query.a.$date            | ISO-8601
        {"$and": []}                    | query.$and               | must be an array of one or more queries, not an empty one
        {"$or": {"a": 1}}               | query.$or                | not an object
        {"$nor": [1]}                   | query.$nor[0]            | must be an object, not a number
        {"a..b": 1}                     | query.a..b               | none of them empty
        {"": 1}                         | query.                   | none of them empty
        {"a.$b": 1}                     | query.a.$b               | begins with `$`
    "#;
    for line in table.lines().filter(|line| !line.trim().is_empty()) {
        let columns: Vec<_> = line.split(" | ").map(str::trim).collect();
        let [query, path, message] = columns[..] else { panic!("not three columns: {line}") };
        refused(&serde_json::from_str(query).unwrap(), path, message);
    }
}

#[test]
fn of_size_are_named() {
    let deep = (0..30).fold(json!({"a": 1}), |inner, _| json!({"$and": [inner]}));
    let literal = (0..30).fold(json!(1), |inner, _| json!([inner]));
    let nots = (0..30).fold(json!({"$eq": 1}), |inner, _| json!({"$not": inner}));
    let elements = (0..30).fold(json!({"a": 1}), |inner, _| json!({"a": {"$elemMatch": inner}}));
    let expressions = json!({"$or": vec![json!({"a": {"$regex": "x"}}); 11]});
    let fields: Value = (0..300).map(|at| (format!("f{at}"), json!(1))).collect();
    refused(&deep, "query", "nested deeper than 20 levels");
    refused(&json!({"a": literal}), "query.a", "nested deeper than 20 levels");
    refused(&json!({"a": nots}), "query.a", "nested deeper than 20 levels");
    refused(&elements, "query.a", "nested deeper than 20 levels");
    refused(&json!({"$or": vec![json!({"a": 1}); 300]}), "query.$or", "more than 200 conditions");
    refused(&fields, "query.f200", "more than 200 conditions");
    refused(&json!({"a": {"$in": vec![1; 1001]}}), "query.a.$in", "has 1001 entries; at most 1000");
    refused(&expressions, "query.$or[10].a.$regex", "more than 10 regular expressions");
    refused(&json!({"a": {"$regex": "a".repeat(1001)}}), "query.a.$regex", "at most 1000");
}

#[test]
fn are_named_at_once_but_not_without_end() {
    let several = problems(&json!({"a": {"$x": 1, "$y": 2}, "$z": 3}));
    let paths: Vec<_> = several.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["query.a.$x", "query.a.$y", "query.$z"]);
    let endless: Value = (0..100).map(|at| (format!("${at}"), json!(1))).collect();
    assert_eq!(problems(&endless).len(), 20);
    let name = "$".to_owned() + &"é".repeat(10_000);
    assert!(problems(&json!({ name: 1 }))[0].to_string().len() < 2_000);
}
