//! The events of `/community-chat`, as the document describes them.

use super::Community;
use super::protocol::{
    AskHistory, AskPresence, DeleteMessage, EditMessage, HistoryTold, JoinGroup, LeaveGroup, MarkRead, React,
    Replayed, SendMessage, Told, TypingHint,
};
use crate::gateway::asyncapi::{Event, Namespace as Described, asks, hears, hears_bare};
use crate::gateway::namespace::Namespace;
use crate::gateway::protocol::told::{
    CommunityChange, CommunityMessage, CommunityPresence, CommunityTyping, GroupChange, MessageRead,
};
use crate::gateway::protocol::{Authenticated, ErrorEvent};

/// The namespace.
pub(in crate::gateway) fn described() -> Described {
    let mut events = vec![
        asks::<JoinGroup, Told>("join-group", "Be in a group, and hear what was missed since a number"),
        asks::<LeaveGroup, Told>("leave-group", "Be in it no more"),
        asks::<SendMessage, Told>("sendMessage", "Say something in a group, or to somebody"),
        asks::<TypingHint, Told>("typing", "Say that one types, or has stopped"),
        asks::<MarkRead, Told>("markRead", "Say how far one has read"),
        asks::<React, Told>("react", "Add a reaction, or take it back"),
        asks::<EditMessage, Told>("editMessage", "Change what one has said"),
        asks::<DeleteMessage, Told>("deleteMessage", "Take back what one has said, or anything as an admin"),
        asks::<AskHistory, HistoryTold>("history", "What was said, by number"),
        asks::<AskPresence, Told>("presence", "Who of these is here, now and from now on"),
    ];
    events.extend(heard());
    Described { path: Community::PATH, about: "Groups, and what two people have", events }
}

fn heard() -> Vec<Event> {
    let mut events = vec![
        hears::<Authenticated<'_>>(
            "authenticate",
            "Whether one is let in; with `success: false`, `error` and `message` else",
        ),
        hears_bare("token_expired", "The token's time is over; the connection ends"),
        hears::<ErrorEvent<'_>>("error", "An event could not be taken"),
        hears::<Replayed<'_>>("replayed", "What was missed has been sent"),
        hears::<CommunityMessage>("newMessage", "Somebody has said something to the other"),
        hears::<CommunityMessage>("groupMessage", "Somebody has said something in a group"),
        hears::<MessageRead>("messageRead", "How far somebody has read"),
        hears::<CommunityTyping>("typing", "Somebody types, or has stopped"),
        hears::<CommunityPresence>("presence-change", "Somebody came or went"),
    ];
    for (name, about) in [
        ("messageUpdated", "A message says something else"),
        ("messageDeleted", "A message was taken back"),
        ("reaction", "A reaction was added or taken back"),
    ] {
        events.push(hears::<CommunityChange>(name, about));
    }
    for (name, about) in [
        ("memberJoined", "Somebody has come into a group"),
        ("memberLeft", "Somebody has left a group, or was removed"),
        ("memberMuted", "Somebody may not speak in a group, or may again"),
        ("groupUpdated", "A group was made, or is something else"),
    ] {
        events.push(hears::<GroupChange>(name, about));
    }
    events
}
