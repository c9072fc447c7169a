//! Conversations of customers and staff (contract §5).
//!
//! | file | what it is |
//! |---|---|
//! | `id` | which conversation, in all its spellings, and who may take part |
//! | `message`, `model` | what is stored |
//! | `handling`, `decision`, `place` | who answers in it, or where it waits, and why: pure |
//! | `reception`, `assisting` | who receives a customer, and what an assistant is asked: pure |
//! | `word` | what somebody wants to say, and its rules |
//! | `transcript` | what was said, as a mail: pure |
//! | `words` | what those who hear it are told |
//! | `state`, `routes` | the lines of what is to be said and done: pure |
//! | `book`, `entry`, `receiving` | one conversation in the store, a change of it, and who receives a customer |
//! | `erasure` | how one goes for good |
//! | `messages`, `actor`, `answering` | the conversation itself, and an assistant's answers in it |
//! | `chats`, `reading` | all of them, for whoever brings clients, and for whoever only reads |

mod actor;
mod answering;
mod assisting;
mod book;
mod chats;
pub mod decision;
mod entry;
mod erasure;
pub mod handling;
mod id;
pub mod message;
pub mod messages;
mod model;
pub mod place;
mod reading;
mod receiving;
mod reception;
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
