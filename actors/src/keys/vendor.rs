//! Keys of integrations with vendors, and of what vendors tell.

use sha2::{Digest, Sha256};

use super::Builder;
use crate::ids::{CallId, IntegrationId, OrgId};
use crate::store::Key;

const TABLE: u8 = b'V';

fn of(org: &OrgId, part: u8) -> Builder {
    Builder::of(org, TABLE).bytes(&[part])
}

/// An integration.
#[must_use]
pub fn integration(org: &OrgId, id: IntegrationId) -> Key {
    of(org, b'i').bytes(&id.to_bytes()).0
}

/// All integrations of an organisation, oldest first.
#[must_use]
pub fn integrations(org: &OrgId) -> Key {
    of(org, b'i').0
}

/// Whose an integration is.
#[must_use]
pub fn integration_org(id: IntegrationId) -> Key {
    Builder::system(b'i').bytes(&id.to_bytes()).0
}

/// Whose each integration is.
#[must_use]
pub fn integration_orgs() -> Key {
    Builder::system(b'i').0
}

/// The integration of a key of [`integration_org`].
#[must_use]
pub fn parse_integration_org(key: &[u8]) -> Option<IntegrationId> {
    let id = key.strip_prefix(integration_orgs().as_slice())?;
    id.try_into().ok().map(IntegrationId::from_bytes)
}

/// When an integration is read, and by which job.
#[must_use]
pub fn sync_head(org: &OrgId, integration: IntegrationId) -> Key {
    of(org, b'h').bytes(&integration.to_bytes()).0
}

/// How far a listing of an integration was read.
#[must_use]
pub fn sync_stream(org: &OrgId, integration: IntegrationId, stream: &str) -> Key {
    Builder(sync_streams(org, integration)).text(stream).0
}

/// How far the listings of an integration were read.
#[must_use]
pub fn sync_streams(org: &OrgId, integration: IntegrationId) -> Key {
    of(org, b'y').bytes(&integration.to_bytes()).0
}

/// A call.
#[must_use]
pub fn vendor_call(org: &OrgId, id: CallId) -> Key {
    of(org, b'c').bytes(&id.to_bytes()).0
}

/// All parts of a call's body, in their order.
#[must_use]
pub fn vendor_call_bodies(org: &OrgId, id: CallId) -> Key {
    of(org, b'b').bytes(&id.to_bytes()).0
}

/// A part of a call's body, by its number from 0.
#[must_use]
pub fn vendor_call_body(org: &OrgId, id: CallId, n: u32) -> Key {
    Builder(vendor_call_bodies(org, id)).bytes(&n.to_be_bytes()).0
}

/// All calls of an organisation, oldest first.
#[must_use]
pub fn vendor_calls(org: &OrgId) -> Key {
    of(org, b'c').0
}

/// Where it is remembered that a call came, by the vendor's own id of it, which has any length.
#[must_use]
pub fn vendor_call_seen(org: &OrgId, integration: IntegrationId, id: &str) -> Key {
    of(org, b's').bytes(&integration.to_bytes()).bytes(&Sha256::digest(id.as_bytes())).0
}

/// The idempotency key of one thing that a vendor told, by the vendor's own id of it.
#[must_use]
pub fn vendor_told(vendor: &str, integration: IntegrationId, kind: &str, id: &str, reading: u32) -> String {
    let id = Sha256::digest(id.as_bytes());
    let id = id.iter().fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"));
    format!("vendor/{vendor}/{integration}/{kind}/{id}/{reading}")
}

/// Who was made a contact because a call named them so.
#[must_use]
pub fn vendor_contact(org: &OrgId, by: &str) -> Key {
    of(org, b'n').text(by).0
}
