use appengine_actors::record::model::DELETED;
use appengine_actors::store::StoreError;
use serde_json::json;

use super::super::AccountError;
use super::kit::{DAY, HOUR, org_id, refresh_of, world};
use crate::auth::principal::Kind;
use crate::auth::refusal::Refusal;
use crate::auth::role::Role;

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_refused_alike() {
    let world = world();
    world.sign_up("my-org", Kind::User, "ada@example.com").await.unwrap();
    assert!(world.sign_in("my-org", Kind::User, "ADA@example.com", "correct horse").await.is_ok());
    let table = [
        ("my-org", Kind::User, "ada@example.com", "correct hors"),
        ("my-org", Kind::User, "ada@example.com", ""),
        ("my-org", Kind::User, "eve@example.com", "correct horse"),
        ("my-org", Kind::Customer, "ada@example.com", "correct horse"),
        ("other", Kind::User, "ada@example.com", "correct horse"),
    ];
    for (org, who, email, password) in table {
        let refused = world.sign_in(org, who, email, password).await.unwrap_err();
        assert_eq!(refused, AccountError::WrongCredentials, "{org} {who:?} {email} {password}");
    }
    let error = AccountError::WrongCredentials;
    assert_eq!((error.code(), error.status()), ("invalid_credentials", 401));
}

#[tokio::test]
async fn a_refresh_token_is_replaced_at_each_use_and_used_twice_ends_the_session() {
    let world = world();
    let first = world.sign_up("my-org", Kind::User, "ada@example.com").await.unwrap();
    let second = world.refresh("my-org", Kind::User, &refresh_of(&first)).await.unwrap();
    let third = world.refresh("my-org", Kind::User, &refresh_of(&second)).await.unwrap();
    assert!(world.admit(&third.token).await.is_ok() && world.admit(&first.token).await.is_ok());
    let reused = world.refresh("my-org", Kind::User, &refresh_of(&first)).await;
    assert_eq!(reused.unwrap_err(), AccountError::InvalidRefreshToken);
    let robbed = world.refresh("my-org", Kind::User, &refresh_of(&third)).await;
    assert_eq!(robbed.unwrap_err(), AccountError::InvalidRefreshToken);
    assert_eq!(world.admit(&third.token).await, Err(Refusal::TokenRevoked), "its access tokens end too");
}

#[tokio::test]
async fn of_two_refreshes_at_once_with_one_token_one_succeeds_at_the_most() {
    let world = world();
    let first = world.sign_up("my-org", Kind::User, "ada@example.com").await.unwrap();
    let token = refresh_of(&first);
    let both = [(); 2].map(|()| world.refresh("my-org", Kind::User, &token));
    let answers = futures_util::future::join_all(both).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
}

#[tokio::test]
async fn a_refresh_token_is_good_for_its_organisation_kind_and_time_only() {
    let world = world();
    let ada = world.sign_up("a", Kind::User, "ada@example.com").await.unwrap();
    world.sign_up("b", Kind::User, "ada@example.com").await.unwrap();
    let token = refresh_of(&ada);
    let refused = [
        world.refresh("b", Kind::User, &token).await,
        world.refresh("a", Kind::Customer, &token).await,
        world.refresh("a", Kind::User, &ada.token).await,
        world.refresh("a", Kind::User, "rt_").await,
    ];
    for answer in refused {
        assert_eq!(answer.unwrap_err(), AccountError::InvalidRefreshToken);
    }
    world.clock.advance(29 * DAY);
    let later = world.refresh("a", Kind::User, &token).await.unwrap();
    world.clock.advance(30 * DAY);
    assert!(world.refresh("a", Kind::User, &refresh_of(&later)).await.is_err());
}

#[tokio::test]
async fn signing_out_ends_this_session_at_once_and_no_other() {
    let world = world();
    let here = world.sign_up("my-org", Kind::Customer, "ada@example.com").await.unwrap();
    let there = world.sign_in("my-org", Kind::Customer, "ada@example.com", "correct horse").await.unwrap();
    let principal = world.admit(&here.token).await.unwrap();
    world.accounts.sign_out(&principal).await.unwrap();
    assert_eq!(world.admit(&here.token).await, Err(Refusal::TokenRevoked));
    assert!(world.refresh("my-org", Kind::Customer, &refresh_of(&here)).await.is_err());
    assert!(world.admit(&there.token).await.is_ok());
    assert!(world.refresh("my-org", Kind::Customer, &refresh_of(&there)).await.is_ok());
}

#[tokio::test]
async fn changing_the_password_ends_all_sessions_but_this_one() {
    let world = world();
    let here = world.sign_up("my-org", Kind::User, "ada@example.com").await.unwrap();
    let there = world.sign_in("my-org", Kind::User, "ada@example.com", "correct horse").await.unwrap();
    let principal = world.admit(&here.token).await.unwrap();
    assert!(world.admit(&there.token).await.is_ok());
    let wrong = json!({"oldPassword": "wrong", "newPassword": "battery staple"});
    let refused = world.accounts.change_password(&principal, &wrong).await.unwrap_err();
    assert_eq!(refused, AccountError::WrongCredentials);
    let body = json!({"oldPassword": "correct horse", "newPassword": "battery staple"});
    world.accounts.change_password(&principal, &body).await.unwrap();
    assert!(world.admit(&here.token).await.is_ok());
    assert_eq!(world.admit(&there.token).await, Err(Refusal::TokenRevoked));
    assert!(world.sign_in("my-org", Kind::User, "ada@example.com", "correct horse").await.is_err());
    let again = world.sign_in("my-org", Kind::User, "ada@example.com", "battery staple").await.unwrap();
    assert_eq!(
        world.admit(&again.token).await.unwrap().roles,
        [Role::Owner],
        "what they are has not changed"
    );
}

#[tokio::test]
async fn whoever_is_gone_neither_signs_in_nor_refreshes_nor_comes_back() {
    let world = world();
    let ada = world.sign_up("my-org", Kind::User, "ada@example.com").await.unwrap();
    world.edit("my-org", "user", &ada.person.sk, |record| record.state = DELETED.into()).await;
    assert!(world.sign_in("my-org", Kind::User, "ada@example.com", "correct horse").await.is_err());
    assert!(world.refresh("my-org", Kind::User, &refresh_of(&ada)).await.is_err());
    assert_eq!(world.admit(&ada.token).await, Err(Refusal::TokenRevoked));
}

#[tokio::test]
async fn writing_the_record_changes_nothing_that_a_person_may_do() {
    let world = world();
    world.sign_up("my-org", Kind::User, "ada@example.com").await.unwrap();
    let bob = world.sign_up("my-org", Kind::User, "bob@example.com").await.unwrap();
    let grab = |record: &mut appengine_actors::record::model::Record| {
        record.data.insert("roles".into(), json!(["RootAdmin"]));
    };
    world.edit("my-org", "user", &bob.person.sk, grab).await;
    let again = world.sign_in("my-org", Kind::User, "bob@example.com", "correct horse").await.unwrap();
    assert_eq!(world.admit(&again.token).await.unwrap().roles, [Role::User]);
    let renewed = world.refresh("my-org", Kind::User, &refresh_of(&again)).await.unwrap();
    assert_eq!(world.admit(&renewed.token).await.unwrap().roles, [Role::User]);
}

#[tokio::test]
async fn whoami_shows_the_caller_and_their_record() {
    let world = world();
    let ada = world.sign_up("my-org", Kind::Customer, "ada@example.com").await.unwrap();
    let principal = world.admit(&ada.token).await.unwrap();
    let body = world.accounts.whoami(&principal).await.unwrap().to_json();
    assert_eq!((&body["orgId"], &body["datatype"]), (&json!("my-org"), &json!("customer")));
    assert_eq!((&body["roles"], &body["permissions"]), (&json!(["Customer"]), &json!(["read", "create"])));
    assert_eq!(body["user"], body["customer"]);
    assert_eq!(body["user"]["sk"], json!(ada.person.sk));
}

#[tokio::test]
async fn a_store_that_fails_is_told_as_such_and_lets_nobody_in() {
    let world = world();
    let ada = world.sign_up("my-org", Kind::User, "ada@example.com").await.unwrap();
    world.store.fail_next(1, &StoreError::Full);
    let failed = world.sign_in("my-org", Kind::User, "ada@example.com", "correct horse").await.unwrap_err();
    assert_eq!((failed.code(), failed.status(), failed.is_retryable()), ("unavailable", 503, true));
    drop(world.store.crash(0));
    assert_eq!(world.admit(&ada.token).await, Err(Refusal::Unavailable));
}

#[tokio::test]
async fn an_access_token_lives_as_long_as_configured() {
    let world = world();
    let ada = world.sign_up("my-org", Kind::User, "ada@example.com").await.unwrap();
    assert_eq!(world.admit(&ada.token).await.unwrap().expires_at, {
        use appengine_actors::clock::Clock;
        world.clock.now().plus(HOUR)
    });
    world.clock.advance(HOUR);
    assert_eq!(world.admit(&ada.token).await, Err(Refusal::TokenExpired));
    assert!(world.refresh("my-org", Kind::User, &refresh_of(&ada)).await.is_ok());
    assert!(
        world
            .sign_in(org_id("my-org").as_str(), Kind::User, "ada@example.com", "correct horse")
            .await
            .is_ok()
    );
}
