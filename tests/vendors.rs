//! Verifiers and translators of every vendor under calls that their vendors never sent. The open end of this is the crate
//! `fuzz`, which feeds the same functions for as long as one likes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test reports by panicking")]

#[path = "vendors/authorization_server.rs"]
mod authorization_server;
#[path = "vendors/confirmed.rs"]
mod confirmed;
#[path = "vendors/declared.rs"]
mod declared;
#[path = "vendors/handshakes.rs"]
mod handshakes;
#[path = "vendors/house.rs"]
mod house;
#[path = "vendors/interfaces.rs"]
mod interfaces;
#[path = "vendors/mutated.rs"]
mod mutated;
#[path = "vendors/networks.rs"]
mod networks;
#[path = "vendors/oauth.rs"]
mod oauth;
#[path = "vendors/paid.rs"]
mod paid;
#[path = "vendors/received.rs"]
mod received;
#[path = "vendors/refused.rs"]
mod refused;
#[path = "vendors/register.rs"]
mod register;
mod support;
#[path = "vendors/synced.rs"]
mod synced;
#[path = "vendors/tokens.rs"]
mod tokens;
#[path = "vendors/world.rs"]
mod world;

use std::collections::BTreeSet;

use appengine::vendors::{ALL, Vendor};
use mutated::Corpus;
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Calls that are tried; each is a captured one with something changed.
const ROUNDS: u32 = 20_000;

#[test]
fn every_vendor_has_captured_calls() {
    let captured: BTreeSet<&str> = Corpus::read().vendors().collect();
    let without: Vec<&str> =
        ALL.into_iter().map(Vendor::name).filter(|name| !captured.contains(name)).collect();
    assert!(without.is_empty(), "tests/vectors/vendors.json has no right call of {without:?}");
}

/// The generator begins at the same place every time: what fails once fails again.
#[test]
fn no_call_makes_a_vendor_panic_and_no_changed_body_is_taken() {
    let corpus = Corpus::read();
    let config = Config { cases: ROUNDS, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let tried = runner.run(&vec(any::<u8>(), 0..160), |input| {
        corpus.try_one(&input);
        Ok(())
    });
    tried.unwrap();
}

#[test]
fn no_byte_of_a_signed_body_can_be_changed_added_or_left_out() {
    let tried = Corpus::read().try_every_byte();
    println!("{tried} changed bodies were refused, or changed nothing that is signed");
}
