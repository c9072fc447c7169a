//! The way of a vendor's call from the request to the disk: whose it is, whether it is really the vendor's, and that it
//! is kept before it is answered. What the call means is worked out later, by a job.
//!
//! | file | what |
//! |---|---|
//! | `receiver` | The steps, in their order |
//! | `certificates` | Certificates that vendors sign with: fetched, kept for a day |
//! | `confirm` | Asks a vendor whether it has sent a call, where its signature does not vouch for all of it |
//! | `oauth` | Connecting by OAuth 2, and tokens that are good now |
//! | `api` | Calls of the vendors' own interfaces |
//! | `register` | Registers our addresses with those interfaces |
//! | `tally` | How many calls came, and what came of them |
//! | `translator` | What the machine asks of the vendors |
//! | `types` | What an integration of each vendor needs |
//! | `given` | From what somebody gives for one to its credentials and settings |
//! | `declared` | Integrations that the configuration sets |

pub mod api;
pub mod certificates;
pub mod confirm;
pub mod declared;
pub mod given;
pub mod oauth;
pub mod receiver;
pub mod register;
pub mod tally;
pub mod translator;
pub mod types;
