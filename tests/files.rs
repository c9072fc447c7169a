//! Files from outside: who may upload what, what is on the disk when it is answered, who may read it, and what a crash
//! leaves behind.

#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

#[path = "files/crash.rs"]
mod crash;
#[path = "files/house.rs"]
mod house;
#[path = "files/limits.rs"]
mod limits;
#[path = "files/links.rs"]
mod links;
mod support;
#[path = "files/uploads.rs"]
mod uploads;
