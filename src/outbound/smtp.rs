//! How mail leaves: each mail in a connection of its own to the one server that the operator named. That server is
//! no tenant's choice, so the address guard is not asked: it may be on this machine or in a private network.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use appengine_actors::clock::{Clock, timeout};
use appengine_actors::mail::{Mail, MailError, Mailer, Sent};
use futures_util::future::BoxFuture;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters, TlsParametersBuilder,
};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;

/// How long the goodbye to a server may take: the mail is its own by then.
const GOODBYE: Duration = Duration::from_secs(2);
/// Characters that are kept of what a server says.
const WORDS: usize = 500;

/// How a connection is kept from being read by others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// It begins in the clear and must change to TLS before anything is said.
    StartTls,
    /// It is TLS from its first byte.
    Tls,
    /// It is readable.
    None,
}

/// Where mail goes, and as whom.
#[derive(Debug, Clone)]
pub struct SmtpOptions {
    /// The server's name or address.
    pub host: String,
    /// Its port; 0 takes the usual one.
    pub port: u16,
    /// How the connection is secured.
    pub security: Security,
    /// Who signs in, and with what; nobody where there is none.
    pub sign_in: Option<(String, String)>,
    /// From whom mail is: `ada@example.com` or `Ada <ada@example.com>`.
    pub from: String,
    /// The whole time that one mail may take.
    pub timeout: Duration,
    /// Authorities that vouch for the server in place of the machine's, as PEM.
    pub authorities: Option<Vec<u8>>,
}

/// Why no mail can leave by these options.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// Nobody can be the sender.
    #[error("read mail.from: `{0}` is not an e-mail address, such as Acme <no-reply@example.com>")]
    From(String),
    /// The authorities are none.
    #[error("read mail.ca_file: it has no certificate in PEM")]
    Authorities,
    /// TLS cannot be set up.
    #[error("set up TLS for mail: {0}")]
    Tls(Error),
}

/// Sends mail by SMTP (RFC 5321).
pub struct Smtp(Arc<Inner>);

struct Inner {
    server: (String, u16),
    tls: Option<TlsParameters>,
    wrapped: bool,
    sign_in: Option<Credentials>,
    from: Mailbox,
    me: ClientId,
    timeout: Duration,
    clock: Arc<dyn Clock>,
}

impl Smtp {
    /// Reads the options; speaks to nobody yet.
    ///
    /// # Errors
    /// When they cannot work.
    pub fn new(options: SmtpOptions, clock: Arc<dyn Clock>) -> Result<Self, SmtpError> {
        let SmtpOptions { host, port, security, sign_in, from, timeout, authorities } = options;
        let from: Mailbox = from.parse().map_err(|_| SmtpError::From(from))?;
        let usual = match security {
            Security::StartTls => 587,
            Security::Tls => 465,
            Security::None => 25,
        };
        let tls = match security {
            Security::None => None,
            Security::StartTls | Security::Tls => Some(trusting(&host, authorities.as_deref())?),
        };
        Ok(Self(Arc::new(Inner {
            server: (host, if port == 0 { usual } else { port }),
            tls,
            wrapped: security == Security::Tls,
            sign_in: sign_in.map(|(user, password)| Credentials::new(user, password)),
            me: ClientId::Domain(from.email.domain().to_owned()),
            from,
            timeout,
            clock,
        })))
    }
}

/// TLS that trusts these authorities, or the machine's.
fn trusting(host: &str, authorities: Option<&[u8]>) -> Result<TlsParameters, SmtpError> {
    let mut tls: TlsParametersBuilder = TlsParameters::builder(host.to_owned());
    if let Some(pem) = authorities {
        if !String::from_utf8_lossy(pem).contains("-----BEGIN CERTIFICATE-----") {
            return Err(SmtpError::Authorities);
        }
        let own = Certificate::from_pem(pem).map_err(|_| SmtpError::Authorities)?;
        tls = tls.certificate_store(CertificateStore::None).add_root_certificate(own);
    }
    tls.build_rustls().map_err(SmtpError::Tls)
}

impl Mailer for Smtp {
    fn send(&self, mail: Mail) -> BoxFuture<'static, Result<Sent, MailError>> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let (message, message_id) = inner.message(&mail)?;
            let sending = inner.hand_over(&message);
            let Some(sent) = timeout(inner.clock.as_ref(), inner.timeout, sending).await else {
                let (host, port) = &inner.server;
                let why = format!("send the mail: {host}:{port} did not take it in {:?}", inner.timeout);
                return Err(MailError::NotNow(why));
            };
            let (mut connection, taken) = sent?;
            // What it says to that is no longer of interest; a server that says nothing keeps nobody waiting.
            let _ = timeout(inner.clock.as_ref(), GOODBYE, connection.quit()).await;
            Ok(Sent { message_id, reply: said(taken.code(), &words(&taken)) })
        })
    }
}

impl Inner {
    /// The mail as it goes over the wire, and its `Message-ID`: the same for the same job, as is its date.
    fn message(&self, mail: &Mail) -> Result<(Message, String), MailError> {
        let to: Mailbox = mail.to.parse().map_err(|_| {
            MailError::Refused(format!("send the mail: `{}` is no address that mail can go to", mail.to))
        })?;
        let id = format!("<{}@{}>", mail.id, self.from.email.domain());
        let written = SystemTime::UNIX_EPOCH + Duration::from_secs(mail.written.as_secs());
        let begun = Message::builder().from(self.from.clone()).to(to).subject(mail.subject.as_str());
        let begun = begun.message_id(Some(id.clone())).date(written);
        let made = match &mail.html {
            None => begun
                .singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(mail.text.clone())),
            Some(html) => begun.multipart(MultiPart::alternative_plain_html(mail.text.clone(), html.clone())),
        };
        let made = made.map_err(|error| MailError::Refused(format!("write the mail: {error}")))?;
        Ok((made, id))
    }

    /// Speaks to the server until it has taken the mail.
    async fn hand_over(&self, message: &Message) -> Result<(AsyncSmtpConnection, Response), MailError> {
        let server = (self.server.0.as_str(), self.server.1);
        let wrapped = self.tls.clone().filter(|_| self.wrapped);
        let connected = AsyncSmtpConnection::connect_tokio1(server, None, &self.me, wrapped, None).await;
        let mut connection = connected.map_err(|error| self.failure("reach", &error))?;
        if let Some(tls) = self.tls.clone().filter(|_| !self.wrapped) {
            let secured = connection.starttls(tls, &self.me).await;
            secured.map_err(|error| self.failure("secure the connection to", &error))?;
        }
        if let Some(credentials) = &self.sign_in {
            let known = connection.auth(DEFAULT_MECHANISMS, credentials).await;
            known.map_err(|error| self.failure("sign in at", &error))?;
        }
        let taken = connection.send(message.envelope(), &message.formatted()).await;
        let taken = taken.map_err(|error| self.failure("send the mail by", &error))?;
        Ok((connection, taken))
    }

    /// What a failure means: a refusal for good (5xx), or what the server cannot do at all, is not tried again.
    fn failure(&self, doing: &str, error: &Error) -> MailError {
        let (host, port) = &self.server;
        let source = std::error::Error::source(error).map(ToString::to_string);
        let words = source.unwrap_or_else(|| error.to_string());
        let words: String = words.chars().take(WORDS).collect();
        let said = match error.status() {
            Some(code) => format!("it said {}", said(code, &words)),
            None => words,
        };
        let why = format!("{doing} {host}:{port}: {said}");
        if error.is_permanent() || error.is_client() {
            MailError::Refused(why)
        } else {
            MailError::NotNow(why)
        }
    }
}

fn said(code: impl std::fmt::Display, words: &str) -> String {
    format!("{code} {words}").trim_end().to_owned()
}

/// All lines of a reply as one.
fn words(reply: &Response) -> String {
    let words = reply.message().collect::<Vec<_>>().join(" ");
    words.chars().take(WORDS).collect()
}
