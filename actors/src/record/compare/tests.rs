//! The order, by tables and by its laws.

use super::*;
use crate::record::tests::any_json;
use proptest::prelude::*;
use serde_json::json;

#[test]
fn ranks_types_as_mongodb_does() {
    let ascending = [
        json!(null),
        json!(-1.5),
        json!(-1),
        json!(0),
        json!(0.5),
        json!(9_007_199_254_740_992_i64),
        json!(9_007_199_254_740_993_i64),
        json!(9_007_199_254_740_994_f64),
        json!(i64::MAX),
        json!(9_223_372_036_854_775_808_f64),
        json!(u64::MAX),
        json!(18_446_744_073_709_551_616_f64),
        json!(1e300),
        json!(""),
        json!("2026-04-25"),
        json!("a"),
        json!("b"),
        json!({}),
        json!({"a": 1}),
        json!({"a": 1, "b": 0}),
        json!({"a": 2}),
        json!({"b": 0}),
        json!([]),
        json!([1]),
        json!([1, 2]),
        json!([2]),
        json!(false),
        json!(true),
        json!("2026-04-25T00:00:00Z"),
        json!("2026-04-25T00:00:00.001Z"),
        json!("2026-04-25T02:00:00+01:00"),
    ];
    for (at, left) in ascending.iter().enumerate() {
        for (beside, right) in ascending.iter().enumerate() {
            assert_eq!(order(left, right), at.cmp(&beside), "{left} and {right}");
            assert_eq!(equal(left, right), at == beside, "{left} and {right}");
        }
    }
}

#[test]
fn equal_though_spelled_differently() {
    let pairs = [
        (json!(1), json!(1.0)),
        (json!(0), json!(-0.0)),
        (json!(9_223_372_036_854_775_808_u64), json!(9_223_372_036_854_775_808_f64)),
        (json!({"a": 1, "b": 2}), json!({"b": 2.0, "a": 1})),
        (json!("2026-04-25T00:00:00Z"), json!("2026-04-25T00:00:00.000Z")),
        (json!(["2026-04-25T00:00:00Z"]), json!(["2026-04-25T05:30:00+05:30"])),
    ];
    for (left, right) in pairs {
        assert!(equal(&left, &right), "{left} and {right}");
        assert_eq!(order(&left, &right), Ordering::Equal, "{left} and {right}");
    }
}

#[test]
fn knows_an_instant_from_other_strings() {
    let instants = [
        "2026-04-25T00:00:00Z",
        "2026-04-25T00:00Z",
        "2026-04-25T00:00:00.123456789Z",
        "2026-04-25T00:00:00+05:30",
        "2026-04-25T00:00:00-0330",
    ];
    for text in instants {
        assert!(instant(text).is_some(), "{text}");
    }
    let others = [
        "",
        "2026-04-25",
        "2026-04-25T00:00:00",
        "2026-04-25 00:00:00Z",
        "2026-13-25T00:00:00Z",
        "2026-04-25T00:00:00Z[UTC]",
        "2026-04-25T00:00:00Zulu",
        "2026-04-25T00:00:00.1234567890Z",
        "éééé-éé-ééTéé:éé:ééZ",
    ];
    for text in others {
        assert!(instant(text).is_none(), "{text}");
    }
}

#[test]
fn milliseconds_round_down_on_both_sides_of_the_epoch() {
    let table = [
        ("1970-01-01T00:00:00.0019Z", 1),
        ("1969-12-31T23:59:59.9999Z", -1),
        ("2026-04-25T00:00:00Z", 1_777_075_200_000),
    ];
    for (text, expected) in table {
        assert_eq!(instant(text).map(milliseconds), Some(expected), "{text}");
    }
}

proptest! {
    #[test]
    fn is_a_total_order(a in any_json(), b in any_json(), c in any_json()) {
        prop_assert_eq!(order(&a, &a), Ordering::Equal);
        prop_assert_eq!(order(&a, &b), order(&b, &a).reverse());
        prop_assert_eq!(equal(&a, &b), order(&a, &b) == Ordering::Equal);
        let mut sorted = [&a, &b, &c];
        sorted.sort_by(|left, right| order(left, right));
        prop_assert_ne!(order(sorted[0], sorted[2]), Ordering::Greater);
        prop_assert_eq!(Operand::new(a.clone()).cmp(&Operand::new(b.clone())), order(&a, &b));
    }

    #[test]
    fn integers_and_floats_compare_exactly(left in any::<i64>(), right in any::<f64>().prop_filter("finite", |f| f.is_finite())) {
        let exact = |value: f64| -> Option<i128> { (value.fract() == 0.0 && value.abs() < 1e30).then_some(value as i128) };
        let found = order(&json!(left), &json!(right));
        if let Some(whole) = exact(right) {
            prop_assert_eq!(found, i128::from(left).cmp(&whole));
        } else if right.abs() >= 1e30 {
            prop_assert_eq!(found, if right > 0.0 { Ordering::Less } else { Ordering::Greater });
        } else {
            prop_assert_eq!(found == Ordering::Less, i128::from(left) <= right.floor() as i128);
        }
    }
}
