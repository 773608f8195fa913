//! `base64.encode` and `base64.decode`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::Out;
use crate::error::EvalError;
use crate::eval::Run;
use crate::value::Value;

pub(crate) fn decode(s: &str) -> Option<Vec<u8>> {
    STANDARD
        .decode(s)
        .or_else(|_| STANDARD_NO_PAD.decode(s))
        .ok()
}

pub(crate) fn encode(b: &[u8]) -> String {
    STANDARD.encode(b)
}

pub(super) fn call<'a>(_: &mut Run<'_, 'a>, name: &str, args: &[Value<'a>]) -> Option<Out<'a>> {
    Some(match (name, args) {
        ("base64.encode", [Value::Bytes(b)]) => Ok(Value::string(encode(b))),
        ("base64.decode", [Value::String(s)]) => {
            decode(s).map(Value::bytes).ok_or_else(|| corrupt(s))
        }
        _ => return None,
    })
}

fn corrupt(s: &str) -> EvalError {
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
    let at = s.find(|c| !valid(c)).unwrap_or(s.len() & !3);
    EvalError::new(format!("illegal base64 data at input byte {at}"))
}
