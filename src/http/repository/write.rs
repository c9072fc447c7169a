//! Writing records: create, update, update single fields, delete. What a body says is read in
//! [`super::bodies`], who may is asked of [`super::rules`]; here both meet the record.

use actix_web::{HttpResponse, web};
use appengine_actors::bus::change::{Change, ChangeError, Write};
use appengine_actors::ids::{Datatype, RecordId};
use appengine_actors::machine::Machine;
use appengine_actors::record::body::RecordBody;
use appengine_actors::record::edit;
use appengine_actors::record::model::Record;
use appengine_actors::record::service::{Created, NewRecord, Origin, Records, WriteError};
use appengine_actors::rights::required;
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::json;

use super::bodies::{self, Fields};
use super::kept;
use super::rules::{self, Act};
use crate::auth::principal::Principal;
use crate::auth::role::Permission;
use crate::http::admit::Caller;
use crate::http::take::{Json, Params};
use crate::problem::Problem;

/// Deletions of one request that are under way at once.
pub const AT_ONCE: usize = 16;
/// How often a deletion is tried anew when somebody else writes the record in between.
const TRIES: usize = 8;

/// Whether a record goes for good, in either spelling.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DeleteParams {
    #[serde(default)]
    hard: bool,
    #[serde(default)]
    hard_delete: bool,
}

impl DeleteParams {
    const fn for_good(&self) -> bool {
        self.hard || self.hard_delete
    }
}

pub(super) async fn create(
    caller: Caller,
    records: web::Data<Records>,
    Json(body): Json<Fields>,
) -> Result<HttpResponse, Problem> {
    let (datatype, body) = bodies::new_in(body)?;
    make(&caller, &records, datatype, body).await
}

pub(super) async fn create_in(
    caller: Caller,
    records: web::Data<Records>,
    datatype: web::Path<String>,
    Json(body): Json<Fields>,
) -> Result<HttpResponse, Problem> {
    make(&caller, &records, rules::datatype(&datatype)?, bodies::new(body)?).await
}

async fn make(
    caller: &Principal,
    records: &Records,
    datatype: Datatype,
    body: RecordBody,
) -> Result<HttpResponse, Problem> {
    let new = NewRecord { once: true, ..new_record(caller, datatype, body)? };
    Ok(match records.create(&caller.org, new, &origin(caller)).await? {
        Created::New(record) => HttpResponse::Created().json(record.to_json()),
        Created::Repeat => HttpResponse::Ok().finish(),
    })
}

/// What is to be created, if the caller may.
///
/// # Errors
/// 403 for collections and fields that are not theirs to write, 400 for fields that cannot be taken.
pub fn new_record(caller: &Principal, datatype: Datatype, body: RecordBody) -> Result<NewRecord, Problem> {
    rules::check_all(caller, &datatype, Act::Create, Permission::Create)?;
    rules::check_fields(caller, &body.meta)?;
    kept::check_new(&datatype, body.data.as_ref().unwrap_or(&Fields::new()))?;
    let mut meta = body.meta;
    if let Some(owner) = rules::owner(caller) {
        meta.insert("owner".to_owned(), owner);
    }
    Ok(NewRecord { datatype, sk: body.sk, data: body.data.unwrap_or_default(), meta, once: false })
}

/// Who writes.
#[must_use]
pub fn origin(caller: &Principal) -> Origin {
    Origin { by: Some(caller.author().to_owned()), ..Origin::default() }
}

pub(super) async fn update(
    caller: Caller,
    records: web::Data<Records>,
    path: web::Path<(String, RecordId)>,
    Json(body): Json<Fields>,
) -> Result<HttpResponse, Problem> {
    let (datatype, sk) = path.into_inner();
    let record =
        replace(&caller, &records, (&rules::datatype(&datatype)?, &sk), bodies::update(body)?).await?;
    Ok(HttpResponse::Ok().json(record.to_json()))
}

pub(super) async fn update_one(
    caller: Caller,
    records: web::Data<Records>,
    part: web::Path<String>,
    Json(body): Json<Fields>,
) -> Result<HttpResponse, Problem> {
    let (datatype, sk) = bodies::target(&part, &body)?;
    let record = replace(&caller, &records, (&datatype, &sk), bodies::update(body)?).await?;
    Ok(HttpResponse::Ok().json(record.to_json()))
}

/// Puts what a body holds in the place of what the record has.
///
/// # Errors
/// 404, 403, 409 for an old version, or what the store fails with.
pub async fn replace(
    caller: &Principal,
    records: &Records,
    at: (&Datatype, &RecordId),
    body: RecordBody,
) -> Result<Record, Problem> {
    rules::check_fields(caller, &body.meta)?;
    let deletes = rules::deletes(body.meta.get("state"));
    let edit = |record: &mut Record| edit::replace(record, &body);
    change(caller, records, at, body.version, deletes, edit).await
}

pub(super) async fn update_partial(
    caller: Caller,
    records: web::Data<Records>,
    path: web::Path<(String, RecordId)>,
    Json(body): Json<Fields>,
) -> Result<HttpResponse, Problem> {
    let (datatype, sk) = path.into_inner();
    let (datatype, (changes, version)) = (rules::datatype(&datatype)?, bodies::changes(body)?);
    rules::check_fields(&caller, &bodies::roots(&changes))?;
    let deletes = rules::deletes(changes.get("state"));
    let edit = |record: &mut Record| edit::apply_partial(record, &changes);
    let record = change(&caller, &records, (&datatype, &sk), version, deletes, edit).await?;
    Ok(HttpResponse::Ok().json(record.to_json()))
}

/// Changes a record that the caller may change.
///
/// # Errors
/// 404, 403, 409 for an old version and for an edit that the record as it is cannot take, or what the
/// store fails with.
pub async fn change(
    caller: &Principal,
    records: &Records,
    at: (&Datatype, &RecordId),
    version: Option<u64>,
    deletes: bool,
    edit: impl Fn(&mut Record) -> Result<(), String>,
) -> Result<Record, Problem> {
    rules::check(caller, at.0, Act::Change)?;
    let permissions =
        if deletes { vec![Permission::Update, Permission::Delete] } else { vec![Permission::Update] };
    let may = |record: &Record| permissions.iter().try_for_each(|p| rules::check_record(caller, record, *p));
    let read = records.require(&caller.org, at.0, at.1).await;
    let read = read.map_err(Problem::from).and_then(|read| may(&read.record).map(|()| read.record));
    let before = rules::unless_hidden(caller, at.0, Permission::Update, read)?;
    let mut tried = before.clone();
    if edit(&mut tried).is_ok() {
        kept::keep(&before, &mut tried)?;
    }
    let edit = |record: &mut Record| {
        // Asked again of the record that is written: it may not be the one that was read before.
        may(record).map_err(|problem| problem.to_string())?;
        let before = record.clone();
        edit(record)?;
        kept::keep(&before, record).map_err(|problem| problem.to_string())?;
        required::check(&record.meta).map_err(|why| format!("set requiredRole: it {why}"))
    };
    let written = records.update(&caller.org, at, version, &origin(caller), edit).await;
    written.map_err(|error| match error {
        WriteError::Refused(why) => Problem::conflict("not_applicable", format!("failed to {why}")),
        error => error.into(),
    })
}

pub(super) async fn delete(
    caller: Caller,
    machine: web::Data<Machine>,
    path: web::Path<(String, RecordId)>,
    Params(params): Params<DeleteParams>,
) -> Result<HttpResponse, Problem> {
    let (datatype, sk) = path.into_inner();
    let datatype = rules::datatype(&datatype)?;
    let gone = remove(&caller, &machine, (&datatype, &sk), params.for_good(), |_| true).await?;
    Ok(HttpResponse::Ok().json(gone.map(|record| record.to_json())))
}

pub(super) async fn delete_many(
    caller: Caller,
    machine: web::Data<Machine>,
    datatype: web::Path<String>,
    Params(params): Params<DeleteParams>,
    Json(ids): Json<Vec<RecordId>>,
) -> Result<HttpResponse, Problem> {
    let datatype = rules::datatype(&datatype)?;
    rules::check_all(&caller, &datatype, Act::Change, Permission::Delete)?;
    let hard = params.for_good();
    let (caller, machine, datatype) = (&*caller, machine.get_ref(), &datatype);
    let deletions = futures_util::stream::iter(bodies::ids(ids)?).map(|sk| async move {
        let gone = remove(caller, machine, (datatype, &sk), hard, |_| true).await;
        bodies::outcome(&sk, gone.map(|_| ()))
    });
    let results: Vec<_> = deletions.buffered(AT_ONCE).collect().await;
    let deleted = results.iter().filter(|result| result["deleted"] == true).count();
    Ok(HttpResponse::Ok().json(json!({"deleted": deleted, "results": results})))
}

/// Deletes a record that the caller may delete, softly or for good, if it is `still` what was meant; says
/// which it was.
///
/// # Errors
/// 404, 403, or what the store fails with.
pub async fn remove(
    caller: &Principal,
    machine: &Machine,
    at: (&Datatype, &RecordId),
    hard: bool,
    still: impl Fn(&Record) -> bool,
) -> Result<Option<Record>, Problem> {
    rules::check(caller, at.0, Act::Change)?;
    let mut tries = 0;
    loop {
        tries += 1;
        let write = machine.records.plan_delete(&caller.org, at, hard, Some(caller.author())).await;
        let write = rules::unless_hidden(caller, at.0, Permission::Delete, write.map_err(Problem::from))?;
        let (Write::Remove { before, .. } | Write::Replace { before, .. }) = &write else {
            return Err(Problem::internal(&"a deletion was planned as something else"));
        };
        let may = rules::check_record(caller, before, Permission::Delete);
        rules::unless_hidden(caller, at.0, Permission::Delete, may)?;
        if !still(before) {
            return Ok(None);
        }
        // Insists on the record that was asked about.
        let change = Change { writes: vec![write], ..origin(caller).change() };
        match machine.publisher.commit(caller.org.clone(), change).await {
            Ok(receipt) => return Ok(receipt.records.into_iter().next()),
            Err(ChangeError::Changed(_)) if tries < TRIES => {}
            Err(error) => return Err(error.into()),
        }
    }
}
