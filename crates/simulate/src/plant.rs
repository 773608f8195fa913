//! Every controller over a view that does what it is told, so that whole rollouts are pure tests.

use std::collections::BTreeSet;
use std::sync::Arc;

use clock::Timestamp;
use krm::{Object, Value, json};

use crate::NODE;
use crate::act::{Act, Step};
use crate::controller::{CONTROLLERS, Kind};
use crate::object::is_controlled_by;
use crate::view::{Key, View};

/// More writes than any test needs: whoever reaches this goes in circles.
const TOO_MANY: usize = 2000;

/// A cluster of objects alone.
#[derive(Default)]
pub(crate) struct Plant {
    pub(crate) view: View,
    /// What was written, as `controller verb Kind/name`.
    pub(crate) writes: Vec<String>,
    /// Steps that do not get their time.
    pub(crate) held: Vec<&'static str>,
    version: u64,
    work: BTreeSet<(usize, Key)>,
}

impl Plant {
    /// With a node.
    pub(crate) fn new() -> Self {
        let mut plant = Self::default();
        for row in 0..CONTROLLERS.len() {
            plant.work.insert((row, (String::new(), NODE.to_owned())));
        }
        plant.settle();
        plant
    }

    /// Applies an object as its user would: new, or with its spec and annotations replaced.
    pub(crate) fn apply(&mut self, value: Value) {
        let mut object = Object::try_from(value).unwrap();
        object.set_namespace("team");
        let kind = Kind::of(&object).unwrap();
        match self.view.get(kind, "team", object.name()).cloned() {
            None => self.create(kind, object),
            Some(known) => {
                let mut changed = Object::clone(&known);
                changed.fields_mut().insert(
                    "spec".into(),
                    object.pointer("/spec").cloned().unwrap_or_default(),
                );
                let annotations = object
                    .pointer("/metadata/annotations")
                    .cloned()
                    .unwrap_or_else(|| json!({}));
                changed
                    .metadata_mut()
                    .insert("annotations".into(), annotations);
                self.replace(kind, changed);
            }
        }
    }

    /// Deletes an object as its user would.
    pub(crate) fn delete(&mut self, kind: Kind, name: &str) {
        let object = self.view.get(kind, "team", name).unwrap().clone();
        self.end(kind, &object);
    }

    /// Lets everybody work until nobody has anything left to do; says how many writes that took.
    pub(crate) fn settle(&mut self) -> usize {
        let before = self.writes.len();
        while let Some((row, key)) = self.work.pop_first() {
            let controller = &CONTROLLERS[row];
            let decision = (controller.decide)(&self.view, &key, Timestamp::UNIX_EPOCH);
            if let Some(Step { name, .. }) = &decision.step
                && !self.held.contains(name)
                && let Some(step) = decision.step
            {
                self.view.ripen(step);
                self.work.insert((row, key));
            }
            for act in decision.acts {
                self.act(controller.name, act);
                assert!(
                    self.writes.len() - before < TOO_MANY,
                    "in circles: {:#?}",
                    &self.writes[self.writes.len() - 20..]
                );
            }
        }
        self.writes.len() - before
    }

    /// The objects of a kind in the namespace `team`.
    pub(crate) fn list(&self, kind: Kind) -> Vec<Arc<Object>> {
        self.view.list(kind, "team").cloned().collect()
    }

    /// A value of the one object of a kind.
    #[track_caller]
    pub(crate) fn one(&self, kind: Kind, pointer: &str) -> Value {
        let all = self.list(kind);
        assert_eq!(all.len(), 1, "{all:?}");
        all[0].pointer(pointer).cloned().unwrap_or_default()
    }

    fn act(&mut self, controller: &str, act: Act) {
        let (verb, object) = match &act {
            Act::Create(object) => ("creates", object),
            Act::Replace(object) => ("replaces", object),
            Act::Status(object) => ("tells", object),
            Act::Delete(object) => ("deletes", object),
            Act::Kill(object) => ("kills", object),
            Act::Bind(object) => ("binds", object),
        };
        self.writes.push(format!(
            "{controller} {verb} {}/{}",
            object.kind(),
            object.name()
        ));
        let kind = Kind::of(object).unwrap();
        let known = self
            .view
            .get(kind, object.namespace().unwrap_or_default(), object.name())
            .cloned();
        match act {
            Act::Create(object) => self.create(kind, object),
            Act::Replace(object) => self.replace(kind, object),
            Act::Status(object) => {
                let same = known.as_ref().is_some_and(|known| **known == object);
                assert!(!same, "an equal status was written: {object:?}");
                self.put(kind, object);
            }
            Act::Delete(object) => self.end(kind, &object),
            Act::Kill(object) => self.gone(kind, &object),
            Act::Bind(mut pod) => {
                if let Some(Value::Object(spec)) = pod.fields_mut().get_mut("spec") {
                    spec.insert("nodeName".into(), NODE.into());
                }
                self.put(kind, pod);
            }
        }
    }

    fn create(&mut self, kind: Kind, mut object: Object) {
        let number = self.version;
        let metadata = object.metadata_mut();
        if let Some(Value::String(prefix)) = metadata.get("generateName").cloned() {
            metadata.insert("name".into(), format!("{prefix}{number:05}").into());
        }
        metadata.insert("uid".into(), format!("uid-{number}").into());
        metadata.insert("generation".into(), 1.into());
        metadata.insert("creationTimestamp".into(), format!("{number:010}").into());
        self.put(kind, object);
    }

    fn replace(&mut self, kind: Kind, mut object: Object) {
        let namespace = object.namespace().unwrap_or_default();
        let known = self.view.get(kind, namespace, object.name()).unwrap();
        if known.pointer("/spec") != object.pointer("/spec") {
            let next = known.generation() + 1;
            object
                .metadata_mut()
                .insert("generation".into(), next.into());
        }
        self.put(kind, object);
    }

    fn end(&mut self, kind: Kind, object: &Object) {
        if kind == Kind::Pod && object.pointer("/spec/nodeName").is_some() {
            let mut ending = object.clone();
            ending
                .metadata_mut()
                .insert("deletionTimestamp".into(), "now".into());
            self.put(kind, ending);
        } else {
            self.gone(kind, object);
        }
    }

    fn gone(&mut self, kind: Kind, object: &Object) {
        self.view.remove(kind, object);
        self.wake(kind, object);
        for (kind, _) in Kind::watched() {
            let owned: Vec<_> = self
                .view
                .all(kind)
                .filter(|other| is_controlled_by(other, object))
                .cloned()
                .collect();
            owned.iter().for_each(|other| self.end(kind, other));
        }
    }

    fn put(&mut self, kind: Kind, mut object: Object) {
        self.version += 1;
        object
            .metadata_mut()
            .insert("resourceVersion".into(), self.version.to_string().into());
        let object = Arc::new(object);
        self.view.put(kind, object.clone());
        self.wake(kind, &object);
    }

    fn wake(&mut self, kind: Kind, object: &Object) {
        for (row, controller) in CONTROLLERS.iter().enumerate() {
            let keys = (controller.concerns)(&self.view, kind, object);
            self.work.extend(keys.into_iter().map(|key| (row, key)));
        }
    }
}

/// A Deployment of one container.
pub(crate) fn deployment(replicas: i64, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api"},
        "spec": {
            "replicas": replicas, "progressDeadlineSeconds": 600, "selector": {"matchLabels": {"app": "api"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "template": {"metadata": {"labels": {"app": "api"}}, "spec": {"containers": [{
                "name": "main", "image": image, "ports": [{"name": "http", "containerPort": 8080}],
            }]}},
        },
    })
}
