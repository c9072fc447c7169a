//! A call as it came.

/// A call: nothing of it is parsed before it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `POST`, as it was sent.
    pub method: String,
    /// The address that the vendor knows: scheme, host, path and query, out of the configuration and the request line,
    /// never out of `Host` or a proxy's headers.
    pub url: String,
    /// The headers.
    pub headers: Headers,
    /// The body's bytes.
    pub body: Vec<u8>,
}

impl Call {
    /// The same call, made to another address with the same query.
    #[must_use]
    pub fn at(&self, url: &str) -> Self {
        let query = self.query();
        let url = if query.is_empty() { url.to_owned() } else { format!("{url}?{query}") };
        Self { url, ..self.clone() }
    }

    /// The query, still encoded.
    #[must_use]
    pub fn query(&self) -> &str {
        let before_fragment = self.url.split('#').next().unwrap_or_default();
        before_fragment.split_once('?').map_or("", |(_, query)| query)
    }

    /// A value of the query, decoded; the first of several.
    #[must_use]
    pub fn query_value(&self, name: &str) -> Option<String> {
        let mut pairs = url::form_urlencoded::parse(self.query().as_bytes());
        pairs.find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
    }

    /// The body as JSON, if it is that.
    #[must_use]
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Whether the body says that it is a form.
    #[must_use]
    pub fn is_form(&self) -> bool {
        self.is("application/x-www-form-urlencoded")
    }

    /// Whether the body says that it is a form with files.
    #[must_use]
    pub fn is_multipart(&self) -> bool {
        self.is("multipart/form-data")
    }

    fn is(&self, media_type: &str) -> bool {
        let said = self.headers.one("content-type").unwrap_or_default();
        said.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(media_type)
    }

    /// The fields of a form, decoded, in their order.
    #[must_use]
    pub fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(&self.body).into_owned().collect()
    }
}

/// Headers, by their names in any case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// These headers, in their order.
    #[must_use]
    pub fn new(headers: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect())
    }

    /// The value of a header that came once. One that came again is none: it cannot be said which counts.
    #[must_use]
    pub fn one(&self, name: &str) -> Option<&str> {
        let mut values = self.all().filter(|(found, _)| found.eq_ignore_ascii_case(name));
        let (_, value) = values.next()?;
        if values.next().is_some() { None } else { Some(value) }
    }

    /// Every header, its name in lower case.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_have_names_in_any_case_and_one_value() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = Headers::new([pair("X-One", "1"), pair("X-Two", "1"), pair("x-two", "2")]);
        assert_eq!(
            (headers.one("x-ONE"), headers.one("x-two"), headers.one("x-no")),
            (Some("1"), None, None)
        );
    }

    #[test]
    fn a_query_is_decoded() {
        let url = "https://example.com/a?b=%2B+c&b=d#?b=e".to_owned();
        let call = Call { method: "GET".to_owned(), url, headers: Headers::default(), body: Vec::new() };
        assert_eq!(call.query_value("b").as_deref(), Some("+ c"));
        assert_eq!(call.query_value("e"), None);
    }
}
