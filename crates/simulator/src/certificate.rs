//! A certificate authority for one run of the demo, and the server certificate of its broker.
use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use std::path::PathBuf;

/// A folder of this process alone, gone with the value.
pub(super) struct Folder(PathBuf);

impl Folder {
    fn create() -> Result<Self> {
        let name = format!("bambu2mqtt-demo-{}-{:08x}", std::process::id(), fastrand::u32(..));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).with_context(|| format!("create {}", path.display()))?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700))?;
        }
        Ok(Self(path))
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.0.join(name);
        std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The files of one run.
pub(super) struct Certificates {
    pub(super) ca_pem: String,
    pub(super) ca_file: PathBuf,
    pub(super) chain_file: PathBuf,
    pub(super) key_file: PathBuf,
    _folder: Folder,
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

        let folder = Folder::create()?;
        Ok(Self {
            ca_file: folder.write("ca.pem", &ca_pem)?,
            chain_file: folder.write("server.pem", &certificate.pem())?,
            key_file: folder.write("server.key", &key.serialize_pem())?,
            ca_pem,
            _folder: folder,
        })
    }
}
