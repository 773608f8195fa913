//! The one CEL engine: parse, check, cost, evaluate.
//!
//! ```
//! use expr::{Bindings, Budget, Env, Type};
//! let program = Env::flux(&[("dep", Type::Dyn)]).compile("dep.ready").unwrap();
//! let dep = serde_json::json!({"ready": true});
//! let out = program.eval(&Bindings::new().json("dep", &dep, &Type::Dyn), Budget::default());
//! assert_eq!(out.unwrap().to_json(), Some(serde_json::json!(true)));
//! ```

mod ast;
mod check;
mod cost;
pub mod crd;
mod env;
mod error;
mod estimate;
mod eval;
pub mod flux;
pub mod functions;
pub mod health;
mod lex;
mod macros;
mod parse;
pub mod types;
mod validate;
pub mod value;

pub use env::{Env, Place, Program};
pub use error::{CompileError, EvalError};
pub use eval::{Bindings, Budget};
pub use types::{Field, ObjectType, Type};
pub use value::Value;
