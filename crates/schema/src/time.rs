//! Times and durations: read and written as Kubernetes' Time, MicroTime and Duration.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::error::go_quote;

/// The layout of Time in Go's words.
const SECONDS: &str = "2006-01-02T15:04:05Z07:00";
/// The layout of MicroTime in Go's words.
const MICROS: &str = "2006-01-02T15:04:05.000000Z07:00";

/// A Time in its canonical form: whole seconds, UTC. `None` is the zero time.
pub(crate) fn canonical(text: &str) -> Result<Option<String>, String> {
    let (time, _) = read(text, false)?;
    Ok(format(time))
}

/// A MicroTime in its canonical form: six decimals, UTC. `None` is the zero time.
pub(crate) fn canonical_micro(text: &str) -> Result<Option<String>, String> {
    let (time, _) = read(text, true)?;
    Ok(format_micro(time))
}

/// Whole seconds, UTC.
pub(crate) fn format(time: Timestamp) -> Option<String> {
    (!is_zero(time)).then(|| {
        time.to_zoned(TimeZone::UTC)
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string()
    })
}

/// Six decimals, UTC.
pub(crate) fn format_micro(time: Timestamp) -> Option<String> {
    let micros = time.subsec_nanosecond().rem_euclid(1_000_000_000) / 1000;
    (!is_zero(time)).then(|| {
        let whole = time
            .to_zoned(TimeZone::UTC)
            .strftime("%Y-%m-%dT%H:%M:%S")
            .to_string();
        format!("{whole}.{micros:06}Z")
    })
}

/// Go's zero time is the start of year one.
fn is_zero(time: Timestamp) -> bool {
    time.as_second() == -62_135_596_800 && time.subsec_nanosecond() == 0
}

/// Reads RFC 3339 as strictly as Go does; with `micro` exactly six decimals have to be there.
fn read(text: &str, micro: bool) -> Result<(Timestamp, usize), String> {
    let layout = if micro { MICROS } else { SECONDS };
    let fail = |rest: &str, element: &str| {
        format!(
            "parsing time {} as {}: cannot parse {} as {}",
            go_quote(text),
            go_quote(layout),
            go_quote(rest),
            go_quote(element)
        )
    };
    let bytes = text.as_bytes();
    // Fields of the layout: digits and the separator after them.
    let fields = [
        ("2006", 4, "-"),
        ("01", 2, "-"),
        ("02", 2, "T"),
        ("15", 2, ":"),
        ("04", 2, ":"),
        ("05", 2, ""),
    ];
    let mut at = 0;
    for (element, width, separator) in fields {
        let end = at + width;
        if end > bytes.len() || !bytes[at..end].iter().all(u8::is_ascii_digit) {
            return Err(fail(text.get(at..).unwrap_or(""), element));
        }
        at = end;
        if !text[at..].starts_with(separator) {
            return Err(fail(&text[at..], separator));
        }
        at += separator.len();
    }
    let decimals = if text[at..].starts_with('.') {
        text[at + 1..]
            .bytes()
            .take_while(u8::is_ascii_digit)
            .count()
    } else {
        0
    };
    if micro && decimals != 6 {
        let element = ".000000";
        return Err(fail(&text[at..], element));
    }
    if decimals > 0 {
        at += 1 + decimals;
    }
    let zone = &text[at..];
    let offset = zone.as_bytes();
    let ok = zone == "Z"
        || (offset.len() == 6
            && matches!(offset[0], b'+' | b'-')
            && offset[3] == b':'
            && [1, 2, 4, 5].iter().all(|&i| offset[i].is_ascii_digit()));
    if !ok {
        return Err(fail(zone, "Z07:00"));
    }
    let time: Timestamp = text.parse().map_err(|_| {
        let what = if text.get(8..10).is_some_and(|d| d > "28") {
            "day"
        } else {
            "hour"
        };
        format!("parsing time {}: {what} out of range", go_quote(text))
    })?;
    if text.get(11..13).is_some_and(|h| h > "23") {
        return Err(format!(
            "parsing time {}: hour out of range",
            go_quote(text)
        ));
    }
    Ok((time, decimals))
}

/// A Go duration in its canonical form: `60s` is `1m0s`.
pub(crate) fn canonical_duration(text: &str) -> Result<String, String> {
    parse_duration(text).map(format_duration)
}

/// Nanoseconds of a Go duration.
fn parse_duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", go_quote(text));
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let whole = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, tail) = rest.split_at(whole);
        let (decimals, tail) = match tail.strip_prefix('.') {
            Some(tail) => tail.split_at(tail.bytes().take_while(u8::is_ascii_digit).count()),
            None => ("", tail),
        };
        if digits.is_empty() && decimals.is_empty() {
            return Err(invalid());
        }
        let name = tail
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (name, tail) = tail.split_at(name);
        let unit: i128 = match name {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "" => return Err(format!("time: missing unit in duration {}", go_quote(text))),
            _ => {
                return Err(format!(
                    "time: unknown unit {} in duration {}",
                    go_quote(name),
                    go_quote(text)
                ));
            }
        };
        let amount: i128 = if digits.is_empty() {
            0
        } else {
            digits.parse().map_err(|_| invalid())?
        };
        total = amount
            .checked_mul(unit)
            .and_then(|n| n.checked_add(total))
            .ok_or_else(invalid)?;
        let mut part = unit;
        for digit in decimals.bytes() {
            part /= 10;
            total += i128::from(digit - b'0') * part;
        }
        rest = tail;
    }
    i64::try_from(if negative { -total } else { total }).map_err(|_| invalid())
}

/// As Go writes a duration.
pub(crate) fn format_duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let n = nanos.unsigned_abs();
    let decimal = |n: u64, unit: u64| {
        let fraction = format!("{:0width$}", n % unit, width = unit.ilog10() as usize);
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() || unit == 1 {
            (n / unit).to_string()
        } else {
            format!("{}.{fraction}", n / unit)
        }
    };
    match n {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{n}ns"),
        1_000..1_000_000 => format!("{sign}{}µs", decimal(n, 1_000)),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", decimal(n, 1_000_000)),
        _ => {
            let minutes = n / 60_000_000_000;
            let seconds = decimal(n % 60_000_000_000, 1_000_000_000);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, m) => format!("{sign}{m}m{seconds}s"),
                (h, m) => format!("{sign}{h}h{m}m{seconds}s"),
            }
        }
    }
}
