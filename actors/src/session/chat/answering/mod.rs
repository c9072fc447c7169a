//! An assistant's answers in a conversation: each is a stream of its own, which the conversation reads, tells as it comes
//! (contract §5.4, `chat-stream`) and keeps as a message once it is over. The stream is written down with the question, so
//! that whoever wakes the conversation after a restart has it read on.

mod actor;
mod state;
#[cfg(test)]
mod tests;

pub(super) use state::Answering;
