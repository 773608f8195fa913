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
    #[error("time: invalid duration {0:?}")]
    Invalid(String),
    /// A number stands without a unit.
    #[error("time: missing unit in duration {0:?}")]
    MissingUnit(String),
    /// A unit that Go does not know.
    #[error("time: unknown unit {unit:?} in duration {text:?}")]
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
            let number_end = end_of(rest, |c| c.is_ascii_digit() || c == '.');
            let (number, tail) = rest.split_at(number_end);
            let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
            if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
                return Err(invalid());
            }
            let unit_end = end_of(tail, |c| !c.is_ascii_digit() && c != '.');
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

/// Where the run of matching characters at the start ends.
fn end_of(text: &str, matches: impl Fn(char) -> bool) -> usize {
    text.find(|c| !matches(c)).unwrap_or(text.len())
}

/// `whole.fraction` units in nanoseconds; decimals below a nanosecond are cut.
fn scaled(whole: &str, fraction: &str, unit: u64) -> Option<u64> {
    let whole: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let digits = &fraction[..fraction.len().min(18)];
    let part = if digits.is_empty() {
        0
    } else {
        let value: u128 = digits.parse().ok()?;
        u64::try_from(value * u128::from(unit) / 10u128.pow(digits.len() as u32)).ok()?
    };
    whole.checked_mul(unit)?.checked_add(part)
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

    #[test]
    fn prints_as_go() {
        for (input, expect) in [
            ("60s", "1m0s"),
            ("10m", "10m0s"),
            ("1h", "1h0m0s"),
            ("1h30m0.5s", "1h30m0.5s"),
            ("250ms", "250ms"),
            ("1.5ms", "1.5ms"),
            ("100us", "100µs"),
            ("7ns", "7ns"),
            ("0", "0s"),
            ("-1.25h", "-1h15m0s"),
            (".5s", "500ms"),
            ("1.s", "1s"),
            ("1m1s1ms", "1m1.001s"),
            ("100h", "100h0m0s"),
        ] {
            assert_eq!(
                input.parse::<GoDuration>().map(|d| d.to_string()),
                Ok(expect.into()),
                "{input}"
            );
        }
    }

    #[test]
    fn refuses_as_go() {
        for (input, expect) in [
            ("", r#"time: invalid duration """#),
            ("s", r#"time: invalid duration "s""#),
            ("5", r#"time: missing unit in duration "5""#),
            ("5d", r#"time: unknown unit "d" in duration "5d""#),
            ("300000000h", r#"time: invalid duration "300000000h""#),
            ("1.2.3s", r#"time: invalid duration "1.2.3s""#),
        ] {
            assert_eq!(
                input
                    .parse::<GoDuration>()
                    .map_err(|error| error.to_string()),
                Err(expect.into()),
                "{input}"
            );
        }
    }
}
