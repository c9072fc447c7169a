//! The three query keys of an Engine.IO request, read the way the engine itself reads them.
//! It decides nothing but form; whether a session exists is the engine's to say.

/// The path of every Engine.IO request, with or without a slash at its end.
pub(super) const PATH: &str = "/socket.io";

/// True when a request to `path` is for Socket.IO.
pub(super) fn is_engine_path(path: &str) -> bool {
    path.strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest == "/")
}

/// What an Engine.IO request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EngineQuery<'a> {
    /// How it wants to talk.
    pub transport: Transport,
    /// The session that it continues; none opens a new one.
    pub session: Option<&'a str>,
}

/// The two ways to talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    /// A request for every message.
    Polling,
    /// One upgraded stream.
    WebSocket,
}

/// What is wrong with the query. Fits after "failed to open a socket: ".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadQuery {
    /// Only version 4 of the protocol is spoken.
    #[error("the query key `EIO` must be 4: use a Socket.IO client of version 3 or 4")]
    Version,
    /// The transport is missing or unknown.
    #[error("the query key `transport` must be `polling` or `websocket`")]
    Transport,
}

impl<'a> EngineQuery<'a> {
    /// Reads a query string. As in the engine, the first of several equal keys counts.
    pub fn parse(query: &'a str) -> Result<Self, BadQuery> {
        let value = |key| {
            let of_key = |pair: &'a str| pair.strip_prefix(key)?.strip_prefix('=');
            query.split('&').find_map(of_key)
        };
        if value("EIO") != Some("4") {
            return Err(BadQuery::Version);
        }
        let transport = match value("transport") {
            Some("polling") => Transport::Polling,
            Some("websocket") => Transport::WebSocket,
            _ => return Err(BadQuery::Transport),
        };
        Ok(Self { transport, session: value("sid") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_clients_send() {
        let open = EngineQuery::parse("EIO=4&transport=websocket").expect("a query");
        assert_eq!(open.transport, Transport::WebSocket);
        assert_eq!(open.session, None);
        let poll = EngineQuery::parse("EIO=4&transport=polling&t=x1&sid=AbC_-").expect("a query");
        assert_eq!(poll.transport, Transport::Polling);
        assert_eq!(poll.session, Some("AbC_-"));
    }

    #[test]
    fn refuses_the_rest_by_name() {
        use BadQuery::{Transport, Version};
        for (query, why) in [
            ("", Version),
            ("EIO=3&transport=polling", Version),
            ("EIO=3&EIO=4&transport=polling", Version),
            ("xEIO=4&transport=polling", Version),
            ("EIO=4", Transport),
            ("EIO=4&transport=polling=", Transport),
            ("EIO=4&transport=webtransport&transport=polling", Transport),
        ] {
            assert_eq!(EngineQuery::parse(query), Err(why), "{query}");
        }
    }

    #[test]
    fn knows_its_path() {
        assert!(is_engine_path("/socket.io") && is_engine_path("/socket.io/"));
        assert!(!is_engine_path("/socket.io-admin") && !is_engine_path("/socket.io/x"));
    }
}
