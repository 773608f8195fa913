//! The controllers' flags: upstream's, read from the `args` of the Deployments a fleet declares.

use std::collections::BTreeMap;
use std::time::Duration;

use api::GoDuration;
use krm::GroupKind;
use plan::kustomization::Policy;

/// What becomes of a flag.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// It rules.
    Rules,
    /// It is about addresses, storage, leader election, logging or request rates, which running in one process replaces.
    Replaced,
    /// It belongs to something this version does not do; any value but the default is told.
    Unbuilt,
}

/// Flags every controller has.
const COMMON: &[(&str, Use)] = &[
    ("concurrent", Use::Rules),
    ("interval-jitter-percentage", Use::Rules),
    ("max-retry-delay", Use::Rules),
    ("min-retry-delay", Use::Rules),
    ("no-cross-namespace-refs", Use::Rules),
    ("requeue-dependency", Use::Rules),
    ("feature-gates", Use::Rules),
    ("default-service-account", Use::Rules),
    ("watch-all-namespaces", Use::Replaced),
    ("watch-label-selector", Use::Unbuilt),
    ("watch-configs-label-selector", Use::Replaced),
    ("enable-leader-election", Use::Replaced),
    ("leader-election-lease-duration", Use::Replaced),
    ("leader-election-release-on-cancel", Use::Replaced),
    ("leader-election-renew-deadline", Use::Replaced),
    ("leader-election-retry-period", Use::Replaced),
    ("events-addr", Use::Replaced),
    ("health-addr", Use::Replaced),
    ("metrics-addr", Use::Replaced),
    ("kube-api-burst", Use::Replaced),
    ("kube-api-qps", Use::Replaced),
    ("log-encoding", Use::Replaced),
    ("log-level", Use::Replaced),
    ("token-cache-max-duration", Use::Replaced),
    ("token-cache-max-size", Use::Replaced),
    ("insecure-kubeconfig-exec", Use::Unbuilt),
    ("insecure-kubeconfig-tls", Use::Unbuilt),
    ("default-kubeconfig-service-account", Use::Unbuilt),
    ("default-decryption-service-account", Use::Unbuilt),
    ("http-retry", Use::Replaced),
    ("graceful-shutdown-timeout", Use::Replaced),
];

/// Flags of one controller only.
const OWN: &[(&str, &[(&str, Use)])] = &[
    (
        "kustomize-controller",
        &[
            ("concurrent-ssa", Use::Rules),
            ("no-remote-bases", Use::Rules),
            ("override-manager", Use::Rules),
            ("custom-apply-stage-kinds", Use::Rules),
            ("sops-age-secret", Use::Unbuilt),
            ("sops-vault-configmap", Use::Unbuilt),
        ],
    ),
    (
        "source-controller",
        &[
            ("storage-path", Use::Replaced),
            ("storage-addr", Use::Replaced),
            ("storage-adv-addr", Use::Replaced),
            ("artifact-retention-ttl", Use::Replaced),
            ("artifact-retention-records", Use::Replaced),
            ("artifact-digest-algo", Use::Unbuilt),
            ("helm-index-max-size", Use::Replaced),
            ("helm-chart-max-size", Use::Replaced),
            ("helm-chart-file-max-size", Use::Replaced),
            ("helm-cache-max-size", Use::Replaced),
            ("helm-cache-ttl", Use::Replaced),
            ("helm-cache-purge-interval", Use::Replaced),
            ("ssh-kex-algos", Use::Replaced),
            ("ssh-hostkey-algos", Use::Replaced),
        ],
    ),
    (
        "helm-controller",
        &[
            ("http-timeout", Use::Replaced),
            ("snapshot-digest-algo", Use::Replaced),
            ("override-manager", Use::Replaced),
            ("oom-watch-interval", Use::Replaced),
            ("oom-watch-memory-threshold", Use::Replaced),
            ("oom-watch-max-memory-path", Use::Replaced),
            ("oom-watch-current-memory-path", Use::Replaced),
        ],
    ),
    (
        "notification-controller",
        &[
            ("receiverAddr", Use::Replaced),
            ("rate-limit-interval", Use::Replaced),
            ("export-http-path-metrics", Use::Replaced),
        ],
    ),
    (
        "image-reflector-controller",
        &[
            ("storage-path", Use::Replaced),
            ("storage-value-log-file-size", Use::Replaced),
            ("storage-compression-threshold", Use::Replaced),
            ("gc-interval", Use::Replaced),
        ],
    ),
    (
        "image-automation-controller",
        &[
            ("ssh-kex-algos", Use::Replaced),
            ("ssh-hostkey-algos", Use::Replaced),
        ],
    ),
    (
        "source-watcher",
        &[
            ("storage-path", Use::Replaced),
            ("storage-addr", Use::Replaced),
            ("storage-adv-addr", Use::Replaced),
            ("artifact-retention-ttl", Use::Replaced),
            ("artifact-retention-records", Use::Replaced),
            ("artifact-digest-algo", Use::Replaced),
            ("reconciliation-timeout", Use::Replaced),
        ],
    ),
];

/// Flags without which upstream's Deployments never run: their absence means that a patch replaced the list.
const SHIPPED: [&str; 3] = [
    "watch-all-namespaces",
    "log-level",
    "enable-leader-election",
];

/// Feature gates by controller.
const GATES: &[(&str, &[&str])] = &[
    (
        "kustomize-controller",
        &[
            "CacheSecretsAndConfigMaps",
            "DisableStatusPollerCache",
            "DisableFailFastBehavior",
            "StrictPostBuildSubstitutions",
            "GroupChangeLog",
            "AdditiveCELDependencyCheck",
            "ExternalArtifact",
            "CancelHealthCheckOnNewRevision",
            "DisableConfigWatchers",
            "DirectSourceFetch",
            "MigrateAPIVersion",
            "ObjectLevelWorkloadIdentity",
        ],
    ),
    (
        "source-controller",
        &["CacheSecretsAndConfigMaps", "ObjectLevelWorkloadIdentity"],
    ),
];

/// A controller's flags, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    values: BTreeMap<String, Vec<String>>,
    /// Flags that were given and that running in one process replaces.
    pub replaced: Vec<String>,
    /// What the operator should know: flags of things not built yet, lists that lost upstream's defaults.
    pub warnings: Vec<String>,
}

/// Why flags cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlagError {
    /// No such flag.
    #[error("{controller}: unknown flag: --{flag}")]
    Unknown {
        /// Which controller.
        controller: String,
        /// The flag, without dashes.
        flag: String,
    },
    /// No such value.
    #[error("{controller}: invalid argument {value:?} for \"--{flag}\" flag: {why}")]
    Value {
        /// Which controller.
        controller: String,
        /// The flag, without dashes.
        flag: String,
        /// What was given.
        value: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Flags {
    /// Reads `args` with `$(VAR)` expanded from `variables`.
    ///
    /// # Errors
    /// Unknown flags and values, by name.
    pub fn parse(
        controller: &str,
        args: &[String],
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, FlagError> {
        let mut flags = Self::default();
        let own = OWN
            .iter()
            .find(|(name, _)| *name == controller)
            .map_or(&[][..], |(_, list)| list);
        let mut rest = args.iter().map(|arg| expand(arg, variables)).peekable();
        while let Some(arg) = rest.next() {
            let Some(text) = arg.strip_prefix("--") else {
                return Err(FlagError::Unknown {
                    controller: controller.into(),
                    flag: arg,
                });
            };
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name.to_owned(), value.to_owned()),
                None => {
                    // `--flag value` and the bare `--flag` of a boolean.
                    let next = rest.next_if(|next| !next.starts_with("--"));
                    (text.to_owned(), next.unwrap_or_else(|| "true".into()))
                }
            };
            let known = COMMON.iter().chain(own).find(|(flag, _)| *flag == name);
            match known.map(|(_, used)| *used) {
                None => {
                    return Err(FlagError::Unknown {
                        controller: controller.into(),
                        flag: name,
                    });
                }
                Some(Use::Rules) => {}
                Some(Use::Replaced) => flags.replaced.push(format!("--{name}={value}")),
                Some(Use::Unbuilt) => {
                    if !value.is_empty() && value != "false" {
                        flags.warnings.push(format!(
                            "{controller}: --{name} has no effect in this version of Weir"
                        ));
                    }
                }
            }
            flags.values.entry(name).or_default().push(value);
        }
        let lost: Vec<_> = SHIPPED
            .into_iter()
            .filter(|flag| !flags.values.contains_key(*flag))
            .collect();
        if !args.is_empty() && lost.len() == SHIPPED.len() {
            flags.warnings.push(format!(
                "{controller}: its args hold none of the flags it ships with; a strategic patch of `args` replaces the whole list, a JSON6902 patch `add …/args/-` adds to it"
            ));
        }
        flags.check_gates(controller)?;
        Ok(flags)
    }

    fn check_gates(&self, controller: &str) -> Result<(), FlagError> {
        let Some((_, known)) = GATES.iter().find(|(name, _)| *name == controller) else {
            return Ok(());
        };
        for (gate, _) in self.gates() {
            if !known.contains(&gate.as_str()) {
                return Err(FlagError::Value {
                    controller: controller.into(),
                    flag: "feature-gates".into(),
                    value: gate,
                    why: "unrecognized feature gate".into(),
                });
            }
        }
        Ok(())
    }

    fn gates(&self) -> Vec<(String, bool)> {
        let lists = self.values.get("feature-gates").into_iter().flatten();
        lists
            .flat_map(|list| list.split(','))
            .filter(|gate| !gate.trim().is_empty())
            .map(|gate| {
                let (name, value) = gate.split_once('=').unwrap_or((gate, "true"));
                (name.trim().to_owned(), value.trim() == "true")
            })
            .collect()
    }

    fn gate(&self, name: &str, default: bool) -> bool {
        self.gates()
            .into_iter()
            .rev()
            .find(|(gate, _)| gate == name)
            .map_or(default, |(_, on)| on)
    }

    fn last(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.last().map(String::as_str)
    }

    fn on(&self, name: &str) -> bool {
        self.last(name) == Some("true")
    }

    fn duration(&self, name: &str, default: Duration) -> Duration {
        let given = self
            .last(name)
            .and_then(|text| text.parse::<GoDuration>().ok());
        given.map_or(default, GoDuration::to_std)
    }

    fn number<N: std::str::FromStr>(&self, name: &str, default: N) -> N {
        self.last(name)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    }

    /// Passes at once.
    pub fn concurrent(&self, default: usize) -> usize {
        self.number("concurrent", default).max(1)
    }

    /// Jitter of successful requeues, percent.
    pub fn jitter(&self) -> u8 {
        self.number("interval-jitter-percentage", 5_u8).min(99)
    }

    /// First and last delay after failures in a row.
    pub fn retry_delay(&self) -> (Duration, Duration) {
        let first = self.duration("min-retry-delay", Duration::from_millis(750));
        (
            first,
            self.duration("max-retry-delay", Duration::from_secs(15 * 60)),
        )
    }

    /// kustomize-controller's policy.
    pub fn kustomization_policy(&self) -> Policy {
        let default = Policy::default();
        let stages = self
            .values
            .get("custom-apply-stage-kinds")
            .into_iter()
            .flatten()
            .flat_map(|list| list.split(','));
        let group_kind = |text: &str| {
            let (group, kind) = text.trim().split_once('/')?;
            Some(GroupKind {
                group: group.into(),
                kind: kind.into(),
            })
        };
        Policy {
            no_cross_namespace_refs: self.on("no-cross-namespace-refs"),
            default_service_account: self
                .last("default-service-account")
                .unwrap_or_default()
                .into(),
            requeue_dependency: self.duration("requeue-dependency", default.requeue_dependency),
            strict_substitutions: self.gate("StrictPostBuildSubstitutions", true),
            external_artifact: self.gate("ExternalArtifact", false),
            fail_fast: !self.gate("DisableFailFastBehavior", false),
            no_remote_bases: self.on("no-remote-bases"),
            custom_stages: stages.filter_map(group_kind).collect(),
            override_managers: self
                .values
                .get("override-manager")
                .cloned()
                .unwrap_or_default(),
            concurrent_ssa: self.number("concurrent-ssa", default.concurrent_ssa).max(1),
            ..default
        }
    }
}

/// `$(VAR)` as the kubelet expands it: unknown variables stay, `$$` is one `$`.
fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = rest
            .strip_prefix('(')
            .and_then(|inner| inner.split_once(')'))
        {
            match variables.get(name) {
                Some(value) => out.push_str(value),
                None => out.push_str(&format!("$({name})")),
            }
            rest = after;
        } else {
            out.push('$');
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Flags, FlagError> {
        let args: Vec<_> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let variables =
            BTreeMap::from([("RUNTIME_NAMESPACE".to_owned(), "flux-system".to_owned())]);
        Flags::parse("kustomize-controller", &args, &variables)
    }

    const SHIPPED_ARGS: [&str; 5] = [
        "--events-addr=http://notification-controller.$(RUNTIME_NAMESPACE).svc.cluster.local./",
        "--watch-all-namespaces=true",
        "--log-level=info",
        "--log-encoding=json",
        "--enable-leader-election",
    ];

    #[test]
    fn the_lockdown_rules_and_addresses_are_replaced() {
        let mut args = SHIPPED_ARGS.to_vec();
        args.extend([
            "--no-cross-namespace-refs=true",
            "--default-service-account=default",
        ]);
        let flags = parse(&args).unwrap();
        let policy = flags.kustomization_policy();
        assert!(policy.no_cross_namespace_refs);
        assert_eq!(policy.default_service_account, "default");
        assert_eq!(
            flags.replaced[0],
            "--events-addr=http://notification-controller.flux-system.svc.cluster.local./"
        );
        assert!(flags.warnings.is_empty());
    }

    #[test]
    fn a_replaced_list_is_told_and_an_unknown_flag_refused() {
        let flags = parse(&[
            "--default-service-account=default",
            "--no-cross-namespace-refs=true",
        ])
        .unwrap();
        assert_eq!(flags.warnings.len(), 1);
        assert_eq!(
            parse(&["--colour=red"]).unwrap_err().to_string(),
            "kustomize-controller: unknown flag: --colour"
        );
        let gate = parse(&["--feature-gates=Nope=true"])
            .unwrap_err()
            .to_string();
        assert!(gate.contains("Nope"), "{gate}");
    }

    #[test]
    fn gates_turn_substitution_lenient() {
        let flags =
            parse(&["--feature-gates=StrictPostBuildSubstitutions=false,ExternalArtifact=true"])
                .unwrap();
        let policy = flags.kustomization_policy();
        assert!(!policy.strict_substitutions && policy.external_artifact);
    }
}
