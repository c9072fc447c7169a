//! Official clients before the program as it is: `tests/one_port.rs` has them before the gateway alone.

use std::process::Command;

use crate::support::binary::{House, Server, run};
use crate::support::{ADA, ORG, standard_webhooks};

#[test]
fn socket_io_the_live_feed_and_rest_share_the_port() {
    run_scenario("the_whole_program");
}

#[test]
fn an_event_source_follows_the_live_feed() {
    run_scenario("an_event_source");
}

#[test]
fn a_customer_and_an_agent_talk() {
    run_scenario("a_customer_and_an_agent_talk");
}

#[test]
fn whoever_was_away_hears_what_they_missed() {
    run_scenario("whoever_was_away_hears_what_they_missed");
}

#[test]
fn a_burst_is_heard_in_order_by_everybody() {
    run_scenario("a_burst_is_heard_in_order_by_everybody");
}

#[test]
fn nobody_hears_what_is_not_theirs() {
    run_scenario("nobody_hears_what_is_not_theirs");
}

#[test]
fn a_group_of_fifty_hears_all_in_one_order() {
    // Fifty people come from one address.
    let house = House::new();
    let token = house.token(&["--org", ORG, "--email", ADA]);
    let server = house.launch_with("APPENGINE__LIMITS__SIGN_INS_PER_MINUTE", "1000").ready();
    run_on("a_group_of_fifty_hears_all_in_one_order", &token, server);
}

#[test]
fn a_group_goes_on_where_it_was_when_the_server_is_killed() {
    let house = House::new();
    let token = house.token(&["--org", ORG, "--email", ADA]);
    let server = house.start();
    play("a_group_before_the_server_is_killed", &token, &server);
    server.kill();
    run_on("the_group_after_the_server_was_killed", &token, house.start());
}

#[test]
fn two_people_speak_until_one_blocks_the_other() {
    run_scenario("two_people_speak_until_one_blocks_the_other");
}

#[test]
fn what_becomes_of_a_message_is_heard_live_and_later() {
    run_scenario("what_becomes_of_a_message_is_heard_live_and_later");
}

#[test]
fn every_wrong_event_is_answered_on_the_community() {
    run_scenario("every_wrong_event_is_answered_on_the_community");
}

fn run_scenario(name: &str) {
    let house = House::new();
    let token = house.token(&["--org", ORG, "--email", ADA]);
    run_on(name, &token, house.start());
}

fn run_on(name: &str, token: &str, server: Server) {
    play(name, token, &server);
    server.stop();
}

fn play(name: &str, token: &str, server: &Server) {
    let mut node = Command::new("node");
    node.current_dir(standard_webhooks::installed());
    node.args(["run.mjs", name, &server.base, token]);
    let ended = run(node, b"");
    assert!(ended.status.success(), "{}", ended.err);
}
