//! Requests of HTTP/1.1 (RFC 9112) and their answers, as bytes: one answer per connection.

use httparse::{EMPTY_HEADER, Error, Header, Status};

/// The longest request: its first line and its header fields.
pub(super) const LONGEST_REQUEST: usize = 8192;
/// The most header fields of a request; a scraper sends about eight.
const MOST_FIELDS: usize = 64;
/// The path of the metrics.
const PATH: &str = "/metrics";

/// The text format that an answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The older format of Prometheus, 0.0.4, for those who ask for `text/plain` only.
    Prometheus,
}

impl Format {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// Whether the answer has no body.
    pub(super) is_head: bool,
    /// The metrics in a format, or why not.
    pub(super) wanted: Result<Format, Refusal>,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Malformed,
    NotFound,
    Method,
    UriTooLong,
    FieldsTooLarge,
    Failed,
    Version,
}

impl Refusal {
    fn status(self) -> &'static str {
        match self {
            Self::Malformed => "400 Bad Request",
            Self::NotFound => "404 Not Found",
            Self::Method => "405 Method Not Allowed",
            Self::UriTooLong => "414 URI Too Long",
            Self::FieldsTooLarge => "431 Request Header Fields Too Large",
            Self::Failed => "500 Internal Server Error",
            Self::Version => "505 HTTP Version Not Supported",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::NotFound => "the metrics are at /metrics\n",
            Self::Method => "only GET and HEAD are answered\n",
            _ => "",
        }
    }
}

/// The request that the bytes begin with; `None` if it is not complete yet. What follows it, such as a
/// body or another request, is not looked at.
pub(super) fn parse(bytes: &[u8]) -> Option<Request> {
    let refuse = |why| {
        Some(Request {
            is_head: false,
            wanted: Err(why),
        })
    };
    let mut fields = [EMPTY_HEADER; MOST_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(bytes) {
        Ok(Status::Complete(_)) => {}
        Ok(Status::Partial) if bytes.len() < LONGEST_REQUEST => return None,
        Ok(Status::Partial) if bytes.contains(&b'\n') => return refuse(Refusal::FieldsTooLarge),
        Ok(Status::Partial) => return refuse(Refusal::UriTooLong),
        Err(Error::TooManyHeaders) => return refuse(Refusal::FieldsTooLarge),
        Err(Error::Version) => return refuse(Refusal::Version),
        Err(_) => return refuse(Refusal::Malformed),
    }
    let (method, target) = (
        request.method.unwrap_or_default(),
        request.path.unwrap_or_default(),
    );
    let hosts = of(request.headers, "host").count();
    // RFC 9112, section 3.2: exactly one in HTTP/1.1.
    if hosts > 1 || hosts == 0 && request.version == Some(1) {
        return refuse(Refusal::Malformed);
    }
    let wanted = match (method, path(target) == PATH) {
        ("GET" | "HEAD", true) => Ok(format(request.headers)),
        (_, true) => Err(Refusal::Method),
        (_, false) => Err(Refusal::NotFound),
    };
    Some(Request {
        is_head: method == "HEAD",
        wanted,
    })
}

/// The path of a request's target, which may be a whole URI (RFC 9112, section 3.2.2).
fn path(target: &str) -> &str {
    let path = match target.split_once("://") {
        Some(("http" | "https", rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        _ => target,
    };
    path.split('?').next().unwrap_or_default()
}

/// The values of a header field.
fn of<'a>(fields: &'a [Header<'a>], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let is_it = move |field: &&Header<'_>| field.name.eq_ignore_ascii_case(name);
    fields.iter().filter(is_it).map(|field| field.value)
}

/// OpenMetrics, unless the client accepts only the older format.
fn format(fields: &[Header<'_>]) -> Format {
    let accepts = |media: &str| {
        of(fields, "accept").any(|value| {
            let value = String::from_utf8_lossy(value).to_ascii_lowercase();
            value.contains(media)
        })
    };
    if accepts("text/plain") && !accepts("application/openmetrics-text") {
        Format::Prometheus
    } else {
        Format::OpenMetrics
    }
}

/// The head of the answer with the metrics.
pub(super) fn found(format: Format, length: usize) -> String {
    head("200 OK", format.content_type(), "", length)
}

/// The answer to a request that is refused, and its body.
pub(super) fn refused(why: Refusal) -> (String, &'static str) {
    let allow = match why {
        Refusal::Method => "Allow: GET, HEAD\r\n",
        _ => "",
    };
    let body = why.advice();
    let kind = "text/plain; charset=utf-8";
    (head(why.status(), kind, allow, body.len()), body)
}

fn head(status: &str, kind: &str, more: &str, length: usize) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nVary: Accept\r\n\
         X-Content-Type-Options: nosniff\r\n{more}Connection: close\r\n\r\n"
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_is_what_it_says() {
        let open = Ok(Format::OpenMetrics);
        for (text, wanted) in [
            ("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", open),
            ("GET /metrics HTTP/1.0\r\n\r\n", open),
            ("HEAD /metrics?a=b HTTP/1.1\nhost:x\n\n", open),
            ("GET http://x:9/metrics HTTP/1.1\r\nHost: x\r\n\r\n", open),
            (
                "GET http://x HTTP/1.1\r\nHost: x\r\n\r\n",
                Err(Refusal::NotFound),
            ),
            ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", Err(Refusal::NotFound)),
            (
                "GET /metrics/ HTTP/1.1\r\nHost: x\r\n\r\n",
                Err(Refusal::NotFound),
            ),
            (
                "POST /metrics HTTP/1.1\r\nHost: x\r\n\r\nbody",
                Err(Refusal::Method),
            ),
            (
                "POST /x HTTP/1.1\r\nHost: x\r\n\r\n",
                Err(Refusal::NotFound),
            ),
            ("GET /metrics HTTP/1.1\r\n\r\n", Err(Refusal::Malformed)),
            (
                "GET /metrics HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
                Err(Refusal::Malformed),
            ),
            (
                "GET /metrics HTTP/2.0\r\nHost: x\r\n\r\n",
                Err(Refusal::Version),
            ),
            ("GET /metrics\r\n\r\n", Err(Refusal::Malformed)),
            ("\x16\x03\x01\x02", Err(Refusal::Malformed)),
            (
                "GET /metrics HTTP/1.1\r\nHost : x\r\n\r\n",
                Err(Refusal::Malformed),
            ),
        ] {
            let request = parse(text.as_bytes()).unwrap_or_else(|| panic!("{text:?}"));
            assert_eq!(request.wanted, wanted, "{text:?}");
            assert_eq!(request.is_head, text.starts_with("HEAD"), "{text:?}");
        }
        for (accept, format) in [
            ("*/*", Format::OpenMetrics),
            ("text/plain", Format::Prometheus),
            (
                "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Format::Prometheus,
            ),
            (
                "application/openmetrics-text;version=1.0.0,text/plain;q=0.3",
                Format::OpenMetrics,
            ),
        ] {
            let text = format!("GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n\r\n");
            assert_eq!(
                parse(text.as_bytes()).unwrap().wanted,
                Ok(format),
                "{accept}"
            );
        }
    }

    #[test]
    fn a_request_that_is_too_long_is_refused_at_the_limit() {
        let line = [b"GET /".as_slice(), &[b'a'; LONGEST_REQUEST]].concat();
        let fields = [
            b"GET / HTTP/1.1\r\nA: ".as_slice(),
            &[b'a'; LONGEST_REQUEST],
        ]
        .concat();
        for (bytes, why) in [
            (line, Refusal::UriTooLong),
            (fields, Refusal::FieldsTooLarge),
        ] {
            assert_eq!(parse(&bytes[..LONGEST_REQUEST - 1]), None);
            assert_eq!(parse(&bytes[..LONGEST_REQUEST]).unwrap().wanted, Err(why));
        }
        let many = format!(
            "GET / HTTP/1.1\r\n{}\r\n",
            "a: b\r\n".repeat(MOST_FIELDS + 1)
        );
        let wanted = parse(many.as_bytes()).unwrap().wanted;
        assert_eq!(wanted, Err(Refusal::FieldsTooLarge));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered_at_the_limit(mut bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
            bytes.resize(LONGEST_REQUEST, b'x');
            prop_assert!(parse(&bytes).is_some());
        }

        /// However a request is cut into pieces, the whole is the first that is answered.
        #[test]
        fn a_part_of_a_request_is_not_one(cut in 0_usize..47) {
            let whole = b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n";
            prop_assert!(parse(&whole[..cut]).is_none());
            prop_assert!(parse(whole).is_some());
        }
    }
}
