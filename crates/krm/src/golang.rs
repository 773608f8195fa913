//! How Go writes values: where upstream's texts and bytes show through to users, ours must be the same.

use std::cmp::Ordering;
use std::fmt::Write;

use serde_json::Number;

use crate::Value;

/// The bytes of `encoding/json`'s `Marshal`: sorted keys, `<`, `>` and `&` escaped, floats in Go's form.
pub fn json(value: &Value) -> String {
    let mut out = String::new();
    write_json(&mut out, value);
    out
}

/// `%q` of a string.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            ' '..='~' => out.push(c),
            '\0'..='\u{7f}' => push(&mut out, format_args!("\\x{:02x}", c as u32)),
            _ if is_print(c) => out.push(c),
            '\u{80}'..='\u{ffff}' => push(&mut out, format_args!("\\u{:04x}", c as u32)),
            _ => push(&mut out, format_args!("\\U{:08x}", c as u32)),
        }
    }
    out.push('"');
    out
}

/// `%v` of a decoded JSON value: `map[a:1 b:[x y]]`, strings bare, null `<nil>`.
pub fn plain(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => plain_number(number),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(plain).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(map) => {
            let fields: Vec<_> = map
                .iter()
                .map(|(k, v)| format!("{k}:{}", plain(v)))
                .collect();
            format!("map[{}]", fields.join(" "))
        }
    }
}

/// `%#v` of a decoded JSON value: `map[string]interface {}{"a":1}`.
pub fn syntax(value: &Value) -> String {
    let inner = |value: &Value| match value {
        Value::Null => "interface {}(nil)".into(),
        value => syntax(value),
    };
    match value {
        Value::Null => "<nil>".into(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => plain_number(number),
        Value::String(text) => quote(text),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(inner).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        Value::Object(map) => {
            let fields: Vec<_> = map
                .iter()
                .map(|(k, v)| format!("{}:{}", quote(k), inner(v)))
                .collect();
            format!("map[string]interface {{}}{{{}}}", fields.join(", "))
        }
    }
}

/// `%T` of a decoded JSON value.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if int(number).is_some() => "int64",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// `%v` of a number.
pub fn plain_number(number: &Number) -> String {
    match int(number) {
        Some(int) => int.to_string(),
        None => plain_float(number.as_f64().unwrap_or_default()),
    }
}

/// The number as the `int64` that Go's decoder makes of it; `None` where it makes a `float64`.
pub fn int(number: &Number) -> Option<i64> {
    number.as_i64()
}

/// Orders numbers by their value, whether they are integers or floats.
pub(crate) fn compare_numbers(a: &Number, b: &Number) -> Ordering {
    match (int(a), int(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => {
            let float = |number: &Number| number.as_f64().unwrap_or_default();
            float(a).partial_cmp(&float(b)).unwrap_or(Ordering::Equal)
        }
    }
}

/// Whether the characters that are special in HTML are escaped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Html {
    Escaped,
    Kept,
}

/// A JSON string as `encoding/json` writes it, except that `\b` and `\f` have no short form: neither has json-iterator's, which writes field sets.
pub(crate) fn write_json_string(out: &mut String, text: &str, html: Html) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' => push(out, format_args!("\\u{:04x}", c as u32)),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' if html == Html::Escaped => {
                push(out, format_args!("\\u{:04x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// The JSON of a value, written behind what stands in `out`.
pub(crate) fn write_json(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_json_number(out, number),
        Value::String(text) => write_json_string(out, text, Html::Escaped),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_json(out, item);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (at, (key, item)) in map.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_json_string(out, key, Html::Escaped);
                out.push(':');
                write_json(out, item);
            }
            out.push('}');
        }
    }
}

fn write_json_number(out: &mut String, number: &Number) {
    let float = match int(number) {
        Some(int) => return push(out, format_args!("{int}")),
        None => number.as_f64().unwrap_or_default(),
    };
    let size = float.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{float:e}");
        match text.split_once('e') {
            Some((digits, exponent)) if !exponent.starts_with('-') => {
                push(out, format_args!("{digits}e+{exponent}"));
            }
            _ => out.push_str(&text),
        }
    } else {
        push(out, format_args!("{float}"));
    }
}

/// `%g` with the fewest digits that tell the number apart: exponents below -4 and from 6 on are written as such.
fn plain_float(float: f64) -> String {
    let text = format!("{float:e}");
    let Some((digits, exponent)) = text.split_once('e') else {
        return text;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        format!("{float}")
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{digits}e{sign}{:02}", exponent.abs())
    }
}

/// Go's `unicode.IsPrint` beyond ASCII, near enough: what Rust's own escaping leaves alone.
fn is_print(c: char) -> bool {
    c.escape_debug().len() == 1 || c.is_alphanumeric()
}

/// Writing to a string does not fail.
fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_read_as_go_prints_them() {
        let value = json!({"b": [1, 1.5, null, "x y"], "a": {"c": true}});
        assert_eq!(plain(&value), "map[a:map[c:true] b:[1 1.5 <nil> x y]]");
        assert_eq!(
            syntax(&value),
            r#"map[string]interface {}{"a":map[string]interface {}{"c":true}, "b":[]interface {}{1, 1.5, interface {}(nil), "x y"}}"#
        );
        assert_eq!(
            json(&json!({"z": "<a&b>\u{2028}", "a": [1.0, 1e21, 1e-7, 0.5]})),
            r#"{"a":[1,1e+21,1e-7,0.5],"z":"\u003ca\u0026b\u003e\u2028"}"#
        );
    }

    #[test]
    fn strings_are_quoted_as_go_quotes_them() {
        assert_eq!(quote("a\"b\\\n\u{1}é\u{200b}"), r#""a\"b\\\n\x01é\u200b""#);
    }
}
