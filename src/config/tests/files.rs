//! Files on the disk, and the secrets that they and the environment may hold.

use std::fs;
use std::path::PathBuf;

use super::*;

fn written(text: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("my.toml");
    fs::write(&path, text).expect("a file");
    (folder, path)
}

#[test]
fn a_file_is_read_and_named_in_problems() {
    let (_folder, path) = written("log.format = \"json\"");
    assert_eq!(Config::load(Some(&path), NONE).expect("valid").log.format, LogFormat::Json);
    let (_folder, path) = written("log.format = \"xml\"");
    assert!(
        refusal(Config::load(Some(&path), NONE)).contains(&format!("{}:1: log.format: ", path.display()))
    );
}

#[test]
fn a_file_that_cannot_be_used_is_refused_beside_the_rest() {
    let (folder, path) = written([0xff, 0xfe]);
    assert!(refusal(Config::load(Some(&path), NONE)).contains("my.toml: not valid UTF-8"));
    let missing = folder.path().join("missing.toml");
    let refused = refusal(Config::load(Some(&missing), [("APPENGINE__LOG__FORMAT", "xml")]));
    assert!(
        refused.contains("2 problems") && refused.contains("missing.toml: cannot be read: "),
        "{refused}"
    );
    assert!(refusal(Config::load(Some(folder.path()), NONE)).contains("cannot be read: "));
    let (_folder, large) = written("#".repeat(1024 * 1024 + 1));
    assert!(refusal(Config::load(Some(&large), NONE)).contains("is larger than the 1048576 bytes"));
}

#[test]
fn secrets_print_as_dots_and_are_never_quoted() {
    for key in SECRETS {
        let name = overlay::env_name(key);
        let (good, why) = match key {
            "webhooks.proxy" => ("http://user:password@proxy.internal", "http or https URL with a host"),
            // Somebody else chose it, so it may be short; alone it is good for nothing.
            "mail.password" => (LONG, "mail.user and mail.password belong together"),
            "vendors.keys" => ("stripe.webhookSecret=whsec_0123456789", "vendor.name=value"),
            _ => (LONG, "at least 32 characters"),
        };
        let user = if key == "mail.password" { "ada" } else { "" };
        let config = env([(&name, good), ("APPENGINE__MAIL__USER", user)]).expect("valid");
        assert!(!format!("{config:?}").contains(good), "{key}");
        let refused = refusal(env([(&name, "too-short")]));
        assert!(refused.contains(why) && !refused.contains("too-short"), "{refused}");
        let refused = refusal(layers(&format!("{key} = 987654321"), &[]));
        let must = if key == "vendors.keys" { "must be a list of texts" } else { "must be text" };
        assert!(refused.contains(must) && !refused.contains("987654321"), "{refused}");
    }
    let config = env([("APPENGINE__AUTH__SIGNING_SECRET", LONG)]).expect("valid");
    assert_eq!(config.auth.signing_secret.expose(), LONG);
    assert_eq!(config.auth.signing_secret.to_string(), "••••••••");
    assert!(defaults().auth.signing_secret.is_empty());
    let dots = format!("{:?}", defaults()).matches("••••••••").count();
    assert_eq!(dots, SECRETS.len(), "SECRETS lists every secret");
}

#[cfg(unix)]
#[test]
fn a_secret_in_a_file_for_everyone_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (_without, path) = written(DEFAULTS);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("own file");
    assert_eq!(Config::load(Some(&path), NONE), Ok(defaults()));

    let (_folder, path) = written(format!("auth.signing_secret = \"{LONG}\""));
    let load = |mode| {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("own file");
        Config::load(Some(&path), NONE)
    };
    let refused = refusal(load(0o644));
    assert!(
        refused.contains("my.toml:1: auth.signing_secret: a secret stands in a file")
            && !refused.contains(LONG),
        "{refused}"
    );
    assert_eq!(load(0o600).expect("valid").auth.signing_secret.expose(), LONG);
}
