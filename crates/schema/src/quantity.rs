//! Quantities: `1000m` is `1`, `1024Mi` is `1Gi`. Parsed and written as Kubernetes does.

use std::cmp::Ordering;

/// A parsed quantity: `mantissa * 10^scale`, and how it likes to be written.
#[derive(Clone, Debug)]
pub struct Quantity {
    mantissa: i128,
    scale: i32,
    format: Format,
    /// The text as it came, where Kubernetes keeps it as it came.
    kept: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    DecimalSi,
    BinarySi,
    DecimalExponent,
}

const WRONG: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const SUFFIX: &str = "unable to parse quantity's suffix";
const NUMERIC: &str = "unable to parse numeric part of quantity";

const DECIMAL: [(&str, i32); 10] = [
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];
const BINARY: [(&str, i32); 6] = [
    ("Ki", 10),
    ("Mi", 20),
    ("Gi", 30),
    ("Ti", 40),
    ("Pi", 50),
    ("Ei", 60),
];

struct Parts<'a> {
    negative: bool,
    numerator: &'a str,
    denominator: &'a str,
    suffix: &'a str,
}

fn split(text: &str) -> Result<Parts<'_>, &'static str> {
    let (negative, rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let digits = |s: &str| s.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, rest) = rest.split_at(digits(rest));
    let trimmed = whole.trim_start_matches('0');
    let numerator = if trimmed.is_empty() { "0" } else { trimmed };
    let (denominator, suffix) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    let letters = suffix
        .bytes()
        .take_while(|c| b"eEinumkKMGTP".contains(c))
        .count();
    let tail = suffix[letters..]
        .strip_prefix(['-', '+'])
        .unwrap_or(&suffix[letters..]);
    if tail.bytes().any(|c| !c.is_ascii_digit()) {
        return Err(WRONG);
    }
    Ok(Parts {
        negative,
        numerator,
        denominator,
        suffix,
    })
}

fn interpret(suffix: &str) -> Option<(i32, Format)> {
    if let Some((_, exponent)) = DECIMAL.iter().find(|(s, _)| *s == suffix) {
        return Some((*exponent, Format::DecimalSi));
    }
    if let Some((_, exponent)) = BINARY.iter().find(|(s, _)| *s == suffix) {
        return Some((*exponent, Format::BinarySi));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    Some((exponent.parse::<i32>().ok()?, Format::DecimalExponent))
}

impl Quantity {
    /// Reads a quantity; errors are upstream's texts.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err(WRONG);
        }
        if text == "0" {
            return Ok(Self {
                mantissa: 0,
                scale: 0,
                format: Format::DecimalSi,
                kept: Some(text.into()),
            });
        }
        let parts = split(text)?;
        let (exponent, format) = interpret(parts.suffix).ok_or(SUFFIX)?;
        if let Some(fast) = Self::parse_fast(text, &parts, exponent, format) {
            return fast;
        }
        Self::parse_slow(&parts, exponent, format)
    }

    /// Numbers that fit 64 bits. Those in what upstream takes for the canonical form keep their text.
    fn parse_fast(
        text: &str,
        parts: &Parts<'_>,
        exponent: i32,
        format: Format,
    ) -> Option<Result<Self, &'static str>> {
        let digits = i32::try_from(parts.numerator.len()).ok()?;
        let decimals = i32::try_from(parts.denominator.len()).ok()?;
        let (precision, scale, factor) = match format {
            Format::BinarySi if exponent >= 0 && decimals == 0 => (
                15 - digits - exponent * 3 / 10 - 1,
                0,
                1i64.checked_shl(exponent.unsigned_abs())?,
            ),
            Format::BinarySi => return None,
            _ => (18 - digits - decimals, exponent, 1),
        };
        let scale = scale - decimals;
        if precision < 0 || scale < -9 {
            return None;
        }
        let shifted = format!("{}{}", parts.numerator, parts.denominator);
        let Ok(value) = shifted.parse::<i64>() else {
            return Some(Err(NUMERIC));
        };
        let result = value.checked_mul(factor)?;
        let canonical = match format {
            Format::BinarySi => exponent % 10 == 0 && value & 7 != 0,
            _ => scale % 3 == 0 && !shifted.ends_with("000") && !shifted.starts_with('0'),
        };
        let result = if parts.negative { -result } else { result };
        Some(Ok(Self {
            mantissa: result.into(),
            scale,
            format,
            kept: canonical.then(|| text.to_owned()),
        }))
    }

    fn parse_slow(parts: &Parts<'_>, exponent: i32, format: Format) -> Result<Self, &'static str> {
        let shifted = format!("{}{}", parts.numerator, parts.denominator);
        let mut mantissa: i128 = shifted.parse().map_err(|_| NUMERIC)?;
        let mut scale = -i32::try_from(parts.denominator.len()).map_err(|_| NUMERIC)?;
        let mut format = format;
        if format == Format::BinarySi {
            mantissa = mantissa.checked_mul(1i128 << exponent).ok_or(NUMERIC)?;
        } else {
            scale = scale.checked_add(exponent).ok_or(NUMERIC)?;
        }
        while mantissa != 0 && scale < -9 {
            // Rounded up to the smallest that can be written: whoever asks for a little gets a little.
            mantissa = mantissa / 10 + i128::from(mantissa % 10 != 0);
            scale += 1;
        }
        let mut value = Self {
            mantissa,
            scale,
            format,
            kept: None,
        };
        if format == Format::BinarySi {
            let max = Self {
                mantissa: i64::MAX.into(),
                scale: 0,
                format,
                kept: None,
            };
            if value.compare(&max) == Ordering::Greater {
                value = max;
            }
            let one = Self {
                mantissa: 1,
                scale: 0,
                format,
                kept: None,
            };
            if value.mantissa > 0 && value.compare(&one) == Ordering::Less {
                format = Format::DecimalSi;
                value.format = format;
            }
        }
        if parts.negative {
            value.mantissa = -value.mantissa;
        }
        Ok(value)
    }

    /// Which of the two is greater.
    pub fn compare(&self, other: &Self) -> Ordering {
        let (a, b) = (self, other);
        let low = a.scale.min(b.scale);
        let lift = |q: &Self| {
            let factor = u32::try_from(q.scale - low)
                .ok()
                .and_then(|n| 10i128.checked_pow(n));
            factor.and_then(|f| q.mantissa.checked_mul(f))
        };
        match (lift(a), lift(b)) {
            (Some(a), Some(b)) => a.cmp(&b),
            // One of them is beyond 38 digits: signs and magnitudes decide.
            (None, _) => a.mantissa.signum().cmp(&0),
            (_, None) => 0.cmp(&b.mantissa.signum()),
        }
    }

    /// Negative, zero or positive.
    pub fn signum(&self) -> i32 {
        match self.mantissa.cmp(&0) {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        }
    }

    /// Whether it is a whole number.
    pub fn is_integer(&self) -> bool {
        self.whole().is_some()
    }

    fn whole(&self) -> Option<i128> {
        let power = 10i128.checked_pow(self.scale.unsigned_abs())?;
        if self.scale >= 0 {
            return self.mantissa.checked_mul(power);
        }
        (self.mantissa % power == 0).then_some(self.mantissa / power)
    }

    /// The sum, written in this one's way unless it is zero.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        let low = self.scale.min(other.scale);
        let lift = |q: &Self| {
            let factor = u32::try_from(q.scale - low)
                .ok()
                .and_then(|n| 10i128.checked_pow(n));
            factor
                .and_then(|f| q.mantissa.checked_mul(f))
                .unwrap_or(i128::MAX)
        };
        let format = if self.mantissa == 0 {
            other.format
        } else {
            self.format
        };
        Self {
            mantissa: lift(self).saturating_add(lift(other)),
            scale: low,
            format,
            kept: None,
        }
    }

    /// The difference, written in this one's way unless it is zero.
    #[must_use]
    pub fn sub(&self, other: &Self) -> Self {
        let negated = Self {
            mantissa: -other.mantissa,
            ..other.clone()
        };
        self.add(&negated)
    }

    /// Rounded away from zero to a multiple of `10^scale`.
    #[must_use]
    pub fn round_up(&self, scale: i32) -> Self {
        if self.scale >= scale {
            return self.clone();
        }
        let mut out = Self {
            kept: None,
            ..self.clone()
        };
        while out.scale < scale {
            let up = if out.mantissa % 10 == 0 {
                0
            } else {
                out.mantissa.signum()
            };
            out.mantissa = out.mantissa / 10 + up;
            out.scale += 1;
        }
        out
    }

    /// As Kubernetes stores and shows it.
    pub fn canonical(&self) -> String {
        if let Some(kept) = &self.kept {
            return kept.clone();
        }
        if self.mantissa == 0 {
            return "0".to_owned();
        }
        if self.format == Format::BinarySi
            && let Some(whole) = self.whole()
            && whole.abs() >= 1024
        {
            let (mut amount, mut times) = (whole, 0usize);
            while amount % 1024 == 0 && times < BINARY.len() {
                amount /= 1024;
                times += 1;
            }
            let suffix = times.checked_sub(1).map_or("", |at| BINARY[at].0);
            return format!("{amount}{suffix}");
        }
        let (mut amount, mut exponent) = (self.mantissa, self.scale);
        while amount % 10 == 0 {
            amount /= 10;
            exponent += 1;
        }
        while exponent % 3 != 0 {
            amount *= 10;
            exponent -= 1;
        }
        if self.format == Format::DecimalExponent {
            return if exponent == 0 {
                amount.to_string()
            } else {
                format!("{amount}e{exponent}")
            };
        }
        let suffix = DECIMAL
            .iter()
            .find(|(_, e)| *e == exponent)
            .map_or("", |(s, _)| *s);
        format!("{amount}{suffix}")
    }
}
