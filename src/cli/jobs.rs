//! `jobs`: the history of jobs, for people and their scripts; it works while the gateway runs, and without it.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::config::{Config, StateDir};
use crate::gateway::Clock;
use crate::history::{self, Entry};
use crate::service::Exit;
use printer::consumption::used_g;
use printer::record::{JobClass, JobResult};

use super::{complain, say};

/// Longer names are cut in the table.
const NAME: usize = 36;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// As JSON
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// As comma-separated values, for a spreadsheet
    #[arg(long)]
    csv: bool,
    /// Only what ended since then: `2026-11-01`, `2026-11-01T12:00`, or `30d` ago
    #[arg(long, value_name = "DATE|DURATION", value_parser = since)]
    since: Option<Since>,
    /// Only this printer, by its name or serial number
    #[arg(long, value_name = "NAME|SERIAL")]
    printer: Option<String>,
    /// Only the last so many
    #[arg(long, value_name = "N")]
    last: Option<usize>,
}

#[derive(Debug, Clone, Copy)]
enum Since {
    At(Timestamp),
    Ago(Duration),
}

/// Reads a day or a moment in the time of this machine, a moment of any other, or how long ago it was.
fn since(text: &str) -> Result<Since, String> {
    let local = |moment: DateTime| {
        let zoned = moment.to_zoned(TimeZone::system()).map_err(|error| error.to_string())?;
        Ok(Since::At(zoned.timestamp()))
    };
    if let Ok(moment) = text.parse::<Timestamp>() {
        Ok(Since::At(moment))
    } else if let Ok(moment) = text.parse::<DateTime>() {
        local(moment)
    } else if let Ok(day) = text.parse::<Date>() {
        local(day.at(0, 0, 0, 0))
    } else if let Ok(ago) = humantime::parse_duration(text) {
        Ok(Since::Ago(ago))
    } else {
        Err("write a day (`2026-11-01`), a moment (`2026-11-01T12:00`) or how long ago (`12h`, `30d`)".into())
    }
}

pub(super) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<Exit> {
    let place = &config.state_dir;
    let mut entries = Vec::new();
    // Looking must not make the directory, least of all for another user than the gateway's.
    if place.is_dir() {
        let history = history::read(&StateDir::open(place)?);
        let history = history.context("cannot read the history of jobs; is this the gateway's user?")?;
        if history.damaged > 0 {
            complain(&format!("{} lines of {} cannot be read", history.damaged, history::FILE));
        }
        entries = history.entries;
    }
    let nothing = entries.is_empty();
    let entries = choose(entries, arguments, Clock::start().now().wall);
    if arguments.json {
        say(&serde_json::to_string_pretty(&entries)?)?;
    } else if arguments.csv {
        say(csv(&entries).trim_end())?;
    } else if !entries.is_empty() {
        say(table(&entries, &TimeZone::system()).trim_end())?;
    }
    if nothing {
        complain(&format!(
            "no job is in {}: the gateway writes one there when it ends. If it runs elsewhere or as another user, \
             name its configuration with `-c`, or set `state_dir` to where it keeps its files",
            place.join(history::FILE).display()
        ));
    } else if entries.is_empty() {
        complain("no job is like that; without `--since`, `--printer` and `--last` all are listed");
    }
    Ok(Exit::Done)
}

/// Those that were asked for, newest first.
fn choose(mut entries: Vec<Entry>, arguments: &Arguments, now: Timestamp) -> Vec<Entry> {
    let ended = |entry: &Entry| entry.job.ended_at.or(entry.job.started_at);
    let from = arguments.since.map(|since| match since {
        Since::At(moment) => moment,
        Since::Ago(ago) => now.checked_sub(ago).unwrap_or(Timestamp::MIN),
    });
    let named = |entry: &Entry, wanted: &str| {
        entry.printer.to_lowercase() == wanted.to_lowercase() || entry.serial.eq_ignore_ascii_case(wanted)
    };
    entries.retain(|entry| {
        from.is_none_or(|from| ended(entry).is_some_and(|at| at >= from))
            && arguments.printer.as_deref().is_none_or(|wanted| named(entry, wanted.trim()))
    });
    entries.sort_by_key(|entry| std::cmp::Reverse(ended(entry)));
    entries.truncate(arguments.last.unwrap_or(usize::MAX));
    entries
}

/// How it ended, in a word or two.
fn result(entry: &Entry) -> &'static str {
    entry.job.result.map_or("failed or cancelled", JobResult::word)
}

fn table(entries: &[Entry], zone: &TimeZone) -> String {
    let began = |entry: &Entry| {
        let moment = entry.job.started_at.or(entry.job.ended_at)?;
        Some(moment.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string())
    };
    let row = |entry: &Entry| {
        let job = &entry.job;
        let calibration = (job.class == JobClass::Calibration).then(|| "calibration".to_owned());
        let mark = if job.observed { "" } else { " *" };
        [
            began(entry).unwrap_or_default(),
            plain(&entry.printer),
            calibration.or(job.name.as_deref().map(plain)).unwrap_or_else(|| "(no name)".into()),
            format!("{}{mark}", result(entry)),
            job.duration_s().map(took).unwrap_or_default(),
            used_g(&entry.job).map(|weight| format!("{weight:.1} g")).unwrap_or_default(),
            job.cost.map(|cost| format!("{cost:.2}")).unwrap_or_default(),
        ]
    };
    let head = ["BEGAN", "PRINTER", "JOB", "RESULT", "TOOK", "FILAMENT", "COST"].map(str::to_owned);
    let rows: Vec<_> = [head].into_iter().chain(entries.iter().map(row)).collect();
    let mut widths = [0; 7];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
            // Numbers stand at the right of their column.
            let _ = if at < 4 { write!(line, "{cell:<width$}  ") } else { write!(line, "{cell:>width$}  ") };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    if entries.iter().any(|entry| !entry.job.observed) {
        text.push_str("* from the cloud's list: the gateway did not see this job\n");
    }
    text
}

/// A name without what would play tricks on a terminal, and not too long.
fn plain(name: &str) -> String {
    let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let name = name.trim();
    if name.chars().count() <= NAME {
        return name.to_owned();
    }
    name.chars().take(NAME - 1).chain(['…']).collect()
}

fn took(seconds: u64) -> String {
    match (seconds / 3600, seconds % 3600 / 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes:02} min"),
    }
}

fn csv(entries: &[Entry]) -> String {
    let mut text =
        "printer,serial,job,class,result,began,ended,took_s,paused_s,progress,filament_g,energy_kwh,cost,\
                    observed,task_id\n"
            .to_owned();
    for entry in entries {
        let job = &entry.job;
        let class = if job.class == JobClass::Calibration { "calibration" } else { "print" };
        let cells = [
            entry.printer.to_string(),
            entry.serial.to_string(),
            job.name.as_deref().unwrap_or_default().to_owned(),
            class.into(),
            job.result.map(JobResult::word).unwrap_or_default().into(),
            job.started_at.map(|at| at.to_string()).unwrap_or_default(),
            job.ended_at.map(|at| at.to_string()).unwrap_or_default(),
            job.duration_s().map(|s| s.to_string()).unwrap_or_default(),
            job.paused_s.to_string(),
            job.progress.map(|percent| percent.to_string()).unwrap_or_default(),
            used_g(&entry.job).map(|weight| format!("{weight:.2}")).unwrap_or_default(),
            job.energy_kwh.map(|energy| format!("{energy:.3}")).unwrap_or_default(),
            job.cost.map(|cost| format!("{cost:.2}")).unwrap_or_default(),
            job.observed.to_string(),
            job.task_id.as_deref().unwrap_or_default().to_owned(),
        ];
        let quoted = cells.map(|cell| {
            if cell.contains([',', '"', '\n', '\r']) {
                format!("\"{}\"", cell.replace('"', "\"\""))
            } else {
                cell
            }
        });
        text.push_str(&quoted.join(","));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use printer::JobRecord;

    fn entry(printer: &str, name: &str, began: &str, ended: &str) -> Entry {
        let job = JobRecord {
            key: ended.into(),
            name: Some(name.into()),
            started_at: Some(began.parse().unwrap()),
            ended_at: Some(ended.parse().unwrap()),
            result: Some(JobResult::Finished),
            planned_g: Some(12.34),
            observed: true,
            ..JobRecord::default()
        };
        Entry { serial: "01P00A000000001".into(), printer: printer.into(), job }
    }

    fn arguments() -> Arguments {
        Arguments { json: false, csv: false, since: None, printer: None, last: None }
    }

    fn names(entries: &[Entry]) -> Vec<&str> {
        entries.iter().filter_map(|entry| entry.job.name.as_deref()).collect()
    }

    #[test]
    fn what_was_asked_for_comes_newest_first() {
        let all = vec![
            entry("Garage", "a", "2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"),
            entry("Office", "b", "2026-03-02T10:00:00Z", "2026-03-02T11:00:00Z"),
            entry("Garage", "c", "2026-03-03T10:00:00Z", "2026-03-03T11:00:00Z"),
        ];
        let now = "2026-03-03T12:00:00Z".parse().unwrap();
        let chosen = |arguments: &Arguments| names(&choose(all.clone(), arguments, now)).join("");
        assert_eq!(chosen(&arguments()), "cba");
        assert_eq!(chosen(&Arguments { last: Some(2), ..arguments() }), "cb");
        assert_eq!(chosen(&Arguments { printer: Some("garage".into()), ..arguments() }), "ca");
        assert_eq!(chosen(&Arguments { printer: Some("01p00a000000001 ".into()), ..arguments() }), "cba");
        assert_eq!(chosen(&Arguments { since: Some(since("26h").unwrap()), ..arguments() }), "cb");
        let moment = since("2026-03-03T10:59:00Z").unwrap();
        assert_eq!(chosen(&Arguments { since: Some(moment), ..arguments() }), "c");
        assert!(matches!(since("2026-03-03"), Ok(Since::At(_))));
        assert!(matches!(since("2026-03-03T10:00"), Ok(Since::At(_))));
        assert!(since("yesterday").unwrap_err().contains("30d"));
    }

    #[test]
    fn the_table_is_for_people() {
        let mut failed = entry("Garage", "tower\u{1b}[2J", "2026-03-01T10:00:00Z", "2026-03-01T10:12:30Z");
        failed.job.result = Some(JobResult::Failed);
        failed.job.progress = Some(50);
        failed.job.cost = Some(0.5);
        let mut unseen = entry("Büro", &"long ".repeat(20), "2026-03-02T10:00:00Z", "2026-03-03T11:05:00Z");
        unseen.job.result = None;
        unseen.job.observed = false;
        let text = table(&[failed, unseen], &TimeZone::UTC);
        let expected = "\
BEGAN             PRINTER  JOB                                   RESULT                        TOOK  FILAMENT  COST
2026-03-01 10:00  Garage   tower [2J                             failed                      12 min     6.2 g  0.50
2026-03-02 10:00  Büro     long long long long long long long …  failed or cancelled *  25 h 05 min
* from the cloud's list: the gateway did not see this job
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_spreadsheet_keeps_commas_and_quotes_apart() {
        let text = csv(&[entry("Garage, left", "a \"b\"", "2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z")]);
        let row = text.lines().nth(1).unwrap();
        assert!(row.starts_with(
            "\"Garage, left\",01P00A000000001,\"a \"\"b\"\"\",print,finished,2026-03-01T10:00:00Z,"
        ));
        assert_eq!(text.lines().next().unwrap().split(',').count(), 15);
        assert!(row.ends_with(",3600,0,,12.34,,,true,"), "{row}");
    }
}
