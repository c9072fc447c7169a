use std::time::Duration;

use appengine_actors::clock::Clock;
use appengine_actors::ids::{Datatype, RecordId};
use appengine_actors::record::model::DELETED;

use super::kit::{HOUR, World, org_id, world, world_with};
use crate::auth::principal::Kind;
use crate::auth::refusal::Refusal;
use crate::auth::role::Role;
use crate::auth::token::Identity;

/// A token as `appengine token` prints it: made where no store can be asked.
fn token(world: &World, org: &str, kind: Kind, email: &str, role: Role) -> String {
    let now = world.clock.now();
    let made_up = RecordId::generate(&Datatype::new(kind.name()).unwrap(), now);
    let identity = Identity {
        org: org_id(org),
        id: made_up,
        email: Some(email.to_owned()),
        name: "Ada".to_owned(),
        kind,
        roles: vec![role],
        session: None,
    };
    world.tokens.sign(&identity, HOUR, now).unwrap()
}

#[tokio::test]
async fn a_token_alone_brings_its_organisation_and_person_into_being() {
    let world = world_with(false);
    let token = token(&world, "new-org", Kind::User, "Ada@Example.com", Role::Owner);
    let admitted = world.admit(&token).await.unwrap();
    assert_eq!((admitted.org.as_str(), admitted.roles.as_slice()), ("new-org", [Role::Owner].as_slice()));
    assert_eq!(admitted.email.as_deref(), Some("ada@example.com"));
    let me = world.accounts.whoami(&admitted).await.unwrap();
    assert_eq!(me.person.unwrap().sk, admitted.id);
    assert!(world.accounts.org_exists(&org_id("new-org")).await.unwrap());
}

#[tokio::test]
async fn every_token_with_an_address_is_the_same_person() {
    let world = world();
    let signed_up = world.sign_up("my-org", Kind::User, "ada@example.com").await.unwrap();
    let tokens =
        [Role::Owner, Role::Guest].map(|role| token(&world, "my-org", Kind::User, "ada@example.com", role));
    for token in &tokens {
        assert_eq!(world.admit(token).await.unwrap().id, signed_up.person.sk);
    }
    assert_eq!(world.admit(&tokens[1]).await.unwrap().roles, [Role::Guest], "the role is the token's");
    let customer = token(&world, "my-org", Kind::Customer, "ada@example.com", Role::Customer);
    let customer = world.admit(&customer).await.unwrap();
    assert_ne!(customer.id, signed_up.person.sk);
    assert_eq!(customer.roles, [Role::Customer]);
    let elsewhere = token(&world, "b", Kind::User, "ada@example.com", Role::Owner);
    assert_ne!(world.admit(&elsewhere).await.unwrap().id, signed_up.person.sk);
}

#[tokio::test]
async fn many_first_uses_at_once_make_one_person() {
    let world = world();
    let tokens: Vec<String> =
        (0..5).map(|_| token(&world, "my-org", Kind::User, "ada@example.com", Role::Owner)).collect();
    // Each a turn later than the one before, so that every step of one meets every step of another.
    let late = tokens.iter().chain(&tokens).enumerate().map(|(turns, token)| {
        let world = &world;
        async move {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            world.admit(token).await
        }
    });
    let admitted = futures_util::future::join_all(late).await;
    let ids: std::collections::HashSet<String> =
        admitted.into_iter().map(|principal| principal.unwrap().id.to_string()).collect();
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn a_person_who_has_moved_to_another_address_is_still_their_tokens_person() {
    let world = world();
    let token = token(&world, "my-org", Kind::Customer, "ada@example.com", Role::User);
    let made = world.admit(&token).await.unwrap();
    world
        .edit("my-org", "customer", &made.id, |record| {
            record.data.insert("email".into(), "ada@king.example".into());
        })
        .await;
    world.free_address("my-org", "customer", "ada@example.com").await;
    let shown = world.tokens.verify(&token, world.clock.now()).unwrap();
    let found = crate::auth::gate::People::ensure(world.accounts.as_ref(), &shown).await;
    assert_eq!(found.map(|known| known.id), Ok(made.id));
}

#[tokio::test]
async fn a_guests_token_is_that_guest_and_nobody_with_the_same_address() {
    let world = world();
    let body = serde_json::json!({"email": "ada@example.com"});
    let one = world.accounts.register_guest(&org_id("my-org"), &body).await.unwrap();
    let other = world.accounts.register_guest(&org_id("my-org"), &body).await.unwrap();
    assert_eq!(world.admit(&one.token).await.unwrap().id, one.person.sk);
    assert_eq!(world.admit(&other.token).await.unwrap().id, other.person.sk);
}

#[tokio::test]
async fn a_token_that_was_given_back_is_not_taken_again() {
    let world = world();
    let (one, other) = (
        token(&world, "my-org", Kind::User, "ada@example.com", Role::Owner),
        token(&world, "my-org", Kind::User, "ada@example.com", Role::Owner),
    );
    let principal = world.admit(&one).await.unwrap();
    world.accounts.sign_out(&principal).await.unwrap();
    assert_eq!(world.admit(&one).await, Err(Refusal::TokenRevoked));
    assert!(world.admit(&other).await.is_ok());
}

#[tokio::test]
async fn a_token_does_not_bring_back_whom_somebody_took_away() {
    let world = world();
    let ada = world.sign_up("my-org", Kind::User, "ada@example.com").await.unwrap();
    world.edit("my-org", "user", &ada.person.sk, |record| record.state = DELETED.into()).await;
    world.free_address("my-org", "user", "ada@example.com").await;
    let before = token(&world, "my-org", Kind::User, "ada@example.com", Role::Owner);
    assert_eq!(world.admit(&before).await, Err(Refusal::TokenRevoked));
    // The address is free, and whoever takes it is not whom the old token stands for.
    let next = world.sign_up("my-org", Kind::User, "ada@example.com").await.unwrap();
    assert_eq!(world.admit(&before).await, Err(Refusal::TokenRevoked));
    world.clock.advance(Duration::from_secs(1));
    let after = token(&world, "my-org", Kind::User, "ada@example.com", Role::Owner);
    assert_eq!(world.admit(&after).await.unwrap().id, next.person.sk);
}

#[tokio::test]
async fn a_session_of_another_organisation_is_none_here() {
    let world = world();
    let ada = world.sign_up("my-org", Kind::User, "ada@example.com").await.unwrap();
    let mut forged = world.tokens.verify(&ada.token, world.clock.now()).unwrap();
    forged.org = org_id("b");
    let answer = crate::auth::gate::People::ensure(world.accounts.as_ref(), &forged).await;
    assert_eq!(answer, Err(Refusal::TokenRevoked));
    assert!(!world.accounts.org_exists(&org_id("b")).await.unwrap(), "and it makes nothing");
}
