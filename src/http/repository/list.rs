//! Lists of records for a caller: what they ask for is read here, with everything wrong named by its
//! path, and what they may see is decided by [`super::rules`].

use appengine_actors::ids::Datatype;
use appengine_actors::machine::Machine;
use appengine_actors::record::find::{Find, FindError, Page, Visible};
use appengine_actors::record::model::Record;
use appengine_actors::record::service::Records;
use appengine_actors::record::{self, Limits, Options, Pipeline, Query};
use serde_json::{Map, Value, json};

use super::rules::{self, Act};
use crate::auth::principal::Principal;
use crate::auth::role::Permission;
use crate::http::automation::records as records_of_runs;
use crate::problem::{Detail, Problem};

/// The last page that may be asked for by its number.
pub const LAST_PAGE: u32 = 1_000_000;
/// Records of the largest page.
pub const LARGEST_PAGE: u32 = 1_000;
/// Records that may be passed over to reach a page.
const MOST_SKIPPED: u64 = 1_000_000;

/// Where somebody looks.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// Who.
    pub caller: &'a Principal,
    /// The records.
    pub records: &'a Records,
    /// Which of them.
    pub datatype: &'a Datatype,
    /// How many of them may be looked at.
    pub budget: usize,
}

/// What a list shall be.
pub struct Wanted {
    /// Page, order and fields.
    pub options: Options,
    /// Whether the page is too far to be walked to.
    too_far: bool,
}

/// A page of the records that match, as the contract's lists are (§1.2).
///
/// # Errors
/// 400 with everything that is wrong with query and options, or when the query is too broad; 403 for
/// collections that are closed to the caller.
pub async fn find_page(
    caller: &Principal,
    records: &Records,
    machine: &Machine,
    datatype: &str,
    query: &Value,
    options: &Value,
) -> Result<Value, Problem> {
    let datatype = rules::datatype(datatype)?;
    let budget = machine.house.settings.query_documents;
    let place = Place { caller, records, datatype: &datatype, budget };
    rules::check_all(caller, &datatype, Act::Read, Permission::Read)?;
    if records_of_runs::are(datatype.as_str()) {
        return records_of_runs::find(caller, machine, datatype.as_str(), query, options).await;
    }
    let (query, wanted) = read_find(query, options)?;
    list(place, &query, &wanted, None).await
}

/// Reads a query and options; null stands for none.
///
/// # Errors
/// 400 with everything that is wrong with either.
pub fn read_find(query: &Value, options: &Value) -> Result<(Query, Wanted), Problem> {
    match (read_query("query", query), read_options(options)) {
        (Ok(query), Ok(wanted)) => Ok((query, wanted)),
        (query, wanted) => {
            let problems = [query.err(), wanted.err()].into_iter().flatten().flatten();
            Err(refused("the query cannot be taken", problems.collect()))
        }
    }
}

/// Reads a filter that stands at `at`; null stands for one that everything matches.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_query(at: &str, query: &Value) -> Result<Query, Vec<record::Problem>> {
    if query.is_null() {
        return Ok(Query::default());
    }
    Query::parse_records_at(at, query, &Limits::default())
}

/// Reads options: those of the contract, and MongoDB's `projection`.
///
/// # Errors
/// Everything that is wrong with them.
pub fn read_options(options: &Value) -> Result<Wanted, Vec<record::Problem>> {
    let mut given = options.clone();
    let mut problems = Vec::new();
    let mut too_far = None;
    if let Some(fields) = given.as_object_mut() {
        problems.extend(projection(fields));
        match far_page(fields) {
            Ok(page) => too_far = page,
            Err(problem) => problems.push(problem),
        }
    }
    let parsed = Options::parse(&given).map_err(|found| problems.extend(found)).ok();
    let Some(mut options) = parsed.filter(|_| problems.is_empty()) else { return Err(problems) };
    if options.last_item.is_some() && !is_by_time(&options) {
        let message = "continues a list by modifydate or createdate: sort by one of them, or use page";
        return Err(vec![problem("options.lastItem", message)]);
    }
    if let Some(page) = too_far {
        options.page = page;
    }
    Ok(Wanted { options, too_far: too_far.is_some() })
}

/// The page's number if it is beyond what may be passed over; it is taken out of the options then.
fn far_page(fields: &mut Map<String, Value>) -> Result<Option<u64>, record::Problem> {
    let whole = |name: &str| fields.get(name).and_then(Value::as_f64).filter(|number| number.fract() == 0.0);
    let Some(page) = whole("page") else { return Ok(None) };
    if page > f64::from(LAST_PAGE) {
        fields.shift_remove("page");
        let message = format!("must be a whole number from 1 to {LAST_PAGE}");
        return Err(problem("options.page", message));
    }
    let size = whole("pageSize").or_else(|| whole("limit")).unwrap_or(50.0);
    if (page - 1.0) * size <= MOST_SKIPPED as f64 || fields.get("random") == Some(&Value::Bool(true)) {
        return Ok(None);
    }
    fields.remove("page");
    Ok(Some(page as u64))
}

/// Rewrites `projection`: what is 1 is shown, what is 0 is left out.
fn projection(fields: &mut Map<String, Value>) -> Vec<record::Problem> {
    let Some(projection) = fields.remove("projection") else { return Vec::new() };
    let chosen = match projection {
        Value::Null => return Vec::new(),
        Value::Object(chosen) => chosen,
        _ => return vec![problem("options.projection", "must be an object such as {\"data.email\": 1}")],
    };
    let mut problems = Vec::new();
    for (path, wish) in chosen {
        let list = match (wish.as_bool(), wish.as_f64()) {
            (Some(true), _) | (_, Some(1.0)) => "includeFields",
            (Some(false), _) | (_, Some(0.0)) => "excludeFields",
            _ => {
                problems.push(problem(&format!("options.projection.{path}"), "must be 1 or 0"));
                continue;
            }
        };
        // MongoDB's own id, which records here have not.
        if path == "_id" {
            continue;
        }
        match fields.entry(list).or_insert(Value::Null) {
            Value::Array(paths) => paths.push(Value::from(path)),
            none @ Value::Null => *none = json!([path]),
            _ => {}
        }
    }
    problems
}

fn is_by_time(options: &Options) -> bool {
    options.sort.is_empty() || matches!(options.sort.single(), Some(("modifydate" | "createdate", _)))
}

fn problem(path: &str, message: impl Into<String>) -> record::Problem {
    record::Problem { path: path.to_owned(), message: message.into() }
}

/// A list of what matches, of the caller's own, and of what `keep` says.
///
/// # Errors
/// When the query is too broad, the cursor foreign, or the store fails.
pub async fn list(
    place: Place<'_>,
    query: &Query,
    wanted: &Wanted,
    keep: Option<Visible<'_>>,
) -> Result<Value, Problem> {
    let options = &wanted.options;
    if !wanted.too_far {
        return Ok(envelope(place.datatype, options, find(place, query, options, keep).await?));
    }
    // It is an empty page when there are not that many records, and refused when there are.
    let probe = Options { offset: MOST_SKIPPED, page_size: 1, ..options.clone() };
    let page = find(place, query, &probe, keep).await?;
    if !page.data.is_empty() {
        let message = format!("begins after {MOST_SKIPPED} records: narrow the query or use lastItem");
        return Err(refused("the list cannot be made", vec![problem("options.page", message)]));
    }
    Ok(envelope(place.datatype, options, page))
}

/// A page as [`Records::find`] gives it, of what the caller may see.
///
/// # Errors
/// As [`list`].
pub async fn find(
    place: Place<'_>,
    query: &Query,
    options: &Options,
    keep: Option<Visible<'_>>,
) -> Result<Page, Problem> {
    let caller = place.caller;
    let visible = |record: &Record| caller.owns(record) && keep.is_none_or(|keep| keep(record));
    let may_read = |record: &Record| rules::may_on(caller, record, Permission::Read);
    let narrowed = caller.is_end_user() || keep.is_some();
    let find = Find {
        org: &caller.org,
        datatype: place.datatype,
        query,
        options,
        visible: narrowed.then_some(&visible as Visible<'_>),
        may_read: &may_read,
        budget: place.budget,
    };
    Ok(place.records.find(&find).await?)
}

/// What a pipeline makes of the records that the caller may see.
///
/// # Errors
/// As [`list`], or when the pipeline holds too much.
pub async fn aggregate(place: Place<'_>, pipeline: &Pipeline) -> Result<Vec<Value>, Problem> {
    let caller = place.caller;
    let visible = |record: &Record| caller.owns(record);
    let may_read = |record: &Record| rules::may_on(caller, record, Permission::Read);
    let (everything, options) = (Query::default(), Options::default());
    let find = Find {
        org: &caller.org,
        datatype: place.datatype,
        query: pipeline.leading_match().unwrap_or(&everything),
        options: &options,
        visible: caller.is_end_user().then_some(&visible as Visible<'_>),
        may_read: &may_read,
        budget: place.budget,
    };
    Ok(place.records.aggregate(&find, pipeline).await?)
}

fn envelope(datatype: &Datatype, options: &Options, page: Page) -> Value {
    let number = options.page + page.passed / options.page_size.max(1);
    let mut body = json!({
        "data": page.data, "total": page.total, "page": number, "pageSize": options.page_size,
        "hasNext": page.has_next, "datatype": datatype,
    });
    if let Some(fields) = body.as_object_mut() {
        if let Some(last) = page.last_item {
            fields.insert("lastItem".to_owned(), Value::from(last));
        }
        if page.total_is_lower_bound {
            fields.insert("totalIsLowerBound".to_owned(), Value::from(true));
        }
    }
    body
}

/// Whether a number that may be left out is a whole one from 1 to `most`.
///
/// # Errors
/// 400, naming it.
pub fn bounded(name: &str, number: Option<f64>, most: u32) -> Result<(), Problem> {
    match number {
        Some(number) if number.fract() != 0.0 || !(1.0..=f64::from(most)).contains(&number) => {
            let message = format!("must be a whole number from 1 to {most}");
            Err(refused("the list cannot be made", vec![problem(name, message)]))
        }
        _ => Ok(()),
    }
}

/// 400 with what parsers found.
#[must_use]
pub fn refused(what: &str, problems: Vec<record::Problem>) -> Problem {
    let details = problems.into_iter().map(|p| Detail { path: p.path, message: p.message });
    Problem::invalid(what, details.collect())
}

impl From<FindError> for Problem {
    fn from(error: FindError) -> Self {
        let message = format!("failed to {error}");
        match error {
            FindError::Cursor(_) => Self::bad_request("invalid_cursor", message),
            FindError::TooBroad(_) => Self::bad_request("query_too_broad", message),
            FindError::Pipeline(_) => Self::bad_request("pipeline_too_large", message),
            FindError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests;
