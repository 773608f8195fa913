//! `HelmChart`: one chart of a source.

use crate::condition::Condition;
use crate::duration::{ANY_UNIT, GoDuration};
use crate::kind::{Column, Kind, StatusForm, Words, resource};
use crate::reference::{
    Artifact, ChartSourceKind, LocalObjectReference, OidcIdentityMatch, ReconcileStrategy,
    VerificationProvider,
};
use crate::schema::{Schema, object};

resource! {
    /// One chart of a source.
    HelmChart: HELM_CHART, HelmChartSpec, HelmChartStatus
}

/// The row of [`HelmChart`].
pub static HELM_CHART: Kind = Kind {
    group: "source.toolkit.fluxcd.io",
    version: "v1",
    legacy: &[],
    kind: "HelmChart",
    plural: "helmcharts",
    singular: "helmchart",
    short_names: &["hc"],
    category: "fluxcd-sources",
    columns: &[
        Column::text("Chart", ".spec.chart"),
        Column::text("Version", ".spec.version"),
        Column::text("Source Kind", ".spec.sourceRef.kind"),
        Column::text("Source Name", ".spec.sourceRef.name"),
        Column::AGE,
        Column::READY,
        Column::STATUS,
    ],
    status: StatusForm::Observed,
    substitute_disabled: true,
    cli: Words {
        noun: "source chart",
        aliases: &[],
        get: "sources chart",
        human: "source chart",
        controller: "source-controller",
        is_static: false,
    },
    spec_schema: HelmChartSpec::schema,
    status_schema: Some(HelmChartStatus::schema),
};

object! {
    /// What a HelmChart wants.
    HelmChartSpec {
        required {
            /// The chart's name, or its path in the source.
            chart: String;
            /// How often to look for something new.
            interval: GoDuration => pattern(ANY_UNIT);
            /// The source.
            source_ref: HelmChartSourceReference;
        }
        optional {
            /// A values file that is not there is no error.
            ignore_missing_values_files: bool;
            /// When to pack again.
            reconcile_strategy: Option<ReconcileStrategy> => default("ChartVersion");
            /// Do nothing.
            suspend: bool;
            /// Values files to merge into the chart's own, the later over the earlier.
            values_files: Vec<String>;
            /// Whose signatures are wanted.
            verify: Option<HelmChartVerification>;
            /// A version or a range of them.
            version: String => default("*");
        }
        rules {
            "spec.verify is only supported when spec.sourceRef.kind is 'HelmRepository'"
                => "!has(self.verify) || self.sourceRef.kind == 'HelmRepository'";
        }
    }

    /// A source of charts, of the same namespace.
    HelmChartSourceReference {
        required {
            /// Its kind.
            kind: ChartSourceKind;
            /// Its name.
            name: String;
        }
        optional {
            /// Its API version.
            api_version: String;
        }
    }

    /// Whose signatures are wanted on a chart.
    HelmChartVerification {
        required {
            /// Who signs.
            provider: VerificationProvider => default("cosign");
        }
        optional {
            /// Identities, any of which is enough; without keys.
            match_oidc_identity as "matchOIDCIdentity": Vec<OidcIdentityMatch>;
            /// The Secret with the public keys.
            secret_ref: Option<LocalObjectReference>;
        }
    }

    /// What a HelmChart's controller says.
    HelmChartStatus {
        optional {
            /// What was packed last.
            artifact: Option<Artifact>;
            /// Conditions.
            conditions: Vec<Condition>;
            /// The request that was handled last.
            last_handled_reconcile_at: String;
            /// The name the chart gives itself.
            observed_chart_name: String;
            /// The generation that was handled last.
            observed_generation: i64;
            /// The source's revision that was packed last.
            observed_source_artifact_revision: String;
            /// `valuesFiles` as they were for the artifact.
            observed_values_files: Vec<String>;
            /// Where the newest artifact is served.
            url: String;
        }
    }
}
