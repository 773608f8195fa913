//! IP addresses and networks.

use std::fmt;
use std::net::IpAddr;

use super::Out;
use super::ext::Ext;
use crate::error::EvalError;
use crate::eval::Run;
use crate::value::Value;

/// An address with a prefix length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cidr {
    ip: IpAddr,
    bits: u8,
}

fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(v) => u128::from(v.to_bits()) << 96,
        IpAddr::V6(v) => v.to_bits(),
    }
}

impl Cidr {
    fn mask(&self) -> u128 {
        if self.bits == 0 {
            0
        } else {
            u128::MAX << (128 - u32::from(self.bits))
        }
    }

    fn holds(&self, ip: IpAddr) -> bool {
        self.ip.is_ipv4() == ip.is_ipv4() && bits(self.ip) & self.mask() == bits(ip) & self.mask()
    }

    fn masked(&self) -> Self {
        let network = bits(self.ip) & self.mask();
        let ip = match self.ip {
            IpAddr::V4(_) => IpAddr::V4(((network >> 96) as u32).into()),
            IpAddr::V6(_) => IpAddr::V6(network.into()),
        };
        Self {
            ip,
            bits: self.bits,
        }
    }

    fn parse(s: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            const FAILED: &str = "network address parse error during conversion from string: ";
            Err(format!("{FAILED}{FAILED}netip.ParsePrefix({s:?}): {why}"))
        };
        let Some((ip, len)) = s.rsplit_once('/') else {
            return wrong("no '/'");
        };
        let Ok(ip) = ip.parse::<IpAddr>() else {
            return wrong(&address_error(ip));
        };
        let max = if ip.is_ipv4() { 32 } else { 128 };
        let plain =
            len.bytes().all(|b| b.is_ascii_digit()) && (len.len() == 1 || !len.starts_with('0'));
        match len.parse::<u8>() {
            Ok(bits) if plain && bits <= max => Ok(Self { ip, bits }),
            Ok(_) if plain => wrong("prefix length out of range"),
            _ => wrong(&format!("bad bits after slash: {len:?}")),
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.bits)
    }
}

fn address_error(s: &str) -> String {
    let decimal =
        !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit() || b == b'.') && s.contains('.');
    let why = if decimal && s.split('.').count() < 4 && !s.contains("..") {
        "IPv4 address too short"
    } else {
        "unable to parse IP"
    };
    format!("ParseAddr({s:?}): {why}")
}

fn parse_ip(s: &str) -> Result<IpAddr, EvalError> {
    let ip: IpAddr = s.parse().map_err(|_| {
        EvalError::new(format!(
            "IP Address {s:?} parse error during conversion from string: {}",
            address_error(s)
        ))
    })?;
    match ip {
        IpAddr::V6(v) if v.to_ipv4_mapped().is_some() => Err(EvalError::new(format!(
            "IPv4-mapped IPv6 address {s:?} is not allowed"
        ))),
        ip => Ok(ip),
    }
}

pub(super) fn call<'a>(_: &mut Run<'_, 'a>, name: &str, args: &[Value<'a>]) -> Option<Out<'a>> {
    Some(match (name, args) {
        ("ip", [Value::String(s)]) => parse_ip(s).map(|ip| Value::ext(Ext::Ip(ip))),
        ("isIP", [Value::String(s)]) => Ok(Value::Bool(parse_ip(s).is_ok())),
        ("ip.isCanonical", [Value::String(s)]) => {
            parse_ip(s).map(|ip| Value::Bool(ip.to_string() == **s))
        }
        ("cidr", [Value::String(s)]) => Cidr::parse(s)
            .map(|c| Value::ext(Ext::Cidr(c)))
            .map_err(EvalError::new),
        ("isCIDR", [Value::String(s)]) => Ok(Value::Bool(Cidr::parse(s).is_ok())),
        (_, [Value::Ext(e), rest @ ..]) => match (&**e, rest) {
            (Ext::Ip(ip), []) => Ok(address(name, *ip)?),
            (Ext::Cidr(c), rest) => network(name, c, rest)?,
            _ => return None,
        },
        _ => return None,
    })
}

fn address<'a>(name: &str, ip: IpAddr) -> Option<Value<'a>> {
    let v6 = |f: fn(u128) -> bool| matches!(ip, IpAddr::V6(v) if f(v.to_bits()));
    Some(match name {
        "family" => Value::Int(if ip.is_ipv4() { 4 } else { 6 }),
        "isUnspecified" => Value::Bool(ip.is_unspecified()),
        "isLoopback" => Value::Bool(ip.is_loopback()),
        "isLinkLocalMulticast" => Value::Bool(match ip {
            IpAddr::V4(v) => v.octets()[..3] == [224, 0, 0],
            IpAddr::V6(_) => v6(|b| b >> 112 & 0xff0f == 0xff02),
        }),
        "isLinkLocalUnicast" => Value::Bool(match ip {
            IpAddr::V4(v) => v.is_link_local(),
            IpAddr::V6(_) => v6(|b| b >> 118 == 0xfe80 >> 6),
        }),
        "isGlobalUnicast" => Value::Bool(
            !(ip.is_unspecified()
                || ip.is_loopback()
                || ip.is_multicast()
                || matches!(ip, IpAddr::V4(v) if v.is_link_local() || v.is_broadcast())
                || v6(|b| b >> 118 == 0xfe80 >> 6)),
        ),
        _ => return None,
    })
}

fn network<'a>(name: &str, c: &Cidr, rest: &[Value<'a>]) -> Option<Out<'a>> {
    Some(match (name, rest) {
        ("ip", []) => Ok(Value::ext(Ext::Ip(c.ip))),
        ("masked", []) => Ok(Value::ext(Ext::Cidr(c.masked()))),
        ("prefixLength", []) => Ok(Value::Int(i64::from(c.bits))),
        ("containsIP", [Value::String(s)]) => parse_ip(s).map(|ip| Value::Bool(c.holds(ip))),
        ("containsCIDR", [Value::String(s)]) => Cidr::parse(s)
            .map(|o| Value::Bool(o.bits >= c.bits && c.holds(o.ip)))
            .map_err(EvalError::new),
        ("containsIP" | "containsCIDR", [Value::Ext(e)]) => match &**e {
            Ext::Ip(ip) => Ok(Value::Bool(c.holds(*ip))),
            Ext::Cidr(o) => Ok(Value::Bool(o.bits >= c.bits && c.holds(o.ip))),
            _ => return None,
        },
        _ => return None,
    })
}
