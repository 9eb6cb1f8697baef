use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivateKeyDer;

use super::*;

/// Serves one answer over TLS with a certificate of its own; returns its account and the certificate.
fn serve(folder: &Path, not_before: i32, trusted: bool) -> AccountConfig {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(not_before, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let root = folder.join("root.pem");
    std::fs::write(&root, if trusted { certificate.pem() } else { other.cert.pem() }).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let der = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], der)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let Ok((mut socket, _)) = listener.accept() else { return };
        let mut tls = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = rustls::Stream::new(&mut tls, &mut socket);
        // A refused handshake ends here, which is what some of the tests want.
        if stream.read(&mut [0; 4096]).is_ok() {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\n{\"uid\":3}";
            let _ = stream.write_all(answer);
        }
    });
    account(&format!("account: a@b.c, api_url: 'https://localhost:{port}', ca_file: {}", root.display()))
}

async fn ask(not_before: i32, trusted: bool) -> Result<UserName, CloudError> {
    let folder = tempfile::tempdir().unwrap();
    let account = serve(folder.path(), not_before, trusted);
    Client::for_account(&account).unwrap().preference(&secret("t")).await
}

#[tokio::test]
async fn a_root_of_one_s_own_is_trusted() {
    assert_eq!(ask(2020, true).await.unwrap().as_str(), "u_3");
}

#[tokio::test]
async fn a_stranger_is_not_and_a_wrong_clock_is_guessed() {
    check!(ask(2020, false).await, Err(CloudError::Untrusted { host, .. }) if host == "localhost");
    check!(ask(3000, true).await, Err(CloudError::ClockWrong { host }) if host == "localhost");
}
