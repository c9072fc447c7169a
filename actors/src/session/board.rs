//! What the desks have not looked at yet: conversations that began to wait, were taken on or ended, and people who came
//! or went. In memory only: everything on it is in the store, or in the hall, where a desk that starts reads it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::chat::ChatId;
use super::chat::decision::Standing;
use super::person::Person;
use crate::ids::OrgId;

/// The news of all organisations. Clones are the same board.
#[derive(Clone, Default)]
pub struct Board(Arc<Inner>);

#[derive(Default)]
struct Inner {
    slates: Mutex<HashMap<OrgId, Slate>>,
    /// Rung when there is news that no desk waits for.
    unheard: Notify,
}

/// The news of one organisation.
#[derive(Default)]
struct Slate {
    news: News,
    bell: Arc<Notify>,
    /// Whether a desk waits for the bell.
    is_heard: bool,
}

/// What a desk has not looked at.
#[derive(Debug, Default)]
pub struct News {
    /// The latest of each conversation: the number of the decision, and where it stands if anybody is to do anything.
    pub chats: HashMap<ChatId, (u64, Option<Standing>)>,
    /// Those who came or went, by their addresses and ids.
    pub people: HashMap<(String, String), Person>,
}

/// How a desk hears of it. When the last one of an organisation is gone, nobody does.
pub struct Ear {
    board: Board,
    org: OrgId,
    bell: Arc<Notify>,
}

impl Board {
    /// A conversation stands elsewhere than before.
    pub fn post(&self, org: &OrgId, chat: &ChatId, turn: u64, standing: Option<Standing>) {
        self.write(org, |news| {
            let latest = news.chats.entry(chat.clone()).or_insert((0, None));
            if latest.0 <= turn {
                *latest = (turn, standing);
            }
        });
    }

    /// Somebody came or went.
    pub fn met(&self, org: &OrgId, person: &Person) {
        let key = (person.email.clone(), person.id.to_string());
        self.write(org, |news| drop(news.people.insert(key, person.clone())));
    }

    /// Organisations with news that no desk has heard. Resolves once there are some.
    pub async fn unheard(&self) -> HashSet<OrgId> {
        loop {
            let rung = self.0.unheard.notified();
            let orgs: HashSet<OrgId> = {
                let slates = self.slates();
                let unheard = slates.iter().filter(|(_, slate)| !slate.is_heard && !slate.news.is_empty());
                unheard.map(|(org, _)| org.clone()).collect()
            };
            if !orgs.is_empty() {
                return orgs;
            }
            rung.await;
        }
    }

    /// Hears the news of an organisation from now on.
    #[must_use]
    pub fn ear(&self, org: &OrgId) -> Ear {
        let mut slates = self.slates();
        let slate = slates.entry(org.clone()).or_default();
        // One that is gone may not have dropped its ear yet.
        (slate.bell, slate.is_heard) = (Arc::default(), true);
        if !slate.news.is_empty() {
            slate.bell.notify_one();
        }
        Ear { board: self.clone(), org: org.clone(), bell: Arc::clone(&slate.bell) }
    }

    fn write(&self, org: &OrgId, change: impl FnOnce(&mut News)) {
        let mut slates = self.slates();
        let slate = slates.entry(org.clone()).or_default();
        change(&mut slate.news);
        if slate.is_heard { slate.bell.notify_one() } else { self.0.unheard.notify_one() }
    }

    fn slates(&self) -> MutexGuard<'_, HashMap<OrgId, Slate>> {
        // Every change is whole before the lock is let go.
        self.0.slates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl News {
    fn is_empty(&self) -> bool {
        self.chats.is_empty() && self.people.is_empty()
    }
}

impl Ear {
    /// Waits until there is news.
    pub async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Takes the news down.
    #[must_use]
    pub fn take(&self) -> News {
        self.board
            .slates()
            .get_mut(&self.org)
            .map(|slate| std::mem::take(&mut slate.news))
            .unwrap_or_default()
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        if let Some(slate) = self.board.slates().get_mut(&self.org)
            && Arc::ptr_eq(&slate.bell, &self.bell)
        {
            slate.is_heard = false;
        }
        // Whatever came since is for the next desk.
        self.board.0.unheard.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn news_waits_for_a_desk_and_the_latest_counts() {
        let (board, org) = (Board::default(), OrgId::new("o").unwrap());
        let chat = ChatId::new("customer::ann@x.io").unwrap();
        assert!(board.unheard().now_or_never().is_none());
        board.post(&org, &chat, 2, None);
        assert_eq!(board.unheard().now_or_never().unwrap().len(), 1);
        let ear = board.ear(&org);
        assert!(board.unheard().now_or_never().is_none(), "a desk is there");
        board.post(&org, &chat, 3, None);
        board.post(&org, &chat, 1, None);
        assert!(ear.rung().now_or_never().is_some());
        assert_eq!(ear.take().chats[&chat].0, 3);
        board.post(&org, &chat, 4, None);
        drop(ear);
        assert_eq!(board.unheard().now_or_never().unwrap().len(), 1, "the next one hears of it");
    }
}
