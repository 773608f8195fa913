//! A Pod is given its node: what a scheduler writes.

use krm::{Value, json};

use crate::auth::Asking;
use crate::status::{ApiError, GroupResource};
use crate::store::{Draft, Expect, Key, Write};

/// Answers a create of `pods/binding`, or of the `bindings` that name their Pod themselves.
///
/// # Errors
/// The Pod does not exist, is going, or has a node; the target is none.
pub(crate) fn bind(asking: &Asking<'_>, binding: Value) -> Result<Value, ApiError> {
    let named = binding["metadata"]["name"].as_str().unwrap_or_default();
    let name = match asking.info.name.as_str() {
        "" => named,
        name => name,
    };
    if !named.is_empty() && named != name {
        return Err(ApiError::bad_request(
            "name in URL does not match name in Binding object",
        ));
    }
    let target = &binding["target"];
    let node = target["name"].as_str().unwrap_or_default();
    if node.is_empty() || !matches!(target["kind"].as_str(), None | Some("" | "Node")) {
        return Err(ApiError::bad_request("a Pod is bound to a Node, by name"));
    }
    let key = Key::new(&asking.info.namespace, name);
    while !assign(asking, &key, node, &binding["metadata"]["annotations"])? {}
    Ok(
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}),
    )
}

/// One attempt; false where somebody else was faster.
fn assign(
    asking: &Asking<'_>,
    key: &Key,
    node: &str,
    annotations: &Value,
) -> Result<bool, ApiError> {
    let of = GroupResource::new("", "pods");
    let store = asking.server.store();
    let found = store.get(&of, key);
    let stored = found.ok_or_else(|| ApiError::not_found(&of, &key.name))?;
    let mut pod = stored.value();
    let refuse = |why: String| {
        let of = GroupResource::new("", "pods/binding");
        Err(ApiError::conflict(&of, &key.name, &why))
    };
    let name = &key.name;
    if stored.header().deleting.is_some() {
        return refuse(format!(
            "pod {name} is being deleted, cannot be assigned to a host"
        ));
    }
    if let Some(own) = pod["spec"]["nodeName"]
        .as_str()
        .filter(|own| !own.is_empty())
    {
        return refuse(format!("pod {name} is already assigned to node \"{own}\""));
    }
    pod["spec"]["nodeName"] = node.into();
    for (annotation, text) in annotations.as_object().into_iter().flatten() {
        pod["metadata"]["annotations"][annotation] = text.clone();
    }
    let now = crate::context::seconds(asking.server.clock().now());
    let condition = json!({
        "type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": now,
    });
    if let Some(list) = pod["status"]["conditions"].as_array_mut() {
        list.retain(|own| own["type"] != "PodScheduled");
        list.push(condition);
    } else {
        pod["status"]["conditions"] = json!([condition]);
    }
    let registry = asking.server.registry();
    let resource = registry.get("", "v1", "pods");
    let fields = resource.map(|resource| crate::strategy::fields(resource, &pod));
    let write = Write {
        of,
        key: key.clone(),
        expect: Expect::Version(stored.version()),
        put: Some(Draft::new(pod, fields.unwrap_or_default())),
    };
    Ok(store.commit(write).is_ok())
}
