//! Objects on their way out: another version, `PartialObjectMetadata`, a Table.

use bytes::Bytes;
use clock::Timestamp;
use krm::{Value, json};

use crate::negotiate::Shape;
use crate::registry::Resource;
use crate::store::Stored;
use crate::{convert, table};

/// How objects of a resource are written for one client.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    resource: Resource,
    shape: Shape,
    include: table::Include,
    now: Timestamp,
    api_version: String,
}

impl Writer {
    /// For a resource, a shape, and `includeObject` where the shape is a Table.
    pub(crate) fn new(
        resource: &Resource,
        shape: Shape,
        include: table::Include,
        now: Timestamp,
    ) -> Self {
        Self {
            api_version: resource.api_version(),
            resource: resource.clone(),
            shape,
            include,
            now,
        }
    }

    /// Whole objects of a resource.
    pub(crate) fn plain(resource: &Resource) -> Self {
        Self::new(
            resource,
            Shape::Object,
            table::Include::None,
            Timestamp::UNIX_EPOCH,
        )
    }

    /// The shape.
    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// The `apiVersion` objects are written in.
    pub(crate) fn api_version(&self) -> &str {
        &self.api_version
    }

    /// What makes two encodings of one object differ, for caches. Tables show ages and are not cached.
    pub(crate) fn transform(&self) -> Option<&'static str> {
        match self.shape {
            Shape::Object => Some(""),
            Shape::Metadata => Some("metadata"),
            Shape::Table => None,
        }
    }

    /// A stored object in the version that is served, before its shape.
    pub(crate) fn value(&self, stored: &Stored) -> Value {
        let mut value = stored.value();
        if stored.api_version() != self.api_version {
            convert::convert(&mut value, &self.api_version);
            if self.resource.custom().is_some() {
                self.resource.kind().normalize(&mut value);
                self.resource.kind().default(&mut value);
            }
        }
        value
    }

    /// Appends one object as JSON. Not for tables.
    pub(crate) fn write(&self, stored: &Stored, out: &mut Vec<u8>) {
        if self.shape == Shape::Metadata {
            let value = partial(&stored.value());
            out.extend_from_slice(value.to_string().as_bytes());
        } else if stored.api_version() == self.api_version {
            stored.write_json(out);
        } else {
            out.extend_from_slice(self.value(stored).to_string().as_bytes());
        }
    }

    /// Appends one object as an item of a list: those of typed lists carry no `apiVersion` and `kind`. Not for tables.
    pub(crate) fn write_item(&self, stored: &Stored, out: &mut Vec<u8>) {
        let is_typed = self.resource.custom().is_none() && self.shape == Shape::Object;
        if !is_typed {
            self.write(stored, out);
        } else if stored.api_version() == self.api_version {
            stored.write_item(out);
        } else {
            let mut value = self.value(stored);
            if let Value::Object(map) = &mut value {
                map.remove("apiVersion");
                map.remove("kind");
            }
            out.extend_from_slice(value.to_string().as_bytes());
        }
    }

    /// One object alone, as JSON in its shape.
    pub(crate) fn one(&self, stored: &Stored) -> Bytes {
        if self.shape == Shape::Table {
            return self.shaped(&self.value(stored)).to_string().into();
        }
        let mut out = Vec::new();
        self.write(stored, &mut out);
        out.into()
    }

    /// One object that is not stored, in its shape.
    pub(crate) fn shaped(&self, value: &Value) -> Value {
        match self.shape {
            Shape::Object => value.clone(),
            Shape::Metadata => partial(value),
            Shape::Table => {
                let version = value.pointer("/metadata/resourceVersion");
                let meta = json!({"resourceVersion": version.cloned().unwrap_or_default()});
                self.table(&[value], meta)
            }
        }
    }

    /// A Table of objects.
    pub(crate) fn table(&self, values: &[&Value], meta: Value) -> Value {
        table::table(&self.resource, self.include, self.now, values, meta)
    }
}

/// `PartialObjectMetadata` of an object.
pub(crate) fn partial(value: &Value) -> Value {
    json!({
        "apiVersion": "meta.k8s.io/v1",
        "kind": "PartialObjectMetadata",
        "metadata": value.get("metadata").cloned().unwrap_or_else(|| json!({})),
    })
}
