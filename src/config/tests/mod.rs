//! The configuration as a whole. Tests pass variables as pairs: the process's own environment is never touched.

mod files;
mod layers;
mod queues;
mod refusals;
mod shipped;
mod warnings;

use super::*;

const NONE: [(&str, &str); 0] = [];
const LONG: &str = "0123456789abcdef0123456789abcdef";

fn schema() -> Schema {
    Schema::parse(DEFAULTS).expect("config.toml is TOML")
}

fn defaults() -> Config {
    Config::load(None, NONE).expect("the defaults are valid")
}

fn env<const N: usize>(variables: [(&str, &str); N]) -> Result<Config, Problems> {
    Config::load(None, variables)
}

/// Loads a text as the user's file, below some variables.
fn layers(text: &str, variables: &[(&str, &str)]) -> Result<Config, Problems> {
    let mut problems = Vec::new();
    let mut settings = overlay::from_text(&schema(), "my.toml", text, &mut problems);
    let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
    settings.extend(overlay::from_env(&schema(), variables, &mut problems));
    combine(&schema(), settings, problems)
}

fn refusal(result: Result<Config, Problems>) -> String {
    result.expect_err("must be refused").to_string()
}
