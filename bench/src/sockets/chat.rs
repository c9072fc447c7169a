//! What only ours has: messages that are on the disk before they are acknowledged, and told to whoever takes part.

use std::time::Duration;

use anyhow::ensure;
use appengine_actors::clock::{Clock, SystemClock};

use super::wire::{Socket, acknowledged, is_good, put};
use super::{UNLIMITED, auth, echo, rate};
use crate::measured::Side;
use crate::server::Server;

/// People, each in a conversation of their own.
const SPEAKERS: usize = 16;
const UNDER_WAY: usize = 16;
const EACH: usize = 2_000;
/// Messages a second, of all together.
const PACE: u32 = 2_000;
const STEADY: Duration = Duration::from_secs(10);

/// Measures both durabilities.
pub async fn measure(side: &Side) -> anyhow::Result<()> {
    for durability in ["power", "process"] {
        let server = Server::start_with(durability, &[UNLIMITED]).await?;
        let side = Side { name: side.name, durability: durability.to_owned() };
        let auth = auth(&server);
        let opening = (0..SPEAKERS).map(|_| Socket::open(&server.client.address, &auth));
        let mut sockets = futures_util::future::try_join_all(opening).await?;
        let burst = format!("chat messages, stored and acked, 256 under way, {durability}");
        rate(&side, &server, &burst, SPEAKERS * EACH, async || {
            let speaking = sockets.iter_mut().enumerate();
            let lanes =
                speaking.map(|(who, socket)| echo::lane(socket, EACH, UNDER_WAY, move |n| say(who, n)));
            futures_util::future::try_join_all(lanes).await.map(drop)
        })
        .await?;
        let paced = sockets.into_iter().enumerate().map(|(who, socket)| pace(who, socket));
        let waits = futures_util::future::try_join_all(paced).await?.concat();
        side.latency(&format!("chat message at 2,000/s, said to acked, {durability}"), waits)?;
        server.stop().await?;
    }
    Ok(())
}

fn say(who: usize, number: usize) -> String {
    let text = "x".repeat(100);
    format!(r#"42/chat,{number}["sendMessage",{{"chatId":"room-{who}","content":"{text}"}}]"#)
}

/// Says something at its times, whatever the answers take: what each waited from when it was due.
async fn pace(who: usize, mut socket: Socket) -> anyhow::Result<Vec<f64>> {
    let clock = SystemClock::new();
    let speakers = u32::try_from(SPEAKERS)?;
    let between = Duration::from_secs(1) * speakers / PACE;
    let due = |number: usize| {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        between * number + between * u32::try_from(who).unwrap_or_default() / speakers
    };
    let mut ticks = tokio::time::interval(Duration::from_millis(1));
    let (mut said, mut waits, mut out) = (0, Vec::new(), Vec::new());
    loop {
        let is_over = due(said) >= STEADY;
        if is_over && waits.len() == said {
            return Ok(waits);
        }
        tokio::select! {
            _ = ticks.tick(), if !is_over => {
                while due(said) <= clock.elapsed() && due(said) < STEADY {
                    put(&mut out, &say(who, said));
                    said += 1;
                }
            }
            read = socket.fill() => {
                read?;
                let now = clock.elapsed();
                while let Some(text) = socket.take()? {
                    if text == b"2" {
                        put(&mut out, "3");
                    } else if let Some(number) = acknowledged(text) {
                        ensure!(is_good(text), "{}", String::from_utf8_lossy(text));
                        waits.push(now.saturating_sub(due(number)).as_secs_f64() * 1e3);
                    }
                }
            }
        }
        if !out.is_empty() {
            socket.send(&out).await?;
            out.clear();
        }
    }
}
