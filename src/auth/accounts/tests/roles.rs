use serde_json::json;

use super::super::AccountError;
use super::kit::{World, org_id, world};
use crate::auth::principal::{Kind, Principal};
use crate::auth::refusal::Refusal;
use crate::auth::role::Role;

async fn staff(world: &World, email: &str) -> (Principal, String) {
    let signed_up = world.sign_up("my-org", Kind::User, email).await.unwrap();
    (world.admit(&signed_up.token).await.unwrap(), signed_up.token)
}

#[tokio::test]
async fn roles_that_are_given_and_taken_count_at_once() {
    let world = world();
    let (ada, _) = staff(&world, "ada@example.com").await;
    let (bob, token) = staff(&world, "bob@example.com").await;
    assert_eq!(bob.roles, [Role::User]);
    let asked = json!({"email": "Bob@Example.com", "roles": ["PowerUser", "User"]});
    let record = world.accounts.add_roles(&ada, &asked).await.unwrap();
    assert_eq!(record.data["roles"], json!(["User", "PowerUser"]));
    assert_eq!(world.admit(&token).await.unwrap().roles, [Role::User, Role::PowerUser], "the same token");
    let again = world.accounts.add_roles(&ada, &asked).await.unwrap();
    assert_eq!(again.version, record.version, "nothing to change, nothing written");
    world.accounts.remove_roles(&ada, &asked).await.unwrap();
    assert_eq!(world.admit(&token).await.unwrap().roles, []);
    let in_again = world.sign_in("my-org", Kind::User, "bob@example.com", "correct horse").await.unwrap();
    assert_eq!(world.admit(&in_again.token).await.unwrap().roles, []);
}

#[tokio::test]
async fn nobody_gives_or_takes_what_outranks_them() {
    let world = world();
    let (ada, _) = staff(&world, "ada@example.com").await;
    let (bob, _) = staff(&world, "bob@example.com").await;
    let config = Principal { roles: vec![Role::ConfigAdmin], ..bob };
    for (by, role) in [(&config, "Owner"), (&config, "PowerUser"), (&ada, "RootAdmin")] {
        let asked = json!({"email": "ada@example.com", "roles": [role]});
        let given = world.accounts.add_roles(by, &asked).await.unwrap_err();
        let taken = world.accounts.remove_roles(by, &asked).await.unwrap_err();
        assert_eq!((given.code(), taken.code()), ("role_too_high", "role_too_high"), "{role}");
    }
    let unknown = json!({"email": "eve@example.com", "roles": ["User"]});
    assert_eq!(world.accounts.add_roles(&ada, &unknown).await, Err(AccountError::UnknownPerson));
    for bad in [json!({"email": "ada@example.com"}), json!({"email": "ada@example.com", "roles": ["Boss"]})] {
        assert_eq!(world.accounts.add_roles(&ada, &bad).await.unwrap_err().code(), "invalid_input", "{bad}");
    }
}

#[tokio::test]
async fn an_organisation_keeps_an_owner() {
    let world = world();
    let (ada, ada_token) = staff(&world, "ada@example.com").await;
    let (bob, _) = staff(&world, "bob@example.com").await;
    let owner = |email: &str| json!({"email": email, "roles": ["Owner"]});
    let (adas, bobs) = (owner("ada@example.com"), owner("bob@example.com"));
    assert_eq!(world.accounts.remove_roles(&ada, &adas).await, Err(AccountError::LastOwner));
    world.accounts.add_roles(&ada, &bobs).await.unwrap();
    // Both leave at once, and one of them stays.
    let bob = Principal { roles: vec![Role::Owner], ..bob };
    let left = futures_util::join!(
        world.accounts.remove_roles(&ada, &adas),
        world.accounts.remove_roles(&bob, &bobs)
    );
    assert_eq!(u8::from(left.0.is_ok()) + u8::from(left.1.is_ok()), 1, "{left:?}");
    assert!(left.0 == Err(AccountError::LastOwner) || left.1 == Err(AccountError::LastOwner));
    // An owner elsewhere is none here, and one who is gone is none either.
    world.sign_up("b", Kind::User, "eve@example.com").await.unwrap();
    assert!(world.accounts.org_exists(&org_id("b")).await.unwrap());
    assert_ne!(world.admit(&ada_token).await, Err(Refusal::TokenRevoked));
}
