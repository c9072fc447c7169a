//! Which IP addresses a tenant may reach: everything that is globally reachable, and the subnets that
//! the operator lists. Pure. The resolver asks it about every answer, the URL check about every
//! literal.
//!
//! The ranges are those of IANA's special-purpose registries that are not globally reachable, and every
//! way to write an IPv4 address inside an IPv6 one. 2001::/23 and 192.0.0.0/24 are closed whole: the
//! few anycast addresses inside them that are global serve no webhook. A translator on a network's own
//! global prefix (RFC 6052 §2.2) cannot be told from any other address: an operator who runs one must
//! filter behind it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// What a closed range is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{}", self.words())]
pub enum Range {
    /// 0.0.0.0/8 and `::`.
    Unspecified,
    /// 127.0.0.0/8 and `::1`.
    Loopback,
    /// RFC 1918.
    Private,
    /// 100.64.0.0/10, between a provider and its customers.
    Shared,
    /// 169.254.0.0/16 and fe80::/10.
    LinkLocal,
    /// Where clouds hand credentials to their machines; one of these is a public address.
    Metadata,
    /// 192.0.0.0/24 and 2001::/23.
    Protocol,
    /// The addresses of examples.
    Documentation,
    /// 192.88.99.0/24 and 2002::/16.
    SixToFour,
    /// 198.18.0.0/15.
    Benchmarking,
    /// 224.0.0.0/4 and ff00::/8.
    Multicast,
    /// 255.255.255.255.
    Broadcast,
    /// 240.0.0.0/4, and what is outside of 2000::/3 and has no other name here.
    Reserved,
    /// fc00::/7.
    UniqueLocal,
    /// fec0::/10, deprecated and still routed by some.
    SiteLocal,
    /// `::a.b.c.d`, deprecated.
    Compatible,
    /// `::ffff:0:a.b.c.d`, RFC 2765.
    Translated,
    /// 64:ff9b:1::/48, RFC 8215.
    LocalTranslation,
    /// 2001::/32.
    Teredo,
    /// An interface identifier of RFC 5214 in any prefix: `…:0:5efe:a.b.c.d` or `…:200:5efe:a.b.c.d`.
    Isatap,
    /// 100::/64 and 100:0:0:1::/64.
    Discard,
    /// 5f00::/16.
    SegmentRouting,
}

impl Range {
    /// Its name, for the tenant who wrote such an address and for the operator's log.
    pub fn words(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::Shared => "carrier-grade NAT",
            Self::LinkLocal => "link-local",
            Self::Metadata => "cloud metadata",
            Self::Protocol => "protocol assignment",
            Self::Documentation => "documentation",
            Self::SixToFour => "6to4",
            Self::Benchmarking => "benchmarking",
            Self::Multicast => "multicast",
            Self::Broadcast => "broadcast",
            Self::Reserved => "reserved",
            Self::UniqueLocal => "unique local",
            Self::SiteLocal => "site-local",
            Self::Compatible => "IPv4-compatible",
            Self::Translated => "IPv4-translated",
            Self::LocalTranslation => "local translation",
            Self::Teredo => "Teredo",
            Self::Isatap => "ISATAP",
            Self::Discard => "discard only",
            Self::SegmentRouting => "segment routing",
        }
    }
}

/// The rule for one deployment.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    open: Vec<IpNet>,
}

impl Guard {
    /// `open` lists closed subnets that this deployment may reach all the same. An IPv4 subnet also
    /// opens the mapped spelling of its addresses, since that is the same address to dial, and no other
    /// spelling.
    pub fn new(open: Vec<IpNet>) -> Self {
        Self { open }
    }

    /// Whether the address may be dialled, and if not, why.
    pub fn check(&self, address: IpAddr) -> Result<(), Range> {
        let address = address.to_canonical();
        match classify(address) {
            Some(range) if !self.open.iter().any(|subnet| subnet.contains(&address)) => Err(range),
            _ => Ok(()),
        }
    }

    /// Whether any subnet was listed.
    pub fn opens_any(&self) -> bool {
        !self.open.is_empty()
    }
}

/// The closed range that holds the address; `None` means that it is open to everyone.
pub fn classify(address: IpAddr) -> Option<Range> {
    match address.to_canonical() {
        IpAddr::V4(address) => first(&CLOSED_V4, |subnet| subnet.contains(&address)),
        IpAddr::V6(address) => classify_v6(address),
    }
}

fn classify_v6(address: Ipv6Addr) -> Option<Range> {
    if let Some(inside) = behind_nat64(address) {
        return classify(inside.into());
    }
    if let Some(range) = first(&CLOSED_V6, |subnet| subnet.contains(&address)) {
        return Some(range);
    }
    let [high, _, _, _, flags, marker, _, _] = address.segments();
    // The two bits that may be set in `flags` are "universal" and "group" (RFC 5214 §6.1).
    if marker == 0x5efe && flags & !0x0300 == 0 {
        return Some(Range::Isatap);
    }
    (high >> 13 != 0b001).then_some(Range::Reserved)
}

/// 64:ff9b::/96 (RFC 6052): networks without IPv4 reach all of it there, so it is judged by the address
/// inside.
fn behind_nat64(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.octets() {
        [0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d] => Some(Ipv4Addr::new(a, b, c, d)),
        _ => None,
    }
}

fn first<N>(table: &[(N, Range)], holds: impl Fn(&N) -> bool) -> Option<Range> {
    table.iter().find(|(subnet, _)| holds(subnet)).map(|(_, range)| *range)
}

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits)
}

const fn v6(segments: [u16; 8], bits: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = segments;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), bits)
}

/// A narrower range stands before the wider one that holds it.
const CLOSED_V4: [(Ipv4Net, Range); 20] = [
    (v4(169, 254, 169, 254, 32), Range::Metadata),
    (v4(100, 100, 100, 200, 32), Range::Metadata),
    (v4(168, 63, 129, 16, 32), Range::Metadata),
    (v4(192, 0, 0, 192, 32), Range::Metadata),
    (v4(0, 0, 0, 0, 8), Range::Unspecified),
    (v4(10, 0, 0, 0, 8), Range::Private),
    (v4(100, 64, 0, 0, 10), Range::Shared),
    (v4(127, 0, 0, 0, 8), Range::Loopback),
    (v4(169, 254, 0, 0, 16), Range::LinkLocal),
    (v4(172, 16, 0, 0, 12), Range::Private),
    (v4(192, 0, 0, 0, 24), Range::Protocol),
    (v4(192, 0, 2, 0, 24), Range::Documentation),
    (v4(192, 88, 99, 0, 24), Range::SixToFour),
    (v4(192, 168, 0, 0, 16), Range::Private),
    (v4(198, 18, 0, 0, 15), Range::Benchmarking),
    (v4(198, 51, 100, 0, 24), Range::Documentation),
    (v4(203, 0, 113, 0, 24), Range::Documentation),
    (v4(224, 0, 0, 0, 4), Range::Multicast),
    (v4(255, 255, 255, 255, 32), Range::Broadcast),
    (v4(240, 0, 0, 0, 4), Range::Reserved),
];

const CLOSED_V6: [(Ipv6Net, Range); 19] = [
    (v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128), Range::Metadata),
    (v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128), Range::Metadata),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), Range::Unspecified),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), Range::Loopback),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 96), Range::Compatible),
    (v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96), Range::Translated),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), Range::LocalTranslation),
    (v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64), Range::Discard),
    (v6([0x100, 0, 0, 1, 0, 0, 0, 0], 64), Range::Discard),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32), Range::Teredo),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), Range::Protocol),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), Range::Documentation),
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), Range::SixToFour),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), Range::Documentation),
    (v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16), Range::SegmentRouting),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), Range::UniqueLocal),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), Range::LinkLocal),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), Range::SiteLocal),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), Range::Multicast),
];

#[cfg(test)]
mod tests;
