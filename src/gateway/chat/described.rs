//! The events of `/chat`, as the document describes them.

use super::Chat;
use crate::gateway::asyncapi::{Event, Namespace as Described, asks, hears, hears_bare};
use crate::gateway::namespace::Namespace;
use crate::gateway::protocol::desk::{
    ChatTaken, Engage, Engaged, Noted, OneChat, PickNext, Reached, SetStatus, Signal, Signalled, StatusSet,
    TransferChat, VisitorLocation,
};
use crate::gateway::protocol::told::{
    AgentAssigned, AgentChanged, ChatEnded, ChatStream, ChatTransferred, Message, PresenceChange,
    QueueNotification, Queued, Update,
};
use crate::gateway::protocol::{
    Authenticated, ChatHistory, ChatMessage, CloseChat, Done, ErrorEvent, History, JoinChat, LeaveChat,
    MessageTaken, ReplayedEvent, SendMessage, ShareStatus, StatusRelay, UpdateMessageStatus,
};

/// The namespace.
pub(in crate::gateway) fn described() -> Described {
    let mut events = vec![
        asks::<ChatMessage, MessageTaken>("chat-message", "Say something in a chat"),
        asks::<SendMessage, MessageTaken>("sendMessage", "Say something to a customer, as one of the staff"),
        asks::<JoinChat, Done>("join-chat", "Hear a chat, and what was missed since a number"),
        asks::<LeaveChat, Done>("leave-chat", "Hear it no more"),
        asks::<ChatHistory, History>("chat-history", "What was said, oldest first"),
        asks::<ShareStatus, Done>("shareStatus", "Say that one types, or has stopped"),
        asks::<UpdateMessageStatus, Done>("updateMessageStatus", "Say that a message was received or read"),
        asks::<CloseChat, Done>("close-chat", "End a chat"),
        asks::<SetStatus, StatusSet>("set-status", "Say what one is, as one of the staff"),
        asks::<PickNext, ChatTaken>("pick-next", "Take the next chat that waits, as one of the staff"),
        asks::<OneChat, ChatTaken>("takeover-chat", "Answer in a chat from now on, as one of the staff"),
        asks::<TransferChat, ChatTaken>("transfer-chat", "Hand a chat on, as one of the staff"),
        asks::<OneChat, Done>("observe-chat", "Hear a chat without taking part, as one of the staff"),
        asks::<OneChat, Done>("unobserve-chat", "Hear it no more"),
        asks::<Engage, Reached>("engage", "Greet whoever is on a device, as one of the staff"),
        asks::<VisitorLocation, Noted>("visitor-location", "Say which page one is on"),
    ];
    events.extend(heard());
    for name in super::visit::SIGNALS {
        events.push(asks::<Signal, Reached>(name, "A signal of a call, relayed to one peer"));
        events.push(hears::<Signalled<'_>>(name, "A signal of a call, from the other end"));
    }
    Described { path: Chat::PATH, about: "Customers and staff", events }
}

fn heard() -> Vec<Event> {
    vec![
        hears::<Authenticated<'_>>(
            "authenticate",
            "Whether one is let in; with `success: false`, `error` and `message` else",
        ),
        hears_bare("token_expired", "The token's time is over; the connection ends"),
        hears::<ErrorEvent<'_>>("error", "An event could not be taken"),
        hears::<ReplayedEvent<'_>>("replayed", "What was missed has been sent"),
        hears::<Message>("message", "Somebody has said something"),
        hears::<Update>("update", "A message was received or read, or says something else"),
        hears::<StatusRelay<'_>>("status", "Somebody types, or has stopped"),
        hears::<Queued>("queued", "The chat waits"),
        hears::<Queued>("queue-update", "Where it waits, every 15 seconds"),
        hears::<QueueNotification>("queue-notification", "A chat waits, for the staff"),
        hears::<ChatStream>("chat-stream", "An assistant answers, piece by piece"),
        hears::<AgentAssigned>("agent-assigned", "Somebody answers"),
        hears::<AgentChanged>("agent-changed", "Somebody else answers"),
        hears::<ChatTransferred>("chat-transferred", "The chat was handed on"),
        hears::<ChatEnded>("chat-ended", "The chat is over"),
        hears::<PresenceChange>("presence-change", "Somebody came, went, or is something else"),
        hears::<Engaged<'_>>("engage", "Somebody of the staff greets whoever is on this device"),
    ]
}
