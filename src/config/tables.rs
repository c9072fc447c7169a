//! The configuration as typed tables, one struct for each table of `config.toml`, in its order.
//! They hold no defaults: those come from the compiled-in file alone, so a field that it lacks is an error.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;

use ipnet::IpNet;
use serde::Deserialize;
use url::Url;

use super::values;
use super::{ByteSize, HumanDuration, Secret, Secrets};

/// `[server]`: where and how the one port answers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address to bind; port 0 takes a free one.
    #[serde(deserialize_with = "values::read_listen")]
    pub listen: SocketAddr,
    /// Request threads; 0 is one per core.
    pub workers: usize,
    /// Address for printed links; `None` takes the bound one, see [`Server::base_url`].
    #[serde(deserialize_with = "values::read_public_url")]
    pub public_url: Option<Url>,
    /// Reverse proxies whose `X-Forwarded-For` is believed.
    #[serde(deserialize_with = "values::read_networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// Browser origins that may call, as browsers spell them, or `*`.
    #[serde(deserialize_with = "values::read_origins")]
    pub cors_origins: Vec<String>,
    /// Time for running work after SIGTERM.
    pub shutdown_grace: HumanDuration,
    /// Idle time of a kept connection.
    pub keep_alive: HumanDuration,
    /// Time for a client to send a request's head.
    pub header_timeout: HumanDuration,
}

impl Server {
    /// The address that clients use, without a slash at its end: `public_url`, or else the bound address,
    /// where "all addresses" is given as the loopback one, which can be opened.
    #[must_use]
    pub fn base_url(&self, bound: SocketAddr) -> String {
        if let Some(url) = &self.public_url {
            return url.as_str().trim_end_matches('/').to_owned();
        }
        let ip = match bound.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        format!("http://{}", SocketAddr::new(ip, bound.port()))
    }
}

/// `[store]`: where data lies and what a write survives.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// Data folder, relative to the working directory.
    #[serde(deserialize_with = "values::read_path")]
    pub path: PathBuf,
    /// What an acknowledged write survives.
    pub durability: Durability,
    /// Memory for what was read or written last.
    pub cache: ByteSize,
    /// Most writes that may wait.
    pub queue: usize,
    /// Key for stored secrets; empty means the data folder's own.
    #[serde(deserialize_with = "values::read_secret")]
    pub encryption_key: Secret,
}

/// What an acknowledged write survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// A power cut: flushed and synced to the disk before the answer.
    Power,
    /// A killed process: handed to the operating system before the answer.
    Process,
    /// Nothing is promised: flushed now and then.
    None,
}

impl Durability {
    /// As the configuration spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::Process => "process",
            Self::None => "none",
        }
    }
}

/// `[limits]`: what callers may ask for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Requests per IP address and minute (contract §1.4).
    pub requests_per_minute: NonZeroU32,
    /// Sign-in tries per IP address and minute.
    pub sign_ins_per_minute: NonZeroU32,
    /// Calls of vendors per IP address and minute.
    pub vendor_calls_per_minute: NonZeroU32,
    /// Largest request body.
    pub body: ByteSize,
    /// Largest event or record; the store takes no value of 128 KiB or more.
    pub value: ByteSize,
    /// Most open connections.
    pub connections: usize,
    /// Most records one query may look at.
    pub query_documents: usize,
    /// Deepest nesting of a JSON body.
    pub json_depth: usize,
}

/// `[auth]`: sign-up and tokens.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// Who may sign up as staff.
    pub user_signup: Signup,
    /// Life of an access token.
    pub access_token_life: HumanDuration,
    /// Life of a refresh token.
    pub refresh_token_life: HumanDuration,
    /// The `iss` claim of tokens.
    #[serde(deserialize_with = "values::read_text")]
    pub issuer: String,
    /// Secret that signs tokens; empty means the data folder's own.
    #[serde(deserialize_with = "values::read_secret")]
    pub signing_secret: Secret,
    /// Organisation made at first start.
    #[serde(deserialize_with = "values::read_org_id")]
    pub default_org: String,
    /// E-mail address of the owner made at first start.
    #[serde(deserialize_with = "values::read_email")]
    pub owner_email: String,
}

/// Who may sign up as staff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Signup {
    /// Anyone who reaches the server.
    Open,
    /// Nobody; people are added from the command line.
    Closed,
}

/// `[flows]`: what one run may do.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flows {
    /// Flows in a row that may set each other off, whatever they say themselves (contract §4.8).
    pub max_depth: u32,
    /// Runs side by side that one event from outside may lead to.
    pub max_breadth: u32,
    /// Steps of one run.
    pub max_steps: u32,
    /// Life of a run, delays included.
    pub run_timeout: HumanDuration,
    /// Time an execute request waits for its run.
    pub execute_wait: HumanDuration,
}

/// `[webhooks]`: how deliveries are made (contract §14).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    /// Networks that may be reached although they are not public.
    #[serde(deserialize_with = "values::read_networks")]
    pub allow_networks: Vec<IpNet>,
    /// The proxy that they leave by; its address may hold a password.
    #[serde(deserialize_with = "values::read_proxy")]
    pub proxy: Secret,
    /// Time for one attempt.
    pub timeout: HumanDuration,
    /// Waits between attempts; there is one attempt more than waits.
    pub retry_schedule: Vec<HumanDuration>,
    /// Share, from 0 to 1, by which a wait varies either way.
    pub jitter: f64,
    /// Attempts at once to one destination.
    pub concurrency: usize,
    /// Deliveries failing in a row that open a receiver's breaker.
    pub breaker_failures: usize,
    /// Time without a success that opens it too.
    pub breaker_after: HumanDuration,
    /// Wait before the first probe.
    pub breaker_pause: HumanDuration,
    /// Longest wait between two probes.
    pub breaker_max_pause: HumanDuration,
    /// Time without a success until an endpoint is disabled.
    pub disable_after: HumanDuration,
    /// How much of an answer is kept.
    pub response_keep: ByteSize,
    /// How much of an answer is read.
    pub response_max: ByteSize,
}

/// `[mail]`: the server that mail leaves by.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// The server; empty where no mail is sent.
    pub host: String,
    /// Its port; 0 takes the usual one.
    pub port: u16,
    /// How the connection is secured.
    pub security: MailSecurity,
    /// Who signs in; empty for nobody.
    pub user: String,
    /// The password that belongs to it.
    pub password: Secret,
    /// From whom mail is; empty only where none is sent.
    #[serde(deserialize_with = "values::read_sender")]
    pub from: String,
    /// Time for one mail.
    pub timeout: HumanDuration,
    /// Authorities that vouch for the server in place of the machine's; empty for those.
    pub ca_file: PathBuf,
}

/// How the connection to a mail server is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailSecurity {
    /// Changes to TLS before anything is said.
    Starttls,
    /// Begins with TLS.
    Tls,
    /// Is readable by others.
    None,
}

/// `[files]`: what may be uploaded.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Bytes of one file.
    pub max_bytes: ByteSize,
    /// Files of one request.
    pub max_per_request: usize,
    /// Endings of names that are taken, in lower case and without a dot.
    #[serde(deserialize_with = "values::read_endings")]
    pub types: Vec<String>,
    /// Bytes of all files of an organisation.
    pub quota: ByteSize,
    /// Life of a link.
    pub link_ttl: HumanDuration,
}

/// `[schedules]`: what happens at times.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedules {
    /// Whether it does.
    pub enabled: bool,
}

/// `[retention]`: how long history is kept; zero is for ever.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Events.
    pub events: HumanDuration,
    /// Runs of flows.
    pub runs: HumanDuration,
    /// Deliveries of webhooks.
    pub deliveries: HumanDuration,
    /// Idempotency keys.
    pub idempotency: HumanDuration,
    /// Messages of chats.
    pub messages: HumanDuration,
    /// What happened in communities.
    pub community_messages: HumanDuration,
    /// Calls of vendors.
    pub vendor_calls: HumanDuration,
}

/// `[sockets]`: the realtime connections.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sockets {
    /// Most open sockets.
    pub max_connections: usize,
    /// Largest incoming message.
    pub max_payload: ByteSize,
    /// Packets that may wait for a slow client.
    pub buffered_packets: usize,
    /// Time between two checks of a client.
    pub ping_interval: HumanDuration,
    /// Time for a client to answer a check.
    pub ping_timeout: HumanDuration,
    /// Events that a client may send in a second.
    pub events_per_second: u32,
    /// STUN and TURN servers for calls.
    pub ice_servers: Vec<String>,
}

/// `[desk]`: how conversations are given to the staff.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Desk {
    /// How long somebody may be gone.
    pub agent_grace: HumanDuration,
    /// Conversations of one person at once.
    pub agent_capacity: usize,
    /// How long a conversation takes, at first.
    pub handle_time: HumanDuration,
}

/// `[ai]`: what answers of language models may do.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ai {
    /// How long one can be read.
    pub keep: HumanDuration,
    /// Bytes of one.
    pub answer: ByteSize,
    /// Those that go on at once.
    pub max_running: usize,
    /// Turns of the model in one.
    pub max_steps: u32,
    /// How long one waits for tools of whoever reads it.
    pub tool_wait: HumanDuration,
    /// What becomes of one that a restart has cut.
    pub after_restart: AfterRestart,
    /// Until a provider's first word.
    pub first_token_timeout: HumanDuration,
    /// Between two of them.
    pub token_timeout: HumanDuration,
}

/// What becomes of an answer that a restart has cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AfterRestart {
    /// It breaks off with an error.
    End,
    /// The model goes on.
    Resume,
}

/// `[vendors]`: what vendors' calls are held against.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vendors {
    /// Addresses in place of vendors' own interfaces, by the interface's name.
    #[serde(deserialize_with = "values::read_base_urls")]
    pub base_urls: BTreeMap<String, String>,
    /// What calls to the default organisation are checked by, each as `vendor.name=value`.
    #[serde(deserialize_with = "values::read_vendor_keys")]
    pub keys: Secrets,
    /// Authorities that vouch for vendors' certificates; empty for those that browsers trust.
    pub trust_anchors: PathBuf,
    /// Certificates in between that a vendor leaves out; empty for none.
    pub intermediates: PathBuf,
}

/// `[actors]`: how the machine inside is spread.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actors {
    /// Actor threads; 0 is one per core.
    pub arbiters: usize,
    /// Messages that may wait for one actor.
    pub mailbox: usize,
}

/// `[log]`: what is logged and how it looks.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Shape of a line.
    pub format: LogFormat,
    /// Levels by target, in the syntax of `tracing_subscriber::EnvFilter`.
    #[serde(deserialize_with = "values::read_filter")]
    pub filter: String,
}

/// Shape of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
