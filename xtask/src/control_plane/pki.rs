//! Certificates and keys of one run, thrown away with it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

/// Those who authenticate by certificate: file name, common name (the user), organisation (the group).
const CLIENTS: [(&str, &str, &str); 4] = [
    ("admin", "kubernetes-admin", "system:masters"),
    (
        "kube-controller-manager",
        "system:kube-controller-manager",
        "",
    ),
    ("kube-scheduler", "system:kube-scheduler", ""),
    ("kwok", "kwok", "system:masters"),
];

/// Writes a CA, the server's certificate, one per client and the key that signs ServiceAccount tokens into `dir`.
pub(crate) fn write(dir: &Path, server_names: &[&str]) -> Result<()> {
    fs::create_dir_all(dir).context("creating the directory of the certificates")?;
    let ca = CertifiedIssuer::self_signed(authority("weir-control-plane"), KeyPair::generate()?)?;
    save(dir, "ca.crt", &ca.pem())?;

    let mut server = leaf("kube-apiserver", "", ExtendedKeyUsagePurpose::ServerAuth);
    let names: Vec<String> = server_names.iter().map(|&name| name.to_owned()).collect();
    server.subject_alt_names = CertificateParams::new(names)?.subject_alt_names;
    issue(dir, "kube-apiserver", (&server, &ca))?;
    for (file, name, organisation) in CLIENTS {
        issue(
            dir,
            file,
            (
                &leaf(name, organisation, ExtendedKeyUsagePurpose::ClientAuth),
                &ca,
            ),
        )?;
    }

    let proxy = CertifiedIssuer::self_signed(authority("weir-front-proxy"), KeyPair::generate()?)?;
    save(dir, "front-proxy-ca.crt", &proxy.pem())?;
    issue(
        dir,
        "front-proxy",
        (
            &leaf("front-proxy", "", ExtendedKeyUsagePurpose::ClientAuth),
            &proxy,
        ),
    )?;

    let accounts = KeyPair::generate()?;
    save(dir, "service-accounts.key", &accounts.serialize_pem())?;
    save(dir, "service-accounts.pub", &accounts.public_key_pem())
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    params
}

fn leaf(name: &str, organisation: &str, usage: ExtendedKeyUsagePurpose) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    if !organisation.is_empty() {
        params
            .distinguished_name
            .push(DnType::OrganizationName, organisation);
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params
}

fn issue(
    dir: &Path,
    file: &str,
    (params, ca): (&CertificateParams, &CertifiedIssuer<'_, KeyPair>),
) -> Result<()> {
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, ca)?;
    save(dir, &format!("{file}.crt"), &certificate.pem())?;
    save(dir, &format!("{file}.key"), &key.serialize_pem())
}

fn save(dir: &Path, name: &str, text: &str) -> Result<()> {
    let path = dir.join(name);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("writing {}", path.display()))?;
    Ok(file.write_all(text.as_bytes())?)
}
