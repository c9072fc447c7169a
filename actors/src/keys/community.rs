//! Keys of a community: its groups and direct conversations, what happened in them, and whom somebody blocks.

use super::Builder;
use super::system::text_of;
use crate::ids::{GroupId, MessageId, OrgId};
use crate::store::Key;

fn table(org: &OrgId, part: &[u8]) -> Builder {
    Builder::of(org, b'C').bytes(part)
}

/// A conversation: a group, or what two people have.
#[must_use]
pub fn community(org: &OrgId, conversation: &str) -> Key {
    table(org, b"h").text(conversation).0
}

/// All that happened in all conversations of an organisation, conversation by conversation.
#[must_use]
pub fn community_logs(org: &OrgId) -> Key {
    table(org, b"e").0
}

/// All that happened in a conversation, in its order.
#[must_use]
pub fn community_log(org: &OrgId, conversation: &str) -> Key {
    Builder(community_logs(org)).text(conversation).0
}

/// The conversation that a key of [`community_entry`] names.
#[must_use]
pub fn parse_community_entry(org: &OrgId, key: &[u8]) -> Option<String> {
    parse_community_of(&community_logs(org), key)
}

/// What happened under a number.
#[must_use]
pub fn community_entry(org: &OrgId, conversation: &str, seq: u64) -> Key {
    Builder(community_log(org, conversation)).number(seq).0
}

/// The messages of a conversation as they are now, in their order.
#[must_use]
pub fn community_messages(org: &OrgId, conversation: &str) -> Key {
    table(org, b"m").text(conversation).0
}

/// The message with a number.
#[must_use]
pub fn community_message(org: &OrgId, conversation: &str, seq: u64) -> Key {
    Builder(community_messages(org, conversation)).number(seq).0
}

/// The replies to a message, in their order.
#[must_use]
pub fn community_replies(org: &OrgId, conversation: &str, to: u64) -> Key {
    table(org, b"t").text(conversation).number(to).0
}

/// One reply to a message.
#[must_use]
pub fn community_reply(org: &OrgId, conversation: &str, to: u64, seq: u64) -> Key {
    Builder(community_replies(org, conversation, to)).number(seq).0
}

/// The number at the end of a key of messages, replies or what happened.
#[must_use]
pub fn trailing_number(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(*key.split_last_chunk::<8>()?.1))
}

/// Where it is, by its id.
#[must_use]
pub fn community_place(org: &OrgId, id: MessageId) -> Key {
    table(org, b"i").bytes(&id.to_bytes()).0
}

/// The message that has what its sender calls it.
#[must_use]
pub fn community_called(org: &OrgId, conversation: &str, from: &str, client_id: &str) -> Key {
    table(org, b"c").text(conversation).text(from).text(client_id).0
}

/// Who takes part in a conversation.
#[must_use]
pub fn community_members(org: &OrgId, conversation: &str) -> Key {
    table(org, b"u").text(conversation).0
}

/// Somebody who takes part in a conversation.
#[must_use]
pub fn community_member(org: &OrgId, conversation: &str, who: &str) -> Key {
    Builder(community_members(org, conversation)).text(who).0
}

/// How far everybody has read in a conversation.
#[must_use]
pub fn community_marks(org: &OrgId, conversation: &str) -> Key {
    table(org, b"r").text(conversation).0
}

/// How far somebody has read in a conversation.
#[must_use]
pub fn community_mark(org: &OrgId, conversation: &str, who: &str) -> Key {
    Builder(community_marks(org, conversation)).text(who).0
}

/// What of a conversation is no longer kept.
#[must_use]
pub fn community_trim(org: &OrgId, conversation: &str) -> Key {
    table(org, b"k").text(conversation).0
}

/// The record that tells somebody of what is said to them in a conversation.
#[must_use]
pub fn community_notice(org: &OrgId, conversation: &str, who: &str) -> Key {
    table(org, b"n").text(conversation).text(who).0
}

/// The conversations of one sort that somebody takes part in.
#[must_use]
pub fn communities_of(org: &OrgId, who: &str, sort: u8) -> Key {
    table(org, b"p").text(who).bytes(&[sort]).0
}

/// One of them.
#[must_use]
pub fn community_of(org: &OrgId, who: &str, sort: u8, conversation: &str) -> Key {
    Builder(communities_of(org, who, sort)).text(conversation).0
}

/// The conversation that a key under `prefix`, which [`communities_of`] made, names.
#[must_use]
pub fn parse_community_of(prefix: &[u8], key: &[u8]) -> Option<String> {
    Some(text_of(key.strip_prefix(prefix)?)?.0)
}

/// Groups that everybody may find, or all there are, by their ids.
#[must_use]
pub fn groups(org: &OrgId, open_only: bool) -> Key {
    table(org, if open_only { b"o" } else { b"g" }).0
}

/// One of them.
#[must_use]
pub fn group(org: &OrgId, open_only: bool, id: GroupId) -> Key {
    Builder(groups(org, open_only)).bytes(&id.to_bytes()).0
}

/// The group that a key of [`groups`] names.
#[must_use]
pub fn parse_group(key: &[u8]) -> Option<GroupId> {
    Some(GroupId::from_bytes(*key.split_last_chunk::<16>()?.1))
}

/// Whom somebody blocks.
#[must_use]
pub fn blocks(org: &OrgId, who: &str) -> Key {
    table(org, b"b").text(who).0
}

/// That somebody blocks somebody.
#[must_use]
pub fn block(org: &OrgId, who: &str, whom: &str) -> Key {
    Builder(blocks(org, who)).text(whom).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn keys_can_be_read_back_and_no_two_parts_meet() {
        let org = OrgId::new("a").unwrap();
        let id = GroupId::new(Timestamp::from_millis(7));
        assert_eq!(parse_group(&group(&org, true, id)), Some(id));
        assert_eq!(trailing_number(&community_reply(&org, "c", 1, 300)), Some(300));
        let prefix = communities_of(&org, "customer:ann@x.io", b'g');
        let key = community_of(&org, "customer:ann@x.io", b'g', "grp_1");
        assert_eq!(parse_community_of(&prefix, &key), Some("grp_1".to_owned()));
        let other = communities_of(&org, "customer:ann@x.io.uk", b'g');
        assert_eq!(parse_community_of(&other, &key), None);
        assert_eq!(parse_community_entry(&org, &community_entry(&org, "a|b", 7)), Some("a|b".to_owned()));
        assert!(!group(&org, false, id).starts_with(&groups(&org, true)));
    }
}
