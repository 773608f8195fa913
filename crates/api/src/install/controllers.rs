//! A controller as a row, and its ServiceAccount, Services and Deployment.

use krm::{Value, json};

use super::{InstallOptions, image};

/// What tells one controller from another.
#[derive(Debug)]
pub struct Component {
    /// Its name, also of its Deployment and ServiceAccount.
    pub name: &'static str,
    /// Seconds it has to stop.
    grace: u32,
    /// What it asks for.
    cpu: &'static str,
    /// Whether it is critical for the cluster.
    critical: bool,
    /// What it stores.
    storage: Storage,
    /// Whom its Services lead to: name, target port, `control-plane` label.
    services: &'static [(&'static str, &'static str, &'static str)],
    /// Its ports beside metrics and health.
    ports: &'static [(&'static str, u16)],
}

/// What a controller stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Storage {
    /// Temporary files.
    Nothing,
    /// A database.
    Data,
    /// Artifacts, which it serves; it runs alone and is ready when it serves.
    Artifacts,
}

/// The controllers, in the order in which bindings list them.
pub static COMPONENTS: [Component; 7] = [
    Component {
        name: "kustomize-controller",
        grace: 60,
        cpu: "100m",
        critical: true,
        storage: Storage::Nothing,
        services: &[],
        ports: &[],
    },
    Component {
        name: "helm-controller",
        grace: 600,
        cpu: "100m",
        critical: true,
        storage: Storage::Nothing,
        services: &[],
        ports: &[],
    },
    Component {
        name: "source-controller",
        grace: 10,
        cpu: "50m",
        critical: true,
        storage: Storage::Artifacts,
        services: &[("source-controller", "http", "controller")],
        ports: &[("http", 9090)],
    },
    Component {
        name: "notification-controller",
        grace: 10,
        cpu: "100m",
        critical: false,
        storage: Storage::Nothing,
        services: &[
            ("notification-controller", "http", "controller"),
            ("webhook-receiver", "http-webhook", "controller"),
        ],
        ports: &[("http", 9090), ("http-webhook", 9292)],
    },
    Component {
        name: "image-reflector-controller",
        grace: 10,
        cpu: "100m",
        critical: false,
        storage: Storage::Data,
        services: &[],
        ports: &[],
    },
    Component {
        name: "image-automation-controller",
        grace: 10,
        cpu: "100m",
        critical: false,
        storage: Storage::Nothing,
        services: &[],
        ports: &[],
    },
    Component {
        name: "source-watcher",
        grace: 10,
        cpu: "50m",
        critical: true,
        storage: Storage::Artifacts,
        services: &[("source-watcher", "http", "source-watcher")],
        ports: &[("http", 9090)],
    },
];

/// A controller's ServiceAccount, Services and Deployment.
pub(super) fn objects(component: &Component, options: &InstallOptions) -> Vec<Value> {
    let mut objects = vec![json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": component.name},
    })];
    for (name, target, control_plane) in component.services {
        objects.push(json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "labels": {"control-plane": control_plane}},
            "spec": {
                "type": "ClusterIP",
                "selector": {"app": component.name},
                "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": target}],
            }
        }));
    }
    objects.push(deployment(component, options));
    objects
}

/// The command line of a controller, in upstream's order: patches count on it.
fn args(component: &Component, options: &InstallOptions) -> Vec<String> {
    let mut args = Vec::new();
    if component.name != "notification-controller" {
        let address = if options.has("notification-controller") {
            format!(
                "http://notification-controller.$(RUNTIME_NAMESPACE).svc.{}./",
                options.cluster_domain
            )
        } else {
            String::new()
        };
        args.push(format!("--events-addr={address}"));
    }
    args.push(format!(
        "--watch-all-namespaces={}",
        options.watch_all_namespaces
    ));
    args.push(format!("--log-level={}", options.log_level));
    args.push("--log-encoding=json".into());
    args.push("--enable-leader-election".into());
    if component.storage == Storage::Artifacts {
        args.push("--storage-path=/data".into());
        args.push(format!(
            "--storage-adv-addr={}.$(RUNTIME_NAMESPACE).svc.{}.",
            component.name, options.cluster_domain
        ));
    }
    let applies = matches!(component.name, "kustomize-controller" | "helm-controller");
    if applies && options.has("source-watcher") {
        args.push("--feature-gates=ExternalArtifact=true".into());
    }
    args
}

fn deployment(component: &Component, options: &InstallOptions) -> Value {
    let volumes: Vec<Value> = volumes(component)
        .iter()
        .map(|(name, _)| json!({"name": name, "emptyDir": {}}))
        .collect();
    let mut pod = json!({
        "serviceAccountName": component.name,
        "terminationGracePeriodSeconds": component.grace,
        "securityContext": {"fsGroup": 1337},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "containers": [container(component, options)],
        "volumes": volumes,
    });
    if component.critical {
        pod["priorityClassName"] = "system-cluster-critical".into();
    }
    if !options.image_pull_secret.is_empty() {
        pod["imagePullSecrets"] = json!([{"name": options.image_pull_secret}]);
    }
    if !options.toleration_keys.is_empty() {
        pod["tolerations"] = options
            .toleration_keys
            .iter()
            .map(|key| json!({"key": key, "operator": "Exists"}))
            .collect();
    }
    let mut spec = json!({
        "replicas": 1,
        "selector": {"matchLabels": {"app": component.name}},
        "template": {
            "metadata": {
                "labels": {"app": component.name},
                "annotations": {
                    "prometheus.io/port": "8080",
                    "prometheus.io/scrape": "true",
                },
            },
            "spec": pod,
        },
    });
    if component.storage == Storage::Artifacts {
        spec["strategy"] = json!({"type": "Recreate"});
    }
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": component.name, "labels": {"control-plane": "controller"}},
        "spec": spec,
    })
}

fn container(component: &Component, options: &InstallOptions) -> Value {
    let readiness = if component.storage == Storage::Artifacts {
        json!({"httpGet": {"path": "/", "port": "http"}})
    } else {
        json!({"httpGet": {"path": "/readyz", "port": "healthz"}})
    };
    let mounts: Vec<Value> = volumes(component)
        .iter()
        .map(|(name, path)| json!({"name": name, "mountPath": path}))
        .collect();
    json!({
        "name": "manager",
        "image": image(&options.registry),
        "imagePullPolicy": "IfNotPresent",
        "command": ["weir", component.name],
        "args": args(component, options),
        "env": env(component),
        "ports": ports(component),
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": "healthz"}},
        "readinessProbe": readiness,
        "resources": {
            "limits": {"cpu": "1000m", "memory": "1Gi"},
            "requests": {"cpu": component.cpu, "memory": "64Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": true,
            "runAsNonRoot": true,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": mounts,
    })
}

fn env(component: &Component) -> Vec<Value> {
    let mut env = vec![json!({
        "name": "RUNTIME_NAMESPACE",
        "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}},
    })];
    if component.name == "source-controller" {
        env.push(json!({"name": "TUF_ROOT", "value": "/tmp/.sigstore"}));
    }
    env.push(json!({
        "name": "GOMEMLIMIT",
        "valueFrom": {
            "resourceFieldRef": {"containerName": "manager", "resource": "limits.memory"}
        },
    }));
    env
}

fn ports(component: &Component) -> Vec<Value> {
    component
        .ports
        .iter()
        .chain(&[("http-prom", 8080), ("healthz", 9440)])
        .map(|(name, port)| json!({"name": name, "containerPort": port, "protocol": "TCP"}))
        .collect()
}

/// Volumes and where they are mounted.
fn volumes(component: &Component) -> &'static [(&'static str, &'static str)] {
    match component.storage {
        Storage::Nothing => &[("temp", "/tmp")],
        Storage::Data => &[("temp", "/tmp"), ("data", "/data")],
        Storage::Artifacts => &[("data", "/data"), ("tmp", "/tmp")],
    }
}
