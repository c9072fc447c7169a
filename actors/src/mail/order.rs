//! Orders a mail: the job that sends it, to be committed with whatever the mail is about.

use super::{KIND, Mail};
use crate::clock::Timestamp;
use crate::house::House;
use crate::ids::{IdError, JobId, QueueName};
use crate::keys;
use crate::queue::job::{JobDraft, Task, names};
use crate::queue::parts::{Part, close};
use crate::store::{Batch, StoreError};

/// Why a mail was not ordered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// It is too long.
    #[error("order a mail of {bytes} bytes: at most {most} are taken (`queues.payload`)")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The most that is taken.
        most: usize,
    },
    /// A name broke its rule.
    #[error(transparent)]
    Name(#[from] IdError),
    /// The payload cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a mail says.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'a> {
    /// Who gets it.
    pub to: &'a str,
    /// What it is about.
    pub subject: &'a str,
    /// What it says.
    pub text: &'a str,
    /// The same with its looks.
    pub html: Option<&'a str>,
}

/// Orders a mail. Its payload is added to the batch, the job is to be added to the same change.
///
/// # Errors
/// When it is too long.
pub fn order(
    house: &House,
    letter: Letter<'_>,
    batch: &mut Batch,
    now: Timestamp,
) -> Result<JobDraft, OrderError> {
    let payload = Mail::payload(letter.to, letter.subject, letter.text, letter.html);
    let closed = close(house, &payload)?;
    let (bytes, most) = (closed.len(), house.settings.work.payload);
    if bytes > most {
        return Err(OrderError::TooLarge { bytes, most });
    }
    let id = JobId::new(now);
    batch.put(keys::job_part(id, Part::Payload.letter()), closed);
    let draft = JobDraft::new(id, QueueName::new(names::NOTIFICATION)?, Task::Work { kind: KIND.to_owned() });
    let inside = house.handlers.get(KIND).is_some();
    Ok(JobDraft { inside, ..draft })
}
