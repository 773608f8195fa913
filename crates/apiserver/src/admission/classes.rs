//! The default classes of claims and ingresses, and the finalizers that keep storage in use.

use krm::Value;

use super::{Review, list_at};
use crate::ApiError;

/// DefaultStorageClass: a claim that names no class gets the default one.
pub(super) fn storage_class(review: &mut Review<'_>, object: &mut Value) -> Result<(), ApiError> {
    let legacy = "volume.beta.kubernetes.io/storage-class";
    if review.creates("", "persistentvolumeclaims")
        && object["metadata"]["annotations"].get(legacy).is_none()
        && object["spec"]
            .get("storageClassName")
            .is_none_or(Value::is_null)
    {
        let classes = review.list("storage.k8s.io", "storageclasses", "");
        let annotations = [
            "storageclass.kubernetes.io/is-default-class",
            "storageclass.beta.kubernetes.io/is-default-class",
        ];
        if let Some(class) = newest_default(classes, &annotations) {
            object["spec"]["storageClassName"] = class;
        }
    }
    Ok(())
}

/// DefaultIngressClass: an Ingress that names no class gets the default one.
pub(super) fn ingress_class(review: &mut Review<'_>, object: &mut Value) -> Result<(), ApiError> {
    let legacy = "kubernetes.io/ingress.class";
    if review.creates("networking.k8s.io", "ingresses")
        && object["metadata"]["annotations"].get(legacy).is_none()
        && object["spec"]
            .get("ingressClassName")
            .is_none_or(Value::is_null)
    {
        let classes = review.list("networking.k8s.io", "ingressclasses", "");
        let annotations = ["ingressclass.kubernetes.io/is-default-class"];
        if let Some(class) = newest_default(classes, &annotations) {
            object["spec"]["ingressClassName"] = class;
        }
    }
    Ok(())
}

/// The name of the newest class that one of the annotations marks as default; of two as new, the first by name.
fn newest_default(classes: Vec<Value>, annotations: &[&str]) -> Option<Value> {
    let marked = |class: &Value| {
        let own = &class["metadata"]["annotations"];
        annotations
            .iter()
            .any(|annotation| own[annotation] == "true")
    };
    let mut defaults: Vec<Value> = classes.into_iter().filter(marked).collect();
    let created = |class: &Value| {
        class["metadata"]["creationTimestamp"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let name = |class: &Value| {
        class["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    defaults.sort_by_key(|class| (std::cmp::Reverse(created(class)), name(class)));
    defaults
        .into_iter()
        .next()
        .map(|mut class| class["metadata"]["name"].take())
}

/// StorageObjectInUseProtection: claims, volumes and attribute classes stay until nobody uses them.
pub(super) fn protect(review: &mut Review<'_>, object: &mut Value) -> Result<(), ApiError> {
    let finalizer = [
        ("", "persistentvolumes", "kubernetes.io/pv-protection"),
        ("", "persistentvolumeclaims", "kubernetes.io/pvc-protection"),
        (
            "storage.k8s.io",
            "volumeattributesclasses",
            "kubernetes.io/vac-protection",
        ),
    ]
    .into_iter()
    .find(|(group, resource, _)| review.creates(group, resource));
    if let Some((_, _, finalizer)) = finalizer {
        let finalizers = list_at(&mut object["metadata"], "finalizers");
        if !finalizers.iter().any(|own| own == finalizer) {
            finalizers.push(finalizer.into());
        }
    }
    Ok(())
}
