//! Who owns which fields: `metadata.managedFields` of every write.

use krm::Value;
use krm::fields::Filter;
use krm::managed::{self, ApplyError, OnConflict};
use krm::merge::TypeRef;

use crate::context::{Context, WriteOptions};
use crate::registry::Resource;
use crate::status::{ApiError, Cause};

/// A kind in all its served versions, as the field manager asks for it.
struct Kind {
    name: String,
    versions: Vec<Version>,
}

struct Version {
    api_version: String,
    resource: Resource,
    resets: Option<Filter>,
}

impl Kind {
    fn of(cx: &Context) -> Self {
        let facts = cx.resource.facts();
        let registry = cx.server.registry();
        let versions = registry.iter().filter(|other| {
            other.facts().group == facts.group && other.facts().plural == facts.plural
        });
        let versions = versions.map(|resource| Version {
            api_version: resource.api_version(),
            resets: resource.kind().reset_fields(&cx.info.subresource),
            resource: resource.clone(),
        });
        Self {
            name: facts.kind.clone(),
            versions: versions.collect(),
        }
    }

    fn at(&self, api_version: &str) -> Option<&Version> {
        let mut versions = self.versions.iter();
        versions.find(|version| version.api_version == api_version)
    }
}

impl managed::Kind for Kind {
    fn name(&self) -> &str {
        &self.name
    }

    fn type_at(&self, api_version: &str) -> Option<TypeRef<'_>> {
        let (schema, id) = self.at(api_version)?.resource.kind().merge_schema();
        Some(TypeRef { schema, id })
    }

    fn reset_fields(&self, api_version: &str) -> Option<&Filter> {
        self.at(api_version)?.resets.as_ref()
    }

    fn convert(&self, object: &Value, api_version: &str) -> Value {
        let mut object = object.clone();
        crate::convert::convert(&mut object, api_version);
        object
    }
}

/// What the field manager must know of a write, held for as long as it works.
struct Asked {
    kind: Kind,
    empty: Value,
    api_version: String,
}

impl Asked {
    fn of(cx: &Context) -> Self {
        Self {
            kind: Kind::of(cx),
            empty: cx.resource.kind().empty(),
            api_version: cx.resource.api_version(),
        }
    }

    fn write<'a>(&'a self, cx: &'a Context, options: &'a WriteOptions) -> managed::Write<'a> {
        managed::Write {
            kind: &self.kind,
            api_version: &self.api_version,
            manager: &options.manager,
            subresource: &cx.info.subresource,
            time: cx.server.clock().now(),
            empty: &self.empty,
        }
    }
}

/// `new` with the owners of its fields, as a write other than an apply leaves them.
pub(crate) fn update(
    cx: &Context,
    options: &WriteOptions,
    live: Option<&Value>,
    new: Value,
) -> Value {
    let asked = Asked::of(cx);
    managed::update(&asked.write(cx, options), live, new).into_value()
}

/// The kind of an object that answers a create and is not stored.
struct Answered(schema::Kind);

impl managed::Kind for Answered {
    fn name(&self) -> &str {
        &self.0.gvk().kind
    }

    fn type_at(&self, api_version: &str) -> Option<TypeRef<'_>> {
        let (schema, id) = self.0.merge_schema();
        (self.0.gvk().api_version() == api_version).then_some(TypeRef { schema, id })
    }
}

/// A review, or a request for a token, with its defaults and the owners of its fields.
pub(crate) fn answered(cx: &Context, options: &WriteOptions, mut object: Value) -> Value {
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    let gvk = krm::Gvk::new(text("apiVersion"), text("kind"));
    let Some(kind) = schema::builtin().kind(&gvk) else {
        return object;
    };
    kind.default(&mut object);
    let (empty, api_version) = (kind.empty(), gvk.api_version());
    let write = managed::Write {
        kind: &Answered(kind),
        api_version: &api_version,
        manager: &options.manager,
        subresource: &cx.info.subresource,
        time: cx.server.clock().now(),
        empty: &empty,
    };
    managed::update(&write, None, object).into_value()
}

/// What an apply makes of the live object, with the owners of its fields.
///
/// # Errors
/// 409 where others own fields with other values, 400 and 500 where the object is not of its type.
pub(crate) fn apply(
    cx: &Context,
    options: &WriteOptions,
    live: Option<&Value>,
    applied: &Value,
) -> Result<Value, ApiError> {
    let asked = Asked::of(cx);
    let on_conflict = if options.force {
        OnConflict::Force
    } else {
        OnConflict::Fail
    };
    let outcome = managed::apply(&asked.write(cx, options), live, applied, on_conflict);
    Ok(outcome.map_err(refusal)?.into_value())
}

fn refusal(error: ApplyError) -> ApiError {
    match error {
        ApplyError::Conflicts(conflicts) => {
            let causes = conflicts.causes().into_iter().map(|cause| Cause {
                reason: "FieldManagerConflict".to_owned(),
                message: cause.message,
                field: cause.field,
            });
            ApiError::apply_conflict(conflicts.to_string(), causes.collect())
        }
        ApplyError::ObjectType(_) | ApplyError::ManagedFields => {
            ApiError::bad_request(error.to_string())
        }
        other => ApiError::storage(&other.to_string()),
    }
}
