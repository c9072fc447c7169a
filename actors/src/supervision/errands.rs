//! What an actor waits for, when that may be many things at once. actix polls everything that an actor has
//! spawned whenever any of it is ready, which is a hundred polls for each of a hundred jobs that end. Errands
//! are polled only when they were woken themselves, in the order in which they were.

use std::cell::RefCell;
use std::collections::HashMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as Task, Poll, Wake, Waker};

use actix::dev::{MessageResponse, OneshotSender};
use actix::{Actor, ActorContext, ActorFuture, ActorFutureExt, AsyncContext, Context, Message};
use futures_util::task::AtomicWaker;

type Work<A, T> = Pin<Box<dyn ActorFuture<A, Output = T>>>;

/// An actor's errands; they end with it.
pub struct Errands<A: Actor>(Rc<RefCell<UnderWay<A>>>);

/// The number of an errand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrandId(u64);

struct UnderWay<A: Actor> {
    sent: u64,
    errands: HashMap<u64, (Work<A, ()>, Waker)>,
    woken: Arc<Woken>,
}

/// Which of them are to be polled.
#[derive(Default)]
struct Woken {
    numbers: Mutex<Vec<u64>>,
    actor: AtomicWaker,
}

/// Wakes one of them.
struct Bell {
    number: u64,
    woken: Arc<Woken>,
}

impl Woken {
    fn numbers(&self) -> std::sync::MutexGuard<'_, Vec<u64>> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.woken.numbers().push(self.number);
        self.woken.actor.wake();
    }
}

impl<A: Actor> Default for Errands<A> {
    fn default() -> Self {
        let (errands, woken) = (HashMap::new(), Arc::default());
        Self(Rc::new(RefCell::new(UnderWay { sent: 0, errands, woken })))
    }
}

impl<A: Actor<Context = Context<A>>> Errands<A> {
    /// Has them carried out from now on: once for each actor, as it starts.
    pub fn begin(&self, ctx: &mut Context<A>) {
        ctx.spawn(Runner(Rc::clone(&self.0)));
    }

    /// Sends for something.
    pub fn send(&self, work: impl ActorFuture<A, Output = ()> + 'static) -> ErrandId {
        let mut all = self.0.borrow_mut();
        all.sent += 1;
        let number = all.sent;
        let bell = Arc::new(Bell { number, woken: Arc::clone(&all.woken) });
        all.errands.insert(number, (Box::pin(work), Waker::from(Arc::clone(&bell))));
        bell.wake();
        ErrandId(number)
    }

    /// Forgets one that is waited for no more; it is no error if it is done.
    pub fn recall(&self, ErrandId(number): ErrandId) {
        let recalled = self.0.borrow_mut().errands.remove(&number);
        // It may hold anything, also what sends for more as it goes.
        drop(recalled);
    }

    /// What a handler answers with once the work is done.
    pub fn answer<T>(&self, work: impl ActorFuture<A, Output = T> + 'static) -> Answer<A, T> {
        Answer(Self(Rc::clone(&self.0)), Box::pin(work))
    }
}

/// Carries them out, within the actor's context.
struct Runner<A: Actor>(Rc<RefCell<UnderWay<A>>>);

impl<A: Actor<Context = Context<A>>> ActorFuture<A> for Runner<A> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, act: &mut A, ctx: &mut Context<A>, task: &mut Task<'_>) -> Poll<()> {
        let woken = Arc::clone(&self.0.borrow().woken);
        woken.actor.register(task.waker());
        let mut numbers = std::mem::take(&mut *woken.numbers()).into_iter();
        // An actor that waits, or goes, does nothing else; it polls this again afterwards.
        while !ctx.waiting()
            && !ctx.state().stopping()
            && let Some(number) = numbers.next()
        {
            // One that was recalled, or woken twice, may be gone.
            let Some((mut work, waker)) = self.0.borrow_mut().errands.remove(&number) else { continue };
            if work.as_mut().poll(act, ctx, &mut Task::from_waker(&waker)).is_pending() {
                self.0.borrow_mut().errands.insert(number, (work, waker));
            }
        }
        woken.numbers().splice(..0, numbers);
        Poll::Pending
    }
}

/// An answer that comes later.
pub struct Answer<A: Actor, T>(Errands<A>, Work<A, T>);

impl<A, M> MessageResponse<A, M> for Answer<A, M::Result>
where
    A: Actor<Context = Context<A>>,
    M: Message,
    M::Result: 'static,
{
    fn handle(self, _: &mut Context<A>, tell: Option<OneshotSender<M::Result>>) {
        let Self(errands, work) = self;
        errands.send(work.map(|answer, _, _| {
            if let Some(tell) = tell {
                // Whoever asked may have given up waiting.
                let _ = tell.send(answer);
            }
        }));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use actix::fut::{ready, wrap_future};
    use actix::{Handler, Message};
    use futures_util::future::poll_fn;
    use tokio::sync::oneshot;

    use super::*;

    #[derive(Default)]
    struct Clerk {
        errands: Errands<Self>,
        done: Vec<u32>,
    }

    impl Actor for Clerk {
        type Context = Context<Self>;

        fn started(&mut self, ctx: &mut Self::Context) {
            self.errands.begin(ctx);
        }
    }

    #[derive(Message)]
    #[rtype(result = "Vec<u32>")]
    struct Fetch(u32, oneshot::Receiver<()>);

    impl Handler<Fetch> for Clerk {
        type Result = Answer<Self, Vec<u32>>;

        fn handle(&mut self, Fetch(number, wait): Fetch, _: &mut Self::Context) -> Self::Result {
            self.errands.answer(wrap_future(wait).map(move |_, act: &mut Self, _| {
                act.done.push(number);
                act.done.clone()
            }))
        }
    }

    #[derive(Message)]
    #[rtype(result = "()")]
    struct Do(Box<Deed>);

    type Deed = dyn FnOnce(&mut Clerk, &mut Context<Clerk>) + Send;

    impl Handler<Do> for Clerk {
        type Result = ();

        fn handle(&mut self, Do(work): Do, ctx: &mut Self::Context) {
            work(self, ctx);
        }
    }

    #[actix::test]
    async fn they_are_answered_in_the_order_in_which_they_become_ready() {
        let clerk = Clerk::default().start();
        let (ring, waits): (Vec<_>, Vec<_>) = (0..3).map(|_| oneshot::channel()).unzip();
        let asked: Vec<_> = (0..).zip(waits).map(|(n, wait)| clerk.send(Fetch(n, wait))).collect();
        clerk.send(Do(Box::new(|_, _| {}))).await.unwrap();
        for ring in ring.into_iter().rev() {
            ring.send(()).unwrap();
        }
        let answers = futures_util::future::join_all(asked).await;
        assert_eq!(answers, [Ok(vec![2, 1, 0]), Ok(vec![2, 1]), Ok(vec![2])]);
    }

    #[actix::test]
    async fn only_what_was_woken_is_polled() {
        thread_local!(static POLLS: Cell<u32> = const { Cell::new(0) });
        let clerk = Clerk::default().start();
        let idle = |act: &mut Clerk, _: &mut Context<Clerk>| {
            act.errands.send(wrap_future(poll_fn(|_| {
                POLLS.set(POLLS.get() + 1);
                Poll::Pending
            })));
        };
        clerk.send(Do(Box::new(idle))).await.unwrap();
        for n in 0..100 {
            let (ring, wait) = oneshot::channel();
            let asked = clerk.send(Fetch(n, wait));
            ring.send(()).unwrap();
            asked.await.unwrap();
        }
        assert_eq!(POLLS.get(), 1);
    }

    #[actix::test]
    async fn an_errand_may_send_for_more_and_one_that_is_recalled_is_not_heard_of() {
        let clerk = Clerk::default().start();
        let (told, heard) = oneshot::channel();
        let work = move |act: &mut Clerk, _: &mut Context<Clerk>| {
            let recalled = act.errands.send(ready(()).map(|(), act: &mut Clerk, _| act.done.push(9)));
            act.errands.recall(recalled);
            act.errands.send(ready(()).map(|(), act: &mut Clerk, _| {
                act.errands.send(ready(()).map(|(), act: &mut Clerk, _| {
                    act.done.push(1);
                    told.send(act.done.clone()).unwrap();
                }));
            }));
        };
        clerk.send(Do(Box::new(work))).await.unwrap();
        assert_eq!(heard.await, Ok(vec![1]));
    }

    #[actix::test]
    async fn they_rest_while_the_actor_waits_and_end_with_it() {
        let clerk = Clerk::default().start();
        let (held, wait) = oneshot::channel::<()>();
        let (free, waiting) = oneshot::channel::<()>();
        clerk
            .send(Do(Box::new(move |_, ctx: &mut Context<Clerk>| {
                ctx.wait(wrap_future(waiting).map(|_, act: &mut Clerk, _| act.done.push(7)));
            })))
            .await
            .unwrap();
        let asked = clerk.send(Fetch(1, wait));
        held.send(()).unwrap();
        free.send(()).unwrap();
        assert_eq!(asked.await, Ok(vec![7, 1]));
        let (kept, never) = oneshot::channel::<()>();
        let asked = clerk.send(Fetch(2, never));
        clerk.try_send(Do(Box::new(|_, ctx| ctx.stop()))).unwrap();
        assert!(tokio::time::timeout(Duration::from_secs(9), asked).await.unwrap().is_err());
        assert!(kept.is_closed(), "what it waited for is let go");
    }
}
