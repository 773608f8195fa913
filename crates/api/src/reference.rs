//! References and parts that several kinds share.

use std::collections::BTreeMap;

use crate::schema::{choice, object};
use crate::time::Time;

object! {
    /// An object of the same namespace.
    LocalObjectReference {
        required {
            /// Its name.
            name: String;
        }
    }

    /// An object, by default of the same namespace.
    NamespacedObjectReference {
        required {
            /// Its name.
            name: String;
        }
        optional {
            /// Its namespace.
            namespace: String;
        }
    }

    /// A key of a Secret of the same namespace.
    SecretKeyReference {
        required {
            /// The Secret's name.
            name: String;
        }
        optional {
            /// The key.
            key: String;
        }
    }

    /// An object of which to wait until it is ready.
    DependencyReference {
        required {
            /// Its name.
            name: String;
        }
        optional {
            /// Its namespace; by default the one of who depends.
            namespace: String;
            /// CEL over `self` and `dep` that replaces the check of readiness.
            ready_expr: String;
        }
    }

    /// An object of any kind, by default of the same namespace.
    NamespacedObjectKindReference {
        required {
            /// Its kind.
            kind: String;
            /// Its name.
            name: String;
        }
        optional {
            /// Its API version.
            api_version: String;
            /// Its namespace.
            namespace: String;
        }
    }

    /// Where to apply to instead of this cluster: exactly one of the two.
    KubeConfigReference {
        optional {
            /// A ConfigMap that says how to reach the cluster without secrets.
            config_map_ref: Option<LocalObjectReference>;
            /// A Secret that holds a kubeconfig.
            secret_ref: Option<SecretKeyReference>;
        }
        rules {
            "exactly one of spec.kubeConfig.configMapRef or spec.kubeConfig.secretRef must be specified"
                => "has(self.configMapRef) || has(self.secretRef)";
            "exactly one of spec.kubeConfig.configMapRef or spec.kubeConfig.secretRef must be specified"
                => "!has(self.configMapRef) || !has(self.secretRef)";
        }
    }

    /// Labels and annotations for everything that is applied.
    CommonMetadata {
        optional {
            /// Annotations.
            annotations: BTreeMap<String, String>;
            /// Labels.
            labels: BTreeMap<String, String>;
        }
    }

    /// How to tell the health of a kind that says it in its own way.
    CustomHealthCheck {
        required {
            /// The kind's API version.
            api_version: String;
            /// CEL: it is as wanted.
            current: String;
        }
        optional {
            /// The kind.
            kind: String;
            /// CEL: it failed.
            failed: String;
            /// CEL: it is on its way.
            in_progress: String;
        }
    }

    /// Which objects; empty fields match all.
    Selector {
        optional {
            /// Annotation selector.
            annotation_selector: String;
            /// API group.
            group: String;
            /// Kind.
            kind: String;
            /// Label selector.
            label_selector: String;
            /// Name, as a regular expression.
            name: String;
            /// Namespace, as a regular expression.
            namespace: String;
            /// API version.
            version: String;
        }
    }

    /// A strategic merge or JSON6902 patch and what it is for.
    Patch {
        required {
            /// The patch, as YAML or JSON.
            patch: String;
        }
        optional {
            /// Which objects; a strategic merge patch may name its own.
            target: Option<Selector>;
        }
    }

    /// Fields that are left alone.
    IgnoreRule {
        required {
            /// JSON pointers.
            paths: Vec<String>;
        }
        optional {
            /// Of which objects.
            target: Option<Selector>;
        }
    }

    /// A container image's new name, tag or digest.
    Image {
        required {
            /// The image to replace.
            name: String;
        }
        optional {
            /// The digest, which wins over the tag.
            digest: String;
            /// The new name.
            new_name: String;
            /// The new tag.
            new_tag: String;
        }
    }

    /// What was applied.
    ResourceInventory {
        required {
            /// One entry for each object.
            entries: Vec<ResourceRef>;
        }
    }

    /// One applied object.
    ResourceRef {
        required {
            /// `<namespace>_<name>_<group>_<kind>`; a `:` of an RBAC name is written `__`.
            id: String;
            /// The API version without its group.
            v: String;
        }
    }

    /// What a source made and where it is served.
    Artifact {
        required {
            /// `<algorithm>:<hex>` of the file.
            digest: String => pattern("^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$");
            /// When it was made.
            last_update_time: Time;
            /// Its path in the storage.
            path: String;
            /// What it was made from, such as `main@sha1:…`.
            revision: String;
            /// Where to get it.
            url: String;
        }
        optional {
            /// Annotations of the upstream.
            metadata: BTreeMap<String, String>;
            /// Bytes.
            size: Option<i64>;
        }
    }

    /// Namespaces whose objects may refer to this one.
    AccessFrom {
        required {
            /// Any of these; an empty selector allows all namespaces.
            namespace_selectors: Vec<NamespaceSelector>;
        }
    }

    /// Namespaces by their labels.
    NamespaceSelector {
        optional {
            /// Labels that must all be there.
            match_labels: BTreeMap<String, String>;
        }
    }

    /// Which identity may have signed.
    OidcIdentityMatch {
        required {
            /// The issuer, as a regular expression.
            issuer: String;
            /// The subject, as a regular expression.
            subject: String;
        }
    }

    /// A Git reference; of several, `commit` wins over `name` over `semver` over `tag` over `branch`.
    GitRepositoryRef {
        optional {
            /// A branch.
            branch: String;
            /// A commit's hash.
            commit: String;
            /// A full reference name, such as `refs/pull/1/head`.
            name: String;
            /// A range of versions; the highest tag within wins.
            semver: String;
            /// A tag.
            tag: String;
        }
    }
}

choice! {
    /// Where values come from.
    ValuesSource {
        /// A Secret.
        Secret = "Secret",
        /// A ConfigMap.
        ConfigMap = "ConfigMap",
    }

    /// Who signs.
    VerificationProvider {
        /// Cosign.
        Cosign = "cosign",
        /// Notation.
        Notation = "notation",
    }

    /// Whose credentials a registry or repository takes.
    OciProvider {
        /// Those of a Secret, or none.
        Generic = "generic",
        /// AWS.
        Aws = "aws",
        /// Azure.
        Azure = "azure",
        /// Google Cloud.
        Gcp = "gcp",
    }

    /// When a chart is packed again.
    ReconcileStrategy {
        /// When its version changes.
        ChartVersion = "ChartVersion",
        /// When its source's revision changes.
        Revision = "Revision",
    }

    /// A source of charts.
    ChartSourceKind {
        /// HelmRepository.
        HelmRepository = "HelmRepository",
        /// GitRepository.
        GitRepository = "GitRepository",
        /// Bucket.
        Bucket = "Bucket",
    }

    /// A kind that sends events or can be told to reconcile.
    EventSourceKind {
        /// Bucket.
        Bucket = "Bucket",
        /// GitRepository.
        GitRepository = "GitRepository",
        /// Kustomization.
        Kustomization = "Kustomization",
        /// HelmRelease.
        HelmRelease = "HelmRelease",
        /// HelmChart.
        HelmChart = "HelmChart",
        /// HelmRepository.
        HelmRepository = "HelmRepository",
        /// ImageRepository.
        ImageRepository = "ImageRepository",
        /// ImagePolicy.
        ImagePolicy = "ImagePolicy",
        /// ImageUpdateAutomation.
        ImageUpdateAutomation = "ImageUpdateAutomation",
        /// OCIRepository.
        OciRepository = "OCIRepository",
        /// ArtifactGenerator.
        ArtifactGenerator = "ArtifactGenerator",
        /// ExternalArtifact.
        ExternalArtifact = "ExternalArtifact",
    }
}

impl ResourceRef {
    /// The entry of an object, in cli-utils' form.
    pub fn of(gvk: &krm::Gvk, namespace: &str, name: &str) -> Self {
        let name = if gvk.group == "rbac.authorization.k8s.io" {
            name.replace(':', "__")
        } else {
            name.into()
        };
        Self {
            id: format!("{namespace}_{name}_{}_{}", gvk.group, gvk.kind),
            v: gvk.version.clone(),
        }
    }

    /// Which object an entry means; `None` where its id does not read.
    pub fn object_id(&self) -> Option<krm::ObjectId> {
        let (namespace, rest) = self.id.split_once('_')?;
        let (rest, kind) = rest.rsplit_once('_')?;
        let (name, group) = rest.rsplit_once('_')?;
        let name = if group == "rbac.authorization.k8s.io" {
            name.replace("__", ":")
        } else {
            name.into()
        };
        (!name.is_empty() && !kind.is_empty()).then(|| krm::ObjectId {
            group: group.into(),
            kind: kind.into(),
            namespace: namespace.into(),
            name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inventory_ids_go_both_ways() {
        for (api_version, kind, namespace, name, expect) in [
            ("v1", "Namespace", "", "team", "_team__Namespace"),
            (
                "apps/v1",
                "Deployment",
                "team",
                "api",
                "team_api_apps_Deployment",
            ),
            (
                "rbac.authorization.k8s.io/v1",
                "ClusterRole",
                "",
                "system:a:b",
                "_system__a__b_rbac.authorization.k8s.io_ClusterRole",
            ),
        ] {
            let gvk = krm::Gvk::new(api_version, kind);
            let entry = ResourceRef::of(&gvk, namespace, name);
            assert_eq!(entry.id, expect);
            assert_eq!(entry.v, gvk.version);
            let id = entry.object_id().unwrap();
            assert_eq!(
                (id.group, id.kind, id.namespace.as_str(), id.name.as_str()),
                (gvk.group, gvk.kind, namespace, name)
            );
        }
        let broken = ResourceRef {
            id: "nothing".into(),
            v: "v1".into(),
        };
        assert_eq!(broken.object_id(), None);
    }
}
