//! What clients send when they write a record: read into what may be set, with everything wrong
//! listed. Pure.

use serde_json::{Map, Value};

use super::model::{CLIENT_FIELDS, STATES};
use crate::ids::RecordId;

/// Root fields of a BaseModel that this program keeps itself: accepted in a body, because clients send
/// back what they read, and left alone.
const KEPT_FIELDS: [&str; 11] = [
    "pk",
    "datatype",
    "createdate",
    "modifydate",
    "author",
    "modified_by",
    "created_by",
    "create_hash",
    "orgid",
    "isNew",
    "enrich",
];

/// Something in a body that cannot be taken, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyProblem {
    /// The path of the field.
    pub path: String,
    /// What is wrong with it and what is allowed.
    pub message: String,
}

/// What a client wants written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecordBody {
    /// The id that the client chose.
    pub sk: Option<RecordId>,
    /// The application's fields; none when the body leaves them alone.
    pub data: Option<Map<String, Value>>,
    /// Other fields that clients may set.
    pub meta: Map<String, Value>,
    /// The version that the client has seen.
    pub version: Option<u64>,
    /// Whether the body says that the record is new.
    pub is_new: bool,
}

/// Reads a BaseModel as clients send it. With `bare`, a body without `data` is the application's fields
/// themselves.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(body: Value, bare: bool) -> Result<RecordBody, Vec<BodyProblem>> {
    let mut problems = Vec::new();
    let mut problem = |path: &str, message: String| {
        problems.push(BodyProblem { path: path.to_owned(), message });
    };
    let Value::Object(fields) = body else {
        problem("body", "must be a JSON object".into());
        return Err(problems);
    };
    let mut read = RecordBody::default();
    if bare && !fields.contains_key("data") {
        let root = |name: &String| matches!(name.as_str(), "sk" | "isNew" | "datatype" | "orgid" | "version");
        let (own, data): (Map<_, _>, Map<_, _>) = fields.into_iter().partition(|(name, _)| root(name));
        read.sk = own.get("sk").and_then(Value::as_str).and_then(|sk| RecordId::new(sk).ok());
        read.data = Some(data);
        return Ok(read);
    }
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("data", Value::Object(data)) => read.data = Some(data),
            ("data", _) => problem("data", "must be a JSON object".into()),
            ("sk" | "version", Value::Null) => {}
            // Forms send an empty id for a record that has none yet.
            ("sk", Value::String(sk)) if sk.is_empty() => {}
            ("sk", Value::String(sk)) => match RecordId::new(&sk) {
                Ok(sk) => read.sk = Some(sk),
                Err(error) => problem("sk", error.to_string()),
            },
            ("sk", _) => problem("sk", "must be a string".into()),
            ("version", value) => match value.as_u64() {
                Some(version) => read.version = Some(version),
                None => problem("version", "must be a whole number, the version that was read".into()),
            },
            ("isNew", value) => read.is_new = value == Value::Bool(true),
            ("state", value) => match value.as_str() {
                Some(state) if STATES.contains(&state) => {
                    read.meta.insert(name, value);
                }
                _ => problem("state", format!("must be one of {}", STATES.join(", "))),
            },
            (known, value) if CLIENT_FIELDS.contains(&known) => {
                read.meta.insert(name, value);
            }
            (kept, _) if KEPT_FIELDS.contains(&kept) => {}
            (unknown, _) => {
                let unknown: String = unknown.chars().take(64).collect();
                problem(&unknown, "is not a field of a record; application fields go under `data`".into());
            }
        }
    }
    if problems.is_empty() { Ok(read) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_base_model_that_was_read_can_be_sent_back() {
        let body = json!({
            "pk": "o", "sk": "c-1", "datatype": "contact", "version": 2, "state": "new", "isNew": false,
            "createdate": "x", "modifydate": "y", "author": "a", "owner": {"id": "1"}, "data": {"a": 1},
        });
        let read = parse(body, false).unwrap();
        assert_eq!(read.version, Some(2));
        assert_eq!(read.sk.unwrap().as_str(), "c-1");
        assert_eq!(read.meta.len(), 2);
    }

    #[test]
    fn everything_wrong_is_listed_by_name() {
        let body = json!({"data": [], "sk": 1, "version": -1, "state": "odd", "colour": "red"});
        let paths: Vec<_> = parse(body, false).unwrap_err().into_iter().map(|p| p.path).collect();
        assert_eq!(paths, ["data", "sk", "version", "state", "colour"]);
    }

    #[test]
    fn an_empty_id_is_none() {
        for bare in [false, true] {
            assert_eq!(parse(json!({"sk": "", "data": {}}), bare).unwrap().sk, None);
            assert_eq!(parse(json!({"sk": "", "a": 1}), true).unwrap().sk, None);
        }
    }

    #[test]
    fn a_bare_body_is_the_data() {
        let read = parse(json!({"email": "a@b.c", "sk": "c-1"}), true).unwrap();
        assert_eq!(read.data.unwrap(), json!({"email": "a@b.c"}).as_object().cloned().unwrap());
        assert_eq!(read.sk.unwrap().as_str(), "c-1");
    }
}
