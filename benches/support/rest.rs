//! Just enough of the cloud's REST for a gateway that has a token.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use anyhow::Result;
use serde_json::{Value, json};

/// Answers until the process ends, with these printers; says where.
pub(crate) fn serve(serials: &[String]) -> Result<String> {
    let devices: Vec<Value> = serials
        .iter()
        .enumerate()
        .map(|(number, serial)| json!({"dev_id": serial, "name": format!("Bench {number}"), "online": true}))
        .collect();
    let bound = json!({"message": "success", "code": null, "error": null, "devices": devices});
    let user = json!({"uid": 123_456_789, "name": "bench", "handle": "bench"});
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that goes away is its own trouble.
            let _ = answer(&stream, &user, &bound);
        }
    });
    Ok(format!("http://{address}"))
}

fn answer(mut stream: &TcpStream, user: &Value, bound: &Value) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let body = if first.contains("/bind") { bound } else { user }.to_string();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}
