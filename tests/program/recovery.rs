//! Connections that break and a server that ends while people talk: what `tests/clients/recovery.mjs` asks for.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::clients::run_scenario;
use crate::support::binary::House;
use crate::support::{ADA, ORG, standard_webhooks};

/// One test for each scenario, each with a server of its own.
macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            run_scenario(stringify!($name));
        })*
    };
}

scenarios![
    nothing_was_heard_before_the_drop,
    the_old_connection_dies_late,
    typing_moves_no_mark,
    nothing_is_repeated_again,
    a_word_whose_answer_was_lost_is_said_once,
    an_agent_comes_back_to_what_a_colleague_said,
];

#[test]
fn the_server_is_restarted_while_they_talk() {
    let house = House::new();
    let token = house.token(&["--org", ORG, "--email", ADA]);
    let mut server = house.start();
    let (base, address) = (server.base.clone(), server.address().to_owned());
    let mut node = Command::new("node")
        .current_dir(standard_webhooks::installed())
        .args(["run.mjs", "the_server_is_restarted_while_they_talk", &base, &token])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answers = node.stdin.take().unwrap();
    let mut restarts = 0;
    for asked in BufReader::new(node.stdout.take().unwrap()).lines() {
        match asked.unwrap().as_str() {
            "terminate" => server.stop(),
            "kill" => server.kill(),
            other => panic!("it is asked for {other}"),
        }
        server = house.launch_with("APPENGINE__SERVER__LISTEN", &address).ready();
        writeln!(answers, "done").unwrap();
        restarts += 1;
    }
    let ended = node.wait().unwrap();
    assert!(ended.success() && restarts == 5, "{ended} after {restarts} restarts");
    server.stop();
}
