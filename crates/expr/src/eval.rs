//! The evaluator: a walk over the tree that counts what it costs.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use krm::Value as Json;

use crate::ast::{ACCU, Entry, Expr, Fold, Kind};
use crate::cost;
use crate::env::Program;
use crate::error::EvalError;
use crate::functions;
use crate::types::Type;
use crate::value::{Key, List, Map, Value};

/// The values of an environment's variables for one run.
#[derive(Clone, Debug, Default)]
pub struct Bindings<'a>(BTreeMap<&'a str, Value<'a>>);

impl<'a> Bindings<'a> {
    /// No variables.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Binds a variable.
    #[must_use]
    pub fn with(mut self, name: &'a str, value: Value<'a>) -> Self {
        self.0.insert(name, value);
        self
    }

    /// Binds a variable to JSON, read by the type it was declared with.
    #[must_use]
    pub fn json(self, name: &'a str, json: &'a Json, ty: &Type) -> Self {
        self.with(name, Value::from_json(json, ty))
    }

    /// Binds every property of an object to a variable of its name.
    #[must_use]
    pub fn fields(mut self, object: &'a Json) -> Self {
        for (name, json) in object.as_object().into_iter().flatten() {
            self.0.insert(name, Value::from_json(json, &Type::Dyn));
        }
        self
    }
}

/// What a run may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Cost by the rules the API server counts with.
    pub cost: u64,
    /// Steps and copied elements those rules do not see.
    pub work: u64,
}

impl Budget {
    /// The API server's limit for one call.
    pub const PER_CALL: Self = Self {
        cost: 1_000_000,
        work: 4_000_000,
    };
}

impl Default for Budget {
    fn default() -> Self {
        Self::PER_CALL
    }
}

impl Program {
    /// Runs the program.
    ///
    /// # Errors
    /// The evaluation error in cel-go's words, or that the budget ran out.
    pub fn eval<'a>(&self, vars: &Bindings<'a>, budget: Budget) -> Result<Value<'a>, EvalError> {
        self.eval_counted(vars, budget).0
    }

    /// Runs the program and tells its cost.
    pub fn eval_counted<'a>(
        &self,
        vars: &Bindings<'a>,
        budget: Budget,
    ) -> (Result<Value<'a>, EvalError>, u64) {
        let mut run = Run {
            program: self,
            vars,
            scopes: Vec::new(),
            cost: 0,
            limit: budget.cost,
            work: budget.work,
            regexes: HashMap::new(),
        };
        let out = run.eval(&self.expr);
        (out, run.cost)
    }
}

type Out<'a> = Result<Value<'a>, EvalError>;

/// The state of one run.
pub(crate) struct Run<'p, 'a> {
    program: &'p Program,
    vars: &'p Bindings<'a>,
    scopes: Vec<(&'p str, Value<'a>)>,
    cost: u64,
    limit: u64,
    pub(crate) work: u64,
    pub(crate) regexes: HashMap<String, regex::Regex>,
}

impl<'p, 'a> Run<'p, 'a> {
    fn pay(&mut self, cost: u64) -> Result<(), EvalError> {
        self.cost = self.cost.saturating_add(cost);
        if self.cost > self.limit {
            Err(EvalError::exhausted())
        } else {
            Ok(())
        }
    }

    /// Pays for `n` steps that the cost rules take for one.
    pub(crate) fn labour(&mut self, n: usize) -> Result<(), EvalError> {
        self.work = self
            .work
            .checked_sub(n as u64)
            .ok_or_else(EvalError::exhausted)?;
        Ok(())
    }

    fn eval(&mut self, e: &'p Expr) -> Out<'a> {
        match &e.kind {
            Kind::Literal(v) => Ok(v.clone()),
            Kind::Ident(_) => self.attribute(e),
            Kind::Select {
                operand,
                field,
                test: true,
            } => {
                let v = self.qualify(operand);
                self.pay(1)?;
                let name = |failed: EvalError| match crate::check::qualified(operand) {
                    Some(n) if failed.to_string().starts_with("no such attribute(s)") => {
                        EvalError::new(format!("no such attribute(s): {n}.{field}"))
                    }
                    _ => failed,
                };
                has(&v.map_err(name)?, field)
            }
            Kind::Select { .. } => self.attribute(e),
            Kind::Call { name, .. } => match name.as_str() {
                "_[_]" | "_[?_]" | "_?._" | "_?_:_" => self.attribute(e),
                _ => self.call(e),
            },
            Kind::Logic { and, terms, .. } => self.logic(*and, terms),
            Kind::List { elems, optional } => self.list(e, elems, optional),
            Kind::Map(entries) => self.map(e, entries),
            Kind::Fold(fold) => self.fold(fold),
            Kind::Struct { name, .. } => Err(EvalError::new(format!("unknown type: {name}"))),
            Kind::Bad => Err(EvalError::no_such_overload()),
        }
    }

    /// A name with its qualifiers: one unit, unless it hangs on a condition, which is free.
    fn attribute(&mut self, e: &'p Expr) -> Out<'a> {
        if let Kind::Ident(name) = &e.kind
            && self.names_type(name)
        {
            return self.qualify(e);
        }
        let v = self.qualify(e);
        if !rooted_in_condition(e) {
            self.pay(1)?;
        }
        v
    }

    /// The attribute's value for the price of its qualifiers alone.
    fn qualify(&mut self, e: &'p Expr) -> Out<'a> {
        match &e.kind {
            Kind::Ident(name) => self.ident(name),
            Kind::Select {
                operand,
                field,
                test: false,
            } => {
                if let Some(v) = self.qualified_name(e) {
                    return Ok(v);
                }
                let v = self
                    .qualify(operand)
                    .map_err(|failed| self.whole_name(e, failed))?;
                let (v, wrapped) = opened(v);
                let Some(v) = v else {
                    return Ok(Value::Optional(None));
                };
                let got = select(&v, field);
                if wrapped {
                    return match got {
                        Ok(v) => self.pay(1).map(|()| Value::some(v)),
                        Err(e) if e.to_string().starts_with("no such key") => {
                            Ok(Value::Optional(None))
                        }
                        Err(e) => Err(e),
                    };
                }
                self.pay(1)?;
                got
            }
            Kind::Call { name, args, .. } => match (name.as_str(), &args[..]) {
                ("_?_:_", [cond, yes, no]) => match self.eval(cond)? {
                    Value::Bool(true) => self.qualify(yes),
                    Value::Bool(false) => self.qualify(no),
                    _ => Err(EvalError::no_such_overload()),
                },
                ("_[_]", [operand, key]) => self.index(operand, key, false),
                ("_[?_]" | "_?._", [operand, key]) => self.index(operand, key, true),
                _ => self.eval(e),
            },
            _ => self.eval(e),
        }
    }

    /// Whether an identifier is a type's name and nothing nearer.
    fn names_type(&self, name: &str) -> bool {
        let bound = self.scopes.iter().any(|(n, _)| *n == name) || self.vars.0.contains_key(name);
        !bound && self.program.env.named_type(name).is_some()
    }

    fn index(&mut self, operand: &'p Expr, key: &'p Expr, optional: bool) -> Out<'a> {
        let v = self.qualify(operand)?;
        let (v, wrapped) = opened(v);
        let constant = cost::is_constant(key);
        let key = self.eval(key)?;
        let Some(v) = v else {
            return Ok(Value::Optional(None));
        };
        if optional || wrapped {
            return match lookup(&v, &key)? {
                Some(found) => self.pay(u64::from(constant)).map(|()| Value::some(found)),
                None => Ok(Value::Optional(None)),
            };
        }
        let found = lookup(&v, &key)?.ok_or_else(|| missing(&v, &key))?;
        self.pay(u64::from(constant))?;
        Ok(found)
    }

    /// A name that no one knows is complained about with all its selections.
    fn whole_name(&self, e: &Expr, failed: EvalError) -> EvalError {
        match crate::check::qualified(e) {
            Some(name) if failed.to_string().starts_with("no such attribute(s)") => {
                EvalError::new(format!("no such attribute(s): {name}"))
            }
            _ => failed,
        }
    }

    /// The value of a dotted name that is a variable or a type, where no checker has rewritten it.
    fn qualified_name(&self, e: &Expr) -> Option<Value<'a>> {
        if self.program.checked.is_some() {
            return None;
        }
        let name = crate::check::qualified(e)?;
        let Type::Type(Some(t)) = self.program.env.named_type(&name)? else {
            return None;
        };
        Some(Value::Type((*t).clone()))
    }

    fn ident(&mut self, name: &'p str) -> Out<'a> {
        if let Some((_, v)) = self.scopes.iter().rev().find(|(n, _)| *n == name) {
            return Ok(v.clone());
        }
        if let Some(v) = self.vars.0.get(name) {
            return Ok(v.clone());
        }
        if let Some(Type::Type(Some(t))) = self.program.env.named_type(name) {
            return Ok(Value::Type((*t).clone()));
        }
        Err(EvalError::new(format!("no such attribute(s): {name}")))
    }

    fn logic(&mut self, and: bool, terms: &'p [Expr]) -> Out<'a> {
        let mut failed = None;
        for term in terms {
            match self.eval(term) {
                Ok(Value::Bool(b)) if b != and => return Ok(Value::Bool(b)),
                Ok(Value::Bool(_)) => {}
                Ok(_) => failed = failed.or_else(|| Some(EvalError::no_such_overload())),
                Err(e) if e.is_exhausted() => return Err(e),
                Err(e) => failed = failed.or(Some(e)),
            }
        }
        failed.map_or(Ok(Value::Bool(and)), Err)
    }

    fn list(&mut self, e: &Expr, elems: &'p [Expr], optional: &[usize]) -> Out<'a> {
        self.labour(elems.len())?;
        let mut out = Vec::with_capacity(elems.len());
        for (i, el) in elems.iter().enumerate() {
            let v = self.eval(el)?;
            if !optional.contains(&i) {
                out.push(v);
                continue;
            }
            match v {
                Value::Optional(Some(v)) => out.push((*v).clone()),
                Value::Optional(None) => {}
                other => {
                    let shown = functions::convert::shown(&other);
                    return Err(EvalError::new(format!(
                        "cannot initialize optional list element from non-optional value {shown}"
                    )));
                }
            }
        }
        if !cost::is_constant(e) {
            self.pay(10)?;
        }
        Ok(Value::list(out))
    }

    fn map(&mut self, e: &Expr, entries: &'p [Entry]) -> Out<'a> {
        self.labour(entries.len())?;
        let mut out = BTreeMap::new();
        for entry in entries {
            let key = Key::from_value(&self.eval(&entry.key)?)?;
            let mut value = self.eval(&entry.value)?;
            if entry.optional {
                match value {
                    Value::Optional(Some(v)) => value = (*v).clone(),
                    Value::Optional(None) => continue,
                    other => {
                        let (key, shown) = (
                            functions::convert::shown(&key.value()),
                            functions::convert::shown(&other),
                        );
                        return Err(EvalError::new(format!(
                            "cannot initialize optional entry '{key}' from non-optional value {shown}"
                        )));
                    }
                }
            }
            out.insert(key, value);
        }
        if !cost::is_constant(e) {
            self.pay(30)?;
        }
        Ok(Value::Map(Map::Values(Arc::new(out))))
    }

    fn fold(&mut self, fold: &'p Fold) -> Out<'a> {
        let range = self.eval(&fold.range)?;
        let init = self.eval(&fold.init)?;
        let depth = self.scopes.len();
        let out = self.fold_over(fold, &range, init);
        self.scopes.truncate(depth);
        out
    }

    fn fold_over(&mut self, fold: &'p Fold, range: &Value<'a>, init: Value<'a>) -> Out<'a> {
        let items: Vec<(Value<'a>, Value<'a>)> = match range {
            Value::List(l) if fold.var2.is_some() => l
                .iter()
                .enumerate()
                .map(|(i, v)| (Value::Int(i as i64), v))
                .collect(),
            Value::List(l) => l.iter().map(|v| (v, Value::Null)).collect(),
            Value::Map(m) => m
                .keys()
                .into_iter()
                .map(|k| (k.clone(), m.get(&k).unwrap_or(Value::Null)))
                .collect(),
            _ => {
                return Err(EvalError::new(format!(
                    "got '{}', expected iterable type",
                    go_type(range)
                )));
            }
        };
        self.labour(items.len())?;
        let accu = self.scopes.len();
        self.scopes.push((&fold.accu, init));
        // A failed step is kept: a later one may settle what it left open.
        let mut failed: Option<EvalError> = None;
        for (first, second) in items {
            self.scopes.truncate(accu + 1);
            self.scopes.push((&fold.var, first));
            if let Some(var2) = &fold.var2 {
                self.scopes.push((var2, second));
            }
            if !self.goes_on(&fold.cond, failed.is_some())? {
                break;
            }
            match self.step(&fold.step, failed.as_ref()) {
                Ok(v) => {
                    self.scopes[accu].1 = v;
                    failed = None;
                }
                Err(e) if e.is_exhausted() => return Err(e),
                Err(e) if matches!(fold.step.kind, Kind::Logic { .. }) => failed = Some(e),
                Err(e) => return Err(e),
            }
        }
        self.scopes.truncate(accu + 1);
        match failed {
            Some(e) => Err(e),
            None => self.eval(&fold.result),
        }
    }

    /// The loop condition. `@not_strictly_false` holds for an accumulator in error.
    fn goes_on(&mut self, cond: &'p Expr, failed: bool) -> Result<bool, EvalError> {
        if failed {
            // What evaluating it would have cost: the accumulator and the test, negated or not.
            self.pay(if matches!(&cond.kind, Kind::Call { args, .. } if matches!(args[0].kind, Kind::Call { .. })) { 3 } else { 2 })?;
            return Ok(true);
        }
        Ok(!matches!(self.eval(cond)?, Value::Bool(false)))
    }

    /// One step; with an accumulator in error only the new term can settle the result.
    fn step(&mut self, step: &'p Expr, failed: Option<&EvalError>) -> Out<'a> {
        let (Some(failed), Kind::Logic { and, terms, .. }) = (failed, &step.kind) else {
            return self.eval(step);
        };
        self.pay(1)?;
        match self.eval(&terms[1]) {
            Ok(Value::Bool(b)) if b != *and => Ok(Value::Bool(b)),
            Err(e) if e.is_exhausted() => Err(e),
            _ => Err(failed.clone()),
        }
    }

    #[expect(
        clippy::too_many_lines,
        reason = "one call, told in order: name, arguments, price, value"
    )]
    fn call(&mut self, e: &'p Expr) -> Out<'a> {
        let Kind::Call { name, target, args } = &e.kind else {
            return Err(EvalError::no_such_overload());
        };
        let before = self.cost;
        let parts: Vec<&'p Expr> = target.as_deref().into_iter().chain(args).collect();
        let full;
        let (mut name, mut parts) = (name.as_str(), parts);
        if self.program.checked.is_none()
            && let Some(prefix) = target.as_deref().and_then(crate::check::qualified)
        {
            full = format!("{prefix}.{name}");
            if self.program.env.has_function(&full) {
                name = &full;
                parts.remove(0);
            }
        }
        if self.program.checked.is_none() && self.program.env.overloads(name).is_none() {
            if let Some(receiver) = target.as_deref()
                && matches!(self.eval(receiver)?, Value::String(_))
            {
                return Err(EvalError::no_such_overload());
            }
            return Err(EvalError::new(format!("no such overload: {name}")));
        }
        match (name, &parts[..]) {
            ("@not_strictly_false", [arg]) => return self.not_strictly_false(arg),
            ("or" | "orValue", [left, right]) => return self.or(name, left, right),
            _ => {}
        }
        let ids = self.program.overloads(e.id);
        let id = if let [one] = ids { one.as_str() } else { "" };
        let mut values = Vec::with_capacity(parts.len());
        let mut failed = None;
        for (i, part) in parts.iter().enumerate() {
            // The accumulator is moved into the step that replaces it: appending to it must not copy it.
            let taken = i == 0
                && matches!(name, "_+_" | "cel.@mapInsert")
                && matches!(&part.kind, Kind::Ident(n) if n == ACCU);
            match if taken {
                self.take_accu()
            } else {
                self.eval(part)
            } {
                Ok(v) => values.push(v),
                Err(e) if e.is_exhausted() || parts.len() > 2 => return Err(e),
                // Both arguments are looked at before an error is passed on, and the call is paid for.
                Err(e) => {
                    failed = failed.or(Some(e));
                    values.push(Value::Null);
                }
            }
        }
        let sizes: Vec<u64> = values.iter().map(Value::cost_size).collect();
        let ext = values.first().is_some_and(|v| matches!(v, Value::Ext(_)));
        let regex_size = match values.first() {
            Some(Value::Ext(x)) => x.max_regex_size(),
            _ => None,
        };
        let walk = values
            .first()
            .filter(|_| {
                matches!(
                    name,
                    "isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf"
                )
            })
            .map_or(0, cost::walk);
        let keys = if name == "@sortByAssociatedKeys" {
            values.get(1)
        } else {
            values.first()
        };
        let texts = matches!(keys, Some(Value::List(l)) if matches!(l.get(0), Some(Value::String(_) | Value::Bytes(_))));
        let depth = if let Some(Value::Int(n)) = values.get(1) {
            u64::try_from(*n).unwrap_or(0)
        } else {
            1
        };
        let paid = cost::Call {
            name,
            id,
            sizes: &sizes,
            ext,
            walk,
            texts,
            depth,
            regex_size,
        };
        if let Some(failed) = failed {
            self.pay(cost::of_call(&paid, &Value::Null))?;
            return Err(failed);
        }
        let out = functions::call(self, name, values);
        if out.as_ref().is_err_and(EvalError::is_exhausted) {
            return out;
        }
        if cost::is_constant(e) {
            self.cost = before;
            return out;
        }
        if name == "@in"
            && matches!(parts[1].kind, Kind::List { .. })
            && cost::is_constant(parts[1])
        {
            return out;
        }
        self.pay(cost::of_call(&paid, out.as_ref().unwrap_or(&Value::Null)))?;
        out
    }

    fn take_accu(&mut self) -> Out<'a> {
        self.pay(1)?;
        let found = self.scopes.iter_mut().rev().find(|(n, _)| *n == ACCU);
        found
            .map(|(_, v)| std::mem::replace(v, Value::Null))
            .ok_or_else(EvalError::no_such_overload)
    }

    fn not_strictly_false(&mut self, arg: &'p Expr) -> Out<'a> {
        let open = match self.eval(arg) {
            Ok(Value::Bool(b)) => b,
            Err(e) if e.is_exhausted() => return Err(e),
            _ => true,
        };
        self.pay(1)?;
        Ok(Value::Bool(open))
    }

    /// `or` and `orValue`, which look at their argument only when they need it.
    fn or(&mut self, name: &str, left: &'p Expr, right: &'p Expr) -> Out<'a> {
        match self.eval(left)? {
            Value::Optional(Some(v)) if name == "orValue" => Ok((*v).clone()),
            some @ Value::Optional(Some(_)) => Ok(some),
            Value::Optional(None) => self.eval(right),
            _ => Err(EvalError::new(format!("no such overload: {name}"))),
        }
    }
}

/// The name of the Go type behind a value that cannot be iterated over.
fn go_type(v: &Value<'_>) -> &'static str {
    match v {
        Value::Null => "types.Null",
        Value::Bool(_) => "types.Bool",
        Value::Int(_) => "types.Int",
        Value::Uint(_) => "types.Uint",
        Value::Double(_) => "types.Double",
        Value::String(_) => "types.String",
        Value::Bytes(_) => "types.Bytes",
        Value::Timestamp(_) => "types.Timestamp",
        Value::Duration(_) => "types.Duration",
        Value::Optional(_) => "*types.Optional",
        _ => "*types.Type",
    }
}

fn rooted_in_condition(e: &Expr) -> bool {
    match &e.kind {
        Kind::Select { operand, .. } => rooted_in_condition(operand),
        Kind::Call { name, args, .. } => match name.as_str() {
            "_?_:_" => true,
            "_[_]" | "_[?_]" | "_?._" => args.first().is_some_and(rooted_in_condition),
            _ => false,
        },
        _ => false,
    }
}

/// What an optional holds, and whether the value was one.
fn opened(v: Value<'_>) -> (Option<Value<'_>>, bool) {
    match v {
        Value::Optional(inner) => (inner.map(|v| (*v).clone()), true),
        v => (Some(v), false),
    }
}

fn has<'a>(v: &Value<'a>, field: &str) -> Out<'a> {
    match v {
        Value::Map(m) => Ok(Value::Bool(m.field(field).is_some())),
        Value::Optional(None) => Ok(Value::Bool(false)),
        Value::Optional(Some(inner)) => has(inner, field),
        Value::List(_) => Err(EvalError::new("unsupported index type 'string' in list")),
        _ => Err(EvalError::new(format!("no such key: {field}"))),
    }
}

fn select<'a>(v: &Value<'a>, field: &str) -> Out<'a> {
    match v {
        Value::Map(m) => m
            .field(field)
            .ok_or_else(|| EvalError::new(format!("no such key: {field}"))),
        Value::List(_) => Err(EvalError::new("unsupported index type 'string' in list")),
        _ => Err(EvalError::new(format!("no such key: {field}"))),
    }
}

/// The element or entry under a key, if there is one.
fn lookup<'a>(v: &Value<'a>, key: &Value<'a>) -> Result<Option<Value<'a>>, EvalError> {
    match v {
        Value::Map(m) => Ok(m.get(key)),
        Value::List(l) => {
            let i = list_index(key)?;
            Ok(usize::try_from(i).ok().and_then(|i| l.get(i)))
        }
        _ => Err(missing(v, key)),
    }
}

fn list_index(key: &Value<'_>) -> Result<i64, EvalError> {
    let unsupported =
        |shown: String| EvalError::new(format!("unsupported index value {shown} in list"));
    match key {
        Value::Int(i) => Ok(*i),
        Value::Uint(u) => i64::try_from(*u).map_err(|_| unsupported(u.to_string())),
        Value::Double(d) if d.fract() == 0.0 => Ok(*d as i64),
        Value::Double(d) => Err(unsupported(d.to_string())),
        other => Err(EvalError::new(format!(
            "unsupported index type '{}' in list",
            other.type_name()
        ))),
    }
}

fn missing(v: &Value<'_>, key: &Value<'_>) -> EvalError {
    let shown = functions::convert::shown(key);
    match v {
        Value::List(List::Values(_) | List::Json(..)) => {
            EvalError::new(format!("index out of bounds: {shown}"))
        }
        _ => EvalError::new(format!("no such key: {shown}")),
    }
}
