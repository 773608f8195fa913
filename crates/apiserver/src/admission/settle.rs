//! What upstream's storage does to an object between admission and validation: the fields that nobody but the server fills.

use krm::{Value, json};

use super::usage::Amounts;
use super::{Operation, Review, escalation};
use crate::ApiError;
use crate::life::cluster_ip;

const FINALIZER: &str = "kubernetes";

/// Settles an object that is created or changed.
///
/// # Errors
/// It grants more than its writer holds, or asks for an address that is taken.
pub(super) fn settle(review: &Review<'_>, object: &mut Value) -> Result<(), ApiError> {
    escalation::check(review, object)?;
    if !matches!(review.operation, Operation::Create | Operation::Update) {
        return Ok(());
    }
    if review.is("", "services") {
        cluster_ip::settle(review.server, object, review.old)?;
    } else if review.is("", "namespaces") {
        namespace(object, review.old);
    } else if review.creates("", "pods") {
        object["status"] = json!({"phase": "Pending", "qosClass": quality(object)});
    }
    Ok(())
}

/// A new namespace is held by the controller that empties it; an update does not change that.
fn namespace(object: &mut Value, old: Option<&Value>) {
    if let Some(old) = old {
        match old["spec"].get("finalizers") {
            Some(held) => object["spec"]["finalizers"] = held.clone(),
            None => object["spec"] = json!({}),
        }
        return;
    }
    object["status"] = json!({"phase": "Active"});
    let held = super::list_at(&mut object["spec"], "finalizers");
    if !held.iter().any(|own| own == FINALIZER) {
        held.push(FINALIZER.into());
    }
}

/// A Pod's quality of service: what its containers ask for says how it is treated when a node runs short.
fn quality(pod: &Value) -> &'static str {
    let of_pod = &pod["spec"]["resources"];
    let lists = ["containers", "initContainers"];
    let containers: Vec<&Value> = if of_pod.is_object() {
        vec![of_pod]
    } else {
        let all = lists
            .iter()
            .flat_map(|list| pod["spec"][list].as_array().into_iter().flatten());
        all.map(|container| &container["resources"]).collect()
    };
    let (mut asks, mut guaranteed) = (false, true);
    for resources in containers {
        let requests = Amounts::read(&resources["requests"]);
        let limits = Amounts::read(&resources["limits"]);
        for name in ["cpu", "memory"] {
            let some = |amounts: &Amounts| {
                let amount = amounts.get(name).cloned();
                amount.filter(|amount| amount.signum() > 0)
            };
            let (request, limit) = (some(&requests), some(&limits));
            asks |= request.is_some() || limit.is_some();
            guaranteed &= match (request, limit) {
                (Some(request), Some(limit)) => request.compare(&limit).is_eq(),
                (None, Some(_)) => true,
                _ => false,
            };
        }
    }
    match (asks, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(resources: &[Value], expect: &str) {
        let containers: Vec<Value> = resources
            .iter()
            .map(|resources| json!({"name": "a", "resources": resources}))
            .collect();
        assert_eq!(
            quality(&json!({"spec": {"containers": containers}})),
            expect
        );
    }

    #[test]
    fn quality_follows_from_what_containers_ask_for() {
        let full = json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1000m", "memory": "1024Mi"}});
        check(&[json!({})], "BestEffort");
        check(std::slice::from_ref(&full), "Guaranteed");
        check(&[full.clone(), json!({})], "Burstable");
        check(&[json!({"requests": {"cpu": "1"}})], "Burstable");
        check(
            &[json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}})],
            "Burstable",
        );
        check(
            &[full, json!({"limits": {"cpu": "1", "memory": "1Gi"}})],
            "Guaranteed",
        );
    }
}
