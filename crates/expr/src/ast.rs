//! The tree an expression is parsed to, macros already expanded.

use crate::value::Value;

/// One node and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Expr {
    /// Code point offset that complaints about the node point at.
    pub(crate) at: usize,
    /// Number of the node, unique in its tree; types and overloads are kept beside the tree under it.
    pub(crate) id: usize,
    /// Depth by the grammar's recursive rules.
    pub(crate) depth: usize,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Literal(Value<'static>),
    Ident(String),
    /// `operand.field`; `test` is `has(operand.field)`.
    Select {
        operand: Box<Expr>,
        field: String,
        test: bool,
    },
    Call {
        name: String,
        target: Option<Box<Expr>>,
        args: Vec<Expr>,
    },
    /// `&&` or `||` over all their terms.
    Logic {
        and: bool,
        terms: Vec<Expr>,
    },
    List {
        elems: Vec<Expr>,
        optional: Vec<usize>,
    },
    Map(Vec<Entry>),
    Struct {
        name: String,
        fields: Vec<(usize, String, Expr)>,
    },
    Fold(Box<Fold>),
    /// Where parsing failed; never checked or run.
    Bad,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Expr,
    pub(crate) value: Expr,
    pub(crate) optional: bool,
}

/// A comprehension.
#[derive(Clone, Debug)]
pub(crate) struct Fold {
    pub(crate) range: Expr,
    pub(crate) var: String,
    pub(crate) var2: Option<String>,
    pub(crate) accu: String,
    pub(crate) init: Expr,
    pub(crate) cond: Expr,
    pub(crate) step: Expr,
    pub(crate) result: Expr,
}

/// The accumulator's name, which no source text can spell.
pub(crate) const ACCU: &str = "@result";
