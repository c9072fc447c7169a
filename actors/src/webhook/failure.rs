//! Why a request got no answer, and whose fault that is. Owns the words that a tenant may read: they never carry a
//! resolved address, a resolver's message or anything else of the operator's network. Transports make these values.

use super::headers::HeaderError;
use super::send_options::OptionsError;

/// What a tenant asked for and may not have. The same rules hold at create, at test and at send.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Longer than any receiver takes.
    #[error("use the url: it has {found} bytes, at most {max} are allowed")]
    UrlLength {
        /// Its length.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// Not an absolute URL; the reason is the URL parser's, about the tenant's own text.
    #[error("use the url: {0}")]
    Url(String),
    /// Not one of the schemes that are open.
    #[error("use the url: the scheme must be {allowed}")]
    Scheme {
        /// `https`, or `https or http`.
        allowed: &'static str,
    },
    /// Credentials in the URL would be logged and shown wherever the URL is.
    #[error("use the url: it must not hold a user name or password; send them in a header")]
    Userinfo,
    /// Outside the port policy.
    #[error("use the url: port {0} is not allowed")]
    Port(u16),
    /// Not a name that public DNS could hold.
    #[error("use the url: the host name {0}")]
    HostName(HostNameError),
    /// `localhost`, a bare label, or a suffix that only a private network answers for.
    #[error(
        "use the url: the host name belongs to a private network; the operator opens one by webhooks.allow_networks"
    )]
    LocalName,
    /// An address written in the URL, in a range that is closed.
    #[error(
        "use the url: its address is not allowed ({range}); the operator opens its network by webhooks.allow_networks"
    )]
    Address {
        /// What the range is for.
        range: &'static str,
    },
    /// The name resolves into a closed range. Which one stays with the operator.
    #[error(
        "use the url: its host name leads to an address that is not allowed; the operator opens its network by webhooks.allow_networks"
    )]
    ResolvedAddress,
    /// A request header that is malformed or that the transport sets itself.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// Authorities, a client certificate or its key that cannot be used.
    #[error(transparent)]
    Options(#[from] OptionsError),
}

/// What is wrong with a host name; fits after "the host name".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostNameError {
    /// `example.com.` is the same host as `example.com`, and not every receiver knows it.
    #[error("must not end with a dot")]
    TrailingDot,
    /// Letters, digits, hyphens and underscores make a label.
    #[error("may hold only letters, digits, hyphens, underscores and dots")]
    Character,
    /// A label of 0 or more than 63 bytes, or a name of more than 253.
    #[error("must have labels of 1 to 63 bytes and 253 bytes in all")]
    Length,
}

/// Why a request that was allowed got no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It was not sent at all.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The host name has no address, or its name servers did not say.
    #[error("resolve the host name")]
    Dns,
    /// No address of the host accepted a connection.
    #[error("connect to the host")]
    Connect,
    /// The connection was made and the TLS handshake was not.
    #[error("agree on TLS with the host: {0}")]
    Tls(TlsError),
    /// The attempt's time was over.
    #[error("finish in time: {0}")]
    TimedOut(Waiting),
    /// The receiver hung up before a whole response head had come.
    #[error("read the answer: the host closed the connection")]
    ConnectionClosed,
    /// More header lines or bytes than any honest answer has.
    #[error("read the answer: its head is too large")]
    ResponseHeadTooLarge,
    /// What came is not HTTP.
    #[error("read the answer: it is not HTTP")]
    InvalidResponse,
    /// The operator's own way out (a proxy) did not work.
    #[error("leave this service: its outbound proxy failed")]
    Proxy,
    /// This process had no socket, file descriptor, resolver slot or permission to make the connection.
    #[error("leave this service: it is short of resources")]
    Local,
}

/// What the handshake failed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// Its validity has ended or not begun.
    #[error("its certificate is not valid at this time")]
    CertificateTime,
    /// It is for other names.
    #[error("its certificate is for another name")]
    CertificateName,
    /// Nobody this machine trusts has signed it.
    #[error("its certificate is not signed by a trusted authority")]
    CertificateUntrusted,
    /// It is malformed, revoked or for another purpose.
    #[error("its certificate is not acceptable")]
    Certificate,
    /// It asked for a client certificate and got none, or not one that it knows.
    #[error("it refused the client certificate")]
    ClientCertificate,
    /// No common version or suite, an alert, or not TLS at all.
    #[error("the handshake failed")]
    Handshake,
}

/// What an attempt was waiting for when its time was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Waiting {
    /// Name, TCP and TLS.
    #[error("no connection was made")]
    Connection,
    /// The response head.
    #[error("no answer came")]
    Response,
}

/// By whose doing an attempt failed: who has to act, and whose failure budget it may use up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The one who set the address or the headers.
    Tenant,
    /// The one who runs the address.
    Receiver,
    /// The one who runs this server: must never count against an endpoint.
    Operator,
}

impl SendError {
    /// Whether trying again later can help.
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }

    /// By whose doing it failed.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Refused(_) => Fault::Tenant,
            Self::Proxy | Self::Local => Fault::Operator,
            Self::Dns
            | Self::Connect
            | Self::Tls(_)
            | Self::TimedOut(_)
            | Self::ConnectionClosed
            | Self::ResponseHeadTooLarge
            | Self::InvalidResponse => Fault::Receiver,
        }
    }

    /// The error's class as one stable word, for the attempt's record and for metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls(_) => "tls",
            Self::TimedOut(_) => "timed_out",
            Self::ConnectionClosed => "connection_closed",
            Self::ResponseHeadTooLarge => "response_head_too_large",
            Self::InvalidResponse => "invalid_response",
            Self::Proxy => "proxy",
            Self::Local => "local",
        }
    }
}
