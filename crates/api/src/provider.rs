//! `Provider`: where notifications go.

use crate::duration::{ANY_UNIT, GoDuration, NO_HOURS};
use crate::kind::{Column, Kind, StatusForm, Words, resource};
use crate::reference::LocalObjectReference;
use crate::schema::{Schema, choice, object};

resource! {
    /// Where notifications go.
    Provider: PROVIDER, ProviderSpec
}

/// The row of [`Provider`].
pub static PROVIDER: Kind = Kind {
    group: "notification.toolkit.fluxcd.io",
    version: "v1beta3",
    legacy: &[],
    kind: "Provider",
    plural: "providers",
    singular: "provider",
    short_names: &[],
    category: "fluxcd-notifications",
    columns: &[Column::AGE],
    status: StatusForm::Absent,
    substitute_disabled: true,
    cli: Words {
        noun: "alert-provider",
        aliases: &[],
        get: "alert-providers",
        human: "alert provider",
        controller: "notification-controller",
        is_static: true,
    },
    spec_schema: ProviderSpec::schema,
    status_schema: None,
};

object! {
    /// What a Provider is.
    ProviderSpec {
        required {
            /// Which service.
            r#type: ProviderType;
        }
        optional {
            /// The service's address.
            address: String => max_length(2048);
            /// The Secret with certificates.
            cert_secret_ref: Option<LocalObjectReference>;
            /// The channel, or what the service calls one.
            channel: String => max_length(2048);
            /// CEL that gives a commit status its id.
            commit_status_expr: String;
            /// Accepted, never looked at.
            interval: Option<GoDuration> => pattern(ANY_UNIT);
            /// A proxy's address; `proxySecretRef` is the newer way.
            proxy: String => max_length(2048).pattern("^(http|https)://.*$");
            /// The Secret with a proxy's address and credentials.
            proxy_secret_ref: Option<LocalObjectReference>;
            /// The Secret with address and credentials.
            secret_ref: Option<LocalObjectReference>;
            /// The ServiceAccount whose cloud identity is used.
            service_account_name: String;
            /// Do nothing.
            suspend: bool;
            /// How long sending may take.
            timeout: Option<GoDuration> => pattern(NO_HOURS);
            /// The name to post under.
            username: String => max_length(2048);
        }
        rules {
            "spec.commitStatusExpr is only supported for the 'github', 'gitlab', 'gitea', 'bitbucketserver', 'bitbucket', 'azuredevops' provider types"
                => "self.type == 'github' || self.type == 'gitlab' || self.type == 'gitea' || self.type == 'bitbucketserver' || self.type == 'bitbucket' || self.type == 'azuredevops' || !has(self.commitStatusExpr)";
        }
    }
}

choice! {
    /// A service that takes notifications.
    ProviderType {
        /// Slack.
        Slack = "slack",
        /// Discord.
        Discord = "discord",
        /// Microsoft Teams.
        MsTeams = "msteams",
        /// Rocket.Chat.
        Rocket = "rocket",
        /// Any webhook.
        Generic = "generic",
        /// Any webhook, signed.
        GenericHmac = "generic-hmac",
        /// Commit status on GitHub.
        Github = "github",
        /// Commit status on GitLab.
        Gitlab = "gitlab",
        /// Commit status on Gitea.
        Gitea = "gitea",
        /// Comment on a pull request of Gitea.
        GiteaPullRequestComment = "giteapullrequestcomment",
        /// Commit status on Bitbucket Server.
        BitbucketServer = "bitbucketserver",
        /// Commit status on Bitbucket.
        Bitbucket = "bitbucket",
        /// Commit status on Azure DevOps.
        AzureDevOps = "azuredevops",
        /// Google Chat.
        GoogleChat = "googlechat",
        /// Google Pub/Sub.
        GooglePubSub = "googlepubsub",
        /// Webex.
        Webex = "webex",
        /// Sentry.
        Sentry = "sentry",
        /// Azure Event Hubs.
        AzureEventHub = "azureeventhub",
        /// Telegram.
        Telegram = "telegram",
        /// Lark.
        Lark = "lark",
        /// Matrix.
        Matrix = "matrix",
        /// Opsgenie.
        Opsgenie = "opsgenie",
        /// Alertmanager.
        Alertmanager = "alertmanager",
        /// Annotations in Grafana.
        Grafana = "grafana",
        /// Repository dispatch on GitHub.
        GithubDispatch = "githubdispatch",
        /// Comment on a pull request of GitHub.
        GithubPullRequestComment = "githubpullrequestcomment",
        /// Comment on a merge request of GitLab.
        GitlabMergeRequestComment = "gitlabmergerequestcomment",
        /// PagerDuty.
        PagerDuty = "pagerduty",
        /// Datadog.
        Datadog = "datadog",
        /// NATS.
        Nats = "nats",
        /// Zulip.
        Zulip = "zulip",
        /// OpenTelemetry.
        Otel = "otel",
        /// Zoom.
        Zoom = "zoom",
        /// incident.io.
        IncidentIo = "incident.io",
    }
}
