//! What an object takes of the resources that limits and quotas count.

use std::collections::BTreeMap;

use krm::Value;
use schema::quantity::Quantity;

/// Amounts by resource name: a ResourceList.
#[derive(Clone, Debug, Default)]
pub(crate) struct Amounts(BTreeMap<String, Quantity>);

impl Amounts {
    /// Reads a ResourceList; what is no quantity is left out.
    pub(crate) fn read(list: &Value) -> Self {
        let list = list.as_object().into_iter().flatten();
        let amounts = list.filter_map(|(name, amount)| {
            let text = match amount {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => return None,
            };
            Some((name.clone(), Quantity::parse(&text).ok()?))
        });
        Self(amounts.collect())
    }

    /// One amount.
    pub(crate) fn get(&self, name: &str) -> Option<&Quantity> {
        self.0.get(name)
    }

    /// Puts an amount in the place of what was there.
    pub(crate) fn set(&mut self, name: &str, amount: Quantity) {
        self.0.insert(name.to_owned(), amount);
    }

    /// Adds to one amount.
    pub(crate) fn add(&mut self, name: &str, amount: &Quantity) {
        let sum = match self.0.get(name) {
            Some(own) => own.add(amount),
            None => amount.clone(),
        };
        self.set(name, sum);
    }

    /// Adds a number of things.
    pub(crate) fn count(&mut self, name: &str, number: usize) {
        if let Ok(number) = Quantity::parse(&number.to_string()) {
            self.add(name, &number);
        }
    }

    /// Adds every amount of another list.
    pub(crate) fn add_all(&mut self, other: &Self) {
        for (name, amount) in &other.0 {
            self.add(name, amount);
        }
    }

    /// Raises every amount to that of another list.
    fn raise(&mut self, other: &Self) {
        for (name, amount) in &other.0 {
            if self.get(name).is_none_or(|own| own.compare(amount).is_lt()) {
                self.set(name, amount.clone());
            }
        }
    }

    /// What this is more than `before`; nothing negative.
    pub(crate) fn grown_since(&self, before: &Self) -> Self {
        let more = self.0.iter().map(|(name, amount)| {
            let more = match before.get(name) {
                Some(before) => amount.sub(before),
                None => amount.clone(),
            };
            (name.clone(), more)
        });
        Self(more.filter(|(_, more)| more.signum() > 0).collect())
    }

    /// Only the amounts that `names` names.
    pub(crate) fn only(&self, names: &Self) -> Self {
        let kept = self
            .0
            .iter()
            .filter(|(name, _)| names.0.contains_key(*name));
        Self(
            kept.map(|(name, amount)| (name.clone(), amount.clone()))
                .collect(),
        )
    }

    /// Whether any of `names` is more than zero.
    pub(crate) fn asks_for(&self, names: &[&str]) -> bool {
        let mut amounts = names.iter().filter_map(|name| self.get(name));
        amounts.any(|amount| amount.signum() > 0)
    }

    /// By name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Quantity)> {
        self.0.iter()
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As a ResourceList.
    pub(crate) fn to_value(&self) -> Value {
        let amounts = self.0.iter();
        Value::Object(
            amounts
                .map(|(name, amount)| (name.clone(), amount.canonical().into()))
                .collect(),
        )
    }
}

impl IntoIterator for Amounts {
    type Item = (String, Quantity);
    type IntoIter = std::collections::btree_map::IntoIter<String, Quantity>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// `name=amount` by name, as messages show amounts.
impl std::fmt::Display for Amounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown: Vec<String> = self
            .0
            .iter()
            .map(|(name, amount)| format!("{name}={}", amount.canonical()))
            .collect();
        f.write_str(&shown.join(","))
    }
}

/// What a Pod asks for, `requests` or `limits`: its containers together, at least what its largest init container needs.
pub(crate) fn pod_amounts(pod: &Value, of: &str) -> Amounts {
    let containers = |list: &str| pod["spec"][list].as_array().into_iter().flatten();
    let mut total = Amounts::default();
    for container in containers("containers") {
        total.add_all(&Amounts::read(&container["resources"][of]));
    }
    let mut sidecars = Amounts::default();
    let mut starting = Amounts::default();
    for container in containers("initContainers") {
        let mut own = Amounts::read(&container["resources"][of]);
        if container["restartPolicy"] == "Always" {
            total.add_all(&own);
            sidecars.add_all(&own);
            own = sidecars.clone();
        } else {
            own.add_all(&sidecars);
        }
        starting.raise(&own);
    }
    total.raise(&starting);
    for (name, amount) in Amounts::read(&pod["spec"]["resources"][of]) {
        total.set(&name, amount);
    }
    total
}

/// What an object of a resource takes of what quotas count.
pub(crate) fn usage(group: &str, resource: &str, object: &Value) -> Amounts {
    let mut used = Amounts::default();
    let counted = if group.is_empty() {
        format!("count/{resource}")
    } else {
        format!("count/{resource}.{group}")
    };
    used.count(&counted, 1);
    match (group, resource) {
        ("", "pods") => pod_usage(object, &mut used),
        ("", "services") => service_usage(object, &mut used),
        ("", "persistentvolumeclaims") => claim_usage(object, &mut used),
        ("", "configmaps" | "secrets" | "replicationcontrollers" | "resourcequotas") => {
            used.count(resource, 1);
        }
        _ => {}
    }
    used
}

fn pod_usage(pod: &Value, used: &mut Amounts) {
    if matches!(
        pod["status"]["phase"].as_str(),
        Some("Failed" | "Succeeded")
    ) {
        return;
    }
    used.count("pods", 1);
    for (name, amount) in pod_amounts(pod, "requests") {
        let compute = matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage");
        if compute {
            used.set(&name, amount.clone());
        }
        if compute || name.starts_with("hugepages-") || name.contains('/') {
            used.set(&format!("requests.{name}"), amount.clone());
        }
        if name.starts_with("hugepages-") {
            used.set(&name, amount);
        }
    }
    for (name, amount) in pod_amounts(pod, "limits") {
        if matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage") {
            used.set(&format!("limits.{name}"), amount);
        }
    }
}

fn service_usage(service: &Value, used: &mut Amounts) {
    used.count("services", 1);
    let spec = &service["spec"];
    let ports = spec["ports"].as_array().map_or(0, Vec::len);
    match spec["type"].as_str() {
        Some("NodePort") => {
            used.count("services.loadbalancers", 0);
            used.count("services.nodeports", ports);
        }
        Some("LoadBalancer") => {
            used.count("services.loadbalancers", 1);
            let ports = if spec["allocateLoadBalancerNodePorts"] == false {
                let open = spec["ports"].as_array().into_iter().flatten();
                open.filter(|port| port["nodePort"].as_i64().is_some_and(|port| port != 0))
                    .count()
            } else {
                ports
            };
            used.count("services.nodeports", ports);
        }
        _ => {
            used.count("services.loadbalancers", 0);
            used.count("services.nodeports", 0);
        }
    }
}

fn claim_usage(claim: &Value, used: &mut Amounts) {
    used.count("persistentvolumeclaims", 1);
    let class = claim["spec"]["storageClassName"]
        .as_str()
        .unwrap_or_default();
    let of_class = |what: &str| format!("{class}.storageclass.storage.k8s.io/{what}");
    if !class.is_empty() {
        used.count(&of_class("persistentvolumeclaims"), 1);
    }
    let requests = Amounts::read(&claim["spec"]["resources"]["requests"]);
    if let Some(storage) = requests.get("storage") {
        used.set("requests.storage", storage.clone());
        if !class.is_empty() {
            used.set(&of_class("requests.storage"), storage.clone());
        }
    }
}
