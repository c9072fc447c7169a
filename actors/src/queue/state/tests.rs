//! The queue's mind against a simple model: a store that is a map, writes that are applied and
//! acknowledged at different moments, reads that are old by the time they arrive, hints that come late or
//! never, and crashes at any moment.

use proptest::prelude::*;

use super::*;

mod steps;
mod store;
mod workers;
mod world;

use steps::{Step, step};
use world::{CONCURRENCY, World};

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_run_twice_at_once_or_tried_too_often(
        first in prop_oneof![60 => 0..6_usize, 1 => 1_010..2_200_usize],
        cut_short in 0..=CONCURRENCY,
        steps in proptest::collection::vec(step(), 0..120),
    ) {
        let mut world = World::new(first, cut_short);
        for step in steps {
            world.take(step);
        }
        world.finish();
        let count = |state| world.in_state(state).len() as u64;
        let (completed, failed) = (count(JobState::Completed), count(JobState::Failed));
        prop_assert!(world.trouble || (world.totals.completed, world.totals.failed) == (completed, failed));
        let status = world.mind.status(world.now);
        prop_assert_eq!((status.waiting, status.delayed, status.active), (0, 0, 0));
        for job in world.stored.values() {
            let failures = job.attempts - job.interrupted;
            prop_assert!(job.state == JobState::Completed || failures <= job.max_attempts);
        }
    }

    #[test]
    fn jobs_that_wait_are_taken_in_the_order_in_which_they_came(
        steps in proptest::collection::vec((0..3_u64, any::<u8>()), 1..200),
    ) {
        let mut world = World::new(0, 0);
        for (wait, which) in steps {
            world.now = world.now.plus(Duration::from_millis(wait + 1));
            world.take(Step::Add { delay: 0, whose: 0, urgency: 0, outside: false });
            world.take(Step::Hint);
            world.read(which);
            world.apply();
            world.answer();
            world.end(which, 0);
        }
        world.finish();
        prop_assert!(world.order.is_sorted(), "{:?}", world.order);
    }
}
