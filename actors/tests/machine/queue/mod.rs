//! Queues on a store that survives and a clock turned by hand.

mod alterations;
mod bench;
mod bonds;
mod crashes;
mod handlers;
mod keys;
mod lives;
mod pages;
pub mod shop;
mod work;
