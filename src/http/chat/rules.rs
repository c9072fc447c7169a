//! What names, addresses and bounds must be in chats.

use appengine_actors::mail::is_address;

use crate::http::keep::keep_path;
use crate::problem::Problem;

/// Milliseconds since 1970 at most: the end of the year 2099.
pub const LATEST: u64 = 4_102_444_800_000;

pub const ADDRESS: &str = "must be an e-mail address of up to 254 characters, such as ann@example.com";
pub const NAME: &str = "must have 1 to 100 characters, none of them control characters";

/// Whether a text can be a queue's or a skill's name.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= 100 && !text.chars().any(char::is_control)
}

/// Whether a text, if there is one, has at most so many characters.
pub fn is_within(text: Option<&String>, most: usize) -> bool {
    text.is_none_or(|text| text.chars().count() <= most)
}

/// An e-mail address that a path names, as addresses are compared.
pub fn address(text: &str) -> Result<String, Problem> {
    address_at("email", text)
}

/// The same of a part of the path with another name.
pub fn address_at(path: &str, text: &str) -> Result<String, Problem> {
    keep_path(path, is_address(text), ADDRESS)?;
    Ok(text.to_lowercase())
}
