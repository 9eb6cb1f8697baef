//! How long the tracker waits, and how much it allows for, each with its reason.
//!
//! Printers contradict themselves for some seconds at each edge, so what is told is what is so when a hold ends.
//! A hold that is too short tells what is not true, one that is too long tells it late. Each has a row in
//! `tests/it/traces/holds.rs`, or the trace that is named here, which fails when it is half or twice as long.

use std::time::Duration;

/// Names and numbers of a new job have settled when they did not change for so long: they come some messages after
/// the state, and messages come about once a second (protocol 20.3 and 20.4).
pub(super) const SETTLED: Duration = Duration::from_secs(2);
/// A new job is believed after so long in any case: a print of the same file from the local network never gets
/// another name or number (protocol 20.3 and 20.4).
pub(super) const ARMED: Duration = Duration::from_secs(5);
/// A pause is one when it lasts for two messages (protocol 20.5).
pub(super) const PAUSED: Duration = Duration::from_secs(2);
/// Another number of the job under way means another job when it stays as long as names need to settle
/// (protocol 20.3).
pub(super) const RENAMED: Duration = Duration::from_secs(2);
/// The figures of a young job may be those of the last one (protocol 4.4 and 20.5).
pub(super) const YOUNG: Duration = Duration::from_secs(60);
/// The stage of printing is also said for a moment between two steps of preparation, and layers are counted while
/// it measures (protocol 4.4 and 4.5); without a layer only a stage that stays means that it prints.
pub(super) const PRINTS: Duration = Duration::from_secs(10);

/// An end that is `FINISH` is not taken back; the rest of the same message's figures may come in the next one
/// (protocol 20.2).
pub(super) const HOLD_FINISH: Duration = Duration::from_secs(1);
/// The cancel code of an H2D comes three to four seconds after the end (protocol 20.2, recording
/// `h2d_stream_pause_stop_failed_hms`); a slow connection may need some times that.
pub(super) const HOLD_FAILED: Duration = Duration::from_secs(15);
/// Old P1 firmware goes to rest without a word when a job is cancelled, and others do for a moment before they say
/// how it ended (protocol 20.2).
pub(super) const HOLD_IDLE: Duration = Duration::from_secs(20);
/// How long an end that is late already waits for the cloud to say when it was: longer than its second answer,
/// which is asked for after 10 s (protocol 20.6). Nobody waits for such an end.
pub(super) const HOLD_CLOCK: Duration = Duration::from_secs(20);

/// A fault explains the failure that follows it within this time: a printer first heats down and parks
/// (`a_fault_explains_a_failure_for_two_minutes`).
pub(super) const EXPLAINS: Duration = Duration::from_secs(120);
/// A cancel code explains an end that comes so long after it: an H2D or a P1 ends its movement first
/// (protocol 20.2).
pub(super) const CODE_BEFORE: Duration = Duration::from_secs(60);
/// It may also come after the end, for as long as a failure is held (protocol 20.2).
pub(super) const CODE_AFTER: Duration = HOLD_FAILED;

/// A print that begins so soon after the power came back, under the name of the last one, was begun by nobody
/// (protocol 20.4, bambuddy #1542).
pub(super) const POWER_ON: Duration = Duration::from_secs(120);
/// So long before its beginning the cloud may have sent a job: a large file on a slow connection.
pub(super) const SENT: Duration = Duration::from_secs(600);

/// When the cloud is asked, from the beginning: prints appear late in its list (protocol 20.6).
pub(super) const ASKS: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(10), Duration::from_secs(30), Duration::from_secs(120)];
/// How long it is waited for: the last question, and time for its answer (protocol 20.6).
pub(super) const PATIENCE: Duration = Duration::from_secs(150);
/// How long a printer that was away may take to start and to offer that its print goes on (`trace_18_power_lost`).
pub(super) const RESUME: Duration = Duration::from_secs(90);
/// How long a printer at rest, whose job the cloud cannot know, may take to say more: as long as any other that
/// goes to rest without a word (protocol 20.2).
pub(super) const REST: Duration = HOLD_IDLE;

/// Drying that ends so much before its time was ended by somebody. Printers count in minutes, and correct
/// themselves by some of them.
pub(super) const EARLY: Duration = Duration::from_secs(300);
/// How long a health message must be gone: an A1 takes its back and says it again five seconds later
/// (protocol 7.4 and 20.5, recording `a1_stream_local_multicolor_ams_error`, messages 488 to 493).
pub(super) const GONE: Duration = Duration::from_secs(10);

/// How long a printer may keep silent after our own connection came back, before that means anything: it sends a
/// full report when it is asked, and is asked again meanwhile (protocol 3.1 and 20.7).
pub(super) const AFTER_LINK: Duration = Duration::from_secs(60);
/// How long one may that has not said anything since our start: as long as one at rest (protocol 20.7).
pub(super) const AFTER_START: Duration = Duration::from_secs(300);
/// The same when it was printing: as long as one that works (protocol 20.7).
pub(super) const AFTER_START_PRINTING: Duration = Duration::from_secs(90);
/// After so long nobody believes in the job any more: a weekend without power is over (`two_days_away`).
pub(super) const LOST: Duration = Duration::from_secs(48 * 3600);
/// How long a level stays true of a printer that is not heard: what switches the power by it should not act on
/// what is older (`power_may_be_cut_when_nothing_would_suffer`).
pub(super) const UNHEARD: Duration = Duration::from_secs(60);

/// How long the ledger may be behind while a job is under way, in time and in percent: an SD card takes few writes,
/// and a restart should not lose more than this (`trace_25_a_print_of_thirty_hours`).
pub(super) const BEHIND: Duration = Duration::from_secs(300);
pub(super) const BEHIND_PERCENT: u8 = 10;

/// A wall clock that moves by more than this against the steady one was set; a time server corrects by less.
pub(super) const CLOCK_SET_MS: i64 = 5_000;
/// No machine sleeps longer than this beside a print; a clock that leaps further had never been set
/// (`a_clock_that_is_set_while_a_job_runs`).
pub(super) const LONGEST_SLEEP_MS: i64 = 30 * 24 * 3_600_000;
