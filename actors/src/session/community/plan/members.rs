//! Wishes about groups and who is in them.

use super::Plan;
use crate::session::community::conversation::Conversation;
use crate::session::community::entry::Deed;
use crate::session::community::group::{
    Group, GroupStatus, Member, Muted, Openness, Role, Settings, USUAL_MEMBERS,
};
use crate::session::community::rules::MOST_GROUPS;
use crate::session::community::who::Handle;
use crate::session::community::wish::{Done, Refusal, Wish};
use crate::session::person::Person;

impl Plan {
    pub(super) fn found(
        &mut self,
        wish: &Wish,
        settings: &Settings,
        people: &[(Person, Role)],
    ) -> Result<Done, Refusal> {
        let id = self.id.as_group().ok_or(Refusal::NoGroup)?;
        if self.conversation.is_some() {
            return Err(Refusal::Unfit("make the group: there is one with this id".to_owned()));
        }
        let group = Group {
            id,
            name: String::new(),
            description: String::new(),
            openness: Openness::default(),
            page: None,
            only_admins_post: false,
            max_members: USUAL_MEMBERS,
            status: GroupStatus::Active,
            creator: wish.by.clone(),
            created: self.now,
            updated: self.now,
            gone: Vec::new(),
        };
        let (group, _) = group.changed(settings, self.now);
        let new = Conversation::new(self.id.clone(), self.org.clone(), Some(group), self.now);
        self.conversation = Some(new);
        let mut all = vec![(wish.by.clone(), Role::Admin)];
        all.extend(people.iter().filter(|(person, _)| Handle::of(person) != Handle::of(&wish.by)).cloned());
        let admitted = self.room_for(&all);
        if let Err(refusal) = admitted {
            self.conversation = None;
            return Err(refusal);
        }
        let seq = self.happen(wish, Deed::Founded);
        let members = self.let_in(wish, &all);
        // Whoever is told of it is told with all who are in it.
        let count = self.conversation()?.members.len();
        if let Some((_, members)) = self.happened.iter_mut().find_map(|done| match &mut done.group {
            Some(group) if done.entry.seq == seq => Some(group),
            _ => None,
        }) {
            *members = count;
        }
        Ok(Done { seq: Some(seq), group: self.group_told(), members, ..Done::default() })
    }

    /// Whether these may come in: none that is there, as far as the group and each of them have room.
    fn room_for(&self, people: &[(Person, Role)]) -> Result<(), Refusal> {
        let conversation = self.conversation()?;
        let group = conversation.head.group.as_ref().ok_or(Refusal::NoGroup)?;
        let new = people.iter().filter(|(person, _)| !conversation.members.contains_key(&Handle::of(person)));
        let new: Vec<&Person> = new.map(|(person, _)| person).collect();
        let most = usize::try_from(group.max_members).unwrap_or(usize::MAX);
        if conversation.members.len() + new.len() > most {
            return Err(Refusal::Full(format!("join the group: it takes {most} members, and is full")));
        }
        let counts = &self.found.counts;
        let busy = new
            .iter()
            .find(|person| counts.get(&Handle::of(person)).is_some_and(|count| *count >= MOST_GROUPS));
        match busy {
            Some(person) => {
                let why =
                    format!("join the group: {} is in {MOST_GROUPS} groups, as many as may be", person.email);
                Err(Refusal::Full(why))
            }
            None => Ok(()),
        }
    }

    /// Lets those in who are not there yet. Returns them.
    fn let_in(&mut self, wish: &Wish, people: &[(Person, Role)]) -> Vec<Member> {
        let mut came = Vec::new();
        for (person, role) in people {
            let who = Handle::of(person);
            if self.conversation.as_ref().is_some_and(|conversation| conversation.members.contains_key(&who))
            {
                continue;
            }
            let group = self.conversation.as_mut().and_then(|conversation| conversation.head.group.as_mut());
            // Whoever was muted is still, and an admin never is.
            let muted = group.and_then(|group| group.comes(&who)).filter(|_| *role == Role::Member);
            let member = Member { muted, ..Member::new(person.clone(), *role, self.now) };
            self.put_member(who, Some(member.clone()));
            self.happen(wish, Deed::Joined { member: member.clone() });
            came.push(member);
        }
        came
    }

    pub(super) fn join(&mut self, wish: &Wish) -> Result<Done, Refusal> {
        let conversation = self.conversation()?;
        let group = conversation.head.group.as_ref().ok_or(Refusal::NoGroup)?;
        if conversation.member(&Handle::of(&wish.by)).is_ok() {
            return Ok(Done { group: self.group_told(), ..Done::default() });
        }
        if group.openness == Openness::Private && !wish.moderates {
            return Err(Refusal::Private);
        }
        if group.keeps_out(&Handle::of(&wish.by)) && !wish.moderates {
            return Err(Refusal::Removed);
        }
        if conversation.is_archived() {
            return Err(Refusal::Archived);
        }
        let people = [(wish.by.clone(), Role::Member)];
        self.room_for(&people)?;
        let seq = self.next();
        let members = self.let_in(wish, &people);
        Ok(Done { seq: Some(seq), group: self.group_told(), members, ..Done::default() })
    }

    pub(super) fn add(&mut self, wish: &Wish, people: &[(Person, Role)]) -> Result<Done, Refusal> {
        self.admin(wish, "add members")?;
        if self.conversation()?.is_archived() {
            return Err(Refusal::Archived);
        }
        self.room_for(people)?;
        let next = self.next();
        let members = self.let_in(wish, people);
        let seq = (!members.is_empty()).then_some(next);
        Ok(Done { seq, group: self.group_told(), members, ..Done::default() })
    }

    pub(super) fn leave(&mut self, wish: &Wish) -> Result<Done, Refusal> {
        let (conversation, _) = self.theirs(wish)?;
        if conversation.head.group.is_none() {
            return Err(Refusal::NoGroup);
        }
        let seq = self.go(wish, wish.by.clone(), false);
        Ok(Done { seq: Some(seq), group: self.group_told(), ..Done::default() })
    }

    pub(super) fn remove(&mut self, wish: &Wish, who: &Handle) -> Result<Done, Refusal> {
        if *who == Handle::of(&wish.by) {
            return self.leave(wish);
        }
        let person = self.other(wish, who, "remove members")?.person;
        let seq = self.go(wish, person, true);
        Ok(Done { seq: Some(seq), group: self.group_told(), ..Done::default() })
    }

    /// Somebody goes. Whoever has been there longest looks after a group that nobody does any more; one that nobody is
    /// in is over.
    fn go(&mut self, wish: &Wish, member: Person, removed: bool) -> u64 {
        let who = Handle::of(&member);
        if let Some(conversation) = &mut self.conversation {
            let muted = conversation.members.get(&who).and_then(|member| member.muted);
            if let Some(group) = &mut conversation.head.group {
                group.goes(who.clone(), removed, muted);
            }
        }
        self.put_member(who, None);
        let seq = self.happen(wish, Deed::Left { member, removed });
        let Some(conversation) = &mut self.conversation else { return seq };
        let now = self.now;
        if conversation.members.is_empty() {
            if let Some(group) = &mut conversation.head.group {
                (group.status, group.updated) = (GroupStatus::Archived, now);
            }
            self.happen(wish, Deed::Updated { changed: vec!["status".to_owned()] });
        } else if conversation.admins() == 0 {
            let eldest =
                conversation.members.iter().min_by_key(|(who, member)| (member.joined, (*who).clone()));
            if let Some((who, eldest)) = eldest.map(|(who, eldest)| (who.clone(), eldest.clone())) {
                let (member, role) = (eldest.person.clone(), Role::Admin);
                self.put_member(who, Some(Member { role, muted: None, ..eldest }));
                self.happen(wish, Deed::Promoted { member, role });
            }
        }
        seq
    }

    pub(super) fn promote(&mut self, wish: &Wish, who: &Handle, role: Role) -> Result<Done, Refusal> {
        let member = self.other(wish, who, "change roles")?;
        if member.role == role {
            return Ok(Done { members: vec![member], group: self.group_told(), ..Done::default() });
        }
        if role == Role::Member && self.conversation()?.admins() == 1 {
            return Err(Refusal::Unfit(
                "change the role: the group has no other admin; make somebody one first".to_owned(),
            ));
        }
        // An admin is not muted.
        let next = Member { role, muted: member.muted.filter(|_| role == Role::Member), ..member };
        self.put_member(who.clone(), Some(next.clone()));
        let seq = self.happen(wish, Deed::Promoted { member: next.person.clone(), role });
        Ok(Done { seq: Some(seq), members: vec![next], group: self.group_told(), ..Done::default() })
    }

    pub(super) fn mute(&mut self, wish: &Wish, who: &Handle, muted: Option<Muted>) -> Result<Done, Refusal> {
        let member = self.other(wish, who, "mute members")?;
        if muted.is_some() && member.role == Role::Admin {
            return Err(Refusal::Unfit(
                "mute the member: an admin is not muted; take the role first".to_owned(),
            ));
        }
        if member.muted == muted {
            return Ok(Done { members: vec![member], group: self.group_told(), ..Done::default() });
        }
        let next = Member { muted, ..member };
        self.put_member(who.clone(), Some(next.clone()));
        let seq = self.happen(wish, Deed::Muted { member: next.person.clone(), muted });
        Ok(Done { seq: Some(seq), members: vec![next], group: self.group_told(), ..Done::default() })
    }

    pub(super) fn update(&mut self, wish: &Wish, settings: &Settings) -> Result<Done, Refusal> {
        self.admin(wish, "change its settings")?;
        let conversation = self.conversation()?;
        let group = conversation.head.group.as_ref().ok_or(Refusal::NoGroup)?;
        if settings.max_members.is_some_and(|most| most < conversation.head.members) {
            let there = conversation.head.members;
            return Err(Refusal::Unfit(format!(
                "change the group: it has {there} members; `maxMembers` is too low"
            )));
        }
        let (group, changed) = group.changed(settings, self.now);
        if changed.is_empty() {
            return Ok(Done { group: self.group_told(), ..Done::default() });
        }
        if let Some(conversation) = &mut self.conversation {
            conversation.head.group = Some(group);
        }
        let seq = self.happen(wish, Deed::Updated { changed });
        Ok(Done { seq: Some(seq), group: self.group_told(), ..Done::default() })
    }

    /// Whether somebody may do this in the group.
    fn admin(&self, wish: &Wish, what: &'static str) -> Result<(), Refusal> {
        let conversation = self.conversation()?;
        if conversation.head.group.is_none() {
            return Err(Refusal::NoGroup);
        }
        if wish.moderates || conversation.is_admin(&Handle::of(&wish.by)) {
            return Ok(());
        }
        conversation.member(&Handle::of(&wish.by))?;
        Err(Refusal::NotAdmin(what))
    }

    /// Somebody in the group, to whom one of its admins does something.
    fn other(&self, wish: &Wish, who: &Handle, what: &'static str) -> Result<Member, Refusal> {
        self.admin(wish, what)?;
        let member = self.conversation()?.members.get(who).cloned();
        member.ok_or_else(|| Refusal::NoMember(who.email().to_owned()))
    }
}
