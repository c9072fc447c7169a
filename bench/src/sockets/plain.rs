//! socketioxide on hyper as its documentation shows it, with nothing around it: a process of its own, and the events
//! that are measured.

use std::convert::Infallible;
use std::io::Write;
use std::thread::ScopedJoinHandle;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};
use socketioxide::handler::ConnectHandler;
use tokio::net::{TcpListener, TcpStream};

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Room {
    chat_id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Done {
    success: bool,
    chat_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shared {
    chat_id: String,
    status: String,
    sent_time: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Relay<'a> {
    from: &'a str,
    to: Option<&'a str>,
    chat_id: &'a str,
    status: &'a str,
    r#type: &'a str,
    sent_time: u64,
}

/// Serves until it is killed: one thread for each core, with a runtime of its own, which is how it is fastest.
///
/// # Errors
/// When it cannot listen.
pub fn serve() -> anyhow::Result<()> {
    let (service, io) = SocketIo::new_svc();
    let bind = async |socket: SocketRef| {
        listen(&socket);
        Ok::<(), Infallible>(())
    };
    io.ns("/chat", (async || {}).with(bind));
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
    std::thread::scope(|scope| {
        let threads = (0..crate::cores()).map(|_| {
            let (listener, service) = (listener.try_clone(), service.clone());
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                let accept = async |stream: TcpStream| {
                    stream.set_nodelay(true)?;
                    let service = service.clone();
                    tokio::spawn(async move {
                        let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                        // A client that hangs up is none of its business.
                        let _ = serving.with_upgrades().await;
                    });
                    anyhow::Ok(())
                };
                runtime.block_on(async {
                    let listener = TcpListener::from_std(listener?)?;
                    loop {
                        accept(listener.accept().await?.0).await?;
                    }
                })
            })
        });
        let threads: Vec<ScopedJoinHandle<'_, anyhow::Result<()>>> = threads.collect();
        for thread in threads {
            thread.join().map_err(|_| anyhow::anyhow!("a thread of the server panicked"))??;
        }
        Ok(())
    })
}

fn listen(socket: &SocketRef) {
    socket.on("join-chat", async |socket: SocketRef, Data(Room { chat_id }): Data<Room>, ack: AckSender| {
        socket.join(chat_id.clone());
        let _ = ack.send(&Done { success: true, chat_id });
    });
    socket.on("leave-chat", async |socket: SocketRef, Data(Room { chat_id }): Data<Room>, ack: AckSender| {
        socket.leave(chat_id.clone());
        let _ = ack.send(&Done { success: true, chat_id });
    });
    socket.on("shareStatus", async |socket: SocketRef, Data(shared): Data<Shared>| {
        let Shared { chat_id, status, sent_time } = &shared;
        let relay = Relay {
            from: "bench@example.com",
            to: None,
            chat_id,
            status,
            r#type: status,
            sent_time: *sent_time,
        };
        let _ = socket.to(chat_id.clone()).emit("status", &relay).await;
    });
}
