//! All sessions of a machine, for those who bring clients to them.

use super::chat::Chats;
use super::community::Talks;
use super::desk::Desks;
use super::people::People;
use super::stream::Streams;
use super::visits::Visits;

/// All sessions.
#[derive(Clone)]
pub struct Sessions {
    /// The conversations of customers and staff.
    pub chats: Chats,
    /// Who answers in them, and who is where.
    pub desks: Desks,
    /// The pages that visitors come by.
    pub visits: Visits,
    /// The conversations of communities.
    pub talks: Talks,
    /// The answers of language models.
    pub streams: Streams,
    /// Those with an account.
    pub people: People,
}
