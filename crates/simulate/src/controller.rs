//! The controllers and the kinds they know, as tables: a new kind is one module and one row.

use clock::Timestamp;
use cluster::Resource;
use krm::Object;

use crate::act::Decision;
use crate::view::{Key, View};
use crate::{deployment, node, pod, replicaset, service};

/// A kind that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// `v1` Node.
    Node,
    /// `v1` Pod.
    Pod,
    /// `v1` Service.
    Service,
    /// `discovery.k8s.io/v1` EndpointSlice.
    EndpointSlice,
    /// `apps/v1` Deployment.
    Deployment,
    /// `apps/v1` ReplicaSet.
    ReplicaSet,
}

/// Every kind, who watches it, and how it is served.
const KINDS: &[(Kind, &str, (&str, &str, bool))] = &[
    (Kind::Node, "node-controller", ("v1", "nodes", false)),
    (Kind::Pod, "node-controller", ("v1", "pods", true)),
    (Kind::Service, "service-controller", ("v1", "services", true)),
    (Kind::EndpointSlice, "endpointslice-controller", ("discovery.k8s.io/v1", "endpointslices", true)),
    (Kind::Deployment, "deployment-controller", ("apps/v1", "deployments", true)),
    (Kind::ReplicaSet, "replicaset-controller", ("apps/v1", "replicasets", true)),
];

impl Kind {
    /// Every kind, with the account that watches it.
    pub(crate) fn watched() -> impl Iterator<Item = (Self, &'static str)> {
        KINDS.iter().map(|(kind, account, _)| (*kind, *account))
    }

    /// Of an object.
    pub(crate) fn of(object: &Object) -> Option<Self> {
        let row = KINDS.iter().find(|(kind, _, (version, ..))| {
            format!("{kind:?}") == object.kind() && *version == object.api_version()
        });
        row.map(|(kind, ..)| *kind)
    }

    /// How it is served.
    pub(crate) fn resource(self) -> Resource {
        let row = KINDS.iter().find(|(kind, ..)| *kind == self);
        let (version, plural, namespaced) = row.map_or(("", "", false), |(.., served)| *served);
        Resource::new(version, &format!("{self:?}"), plural, namespaced)
    }
}

/// Decides what is to be written for one object, from what is known; writes nothing and asks nobody.
///
/// # Guarantees
/// Where everything is as wanted there is nothing to write, so that a fleet comes to rest.
pub(crate) type Decide = fn(&View, &Key, Timestamp) -> Decision;

/// Whose objects a changed object concerns.
pub(crate) type Concerns = fn(&View, Kind, &Object) -> Vec<Key>;

/// A controller.
pub(crate) struct Controller {
    /// Its name, for the log.
    pub(crate) name: &'static str,
    /// The account it writes as.
    pub(crate) account: &'static str,
    /// The program it belongs to, which is the manager of the fields it writes.
    pub(crate) program: &'static str,
    /// See [`Decide`].
    pub(crate) decide: Decide,
    /// See [`Concerns`].
    pub(crate) concerns: Concerns,
}

const MANAGER: &str = "kube-controller-manager";

/// Every controller.
pub(crate) const CONTROLLERS: &[Controller] = &[
    Controller { name: "node", account: KUBELET, program: "kubelet", decide: node::decide, concerns: node::concerns },
    Controller {
        name: "deployment",
        account: "deployment-controller",
        program: MANAGER,
        decide: deployment::decide,
        concerns: deployment::concerns,
    },
    Controller {
        name: "replicaset",
        account: "replicaset-controller",
        program: MANAGER,
        decide: replicaset::decide,
        concerns: replicaset::concerns,
    },
    Controller {
        name: "scheduler",
        account: "system:kube-scheduler",
        program: "kube-scheduler",
        decide: pod::schedule,
        concerns: pod::concerns,
    },
    Controller { name: "kubelet", account: KUBELET, program: "kubelet", decide: pod::decide, concerns: pod::concerns },
    Controller {
        name: "endpointslice",
        account: "endpointslice-controller",
        program: MANAGER,
        decide: service::endpoints,
        concerns: service::concerns,
    },
    Controller {
        name: "service",
        account: "service-controller",
        program: MANAGER,
        decide: service::load_balancer,
        concerns: service::concerns_itself,
    },
];

/// The node's own account.
pub(crate) const KUBELET: &str = "system:node:weir";
