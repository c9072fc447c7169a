//! What there is to be read of conversations: histories, and lists of what somebody takes part in.

use serde_json::{Map, Value, json};

use super::conversation::{Conversation, Head, Trim};
use super::group::{MOST_MEMBERS, Member, Openness};
use super::id::ConversationId;
use super::message::Message;
use super::rules::{MOST_GROUPS, MOST_HISTORY, MOST_THREADS};
use super::talks::{Asker, Talks, TalksError, member};
use super::who::{self, Handle};
use super::wish::{Mark, Refusal};
use crate::ids::{GroupId, MessageId, OrgId};
use crate::keys;
use crate::list::{Listed, Slice};
use crate::store::{Key, Scan, StoreError, decode};

/// Which part of a history is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// Messages before this number, the latest of them; the latest of all where nothing is said.
    pub before: Option<u64>,
    /// Messages behind this number, the first of them.
    pub after: Option<u64>,
    /// How many.
    pub limit: usize,
    /// Replies to this message only.
    pub reply_to: Option<MessageId>,
}

/// Part of a history.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// Messages, oldest first; those of people whom the reader blocks are left out.
    pub messages: Vec<Value>,
    /// Whether there are further ones in the direction that was asked for.
    pub has_more: bool,
    /// From where these go on, in that direction.
    pub next: Option<u64>,
    /// How far everybody has read.
    pub reads: Vec<Value>,
    /// The number of what happened last.
    pub seq: u64,
    /// Whether there were more in the direction that was asked for, which are no longer kept.
    pub gap: bool,
}

/// Which groups are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those that somebody is in.
    Own,
    /// Those that everybody may find.
    Open,
    /// All there are, for those who look after them.
    All,
}

/// Groups that a list looks at.
const MOST_LISTED: usize = 2_000;

impl Talks {
    /// Part of what was said in a conversation.
    ///
    /// # Errors
    /// When they do not take part in it, or the store cannot be read.
    pub async fn history(
        &self,
        asker: &Asker,
        id: &ConversationId,
        part: &Part,
    ) -> Result<History, TalksError> {
        let (org, by) = (&asker.org, member(&asker.person)?);
        let Some(head) = self.head(org, id).await? else {
            // Two people who have said nothing yet.
            return if id.peer_of(&by).is_some() {
                Ok(History::default())
            } else {
                Err(Refusal::NoGroup.into())
            };
        };
        self.takes_part(org, id, &by).await?;
        let limit = part.limit.clamp(1, MOST_HISTORY);
        let mut messages: Vec<Message> = match part.reply_to {
            Some(to) => self.replies(org, id, to, part, limit + 1).await?,
            None => {
                let found = self.house.store.scan(self.range(
                    keys::community_messages(org, id.as_str()),
                    |seq| keys::community_message(org, id.as_str(), seq),
                    part,
                    limit + 1,
                ));
                found.await?.iter().map(|(_, found)| decode(&found.value)).collect::<Result<_, _>>()?
            }
        };
        let has_more = messages.len() > limit;
        messages.truncate(limit);
        let next = messages.last().map(|message| message.seq).filter(|_| has_more);
        if part.after.is_none() {
            messages.reverse();
        }
        let blocked = self.blocked_by(org, &by).await?;
        messages.retain(|message| !blocked.contains(&Handle::of(&message.from)));
        let marks = self.marks(org, id).await?;
        let reads = marks.iter().map(Mark::told).collect();
        let messages = messages.iter().map(|message| with_status(message, &marks)).collect();
        let trimmed = self.trim(org, id).await?.seq;
        let gap = match (part.after, part.reply_to) {
            // Those who reply to what is there stand behind it.
            (_, Some(_)) => false,
            (Some(after), None) => after < trimmed,
            (None, None) => !has_more && trimmed > 0,
        };
        Ok(History { messages, has_more, next, reads, seq: head.last, gap })
    }

    /// What of a conversation is no longer kept.
    async fn trim(&self, org: &OrgId, id: &ConversationId) -> Result<Trim, StoreError> {
        let found = self.house.store.get(keys::community_trim(org, id.as_str())).await?;
        Ok(found.map(|found| decode(&found.value)).transpose()?.unwrap_or_default())
    }

    fn range(&self, prefix: Key, at: impl Fn(u64) -> Key, part: &Part, limit: usize) -> Scan {
        let scan = Scan::prefix(prefix, limit);
        match (part.after, part.before) {
            (Some(after), before) => {
                let mut scan = scan.after(&at(after));
                if let Some(before) = before {
                    scan.to = at(before);
                }
                scan
            }
            (None, before) => {
                let mut scan = scan.descending();
                if let Some(before) = before {
                    scan.to = at(before);
                }
                scan
            }
        }
    }

    async fn replies(
        &self,
        org: &OrgId,
        id: &ConversationId,
        to: MessageId,
        part: &Part,
        limit: usize,
    ) -> Result<Vec<Message>, TalksError> {
        let place = self.house.store.get(keys::community_place(org, to)).await?;
        let place: Option<(ConversationId, u64)> = place.map(|found| decode(&found.value)).transpose()?;
        let (_, to) = place.filter(|(of, _)| of == id).ok_or(Refusal::NoMessage)?;
        let prefix = keys::community_replies(org, id.as_str(), to);
        let at = |seq| keys::community_reply(org, id.as_str(), to, seq);
        let found = self.house.store.scan(self.range(prefix, at, part, limit).keys_only()).await?;
        let numbers = found.iter().filter_map(|(key, _)| keys::trailing_number(key));
        let numbers = numbers.map(|seq| keys::community_message(org, id.as_str(), seq)).collect();
        Ok(self.many(numbers).await?.into_iter().flatten().collect())
    }

    /// What is stored of a conversation by itself.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn head(&self, org: &OrgId, id: &ConversationId) -> Result<Option<Head>, StoreError> {
        let found = self.house.store.get(keys::community(org, id.as_str())).await?;
        found.map(|found| decode(&found.value)).transpose()
    }

    async fn takes_part(&self, org: &OrgId, id: &ConversationId, who: &Handle) -> Result<Member, TalksError> {
        let found = self.house.store.get(keys::community_member(org, id.as_str(), who.as_str())).await?;
        let member = found.map(|found| decode(&found.value)).transpose()?;
        Ok(member.ok_or(Refusal::NotMember)?)
    }

    async fn marks(&self, org: &OrgId, id: &ConversationId) -> Result<Vec<Mark>, StoreError> {
        let most = usize::try_from(MOST_MEMBERS).unwrap_or(usize::MAX);
        let found =
            self.house.store.scan(Scan::prefix(keys::community_marks(org, id.as_str()), most)).await?;
        found.iter().map(|(_, found)| decode(&found.value)).collect()
    }

    /// A group with all who are in it: for them, and for those who look after all groups. Others see of one that
    /// everybody may find that it is there.
    ///
    /// # Errors
    /// When there is none that they may know of, or the store cannot be read.
    pub async fn group(&self, asker: &Asker, id: GroupId) -> Result<Value, TalksError> {
        let (org, by) = (&asker.org, member(&asker.person)?);
        let conversation = ConversationId::group(id);
        let head = self.head(org, &conversation).await?.ok_or(Refusal::NoGroup)?;
        let most = usize::try_from(MOST_MEMBERS).unwrap_or(usize::MAX);
        let key = keys::community_members(org, conversation.as_str());
        let found = self.house.store.scan(Scan::prefix(key, most)).await?;
        let members = found.iter().map(|(_, found)| decode::<Member>(&found.value));
        let members = members.map(|member| member.map(|member| (Handle::of(&member.person), member)));
        let members = std::sync::Arc::new(members.collect::<Result<_, _>>()?);
        let conversation = Conversation { head, members };
        let is_member = conversation.member(&by).is_ok();
        let openness = conversation.head.group.as_ref().map(|group| group.openness);
        if !is_member && !asker.moderates {
            let told = conversation.group_told().filter(|_| openness == Some(Openness::Public));
            return Ok(told.ok_or(Refusal::NoGroup)?);
        }
        Ok(conversation.told_with_members(self.house.clock.now()).ok_or(Refusal::NoGroup)?)
    }

    /// Groups, those where something was said last first; of one page only, where one is named.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn groups(
        &self,
        asker: &Asker,
        which: Which,
        page: Option<&str>,
        slice: Slice,
    ) -> Result<Listed<Value>, TalksError> {
        let (org, by) = (&asker.org, member(&asker.person)?);
        let ids: Vec<ConversationId> = match which {
            Which::Own => self.own(org, &by, b'g', MOST_GROUPS * 2).await?,
            Which::Open | Which::All => {
                let prefix = keys::groups(org, which == Which::Open);
                let found = self.house.store.scan(Scan::prefix(prefix, MOST_LISTED).keys_only()).await?;
                let groups = found.iter().filter_map(|(key, _)| keys::parse_group(key));
                groups.map(ConversationId::group).collect()
            }
        };
        let rows = self.rows(org, &by, ids).await?;
        let mut listed = Listed::new(slice);
        let is_there = |head: &Head| {
            page.is_none() || head.group.as_ref().is_some_and(|group| group.page.as_deref() == page)
        };
        for (head, unread, message) in rows.into_iter().filter(|(head, ..)| is_there(head)) {
            let mut told = head.group.as_ref().map_or_else(
                || json!({}),
                |group| group.told(usize::try_from(head.members).unwrap_or(usize::MAX)),
            );
            if let Some(fields) = told.as_object_mut() {
                fields.insert("seq".to_owned(), json!(head.last));
                if which == Which::Own {
                    fields.insert("unreadCount".to_owned(), json!(unread));
                    fields.insert("lastMessage".to_owned(), json!(message.map(|message| message.told())));
                }
            }
            listed.meet(told);
        }
        Ok(listed)
    }

    /// The people with whom somebody speaks, the latest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn threads(&self, asker: &Asker) -> Result<Vec<Value>, TalksError> {
        let (org, by) = (&asker.org, member(&asker.person)?);
        let ids = self.own(org, &by, b'd', MOST_THREADS * 2).await?;
        let peers: Vec<Option<Handle>> = ids.iter().map(|id| id.peer_of(&by).cloned()).collect();
        let keys = ids
            .iter()
            .zip(&peers)
            .filter_map(|(id, peer)| Some(keys::community_member(org, id.as_str(), peer.as_ref()?.as_str())));
        let members: Vec<Option<Member>> = self.many(keys.collect()).await?;
        let info = |of: &ConversationId| {
            let peer = of.peer_of(&by)?;
            let member = members.iter().flatten().find(|member| Handle::of(&member.person) == *peer)?;
            Some((peer.clone(), who::told(&member.person)))
        };
        let rows = self.rows(org, &by, ids).await?;
        let rows = rows.into_iter().filter_map(|(head, unread, message)| {
            let (peer, info) = info(&head.id)?;
            let mut row = Map::new();
            row.insert("conversationId".to_owned(), json!(head.id));
            row.insert("peer".to_owned(), json!(peer.email()));
            row.insert("peerInfo".to_owned(), info);
            row.insert("lastMessage".to_owned(), json!(message.map(|message| message.told())));
            row.insert("unreadCount".to_owned(), json!(unread));
            row.insert("seq".to_owned(), json!(head.last));
            Some(Value::Object(row))
        });
        Ok(rows.collect())
    }

    /// How much somebody has not read: of what people said to them, and in groups.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn unread(&self, asker: &Asker) -> Result<(u64, u64), TalksError> {
        let (org, by) = (&asker.org, member(&asker.person)?);
        let (direct, groups) = (
            self.own(org, &by, b'd', MOST_THREADS * 2).await?,
            self.own(org, &by, b'g', MOST_GROUPS * 2).await?,
        );
        let count = |rows: Vec<(Head, u64, Option<Message>)>| rows.iter().map(|(_, unread, _)| unread).sum();
        Ok((count(self.rows(org, &by, direct).await?), count(self.rows(org, &by, groups).await?)))
    }

    /// Conversations that somebody takes part in.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn own(
        &self,
        org: &OrgId,
        who: &Handle,
        sort: u8,
        most: usize,
    ) -> Result<Vec<ConversationId>, StoreError> {
        let prefix = keys::communities_of(org, who.as_str(), sort);
        let found = self.house.store.scan(Scan::prefix(prefix.clone(), most).keys_only()).await?;
        let found = found.iter().filter_map(|(key, _)| keys::parse_community_of(&prefix, key));
        Ok(found.filter_map(|text| ConversationId::parse(&text)).collect())
    }

    /// Conversations with how much somebody has not read of each and what was said last, the latest first.
    async fn rows(
        &self,
        org: &OrgId,
        who: &Handle,
        ids: Vec<ConversationId>,
    ) -> Result<Vec<(Head, u64, Option<Message>)>, StoreError> {
        let heads = ids.iter().map(|id| keys::community(org, id.as_str())).collect();
        let heads: Vec<Option<Head>> = self.many(heads).await?;
        let mut heads: Vec<Head> = heads.into_iter().flatten().collect();
        heads.sort_by(|one, other| (other.spoken, &other.id).cmp(&(one.spoken, &one.id)));
        let marks = heads.iter().map(|head| keys::community_mark(org, head.id.as_str(), who.as_str()));
        let marks: Vec<Option<Mark>> = self.many(marks.collect()).await?;
        let latest =
            heads.iter().map(|head| keys::community_message(org, head.id.as_str(), head.last_message));
        let latest: Vec<Option<Message>> = self.many(latest.collect()).await?;
        // What is no longer kept cannot be read any more.
        let trims = heads.iter().map(|head| keys::community_trim(org, head.id.as_str()));
        let trims: Vec<Option<Trim>> = self.many(trims.collect()).await?;
        let rows = heads.into_iter().zip(marks).zip(trims).zip(latest);
        Ok(rows
            .map(|(((head, mark), trim), message)| {
                let read = mark.map_or(0, |mark| mark.count).max(trim.unwrap_or_default().messages);
                let unread = head.messages.saturating_sub(read);
                (head, unread, message)
            })
            .collect())
    }

    async fn many<T: serde::de::DeserializeOwned>(
        &self,
        keys: Vec<Key>,
    ) -> Result<Vec<Option<T>>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.house.store.get_many(keys).await?;
        found.into_iter().map(|found| found.map(|found| decode(&found.value)).transpose()).collect()
    }
}

/// A message as a history has it: of what one says to one, whether the other has read it.
fn with_status(message: &Message, marks: &[Mark]) -> Value {
    let mut told = message.told();
    let Some(to) = &message.to else { return told };
    let to = Handle::of(to);
    let read = marks.iter().find(|mark| mark.by == to && mark.seq >= message.seq);
    if let (Some(mark), None, Some(fields)) = (read, &message.deleted, told.as_object_mut()) {
        fields.insert("status".to_owned(), json!("read"));
        fields.insert("readAt".to_owned(), json!(mark.at));
    }
    told
}
