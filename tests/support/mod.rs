//! What the tests of the real binary share: the program as a process, a client, a receiver of webhooks.
//! Everything waits for a condition, never for a while, and gives up after [`PATIENCE`].

#![allow(dead_code, reason = "each test crate uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test reports by panicking")]
#![allow(clippy::print_stderr, reason = "what a server printed explains why its test failed")]

pub mod binary;
pub mod client;
pub mod exchange;
pub mod in_process;
pub mod output;
pub mod receiver;
pub mod smtp;
pub mod standard_webhooks;

use std::time::Duration;

/// How long a condition may take to come true: for a debug build on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// The organisation of the seed.
pub const ORG: &str = "my-org";
/// Somebody who owns it.
pub const ADA: &str = "ada@example.com";
