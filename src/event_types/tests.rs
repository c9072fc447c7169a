use appengine_actors::testkit::MemoryStore;
use serde_json::json;

use super::*;

fn types() -> EventTypes {
    EventTypes::new(Arc::new(MemoryStore::default()))
}

fn org(name: &str) -> OrgId {
    OrgId::new(name).unwrap()
}

fn kind(name: &str) -> EventKind {
    EventKind::new(name).unwrap()
}

fn of(schema: Value) -> Draft {
    Draft { schema: Some(schema), ..Draft::default() }
}

fn paths(error: PutError) -> Vec<String> {
    match error {
        PutError::Wrong(wrong) => wrong.into_iter().map(|one| one.path).collect(),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_version_grows_with_the_schema_and_never_falls() {
    let (types, org, kind) = (types(), org("a"), kind("order.packed"));
    let put = async |draft: Draft| types.put(&org, &kind, draft).await.map(|stored| stored.version);
    assert_eq!(put(of(json!({"type": "object"}))).await.unwrap(), 1);
    let described = Draft { description: Some("packed".into()), ..of(json!({"type": "object"})) };
    assert_eq!(put(described.clone()).await.unwrap(), 1);
    assert_eq!(put(of(json!({"type": ["object", "null"]}))).await.unwrap(), 2);
    assert_eq!(put(Draft { version: Some(7), ..of(json!({"type": "object"})) }).await.unwrap(), 7);
    assert_eq!(put(Draft { version: Some(7), ..described.clone() }).await.unwrap(), 7);
    assert_eq!(paths(put(Draft { version: Some(6), ..described }).await.unwrap_err()), ["version"]);
    assert_eq!(paths(put(Draft { version: Some(7), ..Draft::default() }).await.unwrap_err()), ["version"]);
    assert_eq!(put(Draft::default()).await.unwrap(), 8);
    assert_eq!(paths(put(Draft { version: Some(0), ..Draft::default() }).await.unwrap_err()), ["version"]);
}

#[tokio::test]
async fn a_type_that_contradicts_itself_is_refused_where_it_does() {
    let (types, org, kind) = (types(), org("a"), kind("order.packed"));
    let put = async |draft: Draft| types.put(&org, &kind, draft).await.unwrap_err();
    let schema = json!({"properties": {"n": {"type": "number"}}});
    let sample = Draft { sample: Some(json!({"n": "x"})), ..of(schema.clone()) };
    assert_eq!(paths(put(sample).await), ["sample.n"]);
    assert_eq!(
        paths(put(of(json!({"properties": {"n": {"type": "no"}}}))).await),
        ["schema.properties.n.type"]
    );
    assert_eq!(paths(put(of(json!("no"))).await), ["schema"]);
    let large = json!("x".repeat(LARGEST));
    assert_eq!(
        paths(put(Draft { sample: Some(large.clone()), ..of(json!({"const": large})) }).await),
        ["schema", "sample"]
    );
    assert_eq!(types.get(&org, &kind).await.unwrap(), None);
}

#[tokio::test]
async fn an_own_type_stands_in_place_of_the_programs_until_it_is_deleted() {
    let (types, a, b, kind) = (types(), org("a"), org("b"), kind("order.paid"));
    let built_in = types.get(&a, &kind).await.unwrap().unwrap();
    assert!(built_in.built_in);
    let own = Draft { sample: Some(json!({"own": 1})), ..of(json!({"required": ["own"]})) };
    let own = types.put(&a, &kind, own).await.unwrap();
    assert!(!own.built_in);
    let names = |types: &[EventType]| types.iter().map(|known| known.name.clone()).collect::<Vec<_>>();
    let (of_a, of_b) = (types.list(&a).await.unwrap(), types.list(&b).await.unwrap());
    assert_eq!(names(&of_a), names(&of_b));
    assert!(of_a.contains(&own) && of_b.contains(&built_in) && names(&of_a).is_sorted());
    assert_eq!(types.sample_of(&a, &kind).await.unwrap(), Some(json!({"own": 1})));
    assert_eq!(types.sample_of(&b, &kind).await.unwrap(), built_in.sample);
    assert_eq!(
        (types.delete(&b, &kind).await.unwrap(), types.delete(&a, &kind).await.unwrap()),
        (false, true)
    );
    assert_eq!(types.get(&a, &kind).await.unwrap(), Some(built_in));
}

#[tokio::test]
async fn data_is_checked_by_what_the_type_is_now_and_by_nobody_elses() {
    let (types, a, b, paid) = (types(), org("a"), org("b"), kind("order.paid"));
    let breaks = async |org: &OrgId, data: Value| types.check(org, &paid, &data).await.unwrap().len();
    let number = json!({"amount": 5});
    assert_eq!((breaks(&a, number.clone()).await, breaks(&b, number.clone()).await), (0, 0));
    types.put(&a, &paid, of(json!({"properties": {"amount": {"type": "string"}}}))).await.unwrap();
    assert_eq!((breaks(&a, number.clone()).await, breaks(&b, number.clone()).await), (1, 0));
    types.put(&a, &paid, of(json!({"properties": {"amount": {"type": "number"}}}))).await.unwrap();
    assert_eq!(breaks(&a, number.clone()).await, 0);
    types.put(&a, &paid, Draft::default()).await.unwrap();
    assert_eq!(breaks(&a, json!("anything")).await, 0);
    types.delete(&a, &paid).await.unwrap();
    assert_eq!(breaks(&a, json!("anything")).await, 1);
    assert_eq!(types.check(&a, &kind("nobody.knows"), &json!([1])).await.unwrap(), []);
}

#[tokio::test]
async fn what_is_kept_ready_is_bounded() {
    let (types, org) = (types(), org("a"));
    for n in 0..READY + 50 {
        types.check(&org, &kind(&format!("kind.{n}")), &json!(1)).await.unwrap();
        types.check(&org, &kind("order.paid"), &json!({})).await.unwrap();
    }
    let ready = types.ready();
    assert_eq!(ready.schemas.len(), READY);
    assert!(ready.schemas.contains_key(&(org, kind("order.paid"))));
}

#[tokio::test]
async fn an_organisation_has_a_bounded_number_of_types() {
    let (types, org) = (types(), org("a"));
    for n in 0..MOST {
        types.put(&org, &kind(&format!("kind.{n}")), Draft::default()).await.unwrap();
    }
    let full = types.put(&org, &kind("one.more"), Draft::default()).await;
    assert!(matches!(full, Err(PutError::Full)));
    types.put(&org, &kind("kind.7"), of(json!(true))).await.unwrap();
    types.delete(&org, &kind("kind.8")).await.unwrap();
    types.put(&org, &kind("one.more"), Draft::default()).await.unwrap();
}
