use proptest::prelude::*;
use serde_json::json;

use super::*;

fn read(schema: Value) -> Result<Schema, Wrong> {
    Schema::read(&schema)
}

fn refusal(schema: Value) -> Wrong {
    read(schema).err().unwrap()
}

fn wrong(schema: Value, data: Value) -> Vec<(String, String)> {
    read(schema).unwrap().check(&data).into_iter().map(|one| (one.path, one.message)).collect()
}

fn order() -> Value {
    json!({
        "type": "object",
        "required": ["number"],
        "properties": {
            "total": {"type": "number", "minimum": 1},
            "items": {"type": "array", "items": {"$ref": "#/$defs/item"}},
            "a.b/c": {"type": "string"},
        },
        "$defs": {"item": {"type": "object", "properties": {"sku": {"type": "string"}}, "additionalProperties": false}},
    })
}

#[test]
fn what_does_not_fit_is_told_by_path_with_what_was_expected_and_found() {
    assert_eq!(wrong(order(), json!({"number": "1", "total": 2, "items": [{"sku": "a"}]})), []);
    let found =
        wrong(order(), json!({"total": "12", "items": [{"sku": "a"}, {"sku": 1, "b": 2}], "a.b/c": 7}));
    let expected = [
        ("", "\"number\" is a required property"),
        ("a.b/c", "7 is not of type \"string\""),
        ("items[1]", "Additional properties are not allowed ('b' was unexpected)"),
        ("items[1].sku", "1 is not of type \"string\""),
        ("total", "\"12\" is not of type \"number\""),
    ];
    for (path, message) in expected {
        assert!(found.contains(&(path.to_owned(), message.to_owned())), "{path} in {found:?}");
    }
    assert_eq!(found.len(), expected.len());
    assert_eq!(
        wrong(order(), json!({"number": 1, "total": 0})),
        [("total".to_owned(), "0 is less than the minimum of 1".to_owned())]
    );
}

#[test]
fn large_values_are_not_repeated_and_few_faults_are_told_at_once() {
    let found = wrong(json!({"type": "number"}), json!("x".repeat(5000)));
    assert_eq!(found, [(String::new(), "a text of 5000 bytes is not of type \"number\"".to_owned())]);
    let found = wrong(json!({"items": {"type": "number"}}), json!(vec!["x"; 100]));
    assert_eq!(found.len(), MOST_WRONG);
    let found = wrong(json!({"type": "number"}), json!({"a": "x".repeat(500)}));
    assert!(found[0].1.starts_with("an object with 1 fields is not"), "{found:?}");
}

#[test]
fn paths_stand_within_where_the_value_is() {
    let at = |path: &str| Wrong { path: path.to_owned(), message: String::new() }.within("data").path;
    assert_eq!([at(""), at("a.b"), at("[0].a")], ["data", "data.a.b", "data[0].a"]);
}

#[test]
fn what_is_no_schema_is_refused_where_it_is_wrong() {
    for (schema, path) in [
        (json!({"type": "objekt"}), "type"),
        (json!({"properties": {"a": {"minimum": "x"}}}), "properties.a.minimum"),
        (json!({"allOf": [{"type": "string"}, {"pattern": "("}]}), "allOf[1].pattern"),
        (json!({"pattern": "(?=x)y"}), "pattern"),
        (json!({"pattern": "(a{1000}){1000}"}), "pattern"),
        (json!("string"), ""),
        (json!(null), ""),
        (json!([]), ""),
        (json!({"$schema": "https://example.com/own"}), "$schema"),
        (json!({"$schema": "http://json-schema.org/draft-04/schema#"}), "$schema"),
        (json!({"$schema": 7}), "$schema"),
    ] {
        assert_eq!(refusal(schema.clone()).path, path, "{schema}: {:?}", refusal(schema.clone()).message);
    }
    for schema in [json!(true), json!({}), json!({"$schema": "http://json-schema.org/draft-07/schema#"})] {
        assert!(read(schema).is_ok());
    }
    assert_eq!(wrong(json!(false), json!(1)).len(), 1);
}

#[test]
fn nothing_is_read_from_elsewhere() {
    for target in
        ["https://example.com/s.json", "file:///etc/passwd", "other.json", "#anchor", "#/$defs/none", "//x"]
    {
        let refused = refusal(json!({"properties": {"a": {"$ref": target}}}));
        assert_eq!(refused.path, "properties.a.$ref", "{target}");
        assert!(refused.message.contains("nothing is read from elsewhere"), "{}", refused.message);
    }
    for schema in [
        json!({"not": {"$dynamicRef": "#a"}}),
        json!({"items": {"$recursiveRef": "#"}}),
        json!({"$defs": {"a": {"$id": "https://example.com/a"}}}),
    ] {
        assert!(read(schema.clone()).is_err(), "{schema}");
    }
    assert!(read(json!({"$id": "https://example.com/order", "type": "object"})).is_ok());
}

#[test]
fn a_schema_cannot_ask_for_endless_work() {
    let lead = |defs: Value| json!({"$ref": "#/$defs/a", "$defs": defs});
    for schema in [
        json!({"$ref": "#"}),
        json!({"properties": {"child": {"$ref": "#"}}}),
        lead(json!({"a": {"$ref": "#/$defs/b"}, "b": {"anyOf": [{"$ref": "#/$defs/a"}]}})),
    ] {
        assert!(refusal(schema.clone()).message.contains("leads back to itself"), "{schema}");
    }
    // Each of them is two of the next: 2^30 in all.
    let mut doubling = serde_json::Map::new();
    for n in 0..30 {
        let next = json!({"$ref": format!("#/$defs/d{}", n + 1)});
        doubling.insert(format!("d{n}"), json!({"allOf": [next, next]}));
    }
    doubling.insert("d30".to_owned(), json!({"type": "object"}));
    let doubled = refusal(json!({"$ref": "#/$defs/d0", "$defs": doubling}));
    assert!(doubled.message.contains("too much work"), "{}", doubled.message);
    let mut chain = serde_json::Map::new();
    for n in 0..1000 {
        chain.insert(format!("d{n}"), json!({"$ref": format!("#/$defs/d{}", n + 1)}));
    }
    chain.insert("d1000".to_owned(), json!(true));
    let deep = refusal(json!({"$ref": "#/$defs/d0", "$defs": chain}));
    assert!(deep.message.contains("levels"), "{}", deep.message);
}

#[test]
fn a_pattern_takes_no_longer_for_being_mean() {
    let schema = read(json!({"pattern": "^(a+)+$"})).unwrap();
    assert_eq!(schema.check(&json!(format!("{}b", "a".repeat(20_000)))).len(), 1);
}

#[tokio::test]
async fn what_is_much_work_is_checked_aside_and_comes_to_the_same() {
    let schema = Arc::new(read(json!({"items": {"type": "number", "minimum": 0, "maximum": 10}})).unwrap());
    let mut list = vec![json!(1); 100_000];
    assert_eq!(Arc::clone(&schema).check_aside(&json!(list)).await, []);
    list[99_999] = json!("x");
    let found = schema.check_aside(&json!(list)).await;
    assert_eq!(found[0].path, "[99999]");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        prop::sample::select(vec!["#", "#/$defs/a", "string", "object", "(", "https://x.example/"])
            .prop_map(Value::from),
    ];
    let names =
        ["$ref", "type", "properties", "$defs", "a", "items", "allOf", "pattern", "enum", "$id", "not"];
    leaf.prop_recursive(4, 40, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(names.to_vec()), inner), 0..4).prop_map(|fields| {
                Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_schema_and_no_data_panics(schema in any_json(), data in any_json()) {
        if let Ok(schema) = Schema::read(&schema) {
            let _ = schema.check(&data);
        }
    }
}
