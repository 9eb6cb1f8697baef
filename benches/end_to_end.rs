//! The gateway as its own process between two real mosquitto brokers: CPU per report, and memory.
//!
//! `cargo bench --bench end_to_end` measures printers of four kinds at two paces. The first broker plays the
//! cloud (TLS), the second Home Assistant's (plain). In the same run a third mosquitto bridges the same
//! messages from one to the other unread: that is the floor. Messages are evenly spaced, 5 ms or 1 ms apart,
//! so that each wakes the gateway by itself. `-- a1 h2d` measures only these.
//!
//! `-- --printers 1000` measures memory and CPU with the emulated cloud of `simulator` instead, in a
//! process of its own.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark talks to a person")]

#[path = "support/broker.rs"]
mod broker;
#[path = "support/process.rs"]
mod process;
#[path = "support/rest.rs"]
mod rest;
#[path = "support/streams.rs"]
mod streams;
#[path = "support/wire.rs"]
mod wire;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use broker::{Cloud, Mosquitto};
use process::Process;
use streams::{Class, Stream};
use wire::{Counter, Publisher};

/// Reports a second, over all printers together.
const PACES: [u32; 2] = [200, 1000];
/// Printers that share them.
const PRINTERS: usize = 10;
/// How long is measured.
const MEASURED: Duration = Duration::from_secs(10);
/// How long the gateway waits for a version that does not come; then it knows its printers.
const SETTLING: Duration = Duration::from_secs(17);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["--cloud", printers] = arguments.as_slice() {
        return emulate(printers.parse()?);
    }
    if broker::find().is_none() {
        println!("end to end: skipped, there is no mosquitto on this machine (apt-get install mosquitto)");
        return Ok(());
    }
    match arguments.as_slice() {
        ["--printers", most] => many(most.parse().context("--printers takes a number")?),
        [] => paces(&Class::ALL),
        names => paces(&names.iter().filter_map(|name| Class::of(name)).collect::<Vec<_>>()),
    }
}

#[allow(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn clock() -> Instant {
    Instant::now()
}

/// Starts the gateway with this configuration.
fn gateway(folder: &Path, config: &Value) -> Result<Process> {
    let file = folder.join("config.yaml");
    // JSON is YAML.
    std::fs::write(&file, config.to_string())?;
    let log = std::fs::File::create(folder.join("gateway.log"))?;
    // Another build can be measured in its place.
    let binary =
        std::env::var_os("BAMBU2MQTT_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_bambu2mqtt").into());
    let mut command = Command::new(binary);
    command.arg("run").arg("--config").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    Process::start(command)
}

fn configuration(folder: &Path, bambu: &Value, port: u16) -> Value {
    json!({
        "state_dir": folder.join("state"),
        "bambu": bambu,
        "mqtt": {"url": format!("mqtt://127.0.0.1:{port}")},
    })
}

/// CPU time per report at different paces, beside a bridge.
fn paces(classes: &[Class]) -> Result<()> {
    let mosquitto = broker::find().unwrap_or_default();
    println!(
        "{PRINTERS} printers, evenly spaced reports, {} s each; CPU in µs per report",
        MEASURED.as_secs()
    );
    println!(
        "printer    reports           bytes   pace/s   gateway   bridge   ratio   published/report   memory, kB"
    );
    for &class in classes {
        let stream = Stream::load(class);
        let folder = tempfile::tempdir()?;
        let cloud = Cloud::start(&mosquitto, folder.path())?;
        let home = Mosquitto::plain(&mosquitto, folder.path(), "home")?;
        let far = Mosquitto::plain(&mosquitto, folder.path(), "far")?;
        let bridge = Mosquitto::bridge(&mosquitto, folder.path(), &cloud, far.port)?;
        let serials: Vec<String> =
            (0..PRINTERS).map(|n| format!("{}{n:06}", stream.serial.get(..9).unwrap_or("x"))).collect();
        let api = rest::serve(&serials)?;
        let ca = folder.path().join("ca.pem");
        let bambu = json!({
            "account": "bench@example.com", "token": "bench", "api_url": api,
            "mqtt_url": format!("mqtts://127.0.0.1:{}", cloud.port), "ca_file": ca,
        });
        let published = Counter::start(home.port, "bambu2mqtt/#")?;
        let gateway = gateway(folder.path(), &configuration(folder.path(), &bambu, home.port))?;
        // Without a listener the far broker would save its bridge nothing, but be no broker in use.
        let bridged = Counter::start(far.port, "device/#")?;
        let mut printers = Publisher::connect(cloud.plain_port)?;
        let topics: Vec<String> = serials.iter().map(|serial| format!("device/{serial}/report")).collect();
        published.wait_for_any().context("the gateway does not publish; see its log")?;
        // Everything once, slowly enough that nobody drops a message; then again for what was settled late.
        let teach = |publisher: &mut Publisher| -> Result<()> {
            for report in &stream.all {
                for topic in &topics {
                    publisher.publish(topic, report)?;
                }
                sleep(Duration::from_millis(2));
            }
            Ok(())
        };
        teach(&mut printers)?;
        sleep(SETTLING);
        teach(&mut printers)?;
        sleep(Duration::from_secs(1));
        for pace in PACES {
            let before = (gateway.cpu()?, bridge.cpu()?, published.count(), bridged.count());
            let sent = send(&mut printers, &topics, &stream, pace)?;
            sleep(Duration::from_millis(500));
            let after = (gateway.cpu()?, bridge.cpu()?, published.count(), bridged.count());
            ensure!(after.3 - before.3 == sent, "the bridge lost messages: {} of {sent}", after.3 - before.3);
            let reports = f64::from(u32::try_from(sent)?);
            let each = |before: Duration, after: Duration| {
                after.saturating_sub(before).as_secs_f64() * 1e6 / reports
            };
            let (ours, floor) = (each(before.0, after.0), each(before.1, after.1));
            println!(
                "{:<9} {:>5} {:<10} {:>6} {:>8} {:>9.1} {:>8.1} {:>7.2} {:>18.3} {:>12}",
                class.label(),
                sent,
                stream.source(),
                stream.bytes(),
                pace,
                ours,
                floor,
                ours / floor,
                f64::from(u32::try_from(after.2 - before.2)?) / reports,
                gateway.memory("VmRSS")?,
            );
        }
    }
    Ok(())
}

/// Sends measured reports for [`MEASURED`], the printers taking turns.
fn send(publisher: &mut Publisher, topics: &[String], stream: &Stream, pace: u32) -> Result<u64> {
    let step = Duration::from_secs(1) / pace;
    let start = clock();
    let mut sent = 0;
    // All printers live through the same stream, each a bit ahead of the one before.
    let reports =
        |printer: usize| stream.measured.iter().cycle().skip(printer * stream.measured.len() / PRINTERS);
    let mut lives: Vec<_> = (0..PRINTERS).map(reports).collect();
    'all: loop {
        for (topic, life) in topics.iter().zip(&mut lives) {
            if start.elapsed() >= MEASURED {
                break 'all;
            }
            publisher.publish(topic, life.next().context("no reports")?)?;
            sent += 1;
            sleep((step * sent).saturating_sub(start.elapsed()));
        }
    }
    Ok(sent.into())
}

/// The emulated cloud, in this process until its standard input ends. Prints what the gateway must know.
fn emulate(printers: usize) -> Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let cloud =
            simulator::Cloud::start(simulator::Options { printers, ..simulator::Options::default() }).await?;
        let settings = cloud.settings();
        let bambu = json!({
            "account": settings.account, "token": settings.token, "api_url": settings.api_url,
            "mqtt_url": settings.mqtt_url, "ca_file": settings.ca_file,
        });
        println!("{bambu}");
        let (mut end, ended) = (String::new(), tokio::sync::oneshot::channel());
        std::thread::spawn(move || {
            while std::io::stdin().read_line(&mut end).is_ok_and(|n| n > 0) {}
            // The other end is gone only when this is over anyway.
            let _ = ended.0.send(());
        });
        let mut second = tokio::time::interval(Duration::from_secs(1));
        let mut ended = ended.1;
        loop {
            tokio::select! {
                _ = &mut ended => break,
                _ = second.tick() => println!("{}", cloud.reports_sent()),
            }
        }
        cloud.stop().await;
        Ok(())
    })
}

/// Memory and CPU of the gateway with three printers and with many.
fn many(most: usize) -> Result<()> {
    let mosquitto = broker::find().unwrap_or_default();
    println!("printers   reports/s   CPU, %   µs/report   published/report   memory, kB   at most, kB");
    for printers in [3, most] {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--cloud").arg(printers.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut cloud = Process::start(command)?;
        let mut lines = BufReader::new(cloud.output().context("a pipe")?).lines();
        let bambu: Value = serde_json::from_str(&lines.next().context("the cloud did not start")??)?;
        let said = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
        let heard = std::sync::Arc::clone(&said);
        std::thread::spawn(move || {
            for count in lines.map_while(Result::ok).filter_map(|line| line.parse().ok()) {
                heard.store(count, std::sync::atomic::Ordering::Relaxed);
            }
        });
        let reports = || said.load(std::sync::atomic::Ordering::Relaxed);
        let home = Mosquitto::plain(&mosquitto, folder.path(), "home")?;
        let published = Counter::start(home.port, "#")?;
        let gateway = gateway(folder.path(), &configuration(folder.path(), &bambu, home.port))?;
        published.wait_for_any().context("the gateway does not publish")?;
        // Until all discovery is out, and then some.
        let mut last = (0, 0);
        while last.1 < 10 {
            sleep(Duration::from_secs(1));
            let devices = published.configs();
            last = if devices == last.0 { (devices, last.1 + 1) } else { (devices, 0) };
        }
        sleep(Duration::from_secs(20));
        let before = (gateway.cpu()?, published.count(), reports(), clock());
        sleep(MEASURED * 2);
        let after = (gateway.cpu()?, published.count(), reports(), clock());
        let seconds = (after.3 - before.3).as_secs_f64();
        let cpu = after.0.saturating_sub(before.0).as_secs_f64();
        let sent = f64::from(u32::try_from(after.2 - before.2)?).max(1.0);
        println!(
            "{printers:>8} {:>11.0} {:>8.2} {:>11.1} {:>18.3} {:>12} {:>13}   ({} discovery messages)",
            sent / seconds,
            cpu / seconds * 100.0,
            cpu * 1e6 / sent,
            f64::from(u32::try_from(after.1 - before.1)?) / sent,
            gateway.memory("VmRSS")?,
            gateway.memory("VmHWM")?,
            published.configs(),
        );
        std::io::stdout().flush()?;
    }
    Ok(())
}
