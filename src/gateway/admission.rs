//! Who may join a namespace: the question, as the gateway asks it, and the answer.
//! It holds no keys and checks no token; whoever implements [`Authenticate`] does.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use futures_util::future::BoxFuture;
use http::HeaderMap;

use super::{convert::Peer, protocol::HandshakeAuth};

/// Decides who a connecting client is. Asked once for each namespace that it joins.
pub trait Authenticate: Send + Sync + 'static {
    /// The client's identity, or why it is refused. Must end: the client waits, and is cut after 45 s.
    fn authenticate(&self, handshake: Handshake) -> BoxFuture<'static, Result<Identity, Refusal>>;
}

/// What a client says about itself (contract §5.1). Nothing in it is to be trusted.
#[derive(Debug, Clone, Default)]
pub struct Handshake {
    /// The namespace, for instance `/chat`.
    pub namespace: String,
    /// The tenant: `auth.orgId`, else the header `orgid`.
    pub org: Option<String>,
    /// A person's token: `auth.token`, else the header `Authorization: Bearer`.
    pub token: Option<String>,
    /// Wants to watch broadcasts only, without a token or the right to speak.
    pub broadcast_only: bool,
    /// The chat widget's configuration.
    pub config_id: Option<String>,
    /// The device, stable over visits.
    pub device_id: Option<String>,
    /// The app.
    pub app_id: Option<String>,
    /// The page that the visitor is on.
    pub current_url: Option<String>,
    /// The visitor's language.
    pub language: Option<String>,
    /// The chat session to continue (`cs_…`).
    pub chat_session_id: Option<String>,
    /// The number of the last message that the client has of its own conversation.
    pub last_seq: Option<u64>,
    /// The same, by conversation.
    pub cursors: BTreeMap<String, u64>,
    /// Identity-related headers of the HTTP request that opened the connection.
    pub headers: HeaderMap,
    /// The peer's address. Behind a proxy it is the proxy's.
    pub peer: Option<SocketAddr>,
}

/// A client that was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The tenant. Everything that the client hears or says stays within it.
    pub org: String,
    /// The record id of the person.
    pub id: String,
    /// The e-mail address, lower case.
    pub email: String,
    /// The name to show; the address is shown where there is none.
    pub name: Option<String>,
    /// A customer; everyone else is an agent.
    pub customer: bool,
    /// A customer without an account.
    pub guest: bool,
    /// Nobody in particular, who only watches what is broadcast.
    pub viewer: bool,
    /// Role names.
    pub roles: Vec<String>,
    /// When the token ends, in milliseconds since the Unix epoch.
    pub expires_at_ms: Option<u64>,
}

/// Why a client is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// For programs: `missing_token`, `token_expired`, `missing_orgid`, …
    pub code: &'static str,
    /// For people.
    pub message: String,
}

impl Identity {
    /// `customer` or `agent`, as the wire says it.
    #[must_use]
    pub fn role(&self) -> &'static str {
        if self.customer { "customer" } else { "agent" }
    }
}

impl Handshake {
    pub(super) fn read(namespace: &str, auth: HandshakeAuth, request: &http::request::Parts) -> Self {
        let context = auth.context.unwrap_or_default();
        let header = |name| request.headers.get(name)?.to_str().ok().map(str::to_owned);
        Self {
            namespace: namespace.to_owned(),
            org: filled(auth.org_id).or_else(|| filled(header("orgid"))),
            token: filled(auth.token).or_else(|| bearer(&header("authorization")?)),
            broadcast_only: auth.broadcast_only.unwrap_or_default(),
            config_id: auth.config_id.or(context.config_id),
            device_id: auth.device_id.or(context.device_id),
            app_id: auth.app_id.or(context.app_id),
            current_url: context.current_url,
            language: context.language,
            chat_session_id: context.chat_session_id,
            last_seq: context.last_seq,
            cursors: context.cursors.or(auth.cursors).unwrap_or_default(),
            headers: request.headers.clone(),
            peer: request.extensions.get().map(|Peer(address)| *address),
        }
    }
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// The scheme's name is matched without regard to case (RFC 9110 §11.1).
fn bearer(header: &str) -> Option<String> {
    let (scheme, token) = header.split_once(' ')?;
    let token = scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())?;
    filled(Some(token.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(auth: &str, headers: &[(&'static str, &str)]) -> Handshake {
        let mut request = http::Request::new(());
        for (name, value) in headers {
            let value = value.parse().expect("a value");
            request.headers_mut().insert(*name, value);
        }
        let auth = serde_json::from_str(auth).expect("an auth object");
        Handshake::read("/chat", auth, &request.into_parts().0)
    }

    #[test]
    fn the_auth_object_goes_before_the_headers() {
        let headers = [("orgid", "header-org"), ("authorization", "Bearer header-token")];
        let both = read(r#"{"token":"t","orgId":"o"}"#, &headers);
        assert_eq!((both.token.as_deref(), both.org.as_deref()), (Some("t"), Some("o")));
        let headers_only = read(r#"{"token":"","orgId":null}"#, &headers);
        assert_eq!(headers_only.token.as_deref(), Some("header-token"));
        assert_eq!(headers_only.org.as_deref(), Some("header-org"));
    }

    #[test]
    fn other_authorization_schemes_carry_no_token() {
        for header in ["Basic abc", "Bearer", "Bearer  ", "abc"] {
            assert_eq!(read("{}", &[("authorization", header)]).token, None, "{header}");
        }
        assert_eq!(read("{}", &[("authorization", "bEARER x")]).token.as_deref(), Some("x"));
    }

    #[test]
    fn context_is_read_and_the_top_level_goes_first() {
        let auth = r#"{"deviceId":"top","context":{"deviceId":"inner","appId":"a","device":{"os":"x"},
            "chatSessionId":"cs_1","currentUrl":"https://x/y","language":"de"}}"#;
        let read = read(auth, &[]);
        assert_eq!(read.device_id.as_deref(), Some("top"));
        assert_eq!(read.app_id.as_deref(), Some("a"));
        assert_eq!(read.chat_session_id.as_deref(), Some("cs_1"));
        assert_eq!(read.language.as_deref(), Some("de"));
    }
}
