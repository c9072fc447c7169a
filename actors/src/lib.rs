//! x
pub mod duration;
pub mod retry;
pub mod webhook;
