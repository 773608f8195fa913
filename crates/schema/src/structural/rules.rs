//! `x-kubernetes-validations`: rules of a schema in CEL.

use krm::Value;

/// One rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// The expression that must be true; knows `self` and, on updates, `oldSelf`.
    pub rule: String,
    /// What to say when it is not.
    pub message: String,
    /// An expression for what to say, preferred to `message`.
    pub message_expression: String,
    /// `FieldValueInvalid`, `FieldValueForbidden`, `FieldValueRequired` or `FieldValueDuplicate`.
    pub reason: String,
    /// The field to blame, relative to where the rule stands.
    pub field_path: String,
    /// Whether `oldSelf` is an optional, so that the rule also runs on creates.
    pub optional_old_self: bool,
}

impl Rule {
    /// Reads an item of `x-kubernetes-validations`.
    pub(crate) fn parse(value: &Value) -> Self {
        let text = |name: &str| {
            value
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        Self {
            rule: text("rule"),
            message: text("message"),
            message_expression: text("messageExpression"),
            reason: text("reason"),
            field_path: text("fieldPath"),
            optional_old_self: value
                .get("optionalOldSelf")
                .and_then(Value::as_bool)
                .unwrap_or_default(),
        }
    }
}
