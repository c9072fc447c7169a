//! What the file of a platform says.

use std::time::Duration;

use appengine_actors::clock::Timestamp;
use appengine_actors::inbound::told::Told;

use super::cursor::Cursor;
use super::limits::Limits;
use crate::connect::api::{ApiCall, ApiReply};

/// A platform whose listings are read. Nothing in it reads a clock or a socket.
pub trait Adapter: Send + Sync + 'static {
    /// The vendor's name.
    fn vendor(&self) -> &'static str;

    /// The interface that is called, by its name among the addresses.
    fn interface(&self) -> &'static str;

    /// What may be followed, in words for people.
    fn follows(&self) -> &'static str;

    /// The listings of something that is followed; of a platform where nothing has to be named, of "".
    fn streams(&self, follow: &str) -> Option<Vec<String>>;

    /// Whether all that is followed is one listing.
    fn is_joined(&self) -> bool {
        false
    }

    /// Whether a listing is that of the account itself where nothing is named.
    fn has_own(&self) -> bool {
        false
    }

    /// The request for a page.
    fn request(&self, at: &Place<'_>, cursor: &Cursor) -> ApiCall;

    /// What a page means that was answered with 2xx.
    ///
    /// # Errors
    /// What is wrong with it.
    fn read(&self, at: &Place<'_>, cursor: Cursor, reply: &ApiReply) -> Result<Read, Fault>;

    /// Where the platform says how much may be asked.
    fn limits(&self) -> Limits;

    /// What an answer with an error means, where its status does not say it.
    fn fault(&self, _reply: &ApiReply) -> Option<Fault> {
        None
    }
}

/// Where a page is, and with what it is asked for.
pub struct Place<'a> {
    /// The interface's address.
    pub base: &'a str,
    /// The listing.
    pub stream: &'a str,
    /// What the interface is called with.
    pub token: &'a str,
    /// The application's own name there, where the platform wants it beside the token.
    pub client_id: &'a str,
    /// From when on things are news.
    pub since: Timestamp,
    /// What time it is.
    pub now: Timestamp,
}

/// What was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// What is on the page, the oldest first.
    pub told: Vec<Told>,
    /// How far the listing was read with it.
    pub cursor: Cursor,
    /// Whether there is more to read now.
    pub more: bool,
}

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Too much was asked; for how long, where the platform says so.
    Limit(Option<Duration>),
    /// The token is not taken, or may not do this anywhere.
    Token,
    /// This listing is not there, or not for us.
    Stream,
    /// The answer is none that is documented.
    Odd,
}
