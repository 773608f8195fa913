//! Names that are contracts: condition types, reasons, annotations, labels, finalizers, field managers.

/// Condition: the object is reconciled.
pub const READY: &str = "Ready";
/// Condition: reconciliation cannot go on without somebody's help; present only when true.
pub const STALLED: &str = "Stalled";
/// Condition: reconciliation is going on; present only when true.
pub const RECONCILING: &str = "Reconciling";
/// Condition: the last health assessment.
pub const HEALTHY: &str = "Healthy";
/// Condition of a source: its artifact lies in storage.
pub const ARTIFACT_IN_STORAGE: &str = "ArtifactInStorage";
/// Condition of a source: its artifact is older than what is there; present only when true.
pub const ARTIFACT_OUTDATED: &str = "ArtifactOutdated";
/// Condition of a source: its signature was verified.
pub const SOURCE_VERIFIED: &str = "SourceVerified";
/// Condition of a source: fetching failed; present only when true.
pub const FETCH_FAILED: &str = "FetchFailed";
/// Condition of a source: building failed; present only when true.
pub const BUILD_FAILED: &str = "BuildFailed";
/// Condition of a source: storing failed; present only when true.
pub const STORAGE_OPERATION_FAILED: &str = "StorageOperationFailed";
/// Condition of a Git source: an included source is not available; present only when true.
pub const INCLUDE_UNAVAILABLE: &str = "IncludeUnavailable";

/// Reasons of conditions and events, in upstream's spelling.
pub mod reason {
    /// It worked.
    pub const SUCCEEDED: &str = "Succeeded";
    /// It did not.
    pub const FAILED: &str = "Failed";
    /// It is going on.
    pub const PROGRESSING: &str = "Progressing";
    /// It goes on after a failure.
    pub const PROGRESSING_WITH_RETRY: &str = "ProgressingWithRetry";
    /// Suspended.
    pub const SUSPENDED: &str = "Suspended";
    /// A dependency is not ready.
    pub const DEPENDENCY_NOT_READY: &str = "DependencyNotReady";
    /// The path does not exist or leaves the artifact.
    pub const INVALID_PATH: &str = "InvalidPath";
    /// The URL cannot be used.
    pub const INVALID_URL: &str = "InvalidURL";
    /// Insecure connections are not allowed.
    pub const INSECURE_CONNECTIONS_DISALLOWED: &str = "InsecureConnectionsDisallowed";
    /// The protocol is not known.
    pub const UNSUPPORTED_CONNECTION_TYPE: &str = "UnsupportedConnectionType";
    /// Pruning failed.
    pub const PRUNE_FAILED: &str = "PruneFailed";
    /// The source's artifact could not be had.
    pub const ARTIFACT_FAILED: &str = "ArtifactFailed";
    /// The build failed.
    pub const BUILD_FAILED: &str = "BuildFailed";
    /// A health check failed.
    pub const HEALTH_CHECK_FAILED: &str = "HealthCheckFailed";
    /// A health check was given up for a newer revision.
    pub const HEALTH_CHECK_CANCELED: &str = "HealthCheckCanceled";
    /// Reconciliation worked.
    pub const RECONCILIATION_SUCCEEDED: &str = "ReconciliationSucceeded";
    /// Reconciliation failed.
    pub const RECONCILIATION_FAILED: &str = "ReconciliationFailed";
    /// A CEL expression is wrong.
    pub const INVALID_CEL_EXPRESSION: &str = "InvalidCELExpression";
    /// The feature's gate is off.
    pub const FEATURE_GATE_DISABLED: &str = "FeatureGateDisabled";
    /// A reference across namespaces is not allowed.
    pub const ACCESS_DENIED: &str = "AccessDenied";
    /// A source's URL is wrong.
    pub const URL_INVALID: &str = "URLInvalid";
    /// Credentials are missing or refused.
    pub const AUTHENTICATION_FAILED: &str = "AuthenticationFailed";
    /// A signature could not be verified.
    pub const VERIFICATION_ERROR: &str = "VerificationError";
    /// The artifact is up to date.
    pub const ARTIFACT_UP_TO_DATE: &str = "ArtifactUpToDate";
    /// A Git operation worked.
    pub const GIT_OPERATION_SUCCEEDED: &str = "GitOperationSucceeded";
    /// A Git operation failed.
    pub const GIT_OPERATION_FAILED: &str = "GitOperationFailed";
    /// A new artifact was stored.
    pub const NEW_ARTIFACT: &str = "NewArtifact";
    /// Reading failed.
    pub const READ_OPERATION_FAILED: &str = "ReadOperationFailed";
    /// Packing failed.
    pub const ARCHIVE_OPERATION_FAILED: &str = "ArchiveOperationFailed";
}

/// Finalizer of every toolkit kind but ArtifactGenerator.
pub const FINALIZER: &str = "finalizers.fluxcd.io";
/// Finalizer of an ArtifactGenerator.
pub const GENERATOR_FINALIZER: &str = "source.extensions.fluxcd.io/finalizer";

/// Annotation: reconcile now; its value is a token that is only compared.
pub const RECONCILE_REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";
/// Annotation of a HelmRelease: force an upgrade, if the token equals the one of [`RECONCILE_REQUESTED_AT`].
pub const FORCE_AT: &str = "reconcile.fluxcd.io/forceAt";
/// Annotation of a HelmRelease: reset its failures, if the token equals the one of [`RECONCILE_REQUESTED_AT`].
pub const RESET_AT: &str = "reconcile.fluxcd.io/resetAt";
/// Annotation: `disabled` stops the reconciliation of an object or a generator.
pub const RECONCILE: &str = "kustomize.toolkit.fluxcd.io/reconcile";
/// Annotation: `enabled` recreates the object on immutable fields.
pub const FORCE: &str = "kustomize.toolkit.fluxcd.io/force";
/// Annotation: `disabled` keeps the object when it leaves the build.
pub const PRUNE: &str = "kustomize.toolkit.fluxcd.io/prune";
/// Annotation: how the object is applied: `Override`, `Merge`, `IfNotPresent`, `Ignore`.
pub const SSA: &str = "kustomize.toolkit.fluxcd.io/ssa";
/// Annotation: `disabled` leaves `${…}` in the object alone.
pub const SUBSTITUTE: &str = "kustomize.toolkit.fluxcd.io/substitute";
/// Label of an applied object: the Kustomization's name.
pub const OWNER_NAME: &str = "kustomize.toolkit.fluxcd.io/name";
/// Label of an applied object: the Kustomization's namespace.
pub const OWNER_NAMESPACE: &str = "kustomize.toolkit.fluxcd.io/namespace";
/// Label of a ConfigMap or Secret whose changes reconcile their users at once: `Enabled`.
pub const WATCH: &str = "reconcile.fluxcd.io/watch";

/// Label of everything that an installation consists of: `flux`.
pub const PART_OF: &str = "app.kubernetes.io/part-of";
/// Label: the installation's namespace.
pub const INSTANCE: &str = "app.kubernetes.io/instance";
/// Label: the toolkit's version.
pub const VERSION: &str = "app.kubernetes.io/version";
/// Label: which controller.
pub const COMPONENT: &str = "app.kubernetes.io/component";

/// Field manager of what a Kustomization applies.
pub const KUSTOMIZE_MANAGER: &str = "kustomize-controller";
/// Field manager of a Kustomization's status.
pub const KUSTOMIZE_STATUS_MANAGER: &str = "gotk-kustomize-controller";
/// Field manager of source-controller.
pub const SOURCE_MANAGER: &str = "source-controller";
/// Field manager of `install` and `bootstrap`.
pub const INSTALL_MANAGER: &str = "flux";
/// Where the toolkit runs unless told otherwise.
pub const DEFAULT_NAMESPACE: &str = "flux-system";
