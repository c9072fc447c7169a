use super::*;
use proptest::prelude::*;

#[test]
fn a_flow_is_armed_with_what_its_run_needs() {
    let mut flow = flow(&json!({"type": "database_change", "config": {"datatype": "order"}}));
    flow.settings.circular_prevention.max_depth = 2;
    let (org, id) = (OrgId::new("a").unwrap(), RecordId::new("flow-1").unwrap());
    let mut index = TriggerIndex::<Equals>::default();
    index.insert(&org, &id, 7, &flow).unwrap();
    let event = event("a", "collection-create", json!({"data": {"datatype": "order", "data": {}}}));
    let armed = index.candidates(&event).next().unwrap();
    assert_eq!((armed.flow.as_str(), armed.version, armed.trigger_id.as_str()), ("flow-1", 7, "t"));
    assert_eq!(
        (armed.trigger_type.as_str(), armed.deferred, armed.max_depth),
        ("database_change", true, Some(2))
    );
    flow.settings.circular_prevention.enabled = false;
    index.insert(&org, &id, 8, &flow).unwrap();
    let armed: Vec<_> = index.candidates(&event).collect();
    assert_eq!((armed.len(), armed[0].version, armed[0].max_depth), (1, 8, None));
}

#[test]
fn only_what_may_fire_is_armed_and_only_for_its_own_organisation() {
    let (org, id) = (OrgId::new("a").unwrap(), RecordId::new("flow-1").unwrap());
    let active = flow(&json!({"type": "event", "config": {"event": "*"}}));
    let event_of = |org| event(org, "order.paid", json!({}));
    let count = |index: &TriggerIndex<Equals>, org| index.candidates(&event_of(org)).count();
    let mut index = TriggerIndex::default();
    index.insert(&org, &id, 1, &active).unwrap();
    assert_eq!((count(&index, "a"), count(&index, "b")), (1, 0));
    for change in [
        |flow: &mut Flow| flow.enabled = false,
        |flow: &mut Flow| flow.status = crate::flow::definition::FlowStatus::Draft,
        |flow: &mut Flow| flow.triggers[0].enabled = false,
    ] {
        let mut changed = active.clone();
        change(&mut changed);
        index.insert(&org, &id, 2, &active).unwrap();
        index.insert(&org, &id, 3, &changed).unwrap();
        assert_eq!(count(&index, "a"), 0);
    }
    index.insert(&org, &id, 4, &active).unwrap();
    index.remove(&org, &RecordId::new("flow-2").unwrap());
    assert_eq!(count(&index, "a"), 1);
    index.remove(&org, &id);
    assert_eq!(count(&index, "a"), 0);
}

#[test]
fn a_stored_trigger_that_cannot_be_read_any_more_arms_nothing() {
    let (org, id) = (OrgId::new("a").unwrap(), RecordId::new("flow-1").unwrap());
    let mut index = TriggerIndex::<Equals>::default();
    for (trigger, path) in [
        (json!({"type": "gone"}), "triggers[0].type"),
        (json!({"type": "event", "config": {"event": "a b"}}), "triggers[0].config.event"),
        (json!({"type": "sms_received", "filter": {"$x": 1}}), "triggers[0].filter.$x"),
    ] {
        let found = index.insert(&org, &id, 1, &flow(&trigger)).unwrap_err();
        assert_eq!(found.iter().map(|problem| problem.path.as_str()).collect::<Vec<_>>(), [path]);
        assert_eq!(index.candidates(&event("a", "sms.received", json!({}))).count(), 0);
    }
}

fn any_kind() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "ab"]), 1..4).prop_map(|words| words.join("."))
}

fn any_pattern() -> impl Strategy<Value = String> {
    prop_oneof![any_kind(), any_kind().prop_map(|kind| format!("{kind}.*")), Just("*".to_owned())]
}

proptest! {
    #[test]
    fn an_event_finds_exactly_the_patterns_that_match(
        patterns in prop::collection::vec((any_pattern(), any::<bool>()), 0..12), kind in any_kind()
    ) {
        let org = OrgId::new("a").unwrap();
        let id = |at: usize| RecordId::new(&format!("flow-{at}")).unwrap();
        let mut index = TriggerIndex::<Equals>::default();
        for (at, (pattern, _)) in patterns.iter().enumerate() {
            index.insert(&org, &id(at), 1, &flow(&json!({"type": "event", "config": {"event": pattern}}))).unwrap();
        }
        for (at, (_, removed)) in patterns.iter().enumerate() {
            if *removed {
                index.remove(&org, &id(at));
            }
        }
        let event = event("a", &kind, json!({}));
        let found: BTreeSet<_> = index.candidates(&event).map(|armed| armed.flow.clone()).collect();
        let matches = |pattern: &str| match pattern.strip_suffix('*') {
            Some(below) => kind.starts_with(below),
            None => kind == pattern,
        };
        let expected = patterns.iter().enumerate().filter(|(_, (pattern, removed))| !removed && matches(pattern));
        prop_assert_eq!(found, expected.map(|(at, _)| id(at)).collect::<BTreeSet<_>>());
    }

    #[test]
    fn no_data_makes_a_trigger_panic(data in crate::flow::parse::tests::laws::any_body(), at in 0..BUILT_IN.len()) {
        for kind in BUILT_IN[at].listens.iter().chain(&["order.paid"]) {
            let event = event("a", kind, data.clone());
            let known = variables(BUILT_IN[at].kind, &event);
            prop_assert!(known.contains_key("event") && known.contains_key("currentTime"));
            for config in [json!({}), json!({"datatype": "contact", "filter": {"data.a": 1}}), json!({"tags": ["a"], "source": "api"})] {
                let trigger = json!({"type": BUILT_IN[at].kind, "config": config, "filter": {"contact.id": 1}});
                let mut index = TriggerIndex::<Equals>::default();
                let armed = index.insert(&OrgId::new("a").unwrap(), &RecordId::new("f").unwrap(), 1, &flow(&trigger));
                for armed in armed.into_iter().flat_map(|()| index.candidates(&event)) {
                    armed.fires(&event);
                }
            }
        }
    }
}
