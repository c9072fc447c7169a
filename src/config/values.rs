//! Readers for the values that are more than a number or a text: addresses, networks, origins, names.
//! Each refuses by quoting what it got and saying what it takes; none of them looks at another key.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de};
use tracing_subscriber::EnvFilter;
use url::Url;

use super::{Secret, Secrets};

/// Most characters of a refused value that a message repeats.
const SHOWN: usize = 80;

/// Shortest secret that is accepted, in bytes: the size of an HMAC-SHA256 key (RFC 7518 §3.2).
const SECRET_BYTES: usize = 32;

/// A refused value as messages quote it.
pub(super) fn shown(text: &str) -> String {
    clip(text, SHOWN)
}

/// A text on one line, without control characters, cut after so many characters.
pub(super) fn clip(text: &str, most: usize) -> String {
    let mut clipped: String = text.chars().take(most).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(most).is_some() {
        clipped.push('…');
    }
    clipped
}

/// An organisation's id as it may stand in addresses: 1 to 64 letters, digits, `-`, `_` or `.`.
#[must_use]
pub fn org_id(text: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let valid = (1..=64).contains(&text.len()) && text.chars().all(allowed);
    valid.then(|| text.to_owned())
}

/// An e-mail address: one `@` with something on both sides, no spaces or control characters, at most 254 bytes.
#[must_use]
pub fn email(text: &str) -> Option<String> {
    let (local, domain) = text.split_once('@')?;
    let valid = !local.is_empty()
        && !domain.is_empty()
        && !domain.contains('@')
        && text.len() <= 254
        && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    valid.then(|| text.to_owned())
}

/// What [`org_id`] takes, in words.
pub const ORG_ID: &str = "an organisation id of 1 to 64 letters, digits, -, _ or .";

/// What [`email`] takes, in words.
pub const EMAIL: &str = "an e-mail address such as ada@example.com";

pub(super) fn read_org_id<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    one(from, ORG_ID, org_id)
}

pub(super) fn read_email<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    one(from, EMAIL, email)
}

/// `ada@example.com` or `Ada <ada@example.com>`, or nothing at all.
pub(super) fn read_sender<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let allowed = "an e-mail address such as no-reply@example.com or Acme <no-reply@example.com>";
    one(from, allowed, |text| {
        let named = text.split_once('<').map(|(_, rest)| rest.strip_suffix('>').unwrap_or_default());
        let valid = text.is_empty() || email(named.unwrap_or(text)).is_some();
        valid.then(|| text.to_owned())
    })
}

pub(super) fn read_listen<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    let allowed = "an IP address and a port, such as 127.0.0.1:3330 or [::]:3330";
    one(from, allowed, |text| text.parse().ok())
}

pub(super) fn read_public_url<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Url>, D::Error> {
    let allowed =
        "an http or https address without query or sign-in, such as https://events.example.com, or empty";
    one(from, allowed, |text| if text.is_empty() { Some(None) } else { web_address(text).map(Some) })
}

pub(super) fn read_base_urls<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let allowed = "an interface and its address, such as stripe=https://stripe.example";
    let pairs = many(from, allowed, |text| {
        let (name, url) = text.split_once('=')?;
        let url = crate::connect::api::is_known(name).then(|| web_address(url)).flatten()?;
        Some((name.to_owned(), url.as_str().trim_end_matches('/').to_owned()))
    })?;
    Ok(pairs.into_iter().collect())
}

pub(super) fn read_networks<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<IpNet>, D::Error> {
    let allowed = "a network; write an address and a prefix length, such as 10.0.0.0/8 or fd00::/8";
    many(from, allowed, network)
}

pub(super) fn read_endings<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let allowed = "an ending of a file's name; write 1 to 16 letters and digits, such as png";
    many(from, allowed, |text| {
        let ending = text.strip_prefix('.').unwrap_or(text).to_ascii_lowercase();
        let fits = (1..=16).contains(&ending.len()) && ending.chars().all(|c| c.is_ascii_alphanumeric());
        fits.then_some(ending)
    })
}

pub(super) fn read_origins<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let allowed =
        "an origin; write scheme, host and port only, such as https://app.example.com, each by name";
    many(from, allowed, origin)
}

pub(super) fn read_filter<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let allowed = "a log filter; write levels (error, warn, info, debug, trace, off) or target=level pairs";
    one(from, allowed, |text| {
        let valid = !text.trim().is_empty() && EnvFilter::builder().parse(text).is_ok();
        valid.then(|| text.to_owned())
    })
}

pub(super) fn read_text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    if text.trim().is_empty() { Err(de::Error::custom("must not be empty")) } else { Ok(text) }
}

pub(super) fn read_path<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
    read_text(from).map(PathBuf::from)
}

// Written apart from `one`, because a refused secret must not be quoted.
pub(super) fn read_secret<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
    let secret = Secret::deserialize(from)?;
    if secret.is_empty() || secret.expose().len() >= SECRET_BYTES {
        Ok(secret)
    } else {
        Err(de::Error::custom(format_args!("too short for a secret; use at least {SECRET_BYTES} characters")))
    }
}

// Its address may hold a password, so it is not quoted either.
pub(super) fn read_proxy<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
    let proxy = Secret::deserialize(from)?;
    let url = Url::parse(proxy.expose()).ok();
    let is_proxy = url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some());
    if proxy.is_empty() || is_proxy {
        Ok(proxy)
    } else {
        Err(de::Error::custom("no address of a proxy; write an http or https URL with a host"))
    }
}

// A refusal names the entry and never its value.
pub(super) fn read_vendor_keys<'de, D: Deserializer<'de>>(from: D) -> Result<Secrets, D::Error> {
    let entries = Vec::<String>::deserialize(from)?;
    crate::connect::declared::read(&entries)
        .map_err(|wrong| de::Error::custom(format_args!("{}: {}", shown(&wrong.path), wrong.message)))?;
    Ok(Secrets::new(entries))
}

fn one<'de, D: Deserializer<'de>, T>(
    from: D,
    allowed: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, D::Error> {
    let text = String::deserialize(from)?;
    parse(&text).ok_or_else(|| refused(&text, allowed))
}

fn many<'de, D: Deserializer<'de>, T>(
    from: D,
    allowed: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    let parsed = texts.iter().map(|text| parse(text).ok_or(text));
    let (good, bad): (Vec<_>, Vec<_>) = parsed.partition(Result::is_ok);
    match bad.into_iter().filter_map(Result::err).collect::<Vec<_>>().as_slice() {
        [] => Ok(good.into_iter().filter_map(Result::ok).collect()),
        [text] => Err(refused(text, allowed)),
        all => {
            let all: Vec<String> = all.iter().map(|text| format!("`{}`", shown(text))).collect();
            Err(de::Error::custom(format_args!("none of {} is {allowed}", all.join(", "))))
        }
    }
}

fn refused<E: de::Error>(text: &str, allowed: &str) -> E {
    E::custom(format_args!("`{}` is not {allowed}", shown(text)))
}

/// A network, its host bits cleared; a bare address is the network of itself alone.
fn network(text: &str) -> Option<IpNet> {
    let bare = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse::<IpNet>().ok().or_else(bare).map(|network| network.trunc())
}

fn web_address(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let valid = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    valid.then_some(url)
}

/// An origin as browsers send it (RFC 6454 §6.2).
fn origin(text: &str) -> Option<String> {
    let url = web_address(text)?;
    (url.path() == "/").then(|| url.origin().ascii_serialization())
}
