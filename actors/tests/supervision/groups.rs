//! A supervisor gives up or dies itself: what becomes of its children, and of the tree.

use appengine_actors::store::Store;
use appengine_actors::supervision::{ActorPath, ChildState, Collapse, Ref, Supervisor};
use appengine_actors::testkit::probe::quiet;
use futures_util::FutureExt;
use futures_util::future::join;

use super::ledger::{Borrow, Count, Enter, Trouble};
use super::world::{PATIENCE, World};

/// Ends a ledger once more than is normal.
async fn exhaust(world: &World, name: &str) {
    for _ in 0..3 {
        world.pass(20).await;
        world.ledger(name).tell(Trouble::Panic).unwrap();
    }
    quiet().await;
}

#[actix::test]
async fn an_actor_that_fails_too_often_takes_its_group_with_it_and_all_are_rebuilt() {
    let world = World::start();
    let (a, b) = (world.ledger("a"), world.ledger("b"));
    for (ledger, id) in [(&a, 1), (&b, 2), (&b, 3)] {
        assert_eq!(ledger.ask(Enter(id)).await, Ok(Ok(0)));
    }
    let before = (world.generation("group"), world.generation("group/b"), world.generation("nursery"));
    exhaust(&world, "a").await;
    assert_eq!(world.registry.missing(), [world.path("group"), world.path("group/a"), world.path("group/b")]);
    let (counts, ()) = join(join(a.ask(Count), b.ask(Count)), world.pass(10)).await;
    assert_eq!(counts, (Ok((1, 0)), Ok((2, 0))), "the store kept all, and both are new");
    assert!(world.generation("group") > before.0 && world.generation("group/b") > before.1);
    assert_eq!(world.generation("nursery"), before.2, "what stands beside the group goes on");
    let statuses = world.registry.statuses();
    let group = statuses.iter().find(|status| status.path == world.path("group")).unwrap();
    let why = "failed: root/group/a panicked beyond its restart budget";
    assert_eq!((group.restarts, group.last_exit.as_deref()), (1, Some(why)));
}

#[actix::test]
async fn a_tree_that_cannot_be_kept_up_ends_with_the_reason() {
    let world = World::start();
    assert_eq!(world.ledger("a").ask(Enter(1)).await, Ok(Ok(0)));
    // Three failures of the ledger are one of the group, two of those are one of the root, and so on.
    for _ in 0..4 {
        assert!(!world.ended.is_finished());
        exhaust(&world, "a").await;
        world.pass(1_000).await;
    }
    let store = world.store.clone();
    let failed = world.ended.await.unwrap();
    let why = "root failed: root/group failed: root/group/a panicked beyond its restart budget beyond its restart budget";
    assert_eq!(failed, Err(why.to_owned()));
    let statuses = world.registry.statuses();
    assert!(statuses.iter().all(|status| status.state != ChildState::Running), "{statuses:#?}");
    let kept = store.get([b"a/".as_slice(), &1_u64.to_be_bytes()].concat()).await;
    assert!(kept.unwrap().is_some());
}

#[actix::test]
async fn a_supervisor_that_panics_is_rebuilt_with_its_children() {
    let world = World::start();
    let b = world.ledger("b");
    assert_eq!(b.ask(Enter(1)).await, Ok(Ok(0)));
    let before = world.generation("group/b");
    world.actor::<Supervisor>("group").tell(Collapse).unwrap();
    quiet().await;
    let (count, ()) = join(b.ask(Count), world.pass(10)).await;
    assert_eq!(count, Ok((1, 0)));
    assert!(world.generation("group/b") > before);
    assert_eq!(world.acting("b"), (1, 2), "no two incarnations acted at once");
    assert!(!world.ended.is_finished());
}

#[actix::test]
async fn a_root_that_panics_is_rebuilt_with_everything() {
    let world = World::start();
    let b = world.ledger("b");
    assert_eq!(b.ask(Enter(1)).await, Ok(Ok(0)));
    let root = Ref::<Supervisor>::new(world.registry.clone(), ActorPath::root("root"), PATIENCE);
    root.tell(Collapse).unwrap();
    quiet().await;
    let (count, ()) = join(b.ask(Count), world.pass(10)).await;
    assert_eq!(count, Ok((1, 0)));
    assert_eq!(world.acting("a"), (1, 2));
    assert_eq!(world.acting("b"), (1, 2));
}

#[actix::test]
async fn a_new_incarnation_waits_until_the_work_of_the_old_one_has_ended() {
    let world = World::start();
    let a = world.ledger("a");
    // A piece of work that goes on although its actor is gone.
    let work = a.ask(Borrow).await.unwrap();
    world.actor::<Supervisor>("group").tell(Collapse).unwrap();
    world.pass(10).await;
    let asked = tokio::spawn({
        let a = a.clone();
        async move { a.ask(Enter(1)).await }
    });
    quiet().await;
    assert_eq!(world.acting("a"), (1, 2), "it is started");
    assert!(!asked.is_finished(), "and does not act yet");
    drop(work);
    assert_eq!(asked.await.unwrap(), Ok(Ok(0)));
    assert_eq!(world.acting("a"), (1, 2));
}

#[actix::test]
async fn a_tree_that_is_told_to_stop_stops_everybody() {
    let mut world = World::start();
    let a = world.ledger("a");
    assert_eq!(a.ask(Enter(1)).await, Ok(Ok(0)));
    world.stop();
    quiet().await;
    assert!(world.ended.is_finished());
    // The leases are free: nobody acts any more.
    for name in ["a", "b"] {
        assert!(world.store.lease(name.to_owned()).now_or_never().is_some(), "{name}");
    }
    assert_eq!(world.ended.await.unwrap(), Ok(()));
}
