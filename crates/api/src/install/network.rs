//! Who reaches the controllers: each other, a scraper of metrics, a caller of webhooks.

use krm::{Value, json};

/// The three NetworkPolicies.
pub(super) fn policies() -> Vec<Value> {
    vec![
        policy(
            "allow-egress",
            json!({
                "podSelector": {},
                "policyTypes": ["Ingress", "Egress"],
                "egress": [{}],
                "ingress": [{"from": [{"podSelector": {}}]}],
            }),
        ),
        policy("allow-scraping", from_anywhere(&json!({}), 8080)),
        policy(
            "allow-webhooks",
            from_anywhere(
                &json!({"matchLabels": {"app": "notification-controller"}}),
                9292,
            ),
        ),
    ]
}

fn policy(name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": spec,
    })
}

fn from_anywhere(pods: &Value, port: u16) -> Value {
    json!({
        "podSelector": pods,
        "policyTypes": ["Ingress"],
        "ingress": [{
            "from": [{"namespaceSelector": {}}],
            "ports": [{"port": port, "protocol": "TCP"}],
        }],
    })
}
