//! Why a connection failed, in facts that callers can match on and words that people understand.
//!
//! Translates the client library's errors; nothing else in the program may match on those.

use std::io;
use std::time::Duration;

use rumqttc::{ConnectReturnCode, ConnectionError, StateError, TlsError, mqttbytes};

/// Why there is no connection. `broker` is always `host:port`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing listens on that port.
    #[error("nothing answers at broker {broker}: connection refused")]
    ConnectionRefused {
        /// The broker.
        broker: String,
    },
    /// DNS does not know the host, or cannot be asked.
    #[error("the name of broker {broker} could not be resolved: {reason}")]
    NameNotResolved {
        /// The broker.
        broker: String,
        /// What the resolver said.
        reason: String,
    },
    /// Any other trouble of the network.
    #[error("broker {broker} cannot be reached: {reason}")]
    Unreachable {
        /// The broker.
        broker: String,
        /// What the system said.
        reason: String,
    },
    /// Name, TCP, TLS and login together took too long, or a packet could not be written.
    #[error("broker {broker} did not answer within {seconds}s")]
    TimedOut {
        /// The broker.
        broker: String,
        /// How long it was given.
        seconds: u64,
    },
    /// The TLS handshake failed.
    #[error("no secure connection to broker {broker}: {reason}")]
    Tls {
        /// The broker.
        broker: String,
        /// What the TLS library said.
        reason: String,
    },
    /// The certificate begins in the future, which on a small computer without a battery clock
    /// says more about our time than about the certificate.
    #[error("the certificate of broker {broker} is not valid yet; this machine's clock is probably not set")]
    ClockBehind {
        /// The broker.
        broker: String,
    },
    /// The broker answered and does not want us.
    #[error("broker {broker} {refusal}")]
    Refused {
        /// The broker.
        broker: String,
        /// On what grounds.
        refusal: Refusal,
    },
    /// The broker answered that it cannot serve now.
    #[error("broker {broker} says it is unavailable")]
    Unavailable {
        /// The broker.
        broker: String,
    },
    /// The broker closed the connection without a word.
    #[error("broker {broker} closed the connection")]
    Closed {
        /// The broker.
        broker: String,
    },
    /// The broker has closed several connections in a row within seconds. MQTT 3.1.1 has no
    /// word for the reason, so this names the two usual ones.
    #[error(
        "broker {broker} closed the connection again after {}s; another program may use the client id \
         `{client_id}`{}",
        lasted.as_secs(),
        too_large(*largest)
    )]
    ClosedAgain {
        /// The broker.
        broker: String,
        /// The id that another program may be using.
        client_id: String,
        /// How long the last connection held.
        lasted: Duration,
        /// The largest message that left over it, in bytes, if it was large.
        largest: Option<usize>,
    },
    /// The broker stopped answering keep-alive pings.
    #[error("broker {broker} went silent")]
    Silent {
        /// The broker.
        broker: String,
    },
    /// A packet came that is larger than we accept.
    #[error("broker {broker} sent a packet of {size} bytes, more than the {limit} we accept")]
    PacketTooLarge {
        /// The broker.
        broker: String,
        /// Size of the packet.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// The broker does not speak MQTT 3.1.1 as we know it.
    #[error("broker {broker} broke the protocol: {reason}")]
    Protocol {
        /// The broker.
        broker: String,
        /// What was wrong.
        reason: String,
    },
}

/// The grounds on which a broker refuses a connection (CONNACK 1, 2, 4 and 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// CONNACK 1.
    ProtocolVersion,
    /// CONNACK 2.
    ClientId,
    /// CONNACK 4: in the cloud an expired or revoked token.
    UserNameOrPassword,
    /// CONNACK 5: brokers use it for 4 as well.
    NotAuthorised,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ProtocolVersion => "does not speak MQTT 3.1.1",
            Self::ClientId => "refused the client id",
            Self::UserNameOrPassword => "refused the user name or password",
            Self::NotAuthorised => "refused the login: not authorised",
        })
    }
}

fn too_large(largest: Option<usize>) -> String {
    largest.map_or_else(String::new, |size| {
        format!(", or its limit for packets may be below the {size} bytes of our largest message")
    })
}

impl Error {
    /// Whether the login as such is refused: another try with the same credentials cannot help.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }

    /// Whether the other side ended a connection without giving a reason.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self, Self::Closed { .. })
    }

    /// What the client library reported about the connection to `broker`, given the limits it
    /// was working under.
    pub(super) fn from_client(
        broker: &str,
        timeout: Duration,
        max_incoming: usize,
        error: ConnectionError,
    ) -> Self {
        let owned = || broker.to_owned();
        match error {
            ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => {
                Self::TimedOut { broker: owned(), seconds: timeout.as_secs() }
            }
            ConnectionError::ConnectionRefused(code) => {
                let refusal = match code {
                    ConnectReturnCode::RefusedProtocolVersion => Refusal::ProtocolVersion,
                    ConnectReturnCode::BadClientId => Refusal::ClientId,
                    ConnectReturnCode::BadUserNamePassword => Refusal::UserNameOrPassword,
                    ConnectReturnCode::NotAuthorized => Refusal::NotAuthorised,
                    ConnectReturnCode::ServiceUnavailable => return Self::Unavailable { broker: owned() },
                    ConnectReturnCode::Success => {
                        return Self::Protocol { broker: owned(), reason: "refused with code 0".to_owned() };
                    }
                };
                Self::Refused { broker: owned(), refusal }
            }
            // While connecting, only the resolver reports trouble that has no number in the
            // operating system.
            ConnectionError::Io(error) if error.raw_os_error().is_none() => {
                Self::NameNotResolved { broker: owned(), reason: error.to_string() }
            }
            ConnectionError::Io(error) => Self::from_io(broker, &error),
            ConnectionError::Tls(error) => Self::from_tls(broker, error),
            ConnectionError::MqttState(error) => Self::from_state(broker, max_incoming, error),
            ConnectionError::NotConnAck(_) => Self::Protocol {
                broker: owned(),
                reason: "answered the login with something else than CONNACK".to_owned(),
            },
            other @ ConnectionError::RequestsDone => {
                Self::Protocol { broker: owned(), reason: other.to_string() }
            }
        }
    }

    fn from_state(broker: &str, limit: usize, error: StateError) -> Self {
        let owned = || broker.to_owned();
        match error {
            StateError::Io(error) | StateError::Deserialization(mqttbytes::Error::Io(error)) => {
                Self::from_io(broker, &error)
            }
            // The wrong packet is a DISCONNECT: MQTT 3.1.1 has none from the broker, but the
            // embedded one says it when another client takes the id over.
            StateError::ConnectionAborted | StateError::WrongPacket => Self::Closed { broker: owned() },
            StateError::AwaitPingResp => Self::Silent { broker: owned() },
            StateError::Deserialization(mqttbytes::Error::PayloadSizeLimitExceeded(size)) => {
                Self::PacketTooLarge { broker: owned(), size, limit }
            }
            other => Self::Protocol { broker: owned(), reason: other.to_string() },
        }
    }

    fn from_io(broker: &str, error: &io::Error) -> Self {
        let owned = || broker.to_owned();
        // The TLS library travels inside an I/O error, also when an alert comes late.
        if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Self::from_rustls(broker, error);
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::ConnectionRefused { broker: owned() },
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => Self::Closed { broker: owned() },
            _ => Self::Unreachable { broker: owned(), reason: error.to_string() },
        }
    }

    fn from_tls(broker: &str, error: TlsError) -> Self {
        match error {
            TlsError::Io(error)
                if error
                    .get_ref()
                    .is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>) =>
            {
                Self::from_io(broker, &error)
            }
            TlsError::TLS(error) => Self::from_rustls(broker, &error),
            // A plain MQTT port hangs up on the first TLS packet.
            TlsError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => Self::Tls {
                broker: broker.to_owned(),
                reason: "the broker hung up during the TLS handshake; is this its TLS port?".to_owned(),
            },
            other => Self::Tls { broker: broker.to_owned(), reason: other.to_string() },
        }
    }

    fn from_rustls(broker: &str, error: &rustls::Error) -> Self {
        use rustls::CertificateError::{NotValidYet, NotValidYetContext};
        match error {
            rustls::Error::InvalidCertificate(NotValidYet | NotValidYetContext { .. }) => {
                Self::ClockBehind { broker: broker.to_owned() }
            }
            other => Self::Tls { broker: broker.to_owned(), reason: other.to_string() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translate(error: ConnectionError) -> Error {
        Error::from_client("mqtt.local:1883", Duration::from_secs(20), 1024, error)
    }

    #[test]
    fn words_name_the_broker_and_the_trouble() {
        let refused = translate(ConnectionError::ConnectionRefused(ConnectReturnCode::BadUserNamePassword));
        assert_eq!(refused.to_string(), "broker mqtt.local:1883 refused the user name or password");
        assert!(refused.is_refused());

        let timeout = translate(ConnectionError::NetworkTimeout);
        assert_eq!(timeout.to_string(), "broker mqtt.local:1883 did not answer within 20s");

        let large = translate(ConnectionError::MqttState(StateError::Deserialization(
            mqttbytes::Error::PayloadSizeLimitExceeded(4096),
        )));
        assert_eq!(
            large.to_string(),
            "broker mqtt.local:1883 sent a packet of 4096 bytes, more than the 1024 we accept"
        );
    }

    #[test]
    fn a_broker_that_is_busy_is_not_a_refused_login() {
        let error = translate(ConnectionError::ConnectionRefused(ConnectReturnCode::ServiceUnavailable));
        assert_eq!(error, Error::Unavailable { broker: "mqtt.local:1883".to_owned() });
        assert!(!error.is_refused());
    }

    #[test]
    fn a_certificate_from_the_future_blames_the_clock() {
        let inner = rustls::Error::InvalidCertificate(rustls::CertificateError::NotValidYet);
        let error =
            translate(ConnectionError::Tls(TlsError::Io(io::Error::new(io::ErrorKind::InvalidData, inner))));
        assert_eq!(error, Error::ClockBehind { broker: "mqtt.local:1883".to_owned() });
    }

    #[test]
    fn a_late_tls_alert_is_still_tls() {
        let inner = rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired);
        let error = translate(ConnectionError::MqttState(StateError::Deserialization(mqttbytes::Error::Io(
            io::Error::new(io::ErrorKind::InvalidData, inner),
        ))));
        assert!(matches!(error, Error::Tls { .. }), "{error}");
    }

    #[test]
    fn guesses_are_offered_for_connections_that_keep_ending() {
        let mut error = Error::ClosedAgain {
            broker: "mqtt.local:1883".to_owned(),
            client_id: "bambu2mqtt".to_owned(),
            lasted: Duration::from_millis(2900),
            largest: None,
        };
        assert_eq!(
            error.to_string(),
            "broker mqtt.local:1883 closed the connection again after 2s; \
             another program may use the client id `bambu2mqtt`"
        );
        if let Error::ClosedAgain { largest, .. } = &mut error {
            *largest = Some(120_000);
        }
        assert!(error.to_string().ends_with("below the 120000 bytes of our largest message"), "{error}");
    }
}
