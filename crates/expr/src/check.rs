//! The type checker: every name declared, every call with an overload that takes its arguments.

use std::collections::BTreeMap;

use crate::ast::{Entry, Expr, Fold, Kind};
use crate::env::{Env, Overload};
use crate::error::Issue;
use crate::types::Type;

/// What checking found out about a tree.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checked {
    /// Type by node number.
    pub(crate) types: Vec<Type>,
    /// Overloads that may be meant, by number of the calling node.
    pub(crate) overloads: BTreeMap<usize, Vec<String>>,
}

/// How many steps over types a check may take: types can double with every link of a chain.
const FUEL: usize = 2_000_000;

/// Checks the tree; qualified names become identifiers and plain calls in it.
pub(crate) fn check(env: &Env, expr: &mut Expr, nodes: usize) -> Result<Checked, Vec<Issue>> {
    let mut c = Checker {
        env,
        scopes: Vec::new(),
        subst: Vec::new(),
        trail: Vec::new(),
        issues: Vec::new(),
        fuel: FUEL,
        out: Checked {
            types: vec![Type::Error; nodes],
            overloads: BTreeMap::new(),
        },
    };
    c.check(expr);
    if c.fuel == 0 {
        c.issues = vec![Issue {
            at: None,
            message: "expression is too complex to type check".into(),
        }];
    }
    if !c.issues.is_empty() {
        return Err(c.issues);
    }
    let types = std::mem::take(&mut c.out.types);
    c.out.types = types.iter().map(|t| c.resolve(t, true)).collect();
    if c.fuel == 0 {
        return Err(vec![Issue {
            at: None,
            message: "expression is too complex to type check".into(),
        }]);
    }
    Ok(c.out)
}

struct Checker<'a> {
    env: &'a Env,
    scopes: Vec<(String, Type)>,
    subst: Vec<Option<Type>>,
    trail: Vec<(usize, Option<Type>)>,
    issues: Vec<Issue>,
    fuel: usize,
    out: Checked,
}

impl Checker<'_> {
    fn issue(&mut self, at: usize, message: String) {
        if self.issues.len() < 200 {
            self.issues.push(Issue::new(at, message));
        }
    }

    fn undeclared(&mut self, at: usize, name: &str) -> Type {
        self.issue(
            at,
            format!("undeclared reference to '{name}' (in container '')"),
        );
        Type::Error
    }

    fn ty(&self, e: &Expr) -> Type {
        self.out.types[e.id].clone()
    }

    fn check(&mut self, e: &mut Expr) {
        let ty = self.infer(e);
        self.out.types[e.id] = ty;
    }

    fn infer(&mut self, e: &mut Expr) -> Type {
        let at = e.at;
        match &mut e.kind {
            Kind::Literal(v) => v.type_of(),
            Kind::Ident(name) => {
                let bare = name.strip_prefix('.').unwrap_or(name).to_owned();
                match self.lookup(&bare) {
                    Some(t) => {
                        *name = bare;
                        t
                    }
                    None => self.undeclared(at, name),
                }
            }
            Kind::Select { .. } => self.select(e),
            Kind::Call { .. } => self.call(e),
            Kind::Logic { and, terms } => {
                let id = if *and { "logical_and" } else { "logical_or" };
                self.out.overloads.insert(e.id, vec![id.into()]);
                self.logic(terms)
            }
            Kind::List { elems, optional } => self.list(elems, optional),
            Kind::Map(entries) => self.map(entries),
            Kind::Struct { name, fields } => self.message(at, name, fields),
            Kind::Fold(fold) => self.fold(fold),
            Kind::Bad => Type::Error,
        }
    }

    fn message(&mut self, at: usize, name: &str, fields: &mut [(usize, String, Expr)]) -> Type {
        for (_, _, v) in fields {
            self.check(v);
        }
        if self.env.named_type(name).is_some() {
            self.issue(at, format!("'{name}' is not a message type"));
            return Type::Error;
        }
        self.undeclared(at, name)
    }

    fn logic(&mut self, terms: &mut [Expr]) -> Type {
        for t in terms {
            self.check(t);
            let found = self.ty(t);
            if !self.assignable(&found, &Type::Bool) {
                let found = self.resolve(&found, false);
                self.issue(t.at, format!("expected type 'bool' but found '{found}'"));
            }
        }
        Type::Bool
    }

    fn list(&mut self, elems: &mut [Expr], optional: &[usize]) -> Type {
        let mut joined = None;
        for (i, el) in elems.iter_mut().enumerate() {
            self.check(el);
            let t = if optional.contains(&i) {
                self.unwrap(el)
            } else {
                self.ty(el)
            };
            joined = Some(self.join(joined, t));
        }
        Type::list(joined.unwrap_or_else(|| self.fresh()))
    }

    fn map(&mut self, entries: &mut [Entry]) -> Type {
        let (mut key, mut value) = (None, None);
        for entry in entries.iter_mut() {
            self.check(&mut entry.key);
            let k = self.ty(&entry.key);
            key = Some(self.join(key, k));
            self.check(&mut entry.value);
            let v = if entry.optional {
                self.unwrap(&entry.value)
            } else {
                self.ty(&entry.value)
            };
            value = Some(self.join(value, v));
        }
        let key = key.unwrap_or_else(|| self.fresh());
        Type::map(key, value.unwrap_or_else(|| self.fresh()))
    }

    fn lookup(&self, name: &str) -> Option<Type> {
        let local = self
            .scopes
            .iter()
            .rev()
            .find(|(n, _)| n == name)
            .map(|(_, t)| t.clone());
        local
            .or_else(|| self.env.variable(name).cloned())
            .or_else(|| self.env.named_type(name))
    }

    fn unwrap(&mut self, e: &Expr) -> Type {
        let t = self.ty(e);
        let resolved = self.resolve(&t, false);
        if let Some(inner) = resolved.unwrapped() {
            return inner.clone();
        }
        if !resolved.is_dyn() && resolved != Type::Error {
            self.issue(
                e.at,
                format!("expected type 'optional_type({resolved})' but found '{resolved}'"),
            );
        }
        t
    }

    /// The common type of the elements of a literal; that they all have the same is checked afterwards.
    fn join(&mut self, previous: Option<Type>, current: Type) -> Type {
        let Some(previous) = previous else {
            return current;
        };
        if self.assignable(&previous, &current) {
            return if less_specific(&previous, &current) {
                previous
            } else {
                current
            };
        }
        Type::Dyn
    }

    fn select(&mut self, e: &mut Expr) -> Type {
        if let Some(name) = qualified(e)
            && let Some(t) = self.lookup(&name)
        {
            e.kind = Kind::Ident(name);
            return t;
        }
        let at = e.at;
        let Kind::Select {
            operand,
            field,
            test,
        } = &mut e.kind
        else {
            return Type::Error;
        };
        let (field, test) = (field.clone(), *test);
        let t = self.field(at, operand, &field, false);
        if test { Type::Bool } else { t }
    }

    fn field(&mut self, at: usize, operand: &mut Expr, field: &str, optional: bool) -> Type {
        self.check(operand);
        let found = self.ty(operand);
        let whole = self.resolve(&found, false);
        let inner = whole.unwrapped().cloned();
        let wrap = optional || inner.is_some();
        let target = inner.unwrap_or(whole);
        let t = match &target {
            Type::Map(_, value) => (**value).clone(),
            Type::Object(object) => {
                if let Some(f) = object.fields.get(field) {
                    f.ty.clone()
                } else {
                    self.issue(at, format!("undefined field '{field}'"));
                    Type::Error
                }
            }
            Type::Var(_) => {
                self.assignable(&Type::Dyn, &target);
                Type::Dyn
            }
            Type::Dyn | Type::Error => Type::Dyn,
            other => {
                self.issue(
                    at,
                    format!("type '{other}' does not support field selection"),
                );
                Type::Dyn
            }
        };
        if wrap { Type::optional(t) } else { t }
    }

    fn call(&mut self, e: &mut Expr) -> Type {
        let (at, id) = (e.at, e.id);
        let Kind::Call { name, target, args } = &mut e.kind else {
            return Type::Error;
        };
        if name == "_?._" && args.len() == 2 {
            self.out
                .overloads
                .insert(id, vec!["select_optional_field".into()]);
            let (left, right) = args.split_at_mut(1);
            self.out.types[right[0].id] = Type::String;
            let Kind::Literal(crate::value::Value::String(field)) = &right[0].kind else {
                return Type::Error;
            };
            return self.field(at, &mut left[0], field, true);
        }
        for a in args.iter_mut() {
            self.check(a);
        }
        if let Some(t) = target
            && let Some(prefix) = qualified(t)
            && !self.scopes.iter().any(|(n, _)| *n == prefix)
        {
            let full = format!("{prefix}.{name}");
            if self.env.has_function(&full) {
                *name = full;
                *target = None;
            }
        }
        let bare = name.strip_prefix('.').unwrap_or(name).to_owned();
        if let Some(t) = target {
            self.check(t);
        }
        let Some(overloads) = self.env.overloads(&bare) else {
            let on_error = target
                .as_deref()
                .is_some_and(|t| self.out.types[t.id] == Type::Error);
            if let Some(reason) = self.env.refused(&bare) {
                if on_error {
                    return Type::Error;
                }
                self.issue(at, reason);
                return Type::Error;
            }
            return self.undeclared(at, &name.clone());
        };
        *name = bare;
        let types: Vec<Type> = target
            .iter()
            .map(|t| &**t)
            .chain(args.iter())
            .map(|a| self.out.types[a.id].clone())
            .collect();
        self.resolve_overload((at, id), (name, target.is_some()), &types, overloads)
    }

    fn resolve_overload(
        &mut self,
        (at, id): (usize, usize),
        (name, member): (&str, bool),
        types: &[Type],
        overloads: &[Overload],
    ) -> Type {
        let (mut result, mut ids) = (None::<Type>, Vec::new());
        for o in overloads
            .iter()
            .filter(|o| o.member == member && o.args.len() == types.len())
        {
            let mut vars = BTreeMap::new();
            let args: Vec<Type> = o
                .args
                .iter()
                .map(|a| self.instantiate(a, &mut vars))
                .collect();
            let out = self.instantiate(&o.result, &mut vars);
            if !self.all_assignable(types, &args) {
                continue;
            }
            ids.push(o.id.clone());
            let out = self.resolve(&out, false);
            result = Some(match result {
                None => out,
                Some(r) if r.is_dyn() || r == out => r,
                Some(_) => Type::Dyn,
            });
        }
        if let Some(t) = result {
            self.out.overloads.insert(id, ids);
            return t;
        }
        let mut shown: Vec<String> = types
            .iter()
            .map(|t| self.resolve(t, true).to_string())
            .collect();
        let receiver = if member {
            format!("{}.", shown.remove(0))
        } else {
            String::new()
        };
        self.issue(
            at,
            format!(
                "found no matching overload for '{name}' applied to '{receiver}({})'",
                shown.join(", ")
            ),
        );
        Type::Error
    }

    fn fold(&mut self, fold: &mut Fold) -> Type {
        self.check(&mut fold.range);
        self.check(&mut fold.init);
        let found = self.ty(&fold.range);
        let range = self.resolve(&found, false);
        let accu = self.ty(&fold.init);
        let depth = self.scopes.len();
        self.scopes.push((fold.accu.clone(), accu.clone()));
        let two = fold.var2.is_some();
        let (first, second) = match &range {
            Type::List(e) if two => (Type::Int, (**e).clone()),
            Type::List(e) => ((**e).clone(), Type::Dyn),
            Type::Map(k, v) => ((**k).clone(), (**v).clone()),
            Type::Dyn | Type::Error | Type::Var(_) => {
                self.assignable(&Type::Dyn, &range);
                (Type::Dyn, Type::Dyn)
            }
            other => {
                self.issue(fold.range.at, format!("expression of type '{other}' cannot be range of a comprehension (must be list, map, or dynamic)"));
                (Type::Error, Type::Error)
            }
        };
        self.scopes.push((fold.var.clone(), first));
        if let Some(var2) = &fold.var2 {
            self.scopes.push((var2.clone(), second));
        }
        self.check(&mut fold.cond);
        self.must_be(&fold.cond, &Type::Bool);
        self.check(&mut fold.step);
        self.must_be(&fold.step, &accu);
        self.scopes.truncate(depth + 1);
        self.check(&mut fold.result);
        self.scopes.truncate(depth);
        let t = self.ty(&fold.result);
        self.resolve(&t, false)
    }

    fn must_be(&mut self, e: &Expr, expected: &Type) {
        let found = self.ty(e);
        if !self.assignable(expected, &found) {
            let (expected, found) = (self.resolve(expected, false), self.resolve(&found, false));
            self.issue(
                e.at,
                format!("expected type '{expected}' but found '{found}'"),
            );
        }
    }

    fn fresh(&mut self) -> Type {
        self.subst.push(None);
        Type::Var(self.subst.len() - 1)
    }

    fn instantiate(&mut self, t: &Type, vars: &mut BTreeMap<char, Type>) -> Type {
        match t {
            Type::Param(c) => {
                if let Some(v) = vars.get(c) {
                    return v.clone();
                }
                let v = self.fresh();
                vars.insert(*c, v.clone());
                v
            }
            other => other.rebuild(&mut |p| self.instantiate(p, vars)),
        }
    }

    /// The type with bound variables replaced; unbound ones become `dyn` when `to_dyn`.
    fn resolve(&mut self, t: &Type, to_dyn: bool) -> Type {
        if self.fuel == 0 {
            return Type::Dyn;
        }
        self.fuel -= 1;
        match t {
            Type::Var(n) => match self.subst[*n].clone() {
                Some(bound) => self.resolve(&bound, to_dyn),
                None if to_dyn => Type::Dyn,
                None => t.clone(),
            },
            Type::List(_) | Type::Map(..) | Type::Opaque(..) | Type::Type(Some(_)) => {
                t.rebuild(&mut |p| self.resolve(p, to_dyn))
            }
            other => other.clone(),
        }
    }

    fn bind(&mut self, var: usize, t: Type) {
        let old = self.subst[var].replace(t);
        self.trail.push((var, old));
    }

    fn undo(&mut self, mark: usize) {
        while self.trail.len() > mark {
            if let Some((var, old)) = self.trail.pop() {
                self.subst[var] = old;
            }
        }
    }

    fn assignable(&mut self, a: &Type, b: &Type) -> bool {
        let mark = self.trail.len();
        let ok = self.unify(a, b);
        if !ok {
            self.undo(mark);
        }
        ok
    }

    fn all_assignable(&mut self, a: &[Type], b: &[Type]) -> bool {
        let mark = self.trail.len();
        let ok = a.iter().zip(b).all(|(a, b)| self.unify(a, b));
        if !ok {
            self.undo(mark);
        }
        ok
    }

    fn unify(&mut self, a: &Type, b: &Type) -> bool {
        if self.fuel == 0 {
            return true;
        }
        self.fuel -= 1;
        if let Type::Var(n) = b {
            let bound = self.subst[*n].is_some();
            if self.substitutes(a, *n) {
                return true;
            }
            if bound {
                return false;
            }
        }
        if let Type::Var(n) = a {
            return self.substitutes(b, *n);
        }
        match (a, b) {
            (Type::Dyn | Type::Error, _) | (_, Type::Dyn | Type::Error) => true,
            (Type::Null, other) | (other, Type::Null) => {
                matches!(
                    other,
                    Type::Null
                        | Type::Opaque(..)
                        | Type::Object(_)
                        | Type::Timestamp
                        | Type::Duration
                )
            }
            (Type::Type(_), Type::Type(_)) => true,
            (Type::List(x), Type::List(y)) => self.unify(x, y),
            (Type::Map(k, v), Type::Map(l, w)) => self.unify(k, l) && self.unify(v, w),
            (Type::Opaque(n, p), Type::Opaque(m, q)) => {
                n == m
                    && p.len() == q.len()
                    && p.iter().zip(q.iter()).all(|(x, y)| self.unify(x, y))
            }
            _ => a == b,
        }
    }

    /// Whether `t` may stand for the variable; binds it.
    fn substitutes(&mut self, t: &Type, var: usize) -> bool {
        if *t == Type::Var(var) {
            return true;
        }
        if let Some(bound) = self.subst[var].clone() {
            if *t == bound {
                return true;
            }
            if !self.unify(t, &bound) {
                return false;
            }
            let general = if less_specific(t, &bound) {
                t.clone()
            } else {
                bound
            };
            if !self.occurs(var, &general) {
                self.bind(var, general);
            }
            return true;
        }
        if self.occurs(var, t) {
            return false;
        }
        self.bind(var, t.clone());
        true
    }

    fn occurs(&mut self, var: usize, t: &Type) -> bool {
        if self.fuel == 0 {
            return false;
        }
        self.fuel -= 1;
        match t {
            Type::Var(n) if *n == var => true,
            Type::Var(n) => self.subst[*n].clone().is_some_and(|b| self.occurs(var, &b)),
            other => other.params().into_iter().any(|p| self.occurs(var, p)),
        }
    }
}

/// Whether `a` is the more general of two types known to unify.
fn less_specific(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Dyn | Type::Var(_), _) => true,
        (_, Type::Dyn | Type::Var(_)) => false,
        (Type::List(x), Type::List(y)) => less_specific(x, y),
        (Type::Map(k, v), Type::Map(l, w)) => less_specific(k, l) && less_specific(v, w),
        (Type::Opaque(n, p), Type::Opaque(m, q)) => {
            n == m && p.iter().zip(q.iter()).all(|(x, y)| less_specific(x, y))
        }
        (Type::Type(_), Type::Type(_)) => true,
        _ => a == b,
    }
}

/// The dotted name a chain of selections spells.
pub(crate) fn qualified(e: &Expr) -> Option<String> {
    match &e.kind {
        Kind::Ident(name) => Some(name.strip_prefix('.').unwrap_or(name).to_owned()),
        Kind::Select {
            operand,
            field,
            test: false,
        } => Some(format!("{}.{field}", qualified(operand)?)),
        _ => None,
    }
}
