//! Services: who serves them (EndpointSlice), and where from outside (load balancer).

use clock::Timestamp;
use krm::{Object, Value, json};

use crate::NODE;
use crate::act::{Act, Decision, Step};
use crate::controller::Kind;
use crate::object::{made, owner_name, reference, same, status, text, with_status};
use crate::pod::is_ready;
use crate::view::{Key, View, key};

const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const MANAGER: &str = "endpointslice-controller.k8s.io";
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Keeps one EndpointSlice per Service with a selector.
pub(crate) fn endpoints(view: &View, key: &Key, _: Timestamp) -> Decision {
    let Some(service) = view.get(Kind::Service, &key.0, &key.1) else {
        return Decision::nothing();
    };
    let Some(selector) = service.pointer("/spec/selector").and_then(Value::as_object) else {
        return Decision::nothing();
    };
    if service.is_deleting()
        || selector.is_empty()
        || view
            .refused(service.uid())
            .is_some_and(|refused| refused.hold)
    {
        return Decision::nothing();
    }
    let chosen = |pod: &&std::sync::Arc<Object>| {
        let all = selector
            .iter()
            .all(|(label, value)| pod.label(label) == value.as_str());
        let ended = matches!(text(pod, "/status/phase"), "Succeeded" | "Failed");
        all && !ended && !text(pod, "/status/podIP").is_empty()
    };
    let pods: Vec<_> = view.list(Kind::Pod, &key.0).filter(chosen).collect();
    let endpoints: Value = pods.iter().map(|pod| endpoint(service, pod)).collect();
    let ports = ports(service, pods.first().map(|pod| &***pod));
    let own = view.list(Kind::EndpointSlice, &key.0).find(|slice| {
        slice.label(SERVICE_NAME) == Some(service.name())
            && slice.label(MANAGED_BY) == Some(MANAGER)
    });
    let Some(slice) = own else {
        let mut labels = service
            .pointer("/metadata/labels")
            .cloned()
            .unwrap_or_else(|| json!({}));
        labels[MANAGED_BY] = MANAGER.into();
        labels[SERVICE_NAME] = service.name().into();
        let slice = made(json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {
                "generateName": format!("{}-", service.name()), "namespace": key.0, "labels": labels,
                "ownerReferences": [reference(service)],
            },
            "endpoints": endpoints, "ports": ports,
        }));
        return Decision::acts(slice.map(Act::Create));
    };
    let field = |name: &str| slice.fields().get(name).unwrap_or(&Value::Null);
    if slice.is_deleting() || same(field("endpoints"), &endpoints) && same(field("ports"), &ports) {
        return Decision::nothing();
    }
    let mut slice = Object::clone(slice);
    slice.fields_mut().insert("endpoints".into(), endpoints);
    slice.fields_mut().insert("ports".into(), ports);
    Decision::acts([Act::Replace(slice)])
}

/// Gives a Service of type LoadBalancer its address, one step after it came.
pub(crate) fn load_balancer(view: &View, key: &Key, _: Timestamp) -> Decision {
    let Some(service) = view.get(Kind::Service, &key.0, &key.1) else {
        return Decision::nothing();
    };
    let mut wanted = status(service);
    let address = json!({"ingress": [{"ip": "127.0.0.1", "ipMode": "VIP"}]});
    if text(service, "/spec/type") != "LoadBalancer" || service.is_deleting() {
        if wanted
            .get("loadBalancer")
            .is_none_or(|own| same(own, &Value::Null))
        {
            return Decision::nothing();
        }
        wanted["loadBalancer"] = json!({});
        return Decision::acts(with_status(service, wanted).map(Act::Status));
    }
    if wanted.pointer("/loadBalancer/ingress").is_some() {
        return Decision::nothing();
    }
    let step = Step {
        uid: service.uid().to_owned(),
        name: "address",
    };
    if !view.is_ripe(&step) {
        return Decision {
            acts: Vec::new(),
            step: Some(step),
        };
    }
    wanted["loadBalancer"] = address;
    Decision::acts(with_status(service, wanted).map(Act::Status))
}

/// A Service concerns itself, a slice the Service it is of, a Pod every Service of its namespace (it may just have left one).
pub(crate) fn concerns(view: &View, kind: Kind, object: &Object) -> Vec<Key> {
    match kind {
        Kind::Service => vec![key(object)],
        Kind::Pod => view
            .list(Kind::Service, object.namespace().unwrap_or_default())
            .map(|service| key(service))
            .collect(),
        Kind::EndpointSlice => {
            let name = owner_name(object, "Service");
            name.map(|name| (key(object).0, name.to_owned()))
                .into_iter()
                .collect()
        }
        _ => Vec::new(),
    }
}

/// A Service concerns itself.
pub(crate) fn concerns_itself(_: &View, kind: Kind, object: &Object) -> Vec<Key> {
    (kind == Kind::Service)
        .then(|| key(object))
        .into_iter()
        .collect()
}

fn endpoint(service: &Object, pod: &Object) -> Value {
    let terminating = pod.is_deleting();
    let serving = is_ready(pod);
    let anyway = service.pointer("/spec/publishNotReadyAddresses") == Some(&Value::Bool(true));
    json!({
        "addresses": [text(pod, "/status/podIP")],
        "conditions": {"ready": anyway || serving && !terminating, "serving": serving, "terminating": terminating},
        "nodeName": NODE,
        "targetRef": {"kind": "Pod", "name": pod.name(), "namespace": pod.namespace(), "uid": pod.uid()},
    })
}

/// The Service's ports as its Pods have them; a name is looked up in the first Pod.
fn ports(service: &Object, pod: Option<&Object>) -> Value {
    let list = service.pointer("/spec/ports").and_then(Value::as_array);
    let port = |port: &Value| {
        let target = port.get("targetPort").or_else(|| port.get("port"))?;
        let number = target.as_i64().or_else(|| named(pod?, target.as_str()?))?;
        let mut made = json!({
            "name": port.get("name").cloned().unwrap_or_else(|| "".into()), "port": number,
            "protocol": port.get("protocol").cloned().unwrap_or_else(|| "TCP".into()),
        });
        if let Some(protocol) = port.get("appProtocol") {
            made["appProtocol"] = protocol.clone();
        }
        Some(made)
    };
    list.into_iter().flatten().filter_map(port).collect()
}

fn named(pod: &Object, name: &str) -> Option<i64> {
    let containers = pod.pointer("/spec/containers")?.as_array()?;
    let mut ports = containers
        .iter()
        .filter_map(|container| container.get("ports")?.as_array())
        .flatten();
    ports
        .find(|port| port["name"] == name)?
        .get("containerPort")?
        .as_i64()
}
