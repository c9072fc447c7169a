//! What lies beside a job of work: what it is given, what comes of it, and what its worker says meanwhile.
//! Moves of the job do not touch it. Sealed where the configuration says so; either form is read.

use std::sync::Arc;

use serde_json::Value;

use super::job::Job;
use crate::house::House;
use crate::ids::JobId;
use crate::keys;
use crate::store::{Batch, Expect, StoreError, Versioned, decode, encode};

/// What a stored part begins with: whether it is sealed.
const PLAIN: u8 = b'0';
const SEALED: u8 = b'1';

/// Lines of a job's log that are kept, and their bytes all together.
const LINES: usize = 200;
const CHARACTERS: usize = 32 * 1024;

/// A part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What is to be done.
    Payload,
    /// What came of it.
    Result,
    /// How far it came: given to the next attempt.
    Cursor,
    /// How far it came: for people.
    Progress,
    /// What its workers said, the newest lines.
    Log,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 5] = [Self::Payload, Self::Result, Self::Cursor, Self::Progress, Self::Log];

    /// The letter that stands for it in keys.
    #[must_use]
    pub const fn letter(self) -> u8 {
        match self {
            Self::Payload => b'p',
            Self::Result => b'r',
            Self::Cursor => b'c',
            Self::Progress => b'g',
            Self::Log => b'l',
        }
    }

    /// The name under which people see it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Payload => "payload",
            Self::Result => "result",
            Self::Cursor => "cursor",
            Self::Progress => "progress",
            Self::Log => "log",
        }
    }
}

/// A part as it is stored.
///
/// # Errors
/// Never: what comes as JSON can be written as such.
pub fn close(house: &House, value: &Value) -> Result<Vec<u8>, StoreError> {
    let text = encode(value)?;
    let (tag, body) = match (house.settings.work.sealed, String::from_utf8(text)) {
        (true, Ok(text)) => (SEALED, house.vault.seal(&text).into_bytes()),
        (_, Ok(text)) => (PLAIN, text.into_bytes()),
        (_, Err(error)) => (PLAIN, error.into_bytes()),
    };
    Ok([vec![tag], body].concat())
}

/// A stored part, read back.
///
/// # Errors
/// When it was sealed with another key, or is none.
pub fn open(house: &House, stored: &[u8]) -> Result<Value, StoreError> {
    match stored.split_first() {
        Some((&PLAIN, body)) => decode(body),
        Some((&SEALED, body)) => {
            let sealed = std::str::from_utf8(body).ok();
            let text = sealed.and_then(|sealed| house.vault.open(sealed));
            let text = text.ok_or_else(|| StoreError::Corrupt("a sealed part does not open".to_owned()))?;
            decode(text.as_bytes())
        }
        _ => Err(StoreError::Corrupt("a part makes no sense".to_owned())),
    }
}

/// These parts of these jobs, job by job.
///
/// # Errors
/// When the store cannot be read.
pub async fn read(
    house: &Arc<House>,
    jobs: &[JobId],
    parts: &[Part],
) -> Result<Vec<Vec<Option<Value>>>, StoreError> {
    let of = |id: JobId| parts.iter().map(move |part| keys::job_part(id, part.letter()));
    let found = house.store.get_many(jobs.iter().flat_map(|id| of(*id)).collect()).await?;
    let values = found.into_iter().map(|found| found.map(|found| open(house, &found.value)).transpose());
    let values: Vec<_> = values.collect::<Result<_, _>>()?;
    Ok(values.chunks(parts.len().max(1)).map(<[_]>::to_vec).collect())
}

/// What an attempt at a job is given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Given {
    /// What is to be done.
    pub payload: Value,
    /// How far an earlier attempt came.
    pub cursor: Option<Value>,
}

/// What attempts at these jobs are given, job by job.
///
/// # Errors
/// When the store cannot be read.
pub async fn given(house: &Arc<House>, jobs: &[Job]) -> Result<Vec<Given>, StoreError> {
    // At its first attempt a job has no cursor: not to ask for one is not to ask the disk.
    let has_cursor = |job: &Job| job.terms.begun || job.attempts > 1;
    let part = |job: &Job, part: Part| keys::job_part(job.id, part.letter());
    let payloads = jobs.iter().map(|job| part(job, Part::Payload));
    let cursors = jobs.iter().filter(|job| has_cursor(job)).map(|job| part(job, Part::Cursor));
    let mut found = house.store.get_many(payloads.chain(cursors).collect()).await?;
    let mut cursors = found.split_off(jobs.len().min(found.len())).into_iter();
    let open = |found: Option<Versioned>| found.map(|found| open(house, &found.value)).transpose();
    let given = jobs.iter().zip(found).map(|(job, payload)| {
        let cursor = if has_cursor(job) { cursors.next().flatten() } else { None };
        Ok(Given { payload: open(payload)?.unwrap_or(Value::Null), cursor: open(cursor)? })
    });
    given.collect()
}

/// Removes all that lies beside a job.
pub(super) fn remove(batch: &mut Batch, id: JobId) {
    for part in Part::ALL {
        batch.delete(keys::job_part(id, part.letter()));
    }
}

/// What whoever does a job may say of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// This part is so now.
    Part(Part, Value),
    /// Lines for its log.
    Lines(Vec<String>),
}

/// Writes down what is said of a job that runs.
///
/// # Errors
/// When the store fails; a conflict when the job does not run any more.
pub(super) async fn say(house: &Arc<House>, job: &Job, what: Said) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    // One that was removed meanwhile leaves nothing behind.
    batch.expect(job.at(), Expect::Present);
    match what {
        Said::Part(part, value) => {
            batch.put(keys::job_part(job.id, part.letter()), close(house, &value)?);
            // Where an attempt goes on, and what came of it, is worth more than what people look at.
            let lazy = matches!(part, Part::Progress | Part::Log);
            house.store.commit(if lazy { batch.lazily() } else { batch }).await
        }
        Said::Lines(new) => {
            let key = keys::job_part(job.id, Part::Log.letter());
            loop {
                let found = house.store.get(key.clone()).await?;
                let old = found.as_ref().map(|found| open(house, &found.value)).transpose()?;
                let mut batch = batch.clone();
                batch.expect(key.clone(), found.map_or(Expect::Absent, |f| Expect::Version(f.version)));
                batch.put(key.clone(), close(house, &kept(old, &new))?);
                match house.store.commit(batch.lazily()).await {
                    // Somebody else added lines in the same moment.
                    Err(StoreError::Conflict { index: 1 }) => {}
                    written => return written,
                }
            }
        }
    }
}

/// The log with these lines at its end, and without as many of the oldest as are too much.
fn kept(old: Option<Value>, new: &[String]) -> Value {
    let old = if let Some(Value::Array(lines)) = old { lines } else { Vec::new() };
    let lines: Vec<Value> = old.into_iter().chain(new.iter().cloned().map(Value::from)).collect();
    let mut room = CHARACTERS;
    let newest = lines.into_iter().rev().take(LINES).take_while(|line| {
        let length = line.as_str().map_or(0, str::len);
        let fits = length <= room;
        room = room.saturating_sub(length);
        fits
    });
    let mut newest: Vec<Value> = newest.collect();
    newest.reverse();
    Value::from(newest)
}
