use appengine_actors::clock::Clock;
use appengine_actors::ids::RecordId;
use appengine_actors::keys;
use appengine_actors::record::model::{DELETED, Record};
use appengine_actors::rights::kept::{LAST_USED, USAGE};
use appengine_actors::store::{Batch, Store, StoreError, decode};
use serde_json::{Value, json};

use super::super::AccountError;
use super::kit::{HOUR, World, org_id, refresh_of, world};
use crate::auth::gate::Credentials;
use crate::auth::principal::{Kind, Principal};
use crate::auth::refusal::Refusal;
use crate::auth::role::{Permission, Role};

async fn owner(world: &World) -> Principal {
    let signed_up = world.sign_up("my-org", Kind::User, "ada@example.com").await.unwrap();
    world.admit(&signed_up.token).await.unwrap()
}

#[tokio::test]
async fn an_api_key_is_shown_once_and_opens_what_its_scopes_say() {
    let world = world();
    let ada = owner(&world).await;
    let body = json!({"name": "CI", "scopes": ["write:data"], "rateLimits": {"perMinute": 7}});
    let made = world.accounts.create_api_key(&ada, &body).await.unwrap();
    let key = &made["data"]["key"];
    assert!(key.as_str().unwrap().starts_with(made["data"]["keyPrefix"].as_str().unwrap()));
    assert_eq!((&made["datatype"], &made["data"]["status"]), (&json!("apikey"), &json!("active")));
    let admitted = world.admit_key("my-org", key).await.unwrap();
    assert_eq!((admitted.kind, admitted.roles.as_slice()), (Kind::App, [Role::Owner].as_slice()));
    assert_eq!(admitted.rate_limits.unwrap().per_minute, 7);
    let me = world.accounts.whoami(&admitted).await.unwrap().to_json();
    assert_eq!((&me["expiresAt"], &me["scopes"]), (&Value::Null, &json!(["write:data"])));
    assert_eq!(admitted.require(Permission::Create, "write:data"), Ok(()));
    assert_eq!(
        admitted.require(Permission::Read, "read:data"),
        Err(Refusal::InsufficientScope("read:data".into()))
    );
    assert!(!world.everything().await.contains(key.as_str().unwrap()));
}

#[tokio::test]
async fn an_api_key_is_good_in_its_organisation_while_its_record_is_there_and_active() {
    let world = world();
    let ada = owner(&world).await;
    let made = world.accounts.create_api_key(&ada, &json!({"name": "CI"})).await.unwrap();
    let (key, sk) = (&made["data"]["key"], made["sk"].as_str().unwrap().parse().unwrap());
    world.sign_up("b", Kind::User, "eve@example.com").await.unwrap();
    assert_eq!(world.admit_key("b", key).await, Err(Refusal::InvalidApiKey));
    let set = |status: Value| {
        move |record: &mut Record| {
            record.data.insert("status".into(), status);
        }
    };
    world.edit("my-org", "apikey", &sk, set(json!("revoked"))).await;
    assert_eq!(world.admit_key("my-org", key).await, Err(Refusal::InvalidApiKey));
    world.edit("my-org", "apikey", &sk, set(json!("active"))).await;
    assert!(world.admit_key("my-org", key).await.is_ok());
    world.edit("my-org", "apikey", &sk, |record| record.state = DELETED.into()).await;
    assert_eq!(world.admit_key("my-org", key).await, Err(Refusal::InvalidApiKey));
}

#[tokio::test]
async fn writing_a_keys_record_gives_it_nothing() {
    let world = world();
    let ada = owner(&world).await;
    let made = world.accounts.create_api_key(&ada, &json!({"name": "CI"})).await.unwrap();
    let sk = made["sk"].as_str().unwrap().parse().unwrap();
    let widen = |record: &mut Record| {
        record.data.insert("scopes".into(), json!(["*"]));
        record.data.insert("expiresAt".into(), Value::Null);
    };
    world.edit("my-org", "apikey", &sk, widen).await;
    let admitted = world.admit_key("my-org", &made["data"]["key"]).await.unwrap();
    assert!(!admitted.may_scope("write:data"));
}

/// What a key's record shows of its use, and the rest of it.
async fn shown(world: &World, sk: &RecordId) -> (Value, Value) {
    let key = keys::record(&org_id("my-org"), &"apikey".parse().unwrap(), sk);
    let found = world.store.get(key).await.unwrap().unwrap();
    let mut record = decode::<Record>(&found.value).unwrap().to_json();
    let used = [LAST_USED, USAGE].map(|name| record["data"].as_object_mut().unwrap().remove(name));
    (json!(used), record)
}

#[tokio::test]
async fn a_keys_record_shows_how_it_is_used_and_is_not_changed_by_it() {
    let world = world();
    let ada = owner(&world).await;
    let made = world.accounts.create_api_key(&ada, &json!({"name": "CI"})).await.unwrap();
    let (key, sk) = (&made["data"]["key"], made["sk"].as_str().unwrap().parse().unwrap());
    let first = world.clock.now();
    let (unused, rest) = shown(&world, &sk).await;
    assert_eq!(unused, json!([null, {"totalRequests": 0}]));
    let admitted = world.admit_key("my-org", key).await.unwrap();
    for _ in 0..2 {
        world.gate.count_use(&admitted);
        world.gate.count_use(&ada);
    }
    assert_eq!(shown(&world, &sk).await.0, unused, "no request waits for it");
    world.accounts.write_uses().await;
    world.accounts.write_uses().await;
    let used = (json!([first, {"totalRequests": 2, "firstUsedAt": first}]), rest.clone());
    assert_eq!(shown(&world, &sk).await, used);
    world.clock.advance(HOUR);
    world.gate.count_use(&admitted);
    world.accounts.write_uses().await;
    let used = json!([world.clock.now(), {"totalRequests": 3, "firstUsedAt": first}]);
    assert_eq!(shown(&world, &sk).await, (used, rest));
}

#[tokio::test]
async fn uses_that_cannot_be_written_are_kept_for_the_next_round() {
    let world = world();
    let ada = owner(&world).await;
    let made = world.accounts.create_api_key(&ada, &json!({"name": "CI"})).await.unwrap();
    let (key, sk): (_, RecordId) = (&made["data"]["key"], made["sk"].as_str().unwrap().parse().unwrap());
    let admitted = world.admit_key("my-org", key).await.unwrap();
    let total = async || shown(&world, &sk).await.0[1]["totalRequests"].clone();
    world.gate.count_use(&admitted);
    world.store.fail_next(1, &StoreError::Unavailable("the disk is full".to_owned()));
    world.accounts.write_uses().await;
    assert_eq!(total().await, 0);
    // Somebody renames the key between the look at it and the writing.
    world.store.hold();
    let rename = world.edit("my-org", "apikey", &sk, |record| {
        record.data.insert("name".to_owned(), json!("renamed"));
    });
    let released = async {
        world.store.until_waiting(2).await;
        world.gate.count_use(&admitted);
        world.store.release();
    };
    futures_util::join!(rename, world.accounts.write_uses(), released);
    assert_eq!(total().await, 0);
    world.accounts.write_uses().await;
    let (used, rest) = shown(&world, &sk).await;
    assert_eq!((&used[1]["totalRequests"], &rest["data"]["name"]), (&json!(2), &json!("renamed")));
    // Of one that is gone nothing is kept.
    world.gate.count_use(&admitted);
    let mut batch = Batch::default();
    batch.delete(keys::record(&org_id("my-org"), &"apikey".parse().unwrap(), &sk));
    world.store.commit(batch).await.unwrap();
    world.accounts.write_uses().await;
    assert!(!world.everything().await.contains("renamed"));
}

#[tokio::test]
async fn only_staff_who_signed_in_make_keys_and_apps() {
    let world = world();
    let ada = owner(&world).await;
    let customer = world.sign_up("my-org", Kind::Customer, "c@x").await.unwrap();
    let customer = world.admit(&customer.token).await.unwrap();
    let full = json!({"name": "CI", "scopes": ["*"]});
    let made = world.accounts.create_api_key(&ada, &full).await.unwrap();
    let key = world.admit_key("my-org", &made["data"]["key"]).await.unwrap();
    let reviewer = Principal { roles: vec![Role::Reviewer], ..ada.clone() };
    for maker in [&customer, &key, &reviewer] {
        let refused = world.accounts.create_api_key(maker, &full).await.unwrap_err();
        assert_eq!(refused.code(), "forbidden");
        let refused = world.accounts.register_app(maker, &json!({"name": "Site"})).await.err().unwrap();
        assert_eq!(refused.status(), 403);
    }
    assert_eq!(world.accounts.sign_out(&key).await.unwrap_err().status(), 400);
}

#[tokio::test]
async fn an_app_signs_in_by_all_three_parts_and_carries_a_person() {
    let world = world();
    let ada = owner(&world).await;
    let app = world.accounts.register_app(&ada, &json!({"name": "Site"})).await.unwrap();
    let right = json!({"appId": app.id, "key": app.key, "secret": app.secret});
    for part in ["appId", "key", "secret"] {
        let mut wrong = right.clone();
        wrong[part] = json!("x");
        let refused = world.accounts.app_token(&org_id("my-org"), &wrong).await.unwrap_err();
        assert_eq!((refused.code(), refused.status()), ("invalid_app_key", 401), "{part}");
    }
    let elsewhere = world.accounts.app_token(&org_id("b"), &right).await.unwrap_err();
    assert_eq!(elsewhere, AccountError::WrongAppKey);
    let answer = world.accounts.app_token(&org_id("my-org"), &right).await.unwrap();
    let token = answer["token"].as_str().unwrap();
    let admitted = world.admit(token).await.unwrap();
    assert_eq!((admitted.kind, admitted.roles.as_slice()), (Kind::App, [Role::User].as_slice()));
    let person = world.sign_in("my-org", Kind::User, "ada@example.com", "correct horse").await.unwrap();
    let header = format!("Bearer {token}");
    let sent = Credentials {
        authorization: Some(&header),
        x_client_authorization: Some(&person.token),
        ..Credentials::default()
    };
    assert_eq!(world.gate.admit(sent).await.unwrap().id, ada.id);
    assert!(!world.everything().await.contains(&app.secret));
    assert!(world.refresh("my-org", Kind::User, &refresh_of(&person)).await.is_ok());
    world.clock.advance(HOUR);
    assert_eq!(world.admit(token).await, Err(Refusal::TokenExpired));
}

#[tokio::test]
async fn an_app_gets_no_role_that_its_maker_could_not_use() {
    let world = world();
    owner(&world).await;
    let bob = world.sign_up("my-org", Kind::User, "bob@example.com").await.unwrap();
    let bob = world.admit(&bob.token).await.unwrap();
    let refused = world.accounts.register_app(&bob, &json!({"name": "Site", "roles": ["System"]})).await;
    assert_eq!(refused.err(), Some(AccountError::RoleTooHigh(Role::System)));
    assert!(world.accounts.register_app(&bob, &json!({"name": "Site", "roles": ["Customer"]})).await.is_ok());
    for bad in [json!({"name": "x", "roles": ["Boss"]}), json!({"name": "x", "key": "k"}), json!({})] {
        let refused = world.accounts.register_app(&bob, &bad).await.err().unwrap();
        assert_eq!(refused.code(), "invalid_input", "{bad}");
    }
}

#[tokio::test]
async fn apps_are_bounded() {
    let world = world();
    let ada = owner(&world).await;
    for n in 0..100 {
        world.accounts.register_app(&ada, &json!({"name": format!("{n}")})).await.unwrap();
    }
    let refused = world.accounts.register_app(&ada, &json!({"name": "one more"})).await.err().unwrap();
    assert_eq!((refused.code(), refused.status()), ("too_many_apps", 409));
}
