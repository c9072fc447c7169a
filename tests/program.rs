//! The program at its edges, as an operator meets it: starting, stopping, identities, configuration,
//! export and import. Every test starts the real binary on a data folder of its own.

#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

mod support;

#[path = "program/clients.rs"]
mod clients;
#[path = "program/configuration.rs"]
mod configuration;
#[path = "program/demo.rs"]
mod demo;
#[path = "program/first_start.rs"]
mod first_start;
#[path = "program/identities.rs"]
mod identities;
#[path = "program/receivers.rs"]
mod receivers;
#[path = "program/recovery.rs"]
mod recovery;
#[path = "program/signals.rs"]
mod signals;
#[path = "program/transfer.rs"]
mod transfer;
#[path = "program/verify.rs"]
mod verify;

use support::output::Ended;

/// Fails unless a command refused: not with success, in words on standard error, with nothing printed
/// that could be taken for a result.
fn assert_refused(ended: &Ended, words: &[&str]) {
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(
        ended.err.starts_with("error: failed to ") || ended.err.contains("\nerror: failed to "),
        "{}",
        ended.err
    );
    assert_eq!(ended.out, "");
    for words in words {
        assert!(ended.err.contains(words), "`{words}` is not in {}", ended.err);
    }
}
