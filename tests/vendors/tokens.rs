//! Tokens that are good now: renewed in time, by one at a time, and none lost, whoever writes or goes away meanwhile.

use appengine::connect::oauth::TokenError;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::authorization_server::Mood;
use crate::world::{World, grants, org, wait};

#[test]
fn tokens_are_renewed_in_time_once_and_none_is_lost() {
    let (mut world, own) = (World::new(), org());
    let id = world.connect("x");
    let first = world.fresh(id).unwrap();
    world.vendor.asked();
    world.pass(3_299);
    assert_eq!(world.fresh(id).unwrap(), first);
    assert!(world.vendor.asked().is_empty(), "five minutes and a second are left");
    let old = wait(world.server.machine.inbound.integrations.credentials(&org(), id)).unwrap();
    world.pass(2);
    let all = wait(join_all((0..16).map(|_| world.tokens.fresh_token(&own, id))));
    let second = all[0].clone().unwrap();
    assert_ne!(second, first);
    assert!(all.iter().all(|token| token.as_ref() == Ok(&second)));
    assert_eq!(grants(&world.vendor.asked()), ["refresh_token"], "one asks, the others wait");
    // Whoever saves what they read before puts no older token back.
    let integration = wait(world.server.machine.inbound.integrations.get(&org(), id)).unwrap();
    wait(world.server.machine.inbound.integrations.save(&integration, &old)).unwrap();
    assert_eq!(world.fresh(id).unwrap(), second);
    let saved = world
        .post("/upstream/save-integration", &json!({"type": "x", "credentials": {"consumerSecret": "c"}}));
    saved.expect(200);
    for _ in 0..3 {
        world.pass(3_400);
        world.fresh(id).unwrap();
    }
    // Whoever waits and goes away takes no token along.
    world.pass(3_400);
    wait(async {
        let mut waiting = Box::pin(world.tokens.fresh_token(&own, id));
        let started = async {
            while world.vendor.asked().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! { biased; _ = &mut waiting => panic!("too early"), () = started => {} }
        drop(waiting);
        world.tokens.fresh_token(&org(), id).await.unwrap();
    });
    world.pass(3_400);
    world.fresh(id).unwrap();
    assert_eq!(world.events("connection.revoked"), 0);
    world.assert_sealed();
}

#[test]
fn a_token_is_used_for_as_long_as_it_lives_while_its_vendor_is_down() {
    let mut world = World::new();
    let id = world.connect("x");
    let first = world.fresh(id).unwrap();
    world.vendor.set(Mood::Down);
    world.pass(3_400);
    assert_eq!(world.fresh(id).unwrap(), first);
    world.pass(300);
    let error = world.fresh(id).unwrap_err().to_string();
    assert!(error.contains("renew the tokens of x") && error.contains("status_503"), "{error}");
    assert_eq!(world.config("x", id)["active"], true);
    world.vendor.set(Mood::Well);
    assert_ne!(world.fresh(id).unwrap(), first);
}

#[test]
fn what_is_revoked_at_the_vendor_is_inactive_here() {
    let (mut world, own) = (World::new(), org());
    let id = world.connect("x");
    world.vendor.set(Mood::Revoked);
    world.pass(3_400);
    let all = wait(join_all((0..4).map(|_| world.tokens.fresh_token(&own, id))));
    assert!(all.contains(&Err(TokenError::Revoked(id))) && all.iter().all(Result::is_err), "{all:?}");
    let config = world.config("x", id);
    assert_eq!(config["active"], false);
    assert!(!config["credentials"].to_string().contains("token"), "{config}");
    assert_eq!(world.events("connection.revoked"), 1);
    world.vendor.set(Mood::Well);
    let back = world.back("x");
    world.visit(&back);
    assert!(world.fresh(id).is_ok(), "it can be connected again");
}

#[test]
fn a_vendor_that_cannot_be_told_is_disconnected_nevertheless() {
    let world = World::new();
    let id = world.connect("x");
    world.vendor.asked();
    world.vendor.set(Mood::Down);
    let ended = world.call("POST", &format!("/upstream/disconnect/{id}")).expect(200);
    assert_eq!((&ended["revoked"], &ended["active"]), (&json!(false), &json!(false)));
    let asked = world.vendor.asked();
    assert_eq!((&*asked[0].method, &*asked[0].url), ("POST", "https://api.x.com/2/oauth2/revoke"));
    assert_eq!(asked[0].fields["token_type_hint"], "refresh_token");
    let again = world.call("POST", &format!("/upstream/disconnect/{id}")).expect(200);
    assert_eq!(again["revoked"], Value::Null);
}
