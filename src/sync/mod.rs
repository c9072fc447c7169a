//! How what people say is read from social networks that do not call us, or whose calls were lost. Each platform's file
//! knows its listings: which request reads a page, and what a page means. Both are pure; what is found has the ids that
//! `src/vendors` gives to what webhooks tell, so that one thing is one event, whichever way it comes.
//!
//! | file | what |
//! |---|---|
//! | `adapter` | What a platform's file says |
//! | `cursor` | How far a listing was read |
//! | `limits` | What an answer says of how much may be asked |
//! | `driver` | Sends the requests, by tokens that are fresh |
//! | the others | One platform each |
//!
//! Snapchat has no file: its lead forms call us, and no listing of posts or comments is documented for everybody.

pub mod adapter;
mod cursor;
mod discord;
pub mod driver;
mod limits;
mod linkedin;
mod meta;
mod pinterest;
mod reddit;
mod slack;
#[cfg(test)]
mod testing;
mod tiktok;
pub mod tokens;
mod twitch;
mod x;

use self::adapter::Adapter;

/// Every platform that is read.
pub const ALL: [&dyn Adapter; 9] = [
    &discord::Discord,
    &linkedin::LinkedIn,
    &meta::Meta,
    &pinterest::Pinterest,
    &reddit::Reddit,
    &slack::Slack,
    &tiktok::TikTok,
    &twitch::Twitch,
    &x::X,
];

/// The platform of a vendor, if it is read.
#[must_use]
pub fn of(vendor: &str) -> Option<&'static dyn Adapter> {
    ALL.into_iter().find(|adapter| adapter.vendor() == vendor)
}
