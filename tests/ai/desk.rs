//! Assistants that answer customers in chat, before the official client of Socket.IO: what `tests/clients/ai_desk.mjs`
//! asks for.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::support::binary::{House, Server, run};
use crate::support::{ADA, ORG, standard_webhooks};

/// One test for each scenario, each with a server of its own.
macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            let (house, tokens) = house();
            let server = house.start();
            let ended = run(node(stringify!($name), &server, &tokens), b"");
            assert!(ended.status.success(), "{}", ended.err);
            server.stop();
        })*
    };
}

scenarios![
    a_customer_is_greeted_and_answered_as_the_words_come,
    an_assistant_uses_tools_between_its_words,
    an_assistant_hands_over_by_its_tool,
    a_widgets_rules_have_the_staff_go_on,
    whoever_takes_over_silences_the_assistant,
    the_staff_goes_on_where_the_provider_fails,
];

#[test]
fn an_answer_that_a_crash_cuts_is_asked_for_again_and_comes_once() {
    let (house, tokens) = house();
    let mut server = house.start();
    let address = server.address().to_owned();
    let mut node = node("an_answer_that_a_crash_cuts_is_asked_for_again_and_comes_once", &server, &tokens)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answers = node.stdin.take().unwrap();
    let mut crashes = 0;
    for asked in BufReader::new(node.stdout.take().unwrap()).lines() {
        assert_eq!(asked.unwrap(), "kill");
        server.kill();
        server = house.launch_with("APPENGINE__SERVER__LISTEN", &address).ready();
        writeln!(answers, "done").unwrap();
        crashes += 1;
    }
    let ended = node.wait().unwrap();
    assert!(ended.success() && crashes == 1, "{ended} after {crashes} crashes");
    server.stop();
}

/// The tokens of three of the staff, the first of them an owner.
fn house() -> (House, [String; 3]) {
    let house = House::new();
    let token = |email| house.token(&["--org", ORG, "--email", email]);
    let tokens = [ADA, "bob@example.com", "eve@example.com"].map(token);
    (house, tokens)
}

fn node(scenario: &str, server: &Server, tokens: &[String]) -> Command {
    let mut node = Command::new("node");
    node.current_dir(standard_webhooks::installed());
    node.args(["run.mjs", scenario, &server.base]).args(tokens);
    node
}
