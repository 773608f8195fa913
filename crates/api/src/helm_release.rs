//! `HelmRelease`: a chart, installed and kept so.

use std::collections::BTreeMap;

use krm::Value;

use crate::condition::Condition;
use crate::duration::{ANY_UNIT, GoDuration};
use crate::kind::{Column, Kind, StatusForm, Words, resource};
use crate::reference::{
    ChartSourceKind, CommonMetadata, CustomHealthCheck, DependencyReference, IgnoreRule, Image,
    KubeConfigReference, LocalObjectReference, Patch, ReconcileStrategy, ResourceInventory,
    ValuesSource, VerificationProvider,
};
use crate::schema::{Schema, choice, object};
use crate::time::Time;

resource! {
    /// A chart, installed and kept so.
    HelmRelease: HELM_RELEASE, HelmReleaseSpec, HelmReleaseStatus
}

/// The row of [`HelmRelease`].
pub static HELM_RELEASE: Kind = Kind {
    group: "helm.toolkit.fluxcd.io",
    version: "v2",
    legacy: &[],
    kind: "HelmRelease",
    plural: "helmreleases",
    singular: "helmrelease",
    short_names: &["hr"],
    category: "fluxcd-appliers",
    columns: &[Column::AGE, Column::READY, Column::STATUS],
    status: StatusForm::Observed,
    substitute_disabled: true,
    cli: Words {
        noun: "helmrelease",
        aliases: &["hr"],
        get: "helmreleases",
        human: "helmrelease",
        controller: "helm-controller",
        is_static: false,
    },
    spec_schema: HelmReleaseSpec::schema,
    status_schema: Some(HelmReleaseStatus::schema),
};

object! {
    /// What a HelmRelease wants.
    HelmReleaseSpec {
        required {
            /// How often everything is looked at again; the safety net behind events.
            interval: GoDuration => pattern(ANY_UNIT);
        }
        optional {
            /// The chart, as a HelmChart to be made; or `chartRef`.
            chart: Option<HelmChartTemplate>;
            /// The chart, as an object that is there; or `chart`.
            chart_ref: Option<ChartReference>;
            /// Labels and annotations for everything.
            common_metadata: Option<CommonMetadata>;
            /// HelmReleases that must be ready first.
            depends_on: Vec<DependencyReference>;
            /// What to do about objects that were changed by hand.
            drift_detection: Option<DriftDetection>;
            /// How to tell the health of custom resources.
            health_check_exprs: Vec<CustomHealthCheck>;
            /// How to install.
            install: Option<Install>;
            /// Another cluster to install to.
            kube_config: Option<KubeConfigReference>;
            /// How many revisions are kept; 0 means all.
            max_history: Option<i64> => any_width();
            /// Keep the client between actions.
            persistent_client: Option<bool>;
            /// How hooks go through post-renderers.
            post_render_strategy: Option<PostRenderStrategy>;
            /// What to change after rendering.
            post_renderers: Vec<PostRenderer>;
            /// The release's name; by default made of target namespace and name.
            release_name: String => length(1, 53);
            /// How to roll back.
            rollback: Option<Rollback>;
            /// The ServiceAccount to act as.
            service_account_name: String => length(1, 253);
            /// Where Helm keeps its records.
            storage_namespace: String => length(1, 63);
            /// Do nothing.
            suspend: bool;
            /// Where the chart's objects go.
            target_namespace: String => length(1, 63);
            /// How to test.
            test: Option<Test>;
            /// How long an action may take.
            timeout: Option<GoDuration> => pattern(ANY_UNIT);
            /// How to uninstall.
            uninstall: Option<Uninstall>;
            /// How to upgrade.
            upgrade: Option<Upgrade>;
            /// Values.
            values: Option<Value>;
            /// Objects that hold values, the later over the earlier, `values` over all.
            values_from: Vec<ValuesReference>;
            /// How to wait.
            wait_strategy: Option<WaitStrategy>;
        }
        rules {
            "either chart or chartRef must be set"
                => "(has(self.chart) && !has(self.chartRef)) || (!has(self.chart) && has(self.chartRef))";
        }
    }

    /// A HelmChart to be made.
    HelmChartTemplate {
        required {
            /// Its spec.
            spec: HelmChartTemplateSpec;
        }
        optional {
            /// Its labels and annotations.
            metadata: Option<CommonMetadata>;
        }
    }

    /// The spec of a HelmChart to be made.
    HelmChartTemplateSpec {
        required {
            /// The chart's name, or its path in the source.
            chart: String => length(1, 2048);
            /// The source.
            source_ref: HelmChartTemplateSource;
        }
        optional {
            /// A values file that is not there is no error.
            ignore_missing_values_files: bool;
            /// How often to look for something new; by default the release's interval.
            interval: Option<GoDuration> => pattern(ANY_UNIT);
            /// When to pack again.
            reconcile_strategy: Option<ReconcileStrategy> => default("ChartVersion");
            /// Values files to merge into the chart's own, the later over the earlier.
            values_files: Vec<String>;
            /// Whose signatures are wanted.
            verify: Option<HelmChartTemplateVerification>;
            /// A version or a range of them.
            version: String => default("*");
        }
    }

    /// A source of charts.
    HelmChartTemplateSource {
        required {
            /// Its kind.
            kind: ChartSourceKind;
            /// Its name.
            name: String => length(1, 253);
        }
        optional {
            /// Its API version.
            api_version: String;
            /// Its namespace.
            namespace: String => length(1, 63);
        }
    }

    /// Whose signatures are wanted.
    HelmChartTemplateVerification {
        required {
            /// Who signs.
            provider: VerificationProvider => default("cosign");
        }
        optional {
            /// The Secret with the public keys.
            secret_ref: Option<LocalObjectReference>;
        }
    }

    /// A chart that is there.
    ChartReference {
        required {
            /// Its kind.
            kind: ChartReferenceKind;
            /// Its name.
            name: String => length(1, 253);
        }
        optional {
            /// Its API version.
            api_version: String;
            /// Its namespace.
            namespace: String => length(1, 63);
        }
    }

    /// What to do about objects that were changed by hand.
    DriftDetection {
        optional {
            /// Fields that are left alone.
            ignore: Vec<IgnoreRule>;
            /// Whether to look, and whether to correct.
            mode: Option<DriftDetectionMode>;
        }
    }

    /// How to install.
    Install {
        optional {
            /// What to do with the chart's CRDs.
            crds: Option<CrdsPolicy>;
            /// Make the target namespace.
            create_namespace: bool;
            /// Run no hooks.
            disable_hooks: bool;
            /// Do not check against the cluster's OpenAPI.
            disable_open_api_validation as "disableOpenAPIValidation": bool;
            /// Do not check values against the chart's schema.
            disable_schema_validation: bool;
            /// Do not take objects over.
            disable_take_ownership: bool;
            /// Do not wait.
            disable_wait: bool;
            /// Do not wait for jobs.
            disable_wait_for_jobs: bool;
            /// What to do when it fails.
            remediation: Option<InstallRemediation>;
            /// Use a name again that was uninstalled.
            replace: bool;
            /// Apply on the server.
            server_side_apply: Option<bool>;
            /// Leave the chart's CRDs; `crds` is the newer way.
            skip_crds as "skipCRDs": bool;
            /// What to do when it fails, beyond remediation.
            strategy: Option<InstallStrategy>;
            /// How long it may take.
            timeout: Option<GoDuration> => pattern(ANY_UNIT);
        }
    }

    /// What to do when an install fails.
    InstallRemediation {
        optional {
            /// A failed test is no failure.
            ignore_test_failures: Option<bool>;
            /// Uninstall after the last try too.
            remediate_last_failure: Option<bool>;
            /// How often to try again; below 0 means always.
            retries: i64 => any_width();
        }
    }

    /// What to do when an install fails, beyond remediation.
    InstallStrategy {
        required {
            /// Which way.
            name: ActionStrategyName;
        }
        optional {
            /// How soon to try again.
            retry_interval: Option<GoDuration> => pattern(ANY_UNIT);
        }
        rules {
            ".retryInterval cannot be set when .name is 'RemediateOnFailure'"
                => "!has(self.retryInterval) || self.name != 'RemediateOnFailure'";
        }
    }

    /// How to upgrade.
    Upgrade {
        optional {
            /// What to do when the chart's name changes.
            chart_name_change_strategy: Option<ChartNameChangeStrategy>;
            /// Delete new objects when it fails.
            cleanup_on_fail: bool;
            /// What to do with the chart's CRDs.
            crds: Option<CrdsPolicy>;
            /// Run no hooks.
            disable_hooks: bool;
            /// Do not check against the cluster's OpenAPI.
            disable_open_api_validation as "disableOpenAPIValidation": bool;
            /// Do not check values against the chart's schema.
            disable_schema_validation: bool;
            /// Do not take objects over.
            disable_take_ownership: bool;
            /// Do not wait.
            disable_wait: bool;
            /// Do not wait for jobs.
            disable_wait_for_jobs: bool;
            /// Replace objects instead of changing them.
            force: bool;
            /// Keep the values of the release before.
            preserve_values: bool;
            /// What to do when it fails.
            remediation: Option<UpgradeRemediation>;
            /// Apply on the server.
            server_side_apply: Option<ServerSideApplyMode>;
            /// What to do when it fails, beyond remediation.
            strategy: Option<UpgradeActionStrategy>;
            /// How long it may take.
            timeout: Option<GoDuration> => pattern(ANY_UNIT);
        }
    }

    /// What to do when an upgrade fails.
    UpgradeRemediation {
        optional {
            /// A failed test is no failure.
            ignore_test_failures: Option<bool>;
            /// Remediate after the last try too.
            remediate_last_failure: Option<bool>;
            /// How often to try again; below 0 means always.
            retries: i64 => any_width();
            /// How to get back.
            strategy: Option<RemediationStrategy>;
        }
    }

    /// What to do when an upgrade fails, beyond remediation.
    UpgradeActionStrategy {
        required {
            /// Which way.
            name: ActionStrategyName;
        }
        optional {
            /// How soon to try again.
            retry_interval: Option<GoDuration> => pattern(ANY_UNIT);
        }
        rules {
            ".retryInterval can only be set when .name is 'RetryOnFailure'"
                => "!has(self.retryInterval) || self.name == 'RetryOnFailure'";
        }
    }

    /// How to roll back.
    Rollback {
        optional {
            /// Delete new objects when it fails.
            cleanup_on_fail: bool;
            /// Run no hooks.
            disable_hooks: bool;
            /// Do not wait.
            disable_wait: bool;
            /// Do not wait for jobs.
            disable_wait_for_jobs: bool;
            /// Replace objects instead of changing them.
            force: bool;
            /// Restart Pods.
            recreate: bool;
            /// Apply on the server.
            server_side_apply: Option<ServerSideApplyMode>;
            /// How long it may take.
            timeout: Option<GoDuration> => pattern(ANY_UNIT);
        }
    }

    /// How to uninstall.
    Uninstall {
        optional {
            /// What becomes of dependents.
            deletion_propagation: Option<DeletionPropagation> => default("background");
            /// Run no hooks.
            disable_hooks: bool;
            /// Do not wait.
            disable_wait: bool;
            /// Keep Helm's records.
            keep_history: bool;
            /// How long it may take.
            timeout: Option<GoDuration> => pattern(ANY_UNIT);
        }
    }

    /// How to test.
    Test {
        optional {
            /// Test after install and upgrade.
            enable: bool;
            /// Which tests.
            filters: Vec<TestFilter>;
            /// A failed test is no failure.
            ignore_failures: bool;
            /// How long it may take.
            timeout: Option<GoDuration> => pattern(ANY_UNIT);
        }
    }

    /// A test to run or to leave out.
    TestFilter {
        required {
            /// Its name.
            name: String => length(1, 253);
        }
        optional {
            /// Leave it out.
            exclude: bool;
        }
    }

    /// What to change after rendering.
    PostRenderer {
        optional {
            /// By kustomize.
            kustomize: Option<KustomizeRenderer>;
        }
    }

    /// What kustomize changes after rendering.
    KustomizeRenderer {
        optional {
            /// Images to replace.
            images: Vec<Image>;
            /// Patches.
            patches: Vec<Patch>;
        }
    }

    /// An object that holds values.
    ValuesReference {
        required {
            /// ConfigMap or Secret.
            kind: ValuesSource;
            /// Its name.
            name: String => length(1, 253);
        }
        optional {
            /// The value is text, whatever it looks like.
            literal: bool;
            /// It need not be there.
            optional: bool;
            /// Where a single value goes.
            target_path: String => max_length(250).pattern(r"^([a-zA-Z0-9_\-.\\\/]|\[[0-9]{1,5}\])+$");
            /// The key; by default `values.yaml`.
            values_key: String => max_length(253).pattern(r"^[\-._a-zA-Z0-9]+$");
        }
    }

    /// How to wait.
    WaitStrategy {
        required {
            /// Which way.
            name: WaitStrategyName;
        }
    }

    /// What a HelmRelease's controller says.
    HelmReleaseStatus {
        optional {
            /// Conditions.
            conditions: Vec<Condition>;
            /// Failures since the last success.
            failures: i64;
            /// The HelmChart, as `namespace/name`.
            helm_chart: String;
            /// Releases, newest first.
            history: Vec<ReleaseSnapshot>;
            /// Failed installs since the last success.
            install_failures: i64;
            /// What the release consists of.
            inventory: Option<ResourceInventory>;
            /// Digest of the values that were tried last.
            last_attempted_config_digest: String;
            /// The generation that was tried last.
            last_attempted_generation: i64;
            /// The action that was tried last.
            last_attempted_release_action: Option<ReleaseAction>;
            /// How long it took.
            last_attempted_release_action_duration: Option<GoDuration>;
            /// The chart's version that was tried last.
            last_attempted_revision: String;
            /// The digest of the chart that was tried last.
            last_attempted_revision_digest: String;
            /// Digest of the values that were tried last, as older versions wrote it.
            last_attempted_values_checksum: String;
            /// The request to force that was handled last.
            last_handled_force_at: String;
            /// The request that was handled last.
            last_handled_reconcile_at: String;
            /// The request to reset that was handled last.
            last_handled_reset_at: String;
            /// The revision of the last release, as older versions wrote it.
            last_release_revision: i64 => any_width();
            /// Digest of `commonMetadata`, as it was.
            observed_common_metadata_digest: String;
            /// The generation that was handled last.
            observed_generation: i64;
            /// Digest of `postRenderers`, as they were.
            observed_post_renderers_digest: String;
            /// Where Helm keeps its records.
            storage_namespace: String => length(1, 63);
            /// Failed upgrades since the last success.
            upgrade_failures: i64;
        }
    }

    /// A release.
    ReleaseSnapshot {
        required {
            /// The chart's name.
            chart_name: String;
            /// The chart's version.
            chart_version: String;
            /// Digest of the values.
            config_digest: String;
            /// Digest of the release.
            digest: String;
            /// When it was first deployed.
            first_deployed: Time;
            /// When it was last deployed.
            last_deployed: Time;
            /// Its name.
            name: String;
            /// Its namespace.
            namespace: String;
            /// What Helm says of it.
            status: String;
            /// Its revision.
            version: i64 => any_width();
        }
        optional {
            /// The action that made it.
            action: Option<String>;
            /// The form of this entry.
            api_version: String;
            /// The application's version.
            app_version: String;
            /// When it was deleted.
            deleted: Option<Time>;
            /// Digest of the OCI artifact.
            oci_digest: String;
            /// Tests that ran.
            test_hooks: BTreeMap<String, TestHookStatus>;
        }
    }

    /// A test that ran.
    TestHookStatus {
        optional {
            /// When it ended.
            last_completed: Option<Time>;
            /// When it started.
            last_started: Option<Time>;
            /// How it went.
            phase: String;
        }
    }
}

choice! {
    /// A kind that is a chart.
    ChartReferenceKind {
        /// OCIRepository.
        OciRepository = "OCIRepository",
        /// HelmChart.
        HelmChart = "HelmChart",
        /// ExternalArtifact.
        ExternalArtifact = "ExternalArtifact",
    }

    /// Whether to look for changes by hand, and whether to correct.
    DriftDetectionMode {
        /// Look and correct.
        Enabled = "enabled",
        /// Look and tell.
        Warn = "warn",
        /// Do not look.
        Disabled = "disabled",
    }

    /// What to do with a chart's CRDs.
    CrdsPolicy {
        /// Nothing.
        Skip = "Skip",
        /// Create those that are not there.
        Create = "Create",
        /// Create or replace.
        CreateReplace = "CreateReplace",
    }

    /// What to do when an action fails.
    ActionStrategyName {
        /// Remediate.
        RemediateOnFailure = "RemediateOnFailure",
        /// Try again.
        RetryOnFailure = "RetryOnFailure",
    }

    /// What to do when the chart's name changes.
    ChartNameChangeStrategy {
        /// Upgrade.
        InPlaceUpdate = "InPlaceUpdate",
        /// Uninstall, then install.
        Reinstall = "Reinstall",
    }

    /// How to get back.
    RemediationStrategy {
        /// To the release before.
        Rollback = "rollback",
        /// To nothing.
        Uninstall = "uninstall",
    }

    /// Whether to apply on the server.
    ServerSideApplyMode {
        /// Yes.
        Enabled = "enabled",
        /// No.
        Disabled = "disabled",
        /// As the release before.
        Auto = "auto",
    }

    /// What becomes of dependents.
    DeletionPropagation {
        /// Deleted after.
        Background = "background",
        /// Deleted before.
        Foreground = "foreground",
        /// Kept.
        Orphan = "orphan",
    }

    /// How hooks go through post-renderers.
    PostRenderStrategy {
        /// Not at all.
        NoHooks = "nohooks",
        /// With everything else.
        Combined = "combined",
        /// On their own.
        Separate = "separate",
    }

    /// How to wait.
    WaitStrategyName {
        /// As a Kustomization does.
        Poller = "poller",
        /// As Helm 3 did.
        Legacy = "legacy",
    }

    /// An action that was tried.
    ReleaseAction {
        /// Install.
        Install = "install",
        /// Upgrade.
        Upgrade = "upgrade",
    }
}
