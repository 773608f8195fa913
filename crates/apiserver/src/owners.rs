//! Who owns which fields: `metadata.managedFields` of every write.

use krm::Value;
use krm::fields::{Filter, PathElement};
use krm::managed::{self, ApplyError, ManagedFields, OnConflict, ScaleFields};
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

/// An object's Scale, whose replicas are owned by whoever owns the object's.
pub(crate) struct Scales {
    kind: Answered,
    live: Value,
    fields: ScaleFields,
    parent: ManagedFields,
}

impl Scales {
    /// The live `scale` of the object `parent`.
    ///
    /// # Errors
    /// 500 where the object's `managedFields` cannot be read.
    pub(crate) fn of(cx: &Context, mut scale: Value, parent: &Value) -> Result<Self, ApiError> {
        let gvk = krm::Gvk::new("autoscaling/v1", "Scale");
        let kind = schema::builtin().kind(&gvk);
        let kind = kind.ok_or_else(|| ApiError::internal("no kind Scale"))?;
        let parent = match parent.pointer("/metadata/managedFields") {
            None => ManagedFields::default(),
            Some(entries) => {
                let entries = ManagedFields::from_value(entries);
                entries.map_err(|error| ApiError::internal(error.to_string()))?
            }
        };
        let facts = cx.resource.facts();
        let registry = cx.server.registry();
        let versions = registry.iter().filter(|other| {
            other.facts().group == facts.group && other.facts().plural == facts.plural
        });
        let fields = versions.map(|other| (other.api_version(), replicas_of(other)));
        let fields = ScaleFields(fields.collect());
        let owners = fields.to_scale(&parent);
        if !owners.is_empty() {
            scale["metadata"]["managedFields"] = owners.to_value();
        }
        Ok(Self {
            kind: Answered(kind),
            live: scale,
            fields,
            parent,
        })
    }

    /// The kind of a Scale.
    pub(crate) fn kind(&self) -> &schema::Kind {
        &self.kind.0
    }

    /// The Scale as it is.
    pub(crate) fn live(&self) -> &Value {
        &self.live
    }

    /// The Scale as a write other than an apply leaves it, and who then owns the object's fields.
    pub(crate) fn update(
        &self,
        cx: &Context,
        options: &WriteOptions,
        new: Value,
    ) -> Result<(Value, ManagedFields), ApiError> {
        let empty = self.kind.0.empty();
        let outcome = managed::update(&self.write(cx, options, &empty), Some(&self.live), new);
        Ok(self.back(cx, outcome))
    }

    /// The Scale as an apply leaves it, and who then owns the object's fields.
    ///
    /// # Errors
    /// As [`apply`].
    pub(crate) fn apply(
        &self,
        cx: &Context,
        options: &WriteOptions,
        applied: &Value,
    ) -> Result<(Value, ManagedFields), ApiError> {
        let empty = self.kind.0.empty();
        let write = self.write(cx, options, &empty);
        let outcome = managed::apply(&write, Some(&self.live), applied, on_conflict(options));
        Ok(self.back(cx, outcome.map_err(refusal)?))
    }

    fn write<'a>(
        &'a self,
        cx: &'a Context,
        options: &'a WriteOptions,
        empty: &'a Value,
    ) -> managed::Write<'a> {
        managed::Write {
            kind: &self.kind,
            api_version: "autoscaling/v1",
            manager: &options.manager,
            subresource: &cx.info.subresource,
            time: cx.server.clock().now(),
            empty,
        }
    }

    fn back(&self, cx: &Context, outcome: managed::Outcome) -> (Value, ManagedFields) {
        let api_version = cx.resource.api_version();
        let parent = self
            .fields
            .to_parent(&self.parent, &outcome.managed, &api_version);
        (outcome.object, parent)
    }
}

/// Where a resource's objects keep their replicas; `None` where they have no Scale.
fn replicas_of(resource: &Resource) -> Option<Vec<PathElement>> {
    resource.facts().subresource("scale")?;
    let path = match resource.custom() {
        None => ".spec.replicas",
        Some(custom) => custom.scale.as_ref()?.spec.as_str(),
    };
    let names = path.split('.').skip(1);
    let elements = names.map(|name| PathElement::Field(name.into()));
    Some(elements.collect())
}

fn on_conflict(options: &WriteOptions) -> OnConflict {
    if options.force {
        OnConflict::Force
    } else {
        OnConflict::Fail
    }
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
    let write = asked.write(cx, options);
    let outcome = managed::apply(&write, live, applied, on_conflict(options));
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
