//! What most often lies behind a failed attempt, for whoever has to mend it. Pure.

/// The likely cause of an attempt's failure, and what to look at; none for a success.
#[must_use]
pub fn likely_cause(status: Option<u16>, class: Option<&str>) -> Option<&'static str> {
    if let Some(class) = class {
        return Some(match class {
            "refused" => "the url or a header is not allowed from here; the error says which rule",
            "dns" => "the host name is misspelled, has no address, or its name servers do not answer",
            "connect" => "nothing listens on that port, or a firewall is in the way",
            "tls" => {
                "the certificate does not fit the host name, has run out, or is signed by nobody trusted here"
            }
            "timed_out" => {
                "the receiver works before it answers; it should answer 2xx at once and work later"
            }
            "connection_closed" => "the receiver, or a proxy before it, restarted or closed the connection",
            "response_head_too_large" | "invalid_response" => {
                "what answers there is no HTTP server, or speaks another protocol"
            }
            "proxy" => "this server's own outbound proxy does not work; its operator has to look",
            "local" => "this server was short of sockets, memory or time; its operator has to look",
            _ => return None,
        });
    }
    Some(match status? {
        200..=299 => return None,
        300..=399 => "the receiver moved; set the endpoint's url to where it points",
        400 | 422 => {
            "the receiver does not like the body; look at its answer, and at the endpoint's template"
        }
        401 | 403 => {
            "the receiver wants a credential, or does not accept the signature; check its copy of the secret and the headers"
        }
        404 | 405 => "there is nothing at that path, or it takes no POST; check the url",
        408 | 504 => "the receiver, or a proxy before it, took too long",
        410 => "the receiver was switched off for good",
        413 => "the body is larger than the receiver takes; send less of it with a template",
        429 => "the receiver limits how often it is called; set the endpoint's rateLimit",
        502 | 503 => "the receiver is being deployed or is overloaded",
        500..=599 => "the receiver failed by itself; its own log says why",
        _ => "the receiver answered with something that is not 2xx",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_a_cause_and_no_success_has() {
        let failed = (300..600).all(|status| likely_cause(Some(status), None).is_some());
        assert!(failed && (200..300).all(|status| likely_cause(Some(status), None).is_none()));
        let classes = [
            "refused",
            "dns",
            "connect",
            "tls",
            "timed_out",
            "connection_closed",
            "response_head_too_large",
            "invalid_response",
            "proxy",
            "local",
        ];
        assert!(classes.iter().all(|class| likely_cause(None, Some(class)).is_some()));
        assert_eq!(likely_cause(None, None), None);
    }
}
