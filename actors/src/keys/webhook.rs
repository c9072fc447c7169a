//! Keys of deliveries, of endpoints and what they are owed in order, and of replays.

use super::Builder;
use super::system::text_of;
use crate::ids::{DeliveryId, EndpointId, OrgId, ReplayId};
use crate::store::Key;

/// A delivery.
#[must_use]
pub fn delivery(org: &OrgId, id: DeliveryId) -> Key {
    Builder::of(org, b'd').bytes(&id.to_bytes()).0
}

/// All deliveries of an organisation, oldest first.
#[must_use]
pub fn deliveries(org: &OrgId) -> Key {
    Builder::of(org, b'd').0
}

/// All attempts of a delivery, in order.
#[must_use]
pub fn attempts(org: &OrgId, delivery: DeliveryId) -> Key {
    Builder::of(org, b't').bytes(&delivery.to_bytes()).0
}

/// The `n`-th attempt of a delivery.
#[must_use]
pub fn attempt(org: &OrgId, delivery: DeliveryId, n: u32) -> Key {
    Builder(attempts(org, delivery)).bytes(&n.to_be_bytes()).0
}

/// A webhook endpoint.
#[must_use]
pub fn endpoint(org: &OrgId, id: EndpointId) -> Key {
    Builder::of(org, b'w').bytes(&id.to_bytes()).0
}

/// All webhook endpoints of an organisation, oldest first.
#[must_use]
pub fn endpoints(org: &OrgId) -> Key {
    Builder::of(org, b'w').0
}

/// All deliveries to an endpoint, oldest first.
#[must_use]
pub fn deliveries_of(org: &OrgId, endpoint: EndpointId) -> Key {
    Builder::of(org, b'b').bytes(&endpoint.to_bytes()).0
}

/// One delivery's place among those to its endpoint.
#[must_use]
pub fn delivery_of(org: &OrgId, endpoint: EndpointId, id: DeliveryId) -> Key {
    Builder(deliveries_of(org, endpoint)).bytes(&id.to_bytes()).0
}

/// A replay.
#[must_use]
pub fn replay(org: &OrgId, id: ReplayId) -> Key {
    Builder::of(org, b'y').bytes(&id.to_bytes()).0
}

/// All replays of an organisation, oldest first.
#[must_use]
pub fn replays(org: &OrgId) -> Key {
    Builder::of(org, b'y').0
}

/// Deliveries that keep an order, by line.
#[must_use]
pub fn lines_of(destination: &str) -> Key {
    Builder::system(b'l').text(destination).0
}

/// Those of one line, in their order.
#[must_use]
pub fn deliveries_in_line(destination: &str, line: &str) -> Key {
    Builder(lines_of(destination)).text(line).0
}

/// One delivery's place in a line.
#[must_use]
pub fn delivery_in_line(destination: &str, line: &str, (stamp, n): (u64, u32), id: DeliveryId) -> Key {
    Builder(deliveries_in_line(destination, line))
        .number(stamp)
        .bytes(&n.to_be_bytes())
        .bytes(&id.to_bytes())
        .0
}

/// The line that a key under [`lines_of`] a destination stands in.
#[must_use]
pub fn parse_line(destination: &str, key: &[u8]) -> Option<String> {
    text_of(key.strip_prefix(lines_of(destination).as_slice())?).map(|(line, _)| line)
}

/// The place in its line, and the delivery, that such a key names.
#[must_use]
pub fn parse_in_line(key: &[u8]) -> Option<((u64, u32), DeliveryId)> {
    let (rest, id) = key.split_last_chunk::<16>()?;
    let (rest, n) = rest.split_last_chunk::<4>()?;
    let stamp = rest.last_chunk::<8>()?;
    Some(((u64::from_be_bytes(*stamp), u32::from_be_bytes(*n)), DeliveryId::from_bytes(*id)))
}

/// A replay that goes on: whose it is.
#[must_use]
pub fn replaying(id: ReplayId) -> Key {
    Builder(all_replaying()).bytes(&id.to_bytes()).0
}

/// All replays that go on.
#[must_use]
pub fn all_replaying() -> Key {
    Builder::system(b'r').0
}

/// The replay that such a key names.
#[must_use]
pub fn parse_replaying(key: &[u8]) -> Option<ReplayId> {
    key.last_chunk::<16>().map(|bytes| ReplayId::from_bytes(*bytes))
}
