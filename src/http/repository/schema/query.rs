//! Queries and options.

use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

use super::{
    Any, CURSOR, any_of, closed, list, map, named, of, one_of, or_null, path_pattern, schemas, text, whole,
};
use crate::http::repository::list::{LARGEST_PAGE, LAST_PAGE};

/// Names of fields that no operator could be mistaken for.
const PLAIN: &str = "^([^$]|$)";

schemas! {
    /// A value to compare with: any JSON whose names are no operators.
    Literal uses [] is literal();

    /// What stands under a field of a filter, if that is more than a value.
    Operators uses [InnerOperators, Literal] is operators(true);

    /// What stands under `$not` and `$elemMatch`.
    InnerOperators uses [Literal] is operators(false);

    /// A filter as MongoDB's, over whole records: application fields are under `data`.
    Query uses [SubQuery, Operators] is query();

    /// A filter within `$and`, `$or` and `$nor`.
    SubQuery uses [Operators] is map(&path_pattern(), condition()).into();

    /// Page, order and fields of a list.
    Options uses [] is any_of([by_page(), by_cursor()]);
}

fn literal() -> Any {
    let inner = || named::<Literal>();
    any_of([
        of(Type::Null),
        of(Type::Boolean),
        of(Type::Number),
        of(Type::String),
        list(inner()).into(),
        map(PLAIN, inner()).into(),
    ])
}

fn query() -> Any {
    let names = path_pattern();
    let names = format!(r"^\$(and|or|nor)$|{names}");
    let queries = || list(named::<SubQuery>()).min_items(Some(1));
    let object = map(&names, condition());
    object.property("$and", queries()).property("$or", queries()).property("$nor", queries()).into()
}

/// What stands under a field: a value to be equal to, or operators.
fn condition() -> Any {
    any_of([named::<Literal>(), named::<Operators>()])
}

fn operators(outer: bool) -> Any {
    let literal = || named::<Literal>();
    let literals = || Any::from(list(literal()).max_items(Some(1_000)));
    let size =
        ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0_usize)).maximum(Some(usize::MAX));
    let regex = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Regex)))
        .max_length(Some(1_000));
    let mut known = vec![
        ("$eq", literal()),
        ("$ne", literal()),
        ("$gt", literal()),
        ("$gte", literal()),
        ("$lt", literal()),
        ("$lte", literal()),
        ("$in", literals()),
        ("$nin", literals()),
        ("$all", literals()),
        ("$exists", any_of([of(Type::Boolean), one_of([0, 1])])),
        ("$regex", regex.into()),
        ("$size", size.into()),
    ];
    if outer {
        let inner = || named::<InnerOperators>();
        known.push(("$not", inner()));
        known.push(("$elemMatch", any_of([inner(), map(&path_pattern(), literal()).into()])));
    }
    closed(known).min_properties(Some(1)).into()
}

fn shared() -> Vec<(&'static str, Any)> {
    let flag = || or_null(of(Type::Boolean));
    let paths = || or_null(list(text(&path_pattern())).max_items(Some(200)).into());
    let state = || ObjectBuilder::new().schema_type(Type::String).min_length(Some(1));
    let states = any_of([of(Type::Null), state().into(), list(state().into()).max_items(Some(20)).into()]);
    vec![
        ("pageSize", or_null(whole(1, LARGEST_PAGE))),
        ("select", paths()),
        ("includeFields", paths()),
        ("excludeFields", paths()),
        ("maskFields", paths()),
        ("modelState", states),
        ("enrich", flag()),
        ("refresh", flag()),
    ]
}

fn directions() -> Any {
    any_of([one_of([1, -1]), one_of(["asc", "desc"])])
}

/// An order: fields and their directions, or one field, with `-` before it for the last first.
pub fn sort() -> Any {
    any_of([
        of(Type::Null),
        map(&path_pattern(), directions()).max_properties(Some(8)).into(),
        text(&format!("^-?{}", path_pattern().trim_start_matches('^'))),
    ])
}

fn by_page() -> Any {
    let mut known = shared();
    known.extend([("page", or_null(whole(1, LAST_PAGE))), ("sort", sort()), ("lastItem", of(Type::Null))]);
    closed(known).into()
}

fn by_cursor() -> Any {
    let by = |field: &str| Any::from(closed([(field, directions())]));
    let sort = any_of([of(Type::Null), by("modifydate"), by("createdate")]);
    let mut known = shared();
    known.extend([("lastItem", text(CURSOR)), ("sort", sort)]);
    closed(known).required("lastItem").into()
}
