use super::*;
use proptest::prelude::*;
use serde_json::json;

fn render_text(template: &str, variables: &Map) -> Result<String, TemplateError> {
    render(&json!(template), variables).map(|value| value.as_str().expect("a text").to_owned())
}

fn variables() -> Map {
    let variables = json!({
        "contact": {"email": "ada@example.com", "tags": ["vip", "eu"], "age": 36, "ok": true, "none": null},
        "order": {"lines": [{"price": 1.5}, {"price": 2}], "hostile": "{{contact.email}}"},
        "currentTime": "2026-04-25T10:00:00.000Z",
    });
    variables.as_object().cloned().unwrap()
}

#[test]
fn in_a_url_a_placeholder_is_one_value() {
    let variables = json!({
        "id": "a/b?c#d&e=f %", "host": "r.example:8443", "base": "https://r.example/in", "n": 7, "name": "Zoë",
        "url": "https://r.example/x?y=1&z=2",
    });
    let variables = variables.as_object().unwrap();
    for (template, expected) in [
        ("https://r.example/{{id}}?n={{n}}", "https://r.example/a%2Fb%3Fc%23d%26e%3Df%20%25?n=7"),
        ("https://{{host}}/{{name}}", "https://r.example:8443/Zo%C3%AB"),
        ("https://{{host}}?q={{id}}&{{nothing}}", "https://r.example:8443?q=a%2Fb%3Fc%23d%26e%3Df%20%25&"),
        ("{{base}}/{{id}}", "https://r.example/in/a%2Fb%3Fc%23d%26e%3Df%20%25"),
        ("{{url}}", "https://r.example/x?y=1&z=2"),
        ("https://r.example/plain?a=b", "https://r.example/plain?a=b"),
    ] {
        assert_eq!(render_url(template, variables).unwrap(), expected, "{template}");
    }
}

#[test]
fn placeholders_become_what_they_name() {
    let table = [
        (json!("{{contact.age}}"), json!(36)),
        (json!("{{ contact.tags }}"), json!(["vip", "eu"])),
        (json!("{{contact.none}}"), json!(null)),
        (json!("{{contact.nothing.at.all}}"), json!("")),
        (json!("{{contact.tags.1}} {{contact.tags[0]}}"), json!("eu vip")),
        (json!("{{order.lines[1].price}}"), json!(2)),
        (json!("{{order.lines.9.price}}"), json!("")),
        (
            json!("Hi {{contact.email}}, {{contact.age}}, {{contact.ok}}"),
            json!("Hi ada@example.com, 36, true"),
        ),
        (json!("<{{contact.none}}{{nothing}}>"), json!("<>")),
        (json!("all: {{order.lines}}"), json!("all: [{\"price\":1.5},{\"price\":2}]")),
        (json!(" {{contact.age}}"), json!(" 36")),
        (json!("{{order.hostile}} {{order.hostile}}"), json!("{{contact.email}} {{contact.email}}")),
        (
            json!({"a": ["{{contact.age}}", 1, null], "{{b}}": true}),
            json!({"a": [36, 1, null], "{{b}}": true}),
        ),
    ];
    for (template, expected) in table {
        assert_eq!(render(&template, &variables()), Ok(expected), "{template}");
    }
}

#[test]
fn braces_around_no_path_stay_as_they_are() {
    let unchanged = [
        "",
        "{",
        "{{",
        "{{}}",
        "{{ }}",
        "{{contact.age",
        "{{contact.age}",
        "}}",
        "{contact.age}}",
        "{{#if a}}x{{/if}}",
        "{{a b}}",
        "{{a..b}}",
        "{{.a}}",
        "{{a.}}",
        "{{a[x]}}",
        "{{a[]}}",
        "{{[0]}}",
        "{{a[0}}",
        "{{a | upper}}",
    ];
    for text in unchanged {
        assert_eq!(render_text(text, &variables()).as_deref(), Ok(text));
    }
    let partly = [
        ("{{{contact.age}}}", "{36}"),
        ("{{ {{contact.age}} }}", "{{ 36 }}"),
        ("{{x}{{contact.age}}", "{{x}36"),
    ];
    for (text, expected) in partly {
        assert_eq!(render_text(text, &variables()).as_deref(), Ok(expected));
    }
}

#[test]
fn the_paths_of_a_text_are_known_without_running_it() {
    let found: Vec<_> = paths("{{ a.b }} {{}} {{c[0]}}{{").collect();
    assert_eq!(found, ["a.b", "c[0]"]);
    assert!(has_placeholder(&json!({"a": [{"b": "x {{y}}"}]})));
    assert!(!has_placeholder(&json!({"{{a}}": ["{{", 1]})));
}

#[test]
fn what_would_be_too_large_or_too_deep_is_an_error() {
    let large = json!({"blob": "x".repeat(MAX_BYTES / 2)}).as_object().cloned().unwrap();
    assert!(render(&json!("{{blob}}"), &large).is_ok());
    for template in [json!("{{blob}}{{blob}}{{blob}}"), json!(["{{blob}}", "{{blob}}", "{{blob}}"])] {
        assert_eq!(render(&template, &large), Err(TemplateError::TooLarge));
    }
    let nest = |depth| (0..depth).fold(json!(1), |inner, _| json!([inner]));
    let deep = json!({"fits": nest(MAX_DEPTH - 1), "deep": nest(MAX_DEPTH)}).as_object().cloned().unwrap();
    assert!(render(&json!("{{fits}}"), &deep).is_ok());
    for template in [json!("{{deep}}"), json!("x{{deep}}"), json!(["{{fits}}"]), nest(MAX_DEPTH)] {
        assert_eq!(render(&template, &deep), Err(TemplateError::TooDeep), "{template}");
    }
    assert!(is_shallow(&nest(3), 4) && !is_shallow(&nest(4), 4));
}

#[test]
fn many_braces_cost_one_pass() {
    let text = "{{".repeat(100_000);
    assert_eq!(render_text(&text, &variables()).as_deref(), Ok(text.as_str()));
}

proptest! {
    #[test]
    fn text_without_placeholders_is_never_changed(text in "[^{]*\\{?[^{]*") {
        prop_assert_eq!(render_text(&text, &Map::new()).unwrap(), text);
    }

    #[test]
    fn pieces_put_back_together_are_the_text(text in "[{}a. \\[\\]0]{0,40}") {
        let mut rest = text.as_str();
        for piece in (Pieces { rest: &text }) {
            let part = match piece { Piece::Text(part) | Piece::Path(part) => part };
            let at = rest.find(part);
            prop_assert!(at.is_some());
            rest = &rest[at.unwrap() + part.len()..];
        }
        let variables = json!({"a": "{a}"}).as_object().cloned().unwrap();
        prop_assert!(render_text(&text, &variables).is_ok());
    }

    #[test]
    fn a_value_survives_between_two_texts(before in "[^{}]*", after in "[^{}]*", value in "\\PC*") {
        let variables = json!({"v": value}).as_object().cloned().unwrap();
        let rendered = render_text(&format!("{before}{{{{v}}}}{after}"), &variables).unwrap();
        prop_assert_eq!(rendered, format!("{}{}{}", before, value, after));
    }
}
