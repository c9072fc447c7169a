//! The bodies of `/dynamic-query/*`: a collection, a filter and what is to be done, read with everything
//! wrong named by its path. Pure.

use appengine_actors::ids::{Datatype, RecordId};
use appengine_actors::record::body::RecordBody;
use appengine_actors::record::model::email_is_unique;
use appengine_actors::record::service::NewRecord;
use appengine_actors::record::{Options, Query};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::change::Update;
use crate::http::repository::bodies::{self, Fields, MOST, invalid};
use crate::http::repository::list::{read_options, read_query, refused};
use crate::http::repository::rules;
use crate::problem::Problem;

/// `find`, `findOne`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindBody {
    pub(super) collection: String,
    #[serde(default)]
    pub(super) filter: Value,
    #[serde(default)]
    pub(super) options: Value,
}

/// `aggregate`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AggregateBody {
    pub(super) collection: String,
    pub(super) pipeline: Value,
}

/// `count`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountBody {
    pub(super) collection: String,
    #[serde(default)]
    pub(super) filter: Value,
}

/// `distinct`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DistinctBody {
    pub(super) collection: String,
    pub(super) field: String,
    #[serde(default)]
    pub(super) filter: Value,
}

/// `insertOne`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InsertOneBody {
    pub(super) collection: String,
    pub(super) document: Fields,
}

/// `insertMany`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InsertManyBody {
    pub(super) collection: String,
    pub(super) documents: Vec<Fields>,
}

/// `updateOne`, `updateMany`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateBody {
    pub(super) collection: String,
    #[serde(default)]
    pub(super) filter: Value,
    pub(super) update: Fields,
    #[serde(default)]
    pub(super) options: Value,
}

/// `replaceOne`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplaceBody {
    pub(super) collection: String,
    #[serde(default)]
    pub(super) filter: Value,
    pub(super) replacement: Fields,
    #[serde(default)]
    pub(super) options: Value,
}

/// `deleteOne`, `deleteMany`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteBody {
    pub(super) collection: String,
    #[serde(default)]
    pub(super) filter: Value,
    #[serde(default)]
    pub(super) options: Value,
}

/// `bulkWrite`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BulkBody {
    pub(super) collection: String,
    pub(super) operations: Vec<Fields>,
    #[serde(default)]
    pub(super) options: Value,
}

/// Which records an operation is about.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// What they match.
    pub query: Query,
    /// Which comes first, where only one is meant.
    pub options: Options,
}

/// One operation, ready to be carried out.
#[derive(Debug)]
pub enum Operation {
    /// `insertOne`.
    Insert(RecordBody),
    /// `updateOne`, or `updateMany` if `many`.
    Update {
        /// Which records.
        of: Chosen,
        /// What becomes of them.
        update: Update,
        /// All of them, or the first.
        many: bool,
    },
    /// `replaceOne`.
    Replace {
        /// Which record: the first.
        of: Chosen,
        /// What it shall be.
        body: RecordBody,
    },
    /// `deleteOne`, or `deleteMany` if `many`.
    Delete {
        /// Which records.
        of: Chosen,
        /// For good.
        hard: bool,
        /// All of them, or the first.
        many: bool,
    },
}

/// Reads which records are meant; `at` is what stands before the names of its parts.
///
/// # Errors
/// 400 with everything that is wrong.
pub fn chosen(at: &str, filter: &Value, sort: Option<&Value>) -> Result<Chosen, Problem> {
    let refuse = |problems| refused("the filter cannot be taken", problems);
    let query = read_query(&format!("{at}filter"), filter).map_err(refuse)?;
    let sort = Map::from_iter([("sort".to_owned(), sort.cloned().unwrap_or_default())]);
    let options = read_options(&Value::Object(sort)).map_err(refuse)?.options;
    Ok(Chosen { query, options })
}

/// Reads the options of a write: an object in which only `known` are.
///
/// # Errors
/// 400 naming those that are not known.
pub fn options<'o>(at: &str, options: &'o Value, known: &[&str]) -> Result<Option<&'o Fields>, Problem> {
    let names = || if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    match options {
        Value::Null => Ok(None),
        Value::Object(fields) => match fields.keys().find(|name| !known.contains(&name.as_str())) {
            Some(unknown) => {
                let unknown: String = unknown.chars().take(64).collect();
                Err(invalid(
                    &format!("{at}options.{unknown}"),
                    &format!("unknown option: known are {}", names()),
                ))
            }
            None => Ok(Some(fields)),
        },
        _ => Err(invalid(&format!("{at}options"), "must be an object")),
    }
}

/// A flag among options.
///
/// # Errors
/// 400 when it is something else.
pub fn flag(at: &str, options: Option<&Fields>, name: &str, usually: bool) -> Result<bool, Problem> {
    match options.and_then(|fields| fields.get(name)) {
        None | Some(Value::Null) => Ok(usually),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(invalid(&format!("{at}options.{name}"), "must be true or false")),
    }
}

impl UpdateBody {
    /// The collection and the operation.
    ///
    /// # Errors
    /// 400 with what is wrong.
    pub fn read(self, many: bool) -> Result<(Datatype, Operation), Problem> {
        let known: &[&str] = if many { &[] } else { &["sort"] };
        let options = options("", &self.options, known)?;
        let of = chosen("", &self.filter, options.and_then(|fields| fields.get("sort")))?;
        let update = Update::parse("update", &self.update)?;
        Ok((rules::datatype(&self.collection)?, Operation::Update { of, update, many }))
    }
}

impl ReplaceBody {
    /// The collection and the operation.
    ///
    /// # Errors
    /// 400 with what is wrong.
    pub fn read(self) -> Result<(Datatype, Operation), Problem> {
        let options = options("", &self.options, &["sort"])?;
        let of = chosen("", &self.filter, options.and_then(|fields| fields.get("sort")))?;
        let body = bodies::new(self.replacement)?;
        Ok((rules::datatype(&self.collection)?, Operation::Replace { of, body }))
    }
}

impl DeleteBody {
    /// The collection and the operation.
    ///
    /// # Errors
    /// 400 with what is wrong.
    pub fn read(self, many: bool) -> Result<(Datatype, Operation), Problem> {
        let known: &[&str] = if many { &["hard"] } else { &["sort", "hard"] };
        let options = options("", &self.options, known)?;
        let of = chosen("", &self.filter, options.and_then(|fields| fields.get("sort")))?;
        let hard = flag("", options, "hard", false)?;
        Ok((rules::datatype(&self.collection)?, Operation::Delete { of, hard, many }))
    }
}

/// Documents to insert, each bare or under `data`.
///
/// # Errors
/// 400 with what is wrong with the first one that cannot be taken, or for none or too many.
pub fn documents(documents: Vec<Fields>) -> Result<Vec<RecordBody>, Problem> {
    if documents.is_empty() || documents.len() > MOST {
        return Err(invalid("documents", &format!("must hold 1 to {MOST}, not {}", documents.len())));
    }
    documents.into_iter().map(bodies::new).collect()
}

/// Whether records that are to be written together can be: the store sees all of them at once.
///
/// # Errors
/// 409 when two have the same id, or the same value where there may be one only.
pub fn check_distinct(new: &[NewRecord]) -> Result<(), Problem> {
    let mut ids: std::collections::HashSet<&RecordId> = std::collections::HashSet::new();
    let mut emails = std::collections::HashSet::new();
    for record in new {
        if let Some(sk) = &record.sk
            && !ids.insert(sk)
        {
            return Err(Problem::conflict("already_exists", format!("failed to create {sk} twice")));
        }
        let email = record.data.get("email").and_then(Value::as_str).map(|email| email.trim().to_lowercase());
        if email_is_unique(&record.datatype)
            && let Some(email) = email
            && !emails.insert(email)
        {
            let message = "failed to create two records with the same e-mail";
            return Err(Problem::conflict("already_taken", message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read<T: serde::de::DeserializeOwned>(body: Value) -> T {
        serde_json::from_value(body).unwrap()
    }

    #[test]
    fn a_filter_and_its_options_are_told_apart() {
        let body: UpdateBody = read(json!({
            "collection": "contact", "filter": {"state": "new"}, "update": {"$set": {"state": "active"}},
            "options": {"sort": {"createdate": 1}},
        }));
        let (datatype, operation) = body.read(false).unwrap();
        assert_eq!(datatype.as_str(), "contact");
        let Operation::Update { of, many: false, .. } = operation else { panic!("{operation:?}") };
        assert!(of.query.matches(&json!({"state": "new"})) && !of.query.matches(&json!({"state": "old"})));
        assert!(of.options.sort.single().is_some());
    }

    #[test]
    fn unknown_options_are_refused_by_name() {
        let wrong = |options: Value, many: bool| {
            let body: DeleteBody = read(json!({"collection": "contact", "options": options}));
            body.read(many).err().map(|problem| problem.to_string()).unwrap_or_default()
        };
        assert!(
            wrong(json!({"upsert": true}), false)
                .contains("options.upsert: unknown option: known are sort, hard")
        );
        assert!(wrong(json!({"sort": {"a": 1}}), true).contains("options.sort"));
        assert!(wrong(json!({"hard": 1}), true).contains("options.hard: must be true or false"));
        assert!(wrong(json!([]), true).contains("options: must be an object"));
        assert_eq!(wrong(json!({"hard": true}), true), "");
        let filter: DeleteBody = read(json!({"collection": "contact", "filter": {"a": {"$foo": 1}}}));
        assert!(filter.read(true).unwrap_err().to_string().contains("filter.a.$foo"));
    }

    #[test]
    fn documents_are_bounded() {
        assert!(documents(Vec::new()).is_err());
        assert!(documents(vec![Fields::new(); MOST + 1]).is_err());
        assert_eq!(documents(vec![Fields::new(); MOST]).unwrap().len(), MOST);
    }

    #[test]
    fn what_must_be_unique_is_so_among_records_written_together() {
        let new = |datatype: &str, sk: Option<&str>, email: &str| NewRecord {
            datatype: Datatype::new(datatype).unwrap(),
            sk: sk.map(|sk| RecordId::new(sk).unwrap()),
            data: json!({"email": email}).as_object().cloned().unwrap(),
            meta: Map::new(),
            once: false,
        };
        let both = |a, b| check_distinct(&[a, b]).is_ok();
        assert!(both(new("customer", Some("1"), "a@b.c"), new("customer", Some("2"), "x@b.c")));
        assert!(both(new("contact", None, "a@b.c"), new("contact", None, "a@b.c")));
        assert!(!both(new("contact", Some("1"), "a@b.c"), new("contact", Some("1"), "x@b.c")));
        assert!(!both(new("customer", None, "a@b.c"), new("customer", None, " A@b.c")));
    }
}
