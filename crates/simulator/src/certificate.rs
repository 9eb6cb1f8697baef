//! A certificate authority for one run of the demo, and the server certificate of its broker.
use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use std::path::PathBuf;
use tempfile::TempDir;

use super::folder::private_folder;

fn write(folder: &TempDir, name: &str, text: &str) -> Result<PathBuf> {
    let path = folder.path().join(name);
    std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    Ok(path)
}

/// The files of one run.
pub(super) struct Certificates {
    pub(super) ca_pem: String,
    pub(super) ca_file: PathBuf,
    pub(super) chain_file: PathBuf,
    pub(super) key_file: PathBuf,
    _folder: TempDir,
}

impl Certificates {
    /// Makes an authority and a certificate for `127.0.0.1` and `localhost`.
    pub(super) fn create() -> Result<Self> {
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "bambu2mqtt demo authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority_key = KeyPair::generate()?;
        let ca_pem = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, authority_key);

        let mut server = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?;
        server.distinguished_name.push(DnType::CommonName, "demo.mqtt.invalid");
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = server.signed_by(&key, &issuer)?;

        let folder = private_folder()?;
        Ok(Self {
            ca_file: write(&folder, "ca.pem", &ca_pem)?,
            chain_file: write(&folder, "server.pem", &certificate.pem())?,
            key_file: write(&folder, "server.key", &key.serialize_pem())?,
            ca_pem,
            _folder: folder,
        })
    }
}
