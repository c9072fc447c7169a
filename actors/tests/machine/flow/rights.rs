//! In whose right a flow acts: that of whoever saved it last.

use appengine_actors::bus::change::Change;
use appengine_actors::flow::book::{FlowError, Saver};
use appengine_actors::flow::definition::FlowStatus;
use appengine_actors::flow::run::RunStatus;
use appengine_actors::ids::{Datatype, RecordId};
use appengine_actors::keys;
use appengine_actors::record::model::Record;
use appengine_actors::record::service::{Created, NewRecord, Origin};
use appengine_actors::rights::role::Role;
use appengine_actors::rights::scope::Scopes;
use appengine_actors::rights::{Kind, Rights};
use appengine_actors::testkit::{ADA, TestHouse};
use serde_json::{Map, Value, json};

const BOB: Saver<'static> = somebody(&[Role::User]);
const EVE: Saver<'static> = somebody(&[Role::PowerUser]);

const fn somebody(roles: &'static [Role]) -> Saver<'static> {
    Saver { name: "somebody", rights: Rights { kind: Kind::User, roles, scopes: None } }
}

fn body(kind: &str, config: Value) -> Value {
    json!({"name": "f", "trigger": {"type": "order.paid"}, "actions": [{"type": kind, "config": config}]})
}

fn change(kind: &str) -> Value {
    let mut config = json!({"datatype": "task", "recordId": "task-1"});
    if kind == "update_data" {
        config["updates"] = json!({"done": true});
    }
    body(kind, config)
}

/// A record with a rule of its own.
async fn task(house: &TestHouse, rule: Value) -> Record {
    let meta = Map::from_iter([("requiredRole".to_owned(), rule)]);
    let sk = Some(RecordId::new("task-1").unwrap());
    let datatype = Datatype::new("task").unwrap();
    let new = NewRecord { datatype, sk, data: Map::new(), meta, once: false };
    match house.machine.records.create(&house.org, new, &Origin::default()).await.unwrap() {
        Created::New(record) => *record,
        Created::Repeat => unreachable!("it was not asked to be noticed"),
    }
}

async fn saved(house: &TestHouse, body: &Value, saver: Saver<'_>) -> Result<RecordId, FlowError> {
    Ok(house.machine.flows.create(&house.org, body, saver).await?.sk)
}

/// How the only run of a flow ends when its event comes.
async fn fired(house: &TestHouse, flow: &RecordId) -> Option<String> {
    house.publish("order.paid", json!({})).await;
    let (run, _) = house.ended_run(flow).await;
    assert_eq!(run.error.is_some(), run.status == RunStatus::Failed, "{run:?}");
    run.error.map(|error| error.message)
}

fn forbidden(refused: Result<RecordId, FlowError>) -> String {
    match refused {
        Err(FlowError::Forbidden(problems)) => problems.iter().map(|p| format!("{p}\n")).collect(),
        other => panic!("{other:?}"),
    }
}

#[actix::test]
async fn what_is_not_theirs_to_write_is_refused_with_its_path() {
    let house = TestHouse::start();
    for (kind, config, why) in [
        ("create_data", json!({"datatype": "setting", "data": {}}), "who run the organisation"),
        ("create_data", json!({"datatype": "app", "data": {}}), "/app/register"),
        (
            "update_data",
            json!({"datatype": "task", "recordId": "1", "updates": {"a": 1}}),
            "allows to update",
        ),
        ("delete_data", json!({"datatype": "task", "recordId": "1"}), "allows to delete"),
    ] {
        let refused = forbidden(saved(&house, &body(kind, config), BOB).await);
        assert!(refused.starts_with("actions[0].config.datatype:"), "{refused}");
        assert!(refused.contains(why), "{refused}");
    }
    let refused = forbidden(saved(&house, &body("add_tag", json!({"tags": ["a"]})), BOB).await);
    assert!(refused.starts_with("actions[0].config: "), "{refused}");
    let setting = body("create_data", json!({"datatype": "setting", "data": {}}));
    saved(&house, &setting, ADA).await.unwrap();
    // An API key is held to its scopes, whoever made it.
    let scopes = Scopes::new(&["write:automation"]).unwrap();
    let rights = Rights { kind: Kind::App, roles: &[Role::Owner], scopes: Some(&scopes) };
    forbidden(saved(&house, &setting, Saver { name: "key", rights }).await);
    // What a placeholder turns out to be is asked of the run.
    let hidden = body("create_data", json!({"datatype": "set{{nothing}}ting", "data": {}}));
    let flow = saved(&house, &hidden, BOB).await.unwrap();
    let failed = fired(&house, &flow).await.unwrap();
    assert!(failed.contains("who run the organisation"), "{failed}");
    assert_eq!(house.records("setting").await.len(), 1, "the owner's flow heard the event too");
}

#[actix::test]
async fn a_records_own_rule_holds_for_flows() {
    for (kind, named) in [("update_data", "update"), ("delete_data", "delete")] {
        let rule = json!({named: ["Owner"]});
        let house = TestHouse::start();
        let before = task(&house, rule.clone()).await;
        let flow = saved(&house, &change(kind), EVE).await.unwrap();
        let failed = fired(&house, &flow).await.unwrap();
        assert!(failed.contains("requiredRole") && failed.contains("saved it last"), "{failed}");
        assert_eq!(house.record("task", &before.sk).await, Some(before));

        let house = TestHouse::start();
        let before = task(&house, rule).await;
        let flow = saved(&house, &change(kind), ADA).await.unwrap();
        assert_eq!(fired(&house, &flow).await, None);
        assert_ne!(house.record("task", &before.sk).await, Some(before));
    }
}

#[actix::test]
async fn a_flow_leaves_no_record_that_nobody_can_open() {
    let house = TestHouse::start();
    task(&house, json!({})).await;
    let config = json!({"datatype": "task", "recordId": "task-1", "updates": {"requiredRole": {"reed": []}}});
    let flow = saved(&house, &body("update_data", config), ADA).await.unwrap();
    let failed = fired(&house, &flow).await.unwrap();
    assert!(failed.contains("failed to set requiredRole"), "{failed}");
}

#[actix::test]
async fn flows_give_nobody_roles() {
    let house = TestHouse::start();
    let eve = house.create("customer", json!({"email": "eve@x.y", "roles": ["Customer"]})).await;
    let update = |datatype: &str, updates: Value| {
        body("update_data", json!({"datatype": datatype, "recordId": eve.sk, "updates": updates}))
    };
    for (flow, path) in [
        (update("customer", json!({"roles": ["Owner"]})), "data.roles"),
        (update("customer", json!({"data.roles.0": "Owner"})), "data.roles"),
        (body("create_data", json!({"datatype": "customer", "data": {"roles": ["Owner"]}})), "data.roles"),
        (update("us{{nothing}}er", json!({"roles": ["Owner"]})), "/user/role/add"),
    ] {
        let flow = saved(&house, &flow, ADA).await.unwrap();
        let failed = fired(&house, &flow).await.unwrap();
        assert!(failed.contains(path), "{failed}");
        house.machine.flows.set_status(&house.org, &flow, FlowStatus::Inactive, ADA).await.unwrap();
    }
    assert_eq!(house.records("customer").await, std::slice::from_ref(&eve));
    // What leaves them as they are is written, and what leaves them out too.
    for updates in [json!({"roles": ["Customer"], "n": 1}), json!({"data": {"n": 1}})] {
        let flow = saved(&house, &update("customer", updates), ADA).await.unwrap();
        assert_eq!(fired(&house, &flow).await, None);
        let now = house.record("customer", &eve.sk).await.unwrap().data;
        assert_eq!((&now["roles"], &now["n"]), (&json!(["Customer"]), &json!(1)));
        house.machine.flows.set_status(&house.org, &flow, FlowStatus::Inactive, ADA).await.unwrap();
    }
}

#[actix::test]
async fn whoever_lets_a_flow_listen_answers_for_it_and_who_stops_it_does_not() {
    let house = TestHouse::start();
    task(&house, json!({"update": ["Owner"]})).await;
    let flows = &house.machine.flows;
    let flow = saved(&house, &change("update_data"), EVE).await.unwrap();
    flows.set_status(&house.org, &flow, FlowStatus::Inactive, ADA).await.unwrap();
    let run = flows.execute(&house.org, &flow, Default::default(), std::time::Duration::from_secs(5)).await;
    let failed = run.unwrap().error.unwrap().message;
    assert!(failed.contains("requiredRole"), "{failed}");
    let refused = flows.set_status(&house.org, &flow, FlowStatus::Active, BOB).await;
    assert!(matches!(refused, Err(FlowError::Forbidden(_))), "{refused:?}");
    flows.set_status(&house.org, &flow, FlowStatus::Active, ADA).await.unwrap();
    let run = flows.execute(&house.org, &flow, Default::default(), std::time::Duration::from_secs(5)).await;
    assert_eq!(run.unwrap().error, None);
}

#[actix::test]
async fn a_flow_of_which_no_rights_were_kept_acts_as_the_least_of_the_staff() {
    let house = TestHouse::start();
    task(&house, json!({})).await;
    let flow = saved(&house, &change("update_data"), ADA).await.unwrap();
    let mut change = Change::default();
    change.extra.delete(keys::flow_rights(&house.org, &flow, 0));
    house.machine.publisher.commit(house.org.clone(), change).await.unwrap();
    let failed = fired(&house, &flow).await.unwrap();
    assert!(failed.contains("no role allows to update"), "{failed}");
}

#[actix::test]
async fn a_flow_carries_out_nothing_of_a_record_that_its_author_may_not_read() {
    let house = TestHouse::start();
    let hook = json!([{"type": "send_webhook", "config": {"url": "https://r.example/"}}]);
    let hook = json!({"name": "f", "trigger": {"type": "task.created"}, "actions": hook});
    let curious = saved(&house, &hook, EVE).await.unwrap();
    let owners = saved(&house, &hook, ADA).await.unwrap();
    task(&house, json!({"read": ["Owner"]})).await;
    let (run, _) = house.ended_run(&curious).await;
    assert!(run.error.unwrap().message.contains("may not read"));
    assert_eq!(house.ended_run(&owners).await.0.status, RunStatus::Completed);
    assert_eq!(house.deliveries().await.len(), 1);
}
