//! Macros: calls that become other trees before anything is checked.

use crate::ast::{ACCU, Expr, Fold, Kind};
use crate::parse::{Parser, Stop};
use crate::value::Value;

type Receiver = (String, Expr, Vec<Expr>);

impl Parser {
    /// `has(a.b)`, or the call as it stands.
    pub(crate) fn global_macro(
        &mut self,
        at: usize,
        depth: usize,
        (name, mut args): (String, Vec<Expr>),
    ) -> Expr {
        if name != "has" || args.len() != 1 {
            return self.node(
                at,
                depth,
                Kind::Call {
                    name,
                    target: None,
                    args,
                },
            );
        }
        let arg = args.remove(0);
        if let Kind::Select { operand, field, .. } = arg.kind {
            return self.node(
                at,
                depth,
                Kind::Select {
                    operand,
                    field,
                    test: true,
                },
            );
        }
        self.issue(arg.at, "invalid argument to has() macro");
        self.node(at, depth, Kind::Bad)
    }

    /// A comprehension, or the member call as it stands.
    pub(crate) fn receiver_macro(
        &mut self,
        at: usize,
        depth: usize,
        (name, target, args): Receiver,
    ) -> Result<Expr, Stop> {
        let mut b = Builder { p: self, at, depth };
        let two = b.p.two_variables;
        Ok(match (name.as_str(), args.len()) {
            ("all" | "exists" | "exists_one", 2) => b.quantifier(&name, target, args, false),
            ("all" | "exists" | "exists_one" | "existsOne", 3) if two => {
                b.quantifier(&name, target, args, true)
            }
            ("map", 2 | 3) | ("filter", 2) => b.map(&name, target, args),
            ("transformList" | "transformMap" | "transformMapEntry", 3 | 4) if two => {
                b.transform(&name, target, args)
            }
            ("optMap" | "optFlatMap", 2) => b.opt_map(name == "optFlatMap", target, args),
            ("sortBy", 2) if b.p.lists => b.sort_by(target, args),
            _ => self.node(
                at,
                depth,
                Kind::Call {
                    name,
                    target: Some(Box::new(target)),
                    args,
                },
            ),
        })
    }
}

struct Builder<'a> {
    p: &'a mut Parser,
    at: usize,
    depth: usize,
}

impl Builder<'_> {
    fn node(&mut self, kind: Kind) -> Expr {
        self.p.node(self.at, self.depth, kind)
    }

    fn accu(&mut self) -> Expr {
        self.node(Kind::Ident(ACCU.into()))
    }

    fn lit(&mut self, value: Value<'static>) -> Expr {
        self.node(Kind::Literal(value))
    }

    fn call(&mut self, name: &str, args: Vec<Expr>) -> Expr {
        self.node(Kind::Call {
            name: name.into(),
            target: None,
            args,
        })
    }

    fn list(&mut self, elems: Vec<Expr>) -> Expr {
        self.node(Kind::List {
            elems,
            optional: vec![],
        })
    }

    fn logic(&mut self, and: bool, left: Expr, right: Expr) -> Expr {
        self.node(Kind::Logic {
            and,
            terms: vec![left, right],
        })
    }

    fn bad(&mut self, at: usize, message: &str) -> Expr {
        self.p.issue(at, message);
        self.node(Kind::Bad)
    }

    /// The accumulator, or what `step` makes of it where the filter holds.
    fn filtered(&mut self, filter: Option<Expr>, step: Expr) -> Expr {
        let Some(filter) = filter else { return step };
        let accu = self.accu();
        self.call("_?_:_", vec![filter, step, accu])
    }

    fn simple_name(&mut self, arg: &Expr, message: &str) -> Result<String, Expr> {
        match &arg.kind {
            Kind::Ident(name) if name == "__result__" => {
                Err(self.bad(arg.at, "iteration variable overwrites accumulator variable"))
            }
            Kind::Ident(name) => Ok(name.clone()),
            _ => Err(self.bad(arg.at, message)),
        }
    }

    fn two_names(&mut self, a: &Expr, b: &Expr) -> Result<(String, String), Expr> {
        const MESSAGE: &str = "argument must be a simple name";
        let first = self.simple_name(a, MESSAGE)?;
        let second = self.simple_name(b, MESSAGE)?;
        if first == second {
            return Err(self.bad(b.at, &format!("duplicate variable name: {first}")));
        }
        Ok((first, second))
    }

    fn quantifier(&mut self, name: &str, range: Expr, mut args: Vec<Expr>, two: bool) -> Expr {
        let test = args.pop();
        let names = match &args[..] {
            [a, b] if two => self.two_names(a, b).map(|(a, b)| (a, Some(b))),
            [a, ..] => self
                .simple_name(a, "argument must be a simple name")
                .map(|a| (a, None)),
            [] => return self.node(Kind::Bad),
        };
        let ((var, var2), Some(test)) = (
            match names {
                Ok(names) => names,
                Err(bad) => return bad,
            },
            test,
        ) else {
            return self.node(Kind::Bad);
        };
        let (init, cond, step, result) = match name {
            "all" => {
                let (init, a, b, result) = (
                    self.lit(Value::Bool(true)),
                    self.accu(),
                    self.accu(),
                    self.accu(),
                );
                (
                    init,
                    self.call("@not_strictly_false", vec![a]),
                    self.logic(true, b, test),
                    result,
                )
            }
            "exists" => {
                let (init, a, b, result) = (
                    self.lit(Value::Bool(false)),
                    self.accu(),
                    self.accu(),
                    self.accu(),
                );
                let not = self.call("!_", vec![a]);
                (
                    init,
                    self.call("@not_strictly_false", vec![not]),
                    self.logic(false, b, test),
                    result,
                )
            }
            _ => {
                let (init, cond, a, b) = (
                    self.lit(Value::Int(0)),
                    self.lit(Value::Bool(true)),
                    self.accu(),
                    self.accu(),
                );
                let (one, again) = (self.lit(Value::Int(1)), self.lit(Value::Int(1)));
                let more = self.call("_+_", vec![a, one]);
                (
                    init,
                    cond,
                    self.filtered(Some(test), more),
                    self.call("_==_", vec![b, again]),
                )
            }
        };
        self.fold(Fold {
            range,
            var,
            var2,
            accu: ACCU.into(),
            init,
            cond,
            step,
            result,
        })
    }

    fn fold(&mut self, fold: Fold) -> Expr {
        self.node(Kind::Fold(Box::new(fold)))
    }

    fn map(&mut self, name: &str, range: Expr, mut args: Vec<Expr>) -> Expr {
        let var = match self.simple_name(&args[0], "argument is not an identifier") {
            Ok(var) => var,
            Err(bad) => return bad,
        };
        let last = args.pop();
        let (filter, element) = match (name, args.len()) {
            ("filter", _) => (last, args.pop()),
            (_, 2) => (args.pop(), last),
            _ => (None, last),
        };
        let Some(element) = element else {
            return self.node(Kind::Bad);
        };
        let (init, cond, accu, result) = (
            self.list(vec![]),
            self.lit(Value::Bool(true)),
            self.accu(),
            self.accu(),
        );
        let one = self.list(vec![element]);
        let step = self.call("_+_", vec![accu, one]);
        let step = self.filtered(filter, step);
        self.fold(Fold {
            range,
            var,
            var2: None,
            accu: ACCU.into(),
            init,
            cond,
            step,
            result,
        })
    }

    fn transform(&mut self, name: &str, range: Expr, mut args: Vec<Expr>) -> Expr {
        let (var, second) = match self.two_names(&args[0], &args[1]) {
            Ok(names) => names,
            Err(bad) => return bad,
        };
        let element = args.pop();
        let filter = (args.len() == 3).then(|| args.pop()).flatten();
        let Some(element) = element else {
            return self.node(Kind::Bad);
        };
        let (cond, accu, result) = (self.lit(Value::Bool(true)), self.accu(), self.accu());
        let init = if name == "transformList" {
            self.list(vec![])
        } else {
            self.node(Kind::Map(vec![]))
        };
        let step = match name {
            "transformList" => {
                let one = self.list(vec![element]);
                self.call("_+_", vec![accu, one])
            }
            "transformMap" => {
                let key = self.node(Kind::Ident(var.clone()));
                self.call("cel.@mapInsert", vec![accu, key, element])
            }
            _ => self.call("cel.@mapInsert", vec![accu, element]),
        };
        let step = self.filtered(filter, step);
        self.fold(Fold {
            range,
            var,
            var2: Some(second),
            accu: ACCU.into(),
            init,
            cond,
            step,
            result,
        })
    }

    /// A comprehension over nothing, whose accumulator is the variable: CEL's `let`.
    fn bind(&mut self, accu: String, init: Expr, result: Expr) -> Expr {
        let range = self.list(vec![]);
        let cond = self.lit(Value::Bool(false));
        let step = self.node(Kind::Ident(accu.clone()));
        self.fold(Fold {
            range,
            var: "#unused".into(),
            var2: None,
            accu,
            init,
            cond,
            step,
            result,
        })
    }

    fn opt_map(&mut self, flat: bool, target: Expr, mut args: Vec<Expr>) -> Expr {
        let Kind::Ident(var) = args[0].kind.clone() else {
            let macro_name = if flat { "optFlatMap" } else { "optMap" };
            let at = args[0].at;
            return self.bad(
                at,
                &format!("{macro_name}() variable name must be a simple identifier"),
            );
        };
        let Some(body) = args.pop() else {
            return self.node(Kind::Bad);
        };
        let name = "@target";
        let (at, depth) = (self.at, self.depth);
        let member = |b: &mut Self, method: &str| {
            let target = Box::new(b.node(Kind::Ident(name.into())));
            b.p.node(
                at,
                depth,
                Kind::Call {
                    name: method.into(),
                    target: Some(target),
                    args: vec![],
                },
            )
        };
        let (has, value) = (member(self, "hasValue"), member(self, "value"));
        let mapped = self.bind(var, value, body);
        let yes = if flat {
            mapped
        } else {
            self.call("optional.of", vec![mapped])
        };
        let no = self.call("optional.none", vec![]);
        let choice = self.call("_?_:_", vec![has, yes, no]);
        self.bind(name.into(), target, choice)
    }

    fn sort_by(&mut self, target: Expr, mut args: Vec<Expr>) -> Expr {
        let (Some(key), Some(var)) = (args.pop(), args.pop()) else {
            return self.node(Kind::Bad);
        };
        if !matches!(
            target.kind,
            Kind::Ident(_)
                | Kind::Select { .. }
                | Kind::List { .. }
                | Kind::Call { .. }
                | Kind::Fold(_)
        ) {
            let at = target.at;
            return self.bad(at, "sortBy can only be applied to a list, identifier, comprehension, call or select expression");
        }
        let name = "@__sortBy_input__";
        let (range, list) = (
            self.node(Kind::Ident(name.into())),
            self.node(Kind::Ident(name.into())),
        );
        let keys = self.map("map", range, vec![var, key]);
        let target_list = Some(Box::new(list));
        let sorted = self.node(Kind::Call {
            name: "@sortByAssociatedKeys".into(),
            target: target_list,
            args: vec![keys],
        });
        self.bind(name.into(), target, sorted)
    }
}
