//! `x-kubernetes-validations`: the rules of one schema node, compiled once and run for every value there.

use std::collections::BTreeMap;
use std::sync::Arc;

use krm::Value as Json;

use crate::ast::{Expr, Kind};
use crate::env::{Env, Program};
use crate::eval::{Bindings, Budget};
use crate::types::{Field, ObjectType, Type};
use crate::value::Value;

/// The cost one expression may have by estimate.
pub const EXPRESSION_LIMIT: u64 = 10_000_000;
/// The cost all expressions of a schema may have by estimate.
pub const SCHEMA_LIMIT: u64 = 100_000_000;
/// The cost all rules of one object may have when run.
pub const OBJECT_BUDGET: u64 = 10_000_000;

const REQUEST: u64 = 3 * 1024 * 1024;

/// What a schema node is to expressions: its type and how big its values get.
#[derive(Clone, Debug)]
pub struct Node {
    /// The kind of value.
    pub shape: Shape,
    /// `maxLength`, `maxItems` or `maxProperties`.
    pub max: Option<u64>,
    /// Longest value of an `enum` of strings.
    pub longest_enum: Option<u64>,
}

/// Kinds of values.
#[derive(Clone, Debug)]
pub enum Shape {
    /// `properties`; true for those that are required and have no default.
    Object(BTreeMap<String, (Node, bool)>),
    /// `additionalProperties`.
    Map(Box<Node>),
    /// `items`.
    List(Box<Node>),
    /// A string with its `format`.
    String(String),
    /// `integer`.
    Integer,
    /// `number`.
    Number,
    /// `boolean`.
    Boolean,
    /// `x-kubernetes-int-or-string`.
    IntOrString,
    /// Nothing expressions may look into: the field is not there for them.
    Unknown,
}

impl Node {
    /// A node without limits.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        Self {
            shape,
            max: None,
            longest_enum: None,
        }
    }

    /// A resource's root, or an embedded resource: kind, apiVersion, and name and generateName of metadata are there.
    #[must_use]
    pub fn with_meta(mut self) -> Self {
        let text = || (Self::new(Shape::String(String::new())), false);
        if let Shape::Object(fields) = &mut self.shape {
            fields.insert("kind".into(), text());
            fields.insert("apiVersion".into(), text());
            let meta = BTreeMap::from([
                ("name".to_owned(), text()),
                ("generateName".to_owned(), text()),
            ]);
            fields.insert("metadata".into(), (Self::new(Shape::Object(meta)), false));
        }
        self
    }

    /// The type expressions see; `None` for a node they may not look into.
    #[must_use]
    pub fn type_of(&self, name: &str) -> Option<Type> {
        Some(match &self.shape {
            Shape::Object(fields) => {
                let field = |(property, (node, _)): (&String, &(Self, bool))| {
                    let ty = node.type_of(&format!("{name}.{property}"))?;
                    Some((
                        escape(property)?,
                        Field {
                            property: property.clone(),
                            ty,
                        },
                    ))
                };
                Type::Object(Arc::new(ObjectType {
                    name: name.into(),
                    fields: fields.iter().filter_map(field).collect(),
                }))
            }
            Shape::Map(value) => Type::map(Type::String, value.type_of(&format!("{name}.@elem"))?),
            Shape::List(item) => Type::list(item.type_of(&format!("{name}.@idx"))?),
            Shape::String(format) => match format.as_str() {
                "byte" => Type::Bytes,
                "duration" => Type::Duration,
                "date" | "date-time" => Type::Timestamp,
                _ => Type::String,
            },
            Shape::Integer => Type::Int,
            Shape::Number => Type::Double,
            Shape::Boolean => Type::Bool,
            Shape::IntOrString => Type::Dyn,
            Shape::Unknown => return None,
        })
    }

    /// The fewest bytes a value takes in JSON.
    fn min_bytes(&self) -> u64 {
        match &self.shape {
            Shape::Object(fields) => {
                let required = fields.iter().filter(|(_, (_, required))| *required);
                2 + required
                    .map(|(name, (node, _))| name.len() as u64 + node.min_bytes() + 4)
                    .sum::<u64>()
            }
            Shape::Map(_) | Shape::List(_) => 2,
            Shape::String(format) => match format.as_str() {
                "duration" => 3,
                "date" => 12,
                "date-time" => 21,
                _ => 2,
            },
            Shape::Boolean => 4,
            _ => 1,
        }
    }

    /// The most elements a value has.
    pub(crate) fn max_elements(&self) -> u64 {
        match &self.shape {
            Shape::Map(value) => self.max.unwrap_or((REQUEST - 2) / (value.min_bytes() + 6)),
            Shape::List(item) => self.max.unwrap_or((REQUEST - 2) / (item.min_bytes() + 1)),
            Shape::String(format) => match (format.as_str(), self.max) {
                ("duration" | "date-time", _) => 32,
                ("date", _) => 12,
                ("byte", Some(max)) => max,
                (_, Some(max)) => max.saturating_mul(4),
                (_, None) => self.longest_enum.unwrap_or(REQUEST - 2),
            },
            Shape::IntOrString => self.max.map_or(REQUEST - 2, |max| max.saturating_mul(4)),
            _ => 1,
        }
    }
}

const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// The name a property has in expressions; `None` when it has none.
#[must_use]
pub fn escape(property: &str) -> Option<String> {
    let first = property.chars().next()?;
    if first.is_ascii_digit() {
        return None;
    }
    if RESERVED.contains(&property) {
        return Some(format!("__{property}__"));
    }
    let mut out = String::new();
    let mut chars = property.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '_' if chars.next_if_eq(&'_').is_some() => out.push_str("__underscores__"),
            '.' => out.push_str("__dot__"),
            '-' => out.push_str("__dash__"),
            '/' => out.push_str("__slash__"),
            c if c.is_ascii_alphanumeric() || c == '_' => out.push(c),
            _ => return None,
        }
    }
    Some(out)
}

/// A rule as it is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Source<'s> {
    /// `rule`.
    pub rule: &'s str,
    /// `message`; empty when absent.
    pub message: &'s str,
    /// `messageExpression`; empty when absent.
    pub message_expression: &'s str,
    /// `optionalOldSelf`.
    pub optional_old_self: bool,
}

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which of the rules.
    pub index: usize,
    /// Under which of its fields: `rule` or `messageExpression`.
    pub field: &'static str,
    /// Whether the cost is the trouble: upstream answers Forbidden then, else Invalid.
    pub forbidden: bool,
    /// Upstream's text.
    pub message: String,
}

/// The compiled rules of one node.
#[derive(Clone, Debug)]
pub struct Rules {
    ty: Type,
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    program: Program,
    message: Option<Program>,
    uses_old: bool,
    optional_old: bool,
    /// What is said when there is no `messageExpression`.
    plain: String,
    /// How the rule is named in texts about failing to run.
    shown: String,
    cost: u64,
}

/// A rule that does not hold, or could not be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which of the rules; `None` when the budget ran out between rules.
    pub index: Option<usize>,
    /// Upstream's text.
    pub message: String,
    /// Whether the rule ran and was false; else it failed, and its `reason` and `fieldPath` do not apply.
    pub failed: bool,
}

impl Rules {
    /// Compiles the rules of a node. `cardinality` is how often the node occurs in one object at most.
    ///
    /// # Errors
    /// Every rule that is refused.
    pub fn compile(
        node: &Node,
        sources: &[Source<'_>],
        cardinality: u64,
    ) -> Result<Self, Vec<Refusal>> {
        let ty = node.type_of("selfType").unwrap_or(Type::Dyn);
        let (mut rules, mut refused) = (Vec::new(), Vec::new());
        for (index, source) in sources.iter().enumerate() {
            match compile(node, &ty, source, cardinality) {
                Ok(rule) => rules.push(rule),
                Err((field, forbidden, message)) => refused.push(Refusal {
                    index,
                    field,
                    forbidden,
                    message,
                }),
            }
        }
        if refused.is_empty() {
            Ok(Self { ty, rules })
        } else {
            Err(refused)
        }
    }

    /// The estimated cost of all of them, to be held against [`SCHEMA_LIMIT`].
    #[must_use]
    pub fn estimated_cost(&self) -> u64 {
        self.rules
            .iter()
            .fold(0, |sum, r| sum.saturating_add(r.cost))
    }

    /// Runs the rules on a value, and on the one it replaces if there is one. Takes what they cost from `budget`.
    #[must_use]
    pub fn evaluate(&self, new: &Json, old: Option<&Json>, budget: &mut u64) -> Vec<Violation> {
        const NO_MORE: &str = "no further validation rules will be run";
        let mut out = Vec::new();
        let violation = |index, message, failed| Violation {
            index,
            message,
            failed,
        };
        let out_of_budget = || {
            violation(
                None,
                format!("validation failed due to running out of cost budget, {NO_MORE}"),
                false,
            )
        };
        let value = Value::from_json(new, &self.ty);
        for (index, rule) in self.rules.iter().enumerate() {
            if rule.uses_old && old.is_none() && !rule.optional_old {
                continue;
            }
            if *budget == 0 {
                out.push(out_of_budget());
                return out;
            }
            let before = old.map(|o| Value::from_json(o, &self.ty));
            let before = if rule.optional_old {
                Some(Value::Optional(before.map(Arc::new)))
            } else {
                before
            };
            let mut vars = Bindings::new().with("self", value.clone());
            if let Some(before) = before {
                vars = vars.with("oldSelf", before);
            }
            let (result, cost) = rule.program.eval_counted(&vars, Budget::PER_CALL);
            let Some(left) = budget.checked_sub(cost) else {
                *budget = 0;
                out.push(out_of_budget());
                return out;
            };
            *budget = left;
            let shown = &rule.shown;
            match result {
                Ok(Value::Bool(true)) => {}
                Ok(_) => out.push(violation(Some(index), rule.text(&vars, budget), true)),
                Err(e) if e.is_exhausted() => {
                    let text = format!(
                        "'{e}': {NO_MORE} due to call cost exceeds limit for rule: {shown}"
                    );
                    out.push(violation(Some(index), text, false));
                    *budget = 0;
                    return out;
                }
                Err(e) if e.to_string().starts_with("no such overload") => {
                    let why = "call arguments did not match a supported operator, function or macro signature for rule";
                    out.push(violation(
                        Some(index),
                        format!("'{e}': {why}: {shown}"),
                        false,
                    ));
                }
                Err(e) => out.push(violation(
                    Some(index),
                    format!("{e} evaluating rule: {shown}"),
                    false,
                )),
            }
        }
        out
    }
}

impl Rule {
    /// What to say about a rule that does not hold.
    fn text(&self, vars: &Bindings<'_>, budget: &mut u64) -> String {
        let Some(program) = &self.message else {
            return self.plain.clone();
        };
        let (result, cost) = program.eval_counted(vars, Budget::PER_CALL);
        *budget = budget.saturating_sub(cost);
        match result {
            Ok(Value::String(s))
                if !s.trim().is_empty() && !s.contains('\n') && s.len() <= 5 * 1024 =>
            {
                s.trim().to_owned()
            }
            _ => self.plain.clone(),
        }
    }
}

type Wrong = (&'static str, bool, String);

fn compile(node: &Node, ty: &Type, source: &Source<'_>, cardinality: u64) -> Result<Rule, Wrong> {
    let old = if source.optional_old_self {
        Type::optional(ty.clone())
    } else {
        ty.clone()
    };
    let env = Env::crd(ty.clone()).declare("oldSelf", old);
    let program = env
        .compile(source.rule)
        .map_err(|e| ("rule", false, format!("compilation failed: {e}")))?;
    if program.output_type() != Type::Bool {
        return Err((
            "rule",
            false,
            "cel expression must evaluate to a bool".into(),
        ));
    }
    let cost = program
        .estimated_cost(Some(node))
        .saturating_mul(cardinality);
    if cost > EXPRESSION_LIMIT {
        return Err((
            "rule",
            true,
            cost_refusal("estimated rule cost", cost, EXPRESSION_LIMIT),
        ));
    }
    const MESSAGE: &str = "messageExpression";
    let message = if source.message_expression.trim().is_empty() {
        None
    } else {
        let failed = |e| {
            (
                MESSAGE,
                false,
                format!("messageExpression compilation failed: {e}"),
            )
        };
        let program = env.compile(source.message_expression).map_err(failed)?;
        if program.output_type() != Type::String {
            return Err((
                MESSAGE,
                false,
                "messageExpression must evaluate to a string".into(),
            ));
        }
        let cost = program
            .estimated_cost(Some(node))
            .saturating_mul(cardinality);
        if cost > EXPRESSION_LIMIT {
            return Err((
                MESSAGE,
                true,
                cost_refusal("estimated messageExpression cost", cost, EXPRESSION_LIMIT),
            ));
        }
        Some(program)
    };
    let shown = if source.message.is_empty() {
        source.rule.trim()
    } else {
        source.message.trim()
    }
    .to_owned();
    let plain = if source.message.is_empty() {
        format!("failed rule: {shown}")
    } else {
        shown.clone()
    };
    let uses_old = mentions(&program.expr, "oldSelf");
    Ok(Rule {
        program,
        message,
        uses_old,
        optional_old: source.optional_old_self,
        plain,
        shown,
        cost,
    })
}

/// Upstream's refusal of what may cost too much.
#[must_use]
pub fn cost_refusal(what: &str, cost: u64, limit: u64) -> String {
    let factor = cost as f64 / limit as f64;
    let factor = if factor > 100.0 {
        "more than 100x".to_owned()
    } else if factor < 1.5 {
        format!("{factor:.6}x")
    } else {
        format!("{factor:.1}x")
    };
    format!(
        "{what} exceeds budget by factor of {factor} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)"
    )
}

fn mentions(e: &Expr, name: &str) -> bool {
    match &e.kind {
        Kind::Ident(n) => n == name,
        Kind::Select { operand, .. } => mentions(operand, name),
        Kind::Call { target, args, .. } => {
            target.iter().any(|t| mentions(t, name)) || args.iter().any(|a| mentions(a, name))
        }
        Kind::Logic { terms, .. } => terms.iter().any(|t| mentions(t, name)),
        Kind::List { elems, .. } => elems.iter().any(|x| mentions(x, name)),
        Kind::Map(entries) => entries
            .iter()
            .any(|n| mentions(&n.key, name) || mentions(&n.value, name)),
        Kind::Struct { fields, .. } => fields.iter().any(|(_, _, x)| mentions(x, name)),
        Kind::Fold(f) => [&f.range, &f.init, &f.cond, &f.step, &f.result]
            .into_iter()
            .any(|x| mentions(x, name)),
        Kind::Literal(_) | Kind::Bad => false,
    }
}
