//! Environments: what an expression may name, by place of use, and the programs compiled there.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use crate::ast::Expr;
use crate::check::{self, Checked};
use crate::error::CompileError;
use crate::parse::{self, Macros};
use crate::types::Type;

/// One declared form of a function.
#[derive(Debug)]
pub(crate) struct Overload {
    pub(crate) id: String,
    pub(crate) member: bool,
    pub(crate) args: Vec<Type>,
    pub(crate) result: Type,
}

/// The functions of a place of use.
#[derive(Debug)]
struct Table(HashMap<String, Vec<Overload>>);

impl Table {
    fn read(text: &str) -> Self {
        let mut map: HashMap<String, Vec<Overload>> = HashMap::new();
        for line in text.lines() {
            let mut cells = line.split('\t');
            let mut cell = || cells.next().unwrap_or_default();
            let (name, id, style, args, result) = (cell(), cell(), cell(), cell(), cell());
            let args = args
                .split("; ")
                .filter(|a| !a.is_empty())
                .map(Type::parse)
                .collect();
            let overload = Overload {
                id: id.into(),
                member: style == "m",
                args,
                result: Type::parse(result),
            };
            map.entry(name.into()).or_default().push(overload);
        }
        Self(map)
    }

    fn of(place: Place) -> &'static Self {
        static TABLES: [OnceLock<Table>; 2] = [OnceLock::new(), OnceLock::new()];
        let (slot, text) = match place {
            Place::Kubernetes => (0, include_str!("table/crd.tsv")),
            Place::Flux => (1, include_str!("table/flux.tsv")),
        };
        TABLES[slot].get_or_init(|| Self::read(text))
    }
}

/// Whose libraries and rules hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The API server's, as of Kubernetes 1.36: validation rules of CRDs.
    Kubernetes,
    /// The toolkit's: dependencies, filters, health.
    Flux,
}

/// An environment: a place of use and its variables.
#[derive(Clone, Debug)]
pub struct Env {
    pub(crate) place: Place,
    variables: BTreeMap<String, Type>,
}

const TYPE_NAMES: [(&str, Type); 9] = [
    ("bool", Type::Bool),
    ("bytes", Type::Bytes),
    ("double", Type::Double),
    ("google.protobuf.Duration", Type::Duration),
    ("google.protobuf.Timestamp", Type::Timestamp),
    ("int", Type::Int),
    ("null_type", Type::Null),
    ("string", Type::String),
    ("uint", Type::Uint),
];
const KUBERNETES_TYPES: [&str; 6] = [
    "kubernetes.URL",
    "kubernetes.Quantity",
    "kubernetes.Semver",
    "net.IP",
    "net.CIDR",
    "kubernetes.NamedFormat",
];

impl Env {
    /// An environment without variables.
    #[must_use]
    pub fn new(place: Place) -> Self {
        Self {
            place,
            variables: BTreeMap::new(),
        }
    }

    /// The environment of a CRD's validation rules: `self` and `oldSelf`.
    #[must_use]
    pub fn crd(self_type: Type) -> Self {
        Self::new(Place::Kubernetes)
            .declare("self", self_type.clone())
            .declare("oldSelf", self_type)
    }

    /// The toolkit's environment with its variables.
    #[must_use]
    pub fn flux(variables: &[(&str, Type)]) -> Self {
        variables
            .iter()
            .fold(Self::new(Place::Flux), |env, (name, ty)| {
                env.declare(name, ty.clone())
            })
    }

    /// Adds a variable.
    #[must_use]
    pub fn declare(mut self, name: &str, ty: Type) -> Self {
        self.variables.insert(name.into(), ty);
        self
    }

    /// Parses and checks an expression.
    ///
    /// # Errors
    /// What cel-go complains about, in its words.
    pub fn compile(&self, src: &str) -> Result<Program, CompileError> {
        let chars: Vec<char> = src.chars().collect();
        let (mut expr, nodes) = parse::parse(&chars, self.macros())?;
        let checked = check::check(self, &mut expr, nodes)
            .map_err(|issues| CompileError::new(&chars, issues))?;
        let invalid = crate::validate::literals(self, &expr, &checked);
        if !invalid.is_empty() {
            return Err(CompileError::new(&chars, invalid));
        }
        Ok(Program::new(self.clone(), expr, Some(checked)))
    }

    /// Parses an expression and leaves its names and types to the run.
    ///
    /// # Errors
    /// Syntax errors, in cel-go's words.
    pub fn parse(&self, src: &str) -> Result<Program, CompileError> {
        let chars: Vec<char> = src.chars().collect();
        let (expr, _) = parse::parse(&chars, self.macros())?;
        Ok(Program::new(self.clone(), expr, None))
    }

    fn macros(&self) -> Macros {
        let kubernetes = self.place == Place::Kubernetes;
        Macros {
            two_variables: kubernetes,
            lists: kubernetes,
        }
    }

    pub(crate) fn variable(&self, name: &str) -> Option<&Type> {
        self.variables.get(name)
    }

    /// The `type(…)` an identifier names.
    pub(crate) fn named_type(&self, name: &str) -> Option<Type> {
        let of = |t: Type| Type::Type(Some(Arc::new(t)));
        if let Some((_, t)) = TYPE_NAMES.iter().find(|(n, _)| *n == name) {
            return Some(of(t.clone()));
        }
        match name {
            "list" => Some(of(Type::list(Type::Dyn))),
            "map" => Some(of(Type::map(Type::Dyn, Type::Dyn))),
            "type" => Some(of(Type::Type(None))),
            "optional_type" => Some(of(Type::optional(Type::Dyn))),
            _ if self.place == Place::Kubernetes && KUBERNETES_TYPES.contains(&name) => {
                Some(of(Type::opaque(name)))
            }
            _ => None,
        }
    }

    pub(crate) fn overloads(&self, name: &str) -> Option<&'static [Overload]> {
        if self.refused(name).is_some() {
            return None;
        }
        Table::of(self.place).0.get(name).map(Vec::as_slice)
    }

    pub(crate) fn has_function(&self, name: &str) -> bool {
        Table::of(self.place).0.contains_key(name)
    }

    /// Why a function upstream has is not here: the authorizer's, which no place of use declares a variable for.
    pub(crate) fn refused(&self, name: &str) -> Option<String> {
        let overloads = Table::of(self.place).0.get(name)?;
        let authorizer = |t: &Type| t.to_string().starts_with("kubernetes.authorization.");
        overloads
            .iter()
            .all(|o| o.args.first().is_some_and(authorizer))
            .then(|| format!("function '{name}' of the authorizer library is not supported"))
    }
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Program {
    pub(crate) env: Env,
    pub(crate) expr: Arc<Expr>,
    pub(crate) checked: Option<Arc<Checked>>,
}

impl Program {
    fn new(env: Env, expr: Expr, checked: Option<Checked>) -> Self {
        Self {
            env,
            expr: Arc::new(expr),
            checked: checked.map(Arc::new),
        }
    }

    /// The type of the value; `dyn` when the expression was only parsed.
    #[must_use]
    pub fn output_type(&self) -> Type {
        self.checked
            .as_ref()
            .map_or(Type::Dyn, |c| c.types[self.expr.id].clone())
    }

    /// The overload ids the checker left for a call.
    pub(crate) fn overloads(&self, id: usize) -> &[String] {
        self.checked
            .as_ref()
            .and_then(|c| c.overloads.get(&id))
            .map_or(&[], Vec::as_slice)
    }
}
