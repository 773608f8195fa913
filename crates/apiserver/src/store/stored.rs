//! An object as it is kept: canonical JSON, cut where resourceVersion and managed fields go in, and a header to search by.

use std::collections::BTreeMap;

use bytes::Bytes;
use krm::{Map, Value};

/// Which object of a resource; ordered as lists are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Namespace, `""` for cluster-scoped objects.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Key {
    /// From namespace and name.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

/// An entry of `metadata.ownerReferences`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// `apiVersion`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// `name`.
    pub name: String,
    /// `uid`.
    pub uid: String,
    /// `controller`.
    pub controller: bool,
    /// `blockOwnerDeletion`.
    pub blocks: bool,
}

/// What is known of an object without parsing it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.generation`, 0 where absent.
    pub generation: i64,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.ownerReferences`.
    pub owners: Vec<Owner>,
    /// `metadata.finalizers`.
    pub finalizers: Vec<String>,
    /// `metadata.deletionTimestamp`, as written.
    pub deleting: Option<String>,
    /// The fields a field selector may name, besides `metadata.name` and `metadata.namespace`.
    pub fields: BTreeMap<String, String>,
}

/// An object ready to be stored: everything but its version.
#[derive(Clone, Debug)]
pub struct Draft {
    header: Header,
    api_version: String,
    kind: String,
    body: Bytes,
    cut: usize,
    managed: Bytes,
}

/// A stored object.
#[derive(Clone, Debug)]
pub struct Stored {
    key: Key,
    version: u64,
    draft: Draft,
}

impl Draft {
    /// Takes an object apart. `fields` are what field selectors may name.
    pub fn new(object: Value, fields: BTreeMap<String, String>) -> Self {
        let Value::Object(mut object) = object else {
            return Self::new(Value::Object(Map::new()), fields);
        };
        let mut metadata = match object.remove("metadata") {
            Some(Value::Object(metadata)) => metadata,
            _ => Map::new(),
        };
        let managed = metadata
            .remove("managedFields")
            .filter(|managed| managed.as_array().is_some_and(|list| !list.is_empty()));
        metadata.remove("resourceVersion");
        let mut text = |key: &str| match object.remove(key) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        let header = Header::read(&metadata, fields);
        let mut body = b"\"metadata\":".to_vec();
        write(&mut body, &Value::Object(metadata));
        let cut = body.len() - 1;
        for (key, value) in object {
            body.push(b',');
            write(&mut body, &Value::String(key));
            body.push(b':');
            write(&mut body, &value);
        }
        body.push(b'}');
        Self {
            header,
            api_version,
            kind,
            body: body.into(),
            cut,
            managed: managed.map_or_else(Bytes::new, |managed| managed.to_string().into()),
        }
    }

    pub(super) fn at(self, key: Key, version: u64) -> Stored {
        Stored {
            key,
            version,
            draft: self,
        }
    }
}

/// JSON of a value; writing into memory cannot fail.
fn write(out: &mut Vec<u8>, value: &Value) {
    out.extend_from_slice(value.to_string().as_bytes());
}

impl Header {
    fn read(metadata: &Map<String, Value>, fields: BTreeMap<String, String>) -> Self {
        let text = |value: &Value, key: &str| {
            let text = value.get(key).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let flag = |value: &Value, key: &str| {
            let flag = value.get(key).and_then(Value::as_bool);
            flag.unwrap_or_default()
        };
        let list = |key: &str| {
            let list = metadata.get(key).and_then(Value::as_array);
            list.into_iter().flatten()
        };
        let owners = list("ownerReferences").map(|owner| Owner {
            api_version: text(owner, "apiVersion"),
            kind: text(owner, "kind"),
            name: text(owner, "name"),
            uid: text(owner, "uid"),
            controller: flag(owner, "controller"),
            blocks: flag(owner, "blockOwnerDeletion"),
        });
        let labels = metadata.get("labels").and_then(Value::as_object);
        let labels = labels.into_iter().flatten();
        let string = |key: &str| metadata.get(key).and_then(Value::as_str);
        Self {
            uid: string("uid").unwrap_or_default().to_owned(),
            generation: metadata
                .get("generation")
                .and_then(Value::as_i64)
                .unwrap_or_default(),
            labels: labels
                .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect(),
            owners: owners.collect(),
            finalizers: list("finalizers")
                .filter_map(|finalizer| finalizer.as_str().map(str::to_owned))
                .collect(),
            deleting: string("deletionTimestamp").map(str::to_owned),
            fields,
        }
    }
}

impl Stored {
    /// Which object.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Its resourceVersion.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// What is known of it without parsing.
    pub fn header(&self) -> &Header {
        &self.draft.header
    }

    /// The `apiVersion` it is stored in.
    pub fn api_version(&self) -> &str {
        &self.draft.api_version
    }

    /// Its kind.
    pub fn kind(&self) -> &str {
        &self.draft.kind
    }

    /// The value a field selector's path has here; `None` for a path that is not selectable.
    pub fn field(&self, path: &str) -> Option<&str> {
        match path {
            "metadata.name" => Some(&self.key.name),
            "metadata.namespace" => Some(&self.key.namespace),
            _ => self.draft.header.fields.get(path).map(String::as_str),
        }
    }

    /// Appends its JSON.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let Draft {
            api_version, kind, ..
        } = &self.draft;
        let lead = format!("{{\"apiVersion\":\"{api_version}\",\"kind\":\"{kind}\",");
        out.extend_from_slice(lead.as_bytes());
        self.write_fields(out);
    }

    /// Appends its JSON without `apiVersion` and `kind`, as typed lists hold it.
    pub fn write_item(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        self.write_fields(out);
    }

    fn write_fields(&self, out: &mut Vec<u8>) {
        let Draft { body, cut, .. } = &self.draft;
        out.reserve(body.len() + self.draft.managed.len() + 64);
        out.extend_from_slice(&body[..*cut]);
        if body[*cut - 1] != b'{' {
            out.push(b',');
        }
        out.extend_from_slice(format!("\"resourceVersion\":\"{}\"", self.version).as_bytes());
        if !self.draft.managed.is_empty() {
            out.extend_from_slice(b",\"managedFields\":");
            out.extend_from_slice(&self.draft.managed);
        }
        out.extend_from_slice(&body[*cut..]);
    }

    /// Its JSON.
    pub fn json(&self) -> Bytes {
        let mut out = Vec::new();
        self.write_json(&mut out);
        out.into()
    }

    /// The object, parsed.
    pub fn value(&self) -> Value {
        // What was written by `Draft::new` reads back.
        serde_json::from_slice(&self.json()).unwrap_or_default()
    }

    /// Whether `draft` would store exactly what is stored: such a write is none.
    pub fn is_same(&self, draft: &Draft) -> bool {
        let own = &self.draft;
        own.body == draft.body
            && own.managed == draft.managed
            && own.api_version == draft.api_version
            && own.kind == draft.kind
    }

    /// The same object at another version.
    pub fn at_version(&self, version: u64) -> Self {
        Self {
            version,
            ..self.clone()
        }
    }

    /// Bytes it takes.
    pub fn size(&self) -> usize {
        self.draft.body.len() + self.draft.managed.len()
    }
}
