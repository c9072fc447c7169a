//! `bulkWrite`: operations in their order. All are read, and the caller's permissions asked for, before
//! the first is carried out.

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
                Err((name, message)) => {
                    problems.push(Detail { path: format!("operations[{index}]{name}"), message });
                }
            }
        }
        if problems.is_empty() {
            Ok(Self { operations, ordered })
        } else {
            problems.truncate(20);
            Err(Problem::invalid("the operations cannot be taken", problems))
        }
    }

    /// Whether the caller may do all of it.
    ///
    /// # Errors
    /// 403 for the first permission that is missing.
    pub fn check(&self, caller: &Principal) -> Result<(), Problem> {
        let mut asked = self.operations.iter().map(Operation::permission);
        Ok(asked.try_for_each(|permission| caller.require(permission, "write:data"))?)
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

fn with_index(mut failed: Value, index: usize) -> Value {
    if let Some(fields) = failed.as_object_mut() {
        fields.insert("index".to_owned(), json!(index));
    }
    failed
}

/// An operation, or where in it something is wrong and what.
fn read(collection: &str, operation: Fields) -> Result<Operation, (String, String)> {
    let mut entries = operation.into_iter();
    let (Some((name, body)), None) = (entries.next(), entries.next()) else {
        return Err((String::new(), format!("must be an object with one of {KNOWN}")));
    };
    let at = || format!(".{}", name.chars().take(32).collect::<String>());
    let Value::Object(mut body) = body else { return Err((at(), "must be an object".to_owned())) };
    if body.contains_key("collection") {
        return Err((at(), "has a `collection` of its own: all operations are about one".to_owned()));
    }
    body.insert("collection".to_owned(), Value::from(collection));
    let read = match name.as_str() {
        "insertOne" => {
            shaped::<InsertOneBody>(body).and_then(|it| bodies::new(it.document)).map(Operation::Insert)
        }
        "updateOne" => shaped::<UpdateBody>(body).and_then(|it| it.read(false)).map(|it| it.1),
        "updateMany" => shaped::<UpdateBody>(body).and_then(|it| it.read(true)).map(|it| it.1),
        "replaceOne" => shaped::<ReplaceBody>(body).and_then(ReplaceBody::read).map(|it| it.1),
        "deleteOne" => shaped::<DeleteBody>(body).and_then(|it| it.read(false)).map(|it| it.1),
        "deleteMany" => shaped::<DeleteBody>(body).and_then(|it| it.read(true)).map(|it| it.1),
        _ => return Err((at(), format!("unknown operation: known are {KNOWN}"))),
    };
    read.map_err(|problem| (at(), problem.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::principal::Kind;
    use crate::auth::role::Role;
    use crate::http::repository::rules::tests::caller;

    fn bulk(operations: Value) -> Result<Bulk, Problem> {
        Bulk::read(
            serde_json::from_value(json!({"collection": "contact", "operations": operations})).unwrap(),
        )
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
        let bulk = bulk(json!([{"insertOne": {"document": {}}}, {"deleteOne": {}}])).ok().unwrap();
        assert!(bulk.check(&caller(Kind::User, "ada", &[Role::Owner])).is_ok());
        let refused = bulk.check(&caller(Kind::User, "bob", &[Role::User])).unwrap_err();
        assert_eq!(refused.status(), 403);
    }
}
