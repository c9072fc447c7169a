//! Command lines as people type them.

use clap::CommandFactory;
use clap::error::ErrorKind;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("appengine").chain(line.split_whitespace()))
}

fn command(line: &str) -> Command {
    parse(line).expect(line).into_command()
}

fn refusal(line: &str) -> String {
    parse(line).expect_err(line).to_string()
}

#[test]
fn the_definitions_hold_together() {
    Cli::command().debug_assert();
}

#[test]
fn no_command_serves() {
    assert_eq!(command(""), Command::Serve);
    assert_eq!(command("serve"), Command::Serve);
}

#[test]
fn the_file_may_stand_before_or_after_the_command() {
    for line in ["--config a.toml serve", "serve --config a.toml", "--config a.toml"] {
        assert_eq!(parse(line).expect(line).config, Some("a.toml".into()), "{line}");
    }
}

#[test]
fn commands_without_arguments_are_known_by_name() {
    assert_eq!(command("demo"), Command::Demo);
    assert_eq!(command("check-config"), Command::CheckConfig);
    assert_eq!(command("default-config"), Command::DefaultConfig);
    assert_eq!(command("openapi"), Command::Openapi);
}

#[test]
fn a_token_needs_an_org_and_a_person_and_takes_the_rest() {
    let Command::Token(token) = command("token --org my-org --email ada@example.com") else {
        panic!("not a token")
    };
    assert_eq!((token.role, token.customer, token.expires, token.name), (Role::Owner, false, None, None));

    let Command::Token(token) = command("token --org o --email a@b --role poweruser --expires 2h --name Ada")
    else {
        panic!("not a token")
    };
    assert_eq!(token.role, Role::PowerUser);
    assert_eq!(token.expires, Some(HumanDuration::from_millis(7_200_000)));
    assert_eq!(token.name.as_deref(), Some("Ada"));

    let Command::Token(token) = command("token --org o --email a@b --customer") else {
        panic!("not a token")
    };
    assert!(token.customer);

    assert!(refusal("token --org o").contains("--email"));
    assert!(refusal("token --org o --email a@b --role Owner --customer").contains("cannot be used with"));
}

#[test]
fn bad_values_are_refused_with_what_is_allowed() {
    assert!(refusal("token --org o --email a@b --role Boss").contains(&role::list()));
    assert!(refusal("token --org a/b --email a@b").contains(ORG_ID));
    assert!(refusal("token --org o --email nobody").contains(EMAIL));
    assert!(refusal("token --org o --email a@b --expires soon").contains("30s"));
    assert!(refusal("token --org o --email a@b --expires 0s").contains("longer"));
}

#[test]
fn a_person_is_added_as_an_ordinary_user() {
    let Command::User(User::Add(add)) = command("user add --org o --email a@b --password-stdin") else {
        panic!("not an addition")
    };
    assert_eq!((add.role, add.password_stdin), (Role::User, true));
}

#[test]
fn export_and_import_take_files_and_streams() {
    assert_eq!(command("export"), Command::Export { out: Stream::Standard });
    assert_eq!(command("export --out a.ndjson"), Command::Export { out: Stream::File("a.ndjson".into()) });
    assert_eq!(command("import -"), Command::Import { from: Stream::Standard });
    assert_eq!(command("import a.ndjson"), Command::Import { from: Stream::File("a.ndjson".into()) });
    assert_eq!(parse("import").expect_err("no file").kind(), ErrorKind::MissingRequiredArgument);
}

#[test]
fn captured_calls_are_a_file_or_a_stream() {
    assert_eq!(command("verify -"), Command::Verify { from: Stream::Standard });
    assert_eq!(command("verify calls.json"), Command::Verify { from: Stream::File("calls.json".into()) });
    assert_eq!(parse("verify").expect_err("no file").kind(), ErrorKind::MissingRequiredArgument);
}

#[test]
fn every_command_says_what_it_does_and_shows_an_example() {
    fn walk(command: &clap::Command, seen: &mut usize) {
        for inner in command.get_subcommands() {
            assert!(inner.get_about().is_some(), "{} says nothing", inner.get_name());
            walk(inner, seen);
            if !inner.has_subcommands() {
                let example = inner.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(example.contains("appengine "), "{} has no example", inner.get_name());
                *seen += 1;
            }
        }
    }
    let mut seen = 0;
    walk(&Cli::command(), &mut seen);
    assert_eq!(seen, 10);
}
