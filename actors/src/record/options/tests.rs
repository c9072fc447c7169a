//! Every option, its defaults and its mistakes.

use super::*;
use crate::record::Direction;
use crate::record::select::MASK;
use crate::record::tests::{any_json, any_syntax};
use proptest::prelude::*;
use serde_json::json;

fn parse(options: &Value) -> Options {
    Options::parse(options).unwrap_or_else(|problems| panic!("{options}: {problems:?}"))
}

#[test]
fn places() {
    let table = [
        (json!(null), (1, 50, 0)),
        (json!({}), (1, 50, 0)),
        (json!({"page": null, "pageSize": null}), (1, 50, 0)),
        (json!({"page": 3, "pageSize": 20}), (3, 20, 40)),
        (json!({"page": 2.0}), (2, 50, 50)),
        (json!({"pageSize": 1000}), (1, 1000, 0)),
        (json!({"limit": 7, "skip": 3}), (1, 7, 3)),
        (json!({"limit": 7, "pageSize": 7, "page": 1, "skip": 0}), (1, 7, 0)),
    ];
    for (options, expected) in table {
        let parsed = parse(&options);
        assert_eq!((parsed.page, parsed.page_size, parsed.offset), expected, "{options}");
    }
}

#[test]
fn the_rest() {
    let parsed = parse(&json!({
        "sort": "modifydate", "sortType": -1, "select": ["data.name"], "includeFields": ["data.card", "data.x"],
        "excludeFields": ["data.x"], "maskFields": ["data.card"], "modelState": ["active", "new"], "lastItem": "abc",
        "enrich": true, "refresh": false, "random": false,
    }));
    assert_eq!(parsed.sort.single(), Some(("modifydate", Direction::Descending)));
    let record = json!({"sk": "1", "state": "new", "data": {"name": "A", "card": "4242", "x": 1, "y": 2}});
    assert_eq!(parsed.projection.apply(&record), json!({"sk": "1", "data": {"name": "A", "card": MASK}}));
    assert_eq!(parsed.last_item.as_deref(), Some("abc"));
    assert!(parsed.admits(&record) && !parsed.random);
    assert!(!parsed.admits(&json!({"state": "deleted"})) && !parsed.admits(&json!({})));
    assert!(parse(&json!({"modelState": "new"})).admits(&record));
    assert!(Options::default().admits(&json!({})));
    assert!(parse(&json!({"random": true, "pageSize": 5})).random);
}

#[test]
fn mistakes_are_named() {
    let table = [
        (json!([]), "options", "must be an object"),
        (json!({"pagesize": 5}), "options.pagesize", "unknown option: known are page, pageSize"),
        (json!({"page": 0}), "options.page", "whole number from 1"),
        (json!({"page": "1"}), "options.page", "whole number from 1"),
        (json!({"pageSize": 1001}), "options.pageSize", "from 1 to 1000"),
        (json!({"pageSize": 0}), "options.pageSize", "from 1 to 1000"),
        (json!({"limit": 0}), "options.limit", "from 1 to 1000"),
        (json!({"skip": -1}), "options.skip", "from 0 to"),
        (json!({"page": 1_000_000}), "options.page", "lastItem"),
        (json!({"page": u64::MAX, "pageSize": 1000}), "options.page", "lastItem"),
        (json!({"page": 2, "skip": 5}), "options.skip", "give one of them"),
        (json!({"limit": 2, "pageSize": 5}), "options.limit", "give one of them"),
        (json!({"sort": {"a": 3}}), "options.sort.a", "must be 1, -1"),
        (json!({"sort": "a", "sortType": 3}), "options.sortType", "must be 1, -1"),
        (json!({"sortType": 1}), "options.sortType", "needs a field name in sort"),
        (json!({"select": "a"}), "options.select", "must be an array of strings, not a string"),
        (json!({"select": ["a", 1]}), "options.select[1]", "must be a string, not a number"),
        (json!({"maskFields": ["a..b"]}), "options.maskFields[0]", "none of them empty"),
        (json!({"excludeFields": vec!["a"; 201]}), "options.excludeFields", "more than 200 entries"),
        (json!({"modelState": 1}), "options.modelState", "must be an array of strings"),
        (json!({"modelState": [""]}), "options.modelState[0]", "must have 1 to"),
        (json!({"lastItem": 5}), "options.lastItem", "must be a string"),
        (json!({"enrich": "yes"}), "options.enrich", "must be true or false"),
        (json!({"refresh": 1}), "options.refresh", "must be true or false"),
        (json!({"random": 1}), "options.random", "must be true or false"),
        (json!({"random": true, "sort": "a"}), "options.random", "excludes sort"),
        (json!({"random": true, "page": 2}), "options.random", "excludes sort"),
        (json!({"random": true, "lastItem": "a"}), "options.random", "excludes sort"),
    ];
    for (options, path, message) in table {
        let problems = Options::parse(&options).expect_err(&options.to_string());
        assert_eq!(problems[0].path, path, "{options}");
        assert!(problems[0].message.contains(message), "{options}: {}", problems[0]);
    }
    assert_eq!(Options::parse(&json!({"page": 0, "what": 1, "enrich": 1})).unwrap_err().len(), 3);
}

proptest! {
    #[test]
    fn nothing_panics(options in any_syntax(), name in prop::sample::select(KNOWN.split(", ").collect::<Vec<_>>()), value in any_json()) {
        for options in [options, json!({name: value})] {
            if let Ok(parsed) = Options::parse(&options) {
                prop_assert!((1..=1000).contains(&parsed.page_size) && parsed.page >= 1);
                parsed.projection.apply(&options);
            }
        }
    }
}
