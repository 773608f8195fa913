//! URLs as Go's `url.ParseRequestURI` reads them, and Kubernetes' named string formats.

use std::collections::BTreeMap;
use std::fmt;

use super::Out;
use crate::eval::Run;
use crate::value::Value;

/// An absolute URL, or an absolute path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    text: String,
    pub(super) scheme: String,
    pub(super) host: String,
    path: String,
    raw_query: String,
}

impl Url {
    /// Reads a URL.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("parse {text:?}: {why}"));
        if text.bytes().any(|b| b < 0x20 || b == 0x7f) {
            return wrong("net/url: invalid control character in URL");
        }
        if text.is_empty() {
            return wrong("empty url");
        }
        let (scheme, rest) =
            match text.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c))) {
                Some(0) if text.starts_with(':') => return wrong("missing protocol scheme"),
                Some(at)
                    if at > 0
                        && text[at..].starts_with(':')
                        && text.starts_with(|c: char| c.is_ascii_alphabetic()) =>
                {
                    (text[..at].to_ascii_lowercase(), &text[at + 1..])
                }
                _ => (String::new(), text),
            };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        if !rest.starts_with('/') {
            if !scheme.is_empty() {
                return Ok(Self {
                    text: text.into(),
                    scheme,
                    host: String::new(),
                    path: String::new(),
                    raw_query: query.into(),
                });
            }
            return wrong("invalid URI for request");
        }
        let (host, path) = match rest.strip_prefix("//") {
            Some(authority) if !scheme.is_empty() => {
                let at = authority.find('/').unwrap_or(authority.len());
                authority.split_at(at)
            }
            _ => ("", rest),
        };
        let host = host.rsplit_once('@').map_or(host, |(_, h)| h);
        if host.contains(' ') {
            return wrong("invalid character \" \" in host name");
        }
        let port = host.rsplit_once(']').map_or_else(
            || host.split_once(':').map(|(_, p)| p),
            |(_, p)| p.strip_prefix(':'),
        );
        if port.is_some_and(|p| !p.bytes().all(|b| b.is_ascii_digit())) {
            return wrong(&format!(
                "invalid port \":{}\" after host",
                port.unwrap_or_default()
            ));
        }
        Ok(Self {
            text: text.into(),
            scheme,
            host: host.into(),
            path: path.into(),
            raw_query: query.into(),
        })
    }

    pub(super) fn hostname(&self) -> String {
        if let Some(rest) = self.host.strip_prefix('[') {
            return rest.split_once(']').map_or(rest, |(h, _)| h).to_owned();
        }
        self.host
            .split_once(':')
            .map_or(self.host.as_str(), |(h, _)| h)
            .to_owned()
    }

    pub(super) fn port(&self) -> String {
        let tail = self
            .host
            .rsplit_once(']')
            .map_or(self.host.as_str(), |(_, t)| t);
        tail.rsplit_once(':')
            .map(|(_, p)| p.to_owned())
            .unwrap_or_default()
    }

    pub(super) fn escaped_path(&self) -> String {
        let mut out = String::new();
        for b in self.path.bytes() {
            if b.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@%!'()*[]".contains(&b) {
                out.push(char::from(b));
            } else {
                out.push_str(&format!("%{b:02X}"));
            }
        }
        out
    }

    pub(super) fn query(&self) -> BTreeMap<String, Vec<String>> {
        let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for pair in self
            .raw_query
            .split('&')
            .filter(|p| !p.is_empty() && !p.contains(';'))
        {
            let (k, v) = pair.split_once('=').unwrap_or((pair, ""));
            if let (Some(k), Some(v)) = (unescape(k), unescape(v)) {
                out.entry(k).or_default().push(v);
            }
        }
        out
    }
}

fn unescape(s: &str) -> Option<String> {
    let mut out = Vec::new();
    let mut bytes = s.bytes();
    while let Some(b) = bytes.next() {
        match b {
            b'+' => out.push(b' '),
            b'%' => {
                let hex = [bytes.next()?, bytes.next()?];
                out.push(u8::from_str_radix(std::str::from_utf8(&hex).ok()?, 16).ok()?);
            }
            other => out.push(other),
        }
    }
    Some(String::from_utf8_lossy(&out).into_owned())
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const LABEL_1035: &str = "[a-z]([-a-z0-9]*[a-z0-9])?";
const QUALIFIED: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

/// `format.validate(text)`: nothing, or what is wrong.
pub(super) fn validate<'a>(_: &mut Run<'_, 'a>, format: &str, s: &str) -> Out<'a> {
    let prefix = format.ends_with("Prefix");
    let s = if prefix {
        s.strip_suffix('-')
            .map_or_else(|| s.to_owned(), |t| format!("{t}a"))
    } else {
        s.to_owned()
    };
    let matches = |pattern: &str| {
        super::regexes::compile(&format!("^(?:{pattern})$")).is_ok_and(|r| r.is_match(&s))
    };
    let bounded = |max: usize, pattern: &str| {
        let mut out = Vec::new();
        if s.len() > max {
            out.push(format!("must be no more than {max} characters"));
        }
        if !matches(pattern) {
            out.push(shape(format, pattern));
        }
        out
    };
    let one = |ok: bool| {
        if ok {
            vec![]
        } else {
            vec![format!("invalid {format}")]
        }
    };
    let problems = match format.trim_end_matches("Prefix") {
        "dns1123Label" => bounded(63, LABEL),
        "dns1123Subdomain" => bounded(253, &format!("{LABEL}(\\.{LABEL})*")),
        "dns1035Label" => bounded(63, LABEL_1035),
        "labelValue" => bounded(63, &format!("({QUALIFIED})?")),
        "qualifiedName" => {
            let name = s.rsplit_once('/').map_or(s.as_str(), |(_, n)| n);
            if name.len() > 63 {
                vec!["name part must be no more than 63 characters".into()]
            } else {
                one(matches(&format!("({LABEL}(\\.{LABEL})*/)?{QUALIFIED}")))
            }
        }
        "uri" => match Url::parse(&s) {
            Ok(_) => vec![],
            Err(why) => vec![why],
        },
        "uuid" => one(matches(
            "(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}",
        )),
        "byte" => one(super::encoders::decode(&s).is_some()),
        "date" => one(s.parse::<jiff::civil::Date>().is_ok()),
        _ => one(super::time::parse_timestamp(&s).is_some()),
    };
    let problems: Vec<Value<'a>> = problems.into_iter().map(Value::string).collect();
    Ok(if problems.is_empty() {
        Value::Optional(None)
    } else {
        Value::some(Value::list(problems))
    })
}

fn shape(format: &str, pattern: &str) -> String {
    let (what, example) = match format.trim_end_matches("Prefix") {
        "dns1123Label" => (
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
            "'my-name',  or '123-abc'",
        ),
        "dns1123Subdomain" => (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
            "'example.com'",
        ),
        "dns1035Label" => (
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
            "'my-name',  or 'abc-123'",
        ),
        _ => (
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
            "'MyValue',  or 'my_value',  or '12345'",
        ),
    };
    format!("{what} (e.g. {example}, regex used for validation is '{pattern}')")
}
