//! The one node, ready and without end.

use clock::Timestamp;
use krm::{Object, Value, json};

use crate::NODE;
use crate::act::{Act, Decision};
use crate::controller::Kind;
use crate::object::{made, stamp, status, with_status};
use crate::view::{Key, View};

/// Makes the node, keeps it ready and takes off the taint that a new node starts with.
pub(crate) fn decide(view: &View, key: &Key, now: Timestamp) -> Decision {
    if key.1 != NODE {
        return Decision::nothing();
    }
    let Some(node) = view.get(Kind::Node, "", NODE) else {
        return Decision::acts(made(fresh()).map(Act::Create));
    };
    let has_taints = node
        .pointer("/spec/taints")
        .and_then(Value::as_array)
        .is_some_and(|taints| !taints.is_empty());
    if has_taints {
        let mut node = Object::clone(node);
        if let Some(Value::Object(spec)) = node.fields_mut().get_mut("spec") {
            spec.remove("taints");
        }
        return Decision::acts([Act::Replace(node)]);
    }
    let mut wanted = status(node);
    if wanted.get("conditions").is_none() {
        wanted["conditions"] = conditions(now);
    }
    for (field, value) in [
        ("capacity", capacity()),
        ("allocatable", capacity()),
        ("addresses", addresses()),
    ] {
        if wanted.get(field).is_none() {
            wanted[field] = value;
        }
    }
    if wanted
        .get("nodeInfo")
        .and_then(|info| info["kubeletVersion"].as_str())
        .is_none_or(str::is_empty)
    {
        wanted["nodeInfo"] = info();
    }
    Decision::acts(with_status(node, wanted).map(Act::Status))
}

/// The node concerns itself.
pub(crate) fn concerns(_: &View, kind: Kind, object: &Object) -> Vec<Key> {
    let own = kind == Kind::Node && object.name() == NODE;
    own.then(|| (String::new(), NODE.to_owned()))
        .into_iter()
        .collect()
}

fn fresh() -> Value {
    let labels = json!({
        "kubernetes.io/arch": "amd64", "kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux",
    });
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE, "labels": labels}, "spec": {}})
}

fn capacity() -> Value {
    json!({"cpu": "1000", "memory": "4Ti", "pods": "10k", "ephemeral-storage": "100Ti"})
}

fn addresses() -> Value {
    json!([{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": NODE}])
}

fn info() -> Value {
    json!({
        "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "weir://simulated", "kernelVersion": "",
        "kubeProxyVersion": "", "kubeletVersion": "v1.36.3", "machineID": "", "operatingSystem": "linux",
        "osImage": "none: no container runs here", "systemUUID": "",
    })
}

fn conditions(now: Timestamp) -> Value {
    let at = stamp(now);
    let rows = [
        (
            "MemoryPressure",
            "False",
            "KubeletHasSufficientMemory",
            "kubelet has sufficient memory available",
        ),
        (
            "DiskPressure",
            "False",
            "KubeletHasNoDiskPressure",
            "kubelet has no disk pressure",
        ),
        (
            "PIDPressure",
            "False",
            "KubeletHasSufficientPID",
            "kubelet has sufficient PID available",
        ),
        (
            "Ready",
            "True",
            "KubeletReady",
            "kubelet is posting ready status",
        ),
    ];
    let condition = |(kind, status, reason, message): (&str, &str, &str, &str)| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": at, "lastTransitionTime": at,
        })
    };
    rows.into_iter().map(condition).collect()
}
