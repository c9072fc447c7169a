//! An event and its acknowledgement: one at a time, and many under way.

use anyhow::ensure;
use appengine_actors::clock::{Clock, SystemClock};

use super::wire::{Socket, acknowledged, is_good, put};
use super::{auth, rate};
use crate::measured::Side;
use crate::server::Server;

const ONE_BY_ONE: usize = 10_000;
const SOCKETS: usize = 16;
const UNDER_WAY: usize = 16;
const EACH: usize = 12_000;

/// Measures both.
pub async fn measure(side: &Side, server: &Server) -> anyhow::Result<()> {
    let auth = auth(server);
    let ask = |number: usize| format!(r#"42/chat,{number}["leave-chat",{{"chatId":"team"}}]"#);
    let mut socket = Socket::open(&server.client.address, &auth).await?;
    lane(&mut socket, 2_000, 1, ask).await?;
    rate(side, server, "acked echo, one by one", ONE_BY_ONE, async || {
        lane(&mut socket, ONE_BY_ONE, 1, ask).await.map(drop)
    })
    .await?;
    let mut waits = Vec::new();
    let opening = (0..SOCKETS).map(|_| Socket::open(&server.client.address, &auth));
    let mut sockets = futures_util::future::try_join_all(opening).await?;
    rate(side, server, "acked echo, 16 sockets, 16 under way each", SOCKETS * EACH, async || {
        let lanes = sockets.iter_mut().map(|socket| lane(socket, EACH, UNDER_WAY, ask));
        waits = futures_util::future::try_join_all(lanes).await?.concat();
        Ok(())
    })
    .await?;
    side.latency("acked echo, 16 sockets, 16 under way each", waits)
}

/// Asks so often, with so many under way; what each waited for its answer, in milliseconds.
pub async fn lane(
    socket: &mut Socket,
    count: usize,
    under_way: usize,
    ask: impl Fn(usize) -> String,
) -> anyhow::Result<Vec<f64>> {
    let clock = SystemClock::new();
    let mut asked_at = vec![clock.elapsed(); under_way];
    let mut out = Vec::new();
    let (mut asked, mut waits) = (0, Vec::with_capacity(count));
    while asked < under_way.min(count) {
        put(&mut out, &ask(asked));
        asked += 1;
    }
    while waits.len() < count {
        if !out.is_empty() {
            socket.send(&out).await?;
            out.clear();
        }
        socket.fill().await?;
        let now = clock.elapsed();
        while let Some(text) = socket.take()? {
            if text == b"2" {
                put(&mut out, "3");
                continue;
            }
            let Some(number) = acknowledged(text) else { continue };
            ensure!(is_good(text), "{}", String::from_utf8_lossy(text));
            if let Some(at) = asked_at.get_mut(number % under_way) {
                waits.push(now.saturating_sub(*at).as_secs_f64() * 1e3);
                *at = now;
            }
            if asked < count {
                put(&mut out, &ask(number));
                asked += 1;
            }
        }
    }
    Ok(waits)
}
