//! Connecting a vendor by OAuth 2 (contract §9): somebody of the staff is sent to the vendor, agrees there, and comes
//! back with a code, for which the vendor gives tokens. They are kept sealed with the integration and renewed before
//! they expire. What is asked of vendors and what their answers mean is pure; `flow` and `tokens` send and keep it.
//!
//! | file | what |
//! |---|---|
//! | `vendors` | What a vendor's OAuth 2 is like |
//! | `table` | Every vendor that has it |
//! | `client` | What an integration is known by at its vendor |
//! | `scopes` | What is asked for |
//! | `pkce` | The secret that binds a code to whoever asked for it |
//! | `requests` | What is asked of a vendor |
//! | `answers` | What a vendor's answer means |
//! | `state` | What comes back with the code: signed, good once and for ten minutes |
//! | `return_url` | Where the browser goes in the end |
//! | `flow` | The steps of connecting, and of disconnecting |
//! | `tokens` | Tokens that are good now |
//! | `error` | Why it does not work |

mod answers;
mod client;
mod error;
mod flow;
mod pkce;
mod requests;
pub mod return_url;
mod scopes;
mod state;
mod table;
mod tokens;
pub mod vendors;

pub use error::ConnectError;
pub use flow::{Begun, Connections, Disconnected, Finished, Returned};
pub use state::StateError;
pub use tokens::{TokenError, Tokens};
