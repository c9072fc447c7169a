//! What a process prints, as it comes.

use std::io::Read;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::PATIENCE;

/// One of the two streams of a process, read by a thread of its own.
#[derive(Clone, Default)]
pub struct Output(Arc<Shared>);

#[derive(Default)]
struct Shared {
    printed: Mutex<Printed>,
    changed: Condvar,
}

#[derive(Default)]
struct Printed {
    bytes: Vec<u8>,
    ended: bool,
}

/// A process that has ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

impl Output {
    pub fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let output = Self::default();
        let shared = output.0.clone();
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            loop {
                let read = pipe.read(&mut part).unwrap_or(0);
                let mut printed = shared.printed.lock().unwrap();
                printed.bytes.extend_from_slice(&part[..read]);
                printed.ended = read == 0;
                shared.changed.notify_all();
                if read == 0 {
                    break;
                }
            }
        });
        output
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.printed.lock().unwrap().bytes).into_owned()
    }

    /// What `find` finds in all that was printed, as soon as it finds it. `Err` with the text when the
    /// process closes the stream, or the limit passes, before that.
    pub fn wait<T>(&self, limit: Duration, find: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        let find = |printed: &Printed| find(&String::from_utf8_lossy(&printed.bytes));
        let printed = self.0.printed.lock().unwrap();
        let goes_on = |printed: &mut Printed| !printed.ended && find(printed).is_none();
        let (printed, _) = self.0.changed.wait_timeout_while(printed, limit, goes_on).unwrap();
        find(&printed).ok_or_else(|| String::from_utf8_lossy(&printed.bytes).into_owned())
    }

    /// Waits until the process has closed the stream; whether it did.
    pub fn closed(&self, limit: Duration) -> bool {
        let printed = self.0.printed.lock().unwrap();
        let goes_on = |printed: &mut Printed| !printed.ended;
        self.0.changed.wait_timeout_while(printed, limit, goes_on).unwrap().0.ended
    }
}

/// Waits for a process to end by itself; kills it, and fails, when it does not.
pub fn wait_for_end(child: &mut Child, out: &Output, err: &Output) -> Ended {
    let in_time = out.closed(PATIENCE) && err.closed(PATIENCE);
    if !in_time {
        let _ = child.kill();
    }
    let status = child.wait().unwrap();
    assert!(in_time, "it did not end; it printed\n{}\n{}", out.text(), err.text());
    Ended { status, out: out.text(), err: err.text() }
}
