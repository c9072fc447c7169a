//! Conversations of customers and staff (contract §5).
//!
//! | file | what it is |
//! |---|---|
//! | `id` | which conversation, in all its spellings, and who may take part |
//! | `message`, `model` | what is stored |
//! | `words` | what those who hear it are told |
//! | `state` | the line of what is to be said: pure |
//! | `book` | one conversation in the store |
//! | `messages`, `actor` | the conversation itself |
//! | `chats` | all of them, for whoever brings clients |

mod actor;
mod book;
mod chats;
mod id;
pub mod message;
pub mod messages;
mod model;
mod state;
mod words;

pub use actor::ChatActor;
pub use book::ChatBook;
pub use chats::{Chats, ChatsError, MOST_HISTORY, Word};
pub use id::{Between, ChatId, ChatIdError};
pub use model::{Chat, ChatStatus};
pub use state::MOST_WAITING;
