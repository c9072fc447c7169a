//! Every key there is. Keys begin with the organisation, then a table's letter, then the parts that
//! the table is ordered by, big-endian, so that byte order is the order a list needs. Operational
//! tables belong to the system tenant, which no organisation's name can spell.
//!
//! | table | parts | holds |
//! |---|---|---|
//! | `r` records | datatype, sk | the record |
//! | `m` records by change | datatype, stamp, sk | flags |
//! | `c` records by creation | datatype, stamp, sk | flags |
//! | `f` records by field | datatype, field, value, sk | nothing |
//! | `u` unique values | datatype, field, value | the sk that has it |
//! | `h` create hashes | datatype, hash | the sk it made |
//! | `e` events | id | the event |
//! | `l` event log | stamp, place in the commit | id and kind |
//! | `k` event log by kind | kind, stamp, place | id |
//! | `i` idempotency keys | key | digest and event ids |
//! | `x` effects | cause, effect | nothing |
//! | `n` runs | id | the run |
//! | `o` runs by flow | flow, id | nothing |
//! | `s` steps of runs | run, number | the step |
//! | `v` flow versions | flow, version | the definition |
//! | `d` deliveries | id | the delivery |
//! | `t` attempts | delivery, number | the attempt |
//! | `w` webhook endpoints | id | the endpoint |
//! | `b` deliveries by endpoint | endpoint, id | nothing |
//! | `y` replays | id | the replay |
//! | `p` private values | purpose, name | secrets, sealed or hashed |
//! | `g` schedules | id | the schedule |
//! | `j` unique jobs | queue, key | the job that holds it |
//! | `a` conversations | chat | the conversation |
//! | `z` messages | chat, number | the message |
//! | `q` messages by id | `i`, id | the chat, the number |
//! | `q` messages by their senders' names | `c`, chat, sender, name | the number |
//! | `q` conversations by person | `p`, address, chat | nothing |
//! | `q` decisions | `d`, chat, number | who answers, and why |
//! | `q` conversations that wait or are answered | `w`, chat | where they stand |
//! | `q` erased conversations | `e`, digest of the chat | the numbers that it had reached |
//! | `q` staff | `s`, address | the status they chose, what they were given |
//! | `F` files | id | what is known of the file; its bytes lie beside the store |
//! | `B` files, all together | | their bytes |
//! | `C` community | `h`, conversation | the conversation |
//! | `C` what happened | `e`, conversation, number | the entry |
//! | `C` its messages | `m`, conversation, number | the message as it is now |
//! | `C` replies | `t`, conversation, number, number of the reply | nothing |
//! | `C` by id | `i`, id | the conversation, the number |
//! | `C` by the sender's name | `c`, conversation, sender, name | the number |
//! | `C` members | `u`, conversation, person | the member |
//! | `C` read marks | `r`, conversation, person | how far they have read |
//! | `C` conversations by person | `p`, person, `g` or `d`, conversation | nothing |
//! | `C` groups; open ones | `g` or `o`, group | nothing |
//! | `C` blocks | `b`, person, person | since when |
//! | `A` streams | `h`, id | what is known of the stream |
//! | `A` what was asked | `q`, id | the prompt |
//! | `A` frames | `p`, id, number of the first | frames |
//! | `A` streams that go on, by conversation | `c`, digest of the conversation | the stream |
//! | `A` streams by idempotency key | `k`, digest of the person and the key | the stream |
//! | `A` streams of a chat | `g`, digest of the chat, stream | nothing |
//! | `A` what was used of models | `u`, day, model | runs and tokens of streams that have gone |
//! | `A` what conversations remember | `t`, digest of the conversation, stream | question and answer |
//! | `V` integrations | `i`, id | the integration; its secrets are a private value |
//! | `V` calls of vendors | `c`, id | the call |
//! | `V` bodies of calls | `b`, id, part | bytes |
//! | `V` calls that came | `s`, integration, digest of the vendor's id | the call |
//! | `V` integrations that are read | `h`, integration | when, and by which job |
//! | `V` their listings | `y`, integration, listing | how far it was read |
//! | `V` people whom calls named | `n`, address or number | the contact that was made |
//! | system `o` | org | the organisation |
//! | system `j` | job | the job |
//! | system `q` | queue, state, place, job; of those that wait queue, `r` or `x`, org, priority, key, place, job | nothing |
//! | system `d` | job, part | its payload, result, cursor, progress, log |
//! | system `b` | job, job that waits for it | the queue of the latter |
//! | system `e` | job that others wait for | nothing |
//! | system `a` | queue, job | how it ended, until those that wait for it know |
//! | system `z` | queue | totals; behind it `p`: whose jobs are not taken |
//! | system `w` | destination, due, delivery | org |
//! | system `l` | destination, line, stamp, place in the commit, delivery | org |
//! | system `r` | replay that goes on | org |
//! | system `y` | destination | whose it is, where it is an endpoint |
//! | system `g` | due, org, schedule | nothing |
//! | system `p` | purpose, name | secrets that belong to no organisation |
//! | system `c` | stream that goes on | org |
//! | system `i` | integration | org |
//! | system `s` | | the latest stamp |

use crate::clock::Stamp;
use crate::ids::{Datatype, DeliveryId, EventId, JobId, OrgId, QueueName, RecordId, RunId};
use crate::store::Key;

const SYSTEM: &[u8] = &[1];
/// Ends a text. A zero byte within a text is followed by 255, so no text's end is within another.
const END: [u8; 2] = [0, 1];

struct Builder(Key);

impl Builder {
    fn of(org: &OrgId, table: u8) -> Self {
        let mut key = Vec::with_capacity(64);
        key.extend_from_slice(org.as_str().as_bytes());
        key.extend_from_slice(&END);
        key.push(table);
        Self(key)
    }

    fn system(table: u8) -> Self {
        let mut key = Vec::with_capacity(64);
        key.extend_from_slice(SYSTEM);
        key.extend_from_slice(&END);
        key.push(table);
        Self(key)
    }

    /// A text and its end, so that no text is a prefix of another.
    fn text(mut self, text: &str) -> Self {
        for byte in text.bytes() {
            self.0.push(byte);
            if byte == 0 {
                self.0.push(u8::MAX);
            }
        }
        self.bytes(&END)
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn number(self, number: u64) -> Self {
        self.bytes(&number.to_be_bytes())
    }
}

/// A record.
#[must_use]
pub fn record(org: &OrgId, datatype: &Datatype, sk: &RecordId) -> Key {
    Builder::of(org, b'r').text(datatype.as_str()).text(sk.as_str()).0
}

/// All records of a datatype, by sk.
#[must_use]
pub fn records(org: &OrgId, datatype: &Datatype) -> Key {
    Builder::of(org, b'r').text(datatype.as_str()).0
}

/// All records of an organisation.
#[must_use]
pub fn all_records(org: &OrgId) -> Key {
    Builder::of(org, b'r').0
}

/// Which of the two orders of time a list follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeOrder {
    /// By `modifydate`.
    Modified,
    /// By `createdate`.
    Created,
}

impl TimeOrder {
    const fn table(self) -> u8 {
        match self {
            Self::Modified => b'm',
            Self::Created => b'c',
        }
    }
}

/// All records of a datatype in an order of time.
#[must_use]
pub fn records_by_time(org: &OrgId, datatype: &Datatype, order: TimeOrder) -> Key {
    Builder::of(org, order.table()).text(datatype.as_str()).0
}

/// Where the records of a moment begin in an order of time.
#[must_use]
pub fn records_from(org: &OrgId, datatype: &Datatype, order: TimeOrder, from: Stamp) -> Key {
    Builder(records_by_time(org, datatype, order)).number(from.as_u64()).0
}

/// One record's place in an order of time.
#[must_use]
pub fn record_by_time(
    org: &OrgId,
    datatype: &Datatype,
    order: TimeOrder,
    stamp: Stamp,
    sk: &RecordId,
) -> Key {
    Builder(records_from(org, datatype, order, stamp)).text(sk.as_str()).0
}

/// Records of a datatype that have `value` in `field`.
#[must_use]
pub fn records_with(org: &OrgId, datatype: &Datatype, field: &str, value: &str) -> Key {
    Builder::of(org, b'f').text(datatype.as_str()).text(field).text(value).0
}

/// One record that has `value` in `field`.
#[must_use]
pub fn record_with(org: &OrgId, datatype: &Datatype, field: &str, value: &str, sk: &RecordId) -> Key {
    Builder(records_with(org, datatype, field, value)).text(sk.as_str()).0
}

/// The one record that may have `value` in `field`.
#[must_use]
pub fn unique(org: &OrgId, datatype: &Datatype, field: &str, value: &str) -> Key {
    Builder::of(org, b'u').text(datatype.as_str()).text(field).text(value).0
}

/// What an identical create made before.
#[must_use]
pub fn create_hash(org: &OrgId, datatype: &Datatype, hash: &str) -> Key {
    Builder::of(org, b'h').text(datatype.as_str()).text(hash).0
}

/// The record id at the end of a key of the tables `r` and `f`.
#[must_use]
pub fn trailing_record_id(key: &[u8]) -> Option<RecordId> {
    let body = key.strip_suffix(&END)?;
    let start = body.windows(2).rposition(|pair| pair == END)? + END.len();
    std::str::from_utf8(body.get(start..)?).ok().and_then(|text| RecordId::new(text).ok())
}

/// The stamp and record id of a key under `prefix` in an order of time.
#[must_use]
pub fn parse_record_by_time(prefix: &[u8], key: &[u8]) -> Option<(Stamp, RecordId)> {
    let rest = key.strip_prefix(prefix)?;
    let (stamp, sk) = rest.split_first_chunk::<8>()?;
    let sk = std::str::from_utf8(sk.strip_suffix(&END)?).ok()?;
    Some((Stamp::from_u64(u64::from_be_bytes(*stamp)), RecordId::new(sk).ok()?))
}

/// An event.
#[must_use]
pub fn event(org: &OrgId, id: EventId) -> Key {
    Builder::of(org, b'e').bytes(&id.to_bytes()).0
}

/// An organisation's log of events, oldest first.
#[must_use]
pub fn event_log(org: &OrgId) -> Key {
    Builder::of(org, b'l').0
}

/// An organisation's log of one kind of event, oldest first.
#[must_use]
pub fn event_log_of(org: &OrgId, kind: &str) -> Key {
    Builder::of(org, b'k').text(kind).0
}

/// The place of the `n`-th event of a commit in the log that begins with `log`.
#[must_use]
pub fn event_place(log: Key, stamp: Stamp, n: u16) -> Key {
    Builder(log).number(stamp.as_u64()).bytes(&n.to_be_bytes()).0
}

/// The stamp and number at the end of a key of the tables `l` and `k`.
#[must_use]
pub fn parse_event_place(key: &[u8]) -> Option<(Stamp, u16)> {
    let (rest, n) = key.split_last_chunk::<2>()?;
    let stamp = rest.last_chunk::<8>()?;
    Some((Stamp::from_u64(u64::from_be_bytes(*stamp)), u16::from_be_bytes(*n)))
}

/// All idempotency keys of an organisation.
#[must_use]
pub fn idempotencies(org: &OrgId) -> Key {
    Builder::of(org, b'i').0
}

/// What an idempotency key stands for.
#[must_use]
pub fn idempotency(org: &OrgId, key: &str) -> Key {
    Builder::of(org, b'i').text(key).0
}

/// Something that causes or is caused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Node {
    /// An event.
    Event(EventId),
    /// A run of a flow.
    Run(RunId),
    /// A job.
    Job(JobId),
    /// A webhook delivery.
    Delivery(DeliveryId),
}

impl Node {
    fn to_bytes(self) -> [u8; 17] {
        let (tag, id) = match self {
            Self::Event(id) => (b'e', id.to_bytes()),
            Self::Run(id) => (b'n', id.to_bytes()),
            Self::Job(id) => (b'j', id.to_bytes()),
            Self::Delivery(id) => (b'd', id.to_bytes()),
        };
        let mut bytes = [tag; 17];
        bytes[1..].copy_from_slice(&id);
        bytes
    }

    fn from_bytes(bytes: [u8; 17]) -> Option<Self> {
        let (tag, id) = bytes.split_first()?;
        let id: [u8; 16] = id.try_into().ok()?;
        match tag {
            b'e' => Some(Self::Event(EventId::from_bytes(id))),
            b'n' => Some(Self::Run(RunId::from_bytes(id))),
            b'j' => Some(Self::Job(JobId::from_bytes(id))),
            b'd' => Some(Self::Delivery(DeliveryId::from_bytes(id))),
            _ => None,
        }
    }
}

/// Everything that `cause` led to.
#[must_use]
pub fn effects(org: &OrgId, cause: Node) -> Key {
    Builder::of(org, b'x').bytes(&cause.to_bytes()).0
}

/// That `cause` led to `effect`.
#[must_use]
pub fn effect(org: &OrgId, cause: Node, effect: Node) -> Key {
    Builder(effects(org, cause)).bytes(&effect.to_bytes()).0
}

/// The effect that a key of the table `x` names.
#[must_use]
pub fn parse_effect(key: &[u8]) -> Option<Node> {
    Node::from_bytes(*key.last_chunk::<17>()?)
}

/// A value that no list shows: a password's hash, a sealed secret, a token family.
#[must_use]
pub fn private(org: &OrgId, purpose: &str, name: &str) -> Key {
    Builder::of(org, b'p').text(purpose).text(name).0
}

/// All private values of a purpose.
#[must_use]
pub fn privates(org: &OrgId, purpose: &str) -> Key {
    Builder::of(org, b'p').text(purpose).0
}

/// The name of a private value whose key is under `prefix`, which [`privates`] made.
#[must_use]
pub fn parse_private(prefix: &[u8], key: &[u8]) -> Option<String> {
    // Names hold no zero byte, so none of theirs was doubled.
    let name = key.strip_prefix(prefix)?.strip_suffix(&END)?;
    String::from_utf8(name.to_vec()).ok()
}

/// The job that holds a unique key of a queue.
#[must_use]
pub fn unique_job(org: &OrgId, queue: &QueueName, key: &str) -> Key {
    Builder::of(org, b'j').text(queue.as_str()).text(key).0
}

mod chat;
mod community;
mod file;
mod flow;
mod schedule;
mod stream;
mod system;
mod vendor;
mod webhook;

pub use chat::*;
pub use community::*;
pub use file::*;
pub use flow::*;
pub use schedule::*;
pub use stream::*;
pub use system::*;
pub use vendor::*;
pub use webhook::*;

#[cfg(test)]
mod tests;
