//! Who may do what at the emulated broker: one user, only the printers bound to the account, no wildcards.
use super::account::Account;
use super::fleet::Fleet;
use mqtt5::Result;
use mqtt5::broker::{AuthProvider, AuthResult, BrokerEventHandler, ClientPublishEvent, PublishAction};
use mqtt5::packet::connect::ConnectPacket;
use mqtt5::types::ReasonCode;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedSender;

type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The broker's doorkeeper; it also takes what clients publish to the printers.
pub(super) struct Gate {
    pub(super) account: Arc<Account>,
    pub(super) fleet: Arc<Fleet>,
    pub(super) requests: UnboundedSender<(String, Vec<u8>)>,
}

impl AuthProvider for Gate {
    fn authenticate<'a>(
        &'a self,
        connect: &'a ConnectPacket,
        _: SocketAddr,
    ) -> Pending<'a, Result<AuthResult>> {
        let user = self.account.mqtt_user();
        let password = connect.password.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok());
        let welcome = connect.username.as_deref() == Some(&user)
            && password.is_some_and(|token| self.account.accepts(token));
        Box::pin(async move {
            Ok(if welcome {
                AuthResult::success_with_user(user)
            } else {
                AuthResult::fail(ReasonCode::NotAuthorized)
            })
        })
    }

    /// All may be said; what is not for a printer of the account is dropped by [`BrokerEventHandler`] below.
    fn authorize_publish<'a>(&'a self, _: &str, _: Option<&'a str>, _: &'a str) -> Pending<'a, bool> {
        Box::pin(async { true })
    }

    fn authorize_subscribe<'a>(&'a self, _: &str, _: Option<&'a str>, filter: &'a str) -> Pending<'a, bool> {
        let known = ["/report", "/request"].iter().any(|end| self.fleet.serial_of(filter, end).is_some());
        Box::pin(async move { known })
    }
}

impl BrokerEventHandler for Gate {
    fn on_client_publish(&self, event: ClientPublishEvent) -> Pending<'_, PublishAction> {
        if let Some(serial) = self.fleet.serial_of(&event.topic, "/request") {
            // Nobody listens any more when the demo stops.
            let _ = self.requests.send((serial.to_owned(), event.payload.to_vec()));
        }
        Box::pin(async { PublishAction::Handled })
    }
}
