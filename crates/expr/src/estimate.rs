//! How dear an expression can get, from the sizes its schema allows: the upper bound of cel-go's estimate.

use crate::ast::{ACCU, Expr, Fold, Kind};
use crate::crd::{Node, Shape};
use crate::env::Program;
use crate::types::Type;
use crate::value::Value;

/// What is known about a value's size: how many elements at most, and of what schema it is.
#[derive(Clone)]
struct Size<'n> {
    max: u64,
    node: Option<&'n Node>,
    /// The elements of a literal or computed list.
    item: Option<Box<Size<'n>>>,
}

impl<'n> Size<'n> {
    fn unknown() -> Self {
        Self {
            max: u64::MAX,
            node: None,
            item: None,
        }
    }

    fn of(max: u64) -> Self {
        Self {
            max,
            node: None,
            item: None,
        }
    }

    fn node(node: Option<&'n Node>) -> Self {
        Self {
            max: node.map_or(u64::MAX, Node::max_elements),
            node,
            item: None,
        }
    }

    fn element(&self) -> Self {
        if let Some(item) = &self.item {
            return (**item).clone();
        }
        match self.node.map(|n| &n.shape) {
            Some(Shape::List(item) | Shape::Map(item)) => Self::node(Some(item)),
            _ => Self::unknown(),
        }
    }

    fn field(&self, name: &str) -> Self {
        match self.node.map(|n| &n.shape) {
            Some(Shape::Object(fields)) => {
                let found = fields
                    .iter()
                    .find(|(p, _)| crate::crd::escape(p).is_some_and(|e| e == name));
                found.map_or_else(Self::unknown, |(_, (node, _))| Self::node(Some(node)))
            }
            Some(Shape::Map(value)) => Self::node(Some(value)),
            _ => Self::unknown(),
        }
    }
}

impl Program {
    /// The most the expression can cost, when `self` is of the schema node; without one, nothing bounds sizes.
    #[must_use]
    pub fn estimated_cost(&self, node: Option<&Node>) -> u64 {
        Estimate {
            program: self,
            node,
            scopes: Vec::new(),
        }
        .cost(&self.expr)
        .0
    }
}

struct Estimate<'p, 'n> {
    program: &'p Program,
    node: Option<&'n Node>,
    scopes: Vec<(&'p str, Size<'n>)>,
}

fn scaled(n: u64, factor: f64) -> u64 {
    let x = n as f64 * factor;
    if n == u64::MAX && factor >= 1.0 || x >= u64::MAX as f64 {
        u64::MAX
    } else {
        x.ceil() as u64
    }
}

impl<'p, 'n> Estimate<'p, 'n> {
    fn cost(&mut self, e: &'p Expr) -> (u64, Size<'n>) {
        match &e.kind {
            Kind::Literal(v) => (0, literal(v)),
            Kind::Ident(name) => (1, self.ident(name)),
            Kind::Select {
                operand,
                test: true,
                ..
            } => (self.cost(operand).0, Size::of(1)),
            Kind::Select { operand, field, .. } => {
                let (cost, size) = self.cost(operand);
                // A selection whose operand is only known when run counts nothing here.
                let known = matches!(self.type_of(operand), Some(Type::Map(..) | Type::Object(_)));
                (cost.saturating_add(u64::from(known)), size.field(field))
            }
            Kind::Logic { terms, .. } => {
                let sum = terms
                    .iter()
                    .fold(0_u64, |sum, t| sum.saturating_add(self.cost(t).0));
                (sum, Size::of(1))
            }
            Kind::List { elems, .. } => {
                let parts: Vec<_> = elems.iter().map(|x| self.cost(x)).collect();
                let sum = parts
                    .iter()
                    .fold(10_u64, |sum, (c, _)| sum.saturating_add(*c));
                let item = parts
                    .into_iter()
                    .map(|(_, s)| s)
                    .max_by_key(|s| s.max)
                    .map(Box::new);
                (
                    sum,
                    Size {
                        max: elems.len() as u64,
                        node: None,
                        item,
                    },
                )
            }
            Kind::Map(entries) => {
                let cost = |est: &mut Self, x| est.cost(x).0;
                let each = |sum: u64, n: &'p crate::ast::Entry| {
                    sum.saturating_add(cost(self, &n.key))
                        .saturating_add(cost(self, &n.value))
                };
                (
                    entries.iter().fold(30, each),
                    Size::of(entries.len() as u64),
                )
            }
            Kind::Fold(fold) => self.fold(fold),
            Kind::Call { name, target, args } => self.call(e, name, target.as_deref(), args),
            Kind::Struct { .. } | Kind::Bad => (40, Size::unknown()),
        }
    }

    fn type_of(&self, e: &Expr) -> Option<&'p Type> {
        self.program.checked.as_ref().map(|c| &c.types[e.id])
    }

    fn ident(&self, name: &str) -> Size<'n> {
        if let Some((_, size)) = self.scopes.iter().rev().find(|(n, _)| *n == name) {
            return size.clone();
        }
        if matches!(name, "self" | "oldSelf") {
            Size::node(self.node)
        } else {
            Size::unknown()
        }
    }

    fn fold(&mut self, fold: &'p Fold) -> (u64, Size<'n>) {
        let (range_cost, range) = self.cost(&fold.range);
        let (init_cost, init) = self.cost(&fold.init);
        let depth = self.scopes.len();
        let bind = fold.accu != ACCU;
        self.scopes
            .push((&fold.accu, if bind { init } else { Size::unknown() }));
        let keys = matches!(range.node.map(|n| &n.shape), Some(Shape::Map(_)));
        let first = if keys || fold.var2.is_some() {
            Size::unknown()
        } else {
            range.element()
        };
        self.scopes.push((&fold.var, first));
        if let Some(var2) = &fold.var2 {
            self.scopes.push((var2, range.element()));
        }
        let (cond, _) = self.cost(&fold.cond);
        let (step, _) = self.cost(&fold.step);
        self.scopes.truncate(depth + 1);
        let (result, size) = self.cost(&fold.result);
        self.scopes.truncate(depth);
        if bind {
            return (init_cost.saturating_add(result), size);
        }
        let loops = range.max.saturating_mul(cond.saturating_add(step));
        let sum = range_cost
            .saturating_add(init_cost)
            .saturating_add(loops)
            .saturating_add(result);
        let text = matches!(&fold.init.kind, Kind::List { .. });
        (
            sum,
            if text {
                Size::of(range.max)
            } else {
                Size::of(1)
            },
        )
    }

    fn call(
        &mut self,
        e: &'p Expr,
        name: &str,
        target: Option<&'p Expr>,
        args: &'p [Expr],
    ) -> (u64, Size<'n>) {
        let parts: Vec<_> = target
            .into_iter()
            .chain(args)
            .map(|a| self.cost(a))
            .collect();
        if name == "_?_:_" {
            let [cond, yes, no] = &parts[..] else {
                return (u64::MAX, Size::unknown());
            };
            let size = if yes.1.max >= no.1.max {
                yes.1.clone()
            } else {
                no.1.clone()
            };
            return (cond.0.saturating_add(yes.0.max(no.0)), size);
        }
        let args_cost = parts
            .iter()
            .fold(0_u64, |sum, (c, _)| sum.saturating_add(*c));
        let sizes: Vec<Size<'n>> = parts.into_iter().map(|(_, s)| s).collect();
        let ids: Vec<&str> = self
            .program
            .overloads(e.id)
            .iter()
            .map(String::as_str)
            .collect();
        if name == "lists.range" || name == "slice" {
            let int = |e: Option<&Expr>| match e.map(|e| &e.kind) {
                Some(Kind::Literal(Value::Int(i))) => u64::try_from(*i).ok(),
                _ => None,
            };
            let counted = match (int(args.first()), int(args.get(1))) {
                (Some(n), None) if name == "lists.range" => Some(n),
                (Some(from), Some(to)) => Some(to.saturating_sub(from)),
                _ => None,
            };
            let n = counted.unwrap_or(if name == "slice" {
                sizes[0].max
            } else {
                u64::MAX
            });
            return (args_cost.saturating_add(n).saturating_add(11), Size::of(n));
        }
        let of_library = |t: &Type| matches!(t, Type::Opaque(..)) && t.unwrapped().is_none();
        if matches!(name, "_==_" | "_!=_")
            && args
                .first()
                .and_then(|a| self.type_of(a))
                .is_some_and(of_library)
        {
            return (args_cost.saturating_add(1), Size::of(1));
        }
        let own = ids
            .iter()
            .map(|id| own_cost(name, id, &sizes))
            .max()
            .unwrap_or(1);
        (
            args_cost.saturating_add(own),
            result_size(name, &ids, sizes, e),
        )
    }
}

fn literal<'n>(v: &Value<'_>) -> Size<'n> {
    Size::of(v.cost_size())
}

/// The call's own cost, without its arguments'.
fn own_cost(name: &str, id: &str, sizes: &[Size<'_>]) -> u64 {
    let size = |i: usize| sizes.get(i).map_or(u64::MAX, |s| s.max);
    let tenth = |n| scaled(n, 0.1);
    let regex = |s: u64, p: u64| tenth(s.saturating_add(1)).saturating_mul(scaled(p, 0.25));
    match (name, id) {
        ("isSorted" | "sum" | "max" | "min", _)
        | ("indexOf" | "lastIndexOf", "list_a_index_of_int" | "list_a_last_index_of_int") => {
            size(0)
        }
        (
            "indexOf" | "lastIndexOf" | "url" | "lowerAscii" | "upperAscii" | "substring" | "trim"
            | "quantity" | "isQuantity" | "semver" | "isSemver" | "ip" | "cidr" | "isIP" | "isCIDR",
            _,
        ) if id != "cidr_ip" => tenth(size(0)),
        ("replace" | "split" | "ip.isCanonical", _) => scaled(size(0), 0.2),
        ("join", _) => {
            let text = sizes
                .first()
                .filter(|s| s.node.is_some())
                .map_or(u64::MAX, |s| s.element().max);
            tenth(
                size(0)
                    .saturating_mul(text)
                    .saturating_add(size(0).saturating_mul(sizes.get(1).map_or(0, |s| s.max))),
            )
        }
        ("find" | "findAll", _) | (_, "matches" | "matches_string") => regex(size(0), size(1)),
        ("sets.contains" | "sets.intersects", _) => {
            size(0).saturating_mul(size(1)).saturating_add(1)
        }
        ("sets.equivalent", _) => size(0)
            .saturating_mul(size(1))
            .saturating_mul(2)
            .saturating_add(1),
        ("containsIP", _) => (if id.ends_with("_string") {
            tenth(size(1))
        } else {
            0
        })
        .saturating_add(4),
        ("containsCIDR", _) => (if id.ends_with("_string") {
            tenth(size(1))
        } else {
            0
        })
        .saturating_add(7),
        ("validate", _) => tenth(size(1)).saturating_mul(32),
        ("sort", "list_string_sort" | "list_bytes_sort") => {
            scaled(size(0).saturating_mul(size(0)), 2.1).saturating_add(11)
        }
        ("distinct" | "sort" | "@sortByAssociatedKeys", _) => size(0)
            .saturating_mul(size(0))
            .saturating_mul(2)
            .saturating_add(11),
        ("flatten", _) | ("reverse", "list_reverse") => size(0).saturating_add(11),
        (_, "starts_with_string" | "ends_with_string") => tenth(size(1)),
        (_, "string_to_bytes" | "bytes_to_string" | "string_format" | "strings_quote") => {
            tenth(size(0))
        }
        (_, "in_list") => size(1),
        (_, "add_string" | "add_bytes") => tenth(size(0).saturating_add(size(1))),
        (_, "contains_string") => tenth(size(0)).saturating_mul(tenth(size(1))),
        (_, "equals" | "not_equals") => tenth(size(0).min(size(1))).max(1),
        (_, id)
            if (id.starts_with("less_") || id.starts_with("greater_"))
                && (id.ends_with("_string") || id.ends_with("_bytes")) =>
        {
            tenth(size(0).min(size(1))).max(1)
        }
        _ => 1,
    }
}

fn result_size<'n>(name: &str, ids: &[&str], mut sizes: Vec<Size<'n>>, e: &Expr) -> Size<'n> {
    if sizes.is_empty() {
        return Size::unknown();
    }
    let second = (sizes.len() > 1).then(|| sizes.swap_remove(1));
    let first = sizes.swap_remove(0);
    match (name, second) {
        ("_[_]" | "_[?_]", _) => first.element(),
        ("_?._", _) => match &e.kind {
            Kind::Call { args, .. } => match &args[1].kind {
                Kind::Literal(Value::String(field)) => first.field(field),
                _ => Size::unknown(),
            },
            _ => Size::unknown(),
        },
        ("_+_", Some(second))
            if ids
                .iter()
                .any(|id| matches!(*id, "add_string" | "add_bytes" | "add_list")) =>
        {
            let item = if first.item.is_some() || first.node.is_some() {
                Some(Box::new(first.element()))
            } else {
                second.item
            };
            Size {
                max: first.max.saturating_add(second.max),
                node: None,
                item,
            }
        }
        ("orValue", Some(second)) => {
            if first.max >= second.max {
                first
            } else {
                second
            }
        }
        (
            "dyn" | "value" | "optional.of" | "lowerAscii" | "upperAscii" | "substring" | "trim"
            | "url" | "split" | "sort" | "distinct" | "slice" | "reverse",
            _,
        ) => first,
        (
            "size" | "int" | "uint" | "double" | "bool" | "timestamp" | "duration" | "_-_" | "_*_"
            | "_/_" | "_%_" | "indexOf",
            _,
        ) => Size::of(1),
        _ if ids
            .iter()
            .any(|id| matches!(*id, "add_int64" | "add_double" | "add_uint64")) =>
        {
            Size::of(1)
        }
        _ => Size::unknown(),
    }
}
