//! CustomResourceDefinitions: judged, established at once, served under discovery as soon as their write is answered.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use krm::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::context::seconds;
use crate::registry::{Custom, Registry, Resource, ScalePaths};
use crate::status::GroupResource;
use crate::store::{Draft, Expect, Key, Stored, Write};
use crate::{Server, meta};

/// The finalizer under which a definition's instances go before it does.
pub(crate) const FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Where definitions are kept.
fn definitions() -> GroupResource {
    GroupResource::new("apiextensions.k8s.io", "customresourcedefinitions")
}

/// Whether a resource is that of the definitions.
pub(crate) fn is_definition(resource: &Resource) -> bool {
    *resource.stored_as() == definitions()
}

/// What a definition is called once it is served.
#[derive(Clone, Debug)]
struct Names {
    plural: String,
    singular: String,
    kind: String,
    list_kind: String,
    short_names: Vec<String>,
    categories: Vec<String>,
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default()
}

fn texts(value: &Value, pointer: &str) -> Vec<String> {
    let list = value.pointer(pointer).and_then(Value::as_array);
    let list = list.into_iter().flatten();
    list.filter_map(|text| text.as_str().map(str::to_owned))
        .collect()
}

fn versions(definition: &Value) -> &[Value] {
    let list = definition.pointer("/spec/versions");
    list.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

impl Names {
    fn of(definition: &Value) -> Self {
        let name = |key: &str| text(definition, &format!("/spec/names/{key}")).to_owned();
        let kind = name("kind");
        let or = |given: String, default: String| if given.is_empty() { default } else { given };
        Self {
            plural: name("plural"),
            singular: or(name("singular"), kind.to_lowercase()),
            list_kind: or(name("listKind"), format!("{kind}List")),
            short_names: texts(definition, "/spec/names/shortNames"),
            categories: texts(definition, "/spec/names/categories"),
            kind,
        }
    }

    fn to_value(&self) -> Value {
        let mut value = json!({
            "plural": self.plural, "singular": self.singular, "kind": self.kind, "listKind": self.list_kind,
        });
        if !self.short_names.is_empty() {
            value["shortNames"] = json!(self.short_names);
        }
        if !self.categories.is_empty() {
            value["categories"] = json!(self.categories);
        }
        value
    }
}

/// Completes a definition about to be written: names, and on creation the storage version among the stored ones.
pub(crate) fn prepare(definition: &mut Value, old: Option<&Value>) {
    let names = Names::of(definition);
    let spec = meta::field(definition, "spec");
    if let Some(Value::Object(given)) = spec.get_mut("names") {
        given
            .entry("singular")
            .or_insert_with(|| names.singular.clone().into());
        given
            .entry("listKind")
            .or_insert_with(|| names.list_kind.clone().into());
    }
    spec.entry("conversion")
        .or_insert_with(|| json!({"strategy": "None"}));
    let storage = storage_version(definition).to_owned();
    let mut stored = match old {
        Some(old) => texts(old, "/status/storedVersions"),
        None => Vec::new(),
    };
    if !storage.is_empty() && !stored.contains(&storage) {
        stored.push(storage);
    }
    meta::field(definition, "status").insert("storedVersions".to_owned(), json!(stored));
}

fn storage_version(definition: &Value) -> &str {
    let storage = versions(definition)
        .iter()
        .find(|version| version["storage"] == true);
    storage.map_or("", |version| text(version, "/name"))
}

/// Says that a definition is on its way out.
pub(crate) fn mark_terminating(definition: &mut Value, now: &str) {
    set_condition(
        definition,
        &[
            ("type", "Terminating"),
            ("status", "True"),
            ("reason", "InstanceDeletionPending"),
            (
                "message",
                "CustomResourceDefinition marked for deletion; CustomResource deletion will be initiated as soon as possible",
            ),
        ],
        now,
    );
}

/// Sets a condition; its time changes with its status only.
fn set_condition(definition: &mut Value, fields: &[(&str, &str)], now: &str) {
    let mut new = Map::new();
    for (key, value) in fields {
        new.insert((*key).to_owned(), (*value).into());
    }
    new.insert("lastTransitionTime".to_owned(), now.into());
    let status = meta::field(definition, "status");
    let list = status.entry("conditions").or_insert_with(|| json!([]));
    if !list.is_array() {
        *list = json!([]);
    }
    let Value::Array(list) = list else { return };
    let of_type = |condition: &&mut Value| condition["type"] == new["type"];
    match list.iter_mut().find(of_type) {
        Some(known) => {
            if known["status"] == new["status"] {
                let time = known["lastTransitionTime"].clone();
                new.insert("lastTransitionTime".to_owned(), time);
            }
            *known = Value::Object(new);
        }
        None => list.push(Value::Object(new)),
    }
}

/// Makes what is served follow a definition that was written: its names are accepted, it is established, and its versions are
/// served; or they are no longer, where it is gone.
pub(crate) fn follow(server: &Server, key: &Key) {
    let Some(stored) = server.store().get(&definitions(), key) else {
        server.update_registry(|registry| registry.remove_custom(&key.name));
        return;
    };
    if stored.header().deleting.is_some() && clean(server, &stored) {
        return;
    }
    let mut definition = stored.value();
    let accepted = names_conflict(&server.registry(), &definition);
    let now = seconds(server.clock().now());
    establish(&mut definition, accepted.as_deref(), &now);
    let current = settle(server, &stored, definition);
    let definition = current.value();
    let resources = match accepted {
        None => resources(&definition),
        Some(_) => Vec::new(),
    };
    server.update_registry(|registry| {
        registry.remove_custom(&key.name);
        resources.into_iter().for_each(|new| registry.insert(new));
    });
}

/// Called when an instance of a definition is gone: the last one may be what the definition waits for.
pub(crate) fn after_removal(server: &Server, definition: &str) {
    let stored = server
        .store()
        .get(&definitions(), &Key::new("", definition));
    if let Some(stored) = stored.filter(|stored| stored.header().deleting.is_some()) {
        clean(server, &stored);
    }
}

/// Deletes the instances of a definition that is on its way out, and lets it go once none is left. Whether it is gone.
fn clean(server: &Server, stored: &Arc<Stored>) -> bool {
    let mut definition = stored.value();
    let of = GroupResource::new(
        text(&definition, "/spec/group"),
        text(&definition, "/spec/names/plural"),
    );
    let now = seconds(server.clock().now());
    let state = server.store().state();
    let mut left = 0;
    for instance in state.all(&of) {
        left += usize::from(!remove(server, &of, instance, &now));
    }
    if left > 0
        || !stored
            .header()
            .finalizers
            .iter()
            .any(|own| own == FINALIZER)
    {
        return false;
    }
    let rest = stored
        .header()
        .finalizers
        .iter()
        .filter(|own| *own != FINALIZER);
    let rest: Vec<String> = rest.cloned().collect();
    let is_over = rest.is_empty();
    meta::of(&mut definition).insert("finalizers".to_owned(), json!(rest));
    let written = server.store().commit(Write {
        of: definitions(),
        key: stored.key().clone(),
        expect: Expect::Version(stored.version()),
        put: (!is_over).then(|| Draft::new(definition, Default::default())),
    });
    if is_over && written.is_ok() {
        server.update_registry(|registry| registry.remove_custom(&stored.key().name));
    }
    is_over && written.is_ok()
}

/// Removes an instance, or marks one that has finalizers. Whether it is gone.
fn remove(server: &Server, of: &GroupResource, instance: &Arc<Stored>, now: &str) -> bool {
    let header = instance.header();
    let is_free = header.finalizers.is_empty();
    if !is_free && header.deleting.is_some() {
        return false;
    }
    let put = (!is_free).then(|| {
        let mut value = instance.value();
        let old = value.clone();
        meta::set(&mut value, "deletionTimestamp", now);
        meta::of(&mut value).insert("deletionGracePeriodSeconds".to_owned(), 0.into());
        meta::bump_generation(&mut value, &old);
        Draft::new(value, header.fields.clone())
    });
    let written = server.store().commit(Write {
        of: of.clone(),
        key: instance.key().clone(),
        expect: Expect::Version(instance.version()),
        put,
    });
    is_free && written.is_ok()
}

/// Stores the definition's new status, if it is one.
fn settle(server: &Server, stored: &Arc<Stored>, definition: Value) -> Arc<Stored> {
    let draft = Draft::new(definition, Default::default());
    if stored.is_same(&draft) {
        return stored.clone();
    }
    let written = server.store().commit(Write {
        of: definitions(),
        key: stored.key().clone(),
        expect: Expect::Version(stored.version()),
        put: Some(draft),
    });
    // Somebody wrote it in between, and follows it in turn.
    written.unwrap_or_else(|_| stored.clone())
}

/// Why a definition's names cannot be accepted.
fn names_conflict(registry: &Registry, definition: &Value) -> Option<String> {
    let group = text(definition, "/spec/group");
    let own = meta::text(definition, "name");
    let names = Names::of(definition);
    let others = registry.iter().filter(|resource| {
        resource.facts().group == group
            && resource
                .custom()
                .is_none_or(|custom| custom.definition != own)
    });
    let mut taken = Vec::new();
    for other in others {
        let facts = other.facts();
        if facts.plural == names.plural {
            taken.push(format!("{:?} is already in use", names.plural));
        }
        if facts.kind == names.kind {
            taken.push(format!("{:?} is already in use", names.kind));
        }
    }
    taken.sort();
    taken.dedup();
    taken.into_iter().next()
}

fn establish(definition: &mut Value, conflict: Option<&str>, now: &str) {
    let names = Names::of(definition);
    match conflict {
        None => {
            set_condition(
                definition,
                &[
                    ("type", "NamesAccepted"),
                    ("status", "True"),
                    ("reason", "NoConflicts"),
                    ("message", "no conflicts found"),
                ],
                now,
            );
            set_condition(
                definition,
                &[
                    ("type", "Established"),
                    ("status", "True"),
                    ("reason", "InitialNamesAccepted"),
                    ("message", "the initial names have been accepted"),
                ],
                now,
            );
            let status = meta::field(definition, "status");
            status.insert("acceptedNames".to_owned(), names.to_value());
        }
        Some(why) => {
            set_condition(
                definition,
                &[
                    ("type", "NamesAccepted"),
                    ("status", "False"),
                    ("reason", "PluralConflict"),
                    ("message", why),
                ],
                now,
            );
            set_condition(
                definition,
                &[
                    ("type", "Established"),
                    ("status", "False"),
                    ("reason", "NotAccepted"),
                    ("message", "not all names are accepted"),
                ],
                now,
            );
        }
    }
}

/// The resources of a definition's served versions.
fn resources(definition: &Value) -> Vec<Resource> {
    let served = versions(definition)
        .iter()
        .filter(|version| version["served"] == true);
    served
        .map(|version| resource(definition, version))
        .collect()
}

fn resource(definition: &Value, version: &Value) -> Resource {
    let names = Names::of(definition);
    let group = text(definition, "/spec/group");
    let facts = facts(definition, version, &names);
    let kind = kind(&facts, version);
    let scale = version
        .pointer("/subresources/scale")
        .map(|scale| ScalePaths {
            spec: text(scale, "/specReplicasPath").to_owned(),
            status: text(scale, "/statusReplicasPath").to_owned(),
            selector: text(scale, "/labelSelectorPath").to_owned(),
        });
    let selectable = version.get("selectableFields").and_then(Value::as_array);
    let selectable = selectable.into_iter().flatten();
    let custom = Custom {
        definition: meta::text(definition, "name").to_owned(),
        storage_version: storage_version(definition).to_owned(),
        selectable: selectable
            .map(|field| text(field, "/jsonPath").to_owned())
            .collect(),
        scale,
        schema: version
            .pointer("/schema/openAPIV3Schema")
            .cloned()
            .unwrap_or_else(|| json!({"type": "object"})),
        deprecation: deprecation(definition, version),
        columns: columns(version),
    };
    let stored_as = GroupResource::new(group, &names.plural);
    Resource::new(facts, kind, stored_as, Some(custom))
}

fn facts(definition: &Value, version: &Value, names: &Names) -> schema::Resource {
    let group = text(definition, "/spec/group");
    let sub = |name: &str, gvk: krm::Gvk| schema::Subresource {
        name: name.to_owned(),
        kind: gvk,
        verbs: ["get", "patch", "update"].map(str::to_owned).to_vec(),
    };
    let gvk = krm::Gvk {
        group: group.to_owned(),
        version: text(version, "/name").to_owned(),
        kind: names.kind.clone(),
    };
    let mut subresources = Vec::new();
    if version.pointer("/subresources/status").is_some() {
        subresources.push(sub("status", gvk.clone()));
    }
    if version.pointer("/subresources/scale").is_some() {
        subresources.push(sub("scale", krm::Gvk::new("autoscaling/v1", "Scale")));
    }
    // The order in which upstream publishes them.
    let verbs = [
        "delete",
        "deletecollection",
        "get",
        "list",
        "patch",
        "create",
        "update",
        "watch",
    ];
    let stored = format!("{group}/{}/{}", storage_version(definition), names.kind);
    let hash = STANDARD.encode(&Sha256::digest(stored)[..8]);
    schema::Resource {
        group: group.to_owned(),
        version: gvk.version,
        plural: names.plural.clone(),
        singular: names.singular.clone(),
        kind: names.kind.clone(),
        list_kind: names.list_kind.clone(),
        namespaced: text(definition, "/spec/scope") == "Namespaced",
        short_names: names.short_names.clone(),
        categories: names.categories.clone(),
        verbs: verbs.map(str::to_owned).to_vec(),
        storage_version_hash: hash,
        subresources,
        columns: Vec::new(),
    }
}

/// What clients of a deprecated version are warned with: the definition's words, or which version to use.
fn deprecation(definition: &Value, version: &Value) -> Option<String> {
    if version["deprecated"] != true {
        return None;
    }
    let given = text(version, "/deprecationWarning");
    if !given.is_empty() {
        return Some(given.to_owned());
    }
    let (group, kind) = (text(definition, "/spec/group"), Names::of(definition).kind);
    let mut warning = format!("{group}/{} {kind} is deprecated", text(version, "/name"));
    let others = versions(definition)
        .iter()
        .filter(|other| other["served"] == true && other["deprecated"] != true)
        .map(|other| text(other, "/name"));
    if let Some(best) = others.max_by(|a, b| crate::discovery::compare_versions(a, b)) {
        warning = format!("{warning}; use {group}/{best} {kind}");
    }
    Some(warning)
}

/// `additionalPrinterColumns` of a version: name, type, format, priority, JSON path.
fn columns(version: &Value) -> Vec<(schema::Column, String)> {
    let list = version
        .get("additionalPrinterColumns")
        .and_then(Value::as_array);
    let list = list.into_iter().flatten();
    list.map(|column| {
        let priority = column["priority"].as_i64().unwrap_or_default();
        (
            schema::Column {
                name: text(column, "/name").to_owned(),
                type_: text(column, "/type").to_owned(),
                format: text(column, "/format").to_owned(),
                priority: i32::try_from(priority).unwrap_or_default(),
            },
            text(column, "/jsonPath").to_owned(),
        )
    })
    .collect()
}

/// The handle on a version's objects.
fn kind(facts: &schema::Resource, version: &Value) -> schema::Kind {
    let schema = version.pointer("/schema/openAPIV3Schema");
    schema::Kind::custom(schema::CustomKind {
        gvk: facts.gvk(),
        schema: schema.cloned().unwrap_or_else(|| json!({"type": "object"})),
        namespaced: facts.namespaced,
        status: facts.subresource("status").is_some(),
    })
}
