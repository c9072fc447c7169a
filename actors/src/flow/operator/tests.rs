use super::*;
use proptest::prelude::*;
use serde_json::json;

fn holds(left: &Value, operator: &str, right: &Value) -> bool {
    Operator::read(operator).unwrap().holds(Some(left), right).unwrap()
}

#[test]
fn each_operator_as_the_contract_lists_it() {
    let table = [
        (json!("a"), "eq", json!("a"), true),
        (json!("a"), "equals", json!("b"), false),
        (json!(1), "==", json!(1.0), true),
        (json!(100), "eq", json!("100"), true),
        (json!("100.0"), "eq", json!(100), true),
        (json!("007"), "eq", json!("7"), false),
        (json!(true), "eq", json!("true"), true),
        (json!("2026-04-25T10:00:00Z"), "eq", json!("2026-04-25T12:00:00+02:00"), true),
        (json!([1, "a"]), "eq", json!([1, "a"]), true),
        (json!(null), "eq", json!(""), false),
        (json!("a"), "neq", json!("b"), true),
        (json!(1), "!=", json!("1"), false),
        (json!(10), "gt", json!(9), true),
        (json!("10"), "gt", json!("9"), true),
        (json!("b"), "gt", json!("a"), false),
        (json!("2026-04-26"), "gt", json!("2026-04-25T10:00:00Z"), true),
        (json!(9), "gte", json!(9), true),
        (json!(8), "less_than", json!("9"), true),
        (json!(9), "lte", json!(8), false),
        (json!(null), "lt", json!(8), false),
        (json!("hello"), "contains", json!("ell"), true),
        (json!(["vip", 7]), "contains", json!("7"), true),
        (json!(["vip"]), "contains", json!("vi"), false),
        (json!(["vip"]), "not_contains", json!("vi"), true),
        (json!("eu"), "in", json!(["us", "eu"]), true),
        (json!(2), "in", json!("1, 2"), true),
        (json!(["a", "b"]), "in", json!(["b", "c"]), true),
        (json!("eu"), "not_in", json!(["us"]), true),
        (json!("order-42"), "regex", json!("^order-\\d+$"), true),
        (json!(42), "regex_match", json!("4"), true),
        (json!(["42"]), "regex", json!("4"), false),
        (json!(""), "is_empty", json!(null), true),
        (json!({}), "is_empty", json!(null), true),
        (json!(0), "is_empty", json!(null), false),
        (json!([1]), "is_not_empty", json!(null), true),
        (json!(""), "exists", json!(null), true),
        (json!(null), "not_exists", json!(null), true),
        (json!(5), "between", json!([5, 6]), true),
        (json!("7"), "between", json!([5, 6]), false),
        (json!("2026-04-25"), "between", json!(["2026-04-01", "2026-05-01"]), true),
        (json!("2026-04-25"), "before_date", json!("2026-04-26T00:00:00Z"), true),
        (json!(1), "before_date", json!("1970-01-02"), true),
        (json!("2026-04-25T10:00:00"), "after_date", json!("2026-04-25T09:59:59Z"), true),
        (json!("soon"), "after_date", json!("2026-04-25"), false),
    ];
    for (left, operator, right, expected) in table {
        assert_eq!(holds(&left, operator, &right), expected, "{left} {operator} {right}");
    }
}

#[test]
fn what_is_missing_is_like_null() {
    let missing = |operator: &str, right| Operator::read(operator).unwrap().holds(None, &right);
    assert_eq!(missing("eq", json!(null)), Ok(true));
    assert_eq!(missing("neq", json!("a")), Ok(true));
    assert_eq!(missing("not_in", json!(["a"])), Ok(true));
    assert_eq!(missing("is_empty", json!(null)), Ok(true));
    assert_eq!(missing("exists", json!(null)), Ok(false));
    assert_eq!(missing("gt", json!(-1)), Ok(false));
}

#[test]
fn an_unknown_operator_is_refused_with_all_there_are() {
    let message = Operator::read("in_last").unwrap_err().to_string();
    assert!(message.starts_with("is `in_last`; expected one of `eq`, `equals`, `==`"), "{message}");
    for (name, _) in SPELLINGS {
        assert!(message.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn values_that_can_never_work_are_refused_before_a_run() {
    let bad = [
        ("regex", json!("("), "is no regular expression: unclosed group"),
        (
            "regex",
            json!("x{1000}{1000}"),
            "is no regular expression: Compiled regex exceeds size limit of 1048576 bytes.",
        ),
        ("regex", json!([]), "is an array; `regex` compares with a string"),
        (
            "between",
            json!([2, 1]),
            "is an array; `between` compares with [min, max], two numbers or two ISO dates",
        ),
        (
            "between",
            json!([1, "2026-04-25"]),
            "is an array; `between` compares with [min, max], two numbers or two ISO dates",
        ),
        ("gt", json!("soon"), "is a string; `gt` compares with a number or an ISO date"),
        ("in", json!(5), "is 5; `in` compares with an array, or a string with commas between the items"),
        (
            "before_date",
            json!("soon"),
            "is a string; `before_date` compares with an ISO date or milliseconds since 1970",
        ),
        ("contains", json!(null), "is null; `contains` compares with a string, number or boolean"),
    ];
    for (operator, value, message) in bad {
        assert_eq!(Operator::read(operator).unwrap().check(&value).unwrap_err().to_string(), message);
    }
    let long = "a".repeat(LONGEST_REGEX + 1);
    assert!(regex(&long).is_err());
    for (operator, value) in
        [("gt", json!("{{a}}")), ("between", json!([1, "{{a}}"])), ("regex", json!("^{{a}}("))]
    {
        assert_eq!(Operator::read(operator).unwrap().check(&value), Ok(()));
    }
}

fn any_scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3..3_i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-3..3_i64).prop_map(|number| json!(number.to_string())),
        "\\PC{0,4}".prop_map(Value::from),
        (0..40_i64).prop_map(|days| json!(jiff::Timestamp::from_second(days * 86_400).unwrap().to_string())),
        prop::collection::vec(0..3_i64, 0..3).prop_map(Value::from),
    ]
}

proptest! {
    #[test]
    fn opposites_are_opposite(left in any_scalar(), right in any_scalar()) {
        for (one, other) in
            [("eq", "neq"), ("contains", "not_contains"), ("is_empty", "is_not_empty"), ("exists", "not_exists")]
        {
            prop_assert_ne!(holds(&left, one, &right), holds(&left, other, &right));
        }
        let list = json!([right]);
        prop_assert_ne!(holds(&left, "in", &list), holds(&left, "not_in", &list));
    }

    #[test]
    fn equality_goes_both_ways(left in any_scalar(), right in any_scalar()) {
        prop_assert!(equal(&left, &left));
        prop_assert_eq!(equal(&left, &right), equal(&right, &left));
    }

    #[test]
    fn numbers_order_as_numbers_do(left in any::<i32>(), right in any::<i32>(), as_text in any::<bool>()) {
        let here = if as_text { json!(left.to_string()) } else { json!(left) };
        let there = json!(right);
        prop_assert_eq!(holds(&here, "lt", &there), left < right);
        prop_assert_eq!(holds(&here, "lte", &there), left <= right);
        prop_assert_eq!(holds(&here, "eq", &there), left == right);
        prop_assert_eq!(holds(&here, "gte", &there), left >= right);
        prop_assert_eq!(holds(&here, "gt", &there), left > right);
    }

    #[test]
    fn dates_order_as_moments_do(left in 0..100_000_i64, right in 0..100_000_i64) {
        let at = |second| json!(jiff::Timestamp::from_second(second).unwrap().to_string());
        prop_assert_eq!(holds(&at(left), "before_date", &at(right)), left < right);
        prop_assert_eq!(holds(&at(left), "gt", &at(right)), left > right);
    }

    #[test]
    fn between_is_both_bounds(value in any_scalar(), min in any_scalar(), max in any_scalar()) {
        let expected = holds(&value, "gte", &min) && holds(&value, "lte", &max);
        prop_assert_eq!(holds(&value, "between", &json!([min, max])), expected);
    }

    #[test]
    fn what_check_accepts_never_fails_in_a_run(index in 0..SPELLINGS.len(), left in any_scalar(), right in any_scalar()) {
        let (name, operator) = SPELLINGS[index];
        if operator.check(&right).is_ok() {
            prop_assert!(operator.holds(Some(&left), &right).is_ok(), "{} {}", name, right);
        }
    }
}
