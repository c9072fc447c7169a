//! Vendors that call us. Each has a file of its own with two steps, both pure: [`verify`](Vendor::verify) says whether
//! a call is really theirs, over its raw bytes, and [`translate`](Vendor::translate) says what it means to us.
//!
//! Neither has a clock, a socket or a store: the time, the keys and the certificates are given. A certificate that is
//! not there yet is asked for with [`Stop::Needs`]; whoever fetches it asks again.
//!
//! | file | what |
//! |---|---|
//! | `call` | A call as it came: method, public address, headers, raw body |
//! | `keys` | What an organisation has set for a vendor: secrets, newest first, and what else its rules need |
//! | `verdict` | What came of a check: a call, a handshake with its answer, or why not |
//! | `told` | What a call means: events, deliveries, people |
//! | `captured` | Captured calls, as `appengine verify` reads them |
//! | `email` | Whose a call is that came to the address which the mail vendors share |
//! | `mac`, `elements`, `hub`, `age`, `certificate`, `multipart` | What several schemes have in common |

pub mod call;
pub mod captured;
pub mod certificate;
pub mod email;
pub mod keys;
pub mod told;
pub mod verdict;

mod age;
mod elements;
mod hub;
mod mac;
mod multipart;
#[cfg(test)]
pub(crate) mod testing;

mod calendly;
mod discord;
mod github;
mod hubspot;
mod intercom;
pub(crate) mod linkedin;
mod mailgun;
pub(crate) mod meta;
mod paypal;
mod pinterest;
pub(crate) mod reddit;
mod resend;
mod sendgrid;
mod ses;
mod ses_events;
mod shopify;
pub(crate) mod slack;
mod snapchat;
mod standard_webhooks;
mod stripe;
mod telegram;
pub(crate) mod tiktok;
mod tiktok_shop;
mod twilio;
mod twilio_events;
pub(crate) mod twitch;
pub(crate) mod x;
mod zendesk;

use appengine_actors::clock::Timestamp;

use self::call::Call;
use self::certificate::Trust;
use self::keys::Keys;
use self::told::Told;
use self::verdict::{Reply, Stop, Verified};

/// A vendor that calls us.
pub trait Vendor: Sync {
    /// Its name in addresses and in events: `stripe`.
    fn name(&self) -> &'static str;

    /// Whether the call is theirs: by the vendor's own rules, over the raw bytes, in constant time.
    ///
    /// # Errors
    /// Why it is not, or which certificate is needed first.
    fn verify(&self, call: &Call, keys: &Keys, around: &Around<'_>) -> Result<Verified, Stop>;

    /// What a call means that was found to be theirs; one that was encrypted is given in clear, as `verify` opened it. A
    /// kind that is not known means nothing.
    fn translate(&self, call: &Call) -> Vec<Told>;

    /// What the vendor is answered once its call is on the disk.
    fn reply(&self, _call: &Call) -> Reply {
        Reply::empty(200)
    }
}

/// What a check looks at besides the call and the keys.
pub struct Around<'a> {
    /// The present time.
    pub now: Timestamp,
    /// Certificates that vendors sign with.
    pub certificates: &'a dyn Certificates,
}

/// Certificates, by their address, and whom to trust.
pub trait Certificates: Sync {
    /// What is served there, if it was fetched: PEM text, as it came.
    fn served(&self, url: &str) -> Option<String>;
    /// Who may have issued it.
    fn trust(&self) -> &Trust;
}

/// Every vendor.
pub const ALL: [&dyn Vendor; 26] = [
    &calendly::Calendly,
    &discord::Discord,
    &github::GitHub,
    &hubspot::HubSpot,
    &intercom::Intercom,
    &linkedin::LinkedIn,
    &mailgun::Mailgun,
    &meta::Meta,
    &paypal::PayPal,
    &pinterest::Pinterest,
    &reddit::Reddit,
    &resend::Resend,
    &sendgrid::SendGrid,
    &ses::Ses,
    &shopify::Shopify,
    &slack::Slack,
    &snapchat::Snapchat,
    &standard_webhooks::StandardWebhooks,
    &stripe::Stripe,
    &telegram::Telegram,
    &tiktok::TikTok,
    &tiktok_shop::TikTokShop,
    &twilio::Twilio,
    &twitch::Twitch,
    &x::X,
    &zendesk::Zendesk,
];

/// Other names of vendors: of their networks, and of those who send by somebody's rules.
const ALIASES: [(&str, &str); 6] = [
    ("facebook", "meta"),
    ("instagram", "meta"),
    ("ses", "ses-sns"),
    ("svix", "standard-webhooks"),
    ("twitter", "x"),
    ("whatsapp", "meta"),
];

/// The vendor of a name.
#[must_use]
pub fn named(name: &str) -> Option<&'static dyn Vendor> {
    let name = ALIASES.into_iter().find(|(alias, _)| *alias == name).map_or(name, |(_, of)| of);
    ALL.into_iter().find(|vendor| vendor.name() == name)
}
