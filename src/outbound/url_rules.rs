//! Which URLs a tenant may name: scheme, credentials, port, host name, literal address. Pure and
//! without DNS; the one check behind create, test and send, so that the three cannot disagree. What a
//! name leads to is the resolver's.

use std::net::IpAddr;

use appengine_actors::webhook::failure::{HostNameError, Refused};
use url::{Host, Url};

use super::guard::Guard;

/// The longest URL that is taken, in bytes.
pub const MAX_URL: usize = 2048;

/// The URL rules of one deployment.
#[derive(Debug, Clone, Default)]
pub struct UrlRules {
    guard: Guard,
    plain_http: bool,
    ports: Vec<u16>,
}

impl UrlRules {
    /// `plain_http` admits `http` beside `https`. `ports` are the only ones that are open; an empty
    /// list opens all but those on which something other than HTTP listens.
    pub fn new(guard: Guard, plain_http: bool, ports: Vec<u16>) -> Self {
        Self { guard, plain_http, ports }
    }

    /// Reads the URL and checks it. What is returned is what must be requested: reading the text again
    /// could differ.
    pub fn check(&self, text: &str) -> Result<Url, Refused> {
        if text.len() > MAX_URL {
            return Err(Refused::UrlLength { found: text.len(), max: MAX_URL });
        }
        let url = Url::parse(text).map_err(|error| Refused::Url(error.to_string()))?;
        self.check_scheme(url.scheme())?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Userinfo);
        }
        let port = url.port_or_known_default().unwrap_or(0);
        if !self.is_open(port) {
            return Err(Refused::Port(port));
        }
        match url.host() {
            Some(Host::Ipv4(address)) => self.check_address(address.into())?,
            Some(Host::Ipv6(address)) => self.check_address(address.into())?,
            Some(Host::Domain(name)) => self.check_name(name)?,
            None => return Err(Refused::HostName(HostNameError::Length)),
        }
        // The HTTP client has a URL type of its own; what that would refuse when sending is refused here.
        http::Uri::try_from(url.as_str()).map_err(|error| Refused::Url(error.to_string()))?;
        Ok(url)
    }

    fn check_scheme(&self, scheme: &str) -> Result<(), Refused> {
        match scheme {
            "https" => Ok(()),
            "http" if self.plain_http => Ok(()),
            _ => Err(Refused::Scheme { allowed: if self.plain_http { "https or http" } else { "https" } }),
        }
    }

    fn is_open(&self, port: u16) -> bool {
        if self.ports.is_empty() {
            BAD_PORTS.binary_search(&port).is_err()
        } else {
            self.ports.contains(&port)
        }
    }

    fn check_address(&self, address: IpAddr) -> Result<(), Refused> {
        self.guard.check(address).map_err(|range| Refused::Address { range: range.words() })
    }

    fn check_name(&self, name: &str) -> Result<(), Refused> {
        check_syntax(name).map_err(Refused::HostName)?;
        // A local name can lead to an open address only where a subnet was opened; the resolver then
        // decides.
        if is_local(name) && !self.guard.opens_any() {
            return Err(Refused::LocalName);
        }
        Ok(())
    }
}

/// The URL parser has already lower-cased the name and turned it into ASCII (IDNA).
fn check_syntax(name: &str) -> Result<(), HostNameError> {
    if name.ends_with('.') {
        return Err(HostNameError::TrailingDot);
    }
    if name.len() > 253 || name.split('.').any(|label| !(1..=63).contains(&label.len())) {
        return Err(HostNameError::Length);
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.bytes().all(allowed) { Ok(()) } else { Err(HostNameError::Character) }
}

/// Bare labels and the names that only a private network answers for: RFC 6761, 6762 and 8375, ICANN's
/// `internal`, and what routers and clusters use without asking.
fn is_local(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    !name.contains('.')
        || matches!(
            last,
            "localhost" | "local" | "localdomain" | "internal" | "intranet" | "lan" | "corp" | "home"
        )
        || name.ends_with(".home.arpa")
}

/// The WHATWG Fetch Standard's "bad ports", in order: mail, name, file and chat servers that could take
/// a request for a command.
const BAD_PORTS: [u16; 83] = [
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103,
    104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514,
    515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723,
    2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
];

#[cfg(test)]
mod tests;
