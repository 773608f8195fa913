//! LimitRanger: defaults, minima and maxima of what containers ask for, per namespace.

use std::collections::BTreeMap;

use krm::Value;
use schema::quantity::Quantity;

use super::usage::{Amounts, pod_amounts};
use super::{Operation, Review};
use crate::ApiError;

const ANNOTATION: &str = "kubernetes.io/limit-ranger";

/// Fills in what a namespace's LimitRanges give containers that ask for nothing.
pub(super) fn set_defaults(review: &mut Review<'_>, object: &mut Value) -> Result<(), ApiError> {
    if !review.creates("", "pods") {
        return Ok(());
    }
    for range in review.list("", "limitranges", review.namespace()) {
        let mut said = Vec::new();
        for (list, title) in [
            ("containers", "container"),
            ("initContainers", "init container"),
        ] {
            let containers = object["spec"].get_mut(list).and_then(Value::as_array_mut);
            for container in containers.into_iter().flatten() {
                fill(&range, container, title, &mut said);
            }
        }
        if !said.is_empty() {
            let text = format!("LimitRanger plugin set: {}", said.join("; "));
            object["metadata"]["annotations"][ANNOTATION] = text.into();
        }
    }
    Ok(())
}

fn fill(range: &Value, container: &mut Value, title: &str, said: &mut Vec<String>) {
    let name = container["name"].as_str().unwrap_or_default().to_owned();
    for (from, to, word) in [
        ("defaultRequest", "requests", "request"),
        ("default", "limits", "limit"),
    ] {
        let mut defaults: BTreeMap<&String, &Value> = BTreeMap::new();
        for limit in entries(range, "Container") {
            defaults.extend(limit[from].as_object().into_iter().flatten());
        }
        let mut set = Vec::new();
        for (resource, amount) in defaults {
            if container["resources"][to].get(resource).is_none() {
                container["resources"][to][resource] = amount.clone();
                set.push(resource.as_str());
            }
        }
        if !set.is_empty() {
            said.push(format!("{} {word} for {title} {name}", set.join(", ")));
        }
    }
}

/// Refuses Pods and claims outside of what the namespace's LimitRanges allow.
pub(super) fn check(review: &mut Review<'_>, object: &Value) -> Result<(), ApiError> {
    let pod = review.creates("", "pods");
    let writes = matches!(review.operation, Operation::Create | Operation::Update);
    let claim = writes && review.is("", "persistentvolumeclaims");
    let deleting = |old: &Value| !old["metadata"]["deletionTimestamp"].is_null();
    if !(pod || claim) || review.old.is_some_and(deleting) {
        return Ok(());
    }
    for range in review.list("", "limitranges", review.namespace()) {
        let errors = if pod {
            pod_errors(&range, object)
        } else {
            claim_errors(&range, object)
        };
        let why = match errors.as_slice() {
            [] => continue,
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        return Err(review.forbidden(object, &why));
    }
    Ok(())
}

fn pod_errors(range: &Value, pod: &Value) -> Vec<String> {
    let mut errors = Vec::new();
    for limit in entries(range, "Container") {
        for list in ["containers", "initContainers"] {
            for container in pod["spec"][list].as_array().into_iter().flatten() {
                let requests = Amounts::read(&container["resources"]["requests"]);
                let limits = Amounts::read(&container["resources"]["limits"]);
                bounds(limit, "Container", &requests, &limits, &mut errors);
            }
        }
    }
    for limit in entries(range, "Pod") {
        let requests = pod_amounts(pod, "requests");
        let limits = pod_amounts(pod, "limits");
        bounds(limit, "Pod", &requests, &limits, &mut errors);
    }
    dedup(errors)
}

fn claim_errors(range: &Value, claim: &Value) -> Vec<String> {
    let requests = Amounts::read(&claim["spec"]["resources"]["requests"]);
    let mut errors = Vec::new();
    for limit in entries(range, "PersistentVolumeClaim") {
        let kind = "PersistentVolumeClaim";
        for (resource, min) in amounts(&limit["min"]) {
            errors.extend(below(kind, &resource, &min, &requests, &Amounts::default()));
        }
        for (resource, max) in amounts(&limit["max"]) {
            let what = format!("maximum {resource} usage per {kind} is {}", max.canonical());
            match requests.get(&resource) {
                None => errors.push(format!("{what}.  No request is specified")),
                Some(asked) if asked.compare(&max).is_gt() => {
                    errors.push(format!("{what}, but request is {}", asked.canonical()));
                }
                Some(_) => {}
            }
        }
    }
    dedup(errors)
}

fn bounds(
    limit: &Value,
    kind: &str,
    requests: &Amounts,
    limits: &Amounts,
    errors: &mut Vec<String>,
) {
    for (resource, min) in amounts(&limit["min"]) {
        errors.extend(below(kind, &resource, &min, requests, limits));
    }
    for (resource, max) in amounts(&limit["max"]) {
        errors.extend(above(kind, &resource, &max, requests, limits));
    }
    for (resource, ratio) in amounts(&limit["maxLimitRequestRatio"]) {
        errors.extend(beyond_ratio(kind, &resource, &ratio, requests, limits));
    }
}

fn below(
    kind: &str,
    resource: &str,
    min: &Quantity,
    requests: &Amounts,
    limits: &Amounts,
) -> Option<String> {
    let what = format!("minimum {resource} usage per {kind} is {}", min.canonical());
    let Some(request) = requests.get(resource) else {
        return Some(format!("{what}.  No request is specified"));
    };
    if request.compare(min).is_lt() {
        return Some(format!("{what}, but request is {}", request.canonical()));
    }
    let limit = limits
        .get(resource)
        .filter(|limit| limit.compare(min).is_lt())?;
    Some(format!("{what}, but limit is {}", limit.canonical()))
}

fn above(
    kind: &str,
    resource: &str,
    max: &Quantity,
    requests: &Amounts,
    limits: &Amounts,
) -> Option<String> {
    let what = format!("maximum {resource} usage per {kind} is {}", max.canonical());
    let Some(limit) = limits.get(resource) else {
        return Some(format!("{what}.  No limit is specified"));
    };
    if limit.compare(max).is_gt() {
        return Some(format!("{what}, but limit is {}", limit.canonical()));
    }
    let request = requests
        .get(resource)
        .filter(|request| request.compare(max).is_gt())?;
    Some(format!("{what}, but request is {}", request.canonical()))
}

fn beyond_ratio(
    kind: &str,
    resource: &str,
    ratio: &Quantity,
    requests: &Amounts,
    limits: &Amounts,
) -> Option<String> {
    let what = format!(
        "{resource} max limit to request ratio per {kind} is {}",
        ratio.canonical()
    );
    let some = |amounts: &Amounts| {
        let amount = amounts.get(resource).map(as_float);
        amount.filter(|amount| *amount != 0.0)
    };
    let Some(request) = some(requests) else {
        return Some(format!(
            "{what}, but no request is specified or request is 0"
        ));
    };
    let Some(limit) = some(limits) else {
        return Some(format!("{what}, but no limit is specified or limit is 0"));
    };
    let actual = limit / request;
    (actual > as_float(ratio)).then(|| format!("{what}, but provided ratio is {actual:.6}"))
}

/// A quantity for a ratio, where a rounding error decides nothing.
fn as_float(quantity: &Quantity) -> f64 {
    let text = quantity.canonical();
    let number = |c: char| matches!(c, '0'..='9' | '.' | '-' | '+');
    let digits = text.find(|c| !number(c)).unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let power = |of: &str, letters: &str, base: f64| {
        let place = letters.find(of.chars().next()?)?;
        Some(base.powi(i32::try_from(place).ok()? + 1))
    };
    let factor = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        binary if binary.ends_with('i') => power(binary, "KMGTPE", 1024.0).unwrap_or(1.0),
        exponent if exponent.starts_with('e') => {
            exponent[1..].parse().map_or(1.0, |power| 10f64.powi(power))
        }
        decimal => power(decimal, "kMGTPE", 1000.0).unwrap_or(1.0),
    };
    number.parse().unwrap_or(0.0) * factor
}

fn entries<'a>(range: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let limits = range["spec"]["limits"].as_array();
    limits
        .into_iter()
        .flatten()
        .filter(move |limit| limit["type"] == kind)
}

fn amounts(map: &Value) -> Vec<(String, Quantity)> {
    Amounts::read(map).into_iter().collect()
}

/// Each text once, as Go's aggregate prints errors.
fn dedup(errors: Vec<String>) -> Vec<String> {
    let mut once: Vec<String> = Vec::new();
    for error in errors {
        if !once.contains(&error) {
            once.push(error);
        }
    }
    once
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_as_numbers() {
        for (text, expect) in [
            ("10", 10.0),
            ("500m", 0.5),
            ("2k", 2000.0),
            ("3M", 3e6),
            ("1Ki", 1024.0),
            ("1536Mi", 1536.0 * 1048576.0),
            ("1e3", 1000.0),
        ] {
            let number = as_float(&Quantity::parse(text).unwrap());
            assert!((number - expect).abs() < 1e-6, "{text} {number}");
        }
    }
}
