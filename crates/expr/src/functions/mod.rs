//! The functions, by name; the table of declarations decides which of them a place of use has.

pub(crate) mod convert;
pub(crate) mod encoders;
pub mod ext;
mod format;
mod lists;
mod net;
mod ops;
pub mod quantity;
pub(crate) mod regexes;
mod strings;
pub(crate) mod time;
mod url;

use crate::error::EvalError;
use crate::eval::Run;
use crate::value::Value;

pub(crate) type Out<'a> = Result<Value<'a>, EvalError>;

/// Calls a function. `None` from a library means that no overload of its function takes these arguments.
pub(crate) fn call<'a>(run: &mut Run<'_, 'a>, name: &str, args: Vec<Value<'a>>) -> Out<'a> {
    if name.starts_with(['_', '!', '-', '@']) || name == "cel.@mapInsert" {
        return ops::call(run, name, args);
    }
    let found = convert::call(run, name, &args)
        .or_else(|| strings::call(run, name, &args))
        .or_else(|| lists::call(run, name, &args))
        .or_else(|| time::call(run, name, &args))
        .or_else(|| regexes::call(run, name, &args))
        .or_else(|| ext::call(run, name, &args))
        .or_else(|| net::call(run, name, &args))
        .or_else(|| encoders::call(run, name, &args));
    found.unwrap_or_else(|| {
        let receiver = matches!(name, "contains" | "startsWith" | "endsWith" | "matches");
        Err(if receiver {
            EvalError::no_such_overload()
        } else {
            EvalError::new(format!("no such overload: {name}"))
        })
    })
}
