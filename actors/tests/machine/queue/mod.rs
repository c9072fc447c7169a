//! Queues on a store that survives and a clock turned by hand.

mod bench;
mod crashes;
mod lives;
