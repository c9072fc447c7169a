//! The command line: what can be asked for, and the help that explains it.
//! It only reads arguments; `main.rs` hands them to what carries them out, and nothing else sees them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::auth::role::{self, Role};
use crate::config::HumanDuration;
use crate::config::values::{EMAIL, ORG_ID, email, org_id};

/// Receives events, keeps them durably, and reacts to them in real time.
#[derive(Debug, Parser)]
#[command(
    name = "appengine",
    version,
    after_help = "Without a command, appengine serves. Every key of the configuration can be set by environment too:\n  \
        APPENGINE__SERVER__LISTEN=127.0.0.1:3333 appengine"
)]
pub struct Cli {
    /// Read this TOML file over the built-in defaults.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// What to do; serving if nothing is named.
    #[command(subcommand)]
    pub command: Option<Command>,
}

impl Cli {
    /// The command that was asked for.
    #[must_use]
    pub fn into_command(self) -> Command {
        self.command.unwrap_or(Command::Serve)
    }
}

/// What the program can do.
#[derive(Debug, PartialEq, Subcommand)]
pub enum Command {
    /// Serve events, flows and webhooks until stopped.
    ///
    /// The first start makes the data folder with its secrets, an organisation and an owner, and prints how to sign in.
    /// SIGTERM finishes running work first; a second one stops at once.
    #[command(after_help = "Example:\n  APPENGINE__STORE__PATH=/var/lib/appengine appengine serve")]
    Serve,

    /// Show a contact becoming a signed webhook, on a free port and in a temporary folder.
    ///
    /// Each step is printed with its time. The exit code is 0 if every step worked, else 1. A file given by --config
    /// counts, but for the folder, the log and closed networks; the environment does not.
    #[command(after_help = "Example:\n  appengine demo")]
    Demo,

    /// Say whether the configuration is right, and what in it is risky.
    ///
    /// Reads the same file and environment as serve would, starts nothing, and lists everything that is wrong.
    #[command(after_help = "Example:\n  appengine check-config --config appengine.toml")]
    CheckConfig,

    /// Print every key of the configuration with its default and what it does.
    #[command(after_help = "Example:\n  appengine default-config > appengine.toml")]
    DefaultConfig,

    /// Print a token that signs a person in, without asking a server.
    ///
    /// The token is signed with the data folder's secret and works beside a running server. It is a full identity:
    /// the organisation and the person come to be at its first use. The last line printed is the token alone.
    #[command(
        after_help = "Example:\n  TOKEN=$(appengine token --org my-org --email ada@example.com --expires 1h | tail -n 1)"
    )]
    Token(Token),

    /// Add people who may sign in.
    #[command(subcommand)]
    User(User),

    /// Write everything that is stored as NDJSON, one record a line.
    #[command(after_help = "Example:\n  appengine export --out backup.ndjson")]
    Export {
        /// Where to write; - is standard output.
        #[arg(long, value_name = "FILE|-", default_value = "-", value_parser = stream)]
        out: Stream,
    },

    /// Restore what export wrote, exactly.
    #[command(after_help = "Example:\n  appengine import backup.ndjson")]
    Import {
        /// What to read; - is standard input.
        #[arg(value_name = "FILE|-", value_parser = stream)]
        from: Stream,
    },

    /// Say whether captured calls of vendors are theirs, and why not.
    ///
    /// Reads one captured call as a JSON object, or a list of them: vendor, method, url, headers, body in base64, secret
    /// or secrets, public_key, config, certs, now. Prints a line of JSON for each. The exit code is 0 if all of them could
    /// be read, whatever is said of them.
    #[command(after_help = "Example:\n  appengine verify captured.json")]
    Verify {
        /// What to read; - is standard input.
        #[arg(value_name = "FILE|-", value_parser = stream)]
        from: Stream,
    },

    /// Print the description of the REST interface (OpenAPI, JSON).
    #[command(after_help = "Example:\n  appengine openapi > openapi.json")]
    Openapi,
}

/// Arguments of `token`.
#[derive(Debug, PartialEq, Args)]
pub struct Token {
    /// Organisation the person acts in.
    #[arg(long, value_name = "ORG", value_parser = read_org)]
    pub org: String,

    /// Who the person is.
    #[arg(long, value_name = "ADDRESS", value_parser = read_email)]
    pub email: String,

    /// Role of a staff member, one of the 14 roles.
    #[arg(long, value_name = "ROLE", default_value_t = Role::Owner, value_parser = read_role, conflicts_with = "customer")]
    pub role: Role,

    /// Make the person a customer instead of a staff member.
    #[arg(long)]
    pub customer: bool,

    /// How long the token is good for, such as 30m, 1h or 7d [default: auth.access_token_life].
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    pub expires: Option<HumanDuration>,

    /// Name to show for the person.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

/// The commands under `user`.
#[derive(Debug, PartialEq, Subcommand)]
pub enum User {
    /// Add a staff member, and print a password unless one is given.
    #[command(
        after_help = "Example:\n  printf %s \"$PASSWORD\" | appengine user add --org my-org --email ada@example.com --password-stdin"
    )]
    Add(UserAdd),
}

/// Arguments of `user add`.
#[derive(Debug, PartialEq, Args)]
pub struct UserAdd {
    /// Organisation the person belongs to.
    #[arg(long, value_name = "ORG", value_parser = read_org)]
    pub org: String,

    /// Address the person signs in with.
    #[arg(long, value_name = "ADDRESS", value_parser = read_email)]
    pub email: String,

    /// What the person may do, one of the 14 roles.
    #[arg(long, value_name = "ROLE", default_value_t = Role::User, value_parser = read_role)]
    pub role: Role,

    /// Read the password from standard input instead of making one up.
    #[arg(long)]
    pub password_stdin: bool,
}

/// A file, or the standard stream of its direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard input or output, written `-`.
    Standard,
    /// A file.
    File(PathBuf),
}

fn stream(text: &str) -> Result<Stream, String> {
    match text {
        "" => Err("name a file, or - for the standard stream".to_owned()),
        "-" => Ok(Stream::Standard),
        path => Ok(Stream::File(path.into())),
    }
}

fn read_role(text: &str) -> Result<Role, String> {
    text.parse().map_err(|_| format!("the roles are {}", role::list()))
}

fn read_org(text: &str) -> Result<String, String> {
    org_id(text).ok_or_else(|| format!("give {ORG_ID}"))
}

fn read_email(text: &str) -> Result<String, String> {
    email(text).ok_or_else(|| format!("give {EMAIL}"))
}

fn lifetime(text: &str) -> Result<HumanDuration, String> {
    let time: HumanDuration = text.parse().map_err(|error| format!("{error}"))?;
    if time.get().is_zero() {
        Err("a token that is never good; give a longer time".to_owned())
    } else {
        Ok(time)
    }
}

#[cfg(test)]
mod tests;
