//! The shell of an answer under way: reads its stream, tells what it says, and keeps what it has come to.

use std::time::Duration;

use actix::{ActorFutureExt, Handler, WrapFuture, fut};
use tokio::sync::oneshot;
use tracing::warn;

use super::super::actor::ChatActor;
use super::super::decision::{Conclusion, Route, Step};
use super::super::handling::Reply;
use super::super::message::{Message, MessageDraft};
use super::super::messages::{ChatError, Greet};
use super::super::words;
use super::state::{Answering, Telling};
use crate::ids::{EventId, MessageId};
use crate::session::seat::Seat;
use crate::session::stream::frame::Frame;
use crate::session::stream::messages::StreamError;
use crate::session::stream::{Reader, StreamsError};
use crate::supervision::Answer;

/// Before something that failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// How often a stream is looked for, before the staff goes on without it.
const TRIES: u32 = 5;
/// What a client calls the first words of an assistant: they are said once.
const GREETING: &str = "greeting";

impl ChatActor {
    /// Tells that the answer is over, once the conversation is not waiting for it any more: before the message that it has
    /// become, which is one of these.
    pub(in super::super) fn tell_end(&self, new: &[Message]) {
        let over = self.answering.as_ref().filter(|of| !self.waits_for(&of.reply));
        let Some(of) = over else { return };
        let sk = new.iter().find(|message| message.id == of.reply.becomes).map(|message| message.id);
        if let Some(telling) = of.end(sk) {
            self.tell_streamed(of.reply.to, telling);
        }
    }

    /// Reads the answer that the conversation waits for, and no other.
    pub(in super::super) fn attend(&mut self) {
        let wanted = self.chat.as_ref().and_then(|chat| chat.handling.reply().cloned());
        if let Some(of) = self.answering.take_if(|of| Some(&of.reply) != wanted.as_ref())
            && !of.is_over()
        {
            self.stop(of.reply);
        }
        let Some(reply) = wanted.filter(|_| self.answering.is_none()) else { return };
        self.answering = Some(Answering::new(reply.clone()));
        self.find(reply, 1);
    }

    /// Nobody waits for it: it says no more.
    fn stop(&self, Reply { stream, .. }: Reply) {
        let (streams, org) = (self.streams.clone(), self.book.org.clone());
        let stopped = async move { streams.stop(&org, stream).await }.into_actor(self);
        self.errands.send(stopped.map(move |stopped, _, _| {
            if let Err(error) = stopped {
                warn!(%error, %stream, "an assistant's answer was not stopped");
            }
        }));
    }

    fn find(&self, reply: Reply, tries: u32) {
        let (streams, org) = (self.streams.clone(), self.book.org.clone());
        let (stream, clock) = (reply.stream, self.book.house.clock.clone());
        let found = async move {
            if tries > 1 {
                clock.sleep(PAUSE).await;
            }
            let head = streams.find(&org, stream).await?.ok_or(StreamError::Missing)?;
            Ok::<_, StreamsError>(streams.read(&head, 0))
        };
        self.errands.send(found.into_actor(self).map(move |found, act, _| match found {
            Ok(reader) => act.listen_to(reply, reader, tries),
            Err(error) => act.lost(reply, tries, &error),
        }));
    }

    fn listen_to(&self, reply: Reply, mut reader: Reader, tries: u32) {
        let next = async move { (reader.next().await, reader) }.into_actor(self);
        self.errands.send(next.map(move |(frames, reader), act, _| {
            // Whoever has taken the conversation on goes on without it.
            let waits = act.answering.as_ref().is_some_and(|of| of.reply == reply && !of.is_concluded);
            if !waits {
                return;
            }
            match frames {
                Ok(Some(frames)) => {
                    if let Some(conclusion) = act.hear(&frames) {
                        act.conclude(conclusion);
                    } else {
                        act.listen_to(reply, reader, 1);
                    }
                }
                Ok(None) => act.lost(reply, TRIES, &StreamError::Missing.into()),
                Err(error) => act.lost(reply, tries, &error),
            }
        }));
    }

    /// The stream cannot be read: it is looked for again, from its beginning, and after a while the staff goes on.
    fn lost(&mut self, reply: Reply, tries: u32, error: &StreamsError) {
        warn!(%error, stream = %reply.stream, "an assistant's answer cannot be read");
        let Some(of) = self.answering.as_mut().filter(|of| of.reply == reply) else { return };
        if tries < TRIES {
            of.begin_again();
            return self.find(reply, tries + 1);
        }
        let conclusion = of.give_up(&error.to_string());
        self.conclude(conclusion);
    }

    /// Tells what the stream says. What it has come to, once that is known.
    fn hear(&mut self, frames: &[Frame]) -> Option<Conclusion> {
        let of = self.answering.as_mut()?;
        let to = of.reply.to;
        let (told, conclusion) = of.hear(frames);
        for telling in told {
            self.tell_streamed(to, telling);
        }
        conclusion
    }

    fn tell_streamed(&self, to: MessageId, Telling { event, fields }: Telling) {
        self.announce(words::streamed(&self.book.chat, to, event, fields));
    }

    /// Tells a client that has just come what the answer says so far.
    pub(in super::super) fn tell_so_far(&self, seat: &dyn Seat) {
        let Some(of) = self.answering.as_ref() else { return };
        let Some(Telling { event, fields }) = of.so_far() else { return };
        match words::streamed(&self.book.chat, of.reply.to, event, fields) {
            // Whoever does not keep up has the whole of it in the end.
            Ok(frame) => _ = seat.push(&frame),
            Err(error) => warn!(%error, "an answer cannot be told"),
        }
    }

    /// Keeps what the answer has come to; tried again until it is on the disk, or somebody else goes on.
    fn conclude(&mut self, conclusion: Conclusion) {
        let Some(of) = self.answering.as_mut().filter(|of| of.reply == conclusion.reply) else { return };
        of.is_concluded = true;
        self.touch();
        let (tell, told) = oneshot::channel();
        let step = Step::Conclude(conclusion.clone());
        let id = EventId::new(self.book.house.clock.now());
        let route = Route { id, turn: None, step, by: None, why: String::new(), note: None };
        if self.routes.take(route, tell).is_ok() {
            self.write();
        }
        let clock = self.book.house.clock.clone();
        let kept = async move {
            let kept = matches!(told.await, Ok(Ok(_)));
            if !kept {
                clock.sleep(PAUSE).await;
            }
            kept
        };
        self.errands.send(kept.into_actor(self).map(move |kept, act, _| {
            if !kept {
                act.conclude(conclusion);
            }
        }));
    }

    fn waits_for(&self, reply: &Reply) -> bool {
        self.chat.as_ref().is_some_and(|chat| chat.handling.reply() == Some(reply))
    }
}

impl Handler<Greet> for ChatActor {
    type Result = Answer<Self, Result<(), ChatError>>;

    fn handle(&mut self, Greet { config_id }: Greet, _: &mut Self::Context) -> Self::Result {
        self.touch();
        if self.chat.is_some() || self.state.last() > 0 {
            return self.errands.answer(fut::ready(Ok(())));
        }
        let book = self.book.clone();
        let greeting = async move { book.greeting(&config_id).await }.into_actor(self);
        self.errands.answer(greeting.map(|greeting, act, _| {
            let Some((title, text)) = greeting?.filter(|_| act.chat.is_none() && act.state.last() == 0)
            else {
                return Ok(());
            };
            let id = MessageId::new(act.book.house.clock.now());
            let client_id = Some(GREETING.to_owned());
            let draft = MessageDraft { client_id, ..MessageDraft::of_assistant(id, &title, text) };
            // Nobody waits for it: whoever is here hears it.
            let (tell, _) = oneshot::channel();
            act.state.say(draft, tell)?;
            act.write();
            Ok(())
        }))
    }
}
