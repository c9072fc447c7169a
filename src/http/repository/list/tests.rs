//! What is asked for, read.

use super::*;

fn read(options: Value) -> Result<Wanted, Vec<String>> {
    read_options(&options).map_err(|problems| problems.into_iter().map(|p| p.path).collect())
}

#[test]
fn options_say_page_order_and_fields() {
    let wanted = read(json!({"page": 3, "pageSize": 20, "projection": {"data.email": 1, "data.card": 0}}));
    let wanted = wanted.ok().unwrap();
    assert_eq!((wanted.options.page, wanted.options.offset, wanted.too_far), (3, 40, false));
    let shown = wanted.options.projection.apply(&json!({"sk": "1", "data": {"email": "a", "card": "b"}}));
    assert_eq!(shown, json!({"sk": "1", "data": {"email": "a"}}));
}

#[test]
fn a_page_beyond_the_bound_is_remembered_as_such() {
    let far = |options: Value| read(options).ok().map(|wanted| (wanted.options.page, wanted.too_far));
    assert_eq!(far(json!({"page": 1_000, "pageSize": 1_000})), Some((1_000, false)));
    assert_eq!(far(json!({"page": 1_001, "pageSize": 1_000})), Some((1_001, false)));
    assert_eq!(far(json!({"page": 1_002, "pageSize": 1_000})), Some((1_002, true)));
    assert_eq!(far(json!({"page": 1_000_000})), Some((1_000_000, true)));
    assert_eq!(far(json!({"page": 1_000_001, "pageSize": 1})), None);
    assert_eq!(far(json!({"page": 1.5})), None);
}

#[test]
fn everything_wrong_is_told_with_its_path() {
    let wrong = [
        (json!({"colour": 1}), "options.colour"),
        (json!({"page": 0}), "options.page"),
        (json!({"page": 2_000_000}), "options.page"),
        (json!({"projection": {"a": 2}}), "options.projection.a"),
        (json!({"projection": []}), "options.projection"),
        (json!({"lastItem": "1.a", "sort": {"data.age": 1}}), "options.lastItem"),
        (json!([]), "options"),
    ];
    for (options, path) in wrong {
        assert_eq!(read(options.clone()).err(), Some(vec![path.to_owned()]), "{options}");
    }
    let both = read_find(&json!({"a": {"$foo": 1}}), &json!({"colour": 1})).err().unwrap().to_string();
    assert!(both.contains("query.a.$foo") && both.contains("1 more"), "{both}");
}

#[test]
fn a_cursor_goes_with_an_order_of_time() {
    for sort in [json!(null), json!({"modifydate": 1}), json!("-createdate")] {
        assert!(read(json!({"lastItem": "1.a", "sort": sort})).is_ok(), "{sort}");
    }
}
