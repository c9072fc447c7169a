use super::*;

/// One change to the canonical body and what must be said about it, by its beginning.
#[test]
fn each_mistake_is_named_where_it_is() {
    let table: &[(&str, Value, &[&str])] = &[
        ("/name", json!(null), &["name: is missing; expected a string"]),
        ("/name", json!(" "), &["name: is missing; expected a string that is not blank"]),
        ("/name", json!("x".repeat(201)), &["name: has 201 characters; at most 200"]),
        ("/name", json!(5), &["name: is 5; expected a string"]),
        ("/description", json!([]), &["description: is an array; expected a string"]),
        (
            "/status",
            json!("on"),
            &["status: is `on`; expected one of `draft`, `active`, `inactive`, `archived`, `testing`"],
        ),
        ("/enabled", json!("yes"), &["enabled: is a string; expected true or false"]),
        ("/settings", json!(1), &["settings: is 1; expected an object"]),
        (
            "/settings/circularPrevention/maxDepth",
            json!(0),
            &["settings.circularPrevention.maxDepth: is 0; expected a whole number from 1 to 100"],
        ),
        (
            "/settings/circularPrevention",
            json!({"depth": 1}),
            &["settings.circularPrevention.depth: is unknown"],
        ),
        (
            "/errorHandling/gotoStepId",
            json!("gone"),
            &[
                "errorHandling.gotoStepId: is `gone`, which is no step; the steps are `start`, `vip`, `wait`, `hook`, `end`",
            ],
        ),
        (
            "/errorHandling/onError",
            json!("retry"),
            &["errorHandling.onError: is `retry`; expected one of `stop`, `continue`, `goto`"],
        ),
        ("/errorHandling/notify", json!(true), &["errorHandling.notify: is not available"]),
        ("/triggers", json!({}), &["triggers: is an object; expected an array"]),
        ("/triggers/0", json!("contact_created"), &["triggers[0]: is no object"]),
        (
            "/triggers/0",
            json!({"type": "scheduled_time", "config": {"schedule": {"type": "cron", "cronExpression": "0 25 * * *"}}}),
            &["triggers[0].config.schedule.cronExpression: hour: `25` is not understood"],
        ),
        (
            "/triggers/0",
            json!({"type": "scheduled_time", "config": {"interval": 0, "timezone": "Mars", "missed": "x"}}),
            &["triggers[0].config.interval: is 0; expected", "triggers[0].config.missed: is `x`; expected"],
        ),
        (
            "/triggers/0",
            json!({"type": "scheduled_time", "config": {"executeAt": "soon", "timezone": "Mars", "every": 1}}),
            &[
                "triggers[0].config.every: is unknown",
                "triggers[0].config.timezone: is `Mars`",
                "triggers[0].config.executeAt: is `soon`",
            ],
        ),
        (
            "/triggers/0/type",
            json!("contact_craeted"),
            &["triggers[0].type: is `contact_craeted`; expected one of"],
        ),
        ("/triggers/0/type", json!(null), &["triggers[0].type: is missing"]),
        ("/triggers/0/id", json!(""), &["triggers[0].id: is no id"]),
        ("/triggers/0/config", json!([]), &["triggers[0].config: is an array; expected an object"]),
        (
            "/triggers/0/config/source",
            json!("web"),
            &["triggers[0].config.source: is `web`; expected one of `website`"],
        ),
        (
            "/triggers/0/config/sourc",
            json!("api"),
            &[
                "triggers[0].config.sourc: is unknown; allowed here are `source`, `tags`, `excludeTags`, `customFields`, `filter`",
            ],
        ),
        ("/triggers/0/config/filter", json!({"$x": 1}), &["triggers[0].config.filter.$x: is unknown"]),
        ("/triggers/0/filter", json!(7), &["triggers[0].filter: is no query"]),
        ("/triggers/0/nextStepId", json!("gone"), &["triggers[0].nextStepId: is `gone`, which is no step"]),
        ("/steps", json!([]), &["steps: has 0 steps; from 1 to 200 are allowed"]),
        ("/steps", json!(null), &["steps: is missing; a flow does at least one thing"]),
        (
            "/steps/1",
            json!(7),
            &["steps[1]: is no object", "steps[0].nextStepId: is `vip`, which is no step"],
        ),
        (
            "/steps/2/id",
            json!("hook"),
            &["steps[3].id: is `hook`, the id of `steps[2]` too", "steps[1].config.falseFlowId: is `wait`"],
        ),
        ("/steps/2/id", json!(null), &["steps[2].id: is missing", "steps[1].config.falseFlowId: is `wait`"]),
        (
            "/steps/2/type",
            json!("loop"),
            &["steps[2].type: is `loop`; expected one of `action`, `condition`, `wait`, `trigger`, `end`"],
        ),
        ("/steps/3/type", json!(null), &["steps[3].type: is missing"]),
        (
            "/steps/3/config/actionType",
            json!("send_webhok"),
            &[
                "steps[3].config.actionType: is `send_webhok`, which is no action; expected one of `delay`, `send_webhook`, `wait_for_reply`",
            ],
        ),
        ("/steps/3/config/actionType", json!(null), &["steps[3].config.actionType: is missing"]),
        (
            "/steps/3/config/actionType",
            json!("if_then"),
            &["steps[3].config.actionType: is the condition `if_then`; set the step's `type` to `condition`"],
        ),
        (
            "/steps/1/config/conditionType",
            json!("switch_case"),
            &[
                "steps[1].config.conditionType: is `switch_case`, which is no condition; expected one of `always_execute`, `check_field_value`, `if_then`",
            ],
        ),
        (
            "/steps/1/config/operator",
            json!("like"),
            &["steps[1].config.operator: is `like`; expected one of `eq`"],
        ),
        (
            "/steps/1/config/trueFlowId",
            json!("gone"),
            &["steps[1].config.trueFlowId: is `gone`, which is no step"],
        ),
        ("/steps/1/config/falseFlowId", json!("hook"), &["steps[2]: is never reached; name `wait` as"]),
        ("/steps/2/nextStepId", json!(null), &[]),
        (
            "/steps/0/nextStepId",
            json!(null),
            &[
                "steps[1]: is never reached; set `steps[0].nextStepId` to `vip`",
                "steps[2]: is never reached; name `wait`",
                "steps[3]: is never reached; name `hook`",
            ],
        ),
        ("/steps/0/nextStepId", json!(9), &["steps[0].nextStepId: is 9; expected a string"]),
        ("/steps/4/nextStepId", json!("hook"), &["steps[4].nextStepId: stands in a step of type `end`"]),
        (
            "/steps/3/config/retry",
            json!({"maxRetries": "many"}),
            &["steps[3].config.retry.maxRetries: is a string; expected a whole number from 0 to 10"],
        ),
        (
            "/steps/3/config/retry",
            json!({"onError": "goto", "gotoStepId": "gone"}),
            &["steps[3].config.retry.gotoStepId: is `gone`, which is no step"],
        ),
        ("/steps/3/config/retry", json!(3), &["steps[3].config.retry: is 3; expected an object"]),
        (
            "/steps/3/delay",
            json!({"value": 1, "unit": "hours"}),
            &["steps[3].delay: has no effect in a step; use a step of type `wait`"],
        ),
        ("/steps/3/delay", json!({"value": 0, "unit": "hours"}), &[]),
        ("/steps/3/conditions", json!([{"field": "a"}]), &["steps[3].conditions: has no effect in a step"]),
        ("/steps/3/conditions", json!([]), &[]),
        ("/trigger", json!({"type": "order.paid"}), &["trigger: stands beside `triggers`"]),
        ("/actions", json!([]), &["actions: stands beside `steps`"]),
    ];
    for (place, value, expected) in table {
        let mut body = canonical();
        let (parent, key) = place.rsplit_once('/').unwrap();
        match body.pointer_mut(parent).unwrap() {
            Value::Object(fields) => drop(fields.insert(key.to_owned(), value.clone())),
            Value::Array(items) => items[key.parse::<usize>().unwrap()] = value.clone(),
            _ => unreachable!(),
        }
        let found = read(&body).err().unwrap_or_default();
        let missing: Vec<_> = expected
            .iter()
            .filter(|start| !found.iter().any(|problem| problem.starts_with(**start)))
            .collect();
        assert!(
            missing.is_empty() && (found.is_empty() == expected.is_empty()),
            "{place} {value}: {missing:?} not in {found:#?}"
        );
    }
}

#[test]
fn the_short_form_is_strict_about_its_few_keys() {
    let body = json!({
        "trigger": {"type": "order.paid", "config": {"event": "order.placed"}, "event": "x", "filter": {"$y": 1}},
        "actions": [
            {"type": "send_webhook", "url": "https://example.com", "config": {"url": "x", "actionType": "delay"}},
            {"type": "tweet"},
            {"config": {}},
            {"type": "if_then", "config": {"field": "a", "operator": "exists", "elseStepId": "step-9"}},
        ],
    });
    let expected = [
        "name: is missing; expected a string",
        "trigger.event: is unknown; allowed here are `id`, `type`, `name`, `config`, `enabled`, `nextStepId`, `filter`",
        "trigger.config.event: is another event than `type`, `order.paid`; set `type` to `event` or remove this",
        "trigger.filter.$y: is unknown",
        "actions[0].url: is unknown; allowed here are `id`, `name`, `enabled`, `type`, `config`, `description`",
        "actions[0].config.actionType: is not `send_webhook`, as `type` says; remove one of the two",
        "actions[1].type: is `tweet`, which is no action; expected one of `delay`, `send_webhook`, `wait_for_reply`",
        "actions[2].type: is missing; expected a string",
        "actions[3].config.elseStepId: is `step-9`, which is no step; the steps are `step-1`, `step-2`, `step-3`, `step-4`",
    ];
    assert_eq!(problems(&body), expected);
    assert_eq!(
        problems(&json!({"name": "f", "actions": [{"type": "delay"}]})),
        ["trigger: is missing; expected an object such as {\"type\": \"contact.created\"}"]
    );
}

#[test]
fn a_placeholder_that_is_not_closed_is_named() {
    let mut body = seed();
    body["actions"][0]["config"]["headers"] = json!({"X-A": "{{contact.email", "X-B": "{{a}} {{b"});
    body["actions"][0]["config"]["body"] = json!({"lines": ["{{a}}", "{{a {{b}}"], "fine": "}} {{a}} {"});
    let found = problems(&body);
    let paths: Vec<_> = found.iter().map(|problem| problem.split(": ").next().unwrap()).collect();
    let place = |rest: &str| format!("actions[0].config.{rest}");
    assert_eq!(paths, [place("headers.X-A"), place("headers.X-B"), place("body.lines[1]")], "{found:?}");
}
