//! RBAC: what Roles, ClusterRoles and their bindings allow whom.
//!
//! [`Rbac`] is an index over those four kinds, built from a snapshot and asked without further reads. Bindings are found by
//! subject, so that a request costs what its own user is bound to, however many bindings there are.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use krm::Value;

use super::rule::{Rule, rules_of};
use super::{Attributes, Decision, MASTERS, User};

/// The index over RBAC objects.
#[derive(Debug, Default)]
pub struct Rbac {
    cluster_roles: HashMap<String, Arc<[Rule]>>,
    roles: HashMap<(String, String), Arc<[Rule]>>,
    cluster_bindings: Bindings,
    bindings: HashMap<String, Bindings>,
}

/// The bindings of one scope, found by who they bind.
#[derive(Debug, Default)]
struct Bindings {
    list: Vec<Binding>,
    by_user: HashMap<String, Vec<(usize, usize)>>,
    by_group: HashMap<String, Vec<(usize, usize)>>,
}

/// A RoleBinding or ClusterRoleBinding, as far as deciding needs it.
#[derive(Clone, Debug)]
pub struct Binding {
    name: String,
    /// Empty for a ClusterRoleBinding.
    namespace: String,
    role: RoleRef,
    subjects: Vec<Subject>,
}

/// What a binding binds to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleRef {
    /// API group of the role.
    pub group: String,
    /// `Role` or `ClusterRole`.
    pub kind: String,
    /// Name of the role.
    pub name: String,
}

#[derive(Clone, Debug)]
struct Subject {
    kind: String,
    name: String,
    namespace: String,
}

/// Where a rule comes from: the binding and which of its subjects the user is.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    binding: &'a Binding,
    subject: &'a Subject,
}

/// The rules of one binding, and where they come from.
type Found<'a> = Result<(Source<'a>, &'a [Rule]), RoleError>;

/// The role a binding names does not exist, or is of no kind that roles have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    /// No such ClusterRole.
    #[error("clusterrole.rbac.authorization.k8s.io {0:?} not found")]
    NoClusterRole(String),
    /// No such Role.
    #[error("role.rbac.authorization.k8s.io {0:?} not found")]
    NoRole(String),
    /// `roleRef.kind` is neither Role nor ClusterRole.
    #[error("unsupported role reference kind: {0:?}")]
    Kind(String),
}

/// An RBAC object, read once.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A ClusterRole's name and rules.
    ClusterRole(String, Arc<[Rule]>),
    /// A Role's namespace, name and rules.
    Role(String, String, Arc<[Rule]>),
    /// A RoleBinding or ClusterRoleBinding.
    Binding(Arc<Binding>),
}

impl Entry {
    /// Reads an object of one of the four kinds; `resource` is its plural.
    pub fn read(resource: &str, object: &Value) -> Option<Self> {
        let meta = |field: &str| text(&object["metadata"][field]);
        Some(match resource {
            "clusterroles" => Self::ClusterRole(meta("name"), rules_of(object).into()),
            "roles" => Self::Role(meta("namespace"), meta("name"), rules_of(object).into()),
            "clusterrolebindings" | "rolebindings" => {
                Self::Binding(Arc::new(Binding::from_value(object)))
            }
            _ => return None,
        })
    }
}

impl Rbac {
    /// The index over `entries`; bindings are asked in the order of their names.
    pub fn new(entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut rbac = Self::default();
        let mut bindings: BTreeMap<(String, String), Arc<Binding>> = BTreeMap::new();
        for entry in entries {
            match entry {
                Entry::ClusterRole(name, rules) => {
                    rbac.cluster_roles.insert(name, rules);
                }
                Entry::Role(namespace, name, rules) => {
                    rbac.roles.insert((namespace, name), rules);
                }
                Entry::Binding(binding) => {
                    bindings.insert((binding.namespace.clone(), binding.name.clone()), binding);
                }
            }
        }
        for binding in bindings.into_values() {
            let scope = if binding.namespace.is_empty() {
                &mut rbac.cluster_bindings
            } else {
                rbac.bindings.entry(binding.namespace.clone()).or_default()
            };
            scope.add(Binding::clone(&binding));
        }
        rbac
    }

    /// Decides on a request. `system:masters` may do anything; whatever no rule allows is denied, with what could not be
    /// resolved as the reason.
    pub fn authorize(&self, asked: &Attributes) -> Decision {
        if asked.user.in_group(MASTERS) {
            return Decision {
                allowed: true,
                reason: String::new(),
            };
        }
        let mut allowed = None;
        let mut errors = Vec::new();
        self.visit(&asked.user, &asked.namespace, &mut |found| match found {
            Ok((source, rules)) if rules.iter().any(|rule| rule.allows(asked)) => {
                allowed = Some(format!("RBAC: allowed by {source}"));
                ControlFlow::Break(())
            }
            Ok(_) => ControlFlow::Continue(()),
            Err(error) => {
                errors.push(error);
                ControlFlow::Continue(())
            }
        });
        match allowed {
            Some(reason) => Decision {
                allowed: true,
                reason,
            },
            None if errors.is_empty() => Decision {
                allowed: false,
                reason: String::new(),
            },
            None => Decision {
                allowed: false,
                reason: format!("RBAC: {}", aggregate(&errors)),
            },
        }
    }

    /// The rules a user holds in a namespace (`""` for the cluster scope alone), and which roles could not be resolved.
    pub fn rules_for(&self, user: &User, namespace: &str) -> (Vec<Rule>, Option<String>) {
        let mut held = Vec::new();
        let mut errors = Vec::new();
        self.visit(user, namespace, &mut |found| {
            match found {
                Ok((_, rules)) => held.extend_from_slice(rules),
                Err(error) => errors.push(error),
            }
            ControlFlow::Continue(())
        });
        (held, (!errors.is_empty()).then(|| aggregate(&errors)))
    }

    /// The rules of the role that a binding in `namespace` refers to.
    ///
    /// # Errors
    /// The role does not exist.
    pub fn role_rules(&self, role: &RoleRef, namespace: &str) -> Result<&Arc<[Rule]>, RoleError> {
        match role.kind.as_str() {
            "Role" => self
                .roles
                .get(&(namespace.to_owned(), role.name.clone()))
                .ok_or_else(|| RoleError::NoRole(role.name.clone())),
            "ClusterRole" => self
                .cluster_roles
                .get(&role.name)
                .ok_or_else(|| RoleError::NoClusterRole(role.name.clone())),
            other => Err(RoleError::Kind(other.to_owned())),
        }
    }

    fn visit<'a>(
        &'a self,
        user: &User,
        namespace: &str,
        visitor: &mut dyn FnMut(Found<'a>) -> ControlFlow<()>,
    ) {
        let local = self
            .bindings
            .get(namespace)
            .filter(|_| !namespace.is_empty());
        for scope in std::iter::once(&self.cluster_bindings).chain(local) {
            for source in scope.of(user) {
                let found = self
                    .role_rules(&source.binding.role, &source.binding.namespace)
                    .map(|rules| (source, rules.as_ref()));
                if visitor(found).is_break() {
                    return;
                }
            }
        }
    }
}

impl Bindings {
    fn add(&mut self, binding: Binding) {
        let at = self.list.len();
        for (nth, subject) in binding.subjects.iter().enumerate() {
            let (index, key) = match subject.kind.as_str() {
                "User" => (&mut self.by_user, subject.name.clone()),
                "Group" => (&mut self.by_group, subject.name.clone()),
                "ServiceAccount" => {
                    let namespace = subject.namespace_in(&binding.namespace);
                    if namespace.is_empty() {
                        continue;
                    }
                    (
                        &mut self.by_user,
                        super::service_account_name(namespace, &subject.name),
                    )
                }
                _ => continue,
            };
            index.entry(key).or_default().push((at, nth));
        }
        self.list.push(binding);
    }

    /// The bindings that bind `user`, in order, each with the first subject that is the user.
    fn of<'a>(&'a self, user: &User) -> Vec<Source<'a>> {
        let groups = user
            .groups
            .iter()
            .filter_map(|group| self.by_group.get(group));
        let mut found: Vec<(usize, usize)> = self
            .by_user
            .get(&user.name)
            .into_iter()
            .chain(groups)
            .flatten()
            .copied()
            .collect();
        found.sort_unstable();
        found.dedup_by_key(|(binding, _)| *binding);
        found
            .into_iter()
            .map(|(binding, subject)| {
                let binding = &self.list[binding];
                Source {
                    binding,
                    subject: &binding.subjects[subject],
                }
            })
            .collect()
    }
}

impl Binding {
    fn from_value(object: &Value) -> Self {
        let subjects = object["subjects"].as_array().into_iter().flatten();
        Self {
            name: text(&object["metadata"]["name"]),
            namespace: text(&object["metadata"]["namespace"]),
            role: RoleRef::from_value(&object["roleRef"]),
            subjects: subjects
                .map(|subject| Subject {
                    kind: text(&subject["kind"]),
                    name: text(&subject["name"]),
                    namespace: text(&subject["namespace"]),
                })
                .collect(),
        }
    }
}

impl RoleRef {
    /// Reads the `roleRef` of a binding.
    pub fn from_value(role: &Value) -> Self {
        Self {
            group: text(&role["apiGroup"]),
            kind: text(&role["kind"]),
            name: text(&role["name"]),
        }
    }
}

impl Subject {
    fn namespace_in<'a>(&'a self, binding: &'a str) -> &'a str {
        if self.namespace.is_empty() {
            binding
        } else {
            &self.namespace
        }
    }
}

impl std::fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { binding, subject } = self;
        if binding.namespace.is_empty() {
            write!(f, "ClusterRoleBinding {:?}", binding.name)?;
        } else {
            write!(
                f,
                "RoleBinding {:?}",
                format!("{}/{}", binding.name, binding.namespace)
            )?;
        }
        write!(
            f,
            " of {} {:?} to {} ",
            binding.role.kind, binding.role.name, subject.kind
        )?;
        if subject.kind == "ServiceAccount" {
            let namespace = subject.namespace_in(&binding.namespace);
            write!(f, "{:?}", format!("{}/{namespace}", subject.name))
        } else {
            write!(f, "{:?}", subject.name)
        }
    }
}

/// Several errors as Go's aggregate prints them: one alone as it is, more in brackets, none twice.
fn aggregate(errors: &[RoleError]) -> String {
    let mut texts: Vec<String> = Vec::new();
    for error in errors {
        let text = error.to_string();
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    match texts.as_slice() {
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
