//! What the API document says of the configs of actions and conditions (contract §4.6, §4.7). One that is not
//! described here may have any config, as far as the document knows.

use appengine_actors::flow::operator::Operator;
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::parts::{ErrorHandling, SAID, flag, step_id};
use crate::http::repository::schema::{
    Any, any_of, anything, closed, described, list, named, object, of, one_of, or_null, text,
};
use crate::http::route::whole;

/// A collection, or a placeholder that becomes one.
const DATATYPE: &str = r"^[A-Za-z0-9_-]{1,64}$|\{\{.+\}\}";

/// Whether there is nothing to say in the config of an action or condition.
pub fn needs_no_config(kind: &str) -> bool {
    kind == "always_execute"
}

/// The config of an action or condition.
pub fn config_of(kind: &str) -> Any {
    match kind {
        "send_webhook" => webhook(),
        "send_email" => email(),
        "create_data" => config([("datatype", text(DATATYPE)), ("data", object().into())])
            .required("datatype")
            .required("data"),
        "update_data" => {
            let updates = || ("updates", object().min_properties(Some(1)).into());
            let query = described(object().into(), "All that match, as `query` of `find`.");
            let matching = config([("datatype", text(DATATYPE)), ("query", query), updates()])
                .required("datatype")
                .required("query");
            let one = of_record([updates()]);
            return any_of([one.required("updates").into(), matching.required("updates").into()]);
        }
        "delete_data" => of_record([("hardDelete", flag())]),
        "add_tag" | "remove_tag" => {
            let tags = any_of([list(of(Type::String)).min_items(Some(1)).into(), text(SAID)]);
            config([("tags", tags), ("contactId", or_null(of(Type::String)))]).required("tags")
        }
        "delay" => {
            let number = ObjectBuilder::new().schema_type(Type::Number).minimum(Some(0));
            let units = ["milliseconds", "seconds", "minutes", "hours", "days", "weeks"];
            let duration = any_of([number.into(), of(Type::String)]);
            config([("duration", duration), ("unit", or_null(one_of(units)))]).required("duration")
        }
        "ai_agent" => {
            let words = || or_null(of(Type::String));
            config([
                ("message", text(SAID)),
                ("assistantId", words()),
                ("system", words()),
                ("provider", words()),
                ("model", words()),
                ("maxTokens", or_null(whole(1, 1_000_000))),
            ])
            .required("message")
        }
        "always_execute" => config([]),
        "if_then" => return if_then(),
        "check_field_value" => compared([("trueFlowId", step_id()), ("falseFlowId", step_id()), retry()]),
        _ => object(),
    }
    .into()
}

fn config<const N: usize>(own: [(&'static str, Any); N]) -> ObjectBuilder {
    closed(own.into_iter().chain([retry()]))
}

fn of_record<const N: usize>(more: [(&'static str, Any); N]) -> ObjectBuilder {
    let own = config([("datatype", text(DATATYPE)), ("recordId", text(SAID))]);
    let own = own.required("datatype").required("recordId");
    more.into_iter().fold(own, |own, (name, schema)| own.property(name, schema))
}

fn webhook() -> ObjectBuilder {
    let headers = object().additional_properties(Some(of(Type::String)));
    config([
        ("url", text(SAID)),
        ("method", or_null(one_of(["POST", "PUT", "PATCH", "DELETE", "GET"]))),
        ("headers", or_null(headers.into())),
        ("body", anything()),
        ("retries", or_null(whole(0, 100))),
    ])
    .required("url")
}

fn email() -> ObjectBuilder {
    // One line.
    const SUBJECT: &str = r"^[^\x00-\x1f\x7f-\x9f]*[!-~][^\x00-\x1f\x7f-\x9f]*$";
    const ADDRESS: &str = r"^[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,180}$|\{\{.+\}\}";
    let to = any_of([list(text(ADDRESS)).min_items(Some(1)).max_items(Some(50)).into(), text(ADDRESS)]);
    config([
        ("to", or_null(described(to, "The contact of the run, if left out."))),
        ("subject", text(SUBJECT)),
        ("body", text(SAID)),
        ("html", or_null(of(Type::String))),
    ])
    .required("subject")
    .required("body")
}

/// What is compared, how, and with what.
fn compared<const N: usize>(more: [(&'static str, Any); N]) -> ObjectBuilder {
    let own = [("field", text(SAID)), ("operator", one_of(Operator::spellings())), ("value", anything())];
    closed(own.into_iter().chain(more)).required("field").required("operator")
}

fn if_then() -> Any {
    let branches = || [("thenStepId", step_id()), ("elseStepId", step_id()), retry()];
    let condition = any_of([compared([]).into(), text(SAID)]);
    let apart = closed([("condition", condition)].into_iter().chain(branches())).required("condition");
    any_of([compared(branches()).into(), apart.into()])
}

/// Every config may say what the failure of its step means.
fn retry() -> (&'static str, Any) {
    ("retry", or_null(named::<ErrorHandling>()))
}
