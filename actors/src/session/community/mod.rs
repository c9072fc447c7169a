//! Conversations of a community: groups, and what two people have (contract §6).
//!
//! All that happens in one has a number, what is said as well as who comes and goes, so that whoever was away hears
//! the same as the others, in the same order.
//!
//! | file | what it is |
//! |---|---|
//! | `who`, `people` | who takes part, and how others call them |
//! | `id` | which conversation |
//! | `message`, `group`, `entry`, `conversation` | what is stored |
//! | `words` | what those who hear it are told |
//! | `wish`, `rules` | what somebody may want, how much of it, and why it is refused |
//! | `plan` | what comes of wishes: pure |
//! | `book`, `write` | one conversation in the store |
//! | `notice` | the records that tell people of what is said to them directly |
//! | `messages`, `actor` | the conversation itself |
//! | `blocks` | whom somebody does not want to hear |
//! | `talks`, `reading` | all of them, for whoever brings clients |

mod actor;
mod blocks;
mod book;
pub mod conversation;
pub mod entry;
pub mod group;
mod id;
pub mod message;
pub mod messages;
pub mod notice;
mod plan;
mod reading;
pub mod rules;
mod talks;
pub mod who;
pub mod wish;
mod words;
mod write;

pub use actor::TalkActor;
pub use book::Book;
pub use id::{Between, ConversationId};
pub use reading::{History, Part, Which};
pub use talks::{Asker, Talks, TalksError};
