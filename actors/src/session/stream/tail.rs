//! The latest frames of a stream, for all who read it at once. A reader has a place of its own and takes what comes after
//! it when it can: whoever is slow holds up neither the run nor the others, and costs nothing. What is older than the tail
//! is read from the store.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::frame::{Frame, Said};

/// Bytes of frames that are kept in memory for a stream. A reader that keeps up needs the last few.
pub const KEPT: usize = 4 * 1024;

/// What there is behind a reader's place.
#[derive(Debug, Clone, PartialEq)]
pub enum Behind {
    /// These frames, in their order; none when there are no more yet.
    Frames(Vec<Frame>),
    /// Frames that are no longer in memory: the store has them.
    Stored,
    /// The last frame was read: there will be no more.
    Over,
}

/// The tail of a stream, for whoever tells it. Once it is gone, readers learn that nobody tells them any more.
pub struct Tail {
    kept: Arc<Mutex<Kept>>,
    /// The number of the last frame that readers may have.
    reached: watch::Sender<u64>,
}

/// The tail of a stream, for a reader.
#[derive(Debug, Clone)]
pub struct Glimpse {
    kept: Arc<Mutex<Kept>>,
    reached: watch::Receiver<u64>,
}

/// Frames in their order, without gaps, the latest of all that there were.
#[derive(Debug, Default)]
struct Kept {
    frames: VecDeque<(Frame, usize)>,
    bytes: usize,
    last: u64,
    is_over: bool,
}

impl Tail {
    /// The tail of a stream that has reached a number; it is over, or goes on.
    #[must_use]
    pub fn new(last: u64, is_over: bool) -> Self {
        let kept = Kept { last, is_over, ..Kept::default() };
        Self { kept: Arc::new(Mutex::new(kept)), reached: watch::Sender::new(last) }
    }

    /// The number of the last frame.
    #[must_use]
    pub fn last(&self) -> u64 {
        locked(&self.kept).last
    }

    /// Adds frames, which are in the store by now, and wakes those who wait for them.
    pub fn push(&self, said: impl IntoIterator<Item = (Arc<Said>, usize)>) {
        let mut kept = locked(&self.kept);
        for (said, bytes) in said {
            kept.push(said, bytes);
        }
        let last = kept.last;
        drop(kept);
        self.reached.send_replace(last);
    }

    /// For a reader.
    #[must_use]
    pub fn glimpse(&self) -> Glimpse {
        Glimpse { kept: Arc::clone(&self.kept), reached: self.reached.subscribe() }
    }
}

impl Glimpse {
    /// What there is behind a place, up to so many frames.
    #[must_use]
    pub fn after(&self, place: u64, most: usize) -> Behind {
        locked(&self.kept).after(place, most)
    }

    /// Waits until there is more than when it was waited for last. False when nobody tells the stream any more.
    pub async fn more(&mut self) -> bool {
        self.reached.changed().await.is_ok()
    }
}

fn locked(of: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    // Every change is whole before the lock is given back.
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kept {
    fn push(&mut self, said: Arc<Said>, bytes: usize) {
        self.last += 1;
        self.is_over |= said.is_last();
        self.frames.push_back((Frame { number: self.last, said }, bytes));
        self.bytes += bytes;
        // The last one stays, however large it is.
        while self.bytes > KEPT && self.frames.len() > 1 {
            if let Some((_, bytes)) = self.frames.pop_front() {
                self.bytes -= bytes;
            }
        }
    }

    fn after(&self, place: u64, most: usize) -> Behind {
        if place >= self.last {
            return if self.is_over { Behind::Over } else { Behind::Frames(Vec::new()) };
        }
        let first = self.frames.front().map_or(self.last + 1, |(frame, _)| frame.number);
        if place + 1 < first {
            return Behind::Stored;
        }
        let skipped = usize::try_from(place + 1 - first).unwrap_or(usize::MAX);
        let frames = self.frames.iter().skip(skipped).take(most);
        Behind::Frames(frames.map(|(frame, _)| frame.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use proptest::prelude::*;

    use super::*;

    fn chunk(data: &str) -> Arc<Said> {
        Arc::new(Said::Chunk { data: data.to_owned() })
    }

    #[test]
    fn a_reader_has_what_comes_after_its_place_and_learns_of_the_end() {
        let tail = Tail::new(0, false);
        let glimpse = tail.glimpse();
        assert_eq!(glimpse.after(0, 10), Behind::Frames(Vec::new()));
        tail.push([(chunk("a"), 1), (chunk("b"), 1)]);
        let Behind::Frames(frames) = glimpse.after(1, 10) else { panic!() };
        assert_eq!(frames, [Frame { number: 2, said: chunk("b") }]);
        tail.push([(Arc::new(Said::End { sk: None, finish_reason: "stop".to_owned() }), 1)]);
        assert!(matches!(glimpse.after(2, 10), Behind::Frames(frames) if frames.len() == 1));
        assert_eq!(glimpse.after(3, 10), Behind::Over);
        assert_eq!(glimpse.after(9, 10), Behind::Over, "a place that nobody has");
    }

    #[test]
    fn a_tail_that_was_woken_knows_nothing_of_what_was_before() {
        let glimpse = |is_over| Tail::new(7, is_over).glimpse();
        assert_eq!(glimpse(false).after(3, 10), Behind::Stored);
        assert_eq!(glimpse(false).after(7, 10), Behind::Frames(Vec::new()));
        assert_eq!(glimpse(true).after(7, 10), Behind::Over);
        assert_eq!(glimpse(true).after(6, 10), Behind::Stored);
    }

    #[test]
    fn whoever_waits_is_woken_by_more_and_by_the_end_of_whoever_tells() {
        let tail = Tail::new(0, false);
        let mut glimpse = tail.glimpse();
        assert!(glimpse.more().now_or_never().is_none());
        tail.push([(chunk("a"), 1)]);
        assert_eq!(glimpse.more().now_or_never(), Some(true));
        drop(tail);
        assert_eq!(glimpse.more().now_or_never(), Some(false));
    }

    /// What is done to a tail.
    #[derive(Debug, Clone)]
    enum Act {
        Push(Vec<usize>),
        Read(usize, usize),
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let act = prop_oneof![
            prop::collection::vec(0_usize..2_000, 0..5).prop_map(Act::Push),
            (0_usize..3, 1_usize..10).prop_map(|(reader, most)| Act::Read(reader, most)),
        ];
        prop::collection::vec(act, 0..80)
    }

    proptest! {
        /// Three readers against a list of all that was ever said, which stands for the store: each has every frame
        /// once and in its order, whenever it reads.
        #[test]
        fn nobody_misses_a_frame_or_has_one_twice(acts in acts()) {
            let (tail, mut all) = (Tail::new(0, false), Vec::new());
            let glimpse = tail.glimpse();
            let mut heard = [Vec::new(), Vec::new(), Vec::new()];
            for act in acts {
                match act {
                    Act::Push(lengths) => {
                        let said = lengths.iter().map(|length| (chunk(&"x".repeat(*length)), *length));
                        let said: Vec<_> = said.collect();
                        all.extend(said.iter().map(|(said, _)| Arc::clone(said)));
                        tail.push(said);
                    }
                    Act::Read(reader, most) => {
                        let place = heard[reader].len();
                        match glimpse.after(place as u64, most) {
                            Behind::Frames(frames) => {
                                prop_assert!(frames.len() <= most);
                                prop_assert_eq!(frames.is_empty(), place == all.len());
                                for frame in frames {
                                    heard[reader].push(frame.said);
                                    prop_assert_eq!(frame.number, heard[reader].len() as u64);
                                }
                            }
                            Behind::Stored => {
                                prop_assert!(place < all.len());
                                let more = all.iter().skip(place).take(most).cloned();
                                heard[reader].extend(more);
                            }
                            Behind::Over => prop_assert!(false, "it goes on"),
                        }
                    }
                }
                let kept = locked(&tail.kept);
                prop_assert_eq!(kept.frames.iter().map(|(_, bytes)| bytes).sum::<usize>(), kept.bytes);
                prop_assert!(kept.bytes <= KEPT || kept.frames.len() == 1);
            }
            for heard in heard {
                prop_assert_eq!(&heard[..], &all[..heard.len()]);
            }
        }
    }
}
