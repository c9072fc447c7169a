//! What answers prompts: the providers of language models that an organisation has connected, and the small agent that is
//! built in. The machine asks by its ports `Model` and `ToolBox`.
//!
//! | file | what |
//! |---|---|
//! | `models` | Whom a prompt goes to |
//! | `provider` | A provider, as an organisation has connected it |
//! | `asked` | Asks a provider: retries, limits of time, its answer piece by piece |
//! | `connected` | Tools of servers that an organisation has connected |
//! | `wire` | What providers are asked and how they answer; pure |
//! | `built_in` | Answers out of the organisation's own records, without a model |
//! | `asker` | Whoever asks, as a run keeps them |
//! | `speak` | How readers are spoken to; pure |

pub mod asked;
pub mod asker;
mod built_in;
pub mod connected;
pub mod models;
mod provider;
pub mod speak;
pub mod wire;
