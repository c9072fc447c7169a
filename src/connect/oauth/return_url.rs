//! Where the browser goes in the end: a page of this server's own, or of one that its operator trusts. Whoever could
//! name any other would send people there in this server's name.

use url::Url;

/// Characters of an address.
const LONGEST: usize = 2_048;

/// The pages to which people are sent back.
#[derive(Debug, Clone)]
pub struct ReturnUrls {
    /// This server's own address.
    own: String,
    /// Origins of others, in lower case.
    trusted: Vec<String>,
}

impl ReturnUrls {
    /// Pages of this server and of these origins, each as `https://app.example.com`.
    #[must_use]
    pub fn new(own: &str, trusted: &[String]) -> Self {
        let origin = |text: &String| Some(Url::parse(text).ok()?.origin().ascii_serialization());
        Self { own: own.to_owned(), trusted: trusted.iter().filter_map(origin).collect() }
    }

    /// The address, if people may be sent there. One without a host is this server's.
    ///
    /// # Errors
    /// In words, why not.
    pub fn read(&self, text: &str) -> Result<String, &'static str> {
        const ALLOWED: &str =
            "must be an address of this server or of one of server.cors_origins, without sign-in";
        if text.len() > LONGEST {
            return Err("must have at most 2048 characters");
        }
        let own = Url::parse(&self.own).map_err(|_| ALLOWED)?;
        let url = own.join(text).map_err(|_| ALLOWED)?;
        let origin = url.origin();
        let is_web = matches!(url.scheme(), "http" | "https");
        let is_trusted = origin == own.origin() || self.trusted.contains(&origin.ascii_serialization());
        let signs_in = !url.username().is_empty() || url.password().is_some();
        if is_web && is_trusted && !signs_in { Ok(url.into()) } else { Err(ALLOWED) }
    }
}

/// The address with what came of it.
#[must_use]
pub fn telling(url: &str, reason: Option<&str>) -> String {
    let Ok(mut url) = Url::parse(url) else { return url.to_owned() };
    let told = if reason.is_some() { "failed" } else { "connected" };
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| !matches!(&**name, "integration" | "reason"))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    url.query_pairs_mut().clear().extend_pairs(kept).append_pair("integration", told);
    if let Some(reason) = reason {
        url.query_pairs_mut().append_pair("reason", reason);
    }
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_sent_to_trusted_pages_only() {
        let urls = ReturnUrls::new("https://api.example.com/base", &["https://App.example.com".to_owned()]);
        for (text, url) in [
            ("https://app.example.com/done?x=1#y", "https://app.example.com/done?x=1#y"),
            ("https://app.example.com:443", "https://app.example.com/"),
            ("https://api.example.com/done", "https://api.example.com/done"),
            ("/done", "https://api.example.com/done"),
        ] {
            assert_eq!(urls.read(text).as_deref(), Ok(url), "{text}");
        }
        for text in [
            "https://evil.example",
            "http://app.example.com/",
            "https://app.example.com.evil.net/",
            "https://app.example.com@evil.net/",
            "https://app.example.com:8443/",
            "https://somebody@app.example.com/",
            "//evil.net/",
            "\\\\evil.net/",
            "/\\evil.net",
            "javascript:alert(1)",
            "data:text/html,x",
            &format!("https://app.example.com/{}", "a".repeat(2_048)),
        ] {
            assert!(urls.read(text).is_err(), "{text} is {:?}", urls.read(text));
        }
    }

    #[test]
    fn what_came_of_it_is_told_once() {
        assert_eq!(telling("https://a.b/c?d=1#e", None), "https://a.b/c?d=1&integration=connected#e");
        let lied = "https://a.b/?integration=connected&reason=none";
        assert_eq!(telling(lied, Some("denied")), "https://a.b/?integration=failed&reason=denied");
    }
}
