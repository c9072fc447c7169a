//! How sessions are built, each by its name.

use crate::ids::OrgId;
use crate::session::chat::{ChatActor, ChatBook};
use crate::session::community::{Book, TalkActor};
use crate::session::desk::{DeskActor, DeskBook};
use crate::session::stream::{StreamActor, StreamBook};
use crate::supervision::{ActorPath, Child, Policy};

use super::Plan;

impl Plan {
    pub(super) fn chat(&self, name: &str, group: &ActorPath, policy: Policy) -> Option<Child> {
        let path = group.child(name);
        let book = ChatBook::of_actor(name, self.house.clone(), self.runner.publisher.clone())?;
        let streams = self.runner.streams.clone();
        let start =
            self.starter(&path, policy, move |fate| ChatActor::new(book.clone(), streams.clone(), fate));
        Some(Child { path, policy, start })
    }

    pub(super) fn desk(&self, name: &str, group: &ActorPath, policy: Policy) -> Option<Child> {
        let (path, org, chats) = (group.child(name), OrgId::new(name).ok()?, self.chats.clone());
        let book = DeskBook::new(self.house.clone(), self.runner.records.clone(), org).ok()?;
        let build = move |fate| DeskActor::new(book.clone(), chats.clone(), fate);
        let start = self.starter(&path, policy, build);
        Some(Child { path, policy, start })
    }

    pub(super) fn talk(&self, name: &str, group: &ActorPath, policy: Policy) -> Option<Child> {
        let (path, house, publisher) = (group.child(name), self.house.clone(), self.runner.publisher.clone());
        let book = Book::of_actor(name, house, publisher)?;
        let start = self.starter(&path, policy, move |fate| TalkActor::new(book.clone(), fate));
        Some(Child { path, policy, start })
    }

    pub(super) fn stream(&self, name: &str, group: &ActorPath, policy: Policy) -> Option<Child> {
        let (path, house, publisher) = (group.child(name), self.house.clone(), self.runner.publisher.clone());
        let book = StreamBook::of_actor(name, house, publisher)?;
        let start = self.starter(&path, policy, move |fate| StreamActor::new(book.clone(), fate));
        Some(Child { path, policy, start })
    }
}
