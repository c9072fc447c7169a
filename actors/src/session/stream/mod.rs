//! Answers of language models, as streams that survive: a run belongs to its own actor and to no request. What it says is
//! numbered, kept, and then told to all who read it, from wherever each of them is.
//!
//! | file | what |
//! |---|---|
//! | `model`, `tools` | The ports: what answers, and what it may use |
//! | `frame` | What readers are told |
//! | `assistant` | An assistant, as a record describes it |
//! | `head` | What is known of a stream, and what was asked |
//! | `state` | How far a run has come; rebuilt from its frames |
//! | `run` | A run that goes on, and what of it is not in the store yet |
//! | `running` | How many go on |
//! | `tail` | The latest frames, in memory, for all who read |
//! | `book` | One stream in the store |
//! | `actor`, `messages` | The shell around a run, and what it hears |
//! | `waker` | Wakes those that go on and are not awake |
//! | `streams` | All of them: begun, read, stopped |
//! | `usage` | How much models have said, by day |

mod actor;
pub mod assistant;
mod book;
pub mod frame;
pub mod head;
pub mod messages;
pub mod model;
mod run;
mod running;
mod state;
mod streams;
mod tail;
pub mod tools;
pub mod usage;
mod waker;

pub use actor::StreamActor;
pub use book::{Once, StreamBook};
pub use run::{INTERRUPTED, StreamSettings};
pub use running::Running;
pub use streams::{BeginError, Beginning, Reader, Streams, StreamsError};
pub use waker::WakerActor;
