//! Pruning and defaulting of objects by a schema.

use krm::Value;

use super::Schema;

const META: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Drops what the schema does not name. The paths of what was dropped come back, sorted.
pub fn prune(object: &mut Value, schema: &Schema) -> Vec<String> {
    let mut pruner = Pruner {
        path: String::new(),
        dropped: Vec::new(),
    };
    pruner.prune(object, Some(schema), true);
    pruner.dropped.sort();
    pruner.dropped
}

struct Pruner {
    path: String,
    dropped: Vec<String>,
}

impl Pruner {
    fn prune(&mut self, value: &mut Value, schema: Option<&Schema>, resource: bool) {
        if let Some(schema) = schema.filter(|s| s.preserve_unknown) {
            return self.skip(value, Some(schema), resource);
        }
        match value {
            Value::Object(map) => {
                let Some(schema) = schema else {
                    for key in map.keys() {
                        self.record(key);
                    }
                    map.clear();
                    return;
                };
                let embedded = resource || schema.embedded;
                let root = self.path.is_empty();
                map.retain(|key, value| {
                    if embedded && META.contains(&key.as_str()) {
                        return true;
                    }
                    if let Some(property) = schema.properties.get(key) {
                        self.within(key, |p| p.prune(value, Some(property), false));
                    } else if schema.additional.is_some() {
                        self.within(key, |p| p.prune(value, schema.additional_schema(), false));
                    } else {
                        if !root || !META.contains(&key.as_str()) {
                            self.record(key);
                        }
                        return false;
                    }
                    true
                });
            }
            Value::Array(items) => {
                for (at, item) in items.iter_mut().enumerate() {
                    self.at(at, |p| {
                        p.prune(item, schema.and_then(|s| s.items.as_deref()), false)
                    });
                }
            }
            _ => {}
        }
    }

    /// Below `x-kubernetes-preserve-unknown-fields`: only what is specified is looked at.
    fn skip(&mut self, value: &mut Value, schema: Option<&Schema>, resource: bool) {
        let Some(schema) = schema else { return };
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    if (resource || schema.embedded) && META.contains(&key.as_str()) {
                        continue;
                    }
                    if let Some(property) = schema.properties.get(key) {
                        self.within(key, |p| p.prune(value, Some(property), false));
                    } else if schema.additional.is_some() {
                        self.within(key, |p| p.prune(value, schema.additional_schema(), false));
                    }
                }
            }
            Value::Array(items) => {
                for (at, item) in items.iter_mut().enumerate() {
                    self.at(at, |p| p.skip(item, schema.items.as_deref(), false));
                }
            }
            _ => {}
        }
    }

    fn record(&mut self, key: &str) {
        let path = if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        };
        self.dropped.push(path);
    }

    fn within(&mut self, key: &str, inner: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(key);
        inner(self);
        self.path.truncate(length);
    }

    fn at(&mut self, index: usize, inner: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push_str(&format!("[{index}]"));
        inner(self);
        self.path.truncate(length);
    }
}

/// Sets the schema's defaults, also in place of nulls that the schema does not allow.
pub fn default(value: &mut Value, schema: &Schema) {
    match value {
        Value::Object(map) => {
            for (name, property) in &schema.properties {
                let Some(default) = &property.default else {
                    continue;
                };
                let missing = match map.get(name) {
                    None => true,
                    Some(value) => value.is_null() && !property.nullable,
                };
                if missing {
                    map.insert(name.clone(), default.clone());
                }
            }
            for (key, value) in map {
                if let Some(property) = schema.properties.get(key) {
                    default(value, property);
                } else if let Some(additional) = schema.additional_schema() {
                    replace_null(value, additional);
                    default(value, additional);
                }
            }
        }
        Value::Array(items) => {
            let Some(schema) = schema.items.as_deref() else {
                return;
            };
            for item in items {
                replace_null(item, schema);
                default(item, schema);
            }
        }
        _ => {}
    }
}

fn replace_null(value: &mut Value, schema: &Schema) {
    if value.is_null() && !schema.nullable {
        *value = schema.default.clone().unwrap_or(Value::Null);
    }
}

/// Drops nulls that the schema neither allows nor defaults.
pub fn drop_nulls(value: &mut Value, schema: Option<&Schema>) {
    match value {
        Value::Object(map) => map.retain(|key, value| {
            let schema =
                schema.and_then(|s| s.properties.get(key).or_else(|| s.additional_schema()));
            if value.is_null() && schema.is_some_and(|s| !s.nullable && s.default.is_none()) {
                return false;
            }
            drop_nulls(value, schema);
            true
        }),
        Value::Array(items) => {
            for item in items {
                drop_nulls(item, schema.and_then(|s| s.items.as_deref()));
            }
        }
        _ => {}
    }
}
