//! A ClusterRole with an `aggregationRule` holds the rules of every role that it selects.

use std::collections::BTreeMap;

use http::Method;
use krm::{Value, json};

use super::client::{Body, Client};
use super::feed::Feed;
use crate::Server;
use crate::auth::rule::{Rule, rules_of};
use crate::status::GroupResource;

const GROUP: &str = "rbac.authorization.k8s.io";

/// What the JSON of an aggregated role contains.
const MARK: &[u8] = b"\"aggregationRule\":";

/// Starts the controller.
pub(super) fn start(server: &Server) {
    let client = Client::new(server, "clusterrole-aggregation-controller");
    let mut feed = Feed::of(server, &[(GROUP, "clusterroles")]);
    server.spawn(async move {
        loop {
            let mut changes = feed.batch().await;
            let Some(last) = changes.pop() else { return };
            if !sync(&client).await {
                feed.again(last);
            }
        }
    });
}

/// Brings every aggregated role up to date, and says whether that worked. Which roles depend on which is not known, so all are
/// looked at.
async fn sync(client: &Client) -> bool {
    let mut done = true;
    for (name, rules) in outdated(client.server()) {
        let rules: Vec<Value> = rules.iter().map(Rule::to_value).collect();
        let mut role = json!({
            "apiVersion": format!("{GROUP}/v1"), "kind": "ClusterRole",
            "metadata": {"name": name},
        });
        if !rules.is_empty() {
            role["rules"] = rules.into();
        }
        let path = format!(
            "/apis/{GROUP}/v1/clusterroles/{name}?fieldManager=clusterrole-aggregation-controller&force=true"
        );
        let sent = client.send(Method::PATCH, &path, Some(Body::Apply(&role)));
        if let Err(error) = sent.await {
            tracing::warn!(name, %error, "a ClusterRole is not aggregated");
            done &= error.is_not_found();
        }
    }
    done
}

/// The aggregated roles whose rules are not what they should be, with what they should be.
fn outdated(server: &Server) -> Vec<(String, Vec<Rule>)> {
    let of = GroupResource::new(GROUP, "clusterroles");
    let state = server.store().state();
    let mut out = Vec::new();
    for stored in state.all(&of) {
        let aggregates = stored.json().windows(MARK.len()).any(|part| part == MARK);
        let role = if aggregates {
            stored.value()
        } else {
            Value::Null
        };
        if !role["aggregationRule"].is_object() {
            continue;
        }
        let mut rules: Vec<Rule> = Vec::new();
        let selectors = role["aggregationRule"]["clusterRoleSelectors"].as_array();
        for selector in selectors.into_iter().flatten() {
            let others = state.all(&of).filter(|other| other.key() != stored.key());
            for other in others.filter(|other| selects(selector, &other.header().labels)) {
                for rule in rules_of(&other.value()) {
                    if !rules.contains(&rule) {
                        rules.push(rule);
                    }
                }
            }
        }
        if rules != rules_of(&role) {
            out.push((stored.key().name.clone(), rules));
        }
    }
    out
}

/// Whether a `metav1.LabelSelector` selects labels; an empty one selects everything.
fn selects(selector: &Value, labels: &BTreeMap<String, String>) -> bool {
    let mut equal = selector["matchLabels"].as_object().into_iter().flatten();
    let mut terms = selector["matchExpressions"]
        .as_array()
        .into_iter()
        .flatten();
    equal.all(|(key, value)| labels.get(key).map(String::as_str) == value.as_str())
        && terms.all(|term| {
            let own = term["key"].as_str().and_then(|key| labels.get(key));
            let values = term["values"].as_array();
            let listed = own.is_some_and(|own| {
                values.is_some_and(|values| values.iter().any(|value| value == own.as_str()))
            });
            match term["operator"].as_str() {
                Some("In") => listed,
                Some("NotIn") => !listed,
                Some("Exists") => own.is_some(),
                Some("DoesNotExist") => own.is_none(),
                _ => false,
            }
        })
}
