//! Conversations: who hears what, in which order, and what they hear when they come back.

pub mod ear;
mod erasure;
mod mail;
mod recovery;
mod talk;
