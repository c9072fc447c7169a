//! Structured logs on stderr, as text for people or JSON for machines, filtered as the configuration says.
//! It keeps stdout free for what commands print, and reads no environment of its own.

use std::io;

use thiserror::Error;
use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, ParseError, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{Log, LogFormat};

/// Crates that never log what they carry.
const OURS: [&str; 2] = ["appengine", "appengine_actors"];

/// Why logging could not be set up.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error("read log.filter; write levels or target=level pairs such as info,appengine=debug: {0}")]
    Filter(#[from] ParseError),
    /// Another part of the process has set up logging already.
    #[error("set up logging, which is done once in a process: {0}")]
    Taken(#[from] TryInitError),
}

/// Where the framework tells of connections that ended badly: as errors, though it is the client that sent no HTTP
/// or went away, and has its answer. Who wants to read it names it in `log.filter`.
const CONNECTIONS: &str = "actix_http::h1::dispatcher";
/// What tells of every step with servers of tools, and of each that is down as its own failure.
const TOOLS: &str = "rmcp";

/// Sends everything that is logged from here on to stderr. To be called once, before anything else is started.
///
/// # Errors
/// If the filter cannot be read or logging is set up already.
pub fn init(log: &Log) -> Result<(), TelemetryError> {
    Ok(subscriber(log, io::stderr)?.try_init()?)
}

/// The subscriber that [`init`] installs, with a writer of the caller's choice.
///
/// # Errors
/// If the filter cannot be read.
pub fn subscriber<W>(log: &Log, writer: W) -> Result<Box<dyn Subscriber + Send + Sync>, TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // What is named later counts, so that the operator has the last word.
    let filter = EnvFilter::builder().parse(format!("{CONNECTIONS}=off,{TOOLS}=off,{}", log.filter))?;
    let discreet = filter_fn(|line| *line.level() <= most(line.target()));
    let lines = fmt().with_env_filter(filter).with_writer(writer);
    Ok(match log.format {
        LogFormat::Text => Box::new(lines.finish().with(discreet)),
        // The list of spans carries org, event and cause from the outermost in; the innermost alone would drop them.
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(false);
            Box::new(lines.finish().with(discreet))
        }
    })
}

/// The most that is logged of what a part of the program says, whatever the filter asks for: the stores and
/// servers of others print what they carry, which is bodies and tokens, when they say everything.
fn most(target: &str) -> LevelFilter {
    let named = |name: &str| target == name || target.strip_prefix(name).is_some_and(|s| s.starts_with("::"));
    if OURS.into_iter().any(named) { LevelFilter::TRACE } else { LevelFilter::DEBUG }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing::{debug, info, info_span, warn};

    use super::*;
    use crate::config::Config;

    /// A place that a subscriber writes to and a test reads from.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("not poisoned").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(variables: &[(&str, &str)], act: impl FnOnce()) -> String {
        let config = Config::load(None, variables.iter().copied()).expect("valid");
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(&config.log, move || writer.clone()).expect("a filter");
        tracing::subscriber::with_default(subscriber, act);
        String::from_utf8(lines.0.lock().expect("not poisoned").clone()).expect("text")
    }

    #[test]
    fn json_lines_carry_fields_and_all_spans() {
        let text = logged(&[("APPENGINE__LOG__FORMAT", "json")], || {
            let _org = info_span!("request", org = "my-org").entered();
            let _event = info_span!("event", event = "evt_1").entered();
            info!(attempts = 3, "delivered");
            warn!("late");
        });
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(lines[0]["message"], "delivered");
        assert_eq!(lines[0]["attempts"], 3);
        assert_eq!(lines[0]["spans"][0]["org"], "my-org");
        assert_eq!(lines[0]["spans"][1]["event"], "evt_1");
        assert_eq!(lines[1]["level"], "WARN");
    }

    #[test]
    fn text_lines_are_for_people() {
        let text = logged(&[], || info!(attempts = 3, "delivered"));
        assert!(text.ends_with("delivered attempts=3\n") && text.contains(" INFO "), "{text}");
    }

    #[test]
    fn what_others_carry_is_not_logged_whatever_the_filter_says() {
        let act = || {
            tracing::trace!(target: "sled::pagecache", "a batch");
            debug!(target: "sled::pagecache", "a number");
            tracing::trace!(target: "appengine::http", "a step");
            tracing::trace!(target: "appengine_other", "no part of it");
        };
        for filter in ["trace", "sled::pagecache=trace,appengine=trace"] {
            let text = logged(&[("APPENGINE__LOG__FILTER", filter)], act);
            assert!(text.lines().count() == 2 && text.contains("a number"), "{filter}: {text}");
            assert!(text.contains("a step"), "{filter}: {text}");
        }
    }

    #[test]
    fn the_filter_decides_what_is_logged() {
        let act = || {
            debug!("small");
            warn!("large");
        };
        assert_eq!(logged(&[("APPENGINE__LOG__FILTER", "off")], act), "");
        assert_eq!(logged(&[("APPENGINE__LOG__FILTER", "warn")], act).lines().count(), 1);
        assert_eq!(logged(&[("APPENGINE__LOG__FILTER", "warn,appengine=debug")], act).lines().count(), 2);
    }

    #[test]
    fn what_clients_do_wrong_is_no_error_of_the_server() {
        let act = || tracing::error!(target: CONNECTIONS, "stream error: request parse error");
        let with = |filter: &str| logged(&[("APPENGINE__LOG__FILTER", filter)], act).lines().count();
        assert_eq!([with("info"), with("actix_http=debug"), with("off")], [0; 3]);
        assert_eq!(with("info,actix_http::h1::dispatcher=error"), 1);
    }
}
