//! The supervision tree as one value: every child, its policy, its budget. Children start in the order
//! in which they stand here, the ones that data flows to before the ones that it comes from.

use std::time::Duration;

use crate::supervision::{Budget, Policy, Restart};

/// What a place in the tree is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Looks after the places below it.
    Supervisor,
    /// Looks after the places below it, and members that come to be when they are first needed.
    Nursery(&'static Member),
    /// Looks after one queue for each name in the settings.
    Queues(&'static Policy),
    /// Commits changes and tells everybody.
    Bus,
    /// Wakes destinations.
    Dispatcher,
    /// Sends again what destinations were owed.
    Replayer,
    /// Looks after schedules.
    Schedules,
    /// Opens desks.
    Opener,
    /// Wakes streams.
    Waker,
    /// Removes old history.
    Retention,
}

/// A member of a nursery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// What it is.
    pub kind: MemberKind,
    /// How it is looked after.
    pub policy: Policy,
}

/// What members of a nursery are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberKind {
    /// One flow.
    Flow,
    /// One destination of webhooks.
    Destination,
    /// One conversation.
    Chat,
    /// The desk of one organisation.
    Desk,
    /// One conversation of a community.
    Talk,
    /// One answer of a language model.
    Stream,
}

/// A place in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its name below its parent.
    pub name: &'static str,
    /// What it is for.
    pub role: Role,
    /// How it is looked after.
    pub policy: Policy,
    /// What it looks after.
    pub children: &'static [Place],
}

const fn permanent(restarts: usize, seconds: u64) -> Policy {
    Policy {
        restart: Restart::Permanent,
        budget: Budget { restarts, within: Duration::from_secs(seconds) },
        first_pause: Duration::from_millis(10),
        longest_pause: Duration::from_secs(5),
    }
}

/// A session that ends, in whichever way, is built anew when somebody next wants something of it.
const TEMPORARY: Policy = Policy { restart: Restart::Temporary, ..LEAF };
/// Five in half a minute.
pub const LEAF: Policy = permanent(5, 30);
/// Three in a minute.
pub const GROUP: Policy = permanent(3, 60);
/// One in a minute; then the process ends.
pub const ROOT: Policy = permanent(1, 60);

/// A flow holds no state of its own: one that fails is back with the next run.
const FLOW: Member = Member { kind: MemberKind::Flow, policy: LEAF };
const CHAT: Member = Member { kind: MemberKind::Chat, policy: TEMPORARY };
/// What a desk knows is in the store, and who is here in the hall.
const DESK: Member = Member { kind: MemberKind::Desk, policy: LEAF };
const TALK: Member = Member { kind: MemberKind::Talk, policy: TEMPORARY };
/// One that always fails must not take the others with it: the waker brings back those that go on.
const STREAM: Member = Member { kind: MemberKind::Stream, policy: TEMPORARY };
const DESTINATION: Member = Member { kind: MemberKind::Destination, policy: LEAF };

/// The tree.
///
/// ```text
/// machine                 1 in 60 s, then the process ends
/// ├── delivery            3 in 60 s
/// │   ├── destinations    3 in 60 s, each member 5 in 30 s
/// │   │   └── dispatcher  5 in 30 s; it wakes the members again when their group was rebuilt
/// │   └── replayer        5 in 30 s
/// ├── automation          3 in 60 s
/// │   ├── flows           3 in 60 s, each member 5 in 30 s
/// │   └── schedules       5 in 30 s
/// ├── sessions            3 in 60 s
/// │   ├── streams         3 in 60 s; its members come and go
/// │   │   └── waker       5 in 30 s; it wakes those that go on
/// │   ├── talks           3 in 60 s; its members come and go
/// │   ├── chats           3 in 60 s; its members come and go
/// │   └── desks           3 in 60 s, each member 5 in 30 s
/// │       └── opener      5 in 30 s; it opens the desks again when their group was rebuilt
/// ├── retention           5 in 30 s
/// ├── queues              3 in 60 s, each queue 5 in 30 s
/// └── events              3 in 60 s
///     └── bus             5 in 30 s
/// ```
pub const TREE: Place = Place {
    name: "machine",
    role: Role::Supervisor,
    policy: ROOT,
    children: &[
        Place {
            name: "delivery",
            role: Role::Supervisor,
            policy: GROUP,
            children: &[
                Place {
                    name: "destinations",
                    role: Role::Nursery(&DESTINATION),
                    policy: GROUP,
                    children: &[Place {
                        name: "dispatcher",
                        role: Role::Dispatcher,
                        policy: LEAF,
                        children: &[],
                    }],
                },
                Place { name: "replayer", role: Role::Replayer, policy: LEAF, children: &[] },
            ],
        },
        Place {
            name: "automation",
            role: Role::Supervisor,
            policy: GROUP,
            children: &[
                Place { name: "flows", role: Role::Nursery(&FLOW), policy: GROUP, children: &[] },
                Place { name: "schedules", role: Role::Schedules, policy: LEAF, children: &[] },
            ],
        },
        Place {
            name: "sessions",
            role: Role::Supervisor,
            policy: GROUP,
            children: &[
                Place {
                    name: "streams",
                    role: Role::Nursery(&STREAM),
                    policy: GROUP,
                    children: &[Place { name: "waker", role: Role::Waker, policy: LEAF, children: &[] }],
                },
                Place { name: "talks", role: Role::Nursery(&TALK), policy: GROUP, children: &[] },
                Place { name: "chats", role: Role::Nursery(&CHAT), policy: GROUP, children: &[] },
                Place {
                    name: "desks",
                    role: Role::Nursery(&DESK),
                    policy: GROUP,
                    children: &[Place { name: "opener", role: Role::Opener, policy: LEAF, children: &[] }],
                },
            ],
        },
        Place { name: "retention", role: Role::Retention, policy: LEAF, children: &[] },
        Place { name: "queues", role: Role::Queues(&LEAF), policy: GROUP, children: &[] },
        Place {
            name: "events",
            role: Role::Supervisor,
            policy: GROUP,
            children: &[Place { name: "bus", role: Role::Bus, policy: LEAF, children: &[] }],
        },
    ],
};

/// Paths of the places that others speak to.
pub mod paths {
    /// The bus.
    pub const BUS: &str = "events/bus";
    /// The group of destinations.
    pub const DESTINATIONS: &str = "delivery/destinations";
    /// The group of conversations.
    pub const CHATS: &str = "sessions/chats";
    /// The group of desks.
    pub const DESKS: &str = "sessions/desks";
    /// The group of conversations of communities.
    pub const TALKS: &str = "sessions/talks";
    /// The group of answers of language models.
    pub const STREAMS: &str = "sessions/streams";
    /// The group of flows.
    pub const FLOWS: &str = "automation/flows";
    /// The replayer.
    pub const REPLAYER: &str = "delivery/replayer";
    /// The group of queues.
    pub const QUEUES: &str = "queues";
    /// Whoever looks after schedules.
    pub const SCHEDULES: &str = "automation/schedules";
}

/// The group and the name of somebody who is a member of a nursery: its name is its organisation's
/// business. None for what is in every machine.
#[must_use]
pub fn member_of(path: &str) -> Option<(&str, &str)> {
    let (group, name) = path.rsplit_once('/')?;
    let down = |place: &'static Place, name| place.children.iter().find(|child| child.name == name);
    let place = group.split('/').skip(1).try_fold(&TREE, down)?;
    let is_member = place.children.iter().all(|child| child.name != name);
    (is_member && matches!(place.role, Role::Nursery(_))).then_some((group, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(place: &'static Place, path: &str) -> Option<&'static Place> {
        path.split('/').try_fold(place, |place, name| place.children.iter().find(|child| child.name == name))
    }

    #[test]
    fn every_path_that_others_speak_to_is_in_the_tree() {
        use paths::{BUS, CHATS, DESKS, DESTINATIONS, FLOWS, QUEUES, REPLAYER, SCHEDULES, STREAMS, TALKS};
        for path in [BUS, CHATS, DESKS, DESTINATIONS, FLOWS, QUEUES, REPLAYER, SCHEDULES, STREAMS, TALKS] {
            assert!(find(&TREE, path).is_some(), "{path}");
        }
    }

    #[test]
    fn members_are_told_from_what_is_in_every_machine() {
        assert_eq!(member_of("machine/automation/flows/f-1"), Some(("machine/automation/flows", "f-1")));
        assert_eq!(
            member_of("machine/delivery/destinations/d-1"),
            Some(("machine/delivery/destinations", "d-1"))
        );
        for fixed in [
            "machine",
            "machine/automation/flows",
            "machine/automation/schedules",
            "machine/queues/billing",
            "machine/events/bus",
        ] {
            assert_eq!(member_of(fixed), None, "{fixed}");
        }
        assert_eq!(member_of("machine/delivery/destinations/dispatcher"), None);
    }
}
