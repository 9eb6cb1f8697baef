use super::*;
use rumqttc::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, Packet, QoS};
use std::collections::HashSet;
use std::time::Duration;

fn client(broker: &Broker, name: &str, login: Option<(&str, &str)>) -> (AsyncClient, EventLoop) {
    let mut options = MqttOptions::new(name, "127.0.0.1", broker.address().port());
    if let Some((user, password)) = login {
        options.set_credentials(user, password);
    }
    options.set_max_packet_size(1 << 20, 1 << 20);
    AsyncClient::new(options, 100)
}

async fn connect(events: &mut EventLoop) -> Result<(), ConnectionError> {
    loop {
        if let Event::Incoming(Packet::ConnAck(_)) = events.poll().await? {
            return Ok(());
        }
    }
}

#[tokio::test]
async fn keeps_large_retained_messages_for_those_who_come_later() {
    let broker = Broker::start(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let (early, mut events) = client(&broker, "early", None);
    // More than the library's own limit of what may wait for a client.
    let messages = 12_000;
    let publish = tokio::spawn(async move {
        for number in 0..messages {
            let payload = vec![b'x'; if number == 0 { 70_000 } else { 20 }];
            early.publish(format!("homeassistant/{number}"), QoS::AtLeastOnce, true, payload).await.unwrap();
        }
        early
    });
    let mut acknowledged = 0;
    while acknowledged < messages {
        if let Event::Incoming(Packet::PubAck(_)) = events.poll().await.unwrap() {
            acknowledged += 1;
        }
    }
    let (late, mut events) = client(&broker, "late", None);
    late.subscribe("homeassistant/#", QoS::AtMostOnce).await.unwrap();
    let mut seen = HashSet::new();
    let gather = async {
        while seen.len() < messages {
            if let Event::Incoming(Packet::Publish(publish)) = events.poll().await.unwrap() {
                assert!(publish.retain);
                seen.insert((publish.topic, publish.payload.len()));
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gather).await.unwrap();
    assert!(seen.contains(&("homeassistant/0".to_owned(), 70_000)));
    drop(publish);
    broker.stop().await;
}

#[tokio::test]
async fn takes_the_next_port_when_the_wanted_one_is_in_use() {
    let first = Broker::start(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let second = Broker::start(first.address()).await.unwrap();
    assert!(second.moved() && !first.moved());
    assert!(second.address().port() > first.address().port());
    assert_eq!(second.url(), format!("mqtt://127.0.0.1:{}", second.address().port()));
    assert!(second.login().is_none());
}

#[tokio::test]
async fn asks_for_a_login_when_others_can_reach_it() {
    let broker = Broker::start(SocketAddr::from(([0, 0, 0, 0], 0))).await.unwrap();
    let login = broker.login().cloned().unwrap();
    let (_client, mut events) = client(&broker, "nobody", None);
    assert!(matches!(connect(&mut events).await, Err(ConnectionError::ConnectionRefused(_))));
    let (_client, mut events) = client(&broker, "somebody", Some((&login.user, &login.password)));
    connect(&mut events).await.unwrap();
}
