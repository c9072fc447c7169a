//! Conversations of customers and staff (contract §5).
//!
//! | file | what it is |
//! |---|---|
//! | `id` | which conversation, in all its spellings, and who may take part |
//! | `message`, `model` | what is stored |
//! | `handling`, `place` | who answers in it, or where it waits: pure |
//! | `word` | what somebody wants to say, and its rules |
//! | `transcript` | what was said, as a mail: pure |
//! | `words` | what those who hear it are told |
//! | `state`, `routes` | the lines of what is to be said and done: pure |
//! | `book`, `entry` | one conversation in the store, and a change of it |
//! | `erasure` | how one goes for good |
//! | `messages`, `actor` | the conversation itself |
//! | `chats`, `reading` | all of them, for whoever brings clients, and for whoever only reads |

mod actor;
mod book;
mod chats;
mod entry;
mod erasure;
pub mod handling;
mod id;
pub mod message;
pub mod messages;
mod model;
pub mod place;
mod reading;
mod routes;
mod state;
mod transcript;
mod word;
pub(super) mod words;

pub use actor::ChatActor;
pub use book::{ChatBook, actor_name};
pub use chats::{Chats, ChatsError, Recipient};
pub use erasure::Erasure;
pub use id::{Between, ChatId, ChatIdError};
pub use model::{Chat, ChatStatus};
pub use reading::MOST_HISTORY;
pub use state::MOST_WAITING;
pub use word::Word;
