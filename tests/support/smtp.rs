//! A mail server that speaks SMTP as RFC 5321 has it: greetings and replies of several lines, STARTTLS, AUTH, dots
//! that are doubled. It writes down what it takes, and refuses, falls silent or hangs up where it is told to.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::PATIENCE;

/// A mail that was taken, or was on its way when the connection ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    pub hello: String,
    /// Who signed in.
    pub user: Option<String>,
    pub over_tls: bool,
    pub from: String,
    pub to: Vec<String>,
    /// Head and body, as they were before they were sent.
    pub text: String,
}

impl Taken {
    /// A header's value, its lines joined.
    pub fn header(&self, name: &str) -> String {
        let head = self.text.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
        let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name} in {head}")).to_owned()
    }
}

/// What becomes of one connection.
#[derive(Clone, Copy, Debug)]
pub enum Twist {
    /// Answers a command that begins so with this.
    Say(&'static str, &'static str),
    /// Hangs up in the middle of the mail.
    HangUp,
    /// Takes the whole mail and does not say so until [`MailServer::release`].
    Hold,
    /// Says nothing, not even hello.
    Silent,
}

/// How it speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Speaks {
    /// In the clear.
    #[default]
    Plain,
    /// Offers STARTTLS.
    StartTls,
    /// TLS from the first byte.
    Tls,
}

/// A mail server on a free port of `localhost`.
pub struct MailServer {
    pub address: SocketAddr,
    /// The authority that vouches for it, as PEM.
    pub authority: String,
    shared: Arc<Shared>,
}

struct Shared {
    speaks: Speaks,
    user: Option<(String, String)>,
    tls: Arc<ServerConfig>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    twists: VecDeque<Twist>,
    taken: Vec<Taken>,
    cut: Vec<Taken>,
    said: Vec<String>,
    released: bool,
}

impl MailServer {
    pub fn open() -> Self {
        Self::with(Speaks::Plain, None)
    }

    /// One that wants somebody to sign in, where a user and a password are given.
    pub fn with(speaks: Speaks, user: Option<(&str, &str)>) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let own = own.signed_by(&key, &authority).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let tls =
            ServerConfig::builder().with_no_client_auth().with_single_cert(vec![own.into()], key).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let user = user.map(|(user, password)| (user.to_owned(), password.to_owned()));
        let (state, changed) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { speaks, user, tls: Arc::new(tls), state, changed });
        let serving = Arc::clone(&shared);
        // It listens as long as the test's process lives, and holds nothing else.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&serving);
                // A client that goes away ends its connection with an error of its own.
                std::thread::spawn(move || shared.connection(stream));
            }
        });
        Self { address, authority: authority.pem(), shared }
    }

    /// What becomes of the next connections, one after the other; then all goes well.
    pub fn script(&self, twists: impl IntoIterator<Item = Twist>) {
        self.shared.state.lock().unwrap().twists.extend(twists);
    }

    /// Mails that are held are answered now.
    pub fn release(&self) {
        self.shared.change(|state| state.released = true);
    }

    /// The first so many mails that were taken, once they are there.
    pub fn wait_for(&self, count: usize) -> Vec<Taken> {
        self.wait("taken", |state| (state.taken.len() >= count).then(|| state.taken[..count].to_vec()))
    }

    /// The first mail that was cut off or is held.
    pub fn wait_cut(&self) -> Taken {
        self.wait("cut off", |state| state.cut.first().cloned())
    }

    /// How many mails were taken so far.
    pub fn taken(&self) -> usize {
        self.shared.state.lock().unwrap().taken.len()
    }

    /// Every command that clients said so far.
    pub fn said(&self) -> Vec<String> {
        self.shared.state.lock().unwrap().said.clone()
    }

    fn wait<T>(&self, what: &str, find: impl Fn(&State) -> Option<T>) -> T {
        let state = self.shared.state.lock().unwrap();
        let goes_on = |state: &mut State| find(state).is_none();
        let (state, _) = self.shared.changed.wait_timeout_while(state, PATIENCE, goes_on).unwrap();
        find(&state).unwrap_or_else(|| panic!("no mail was {what}; clients said {:#?}", state.said))
    }
}

/// What a conversation is read from and written to.
trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
    }

    fn secured(&self, stream: TcpStream) -> Box<dyn Wire> {
        let tls = ServerConnection::new(Arc::clone(&self.tls)).unwrap();
        Box::new(StreamOwned::new(tls, stream))
    }

    fn connection(&self, stream: TcpStream) -> std::io::Result<()> {
        let twist = self.state.lock().unwrap().twists.pop_front();
        if let Some(Twist::Silent) = twist {
            // Until the client gives up.
            return BufReader::new(stream).read_line(&mut String::new()).map(drop);
        }
        let again = stream.try_clone()?;
        let begins_secured = self.speaks == Speaks::Tls;
        let wire = if begins_secured { self.secured(stream) } else { Box::new(stream) };
        let mut wire = BufReader::new(wire);
        let mut mail = Taken { over_tls: begins_secured, ..Taken::default() };
        write(&mut wire, "220-mail.example.com\r\n220 ready")?;
        loop {
            let mut line = String::new();
            if wire.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end();
            self.change(|state| state.said.push(line.to_owned()));
            if let Some(Twist::Say(verb, reply)) = twist
                && line.starts_with(verb)
            {
                write(&mut wire, reply)?;
                continue;
            }
            let (verb, rest) = line.split_once([' ', ':']).unwrap_or((line, ""));
            let known = self.user.is_none() || mail.user.is_some();
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" => {
                    rest.clone_into(&mut mail.hello);
                    let mut offers = vec!["250-mail.example.com", "250-8BITMIME", "250-SMTPUTF8"];
                    if self.speaks == Speaks::StartTls && !mail.over_tls {
                        offers.push("250-STARTTLS");
                    } else if self.user.is_some() {
                        offers.push("250-AUTH PLAIN");
                    }
                    offers.push("250 SIZE 1000000");
                    write(&mut wire, &offers.join("\r\n"))?;
                }
                "STARTTLS" if self.speaks == Speaks::StartTls && !mail.over_tls => {
                    write(&mut wire, "220 go ahead")?;
                    wire = BufReader::new(self.secured(again.try_clone()?));
                    mail = Taken { over_tls: true, ..Taken::default() };
                }
                "AUTH" => {
                    let told = STANDARD.decode(rest.trim_start_matches("PLAIN ")).unwrap_or_default();
                    let told = String::from_utf8_lossy(&told).into_owned();
                    let expected = self.user.as_ref().map(|(user, password)| format!("\0{user}\0{password}"));
                    if expected == Some(told) {
                        mail.user = self.user.as_ref().map(|(user, _)| user.clone());
                        write(&mut wire, "235 2.7.0 welcome")?;
                    } else {
                        write(&mut wire, "535-5.7.8 who\r\n535 5.7.8 are you?")?;
                    }
                }
                "MAIL" if !known => write(&mut wire, "530 5.7.0 sign in first")?,
                "MAIL" => {
                    mail.from = between(rest);
                    write(&mut wire, "250 2.1.0 from them")?;
                }
                "RCPT" => {
                    mail.to.push(between(rest));
                    write(&mut wire, "250 2.1.5 to them")?;
                }
                "DATA" => {
                    write(&mut wire, "354 go on")?;
                    if !self.take(&mut wire, twist, mail.clone())? {
                        return Ok(());
                    }
                    write(&mut wire, "250-2.0.0 it is mine\r\n250 as number 7")?;
                }
                "QUIT" => return write(&mut wire, "221 bye"),
                _ => write(&mut wire, "502 what?")?,
            }
        }
    }

    /// Reads a mail up to its end; whether it was taken.
    fn take(&self, wire: &mut impl BufRead, twist: Option<Twist>, mut mail: Taken) -> std::io::Result<bool> {
        loop {
            let mut line = String::new();
            wire.read_line(&mut line)?;
            if line == ".\r\n" {
                break;
            }
            mail.text.push_str(line.strip_prefix('.').unwrap_or(&line));
            if let Some(Twist::HangUp) = twist {
                self.change(|state| state.cut.push(mail));
                return Ok(false);
            }
        }
        if let Some(Twist::Hold) = twist {
            self.change(|state| state.cut.push(mail.clone()));
            let state = self.state.lock().unwrap();
            drop(self.changed.wait_timeout_while(state, PATIENCE, |state| !state.released).unwrap());
        }
        self.change(|state| state.taken.push(mail));
        Ok(true)
    }
}

fn write<W: Write>(wire: &mut BufReader<W>, reply: &str) -> std::io::Result<()> {
    let wire = wire.get_mut();
    wire.write_all(format!("{reply}\r\n").as_bytes())?;
    wire.flush()
}

/// The address between brackets.
fn between(text: &str) -> String {
    let rest = text.split_once('<').map_or("", |(_, rest)| rest);
    rest.split_once('>').map_or("", |(address, _)| address).to_owned()
}
