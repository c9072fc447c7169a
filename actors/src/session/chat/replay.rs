//! What a client has missed is sent to it again, in its order and as fast as it takes it.

use std::time::Duration;

use super::book::ChatBook;
use super::message::Message;
use super::messages::{ChatError, Replayed};
use super::words;
use crate::session::seat::{Frame, Seat};
use crate::store::StoreError;

/// Messages that are read at once.
const PAGE: usize = 200;
/// How long a client that has enough waiting is left alone.
const PAUSE: Duration = Duration::from_millis(20);
/// How often one message is tried: a minute in all.
const TRIES: u32 = 3_000;

/// How far a client has been brought.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    from: u64,
    /// The number that it has heard last.
    at: u64,
    count: u64,
    gap: bool,
}

impl Step {
    /// A client that has heard all up to a number.
    pub(super) const fn from(since: u64) -> Self {
        Self { from: since + 1, at: since, count: 0, gap: false }
    }

    pub(super) const fn at(&self) -> u64 {
        self.at
    }

    /// Whether nothing is missing.
    pub(super) const fn is_at(&self, last: u64) -> bool {
        self.at >= last
    }

    pub(super) const fn done(&self) -> Replayed {
        Replayed { from: self.from, to: self.at, count: self.count, gap: self.gap }
    }
}

/// Sends the next messages behind a step: the `latest`, where those in memory are all that is missing, else a page
/// out of the store.
pub(super) async fn replay_page(
    book: &ChatBook,
    seat: &dyn Seat,
    mut step: Step,
    latest: Option<Vec<Message>>,
) -> Result<Step, ChatError> {
    let page = match latest {
        Some(latest) => latest,
        None => book.page(step.at, PAGE).await?,
    };
    if page.is_empty() {
        // What there was behind it is no longer kept.
        return Ok(Step { at: book.last().await?, gap: true, ..step });
    }
    let room = book.room();
    for message in &page {
        // What came before it is no longer kept.
        step.gap |= message.seq != step.at + 1;
        push(book, seat, &words::message(message)?).await?;
        if message.ends.is_some() {
            push(book, seat, &words::ended(message)?).await?;
        }
        book.house.hall.heard(&room, seat.id(), message.seq);
        step = Step { at: message.seq, count: step.count + 1, ..step };
    }
    Ok(step)
}

/// Sends one message to a client that may have to catch its breath.
async fn push(book: &ChatBook, seat: &dyn Seat, frame: &Frame) -> Result<(), ChatError> {
    for _ in 0..TRIES {
        if seat.push(frame).is_ok() {
            return Ok(());
        }
        book.house.clock.sleep(PAUSE).await;
    }
    seat.cut();
    Err(StoreError::Unavailable("the client does not take what it has missed".to_owned()).into())
}
