//! As much MQTT 3.1.1 as it takes to publish and to count, in so few steps that nothing waits.

use std::io::{BufReader, Read, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

const CONNECT: u8 = 0x10;
const PUBLISH: u8 = 0x30;
const SUBSCRIBE: u8 = 0x82;

fn text(packet: &mut Vec<u8>, text: &str) -> Result<()> {
    packet.extend(u16::try_from(text.len())?.to_be_bytes());
    packet.extend(text.as_bytes());
    Ok(())
}

fn send(stream: &mut TcpStream, kind: u8, body: &[&[u8]]) -> Result<()> {
    let mut length = body.iter().map(|part| part.len()).sum::<usize>();
    let mut packet = vec![kind];
    loop {
        let digit = u8::try_from(length % 128)?;
        length /= 128;
        packet.push(if length > 0 { digit | 0x80 } else { digit });
        if length == 0 {
            break;
        }
    }
    packet.extend(body.iter().copied().flatten());
    Ok(stream.write_all(&packet)?)
}

/// The next packet: its first byte and its body.
fn receive(stream: &mut impl Read, body: &mut Vec<u8>) -> Result<u8> {
    let mut byte = [0];
    stream.read_exact(&mut byte)?;
    let [kind] = byte;
    let mut length = 0;
    for shift in [0, 7, 14, 21] {
        stream.read_exact(&mut byte)?;
        let [digit] = byte;
        length |= usize::from(digit & 0x7F) << shift;
        if digit & 0x80 == 0 {
            break;
        }
    }
    body.resize(length, 0);
    stream.read_exact(body)?;
    Ok(kind)
}

fn connect(port: u16, id: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_nodelay(true)?;
    let mut body = Vec::new();
    text(&mut body, "MQTT")?;
    // Version 4, clean session, no keep-alive.
    body.extend([4, 2, 0, 0]);
    text(&mut body, id)?;
    send(&mut stream, CONNECT, &[&body])?;
    receive(&mut stream, &mut body)?;
    ensure!(body == [0, 0], "the broker refuses {id}");
    Ok(stream)
}

/// Publishes at most once.
pub(crate) struct Publisher(TcpStream);

impl Publisher {
    pub(crate) fn connect(port: u16) -> Result<Self> {
        connect(port, "bench-publisher").map(Self)
    }

    pub(crate) fn publish(&mut self, topic: &str, payload: &[u8]) -> Result<()> {
        let mut head = Vec::with_capacity(topic.len() + 2);
        text(&mut head, topic)?;
        send(&mut self.0, PUBLISH, &[&head, payload])
    }
}

/// Counts what is published.
pub(crate) struct Counter {
    all: Arc<AtomicU64>,
    configs: Arc<AtomicU64>,
}

impl Counter {
    pub(crate) fn start(port: u16, filter: &str) -> Result<Self> {
        let mut stream = connect(port, "bench-counter")?;
        let mut body = vec![0, 1];
        text(&mut body, filter)?;
        body.push(0);
        send(&mut stream, SUBSCRIBE, &[&body])?;
        let counter = Self { all: Arc::default(), configs: Arc::default() };
        let (all, configs) = (Arc::clone(&counter.all), Arc::clone(&counter.configs));
        std::thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut body = Vec::new();
            while let Ok(kind) = receive(&mut stream, &mut body) {
                if kind & 0xF0 == PUBLISH {
                    all.fetch_add(1, Ordering::Relaxed);
                    let config =
                        body.get(2..).is_some_and(|topic| topic.starts_with(b"homeassistant/device/"));
                    configs.fetch_add(config.into(), Ordering::Relaxed);
                }
            }
        });
        Ok(counter)
    }

    /// Messages so far.
    pub(crate) fn count(&self) -> u64 {
        self.all.load(Ordering::Relaxed)
    }

    /// Discovery messages among them.
    pub(crate) fn configs(&self) -> u64 {
        self.configs.load(Ordering::Relaxed)
    }

    /// Returns once there is a message.
    pub(crate) fn wait_for_any(&self) -> Result<()> {
        for _ in 0..3000 {
            if self.count() > 0 {
                return Ok(());
            }
            sleep(Duration::from_millis(10));
        }
        None.context("nothing was published within 30 s")
    }
}
