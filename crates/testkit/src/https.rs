//! A Kubernetes API over HTTPS with client certificates.
//!
//! A connection per request: simple, and no request can wait behind a watch.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::target::{Answer, Target, Who};

/// Where a server is and how the administrator authenticates; certificates and key are PEM.
pub struct Endpoint {
    /// `https://host:port`.
    pub server: String,
    /// What the server's certificate is checked with.
    pub ca: String,
    /// The administrator's certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

/// An endpoint that cannot be used.
#[derive(Debug, Error)]
pub enum EndpointError {
    /// The address is not one.
    #[error("{0:?} is not https://host:port")]
    Address(String),
    /// A certificate or key is not PEM.
    #[error("reading a certificate or key: {0}")]
    Pem(#[from] rustls_pki_types::pem::Error),
    /// They do not fit together.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

/// A target over HTTPS.
pub struct Https {
    address: String,
    name: ServerName<'static>,
    administrator: TlsConnector,
    nobody: TlsConnector,
}

impl Https {
    /// Prepares both identities; nothing is sent yet.
    ///
    /// # Errors
    /// When the address, a certificate or the key cannot be used.
    pub fn new(endpoint: &Endpoint) -> Result<Self, EndpointError> {
        let bad_address = || EndpointError::Address(endpoint.server.clone());
        let address = endpoint
            .server
            .trim()
            .strip_prefix("https://")
            .ok_or_else(bad_address)?;
        let (host, _) = address.rsplit_once(':').ok_or_else(bad_address)?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| bad_address())?;

        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(endpoint.ca.as_bytes()) {
            roots.add(certificate?)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(endpoint.certificate.as_bytes()).collect();
        let key = PrivateKeyDer::from_pem_slice(endpoint.key.as_bytes())?;
        let administrator = builder.clone().with_client_auth_cert(chain?, key)?;
        Ok(Self {
            address: address.to_owned(),
            name,
            administrator: TlsConnector::from(Arc::new(administrator)),
            nobody: TlsConnector::from(Arc::new(builder.with_no_client_auth())),
        })
    }
}

impl Target for Https {
    fn send(&self, who: Who, mut request: Request<Bytes>) -> Answer<'_> {
        Box::pin(async move {
            let connector = match who {
                Who::Administrator => &self.administrator,
                Who::Nobody => &self.nobody,
            };
            let stream = TcpStream::connect(&self.address).await?;
            let stream = connector.connect(self.name.clone(), stream).await?;
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            // The connection ends with the body of its one answer; how it ends is seen there.
            tokio::spawn(connection);
            let host = HeaderValue::from_str(&self.address)?;
            request.headers_mut().insert(header::HOST, host);
            let response = sender.send_request(request.map(Full::new)).await?;
            Ok(response.map(|body| body.map_err(Into::into).boxed_unsync()))
        })
    }
}
