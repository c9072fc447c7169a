//! Queues on a store that survives and a clock turned by hand.

mod alterations;
mod bench;
mod crashes;
mod lives;
