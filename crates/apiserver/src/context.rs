//! One request about a resource, with all that its handler needs.

use bytes::Bytes;
use clock::Timestamp;
use http::HeaderMap;
use krm::Value;
use schema::{FieldError, FieldValidation};

use crate::Server;
use crate::auth::User;
use crate::negotiate::Form;
use crate::registry::Resource;
use crate::request::{Query, RequestInfo};
use crate::status::{ApiError, GroupResource};
use crate::store::Key;

/// One request about a resource.
#[derive(Debug)]
pub(crate) struct Context {
    /// The server.
    pub(crate) server: Server,
    /// What the request asks for.
    pub(crate) info: RequestInfo,
    /// Who asks.
    pub(crate) user: User,
    /// The query.
    pub(crate) query: Query,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The resource.
    pub(crate) resource: Resource,
    /// The form of the answer.
    pub(crate) form: Form,
    /// The body.
    pub(crate) body: Bytes,
    /// What the client is to be warned of.
    pub(crate) warnings: Vec<String>,
}

/// What a write's query says.
#[derive(Clone, Debug)]
pub(crate) struct WriteOptions {
    /// `dryRun=All`.
    pub(crate) dry_run: bool,
    /// Who the fields belong to.
    pub(crate) manager: String,
    /// Whether a manager was named, and not taken from the user agent.
    pub(crate) manager_named: bool,
    /// What to do with unknown fields.
    pub(crate) validation: FieldValidation,
    /// Whether an apply takes fields from others.
    pub(crate) force: bool,
}

impl Context {
    /// The key of the object the request names.
    pub(crate) fn key(&self) -> Key {
        self.key_of(&self.info.name)
    }

    /// The key of an object in the request's namespace.
    pub(crate) fn key_of(&self, name: &str) -> Key {
        if self.resource.namespaced() {
            Key::new(&self.info.namespace, name)
        } else {
            Key::new("", name)
        }
    }

    /// The time as `metav1.Time` writes it.
    pub(crate) fn now(&self) -> String {
        seconds(self.server.clock().now())
    }

    /// A query parameter, `""` where absent.
    pub(crate) fn asked(&self, key: &str) -> &str {
        self.query.get(key).unwrap_or_default()
    }

    /// Reads a write's options. `kind` is the options' kind, for messages.
    ///
    /// # Errors
    /// 422 for options that make no sense.
    pub(crate) fn write_options(&self, kind: &str) -> Result<WriteOptions, ApiError> {
        let named = self.asked("fieldManager");
        let agent = self.headers.get(http::header::USER_AGENT);
        let agent = agent.and_then(|agent| agent.to_str().ok());
        let mut errors = Vec::new();
        let dry_runs: Vec<&str> = self.query.all("dryRun").collect();
        if let Some(bad) = dry_runs.iter().find(|value| **value != "All") {
            let list = Value::from(vec![*bad]);
            errors.push(FieldError::not_supported("dryRun", &list, &["All"]));
        }
        if named.len() > 128 {
            errors.push(FieldError::too_long("fieldManager", 128));
        }
        let validation = match self.asked("fieldValidation") {
            "" | "Warn" => FieldValidation::Warn,
            "Strict" => FieldValidation::Strict,
            "Ignore" => FieldValidation::Ignore,
            other => {
                let known = ["", "Ignore", "Strict", "Warn"];
                errors.push(FieldError::not_supported(
                    "fieldValidation",
                    &other.into(),
                    &known,
                ));
                FieldValidation::Warn
            }
        };
        if !errors.is_empty() {
            let of = GroupResource::new("meta.k8s.io", kind);
            return Err(ApiError::invalid(&of, "", &errors));
        }
        Ok(WriteOptions {
            dry_run: !dry_runs.is_empty(),
            manager: match named {
                "" => manager_of_agent(agent.unwrap_or_default()),
                named => named.to_owned(),
            },
            manager_named: !named.is_empty(),
            validation,
            force: self.query.flag("force"),
        })
    }
}

/// The manager that a user agent stands for: its first product's name, 128 bytes of it.
fn manager_of_agent(agent: &str) -> String {
    let name = agent.split('/').next().unwrap_or_default();
    let mut out = String::new();
    for c in name.chars().filter(|c| !c.is_control()) {
        if out.len() + c.len_utf8() > 128 {
            break;
        }
        out.push(c);
    }
    out
}

/// A time as `metav1.Time` writes it: UTC, whole seconds.
pub(crate) fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
