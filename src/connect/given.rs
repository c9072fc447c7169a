//! What somebody gives for an integration, by REST or in the configuration: which of it signs calls, which is for the
//! vendor's interface, and which is a setting.

use appengine_actors::inbound::integration::{Credentials, MOST_SECRETS};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::register::site::Choices;
use super::types::IntegrationType;
use crate::vendors::keys::Settings;

/// Characters of one credential.
const LONGEST: usize = 8_192;
/// Credentials of one integration.
const MOST: usize = 50;

/// What cannot be taken, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The place: `credentials.apiKey`.
    pub path: String,
    /// What it must be.
    pub message: String,
}

impl Wrong {
    fn new(path: &str, message: String) -> Self {
        Self { path: path.to_owned(), message }
    }
}

/// What is given, as credentials and as settings, by the names that the vendor's type has for them.
#[must_use]
pub fn sorted(
    of: &IntegrationType,
    credentials: Map<String, Value>,
    config: Map<String, Value>,
    settings: Map<String, Value>,
) -> (Map<String, Value>, Map<String, Value>) {
    let mut of_settings: Map<String, Value> =
        settings.into_iter().map(|(name, value)| (in_snake_case(&name), value)).collect();
    let mut rest = Map::new();
    for (name, value) in config.into_iter().chain(credentials) {
        if is_setting(of, &name) {
            of_settings.insert(in_snake_case(&name), value);
        } else {
            rest.insert(name, value);
        }
    }
    (rest, of_settings)
}

/// Takes credentials in: new secrets before those they replace.
///
/// # Errors
/// What cannot be one.
pub fn take(of: &IntegrationType, given: Map<String, Value>, into: &mut Credentials) -> Result<(), Wrong> {
    for (name, value) in given {
        let path = format!("credentials.{name}");
        match name.as_str() {
            "secrets" => into.secrets = texts(&path, &value)?,
            "publicKeys" => into.public_keys = texts(&path, &value)?,
            name if of.signs_with.contains(&name) => into.rotate(text(&path, &value)?),
            name if of.public_keys.contains(&name) => {
                let key = text(&path, &value)?;
                into.public_keys.retain(|kept| *kept != key);
                into.public_keys.insert(0, key);
                into.public_keys.truncate(MOST_SECRETS);
            }
            _ if value.is_null() => _ = into.api.remove(&name),
            _ => _ = into.api.insert(name, text(&path, &value)?.into()),
        }
    }
    if into.api.len() > MOST {
        return Err(Wrong::new("credentials", format!("must have at most {MOST} entries")));
    }
    Ok(())
}

fn text(path: &str, value: &Value) -> Result<String, Wrong> {
    let text =
        value.as_str().map(str::trim).filter(|text| !text.is_empty() && text.chars().count() <= LONGEST);
    text.map(str::to_owned)
        .ok_or_else(|| Wrong::new(path, format!("must be a text of 1 to {LONGEST} characters")))
}

fn texts(path: &str, value: &Value) -> Result<Vec<String>, Wrong> {
    let list = value.as_array().filter(|list| list.len() <= MOST_SECRETS);
    let list = list.ok_or_else(|| {
        Wrong::new(path, format!("must be a list of up to {MOST_SECRETS} texts, newest first"))
    })?;
    list.iter().map(|value| text(path, value)).collect()
}

/// Settings must be those of the vendor, and of their kind.
///
/// # Errors
/// The first that is not.
pub fn check_settings(of: &IntegrationType, settings: &Map<String, Value>) -> Result<(), Wrong> {
    for name in settings.keys() {
        let name = camel(name);
        if !is_setting(of, &name) {
            let known = of.settings.join(", ");
            return Err(Wrong::new(
                &format!("settings.{name}"),
                format!("is not a setting of {}; known are url, {known}", of.vendor),
            ));
        }
    }
    read::<Settings>(settings)?;
    read::<Choices>(settings)
}

fn read<T: DeserializeOwned>(settings: &Map<String, Value>) -> Result<(), Wrong> {
    match serde_path_to_error::deserialize::<_, T>(&Value::Object(settings.clone())) {
        Ok(_) => Ok(()),
        Err(error) => {
            let path = format!("settings.{}", camel(&error.path().to_string()));
            Err(Wrong::new(&path, error.into_inner().to_string()))
        }
    }
}

/// Whether a name is one of a setting. Every vendor may have been given another address than ours.
#[must_use]
pub fn is_setting(of: &IntegrationType, name: &str) -> bool {
    name == "url" || of.settings.contains(&name)
}

/// A name as it is kept.
#[must_use]
pub fn in_snake_case(name: &str) -> String {
    name.chars().fold(String::new(), |mut snake, c| {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
        snake
    })
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut camel, word| {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
        camel
    })
}

/// Settings as clients spell them.
#[must_use]
pub fn in_camel_case(settings: &Map<String, Value>) -> Map<String, Value> {
    settings.iter().map(|(name, value)| (camel(name), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::connect::types::type_of;

    #[test]
    fn names_go_from_one_spelling_to_the_other_and_back() {
        for (wire, ours) in
            [("webhookId", "webhook_id"), ("tolerance", "tolerance"), ("topicArns", "topic_arns")]
        {
            assert_eq!((in_snake_case(wire).as_str(), camel(ours).as_str()), (ours, wire));
        }
    }

    #[test]
    fn what_signs_is_told_from_what_calls_the_api() {
        let of = type_of("stripe").unwrap();
        let mut credentials = Credentials::default();
        let given = |value: Value| value.as_object().cloned().unwrap();
        take(of, given(json!({"webhookSecret": "whsec_a", "apiKey": "sk_1"})), &mut credentials).unwrap();
        take(of, given(json!({"signingSecret": "whsec_b", "apiKey": null})), &mut credentials).unwrap();
        assert_eq!(credentials.secrets, ["whsec_b", "whsec_a"]);
        assert!(credentials.api.is_empty());
        assert!(take(of, given(json!({"webhookSecret": 1})), &mut credentials).is_err());
        assert!(take(of, given(json!({"secrets": ["a", "b", "c", "d", "e"]})), &mut credentials).is_err());
    }

    #[test]
    fn settings_are_the_vendors_own() {
        let settings = |value: Value| value.as_object().cloned().unwrap();
        let of = type_of("paypal").unwrap();
        assert!(check_settings(of, &settings(json!({"webhook_id": "1JE", "sandbox": true}))).is_ok());
        assert!(check_settings(of, &settings(json!({"webhook_id": 1}))).is_err());
        assert!(check_settings(of, &settings(json!({"topic_arns": []}))).is_err());
        let of = type_of("mailgun").unwrap();
        assert!(check_settings(of, &settings(json!({"domain": "mg.a.b", "region": "eu"}))).is_ok());
        assert!(check_settings(of, &settings(json!({"domain": 1}))).is_err());
        assert!(check_settings(of, &settings(json!({"region": "mars"}))).is_err());
    }
}
