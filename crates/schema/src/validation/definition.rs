//! CustomResourceDefinitions: names, versions and schemas.

use krm::Value;

use super::names;
use crate::error::FieldError;
use crate::structural::Schema;

/// Judges a new definition.
pub(super) fn validate(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let spec = &object["spec"];
    let (plural, group) = (text(&spec["names"], "plural"), text(spec, "group"));
    let name = &object["metadata"]["name"];
    if name
        .as_str()
        .is_some_and(|name| name != format!("{plural}.{group}"))
    {
        errors.push(FieldError::invalid(
            "metadata.name",
            name,
            "must be spec.names.plural+\".\"+spec.group",
        ));
    }
    group_name(group, &mut errors);
    kinds(&spec["names"], &mut errors);
    versions(spec, &mut errors);
    stored_versions(object, &mut errors);
    errors
}

/// Judges a changed definition.
pub(super) fn validate_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let established = old["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|c| c["type"] == "Established" && c["status"] == "True");
    let (spec, before) = (&new["spec"], &old["spec"]);
    let fields = [("group", false), ("scope", true)];
    for (field, once_established) in fields {
        if spec[field] != before[field] && (established || !once_established) {
            errors.push(FieldError::invalid(
                format!("spec.{field}"),
                &spec[field],
                "field is immutable",
            ));
        }
    }
    for field in ["kind", "plural"] {
        if established && spec["names"][field] != before["names"][field] {
            errors.push(FieldError::invalid(
                format!("spec.names.{field}"),
                &spec["names"][field],
                "field is immutable",
            ));
        }
    }
    kinds(&spec["names"], &mut errors);
    versions(spec, &mut errors);
    stored_versions(new, &mut errors);
    let served: Vec<&str> = list(&spec["versions"]).map(|v| text(v, "name")).collect();
    for (at, stored) in list(&new["status"]["storedVersions"]).enumerate() {
        let name = stored.as_str().unwrap_or_default();
        if !served.contains(&name) {
            let detail = "missing from spec.versions; v was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v and removes v from status.storedVersions"
                .replace(" v ", &format!(" {name} ")).replace("; v ", &format!("; {name} "));
            errors.push(FieldError::invalid(
                format!("status.storedVersions[{at}]"),
                stored,
                &detail,
            ));
        }
    }
    errors
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn group_name(group: &str, errors: &mut Vec<FieldError>) {
    let messages = names::dns_subdomain(group);
    if group.is_empty() {
        return;
    }
    let value = Value::from(group);
    if !messages.is_empty() {
        errors.push(FieldError::invalid(
            "spec.group",
            &value,
            &messages.join(","),
        ));
    } else if !group.contains('.') {
        errors.push(FieldError::invalid(
            "spec.group",
            &value,
            "should be a domain with at least one dot",
        ));
    }
}

fn kinds(names: &Value, errors: &mut Vec<FieldError>) {
    for field in ["kind", "listKind"] {
        let found = text(names, field);
        let messages = names::dns1035_label(&found.to_lowercase());
        if !found.is_empty() && !messages.is_empty() {
            let detail = format!(
                "may have mixed case, but should otherwise match: {}",
                messages.join(",")
            );
            errors.push(FieldError::invalid(
                format!("spec.names.{field}"),
                &names[field],
                &detail,
            ));
        }
    }
    for field in ["shortNames", "categories"] {
        for (at, found) in list(&names[field]).enumerate() {
            let messages = names::dns1035_label(found.as_str().unwrap_or_default());
            if !messages.is_empty() {
                errors.push(FieldError::invalid(
                    format!("spec.names.{field}[{at}]"),
                    found,
                    &messages.join(","),
                ));
            }
        }
    }
    if !text(names, "kind").is_empty() && names["kind"] == names["listKind"] {
        errors.push(FieldError::invalid(
            "spec.names.listKind",
            &names["listKind"],
            "kind and listKind may not be the same",
        ));
    }
}

fn versions(spec: &Value, errors: &mut Vec<FieldError>) {
    let all: Vec<&Value> = list(&spec["versions"]).collect();
    // What all versions share stands at the top of upstream's internal type.
    let shared = |field: &str| all.iter().all(|version| version[field] == all[0][field]);
    let mut stored = 0;
    let mut seen: Vec<&str> = Vec::new();
    for (at, version) in all.iter().enumerate() {
        let path = format!("spec.versions[{at}]");
        let name = text(version, "name");
        let messages = names::dns1035_label(name);
        if !messages.is_empty() {
            errors.push(FieldError::invalid(
                format!("{path}.name"),
                &version["name"],
                &messages.join(","),
            ));
        }
        if seen.contains(&name) {
            errors.push(FieldError::invalid_printed(
                "spec.versions",
                &shown(&all),
                "must contain unique version names",
            ));
        }
        seen.push(name);
        stored += usize::from(version["storage"] == Value::Bool(true));
        if at == 0 || !shared("schema") {
            let place = if shared("schema") {
                "spec.validation".to_owned()
            } else {
                format!("{path}.schema")
            };
            schema(&format!("{place}.openAPIV3Schema"), version, errors);
        }
        if at == 0 || !shared("additionalPrinterColumns") {
            let place = if shared("additionalPrinterColumns") {
                "spec"
            } else {
                path.as_str()
            };
            columns(place, version, errors);
        }
    }
    if stored != 1 {
        let detail = "must have exactly one version marked as storage version";
        errors.push(FieldError::invalid_printed(
            "spec.versions",
            &shown(&all),
            detail,
        ));
    }
}

fn schema(path: &str, version: &Value, errors: &mut Vec<FieldError>) {
    let schema = &version["schema"]["openAPIV3Schema"];
    if schema.is_null() {
        errors.push(FieldError::required(path, "schemas are required"));
    } else {
        errors.extend(Schema::parse(schema).check(path));
    }
}

/// Versions as upstream prints its internal type, what they share left out.
fn shown(versions: &[&Value]) -> String {
    let one = |version: &&Value| {
        let flag = |field: &str| version[field].as_bool().unwrap_or_default();
        format!(
            r#"{{"Name":{},"Served":{},"Storage":{},"Deprecated":{},"DeprecationWarning":{},"Schema":null,"Subresources":null,"AdditionalPrinterColumns":null,"SelectableFields":null}}"#,
            version["name"],
            flag("served"),
            flag("storage"),
            flag("deprecated"),
            version["deprecationWarning"]
        )
    };
    let all: Vec<String> = versions.iter().map(one).collect();
    format!("[{}]", all.join(","))
}

fn stored_versions(object: &Value, errors: &mut Vec<FieldError>) {
    let stored = &object["status"]["storedVersions"];
    if list(stored).next().is_none() {
        errors.push(FieldError::invalid(
            "status.storedVersions",
            stored,
            "must have at least one stored version",
        ));
    }
}

fn columns(path: &str, version: &Value, errors: &mut Vec<FieldError>) {
    const TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
    for (at, column) in list(&version["additionalPrinterColumns"]).enumerate() {
        let path = format!("{path}.additionalPrinterColumns[{at}]");
        let one_of = format!("must be one of {}", TYPES.join(","));
        if text(column, "name").is_empty() {
            errors.push(FieldError::required(format!("{path}.name"), ""));
        }
        match text(column, "type") {
            "" => errors.push(FieldError::required(format!("{path}.type"), &one_of)),
            found if !TYPES.contains(&found) => errors.push(FieldError::invalid(
                format!("{path}.type"),
                &column["type"],
                &one_of,
            )),
            _ => {}
        }
        if text(column, "jsonPath").is_empty() {
            errors.push(FieldError::required(format!("{path}.JSONPath"), ""));
        }
    }
}
