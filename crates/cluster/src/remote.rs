//! A server outside this process: kube's client as the transport, found by kubeconfig.
//!
//! Everything that decides where to connect is an argument ([`Options`]); neither the environment nor the home directory is read here. A child
//! process is started only where the kubeconfig's user names an exec plugin, which is that user's own choice.

use std::path::{Path, PathBuf};

use http_body_util::BodyExt;
use kube::client::{Body as KubeBody, ClientBuilder};
use kube::config::{AuthInfo, Config, KubeConfigOptions, Kubeconfig};
use tower::service_fn;

use crate::{Body, BoxError, Transport};

/// Where to connect and as whom, over what the kubeconfig says.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The kubeconfig files, of which the first that says something wins; those that do not exist are passed over.
    pub files: Vec<PathBuf>,
    /// The context, else the current one.
    pub context: Option<String>,
    /// The cluster entry, else the context's.
    pub cluster: Option<String>,
    /// The user entry, else the context's.
    pub user: Option<String>,
    /// The server's address.
    pub server: Option<String>,
    /// A bearer token; it replaces every other credential.
    pub token: Option<String>,
    /// What to impersonate.
    pub impersonate: Impersonate,
    /// What to trust and to show.
    pub tls: Tls,
}

/// An identity that the server is asked to treat the caller as.
#[derive(Clone, Debug, Default)]
pub struct Impersonate {
    /// Its name.
    pub user: Option<String>,
    /// Its uid.
    pub uid: Option<String>,
    /// Its groups.
    pub groups: Vec<String>,
    /// More about it: key and value.
    pub extra: Vec<(String, String)>,
}

/// What to trust and to show.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// The name that the server's certificate is for.
    pub server_name: Option<String>,
    /// A file with the authorities to trust.
    pub authority: Option<PathBuf>,
    /// A file with the certificate to show.
    pub certificate: Option<PathBuf>,
    /// A file with its key.
    pub key: Option<PathBuf>,
    /// Whether to trust whoever answers.
    pub insecure: bool,
}

/// A server that requests can be sent to.
#[derive(Clone)]
pub struct Connected {
    /// Sends requests there.
    pub transport: Transport,
    /// The kubeconfig's context; empty where there is none.
    pub context: String,
    /// The server's address.
    pub server: String,
    /// The context's namespace, where it has one.
    pub namespace: Option<String>,
}

impl std::fmt::Debug for Connected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connected")
            .field("context", &self.context)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

/// Why there is nothing to send requests to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No file, and no server named.
    #[error("no kubeconfig{}; name one by --kubeconfig or $KUBECONFIG", missing(.0))]
    NoKubeconfig(Vec<PathBuf>),
    /// The kubeconfig cannot be used.
    #[error("kubeconfig{}: {message}", place(.path.as_deref()))]
    Kubeconfig {
        /// The file, where it is one file's fault.
        path: Option<PathBuf>,
        /// What is wrong with it.
        message: String,
    },
    /// The context has no server, or does not exist.
    #[error("context {0:?} does not exist")]
    NoContext(String),
    /// Contexts, but none is the current one.
    #[error("the kubeconfig has no current context; name one of its contexts: {}", .0.join(", "))]
    NoCurrentContext(Vec<String>),
    /// A file that a flag names.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        source: std::io::Error,
    },
    /// What is given does not make a connection.
    #[error("kubernetes client initialization failed: {0}")]
    Client(String),
}

fn missing(files: &[PathBuf]) -> String {
    let files: Vec<_> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    if files.is_empty() {
        return String::new();
    }
    format!(": {} not found, or empty", files.join(", "))
}

fn place(path: Option<&Path>) -> String {
    path.map(|path| format!(" {}", path.display()))
        .unwrap_or_default()
}

/// An error and what is behind it, in one line: pictures of the text that was read are left out.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = first_line(&error.to_string());
    let mut source = error.source();
    while let Some(error) = source {
        let more = first_line(&error.to_string());
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = error.source();
    }
    text
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// Finds the server and makes a transport to it. Nothing is sent yet, but an exec plugin of the kubeconfig's user runs.
///
/// # Errors
/// See [`Error`]. Needs a Tokio runtime.
pub async fn connect(options: &Options) -> Result<Connected, Error> {
    let kubeconfig = read(&options.files)?;
    let context = options
        .context
        .clone()
        .or_else(|| kubeconfig.current_context.clone())
        .unwrap_or_default();
    let entry = kubeconfig
        .contexts
        .iter()
        .find(|named| named.name == context)
        .and_then(|named| named.context.as_ref());
    let namespace = entry
        .and_then(|entry| entry.namespace.clone())
        .filter(|namespace| !namespace.is_empty());
    let mut config = if entry.is_some() {
        // kube would take a proxy from the environment, which is not read here.
        let cluster = options
            .cluster
            .as_ref()
            .or(entry.map(|entry| &entry.cluster))
            .cloned();
        let proxied = kubeconfig.clusters.iter().any(|named| {
            Some(&named.name) == cluster.as_ref()
                && named
                    .cluster
                    .as_ref()
                    .and_then(|cluster| cluster.proxy_url.as_deref())
                    .is_some_and(|url| !url.is_empty())
        });
        let choice = KubeConfigOptions {
            context: Some(context.clone()),
            cluster,
            user: options.user.clone(),
        };
        let config = Config::from_custom_kubeconfig(kubeconfig, &choice).await;
        let mut config = config.map_err(|error| Error::Kubeconfig {
            path: None,
            message: chain(&error),
        })?;
        if !proxied {
            config.proxy_url = None;
        }
        config
    } else if options.context.is_some() || (!context.is_empty() && options.server.is_none()) {
        return Err(Error::NoContext(context));
    } else if let Some(server) = &options.server {
        Config::new(address(server)?)
    } else if kubeconfig.contexts.is_empty() {
        return Err(Error::NoKubeconfig(options.files.clone()));
    } else {
        let names = kubeconfig.contexts.into_iter().map(|named| named.name);
        return Err(Error::NoCurrentContext(names.collect()));
    };
    override_config(&mut config, options)?;
    let server = config
        .cluster_url
        .to_string()
        .trim_end_matches('/')
        .to_owned();
    let plugin = config.auth_info.exec.as_ref();
    let plugin = plugin.and_then(|exec| exec.command.clone());
    let client = ClientBuilder::try_from(config).map_err(|error| {
        let plugin = plugin.map(|plugin| format!("exec plugin {plugin}: "));
        Error::Client(format!("{}{}", plugin.unwrap_or_default(), chain(&error)))
    })?;
    Ok(Connected {
        transport: transport(client.build(), server.clone()),
        context,
        server,
        namespace,
    })
}

/// The files that exist, merged: what a file says, no later one changes.
fn read(files: &[PathBuf]) -> Result<Kubeconfig, Error> {
    let mut merged = Kubeconfig::default();
    for file in files.iter().filter(|file| file.exists()) {
        let next = Kubeconfig::read_from(file).and_then(|next| merged.merge(next));
        merged = next.map_err(|error| Error::Kubeconfig {
            path: Some(file.clone()),
            message: chain(&error),
        })?;
    }
    Ok(merged)
}

fn override_config(config: &mut Config, options: &Options) -> Result<(), Error> {
    if let Some(server) = &options.server {
        config.cluster_url = address(server)?;
    }
    let tls = &options.tls;
    if let Some(path) = &tls.authority {
        config.root_cert = None;
        config.root_cert_file = Some(readable(path)?);
    }
    if let Some(name) = &tls.server_name {
        config.tls_server_name = Some(name.clone());
    }
    if tls.insecure {
        config.accept_invalid_certs = true;
    }
    let auth = &mut config.auth_info;
    if let Some(path) = &tls.certificate {
        auth.client_certificate = Some(readable(path)?.display().to_string());
        auth.client_certificate_data = None;
    }
    if let Some(path) = &tls.key {
        auth.client_key = Some(readable(path)?.display().to_string());
        auth.client_key_data = None;
    }
    if let Some(token) = &options.token {
        *auth = AuthInfo {
            token: Some(token.clone().into()),
            ..AuthInfo::default()
        };
    }
    let who = &options.impersonate;
    if who.user.is_some() {
        auth.impersonate = who.user.clone();
    }
    if who.uid.is_some() {
        auth.impersonate_uid = who.uid.clone();
    }
    if !who.groups.is_empty() {
        auth.impersonate_groups = Some(who.groups.clone());
    }
    if !who.extra.is_empty() {
        let mut extra = std::collections::HashMap::<String, Vec<String>>::new();
        for (key, value) in &who.extra {
            extra.entry(key.clone()).or_default().push(value.clone());
        }
        auth.impersonate_user_extra = Some(extra);
    }
    Ok(())
}

fn address(server: &str) -> Result<http::Uri, Error> {
    let with_scheme = if server.contains("://") {
        server.to_owned()
    } else {
        format!("http://{server}")
    };
    with_scheme
        .parse()
        .map_err(|error| Error::Client(format!("{server:?} is no address of a server: {error}")))
}

fn readable(path: &Path) -> Result<PathBuf, Error> {
    match std::fs::metadata(path) {
        Ok(_) => Ok(path.into()),
        Err(source) => Err(Error::File {
            path: path.into(),
            source,
        }),
    }
}

fn transport(client: kube::Client, server: String) -> Transport {
    Transport::new(service_fn(move |request: http::Request<Body>| {
        let (client, server) = (client.clone(), server.clone());
        async move {
            let (head, body) = request.into_parts();
            let bytes = body.collect().await?.to_bytes();
            let answer = client
                .send(http::Request::from_parts(
                    head,
                    KubeBody::from(bytes.to_vec()),
                ))
                .await;
            let answer = answer.map_err(|error| -> BoxError {
                let why = chain(&error);
                let why = why.strip_prefix("ServiceError: ").unwrap_or(&why);
                format!("{server} does not answer: {why}").into()
            })?;
            Ok(answer.map(|body| body.map_err(Into::into).boxed_unsync()))
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "
apiVersion: v1
kind: Config
current-context: a
clusters:
- {name: ca, cluster: {server: 'http://127.0.0.1:1'}}
- {name: cb, cluster: {server: 'http://127.0.0.1:2/base/'}}
contexts:
- {name: a, context: {cluster: ca, user: u, namespace: apps}}
- {name: b, context: {cluster: cb, user: u}}
users:
- {name: u, user: {token: t}}
";

    /// What `connect` finds with `options` on a file that holds `TWO`: context, server, namespace; or the error's text.
    async fn found(mut options: Options) -> String {
        static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("weir-remote-{}-{number}", std::process::id()));
        std::fs::write(&path, TWO).unwrap();
        options.files = vec![PathBuf::from("/nowhere/at/all"), path.clone()];
        let found = connect(&options).await;
        std::fs::remove_file(&path).unwrap();
        match found {
            Ok(found) => format!(
                "{} {} {}",
                found.context,
                found.server,
                found.namespace.unwrap_or_default()
            ),
            Err(error) => error.to_string(),
        }
    }

    fn text(text: &str) -> Option<String> {
        Some(text.into())
    }

    #[tokio::test]
    async fn the_current_context_unless_told_otherwise() {
        assert_eq!(found(Options::default()).await, "a http://127.0.0.1:1 apps");
        assert_eq!(
            found(Options {
                context: text("b"),
                ..Options::default()
            })
            .await,
            "b http://127.0.0.1:2/base "
        );
        assert_eq!(
            found(Options {
                cluster: text("cb"),
                ..Options::default()
            })
            .await,
            "a http://127.0.0.1:2/base apps"
        );
        assert_eq!(
            found(Options {
                server: text("localhost:3"),
                ..Options::default()
            })
            .await,
            "a http://localhost:3 apps"
        );
        assert_eq!(
            found(Options {
                context: text("c"),
                ..Options::default()
            })
            .await,
            "context \"c\" does not exist"
        );
    }

    #[tokio::test]
    async fn no_file_is_an_error_that_names_what_was_looked_for() {
        let options = Options {
            files: vec!["/nowhere/config".into()],
            ..Options::default()
        };
        assert_eq!(
            connect(&options).await.unwrap_err().to_string(),
            "no kubeconfig: /nowhere/config not found, or empty; name one by --kubeconfig or $KUBECONFIG"
        );
    }

    #[tokio::test]
    async fn a_server_needs_no_file() {
        let options = Options {
            server: text("http://127.0.0.1:9"),
            ..Options::default()
        };
        assert_eq!(
            connect(&options).await.unwrap().server,
            "http://127.0.0.1:9"
        );
    }
}
