//! Numbers as Go writes them.

use serde_json::Number;

/// A float as the JSON number Go's round trip makes of it: whole numbers that fit an integer become one. `None` for what JSON cannot hold.
pub fn number(value: f64) -> Option<Number> {
    // Go's encoding/json writes whole numbers below 1e21 without a point, so that nobody can tell them from integers afterwards.
    if value.fract() == 0.0 && value.abs() < 1e21 {
        if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value) {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "whole and in range, as just checked"
            )]
            return Some(Number::from(value as i64));
        }
        if value > 0.0 && value < 18_446_744_073_709_551_616.0 {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "whole, positive and in range, as just checked"
            )]
            return Some(Number::from(value as u64));
        }
    }
    Number::from_f64(value)
}

/// Go's `%g` with the shortest digits that read back as the same number.
pub(super) fn shortest(value: f64) -> String {
    let scientific = format!("{value:e}");
    from_scientific(&scientific)
}

/// The same for a 32-bit float, which is how `sigs.k8s.io/yaml` writes float keys.
pub(super) fn shortest32(value: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the narrowing is the point"
    )]
    let narrow = value as f32;
    from_scientific(&format!("{narrow:e}"))
}

/// From Rust's `-1.5e7` to Go's `-1.5e+07`, or without an exponent where it is at least -4 and below 6.
fn from_scientific(scientific: &str) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    if !(-4..6).contains(&exponent) {
        let point = if digits.len() > 1 { "." } else { "" };
        let direction = if exponent < 0 { '-' } else { '+' };
        let (first, rest) = digits.split_at(1);
        return format!(
            "{sign}{first}{point}{rest}e{direction}{:02}",
            exponent.abs()
        );
    }
    if exponent < 0 {
        let zeros = "0".repeat(exponent.unsigned_abs() as usize - 1);
        return format!("{sign}0.{zeros}{digits}");
    }
    let whole = exponent as usize + 1;
    if digits.len() <= whole {
        return format!("{sign}{digits}{}", "0".repeat(whole - digits.len()));
    }
    format!("{sign}{}.{}", &digits[..whole], &digits[whole..])
}
