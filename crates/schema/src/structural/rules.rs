//! `x-kubernetes-validations`: rules of a schema in CEL, compiled once and run on every object.

use std::collections::BTreeMap;

use expr::crd::{self, Node, Refusal, Shape, Source};
use krm::Value;

use super::Schema;
use crate::error::{FieldError, FieldErrorKind, go_quote};

/// What a request may hold: what bounds how often an unbounded node occurs.
const REQUEST: u64 = 3 * 1024 * 1024;

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

    fn source(&self) -> Source<'_> {
        Source {
            rule: self.rule.trim(),
            message: self.message.trim(),
            message_expression: self.message_expression.trim(),
            optional_old_self: self.optional_old_self,
        }
    }

    /// As upstream prints its internal type.
    fn shown(&self) -> String {
        let escape = |text: &str| {
            go_quote(text)
                .replace('<', "\\u003c")
                .replace('>', "\\u003e")
                .replace('&', "\\u0026")
        };
        let reason = if self.reason.is_empty() {
            "null".to_owned()
        } else {
            escape(&self.reason)
        };
        format!(
            r#"{{"Rule":{},"Message":{},"MessageExpression":{},"Reason":{reason},"FieldPath":{},"OptionalOldSelf":{}}}"#,
            escape(&self.rule),
            escape(&self.message),
            escape(&self.message_expression),
            escape(&self.field_path),
            if self.optional_old_self {
                "true"
            } else {
                "null"
            }
        )
    }
}

/// The rules of a schema and of all below it.
#[derive(Clone, Debug, Default)]
pub struct CompiledRules {
    type_: String,
    list_keys: Option<Vec<String>>,
    sources: Vec<Rule>,
    own: Option<crd::Rules>,
    properties: BTreeMap<String, CompiledRules>,
    additional: Option<Box<CompiledRules>>,
    items: Option<Box<CompiledRules>>,
}

impl CompiledRules {
    /// Compiles every rule of a resource's schema; `path` is where the schema stands in its definition.
    pub fn compile(schema: &Schema, path: &str) -> Result<Self, Vec<FieldError>> {
        let mut compiler = Compiler {
            errors: Vec::new(),
            cost: 0,
        };
        let compiled = compiler.node(schema, path, (true, Some(1)));
        if compiler.cost > crd::SCHEMA_LIMIT {
            let what =
                "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
            let detail = crd::cost_refusal(what, compiler.cost, crd::SCHEMA_LIMIT);
            compiler.errors.push(FieldError::forbidden(path, &detail));
        }
        if compiler.errors.is_empty() {
            Ok(compiled.unwrap_or_default())
        } else {
            Err(compiler.errors)
        }
    }

    /// Runs the rules on an object, and on the one it replaces if there is one.
    pub fn validate(&self, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut run = Run {
            errors: Vec::new(),
            budget: crd::OBJECT_BUDGET,
            exhausted: false,
        };
        run.node(self, "", new, old);
        run.errors
    }
}

struct Compiler {
    errors: Vec<FieldError>,
    cost: u64,
}

impl Compiler {
    /// `None` where no rule stands in the node or below it. `times` is how often it occurs at most.
    fn node(
        &mut self,
        schema: &Schema,
        path: &str,
        (root, times): (bool, Option<u64>),
    ) -> Option<CompiledRules> {
        if !schema.has_rules() {
            return None;
        }
        let below =
            |limit: Option<i64>| times.and_then(|t| t.checked_mul(u64::try_from(limit?).ok()?));
        let mut out = CompiledRules {
            type_: schema.type_.clone(),
            list_keys: (schema.list_type.as_deref() == Some("map"))
                .then(|| schema.list_keys.clone()),
            sources: schema.rules.clone(),
            ..CompiledRules::default()
        };
        if !schema.rules.is_empty() {
            out.own = self.own(schema, path, (root, times));
        }
        for (name, property) in &schema.properties {
            let path = format!("{path}.properties[{name}]");
            if let Some(compiled) = self.node(property, &path, (false, times)) {
                out.properties.insert(name.clone(), compiled);
            }
        }
        if let Some(additional) = schema.additional_schema() {
            let path = format!("{path}.additionalProperties");
            out.additional = self
                .node(additional, &path, (false, below(schema.size.max)))
                .map(Box::new);
        }
        if let Some(items) = &schema.items {
            out.items = self
                .node(
                    items,
                    &format!("{path}.items"),
                    (false, below(schema.count.max)),
                )
                .map(Box::new);
        }
        Some(out)
    }

    fn own(
        &mut self,
        schema: &Schema,
        path: &str,
        (root, times): (bool, Option<u64>),
    ) -> Option<crd::Rules> {
        let mut node = node_of(schema);
        if root || schema.embedded {
            node = node.with_meta();
        }
        let sources: Vec<Source<'_>> = schema.rules.iter().map(Rule::source).collect();
        let times = times.unwrap_or_else(|| REQUEST / (least_size(schema) + 1));
        match crd::Rules::compile(&node, &sources, times) {
            Ok(rules) => {
                self.cost = self.cost.saturating_add(rules.estimated_cost());
                Some(rules)
            }
            Err(refused) => {
                for Refusal {
                    index,
                    field,
                    forbidden,
                    message,
                } in refused
                {
                    let at = format!("{path}.x-kubernetes-validations[{index}].{field}");
                    let shown = schema.rules[index].shown();
                    self.errors.push(
                        match (forbidden, schema.rules[index].rule.trim().is_empty()) {
                            (true, _) => FieldError::forbidden(at, &message),
                            (false, true) => FieldError::required(at, &message),
                            (false, false) => FieldError::invalid_printed(at, &shown, &message),
                        },
                    );
                }
                None
            }
        }
    }
}

/// What the schema is to expressions.
fn node_of(schema: &Schema) -> Node {
    let shape = if schema.int_or_string {
        Shape::IntOrString
    } else {
        match schema.type_.as_str() {
            "string" => Shape::String(schema.format.clone()),
            "integer" => Shape::Integer,
            "number" => Shape::Number,
            "boolean" => Shape::Boolean,
            "array" => schema
                .items
                .as_deref()
                .map_or(Shape::Unknown, |i| Shape::List(Box::new(node_of(i)))),
            "object" => object_of(schema),
            _ => Shape::Unknown,
        }
    };
    let max = [schema.length.max, schema.count.max, schema.size.max]
        .into_iter()
        .flatten()
        .next();
    let longest = schema.values.as_ref().and_then(|values| {
        let lengths = values.iter().filter_map(|v| v.as_str().map(str::len));
        lengths.max().and_then(|n| u64::try_from(n).ok())
    });
    let mut node = Node::new(shape);
    node.max = max.and_then(|n| u64::try_from(n).ok());
    node.longest_enum = longest;
    if schema.embedded {
        node.with_meta()
    } else {
        node
    }
}

fn object_of(schema: &Schema) -> Shape {
    if let Some(additional) = schema.additional_schema() {
        return Shape::Map(Box::new(node_of(additional)));
    }
    if schema.properties.is_empty() && !schema.embedded && schema.preserve_unknown {
        return Shape::Object(BTreeMap::new());
    }
    let field = |(name, of): (&String, &Schema)| {
        let certain = schema.required.contains(name) && of.default.is_none();
        (name.clone(), (node_of(of), certain))
    };
    Shape::Object(schema.properties.iter().map(field).collect())
}

/// The fewest bytes a value may have as JSON.
fn least_size(schema: &Schema) -> u64 {
    match schema.type_.as_str() {
        "boolean" => 4,
        "integer" | "number" => 1,
        "object" if schema.additional_schema().is_none() => {
            let required = schema
                .properties
                .iter()
                .filter(|(name, of)| schema.required.contains(name) && of.default.is_none());
            required.fold(2, |size, (name, of)| {
                size + u64::try_from(name.len()).unwrap_or(0) + 4 + least_size(of)
            })
        }
        _ => 2,
    }
}

struct Run {
    errors: Vec<FieldError>,
    budget: u64,
    exhausted: bool,
}

impl Run {
    fn node(&mut self, rules: &CompiledRules, path: &str, new: &Value, old: Option<&Value>) {
        if self.exhausted || new.is_null() {
            return;
        }
        self.own(rules, path, new, old);
        let join = |name: &str| {
            if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}.{name}")
            }
        };
        match new {
            Value::Object(map) => {
                for (key, value) in map {
                    let old = old.and_then(|old| old.get(key));
                    if let Some(rules) = rules.properties.get(key) {
                        self.node(rules, &join(key), value, old);
                    } else if let Some(rules) = &rules.additional {
                        self.node(rules, &format!("{path}[{key}]"), value, old);
                    }
                }
            }
            Value::Array(items) => {
                let Some(of) = &rules.items else { return };
                for (at, item) in items.iter().enumerate() {
                    let keys = rules.list_keys.as_deref();
                    let same = |other: &&Value| {
                        keys.is_some_and(|keys| keys.iter().all(|k| other.get(k) == item.get(k)))
                    };
                    let old = old
                        .and_then(Value::as_array)
                        .and_then(|old| old.iter().find(same));
                    self.node(of, &format!("{path}[{at}]"), item, old);
                }
            }
            _ => {}
        }
    }

    fn own(&mut self, rules: &CompiledRules, path: &str, new: &Value, old: Option<&Value>) {
        let Some(own) = &rules.own else { return };
        let found = own.evaluate(new, old, &mut self.budget);
        let shown = Value::from(rules.type_.as_str());
        // Objects and lists are not shown.
        let whole = matches!(rules.type_.as_str(), "object" | "array");
        let here = if path.is_empty() { "<nil>" } else { path };
        for violation in found {
            self.exhausted |= violation.index.is_none();
            // What was wrong before may stay as it is.
            if violation.index.is_some() && old == Some(new) {
                continue;
            }
            let rule = violation
                .index
                .and_then(|at| rules.sources.get(at))
                .filter(|_| violation.failed);
            let Some(rule) = rule else {
                self.errors
                    .push(FieldError::invalid(here, &shown, &violation.message));
                continue;
            };
            let blamed = rule.field_path.trim().trim_start_matches('.');
            let at = match (path, blamed) {
                (_, "") => here.to_owned(),
                ("", blamed) => blamed.to_owned(),
                (path, blamed) => format!("{path}.{blamed}"),
            };
            self.errors.push(match rule.reason.as_str() {
                "FieldValueForbidden" => FieldError::forbidden(at, &violation.message),
                "FieldValueRequired" => FieldError::required(at, &violation.message),
                "FieldValueDuplicate" if whole => {
                    FieldError::bare(at, FieldErrorKind::Duplicate, "")
                }
                "FieldValueDuplicate" => FieldError::duplicate(at, new),
                _ if whole => FieldError::bare(at, FieldErrorKind::Invalid, &violation.message),
                _ => FieldError::invalid(at, new, &violation.message),
            });
        }
    }
}
