use proptest::prelude::*;

use super::*;

/// The list as the registries have it, written down a second time as text: the tables above must agree
/// with it.
const CLOSED: [&str; 37] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "255.255.255.255/32",
    "::/128",
    "::1/128",
    "::/96",
    "::ffff:0:0:0/96",
    "64:ff9b:1::/48",
    "100::/64",
    "100:0:0:1::/64",
    "2001::/32",
    "2001::/23",
    "2001:2::/48",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "4000::/2",
    "8000::/1",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn closed() -> Vec<IpNet> {
    CLOSED.iter().map(|text| text.parse().unwrap()).collect()
}

fn ends(subnet: IpNet) -> [IpAddr; 2] {
    [subnet.network(), subnet.broadcast()]
}

/// An address of the subnet, with the host part out of these bits.
fn within(subnet: Ipv4Net, bits: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(subnet.network()) | (bits & u32::from(subnet.hostmask())))
}

/// Every spelling of an IPv4 address inside an IPv6 one that a stack or a gateway may unwrap.
fn spellings(inside: Ipv4Addr) -> [(Ipv6Addr, &'static str); 10] {
    let bits = u128::from(u32::from(inside));
    let at = |prefix: &str, shift: u32| {
        Ipv6Addr::from(u128::from(prefix.parse::<Ipv6Addr>().unwrap()) | (bits << shift))
    };
    [
        (at("::ffff:0:0", 0), "mapped"),
        (at("::", 0), "compatible"),
        (at("::ffff:0:0:0", 0), "translated"),
        (at("64:ff9b::", 0), "NAT64"),
        (at("64:ff9b:1::", 0), "local NAT64"),
        (at("2002::", 80), "6to4"),
        (at("2001::", 64), "Teredo server"),
        (Ipv6Addr::from(u128::from(at("2001::", 0)) ^ u128::from(u32::MAX)), "Teredo client"),
        (at("2606:4700::5efe:0:0", 0), "ISATAP"),
        (at("2606:4700::200:5efe:0:0", 0), "ISATAP universal"),
    ]
}

#[test]
fn the_ends_of_every_range_are_closed() {
    let guard = Guard::default();
    for subnet in closed() {
        for address in ends(subnet) {
            assert!(guard.check(address).is_err(), "{address} of {subnet}");
        }
    }
}

#[test]
fn what_lies_beside_a_range_is_open_unless_another_holds_it() {
    let list = closed();
    for text in CLOSED.iter().filter(|text| text.contains('.')) {
        let [first, last] = ends(text.parse().unwrap()).map(|end| match end {
            IpAddr::V4(end) => u32::from(end),
            IpAddr::V6(_) => unreachable!(),
        });
        for beside in [first.checked_sub(1), last.checked_add(1)].into_iter().flatten() {
            let beside = IpAddr::from(Ipv4Addr::from(beside));
            let held = list.iter().any(|subnet| subnet.contains(&beside));
            assert_eq!(classify(beside).is_some(), held, "{beside} beside {text}");
        }
    }
}

#[test]
fn each_range_has_its_reason() {
    for (text, range) in [
        ("0.0.0.0", Range::Unspecified),
        ("10.1.2.3", Range::Private),
        ("100.100.0.1", Range::Shared),
        ("127.0.0.1", Range::Loopback),
        ("169.254.1.1", Range::LinkLocal),
        ("169.254.169.254", Range::Metadata),
        ("100.100.100.200", Range::Metadata),
        ("168.63.129.16", Range::Metadata),
        ("192.0.0.192", Range::Metadata),
        ("192.0.0.9", Range::Protocol),
        ("192.0.2.1", Range::Documentation),
        ("192.88.99.1", Range::SixToFour),
        ("198.19.255.255", Range::Benchmarking),
        ("239.255.255.250", Range::Multicast),
        ("240.0.0.1", Range::Reserved),
        ("255.255.255.255", Range::Broadcast),
        ("::", Range::Unspecified),
        ("::1", Range::Loopback),
        ("::ffff:127.0.0.1", Range::Loopback),
        ("::127.0.0.1", Range::Compatible),
        ("::ffff:0:127.0.0.1", Range::Translated),
        ("64:ff9b::127.0.0.1", Range::Loopback),
        ("64:ff9b::169.254.169.254", Range::Metadata),
        ("64:ff9b:1::1", Range::LocalTranslation),
        ("64:ff9b::1:0:0", Range::Reserved),
        ("100::1", Range::Discard),
        ("100:0:0:1::", Range::Discard),
        ("2001:0:1::", Range::Teredo),
        ("2001:1::1", Range::Protocol),
        ("2001:db8::1", Range::Documentation),
        ("2002:7f00:1::", Range::SixToFour),
        ("3fff:fff::1", Range::Documentation),
        ("5f00::1", Range::SegmentRouting),
        ("fd00:ec2::254", Range::Metadata),
        ("fd20:ce::254", Range::Metadata),
        ("fd00::1", Range::UniqueLocal),
        ("fe80::1", Range::LinkLocal),
        ("fec0::1", Range::SiteLocal),
        ("ff02::1", Range::Multicast),
        ("2606:4700::5efe:8.8.8.8", Range::Isatap),
        ("2606:4700::300:5efe:8.8.8.8", Range::Isatap),
        ("4000::1", Range::Reserved),
        ("1::", Range::Reserved),
    ] {
        assert_eq!(classify(ip(text)), Some(range), "{text}");
    }
}

#[test]
fn the_public_internet_is_open() {
    for text in [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.255.255",
        "172.32.0.1",
        "192.0.1.1",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2001:4860:4860::8888",
        "2a00:1450::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2606:4700::400:5efe:8.8.8.8",
    ] {
        assert_eq!(classify(ip(text)), None, "{text}");
    }
}

#[test]
fn a_listed_subnet_opens_exactly_itself() {
    let guard = Guard::new(vec!["10.1.0.0/16".parse().unwrap(), "fd12::/16".parse().unwrap()]);
    for open in ["10.1.0.0", "10.1.255.255", "::ffff:10.1.2.3", "fd12::1", "8.8.8.8"] {
        assert_eq!(guard.check(ip(open)), Ok(()), "{open}");
    }
    for shut in [
        "10.0.255.255",
        "10.2.0.0",
        "127.0.0.1",
        "fd13::1",
        "::10.1.2.3",
        "64:ff9b::10.1.2.3",
        "2002:a01:203::",
    ] {
        assert!(guard.check(ip(shut)).is_err(), "{shut}");
    }
    assert!(guard.opens_any() && !Guard::default().opens_any());
}

#[test]
fn a_listed_spelling_opens_that_spelling() {
    let guard = Guard::new(vec!["64:ff9b::10.0.0.0/104".parse().unwrap()]);
    assert_eq!(guard.check(ip("64:ff9b::10.1.2.3")), Ok(()));
    assert_eq!(guard.check(ip("10.1.2.3")), Err(Range::Private));
}

proptest! {
    #[test]
    fn any_address_in_a_closed_range_is_closed_and_any_other_v4_is_open(bits: u32) {
        let address = IpAddr::from(Ipv4Addr::from(bits));
        let held = closed().iter().any(|subnet| subnet.contains(&address));
        prop_assert_eq!(classify(address).is_some(), held);
    }

    #[test]
    fn any_v6_is_closed_when_and_only_when_the_list_holds_it(high in 0u16..=0xffff, bits: u128) {
        let address = Ipv6Addr::from((u128::from(high) << 112) | (bits >> 16));
        let held = closed().iter().any(|subnet| subnet.contains(&IpAddr::from(address))) || high >> 13 == 0;
        prop_assume!(address.segments()[5] != 0x5efe);
        prop_assert_eq!(classify(address.into()).is_some(), held);
    }

    #[test]
    fn any_address_of_any_range_is_closed(index in 0..CLOSED.len(), bits: u128) {
        let subnet = closed()[index];
        let address = match subnet {
            IpNet::V4(subnet) => within(subnet, bits as u32).into(),
            IpNet::V6(subnet) => {
                let host = bits & u128::from(subnet.hostmask());
                IpAddr::from(Ipv6Addr::from(u128::from(subnet.network()) | host))
            }
        };
        prop_assert!(Guard::default().check(address).is_err(), "{address} of {subnet}");
    }

    #[test]
    fn no_spelling_hides_a_closed_v4(index in 0..17usize, bits: u32) {
        let IpNet::V4(subnet) = closed()[index] else { unreachable!() };
        for address in [within(subnet, bits), subnet.network(), subnet.broadcast()] {
            for (spelled, name) in spellings(address) {
                prop_assert!(Guard::default().check(spelled.into()).is_err(), "{} as {} {}", address, name, spelled);
            }
        }
    }

    #[test]
    fn only_the_mapped_and_the_nat64_spelling_are_open_for_an_open_v4(bits: u32) {
        let inside = Ipv4Addr::from(bits);
        prop_assume!(classify(inside.into()).is_none());
        for (spelled, name) in spellings(inside) {
            let open = matches!(name, "mapped" | "NAT64");
            prop_assert_eq!(classify(spelled.into()).is_none(), open, "{}", name);
        }
    }

    #[test]
    fn a_list_opens_only_what_it_holds(network: u32, bits in 0u8..=32, address: u32) {
        let subnet = IpNet::V4(Ipv4Net::new(Ipv4Addr::from(network), bits).unwrap());
        let address = IpAddr::from(Ipv4Addr::from(address));
        let expected = classify(address).is_none() || subnet.contains(&address);
        prop_assert_eq!(Guard::new(vec![subnet]).check(address).is_ok(), expected);
    }
}
