//! Health by expressions: what `healthCheckExprs` say about one object.

use krm::Value as Json;

use crate::eval::{Bindings, Budget};
use crate::flux::{self, Expression};

/// The three expressions of one kind of object. They are parsed, not checked: kinds differ in their top-level fields.
#[derive(Clone, Debug)]
pub struct Evaluator {
    current: Expression,
    in_progress: Option<Expression>,
    failed: Option<Expression>,
}

/// What the expressions say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It is as its spec wants it.
    Current,
    /// It is on its way.
    InProgress,
    /// It will not get there.
    Failed,
}

/// Why the expressions were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no `current`.
    #[error("expression Current not specified")]
    NoCurrent,
    /// One does not parse.
    #[error("failed to parse the expression {0}: {1}")]
    Parse(&'static str, flux::Error),
}

impl Evaluator {
    /// Parses the expressions; an empty one counts as absent.
    ///
    /// # Errors
    /// No `current`, or a syntax error.
    pub fn new(current: &str, in_progress: &str, failed: &str) -> Result<Self, Error> {
        let parse = |name, src: &str| {
            if src.is_empty() {
                return Ok(None);
            }
            Expression::parse(src)
                .map(Some)
                .map_err(|e| Error::Parse(name, e))
        };
        let current = parse("Current", current)?.ok_or(Error::NoCurrent)?;
        let failed = parse("Failed", failed)?;
        Ok(Self {
            current,
            in_progress: parse("InProgress", in_progress)?,
            failed,
        })
    }

    /// The health of an object. An object whose controller has not seen its generation is on its way.
    ///
    /// # Errors
    /// The first expression that fails.
    pub fn evaluate(&self, object: &Json, budget: Budget) -> Result<Health, flux::Error> {
        let number = |path: [&str; 2]| object.get(path[0])?.get(path[1])?.as_i64();
        if let (Some(seen), Some(generation)) = (
            number(["status", "observedGeneration"]),
            number(["metadata", "generation"]),
        ) && seen != generation
        {
            return Ok(Health::InProgress);
        }
        let vars = Bindings::new().fields(object);
        let cases = [
            (self.in_progress.as_ref(), Health::InProgress),
            (self.failed.as_ref(), Health::Failed),
            (Some(&self.current), Health::Current),
        ];
        for (expression, health) in cases {
            if let Some(e) = expression
                && e.eval_bool(&vars, budget)?
            {
                return Ok(health);
            }
        }
        Ok(Health::InProgress)
    }
}
