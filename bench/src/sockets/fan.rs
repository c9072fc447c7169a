//! One tells a thousand: the next word when all have heard the one before, and many words under way.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use appengine_actors::clock::{Clock, SystemClock};
use tokio::sync::Notify;

use super::wire::{Socket, acknowledged, put};
use super::{OPENING, auth, rate};
use crate::measured::Side;
use crate::server::Server;

/// Those in the room, the one who speaks included.
const ROOM: usize = 1_000;
const WARM: usize = 30;
const ROUNDS: usize = 300;
/// Words under way at once, where it is not one.
const MANY: usize = 16;

/// What all who hear write down.
struct Heard {
    clock: SystemClock,
    told: Cell<Duration>,
    left: Cell<usize>,
    waits: RefCell<Vec<f64>>,
    all: Notify,
}

/// Measures it.
pub async fn measure(side: &Side, server: &Server) -> anyhow::Result<()> {
    let auth = auth(server);
    let mut sockets = Vec::with_capacity(ROOM);
    while sockets.len() < ROOM {
        let opening = (0..OPENING.min(ROOM - sockets.len())).map(|_| join(server, &auth));
        sockets.extend(futures_util::future::try_join_all(opening).await?);
    }
    let heard = Rc::new(Heard {
        clock: SystemClock::new(),
        told: Cell::default(),
        left: Cell::default(),
        waits: RefCell::default(),
        all: Notify::new(),
    });
    let mut speaker = sockets.swap_remove(0);
    let hearing: Vec<_> =
        sockets.into_iter().map(|socket| tokio::task::spawn_local(hear(socket, heard.clone()))).collect();
    rounds(&mut speaker, &heard, WARM, 1).await?;
    heard.waits.borrow_mut().clear();
    let count = ROUNDS * (ROOM - 1);
    let one = async || rounds(&mut speaker, &heard, ROUNDS, 1).await;
    rate(side, server, "fan-out to 1,000, heard", count, one).await?;
    side.latency("fan-out to 1,000, told to heard", heard.waits.take())?;
    let many = async || rounds(&mut speaker, &heard, ROUNDS / 4, MANY).await;
    let name = "fan-out to 1,000, 16 words under way, heard";
    rate(side, server, name, ROUNDS / 4 * MANY * (ROOM - 1), many).await?;
    hearing.iter().for_each(tokio::task::JoinHandle::abort);
    Ok(())
}

async fn join(server: &Server, auth: &str) -> anyhow::Result<Socket> {
    let mut socket = Socket::open(&server.client.address, auth).await?;
    let mut frames = Vec::new();
    put(&mut frames, r#"42/chat,1["join-chat",{"chatId":"team"}]"#);
    socket.send(&frames).await?;
    socket.until(|text| acknowledged(text).is_some()).await?;
    Ok(socket)
}

async fn rounds(speaker: &mut Socket, heard: &Heard, rounds: usize, words: usize) -> anyhow::Result<()> {
    let mut word = Vec::new();
    for _ in 0..words {
        put(&mut word, r#"42/chat,["shareStatus",{"chatId":"team","status":"typing","sentTime":1}]"#);
    }
    for _ in 0..rounds {
        heard.left.set(words * (ROOM - 1));
        heard.told.set(heard.clock.elapsed());
        speaker.send(&word).await?;
        tokio::select! {
            () = heard.all.notified() => {}
            // Its pings are answered meanwhile.
            ended = speaker.until(|_| false) => return ended,
        }
    }
    Ok(())
}

async fn hear(mut socket: Socket, heard: Rc<Heard>) -> anyhow::Result<()> {
    loop {
        while let Some(text) = socket.take()? {
            if text.starts_with(br#"42/chat,["status""#) {
                let wait = heard.clock.elapsed().saturating_sub(heard.told.get());
                heard.waits.borrow_mut().push(wait.as_secs_f64() * 1e3);
                heard.left.set(heard.left.get() - 1);
                if heard.left.get() == 0 {
                    heard.all.notify_one();
                }
            } else if text == b"2" {
                socket.pong().await?;
            }
        }
        socket.fill().await?;
    }
}
