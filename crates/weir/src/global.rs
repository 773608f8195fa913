//! Flags that every command has: upstream's, and `--fleet`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use api::names::DEFAULT_NAMESPACE;
use cluster::remote::{self, Connected, Impersonate, Tls};

use crate::{environment, terminal};

/// Flags that every command has
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Global flags")]
pub(crate) struct Global {
    /// Namespace of the objects; FLUX_SYSTEM_NAMESPACE changes the default
    #[arg(short, long, global = true, value_name = "NAME", default_value_t = default_namespace(), hide_default_value = true)]
    pub(crate) namespace: String,
    /// Take the namespace of the kubeconfig's context instead (FLUX_NS_FOLLOWS_KUBE_CONTEXT)
    #[arg(long, global = true)]
    pub(crate) ns_follows_kube_context: bool,
    /// How long the command may take
    #[arg(long, global = true, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Print more about what happens
    #[arg(long, global = true)]
    pub(crate) verbose: bool,
    /// Act on this cluster of a running fleet
    #[arg(long, global = true, value_name = "NAME", conflicts_with_all = ["kubeconfig", "context"])]
    pub(crate) fleet: Option<String>,
    /// Kubeconfig file, instead of those that KUBECONFIG lists or ~/.kube/config
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Cluster entry of the kubeconfig
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) cluster: Option<String>,
    /// User entry of the kubeconfig
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Address of the API server
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Bearer token to authenticate with
    #[arg(long, global = true, value_name = "TOKEN")]
    pub(crate) token: Option<String>,
    /// User to impersonate
    #[arg(long = "as", global = true, value_name = "USER")]
    pub(crate) as_user: Option<String>,
    /// Group to impersonate; may be repeated
    #[arg(long, global = true, value_name = "GROUP", requires = "as_user")]
    pub(crate) as_group: Vec<String>,
    /// UID to impersonate
    #[arg(long, global = true, value_name = "UID", requires = "as_user")]
    pub(crate) as_uid: Option<String>,
    /// Extra of the user to impersonate, as key=value; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE", requires = "as_user", value_parser = pair)]
    pub(crate) as_user_extra: Vec<(String, String)>,
    /// Name that the server's certificate is for
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) tls_server_name: Option<String>,
    /// File with the authorities to trust
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) certificate_authority: Option<PathBuf>,
    /// File with the client certificate to show
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) client_certificate: Option<PathBuf>,
    /// File with its key
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) client_key: Option<PathBuf>,
    /// Trust whoever answers
    #[arg(long, global = true)]
    pub(crate) insecure_skip_tls_verify: bool,
    /// Accepted for scripts; discovery is not cached
    #[arg(long, global = true, value_name = "PATH", hide = true)]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Accepted for scripts; answers are never compressed
    #[arg(long, global = true, hide = true)]
    pub(crate) disable_compression: bool,
    /// Accepted for scripts; requests are not throttled
    #[arg(long, global = true, value_name = "N", hide = true)]
    pub(crate) kube_api_qps: Option<f32>,
    /// Accepted for scripts; requests are not throttled
    #[arg(long, global = true, value_name = "N", hide = true)]
    pub(crate) kube_api_burst: Option<u32>,
}

/// A Go duration, such as `5m` or `300ms`; `0` is none.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    text.parse::<api::GoDuration>()
        .map(api::GoDuration::to_std)
        .map_err(|error| error.to_string())
}

/// `key=value`.
fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} is not key=value"))?;
    Ok((key.into(), value.into()))
}

/// A DNS label (RFC 1123): what a namespace's name is.
fn is_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len())
        && name.bytes().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// `FLUX_SYSTEM_NAMESPACE` where it is a namespace, else upstream's default.
pub(crate) fn default_namespace() -> String {
    environment::variable("FLUX_SYSTEM_NAMESPACE")
        .filter(|name| is_label(name))
        .unwrap_or_else(|| DEFAULT_NAMESPACE.into())
}

impl Global {
    /// What can be said without a server: a namespace that is none.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        if let Some(name) =
            environment::variable("FLUX_SYSTEM_NAMESPACE").filter(|name| !is_label(name))
        {
            terminal::warning(&format!(
                "ignoring FLUX_SYSTEM_NAMESPACE: namespace must be a valid DNS label: {name:?}"
            ));
        }
        if !is_label(&self.namespace) {
            bail!("namespace must be a valid DNS label: {:?}", self.namespace);
        }
        Ok(())
    }

    /// Finds the server that the flags, the environment and the kubeconfigs name.
    pub(crate) async fn connect(&self) -> anyhow::Result<Connected> {
        let options = remote::Options {
            files: self.files()?,
            context: self.context.clone(),
            cluster: self.cluster.clone(),
            user: self.user.clone(),
            server: self.server.clone(),
            token: self.token.clone(),
            impersonate: Impersonate {
                user: self.as_user.clone(),
                uid: self.as_uid.clone(),
                groups: self.as_group.clone(),
                extra: self.as_user_extra.clone(),
            },
            tls: Tls {
                server_name: self.tls_server_name.clone(),
                authority: self.certificate_authority.clone(),
                certificate: self.client_certificate.clone(),
                key: self.client_key.clone(),
                insecure: self.insecure_skip_tls_verify,
            },
        };
        Ok(remote::connect(&options).await?)
    }

    fn files(&self) -> anyhow::Result<Vec<PathBuf>> {
        if let Some(fleet) = &self.fleet {
            if fleet.is_empty() || fleet.contains(['/', '\\']) || fleet == ".." {
                bail!("{fleet:?} is no name of a fleet's cluster");
            }
            let file = environment::fleet_kubeconfig(fleet)
                .context("neither XDG_STATE_HOME nor HOME is set")?;
            if !file.exists() {
                bail!(
                    "no fleet runs cluster {fleet}: {} does not exist",
                    file.display()
                );
            }
            return Ok(vec![file]);
        }
        match &self.kubeconfig {
            Some(file) if !file.exists() => {
                bail!("stat {}: no such file or directory", file.display())
            }
            Some(file) => Ok(vec![file.clone()]),
            None => Ok(environment::kubeconfigs()),
        }
    }

    /// The namespace to act in.
    pub(crate) fn namespace_on(&self, connected: &Connected) -> String {
        if self.ns_follows_kube_context || environment::is_on("FLUX_NS_FOLLOWS_KUBE_CONTEXT") {
            return connected
                .namespace
                .clone()
                .unwrap_or_else(|| self.namespace.clone());
        }
        self.namespace.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_a_dns_label() {
        for good in ["flux-system", "a", "team-1"] {
            assert!(is_label(good), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a.b", "a_b", &"a".repeat(64)] {
            assert!(!is_label(bad), "{bad}");
        }
    }

    #[test]
    fn durations_are_gos() {
        assert_eq!(duration("300ms"), Ok(Duration::from_millis(300)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        assert!(duration("5").is_err());
    }
}
