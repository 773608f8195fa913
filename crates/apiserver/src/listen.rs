//! The API over HTTPS on a loopback address, and the certificates that go with it.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use parking_lot::Mutex;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

use crate::auth::{ClientCertificate, MASTERS};
use crate::{BoxBody, BoxError, Caller, Server};

/// Why the API cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be bound.
    #[error("listen {0}: {1}")]
    Bind(SocketAddr, io::Error),
    /// A certificate or key cannot be made.
    #[error("certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// TLS cannot be set up.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The verifier of client certificates cannot be set up.
    #[error("client certificates: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

/// The certificate authority of one server. Client certificates are known by what they were issued for: nobody else has the
/// key, so none is read.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    issued: Mutex<HashMap<Vec<u8>, ClientCertificate>>,
}

impl Authority {
    /// An authority with a new key.
    ///
    /// # Errors
    /// When no key can be made.
    pub(crate) fn new() -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        params
            .distinguished_name
            .push(DnType::CommonName, "kubernetes");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyCertSign,
        ];
        Ok(Self {
            issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)?,
            issued: Mutex::new(HashMap::new()),
        })
    }

    /// Its certificate, in PEM.
    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A client certificate for an identity.
    fn client(&self, mut identity: ClientCertificate) -> Result<Identity, rcgen::Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        let name = &mut params.distinguished_name;
        name.push(DnType::CommonName, identity.common_name.as_str());
        for organization in &identity.organizations {
            name.push(DnType::OrganizationName, organization.as_str());
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let fingerprint = Sha256::digest(certificate.der());
        identity.fingerprint = fingerprint.iter().map(|b| format!("{b:02x}")).collect();
        self.issued
            .lock()
            .insert(certificate.der().to_vec(), identity);
        Ok(Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }

    /// Whose certificate that is.
    fn identity(&self, certificate: &[u8]) -> Option<ClientCertificate> {
        self.issued.lock().get(certificate).cloned()
    }

    fn server_config(&self, address: IpAddr) -> Result<ServerConfig, ListenError> {
        let mut names = vec![address.to_string(), "localhost".to_owned()];
        for loopback in ["127.0.0.1", "::1"] {
            if !names.iter().any(|name| name == loopback) {
                names.push(loopback.to_owned());
            }
        }
        for name in ["kubernetes", "kubernetes.default", "kubernetes.default.svc"] {
            names.push(name.to_owned());
        }
        let mut params = CertificateParams::new(names)?;
        params
            .distinguished_name
            .push(DnType::CommonName, "kube-apiserver");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone())?;
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .allow_unauthenticated()
                .build()?;
        let chain: Vec<CertificateDer<'static>> =
            vec![certificate.der().clone(), self.issuer.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// A server that listens.
#[derive(Clone)]
pub struct Listening {
    address: SocketAddr,
    authority: String,
    administrator: Identity,
}

impl Listening {
    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The certificate of its authority, in PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The administrator's certificate and key.
    pub fn administrator(&self) -> &Identity {
        &self.administrator
    }

    /// A kubeconfig for the administrator; cluster, user and current context are called `name`.
    pub fn kubeconfig(&self, name: &str) -> String {
        let name = krm::Value::from(name);
        let cluster = krm::json!({
            "server": self.url(),
            "certificate-authority-data": STANDARD.encode(&self.authority),
        });
        let user = krm::json!({
            "client-certificate-data": STANDARD.encode(&self.administrator.certificate),
            "client-key-data": STANDARD.encode(&self.administrator.key),
        });
        krm::yaml::emit(&krm::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
            "preferences": {},
        }))
    }
}

impl Server {
    /// Serves the API over HTTPS until [`Server::stop`]. Port 0 takes a free one.
    ///
    /// # Errors
    /// When the address cannot be bound, or no certificate can be made.
    pub async fn listen(&self, address: SocketAddr) -> Result<Listening, ListenError> {
        let authority = self.authority()?;
        let config = authority.server_config(address.ip())?;
        let administrator = authority.client(ClientCertificate {
            common_name: "kubernetes-admin".to_owned(),
            organizations: vec![MASTERS.to_owned()],
            fingerprint: String::new(),
        })?;
        let unbound = |error| ListenError::Bind(address, error);
        let listener = TcpListener::bind(address).await.map_err(unbound)?;
        let address = listener.local_addr().map_err(unbound)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let pem = authority.pem();
        self.spawn(accept(self.clone(), listener, acceptor, authority));
        Ok(Listening {
            address,
            authority: pem,
            administrator,
        })
    }
}

async fn accept(
    server: Server,
    listener: TcpListener,
    acceptor: TlsAcceptor,
    authority: Arc<Authority>,
) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let (acceptor, authority) = (acceptor.clone(), authority.clone());
                server.spawn(serve(server.clone(), stream, acceptor, authority));
            }
            Err(error) => {
                // Out of file descriptors, most likely: let others close theirs.
                tracing::warn!(%error, "accept");
                server
                    .clock()
                    .sleep(std::time::Duration::from_millis(50))
                    .await;
            }
        }
    }
}

async fn serve(
    server: Server,
    stream: TcpStream,
    acceptor: TlsAcceptor,
    authority: Arc<Authority>,
) {
    let _ = stream.set_nodelay(true);
    let stream = match acceptor.accept(stream).await {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(%error, "TLS handshake");
            return;
        }
    };
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let identity = certificates
        .first()
        .and_then(|certificate| authority.identity(certificate));
    let service = server.service(Caller::Network(identity));
    let answer = hyper::service::service_fn(move |request: Request<Incoming>| {
        service.clone().call(request_of(request))
    });
    let connection = auto::Builder::new(TokioExecutor::new());
    let connection = connection.serve_connection_with_upgrades(TokioIo::new(stream), answer);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "connection");
    }
}

fn request_of(request: Request<Incoming>) -> Request<BoxBody> {
    request.map(|body| {
        body.map_err(|error| Box::new(error) as BoxError)
            .boxed_unsync()
    })
}
