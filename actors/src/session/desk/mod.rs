//! The desk of an organisation: which conversations wait, who of the staff is here, and who answers in which
//! (contract §5.6, §5.7).
//!
//! | file | what it is |
//! |---|---|
//! | `rules`, `hours` | how queues work, as their records say: pure |
//! | `agent` | one of the staff, and who of them is to answer: pure |
//! | `state` | what the desk knows, and what is to be done next: pure |
//! | `words` | what customers and the staff are told |
//! | `book` | what it reads from the store |
//! | `messages`, `actor`, `requests` | the desk itself |
//! | `desks` | all of them, for whoever brings clients |

mod actor;
pub mod agent;
mod book;
mod desks;
mod hours;
pub mod messages;
mod requests;
pub mod rules;
pub mod state;
pub mod words;

pub use actor::DeskActor;
pub use book::DeskBook;
pub use desks::Desks;
pub use state::DeskSettings;
