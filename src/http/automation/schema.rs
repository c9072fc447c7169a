//! What the API document says of flows, in both of the contract's forms, and of their runs. It goes as far as
//! a schema can: that ids are there once, that links lead somewhere and that expressions compile is for the
//! flow's own reader, which lists everything wrong at once.

use appengine_actors::flow::action;
use appengine_actors::flow::condition;
use appengine_actors::flow::definition::{FlowStatus, StepKind};
use appengine_actors::flow::parse::{LONGEST_DESCRIPTION, LONGEST_NAME, MOST_STEPS, MOST_TRIGGERS};
use appengine_actors::flow::trigger::BUILT_IN;
use appengine_actors::ids::RunId;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};

use super::STATUSES;
use super::config::{config_of, needs_no_config};
use super::parts::{ErrorHandling, SAID, flag, step_id, text_up_to};
use crate::http::repository::schema::{
    Any, any_of, base_model, closed, count, described, list, moment, named, object, of, one_of, or_null,
    schemas, text,
};
use crate::http::route::{id, whole};

schemas! {
    /// A flow in the short or the canonical form, bare or as the `data` of a record.
    FlowBody uses [ShortFlow, CanonicalFlow] is {
        let datatype = or_null(one_of(["automation"]));
        let data = described(object().into(), "A flow in either form.");
        let record = object().property("datatype", datatype).property("data", data).required("data");
        any_of([named::<ShortFlow>(), named::<CanonicalFlow>(), record.into()])
    }, like [
        {
            "name": "Tell the warehouse",
            "trigger": {"type": "order.paid", "filter": {"total": {"$gt": 0}}},
            "actions": [
                {
                    "type": "send_webhook",
                    "config": {"url": "https://warehouse.example/orders", "headers": {"x-shop": "{{shop}}"}},
                },
                {
                    "type": "create_data",
                    "config": {"datatype": "shipment", "data": {"order": "{{number}}", "status": "asked for"}},
                },
            ],
        },
        {
            "name": "Thank those who buy much, a day later",
            "status": "active",
            "triggers": [{"type": "event", "config": {"event": "order.paid"}}],
            "steps": [
                {
                    "id": "wait", "type": "action", "nextStepId": "much",
                    "config": {"actionType": "delay", "duration": 1, "unit": "days"},
                },
                {
                    "id": "much", "type": "condition",
                    "config": {
                        "conditionType": "check_field_value", "field": "total", "operator": "gte", "value": 100,
                        "trueStepId": "thank",
                    },
                },
                {
                    "id": "thank", "type": "action",
                    "config": {"actionType": "add_tag", "tags": ["thank"], "contactId": "{{contactId}}"},
                },
            ],
        },
    ];

    /// The short form: when this happens, these are done one after the other. It is active at once.
    ShortFlow uses [ShortTrigger, ShortAction, ErrorHandling] is {
        let actions = list(named::<ShortAction>()).min_items(Some(1)).max_items(Some(MOST_STEPS));
        flow(["triggers", "steps"])
            .property("trigger", named::<ShortTrigger>()).required("trigger")
            .property("actions", actions).required("actions")
            .into()
    };

    /// The canonical form: steps that name the ones after them. It is a draft unless it says otherwise.
    CanonicalFlow uses [Trigger, Step, ErrorHandling] is {
        let triggers = or_null(list(named::<Trigger>()).max_items(Some(MOST_TRIGGERS)).into());
        let steps = list(named::<Step>()).min_items(Some(1)).max_items(Some(MOST_STEPS));
        flow(["trigger", "actions"])
            .property("triggers", triggers)
            .property("steps", steps).required("steps")
            .into()
    };

    /// What starts a flow of the short form.
    ShortTrigger uses [] is closed(trigger()).required("type").into();

    /// What starts a flow of the canonical form; other keys are kept.
    Trigger uses [] is open(trigger()).required("type").into();

    /// Something that a flow of the short form does: one of the actions or conditions by its name.
    /// Texts in its config may hold placeholders such as `{{contact.email}}`.
    ShortAction uses [ErrorHandling] is any_of(kinds().map(short_action));

    /// A step of the canonical form. `config.actionType` or `config.conditionType` names what it does.
    Step uses [] is {
        let config = described(or_null(object().into()), "As that of an action of the short form.");
        open(parts())
            .property("id", text_up_to(128)).required("id")
            .property("type", one_of(StepKind::ALL.map(|(name, _)| name))).required("type")
            .property("config", config)
            .property("nextStepId", step_id())
            .into()
    };

    /// What changes of a flow: any of its fields; null takes one away.
    FlowPatch uses [] is object().into();

    /// A flow as it is stored: a record, its id once more, and when it was made the secret of its webhooks.
    Flow uses [] is base_model()
        .property("id", of(Type::String)).required("id")
        .property("webhookSecret", of(Type::String))
        .into();

    /// A run. Its steps, with input and output, are there where one run was asked for.
    Run uses [] is run(object()).property("steps", list(object().into())).into();

    /// A page of runs.
    RunPage uses [Run] is closed([
        ("data", list(named::<Run>()).into()), ("total", count()), ("page", count()), ("pageSize", count()),
        ("hasNext", of(Type::Boolean)),
    ]).required("data").required("total").required("page").required("pageSize").required("hasNext").into();
}

/// What both forms have. `absent` are the keys of the other form.
fn flow(absent: [&str; 2]) -> ObjectBuilder {
    let statuses = or_null(one_of(FlowStatus::ALL.map(|(name, _)| name)));
    let guard = [("enabled", flag()), ("maxDepth", or_null(whole(1, 100)))];
    let settings = object().property("circularPrevention", or_null(closed(guard).into()));
    let name = ObjectBuilder::new().schema_type(Type::String).pattern(Some(SAID));
    let body = object()
        .property("name", name.max_length(Some(LONGEST_NAME)))
        .required("name")
        .property("description", brief(LONGEST_DESCRIPTION))
        .property("status", statuses)
        .property("enabled", flag())
        .property("settings", or_null(settings.into()))
        .property("errorHandling", or_null(named::<ErrorHandling>()));
    absent.into_iter().fold(body, |body, key| body.property(key, of(Type::Null)))
}

fn trigger() -> Vec<(&'static str, Any)> {
    let names = BUILT_IN.iter().map(|trigger| trigger.kind);
    let word = "[A-Za-z0-9_-]+";
    let events = text(&format!(r"^({word}(\.{word})*\.({word}|\*)|[A-Za-z0-9_]*-[A-Za-z0-9_-]*|\*)$"));
    let kind = described(any_of([one_of(names), events]), "A trigger's name, or an event's: `order.paid`.");
    let filter = "A query over the variables of the run to be, as `query` of `find`.";
    vec![
        ("type", kind),
        ("id", step_id()),
        ("name", brief(LONGEST_NAME)),
        ("enabled", flag()),
        ("config", described(or_null(object().into()), "What the trigger's type asks for.")),
        ("filter", described(or_null(object().into()), filter)),
        ("nextStepId", step_id()),
    ]
}

fn short_action(kind: &'static str) -> Any {
    let config = config_of(kind);
    if needs_no_config(kind) {
        let all = parts().into_iter().chain([("type", one_of([kind])), ("config", or_null(config))]);
        return closed(all).required("type").into();
    }
    let all = parts().into_iter().chain([("type", one_of([kind])), ("config", config)]);
    closed(all).required("type").required("config").into()
}

/// What actions and steps have in common.
fn parts() -> Vec<(&'static str, Any)> {
    vec![
        ("id", step_id()),
        ("name", brief(LONGEST_NAME)),
        ("enabled", flag()),
        ("description", brief(LONGEST_DESCRIPTION)),
    ]
}

fn kinds() -> impl Iterator<Item = &'static str> {
    let actions = action::ALL.iter().map(|action| action.kind());
    actions.chain(condition::ALL.iter().map(|condition| condition.kind()))
}

fn run(body: ObjectBuilder) -> ObjectBuilder {
    let known = [
        ("id", id(RunId::PREFIX)),
        ("orgId", of(Type::String)),
        ("automationId", of(Type::String)),
        ("flowVersion", count()),
        ("status", one_of(STATUSES)),
        ("depth", count()),
        ("createdAt", moment()),
    ];
    known.into_iter().fold(body, |body, (name, schema)| body.property(name, schema).required(name))
}

fn open(properties: Vec<(&'static str, Any)>) -> ObjectBuilder {
    properties.into_iter().fold(object(), |object, (name, schema)| object.property(name, schema))
}

/// A text of so many characters at the most, null or nothing.
fn brief(most: usize) -> Any {
    let kinds = SchemaType::from_iter([Type::String, Type::Null]);
    ObjectBuilder::new().schema_type(kinds).max_length(Some(most)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_and_condition_has_its_config_described() {
        for kind in kinds() {
            let config = serde_json::to_value(config_of(kind)).unwrap();
            assert!(
                config.get("anyOf").is_some() || config["additionalProperties"] == false,
                "{kind}: {config}"
            );
        }
    }
}
