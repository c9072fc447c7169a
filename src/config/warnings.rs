//! Settings that are allowed, but that an operator should have chosen on purpose.
//! Nothing here refuses to start; `checks.rs` does.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::{Config, Durability, MailSecurity, Signup};

/// Where cloud machines hand out their credentials to whoever asks from inside.
const METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));

/// A risky setting or combination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The keys that together are the risk.
    pub keys: &'static [&'static str],
    /// What the risk is and how to remove it.
    pub text: &'static str,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.keys.join(", "), self.text)
    }
}

impl Config {
    /// What is allowed here but risky, for the log at start and for `check-config`.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let reachable = !self.server.listen.ip().is_loopback();
        let everywhere = |networks: &[IpNet]| networks.iter().any(|network| network.prefix_len() == 0);
        let risks: [(bool, &'static [&'static str], &'static str); 8] = [
            (
                reachable && self.auth.user_signup == Signup::Open,
                &["server.listen", "auth.user_signup"],
                "anyone who reaches this address can sign up as staff; set auth.user_signup to closed",
            ),
            (
                reachable && self.server.trusted_proxies.is_empty(),
                &["server.listen", "server.trusted_proxies"],
                "other machines are answered in plain HTTP; put a TLS proxy in front and name its network, \
                 or all of its callers share one rate limit",
            ),
            (
                self.server.listen.ip().is_unspecified() && self.server.public_url.is_none(),
                &["server.listen", "server.public_url"],
                "printed links name the loopback address, which works on this machine only",
            ),
            (
                everywhere(&self.server.trusted_proxies),
                &["server.trusted_proxies"],
                "every caller may claim any address, so limits by address do not hold",
            ),
            (
                self.webhooks.allow_networks.iter().any(|network| network.contains(&METADATA)),
                &["webhooks.allow_networks"],
                "webhooks may reach the cloud metadata address 169.254.169.254 and the credentials it hands out",
            ),
            (
                !self.mail.host.is_empty() && self.auth.user_signup == Signup::Open,
                &["mail.host", "auth.user_signup"],
                "anyone who signs up as staff can have mail sent to anybody; set auth.user_signup to closed",
            ),
            (
                !self.mail.user.is_empty() && self.mail.security == MailSecurity::None,
                &["mail.security", "mail.user"],
                "the password for the mail server can be read on its way there; set mail.security to starttls or tls",
            ),
            (
                self.store.durability == Durability::None,
                &["store.durability"],
                "what was acknowledged may be lost when the process ends",
            ),
        ];
        let taken = risks.into_iter().filter(|(taken, ..)| *taken);
        taken.map(|(_, keys, text)| Warning { keys, text }).collect()
    }
}
