//! Which web pages may open a socket. Clients that are not browsers send no `Origin` and pass.
//! The upgrade service and the polling route ask here, before anything else is done.

/// The pages whose scripts may connect: their own site's always, others when they are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins {
    listed: Vec<String>,
}

/// Why a list of origins is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadOrigin {
    /// Not of the form `scheme://host[:port]`.
    #[error("accept the origin `{0}`: write it as scheme://host or scheme://host:port, without a path")]
    Form(String),
    /// `*` would let every page act for its visitors.
    #[error("accept the origin `*`: list each origin by name")]
    Any,
}

impl Origins {
    /// Reads the configured list, for instance `["https://app.example.com"]`. Letter case does not matter.
    ///
    /// # Errors
    /// [`BadOrigin`] names the first entry that is not an origin.
    pub fn new(listed: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, BadOrigin> {
        let listed = listed.into_iter().map(|one| parse(one.as_ref()));
        Ok(Self { listed: listed.collect::<Result<_, _>>()? })
    }

    /// True when a page of `origin` may talk to this server, which the client addressed as `host`.
    #[must_use]
    pub fn admit(&self, origin: &str, host: Option<&str>) -> bool {
        let same_site =
            authority(origin).zip(host).is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host));
        same_site || self.lists(origin)
    }

    /// True when `origin` is on the list, so that its pages may also read the answers (CORS).
    #[must_use]
    pub fn lists(&self, origin: &str) -> bool {
        self.listed.iter().any(|o| o.eq_ignore_ascii_case(origin))
    }
}

fn parse(origin: &str) -> Result<String, BadOrigin> {
    if origin == "*" {
        return Err(BadOrigin::Any);
    }
    match authority(origin) {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ', '*']) => {
            Ok(origin.to_ascii_lowercase())
        }
        _ => Err(BadOrigin::Form(origin.to_owned())),
    }
}

fn authority(origin: &str) -> Option<&str> {
    origin.split_once("://").map(|(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_pages_and_listed_pages_pass_and_no_others() {
        let origins = Origins::new(["https://App.example.com"]).expect("a list");
        let admit = |origin| origins.admit(origin, Some("api.example.com:8443"));
        assert!(admit("https://api.example.com:8443"));
        assert!(admit("https://app.example.com"));
        for other in [
            "null",
            "",
            "https://api.example.com",
            "https://app.example.com.evil.net",
            "http://app.example.com",
            "https://evil.net/https://app.example.com",
        ] {
            assert!(!admit(other), "{other}");
        }
        assert!(!origins.admit("null", Some("null")), "an opaque origin has no site");
        assert!(!origins.admit("https://a.example", None));
    }

    #[test]
    fn a_list_entry_that_is_no_origin_is_refused_by_name() {
        for bad in ["example.com", "https://", "https://a.b/c", "https://*.b", "https://u@b"] {
            assert_eq!(Origins::new([bad]), Err(BadOrigin::Form(bad.to_owned())));
        }
        assert_eq!(Origins::new(["*"]), Err(BadOrigin::Any));
    }
}
