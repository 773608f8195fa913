//! Encrypted values are not for a terminal.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use krm::{Object, Value};
use kustomize::flux::is_sops_encrypted;

/// What stands for an encrypted value.
const MASK: &str = "**SOPS**";

/// Masks what SOPS encrypted: a whole object, or a key of a Secret that holds an encrypted file.
pub(super) fn encrypted(object: &mut Object) {
    let is_docker =
        object.pointer("/type").and_then(Value::as_str) == Some("kubernetes.io/dockerconfigjson");
    let mask = if is_docker {
        format!("{{\"mask\":\"{MASK}\"}}")
    } else {
        MASK.to_owned()
    };
    let encoded = BASE64_STANDARD.encode(&mask);
    if is_sops_encrypted(object) {
        object.fields_mut().remove("sops");
        set_all(object, "data", &encoded, |_| true);
        set_all(object, "stringData", MASK, |_| true);
        return;
    }
    if object.kind() == "Secret" {
        set_all(object, "data", &encoded, is_encrypted_file);
    }
}

/// Sets the values of a mapping that `choose` picks.
fn set_all(object: &mut Object, field: &str, to: &str, choose: impl Fn(&Value) -> bool) {
    let map = object
        .fields_mut()
        .get_mut(field)
        .and_then(Value::as_object_mut);
    for value in map
        .into_iter()
        .flat_map(|map| map.values_mut())
        .filter(|value| choose(value))
    {
        *value = to.into();
    }
}

/// Whether a Secret's value is a file that SOPS encrypted.
fn is_encrypted_file(value: &Value) -> bool {
    let bytes = value
        .as_str()
        .and_then(|text| BASE64_STANDARD.decode(text).ok())
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    text.contains("sops") && text.contains("ENC[")
}

#[cfg(test)]
mod tests {
    use krm::json;

    use super::*;

    fn masked(fields: Value) -> Value {
        let mut value = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}});
        for (key, field) in fields.as_object().unwrap() {
            value[key] = field.clone();
        }
        let mut object = Object::try_from(value).unwrap();
        encrypted(&mut object);
        let mut fields = object.into_value();
        for key in ["apiVersion", "kind", "metadata"] {
            fields.as_object_mut().unwrap().remove(key);
        }
        fields
    }

    #[test]
    fn encrypted_values_are_masked_and_plain_ones_are_not() {
        let mac = json!({"mac": "ENC[x]"});
        assert_eq!(
            masked(json!({"sops": mac, "data": {"a": "ENC[y]"}, "stringData": {"b": "ENC[z]"}})),
            json!({"data": {"a": "KipTT1BTKio="}, "stringData": {"b": "**SOPS**"}})
        );
        assert_eq!(
            masked(
                json!({"sops": mac, "type": "kubernetes.io/dockerconfigjson", "data": {"a": "ENC[y]"}})
            )["data"]["a"],
            BASE64_STANDARD.encode("{\"mask\":\"**SOPS**\"}")
        );
        let file = BASE64_STANDARD.encode("{\"a\": \"ENC[x]\", \"sops\": {\"mac\": \"ENC[y]\"}}");
        assert_eq!(
            masked(json!({"data": {"f": file, "p": "cGxhaW4="}})),
            json!({"data": {"f": "KipTT1BTKio=", "p": "cGxhaW4="}})
        );
    }
}
