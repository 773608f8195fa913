//! YAML bodies, read as `sigs.k8s.io/yaml` reads them.

use krm::Value;
use krm::yaml::{Dialect, Duplicates, Limits, parse_first};

/// The value, and what a strict reader says of duplicate keys.
pub(crate) fn read(text: &str) -> Result<(Value, Vec<String>), String> {
    let lenient = Limits {
        duplicates: Duplicates::LastWins,
        ..Limits::default()
    };
    let value = parse_first(text, &lenient)
        .and_then(|document| document.map_or(Ok(Value::Null), |d| d.to_value(Dialect::Sigs)))
        .map_err(|e| format!("error converting YAML to JSON: {e}"))?;
    let strict = match parse_first(text, &Limits::default()) {
        Ok(_) => Vec::new(),
        Err(error) => vec![format!(
            "yaml: unmarshal errors:\n  line {}: {}",
            error.line, error.message
        )],
    };
    Ok((value, strict))
}
