//! One RBAC rule: what it allows, and what it covers of another.

use krm::Value;

use super::Attributes;

/// A PolicyRule of a Role or ClusterRole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// The API groups of the resources; `*` for all.
    pub api_groups: Vec<String>,
    /// Resources, `resource/subresource`, `*/subresource` or `*`.
    pub resources: Vec<String>,
    /// Paths that are no resource; a `*` at the end matches any rest.
    pub non_resource_urls: Vec<String>,
    /// The names the rule is limited to; empty for all.
    pub resource_names: Vec<String>,
    /// The verbs; `*` for all.
    pub verbs: Vec<String>,
}

/// The `rules` of a Role or ClusterRole.
pub fn rules_of(role: &Value) -> Vec<Rule> {
    role["rules"]
        .as_array()
        .into_iter()
        .flatten()
        .map(Rule::from_value)
        .collect()
}

impl Rule {
    /// Reads a rule as it stands in an object.
    pub fn from_value(rule: &Value) -> Self {
        let strings = |field: &str| {
            rule[field]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|item| item.as_str().map(str::to_owned))
                .collect()
        };
        Self {
            api_groups: strings("apiGroups"),
            resources: strings("resources"),
            non_resource_urls: strings("nonResourceURLs"),
            resource_names: strings("resourceNames"),
            verbs: strings("verbs"),
        }
    }

    /// Everything on every resource: what an aggregated role may come to hold.
    pub fn every_resource() -> Self {
        Self {
            api_groups: vec!["*".into()],
            resources: vec!["*".into()],
            verbs: vec!["*".into()],
            ..Self::default()
        }
    }

    /// Everything on every path.
    pub fn every_path() -> Self {
        Self {
            non_resource_urls: vec!["*".into()],
            verbs: vec!["*".into()],
            ..Self::default()
        }
    }

    /// Whether this rule allows what is asked.
    pub fn allows(&self, asked: &Attributes) -> bool {
        if !one_of(&self.verbs, &asked.verb) {
            return false;
        }
        if !asked.is_resource {
            return self
                .non_resource_urls
                .iter()
                .any(|url| url == "*" || url_covers(url, &asked.path));
        }
        one_of(&self.api_groups, &asked.group)
            && self.names_resource(&asked.resource, &asked.subresource)
            && (self.resource_names.is_empty() || self.resource_names.contains(&asked.name))
    }

    fn names_resource(&self, resource: &str, subresource: &str) -> bool {
        self.resources.iter().any(|named| {
            if named == "*" {
                return true;
            }
            if subresource.is_empty() {
                return named == resource;
            }
            named
                .split_once('/')
                .is_some_and(|(of, sub)| sub == subresource && (of == "*" || of == resource))
        })
    }

    /// The rule as single grants, each with at most one group, resource, verb and name.
    pub fn broken_down(&self) -> Vec<Rule> {
        let mut single = Vec::new();
        for group in &self.api_groups {
            for resource in &self.resources {
                for verb in &self.verbs {
                    let grant = Rule {
                        api_groups: vec![group.clone()],
                        resources: vec![resource.clone()],
                        verbs: vec![verb.clone()],
                        ..Rule::default()
                    };
                    if self.resource_names.is_empty() {
                        single.push(grant);
                        continue;
                    }
                    single.extend(self.resource_names.iter().map(|name| Rule {
                        resource_names: vec![name.clone()],
                        ..grant.clone()
                    }));
                }
            }
        }
        for url in &self.non_resource_urls {
            single.extend(self.verbs.iter().map(|verb| Rule {
                non_resource_urls: vec![url.clone()],
                verbs: vec![verb.clone()],
                ..Rule::default()
            }));
        }
        single
    }

    /// Whether holding this rule includes holding `grant`, a single grant of [`Rule::broken_down`].
    pub fn covers(&self, grant: &Rule) -> bool {
        all_of(&self.verbs, &grant.verbs)
            && all_of(&self.api_groups, &grant.api_groups)
            && grant
                .resources
                .iter()
                .all(|path| self.covers_resource(path))
            && grant.non_resource_urls.iter().all(|url| {
                self.non_resource_urls
                    .iter()
                    .any(|own| url_covers(own, url))
            })
            && (self.resource_names.is_empty()
                || (!grant.resource_names.is_empty()
                    && grant
                        .resource_names
                        .iter()
                        .all(|name| self.resource_names.contains(name))))
    }

    fn covers_resource(&self, path: &str) -> bool {
        self.resources.iter().any(|own| {
            own == "*"
                || own == path
                || own.strip_prefix("*/").is_some_and(|of_any| {
                    path.split_once('/').is_some_and(|(_, sub)| sub == of_any)
                })
        })
    }

    /// The rule as an object carries it, empty fields left out.
    pub fn to_value(&self) -> Value {
        let mut rule = krm::Map::new();
        for (field, items) in [
            ("apiGroups", &self.api_groups),
            ("nonResourceURLs", &self.non_resource_urls),
            ("resourceNames", &self.resource_names),
            ("resources", &self.resources),
        ] {
            if !items.is_empty() {
                rule.insert(field.into(), Value::from(items.clone()));
            }
        }
        rule.insert("verbs".into(), Value::from(self.verbs.clone()));
        Value::Object(rule)
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut gap = "";
        f.write_str("{")?;
        for (field, items) in [
            ("APIGroups", &self.api_groups),
            ("Resources", &self.resources),
            ("NonResourceURLs", &self.non_resource_urls),
            ("ResourceNames", &self.resource_names),
            ("Verbs", &self.verbs),
        ] {
            if !items.is_empty() {
                write!(f, "{gap}{field}:{}", quoted_list(items))?;
                gap = ", ";
            }
        }
        f.write_str("}")
    }
}

/// Strings as Go's `%q` prints a slice of them: `["a" "b"]`.
pub fn quoted_list<S: AsRef<str>>(items: &[S]) -> String {
    let quoted: Vec<String> = items
        .iter()
        .map(|item| format!("{:?}", item.as_ref()))
        .collect();
    format!("[{}]", quoted.join(" "))
}

fn one_of(allowed: &[String], asked: &str) -> bool {
    allowed.iter().any(|one| one == "*" || one == asked)
}

fn all_of(own: &[String], asked: &[String]) -> bool {
    own.iter().any(|one| one == "*") || asked.iter().all(|one| own.contains(one))
}

/// Whether the path `own`, which may end in `*`, stands for `path`.
fn url_covers(own: &str, path: &str) -> bool {
    own == path || (own.ends_with('*') && path.starts_with(own.trim_end_matches('*')))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(value: Value) -> Rule {
        Rule::from_value(&value)
    }

    fn check(allowing: Value, asked: &str, expect: bool) {
        assert_eq!(
            rule(allowing.clone()).allows(&Attributes::parse(asked)),
            expect,
            "{allowing} on {asked}"
        );
    }

    #[test]
    fn a_rule_names_verbs_groups_resources_and_names() {
        let pods = json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]});
        check(pods.clone(), "get pods x", true);
        check(pods.clone(), "list pods", false);
        check(pods.clone(), "get pods.metrics.k8s.io x", false);
        check(pods.clone(), "get pods/log x", false);
        check(pods, "get /healthz", false);
    }

    #[test]
    fn a_star_stands_for_any() {
        let all = json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]});
        check(all.clone(), "delete pods/log x", true);
        check(
            all.clone(),
            "escalate clusterroles.rbac.authorization.k8s.io x",
            true,
        );
        check(all, "get /healthz", false);
        let scale = json!({"verbs": ["update"], "apiGroups": ["*"], "resources": ["*/scale"]});
        check(scale.clone(), "update deployments.apps/scale x", true);
        check(scale.clone(), "update deployments.apps x", false);
        check(scale, "update deployments.apps/status x", false);
        let literal = json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods/*"]});
        check(literal.clone(), "get pods/log x", false);
        check(literal, "get pods/* x", true);
    }

    #[test]
    fn names_limit_a_rule_and_a_request_without_name_does_not_match() {
        let one = json!({"verbs": ["get", "list", "create"], "apiGroups": [""],
                         "resources": ["configmaps"], "resourceNames": ["a", "b"]});
        check(one.clone(), "get configmaps a", true);
        check(one.clone(), "get configmaps c", false);
        check(one.clone(), "list configmaps", false);
        check(one, "create configmaps", false);
    }

    #[test]
    fn paths_match_whole_or_by_a_star_at_the_end() {
        let paths = json!({"verbs": ["get"], "nonResourceURLs": ["/healthz", "/api/*"]});
        check(paths.clone(), "get /healthz", true);
        check(paths.clone(), "get /healthz/ping", false);
        check(paths.clone(), "get /api/v1", true);
        check(paths.clone(), "get /api", false);
        check(paths.clone(), "post /api/v1", false);
        check(paths, "get pods", false);
        check(
            json!({"verbs": ["*"], "nonResourceURLs": ["*"]}),
            "get /any/thing",
            true,
        );
    }

    fn check_covers(own: Value, asked: Value, expect: bool) {
        let own = rule(own);
        let all = rule(asked.clone())
            .broken_down()
            .iter()
            .all(|grant| own.covers(grant));
        assert_eq!(all, expect, "{own} over {asked}");
    }

    #[test]
    fn covering_is_by_every_part() {
        let pods = |verbs: Value| json!({"verbs": verbs, "apiGroups": [""], "resources": ["pods"]});
        check_covers(pods(json!(["get", "list"])), pods(json!(["get"])), true);
        check_covers(pods(json!(["get"])), pods(json!(["get", "list"])), false);
        check_covers(pods(json!(["*"])), pods(json!(["get", "*"])), true);
        check_covers(pods(json!(["get"])), pods(json!(["*"])), false);
        let named = json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"]});
        check_covers(pods(json!(["get"])), named.clone(), true);
        check_covers(named.clone(), pods(json!(["get"])), false);
        check_covers(named.clone(), named, true);
        let scale = json!({"verbs": ["get"], "apiGroups": ["apps"], "resources": ["*/scale"]});
        let one =
            json!({"verbs": ["get"], "apiGroups": ["apps"], "resources": ["deployments/scale"]});
        check_covers(scale.clone(), one.clone(), true);
        check_covers(one, scale, false);
        let paths = |url: &str| json!({"verbs": ["get"], "nonResourceURLs": [url]});
        check_covers(paths("/api/*"), paths("/api/v1"), true);
        check_covers(paths("/api/v1"), paths("/api/*"), false);
        check_covers(paths("*"), paths("/api/*"), true);
    }

    #[test]
    fn a_rule_prints_as_escalation_errors_show_it() {
        let shown =
            rule(json!({"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}));
        assert_eq!(
            shown.to_string(),
            r#"{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}"#
        );
    }
}
