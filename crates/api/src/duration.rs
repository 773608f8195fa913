//! Durations as Go writes and reads them: `1m0s`, `10m`, `1h30m0.5s`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::schema::{Absent, Schema, Shape};

/// What a duration field of the toolkit accepts.
pub(crate) const ANY_UNIT: &str = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$";
/// What a timeout of a source or an image accepts: no hours.
pub(crate) const NO_HOURS: &str = r"^([0-9]+(\.[0-9]+)?(ms|s|m))+$";

const NANOSECOND: u64 = 1;
const MICROSECOND: u64 = 1_000 * NANOSECOND;
const MILLISECOND: u64 = 1_000 * MICROSECOND;
const SECOND: u64 = 1_000 * MILLISECOND;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// A duration in nanoseconds that reads and prints as Go's `time.Duration`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GoDuration(i64);

/// Why a text is no duration, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// It does not read as numbers with units.
    #[error("time: invalid duration {}", quoted(.0))]
    Invalid(String),
    /// A number stands without a unit.
    #[error("time: missing unit in duration {}", quoted(.0))]
    MissingUnit(String),
    /// A unit that Go does not know.
    #[error("time: unknown unit {} in duration {}", quoted(.unit), quoted(.text))]
    UnknownUnit {
        /// The unit.
        unit: String,
        /// The whole text.
        text: String,
    },
}

impl GoDuration {
    /// From whole seconds.
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(SECOND as i64))
    }

    /// From nanoseconds.
    pub const fn from_nanos(nanoseconds: i64) -> Self {
        Self(nanoseconds)
    }

    /// In nanoseconds.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// As a span of time; a negative one is none.
    pub fn to_std(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0).unwrap_or_default())
    }
}

impl From<Duration> for GoDuration {
    /// Saturates at Go's 292 years.
    fn from(duration: Duration) -> Self {
        Self(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        if total == 0 {
            return f.write_str("0s");
        }
        if total < SECOND {
            let (unit, name) = match total {
                ..MICROSECOND => (NANOSECOND, "ns"),
                MICROSECOND..MILLISECOND => (MICROSECOND, "µs"),
                _ => (MILLISECOND, "ms"),
            };
            return write_decimal(f, total, unit, name);
        }
        let (hours, minutes) = (total / HOUR, total / MINUTE % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if total >= MINUTE {
            write!(f, "{minutes}m")?;
        }
        write_decimal(f, total % MINUTE, SECOND, "s")
    }
}

/// `total / unit` with as many decimals as it needs.
fn write_decimal(f: &mut fmt::Formatter<'_>, total: u64, unit: u64, name: &str) -> fmt::Result {
    let (whole, rest) = (total / unit, total % unit);
    if rest == 0 {
        return write!(f, "{whole}{name}");
    }
    let width = unit.ilog10() as usize;
    let decimals = format!("{rest:0width$}");
    write!(f, "{whole}.{}{name}", decimals.trim_end_matches('0'))
}

impl FromStr for GoDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let invalid = || DurationError::Invalid(text.into());
        let (negative, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest == "0" {
            return Ok(Self(0));
        }
        if rest.is_empty() {
            return Err(invalid());
        }
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let (whole, tail) = rest.split_at(end_of(rest, is_digit));
            let (fraction, tail) = match tail.strip_prefix('.') {
                Some(tail) => tail.split_at(end_of(tail, is_digit)),
                None => ("", tail),
            };
            if whole.is_empty() && fraction.is_empty() {
                return Err(invalid());
            }
            let unit_end = end_of(tail, |c| !is_digit(c) && c != '.');
            let (unit_name, tail) = tail.split_at(unit_end);
            let unit = match unit_name {
                "" => return Err(DurationError::MissingUnit(text.into())),
                "ns" => NANOSECOND,
                "us" | "µs" | "μs" => MICROSECOND,
                "ms" => MILLISECOND,
                "s" => SECOND,
                "m" => MINUTE,
                "h" => HOUR,
                _ => {
                    return Err(DurationError::UnknownUnit {
                        unit: unit_name.into(),
                        text: text.into(),
                    });
                }
            };
            let nanoseconds = scaled(whole, fraction, unit).ok_or_else(invalid)?;
            total = total.checked_add(nanoseconds).ok_or_else(invalid)?;
            rest = tail;
        }
        let limit = i64::MAX as u64 + u64::from(negative);
        if total > limit {
            return Err(invalid());
        }
        let magnitude = total as i64;
        Ok(Self(if negative {
            magnitude.wrapping_neg()
        } else {
            magnitude
        }))
    }
}

/// A text in quotes as Go's `time` prints it: bytes beyond printable ASCII as `\xNN`.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b' '..0x80 => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}

/// Where the run of matching characters at the start ends.
fn end_of(text: &str, matches: impl Fn(char) -> bool) -> usize {
    text.find(|c| !matches(c)).unwrap_or(text.len())
}

fn is_digit(letter: char) -> bool {
    letter.is_ascii_digit()
}

/// `whole.fraction` units in nanoseconds, the fraction in floating point as Go has it.
fn scaled(whole: &str, fraction: &str, unit: u64) -> Option<u64> {
    const LIMIT: u64 = 1 << 63;
    let whole = match whole {
        "" => 0,
        digits => digits.parse::<u64>().ok()?,
    };
    if whole > LIMIT / unit {
        return None;
    }
    let (mut digits, mut scale) = (0_u64, 1_f64);
    for digit in fraction.bytes().map(|byte| u64::from(byte - b'0')) {
        let next = digits.saturating_mul(10).saturating_add(digit);
        if digits > (LIMIT - 1) / 10 || next > LIMIT {
            break;
        }
        digits = next;
        scale *= 10.0;
    }
    let part = (digits as f64 * (unit as f64 / scale)) as u64;
    (whole * unit).checked_add(part).filter(|sum| *sum <= LIMIT)
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl Schema for GoDuration {
    fn schema() -> Shape {
        Shape::of("string")
    }
}

impl Absent for GoDuration {
    fn absent(&self) -> bool {
        self.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Row {
        input: String,
        #[serde(default)]
        text: String,
        nanos: i64,
        #[serde(default)]
        error: String,
    }

    /// `tools/durations` wrote what Go makes of each.
    #[test]
    fn reads_and_prints_as_go() {
        let rows: Vec<Row> =
            serde_json::from_str(include_str!("../contract/go/durations.json")).unwrap();
        for row in rows {
            match row.input.parse::<GoDuration>() {
                Ok(duration) => assert_eq!(
                    (duration.as_nanos(), duration.to_string()),
                    (row.nanos, row.text),
                    "{:?}, not {}",
                    row.input,
                    row.error
                ),
                Err(error) => assert_eq!(error.to_string(), row.error, "{:?}", row.input),
            }
        }
    }

    #[test]
    fn converts_to_spans_of_time() {
        assert_eq!(GoDuration::from_secs(90).to_std(), Duration::from_secs(90));
        assert_eq!(GoDuration::from_nanos(-1).to_std(), Duration::ZERO);
        assert_eq!(
            GoDuration::from(Duration::from_millis(1500)).to_string(),
            "1.5s"
        );
    }
}
