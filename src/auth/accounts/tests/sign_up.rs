use serde_json::json;

use super::super::AccountError;
use super::kit::{org_id, world, world_with};
use crate::auth::principal::Kind;
use crate::auth::role::Role;

#[tokio::test]
async fn signing_up_signs_in_with_everything_that_clients_read() {
    let world = world();
    let signed_in = world.sign_up("my-org", Kind::User, " Ada@Example.com ").await.unwrap();
    let body = signed_in.to_json();
    for at in [&body, &body["data"]] {
        assert_eq!(at["token"], json!(signed_in.token));
        assert_eq!(
            (&at["refreshToken"], &at["refresh_token"]),
            (&json!(signed_in.refresh_token), &json!(signed_in.refresh_token))
        );
        assert_eq!(at["user"]["data"]["email"], "ada@example.com");
        assert_eq!((&at["user"]["pk"], &at["user"]["datatype"]), (&json!("my-org"), &json!("user")));
        assert_eq!(at["user"]["data"]["roles"], json!(["Owner"]));
    }
    let admitted = world.admit(&signed_in.token).await.unwrap();
    assert_eq!(admitted.id, signed_in.person.sk);
    assert_eq!((admitted.name.as_str(), admitted.email.as_deref()), ("Ada King", Some("ada@example.com")));
}

#[tokio::test]
async fn the_first_person_owns_the_organisation_and_others_are_the_least() {
    let world = world();
    let owner = world.sign_up("my-org", Kind::User, "ada@example.com").await.unwrap();
    let second = world.sign_up("my-org", Kind::User, "bob@example.com").await.unwrap();
    let customer = world.sign_up("my-org", Kind::Customer, "ada@example.com").await.unwrap();
    let roles = |token: String| {
        let world = &world;
        async move { world.admit(&token).await.unwrap().roles }
    };
    assert_eq!(roles(owner.token).await, [Role::Owner]);
    assert_eq!(roles(second.token).await, [Role::User]);
    assert_eq!(roles(customer.token).await, [Role::Customer]);
    let founded_by_customer = world.sign_up("b", Kind::Customer, "eve@example.com").await.unwrap();
    assert_eq!(roles(founded_by_customer.token).await, [Role::Customer]);
    let late = world.sign_up("b", Kind::User, "eve@example.com").await.unwrap();
    assert_eq!(roles(late.token).await, [Role::User], "an organisation that is there is nobody's to take");
}

#[tokio::test]
async fn a_role_in_the_body_counts_for_nothing() {
    let world = world();
    world.sign_up("my-org", Kind::User, "ada@example.com").await.unwrap();
    let body = json!({"email": "eve@example.com", "password": "correct horse", "roles": ["Owner"],
        "data": {"roles": ["Owner"]}, "datatype": "user"});
    let eve = world.accounts.sign_up(&org_id("my-org"), Kind::Customer, &body).await.unwrap();
    let admitted = world.admit(&eve.token).await.unwrap();
    assert_eq!((admitted.kind, admitted.roles.as_slice()), (Kind::Customer, [Role::Customer].as_slice()));
}

#[tokio::test]
async fn an_address_is_somebodys_once_in_each_organisation_and_kind() {
    let world = world();
    world.sign_up("a", Kind::User, "ada@example.com").await.unwrap();
    assert_eq!(
        world.sign_up("a", Kind::User, "ADA@example.com").await.unwrap_err(),
        AccountError::EmailTaken
    );
    assert!(world.sign_up("a", Kind::Customer, "ada@example.com").await.is_ok());
    assert!(world.sign_up("b", Kind::User, "ada@example.com").await.is_ok());
    assert_eq!((AccountError::EmailTaken.status(), AccountError::EmailTaken.code()), (409, "email_taken"));
}

#[tokio::test]
async fn of_many_sign_ups_at_once_with_one_address_one_succeeds() {
    let world = world();
    let all = (0..6).map(|_| world.sign_up("my-org", Kind::User, "ada@example.com"));
    let answers = futures_util::future::join_all(all).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (1, 5));
    assert!(refused.iter().all(|answer| matches!(answer, Err(AccountError::EmailTaken))));
    assert!(world.sign_in("my-org", Kind::User, "ada@example.com", "correct horse").await.is_ok());
}

#[tokio::test]
async fn of_many_who_found_one_organisation_at_once_one_owns_it() {
    let world = world();
    let all = ["a@x", "b@x", "c@x", "d@x"].map(|email| world.sign_up("new", Kind::User, email));
    let answers = futures_util::future::join_all(all).await;
    let mut owners = 0;
    for answer in answers {
        let admitted = world.admit(&answer.unwrap().token).await.unwrap();
        owners += usize::from(admitted.roles == [Role::Owner]);
    }
    assert_eq!(owners, 1);
}

#[tokio::test]
async fn where_sign_ups_are_closed_staff_are_added_and_customers_find_what_is_there() {
    let world = world_with(false);
    assert_eq!(world.sign_up("a", Kind::User, "a@x").await.unwrap_err(), AccountError::SignUpClosed);
    assert_eq!(world.sign_up("a", Kind::Customer, "a@x").await.unwrap_err(), AccountError::UnknownOrg);
    let guest = json!({"email": "a@x"});
    let refused = world.accounts.register_guest(&org_id("a"), &guest).await.unwrap_err();
    assert_eq!(refused, AccountError::UnknownOrg);
    world.accounts.add_user(&org_id("a"), "b@x", &[Role::Owner], None).await.unwrap();
    assert!(world.sign_up("a", Kind::Customer, "a@x").await.is_ok());
    assert!(world.accounts.register_guest(&org_id("a"), &guest).await.is_ok());
}

#[tokio::test]
async fn a_guest_is_taken_at_their_word_and_opens_nobodys_account() {
    let world = world();
    let customer = world.sign_up("my-org", Kind::Customer, "ada@example.com").await.unwrap();
    let body = json!({"email": "Ada@example.com", "name": "Not Ada", "phone": "+1"});
    let guests = [
        world.accounts.register_guest(&org_id("my-org"), &body).await.unwrap(),
        world.accounts.register_guest(&org_id("my-org"), &body).await.unwrap(),
    ];
    for guest in &guests {
        let answer = guest.to_json();
        assert_eq!(answer["guest"]["data"]["phone"], "+1");
        assert!(answer.get("user").is_none() && answer.get("refresh_token").is_none());
        let admitted = world.admit(&guest.token).await.unwrap();
        assert_eq!((admitted.kind, admitted.roles.as_slice()), (Kind::Guest, [Role::Guest].as_slice()));
        assert_ne!(admitted.id, customer.person.sk);
    }
    assert_ne!(guests[0].person.sk, guests[1].person.sk);
}

#[tokio::test]
async fn no_password_and_no_token_is_kept_readable() {
    let world = world();
    let signed_in = world.sign_up("my-org", Kind::User, "ada@example.com").await.unwrap();
    let everything = world.everything().await;
    assert!(everything.contains("ada@example.com") && everything.contains("$argon2id$"));
    assert!(!everything.contains("correct horse") && !everything.contains(&signed_in.token));
    let records: Vec<&str> = everything.lines().filter(|line| line.contains("\"datatype\"")).collect();
    assert!(!records.is_empty() && records.iter().all(|record| !record.contains("argon2")));
}

#[tokio::test]
async fn the_first_start_makes_an_owner_once() {
    let world = world_with(false);
    let first = world.accounts.first_start(&org_id("my-org"), "owner@localhost", super::kit::HOUR).await;
    let owner = first.unwrap().unwrap();
    let again = world.accounts.first_start(&org_id("my-org"), "owner@localhost", super::kit::HOUR).await;
    assert!(again.unwrap().is_none());
    let signed_in = world.sign_in("my-org", Kind::User, &owner.email, &owner.password).await.unwrap();
    assert_eq!(world.admit(&signed_in.token).await.unwrap().roles, [Role::Owner]);
}

#[tokio::test]
async fn people_who_own_nothing_do_not_take_the_first_start_away() {
    let world = world_with(false);
    let (org, other) = (org_id("my-org"), org_id("acme"));
    for (org, email) in [(&org, "ada@example.com"), (&other, "bob@example.com")] {
        world.accounts.add_user(org, email, &[Role::User], None).await.unwrap();
    }
    // One who was added under the owner's address stays what they are, and nothing fails.
    let taken = world.accounts.first_start(&org, "ada@example.com", super::kit::HOUR).await;
    assert!(taken.unwrap().is_none());
    let first = world.accounts.first_start(&org, "owner@localhost", super::kit::HOUR).await;
    assert_eq!(first.unwrap().unwrap().email, "owner@localhost");
    let again = world.accounts.first_start(&org_id("third"), "c@example.com", super::kit::HOUR).await;
    assert!(again.unwrap().is_none(), "one owner anywhere is enough");
}

#[tokio::test]
async fn the_printed_link_signs_in_once() {
    let world = world();
    let first = world.accounts.first_start(&org_id("my-org"), "owner@localhost", super::kit::HOUR).await;
    let body = json!({"token": first.unwrap().unwrap().link_token});
    assert!(world.admit(body["token"].as_str().unwrap()).await.is_err(), "a link's token is no access token");
    let (one, other) = (world.accounts.sign_in_by_link(&body), world.accounts.sign_in_by_link(&body));
    let (one, other) = futures_util::future::join(one, other).await;
    assert_eq!([&one, &other].iter().filter(|answer| answer.is_ok()).count(), 1);
    let signed_in = one.or(other).unwrap();
    assert!(world.admit(&signed_in.token).await.is_ok());
    let swapped = json!({"token": signed_in.token});
    assert_eq!(world.accounts.sign_in_by_link(&swapped).await.unwrap_err().code(), "invalid_token");
}

#[tokio::test]
async fn people_are_added_with_a_password_given_or_made_up() {
    let world = world();
    let org = org_id("my-org");
    let made = world.accounts.add_user(&org, "Ada@example.com", &[Role::PowerUser], None).await.unwrap();
    let password = made.made_password.unwrap();
    assert!(world.sign_in("my-org", Kind::User, "ada@example.com", &password).await.is_ok());
    let given = world
        .accounts
        .add_user(&org, "bob@example.com", &[Role::User], Some("battery staple"))
        .await
        .unwrap();
    assert_eq!(given.made_password, None);
    assert!(world.sign_in("my-org", Kind::User, "bob@example.com", "battery staple").await.is_ok());
    let refused = [
        world.accounts.add_user(&org, "ada@example.com", &[], None).await.err().unwrap().code(),
        world.accounts.add_user(&org, "nobody", &[], None).await.err().unwrap().code(),
        world.accounts.add_user(&org, "c@x", &[], Some("short")).await.err().unwrap().code(),
    ];
    assert_eq!(refused, ["email_taken", "invalid_input", "invalid_input"]);
}
