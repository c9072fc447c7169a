//! Accounts as routes use them, over a store in memory and behind the real gate.

mod first_use;
mod kit;
mod programs;
mod resets;
mod roles;
mod sessions;
mod sign_up;
