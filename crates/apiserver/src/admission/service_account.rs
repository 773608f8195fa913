//! ServiceAccount: every Pod runs as one, and its containers find that account's token.

use krm::{Value, json};

use super::{Review, list_at};
use crate::ApiError;
use crate::store::Key;

const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const VOLUME: &str = "kube-api-access-";
const MIRROR: &str = "kubernetes.io/config.mirror";

/// Gives a new Pod its ServiceAccount, the account's pull secrets, and a volume with its token.
pub(super) fn admit(review: &mut Review<'_>, object: &mut Value) -> Result<(), ApiError> {
    if !review.creates("", "pods") {
        return Ok(());
    }
    if object["metadata"]["annotations"].get(MIRROR).is_some() {
        return check_mirror(review, object);
    }
    let named = object["spec"]["serviceAccountName"].as_str();
    let name = named
        .filter(|name| !name.is_empty())
        .unwrap_or("default")
        .to_owned();
    let namespace = review.namespace();
    let account = review.get("", "serviceaccounts", &Key::new(namespace, &name));
    // The controller that makes every namespace's default account is about to: upstream waits for it here.
    let account = account
        .map(|stored| stored.value())
        .or((name == "default").then_some(json!({})));
    let Some(account) = account else {
        let why = format!(
            "error looking up service account {namespace}/{name}: serviceaccount {name:?} not found"
        );
        return Err(review.forbidden(object, &why));
    };
    object["spec"]["serviceAccountName"] = name.as_str().into();
    object["spec"]["serviceAccount"] = name.into();
    let mounts = [&object["spec"], &account]
        .into_iter()
        .find_map(|says| says["automountServiceAccountToken"].as_bool());
    if mounts.unwrap_or(true) {
        mount(
            &mut object["spec"],
            &format!("{VOLUME}{}", review.server.seed().suffix(5)),
        );
    }
    let pulls = account["imagePullSecrets"]
        .as_array()
        .filter(|list| !list.is_empty());
    let own = object["spec"]["imagePullSecrets"].as_array();
    if own.is_none_or(Vec::is_empty)
        && let Some(pulls) = pulls
    {
        object["spec"]["imagePullSecrets"] = pulls.clone().into();
    }
    Ok(())
}

/// A Pod that only mirrors one of a node's own may use nothing of the API.
fn check_mirror(review: &Review<'_>, pod: &Value) -> Result<(), ApiError> {
    let account = pod["spec"]["serviceAccountName"]
        .as_str()
        .unwrap_or_default();
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    let mut sources = volumes
        .clone()
        .filter_map(|volume| volume["projected"]["sources"].as_array());
    let why = if !account.is_empty() {
        "a mirror pod may not reference service accounts"
    } else if volumes.clone().any(|volume| volume["secret"].is_object()) {
        "a mirror pod may not reference secrets"
    } else if sources.any(|sources| {
        sources
            .iter()
            .any(|source| source["serviceAccountToken"].is_object())
    }) {
        "a mirror pod may not use ServiceAccountToken volume projections"
    } else {
        return Ok(());
    };
    Err(review.forbidden(pod, why))
}

fn mount(spec: &mut Value, fresh: &str) {
    let volumes = spec["volumes"].as_array().into_iter().flatten();
    let known = volumes
        .filter_map(|volume| volume["name"].as_str())
        .find(|name| name.starts_with(VOLUME))
        .map(str::to_owned);
    let volume = known.as_deref().unwrap_or(fresh);
    let mut needed = false;
    for list in ["initContainers", "containers"] {
        for container in spec
            .get_mut(list)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            let mounts = list_at(container, "volumeMounts");
            if mounts.iter().any(|mount| mount["mountPath"] == TOKEN_PATH) {
                continue;
            }
            mounts.push(json!({"mountPath": TOKEN_PATH, "name": volume, "readOnly": true}));
            needed = true;
        }
    }
    if known.is_none() && needed {
        list_at(spec, "volumes").push(json!({
            "name": fresh,
            "projected": {"defaultMode": 420, "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt",
                               "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                {"downwardAPI": {"items": [{
                    "path": "namespace",
                    "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
                }]}},
            ]},
        }));
    }
}
