//! String formats that a schema may name.

use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

/// Whether a text has the format; `None` where the format says nothing of strings.
pub(super) fn holds(format: &str, text: &str) -> Option<bool> {
    let normal = format.replace('-', "");
    Some(match normal.as_str() {
        "datetime" => datetime(text),
        "date" => date(text),
        "duration" => crate::time::canonical_duration(text).is_ok(),
        "byte" => BASE64.decode(text).is_ok(),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "cidr" => cidr(text),
        "uuid" => uuid(text, None),
        "uuid3" => uuid(text, Some('3')),
        "uuid4" => uuid(text, Some('4')),
        "uuid5" => uuid(text, Some('5')),
        "hostname" => hostname(text),
        "email" => text.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty() && !host.is_empty() && !host.contains('@')
        }),
        "uri" => {
            text.starts_with('/')
                || text
                    .split_once(':')
                    .is_some_and(|(scheme, _)| scheme_holds(scheme))
        }
        "mac" => mac(text),
        "hexcolor" => {
            let digits = text.strip_prefix('#').unwrap_or(text);
            matches!(digits.len(), 3 | 6) && digits.bytes().all(|b| b.is_ascii_hexdigit())
        }
        "password" => true,
        _ => return None,
    })
}

fn scheme_holds(scheme: &str) -> bool {
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn date(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

fn datetime(text: &str) -> bool {
    // A date alone is a moment, too, for the library upstream uses.
    crate::time::canonical(text).is_ok() || date(text)
}

fn cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let bits = bits.parse::<u8>().ok();
    match address.parse() {
        Ok(std::net::IpAddr::V4(_)) => bits.is_some_and(|b| b <= 32),
        Ok(std::net::IpAddr::V6(_)) => bits.is_some_and(|b| b <= 128),
        Err(_) => false,
    }
}

fn uuid(text: &str, version: Option<char>) -> bool {
    let digits: Vec<char> = text.chars().filter(|c| *c != '-').collect();
    digits.len() == 32
        && digits.iter().all(char::is_ascii_hexdigit)
        && version.is_none_or(|v| digits[12] == v)
        && (version.is_none()
            || version == Some('3')
            || matches!(digits[16], '8' | '9' | 'a' | 'b' | 'A' | 'B'))
}

fn hostname(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 255
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

fn mac(text: &str) -> bool {
    let parts: Vec<&str> = text.split([':', '-']).collect();
    matches!(parts.len(), 6 | 8 | 20)
        && parts
            .iter()
            .all(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit()))
}
