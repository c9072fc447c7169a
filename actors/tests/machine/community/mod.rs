//! Communities: who hears what, in which order, what they hear when they come back, and who may do what.

mod direct;
mod groups;
mod house;
mod notices;
mod recovery;
mod trimmed;
