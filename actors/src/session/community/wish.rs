//! What somebody wants of a conversation, what comes of it, and why nothing does.

use serde_json::{Value, json};

use super::group::{Member, Muted, Role, Settings};
use super::message::{Attachment, ContentType, Message};
use super::who::Handle;
use crate::ids::MessageId;
use crate::session::line::Draft;
use crate::session::person::Person;

/// Something that somebody wants to say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Word {
    /// What it says.
    pub content: String,
    /// What that is.
    pub content_type: ContentType,
    /// Its files.
    pub attachments: Vec<Attachment>,
    /// The message that it answers.
    pub reply_to: Option<MessageId>,
    /// Addresses of those whom it names, beside those that are in its words.
    pub mentions: Vec<String>,
    /// What its sender calls it: said again under the same name, it is the same message.
    pub client_id: Option<String>,
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// A group is to be, with these people in it.
    Found(Settings, Vec<(Person, Role)>),
    /// Something is to be said; to somebody, where nobody has said anything yet.
    Say(Word, Option<Person>),
    /// A message is to say something else.
    Edit(MessageId, String),
    /// A message is to go.
    Delete(MessageId),
    /// A feeling about a message is to be there, or no longer.
    React(MessageId, String),
    /// All is read, or up to the latest of these.
    Read(Option<Vec<MessageId>>),
    /// Whoever asks wants to be in the group.
    Join,
    /// Whoever asks wants to be out of it.
    Leave,
    /// Others are to be in it.
    Add(Vec<(Person, Role)>),
    /// Somebody else is to be out of it.
    Remove(Handle),
    /// Somebody is to be something else in it.
    Promote(Handle, Role),
    /// Somebody is not to write, or is to again.
    Mute(Handle, Option<Muted>),
    /// Its settings are to be others.
    Update(Settings),
}

/// Who wants what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The id that comes of it, made by whoever asks, so that asking twice does it once.
    pub id: MessageId,
    /// Who.
    pub by: Person,
    /// Whether they may do in any group what its admins may: those of the staff who look after it all.
    pub moderates: bool,
    /// What.
    pub act: Act,
}

/// What a wish is known by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Name {
    /// The id that comes of it: the question is asked again.
    Id(MessageId),
    /// What the sender of a message calls it: the client sends it again.
    Called(Handle, String),
}

impl Draft for Wish {
    type Name = Name;

    fn names(&self) -> Vec<Name> {
        let called = match &self.act {
            Act::Say(Word { client_id: Some(client_id), .. }, _) => {
                Some(Name::Called(Handle::of(&self.by), client_id.clone()))
            }
            _ => None,
        };
        std::iter::once(Name::Id(self.id)).chain(called).collect()
    }

    fn weight(&self) -> usize {
        let rest = match &self.act {
            Act::Say(word, _) => word.content.len() + word.attachments.len() * 512,
            Act::Edit(_, content) => content.len(),
            Act::Found(_, people) | Act::Add(people) => people.len() * 256,
            Act::Read(Some(messages)) => messages.len() * 16,
            _ => 0,
        };
        rest + 512
    }
}

/// How far somebody has read.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Mark {
    /// Who.
    pub by: Handle,
    /// The number of the last message.
    pub seq: u64,
    /// How many messages there are with it.
    pub count: u64,
    /// Since when.
    pub at: crate::clock::Timestamp,
}

impl Mark {
    /// As others are told.
    #[must_use]
    pub fn told(&self) -> Value {
        json!({"email": self.by.email(), "role": self.by.side().name(), "lastSeq": self.seq, "readAt": self.at})
    }
}

/// What came of a wish.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// The number under which it happened; none where nothing did.
    pub seq: Option<u64>,
    /// The message that it is about, as it is now.
    pub message: Option<Message>,
    /// The group, as it is now.
    pub group: Option<Value>,
    /// Those who came in, or are something else now.
    pub members: Vec<Member>,
    /// Whether a feeling is there now.
    pub added: Option<bool>,
    /// How far whoever asked has read.
    pub mark: Option<Mark>,
}

/// Why a conversation does not do what is wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Whoever asks is not in it.
    #[error("take part in the group: only its members do; join it, or ask one of its admins")]
    NotMember,
    /// There is no such group, or none that they may know of.
    #[error("find the group: there is none with that id")]
    NoGroup,
    /// There is no such message, or none that they may know of.
    #[error("find the message: there is none with that id")]
    NoMessage,
    /// There is no such person.
    #[error("find {0}: nobody with an account has that address")]
    NoPerson(String),
    /// Somebody is not in the group.
    #[error("find {0} in the group: they are not a member")]
    NoMember(String),
    /// They have no account.
    #[error("take part in the community: sign up first, a guest has no part in it")]
    Guest,
    /// It takes one of the group's admins.
    #[error("{0}: only admins of the group may")]
    NotAdmin(&'static str),
    /// It takes whoever wrote the message.
    #[error("change the message: it is somebody else's")]
    NotOwn,
    /// They may not write.
    #[error("say something: an admin has muted you{}", until.map_or_else(String::new, |at| format!(" until {at}")))]
    Muted {
        /// Until when.
        until: Option<crate::clock::Timestamp>,
    },
    /// The group's admins alone write.
    #[error("say something: only admins post in this group")]
    OnlyAdminsPost,
    /// The group is over.
    #[error("change the group: it is archived; an admin can make it active again")]
    Archived,
    /// It is for those who are let in.
    #[error("join the group: it is private; one of its admins can add you")]
    Private,
    /// An admin wanted them out.
    #[error("join the group: an admin has removed you; one of them can add you again")]
    Removed,
    /// One of two people does not want to hear the other.
    #[error("say something: one of you blocks the other")]
    Blocked,
    /// A bound was reached.
    #[error("{0}")]
    Full(String),
    /// It breaks a rule.
    #[error("{0}")]
    Unfit(String),
}

impl Refusal {
    /// The word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotMember => "not_member",
            Self::NoGroup => "unknown_group",
            Self::NoMessage => "unknown_message",
            Self::NoPerson(_) | Self::NoMember(_) => "unknown_person",
            Self::Guest | Self::NotOwn | Self::NotAdmin(_) | Self::Private | Self::Removed => "forbidden",
            Self::Muted { .. } => "muted",
            Self::OnlyAdminsPost => "only_admins_post",
            Self::Archived => "group_archived",
            Self::Blocked => "blocked",
            Self::Full(_) => "limit_reached",
            Self::Unfit(_) => "bad_message",
        }
    }
}
