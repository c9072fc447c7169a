//! What tells somebody of a direct message while they are away: a record of the collection `notification`, which clients
//! list as any other. There is one for each conversation and recipient, which tells of the latest message to them, so
//! that whoever is away for a year comes back to as many as people wrote to them. It is written in the commit of what it
//! tells of, and says what the conversation says: how much is unread, whether it was read, and nothing that was taken
//! away. Pure.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::id::Between;
use super::message::Message;
use super::plan::Plan;
use super::who::Handle;
use super::wish::Mark;
use crate::bus::change::{Change, Write};
use crate::clock::Stamp;
use crate::ids::{Datatype, IdError, RecordId};
use crate::keys;
use crate::record::model::Record;
use crate::session::person::{Person, Side};
use crate::store::{StoreError, encode};

/// Characters of what was said, and of a name.
pub const MOST_TEXT: usize = 200;

/// The collection.
///
/// # Errors
/// Never: it is a collection's name.
pub fn datatype() -> Result<Datatype, StoreError> {
    Datatype::new("notification").map_err(|error: IdError| StoreError::Corrupt(error.to_string()))
}

/// Where the record is that tells somebody of what is said to them, and of which message it tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The record.
    pub record: RecordId,
    /// The number of the message.
    pub seq: u64,
}

/// The same with the record as it was read.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub notice: Notice,
    /// The record and its version in the store; none where somebody has removed it.
    pub found: Option<(Record, u64)>,
}

/// Adds to a change what two people are told of it.
pub(super) fn write(plan: &Plan, change: &mut Change) -> Result<(), StoreError> {
    let Between::Pair(one, other) = plan.id.between() else { return Ok(()) };
    for who in [one, other] {
        let standing = plan.found.notices.get(who);
        let found = standing.and_then(|standing| standing.found.as_ref());
        if let Some(message) = said_to(plan, who) {
            change.writes.push(told(plan, who, message, found)?);
            let record = match change.writes.last() {
                Some(Write::Create(record)) => record.sk.clone(),
                Some(Write::Replace { after, .. }) => after.sk.clone(),
                _ => continue,
            };
            let notice = encode(&Notice { record, seq: message.seq })?;
            change.extra.put(keys::community_notice(&plan.org, plan.id.as_str(), who.as_str()), notice);
        } else if let (Some(standing), Some(found)) = (standing, found) {
            change.writes.extend(follows(plan, who, standing, found));
        }
    }
    Ok(())
}

/// The latest message that somebody is told of by this plan.
fn said_to<'p>(plan: &'p Plan, who: &Handle) -> Option<&'p Message> {
    let entries = plan.happened.iter().rev().map(|happened| &happened.entry);
    let said = entries.filter(|entry| entry.message() == Some(entry.seq));
    let messages = said.filter_map(|entry| plan.found.messages.get(&entry.seq));
    messages.into_iter().find(|message| message.to.as_ref().is_some_and(|to| Handle::of(to) == *who))
}

/// What tells somebody of a new message: the record that told them of earlier ones, or the first.
fn told(
    plan: &Plan,
    who: &Handle,
    message: &Message,
    found: Option<&(Record, u64)>,
) -> Result<Write, StoreError> {
    let data = data(message, seen(plan, who), false);
    let (meta, state) = (meta(message.to.as_ref()), "new".to_owned());
    if let Some((before, version)) = found {
        let after = Record { state, data, meta, modified_by: None, ..before.clone() };
        return Ok(replaces(before, *version, after));
    }
    let datatype = datatype()?;
    Ok(Write::Create(Box::new(Record {
        sk: RecordId::generate(&datatype, plan.now),
        org: plan.org.clone(),
        datatype,
        version: 0,
        state,
        created: Stamp::default(),
        modified: Stamp::default(),
        // Whoever wrote a record reads it: whoever says something does not read what others are told.
        author: None,
        modified_by: None,
        create_hash: None,
        data,
        meta,
    })))
}

/// What becomes of what somebody was told: they read, or the message says something else, or nothing any more.
fn follows(
    plan: &Plan,
    who: &Handle,
    Standing { notice, .. }: &Standing,
    (before, version): &(Record, u64),
) -> Option<Write> {
    let message = plan.found.messages.get(&notice.seq)?;
    let was_read = before.data.get("read") == Some(&Value::Bool(true));
    let data = data(message, seen(plan, who), was_read);
    let reads = plan.marks.contains_key(who) && !was_read;
    if !reads && before.data.get("body") == data.get("body") {
        return None;
    }
    let after = Record { data, meta: meta(message.to.as_ref()), modified_by: None, ..before.clone() };
    Some(replaces(before, *version, after))
}

/// How far somebody has read, and how many messages they need not read any more: what is no longer kept cannot be.
fn seen<'p>(plan: &'p Plan, who: &Handle) -> (Option<&'p Mark>, u64) {
    let mark = plan.found.marks.get(who);
    (mark, mark.map_or(0, |mark| mark.count).max(plan.found.trim.messages))
}

fn replaces(before: &Record, read_version: u64, after: Record) -> Write {
    Write::Replace { before: Box::new(before.clone()), read_version, after: Box::new(after) }
}

/// All that the record says. It is written anew each time: whoever it is for may have put anything into it, and what is
/// said to them shall not fail on the size of that.
fn data(message: &Message, (mark, seen): (Option<&Mark>, u64), was_read: bool) -> Map<String, Value> {
    let read = mark.filter(|mark| mark.seq >= message.seq);
    let unread = message.count.saturating_sub(seen);
    let from = &message.from;
    let name = cut(if from.name.trim().is_empty() { &from.email } else { &from.name });
    let told = json!({
        "type": "community_message",
        "recipient": message.to.as_ref().map(|to| &to.email),
        "recipientRole": message.to.as_ref().map(|to| to.side.name()),
        "title": format!("New message from {name}"),
        "body": body(message),
        "from": from.email,
        "fromName": name,
        "fromRole": from.side.name(),
        "peer": Handle::of(from),
        "thread": message.conversation,
        "messageId": message.id,
        "count": if was_read { 0 } else { unread },
        "read": was_read || read.is_some(),
        "createdAt": message.sent,
    });
    let Value::Object(mut told) = told else { return Map::new() };
    if let Some(mark) = read {
        told.insert("readAt".to_owned(), json!(mark.at));
    }
    told
}

/// What was said, or the names of its files; nothing of a message that is gone.
fn body(message: &Message) -> String {
    if !message.content.trim().is_empty() {
        return cut(&message.content);
    }
    let name = |url: &str| url.rsplit('/').next().unwrap_or(url).to_owned();
    let files = message.attachments.iter();
    let names: Vec<String> = files.map(|file| file.name.clone().unwrap_or_else(|| name(&file.url))).collect();
    cut(&names.join(", "))
}

fn cut(text: &str) -> String {
    text.trim().chars().take(MOST_TEXT).collect()
}

/// Whose the record is: by that a customer reads it. One of the staff reads all records, and their address may be a
/// customer's too, who is not meant.
fn meta(to: Option<&Person>) -> Map<String, Value> {
    let Some(to) = to.filter(|to| to.side == Side::Customer) else { return Map::new() };
    let owner = json!({"datatype": "customer", "id": to.id, "name": cut(&to.name), "email": to.email});
    Map::from_iter([("owner".to_owned(), owner)])
}
