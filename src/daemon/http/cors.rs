//! CORS (Fetch standard): which pages may read the answers.

use std::fmt;

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request};

/// Seconds for which browsers may cache a preflight's answer; their own limit is two hours.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");
const ANY: HeaderValue = HeaderValue::from_static("*");
const METHODS: HeaderValue = HeaderValue::from_static(pacingd::answer::METHODS);
/// Headers that pages may read besides the safelisted ones.
const EXPOSED: HeaderValue = HeaderValue::from_static("date, retry-after");
const VARY: HeaderValue = HeaderValue::from_static("origin, access-control-request-headers");

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AllowedOrigins {
    Any,
    Listed(Vec<Origin>),
}

/// An origin as browsers write it: scheme, host and a port that is not the default, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin(String);

impl Origin {
    /// `None`: browsers do not write origins so, and it would never match.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let port = authority.rsplit_once(':').filter(|(_, port)| !port.contains(']')).map(|(_, port)| port);
        let default_port = match scheme {
            "http" => "80",
            "https" => "443",
            _ => return None,
        };
        let is_written_so = !authority.is_empty()
            && authority
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b':' | b'[' | b']'))
            && port.is_none_or(|port| port != default_port && port.parse::<u16>().is_ok());
        is_written_so.then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Inserts the headers that allow the page of `request` to read the answer.
pub(crate) fn grant<B>(allowed: &AllowedOrigins, request: &Request<B>, answer: &mut HeaderMap) {
    let asked = request.headers();
    let origin = || asked.get(header::ORIGIN);
    let granted = match allowed {
        AllowedOrigins::Any => origin().map(|_| ANY),
        AllowedOrigins::Listed(list) if list.is_empty() => None,
        AllowedOrigins::Listed(list) => {
            // Also for other origins, or caches would serve their answers to listed ones.
            answer.insert(header::VARY, VARY);
            origin().filter(|origin| list.iter().any(|listed| listed.0.as_bytes() == origin.as_bytes())).cloned()
        }
    };
    let Some(granted) = granted else { return };
    answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, granted);
    let is_preflight = request.method() == Method::OPTIONS && asked.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if !is_preflight {
        answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        return;
    }
    answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    answer.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    if let Some(names) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        // All headers are allowed: none changes the answer.
        answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed() -> AllowedOrigins {
        AllowedOrigins::Listed(vec![Origin::new("https://shop.example").unwrap()])
    }

    fn answer(allowed: &AllowedOrigins, method: Method, fields: &[(&str, &str)]) -> HeaderMap {
        let mut request = Request::builder().method(method);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let mut headers = HeaderMap::new();
        grant(allowed, &request.body(()).unwrap(), &mut headers);
        headers
    }

    #[test]
    fn a_listed_origin_may_read_and_an_unlisted_one_may_not() {
        let headers = answer(&listed(), Method::GET, &[("origin", "https://shop.example")]);
        assert_eq!(headers["access-control-allow-origin"], "https://shop.example");
        assert!(headers["vary"].to_str().unwrap().contains("origin"));
        for other in ["https://shop.example.evil", "http://shop.example", "https://SHOP.example", "null", "*"] {
            let headers = answer(&listed(), Method::GET, &[("origin", other)]);
            assert_eq!(headers.get("access-control-allow-origin"), None, "{other}");
            assert!(headers.contains_key("vary"), "{other}");
        }
    }

    #[test]
    fn any_origin_is_allowed_by_a_star_without_vary() {
        let headers = answer(&AllowedOrigins::Any, Method::GET, &[("origin", "http://anywhere:8000")]);
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert_eq!(headers.get("vary"), None);
        assert!(answer(&AllowedOrigins::Any, Method::GET, &[]).is_empty());
        assert!(answer(&AllowedOrigins::Listed(Vec::new()), Method::GET, &[("origin", "http://a")]).is_empty());
    }

    #[test]
    fn a_preflight_is_answered_with_methods_and_headers() {
        let fields = [
            ("origin", "https://shop.example"),
            ("access-control-request-method", "GET"),
            ("access-control-request-headers", "x-requested-with"),
        ];
        let headers = answer(&listed(), Method::OPTIONS, &fields);
        assert_eq!(headers["access-control-allow-methods"], "GET, HEAD, OPTIONS");
        assert_eq!(headers["access-control-allow-headers"], "x-requested-with");
        assert_eq!(headers["access-control-max-age"], "7200");
    }

    #[test]
    fn an_origin_is_taken_only_as_browsers_write_it() {
        for good in
            ["https://shop.example", "http://localhost:8000", "http://[::1]:8000", "https://[::1]", "http://a:443"]
        {
            assert!(Origin::new(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "shop.example",
            "https://",
            "https://Shop.example",
            "https://a/",
            "https://a:443",
            "http://a:80",
            "http://a:x",
            "null",
            "ftp://a",
            "https://a b",
        ] {
            assert!(Origin::new(bad).is_none(), "{bad}");
        }
    }
}
