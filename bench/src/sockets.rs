//! Socket.IO beside its peers: Node's own server, and socketioxide on hyper with nothing around it. The load is the same
//! for all, raw frames over loopback. Ours has no event for measurements, so the peers have those of ours that need
//! no store: `leave-chat`, which is acknowledged, and `shareStatus`, which is told to the others in a room.

use std::time::Duration;

use anyhow::{bail, ensure};
use tokio::process::Command;

use crate::measured::{Side, Since};
use crate::peers::{Column, compare};
use crate::server::{ORG, Server};
use wire::Socket;

mod chat;
mod echo;
mod fan;
pub mod plain;
mod polling;
mod wire;

/// Connections that do nothing.
const IDLE: usize = 10_000;
/// Those that are opened at once.
const OPENING: usize = 64;
/// The peers have no limit of how fast a client's events may come.
const UNLIMITED: (&str, &str) = ("APPENGINE__SOCKETS__EVENTS_PER_SECOND", "100000");
/// How long memory is left to settle.
const SETTLE: Duration = Duration::from_secs(3);

/// All sides beside each other.
pub async fn run() -> anyhow::Result<()> {
    let side = |title: &str, name: &str, ours| Column::itself(title, &["measure-sockets", name], ours);
    compare(&[
        side("Node socket.io", "node", false)?,
        side("socketioxide on hyper", "plain", false)?,
        side("appengine", "ours", true)?,
    ])
    .await
}

/// Measures one side once.
///
/// # Errors
/// When there is no such side, or it fails.
pub async fn measure(name: &str) -> anyhow::Result<()> {
    let (title, durability) = match name {
        "node" => ("Node socket.io", ""),
        "plain" => ("socketioxide on hyper", ""),
        "ours" => ("appengine", "power"),
        other => bail!("there is no side `{other}`; there are node, plain and ours"),
    };
    let side = Side { name: title, durability: durability.to_owned() };
    let server = start(name).await?;
    echo::measure(&side, &server).await?;
    polling::measure(&side, &server).await?;
    fan::measure(&side, &server).await?;
    server.stop().await?;
    let server = start(name).await?;
    idle(&side, &server).await?;
    server.stop().await?;
    if name == "ours" {
        chat::measure(&side).await?;
    }
    Ok(())
}

async fn start(name: &str) -> anyhow::Result<Server> {
    let most = (IDLE + 1_000).to_string();
    match name {
        "node" => {
            let mut node = Command::new("node");
            node.arg("bench/peers/socketio.mjs");
            Server::other(node).await
        }
        "plain" => {
            let mut plain = Command::new(std::env::current_exe()?);
            plain.arg("plain-sockets");
            Server::other(plain).await
        }
        _ => {
            let settings = [
                ("APPENGINE__SOCKETS__MAX_CONNECTIONS", most.as_str()),
                ("APPENGINE__LIMITS__CONNECTIONS", most.as_str()),
                UNLIMITED,
            ];
            Server::start_with("power", &settings).await
        }
    }
}

/// What a client says of itself. The peers let everybody in.
fn auth(server: &Server) -> String {
    format!(r#"{{"token":"{}","orgId":"{ORG}"}}"#, server.client.token)
}

/// What each connection holds that does nothing.
async fn idle(side: &Side, server: &Server) -> anyhow::Result<()> {
    let auth = auth(server);
    let warm = Socket::open(&server.client.address, &auth).await?;
    let before = server.memory_mib()?;
    let mut open = Vec::with_capacity(IDLE);
    while open.len() < IDLE {
        let opening =
            (0..OPENING.min(IDLE - open.len())).map(|_| Socket::open(&server.client.address, &auth));
        for socket in futures_util::future::try_join_all(opening).await? {
            open.push(tokio::task::spawn_local(socket.stay()));
        }
    }
    crate::pause(SETTLE).await;
    ensure!(open.iter().all(|task| !task.is_finished()), "the server hung up on some");
    #[expect(clippy::cast_precision_loss, reason = "ten thousand")]
    let each = (server.memory_mib()? - before) * 1024.0 / IDLE as f64;
    side.value("memory of an idle connection, of 10,000", "KiB", each)?;
    open.iter().for_each(tokio::task::JoinHandle::abort);
    drop(warm);
    Ok(())
}

/// A figure that is a rate, with what one cost.
async fn rate<W>(side: &Side, server: &Server, figure: &str, count: usize, work: W) -> anyhow::Result<()>
where
    W: AsyncFnOnce() -> anyhow::Result<()>,
{
    let since = Since::now(Some(server))?;
    work().await?;
    side.rate(figure, count, &since, Some(server))
}
