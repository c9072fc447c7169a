//! The same echo by polling: a request that asks, and one that fetches the answer.

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{auth, rate};
use crate::measured::Side;
use crate::server::Server;

const SESSIONS: usize = 16;
const EACH: usize = 500;

/// Measures it.
pub async fn measure(side: &Side, server: &Server) -> anyhow::Result<()> {
    let auth = auth(server);
    let opening = (0..SESSIONS).map(|_| Session::open(&server.client.address, &auth));
    let mut sessions = futures_util::future::try_join_all(opening).await?;
    let all = |sessions: Vec<Session>, count: usize| async move {
        futures_util::future::try_join_all(sessions.into_iter().map(|session| session.ask(count))).await
    };
    sessions = all(sessions, 50).await?;
    let count = SESSIONS * EACH;
    rate(side, server, "polling echo, 16 sessions", count, async || all(sessions, EACH).await.map(drop)).await
}

struct Session {
    stream: TcpStream,
    /// What its requests end their first line and begin their headers with.
    target: String,
    host: String,
    buffer: Vec<u8>,
    /// A ping is to be answered with the next question.
    pinged: bool,
}

impl Session {
    async fn open(address: &str, auth: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let target = "/socket.io/?EIO=4&transport=polling".to_owned();
        let mut session =
            Self { stream, target, host: address.to_owned(), buffer: Vec::new(), pinged: false };
        let opened = session.get().await?;
        let sid = opened.split('"').nth(3).context("the session has no id")?;
        session.target = format!("{}&sid={sid}", session.target);
        session.post(&format!("40/chat,{auth}")).await?;
        while !session.get().await?.contains("40/chat,") {}
        Ok(session)
    }

    /// Asks so often, and gives itself back.
    async fn ask(mut self, count: usize) -> anyhow::Result<Self> {
        for _ in 0..count {
            let pong = if std::mem::take(&mut self.pinged) { "3\u{1e}" } else { "" };
            self.post(&format!(r#"{pong}42/chat,1["leave-chat",{{"chatId":"team"}}]"#)).await?;
            while !self.get().await?.contains("43/chat,1[{\"success\":true") {}
        }
        Ok(self)
    }

    async fn get(&mut self) -> anyhow::Result<String> {
        let request = format!("GET {} HTTP/1.1\r\nhost: {}\r\n\r\n", self.target, self.host);
        let body = self.answer(&request).await?;
        self.pinged |= body.split('\u{1e}').any(|packet| packet == "2");
        Ok(body)
    }

    async fn post(&mut self, body: &str) -> anyhow::Result<()> {
        let request = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{body}",
            self.target,
            self.host,
            body.len()
        );
        let answer = self.answer(&request).await?;
        ensure!(answer == "ok", "a question was answered {answer}");
        Ok(())
    }

    async fn answer(&mut self, request: &str) -> anyhow::Result<String> {
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server hung up");
            }
            let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            let head =
                String::from_utf8_lossy(self.buffer.get(..end).unwrap_or_default()).to_ascii_lowercase();
            ensure!(head.starts_with("http/1.1 200"), "{head}");
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.context("an answer does not say how long it is")?.trim().parse()?;
            if let Some(body) = self.buffer.get(end + 4..end + 4 + length) {
                return Ok(String::from_utf8_lossy(body).into_owned());
            }
        }
    }
}
