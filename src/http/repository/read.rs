//! Reading records: one by its id, by whatever names it, lists, searches, aggregates.

use actix_web::{HttpResponse, web};
use appengine_actors::ids::{Datatype, RecordId};
use appengine_actors::machine::Machine;
use appengine_actors::record::model::{EMAIL_FIELD, Record, email_is_unique};
use appengine_actors::record::service::Records;
use appengine_actors::record::{Limits, Options, Pipeline};
use serde::Deserialize;
use serde_json::{Value, json};

use super::bodies::{self, Fields};
use super::list::{self, LARGEST_PAGE, LAST_PAGE, Place, find_page, read_find};
use super::lookup::{self, Keyword};
use super::rules::{self, Act};
use crate::auth::principal::Principal;
use crate::auth::role::Permission;
use crate::http::admit::Caller;
use crate::http::take::{Json, Params};
use crate::problem::Problem;

/// Records with one e-mail that are looked through.
const SAME_EMAIL: usize = 100;
/// What applications note of what people did.
const ACTIVITY: &str = "activity";

/// What a list takes from the query: the short names of the contract (§1.3).
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageParams {
    p: Option<u32>,
    ps: Option<u32>,
    page: Option<u32>,
    #[serde(rename = "pageSize")]
    page_size: Option<u32>,
    s: Option<String>,
    st: Option<Way>,
    l: Option<String>,
    /// Enrichment has no effect: an embedded store has nothing to join.
    #[serde(rename = "en")]
    _enrich: Option<bool>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    Asc,
    Desc,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EnrichParams {
    #[serde(rename = "en")]
    _enrich: Option<bool>,
}

/// What is searched for. Numbers may be written as JavaScript's are: 2.0 is 2.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SearchBody {
    keyword: Option<String>,
    page: Option<f64>,
    page_size: Option<f64>,
    /// Some clients send it; AppEngine ignores it (contract §3.2).
    #[serde(default, rename = "search")]
    _search: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SearchParams {
    keyword: Option<String>,
    page: Option<u32>,
    page_size: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UniqueParams {
    datatype: String,
    attribute: String,
    value: String,
}

/// A query and options; everything beside them is ignored (contract §3.2).
#[derive(Debug, Deserialize)]
pub(super) struct FindBody {
    #[serde(default)]
    query: Value,
    #[serde(default)]
    options: Value,
}

pub(super) async fn get(
    caller: Caller,
    records: web::Data<Records>,
    path: web::Path<(String, RecordId)>,
    Params(_): Params<EnrichParams>,
) -> Result<HttpResponse, Problem> {
    let (datatype, sk) = path.into_inner();
    let found = one(&caller, &records, (&rules::datatype(&datatype)?, &sk)).await?;
    Ok(HttpResponse::Ok().json(found.to_json()))
}

/// A record that the caller may read.
///
/// # Errors
/// 404, 403, or what the store fails with.
pub async fn one(
    caller: &Principal,
    records: &Records,
    (datatype, sk): (&Datatype, &RecordId),
) -> Result<Record, Problem> {
    rules::check(caller, datatype, Act::Read)?;
    let found = async {
        let found = records.require(&caller.org, datatype, sk).await?.record;
        rules::check_record(caller, &found, Permission::Read).map(|()| found)
    };
    rules::unless_hidden(caller, datatype, Permission::Read, found.await)
}

pub(super) async fn find_any_id(
    caller: Caller,
    records: web::Data<Records>,
    path: web::Path<(String, String)>,
    Params(_): Params<EnrichParams>,
) -> Result<HttpResponse, Problem> {
    let (datatype, id) = path.into_inner();
    let found = any_id(&caller, &records, &rules::datatype(&datatype)?, &id).await?;
    Ok(HttpResponse::Ok().json(found.to_json()))
}

pub(super) async fn find_any_id_by_tail(
    caller: Caller,
    records: web::Data<Records>,
    path: web::Path<(String, String, String, String)>,
    Params(_): Params<EnrichParams>,
) -> Result<HttpResponse, Problem> {
    let (datatype, org, of, id) = path.into_inner();
    let id = format!("{org}/{of}/{id}");
    let found = any_id(&caller, &records, &rules::datatype(&datatype)?, &id).await?;
    Ok(HttpResponse::Ok().json(found.to_json()))
}

/// The record that any of the spellings of an id names, or an e-mail.
async fn any_id(
    caller: &Principal,
    records: &Records,
    datatype: &Datatype,
    text: &str,
) -> Result<Record, Problem> {
    rules::check(caller, datatype, Act::Read)?;
    let mut refusal = None;
    for sk in lookup::spellings(&caller.org, datatype, text) {
        let found = records.read(&caller.org, datatype, &sk).await?.filter(|read| !read.record.is_deleted());
        match found.map(|found| (rules::check_record(caller, &found.record, Permission::Read), found.record))
        {
            Some((Ok(()), record)) => return Ok(record),
            Some((Err(problem), _)) => refusal = Some(problem),
            None => {}
        }
    }
    if lookup::is_email(text) {
        for record in records.with_email(&caller.org, datatype, text, SAME_EMAIL).await? {
            match rules::check_record(caller, &record, Permission::Read) {
                Ok(()) => return Ok(record),
                Err(problem) => refusal = Some(problem),
            }
        }
    }
    let missing = || {
        let shown: String = text.chars().take(128).collect();
        Problem::not_found(format!("failed to find {datatype} `{shown}`: there is no such record"))
    };
    rules::unless_hidden(caller, datatype, Permission::Read, Err(refusal.unwrap_or_else(missing)))
}

pub(super) async fn find_page_data(
    caller: Caller,
    records: web::Data<Records>,
    machine: web::Data<Machine>,
    datatype: web::Path<String>,
    Params(params): Params<PageParams>,
) -> Result<HttpResponse, Problem> {
    let options = params.options()?;
    let page = find_page(&caller, &records, &machine, &datatype, &Value::Null, &options).await?;
    Ok(HttpResponse::Ok().json(page))
}

impl PageParams {
    /// The same as options. Newest modified first, unless told otherwise.
    fn options(&self) -> Result<Value, Problem> {
        for (name, number) in [("p", self.p), ("page", self.page)] {
            list::bounded(name, number.map(f64::from), LAST_PAGE)?;
        }
        for (name, number) in [("ps", self.ps), ("pageSize", self.page_size)] {
            list::bounded(name, number.map(f64::from), LARGEST_PAGE)?;
        }
        let field = self.s.as_deref().unwrap_or("modifydate");
        if self.l.is_some() && !matches!(field, "modifydate" | "createdate") {
            let message = "`l` continues a list by modifydate or createdate; use `p` with other orders";
            return Err(Problem::conflict("no_such_place", message));
        }
        let way = match self.st {
            Some(Way::Asc) => 1,
            Some(Way::Desc) | None => -1,
        };
        let sort = Value::Object([(field.to_owned(), Value::from(way))].into_iter().collect());
        let (page, size) = (self.p.or(self.page), self.ps.or(self.page_size));
        Ok(json!({"page": page, "pageSize": size, "sort": sort, "lastItem": self.l}))
    }
}

pub(super) async fn activities(
    caller: Caller,
    records: web::Data<Records>,
    machine: web::Data<Machine>,
    Params(params): Params<PageParams>,
) -> Result<HttpResponse, Problem> {
    let options = params.options()?;
    let page = find_page(&caller, &records, &machine, ACTIVITY, &Value::Null, &options).await?;
    Ok(HttpResponse::Ok().json(page))
}

pub(super) async fn find(
    caller: Caller,
    records: web::Data<Records>,
    machine: web::Data<Machine>,
    datatype: web::Path<String>,
    Json(body): Json<Fields>,
) -> Result<HttpResponse, Problem> {
    let body: FindBody = bodies::shaped(body)?;
    let page = find_page(&caller, &records, &machine, &datatype, &body.query, &body.options).await?;
    Ok(HttpResponse::Ok().json(page))
}

pub(super) async fn search(
    caller: Caller,
    records: web::Data<Records>,
    machine: web::Data<Machine>,
    datatype: web::Path<String>,
    Json(body): Json<Fields>,
) -> Result<HttpResponse, Problem> {
    search_for(&caller, &records, &machine, &datatype, bodies::shaped(body)?).await
}

pub(super) async fn search_by_get(
    caller: Caller,
    records: web::Data<Records>,
    machine: web::Data<Machine>,
    datatype: web::Path<String>,
    Params(SearchParams { keyword, page, page_size }): Params<SearchParams>,
) -> Result<HttpResponse, Problem> {
    let (page, page_size) = (page.map(f64::from), page_size.map(f64::from));
    let asked = SearchBody { keyword, page, page_size, _search: Value::Null };
    search_for(&caller, &records, &machine, &datatype, asked).await
}

async fn search_for(
    caller: &Principal,
    records: &Records,
    machine: &Machine,
    datatype: &str,
    asked: SearchBody,
) -> Result<HttpResponse, Problem> {
    let datatype = rules::datatype(datatype)?;
    rules::check_all(caller, &datatype, Act::Read, Permission::Read)?;
    let keyword = Keyword::new(asked.keyword.as_deref().unwrap_or_default())?;
    list::bounded("page", asked.page, LAST_PAGE)?;
    list::bounded("pageSize", asked.page_size, LARGEST_PAGE)?;
    let (query, wanted) = read_find(&Value::Null, &json!({"page": asked.page, "pageSize": asked.page_size}))?;
    let budget = machine.house.settings.query_documents;
    let place = Place { caller, records, datatype: &datatype, budget };
    let has = |record: &Record| keyword.is_in(record);
    let page = list::list(place, &query, &wanted, Some(&has)).await?;
    Ok(HttpResponse::Ok().json(page))
}

pub(super) async fn find_by_attribute(
    caller: Caller,
    records: web::Data<Records>,
    machine: web::Data<Machine>,
    path: web::Path<(String, String, String)>,
    Params(params): Params<PageParams>,
) -> Result<HttpResponse, Problem> {
    let (datatype, attribute, value) = path.into_inner();
    let options = params.options()?;
    let query = if matches!(attribute.as_str(), "email" | EMAIL_FIELD) && lookup::is_email(&value) {
        // By the index, which knows addresses in any case.
        let collection = rules::datatype(&datatype)?;
        let found = records.with_email(&caller.org, &collection, &value, SAME_EMAIL).await?;
        json!({"sk": {"$in": found.into_iter().map(|record| record.sk).collect::<Vec<_>>()}})
    } else {
        lookup::loosely(&attribute, &value)
    };
    let page = find_page(&caller, &records, &machine, &datatype, &query, &options).await?;
    Ok(HttpResponse::Ok().json(page))
}

pub(super) async fn is_unique(
    caller: Caller,
    records: web::Data<Records>,
    machine: web::Data<Machine>,
    Params(params): Params<UniqueParams>,
) -> Result<HttpResponse, Problem> {
    let datatype = rules::datatype(&params.datatype)?;
    rules::check(&caller, &datatype, Act::Read)?;
    let query = lookup::exactly(&params.attribute, &params.value);
    let (query, _) = read_find(&query, &Value::Null)?;
    let budget = machine.house.settings.query_documents;
    let place = Place { caller: &caller, records: &records, datatype: &datatype, budget };
    let options = Options { page_size: 1, ..Options::default() };
    let email = matches!(params.attribute.as_str(), "email" | EMAIL_FIELD) && email_is_unique(&datatype);
    // A record that the caller may not see has its address all the same.
    let taken = email && records.by_email(&caller.org, &datatype, &params.value).await?.is_some();
    let unique = !taken && list::find(place, &query, &options, None).await?.total == 0;
    Ok(HttpResponse::Ok().json(json!({"unique": unique})))
}

pub(super) async fn collections(
    caller: Caller,
    records: web::Data<Records>,
    machine: web::Data<Machine>,
) -> Result<HttpResponse, Problem> {
    let found = records.collections(&caller.org, machine.house.settings.query_documents).await?;
    let data: Vec<Value> = found
        .into_iter()
        .map(|c| json!({"name": c.datatype, "count": c.count, "countIsLowerBound": c.count_is_lower_bound}))
        .collect();
    Ok(HttpResponse::Ok().json(json!({"data": data})))
}

pub(super) async fn aggregate(
    caller: Caller,
    records: web::Data<Records>,
    machine: web::Data<Machine>,
    datatype: web::Path<String>,
    Json(body): Json<Value>,
) -> Result<HttpResponse, Problem> {
    let pipeline = lookup::pipeline(body)?;
    let data = aggregated(&caller, &records, &machine, &rules::datatype(&datatype)?, &pipeline).await?;
    Ok(HttpResponse::Ok().json(json!({"data": data, "total": data.len(), "datatype": &*datatype})))
}

/// What a pipeline, as it was sent, makes of a collection.
///
/// # Errors
/// 400 with everything that is wrong with it, 403 for closed collections, or as [`list::aggregate`].
pub async fn aggregated(
    caller: &Principal,
    records: &Records,
    machine: &Machine,
    datatype: &Datatype,
    pipeline: &Value,
) -> Result<Vec<Value>, Problem> {
    rules::check_all(caller, datatype, Act::Read, Permission::Read)?;
    // Expressions cost less than conditions: every document is asked each once.
    let limits = Limits { clauses: 1_000, ..Limits::default() };
    let pipeline = Pipeline::parse(pipeline, &limits);
    let pipeline = pipeline.map_err(|problems| list::refused("the pipeline cannot be taken", problems))?;
    let budget = machine.house.settings.query_documents;
    list::aggregate(Place { caller, records, datatype, budget }, &pipeline).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_names_are_options() {
        let params = PageParams { p: Some(2), ps: Some(10), ..PageParams::default() };
        let sort = json!({"modifydate": -1});
        let expected = json!({"page": 2, "pageSize": 10, "sort": sort, "lastItem": null});
        assert_eq!(params.options().unwrap(), expected);
        let long = PageParams { page: Some(2), page_size: Some(10), ..PageParams::default() };
        assert_eq!(long.options().unwrap(), params.options().unwrap());
        let by_name = PageParams { s: Some("data.name".into()), st: Some(Way::Asc), ..PageParams::default() };
        assert_eq!(by_name.options().unwrap()["sort"], json!({"data.name": 1}));
        let lost = PageParams { l: Some("1.a".into()), ..by_name };
        assert_eq!(lost.options().unwrap_err().status(), 409);
    }
}
