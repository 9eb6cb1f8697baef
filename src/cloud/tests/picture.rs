use super::*;
use crate::cloud::data::LARGEST_PICTURE;

const PNG: &[u8] = b"\x89PNG\r\n\x1A\n";

/// What becomes of a picture that is answered so, asked for by the client of an account with these settings.
async fn fetched(settings: &str, body: Vec<u8>) -> (Result<printer::cloud::Picture, CloudError>, usize) {
    let server = MockServer::start().await;
    Mock::given(path("/cover"))
        .respond_with(ResponseTemplate::new(200).set_body_bytes(body))
        .mount(&server)
        .await;
    let api = server.uri();
    let account = account(&format!("account: a@b.c, {}", settings.replace("HERE", &api)));
    let address = format!("{api}/cover?sign=hunter2");
    let answer = client(&account).picture(&address).await;
    assert!(!format!("{answer:?}").contains("hunter2"), "the address is secret: {answer:?}");
    (answer, server.received_requests().await.unwrap().len())
}

const DEMO: &str = "api_url: 'HERE'";

fn png(size: usize) -> Vec<u8> {
    let mut picture = PNG.to_vec();
    picture.resize(size, 0);
    picture
}

#[tokio::test]
async fn a_picture_is_taken_up_to_its_largest_size() {
    let (largest, _) = fetched(DEMO, png(LARGEST_PICTURE)).await;
    assert_eq!(largest.unwrap().bytes.len(), LARGEST_PICTURE);
    check!(fetched(DEMO, png(LARGEST_PICTURE + 1)).await.0, Err(CloudError::TooLong));
}

#[tokio::test]
async fn a_second_picture_need_not_wait_for_the_first() {
    let server = MockServer::start().await;
    Mock::given(path("/cover"))
        .respond_with(ResponseTemplate::new(200).set_body_bytes(png(100)))
        .mount(&server)
        .await;
    let api = server.uri();
    let client = client(&account(&format!("account: a@b.c, api_url: '{api}'")));
    for _ in 0..3 {
        check!(client.picture(&format!("{api}/cover")).await, Ok(_));
    }
}

#[tokio::test]
async fn what_no_browser_shows_is_no_picture() {
    for body in [&b"<CloudError>AccessDenied</CloudError>"[..], b"GIF89a", b"%PDF-1.7", b"", &PNG[..7]] {
        let (answer, _) = fetched(DEMO, body.to_vec()).await;
        check!(answer, Err(CloudError::Unexpected { missing }) if missing.contains("known kind"));
    }
}

#[tokio::test]
async fn the_vendors_cloud_sends_nobody_to_this_machine() {
    let (answer, requests) = fetched("region: global", png(100)).await;
    check!(answer, Err(CloudError::Unexpected { missing }) if missing.contains("usable address"));
    assert_eq!(requests, 0);
    let (answer, requests) = fetched(DEMO, png(100)).await;
    check!(answer, Ok(_));
    assert_eq!(requests, 1, "the demo's is there itself");
}

#[tokio::test]
async fn an_address_of_another_scheme_is_not_asked() {
    let client = client(&account("account: a@b.c"));
    for address in
        ["http://example.com/a.png", "file:///etc/hostname", "ftp://example.com/a.png", "data:,x", ""]
    {
        check!(client.picture(address).await, Err(CloudError::Unexpected { missing }) if missing.contains("usable address"));
    }
}
