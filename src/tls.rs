//! The one TLS configuration, for the brokers and the cloud's REST interface alike.
//!
//! `ring` does the cryptography and the system's certificate store says whom to trust; a root of one's own
//! is trusted in addition, never instead. It does not know who is at the other end.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls_platform_verifier::Verifier;
use thiserror::Error as ThisError;

/// Why there is no TLS.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum TlsError {
    /// A certificate or key file cannot be read.
    #[error("cannot read {}: {cause}; check the path and its permissions", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// The file is there, and is not what it should be.
    #[error("{} holds no usable {what}; a PEM file is expected", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What was looked for in it.
        what: &'static str,
    },
    /// A root that cannot serve as one.
    #[error("{} cannot be trusted as a root: {cause}", path.display())]
    Root {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: Box<rustls::Error>,
    },
    /// Key and certificate do not belong together, or the key is of an unknown kind.
    #[error("the client certificate {} and its key do not work together: {cause}", path.display())]
    Identity {
        /// The certificate's file.
        path: PathBuf,
        /// What is wrong.
        cause: Box<rustls::Error>,
    },
    /// A bare container, usually.
    #[error(
        "this system has no certificate authorities to trust ({cause}); \
         install the package ca-certificates or set ca_file"
    )]
    NoRoots {
        /// What the verifier said.
        cause: Box<rustls::Error>,
    },
    /// The protocol versions and the cryptography do not meet; a fault of the build.
    #[error("TLS cannot be set up: {cause}")]
    Setup {
        /// What is wrong.
        cause: Box<rustls::Error>,
    },
}

/// What we show a server that asks who we are.
#[derive(Debug, Clone, Copy)]
pub struct ClientIdentity<'a> {
    /// PEM, the certificate first and its chain after it.
    pub cert_file: &'a Path,
    /// PEM.
    pub key_file: &'a Path,
}

/// Makes the configuration: the system's roots, one more if a file is given, and an identity if there is one.
///
/// No application protocol is offered, since MQTT has none; HTTP adds its own.
pub fn client_config(
    ca_file: Option<&Path>,
    identity: Option<ClientIdentity<'_>>,
) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let extra = ca_file.map(certificates).transpose()?.unwrap_or_default();
    let verifier = Verifier::new_with_extra_roots(extra.clone(), Arc::clone(&provider)).map_err(|cause| {
        let cause = Box::new(cause);
        match ca_file {
            Some(path) if !extra.is_empty() => TlsError::Root { path: path.to_owned(), cause },
            _ => TlsError::NoRoots { cause },
        }
    })?;
    // "dangerous" is rustls's word for any verifier but its own; this one is at least as strict.
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|cause| TlsError::Setup { cause: Box::new(cause) })?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let Some(ClientIdentity { cert_file, key_file }) = identity else {
        return Ok(Arc::new(builder.with_no_client_auth()));
    };
    let config = builder
        .with_client_auth_cert(certificates(cert_file)?, private_key(key_file)?)
        .map_err(|cause| TlsError::Identity { path: cert_file.to_owned(), cause: Box::new(cause) })?;
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|cause| pem_error(path, "certificate", cause))?;
    if found.is_empty() {
        return Err(TlsError::Unusable { path: path.to_owned(), what: "certificate" });
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|cause| pem_error(path, "private key", cause))
}

fn pem_error(path: &Path, what: &'static str, cause: pem::Error) -> TlsError {
    match cause {
        pem::Error::Io(cause) => TlsError::Read { path: path.to_owned(), cause },
        // The other kinds quote the file's bytes, which may be a key's.
        _ => TlsError::Unusable { path: path.to_owned(), what },
    }
}

#[cfg(test)]
#[cfg(feature = "demo")]
mod tests {
    use std::fs;

    use super::*;

    fn self_signed() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn an_extra_root_and_an_identity_are_taken() {
        let temp = tempfile::tempdir().unwrap();
        let (cert, key) = self_signed();
        let (cert_file, key_file) = (temp.path().join("c.pem"), temp.path().join("k.pem"));
        fs::write(&cert_file, &cert).unwrap();
        fs::write(&key_file, &key).unwrap();
        let identity = ClientIdentity { cert_file: &cert_file, key_file: &key_file };
        let config = client_config(Some(&cert_file), Some(identity)).unwrap();
        assert!(config.alpn_protocols.is_empty());
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told_with_its_path_and_without_its_content() {
        let temp = tempfile::tempdir().unwrap();
        let (cert, key) = self_signed();
        let (cert_file, other_key) = (temp.path().join("c.pem"), temp.path().join("other.pem"));
        fs::write(&cert_file, &cert).unwrap();
        fs::write(&other_key, self_signed().1).unwrap();
        let missing = temp.path().join("missing.pem");
        assert!(matches!(client_config(Some(&missing), None), Err(TlsError::Read { .. })));
        assert!(matches!(client_config(Some(&other_key), None), Err(TlsError::Unusable { .. })));
        let identity = ClientIdentity { cert_file: &cert_file, key_file: &other_key };
        assert!(matches!(client_config(Some(&cert_file), Some(identity)), Err(TlsError::Identity { .. })));
        let broken = temp.path().join("broken.pem");
        fs::write(&broken, key.replace("-----END", "hunter2 -----FIN")).unwrap();
        let identity = ClientIdentity { cert_file: &cert_file, key_file: &broken };
        let error = client_config(Some(&cert_file), Some(identity)).unwrap_err();
        assert!(error.to_string().contains("broken.pem"), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }

    #[test]
    fn a_root_that_is_none_does_not_panic() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("ca.pem");
        fs::write(&file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        assert!(matches!(client_config(Some(&file), None), Err(TlsError::Root { .. })));
    }
}
