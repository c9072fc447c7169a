//! Work that handlers of this process do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use appengine_actors::queue::alter::Wish;
use appengine_actors::queue::job::{FailedReason, Job, JobState, Outcome};
use appengine_actors::queue::parts::Part;
use appengine_actors::queue::worker::{Handler, Handlers, JobContext};
use appengine_actors::testkit::Setup;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::shop::{QUEUE, SECOND, Shop, work};

/// What a handler does.
#[derive(Clone, Copy)]
enum Way {
    /// Says how far it is, and fails the first time.
    Steps,
    /// Says nothing and never ends.
    Stuck,
    /// Lives, and ends when it is called off.
    Listens,
    /// Lives, and does not listen.
    Deaf,
}

/// A payload, and a cursor where there is one.
type Given = (Value, Option<Value>);

#[derive(Clone)]
struct Hand {
    way: Way,
    given: Arc<Mutex<Vec<Given>>>,
    running: Arc<AtomicUsize>,
    clock: Arc<dyn appengine_actors::clock::Clock>,
}

struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Handler for Hand {
    fn work(&self, job: Job, context: JobContext) -> BoxFuture<'static, Outcome> {
        let hand = self.clone();
        Box::pin(async move {
            hand.given.lock().unwrap().push((context.payload().clone(), context.cursor().cloned()));
            hand.running.fetch_add(1, Ordering::SeqCst);
            let _running = Running(hand.running.clone());
            match hand.way {
                Way::Steps => {
                    context.progress(json!(10)).await.unwrap();
                    context.log(format!("attempt {}", job.attempts)).await.unwrap();
                    context.checkpoint(json!({"row": job.attempts})).await.unwrap();
                    context.result(json!("made")).await.unwrap();
                    if job.attempts == 1 { Outcome::Retry("no".into()) } else { Outcome::Done }
                }
                Way::Stuck => std::future::pending().await,
                Way::Listens => {
                    context.cancelled().await;
                    assert!(context.is_cancelled());
                    Outcome::Retry("it was called off".into())
                }
                Way::Deaf => loop {
                    hand.clock.sleep(SECOND).await;
                    context.beat();
                },
            }
        })
    }
}

fn shop(way: Way) -> (Shop, Hand) {
    let mut setup = Setup::default();
    let clock = Arc::new(setup.clock.clone());
    let hand = Hand { way, given: Arc::default(), running: Arc::default(), clock };
    setup.handlers = Handlers::default().with("mail", hand.clone());
    let queue = setup.settings.queues.values_mut();
    queue.for_each(|queue| (queue.timeout, queue.stuck_after) = (SECOND * 300, SECOND * 20));
    (Shop(setup.start()), hand)
}

#[actix::test]
async fn a_handler_is_given_what_there_is_and_says_how_far_it_is() {
    let (shop, hand) = shop(Way::Steps);
    let id = shop.add(work(7)).await.job().id;
    shop.0.advance(SECOND).await;
    let job = shop.job(id).await;
    assert_eq!((job.state, job.attempts), (JobState::Completed, 2));
    let given = [(json!({"n": 7}), None), (json!({"n": 7}), Some(json!({"row": 1})))];
    assert_eq!(*hand.given.lock().unwrap(), given, "the second attempt goes on where the first was");
    assert_eq!(shop.part(id, Part::Log).await, Some(json!(["attempt 1", "attempt 2"])));
    assert_eq!(shop.part(id, Part::Progress).await, Some(json!(10)));
    assert_eq!(shop.part(id, Part::Result).await, Some(json!("made")));
    assert!(shop.claim(5).await.is_empty(), "it is done here, and by nobody else");
}

#[actix::test]
async fn a_handler_that_gives_no_sign_of_life_is_stopped_and_that_is_no_failure() {
    let (shop, hand) = shop(Way::Stuck);
    let id = shop.add(work(1)).await.job().id;
    shop.0.advance(SECOND * 19).await;
    assert_eq!((shop.job(id).await.attempts, hand.running.load(Ordering::SeqCst)), (1, 1));
    shop.0.advance(SECOND).await;
    let job = shop.job(id).await;
    assert_eq!(
        (job.state, job.attempts, job.interrupted),
        (JobState::Active, 2, 1),
        "it is tried again at once"
    );
    let why = "its handler gave no sign of life for 20s while it ran";
    assert_eq!((job.last_error.as_deref(), hand.running.load(Ordering::SeqCst)), (Some(why), 1));
    shop.0.advance(SECOND * 20).await;
    shop.0.advance(SECOND * 20).await;
    assert_eq!(shop.job(id).await.failed_reason, Some(FailedReason::Poisonous));
}

#[actix::test]
async fn a_handler_is_told_that_its_job_was_called_off_and_stopped_if_it_does_not_listen() {
    for (way, patience) in [(Way::Listens, Duration::ZERO), (Way::Deaf, SECOND * 5)] {
        let (shop, hand) = shop(way);
        let id = shop.add(work(1)).await.job().id;
        for _ in 0..3 {
            shop.0.advance(SECOND * 15).await;
            if matches!(way, Way::Listens) {
                break;
            }
        }
        assert_eq!(shop.job(id).await.attempts, 1, "whoever lives is not taken for stuck");
        shop.alter(id, Wish::Cancel).await.unwrap();
        for _ in 0..patience.as_secs() {
            shop.0.advance(SECOND).await;
        }
        let job = shop.job(id).await;
        assert_eq!((job.state, job.failed_reason), (JobState::Failed, Some(FailedReason::Cancelled)));
        assert_eq!(hand.running.load(Ordering::SeqCst), 0);
        assert_eq!(shop.counts(QUEUE).await, [0, 0, 0, 0, 0, 1]);
    }
}
