//! `bulkWrite`: operations in their order. All are read, and the caller's permissions asked for, before
//! the first is carried out.

use actix_web::http::StatusCode;
use appengine_actors::ids::Datatype;
use serde_json::{Map, Value, json};

use super::bodies::{BulkBody, DeleteBody, InsertOneBody, Operation, ReplaceBody, UpdateBody, flag, options};
use super::work::Work;
use crate::auth::principal::Principal;
use crate::http::repository::bodies::{self, Fields, MOST, invalid, shaped};
use crate::problem::{Detail, Problem};

const KNOWN: &str = "insertOne, updateOne, updateMany, replaceOne, deleteOne, deleteMany";

/// Operations to be carried out.
pub struct Bulk {
    operations: Vec<Operation>,
    /// Whether the first failure ends it.
    ordered: bool,
}

impl Bulk {
    /// Reads the operations.
    ///
    /// # Errors
    /// 400 with every operation that cannot be taken.
    pub fn read(body: BulkBody) -> Result<Self, Problem> {
        let count = body.operations.len();
        if count == 0 || count > MOST {
            return Err(invalid("operations", &format!("must hold 1 to {MOST}, not {count}")));
        }
        let ordered = flag("", options("", &body.options, &["ordered"])?, "ordered", true)?;
        let (mut operations, mut problems) = (Vec::new(), Vec::new());
        for (index, operation) in body.operations.into_iter().enumerate() {
            match read(&body.collection, operation) {
                Ok(operation) => operations.push(operation),
                Err((name, problem)) => problems.push((format!("operations[{index}]{name}"), problem)),
            }
        }
        if problems.is_empty() { Ok(Self { operations, ordered }) } else { Err(refused(problems)) }
    }

    /// Whether the caller may do all of it, and every record's own rule can be read.
    ///
    /// # Errors
    /// 403 for the first permission that is missing, 400 for the first rule that cannot be read.
    pub fn check(&self, caller: &Principal, datatype: &Datatype) -> Result<(), Problem> {
        self.operations.iter().try_for_each(|operation| operation.check(caller, datatype))
    }

    /// Carries the operations out, at most [`MOST`] records in all, and says what they came to.
    pub async fn carry_out(self, work: Work<'_>) -> Value {
        let (mut room, mut ids, mut errors) = (MOST, Map::new(), Vec::new());
        let (mut inserted, mut matched, mut modified, mut deleted) = (0, 0, 0, 0);
        for (index, operation) in self.operations.into_iter().enumerate() {
            match work.carry_out(operation, room).await {
                Ok(done) => {
                    room = room.saturating_sub(done.records());
                    ids.extend(done.inserted.iter().map(|record| (index.to_string(), json!(record.sk))));
                    inserted += done.inserted.len();
                    matched += done.matched;
                    modified += done.modified;
                    deleted += done.deleted;
                    errors.extend(done.failed.into_iter().map(|failed| with_index(failed, index)));
                }
                Err(problem) => {
                    let status = problem.status().as_u16();
                    errors.push(json!({"index": index, "status": status, "error": problem.to_string()}));
                }
            }
            if self.ordered && !errors.is_empty() {
                break;
            }
        }
        json!({
            "acknowledged": true, "insertedCount": inserted, "insertedIds": ids, "matchedCount": matched,
            "modifiedCount": modified, "deletedCount": deleted, "writeErrors": errors,
        })
    }
}

/// 400 with all that is wrong, or 409 where nothing is but that some operations contradict themselves.
fn refused(mut problems: Vec<(String, Problem)>) -> Problem {
    let contradict = problems.iter().all(|(_, problem)| problem.status() == StatusCode::CONFLICT);
    problems.truncate(20);
    let mut details =
        problems.into_iter().map(|(path, problem)| Detail { path, message: problem.to_string() });
    match details.next() {
        Some(Detail { path, message }) if contradict => {
            Problem::conflict("overlapping_paths", format!("failed to carry out {path}: {message}"))
        }
        first => {
            Problem::invalid("the operations cannot be taken", first.into_iter().chain(details).collect())
        }
    }
}

fn with_index(mut failed: Value, index: usize) -> Value {
    if let Some(fields) = failed.as_object_mut() {
        fields.insert("index".to_owned(), json!(index));
    }
    failed
}

/// An operation, or where in it something is wrong and what.
fn read(collection: &str, operation: Fields) -> Result<Operation, (String, Problem)> {
    let mut entries = operation.into_iter();
    let (Some((name, body)), None) = (entries.next(), entries.next()) else {
        return Err((String::new(), odd(&format!("must be an object with one of {KNOWN}"))));
    };
    let at = format!(".{}", name.chars().take(32).collect::<String>());
    read_named(collection, &name, body).map_err(|problem| (at, problem))
}

fn odd(message: &str) -> Problem {
    Problem::bad_request("invalid", message)
}

fn read_named(collection: &str, name: &str, body: Value) -> Result<Operation, Problem> {
    let Value::Object(mut body) = body else { return Err(odd("must be an object")) };
    if body.insert("collection".to_owned(), Value::from(collection)).is_some() {
        return Err(invalid("collection", "stands beside the operations: all of them are about one"));
    }
    match name {
        "insertOne" => Ok(Operation::Insert(bodies::new(shaped::<InsertOneBody>(body)?.document)?)),
        "updateOne" => Ok(shaped::<UpdateBody>(body)?.read(false)?.1),
        "updateMany" => Ok(shaped::<UpdateBody>(body)?.read(true)?.1),
        "replaceOne" => Ok(shaped::<ReplaceBody>(body)?.read()?.1),
        "deleteOne" => Ok(shaped::<DeleteBody>(body)?.read(false)?.1),
        "deleteMany" => Ok(shaped::<DeleteBody>(body)?.read(true)?.1),
        _ => Err(odd(&format!("unknown operation: known are {KNOWN}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::principal::Kind;
    use crate::auth::role::Role;
    use crate::http::repository::rules::tests::caller;

    fn bulk(operations: Value) -> Result<Bulk, Problem> {
        let body = BulkBody {
            collection: "contact".to_owned(),
            operations: serde_json::from_value(operations).unwrap(),
            options: Value::Null,
        };
        Bulk::read(body)
    }

    #[test]
    fn every_operation_is_read_before_the_first_is_carried_out() {
        let told = bulk(json!([
            {"insertOne": {"document": {"email": "a@b.c"}}},
            {"updateOne": {"filter": {"a": {"$foo": 1}}, "update": {"$set": {"data.a": 1}}}},
            {"dropIndex": {}},
            {"deleteMany": {"filter": {}}, "deleteOne": {}},
            {"deleteOne": {"collection": "lead"}},
        ]));
        let told = told.err().unwrap().to_string();
        assert!(told.contains("operations[1].updateOne") && told.contains("3 more"), "{told}");
        assert!(bulk(json!([])).is_err());
        assert!(bulk(json!([{"deleteOne": {}}, {"replaceOne": {"replacement": {"a": 1}}}])).is_ok());
    }

    #[test]
    fn every_permission_is_asked_for_before_the_first_is_carried_out() {
        let contact = Datatype::new("contact").unwrap();
        let both = bulk(json!([{"insertOne": {"document": {}}}, {"deleteOne": {}}])).ok().unwrap();
        let ada = caller(Kind::User, "ada", &[Role::Owner]);
        assert!(both.check(&ada, &contact).is_ok());
        let refused = both.check(&caller(Kind::User, "bob", &[Role::User]), &contact).unwrap_err();
        assert_eq!(refused.status(), 403);
        let rule = json!({"data": {}, "requiredRole": {"read": ["Nobody"]}});
        let odd = bulk(json!([{"deleteOne": {}}, {"insertOne": {"document": rule}}])).ok().unwrap();
        assert_eq!(odd.check(&ada, &contact).unwrap_err().status(), 400);
    }

    #[test]
    fn an_operation_that_contradicts_itself_is_a_conflict() {
        let twice = json!({"update": {"$set": {"data.a": 1}, "$inc": {"data.a": 1}}});
        assert_eq!(bulk(json!([{"updateOne": twice}])).err().unwrap().status(), 409);
        assert_eq!(bulk(json!([{"updateOne": twice}, {"drop": {}}])).err().unwrap().status(), 400);
    }
}
