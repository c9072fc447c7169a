use super::*;
use crate::flow::trigger::TriggerIndex;
use crate::ids::{OrgId, RecordId};
use proptest::prelude::*;

/// JSON whose names and texts are often those of a flow, right or wrong.
pub(in crate::flow) fn any_body() -> impl Strategy<Value = Value> {
    const WORDS: &[&str] = &[
        "name",
        "description",
        "status",
        "enabled",
        "trigger",
        "triggers",
        "actions",
        "steps",
        "settings",
        "errorHandling",
        "id",
        "type",
        "config",
        "nextStepId",
        "filter",
        "actionType",
        "conditionType",
        "retry",
        "field",
        "operator",
        "value",
        "condition",
        "thenStepId",
        "falseFlowId",
        "circularPrevention",
        "maxDepth",
        "onError",
        "gotoStepId",
        "data",
        "datatype",
        "tags",
        "source",
        "customFields",
        "urlRegex",
        "event",
        "contact",
        "createdate",
        "sk",
        "previous",
        "delay",
        "tag",
    ];
    const TEXTS: &[&str] = &[
        "a",
        "b",
        "active",
        "contact.created",
        "order.*",
        "*",
        "database_change",
        "event",
        "action",
        "condition",
        "wait",
        "end",
        "send_webhook",
        "if_then",
        "check_field_value",
        "delay",
        "eq",
        "regex",
        "between",
        "{{a}} === 'b'",
        "{{a}}",
        "(",
        "goto",
        "contact",
        "step-1",
        "2026-04-25T10:00:00Z",
        "",
    ];
    let leaf = prop_oneof![
        6 => prop::sample::select(TEXTS).prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => "\\PC{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 80, 8, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            3 => prop::collection::vec((prop::sample::select(WORDS), inner), 0..8)
                .prop_map(|fields| fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map>().into()),
        ]
    })
}

/// Steps `0`, `1`, … with or without a next one.
fn any_graph() -> impl Strategy<Value = Vec<Option<usize>>> {
    (1..12_usize).prop_flat_map(|size| prop::collection::vec(prop::option::weighted(0.8, 0..size), size))
}

proptest! {
    #[test]
    fn nothing_makes_the_parser_panic(body in any_body()) {
        let _ = read(&body);
    }

    /// One part of a right body replaced by anything: what is still accepted is stored and read as the same.
    #[test]
    fn what_is_accepted_is_read_back_the_same(
        place in prop::sample::select(vec![
            "/name", "/status", "/triggers/0", "/triggers/0/config", "/triggers/0/filter", "/steps/0", "/steps/1/config", "/steps/1/config/value",
            "/steps/2/config", "/steps/3/config", "/steps/4", "/settings", "/errorHandling", "/steps",
        ]),
        part in any_body(),
    ) {
        let mut body = canonical();
        body["triggers"][0]["filter"] = json!(null);
        *body.pointer_mut(place).unwrap() = part;
        match read(&body) {
            Ok(flow) => {
                let stored = serde_json::to_value(&flow).unwrap();
                prop_assert_eq!(&serde_json::from_value::<Flow>(stored.clone()).unwrap(), &flow);
                prop_assert_eq!(&read(&stored), &Ok(flow.clone()));
                let armed = TriggerIndex::<Equals>::default().insert(&OrgId::new("a").unwrap(), &RecordId::new("f").unwrap(), 1, &flow);
                prop_assert_eq!(armed, Ok(()));
            }
            Err(found) => prop_assert!(!found.is_empty()),
        }
    }

    #[test]
    fn exactly_the_steps_that_no_run_reaches_are_named(graph in any_graph(), entry in any::<prop::sample::Index>()) {
        let entry = entry.index(graph.len());
        let steps: Vec<_> = graph.iter().enumerate().map(|(at, next)| json!({
            "id": at.to_string(), "type": "action", "config": {"actionType": "delay"},
            "nextStepId": next.map(|next| next.to_string()),
        })).collect();
        let body = json!({"name": "f", "triggers": [{"type": "*", "nextStepId": entry.to_string()}], "steps": steps});
        let mut reached = vec![false; graph.len()];
        for start in [0, entry] {
            let mut at = Some(start);
            for _ in 0..=graph.len() {
                if let Some(step) = at {
                    reached[step] = true;
                    at = graph[step];
                }
            }
        }
        let expected: Vec<_> = (0..graph.len()).filter(|at| !reached[*at]).map(|at| format!("steps[{at}]")).collect();
        let found = parse::<Equals>(&body, &Actions).err().unwrap_or_default();
        prop_assert_eq!(found.into_iter().map(|problem| problem.path).collect::<Vec<_>>(), expected);
    }
}
