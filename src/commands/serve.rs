//! `serve`: the server, from the first line it prints to its last flush.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use appengine_actors::clock::SystemClock;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use super::house::{OpenHouse, enter};
use super::say;
use crate::app::{App, Foundation, Futures};
use crate::auth::accounts::start::FirstOwner;
use crate::config::Config;
use crate::telemetry;

/// How long the link that the first start prints signs somebody in.
const LINK_LIFE: Duration = Duration::from_secs(24 * 3600);

/// Serves until told to stop.
///
/// # Errors
/// When it cannot start, or the machine ended by itself.
pub fn run(config: Config) -> anyhow::Result<()> {
    telemetry::init(&config.log)?;
    for warning in config.warnings() {
        warn!("{warning}");
    }
    // The folder first: a second server on it is told so before it takes the port.
    let OpenHouse { store, secret, folder } = enter(&config)?;
    let listen = config.server.listen;
    let listener = TcpListener::bind(listen)
        .with_context(|| format!("failed to listen on {listen}; set server.listen to a free address"))?;
    let ended = actix::System::new().block_on(async move {
        let (org, email) = (config.auth.default_org.clone(), config.auth.owner_email.clone());
        let server = config.server.clone();
        let clock = Arc::new(SystemClock::new());
        let (app, futures) = App::start(Foundation {
            config,
            store,
            secret,
            clock,
            listener,
            first_link_life: Some(LINK_LIFE),
        })
        .await?;
        let base = server.base_url(app.address);
        say(&greeting(&base, &org, &email, app.first_owner.as_ref()))?;
        info!(address = %app.address, "serving");
        wait(app, futures).await
    });
    // Dropped after the last actor: the store has flushed and the folder is free.
    drop(folder);
    ended
}

async fn wait(app: App, futures: Futures) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("failed to listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for SIGINT")?;
    let (mut server, mut machine) = (actix::spawn(futures.server), futures.machine);
    tokio::select! {
        _ = terminate.recv() => info!("SIGTERM: draining"),
        _ = interrupt.recv() => info!("SIGINT: draining"),
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
        _ = terminate.recv() => at_once(),
        _ = interrupt.recv() => at_once(),
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

fn greeting(base: &str, org: &str, email: &str, first: Option<&FirstOwner>) -> String {
    let me = std::env::args().next().unwrap_or_else(|| "appengine".to_owned());
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
