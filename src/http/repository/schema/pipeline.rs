//! Aggregation pipelines.

use utoipa::openapi::schema::Type;

use super::{
    Any, NAME, Query, any_of, anything, closed, list, map, named, of, one_of, path_pattern, schemas, text,
};

/// Names of fields that a stage makes.
const NEW_NAME: &str = "^[^.$][^.]{0,63}$";

schemas! {
    /// What a stage computes: a value, `"$path"`, `"$$ROOT"`, `{"$literal": …}`, or these in lists and objects.
    Expression uses [] is expression();

    /// A stage of a pipeline.
    Stage uses [Query, Expression] is any_of(stages());

    /// A pipeline, or an object with one.
    PipelineBody uses [Stage] is {
        any_of([pipeline(), closed([("pipeline", pipeline())]).required("pipeline").into()])
    }, like [[
        {"$match": {"data.status": "paid"}},
        {"$group": {"_id": "$data.country", "orders": {"$sum": 1}, "total": {"$sum": "$data.total"}}},
        {"$sort": {"total": -1}},
    ]];
}

fn pipeline() -> Any {
    list(named::<Stage>()).max_items(Some(32)).into()
}

/// A text that is none of a path's, or a path.
fn plain_or_path() -> Any {
    text(&format!(r"^([^$]|$)|^\$\$ROOT$|^\${NAME}(\.{NAME}){{0,6}}$"))
}

fn expression() -> Any {
    let inner = || named::<Expression>();
    any_of([
        of(Type::Null),
        of(Type::Boolean),
        of(Type::Number),
        plain_or_path(),
        list(inner()).into(),
        map(NEW_NAME, inner()).into(),
        closed([("$literal", anything())]).required("$literal").into(),
    ])
}

fn stages() -> Vec<Any> {
    let stage = |name: &str, schema: Any| Any::from(closed([(name, schema)]).required(name));
    let number = |least: usize| {
        let number = utoipa::openapi::schema::ObjectBuilder::new().schema_type(Type::Integer);
        Any::from(number.minimum(Some(least)).maximum(Some(usize::MAX)))
    };
    let directions = any_of([one_of([1, -1]), one_of(["asc", "desc"])]);
    let sort = map(&path_pattern(), directions).min_properties(Some(1)).max_properties(Some(8));
    let path = format!(r"^\${NAME}(\.{NAME}){{0,6}}$");
    let unwind =
        closed([("path", text(&path)), ("preserveNullAndEmptyArrays", of(Type::Boolean))]).required("path");
    vec![
        stage("$match", named::<Query>()),
        stage("$sort", sort.into()),
        stage("$limit", number(1)),
        stage("$skip", number(0)),
        stage("$count", text(NEW_NAME)),
        stage("$unwind", any_of([text(&path), unwind.into()])),
        stage("$group", group()),
        stage("$project", any_of([keep(), remove()])),
    ]
}

fn group() -> Any {
    let expression = || named::<Expression>();
    let mut accumulators: Vec<Any> =
        ["$sum", "$avg", "$min", "$max", "$first", "$last", "$push", "$addToSet"]
            .map(|name| Any::from(closed([(name, expression())]).required(name)))
            .into();
    accumulators.push(closed([("$count", closed([]).into())]).required("$count").into());
    map(NEW_NAME, any_of(accumulators)).property("_id", expression()).required("_id").into()
}

/// Fields that stay and fields that are computed.
fn keep() -> Any {
    let value = any_of([
        one_of([serde_json::json!(1), serde_json::json!(true)]),
        of(Type::Null),
        plain_or_path(),
        list(named::<Expression>()).into(),
        closed([("$literal", anything())]).required("$literal").into(),
    ]);
    map(NEW_NAME, value).min_properties(Some(1)).into()
}

fn remove() -> Any {
    let value = one_of([serde_json::json!(0), serde_json::json!(false)]);
    map(NEW_NAME, value).min_properties(Some(1)).into()
}
