//! Flows that set each other off: the chain is cut where it was agreed, and that can be seen.

use appengine_actors::flow::run::RunStatus;
use appengine_actors::ids::RecordId;
use appengine_actors::testkit::TestHouse;
use appengine_actors::testkit::probe::quiet;
use serde_json::{Value, json};

/// A flow that answers the creation of one datatype with that of another.
async fn echo(house: &TestHouse, from: &str, to: &str, prevention: Value) -> RecordId {
    let actions = json!([{"type": "create_data", "config": {"datatype": to, "data": {}}}]);
    let settings = json!({"circularPrevention": prevention});
    let trigger = json!({"type": format!("{from}.created")});
    house.flow(json!({"name": from, "trigger": trigger, "actions": actions, "settings": settings})).await
}

async fn states(house: &TestHouse, flow: &RecordId) -> Vec<(u32, RunStatus)> {
    let mut states: Vec<_> = house.runs(flow).await.iter().map(|run| (run.depth, run.status)).collect();
    // All of them may begin within one millisecond, whose order is not kept.
    states.sort_by_key(|(depth, _)| *depth);
    states
}

#[actix::test]
async fn two_flows_that_set_each_other_off_stop_at_the_agreed_depth() {
    let house = TestHouse::start();
    let ping = echo(&house, "ping", "pong", json!({})).await;
    let pong = echo(&house, "pong", "ping", json!({})).await;
    house.create("ping", json!({})).await;
    for _ in 0..20 {
        quiet().await;
    }
    let done = RunStatus::Completed;
    assert_eq!(states(&house, &ping).await, [(1, done), (3, done), (5, done)]);
    assert_eq!(states(&house, &pong).await, [(2, done), (4, done), (6, RunStatus::Cancelled)]);
    let cut = house.runs(&pong).await.into_iter().find(|run| run.depth == 6).unwrap();
    let why = cut.error.unwrap().message;
    assert!(why.contains("settings.circularPrevention.maxDepth") && why.contains("pong.created"), "{why}");
    assert!(cut.completed_at.is_some() && cut.started_at.is_none());
    assert_eq!(house.run(cut.id).await.1, [], "it took no step");
    assert_eq!((house.records("ping").await.len(), house.records("pong").await.len()), (3, 3));
}

#[actix::test]
async fn each_flow_says_how_deep_it_goes() {
    let house = TestHouse::start();
    let ping = echo(&house, "ping", "pong", json!({"maxDepth": 9})).await;
    let pong = echo(&house, "pong", "ping", json!({"maxDepth": 2})).await;
    house.create("ping", json!({})).await;
    for _ in 0..20 {
        quiet().await;
    }
    assert_eq!(states(&house, &ping).await.len(), 2);
    assert_eq!(states(&house, &pong).await, [(2, RunStatus::Completed), (4, RunStatus::Cancelled)]);
}

#[actix::test]
async fn no_flow_goes_deeper_than_the_installation_allows() {
    for prevention in [json!({"enabled": false}), json!({"maxDepth": 100})] {
        let house = TestHouse::start();
        assert_eq!(house.setup.settings.flows.max_depth, 5);
        let echo = echo(&house, "ping", "ping", prevention).await;
        house.create("ping", json!({})).await;
        for _ in 0..20 {
            quiet().await;
        }
        let states = states(&house, &echo).await;
        assert_eq!(states.len(), 6);
        assert_eq!(states[5], (6, RunStatus::Cancelled));
    }
}

#[actix::test]
async fn a_change_of_data_that_would_not_start_a_flow_is_no_loop() {
    let house = TestHouse::start();
    let config = json!({"datatype": "ping", "filter": {"data.never": true}});
    let trigger = json!({"type": "database_change", "config": config});
    let actions = json!([{"type": "create_data", "config": {"datatype": "note", "data": {}}}]);
    let watcher = house.flow(json!({"name": "watcher", "trigger": trigger, "actions": actions})).await;
    let echo = echo(&house, "ping", "ping", json!({})).await;
    house.create("ping", json!({})).await;
    for _ in 0..20 {
        quiet().await;
    }
    assert_eq!(states(&house, &echo).await.len(), 6);
    assert_eq!(states(&house, &watcher).await, [], "it has nothing to do with this");
}

#[actix::test]
async fn changes_of_data_that_cause_each_other_are_cut_as_well() {
    let house = TestHouse::start();
    let trigger =
        json!({"type": "database_change", "config": {"datatype": "ping", "operations": ["create"]}});
    let actions = json!([{"type": "create_data", "config": {"datatype": "ping", "data": {}}}]);
    let flow = house.flow(json!({"name": "echo", "trigger": trigger, "actions": actions})).await;
    house.create("ping", json!({})).await;
    for _ in 0..20 {
        quiet().await;
    }
    let states = states(&house, &flow).await;
    assert_eq!(states.len(), 6);
    assert_eq!(states[5], (6, RunStatus::Cancelled));
}

#[actix::test]
async fn a_storm_is_cut_where_it_grows_too_wide() {
    let data = json!({"type": "database_change", "config": {"datatype": "ping", "operations": ["create"]}});
    for trigger in [json!({"type": "ping.created"}), data] {
        let house = TestHouse::start();
        let most = house.setup.settings.flows.max_breadth;
        let actions = json!([{"type": "create_data", "config": {"datatype": "ping", "data": {}}}]);
        let mut flows = Vec::new();
        for name in ["a", "b", "c", "d"] {
            flows.push(
                house
                    .flow(json!({"name": name, "trigger": trigger.clone(), "actions": actions.clone()}))
                    .await,
            );
        }
        house.create("ping", json!({})).await;
        for _ in 0..60 {
            quiet().await;
        }
        // 4, 16 and 64 side by side; the 256 that would come next are more than are allowed.
        assert_eq!(house.records("ping").await.len(), 1 + 4 + 16 + 64);
        let mut breadths = std::collections::BTreeSet::new();
        for flow in &flows {
            for run in house.runs(flow).await {
                breadths.insert(run.breadth);
                assert_eq!(run.status == RunStatus::Cancelled, run.breadth > most, "{run:?}");
                let why = run.error.map(|error| error.message).unwrap_or_default();
                assert_eq!(why.contains("flows.max_breadth"), run.breadth > most, "{why}");
            }
        }
        assert_eq!(breadths.into_iter().collect::<Vec<_>>(), [4, 16, 64, 256]);
    }
}

#[actix::test]
async fn a_long_flow_is_no_storm() {
    let house = TestHouse::start();
    let step = |to: &str| json!({"type": "create_data", "config": {"datatype": to, "data": {}}});
    let actions: Vec<_> = (0..20).map(|_| step("note")).collect();
    let flow =
        house.flow(json!({"name": "long", "trigger": {"type": "ping.created"}, "actions": actions})).await;
    house.create("ping", json!({})).await;
    for _ in 0..40 {
        quiet().await;
    }
    assert_eq!(states(&house, &flow).await, [(1, RunStatus::Completed)]);
    assert_eq!(house.records("note").await.len(), 20);
}
