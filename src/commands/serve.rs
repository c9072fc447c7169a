//! `serve`: the server, from the first line it prints to its last flush.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use appengine_actors::clock::SystemClock;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use super::house::{OpenHouse, enter};
use super::say;
use crate::app::{App, Foundation, Futures};
use crate::auth::accounts::start::FirstOwner;
use crate::config::Config;
use crate::files;
use crate::telemetry;

/// How long the link that the first start prints signs somebody in.
const LINK_LIFE: Duration = Duration::from_secs(24 * 3600);
/// The default of `store.path`.
const DEFAULT_DATA: &str = "data";

/// Where a test wants the process to end: `APPENGINE_FAILPOINT=attempt.send:7` at the seventh pass of that point.
#[cfg(debug_assertions)]
fn arm_failpoint() {
    let wanted = std::env::var("APPENGINE_FAILPOINT").unwrap_or_default();
    if let Some((point, nth)) = wanted.split_once(':')
        && let Ok(nth) = nth.parse()
    {
        appengine_actors::failpoint::arm(point, nth, || std::process::abort());
    }
}

/// Serves until told to stop.
///
/// # Errors
/// When it cannot start, or the machine ended by itself.
pub fn run(config: Config, file: Option<&Path>) -> anyhow::Result<()> {
    telemetry::init(&config.log).map_err(|error| anyhow::anyhow!("failed to {error}"))?;
    #[cfg(debug_assertions)]
    arm_failpoint();
    for warning in config.warnings() {
        warn!("{warning}");
    }
    // The folder first: a second server on it is told so before it takes the port.
    let OpenHouse { store, secret, folder } = enter(&config)?;
    let listen = config.server.listen;
    let listener = TcpListener::bind(listen)
        .with_context(|| format!("failed to listen on {listen}; set server.listen to a free address"))?;
    let file = file.map(Path::to_owned);
    let ended = actix::System::new().block_on(async move {
        let (org, email) = (config.auth.default_org.clone(), config.auth.owner_email.clone());
        let me = std::env::args().next().unwrap_or_else(|| "appengine".to_owned());
        let me = ourselves(&me, file.as_deref(), &config.store.path)?;
        let server = config.server.clone();
        let clock = Arc::new(SystemClock::new());
        let settled = files::settle(&config.store.path, &store).await;
        settled.map_err(|error| anyhow::anyhow!("failed to {error}"))?;
        // Heard before anything is said: whoever reads the greeting may stop the server at once.
        let signals = Signals::listen()?;
        let (app, futures) = App::start(Foundation {
            config,
            store,
            secret,
            clock,
            listener,
            first_link_life: Some(LINK_LIFE),
            transport: None,
        })
        .await?;
        let base = server.base_url(app.address);
        say(&greeting(&base, &me, (&org, &email), app.first_owner.as_ref()))?;
        info!(address = %app.address, "serving");
        wait(app, futures, signals).await
    });
    // Dropped after the last actor: the store has flushed and the folder is free.
    drop(folder);
    ended
}

/// The two ways to ask a server to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        let terminate = signal(SignalKind::terminate()).context("failed to listen for SIGTERM")?;
        let interrupt = signal(SignalKind::interrupt()).context("failed to listen for SIGINT")?;
        Ok(Self { terminate, interrupt })
    }

    /// The name of the next one.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

async fn wait(app: App, futures: Futures, mut signals: Signals) -> anyhow::Result<()> {
    let (mut server, mut machine) = (actix::spawn(futures.server), futures.machine);
    tokio::select! {
        signal = signals.next() => info!("{signal}: draining"),
        ended = &mut machine => {
            let why = ended.err().unwrap_or_else(|| "it stopped by itself".to_owned());
            anyhow::bail!("the machine ended: {why}");
        }
        ended = &mut server => {
            ended.context("the server's task ended")?.context("the server ended")?;
            anyhow::bail!("the server ended by itself");
        }
    }
    let drain = async {
        app.stop().await;
        // Why the server ended is told where it ends by itself.
        let _ = server.await;
    };
    tokio::select! {
        () = drain => {
            info!("drained");
            Ok(())
        }
        _ = signals.next() => at_once(),
    }
}

/// Somebody asked twice.
#[expect(
    clippy::disallowed_methods,
    reason = "everything acknowledged is on disk; what runs is taken up again"
)]
fn at_once() -> anyhow::Result<()> {
    std::process::exit(130)
}

/// How this program is called again on the same data, from a shell that knows nothing of this one: it has
/// another environment, and is in another folder.
fn ourselves(me: &str, file: Option<&Path>, data: &Path) -> anyhow::Result<String> {
    let config = match file {
        Some(file) => format!(" --config {}", whole(file)?),
        None => String::new(),
    };
    // One that is called by its place in this folder works in this folder alone, where the default is right.
    let is_bound_here = me.contains('/') && Path::new(me).is_relative();
    if is_bound_here && data == Path::new(DEFAULT_DATA) {
        return Ok(quoted(me) + &config);
    }
    let me = if is_bound_here { whole(Path::new(me))? } else { quoted(me) };
    Ok(format!("APPENGINE__STORE__PATH={} {me}{config}", whole(data)?))
}

/// A path that means the same in every folder, for a shell.
fn whole(path: &Path) -> anyhow::Result<String> {
    let path = std::path::absolute(path).with_context(|| format!("failed to place {}", path.display()))?;
    Ok(quoted(&path.display().to_string()))
}

/// A word as a shell takes it for one.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

fn greeting(base: &str, me: &str, (org, email): (&str, &str), first: Option<&FirstOwner>) -> String {
    let email = quoted(email);
    let token = format!("{me} token --org {org} --email {email}");
    let Some(first) = first else {
        return format!("appengine serves at {base}\n\n  page   {base}/\n  token  {token}\n\n");
    };
    format!(
        "appengine serves at {base}\n\n\
         This is the first start: organisation `{}` and its owner were made. Nothing below is shown again.\n\n  \
         page      {base}/#link={}   (signs you in once, within a day)\n  \
         e-mail    {}\n  \
         password  {}\n\n\
         Try it:\n\n  \
         JWT=$({token} | tail -n 1)\n  \
         curl -X POST {base}/events -H \"orgid: {}\" -H \"Authorization: Bearer $JWT\" \\\n       \
         -H \"Content-Type: application/json\" -d '{{\"event\": \"hello.world\", \"data\": {{\"from\": \"curl\"}}}}'\n\n",
        first.org, first.link_token, first.email, first.password, first.org,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_is_named_where_another_folder_has_its_own() {
        let here = std::env::current_dir().unwrap().display().to_string();
        let called = |me: &str, data: &str| ourselves(me, None, Path::new(data)).unwrap();
        assert_eq!(called("target/release/appengine", "data"), "target/release/appengine");
        let data = quoted(&format!("{here}/data"));
        assert_eq!(called("appengine", "data"), format!("APPENGINE__STORE__PATH={data} appengine"));
        let other = "APPENGINE__STORE__PATH='/srv/my data' /opt/appengine";
        assert_eq!(called("/opt/appengine", "/srv/my data"), other);
        let me = quoted(&format!("{here}/target/appengine"));
        assert_eq!(called("target/appengine", "/srv"), format!("APPENGINE__STORE__PATH=/srv {me}"));
        let with_file = ourselves("appengine", Some(Path::new("my.toml")), Path::new("/srv")).unwrap();
        let file = quoted(&format!("{here}/my.toml"));
        assert_eq!(with_file, format!("APPENGINE__STORE__PATH=/srv appengine --config {file}"));
    }
}
