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

proptest! {
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
