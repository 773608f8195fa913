//! Whether a schema is structural, and whatever else a CustomResourceDefinition is refused for.

use krm::{Map, Value};

use super::{Additional, CompiledRules, Schema, prune, validate};
use crate::error::FieldError;

/// Where in the tree a node stands.
#[derive(Clone, Copy, PartialEq)]
enum Level {
    Root,
    Item,
    Field,
}

/// Keys of a schema that no structural schema has anywhere.
pub(super) fn forbidden_keys(map: &Map<String, Value>) -> Vec<String> {
    let always = [
        "$ref",
        "definitions",
        "dependencies",
        "patternProperties",
        "additionalItems",
        "uniqueItems",
        "id",
        "$schema",
    ];
    let nested = [
        "title",
        "description",
        "default",
        "type",
        "nullable",
        "additionalProperties",
    ];
    let set = |name: &&str| match map.get(*name) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::String(text)) => !text.is_empty(),
        _ => true,
    };
    always
        .iter()
        .chain(&nested)
        .filter(|name| set(name))
        .map(|name| (*name).to_owned())
        .collect()
}

impl Schema {
    /// Judges the schema itself; `path` is where it stands in the CustomResourceDefinition.
    pub fn check(&self, path: &str) -> Vec<FieldError> {
        let mut errors = Vec::new();
        self.invariants(path, Level::Root, &mut errors);
        self.completeness(self, path, path, &mut errors);
        errors.sort_by_key(ToString::to_string);
        if errors.is_empty() {
            self.defaults(path, true, &mut errors);
        }
        self.common(path, &mut errors);
        if errors.is_empty()
            && let Err(refused) = CompiledRules::compile(self, path)
        {
            errors.extend(refused);
        }
        errors
    }

    /// What holds for the nodes that say how a value is built.
    fn invariants(&self, path: &str, level: Level, errors: &mut Vec<FieldError>) {
        if self.type_ == "array" && self.items.is_none() {
            errors.push(FieldError::required(
                format!("{path}.items"),
                "must be specified",
            ));
        }
        if let Some(items) = &self.items {
            items.invariants(&format!("{path}.items"), Level::Item, errors);
        }
        for (name, property) in &self.properties {
            property.invariants(&format!("{path}.properties[{name}]"), Level::Field, errors);
        }
        if self.additional.is_some() && level == Level::Root {
            errors.push(FieldError::forbidden(
                format!("{path}.additionalProperties"),
                "must not be used at the root",
            ));
        }
        if let Some(additional) = self.additional_schema() {
            additional.invariants(
                &format!("{path}.additionalProperties"),
                Level::Field,
                errors,
            );
        }
        self.extensions(path, errors);
        self.values(path, errors);
        self.typed(path, level, errors);
        self.metadata(path, level, errors);
    }

    fn extensions(&self, path: &str, errors: &mut Vec<FieldError>) {
        let yes = Value::Bool(true);
        let detail = "must be false if x-kubernetes-int-or-string is true";
        if self.int_or_string && self.preserve_unknown {
            errors.push(FieldError::invalid(
                format!("{path}.x-kubernetes-preserve-unknown-fields"),
                &yes,
                detail,
            ));
        }
        if self.int_or_string && self.embedded {
            errors.push(FieldError::invalid(
                format!("{path}.x-kubernetes-embedded-resource"),
                &yes,
                detail,
            ));
        }
    }

    fn typed(&self, path: &str, level: Level, errors: &mut Vec<FieldError>) {
        let at = format!("{path}.type");
        let type_ = Value::from(self.type_.as_str());
        let embedded = "must be object if x-kubernetes-embedded-resource is true";
        if self.embedded && self.type_.is_empty() {
            errors.push(FieldError::required(at.clone(), embedded));
        } else if self.embedded && self.type_ != "object" {
            errors.push(FieldError::invalid(at.clone(), &type_, embedded));
        } else if self.type_.is_empty() && !self.int_or_string && !self.preserve_unknown {
            let detail = match level {
                Level::Root => "must not be empty at the root",
                Level::Item => "must not be empty for specified array items",
                Level::Field => "must not be empty for specified object fields",
            };
            errors.push(FieldError::required(at.clone(), detail));
        }
        if self.embedded && self.additional.is_some() {
            let detail = "must not be used if x-kubernetes-embedded-resource is set";
            errors.push(FieldError::forbidden(
                format!("{path}.additionalProperties"),
                detail,
            ));
        }
        if level == Level::Root && !self.type_.is_empty() && self.type_ != "object" {
            errors.push(FieldError::invalid(
                at,
                &type_,
                "must be object at the root",
            ));
        }
        if self.embedded && !self.preserve_unknown && self.properties.is_empty() {
            let detail = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
            errors.push(FieldError::required(format!("{path}.properties"), detail));
        }
    }

    fn metadata(&self, path: &str, level: Level, errors: &mut Vec<FieldError>) {
        let checked = level == Level::Root || self.embedded;
        let properties = |name: &str| format!("{path}.properties[{name}]");
        for name in ["kind", "apiVersion"] {
            if let Some(of) = self
                .properties
                .get(name)
                .filter(|of| checked && of.type_ != "string")
            {
                errors.push(FieldError::invalid(
                    format!("{}.type", properties(name)),
                    &Value::from(of.type_.as_str()),
                    "must be string",
                ));
            }
        }
        let Some(metadata) = self.properties.get("metadata") else {
            return;
        };
        if checked && metadata.type_ != "object" {
            let at = format!("{}.type", properties("metadata"));
            errors.push(FieldError::invalid(
                at,
                &Value::from(metadata.type_.as_str()),
                "must be object",
            ));
        }
        let only_names = metadata
            .properties
            .keys()
            .all(|name| name == "name" || name == "generateName");
        let plain = metadata.additional.is_none()
            && metadata.items.is_none()
            && metadata.required.is_empty()
            && metadata.rules.is_empty();
        if level == Level::Root && !(only_names && plain && !metadata.preserve_unknown) {
            let detail = "must not specify anything other than name and generateName, but metadata is implicitly specified";
            errors.push(FieldError::forbidden(properties("metadata"), detail));
        }
    }

    /// What holds for the parts that only judge values.
    fn values(&self, path: &str, errors: &mut Vec<FieldError>) {
        let any_of_exception = self.int_or_string && is_int_or_string(&self.any_of);
        if !any_of_exception {
            for (at, of) in self.any_of.iter().enumerate() {
                of.nested(&format!("{path}.anyOf[{at}]"), false, errors);
            }
        }
        for (at, of) in self.all_of.iter().enumerate() {
            let exception = at == 0 && self.int_or_string && is_int_or_string(&of.any_of);
            of.nested(&format!("{path}.allOf[{at}]"), exception, errors);
        }
        for (at, of) in self.one_of.iter().enumerate() {
            of.nested(&format!("{path}.oneOf[{at}]"), false, errors);
        }
        if let Some(of) = &self.not {
            of.nested(&format!("{path}.not"), false, errors);
        }
        if let Some((pattern, error)) = self.pattern.as_ref().and_then(|p| Some((p, p.error()?))) {
            let detail = format!("must be a valid regular expression, but isn't: {error}");
            errors.push(FieldError::invalid(
                format!("{path}.pattern"),
                &Value::from(pattern.source.as_str()),
                &detail,
            ));
        }
    }

    /// A schema under a logical junctor: it may judge, not build.
    fn nested(&self, path: &str, any_of_exception: bool, errors: &mut Vec<FieldError>) {
        if !any_of_exception {
            self.values(path, errors);
        }
        if let Some(items) = &self.items {
            items.nested(&format!("{path}.items"), false, errors);
        }
        for (name, property) in &self.properties {
            property.nested(&format!("{path}.properties[{name}]"), false, errors);
        }
        let mut forbid = |name: &str, detail: &str| {
            errors.push(FieldError::forbidden(format!("{path}.{name}"), detail))
        };
        for name in &self.forbidden {
            match name.as_str() {
                "type" | "title" | "description" => forbid(name, "must be empty to be structural"),
                "additionalProperties" | "default" => {
                    forbid(name, "must be undefined to be structural")
                }
                "nullable" => forbid(name, "must be false to be structural"),
                _ => {}
            }
        }
        let flags = [
            (
                self.preserve_unknown,
                "x-kubernetes-preserve-unknown-fields",
                "must be false to be structural",
            ),
            (
                self.embedded,
                "x-kubernetes-embedded-resource",
                "must be false to be structural",
            ),
            (
                self.int_or_string,
                "x-kubernetes-int-or-string",
                "must be false to be structural",
            ),
            (
                !self.list_keys.is_empty(),
                "x-kubernetes-list-map-keys",
                "must be empty to be structural",
            ),
            (
                self.list_type.is_some(),
                "x-kubernetes-list-type",
                "must be undefined to be structural",
            ),
            (
                self.map_type.is_some(),
                "x-kubernetes-map-type",
                "must be undefined to be structural",
            ),
            (
                !self.rules.is_empty(),
                "x-kubernetes-validations",
                "must be empty to be structural",
            ),
        ];
        for (_, name, detail) in flags.iter().filter(|(set, ..)| *set) {
            forbid(name, detail);
        }
        if self.properties.contains_key("metadata") {
            forbid(
                "properties[metadata]",
                "must not be specified in a nested context",
            );
        }
    }

    /// Whatever a junctor judges must be built outside of it: `self` is the judging node, `built` the building one.
    fn completeness(&self, built: &Self, at: &str, judged: &str, errors: &mut Vec<FieldError>) {
        let junctors = [
            ("allOf", &self.all_of),
            ("anyOf", &self.any_of),
            ("oneOf", &self.one_of),
        ];
        let listed = junctors.into_iter().flat_map(|(name, of)| {
            of.iter()
                .enumerate()
                .map(move |(index, schema)| (format!("{judged}.{name}[{index}]"), schema))
        });
        let not = self.not.iter().map(|of| (format!("{judged}.not"), &**of));
        for (judged, of) in listed.chain(not) {
            of.nested_completeness(built, at, &judged, errors);
        }
    }

    fn nested_completeness(
        &self,
        built: &Self,
        at: &str,
        judged: &str,
        errors: &mut Vec<FieldError>,
    ) {
        self.completeness(built, at, judged, errors);
        if let Some(items) = &self.items {
            let (at, judged) = (format!("{at}.items"), format!("{judged}.items"));
            match &built.items {
                Some(built) => items.nested_completeness(built, &at, &judged, errors),
                None => errors.push(FieldError::required(
                    at,
                    &format!("because it is defined in {judged}"),
                )),
            }
        }
        for (name, property) in &self.properties {
            let (at, judged) = (
                format!("{at}.properties[{name}]"),
                format!("{judged}.properties[{name}]"),
            );
            match built.properties.get(name) {
                Some(built) => property.nested_completeness(built, &at, &judged, errors),
                None => errors.push(FieldError::required(
                    at,
                    &format!("because it is defined in {judged}"),
                )),
            }
        }
    }

    /// Defaults must be pruned and valid.
    fn defaults(&self, path: &str, root: bool, errors: &mut Vec<FieldError>) {
        if let Some(default) = self.default.as_ref().filter(|_| !root) {
            let at = format!("{path}.default");
            let mut pruned = default.clone();
            let unknown = if self.embedded {
                prune(&mut pruned, self)
            } else {
                prune_inner(&mut pruned, self)
            };
            if !unknown.is_empty() {
                errors.push(FieldError::invalid(
                    at,
                    default,
                    "must not have unknown fields",
                ));
            } else {
                errors.extend(validate(&at, default, None, self));
            }
        }
        if let Some(items) = &self.items {
            items.defaults(&format!("{path}.items"), false, errors);
        }
        for (name, property) in &self.properties {
            property.defaults(&format!("{path}.properties[{name}]"), false, errors);
        }
        if let Some(additional) = self.additional_schema() {
            additional.defaults(&format!("{path}.additionalProperties"), false, errors);
        }
    }

    /// Rules of the API server beyond structure.
    fn common(&self, path: &str, errors: &mut Vec<FieldError>) {
        let known = ["array", "boolean", "integer", "number", "object", "string"];
        if !self.type_.is_empty() && !known.contains(&self.type_.as_str()) {
            errors.push(FieldError::not_supported(
                format!("{path}.type"),
                &Value::from(self.type_.as_str()),
                &known,
            ));
        }
        for name in &self.forbidden {
            let at = format!("{path}.{name}");
            match name.as_str() {
                "uniqueItems" => errors.push(FieldError::forbidden(at, "uniqueItems cannot be set to true since the runtime complexity becomes quadratic")),
                "definitions" | "dependencies" => errors.push(FieldError::forbidden(at, &format!("{name} is not supported"))),
                "patternProperties" | "additionalItems" | "id" | "$ref" => errors.push(FieldError::forbidden(at, &format!("{name} is not supported"))),
                _ => {}
            }
        }
        if self.additional.is_some()
            && !self.properties.is_empty()
            && !matches!(self.additional, Some(Additional::Allowed(true)))
        {
            let detail = "additionalProperties and properties are mutual exclusive";
            errors.push(FieldError::forbidden(
                format!("{path}.additionalProperties"),
                detail,
            ));
        }
        self.lists(path, errors);
        self.rule_texts(path, errors);
        for (name, child) in self.children() {
            child.common(&format!("{path}.{name}"), errors);
        }
    }

    fn lists(&self, path: &str, errors: &mut Vec<FieldError>) {
        let keys = format!("{path}.x-kubernetes-list-map-keys");
        match self.list_type.as_deref() {
            Some("map") => {
                if self.list_keys.is_empty() {
                    errors.push(FieldError::required(
                        keys.clone(),
                        "must not be empty if x-kubernetes-list-type is map",
                    ));
                }
                let Some(items) = &self.items else { return };
                for key in &self.list_keys {
                    let Some(property) = items.properties.get(key) else {
                        let detail = "entries must all be names of item properties";
                        errors.push(FieldError::invalid(
                            keys.clone(),
                            &Value::from(self.list_keys.clone()),
                            detail,
                        ));
                        continue;
                    };
                    let at = format!("{path}.items.properties[{key}]");
                    if property.default.is_none() && !items.required.contains(key) {
                        let detail = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
                        errors.push(FieldError::required(format!("{at}.default"), detail));
                    }
                    if property.nullable {
                        let detail = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
                        errors.push(FieldError::forbidden(format!("{at}.nullable"), detail));
                    }
                }
            }
            Some("set" | "atomic") | None if !self.list_keys.is_empty() => {
                let at = format!("{path}.x-kubernetes-list-type");
                let detail = "must be map if x-kubernetes-list-map-keys is non-empty";
                errors.push(match self.list_type.as_deref() {
                    Some(found) => FieldError::invalid(at, &Value::from(found), detail),
                    None => FieldError::required(at, detail),
                });
            }
            Some(other) if !matches!(other, "set" | "atomic") => {
                let at = format!("{path}.x-kubernetes-list-type");
                errors.push(FieldError::not_supported(
                    at,
                    &Value::from(other),
                    &["atomic", "set", "map"],
                ));
            }
            _ => {}
        }
        if self.list_type.is_some() && self.type_ != "array" {
            let at = format!("{path}.type");
            let detail = "must be array if x-kubernetes-list-type is specified";
            errors.push(match self.type_.as_str() {
                "" => FieldError::required(at, detail),
                found => FieldError::invalid(at, &Value::from(found), detail),
            });
        }
    }

    /// What rules must and must not say, whatever their expressions.
    fn rule_texts(&self, path: &str, errors: &mut Vec<FieldError>) {
        const REASONS: [&str; 4] = [
            "FieldValueDuplicate",
            "FieldValueForbidden",
            "FieldValueInvalid",
            "FieldValueRequired",
        ];
        for (at, rule) in self.rules.iter().enumerate() {
            let at = |field: &str| format!("{path}.x-kubernetes-validations[{at}].{field}");
            let (text, message) = (rule.rule.trim(), rule.message.trim());
            let shown = Value::from(rule.message.as_str());
            if text.is_empty() {
                errors.push(FieldError::required(at("rule"), "rule is not specified"));
            } else if !rule.message.is_empty() && message.is_empty() {
                errors.push(FieldError::invalid(
                    at("message"),
                    &shown,
                    "must be non-empty if specified",
                ));
            } else if message.contains(['\n', '\r']) {
                errors.push(FieldError::invalid(
                    at("message"),
                    &shown,
                    "must not contain line breaks",
                ));
            } else if text.contains(['\n', '\r']) && message.is_empty() {
                errors.push(FieldError::required(
                    at("message"),
                    "message must be specified if rule contains line breaks",
                ));
            }
            if !rule.message_expression.is_empty() && rule.message_expression.trim().is_empty() {
                errors.push(FieldError::required(
                    at("messageExpression"),
                    "messageExpression must be non-empty if specified",
                ));
            }
            if !rule.reason.is_empty() && !REASONS.contains(&rule.reason.as_str()) {
                errors.push(FieldError::not_supported(
                    at("reason"),
                    &Value::from(rule.reason.as_str()),
                    &REASONS,
                ));
            }
        }
    }

    /// The schemas directly below, with the path to each.
    fn children(&self) -> Vec<(String, &Self)> {
        let mut out: Vec<(String, &Self)> = Vec::new();
        out.extend(
            self.properties
                .iter()
                .map(|(name, of)| (format!("properties[{name}]"), of)),
        );
        out.extend(
            self.additional_schema()
                .map(|of| ("additionalProperties".to_owned(), of)),
        );
        out.extend(self.items.as_deref().map(|of| ("items".to_owned(), of)));
        for (name, list) in [
            ("allOf", &self.all_of),
            ("anyOf", &self.any_of),
            ("oneOf", &self.one_of),
        ] {
            out.extend(
                list.iter()
                    .enumerate()
                    .map(|(at, of)| (format!("{name}[{at}]"), of)),
            );
        }
        out.extend(self.not.as_deref().map(|of| ("not".to_owned(), of)));
        out
    }
}

/// Prunes a value that is no resource.
fn prune_inner(value: &mut Value, schema: &Schema) -> Vec<String> {
    let mut holder = Value::Object(Map::from_iter([("value".to_owned(), value.take())]));
    let mut outer = Schema {
        type_: "object".to_owned(),
        ..Schema::default()
    };
    outer.properties.insert("value".to_owned(), schema.clone());
    let dropped = prune(&mut holder, &outer);
    *value = holder["value"].take();
    dropped
}

/// The two ways to write "integer or string".
fn is_int_or_string(any_of: &[Schema]) -> bool {
    matches!(any_of, [a, b] if a.type_ == "integer" && b.type_ == "string")
}
