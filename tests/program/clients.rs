//! Official clients before the program as it is: `tests/one_port.rs` has them before the gateway alone.

use std::path::Path;
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
fn whoever_says_many_things_at_once_says_them_in_that_order() {
    run_scenario("whoever_says_many_things_at_once_says_them_in_that_order");
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
fn a_chat_goes_through_queue_pick_transfer_and_close() {
    run_scenario("a_chat_goes_through_queue_pick_transfer_and_close");
}

#[test]
fn whoever_is_cut_off_at_any_step_finds_what_became_of_it() {
    // Whoever polls and comes again and again asks often, and all of them have one address.
    let house = House::new();
    let tokens = staff(&house);
    let server = house.launch_with("APPENGINE__LIMITS__REQUESTS_PER_MINUTE", "100000").ready();
    let name = "whoever_is_cut_off_at_any_step_finds_what_became_of_it";
    run_on(server, |server| node(name, server, &tokens));
}

#[test]
fn a_queue_hands_out_by_its_rules() {
    run_scenario("a_queue_hands_out_by_its_rules");
}

#[test]
fn everybody_sees_who_is_here_as_far_as_they_may() {
    run_scenario("everybody_sees_who_is_here_as_far_as_they_may");
}

#[test]
fn a_chat_is_erased_and_begins_anew() {
    run_scenario("a_chat_is_erased_and_begins_anew");
}

#[test]
fn a_widget_shows_whom_it_lists() {
    run_scenario("a_widget_shows_whom_it_lists");
}

#[test]
fn the_staff_watches_greets_and_calls() {
    run_scenario("the_staff_watches_greets_and_calls");
}

#[test]
fn a_group_of_fifty_hears_all_in_one_order() {
    // Fifty people come from one address.
    let house = House::new();
    let tokens = staff(&house);
    let server = house.launch_with("APPENGINE__LIMITS__SIGN_INS_PER_MINUTE", "1000").ready();
    run_on(server, |server| node("a_group_of_fifty_hears_all_in_one_order", server, &tokens));
}

#[test]
fn a_group_goes_on_where_it_was_when_the_server_is_killed() {
    let house = House::new();
    let tokens = staff(&house);
    let server = house.start();
    play(&server, |server| node("a_group_before_the_server_is_killed", server, &tokens));
    server.kill();
    run_on(house.start(), |server| node("the_group_after_the_server_was_killed", server, &tokens));
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

#[test]
fn calls_that_vendors_libraries_sign_are_taken() {
    run_scenario("calls_that_vendors_libraries_sign_are_taken");
}

#[test]
fn calls_that_libraries_in_python_sign_are_taken() {
    run_python("vendors.py");
}

#[test]
fn a_customer_and_an_agent_talk_in_python() {
    run_python("chat.py");
}

#[test]
fn readers_of_others_read_answers_of_language_models() {
    let house = House::new();
    let tokens = staff(&house);
    run_on(house.start(), |server| {
        let mut node = Command::new("node");
        node.current_dir(standard_webhooks::installed()).args(["ai.mjs", &server.base, &tokens[0]]);
        node
    });
}

fn run_python(name: &str) {
    let house = House::new();
    let tokens = staff(&house);
    run_on(house.start(), |server| {
        let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
        let program = clients.join(".venv/bin/python");
        assert!(program.exists(), "the Python client is not installed: run `./test clients` once");
        let mut python = Command::new(program);
        python.current_dir(&clients).args([name, &server.base, &tokens[0]]);
        python
    });
}

pub fn run_scenario(name: &str) {
    let house = House::new();
    let tokens = staff(&house);
    run_on(house.start(), |server| node(name, server, &tokens));
}

/// The tokens of three of the staff, the first of them an owner.
fn staff(house: &House) -> [String; 3] {
    [ADA, "bob@example.com", "eve@example.com"].map(|email| house.token(&["--org", ORG, "--email", email]))
}

fn node(scenario: &str, server: &Server, tokens: &[String]) -> Command {
    let mut node = Command::new("node");
    node.current_dir(standard_webhooks::installed());
    node.args(["run.mjs", scenario, &server.base]).args(tokens);
    node
}

/// Runs a client to a good end, and stops the server.
fn run_on(server: Server, client: impl FnOnce(&Server) -> Command) {
    play(&server, client);
    server.stop();
}

fn play(server: &Server, client: impl FnOnce(&Server) -> Command) {
    let ended = run(client(server), b"");
    assert!(ended.status.success(), "{}", ended.err);
}
