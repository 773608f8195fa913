//! Expressions in the toolkit's objects: compiled with their variables and the type of their result, in its words.

use crate::env::{Env, Place, Program};
use crate::eval::{Bindings, Budget};
use crate::types::Type;
use crate::value::Value;

/// An expression of the toolkit.
#[derive(Clone, Debug)]
pub struct Expression {
    src: String,
    program: Program,
}

/// Why an expression of the toolkit was refused or gave no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It does not parse or check.
    #[error("failed to parse the CEL expression '{0}': {1}")]
    Parse(String, crate::error::CompileError),
    /// Its result has another type than the place takes.
    #[error("CEL expression output type mismatch: expected {0}, got {1}")]
    Output(Type, Type),
    /// The run failed.
    #[error("failed to evaluate the CEL expression '{0}': {1}")]
    Eval(String, crate::error::EvalError),
    /// The value is not of the wanted type.
    #[error("failed to evaluate CEL expression as {1}: '{0}'")]
    NotA(String, &'static str),
}

impl Expression {
    /// Compiles an expression over object variables.
    ///
    /// # Errors
    /// A syntax or type error, or another output type.
    pub fn compile(
        src: &str,
        variables: &[(&str, Type)],
        output: Option<&Type>,
    ) -> Result<Self, Error> {
        let compiled = Env::flux(variables).compile(src);
        let program = compiled.map_err(|e| Error::Parse(src.into(), e))?;
        if let Some(wanted) = output
            && program.output_type() != *wanted
        {
            return Err(Error::Output(wanted.clone(), program.output_type()));
        }
        Ok(Self {
            src: src.into(),
            program,
        })
    }

    /// Parses an expression without checking it: its variables are not known.
    ///
    /// # Errors
    /// A syntax error.
    pub fn parse(src: &str) -> Result<Self, Error> {
        let program = Env::new(Place::Flux)
            .parse(src)
            .map_err(|e| Error::Parse(src.into(), e))?;
        Ok(Self {
            src: src.into(),
            program,
        })
    }

    /// The source text.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.src
    }

    /// Runs the expression.
    ///
    /// # Errors
    /// The run's error.
    pub fn eval<'a>(&self, vars: &Bindings<'a>, budget: Budget) -> Result<Value<'a>, Error> {
        self.program
            .eval(vars, budget)
            .map_err(|e| Error::Eval(self.src.clone(), e))
    }

    /// Runs the expression for a yes or no.
    ///
    /// # Errors
    /// The run's error, or a value that is no bool.
    pub fn eval_bool(&self, vars: &Bindings<'_>, budget: Budget) -> Result<bool, Error> {
        match self.eval(vars, budget)? {
            Value::Bool(b) => Ok(b),
            _ => Err(Error::NotA(self.src.clone(), "boolean")),
        }
    }

    /// Runs the expression for a text.
    ///
    /// # Errors
    /// The run's error, or a value that is no string.
    pub fn eval_string(&self, vars: &Bindings<'_>, budget: Budget) -> Result<String, Error> {
        match self.eval(vars, budget)? {
            Value::String(s) => Ok(s.to_string()),
            _ => Err(Error::NotA(self.src.clone(), "string")),
        }
    }
}
