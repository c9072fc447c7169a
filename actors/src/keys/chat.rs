//! Keys of conversations and of what is said in them.

use sha2::{Digest, Sha256};

use super::Builder;
use super::system::text_of;
use crate::ids::{MessageId, OrgId};
use crate::store::Key;

/// A conversation.
#[must_use]
pub fn chat(org: &OrgId, chat: &str) -> Key {
    Builder(chats(org)).text(chat).0
}

/// All conversations of an organisation, by their ids.
#[must_use]
pub fn chats(org: &OrgId) -> Key {
    Builder::of(org, b'a').0
}

/// What was said in all conversations of an organisation.
#[must_use]
pub fn all_messages(org: &OrgId) -> Key {
    Builder::of(org, b'z').0
}

/// What was said in a conversation, in its order.
#[must_use]
pub fn messages(org: &OrgId, chat: &str) -> Key {
    Builder::of(org, b'z').text(chat).0
}

/// The message with a number.
#[must_use]
pub fn message(org: &OrgId, chat: &str, seq: u64) -> Key {
    Builder(messages(org, chat)).number(seq).0
}

/// Where a message is, by its id.
#[must_use]
pub fn message_place(org: &OrgId, id: MessageId) -> Key {
    Builder::of(org, b'q').bytes(b"i").bytes(&id.to_bytes()).0
}

/// The message that has what its sender calls it.
#[must_use]
pub fn message_called(org: &OrgId, chat: &str, from: &str, client_id: &str) -> Key {
    Builder::of(org, b'q').bytes(b"c").text(chat).text(from).text(client_id).0
}

/// What was decided about a conversation, in its order.
#[must_use]
pub fn decisions(org: &OrgId, chat: &str) -> Key {
    Builder::of(org, b'q').bytes(b"d").text(chat).0
}

/// The decision with a number.
#[must_use]
pub fn decision(org: &OrgId, chat: &str, turn: u64) -> Key {
    Builder(decisions(org, chat)).number(turn).0
}

/// The conversations that wait or are answered.
#[must_use]
pub fn standings(org: &OrgId) -> Key {
    Builder::of(org, b'q').bytes(b"w").0
}

/// One of them.
#[must_use]
pub fn standing(org: &OrgId, chat: &str) -> Key {
    Builder(standings(org)).text(chat).0
}

/// What is left of a conversation that was erased. By a digest, since its id may have somebody's address in it.
#[must_use]
pub fn erased_chat(org: &OrgId, chat: &str) -> Key {
    Builder::of(org, b'q').bytes(b"e").bytes(&Sha256::digest(chat)).0
}

/// What the desk knows of the staff.
#[must_use]
pub fn desk_agents(org: &OrgId) -> Key {
    Builder::of(org, b'q').bytes(b"s").0
}

/// One of them, by their address.
#[must_use]
pub fn desk_agent(org: &OrgId, email: &str) -> Key {
    Builder(desk_agents(org)).text(email).0
}

/// The conversations that somebody takes part in beside those that are theirs by their ids.
#[must_use]
pub fn chats_of(org: &OrgId, address: &str) -> Key {
    Builder::of(org, b'q').bytes(b"p").text(address).0
}

/// One of them.
#[must_use]
pub fn chat_of(org: &OrgId, address: &str, chat: &str) -> Key {
    Builder(chats_of(org, address)).text(chat).0
}

/// The conversation that a key under [`chats_of`] somebody names.
#[must_use]
pub fn parse_chat_of(org: &OrgId, address: &str, key: &[u8]) -> Option<String> {
    let rest = key.strip_prefix(chats_of(org, address).as_slice())?;
    Some(text_of(rest)?.0)
}
