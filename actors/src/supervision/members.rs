//! Names of actors that come to be when they are first needed. A member that sleeps is woken by a
//! question; a hint wakes nobody.

use std::marker::PhantomData;

use actix::dev::{MessageResponse, ToEnvelope};
use actix::{Actor, Handler, MailboxError, Message};

use super::registry::{AskError, Ref, TellError};
use super::supervisor::{Ensure, Supervisor};
use crate::clock::timeout;

/// Names of the members of a group with a [`super::Nursery`]: a member that sleeps is woken by being asked.
pub struct Members<A: Actor> {
    group: Ref<Supervisor>,
    actor: PhantomData<fn() -> A>,
}

impl<A: Actor> Clone for Members<A> {
    fn clone(&self) -> Self {
        Self { group: self.group.clone(), actor: PhantomData }
    }
}

impl<A: Actor> Members<A> {
    /// The members of `group`, which must have a nursery of actors of type `A`.
    #[must_use]
    pub const fn new(group: Ref<Supervisor>) -> Self {
        Self { group, actor: PhantomData }
    }

    /// Leaves a message for the member called `name` if it runs and has room.
    ///
    /// # Errors
    /// When it does not: the caller decides what that means.
    pub fn tell<M>(&self, name: &str, message: M) -> Result<(), TellError>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        let Ref { registry, path, patience, .. } = &self.group;
        Ref::<A>::new(registry.clone(), path.child(name), *patience).tell(message)
    }

    /// Whether the member called `name` runs.
    #[must_use]
    pub fn is_awake(&self, name: &str) -> bool {
        let Ref { registry, path, .. } = &self.group;
        registry.find::<A>(&path.child(name)).is_some()
    }

    /// Has the member called `name` running.
    ///
    /// # Errors
    /// When the group does not answer in time.
    pub async fn wake(&self, name: &str) -> Result<(), AskError> {
        self.group.ask(Ensure { name: name.to_owned(), newer_than: 0 }).await
    }

    /// Asks the member called `name`, starting it when it is not there, and once more when it dies.
    ///
    /// # Errors
    /// As [`Ref::ask`].
    pub async fn ask<M>(&self, name: &str, question: M) -> Result<M::Result, AskError>
    where
        M: Message + Clone + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
        <A as Handler<M>>::Result: MessageResponse<A, M>,
    {
        let Ref { registry, path, patience, .. } = &self.group;
        let member = path.child(name);
        let twice = async {
            let mut tried = 0;
            for _ in 0..2 {
                let awake = registry.find::<A>(&member).filter(|found| found.generation > tried);
                let found = match awake {
                    Some(found) => found,
                    None => loop {
                        self.group.ask(Ensure { name: name.to_owned(), newer_than: tried }).await?;
                        // One that went to sleep just now was still there when the group was asked.
                        if let Some(found) = registry.find_known::<A>(&member, tried).await {
                            break found;
                        }
                    },
                };
                match found.addr.send(question.clone()).await {
                    Ok(answer) => return Ok(answer),
                    Err(MailboxError::Closed) => tried = found.generation,
                    Err(MailboxError::Timeout) => return Err(AskError::Late),
                }
            }
            Err(AskError::Interrupted)
        };
        timeout(registry.clock().as_ref(), *patience, twice).await.unwrap_or(Err(AskError::Late))
    }
}
