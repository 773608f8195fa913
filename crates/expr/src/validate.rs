//! Checks of literals behind the type check: elements of one type; in the API server also durations, timestamps,
//! regular expressions.

use crate::ast::{Expr, Kind};
use crate::check::Checked;
use crate::env::{Env, Place};
use crate::error::Issue;
use crate::functions::{regexes, time};
use crate::types::Type;
use crate::value::Value;

/// What is wrong with the literals of an expression.
pub(crate) fn literals(env: &Env, e: &Expr, checked: &Checked) -> Vec<Issue> {
    let mut v = Validator {
        kubernetes: env.place == Place::Kubernetes,
        types: &checked.types,
        out: Vec::new(),
    };
    v.walk(e, false);
    v.out
}

struct Validator<'a> {
    kubernetes: bool,
    types: &'a [Type],
    out: Vec<Issue>,
}

impl Validator<'_> {
    /// Elements of a list or map literal all have one type, but for the arguments of `format`.
    fn same<'e>(&mut self, elems: impl Iterator<Item = (&'e Expr, bool)>) {
        let mut first: Option<Type> = None;
        for (e, optional) in elems {
            let whole = &self.types[e.id];
            let t = if optional {
                whole.unwrapped().unwrap_or(whole)
            } else {
                whole
            }
            .clone();
            match &first {
                None => first = Some(t),
                Some(f) if *f == t => {}
                Some(f) => {
                    self.out.push(Issue::new(
                        e.at,
                        format!("expected type '{f}' but found '{t}'"),
                    ));
                    return;
                }
            }
        }
    }

    fn literal_argument(&mut self, name: &str, args: &[Expr]) {
        let literal = args.last().and_then(|a| match &a.kind {
            Kind::Literal(Value::String(s)) => Some((a.at, s)),
            _ => None,
        });
        let Some((at, s)) = literal else { return };
        let bad = match (name, args.len()) {
            ("duration", 1) => time::parse_duration(s).is_none(),
            ("timestamp", 1) => time::parse_timestamp(s).is_none(),
            ("matches", _) => regexes::compile(s).is_err(),
            _ => false,
        };
        if bad {
            self.out
                .push(Issue::new(at, format!("invalid {name} argument")));
        }
    }

    fn walk(&mut self, e: &Expr, exempt: bool) {
        match &e.kind {
            Kind::Call { name, target, args } => {
                if self.kubernetes {
                    self.literal_argument(name, args);
                }
                let exempt = exempt || name == "format";
                target.iter().for_each(|t| self.walk(t, exempt));
                args.iter().for_each(|a| self.walk(a, exempt));
            }
            Kind::Select { operand, .. } => self.walk(operand, exempt),
            Kind::Logic { terms, .. } => terms.iter().for_each(|t| self.walk(t, exempt)),
            Kind::List { elems, optional } => {
                if !exempt {
                    self.same(
                        elems
                            .iter()
                            .enumerate()
                            .map(|(i, e)| (e, optional.contains(&i))),
                    );
                }
                elems.iter().for_each(|x| self.walk(x, exempt));
            }
            Kind::Map(entries) => {
                if !exempt {
                    self.same(entries.iter().map(|n| (&n.key, false)));
                    self.same(entries.iter().map(|n| (&n.value, n.optional)));
                }
                entries.iter().for_each(|n| {
                    self.walk(&n.key, exempt);
                    self.walk(&n.value, exempt);
                });
            }
            Kind::Fold(f) => {
                [&f.range, &f.init, &f.cond, &f.step, &f.result]
                    .into_iter()
                    .for_each(|x| self.walk(x, exempt));
            }
            Kind::Struct { fields, .. } => fields.iter().for_each(|(_, _, x)| self.walk(x, exempt)),
            Kind::Literal(_) | Kind::Ident(_) | Kind::Bad => {}
        }
    }
}
