//! The house rules as tests. One that fails names the file and the line that break it, and says what to do.
//! They read the files of this repository and build nothing.

#![expect(clippy::expect_used, reason = "a rule that cannot be checked is a rule that is broken")]

#[path = "tidy/contract.rs"]
mod contract;
#[path = "tidy/crates.rs"]
mod crates;
#[path = "tidy/docs.rs"]
mod docs;
#[path = "tidy/rooms.rs"]
mod rooms;
#[path = "tidy/sizes.rs"]
mod sizes;
#[path = "tidy/tree.rs"]
mod tree;
#[path = "tidy/words.rs"]
mod words;

/// Fails with every place that breaks a rule.
#[track_caller]
fn hold(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}\n  {}\n", broken.join("\n  "));
}
