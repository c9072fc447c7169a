//! Keys of the system tenant: what belongs to the whole installation, with the organisation inside.

use super::{Builder, END};
use crate::clock::Timestamp;
use crate::ids::{DeliveryId, JobId, OrgId, QueueName};
use crate::store::Key;

/// A value that belongs to no organisation and that no list shows.
#[must_use]
pub fn system_private(purpose: &str, name: &str) -> Key {
    Builder::system(b'p').text(purpose).text(name).0
}

/// The latest stamp that was given out.
#[must_use]
pub fn latest_stamp() -> Key {
    Builder::system(b's').0
}

/// An organisation's entry.
#[must_use]
pub fn org(id: &OrgId) -> Key {
    Builder::system(b'o').text(id.as_str()).0
}

/// All organisations.
#[must_use]
pub fn orgs() -> Key {
    Builder::system(b'o').0
}

/// The organisation that a key of [`orgs`] names.
#[must_use]
pub fn parse_org(key: &[u8]) -> Option<OrgId> {
    let text = key.strip_prefix(orgs().as_slice())?.strip_suffix(&END)?;
    OrgId::new(std::str::from_utf8(text).ok()?).ok()
}

/// All jobs.
#[must_use]
pub fn jobs() -> Key {
    Builder::system(b'j').0
}

/// A job.
#[must_use]
pub fn job(id: JobId) -> Key {
    Builder::system(b'j').bytes(&id.to_bytes()).0
}

/// All jobs of a queue in a state (its letter), in the order in which they come up.
#[must_use]
pub fn jobs_in(queue: &QueueName, state: u8) -> Key {
    Builder::system(b'q').text(queue.as_str()).bytes(&[state]).0
}

/// One job's place among those of its state.
#[must_use]
pub fn job_in(queue: &QueueName, state: u8, place: u64, id: JobId) -> Key {
    Builder(jobs_in(queue, state)).number(place).bytes(&id.to_bytes()).0
}

/// Who does a job that waits: this program, or a worker outside of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// This program.
    Inside,
    /// A worker that asks for it.
    Outside,
}

impl Side {
    const fn letter(self) -> u8 {
        match self {
            Self::Inside => b'r',
            Self::Outside => b'x',
        }
    }
}

/// All jobs of a queue that wait for one side, by organisation, priority and key.
#[must_use]
pub fn waiting_jobs(queue: &QueueName, side: Side) -> Key {
    jobs_in(queue, side.letter())
}

/// Those of one organisation.
#[must_use]
pub fn waiting_jobs_of(queue: &QueueName, side: Side, org: &OrgId) -> Key {
    Builder(waiting_jobs(queue, side)).text(org.as_str()).0
}

/// Those of one organisation, priority and key, which come up in their order.
#[must_use]
pub fn waiting_line(queue: &QueueName, side: Side, (org, priority, key): (&OrgId, i32, &str)) -> Key {
    // The sign's bit the other way round: so that what is less comes first.
    let priority = priority.cast_unsigned() ^ (1 << 31);
    Builder(waiting_jobs_of(queue, side, org)).bytes(&priority.to_be_bytes()).text(key).0
}

/// One job's place among those that wait.
#[must_use]
pub fn job_waiting(queue: &QueueName, side: Side, line: (&OrgId, i32, &str), place: u64, id: JobId) -> Key {
    Builder(waiting_line(queue, side, line)).number(place).bytes(&id.to_bytes()).0
}

/// The organisation, priority and key of a job that waits.
#[must_use]
pub fn parse_waiting(queue: &QueueName, side: Side, key: &[u8]) -> Option<(OrgId, i32, String)> {
    let rest = key.strip_prefix(waiting_jobs(queue, side).as_slice())?;
    let (org, rest) = text_of(rest)?;
    let (priority, rest) = rest.split_first_chunk::<4>()?;
    let (key, _) = text_of(rest)?;
    let priority = (u32::from_be_bytes(*priority) ^ (1 << 31)).cast_signed();
    Some((OrgId::new(&org).ok()?, priority, key))
}

/// What lies beside a job, by the part's letter: its payload, its result and so on.
#[must_use]
pub fn job_part(id: JobId, letter: u8) -> Key {
    Builder::system(b'd').bytes(&id.to_bytes()).bytes(&[letter]).0
}

/// All jobs that wait for a job to end.
#[must_use]
pub fn dependents(id: JobId) -> Key {
    Builder::system(b'b').bytes(&id.to_bytes()).0
}

/// That a job waits for another one to end.
#[must_use]
pub fn dependent(id: JobId, waits: JobId) -> Key {
    Builder(dependents(id)).bytes(&waits.to_bytes()).0
}

/// The job that waits, of a key of [`dependents`].
#[must_use]
pub fn parse_dependent(key: &[u8]) -> Option<JobId> {
    key.last_chunk::<16>().map(|bytes| JobId::from_bytes(*bytes))
}

/// The job that is waited for, of a key of [`dependents`]; none where it is another key.
#[must_use]
pub fn parse_awaited(key: &[u8]) -> Option<JobId> {
    let ids = key.strip_prefix(Builder::system(b'b').0.as_slice())?;
    ids.split_first_chunk::<16>().map(|(id, _)| JobId::from_bytes(*id))
}

/// That others wait for a job to end.
#[must_use]
pub fn awaited(id: JobId) -> Key {
    Builder::system(b'e').bytes(&id.to_bytes()).0
}

/// Jobs of a queue that ended, and of which others are still to be told.
#[must_use]
pub fn aftermaths(queue: &QueueName) -> Key {
    Builder::system(b'a').text(queue.as_str()).0
}

/// That a job ended, which others are still to be told.
#[must_use]
pub fn aftermath(queue: &QueueName, id: JobId) -> Key {
    Builder(aftermaths(queue)).bytes(&id.to_bytes()).0
}

/// Whether this is the place of a job that waits, as format 2 had it.
#[must_use]
pub fn is_waiting_in_row(key: &[u8]) -> bool {
    let rest = key.strip_prefix(Builder::system(b'q').0.as_slice()).and_then(text_of);
    rest.is_some_and(|(_, rest)| rest.first() == Some(&b'w'))
}

/// The text that begins here, and what comes after its end.
pub(super) fn text_of(bytes: &[u8]) -> Option<(String, &[u8])> {
    let mut text = Vec::new();
    let mut rest = bytes;
    loop {
        match rest {
            [0, 1, rest @ ..] => return Some((String::from_utf8(text).ok()?, rest)),
            [0, u8::MAX, after @ ..] => {
                text.push(0);
                rest = after;
            }
            [byte, after @ ..] => {
                text.push(*byte);
                rest = after;
            }
            [] => return None,
        }
    }
}

/// The place and job that a key of the table `q` names.
#[must_use]
pub fn parse_job_in(key: &[u8]) -> Option<(u64, JobId)> {
    let (rest, id) = key.split_last_chunk::<16>()?;
    let place = rest.last_chunk::<8>()?;
    Some((u64::from_be_bytes(*place), JobId::from_bytes(*id)))
}

/// Whose jobs a queue does not take.
#[must_use]
pub fn queue_paused(queue: &QueueName) -> Key {
    Builder::system(b'z').text(queue.as_str()).bytes(b"p").0
}

/// A queue's totals.
#[must_use]
pub fn queue_totals(queue: &QueueName) -> Key {
    Builder::system(b'z').text(queue.as_str()).0
}

/// Deliveries that wait for a destination, the most urgent first.
#[must_use]
pub fn waiting_at(destination: &str) -> Key {
    Builder::system(b'w').text(destination).0
}

/// One delivery's place among those that wait for a destination.
#[must_use]
pub fn delivery_at(destination: &str, due: Timestamp, id: DeliveryId) -> Key {
    Builder(waiting_at(destination)).number(due.as_millis()).bytes(&id.to_bytes()).0
}

/// The delivery that a key of the table `d` names.
#[must_use]
pub fn parse_delivery(key: &[u8]) -> Option<DeliveryId> {
    key.last_chunk::<16>().map(|bytes| DeliveryId::from_bytes(*bytes))
}

/// The due moment and delivery that a key of the table `w` names.
#[must_use]
pub fn parse_delivery_at(key: &[u8]) -> Option<(u64, DeliveryId)> {
    let (rest, id) = key.split_last_chunk::<16>()?;
    let due = rest.last_chunk::<8>()?;
    Some((u64::from_be_bytes(*due), DeliveryId::from_bytes(*id)))
}

/// A destination that has had deliveries.
#[must_use]
pub fn destination(name: &str) -> Key {
    Builder::system(b'y').text(name).0
}

/// All destinations.
#[must_use]
pub fn destinations() -> Key {
    Builder::system(b'y').0
}

/// The destination that a key of [`destinations`] names.
#[must_use]
pub fn parse_destination(key: &[u8]) -> Option<String> {
    let text = key.strip_prefix(destinations().as_slice())?.strip_suffix(&END)?;
    String::from_utf8(text.to_vec()).ok()
}
