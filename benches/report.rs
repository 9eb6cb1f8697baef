//! One report, from its bytes to publications, in process: time, instructions, allocations.
//!
//! `cargo bench --bench report` prints a table. Microseconds are the quickest of several rounds and differ
//! between machines; instructions and allocations are counted by valgrind, where it is installed, and hardly
//! differ. `-- --keys` adds which entities are published most.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark talks to a person")]

#[path = "support/streams.rs"]
mod streams;

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bambu::access::CLOUD;
use bambu::session::Budget;
use homeassistant::Publication;
use homeassistant::topic::Topics;
use printer::{Now, Observed, Policy, Serial};
use twin::{Broker, Input, Output, Place, Setup, Twin};

use streams::{Class, Stream};

/// Times that the reports are measured.
const ROUNDS: u32 = 30;
/// Repetitions of the short and of the long run under valgrind; the difference is free of set-up.
const COUNTED: [u32; 2] = [1, 4];

/// A printer of the gateway without its edges.
struct Printer {
    now: Now,
    twin: Twin,
    budget: Budget,
    outputs: Vec<Output>,
    out: Vec<Publication>,
}

impl Printer {
    /// A printer that has said everything once.
    fn new(stream: &Stream) -> Self {
        let topics = Topics {
            base: "bambu2mqtt".into(),
            discovery: "homeassistant".into(),
            id_prefix: "bambu2mqtt".into(),
        };
        let serial = Serial::new(&stream.serial);
        let now = Now { mono: Duration::ZERO, wall: jiff::Timestamp::UNIX_EPOCH };
        let policy = Policy { name: "Garage".into(), ..Policy::default() };
        let twin = Twin::new(Setup::new(serial, ["", ""], policy, &Arc::new(topics)), &mut Vec::new());
        let budget = Budget::default();
        let mut printer = Self { now, twin, budget, outputs: Vec::new(), out: Vec::new() };
        let place = Place::default();
        for input in [
            Input::Join(place, &CLOUD),
            Input::Connected(place),
            Input::Broker(Broker::Up),
            Input::Broker(Broker::Tell(None)),
        ] {
            printer.twin.handle(now, input, &mut printer.budget, &mut printer.outputs);
        }
        // Twice: what it can do is settled only after some seconds.
        for report in stream.all.iter().chain(&stream.all) {
            printer.take(report);
        }
        printer.out.clear();
        printer
    }

    /// Takes a report, a second after the one before.
    fn take(&mut self, report: &[u8]) {
        self.now.mono += Duration::from_secs(1);
        self.now.wall += Duration::from_secs(1);
        let input = Input::Message(Place::default(), report);
        self.twin.handle(self.now, input, &mut self.budget, &mut self.outputs);
        self.out.extend(self.outputs.drain(..).filter_map(|output| match output {
            Output::Publish(publication) => Some(publication),
            _ => None,
        }));
    }

    /// Takes the measured reports once; says how many publications that made.
    fn round(&mut self, stream: &Stream) -> usize {
        let mut publications = 0;
        for report in &stream.measured {
            self.take(report);
            publications += self.out.len();
            self.out.clear();
        }
        publications
    }
}

#[allow(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn clock() -> Instant {
    Instant::now()
}

#[allow(clippy::cast_precision_loss, reason = "for people")]
fn ratio(a: u64, b: usize) -> f64 {
    a as f64 / b.max(1) as f64
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut keys = false;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // What valgrind looks at.
            "--repeat" => {
                let mut next = || arguments.next().unwrap_or_default();
                let (class, rounds) = (Class::of(&next()), next().parse().unwrap_or(1));
                let Some(class) = class else { return };
                let stream = Stream::load(class);
                let mut printer = Printer::new(&stream);
                for _ in 0..rounds {
                    printer.round(&stream);
                }
                return;
            }
            "--keys" => keys = true,
            _ => {}
        }
    }
    println!(
        "printer    reports           bytes       µs   instructions   allocations   publications   per report"
    );
    for class in Class::ALL {
        measure(&Stream::load(class));
    }
    if !valgrind_is_here() {
        println!("No valgrind here, so nothing is counted: apt-get install valgrind");
    }
    println!(
        "\nBytes in memory: Observed {}, Twin {}, Print {}",
        size_of::<Observed>(),
        size_of::<Twin>(),
        size_of::<bambu::report::Print>(),
    );
    if keys {
        for class in Class::ALL {
            show_keys(&Stream::load(class));
        }
    }
}

fn measure(stream: &Stream) {
    let reports = stream.measured.len();
    let mut printer = Printer::new(stream);
    let mut quickest = Duration::MAX;
    let mut publications = 0;
    for _ in 0..ROUNDS {
        let start = clock();
        publications = printer.round(stream);
        quickest = quickest.min(start.elapsed());
    }
    let counted =
        |tool: Tool| count(tool, stream).map_or("-".into(), |n| format!("{:.0}", ratio(n, reports)));
    println!(
        "{:<9} {:>5} {:<10} {:>6} {:>8.2} {:>14} {:>13} {:>14} {:>12.3}",
        stream.class.label(),
        reports,
        stream.source(),
        stream.bytes(),
        quickest.as_secs_f64() * 1e6 / ratio(reports as u64, 1),
        counted(Tool::Instructions),
        counted(Tool::Allocations),
        publications,
        ratio(publications as u64, reports),
    );
}

/// Which entities are published most.
fn show_keys(stream: &Stream) {
    let mut printer = Printer::new(stream);
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for report in &stream.measured {
        printer.take(report);
        for publication in printer.out.drain(..) {
            let key = publication.topic.splitn(3, '/').nth(2).unwrap_or(&publication.topic);
            *counts.entry(key.to_owned()).or_default() += 1;
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    println!("\n{}: publications per report by entity", stream.class.label());
    for (key, count) in counts.iter().take(15) {
        println!("  {:.3} {key}", ratio(*count, stream.measured.len()));
    }
}

#[derive(Clone, Copy)]
enum Tool {
    Instructions,
    Allocations,
}

fn valgrind_is_here() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// What valgrind counts for one round of the measured reports.
fn count(tool: Tool, stream: &Stream) -> Option<u64> {
    let [short, long] = COUNTED.map(|rounds| under_valgrind(tool, stream, rounds));
    Some(long?.checked_sub(short?)? / u64::from(COUNTED[1] - COUNTED[0]))
}

fn under_valgrind(tool: Tool, stream: &Stream, rounds: u32) -> Option<u64> {
    let options: &[&str] = match tool {
        Tool::Instructions => &["--tool=callgrind", "--callgrind-out-file=/dev/null"],
        Tool::Allocations => &["--tool=memcheck", "--leak-check=no", "--undef-value-errors=no"],
    };
    let output = Command::new("valgrind")
        .args(options)
        .arg(std::env::current_exe().ok()?)
        .args(["--repeat", stream.class.name(), &rounds.to_string()])
        .output()
        .ok()?;
    let report = String::from_utf8_lossy(&output.stderr);
    let after = |mark: &str| report.split_once(mark).map(|(_, rest)| rest);
    let number = match tool {
        Tool::Instructions => after("Collected :")?,
        Tool::Allocations => after("total heap usage:")?,
    };
    let number = number.trim_start().split(' ').next()?.lines().next()?;
    number.replace(',', "").parse().ok()
}
