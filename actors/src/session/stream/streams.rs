//! All streams, for those who begin, read and stop them. It asks whether a stream is somebody's organisation's; whether
//! they may read it is the edge's to say.

use std::sync::Arc;

use tracing::warn;

use super::actor::StreamActor;
use super::book::{Begun, Once, StreamBook, actor_name};
use super::frame::Frame;
use super::head::{Ask, Asker, Exchange, Head, Origin};
use super::messages::{Attach, StopAnswer, StreamError, TakeResults, ToolOutput};
use super::tail::{Behind, Glimpse};
use super::usage::{self, Day, Usage};
use crate::bus::change::ChangeError;
use crate::house::House;
use crate::ids::{OrgId, StreamId};
use crate::keys;
use crate::ports::Publisher;
use crate::store::{Batch, Pages, Scan, StoreError, decode, encode};
use crate::supervision::{AskError, Members};

/// Frames that a reader takes at once.
const AT_ONCE: usize = 64;
/// How often a reader looks for whoever tells a stream, before it gives up.
const TRIES: u32 = 5;

/// Why a stream was not begun.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BeginError {
    /// Another one goes on in the conversation.
    #[error("begin an answer: {0} goes on in this conversation; read it, or stop it first")]
    Busy(StreamId),
    /// The key was used for something else.
    #[error("begin an answer: the idempotency key was used with another request")]
    KeyUsed,
    /// What is asked is too long.
    #[error("begin an answer: what is asked has {0} bytes, and {1} is the most that is taken")]
    TooLong(usize, usize),
    /// As many go on as may.
    #[error("begin an answer: {0} go on, and no more may at once; ask again shortly")]
    Full(usize),
    /// It could not be written.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<StoreError> for BeginError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

/// Why something was not done with a stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamsError {
    /// The stream did not do it.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The stream did not answer.
    #[error(transparent)]
    Unreachable(#[from] AskError),
}

impl From<StoreError> for StreamsError {
    fn from(error: StoreError) -> Self {
        Self::Stream(error.into())
    }
}

/// What is to be begun.
#[derive(Debug, Clone)]
pub struct Beginning {
    /// What led to it.
    pub origin: Origin,
    /// In which conversation.
    pub conversation: Option<String>,
    /// Which assistant is to answer.
    pub assistant: Option<String>,
    /// What is asked.
    pub ask: Ask,
    /// A key that makes a second request with it the same one.
    pub once: Option<Once>,
}

/// All streams.
#[derive(Clone)]
pub struct Streams {
    house: Arc<House>,
    publisher: Arc<dyn Publisher>,
    actors: Members<StreamActor>,
}

impl Streams {
    /// The streams of a machine.
    #[must_use]
    pub const fn new(house: Arc<House>, publisher: Arc<dyn Publisher>, actors: Members<StreamActor>) -> Self {
        Self { house, publisher, actors }
    }

    fn book(&self, org: &OrgId, id: StreamId) -> StreamBook {
        StreamBook::new(self.house.clone(), self.publisher.clone(), org.clone(), id)
    }

    /// Begins a stream, or finds the one that the same request has begun. On the disk when it is answered.
    ///
    /// # Errors
    /// When another one goes on in the conversation, or it could not be written.
    pub async fn begin(&self, org: &OrgId, beginning: Beginning) -> Result<StreamId, BeginError> {
        let Beginning { origin, conversation, assistant, ask, once } = beginning;
        let by = ask.prompt.by.clone();
        let (bytes, most) = (encode(&ask)?.len(), self.house.settings.value_limit);
        if bytes > most {
            return Err(BeginError::TooLong(bytes, most));
        }
        let now = self.house.clock.now();
        let mut once = once;
        if let Some(once) = &mut once
            && let Some(begun) = self.begun(org, &by, once).await?
        {
            return Ok(begun);
        }
        let (running, most) = (self.house.answers.count(), self.house.settings.streams.max_running);
        if running >= most {
            return Err(BeginError::Full(running));
        }
        let begins = Head::new(StreamId::new(now), org.clone(), by, now, self.house.settings.streams.keep);
        let key = once.as_ref().map(|once| once.key.clone());
        let head = Head { origin, conversation, assistant, once: key, ..begins };
        match self.book(org, head.id).begin(&head, &ask, once.as_ref()).await {
            Ok(()) => {}
            Err(ChangeError::Condition) => {
                // The same request, or another one, was faster.
                if let Some(once) = &mut once
                    && let Some(begun) = self.begun(org, &head.by, once).await?
                {
                    return Ok(begun);
                }
                let busy = match &head.conversation {
                    Some(conversation) => self.running_in(org, conversation).await?,
                    None => None,
                };
                return Err(busy.map_or(ChangeError::Condition.into(), BeginError::Busy));
            }
            Err(error) => return Err(error.into()),
        }
        // It is on the disk: whoever reads it wakes it, and so does the next start.
        if let Err(error) = self.actors.wake(&actor_name(org, head.id)).await {
            warn!(%error, stream = %head.id, "a stream is not awake yet");
        }
        Ok(head.id)
    }

    /// The stream that was begun with a key, if it can still be read.
    async fn begun(&self, org: &OrgId, by: &Asker, once: &mut Once) -> Result<Option<StreamId>, BeginError> {
        let found = self.house.store.get(keys::stream_once(org, &by.id, &once.key)).await?;
        let Some(found) = found else { return Ok(None) };
        let begun: Begun = decode(&found.value)?;
        if begun.kept_until <= self.house.clock.now() {
            once.replaces = Some(found.version);
            return Ok(None);
        }
        if begun.digest == once.digest { Ok(Some(begun.stream)) } else { Err(BeginError::KeyUsed) }
    }

    /// The stream that goes on in a conversation.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn running_in(&self, org: &OrgId, conversation: &str) -> Result<Option<StreamId>, StoreError> {
        let found = self.house.store.get(keys::stream_in(org, conversation)).await?;
        found.map(|found| decode(&found.value)).transpose()
    }

    /// What is known of a stream.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn find(&self, org: &OrgId, id: StreamId) -> Result<Option<Head>, StoreError> {
        self.book(org, id).head().await
    }

    /// Reads a stream from behind a place on, to its end.
    #[must_use]
    pub fn read(&self, head: &Head, place: u64) -> Reader {
        let book = self.book(&head.org_id, head.id);
        let over = head.status.is_over().then_some(head.last);
        Reader { book, actors: self.actors.clone(), place, glimpse: None, over }
    }

    /// Stops an answer; what was said is kept. One that is over stays as it is.
    ///
    /// # Errors
    /// When there is none, or it could not be written.
    pub async fn stop(&self, org: &OrgId, id: StreamId) -> Result<Head, StreamsError> {
        Ok(self.actors.ask(&actor_name(org, id), StopAnswer).await??)
    }

    /// Removes what was asked and said in a chat by streams, and stops the one that goes on. None of them can be read then.
    ///
    /// # Errors
    /// When one could not be stopped, or the store fails: asked again, the rest goes.
    pub async fn forget_chat(&self, org: &OrgId, chat: &str) -> Result<(), StreamsError> {
        let scan = Scan::prefix(keys::streams_of_chat(org, chat), AT_ONCE).keys_only();
        let mut pages = Pages::of(&*self.house.store, scan);
        while let Some(page) = pages.next().await.map_err(StreamsError::from)? {
            for (key, _) in page {
                if let Some(id) = keys::parse_stream_of_chat(org, chat, &key)
                    && let Some(head) = self.find(org, id).await?
                {
                    let over = if head.status.is_over() { head } else { self.stop(org, id).await? };
                    self.book(org, id).forget(over).await?;
                }
                let mut batch = Batch::default();
                batch.delete(key);
                self.house.store.commit(batch.lazily()).await?;
            }
        }
        Ok(())
    }

    /// Takes what came of tools that whoever reads has used.
    ///
    /// # Errors
    /// When the stream does not wait for one of them, or they could not be written.
    pub async fn take_results(
        &self,
        org: &OrgId,
        id: StreamId,
        results: Vec<ToolOutput>,
    ) -> Result<(), StreamsError> {
        Ok(self.actors.ask(&actor_name(org, id), TakeResults(results)).await??)
    }

    /// What a stream was asked, in its last words.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn question(&self, org: &OrgId, id: StreamId) -> Result<Option<String>, StoreError> {
        let found = self.house.store.get(keys::stream_ask(org, id)).await?;
        let ask: Option<Ask> = found.map(|found| decode(&found.value)).transpose()?;
        Ok(ask.and_then(|ask| ask.question().map(str::to_owned)))
    }

    /// What an organisation has used of models, from one day to another.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn usage(&self, org: &OrgId, from: Day, to: Day) -> Result<Usage, StoreError> {
        usage::read(&*self.house.store, org, from, to).await
    }

    /// What was asked and answered last in a conversation, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn exchanges(
        &self,
        org: &OrgId,
        conversation: &str,
        most: usize,
    ) -> Result<Vec<Exchange>, StoreError> {
        let scan = Scan::prefix(keys::exchanges(org, conversation), most).descending();
        let found = self.house.store.scan(scan).await?.into_iter().rev();
        found.map(|(_, found)| decode(&found.value)).collect()
    }
}

/// Reads one stream. It has a place of its own, and takes what comes after it when it can.
pub struct Reader {
    book: StreamBook,
    actors: Members<StreamActor>,
    place: u64,
    /// The frames that are in memory, once it has needed them.
    glimpse: Option<Glimpse>,
    /// The number of the last frame, where the stream is known to be over.
    over: Option<u64>,
}

impl Reader {
    /// The next frames, once there are some; none behind the last one.
    ///
    /// # Errors
    /// When the store fails, or the stream cannot be reached.
    pub async fn next(&mut self) -> Result<Option<Vec<Frame>>, StreamsError> {
        let mut tries = 0;
        loop {
            if let Some(last) = self.over {
                if self.place >= last {
                    return Ok(None);
                }
                return self.stored().await.map(Some);
            }
            let Some(glimpse) = &mut self.glimpse else {
                tries += 1;
                self.attach(tries).await?;
                continue;
            };
            match glimpse.after(self.place, AT_ONCE) {
                Behind::Frames(frames) if frames.is_empty() => {
                    if !glimpse.more().await {
                        // Whoever told it is gone: it is over, or somebody else tells it.
                        self.glimpse = None;
                    }
                }
                Behind::Frames(frames) => return Ok(Some(self.given(frames))),
                Behind::Stored => return self.stored().await.map(Some),
                Behind::Over => return Ok(None),
            }
        }
    }

    async fn attach(&mut self, tries: u32) -> Result<(), StreamsError> {
        let head = self.book.head().await?.ok_or(StreamError::Missing)?;
        if head.status.is_over() {
            self.over = Some(head.last);
            return Ok(());
        }
        match self.actors.ask(&actor_name(&self.book.org, self.book.id), Attach).await {
            Ok(glimpse) => self.glimpse = Some(glimpse?),
            Err(error) if tries >= TRIES => return Err(error.into()),
            Err(error) => warn!(%error, stream = %self.book.id, "a reader looks for its stream again"),
        }
        Ok(())
    }

    async fn stored(&mut self) -> Result<Vec<Frame>, StreamsError> {
        let frames = self.book.after(self.place).await?;
        if frames.is_empty() {
            let why = format!("the stream {} lacks what comes after {}", self.book.id, self.place);
            return Err(StoreError::Corrupt(why).into());
        }
        Ok(self.given(frames))
    }

    fn given(&mut self, frames: Vec<Frame>) -> Vec<Frame> {
        self.place = frames.last().map_or(self.place, |frame| frame.number);
        frames
    }
}
