pub(in crate::flow) mod laws;
mod mistakes;

use super::*;
use crate::flow::definition::{FlowStatus, StepKind};
use crate::flow::trigger::tests::Equals;
use serde_json::json;

/// `send_webhook {url*}`, `delay {duration*}` and `wait_for_reply {onTimeoutStepId}`.
struct Actions;

impl Catalog for Actions {
    fn check_action(&self, kind: &str, config: &Map, problems: &mut Problems) -> bool {
        match kind {
            "send_webhook" => {
                problems.only(config, &["url", "method", "headers", "body"]);
                problems.required_text(config, "url");
            }
            "delay" => {
                problems.whole(config, "duration", 0..=1_000);
            }
            "wait_for_reply" => {}
            _ => return false,
        }
        true
    }

    fn action_kinds(&self) -> Vec<&'static str> {
        vec!["delay", "send_webhook", "wait_for_reply"]
    }

    fn action_branches(&self, _: &str, config: &Map) -> Vec<Branch> {
        let key = "onTimeoutStepId";
        let id = config.get(key).and_then(Value::as_str);
        id.map(|id| Branch { key: key.to_owned(), step_id: id.to_owned() }).into_iter().collect()
    }
}

fn read(body: &Value) -> Result<Flow, Vec<String>> {
    parse::<Equals>(body, &Actions).map_err(|found| found.iter().map(ToString::to_string).collect())
}

fn problems(body: &Value) -> Vec<String> {
    read(body).expect_err("accepted")
}

fn stored(body: &Value) -> Value {
    serde_json::to_value(read(body).unwrap()).unwrap()
}

fn seed() -> Value {
    json!({
        "name": "Notify CRM bridge",
        "trigger": { "type": "contact.created" },
        "actions": [
            {
                "type": "send_webhook",
                "config": {
                    "url": "https://my-bridge.example.com/appmint/contact",
                    "method": "POST",
                    "headers": { "X-Bridge-Secret": "shared-secret-here" }
                }
            }
        ]
    })
}

fn canonical() -> Value {
    json!({
        "name": "Welcome", "description": "greets", "status": "active", "enabled": true, "category": "onboarding",
        "triggers": [{
            "id": "t", "type": "contact_created", "name": "new", "config": {"source": "form"}, "enabled": true,
            "nextStepId": "start", "automationId": "x",
        }],
        "steps": [
            {"id": "start", "name": "Start", "enabled": true, "type": "trigger", "config": {}, "nextStepId": "vip", "position": {"x": 1}},
            {"id": "vip", "name": "VIP?", "enabled": true, "type": "condition", "config": {
                "conditionType": "check_field_value", "field": "contact.tags", "operator": "contains", "value": "vip",
                "trueFlowId": "hook", "falseFlowId": "wait",
            }},
            {"id": "wait", "name": "Wait", "enabled": true, "type": "wait", "config": {"actionType": "delay", "duration": 1}, "nextStepId": "hook"},
            {"id": "hook", "name": "Hook", "enabled": false, "type": "action", "description": "tells", "nextStepId": "end", "config": {
                "actionType": "send_webhook", "url": "https://example.com", "retry": {"maxRetries": 1},
            }},
            {"id": "end", "name": "End", "enabled": true, "type": "end", "config": {}},
        ],
        "settings": {"circularPrevention": {"enabled": true, "maxDepth": 3}, "theme": "dark"},
        "errorHandling": {"onError": "goto", "gotoStepId": "end", "maxRetries": 2, "retryDelaySeconds": 60, "backoff": "fixed"},
    })
}

#[test]
fn the_seeds_flow_becomes_an_active_canonical_one() {
    let expected = json!({
        "name": "Notify CRM bridge", "status": "active", "enabled": true,
        "triggers": [{"id": "trigger-1", "type": "contact_created", "name": "contact.created", "config": {}, "enabled": true}],
        "steps": [{
            "id": "step-1", "name": "send_webhook", "enabled": true, "type": "action",
            "config": {
                "actionType": "send_webhook", "url": "https://my-bridge.example.com/appmint/contact", "method": "POST",
                "headers": {"X-Bridge-Secret": "shared-secret-here"},
            },
        }],
        "settings": {"circularPrevention": {"enabled": true, "maxDepth": 5}},
        "errorHandling": {"onError": "stop", "maxRetries": 3, "retryDelaySeconds": 5, "backoff": "exponential"},
    });
    assert_eq!(stored(&seed()), expected);
    assert!(read(&seed()).unwrap().fires());
}

#[test]
fn actions_become_a_chain_with_conditions_as_gates() {
    let flow = read(&json!({
        "name": "f", "trigger": {"type": "order.*", "filter": {"amount": 1}}, "status": "testing", "actions": [
            {"type": "if_then", "name": "big?", "config": {"field": "amount", "operator": "gt", "value": 5}},
            {"type": "delay"},
            {"type": "send_webhook", "config": {"url": "x"}, "enabled": false},
        ],
    }))
    .unwrap();
    assert_eq!((flow.status, flow.fires()), (FlowStatus::Testing, false));
    assert_eq!(flow.triggers[0].config, *json!({"event": "order.*"}).as_object().unwrap());
    let chain: Vec<_> =
        flow.steps.iter().map(|step| (step.handler(), step.next_step_id.as_deref())).collect();
    assert_eq!(chain, [("if_then", Some("step-2")), ("delay", Some("step-3")), ("send_webhook", None)]);
    assert_eq!(flow.steps[0].name, "big?");
    assert!(!flow.steps[2].enabled);
}

#[test]
fn the_canonical_form_is_kept_as_it_is() {
    assert_eq!(stored(&canonical()), canonical());
    let flow = read(&canonical()).unwrap();
    assert_eq!((flow.max_depth(), flow.steps[0].handler()), (Some(3), ""));
    let own = flow.error_handling_of(flow.step("hook").unwrap());
    assert_eq!((own.max_retries, own.retry_delay_seconds), (1, 60));
    assert_eq!(read(&json!({"data": canonical(), "datatype": "automation", "sk": "x"})).unwrap(), flow);
}

#[test]
fn what_is_left_out_has_its_usual_value() {
    let flow = read(&json!({
        "name": "f", "triggers": [{"type": "order.paid"}, {"type": "sms_received"}],
        "steps": [{"id": "w", "type": "wait", "config": {"duration": 1}, "description": null}],
    }))
    .unwrap();
    assert_eq!((flow.status, flow.enabled), (FlowStatus::Draft, true));
    assert_eq!((flow.triggers[1].id.as_str(), flow.triggers[1].name.as_str()), ("trigger-2", "sms_received"));
    assert_eq!((flow.steps[0].handler(), flow.steps[0].name.as_str()), ("delay", "delay"));
}

#[test]
fn both_dialects_name_problems_by_the_clients_own_paths() {
    let mut body = seed();
    body["actions"][0]["config"] = json!({"ur": "x"});
    let url = "config.ur: is unknown; allowed here are `url`, `method`, `headers`, `body`";
    assert_eq!(
        problems(&body),
        [format!("actions[0].{url}"), "actions[0].config.url: is missing; expected a string".into()]
    );
    let wrapped = problems(&json!({ "data": body, "datatype": "contact" }));
    assert_eq!(wrapped[0], "datatype: is `contact`; a flow is of the datatype `automation`");
    assert_eq!(wrapped[1], format!("data.actions[0].{url}"));
}

#[test]
fn branches_of_actions_count_as_ways_to_a_step() {
    let step = |id: &str, config: Value| json!({"id": id, "type": "action", "config": config});
    let mut body = json!({"name": "f", "steps": [
        step("a", json!({"actionType": "wait_for_reply", "onTimeoutStepId": "b"})), step("b", json!({"actionType": "delay"})),
    ]});
    assert!(read(&body).is_ok());
    body["steps"][0]["config"]["onTimeoutStepId"] = json!("c");
    assert_eq!(
        problems(&body),
        ["steps[0].config.onTimeoutStepId: is `c`, which is no step; the steps are `a`, `b`"]
    );
}

#[test]
fn a_body_that_is_no_flow_or_far_too_much_is_refused_shortly() {
    for body in [json!(null), json!([]), json!("x")] {
        assert!(problems(&body)[0].starts_with("body: is no flow; expected an object"), "{body}");
    }
    let steps: Vec<_> = (0..201).map(|_| json!({"type": "delay"})).collect();
    let found = problems(&json!({"name": "f", "trigger": {"type": "*"}, "actions": steps}));
    assert_eq!(found, ["actions: has 201 steps; from 1 to 200 are allowed"]);
    let triggers: Vec<_> = (0..51).map(|_| json!({"type": "*"})).collect();
    let found = problems(&json!({"name": "f", "triggers": triggers, "steps": [{"id": "a", "type": "end"}]}));
    assert_eq!(found, ["triggers: has 51 triggers; at most 50 are allowed"]);
    let deep = (0..40).fold(json!(1), |inner, _| json!({ "a": inner }));
    assert_eq!(problems(&deep), ["body: is nested more than 32 deep"]);
}

#[test]
fn names_are_those_of_the_stored_form() {
    for (name, status) in FlowStatus::ALL {
        assert_eq!(serde_json::to_value(status).unwrap(), name);
    }
    for (name, kind) in StepKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), name);
    }
}
