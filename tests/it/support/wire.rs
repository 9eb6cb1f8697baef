//! MQTT spoken by hand: a broker that does exactly what a test says.

use std::net::{Ipv4Addr, Ipv6Addr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// A port that refuses connections while the socket is held: bound, but not listening.
pub(crate) fn refusing_port() -> (TcpSocket, u16) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

/// A broker of a few lines, for what real ones do not do on request.
pub(crate) struct Wire {
    listener: TcpListener,
}

impl Wire {
    pub(crate) async fn listen() -> Self {
        Self { listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap() }
    }

    /// On the loopback address of IPv6, where there is one.
    pub(crate) async fn listen_v6() -> Option<Self> {
        Some(Self { listener: TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await.ok()? })
    }

    pub(crate) fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    /// Takes the next connection, reads its CONNECT and answers with this code.
    pub(crate) async fn accept(&self, code: u8) -> WireConnection {
        let (stream, _) = self.listener.accept().await.unwrap();
        let mut connection = WireConnection { stream };
        assert_eq!(connection.packet().await.unwrap().kind(), 1, "CONNECT comes first");
        connection.send(&[0x20, 2, 0, code]).await;
        connection
    }

    /// Whether a connection is waiting to be accepted.
    pub(crate) async fn nobody_comes(&self) -> bool {
        tokio::select! {
            biased;
            _ = self.listener.accept() => false,
            () = tokio::task::yield_now() => true,
        }
    }
}

/// One connection of a [`Wire`].
pub(crate) struct WireConnection {
    stream: TcpStream,
}

/// One MQTT packet.
#[derive(Debug)]
pub(crate) struct WirePacket {
    first: u8,
    body: Vec<u8>,
}

impl WirePacket {
    pub(crate) fn kind(&self) -> u8 {
        self.first >> 4
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    pub(crate) fn qos(&self) -> u8 {
        self.first >> 1 & 3
    }

    /// Topic and payload of a PUBLISH.
    pub(crate) fn publish(&self) -> (String, Vec<u8>) {
        assert_eq!(self.kind(), 3, "{self:?}");
        let length = usize::from(u16::from_be_bytes([self.body[0], self.body[1]]));
        let topic = String::from_utf8(self.body[2..2 + length].to_vec()).unwrap();
        let id = if self.qos() == 0 { 0 } else { 2 };
        (topic, self.body[2 + length + id..].to_vec())
    }

    /// The packet id of a SUBSCRIBE or of a PUBLISH with one.
    pub(crate) fn id(&self) -> [u8; 2] {
        let at = if self.kind() == 3 {
            2 + usize::from(u16::from_be_bytes([self.body[0], self.body[1]]))
        } else {
            0
        };
        [self.body[at], self.body[at + 1]]
    }
}

impl WireConnection {
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next packet, or `None` at the end of the connection.
    pub(crate) async fn packet(&mut self) -> Option<WirePacket> {
        let first = self.stream.read_u8().await.ok()?;
        let mut length = 0_usize;
        for shift in [0, 7, 14, 21] {
            let byte = self.stream.read_u8().await.ok()?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.ok()?;
        Some(WirePacket { first, body })
    }
}
