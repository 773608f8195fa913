//! Bodies are written as YAML and sent as JSON.

use krm::Value;
use krm::yaml::{self, Dialect, Limits};

use crate::target::BoxError;

/// The first document in `text`.
pub(crate) fn to_json(text: &str) -> Result<Value, BoxError> {
    let document = yaml::parse_first(text, &Limits::default())?.ok_or("an empty body")?;
    Ok(document.to_value(Dialect::Kyaml)?)
}
