//! A kind as a row: its names, its columns, its schema, its words on the command line; and the CRD made of it.

use krm::{Gvk, Object, Value, json};
use serde::{Deserialize, Serialize};

use crate::metadata::Metadata;
use crate::schema::Shape;

/// Everything about a kind that is not its fields.
#[derive(Debug)]
pub struct Kind {
    /// API group.
    pub group: &'static str,
    /// The version that is stored.
    pub version: &'static str,
    /// Older versions that are served with the same schema, and what their status has on top.
    pub legacy: &'static [Legacy],
    /// Kind.
    pub kind: &'static str,
    /// Plural, as in URLs.
    pub plural: &'static str,
    /// Singular.
    pub singular: &'static str,
    /// Short names.
    pub short_names: &'static [&'static str],
    /// The category beside `all` and `fluxcd`.
    pub category: &'static str,
    /// Columns of `kubectl get`, in order.
    pub columns: &'static [Column],
    /// What its status is like.
    pub status: StatusForm,
    /// Whether the CRD carries `substitute: disabled`.
    pub substitute_disabled: bool,
    /// Words of the command line.
    pub cli: Words,
    /// `spec`'s schema.
    pub spec_schema: fn() -> Shape,
    /// `status`' schema, where there is a status.
    pub status_schema: Option<fn() -> Shape>,
}

/// An older version that is served beside the stored one.
#[derive(Debug)]
pub struct Legacy {
    /// The version.
    pub version: &'static str,
    /// Text fields that its status has beyond the stored version's.
    pub extra_status: &'static [&'static str],
}

/// Whether a kind has a status and what it is before a controller saw the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusForm {
    /// No status: the object is data.
    Absent,
    /// Empty.
    Plain,
    /// `observedGeneration: -1`, so that a fresh object reads as in progress.
    Observed,
}

/// A column of `kubectl get`.
#[derive(Debug)]
pub struct Column {
    /// Header.
    pub name: &'static str,
    /// Where the value stands.
    pub path: &'static str,
    /// `string` or `date`.
    pub r#type: &'static str,
    /// Above 0 only `-o wide` shows it.
    pub priority: i64,
}

/// What the command line calls a kind.
#[derive(Debug)]
pub struct Words {
    /// The noun of `get`, `reconcile`, `suspend`, `resume`, …: `source git`, `kustomization`.
    pub noun: &'static str,
    /// Other nouns that mean the same.
    pub aliases: &'static [&'static str],
    /// The noun of `get`, in the plural where upstream has it so.
    pub get: &'static str,
    /// What messages call it.
    pub human: &'static str,
    /// The controller that reconciles it.
    pub controller: &'static str,
    /// No controller reconciles it: it is data for another kind.
    pub is_static: bool,
}

/// A kind's Rust type.
pub trait Resource: Serialize + for<'de> Deserialize<'de> {
    /// Its row.
    const KIND: &'static Kind;
    /// `metadata`.
    fn metadata(&self) -> &Metadata;
}

/// Why an object is not of a kind.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// Another kind or group, or a version that is not served.
    #[error("{found} is not a {wanted}")]
    WrongKind {
        /// What it is.
        found: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A field is missing or of another type.
    #[error("{id}: {source}")]
    Fields {
        /// Which object.
        id: krm::ObjectId,
        /// What serde says.
        source: serde_json::Error,
    },
}

impl Column {
    /// A column of text.
    pub(crate) const fn text(name: &'static str, path: &'static str) -> Self {
        Self {
            name,
            path,
            r#type: "string",
            priority: 0,
        }
    }

    /// Shown by `-o wide` only.
    pub(crate) const fn wide(self) -> Self {
        Self {
            priority: 1,
            ..self
        }
    }

    /// The age.
    pub(crate) const AGE: Self = Self {
        name: "Age",
        path: ".metadata.creationTimestamp",
        r#type: "date",
        priority: 0,
    };
    /// Whether it is ready.
    pub(crate) const READY: Self =
        Self::text("Ready", r#".status.conditions[?(@.type=="Ready")].status"#);
    /// What the Ready condition says.
    pub(crate) const STATUS: Self = Self::text(
        "Status",
        r#".status.conditions[?(@.type=="Ready")].message"#,
    );

    fn to_value(&self) -> Value {
        let mut column = json!({"name": self.name, "jsonPath": self.path, "type": self.r#type});
        if self.priority != 0 {
            column["priority"] = self.priority.into();
        }
        column
    }
}

impl Kind {
    /// `group/version`.
    pub fn api_version(&self) -> String {
        format!("{}/{}", self.group, self.version)
    }

    /// Group, version and kind.
    pub fn gvk(&self) -> Gvk {
        Gvk::new(&self.api_version(), self.kind)
    }

    /// `plural.group`: the CRD's name.
    pub fn crd_name(&self) -> String {
        format!("{}.{}", self.plural, self.group)
    }

    /// Whether an object is of this kind in a version that is served.
    pub fn is_kind_of(&self, gvk: &Gvk) -> bool {
        gvk.group == self.group
            && gvk.kind == self.kind
            && (gvk.version == self.version
                || self
                    .legacy
                    .iter()
                    .any(|legacy| gvk.version == legacy.version))
    }

    /// The CustomResourceDefinition.
    pub fn crd(&self) -> Value {
        let mut annotations = json!({"controller-gen.kubebuilder.io/version": "v0.21.0"});
        if self.substitute_disabled {
            annotations[crate::names::SUBSTITUTE] = "disabled".into();
        }
        let mut names = json!({
            "categories": ["all", "fluxcd", self.category],
            "kind": self.kind,
            "listKind": format!("{}List", self.kind),
            "plural": self.plural,
            "singular": self.singular,
        });
        if !self.short_names.is_empty() {
            names["shortNames"] = json!(self.short_names);
        }
        let mut versions = vec![self.crd_version(self.version, true, &[])];
        versions.extend(
            self.legacy
                .iter()
                .map(|legacy| self.crd_version(legacy.version, false, legacy.extra_status)),
        );
        json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": self.crd_name(), "annotations": annotations},
            "spec": {
                "group": self.group,
                "names": names,
                "scope": "Namespaced",
                "versions": versions,
            }
        })
    }

    fn crd_version(&self, name: &str, storage: bool, extra_status: &[&str]) -> Value {
        let mut root = Shape::object()
            .property("apiVersion", Shape::of("string"))
            .property("kind", Shape::of("string"))
            .property("metadata", Shape::object())
            .property("spec", (self.spec_schema)());
        if let Some(schema) = self.status_schema {
            let mut status = extra_status.iter().fold(schema(), |status, field| {
                status.property(field, Shape::of("string"))
            });
            if self.status == StatusForm::Observed {
                status = status.default(json!({"observedGeneration": -1}));
            }
            root = root.property("status", status);
        }
        let subresources = match self.status {
            StatusForm::Absent => json!({}),
            StatusForm::Plain | StatusForm::Observed => json!({"status": {}}),
        };
        json!({
            "additionalPrinterColumns": self.columns.iter().map(Column::to_value).collect::<Vec<_>>(),
            "name": name,
            "schema": {"openAPIV3Schema": root.without_descriptions().into_value()},
            "served": true,
            "storage": storage,
            "subresources": subresources,
        })
    }
}

/// Reads an object as its Rust type.
///
/// # Errors
/// When it is of another kind, or a required field is missing or of another type.
pub fn parse<R: Resource>(object: &Object) -> Result<R, ParseError> {
    let gvk = object.gvk();
    if !R::KIND.is_kind_of(&gvk) {
        return Err(ParseError::WrongKind {
            found: format!("{} {}", gvk.api_version(), gvk.kind),
            wanted: R::KIND.kind,
        });
    }
    serde_json::from_value(object.to_value()).map_err(|source| ParseError::Fields {
        id: object.id(),
        source,
    })
}

/// Writes a Rust type as an object of its stored version.
///
/// # Errors
/// Never for the types of this crate: their keys are texts.
pub fn to_object<R: Resource>(resource: &R) -> Result<Object, serde_json::Error> {
    let mut value = serde_json::to_value(resource)?;
    value["apiVersion"] = R::KIND.api_version().into();
    value["kind"] = R::KIND.kind.into();
    Object::try_from(value).map_err(serde::de::Error::custom)
}

/// Declares a kind's Rust type: `metadata`, `spec` and, where it has one, `status`.
macro_rules! resource {
    ($(#[$meta:meta])* $name:ident: $row:ident, $spec:ty $(, $status:ty)?) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $name {
            /// Name, labels and what the API server keeps.
            pub metadata: crate::metadata::Metadata,
            /// What is wanted.
            pub spec: $spec,
            $(
                /// What is.
                #[serde(default)]
                pub status: $status,
            )?
        }

        impl crate::kind::Resource for $name {
            const KIND: &'static crate::kind::Kind = &$row;

            fn metadata(&self) -> &crate::metadata::Metadata {
                &self.metadata
            }
        }
    };
}

pub(crate) use resource;
