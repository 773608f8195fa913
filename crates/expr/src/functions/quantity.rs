//! Kubernetes quantities: exact decimal numbers with a suffix.

use std::cmp::Ordering;
use std::fmt;

/// A quantity: `mantissa · 10^exponent`, and the text it was read from.
#[derive(Clone, Debug)]
pub struct Quantity {
    mantissa: i128,
    exponent: i32,
    binary: bool,
    text: String,
}

const BINARY: [(&str, u32); 6] = [
    ("Ki", 10),
    ("Mi", 20),
    ("Gi", 30),
    ("Ti", 40),
    ("Pi", 50),
    ("Ei", 60),
];
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

impl Quantity {
    /// Reads a quantity.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let body = text.strip_prefix(['+', '-']).unwrap_or(text);
        let end = body
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(body.len());
        let (number, suffix) = body.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') || number.len() > 30 {
            return None;
        }
        let digits = format!("{whole}{fraction}");
        let mut mantissa: i128 = digits.parse().ok()?;
        if text.starts_with('-') {
            mantissa = -mantissa;
        }
        let mut exponent = -i32::try_from(fraction.len()).ok()?;
        let mut binary = false;
        if let Some((_, shift)) = BINARY.iter().find(|(s, _)| *s == suffix) {
            mantissa = mantissa.checked_mul(1 << shift)?;
            binary = true;
        } else if let Some((_, e)) = DECIMAL.iter().find(|(s, _)| *s == suffix) {
            exponent += e;
        } else {
            let e: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            if !(-1000..=1000).contains(&e) {
                return None;
            }
            exponent += e;
        }
        Some(
            Self {
                mantissa,
                exponent,
                binary,
                text: text.to_owned(),
            }
            .rounded(),
        )
    }

    /// Nothing is smaller than a nano; what is gets rounded up, away from zero.
    fn rounded(mut self) -> Self {
        while self.exponent < -9 && self.mantissa != 0 {
            let up = i128::from(self.mantissa % 10 != 0) * self.mantissa.signum();
            self.mantissa = self.mantissa / 10 + up;
            self.exponent += 1;
        }
        self
    }

    /// -1, 0 or 1.
    pub(crate) fn sign(&self) -> i64 {
        self.mantissa.signum() as i64
    }

    /// Both mantissas at the smaller exponent.
    fn aligned(&self, other: &Self) -> Option<(i128, i128, i32)> {
        let exponent = self.exponent.min(other.exponent);
        let scale = |q: &Self| {
            let by = 10_i128.checked_pow(u32::try_from(q.exponent - exponent).ok()?)?;
            q.mantissa.checked_mul(by)
        };
        Some((scale(self)?, scale(other)?, exponent))
    }

    pub(crate) fn plus(&self, other: &Self, sign: i128) -> Option<Self> {
        let (a, b, exponent) = self.aligned(other)?;
        let mantissa = a.checked_add(b.checked_mul(sign)?)?;
        let mut sum = Self {
            mantissa,
            exponent,
            binary: self.binary,
            text: String::new(),
        };
        sum.text = sum.canonical();
        Some(sum)
    }

    pub(crate) fn from_int(i: i64) -> Self {
        Self {
            mantissa: i128::from(i),
            exponent: 0,
            binary: false,
            text: i.to_string(),
        }
    }

    /// The whole number it is, if it is one.
    pub(crate) fn as_int(&self) -> Option<i64> {
        // Upstream keeps a binary quantity with a fraction as an arbitrary decimal, which never counts as whole.
        if self.binary && self.text.contains('.') {
            return None;
        }
        let (mut mantissa, mut exponent) = (self.mantissa, self.exponent);
        while exponent < 0 {
            if mantissa % 10 != 0 {
                return None;
            }
            mantissa /= 10;
            exponent += 1;
        }
        let by = 10_i128.checked_pow(u32::try_from(exponent).ok()?)?;
        i64::try_from(mantissa.checked_mul(by)?).ok()
    }

    pub(crate) fn as_float(&self) -> f64 {
        format!("{}e{}", self.mantissa, self.exponent)
            .parse()
            .unwrap_or(f64::NAN)
    }

    /// The canonical form of a sum.
    fn canonical(&self) -> String {
        if self.binary
            && let Some(i) = self.as_int()
        {
            let suffix = BINARY
                .iter()
                .rev()
                .find(|(_, shift)| i != 0 && i % (1_i64 << shift) == 0 && i.unsigned_abs() >= 1024);
            return suffix.map_or_else(|| i.to_string(), |(s, shift)| format!("{}{s}", i >> shift));
        }
        let (mut mantissa, mut exponent) = (self.mantissa, self.exponent);
        while mantissa != 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            exponent += 1;
        }
        if mantissa == 0 {
            return "0".into();
        }
        while exponent.rem_euclid(3) != 0 || exponent > 18 {
            mantissa = mantissa.saturating_mul(10);
            exponent -= 1;
        }
        let suffix = DECIMAL
            .iter()
            .find(|(_, e)| *e == exponent)
            .map_or("", |(s, _)| s);
        format!("{mantissa}{suffix}")
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        match self.aligned(other) {
            Some((a, b, _)) => a.cmp(&b),
            None => self.as_float().total_cmp(&other.as_float()),
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
