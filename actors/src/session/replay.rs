//! What a client has missed is sent to it again, in its order and as fast as it takes it.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::line::Numbered;
use super::seat::{Frame, Seat};
use crate::house::House;
use crate::store::StoreError;

/// Entries that are read at once.
const PAGE: usize = 200;
/// How long a client that has enough waiting is left alone.
const PAUSE: Duration = Duration::from_millis(20);
/// How often one entry is tried: a minute in all.
const TRIES: u32 = 3_000;

/// What a client had missed, and has been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Replayed {
    /// The first number that was sent, or would be next.
    pub from: u64,
    /// The last number that was sent; the conversation's own when it was answered.
    pub to: u64,
    /// How many were sent.
    pub count: u64,
    /// Whether there were more, which are no longer kept.
    pub gap: bool,
}

/// What there is to be sent again: a session in the store.
pub(super) trait Past: Sync {
    /// What has a number there.
    type Entry: Numbered + Send + Sync;

    /// The shared parts.
    fn house(&self) -> &House;

    /// The room of those who hear it.
    fn room(&self) -> String;

    /// Entries behind a number, in their order.
    fn page(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Self::Entry>, StoreError>>;

    /// The number of the latest entry.
    fn last(&self) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// What those who hear an entry are told; nothing where what it is about is no longer kept.
    ///
    /// # Errors
    /// As [`Frame::of`].
    fn frames(&self, entry: &Self::Entry) -> Result<Vec<Frame>, StoreError>;
}

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
        Self { from: since.saturating_add(1), at: since, count: 0, gap: false }
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

/// Sends the next entries behind a step: the `latest`, where those in memory are all that is missing, else a page
/// out of the store.
pub(super) async fn replay_page<P: Past>(
    past: &P,
    seat: &dyn Seat,
    mut step: Step,
    latest: Option<Vec<P::Entry>>,
) -> Result<Step, StoreError> {
    let page = match latest {
        Some(latest) => latest,
        None => past.page(step.at, PAGE).await?,
    };
    if page.is_empty() {
        // What there was behind it is no longer kept.
        return Ok(Step { at: past.last().await?, gap: true, ..step });
    }
    let room = past.room();
    for entry in &page {
        let frames = past.frames(entry)?;
        // What came before it is no longer kept, or what it is about is not.
        step.gap |= entry.seq() != step.at + 1 || frames.is_empty();
        for frame in &frames {
            push(past.house(), seat, frame).await?;
        }
        past.house().hall.heard(&room, seat.id(), entry.seq());
        step = Step { at: entry.seq(), count: step.count + u64::from(!frames.is_empty()), ..step };
    }
    Ok(step)
}

/// Sends one frame to a client that may have to catch its breath.
async fn push(house: &House, seat: &dyn Seat, frame: &Frame) -> Result<(), StoreError> {
    for _ in 0..TRIES {
        if seat.push(frame).is_ok() {
            return Ok(());
        }
        house.clock.sleep(PAUSE).await;
    }
    seat.cut();
    Err(StoreError::Unavailable("the client does not take what it has missed".to_owned()))
}
