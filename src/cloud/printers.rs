//! Whose the token is, and which printers the account has.

use std::sync::atomic::Ordering;

use secrecy::SecretString;
use serde_json::Value;
use tracing::warn;

use super::client::Client;
use super::error::CloudError;
use super::kinds::BoundPrinter;
use super::limiter::{Ask, Demand, RequestKind};
use super::reply::{member, number, text};
use super::token::{self, UserName};

impl Client {
    /// Whose token this is, in the form the broker wants; also the check whether it is alive.
    pub async fn preference(&self, token: &SecretString) -> Result<UserName, CloudError> {
        let ask = Ask::new(RequestKind::Preference, "", Demand::Person);
        let content = self.get(ask, "v1/design-user-service/my/preference", &[], token).await?;
        let uid = member(&content, "uid").and_then(number).filter(|uid| *uid > 0);
        uid.map(UserName::from_uid).ok_or(CloudError::Unexpected { missing: "user id" })
    }

    /// The printers of the account, because someone waits for them: half a minute apart at least.
    pub async fn printers(&self, token: &SecretString) -> Result<Vec<BoundPrinter>, CloudError> {
        self.list(token, Demand::Person).await
    }

    /// The printers of the account, because it is time to look: ten minutes after the last look at least.
    pub async fn printers_when_due(&self, token: &SecretString) -> Result<Vec<BoundPrinter>, CloudError> {
        self.list(token, Demand::Schedule).await
    }

    async fn list(&self, token: &SecretString, demand: Demand) -> Result<Vec<BoundPrinter>, CloudError> {
        // By token: with a new one the list may be another.
        let subject = token::fingerprint(token);
        let ask = Ask::new(RequestKind::Devices, &subject, demand);
        let content = self.get(ask, "v1/iot-service/api/user/bind", &[], token).await?;
        let printers =
            bound_printers(&content).ok_or(CloudError::Unexpected { missing: "list of printers" })?;
        Ok(self.without_odd_ones(printers))
    }

    /// Passes over what has no serial number that could be one, and says so once.
    fn without_odd_ones(&self, mut printers: Vec<BoundPrinter>) -> Vec<BoundPrinter> {
        let listed = printers.len();
        printers.retain(BoundPrinter::has_serial);
        let odd = listed - printers.len();
        if odd > 0 && !self.odd_told.swap(true, Ordering::Relaxed) {
            warn!(
                odd,
                "the Bambu cloud lists printers whose serial numbers are none (letters and digits, fifteen as a rule); \
                 they are passed over; if one of yours is missing, look for a newer version"
            );
        }
        printers
    }
}

pub(super) fn bound_printers(content: &Value) -> Option<Vec<BoundPrinter>> {
    let list = match member(content, "devices")? {
        // How the cloud's language writes a list that nothing was ever put into.
        Value::Null => return Some(Vec::new()),
        list => list.as_array()?,
    };
    Some(list.iter().filter_map(bound_printer).collect())
}

fn bound_printer(device: &Value) -> Option<BoundPrinter> {
    // Cleaned here: they get into log lines, and onto the terminal.
    let name = |key| text(device, key).map(|text| printer::text::name(text).to_string());
    let serial = text(device, "dev_id")?.to_ascii_uppercase();
    Some(BoundPrinter {
        name: name("name").unwrap_or_default(),
        serial,
        model_code: name("dev_model_name"),
        product_name: name("dev_product_name"),
        online: device.get("online").and_then(Value::as_bool),
    })
}
