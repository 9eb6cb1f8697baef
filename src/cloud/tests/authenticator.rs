use super::*;

const API: &str = "/v1/user-service/user/tfa/login";
const CSRF: &str = "/api/csrf";
const WEB: &str = "/api/sign-in/tfa";

async fn enter(server: &MockServer) -> Result<Answered, CloudError> {
    client(&account_at(server, "account: a@b.c")).authenticate(&secret("key"), " 123456\n").await
}

async fn api_answers(status: u16, body: &str) -> Result<Answered, CloudError> {
    let server = MockServer::start().await;
    answer(&server, API, status, body).await;
    enter(&server).await
}

/// The API does not know the way.
async fn web_answers(
    cookies: &[&str],
    template: ResponseTemplate,
) -> (Result<Answered, CloudError>, MockServer) {
    let server = MockServer::start().await;
    let mut csrf = ResponseTemplate::new(200);
    for cookie in cookies {
        csrf = csrf.append_header("set-cookie", *cookie);
    }
    Mock::given(method("GET")).and(path(CSRF)).respond_with(csrf).mount(&server).await;
    Mock::given(method("POST")).and(path(WEB)).respond_with(template).mount(&server).await;
    (enter(&server).await, server)
}

fn token(answer: &Result<Answered, CloudError>) -> Option<&str> {
    match answer {
        Ok(Answered::Token(grant)) => Some(grant.token.expose_secret()),
        _ => None,
    }
}

#[tokio::test]
async fn a_token_is_found_wherever_it_is() {
    for body in [
        r#"{"accessToken":"tok","expiresIn":60}"#,
        r#"{"accessToken":"","token":"tok"}"#,
        r#"{"code":0,"message":"Success","data":{"accessToken":"tok"}}"#,
    ] {
        assert_eq!(token(&api_answers(200, body).await), Some("tok"), "{body}");
    }
    for cookie in ["token=tok; Path=/; HttpOnly", "token=\"tok\"", "token=tok"] {
        let template = ResponseTemplate::new(200)
            .append_header("set-cookie", "other=1; Path=/")
            .append_header("set-cookie", cookie)
            .set_body_string("");
        let (answer, _) = web_answers(&["bbl_csrf_token=c; Path=/"], template).await;
        assert_eq!(token(&answer), Some("tok"), "{cookie}");
    }
}

#[tokio::test]
async fn the_webs_cookies_come_back_twice() {
    let cookies = ["bbl_csrf_token=half; Path=/; Secure", "session=s1; Path=/"];
    let template = ResponseTemplate::new(200).append_header("set-cookie", "token=tok");
    let (answer, server) = web_answers(&cookies, template).await;
    assert_eq!(token(&answer), Some("tok"));
    let sent = server.received_requests().await.unwrap();
    let [api, csrf, post] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(api.body_json::<Value>().unwrap(), json!({ "tfaKey": "key", "tfaCode": "123456" }));
    assert!(csrf.body.is_empty());
    assert_eq!(post.headers["cookie"], "bbl_csrf_token=half; session=s1");
    assert_eq!(post.headers["x-bbl-csrf-token"], "half");
    assert_eq!(post.body, api.body);
    assert!(sent.iter().all(|request| !request.headers.contains_key("authorization")));
}

#[tokio::test]
async fn a_refusal_that_is_data_is_about_the_code() {
    for (status, body) in [
        (400, r#"{"code":5,"error":"Login failed"}"#),
        (401, r#"{"error":"wrong"}"#),
        (200, r#"{"code":5,"error":"Login failed"}"#),
    ] {
        check!(api_answers(status, body).await, Ok(Answered::WrongCode));
        let template = ResponseTemplate::new(status).set_body_raw(body, "application/json");
        let (answer, server) = web_answers(&["bbl_csrf_token=c"], template).await;
        check!(answer, Ok(Answered::WrongCode));
        assert_eq!(server.received_requests().await.unwrap().len(), 3);
    }
}

#[tokio::test]
async fn anything_else_is_about_the_way() {
    let csrf = r#"{"error":"CSRF error: missing_header","reason":"missing_header"}"#;
    for (status, body, requests) in [
        (403, csrf, 5),
        (403, CHALLENGE, 3),
        (404, "{}", 3),
        (200, "{}", 3),
        (500, "{}", 3),
        (200, "<html>", 3),
    ] {
        let template = ResponseTemplate::new(status).set_body_raw(body, "text/html");
        let (answer, server) = web_answers(&["bbl_csrf_token=c"], template).await;
        check!(answer, Ok(Answered::NoWay(_)));
        assert_eq!(server.received_requests().await.unwrap().len(), requests, "{status} {body}");
    }
    check!(api_answers(429, "{}").await, Err(CloudError::RateLimited { .. }));
}

#[tokio::test]
async fn captured_answers_of_the_web_have_their_token_in_a_cookie() {
    // The body is an empty object (`tfa_login_success_body.json`).
    let template = ResponseTemplate::new(200)
        .set_body_raw("{}", "application/json")
        .append_header("set-cookie", "token=AAx; Path=/");
    assert_eq!(token(&web_answers(&["bbl_csrf_token=c"], template).await.0), Some("AAx"));
    let none = ResponseTemplate::new(200).set_body_raw("{}", "application/json");
    check!(
        web_answers(&["bbl_csrf_token=c"], none).await.0,
        Ok(Answered::NoWay(CloudError::Unexpected { .. }))
    );
}
