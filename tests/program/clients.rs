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
fn a_customer_and_an_agent_talk_in_python() {
    with_server(|server, token| {
        let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
        let program = clients.join(".venv/bin/python");
        assert!(program.exists(), "the Python client is not installed: run `./test clients` once");
        let mut python = Command::new(program);
        python.current_dir(&clients).args(["chat.py", &server.base, token]);
        python
    });
}

pub fn run_scenario(name: &str) {
    with_server(|server, token| {
        let mut node = Command::new("node");
        node.current_dir(standard_webhooks::installed());
        node.args(["run.mjs", name, &server.base, token]);
        node
    });
}

/// Starts the program, runs a client with the token of an owner to a good end, and stops it.
fn with_server(client: impl FnOnce(&Server, &str) -> Command) {
    let house = House::new();
    let token = house.token(&["--org", ORG, "--email", ADA]);
    let server = house.start();
    let ended = run(client(&server, &token), b"");
    assert!(ended.status.success(), "{}", ended.err);
    server.stop();
}
