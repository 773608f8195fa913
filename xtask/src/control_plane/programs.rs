//! How each program is started: flags, ports, files.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::Extent;
use super::build::Programs;
use super::pki;
use super::process::Program;

/// What the server tells clients outside: an address for documentation, since a loopback address is refused in Endpoints.
const ADVERTISED: &str = "192.0.2.2";
const SERVICE_RANGE: &str = "10.96.0.0/16";
const FIRST_SERVICE: &str = "10.96.0.1";

/// The controllers that belong to the API itself.
const API_CONTROLLERS: &str = "namespace-controller,garbage-collector-controller,serviceaccount-controller,\
serviceaccount-token-controller,root-ca-certificate-publisher-controller,clusterrole-aggregation-controller,resourcequota-controller";

/// Every request, who made it and what came of it.
const AUDIT_POLICY: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n- level: Metadata\n";

/// Ports and paths of one run.
pub(crate) struct Settings {
    dir: PathBuf,
    programs: PathBuf,
    stages: Vec<PathBuf>,
    etcd: u16,
    etcd_peer: u16,
    secure: u16,
}

impl Settings {
    /// Chooses free ports and writes certificates, kubeconfigs and the audit policy into `dir`.
    pub(crate) fn prepare(dir: &Path, programs: &Programs) -> Result<Self> {
        let [etcd, etcd_peer, secure] = free_ports()?;
        let settings = Self {
            dir: dir.to_owned(),
            programs: programs.path(""),
            stages: programs.stages()?,
            etcd,
            etcd_peer,
            secure,
        };
        let names = [
            "localhost",
            "127.0.0.1",
            ADVERTISED,
            FIRST_SERVICE,
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
        ];
        pki::write(&dir.join("pki"), &names)?;
        for client in ["admin", "kube-controller-manager", "kube-scheduler", "kwok"] {
            settings.write_kubeconfig(client)?;
        }
        fs::write(dir.join("audit-policy.yaml"), AUDIT_POLICY)?;
        fs::write(dir.join("server"), format!("https://127.0.0.1:{secure}"))?;
        Ok(settings)
    }

    pub(crate) fn etcd(&self) -> Program {
        let client = format!("http://127.0.0.1:{}", self.etcd);
        let peer = format!("http://127.0.0.1:{}", self.etcd_peer);
        self.program(
            "etcd",
            vec![
                flag("data-dir", self.file("etcd")),
                flag("listen-client-urls", &client),
                flag("advertise-client-urls", &client),
                flag("listen-peer-urls", &peer),
                flag("initial-advertise-peer-urls", &peer),
                flag("initial-cluster", format!("default={peer}")),
                flag("log-level", "warn"),
                "--unsafe-no-fsync".to_owned(),
            ],
        )
    }

    pub(crate) fn apiserver(&self) -> Program {
        self.program(
            "kube-apiserver",
            vec![
                flag("etcd-servers", format!("http://127.0.0.1:{}", self.etcd)),
                flag("bind-address", "127.0.0.1"),
                flag("advertise-address", ADVERTISED),
                flag("secure-port", self.secure.to_string()),
                flag("service-cluster-ip-range", SERVICE_RANGE),
                flag("authorization-mode", "Node,RBAC"),
                flag("client-ca-file", self.pki("ca.crt")),
                flag("tls-cert-file", self.pki("kube-apiserver.crt")),
                flag("tls-private-key-file", self.pki("kube-apiserver.key")),
                flag(
                    "service-account-issuer",
                    "https://kubernetes.default.svc.cluster.local",
                ),
                flag("service-account-key-file", self.pki("service-accounts.pub")),
                flag(
                    "service-account-signing-key-file",
                    self.pki("service-accounts.key"),
                ),
                flag(
                    "requestheader-client-ca-file",
                    self.pki("front-proxy-ca.crt"),
                ),
                flag("requestheader-allowed-names", "front-proxy"),
                flag("requestheader-username-headers", "X-Remote-User"),
                flag("requestheader-group-headers", "X-Remote-Group"),
                flag("requestheader-extra-headers-prefix", "X-Remote-Extra-"),
                flag("proxy-client-cert-file", self.pki("front-proxy.crt")),
                flag("proxy-client-key-file", self.pki("front-proxy.key")),
                flag("audit-policy-file", self.file("audit-policy.yaml")),
                flag("audit-log-path", self.file("logs/audit.log")),
            ],
        )
    }

    pub(crate) fn controller_manager(&self, extent: Extent) -> Program {
        let controllers = match extent {
            Extent::Whole => "*",
            Extent::Api => API_CONTROLLERS,
        };
        self.program(
            "kube-controller-manager",
            vec![
                flag(
                    "kubeconfig",
                    self.file("kube-controller-manager.kubeconfig"),
                ),
                flag("root-ca-file", self.pki("ca.crt")),
                flag(
                    "service-account-private-key-file",
                    self.pki("service-accounts.key"),
                ),
                flag("controllers", controllers),
                flag("use-service-account-credentials", "true"),
                flag("flex-volume-plugin-dir", self.file("flexvolumes")),
                flag("leader-elect", "false"),
                flag("secure-port", "0"),
            ],
        )
    }

    pub(crate) fn scheduler(&self) -> Program {
        let flags = vec![
            flag("kubeconfig", self.file("kube-scheduler.kubeconfig")),
            flag("leader-elect", "false"),
            flag("secure-port", "0"),
        ];
        self.program("kube-scheduler", flags)
    }

    pub(crate) fn kwok(&self) -> Result<Program> {
        let mut flags = vec![
            flag("kubeconfig", self.file("kwok.kubeconfig")),
            flag("manage-all-nodes", "true"),
            flag("node-lease-duration-seconds", "40"),
        ];
        for stage in &self.stages {
            flags.push(flag(
                "config",
                stage.to_str().context("a path that is not UTF-8")?,
            ));
        }
        Ok(self.program("kwok", flags))
    }

    fn program(&self, name: &'static str, flags: Vec<String>) -> Program {
        Program {
            name,
            path: self.programs.join(name),
            flags,
        }
    }

    fn file(&self, name: &str) -> String {
        self.dir.join(name).to_string_lossy().into_owned()
    }

    fn pki(&self, name: &str) -> String {
        self.file(&format!("pki/{name}"))
    }

    fn write_kubeconfig(&self, client: &str) -> Result<()> {
        let data = |name: String| -> Result<String> {
            Ok(BASE64_STANDARD.encode(fs::read(self.pki(&name))?))
        };
        let text = format!(
            "apiVersion: v1
kind: Config
current-context: control-plane
contexts:
- name: control-plane
  context:
    cluster: control-plane
    user: {client}
clusters:
- name: control-plane
  cluster:
    server: https://127.0.0.1:{port}
    certificate-authority-data: {ca}
users:
- name: {client}
  user:
    client-certificate-data: {certificate}
    client-key-data: {key}
",
            port = self.secure,
            ca = data("ca.crt".to_owned())?,
            certificate = data(format!("{client}.crt"))?,
            key = data(format!("{client}.key"))?,
        );
        Ok(fs::write(self.file(&format!("{client}.kubeconfig")), text)?)
    }
}

fn flag(name: &str, value: impl AsRef<str>) -> String {
    format!("--{name}={}", value.as_ref())
}

/// Ports that are free now: all are held until all are chosen.
fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut held = Vec::new();
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0").context("looking for a free port")?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}
