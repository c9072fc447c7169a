//! The server under test: the release binary beside this one, in a folder and on a port of its own.

use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::client::Client;
use crate::process;

/// The organisation that everything happens in, where nothing else is said.
pub const ORG: &str = "bench";

/// A running server.
pub struct Server {
    /// An owner of [`ORG`].
    pub client: Client,
    durability: String,
    child: Child,
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts it and waits until it serves.
    pub async fn start(durability: &str) -> anyhow::Result<Self> {
        Self::start_with(durability, &[]).await
    }

    /// The same with more settings.
    pub async fn start_with(durability: &str, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let (child, address) = launch(&folder, durability, settings).await?;
        let client = client(&folder, &address, ORG).await?;
        Ok(Self { client, durability: durability.to_owned(), child, folder })
    }

    /// Starts another server, which says where it serves.
    pub async fn other(command: Command) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let (child, address) = spawn(command).await?;
        let client = Client { address, org: ORG.to_owned(), token: String::new() };
        Ok(Self { client, durability: String::new(), child, folder })
    }

    /// Kills it without a warning, and starts it again on what it left: with the moment of that.
    pub async fn restart(mut self) -> anyhow::Result<(Self, Instant)> {
        self.child.kill().await?;
        let started = Instant::now();
        (self.child, self.client.address) = launch(&self.folder, &self.durability, &[]).await?;
        Ok((self, started))
    }

    /// An owner of another organisation.
    pub async fn client_of(&self, org: &str) -> anyhow::Result<Client> {
        client(&self.folder, &self.client.address, org).await
    }

    /// CPU time of all its threads so far.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        process::cpu(&self.pid()?.to_string())
    }

    /// Its resident memory.
    pub fn memory_mib(&self) -> anyhow::Result<f64> {
        process::memory_mib(&self.pid()?.to_string())
    }

    /// Its open files and sockets.
    pub fn handles(&self) -> anyhow::Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.pid()?))?.count())
    }

    /// What its data folder takes on the disk.
    pub fn disk_mib(&self) -> anyhow::Result<f64> {
        fn bytes(folder: &std::path::Path) -> std::io::Result<u64> {
            let mut sum = 0;
            for entry in std::fs::read_dir(folder)? {
                let entry = entry?;
                // A file may go while it is looked at.
                let Ok(found) = entry.metadata() else { continue };
                sum += if found.is_dir() { bytes(&entry.path())? } else { found.len() };
            }
            Ok(sum)
        }
        #[expect(clippy::cast_precision_loss, reason = "a size for people")]
        Ok(bytes(&self.folder.path().join("data"))? as f64 / 1024.0 / 1024.0)
    }

    fn pid(&self) -> anyhow::Result<u32> {
        self.child.id().context("the server has ended")
    }

    /// Ends it.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.child.kill().await?;
        drop(self.folder);
        Ok(())
    }
}

/// Starts the binary on a folder and says where it serves.
async fn launch(
    folder: &tempfile::TempDir,
    durability: &str,
    settings: &[(&str, &str)],
) -> anyhow::Result<(Child, String)> {
    let mut command = command(folder)?;
    command.env("APPENGINE__STORE__DURABILITY", durability).envs(settings.iter().copied());
    spawn(command).await
}

/// Starts a server that says where it serves in its first line.
async fn spawn(mut command: Command) -> anyhow::Result<(Child, String)> {
    let command = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let out = child.stdout.take().context("the server has no output")?;
    let mut lines = BufReader::new(out).lines();
    let first = lines.next_line().await?.context("the server ended at once")?;
    let address = first.rsplit("http://").next().context("the server says no address")?.trim().to_owned();
    // What else it prints is read, so that it is never held up.
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            if line.contains("ERROR") || line.contains("WARN") {
                let _ = writeln!(std::io::stderr(), "{line}");
            }
        }
    });
    Ok((child, address))
}

fn binary() -> anyhow::Result<PathBuf> {
    let beside = std::env::current_exe()?.with_file_name("appengine");
    ensure!(beside.exists(), "{} is not there; run `cargo build --release` first", beside.display());
    Ok(beside)
}

async fn client(folder: &tempfile::TempDir, address: &str, org: &str) -> anyhow::Result<Client> {
    let mut token = command(folder)?;
    let token = token.args(["token", "--org", org, "--email", "bench@example.com", "--expires", "1d"]);
    let token = token.output().await?;
    let token = String::from_utf8(token.stdout)?.lines().last().unwrap_or_default().to_owned();
    ensure!(!token.is_empty(), "no token was made");
    Ok(Client { address: address.to_owned(), org: org.to_owned(), token })
}

fn command(folder: &tempfile::TempDir) -> anyhow::Result<Command> {
    let mut command = Command::new(binary()?);
    command
        .env("APPENGINE__STORE__PATH", folder.path().join("data"))
        .env("APPENGINE__SERVER__LISTEN", "127.0.0.1:0")
        .env("APPENGINE__WEBHOOKS__ALLOW_NETWORKS", "[\"127.0.0.0/8\"]")
        .env("APPENGINE__LIMITS__REQUESTS_PER_MINUTE", "1000000000")
        .env("APPENGINE__LOG__FILTER", "error,appengine::problem=warn");
    Ok(command)
}
