//! The emulated cloud alone, for a test that restarts the gateway while the printers live on.
//!
//! The first line on standard output is what a configuration needs to reach it and who the printers are, as JSON.
//! Then each line on standard input is done and answered with `ok` or what is wrong; it ends with its input.

use std::io::{BufRead as _, Write as _};

use serde_json::json;
use simulator::{Cloud, JobSpec, Options, Printer};

/// Does one line; the words are `VERB SERIAL …`.
fn act(cloud: &Cloud, line: &str) -> Result<(), String> {
    let mut words = line.split_whitespace();
    let (Some(verb), Some(serial)) = (words.next(), words.next()) else {
        return Err(format!("`{line}` is not VERB SERIAL"));
    };
    let rest: Vec<&str> = words.collect();
    let done: Result<(), String> = match (verb, rest.as_slice()) {
        ("off", []) => {
            cloud.power_off(serial, 1);
            return Ok(());
        }
        ("on", []) => {
            cloud.power_on(serial);
            return Ok(());
        }
        _ => with(cloud, serial, |printer| match (verb, rest.as_slice()) {
            ("rest", []) => printer.rest(),
            ("start", [seconds, name @ ..]) => {
                printer.start_job(JobSpec::cloud(&name.join(" ")).seconds(seconds.parse().unwrap_or(60.0)));
            }
            ("skip", [share]) => printer.skip_to(share.parse().unwrap_or(1.0)),
            ("fail", [code]) => printer.fail_job(code.parse().unwrap_or(0)),
            ("cancel", []) => printer.cancel_job(),
            ("runout", []) => printer.run_out(),
            ("pause", []) => printer.pause_job(),
            ("resume", []) => printer.resume_job(),
            _ => panic!("`{line}` is nothing that a printer does"),
        }),
    };
    done
}

fn with(cloud: &Cloud, serial: &str, act: impl FnOnce(&mut Printer)) -> Result<(), String> {
    cloud.with_printer(serial, act).ok_or_else(|| format!("there is no printer {serial}"))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let printers = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(3);
    let speed = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1.0);
    let cloud = Cloud::start(Options { printers, speed, ..Options::default() }).await?;
    let settings = cloud.settings();
    let first = json!({
        "bambu": {
            "account": settings.account, "password": settings.password, "api_url": settings.api_url,
            "mqtt_url": settings.mqtt_url, "ca_file": settings.ca_file,
        },
        "serials": cloud.serials(),
    });
    let mut out = std::io::stdout();
    writeln!(out, "{first}")?;
    let (sender, mut lines) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    while let Some(line) = lines.recv().await {
        match act(&cloud, line.trim()) {
            Ok(()) => writeln!(out, "ok")?,
            Err(why) => writeln!(out, "{why}")?,
        }
    }
    cloud.stop().await;
    Ok(())
}
