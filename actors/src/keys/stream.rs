//! Keys of streams: what was asked of models, and what they said.

use sha2::{Digest, Sha256};

use super::Builder;
use crate::ids::{OrgId, StreamId};
use crate::store::Key;

const TABLE: u8 = b'A';

fn of(org: &OrgId, part: u8) -> Builder {
    Builder::of(org, TABLE).bytes(&[part])
}

/// What is known of a stream.
#[must_use]
pub fn stream(org: &OrgId, id: StreamId) -> Key {
    of(org, b'h').bytes(&id.to_bytes()).0
}

/// All streams of an organisation, oldest first.
#[must_use]
pub fn streams(org: &OrgId) -> Key {
    of(org, b'h').0
}

/// What was asked.
#[must_use]
pub fn stream_ask(org: &OrgId, id: StreamId) -> Key {
    of(org, b'q').bytes(&id.to_bytes()).0
}

/// Frames of a stream, from the one of this number on.
#[must_use]
pub fn stream_page(org: &OrgId, id: StreamId, first: u64) -> Key {
    Builder(stream_pages(org, id)).bytes(&first.to_be_bytes()).0
}

/// All frames of a stream, in their order.
#[must_use]
pub fn stream_pages(org: &OrgId, id: StreamId) -> Key {
    of(org, b'p').bytes(&id.to_bytes()).0
}

/// The number of the first frame under a key of [`stream_page`].
#[must_use]
pub fn parse_stream_page(org: &OrgId, id: StreamId, key: &[u8]) -> Option<u64> {
    let number = key.strip_prefix(stream_pages(org, id).as_slice())?;
    number.try_into().ok().map(u64::from_be_bytes)
}

/// The stream that goes on in a conversation, which somebody else named.
#[must_use]
pub fn stream_in(org: &OrgId, conversation: &str) -> Key {
    of(org, b'c').bytes(&Sha256::digest(conversation.as_bytes())).0
}

/// The stream that was begun with an idempotency key of somebody's.
#[must_use]
pub fn stream_once(org: &OrgId, by: &str, key: &str) -> Key {
    let digest = Sha256::new().chain_update(by).chain_update([0]).chain_update(key).finalize();
    of(org, b'k').bytes(&digest).0
}

/// What was asked and answered in a conversation by a stream.
#[must_use]
pub fn exchange(org: &OrgId, conversation: &str, id: StreamId) -> Key {
    Builder(exchanges(org, conversation)).bytes(&id.to_bytes()).0
}

/// All that was asked and answered in a conversation, oldest first.
#[must_use]
pub fn exchanges(org: &OrgId, conversation: &str) -> Key {
    of(org, b't').bytes(&Sha256::digest(conversation.as_bytes())).0
}

/// All that was asked and answered in an organisation, conversation by conversation.
#[must_use]
pub fn all_exchanges(org: &OrgId) -> Key {
    of(org, b't').0
}

/// A stream that is told in a chat.
#[must_use]
pub fn stream_of_chat(org: &OrgId, chat: &str, id: StreamId) -> Key {
    Builder(streams_of_chat(org, chat)).bytes(&id.to_bytes()).0
}

/// All streams that are told in a chat.
#[must_use]
pub fn streams_of_chat(org: &OrgId, chat: &str) -> Key {
    of(org, b'g').bytes(&Sha256::digest(chat.as_bytes())).0
}

/// The stream of a key of [`stream_of_chat`].
#[must_use]
pub fn parse_stream_of_chat(org: &OrgId, chat: &str, key: &[u8]) -> Option<StreamId> {
    let id = key.strip_prefix(streams_of_chat(org, chat).as_slice())?;
    id.try_into().ok().map(StreamId::from_bytes)
}

/// What streams that have gone had used of a model on a day, counted from 1970.
#[must_use]
pub fn stream_usage(org: &OrgId, day: u32, model: &str) -> Key {
    Builder(stream_usage_of(org, day)).text(model).0
}

/// The same of all models on a day.
#[must_use]
pub fn stream_usage_of(org: &OrgId, day: u32) -> Key {
    of(org, b'u').bytes(&day.to_be_bytes()).0
}

/// The same of all days, in their order.
#[must_use]
pub fn stream_usages(org: &OrgId) -> Key {
    of(org, b'u').0
}

/// Whose a stream is that goes on.
#[must_use]
pub fn running_stream(id: StreamId) -> Key {
    Builder::system(b'c').bytes(&id.to_bytes()).0
}

/// Whose each stream is that goes on.
#[must_use]
pub fn running_streams() -> Key {
    Builder::system(b'c').0
}

/// The stream of a key of [`running_stream`].
#[must_use]
pub fn parse_running_stream(key: &[u8]) -> Option<StreamId> {
    let id = key.strip_prefix(running_streams().as_slice())?;
    id.try_into().ok().map(StreamId::from_bytes)
}
