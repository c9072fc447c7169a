//! Has a conversation erased between two groups of what is said in it: whatever is said meanwhile waits, and begins it
//! anew.

use actix::{ActorContext, ActorFutureExt, Context, Handler, WrapFuture};
use tokio::sync::oneshot;
use tracing::warn;

use super::{Erasure, Reached};
use crate::bus::change::ChangeError;
use crate::session::chat::ChatActor;
use crate::session::chat::messages::{ChatError, Erase};
use crate::supervision::Answer;

impl ChatActor {
    /// The numbers of the latest message and decision.
    pub(in crate::session::chat) fn reached(&self) -> Reached {
        let turn = self.chat.as_ref().map_or(self.erasing.turn, |chat| chat.turn);
        Reached { seq: self.state.last(), turn }
    }

    /// Numbers go on behind those that it had reached when it was erased.
    pub(in crate::session::chat) fn goes_on_behind(&mut self, Reached { seq, turn }: Reached) {
        self.state.go_on_behind(seq);
        self.erasing.turn = turn;
    }

    /// Whether it is being erased now, which begins where somebody wants it and it may go.
    pub(in crate::session::chat) fn erases(&mut self) -> bool {
        if self.erasing.is_under_way || self.erasing.is_quiet() {
            return self.erasing.is_under_way;
        }
        let Some(chat) = self.chat.clone() else {
            // Somebody else had it erased a moment ago, or it was, and nobody was told.
            self.erasing.answer(Erasure::Done);
            return false;
        };
        if let Some(refused) = Erasure::refused(&chat) {
            self.erasing.answer(refused);
            return false;
        }
        self.erasing.is_under_way = true;
        let (book, streams, reached) = (self.book.clone(), self.streams.clone(), self.reached());
        let erased = async move {
            match book.erase(&chat, reached, &streams).await {
                Ok(()) => Ok(None),
                // It is to be looked at again: somebody may answer in it by now.
                Err(ChangeError::Condition) => Ok(Some(book.reload(Vec::new()).await?)),
                Err(error) => Err(ChatError::from(error)),
            }
        };
        self.errands.send(erased.into_actor(self).map(move |erased, act, ctx| {
            act.touch();
            act.erasing.is_under_way = false;
            match erased {
                Ok(None) => {
                    act.chat = None;
                    // Whoever hears an assistant speak is told that it says no more.
                    act.tell_end(&[]);
                    act.attend();
                    // Its desk knows that nothing stands here any more.
                    let house = &act.book.house;
                    house.board.post(&act.book.org, &act.book.chat, reached.turn + 1, None);
                    act.state.forget();
                    act.goes_on_behind(reached);
                    act.erasing.answer(Erasure::Done);
                }
                Ok(Some(reloaded)) => act.outrun(reloaded),
                Err(error) => {
                    // The next incarnation learns how much of it is left, and is asked the same again.
                    warn!(%error, chat = %act.book.chat, "a chat was not erased, or not all of it");
                    return ctx.stop();
                }
            }
            act.write();
        }));
        true
    }
}

impl Handler<Erase> for ChatActor {
    type Result = Answer<Self, Result<Erasure, ChatError>>;

    fn handle(&mut self, _: Erase, _: &mut Context<Self>) -> Self::Result {
        self.touch();
        let (tell, told) = oneshot::channel();
        self.erasing.waits.push(tell);
        self.write();
        self.once_told(told)
    }
}
