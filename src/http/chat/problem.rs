//! What callers are told where a chat did not do something.

use appengine_actors::session::chat::ChatsError;
use appengine_actors::session::chat::messages::ChatError;

use super::{others, silent};
use crate::problem::{Detail, Problem};

impl From<ChatsError> for Problem {
    fn from(error: ChatsError) -> Self {
        let words = error.to_string();
        match error {
            ChatsError::NotYours(_) => others(&words),
            ChatsError::Unfit(why) => {
                let detail = Detail { path: String::new(), message: why };
                Self::invalid("the message cannot be said", vec![detail])
            }
            ChatsError::Chat(ChatError::NoMessage) => Self::not_found("there is no such message in the chat"),
            ChatsError::Chat(error) => error.into(),
            ChatsError::Store(error) => error.into(),
            ChatsError::Unreachable(error) => silent(error),
        }
    }
}

impl From<ChatError> for Problem {
    fn from(error: ChatError) -> Self {
        let words = format!("failed to {error}");
        match error {
            ChatError::Busy(_) => Self::unavailable(words),
            ChatError::Outrun(_) => Self::conflict("outrun", words),
            ChatError::NoMessage => Self::not_found("there is no such message in the chat"),
            ChatError::Change(error) => error.into(),
            ChatError::Store(error) => error.into(),
        }
    }
}
