//! `--status-selector`: `type=status` or `type!=status`.

use krm::{Object, Value};

/// Which objects are shown, by a condition.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StatusSelector {
    kind: String,
    status: String,
    equal: bool,
}

impl StatusSelector {
    /// Reads a selector.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (parts, equal) = match text.split_once("!=") {
            Some(parts) => (Some(parts), false),
            None => (text.split_once('='), true),
        };
        let (kind, status) = parts.ok_or_else(|| {
            format!(
                "expected status selector in type=status or type!=status format, but found: {text}"
            )
        })?;
        Ok(Self {
            kind: kind.into(),
            status: status.into(),
            equal,
        })
    }

    /// Whether an object is shown. Of objects that are mere data only `ready=true` holds; a condition that is absent equals nothing.
    pub(crate) fn matches(&self, object: &Object, is_static: bool) -> bool {
        if is_static {
            let is_ready =
                self.kind.eq_ignore_ascii_case("ready") && self.status.eq_ignore_ascii_case("true");
            return self.equal && is_ready;
        }
        let conditions = object
            .pointer("/status/conditions")
            .and_then(Value::as_array);
        let text =
            |condition: &Value, key: &str| condition[key].as_str().unwrap_or_default().to_owned();
        let found = conditions
            .into_iter()
            .flatten()
            .rfind(|condition| text(condition, "type").eq_ignore_ascii_case(&self.kind));
        let holds = found
            .is_some_and(|condition| text(condition, "status").eq_ignore_ascii_case(&self.status));
        holds == self.equal
    }
}

#[cfg(test)]
mod tests {
    use krm::json;

    use super::*;

    fn check(selector: &str, conditions: Value, expect: bool) {
        let value = json!({"apiVersion": "v1", "kind": "K", "status": {"conditions": conditions}});
        let object = Object::try_from(value).unwrap();
        assert_eq!(
            StatusSelector::parse(selector)
                .unwrap()
                .matches(&object, false),
            expect,
            "{selector}"
        );
    }

    #[test]
    fn a_condition_is_compared_whatever_the_case() {
        let failing = || json!([{"type": "Ready", "status": "False"}]);
        check("ready=false", failing(), true);
        check("Ready=FALSE", failing(), true);
        check("ready=true", failing(), false);
        check("ready!=true", failing(), true);
        check("stalled=true", failing(), false);
    }

    #[test]
    fn no_condition_equals_nothing() {
        check("ready=false", json!([]), false);
        check("ready!=true", json!([]), true);
    }

    #[test]
    fn without_a_sign_it_is_none() {
        assert_eq!(
            StatusSelector::parse("ready").unwrap_err(),
            "expected status selector in type=status or type!=status format, but found: ready"
        );
    }
}
