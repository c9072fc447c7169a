//! One listener for everything, from outside: the official Socket.IO client, a plain WebSocket client, REST, and raw
//! connections for what a well-behaved client never does. The JavaScript is in `tests/clients` (`npm ci` there first).

#![expect(clippy::expect_used, reason = "a helper that fails says why, and the test with it")]

#[path = "one_port/engine.rs"]
mod engine;
#[path = "one_port/house.rs"]
mod house;
#[path = "one_port/limits.rs"]
mod limits;
#[path = "one_port/packets.rs"]
mod packets;
#[path = "one_port/polling.rs"]
mod polling;
#[path = "one_port/raw.rs"]
mod raw;
#[path = "one_port/script.rs"]
mod script;
#[path = "one_port/upgrade.rs"]
mod upgrade;
#[path = "one_port/wire.rs"]
mod wire;

use house::House;

/// One test for each scenario of the JavaScript clients, each with a server of its own.
macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            House::open().run_client(stringify!($name));
        })*
    };
}

scenarios![
    websocket_only,
    polling_only,
    polling_then_upgrade,
    burst_over_websocket,
    burst_over_polling,
    burst_while_upgrading,
    binary_over_websocket,
    binary_over_polling,
    namespaces_share_a_connection,
    orgs_do_not_hear_each_other,
    customers_learn_their_session,
    headers_carry_token_and_org,
    refused_clients_are_told_and_let_go,
    unknown_namespaces_are_refused,
    unknown_and_malformed_events_are_answered,
    token_ends_on_a_live_socket,
    raw_websocket,
    everything_at_once,
];

#[test]
fn shutdown_lets_everyone_go() {
    let house = House::open();
    house.run_client("shutdown_lets_everyone_go");
    assert_eq!(house.wait_for_shutdown(), 0, "no connection had to be cut");
}
