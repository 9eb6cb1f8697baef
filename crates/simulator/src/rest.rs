//! The REST side of the emulated cloud: who answers what, and what goes wrong when it is told to.
use super::account::Account;
use super::fleet::Fleet;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

mod data;
mod failure;
mod http;
mod listed;
mod login;

pub(super) use data::{Inbox, SIGNATURE};
use failure::Fate;
pub use failure::{Endpoint, Failure, Switches};
use http::{Answer, Request};

/// What the answers are made of.
pub(super) struct Api {
    pub(super) account: Arc<Account>,
    pub(super) fleet: Arc<Fleet>,
    /// Milliseconds that each answer takes.
    pub(super) delay: Arc<AtomicU64>,
    pub(super) switches: Arc<Switches>,
    pub(super) inbox: data::Inbox,
}

/// Serves until told to stop.
pub(super) async fn serve(listener: TcpListener, api: Arc<Api>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(converse(stream, Arc::clone(&api)));
                }
            }
        }
    }
}

async fn converse(mut stream: TcpStream, api: Arc<Api>) {
    let mut buffer = Vec::new();
    loop {
        let request = match http::read(&mut stream, &mut buffer).await {
            Ok(Some(request)) => request,
            Ok(None) => return,
            Err(status) => {
                let _ = http::write(&mut stream, &(status, json!({"code": status})).into(), false).await;
                return;
            }
        };
        tokio::time::sleep(Duration::from_millis(api.delay.load(Ordering::Relaxed))).await;
        let endpoint = Endpoint::of(&request);
        let keep = request.keep_alive;
        let answer = match api.switches.fate(endpoint) {
            Fate::Fine if endpoint == Endpoint::Picture => {
                // Drawing takes longer than others may wait for their turn.
                let api = Arc::clone(&api);
                let Ok(answer) = tokio::task::spawn_blocking(move || api.answer(&request)).await else {
                    return;
                };
                answer
            }
            Fate::Fine => api.answer(&request),
            Fate::Instead(answer) => answer,
            Fate::Silence => return std::future::pending().await,
            Fate::Cut => return,
        };
        let answer = match api.switches.date() {
            Some(date) => answer.with("Date", date),
            None => answer,
        };
        if http::write(&mut stream, &answer, keep).await.is_err() || !keep {
            return;
        }
    }
}

/// A member of a body that is there and not empty.
fn text<'a>(body: &'a Value, key: &str) -> Option<&'a str> {
    body.get(key)?.as_str().filter(|text| !text.is_empty())
}

impl Api {
    /// Whether the request bears the token that is valid now.
    fn knows(&self, request: &Request) -> bool {
        request.bearer().is_some_and(|token| self.account.accepts(token))
    }

    fn answer(&self, request: &Request) -> Answer {
        if let Some(answer) = login::answer(self, request) {
            return answer;
        }
        match Endpoint::of(request) {
            // A picture's address is signed; the token never goes there.
            Endpoint::Picture => {}
            Endpoint::Other => return not_found(),
            _ if self.knows(request) => {}
            _ => return (401, json!({"code": 4, "error": "Please login.", "message": ""})).into(),
        }
        data::answer(self, request).unwrap_or_else(not_found)
    }
}

fn not_found() -> Answer {
    (404, json!({"code": 404, "error": "Not Found", "message": "no such path"})).into()
}
