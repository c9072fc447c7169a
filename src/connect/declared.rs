//! Integrations that the configuration sets, for an operator who keeps secrets in files or in the environment: each entry
//! is `vendor.name=value`, by the names that `GET /upstream/integration-types` gives. They belong to the default
//! organisation, and each start makes the store say what the configuration says.

use appengine_actors::clock::Timestamp;
use appengine_actors::ids::{IntegrationId, OrgId};
use appengine_actors::inbound::integration::{Credentials, Integration};
use appengine_actors::inbound::integrations::{IntegrationError, Integrations};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::given::{Wrong, check_settings, in_snake_case, is_setting, take};
use super::oauth::vendors::credentials as connects_with;
use super::register::credentials as registers_with;
use super::types::{IntegrationType, TYPES, type_of};

/// Who has set them, and what they are called.
const CONFIGURATION: &str = "configuration";

/// What the configuration says of one vendor.
pub struct Declared {
    of: &'static IntegrationType,
    credentials: Credentials,
    settings: Map<String, Value>,
}

/// Reads the entries. Of several with one name the first is the newest.
///
/// # Errors
/// The first that cannot be taken, by its vendor and name: its value is never said.
pub fn read(entries: &[String]) -> Result<Vec<Declared>, Wrong> {
    let mut all: Vec<Declared> = Vec::new();
    // A secret that is taken stands before those that were taken earlier.
    for entry in entries.iter().rev() {
        let malformed = || Wrong {
            path: "an entry".to_owned(),
            message: "must be written as vendor.name=value, such as stripe.webhookSecret=whsec_…".to_owned(),
        };
        let (place, value) = entry.split_once('=').ok_or_else(malformed)?;
        let (vendor, name) = place.trim().split_once('.').ok_or_else(malformed)?;
        let of = type_of(vendor).ok_or_else(malformed)?;
        let wrong = |message| Wrong { path: format!("{}.{name}", of.vendor), message };
        let position = all.iter().position(|declared| declared.of.vendor == of.vendor);
        let position = position.unwrap_or_else(|| {
            all.push(Declared { of, credentials: Credentials::default(), settings: Map::new() });
            all.len() - 1
        });
        let Declared { credentials, settings, .. } = &mut all[position];
        if is_setting(of, name) {
            // What is said of a value of the wrong kind repeats it.
            let value = setting(of, name, value.trim())
                .map_err(|_| wrong("is no value that this setting takes".to_owned()))?;
            settings.insert(in_snake_case(name), value);
            continue;
        }
        let known = credentials_of(of);
        if !known.contains(&name) {
            let known = [&known, of.settings, &["url"]].concat().join(", ");
            return Err(wrong(format!("is nothing that {} has; known are {known}", of.vendor)));
        }
        let given = Map::from_iter([(name.to_owned(), Value::from(value.trim()))]);
        take(of, given, credentials).map_err(|Wrong { message, .. }| wrong(message))?;
    }
    Ok(all)
}

/// A setting's value: a text where that fits, else as JSON.
fn setting(of: &IntegrationType, name: &str, value: &str) -> Result<Value, Wrong> {
    let check = |value: Value| {
        let settings = Map::from_iter([(in_snake_case(name), value.clone())]);
        check_settings(of, &settings).map(|()| value)
    };
    check(value.into()).or_else(|wrong| serde_json::from_str(value).map_err(|_| wrong).and_then(check))
}

/// The names of a vendor's credentials. By REST others are kept too; here one that is misspelt would go unnoticed.
fn credentials_of(of: &IntegrationType) -> Vec<&'static str> {
    let connects = connects_with(of.vendor);
    let mut names = [of.signs_with, of.public_keys, of.api, registers_with(of.vendor), &connects].concat();
    names.sort_unstable();
    names.dedup();
    names
}

/// Whether the configuration has set an integration.
#[must_use]
pub fn is_declared(integration: &Integration) -> bool {
    integration.id == id_of(&integration.org_id, &integration.vendor)
}

/// The id is the same at every start: calls that were kept name it.
fn id_of(org: &OrgId, vendor: &str) -> IntegrationId {
    let digest = Sha256::digest(format!("{CONFIGURATION}/{org}/{vendor}"));
    let mut bytes = [0; 16];
    // The time of such an id is 1970: no other has one of that time.
    bytes[6..].copy_from_slice(&digest[..10]);
    IntegrationId::from_bytes(bytes)
}

/// Makes the store say what the configuration says: what changed is written, what is no longer set is taken away.
///
/// # Errors
/// When it cannot be written.
pub async fn keep(
    integrations: &Integrations,
    org: &OrgId,
    now: Timestamp,
    declared: &[Declared],
) -> Result<(), IntegrationError> {
    for of in &TYPES {
        let id = id_of(org, of.vendor);
        let kept = integrations.find(id).await?;
        let wanted = declared.iter().find(|declared| declared.of.vendor == of.vendor);
        match (wanted, kept) {
            (None, None) => {}
            (None, Some(_)) => _ = integrations.remove(org, id).await?,
            (Some(declared), kept) => keep_one(integrations, org, now, declared, kept).await?,
        }
    }
    Ok(())
}

async fn keep_one(
    integrations: &Integrations,
    org: &OrgId,
    now: Timestamp,
    declared: &Declared,
    kept: Option<Integration>,
) -> Result<(), IntegrationError> {
    let id = id_of(org, declared.of.vendor);
    let before = integrations.credentials(org, id).await?;
    let mut credentials = Credentials { read_version: before.read_version, ..declared.credentials.clone() };
    // Whoever has connected it by OAuth stays connected.
    credentials.take_tokens_of(&before);
    let is_same = |kept: &Integration| kept.settings == declared.settings && credentials == before;
    if kept.as_ref().is_some_and(is_same) {
        return Ok(());
    }
    let new = || Integration {
        id,
        org_id: org.clone(),
        vendor: declared.of.vendor.to_owned(),
        name: CONFIGURATION.to_owned(),
        active: true,
        settings: Map::new(),
        public_config: Map::new(),
        sync: None,
        created_at: now,
        updated_at: now,
        by: CONFIGURATION.to_owned(),
    };
    let integration =
        Integration { settings: declared.settings.clone(), updated_at: now, ..kept.unwrap_or_else(new) };
    integrations.save(&integration, &credentials).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_all(entries: &[&str]) -> Result<Vec<Declared>, Wrong> {
        read(&entries.iter().map(|&entry| entry.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn entries_become_what_rest_would_have_saved() {
        let all = read_all(&[
            "stripe.webhookSecret=whsec_new=",
            "paypal.webhookId=12345",
            "stripe.webhookSecret=whsec_old",
            "paypal.sandbox=true",
            "paypal.clientId=id",
            r#"ses.topicArns=["arn:aws:sns:a"]"#,
            "sendgrid.publicKey = MFkw",
            "mailgun.url=https://a.example/b?c=d",
        ])
        .ok()
        .unwrap();
        let of = |vendor: &str| all.iter().find(|declared| declared.of.vendor == vendor).unwrap();
        assert_eq!(of("stripe").credentials.secrets, ["whsec_new=", "whsec_old"]);
        assert_eq!(
            Value::Object(of("paypal").settings.clone()),
            json!({"sandbox": true, "webhook_id": "12345"})
        );
        assert_eq!(of("paypal").credentials.api["clientId"], "id");
        assert_eq!(of("ses-sns").settings["topic_arns"], json!(["arn:aws:sns:a"]));
        assert_eq!(of("sendgrid").credentials.public_keys, ["MFkw"]);
        assert_eq!(of("mailgun").settings["url"], "https://a.example/b?c=d");
    }

    #[test]
    fn what_cannot_be_taken_is_named_without_its_value() {
        for (entry, place) in [
            ("whsec_secret", "an entry"),
            ("stripe=whsec_secret", "an entry"),
            ("strype.webhookSecret=whsec_secret", "an entry"),
            ("stripe.webhoksecret=whsec_secret", "stripe.webhoksecret"),
            ("stripe.webhookSecret=", "stripe.webhookSecret"),
            ("paypal.sandbox=whsec_secret", "paypal.sandbox"),
        ] {
            let wrong = read_all(&[entry]).err().unwrap();
            assert_eq!(wrong.path, place, "{entry}");
            assert!(!format!("{wrong:?}").contains("whsec_secret"), "{wrong:?}");
        }
    }
}
