//! One actor ends: what those see who ask it.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use appengine_actors::supervision::{AskError, ChildState, TellError};
use appengine_actors::testkit::probe::quiet;
use futures_util::future::{join, join_all};

use super::ledger::{Count, Enter, PanicOnce, Trouble};
use super::world::{PATIENCE, World};

#[actix::test]
async fn what_was_acknowledged_before_a_panic_is_there_after_it() {
    for trouble in [Trouble::Panic, Trouble::PanicLater, Trouble::Fail, Trouble::Stop] {
        let world = World::start();
        let ledger = world.ledger("a");
        assert_eq!(ledger.ask(Enter(1)).await, Ok(Ok(0)));
        assert_eq!(ledger.ask(Count).await, Ok((1, 1)));
        let before = world.generation("group/a");
        ledger.tell(trouble).unwrap();
        quiet().await;
        let (answer, ()) = join(ledger.ask(Count), world.pass(10)).await;
        assert_eq!(answer, Ok((1, 0)), "{trouble:?}: the store kept the entry, memory did not");
        assert!(world.generation("group/a") > before, "{trouble:?}");
        assert_eq!(ledger.ask(Enter(2)).await, Ok(Ok(0)), "{trouble:?}");
    }
}

#[actix::test]
async fn a_question_that_kills_twice_is_not_asked_a_third_time() {
    let world = World::start();
    let ledger = world.ledger("a");
    let (answer, ()) = join(ledger.ask(Trouble::Panic), async {
        world.pass(10).await;
        world.pass(20).await;
    })
    .await;
    assert_eq!(answer, Err(AskError::Interrupted));
    assert_eq!(ledger.ask(Count).await, Ok((0, 0)), "the actor itself is back");
}

#[actix::test]
async fn a_question_that_dies_with_its_actor_is_asked_once_more() {
    let world = World::start();
    let asked = Arc::new(AtomicUsize::new(0));
    let ledger = world.ledger("a");
    let (answer, ()) = join(ledger.ask(PanicOnce(asked.clone())), world.pass(10)).await;
    assert_eq!(answer, Ok(1));
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 2);
}

#[actix::test]
async fn everyone_who_waits_while_an_actor_restarts_gets_one_answer() {
    for trouble in [Trouble::Panic, Trouble::PanicLater, Trouble::Fail, Trouble::Stop] {
        let world = World::start();
        let ledger = world.ledger("a");
        quiet().await;
        // Some stand before the trouble in the mailbox, some behind it.
        let before: Vec<_> = (0..3).map(|id| ledger.ask(Enter(id))).collect();
        let before = join_all(before);
        let trouble_comes = async {
            ledger.tell(trouble).unwrap();
            quiet().await;
        };
        let behind = join_all((3..9).map(|id| ledger.ask(Enter(id))));
        let ((before, ()), (behind, ())) =
            join(join(before, trouble_comes), join(behind, async { world.pass(10).await })).await;
        for answer in before.into_iter().chain(behind) {
            // 1 means that the first incarnation wrote it and died before it could say so.
            assert!(matches!(answer, Ok(Ok(0 | 1))), "{trouble:?}: {answer:?}");
        }
        assert_eq!(ledger.ask(Count).await.unwrap().0, 9, "{trouble:?}: each entry once");
    }
}

#[actix::test]
async fn a_write_that_was_durable_when_its_actor_died_is_not_done_twice() {
    let world = World::start();
    let ledger = world.ledger("a");
    quiet().await;
    world.store.hold();
    let asked = tokio::spawn({
        let ledger = ledger.clone();
        async move { ledger.ask(Enter(7)).await }
    });
    world.store.until_waiting(1).await;
    ledger.tell(Trouble::Panic).unwrap();
    world.store.release_next(1);
    world.store.release();
    world.pass(10).await;
    let answer = asked.await.unwrap().unwrap();
    assert!(matches!(answer, Ok(0 | 1)), "{answer:?}");
    assert_eq!(ledger.ask(Count).await.unwrap().0, 1);
}

#[actix::test]
async fn whoever_asks_an_actor_that_does_not_come_back_is_told_in_time() {
    let world = World::start();
    let ledger = world.ledger("a");
    quiet().await;
    ledger.tell(Trouble::Freeze).unwrap();
    quiet().await;
    let (late, ()) = join(ledger.ask(Count), async {
        quiet().await;
        assert_eq!(pending_asks(&world, "group/a"), 1, "the operator sees who waits");
        world.clock.advance(PATIENCE);
    })
    .await;
    assert_eq!(late, Err(AskError::Late));
    assert_eq!(pending_asks(&world, "group/a"), 0);
}

fn pending_asks(world: &World, path: &str) -> usize {
    let path = world.path(path);
    let statuses = world.registry.statuses();
    statuses.iter().find(|status| status.path == path).unwrap().pending_asks
}

#[actix::test]
async fn a_full_mailbox_says_so_and_what_it_took_is_done() {
    let world = World::start();
    let ledger = world.ledger("a");
    ledger.ask(Count).await.unwrap();
    // All of these come before the actor gets a turn; its mailbox has room for four.
    let told: Vec<_> = (0..10).map(|id| ledger.tell(Enter(id))).collect();
    let taken = told.iter().filter(|told| told.is_ok()).count();
    assert_eq!(taken, 4, "{told:?}");
    assert!(told.iter().skip(taken).all(|told| *told == Err(TellError::Full)), "{told:?}");
    quiet().await;
    assert_eq!(ledger.ask(Count).await.unwrap().0, taken, "what was refused was not done");
    assert_eq!(ledger.tell(Enter(99)), Ok(()), "there is room again");
}

#[actix::test]
async fn telling_an_actor_that_is_not_there_says_so() {
    let world = World::start();
    let ledger = world.ledger("a");
    assert_eq!(ledger.tell(Trouble::Panic), Err(TellError::Gone), "the tree has not started");
    quiet().await;
    ledger.tell(Trouble::Panic).unwrap();
    quiet().await;
    assert_eq!(ledger.tell(Enter(1)), Err(TellError::Gone), "it pauses before its restart");
    let statuses = world.registry.statuses();
    let status = statuses.iter().find(|status| status.path == world.path("group/a")).unwrap();
    assert_eq!((status.state, status.last_exit.as_deref()), (ChildState::Restarting, Some("panicked")));
    assert_eq!(world.registry.missing(), [world.path("group/a")]);
    world.pass(10).await;
    assert_eq!(ledger.tell(Enter(1)), Ok(()));
    assert_eq!(world.registry.missing(), []);
}

#[actix::test]
async fn restarts_that_are_far_apart_use_up_no_budget() {
    let world = World::start();
    let (ledger, group) = (world.ledger("a"), world.generation("group"));
    for _ in 0..6 {
        world.pass(0).await;
        ledger.tell(Trouble::Panic).unwrap();
        world.pass(Duration::from_secs(31).as_millis() as u64).await;
    }
    assert_eq!(ledger.ask(Count).await, Ok((0, 0)));
    assert!(group.is_none() || world.generation("group") == group);
}
