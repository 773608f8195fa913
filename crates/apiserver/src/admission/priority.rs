//! Priority: a Pod's number follows from its PriorityClass.

use krm::Value;

use super::{Operation, Review};
use crate::ApiError;
use crate::store::Key;

const GROUP: &str = "scheduling.k8s.io";

/// Resolves a Pod's priority class to its number and preemption policy, and keeps both on update.
pub(super) fn resolve(review: &mut Review<'_>, object: &mut Value) -> Result<(), ApiError> {
    if !review.is("", "pods") {
        return Ok(());
    }
    match review.operation {
        Operation::Create => set(review, object),
        Operation::Update => {
            for field in ["priority", "preemptionPolicy"] {
                let before = review.old.map(|old| &old["spec"][field]);
                if let Some(before) = before.filter(|before| !before.is_null())
                    && object["spec"][field].is_null()
                {
                    object["spec"][field] = before.clone();
                }
            }
            Ok(())
        }
        Operation::Delete | Operation::Connect => Ok(()),
    }
}

fn set(review: &Review<'_>, pod: &mut Value) -> Result<(), ApiError> {
    let named = pod["spec"]["priorityClassName"]
        .as_str()
        .filter(|name| !name.is_empty());
    let class = match named {
        Some(name) => {
            let found = review.get(GROUP, "priorityclasses", &Key::new("", name));
            let Some(found) = found else {
                let why = format!("no PriorityClass with name {name} was found");
                return Err(review.forbidden(pod, &why));
            };
            Some(found.value())
        }
        None => default_class(review),
    };
    let (priority, policy) = match &class {
        Some(class) => {
            pod["spec"]["priorityClassName"] = class["metadata"]["name"].clone();
            (
                class["value"].as_i64().unwrap_or_default(),
                class["preemptionPolicy"].as_str(),
            )
        }
        None => (0, Some("PreemptLowerPriority")),
    };
    if let Some(said) = pod["spec"]["priority"]
        .as_i64()
        .filter(|said| *said != priority)
    {
        let why = format!(
            "the integer value of priority ({said}) must not be provided in pod spec; priority admission controller computed {priority} from the given PriorityClass name"
        );
        return Err(review.forbidden(pod, &why));
    }
    pod["spec"]["priority"] = priority.into();
    let Some(policy) = policy else { return Ok(()) };
    if let Some(said) = pod["spec"]["preemptionPolicy"]
        .as_str()
        .filter(|said| *said != policy)
    {
        let why = format!(
            "the string value of PreemptionPolicy ({said}) must not be provided in pod spec; priority admission controller computed {policy} from the given PriorityClass name"
        );
        return Err(review.forbidden(pod, &why));
    }
    pod["spec"]["preemptionPolicy"] = policy.into();
    Ok(())
}

/// The class of Pods that name none: of several, the one with the lowest number.
fn default_class(review: &Review<'_>) -> Option<Value> {
    let classes = review.list(GROUP, "priorityclasses", "");
    let defaults = classes
        .into_iter()
        .filter(|class| class["globalDefault"] == true);
    defaults.min_by_key(|class| class["value"].as_i64().unwrap_or_default())
}

/// Only one class may be the default.
pub(super) fn check_class(review: &mut Review<'_>, object: &Value) -> Result<(), ApiError> {
    let writes = matches!(review.operation, Operation::Create | Operation::Update);
    if !writes || !review.is(GROUP, "priorityclasses") || object["globalDefault"] != true {
        return Ok(());
    }
    let Some(known) = default_class(review) else {
        return Ok(());
    };
    let name = &known["metadata"]["name"];
    let itself = review.operation == Operation::Update && *name == object["metadata"]["name"];
    if itself {
        return Ok(());
    }
    let name = name.as_str().unwrap_or_default();
    let why =
        format!("PriorityClass {name} is already marked as default. Only one default can exist");
    Err(review.forbidden(object, &why))
}
