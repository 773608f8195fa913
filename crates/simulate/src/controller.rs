//! The controllers and the kinds they know, as tables: a new kind is one module and one row.

use clock::Timestamp;
use cluster::Resource;
use krm::Object;

use crate::act::Decision;
use crate::view::{Key, View};
use crate::{daemonset, deployment, job, node, pod, replicaset, service, statefulset, told};

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
    /// `apps/v1` StatefulSet.
    StatefulSet,
    /// `apps/v1` DaemonSet.
    DaemonSet,
    /// `batch/v1` Job.
    Job,
    /// `autoscaling/v2` HorizontalPodAutoscaler.
    HorizontalPodAutoscaler,
    /// `networking.k8s.io/v1` Ingress.
    Ingress,
    /// `policy/v1` PodDisruptionBudget.
    PodDisruptionBudget,
    /// `v1` PersistentVolumeClaim.
    PersistentVolumeClaim,
}

/// Every kind, who watches it, and how it is served.
const KINDS: &[(Kind, &str, (&str, &str, bool))] = &[
    (Kind::Node, "node-controller", ("v1", "nodes", false)),
    (Kind::Pod, "node-controller", ("v1", "pods", true)),
    (
        Kind::Service,
        "service-controller",
        ("v1", "services", true),
    ),
    (
        Kind::EndpointSlice,
        "endpointslice-controller",
        ("discovery.k8s.io/v1", "endpointslices", true),
    ),
    (
        Kind::Deployment,
        "deployment-controller",
        ("apps/v1", "deployments", true),
    ),
    (
        Kind::ReplicaSet,
        "replicaset-controller",
        ("apps/v1", "replicasets", true),
    ),
    (
        Kind::StatefulSet,
        "statefulset-controller",
        ("apps/v1", "statefulsets", true),
    ),
    (
        Kind::DaemonSet,
        "daemon-set-controller",
        ("apps/v1", "daemonsets", true),
    ),
    (Kind::Job, "job-controller", ("batch/v1", "jobs", true)),
    (
        Kind::HorizontalPodAutoscaler,
        AUTOSCALER,
        ("autoscaling/v2", "horizontalpodautoscalers", true),
    ),
    (
        Kind::Ingress,
        INGRESS,
        ("networking.k8s.io/v1", "ingresses", true),
    ),
    (
        Kind::PodDisruptionBudget,
        "disruption-controller",
        ("policy/v1", "poddisruptionbudgets", true),
    ),
    (
        Kind::PersistentVolumeClaim,
        BINDER,
        ("v1", "persistentvolumeclaims", true),
    ),
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
    /// The kind its keys are of.
    pub(crate) of: Kind,
    /// The account it writes as.
    pub(crate) account: &'static str,
    /// The program it belongs to, which is the manager of the fields it writes.
    pub(crate) program: &'static str,
    /// See [`Decide`].
    pub(crate) decide: Decide,
    /// See [`Concerns`].
    pub(crate) concerns: Concerns,
}

const AUTOSCALER: &str = "horizontal-pod-autoscaler";
const BINDER: &str = "persistent-volume-binder";
/// Where in a cluster an ingress controller would run.
const INGRESS: &str = "system:ingress:weir";
const MANAGER: &str = "kube-controller-manager";

/// Every controller.
pub(crate) const CONTROLLERS: &[Controller] = &[
    Controller {
        name: "node",
        of: Kind::Node,
        account: KUBELET,
        program: "kubelet",
        decide: node::decide,
        concerns: node::concerns,
    },
    Controller {
        name: "deployment",
        of: Kind::Deployment,
        account: "deployment-controller",
        program: MANAGER,
        decide: deployment::decide,
        concerns: deployment::concerns,
    },
    Controller {
        name: "replicaset",
        of: Kind::ReplicaSet,
        account: "replicaset-controller",
        program: MANAGER,
        decide: replicaset::decide,
        concerns: replicaset::concerns,
    },
    Controller {
        name: "scheduler",
        of: Kind::Pod,
        account: "system:kube-scheduler",
        program: "kube-scheduler",
        decide: pod::schedule,
        concerns: pod::concerns,
    },
    Controller {
        name: "kubelet",
        of: Kind::Pod,
        account: KUBELET,
        program: "kubelet",
        decide: pod::decide,
        concerns: pod::concerns,
    },
    Controller {
        name: "endpointslice",
        of: Kind::Service,
        account: "endpointslice-controller",
        program: MANAGER,
        decide: service::endpoints,
        concerns: service::concerns,
    },
    Controller {
        name: "service",
        of: Kind::Service,
        account: "service-controller",
        program: MANAGER,
        decide: service::load_balancer,
        concerns: service::concerns_itself,
    },
    Controller {
        name: "statefulset",
        of: Kind::StatefulSet,
        account: "statefulset-controller",
        program: MANAGER,
        decide: statefulset::decide,
        concerns: statefulset::concerns,
    },
    Controller {
        name: "daemonset",
        of: Kind::DaemonSet,
        account: "daemon-set-controller",
        program: MANAGER,
        decide: daemonset::decide,
        concerns: daemonset::concerns,
    },
    Controller {
        name: "job",
        of: Kind::Job,
        account: "job-controller",
        program: MANAGER,
        decide: job::decide,
        concerns: job::concerns,
    },
    Controller {
        name: "horizontal-pod-autoscaler",
        of: Kind::HorizontalPodAutoscaler,
        account: AUTOSCALER,
        program: MANAGER,
        decide: told::autoscaler,
        concerns: told::autoscaler_concerns,
    },
    Controller {
        name: "disruption",
        of: Kind::PodDisruptionBudget,
        account: "disruption-controller",
        program: MANAGER,
        decide: told::budget,
        concerns: told::budget_concerns,
    },
    Controller {
        name: "persistent-volume-binder",
        of: Kind::PersistentVolumeClaim,
        account: BINDER,
        program: MANAGER,
        decide: told::claim,
        concerns: told::claim_concerns,
    },
    Controller {
        name: "ingress",
        of: Kind::Ingress,
        account: INGRESS,
        program: "ingress-controller",
        decide: told::ingress,
        concerns: told::ingress_concerns,
    },
];

/// The node's own account.
pub(crate) const KUBELET: &str = "system:node:weir";
