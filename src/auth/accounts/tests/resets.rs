use std::time::Duration;

use serde_json::{Value, json};

use super::super::AccountError;
use super::kit::{DAY, World, org_id, world};
use crate::auth::principal::{Kind, Principal};
use crate::auth::refusal::Refusal;

const EVE: &str = "eve@example.com";

async fn owner(world: &World) -> Principal {
    let signed_up = world.sign_up("my-org", Kind::User, "ada@example.com").await.unwrap();
    world.admit(&signed_up.token).await.unwrap()
}

async fn token(world: &World, by: &Principal) -> String {
    let made = world.accounts.password_token(by, &json!({"email": EVE})).await.unwrap();
    made["token"].as_str().unwrap().to_owned()
}

async fn reset(world: &World, token: &str) -> Result<(), AccountError> {
    let body = json!({"token": token, "password": "a new password"});
    world.accounts.reset_password(&org_id("my-org"), &body).await
}

async fn is_good(world: &World, org: &str, token: &str) -> bool {
    world.accounts.is_password_token(&org_id(org), &json!({"token": token})).await.unwrap()
}

#[tokio::test]
async fn a_token_sets_another_password_once_and_ends_all_sessions() {
    let world = world();
    let ada = owner(&world).await;
    let eve = world.sign_up("my-org", Kind::Customer, EVE).await.unwrap();
    let first = token(&world, &ada).await;
    let second = token(&world, &ada).await;
    assert!(!is_good(&world, "my-org", &first).await, "a later one takes its place");
    assert!(is_good(&world, "my-org", &second).await && !is_good(&world, "b", &second).await);
    assert!(!world.everything().await.contains(&second));
    reset(&world, &second).await.unwrap();
    assert_eq!(reset(&world, &second).await, Err(AccountError::InvalidResetToken));
    assert_eq!(world.admit(&eve.token).await, Err(Refusal::TokenRevoked));
    assert!(world.sign_in("my-org", Kind::Customer, EVE, "correct horse").await.is_err());
    assert!(world.sign_in("my-org", Kind::Customer, EVE, "a new password").await.is_ok());
}

#[tokio::test]
async fn a_token_ends_by_time_by_a_changed_password_and_is_nothing_else() {
    let world = world();
    let ada = owner(&world).await;
    let eve = world.sign_up("my-org", Kind::Customer, EVE).await.unwrap();
    let made = token(&world, &ada).await;
    let change = json!({"oldPassword": "correct horse", "newPassword": "battery staple"});
    let principal = world.admit(&eve.token).await.unwrap();
    world.accounts.change_password(&principal, &change).await.unwrap();
    assert!(!is_good(&world, "my-org", &made).await);
    let made = token(&world, &ada).await;
    world.clock.advance(DAY);
    assert_eq!(reset(&world, &made).await, Err(AccountError::InvalidResetToken));
    for bad in ["", "pr_", "pr_x", &eve.token] {
        assert!(!is_good(&world, "my-org", bad).await, "{bad}");
    }
    let unknown = world.accounts.password_token(&ada, &json!({"email": "nobody@example.com"})).await;
    assert_eq!(unknown, Err(AccountError::UnknownPerson));
    let weak = json!({"token": made, "password": "short"});
    assert_eq!(
        world.accounts.reset_password(&org_id("my-org"), &weak).await.unwrap_err().code(),
        "invalid_input"
    );
}

#[tokio::test]
async fn asking_tells_nothing_and_writes_something_whoever_is_asked_for() {
    let world = world();
    owner(&world).await;
    world.sign_up("my-org", Kind::Customer, EVE).await.unwrap();
    for email in [EVE, "nobody@example.com", EVE] {
        let before = world.everything().await;
        world.clock.advance(Duration::from_secs(1));
        world.accounts.forget_password(&org_id("my-org"), email).await.unwrap();
        assert_ne!(world.everything().await, before, "{email}");
    }
    let wrong = world.accounts.forget_password(&org_id("my-org"), "..").await.unwrap_err();
    assert_eq!(wrong.status(), 400);
    // An organisation that is not there does not come to be.
    world.accounts.forget_password(&org_id("b"), EVE).await.unwrap();
    assert!(!world.everything().await.contains("b\0\u{1}p"));
}

#[tokio::test]
async fn customers_change_their_names_and_nothing_more() {
    let world = world();
    let ada = owner(&world).await;
    let eve = world.sign_up("my-org", Kind::Customer, EVE).await.unwrap();
    let eve = world.admit(&eve.token).await.unwrap();
    let body = json!({"name": "Eve", "phone": "1"});
    let record = world.accounts.update_profile(&eve, &body).await.unwrap();
    assert_eq!((&record.data["name"], &record.data["firstName"]), (&json!("Eve"), &json!("Ada")));
    for bad in [json!({"email": "ada@example.com"}), json!({"roles": ["Owner"]}), Value::Null] {
        assert_eq!(world.accounts.update_profile(&eve, &bad).await.unwrap_err().status(), 400, "{bad}");
    }
    assert_eq!(world.accounts.update_profile(&ada, &body).await.unwrap_err().code(), "forbidden");
}
