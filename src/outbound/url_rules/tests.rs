use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

fn strict() -> UrlRules {
    UrlRules::default()
}

fn lenient() -> UrlRules {
    UrlRules::new(Guard::new(vec!["10.0.0.0/8".parse().unwrap()]), true, vec![])
}

fn refusal(rules: &UrlRules, url: &str) -> Refused {
    rules.check(url).map(|url| url.to_string()).unwrap_err()
}

#[test]
fn ordinary_urls_pass_and_come_back_normalised() {
    for (text, expected) in [
        ("https://hooks.example.com/a?b=c", "https://hooks.example.com/a?b=c"),
        ("HTTPS://Hooks.Example.COM:443", "https://hooks.example.com/"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://a_b.example.com:8443/", "https://a_b.example.com:8443/"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://[2606:4700::1111]/", "https://[2606:4700::1111]/"),
    ] {
        assert_eq!(strict().check(text).unwrap().as_str(), expected);
    }
}

#[test]
fn the_scheme_is_https_unless_http_is_opened() {
    assert_eq!(refusal(&strict(), "http://example.com/"), Refused::Scheme { allowed: "https" });
    assert!(lenient().check("http://example.com/").is_ok());
    for url in [
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "data:text/plain,x",
        "ws://example.com",
    ] {
        assert_eq!(refusal(&lenient(), url), Refused::Scheme { allowed: "https or http" }, "{url}");
    }
}

#[test]
fn what_is_not_a_url_is_refused() {
    for url in [
        "",
        "example.com",
        "//example.com",
        "https://",
        "https://[fe80::1%25eth0]/",
        "https://a b/",
        "https://exa%mple.com/",
    ] {
        assert!(matches!(refusal(&strict(), url), Refused::Url(_)), "{url}");
    }
    let long = format!("https://example.com/{}", "a".repeat(MAX_URL));
    assert_eq!(refusal(&strict(), &long), Refused::UrlLength { found: MAX_URL + 20, max: MAX_URL });
}

#[test]
fn credentials_are_refused_in_every_form() {
    for url in [
        "https://u@example.com/",
        "https://u:p@example.com/",
        "https://:p@example.com/",
        "https://example.com@8.8.8.8/",
    ] {
        assert_eq!(refusal(&strict(), url), Refused::Userinfo, "{url}");
    }
}

#[test]
fn ports_of_other_protocols_are_shut_and_a_list_shuts_all_others() {
    for port in [0, 22, 25, 53, 465, 587, 6000, 6667, 10080] {
        assert_eq!(refusal(&strict(), &format!("https://example.com:{port}/")), Refused::Port(port));
    }
    for port in [80, 443, 8080, 8443, 65535] {
        assert!(strict().check(&format!("https://example.com:{port}/")).is_ok());
    }
    let listed = UrlRules::new(Guard::default(), true, vec![443]);
    assert!(listed.check("https://example.com/").is_ok());
    assert_eq!(refusal(&listed, "http://example.com/"), Refused::Port(80));
    assert_eq!(refusal(&listed, "https://example.com:8443/"), Refused::Port(8443));
    assert!(BAD_PORTS.is_sorted());
}

#[test]
fn a_closed_address_is_found_in_every_spelling() {
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "①②⑦.0.0.1",
        "127。0。0。1",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
    ] {
        assert_eq!(
            refusal(&strict(), &format!("https://{host}/")),
            Refused::Address { range: "loopback" },
            "{host}"
        );
    }
    assert_eq!(
        refusal(&strict(), "https://169.254.169.254/latest"),
        Refused::Address { range: "cloud metadata" }
    );
    assert_eq!(refusal(&strict(), "https://[fe80::1]/"), Refused::Address { range: "link-local" });
}

#[test]
fn a_listed_subnet_opens_its_literals() {
    assert!(lenient().check("http://10.1.2.3:8080/").is_ok());
    assert_eq!(refusal(&lenient(), "http://192.168.0.1/"), Refused::Address { range: "private" });
}

#[test]
fn local_names_need_an_open_subnet() {
    for host in [
        "localhost",
        "LOCALHOST",
        "foo.localhost",
        "metadata.google.internal",
        "backend",
        "db.corp",
        "printer.local",
        "nas.home.arpa",
        "ｌｏｃａｌｈｏｓｔ",
    ] {
        let url = format!("https://{host}/");
        assert_eq!(refusal(&strict(), &url), Refused::LocalName, "{host}");
        assert!(lenient().check(&url).is_ok(), "{host}");
    }
    assert!(strict().check("https://localhost.example.com/").is_ok());
}

#[test]
fn host_names_must_fit_public_dns() {
    for (host, error) in [
        ("example.com.", HostNameError::TrailingDot),
        ("localhost.", HostNameError::TrailingDot),
        ("a..example.com", HostNameError::Length),
        (".example.com", HostNameError::Length),
        ("exa!mple.com", HostNameError::Character),
        ("a$b.example.com", HostNameError::Character),
    ] {
        assert_eq!(refusal(&strict(), &format!("https://{host}/")), Refused::HostName(error), "{host}");
    }
    let label = "a".repeat(63);
    assert!(strict().check(&format!("https://{label}.example.com/")).is_ok());
    let long = refusal(&strict(), &format!("https://{label}a.example.com/"));
    assert!(matches!(long, Refused::HostName(HostNameError::Length) | Refused::Url(_)), "{long:?}");
}

/// Closed networks of every kind that an IPv4 address can be in, and all of the others.
const NETWORKS: [&str; 16] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "169.254.169.254/32",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "0.0.0.0/0",
];

/// An IPv4 address, in a closed network more often than not.
fn any_v4() -> impl Strategy<Value = Ipv4Addr> {
    (prop::sample::select(NETWORKS.to_vec()), any::<u32>()).prop_map(|(network, bits)| {
        let network: ipnet::Ipv4Net = network.parse().unwrap();
        Ipv4Addr::from(u32::from(network.network()) | (bits & u32::from(network.hostmask())))
    })
}

/// How one number of an address is written, and how its letters are.
#[derive(Debug, Clone, Copy)]
struct Way {
    radix: usize,
    zeros: usize,
    letters: usize,
}

fn any_way() -> impl Strategy<Value = Way> {
    (0..4usize, 0..4usize, 0..3usize).prop_map(|(radix, zeros, letters)| Way { radix, zeros, letters })
}

fn number(value: u32, way: Way) -> String {
    let zeros = "0".repeat(way.zeros);
    let text = match way.radix {
        0 => value.to_string(),
        1 => format!("0{zeros}{value:o}"),
        2 => format!("0x{zeros}{value:x}"),
        _ => format!("0X{zeros}{value:X}"),
    };
    text.chars().map(|letter| disguise(letter, way.letters)).collect()
}

/// The same letter to whoever normalises: as it is, percent-encoded, or full width.
fn disguise(letter: char, how: usize) -> String {
    match how {
        0 => letter.to_string(),
        1 => format!("%{:02x}", u32::from(letter)),
        _ => char::from_u32(u32::from(letter) + 0xfee0).unwrap().to_string(),
    }
}

/// `a.b.c.d`, `a.b.c`, `a.b` or `a`: the last number holds what the others left (inet_aton).
fn dotted(address: Ipv4Addr, numbers: usize, ways: [Way; 4], dot: &str) -> String {
    let octets = address.octets();
    let last = octets[numbers - 1..].iter().fold(0u32, |sum, octet| (sum << 8) | u32::from(*octet));
    let values = octets[..numbers - 1].iter().map(|octet| u32::from(*octet)).chain([last]);
    values.zip(ways).map(|(value, way)| number(value, way)).collect::<Vec<_>>().join(dot)
}

/// Every way to write an IPv6 address that a URL takes.
fn v6_texts(address: Ipv6Addr) -> [String; 5] {
    let groups = address.segments().map(|group| format!("{group:04x}"));
    let [.., a, b, c, d] = address.octets();
    let tail = format!("{}:{a}.{b}.{c}.{d}", groups[..6].join(":"));
    [
        address.to_string(),
        groups.join(":"),
        groups.join(":").to_uppercase(),
        tail.clone(),
        tail.to_uppercase(),
    ]
}

proptest! {
    #[test]
    fn no_spelling_of_a_v4_hides_what_it_is(
        address in any_v4(),
        numbers in 1..=4usize,
        ways in prop::array::uniform4(any_way()),
        dot in prop::sample::select(vec![".", "%2e", "%2E", "．", "。", "｡"]),
        end in prop::sample::select(vec!["", "."]),
    ) {
        let host = format!("{}{end}", dotted(address, numbers, ways, dot));
        let found = strict().check(&format!("https://{host}/"));
        let expected = super::super::guard::classify(address.into());
        match expected {
            None => {
                let host = found.map(|url| url.host_str().map(str::to_owned));
                prop_assert_eq!(host, Ok(Some(address.to_string())));
            }
            Some(range) => {
                prop_assert_eq!(found, Err(Refused::Address { range: range.words() }), "{}", host);
            }
        }
    }

    #[test]
    fn no_spelling_of_a_v4_inside_a_v6_hides_what_it_is(inside in any_v4(), host in any::<u128>()) {
        let bits = u128::from(u32::from(inside));
        let at = |prefix: &str, shift: u32| u128::from(prefix.parse::<Ipv6Addr>().unwrap()) | (bits << shift);
        for address in [
            at("::ffff:0:0", 0),
            at("::", 0),
            at("::ffff:0:0:0", 0),
            at("64:ff9b::", 0),
            at("64:ff9b:1::", 0),
            at("2002::", 80) | (host >> 48),
            at("2001::", 64) | (host >> 64),
            at("2001::", 0) ^ u128::from(u32::MAX),
            at("2606:4700::5efe:0:0", 0),
            at("2606:4700::200:5efe:0:0", 0),
        ].map(Ipv6Addr::from) {
            let expected = super::super::guard::classify(address.into());
            let closed = super::super::guard::classify(inside.into()).is_some();
            prop_assert!(!closed || expected.is_some(), "{address} holds {inside}");
            for text in v6_texts(address) {
                let found = strict().check(&format!("https://[{text}]:8443/"));
                match expected {
                    None => prop_assert!(found.is_ok(), "{text}"),
                    Some(range) => {
                        prop_assert_eq!(found, Err(Refused::Address { range: range.words() }), "{}", text);
                    }
                }
            }
        }
    }

    #[test]
    fn no_text_panics_and_what_passes_passes_again(text in "(https?://)?.{0,40}(:[0-9]{1,5})?/?") {
        if let Ok(url) = lenient().check(&text) {
            prop_assert_eq!(lenient().check(url.as_str()), Ok(url));
        }
    }

    #[test]
    fn no_path_or_query_panics(rest in ".{0,60}") {
        let url = lenient().check(&format!("https://example.com/{rest}"));
        prop_assert!(url.is_ok() || matches!(url, Err(Refused::Url(_))), "{url:?}");
    }

    #[test]
    fn any_number_as_a_host_is_judged_as_an_address(bits: u32) {
        let address = std::net::Ipv4Addr::from(bits);
        let open = super::super::guard::classify(address.into()).is_none();
        for host in [format!("{bits}"), format!("{bits:#x}"), format!("0{bits:o}"), address.to_string()] {
            prop_assert_eq!(strict().check(&format!("https://{host}/")).is_ok(), open, "{}", host);
        }
    }
}
