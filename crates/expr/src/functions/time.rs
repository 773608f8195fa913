//! Timestamps and durations.

use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};

use super::Out;
use super::convert::{no_conversion, not_from};
use crate::error::EvalError;
use crate::eval::Run;
use crate::value::Value;

const TIMESTAMP: &str = "google.protobuf.Timestamp";
const DURATION: &str = "google.protobuf.Duration";
const UNITS: [(&str, f64); 8] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 6e10),
    ("h", 3.6e12),
];

/// Whether a timestamp lies in the years CEL knows.
pub(super) fn in_range(t: &Timestamp) -> bool {
    (-62_135_596_800..=253_402_300_799).contains(
        &t.as_nanosecond()
            .div_euclid(1_000_000_000)
            .try_into()
            .unwrap_or(i64::MAX),
    )
}

/// RFC 3339, strictly.
pub(crate) fn parse_timestamp(s: &str) -> Option<Timestamp> {
    let b = s.as_bytes();
    let strict = b.len() >= 20
        && b[4] == b'-'
        && b[7] == b'-'
        && b[10] == b'T'
        && b[13] == b':'
        && b[16] == b':';
    let zone = s.ends_with('Z')
        || b.len() > 6 && matches!(b[b.len() - 6], b'+' | b'-') && b[b.len() - 3] == b':';
    if !strict || !zone || b[17] == b'6' || s.contains('[') {
        return None;
    }
    s.parse::<Timestamp>().ok().filter(in_range)
}

/// A duration as Go's `time.ParseDuration` reads it, in nanoseconds.
pub(crate) fn parse_duration(s: &str) -> Option<i64> {
    let (negative, mut rest) = match s.strip_prefix(['-', '+']) {
        Some(rest) => (s.starts_with('-'), rest),
        None => (false, s),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(end);
        let unit_end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, next) = tail.split_at(unit_end);
        let (_, scale) = UNITS.iter().find(|(u, _)| *u == unit)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
            return None;
        }
        let whole: i128 = if whole.is_empty() {
            0
        } else {
            whole.parse().ok()?
        };
        let scale_int = *scale as i128;
        total = total.checked_add(whole.checked_mul(scale_int)?)?;
        let mut place = scale_int;
        let mut part: i128 = 0;
        let mut divisor: i128 = 1;
        for c in fraction.chars().take(18) {
            divisor *= 10;
            part = part * 10 + i128::from(c.to_digit(10)?);
        }
        place *= part;
        total += place / divisor;
        rest = next;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

/// A timestamp as RFC 3339 with the digits it needs.
pub(crate) fn rfc3339(t: Timestamp) -> String {
    t.to_string()
}

/// A duration in seconds, as `string(duration)` prints it.
pub(crate) fn go_seconds(nanos: i64) -> String {
    format!("{}s", nanos as f64 / 1e9)
}

pub(super) fn call<'a>(_: &mut Run<'_, 'a>, name: &str, args: &[Value<'a>]) -> Option<Out<'a>> {
    Some(match (name, args) {
        ("timestamp", [v]) => timestamp(v),
        ("duration", [v]) => duration(v),
        (_, [Value::Duration(d)]) => Ok(Value::Int(match name {
            "getHours" => d / 3_600_000_000_000,
            "getMinutes" => d / 60_000_000_000,
            "getSeconds" => d / 1_000_000_000,
            "getMilliseconds" => d / 1_000_000,
            _ => return None,
        })),
        (_, [Value::Timestamp(t)]) => part(name, &t.to_zoned(TimeZone::UTC))?,
        (_, [Value::Timestamp(t), Value::String(zone)]) => match time_zone(zone) {
            Ok(zone) => part(name, &t.to_zoned(zone))?,
            Err(e) => Err(e),
        },
        _ => return None,
    })
}

fn timestamp<'a>(v: &Value<'a>) -> Out<'a> {
    match v {
        Value::Timestamp(t) => Ok(Value::Timestamp(*t)),
        Value::String(s) => parse_timestamp(s)
            .map(Value::Timestamp)
            .ok_or_else(|| no_conversion("string", TIMESTAMP)),
        Value::Int(i) => {
            let t = Timestamp::from_second(*i).ok().filter(in_range);
            t.map(Value::Timestamp)
                .ok_or_else(|| EvalError::new("timestamp overflow"))
        }
        other => Err(not_from(other, "timestamp")),
    }
}

fn duration<'a>(v: &Value<'a>) -> Out<'a> {
    match v {
        Value::Duration(d) | Value::Int(d) => Ok(Value::Duration(*d)),
        Value::String(s) => parse_duration(s)
            .map(Value::Duration)
            .ok_or_else(|| no_conversion("string", DURATION)),
        other => Err(not_from(other, "duration")),
    }
}

fn time_zone(name: &str) -> Result<TimeZone, EvalError> {
    if matches!(name, "UTC" | "") {
        return Ok(TimeZone::UTC);
    }
    let unknown = || EvalError::new(format!("unknown time zone {name}"));
    let Some((hours, minutes)) = name.split_once(':') else {
        return TimeZone::get(name).map_err(|_| unknown());
    };
    let bad =
        |part: &str| EvalError::new(format!("strconv.Atoi: parsing \"{part}\": invalid syntax"));
    let h: i32 = hours.parse().map_err(|_| bad(hours))?;
    let m: i32 = minutes.parse().map_err(|_| bad(minutes))?;
    let total = if name.starts_with('-') {
        h * 60 - m
    } else {
        h * 60 + m
    };
    Offset::from_seconds(total.saturating_mul(60))
        .map(TimeZone::fixed)
        .map_err(|_| unknown())
}

fn part<'a>(name: &str, z: &Zoned) -> Option<Out<'a>> {
    Some(Ok(Value::Int(match name {
        "getFullYear" => i64::from(z.year()),
        "getMonth" => i64::from(z.month()) - 1,
        "getDayOfYear" => i64::from(z.day_of_year()) - 1,
        "getDayOfMonth" => i64::from(z.day()) - 1,
        "getDate" => i64::from(z.day()),
        "getDayOfWeek" => i64::from(z.weekday().to_sunday_zero_offset()),
        "getHours" => i64::from(z.hour()),
        "getMinutes" => i64::from(z.minute()),
        "getSeconds" => i64::from(z.second()),
        "getMilliseconds" => i64::from(z.millisecond()),
        _ => return None,
    })))
}
