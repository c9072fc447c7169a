//! Receivers that run: in a process of their own, or in a thread of this one. Each says by a line what it works on.

use std::convert::Infallible;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::{example, kind_of};
use crate::support::{PATIENCE, standard_webhooks};

/// A receiver, until it is dropped.
pub struct Running {
    port: u16,
    lines: Receiver<String>,
    child: Option<Child>,
}

impl Running {
    /// A module for Node, beside the clients that are installed.
    pub fn node(code: &str, secrets: &str) -> Self {
        Self::process(node(), code, secrets)
    }

    /// A script for the Python that the official library is installed for.
    pub fn python(code: &str, secrets: &str) -> Self {
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/.venv/bin/python");
        assert!(
            python.exists(),
            "the Python client is not installed: run `python3 -m venv tests/clients/.venv` and \
             `tests/clients/.venv/bin/pip install -r tests/clients/requirements.txt`"
        );
        let mut python = Command::new(python);
        python.arg("-");
        Self::process(python, code, secrets)
    }

    fn process(mut command: Command, code: &str, secrets: &str) -> Self {
        let port = free_port();
        let command = command.env("WEBHOOK_SECRETS", secrets).env("PORT", port.to_string());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(code.as_bytes()).unwrap();
        let (tell, lines) = sync_channel(64);
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let _ = tell.send(line);
            }
        });
        let running = Self { port, lines, child: Some(child) };
        assert_eq!(running.next(), "ready");
        running
    }

    /// The Rust receiver, behind hyper.
    pub fn rust(secrets: &str) -> Self {
        let receiver = Arc::new(Mutex::new(example::Receiver::new(secrets).unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, lines) = sync_channel(64);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    let (receiver, tell) = (Arc::clone(&receiver), tell.clone());
                    let answer =
                        service_fn(move |request| answer(Arc::clone(&receiver), tell.clone(), request));
                    let connection = hyper::server::conn::http1::Builder::new();
                    tokio::spawn(connection.serve_connection(TokioIo::new(stream), answer));
                }
            });
        });
        Self { port, lines, child: None }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// The next line that it says.
    pub fn next(&self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Both fail for a process that is gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

async fn answer(
    receiver: Arc<Mutex<example::Receiver>>,
    tell: SyncSender<String>,
    request: http::Request<Incoming>,
) -> Result<http::Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let work = |id: &str, body: &[u8]| tell.send(format!("work {id} {}", kind_of(body))).unwrap();
    let status = receiver.lock().unwrap().receive(&head.headers, &body, work);
    Ok(http::Response::builder().status(status).body(Full::default()).unwrap())
}

/// Node, reading a module from its standard input, that finds the installed libraries.
pub fn node() -> Command {
    let mut node = Command::new("node");
    node.current_dir(standard_webhooks::installed()).args(["--input-type=module", "-"]);
    node
}

/// The code block of docs/receivers.md that begins with these words.
pub fn block(words: &str) -> String {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/receivers.md")).unwrap();
    let opened =
        text.split_once(&format!("\n```{words}\n")).unwrap_or_else(|| panic!("no block `{words}`")).1;
    format!("{}\n", opened.split_once("\n```").unwrap().0)
}

/// Posts a body with headers; the status.
pub fn post(url: &str, headers: &[(&'static str, String)], body: &str) -> u16 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(PATIENCE).build().unwrap();
    let request = http.post(url).header("content-type", "application/json").body(body.to_owned());
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
    runtime.block_on(async { request.send().await }).unwrap().status().as_u16()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
