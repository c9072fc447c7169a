//! What may happen next.

use proptest::prelude::*;

#[derive(Debug, Clone)]
pub(super) enum Step {
    Add {
        delay: u64,
        whose: u8,
        urgency: i32,
        outside: bool,
    },
    /// A worker asks for jobs.
    Ask {
        whose: u8,
        most: usize,
        at_once: bool,
    },
    /// The worker that has waited longest gives up waiting.
    Withdraw,
    /// A worker says how its job ended.
    Settle(u8, u8),
    /// A worker says that it lives.
    Live(u8),
    Hint,
    LoseHint,
    Advance(u64),
    /// The store carries out the oldest batch that waits.
    Apply,
    /// The oldest batch that was carried out is answered.
    Answer,
    /// The oldest batch that was carried out is reported as failed.
    LoseAnswer,
    /// The oldest batch that waits fails.
    FailWrite,
    /// A page's keys are read, then its jobs, then it arrives.
    Read(u8),
    ReadAll,
    FailRead(u8),
    End(u8, u8),
    Pause(bool),
    /// Somebody wants something of a job.
    Wish(u8, u8),
    Hold {
        whose: u8,
        paused: bool,
    },
    /// The process dies; of the batches that wait, this many are carried out all the same.
    Crash(usize),
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (prop_oneof![Just(0), 1..5_000_u64], any::<u8>(), -1..2_i32, any::<bool>())
            .prop_map(|(delay, whose, urgency, outside)| Step::Add { delay, whose, urgency, outside }),
        3 => (any::<u8>(), 1..4_usize, any::<bool>())
            .prop_map(|(whose, most, at_once)| Step::Ask { whose, most, at_once }),
        1 => Just(Step::Withdraw),
        5 => (any::<u8>(), any::<u8>()).prop_map(|(which, how)| Step::Settle(which, how)),
        2 => any::<u8>().prop_map(Step::Live),
        1 => (any::<u8>(), any::<bool>()).prop_map(|(whose, paused)| Step::Hold { whose, paused }),
        4 => Just(Step::Hint),
        1 => Just(Step::LoseHint),
        4 => (1..3_000_u64).prop_map(Step::Advance),
        9 => Just(Step::Apply),
        9 => Just(Step::Answer),
        1 => Just(Step::LoseAnswer),
        1 => Just(Step::FailWrite),
        6 => any::<u8>().prop_map(Step::Read),
        4 => Just(Step::ReadAll),
        1 => any::<u8>().prop_map(Step::FailRead),
        9 => (any::<u8>(), any::<u8>()).prop_map(|(which, how)| Step::End(which, how)),
        1 => any::<bool>().prop_map(Step::Pause),
        3 => (any::<u8>(), any::<u8>()).prop_map(|(which, what)| Step::Wish(which, what)),
        2 => (0..3_usize).prop_map(Step::Crash),
    ]
}
