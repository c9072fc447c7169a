//! What people are told of a registration.

use serde::Serialize;

use super::plan::{Answer, Found};
use super::site::Site;
use crate::connect::types::type_of;

/// What came of registering an address.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Whether the vendor has the address now.
    pub registered: bool,
    /// The address.
    pub webhook_url: String,
    /// The vendor's id of it, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor_webhook_id: Option<String>,
    /// Why it was not registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How people do it by hand, where we have not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<&'static str>,
    /// What was looked at, and what was found.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What.
    pub check: String,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What the vendor has of our address.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// The vendor.
    pub vendor: String,
    /// The address.
    pub webhook_url: String,
    /// Whether the vendor has it; unknown where it cannot be asked.
    pub registered: Option<bool>,
    /// Whether the vendor calls it.
    pub enabled: Option<bool>,
    /// For which events, in the vendor's words.
    pub events: Vec<String>,
    /// Each time that it is registered.
    pub registrations: Vec<Registration>,
    /// Why that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How people look by themselves, where we cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<&'static str>,
}

/// One registration of our address.
#[derive(Debug, Clone, Serialize)]
pub struct Registration {
    /// The vendor's id of it.
    pub id: String,
    /// Whether the vendor calls it.
    pub enabled: bool,
    /// For which events.
    pub events: Vec<String>,
}

/// Whether a vendor takes the credentials.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Credited {
    /// The vendor.
    pub vendor: String,
    /// Whether it does; unknown where it cannot be asked.
    pub ok: Option<bool>,
    /// Whose they are, where the vendor says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What came of taking our address away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Removal {
    /// Whether the vendor had it and has it no more.
    pub unregistered: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// How people register an address of a vendor by hand.
pub fn instructions(vendor: &str) -> Option<&'static str> {
    type_of(vendor).map(|of| of.instructions)
}

/// That a vendor's interface is not called here.
pub fn no_interface(vendor: &str) -> String {
    format!("call an interface of {vendor}: it has none for this, or none that is known here")
}

impl Report {
    /// Nothing was registered.
    pub fn failed(site: &Site, vendor: &str, check: &str, why: String) -> Self {
        let checks = vec![Check::failed(check, why.clone())];
        let webhook_url = site.address.clone();
        let instructions = instructions(vendor);
        Self { webhook_url, why: Some(format!("failed to {why}")), instructions, checks, ..Self::default() }
    }
}

impl Check {
    /// Something is as it should be.
    pub fn passed(check: impl Into<String>, message: Option<String>) -> Self {
        Self { check: check.into(), ok: true, message }
    }

    /// Something is not.
    pub fn failed(check: impl Into<String>, message: impl Into<String>) -> Self {
        Self { check: check.into(), ok: false, message: Some(message.into()) }
    }

    /// Whether a vendor can call the address at all.
    pub fn of_address(address: &str) -> Self {
        if address.starts_with("https://") {
            return Self::passed("address", None);
        }
        Self::failed(
            "address",
            "vendors call https addresses only; set `server.public_url`, or the setting `url`",
        )
    }

    /// What came of each part.
    pub fn of_parts(done: &[Answer]) -> Vec<Self> {
        let check = |done: &Answer| {
            let part = done.part.clone()?;
            Some(match &done.failure {
                None => Self::passed(part, None),
                Some(why) => Self::failed(part, format!("failed to {why}")),
            })
        };
        done.iter().filter_map(check).collect()
    }

    /// What the vendor says when it is asked again.
    pub fn of_found(found: &[Found]) -> Vec<Self> {
        let ours: Vec<_> = found.iter().filter(|found| found.is_ours).collect();
        if ours.is_empty() {
            return vec![Self::failed(
                "registered",
                "the vendor does not list the address; look again in a while",
            )];
        }
        let mut events: Vec<_> = ours.iter().flat_map(|found| found.events.iter().cloned()).collect();
        events.sort();
        events.dedup();
        let waiting = ours.iter().filter(|found| !found.is_enabled).count();
        vec![
            Self::passed("registered", None),
            match waiting {
                0 => Self::passed("enabled", None),
                _ => Self::failed(
                    "enabled",
                    "the vendor has not confirmed the address yet, or has switched it off",
                ),
            },
            Self::passed("events", Some(events.join(", "))),
        ]
    }
}

impl Standing {
    /// What was found of our address.
    pub fn of(vendor: &str, site: &Site, found: &[Found]) -> Self {
        let ours: Vec<_> = found.iter().filter(|found| found.is_ours).collect();
        let mut events: Vec<_> = ours.iter().flat_map(|found| found.events.iter().cloned()).collect();
        events.sort();
        events.dedup();
        let of = |found: &&Found| Registration {
            id: found.id.clone(),
            enabled: found.is_enabled,
            events: found.events.clone(),
        };
        Self {
            vendor: vendor.to_owned(),
            webhook_url: site.address.clone(),
            registered: Some(!ours.is_empty()),
            enabled: Some(ours.iter().any(|found| found.is_enabled)),
            events,
            registrations: ours.iter().map(of).collect(),
            why: None,
            instructions: ours.is_empty().then(|| instructions(vendor)).flatten(),
        }
    }

    /// It is not known.
    pub fn unknown(vendor: &str, site: &Site, why: &str) -> Self {
        Self {
            vendor: vendor.to_owned(),
            webhook_url: site.address.clone(),
            why: Some(format!("failed to {why}")),
            instructions: instructions(vendor),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_vendor_does_not_list_or_call_is_told() {
        let of = |is_enabled: bool| Found {
            is_ours: true,
            is_enabled,
            events: vec!["b".to_owned(), "a".to_owned()],
            ..Found::default()
        };
        let told = |found: &[Found]| -> Vec<_> {
            Check::of_found(found).into_iter().map(|check| (check.check, check.ok)).collect()
        };
        let one = |check: &str, ok: bool| (check.to_owned(), ok);
        assert_eq!(told(&[Found::default()]), [one("registered", false)]);
        assert_eq!(told(&[of(true)]), [one("registered", true), one("enabled", true), one("events", true)]);
        assert_eq!(told(&[of(true), of(false)])[1], one("enabled", false));
        assert_eq!(Check::of_found(&[of(true)])[2].message.as_deref(), Some("a, b"));
        assert!(Check::of_address("https://a").ok && !Check::of_address("http://a").ok);
    }
}
