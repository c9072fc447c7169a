use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn object(value: &Value) -> Map {
    value.as_object().cloned().unwrap()
}

fn problems(kind: &str, config: &Value) -> Vec<String> {
    let mut problems = Problems::default();
    find(kind).unwrap().check(&object(config), &mut problems);
    problems.or(()).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

fn evaluate(kind: &str, config: &Value) -> (bool, Option<String>) {
    assert_eq!(problems(kind, config), Vec::<String>::new(), "{config}");
    let variables = json!({
        "contact": {"age": 36, "email": "ada@example.com", "tags": ["vip"]}, "limit": 30, "menuSelection": 1,
    });
    let result = find(kind).unwrap().evaluate(&object(config), &object(&variables)).unwrap();
    (result.passed, result.next_step_id)
}

#[test]
fn the_list_holds_each_condition_once() {
    let kinds: Vec<_> = ALL.iter().map(|condition| condition.kind()).collect();
    assert_eq!(kinds, ["always_execute", "check_field_value", "if_then"]);
    assert!(find("switch_case").is_none());
}

#[test]
fn fields_are_paths_and_values_are_templates() {
    let table = [
        (json!({"field": "contact.age", "operator": "gt", "value": 30}), true),
        (json!({"field": "contact.age", "operator": "gt", "value": "{{limit}}"}), true),
        (json!({"field": "{{contact.age}}", "operator": "lt", "value": "{{limit}}"}), false),
        (json!({"field": "{{contact.age}}-{{limit}}", "operator": "eq", "value": "36-30"}), true),
        (json!({"field": "contact.tags[0]", "operator": "eq", "value": "vip"}), true),
        (json!({"field": "contact.tags", "operator": "contains", "value": "vip"}), true),
        (json!({"field": "contact.phone", "operator": "not_exists"}), true),
        (json!({"field": "{{contact.phone}}", "operator": "not_exists", "value": null}), true),
        (json!({"field": "contact.phone", "operator": "eq", "value": null}), true),
    ];
    for (config, expected) in table {
        assert_eq!(evaluate("check_field_value", &config).0, expected, "{config}");
        assert_eq!(evaluate("if_then", &config).0, expected, "{config}");
        assert_eq!(evaluate("if_then", &json!({ "condition": config })).0, expected, "{config}");
    }
}

#[test]
fn texts_compare_two_operands() {
    let table = [
        ("{{menuSelection}} === '1'", true),
        ("{{menuSelection}}===1", true),
        ("'{{menuSelection}}' == \"1\"", true),
        ("{{menuSelection}} !== '1'", false),
        ("{{contact.age}} >= {{limit}}", true),
        ("30 < {{contact.age}}", true),
        ("{{nothing}} == ''", true),
        ("{{nothing}} != null", true),
        ("'ada@example.com' == {{contact.email}}", true),
    ];
    for (text, expected) in table {
        assert_eq!(evaluate("if_then", &json!({ "condition": text })).0, expected, "{text}");
    }
}

#[test]
fn other_texts_are_refused_with_what_is_allowed() {
    let table = [
        ("", "has no operand at ``"),
        ("{{a}} === '1' && {{b}} === '2'", "goes on with `&& {{b}} === '2'`"),
        ("{{a}}", "has no comparison at ``"),
        ("{{a}} = 1", "has no comparison at `= 1`"),
        ("{{a}} === ", "has no operand at ``"),
        ("{{a}} === '1", "has no operand at `'1`"),
        ("a === 1", "has no operand at `a === 1`"),
        ("{{a === 1", "has no operand at `{{a === 1`"),
        ("{{a b}} === 1", "has no operand at `{{a b}} === 1`"),
        ("1 === 1", "compares two constants"),
        (
            "{{a}} > 'soon'",
            "compares with a value that is a string; `gt` compares with a number or an ISO date",
        ),
        ("process.exit()", "has no operand at `process.exit()`"),
    ];
    for (text, message) in table {
        let found = problems("if_then", &json!({ "condition": text }));
        assert!(
            found.len() == 1 && found[0].starts_with(&format!("condition: {message}")),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn branches_have_their_spellings() {
    let base = json!({"field": "contact.age", "operator": "eq", "value": 36});
    let other = json!({"field": "contact.age", "operator": "eq", "value": 0});
    for (kind, yes, no) in [
        ("if_then", "thenStepId", "elseStepId"),
        ("if_then", "trueStepId", "falseStepId"),
        ("check_field_value", "trueFlowId", "falseFlowId"),
        ("check_field_value", "trueStepId", "falseStepId"),
        ("check_field_value", "thenStepId", "elseStepId"),
    ] {
        for (config, expected) in [(&base, "a"), (&other, "b")] {
            let mut config = object(config);
            config.insert(yes.to_owned(), json!("a"));
            config.insert(no.to_owned(), json!("b"));
            let branch = |key: &str, id: &str| Branch { key: key.to_owned(), step_id: id.to_owned() };
            assert_eq!(find(kind).unwrap().branches(&config), [branch(yes, "a"), branch(no, "b")]);
            assert_eq!(evaluate(kind, &Value::Object(config)), (expected == "a", Some(expected.to_owned())));
        }
    }
    assert_eq!(find("if_then").unwrap().branches(&object(&base)), []);
    let twice = json!({"condition": "{{a}} == 1", "thenStepId": "a", "trueStepId": "b"});
    assert_eq!(
        problems("if_then", &twice),
        ["trueStepId: is `b`, but `thenStepId` names `a`; keep one of them"]
    );
}

#[test]
fn without_a_branch_success_goes_on_and_failure_ends() {
    let step = json!({"id": "c", "name": "c", "type": "condition", "nextStepId": "next"});
    let step: Step = serde_json::from_value(step).unwrap();
    let result = |passed, id: Option<&str>| ConditionResult { passed, next_step_id: id.map(str::to_owned) };
    assert_eq!(result(true, None).next(&step), Some("next"));
    assert_eq!(result(false, None).next(&step), None);
    assert_eq!(result(true, Some("a")).next(&step), Some("a"));
    assert_eq!(result(false, Some("b")).next(&step), Some("b"));
    assert_eq!(evaluate("always_execute", &json!({})), (true, None));
}

#[test]
fn everything_wrong_is_named_at_once() {
    let config = json!({"field": "a b", "operator": "like", "value": 1, "then": "x", "elseStepId": 7});
    let found = problems("if_then", &config);
    let starts = ["then: is unknown", "field: is no path", "operator: is `like`", "elseStepId: is 7"];
    assert_eq!(found.len(), starts.len(), "{found:?}");
    for (problem, start) in found.iter().zip(starts) {
        assert!(problem.starts_with(start), "{problem}");
    }
    assert_eq!(
        problems("check_field_value", &json!({"condition": {}, "operator": "eq"})),
        [
            "condition: is unknown; allowed here are `field`, `operator`, `value`, `trueFlowId`, `trueStepId`, \
             `thenStepId`, `falseFlowId`, `falseStepId`, `elseStepId`",
            "field: is missing; expected a string",
            "value: is missing; `eq` compares with one",
        ]
    );
    assert_eq!(
        problems(
            "if_then",
            &json!({"condition": {"field": "a", "operator": "exists", "x": 1}, "field": "b"})
        ),
        [
            "field: stands beside `condition`; keep one of the two",
            "condition.x: is unknown; allowed here are `field`, `operator`, `value`",
        ]
    );
}

#[test]
fn a_pattern_that_only_the_run_knows_may_fail_there() {
    let config = object(&json!({"field": "a", "operator": "regex", "value": "{{pattern}}"}));
    let variables = object(&json!({"a": "x", "pattern": "("}));
    let error = find("if_then").unwrap().evaluate(&config, &variables).unwrap_err();
    assert_eq!(error.to_string(), "compare: the value is no regular expression: unclosed group");
    let error = find("if_then").unwrap().evaluate(&object(&json!({"field": "a"})), &variables).unwrap_err();
    assert_eq!(
        error.to_string(),
        "evaluate a condition whose config is wrong: operator: is missing; expected a string"
    );
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[{}a1 ='\"<>!&.]{0,24}") {
        let config = object(&json!({ "condition": text }));
        let condition = find("if_then").unwrap();
        let mut problems = Problems::default();
        condition.check(&config, &mut problems);
        let accepted = problems.or(()).is_ok();
        prop_assert_eq!(condition.evaluate(&config, &Map::new()).is_ok(), accepted, "{}", text);
    }
}
