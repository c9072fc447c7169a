//! Feeds every vendor calls that no vendor sent, for as long as one likes: `cargo +nightly fuzz run vendors`.

#![no_main]

#[path = "../../tests/vendors/mutated.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod mutated;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static CORPUS: LazyLock<mutated::Corpus> = LazyLock::new(mutated::Corpus::read);

fuzz_target!(|input: &[u8]| CORPUS.try_one(input));
