//! Members that come to be when they are asked for, and sleep when they like.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use appengine_actors::supervision::{AskError, Collapse, Supervisor, TellError};
use appengine_actors::testkit::probe::quiet;
use futures_util::future::{join, join_all};

use super::ledger::{Count, Enter, PanicOnce, Trouble};
use super::world::World;

#[actix::test]
async fn a_member_is_woken_by_the_first_question() {
    let world = World::start();
    let members = world.members();
    quiet().await;
    assert_eq!(members.tell("m", Enter(1)), Err(TellError::Gone), "a hint wakes nobody");
    assert_eq!(members.ask("m", Enter(1)).await, Ok(Ok(0)));
    assert_eq!(members.tell("m", Enter(2)), Ok(()));
    quiet().await;
    assert_eq!(members.ask("m", Count).await, Ok((2, 2)));
    members.wake("n").await.unwrap();
    quiet().await;
    assert_eq!(members.tell("n", Enter(1)), Ok(()));
    assert_eq!(world.acting("member"), (2, 2), "two members, one incarnation each");
}

#[actix::test]
async fn many_who_ask_at_once_wake_one_member() {
    let world = World::start();
    let members = world.members();
    let answers = join_all((0..20).map(|id| members.ask("m", Enter(id)))).await;
    assert!(answers.iter().all(|answer| *answer == Ok(Ok(0))), "{answers:?}");
    assert_eq!(world.acting("member"), (1, 1));
}

#[actix::test]
async fn a_member_that_stops_by_itself_is_woken_by_the_next_question_whenever_that_comes() {
    // The question is put at every moment between the stop and its being known everywhere.
    for turns in 0..40 {
        let world = World::start();
        let members = world.members();
        assert_eq!(members.ask("m", Enter(1)).await, Ok(Ok(0)));
        members.tell("m", Trouble::Stop).unwrap();
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        let answer = tokio::select! {
            biased;
            answer = members.ask("m", Count) => Some(answer),
            () = quiet() => None,
        };
        assert_eq!(answer, Some(Ok((1, 0))), "after {turns} turns");
        assert_eq!(world.acting("member").0, 1);
    }
}

#[actix::test]
async fn a_member_that_sleeps_is_forgotten_and_one_that_panics_is_restarted() {
    let world = World::start();
    let members = world.members();
    members.wake("sleeper").await.unwrap();
    members.wake("faulty").await.unwrap();
    quiet().await;
    members.tell("sleeper", Trouble::Stop).unwrap();
    members.tell("faulty", Trouble::Panic).unwrap();
    quiet().await;
    assert_eq!(world.generation("nursery/sleeper"), None);
    assert_eq!(members.tell("faulty", Enter(1)), Err(TellError::Gone));
    world.pass(10).await;
    assert_eq!(members.tell("faulty", Enter(1)), Ok(()));
    assert_eq!(world.generation("nursery/sleeper"), None);
}

#[actix::test]
async fn a_question_that_dies_with_its_member_is_asked_once_more() {
    let world = World::start();
    let members = world.members();
    let asked = Arc::new(AtomicUsize::new(0));
    let (answer, ()) = join(members.ask("m", PanicOnce(asked)), world.pass(10)).await;
    assert_eq!(answer, Ok(1));
    let (answer, ()) = join(members.ask("m", Trouble::Panic), async {
        world.pass(20).await;
        world.pass(20).await;
    })
    .await;
    assert_eq!(answer, Err(AskError::Interrupted));
}

#[actix::test]
async fn members_of_a_group_that_died_are_gone_until_they_are_asked() {
    let world = World::start();
    let members = world.members();
    assert_eq!(members.ask("m", Enter(1)).await, Ok(Ok(0)));
    world.actor::<Supervisor>("nursery").tell(Collapse).unwrap();
    world.pass(10).await;
    assert_eq!(world.generation("nursery/m"), None, "nobody runs under this name");
    assert_eq!(world.registry.missing(), [], "and nobody is missed");
    assert_eq!(members.ask("m", Count).await, Ok((1, 0)));
    assert_eq!(world.acting("member"), (1, 2));
}
