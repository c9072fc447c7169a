//! The program as an operator has it: the real binary in a process of its own, on a data folder that is
//! removed with the test. A process never outlives the value that started it.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::client::Client;
use super::output::{Ended, Output, wait_for_end};
use super::{ADA, ORG, PATIENCE};

/// The binary under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_appengine");

/// A data folder and the settings that the program is started with.
pub struct House {
    folder: TempDir,
    settings: Vec<(String, String)>,
}

impl House {
    /// A folder that is not there yet, a free port, receivers on loopback, no limit on requests.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data").display().to_string();
        let house = Self { folder, settings: Vec::new() };
        house
            .with("STORE__PATH", &data)
            .with("SERVER__LISTEN", "127.0.0.1:0")
            .with("WEBHOOKS__ALLOW_NETWORKS", r#"["127.0.0.0/8"]"#)
            .with("LIMITS__REQUESTS_PER_MINUTE", "1000000")
    }

    /// Sets a key by environment, its name without `APPENGINE__`.
    pub fn with(self, key: &str, value: &str) -> Self {
        self.with_variable(&format!("APPENGINE__{key}"), value)
    }

    /// Sets any variable of the environment.
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A place beside the data folder, for files of the test.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Any program, with these settings and none of the caller's.
    pub fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().to_uppercase().starts_with("APPENGINE") {
                command.env_remove(name);
            }
        }
        command.args(arguments).current_dir(self.folder.path());
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Any program, in a shell that knows nothing of the server's: another folder, no setting.
    pub fn elsewhere(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = self.command(program, arguments);
        for (name, _) in &self.settings {
            command.env_remove(name);
        }
        command.current_dir("/");
        command
    }

    /// Runs a command of the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, b"")
    }

    /// Runs a command of the program to its end, with this on its standard input.
    pub fn run_with(&self, arguments: &[&str], input: &[u8]) -> Ended {
        run(self.command(PROGRAM, arguments), input)
    }

    /// Starts the server and waits until it says where it is.
    pub fn start(&self) -> Server {
        self.launch().ready()
    }

    /// Starts the server and does not wait.
    pub fn launch(&self) -> Server {
        self.launch_as(PROGRAM, &["serve"])
    }

    /// The same, with one more variable.
    pub fn launch_with(&self, name: &str, value: &str) -> Server {
        let mut command = self.command(PROGRAM, &["serve"]);
        Self::spawn(command.env(name, value))
    }

    /// Starts a server by any path and arguments, and does not wait.
    pub fn launch_as(&self, program: &str, arguments: &[&str]) -> Server {
        Self::spawn(&mut self.command(program, arguments))
    }

    fn spawn(command: &mut Command) -> Server {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = Output::of(child.stdout.take().unwrap());
        let err = Output::of(child.stderr.take().unwrap());
        Server { child, out, err, base: String::new() }
    }

    /// What `appengine token` prints for these arguments, alone on the last line.
    pub fn token(&self, arguments: &[&str]) -> String {
        let ended = self.run(&[&["token"], arguments].concat());
        assert!(ended.status.success(), "{}", ended.err);
        ended.out.lines().last().unwrap().to_owned()
    }

    /// A client that speaks to the server as the owner of an organisation.
    pub fn owner(&self, server: &Server) -> Client {
        Client::signed(&server.base, ORG, &self.token(&["--org", ORG, "--email", ADA]))
    }
}

/// Runs any command to its end.
pub fn run(mut command: Command, input: &[u8]) -> Ended {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let out = Output::of(child.stdout.take().unwrap());
    let err = Output::of(child.stderr.take().unwrap());
    // One that does not read to the end has its reasons, and says them itself.
    let _ = child.stdin.take().unwrap().write_all(input);
    wait_for_end(&mut child, &out, &err)
}

/// A running server.
pub struct Server {
    child: Child,
    out: Output,
    err: Output,
    /// `http://127.0.0.1:port`, once it is ready.
    pub base: String,
}

impl Server {
    /// Waits for the line that says where it serves.
    pub fn ready(mut self) -> Self {
        self.base = self.printed(|text| {
            let rest = text.split_once("appengine serves at ")?.1;
            Some(rest.split_once('\n')?.0.to_owned())
        });
        self
    }

    /// What is found on standard output, as soon as it is there.
    pub fn printed<T>(&self, find: impl Fn(&str) -> Option<T>) -> T {
        self.out.wait(PATIENCE, find).unwrap_or_else(|text| panic!("not on standard output:\n{text}"))
    }

    /// Waits until the log has this in it.
    pub fn logged(&self, words: &str) {
        let found = self.err.wait(PATIENCE, |text| text.contains(words).then_some(()));
        found.unwrap_or_else(|text| panic!("`{words}` is not in the log:\n{text}"));
    }

    /// Everything on standard output so far.
    pub fn out(&self) -> String {
        self.out.text()
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> &str {
        self.base.strip_prefix("http://").unwrap()
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until it is ready, but no longer than this.
    pub fn ready_or_after(&self, limit: Duration) {
        let _ = self.out.wait(limit, |text| text.contains("appengine serves at").then_some(()));
    }

    /// Waits until it is ready; none when it ended before.
    pub fn ready_or_ended(mut self) -> Option<Self> {
        loop {
            self.ready_or_after(Duration::from_millis(20));
            let told = self.out.text();
            let base = told.split_once("appengine serves at ").and_then(|(_, rest)| rest.split_once('\n'));
            if let Some((base, _)) = base {
                base.clone_into(&mut self.base);
                return Some(self);
            }
            if self.child.try_wait().unwrap().is_some() {
                return None;
            }
        }
    }

    /// Waits until a signal has ended it; always true.
    pub fn wait_killed(mut self) -> bool {
        let ended = self.child.wait().unwrap();
        assert!(ended.code().is_none(), "it ended by itself: {ended}\n{}", self.err.text());
        true
    }

    /// SIGKILL, and waits until the process is gone.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it has ended by itself.
    pub fn wait(mut self) -> Ended {
        wait_for_end(&mut self.child, &self.out, &self.err)
    }

    /// SIGTERM, and waits until it has ended well.
    pub fn stop(self) {
        self.terminate();
        let ended = self.wait();
        assert!(ended.status.success(), "{:?}: {}", ended.status, ended.err);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail for a process that is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the server printed\n{}\n{}", self.out.text(), self.err.text());
        }
    }
}
