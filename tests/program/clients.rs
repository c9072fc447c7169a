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
fn a_queue_hands_out_by_its_rules() {
    run_scenario("a_queue_hands_out_by_its_rules");
}

#[test]
fn everybody_sees_who_is_here_as_far_as_they_may() {
    run_scenario("everybody_sees_who_is_here_as_far_as_they_may");
}

#[test]
fn the_staff_watches_greets_and_calls() {
    run_scenario("the_staff_watches_greets_and_calls");
}

#[test]
fn a_customer_and_an_agent_talk_in_python() {
    with_server(|server, tokens| {
        let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
        let program = clients.join(".venv/bin/python");
        assert!(program.exists(), "the Python client is not installed: run `./test clients` once");
        let mut python = Command::new(program);
        python.current_dir(&clients).args(["chat.py", &server.base, &tokens[0]]);
        python
    });
}

pub fn run_scenario(name: &str) {
    with_server(|server, tokens| {
        let mut node = Command::new("node");
        node.current_dir(standard_webhooks::installed());
        node.args(["run.mjs", name, &server.base]).args(tokens);
        node
    });
}

/// Starts the program, runs a client with the tokens of three of the staff to a good end, and stops it.
fn with_server(client: impl FnOnce(&Server, &[String]) -> Command) {
    let house = House::new();
    let tokens = [ADA, "bob@example.com", "eve@example.com"]
        .map(|email| house.token(&["--org", ORG, "--email", email]));
    let server = house.start();
    let ended = run(client(&server, &tokens), b"");
    assert!(ended.status.success(), "{}", ended.err);
    server.stop();
}
