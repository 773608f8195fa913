//! Kinds that a CustomResourceDefinition defines.

use std::collections::HashSet;

use krm::merge::{Schema as Merge, TypeId};
use krm::{Gvk, Value};

use crate::error::{DecodeError, FieldError, FieldErrorKind, go_quote};
use crate::json::Node;
use crate::kind::{Decoded, FieldValidation};
use crate::structural::{self, CompiledRules, Schema};
use crate::validation::metadata as meta_rules;

/// Errors after which rules are not run.
const BLOCKING: [FieldErrorKind; 5] = [
    FieldErrorKind::NotSupported,
    FieldErrorKind::Required,
    FieldErrorKind::TooLong,
    FieldErrorKind::TooMany,
    FieldErrorKind::TypeInvalid,
];

/// What is known of a custom kind at one of its versions.
#[derive(Debug)]
pub(crate) struct Custom {
    schema: Schema,
    namespaced: bool,
    status: bool,
    merge: Merge,
    root: TypeId,
    rules: CompiledRules,
}

impl Custom {
    pub(crate) fn new(schema: Schema, namespaced: bool, status: bool) -> Self {
        let (merge, root) = structural::custom_schema(&schema);
        // A definition whose rules do not compile was refused before it got here.
        let rules = CompiledRules::compile(&schema, "").unwrap_or_default();
        Self {
            schema,
            namespaced,
            status,
            merge,
            root,
            rules,
        }
    }

    pub(crate) fn merge_schema(&self) -> (&Merge, TypeId) {
        (&self.merge, self.root)
    }

    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(crate) fn has_status(&self) -> bool {
        self.status
    }

    /// Checks metadata, prunes, notes what strict readers refuse.
    pub(crate) fn read(
        &self,
        node: &Node,
        mut strict: Vec<String>,
        validation: FieldValidation,
    ) -> Result<Decoded, DecodeError> {
        duplicates("", node, &mut strict);
        let mut object = node.to_value();
        if !object.is_object() {
            object = Value::Object(krm::Map::new());
        }
        let mut unknown = structural::coerce_metadata(&mut object, &self.schema)
            .map_err(|error| DecodeError::Malformed(error.to_string()))?;
        unknown.extend(structural::prune(&mut object, &self.schema));
        strict.extend(
            unknown
                .iter()
                .map(|path| format!("unknown field {}", go_quote(path))),
        );
        if validation == FieldValidation::Strict && !strict.is_empty() {
            return Err(DecodeError::Strict(strict));
        }
        let warnings = if validation == FieldValidation::Warn {
            strict
        } else {
            Vec::new()
        };
        Ok(Decoded { object, warnings })
    }

    pub(crate) fn normalize(&self, object: &mut Value) {
        // Metadata that does not fit its type was refused when the object was read.
        let _ = structural::coerce_metadata(object, &self.schema);
        structural::prune(object, &self.schema);
    }

    pub(crate) fn default(&self, object: &mut Value) {
        structural::drop_nulls(object, Some(&self.schema));
        structural::default(object, &self.schema);
    }

    pub(crate) fn validate(&self, gvk: &Gvk, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = type_meta(gvk, new);
        if !errors.is_empty() {
            return errors;
        }
        match old {
            None => errors.extend(meta_rules::validate(
                new,
                self.namespaced,
                meta_rules::dns_subdomain,
            )),
            Some(old) => errors.extend(meta_rules::validate_update(new, old)),
        }
        errors.extend(structural::validate("", new, old, &self.schema));
        let was_clean =
            old.is_none_or(|old| structural::validate_lists("", old, &self.schema).is_empty());
        if was_clean {
            errors.extend(structural::validate_lists("", new, &self.schema));
        }
        if !self.schema.has_rules() {
            return errors;
        }
        if errors.iter().any(|error| BLOCKING.contains(&error.kind)) {
            let detail = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";
            errors.push(FieldError::invalid("<nil>", &Value::Null, detail));
        } else {
            errors.extend(self.rules.validate(new, old));
        }
        errors
    }
}

fn type_meta(gvk: &Gvk, object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (field, expect) in [
        ("kind", gvk.kind.clone()),
        ("apiVersion", gvk.api_version()),
    ] {
        let found = object.get(field).unwrap_or(&Value::Null);
        if found.as_str() != Some(&expect) {
            errors.push(FieldError::invalid(
                field,
                found,
                &format!("must be {expect}"),
            ));
        }
    }
    errors
}

/// Notes members that stand twice.
fn duplicates(path: &str, node: &Node, strict: &mut Vec<String>) {
    match node {
        Node::Object(members) => {
            let mut seen = HashSet::new();
            for (key, value) in members {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                if !seen.insert(key) {
                    let text = format!("duplicate field {}", go_quote(&path));
                    if !strict.contains(&text) {
                        strict.push(text);
                    }
                }
                duplicates(&path, value, strict);
            }
        }
        Node::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                duplicates(&format!("{path}[{at}]"), item, strict);
            }
        }
        _ => {}
    }
}
