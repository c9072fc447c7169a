//! Carries out the writes of `/dynamic-query/*`, record by record: each is found by the filter, and written
//! only if it still matches when it is. Bounded; what many records come to is told one by one.

use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::http::StatusCode;
use appengine_actors::bus::change::Change;
use appengine_actors::ids::{Datatype, RecordId};
use appengine_actors::machine::Machine;
use appengine_actors::record::body::RecordBody;
use appengine_actors::record::model::Record;
use appengine_actors::record::{Options, Path, Projection, edit};
use futures_util::StreamExt;
use serde_json::{Value, json};

use super::bodies::{Chosen, Operation, check_distinct};
use super::change::Update;
use crate::auth::principal::Principal;
use crate::auth::role::Permission;
use crate::http::repository::bodies::MOST;
use crate::http::repository::list::{self, Place};
use crate::http::repository::rules::{self, Act};
use crate::http::repository::write::{self, AT_ONCE};
use crate::problem::Problem;

/// How often another first record is looked for when somebody else is faster.
const TRIES: usize = 8;

/// Whose write it is, and where.
#[derive(Clone, Copy)]
pub struct Work<'a> {
    /// Who.
    pub caller: &'a Principal,
    /// The machine.
    pub machine: &'a Machine,
    /// The collection.
    pub datatype: &'a Datatype,
}

/// What was done.
#[derive(Debug, Default)]
pub struct Done {
    /// Records that were made, in their order.
    pub inserted: Vec<Record>,
    /// Records that an update or replacement was for.
    pub matched: usize,
    /// Those of them that were written.
    pub modified: usize,
    /// Records that were deleted.
    pub deleted: usize,
    /// The record that was written, where only one was meant.
    pub record: Option<Record>,
    /// What failed: `{sk, status, error}`.
    pub failed: Vec<Value>,
}

impl Operation {
    /// What the caller must be allowed for it.
    #[must_use]
    pub fn permission(&self) -> Permission {
        match self {
            Self::Insert(_) => Permission::Create,
            Self::Update { .. } | Self::Replace { .. } => Permission::Update,
            Self::Delete { .. } => Permission::Delete,
        }
    }
}

impl Operation {
    /// Whether the caller may write this collection and the fields that are set.
    ///
    /// # Errors
    /// 403 for what is not theirs to write, 400 for a record's rule that cannot be read.
    pub fn check(&self, caller: &Principal, datatype: &Datatype) -> Result<(), Problem> {
        let (act, fields) = match self {
            Self::Insert(body) => (Act::Create, Some(&body.meta)),
            Self::Update { update, .. } => (Act::Change, Some(&update.roots)),
            Self::Replace { body, .. } => (Act::Change, Some(&body.meta)),
            Self::Delete { .. } => (Act::Change, None),
        };
        rules::check_all(caller, datatype, act, self.permission())?;
        fields.map_or(Ok(()), |fields| rules::check_fields(caller, fields))
    }
}

impl Work<'_> {
    /// Carries out one operation on at most `room` records.
    ///
    /// # Errors
    /// 400 when it is about more, 403 and 409 as for single records, or what the store fails with.
    pub async fn carry_out(&self, operation: Operation, room: usize) -> Result<Done, Problem> {
        operation.check(self.caller, self.datatype)?;
        match operation {
            Operation::Insert(body) => self.insert(vec![body]).await,
            Operation::Update { of, update, many: true } => self.update_many(&of, &update, room).await,
            Operation::Update { of, update, many: false } => self.update_first(&of, &update).await,
            Operation::Replace { of, body } => self.replace_first(&of, &body).await,
            Operation::Delete { of, hard, many: true } => self.delete_many(&of, hard, room).await,
            Operation::Delete { of, hard, many: false } => self.delete_first(&of, hard).await,
        }
    }

    /// Creates records together: all of them or none.
    ///
    /// # Errors
    /// 403 for what is not theirs to write, 409 for what exists already, or what the store fails with.
    pub async fn insert(&self, bodies: Vec<RecordBody>) -> Result<Done, Problem> {
        let new = bodies.into_iter().map(|body| write::new_record(self.caller, self.datatype.clone(), body));
        let new = new.collect::<Result<Vec<_>, _>>()?;
        check_distinct(&new)?;
        let origin = write::origin(self.caller);
        let plan = |new| self.machine.records.plan_create(&self.caller.org, new, origin.by.as_deref());
        let change = Change { writes: new.into_iter().map(plan).collect(), ..origin.change() };
        let receipt = self.machine.publisher.commit(self.caller.org.clone(), change).await?;
        Ok(Done { inserted: receipt.records, ..Done::default() })
    }

    async fn update_first(&self, of: &Chosen, update: &Update) -> Result<Done, Problem> {
        let written =
            self.first(of, Permission::Update, async |sk| self.update(sk, of, update).await).await?;
        Ok(one(written))
    }

    async fn replace_first(&self, of: &Chosen, body: &RecordBody) -> Result<Done, Problem> {
        let deletes = rules::deletes(body.meta.get("state"));
        let replace = |record: &mut Record| edit::replace(record, body);
        let written =
            self.first(of, Permission::Update, async |sk| self.write(sk, of, deletes, replace).await).await?;
        Ok(one(written))
    }

    async fn delete_first(&self, of: &Chosen, hard: bool) -> Result<Done, Problem> {
        let gone = self.first(of, Permission::Delete, async |sk| self.delete(sk, of, hard).await).await?;
        Ok(Done { deleted: usize::from(gone.is_some()), ..Done::default() })
    }

    async fn update_many(&self, of: &Chosen, update: &Update, room: usize) -> Result<Done, Problem> {
        let ids = self.ids(of, Permission::Update, room).await?;
        let updates = futures_util::stream::iter(ids)
            .map(|sk| async move { (self.update(&sk, of, update).await, sk) })
            .buffered(AT_ONCE);
        Ok(updates
            .fold(Done::default(), async |done, (result, sk)| {
                done.with(&sk, result, |done| done.modified += 1)
            })
            .await)
        .map(|done| Done { matched: done.modified + done.failed.len(), ..done })
    }

    async fn delete_many(&self, of: &Chosen, hard: bool, room: usize) -> Result<Done, Problem> {
        let ids = self.ids(of, Permission::Delete, room).await?;
        let deletions = futures_util::stream::iter(ids)
            .map(|sk| async move { (self.delete(&sk, of, hard).await, sk) })
            .buffered(AT_ONCE);
        Ok(deletions
            .fold(Done::default(), async |done, (result, sk)| {
                done.with(&sk, result, |done| done.deleted += 1)
            })
            .await)
    }

    async fn update(&self, sk: &RecordId, of: &Chosen, update: &Update) -> Result<Option<Record>, Problem> {
        self.write(sk, of, update.deletes(), |record: &mut Record| update.apply(record)).await
    }

    /// Writes a record if it is there and still matches.
    async fn write(
        &self,
        sk: &RecordId,
        of: &Chosen,
        deletes: bool,
        edit: impl Fn(&mut Record) -> Result<(), String>,
    ) -> Result<Option<Record>, Problem> {
        let left = AtomicBool::new(false);
        let edit = |record: &mut Record| {
            let matches = of.query.matches(&record.to_json());
            left.store(!matches, Ordering::Relaxed);
            if matches { edit(record) } else { Err("it no longer matches".to_owned()) }
        };
        let at = (self.datatype, sk);
        let written = write::change(self.caller, &self.machine.records, at, None, deletes, edit).await;
        match written {
            Err(_) if left.load(Ordering::Relaxed) => Ok(None),
            written => unless_gone(written.map(Some)),
        }
    }

    async fn delete(&self, sk: &RecordId, of: &Chosen, hard: bool) -> Result<Option<Record>, Problem> {
        let still = |record: &Record| of.query.matches(&record.to_json());
        unless_gone(write::remove(self.caller, self.machine, (self.datatype, sk), hard, still).await)
    }

    /// The first record that matches, once `act` got hold of it before others did.
    async fn first(
        &self,
        of: &Chosen,
        permission: Permission,
        act: impl AsyncFn(&RecordId) -> Result<Option<Record>, Problem>,
    ) -> Result<Option<Record>, Problem> {
        for _ in 0..TRIES {
            let Some(sk) = self.find(of, permission, 1).await?.0.into_iter().next() else { return Ok(None) };
            if let Some(record) = act(&sk).await? {
                return Ok(Some(record));
            }
        }
        Err(Problem::conflict(
            "contended",
            "failed to write the record: others are faster; try again shortly",
        ))
    }

    /// All records that match and that the caller may do this with.
    async fn ids(&self, of: &Chosen, permission: Permission, most: usize) -> Result<Vec<RecordId>, Problem> {
        let (ids, complete) = self.find(of, permission, most + 1).await?;
        if ids.len() > most {
            let message = format!(
                "failed to write more than {MOST} records at once: narrow the filter, or repeat it for those that \
                 are left"
            );
            return Err(Problem::bad_request("too_many_records", message));
        }
        if !complete {
            let message = "failed to look at all records: narrow the filter by sk, data.email, modifydate or createdate";
            return Err(Problem::bad_request("query_too_broad", message));
        }
        Ok(ids)
    }

    /// Up to `most` ids of records that match, and whether everything was looked at.
    async fn find(
        &self,
        of: &Chosen,
        permission: Permission,
        most: usize,
    ) -> Result<(Vec<RecordId>, bool), Problem> {
        let may = |record: &Record| rules::may_on(self.caller, record, permission);
        let sk: Vec<Path> = Path::parse("sk").into_iter().collect();
        let projection = Projection::new(&sk, &[], &[]);
        let options = Options { page_size: most as u64, projection, ..of.options.clone() };
        let budget = self.machine.house.settings.query_documents;
        let place =
            Place { caller: self.caller, records: &self.machine.records, datatype: self.datatype, budget };
        let page = list::find(place, &of.query, &options, Some(&may)).await?;
        let ids = page.data.iter().filter_map(|row| RecordId::new(row.get("sk")?.as_str()?).ok());
        Ok((ids.collect(), !page.total_is_lower_bound))
    }
}

impl Done {
    /// Takes what one of many came to.
    fn with(
        mut self,
        sk: &RecordId,
        result: Result<Option<Record>, Problem>,
        count: impl FnOnce(&mut Self),
    ) -> Self {
        match result {
            Ok(Some(_)) => count(&mut self),
            Ok(None) => {}
            Err(problem) => {
                let status = problem.status().as_u16();
                self.failed.push(json!({"sk": sk, "status": status, "error": problem.to_string()}));
            }
        }
        self
    }

    /// Records that it was about.
    #[must_use]
    pub fn records(&self) -> usize {
        self.inserted.len() + self.matched + self.deleted + self.failed.len()
    }
}

fn one(record: Option<Record>) -> Done {
    let count = usize::from(record.is_some());
    Done { matched: count, modified: count, record, ..Done::default() }
}

/// A record that is gone by now does not match.
fn unless_gone(result: Result<Option<Record>, Problem>) -> Result<Option<Record>, Problem> {
    match result {
        Err(problem) if problem.status() == StatusCode::NOT_FOUND => Ok(None),
        result => result,
    }
}
