//! Tolerant ways to name records: spellings of an id, loose values, keywords. Pure.

use appengine_actors::ids::{Datatype, OrgId, RecordId};
use appengine_actors::record::model::{CLIENT_FIELDS, Record};
use serde_json::{Map, Number, Value, json};

use super::bodies::{Fields, invalid, shaped};
use crate::problem::Problem;

/// Characters of the longest keyword.
pub const LONGEST_KEYWORD: usize = 256;

/// Bytes of the longest value that is looked for loosely.
const LONGEST_LOOSE: usize = 400;

/// Root fields of a record that this program fills in itself.
const OWN_FIELDS: [&str; 10] = [
    "sk",
    "pk",
    "datatype",
    "version",
    "state",
    "createdate",
    "modifydate",
    "author",
    "modified_by",
    "create_hash",
];

/// The ids that a client may mean: as it stands, the last part of `org/datatype/id`, and either with the
/// collection's name before it. Nothing of another organisation or collection.
#[must_use]
pub fn spellings(org: &OrgId, datatype: &Datatype, text: &str) -> Vec<RecordId> {
    let parts: Vec<&str> = text.split('/').collect();
    let id = match parts.as_slice() {
        [id] => *id,
        [of, id] if *of == datatype.as_str() => *id,
        [whose, of, id] if *whose == org.as_str() && *of == datatype.as_str() => *id,
        _ => return Vec::new(),
    };
    let spelled = [id.to_owned(), format!("{datatype}-{id}")];
    spelled.iter().filter_map(|text| RecordId::new(text).ok()).collect()
}

/// Whether a text may be an e-mail address.
#[must_use]
pub fn is_email(text: &str) -> bool {
    text.trim().split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
}

/// A query for records that have exactly a value in an attribute, of whatever type: `"5"` finds 5 as well,
/// `"true"` finds true, and `name` is looked for both under `data` and beside it.
#[must_use]
pub fn exactly(attribute: &str, value: &str) -> Value {
    let values = values(value);
    let test = match values.as_slice() {
        [one] => json!({"$eq": one}),
        _ => json!({"$in": values}),
    };
    anywhere(attribute, &|path| Value::Object(Map::from_iter([(path, test.clone())])))
}

/// The same, for texts in any case and with any space around them.
#[must_use]
pub fn loosely(attribute: &str, value: &str) -> Value {
    let value = value.trim();
    let root = attribute.split('.').next().unwrap_or_default();
    if OWN_FIELDS.contains(&root) || value.len() > LONGEST_LOOSE {
        return exactly(attribute, value);
    }
    let mut tests = vec![json!({"$regex": format!(r"^\s*{}\s*$", literally(value)), "$options": "i"})];
    let others: Vec<Value> = values(value).into_iter().skip(1).collect();
    if !others.is_empty() {
        tests.push(json!({"$in": others}));
    }
    anywhere(attribute, &|path| {
        let at = |test: &Value| Value::Object(Map::from_iter([(path.clone(), test.clone())]));
        match tests.as_slice() {
            [one] => at(one),
            several => json!({"$or": several.iter().map(at).collect::<Vec<_>>()}),
        }
    })
}

/// A text as a regular expression that it alone matches.
fn literally(text: &str) -> String {
    let special = |c: char| r"\.+*?()|[]{}^$#&-~".contains(c);
    text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

/// A condition on an attribute where it may stand.
fn anywhere(attribute: &str, at: &dyn Fn(String) -> Value) -> Value {
    let root = attribute.split('.').next().unwrap_or_default();
    if root == "data" || OWN_FIELDS.contains(&root) {
        return at(attribute.to_owned());
    }
    let under_data = at(format!("data.{attribute}"));
    if CLIENT_FIELDS.contains(&root) {
        return json!({"$or": [at(attribute.to_owned()), under_data]});
    }
    under_data
}

fn values(text: &str) -> Vec<Value> {
    let number = text.parse::<i64>().ok().map(Number::from);
    let number = number.or_else(|| text.parse::<f64>().ok().and_then(Number::from_f64));
    let boolean = match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    };
    let mut values = vec![Value::from(text)];
    values.extend(number.map(Value::Number));
    values.extend(boolean.map(Value::Bool));
    values
}

/// A text that is searched for, whatever its case.
pub struct Keyword(String);

impl Keyword {
    /// A keyword; an empty one is in every record.
    ///
    /// # Errors
    /// 400 when it is too long.
    pub fn new(text: &str) -> Result<Self, Problem> {
        if text.chars().count() > LONGEST_KEYWORD {
            return Err(invalid("keyword", &format!("must have at most {LONGEST_KEYWORD} characters")));
        }
        Ok(Self(text.to_lowercase()))
    }

    /// Whether a text under the record's `data` has it.
    #[must_use]
    pub fn is_in(&self, record: &Record) -> bool {
        self.0.is_empty() || record.data.values().any(|value| self.is_in_value(value))
    }

    fn is_in_value(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => text.to_lowercase().contains(&self.0),
            Value::Array(items) => items.iter().any(|item| self.is_in_value(item)),
            Value::Object(fields) => fields.values().any(|value| self.is_in_value(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
}

/// The pipeline of a body: a list of stages, or `{pipeline}`.
///
/// # Errors
/// 400 when it is neither.
pub fn pipeline(body: Value) -> Result<Value, Problem> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wrapped {
        pipeline: Value,
    }
    match body {
        Value::Array(_) => Ok(body),
        Value::Object(fields) => Ok(shaped::<Wrapped>(Fields::from_iter(fields))?.pipeline),
        _ => Err(invalid("body", "must be a list of stages, or an object with `pipeline`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::repository::rules::tests::record;
    use appengine_actors::record::{Limits, Query};

    #[test]
    fn an_id_may_be_spelled_in_several_ways() {
        let (org, datatype) = (OrgId::new("my-org").unwrap(), Datatype::new("contact").unwrap());
        let read = |text| {
            spellings(&org, &datatype, text).iter().map(|sk| sk.as_str().to_owned()).collect::<Vec<_>>()
        };
        let either = ["abc", "contact-abc"];
        for text in ["abc", "contact/abc", "my-org/contact/abc"] {
            assert_eq!(read(text), either, "{text}");
        }
        for text in ["other/contact/abc", "my-org/lead/abc", "lead/abc", "a/b/c/d", "", "a b"] {
            assert!(!read(text).contains(&"abc".to_owned()), "{text}");
        }
    }

    #[test]
    fn texts_are_found_in_any_case_and_trimmed() {
        let found = |value: &str, document: Value| {
            Query::parse(&loosely("name", value), &Limits::default()).unwrap().matches(&document)
        };
        for (value, stored) in [
            ("ada", json!("ADA")),
            (" Ada ", json!("ada")),
            ("ada", json!("\tAda ")),
            ("36", json!(36)),
            ("36", json!(" 36")),
            ("ÄRA", json!("ära")),
            ("a.b (c)*-#&~", json!("A.B (C)*-#&~")),
            ("ada", json!(["x", "Ada"])),
            (&"x".repeat(1_000), json!("x".repeat(1_000))),
        ] {
            assert!(found(value, json!({"data": {"name": stored}})), "{value} {stored}");
        }
        assert!(!found("a.b", json!({"data": {"name": "axb"}})));
        assert!(!found("ada", json!({"data": {"name": "ada lovelace"}})));
        assert!(found("x", json!({"name": "X"})), "beside the application's fields");
    }

    #[test]
    fn a_value_is_found_in_any_spelling() {
        let found = |attribute: &str, value: &str, document: Value| {
            Query::parse(&loosely(attribute, value), &Limits::default()).unwrap().matches(&document)
        };
        assert!(found("age", "5", json!({"data": {"age": 5}})));
        assert!(found("age", "5", json!({"data": {"age": "5"}})));
        assert!(found("data.age", "5.0", json!({"data": {"age": 5}})));
        assert!(found("on", "TRUE", json!({"data": {"on": true}})));
        assert!(!found("on", "yes", json!({"data": {"on": true}})));
        assert!(found("name", "x", json!({"name": "x"})));
        assert!(found("name", "x", json!({"data": {"name": "x"}})));
        assert!(found("state", "new", json!({"state": "new", "data": {}})));
        assert!(!found("state", "new", json!({"state": "old", "data": {"state": "new"}})));
    }

    #[test]
    fn a_keyword_is_looked_for_in_every_text_under_data() {
        let mut record = record("contact", "1", "findme", json!({"name": "findme"}));
        record.data = json!({"a": 1, "b": [{"c": "Hello WORLD"}]}).as_object().cloned().unwrap();
        let has = |text: &str| Keyword::new(text).unwrap().is_in(&record);
        assert!(has("world") && has("lo wo") && has(""));
        assert!(!has("findme") && !has("1"));
        assert!(Keyword::new(&"x".repeat(257)).is_err());
    }

    #[test]
    fn a_pipeline_is_a_list_or_wrapped() {
        assert_eq!(pipeline(json!([])).unwrap(), json!([]));
        assert_eq!(pipeline(json!({"pipeline": [1]})).unwrap(), json!([1]));
        for body in [json!({}), json!({"pipeline": [], "x": 1}), json!("x")] {
            assert!(pipeline(body).is_err());
        }
    }

    #[test]
    fn an_address_has_a_name_and_a_host() {
        assert!(is_email("ada@example.com"));
        assert!(!is_email("ada") && !is_email("@x") && !is_email("x@"));
    }
}
