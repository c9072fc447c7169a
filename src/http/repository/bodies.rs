//! What clients send when they write records, read into what is to be done: pure, with everything wrong
//! named by its path. What of it they may do is for [`super::rules`].

use actix_web::http::StatusCode;
use appengine_actors::ids::{Datatype, RecordId};
use appengine_actors::record::body::{self, RecordBody};
use appengine_actors::record::model::STATES;
use appengine_actors::record::partial;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::rules;
use crate::problem::{Detail, Problem};

/// Records that one request may write.
pub const MOST: usize = 500;

/// What AppEngine's JavaScript client adds to every body that passes through it.
const ADDED_BY_CLIENTS: &str = "clientQuery";

const WHAT: &str = "the record cannot be taken";

/// A JSON object.
pub type Fields = Map<String, Value>;

/// A body of a known shape. Only objects have one: serde alone would take lists for them as well.
///
/// # Errors
/// 400, with the path of what is wrong.
pub fn shaped<T: DeserializeOwned>(mut body: Fields) -> Result<T, Problem> {
    body.shift_remove(ADDED_BY_CLIENTS);
    serde_path_to_error::deserialize(Value::Object(body)).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { "body".to_owned() } else { path };
        Problem::invalid(
            "the body cannot be taken",
            vec![Detail { path, message: error.into_inner().to_string() }],
        )
    })
}

/// `{datatype, isNew: true, data, …}`.
///
/// # Errors
/// 400 with everything that is wrong.
pub fn new_in(mut body: Fields) -> Result<(Datatype, RecordBody), Problem> {
    if body.get("isNew") != Some(&Value::Bool(true)) {
        // The contract's words (§3.2), and what they mean.
        let message = "Not a new metrics, please use update or set the new property: `isNew` must be true";
        return Err(Problem::bad_request("not_new", message));
    }
    let datatype = body.shift_remove("datatype");
    let Some(Value::String(datatype)) = datatype else {
        return Err(invalid("datatype", "must be the name of a collection, such as \"contact\""));
    };
    let datatype = rules::datatype(&datatype)?;
    Ok((datatype, with_data(parse(body, false)?)?))
}

/// `{data, …}`, or the application's fields themselves.
///
/// # Errors
/// 400 with everything that is wrong.
pub fn new(body: Fields) -> Result<RecordBody, Problem> {
    with_data(parse(body, true)?)
}

/// `{data, version?, …}`: `data` as it shall be.
///
/// # Errors
/// 400 with everything that is wrong.
pub fn update(body: Fields) -> Result<RecordBody, Problem> {
    with_data(parse(body, false)?)
}

fn parse(mut fields: Fields, bare: bool) -> Result<RecordBody, Problem> {
    fields.shift_remove(ADDED_BY_CLIENTS);
    whole_version(&mut fields);
    body::parse(Value::Object(fields), bare).map_err(|problems| {
        let details = problems.into_iter().map(|p| Detail { path: p.path, message: p.message });
        Problem::invalid(WHAT, details.collect())
    })
}

/// JavaScript knows one kind of number: version 2.0 is 2.
fn whole_version(fields: &mut Fields) {
    if let Some(version) = fields.get_mut("version")
        && let Some(whole) = version.as_f64().filter(|number| number.fract() == 0.0 && *number >= 0.0)
        && version.as_u64().is_none()
    {
        *version = Value::from(whole as u64);
    }
}

fn with_data(body: RecordBody) -> Result<RecordBody, Problem> {
    if body.data.is_some() {
        return Ok(body);
    }
    Err(invalid("data", "is missing: an object with the application's fields"))
}

/// Which record a body is meant for, where the path has one part: the docs' `update/{id}` with `datatype`
/// in the body, or the older `update/{datatype}` with `sk` in it.
///
/// # Errors
/// 400 when the body names neither, 409 when it names another record than the path.
pub fn target(part: &str, body: &Fields) -> Result<(Datatype, RecordId), Problem> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let id = |text: &str| RecordId::new(text).map_err(|error| invalid("sk", &error.to_string()));
    match (text("datatype"), text("sk")) {
        (None, None) => {
            let message = "neither `datatype` nor `sk` is there: send `datatype` where the path ends with the \
                           record's id, or `sk` where it ends with the collection";
            Err(Problem::bad_request("no_target", message))
        }
        (None, Some(sk)) => Ok((rules::datatype(part)?, id(sk)?)),
        (Some(datatype), None) => Ok((rules::datatype(datatype)?, id(part)?)),
        (Some(datatype), Some(sk)) if part == sk || part == datatype => {
            Ok((rules::datatype(datatype)?, id(sk)?))
        }
        (Some(_), Some(_)) => {
            let message = "failed to tell which record to update: the path names neither the body's `sk` nor its \
                           `datatype`";
            Err(Problem::conflict("another_record", message))
        }
    }
}

/// A map of dotted paths to new values, as far as it can be judged without the record, and the `version` of
/// the record that the client has seen.
///
/// # Errors
/// 400 with everything that is wrong.
pub fn changes(mut body: Fields) -> Result<(Fields, Option<u64>), Problem> {
    body.shift_remove(ADDED_BY_CLIENTS);
    whole_version(&mut body);
    let version = match body.shift_remove("version") {
        None | Some(Value::Null) => None,
        Some(version) => {
            let wrong = || invalid("version", "must be a whole number, the version that was read");
            Some(version.as_u64().ok_or_else(wrong)?)
        }
    };
    if body.is_empty() {
        return Err(invalid(
            "body",
            "is empty: name at least one path, such as {\"data.status\": \"active\"}",
        ));
    }
    check_changes(&body, str::to_owned)?;
    Ok((body, version))
}

/// Whether paths can be set at all, whatever the record. `at` says where they stand: `update.$set.`.
///
/// # Errors
/// 400 with every path that cannot, 409 for paths of which one is within another.
pub fn check_changes(changes: &Fields, at: impl Fn(&str) -> String) -> Result<(), Problem> {
    if let Some((outer, inner)) = overlap(changes) {
        let message = format!("failed to set both `{outer}` and `{inner}`: one is within the other");
        return Err(Problem::conflict("overlapping_paths", message));
    }
    let mut problems: Vec<Detail> = Vec::new();
    if let Some(state) = changes.get("state") {
        let known = state.as_str().is_some_and(|state| STATES.contains(&state));
        if !known {
            problems
                .push(Detail { path: at("state"), message: format!("must be one of {}", STATES.join(", ")) });
        }
    }
    if let Err(found) = partial::apply(&mut json!({"data": {}}), changes) {
        problems.extend(found.into_iter().map(|p| Detail { path: at(&p.path), message: p.message }));
    }
    if problems.is_empty() { Ok(()) } else { Err(Problem::invalid("the changes cannot be made", problems)) }
}

/// Two paths of which one is within the other.
fn overlap(changes: &Fields) -> Option<(&str, &str)> {
    let above = |path: &str| changes.get_key_value(path).map(|(path, _)| path.as_str());
    changes.keys().find_map(|path| {
        let mut dots = path.match_indices('.').filter_map(|(at, _)| path.get(..at));
        dots.find_map(above).map(|outer| (outer, path.as_str()))
    })
}

/// The root fields that changes touch, with their values where whole fields are set.
#[must_use]
pub fn roots(changes: &Fields) -> Fields {
    let root = |(path, value): (&String, &Value)| match path.split_once('.') {
        Some((root, _)) => (root.to_owned(), Value::Null),
        None => (path.clone(), value.clone()),
    };
    changes.iter().map(root).collect()
}

/// Ids of records, each once, in their order.
///
/// # Errors
/// 400 for none and for more than [`MOST`].
pub fn ids(ids: Vec<RecordId>) -> Result<Vec<RecordId>, Problem> {
    if ids.is_empty() || ids.len() > MOST {
        return Err(invalid("body", &format!("must hold 1 to {MOST} ids, not {}", ids.len())));
    }
    let mut seen = std::collections::HashSet::new();
    Ok(ids.into_iter().filter(|id| seen.insert(id.clone())).collect())
}

/// 400 about one path.
#[must_use]
pub fn invalid(path: &str, message: &str) -> Problem {
    Problem::invalid(WHAT, vec![Detail { path: path.to_owned(), message: message.to_owned() }])
}

/// What one of many came to.
#[must_use]
pub fn outcome(sk: &RecordId, result: Result<(), Problem>) -> Value {
    match result {
        Ok(()) => json!({"sk": sk, "status": StatusCode::OK.as_u16(), "deleted": true}),
        Err(problem) => {
            let status = problem.status().as_u16();
            json!({"sk": sk, "status": status, "deleted": false, "error": problem.to_string()})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(value: Value) -> Fields {
        match value {
            Value::Object(fields) => fields,
            other => panic!("{other}"),
        }
    }

    fn refused<T: std::fmt::Debug>(result: Result<T, Problem>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn a_create_says_that_it_is_one_and_of_what() {
        let (datatype, body) = new_in(fields(json!({
            "datatype": "contact", "isNew": true, "data": {"email": "a@b.c"}, "clientQuery": null,
        })))
        .unwrap();
        assert_eq!(datatype.as_str(), "contact");
        assert_eq!(body.data.unwrap(), fields(json!({"email": "a@b.c"})));
        let old = refused(new_in(fields(json!({"datatype": "contact", "data": {}}))));
        assert!(old.contains("Not a new metrics, please use update or set the new property"), "{old}");
        let table = [
            (json!({"isNew": true, "data": {}}), "datatype"),
            (json!({"isNew": true, "datatype": "a b", "data": {}}), "datatype"),
            (json!({"isNew": true, "datatype": "contact"}), "data: is missing"),
            (json!({"isNew": true, "datatype": "contact", "data": {}, "email": "x"}), "email"),
        ];
        for (body, expected) in table {
            let told = refused(new_in(fields(body)));
            assert!(told.contains(expected), "{told}");
        }
    }

    #[test]
    fn a_create_in_a_collection_may_be_bare() {
        for body in [json!({"email": "x"}), json!({"data": {"email": "x"}})] {
            assert_eq!(new(fields(body)).unwrap().data.unwrap(), fields(json!({"email": "x"})));
        }
        assert!(refused(new(fields(json!({"data": {}, "email": "x"})))).contains("email"));
    }

    #[test]
    fn a_version_may_be_written_as_javascript_does() {
        let version = |value: Value| {
            update(fields(json!({"data": {}, "version": value}))).map(|body| body.version).ok()
        };
        assert_eq!(version(json!(2)), Some(Some(2)));
        assert_eq!(version(json!(2.0)), Some(Some(2)));
        assert_eq!(version(json!(null)), Some(None));
        assert_eq!(version(json!(2.5)), None);
        assert_eq!(version(json!(-1)), None);
    }

    #[test]
    fn the_older_updates_are_told_apart_by_their_body() {
        let read = |part: &str, body: Value| {
            target(part, &fields(body))
                .map(|(datatype, sk)| format!("{datatype} {sk}"))
                .map_err(|p| p.status().as_u16())
        };
        assert_eq!(read("c-1", json!({"datatype": "contact"})), Ok("contact c-1".into()));
        assert_eq!(read("contact", json!({"sk": "c-1"})), Ok("contact c-1".into()));
        assert_eq!(read("contact", json!({"datatype": "contact", "sk": "c-1"})), Ok("contact c-1".into()));
        assert_eq!(read("c-1", json!({"datatype": "contact", "sk": "c-1"})), Ok("contact c-1".into()));
        assert_eq!(read("c-2", json!({"datatype": "contact", "sk": "c-1"})), Err(409));
        assert_eq!(read("c-1", json!({"data": {}})), Err(400));
        assert_eq!(read("a b", json!({"sk": "c-1"})), Err(400));
        assert_eq!(read("contact", json!({"sk": "a/b"})), Err(400));
    }

    #[test]
    fn changes_are_judged_before_the_record_is_read() {
        let all = json!({"data.a.0.b": 1, "state": "active", "clientQuery": {}, "version": 2.0});
        assert_eq!(changes(fields(all)).unwrap().1, Some(2));
        let table = [
            (json!({}), "body"),
            (json!({"email": 1}), "email"),
            (json!({"version": 1}), "is empty"),
            (json!({"version": -1, "state": "new"}), "version: must be a whole number"),
            (json!({"state": "odd"}), "state"),
            (json!({"data.a": 1, "data.a.b": 2}), "409 overlapping_paths"),
            (json!({"data": 1}), "data"),
        ];
        for (body, expected) in table {
            let told = refused(changes(fields(body)));
            assert!(told.contains(expected), "{told}");
        }
        let roots = roots(&fields(json!({"owner.id": 1, "name": "x"})));
        assert_eq!(roots, fields(json!({"owner": null, "name": "x"})));
    }

    #[test]
    fn ids_are_bounded_and_taken_once() {
        let id = |n: usize| RecordId::new(&format!("c-{n}")).unwrap();
        assert_eq!(ids(vec![id(1), id(2), id(1)]).unwrap(), [id(1), id(2)]);
        assert!(ids(Vec::new()).is_err());
        assert!(ids((0..=MOST).map(id).collect()).is_err());
    }

    #[test]
    fn a_list_is_not_taken_for_an_object() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Shape {
            #[expect(dead_code, reason = "only read")]
            name: Option<String>,
        }
        assert!(shaped::<Shape>(fields(json!({"clientQuery": null}))).is_ok());
        let told = refused(shaped::<Shape>(fields(json!({"name": 1}))));
        assert!(told.contains("name: invalid type"), "{told}");
    }
}
