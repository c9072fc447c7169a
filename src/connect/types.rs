//! What an integration of each vendor needs: what people are asked for, and what of it signs calls.

use serde::Serialize;

use crate::vendors::named;

/// A vendor, as it can be connected.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IntegrationType {
    /// The vendor's name here.
    #[serde(rename = "type")]
    pub vendor: &'static str,
    /// `payment`, `email`, `sms`, `social`, `ai`, `tools` or `other` (contract §9).
    pub category: &'static str,
    /// Names of credentials that calls are signed with: the first is the usual one.
    pub signs_with: &'static [&'static str],
    /// Names of credentials that only its interface is called with.
    pub api: &'static [&'static str],
    /// Names of public keys that calls are checked by.
    pub public_keys: &'static [&'static str],
    /// What else its calls are checked by, and its interface is asked for.
    pub settings: &'static [&'static str],
    /// Where in the vendor's own pages the address is entered and the secret is found.
    pub instructions: &'static str,
}

const fn of(
    vendor: &'static str,
    category: &'static str,
    signs_with: &'static [&'static str],
    instructions: &'static str,
) -> IntegrationType {
    IntegrationType {
        vendor,
        category,
        signs_with,
        api: &[],
        public_keys: &[],
        settings: &["tolerance"],
        instructions,
    }
}

/// A provider of language models: it is called, and calls nobody.
const fn model(vendor: &'static str, instructions: &'static str) -> IntegrationType {
    IntegrationType {
        api: &["apiKey"],
        settings: &["baseUrl", "model", "protocol"],
        ..of(vendor, "ai", &[], instructions)
    }
}

/// Every vendor that can be connected.
pub const TYPES: [IntegrationType; 29] = [
    model(
        "anthropic",
        "Console, API keys: create one and save it as the credential `apiKey`; name the model in the setting `model`.",
    ),
    of(
        "calendly",
        "other",
        &["signingKey", "secret"],
        "POST the address to `/webhook_subscriptions` of Calendly's API with a `signing_key` of your own, and save that key.",
    ),
    IntegrationType {
        public_keys: &["publicKey"],
        ..of(
            "discord",
            "social",
            &[],
            "Developer portal, your application, General Information: enter the address as Interactions Endpoint URL or under Webhooks, and save the Public Key.",
        )
    },
    of(
        "github",
        "other",
        &["webhookSecret", "secret"],
        "Repository or organisation, Settings, Webhooks, Add webhook: content type `application/json`, and a secret of your own.",
    ),
    of(
        "hubspot",
        "other",
        &["clientSecret", "secret"],
        "Your app, Webhooks: enter the address; save the Client secret of the app's Auth page.",
    ),
    of(
        "intercom",
        "other",
        &["clientSecret", "secret"],
        "Developer Hub, your app, Webhooks: enter the address; save the Client secret of Basic information.",
    ),
    of(
        "linkedin",
        "social",
        &["clientSecret", "secret"],
        "Developer portal, your app, Webhooks: enter the address; save the Primary Client Secret of the Auth page first, for the address is tried at once.",
    ),
    IntegrationType {
        settings: &["tolerance", "useParentSignature", "domain", "region"],
        ..of(
            "mailgun",
            "email",
            &["webhookSigningKey", "signingKey", "secret"],
            "Sending, Webhooks: enter the address for each event; save the HTTP webhook signing key of Settings, API security.",
        )
    },
    IntegrationType {
        api: &["apiKey"],
        settings: &["baseUrl"],
        ..of(
            "mcp",
            "tools",
            &[],
            "Any server of the Model Context Protocol over Streamable HTTP: save its address as the setting `baseUrl`, such as `https://tools.example.com/mcp`, and the token that it wants, if it wants one, as the credential `apiKey`. Its tools are `mcp.{name of the integration}.{name of the tool}`.",
        )
    },
    IntegrationType {
        settings: &["verifyToken", "objects"],
        ..of(
            "meta",
            "social",
            &["appSecret", "secret"],
            "App dashboard, Webhooks: enter the address and a verify token of your own; save the App secret of Settings, Basic, and the token as the setting `verifyToken`.",
        )
    },
    model(
        "openai",
        "Platform, API keys: create one and save it as the credential `apiKey`; name the model in the setting `model`. Whoever speaks as OpenAI does (Ollama, vLLM, llama.cpp) is reached by the setting `baseUrl`, such as `http://127.0.0.1:11434/v1`; `protocol` is `openai` or `openai-responses`.",
    ),
    IntegrationType {
        settings: &["webhookId", "sandbox", "tolerance"],
        ..of(
            "paypal",
            "payment",
            &[],
            "Developer dashboard, your app, Webhooks, Add webhook: enter the address; save the Webhook ID as the setting `webhookId`.",
        )
    },
    IntegrationType {
        settings: &["pathToken", "payloadField", "nonceField", "tagField"],
        ..of(
            "pinterest",
            "social",
            &["cryptographicKey", "secret"],
            "POST the address to `/ad_accounts/{id}/leads/subscriptions` with a `cryptographic_key` of your own, and save that key; let the address end with the setting `pathToken`.",
        )
    },
    of(
        "reddit",
        "social",
        &["secret"],
        "Let your Devvit app send what its triggers tell to the address, signed by Standard Webhooks.",
    ),
    of(
        "resend",
        "email",
        &["signingSecret", "secret"],
        "Webhooks, Add webhook: enter the address and choose the events; save the signing secret (`whsec_…`) that the webhook's page shows.",
    ),
    IntegrationType {
        public_keys: &["publicKey", "verificationKey"],
        ..of(
            "sendgrid",
            "email",
            &[],
            "Settings, Mail Settings, Event Webhook: enter the address, switch Signed Event Webhook on and save the Verification Key.",
        )
    },
    IntegrationType {
        settings: &["topicArns", "tolerance"],
        ..of(
            "ses-sns",
            "email",
            &[],
            "Simple Notification Service, your topic: save its ARN among the setting `topicArns` first, then create a subscription of protocol HTTPS with the address. It is confirmed by itself.",
        )
    },
    of(
        "shopify",
        "payment",
        &["clientSecret", "secret"],
        "Settings, Notifications, Webhooks: enter the address; save the secret that the page shows, or the app's Client secret.",
    ),
    of(
        "slack",
        "social",
        &["signingSecret", "secret"],
        "Your app, Event Subscriptions: enter the address as Request URL; save the Signing Secret of Basic Information first, for the address is tried at once.",
    ),
    IntegrationType {
        settings: &["tolerance", "signatureHeader", "timestampHeader"],
        ..of(
            "snapchat",
            "social",
            &["hmacSecret", "secret"],
            "POST the address to `/v1/lead_gen/integrations/public_webhook` and save the `hmacSecret` of the answer.",
        )
    },
    IntegrationType {
        public_keys: &["publicKey"],
        ..of(
            "standard-webhooks",
            "other",
            &["secret", "signingSecret"],
            "Register the address with the sender and save the secret that it shows (`whsec_…`), or its public key (`whpk_…`).",
        )
    },
    IntegrationType {
        settings: &["tolerance", "webhookId"],
        ..of(
            "stripe",
            "payment",
            &["webhookSecret", "signingSecret", "secret"],
            "Developers, Webhooks, Add endpoint: enter the address; save the Signing secret (`whsec_…`).",
        )
    },
    of(
        "telegram",
        "social",
        &["secretToken", "secret"],
        "Call `setWebhook` of the Bot API with the address and a `secret_token` of your own, and save that token.",
    ),
    of(
        "tiktok",
        "social",
        &["clientSecret", "secret"],
        "Developer portal, your app, Webhooks: enter the address; save the Client secret.",
    ),
    IntegrationType {
        settings: &["appKey"],
        ..of(
            "tiktok-shop",
            "payment",
            &["appSecret", "secret"],
            "Partner Center, your app, Webhooks: enter the address; save the App secret, and the App key as the setting `appKey`.",
        )
    },
    IntegrationType {
        settings: &["phoneNumber"],
        ..of(
            "twilio",
            "sms",
            &["authToken", "secret"],
            "Console, your number: enter the address for calls, messages and status; save the Auth Token of the account.",
        )
    },
    IntegrationType {
        settings: &["tolerance", "broadcasterId", "userId"],
        ..of(
            "twitch",
            "social",
            &["webhookSecret", "secret"],
            "POST to `/helix/eventsub/subscriptions` with the address as `callback` and a `secret` of your own of 10 to 100 characters, and save that secret first, for the address is tried at once.",
        )
    },
    of(
        "x",
        "social",
        &["consumerSecret", "secret"],
        "POST the address to `/2/webhooks`; save the app's Consumer secret first, for the address is tried at once.",
    ),
    of(
        "zendesk",
        "other",
        &["signingSecret", "secret"],
        "Admin Center, Apps and integrations, Webhooks: create one with the address; save the signing secret that it shows.",
    ),
];

/// What clients call a type: `stripe`, `StripeProvider` and `stripe-provider` are one, and so are the networks of a vendor.
#[must_use]
pub fn type_of(text: &str) -> Option<&'static IntegrationType> {
    let lower = text.trim().to_lowercase();
    let name = lower.strip_suffix("provider").unwrap_or(&lower).trim_end_matches(['-', '_']);
    let name = named(name).map_or(name, |vendor| vendor.name());
    TYPES.iter().find(|of| of.vendor == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendors::ALL;

    #[test]
    fn every_vendor_can_be_connected() {
        for vendor in ALL {
            assert!(type_of(vendor.name()).is_some(), "{}", vendor.name());
        }
        for of in &TYPES {
            let calls = named(of.vendor).is_some_and(|vendor| vendor.name() == of.vendor);
            assert_eq!(calls, !["ai", "tools"].contains(&of.category), "{}", of.vendor);
            assert!(
                !calls || !of.signs_with.is_empty() || !of.public_keys.is_empty() || of.settings.len() > 1,
                "{}",
                of.vendor
            );
        }
    }

    #[test]
    fn types_have_several_spellings() {
        for text in ["stripe", "Stripe", "StripeProvider", "stripe-provider", " STRIPE_PROVIDER "] {
            assert_eq!(type_of(text).map(|of| of.vendor), Some("stripe"), "{text}");
        }
        assert_eq!(type_of("facebook-provider").map(|of| of.vendor), Some("meta"));
        assert!(type_of("provider").is_none() && type_of("").is_none());
    }
}
