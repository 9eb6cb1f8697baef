//! How long the tracker waits, and how much it allows for, each with its reason.
//!
//! Printers contradict themselves for some seconds at each edge, so what is told is what is so when a hold ends.
//! A hold that is too short tells what is not true, one that is too long tells it late. "Chosen" is what nothing
//! public gives a figure for. The rows of `tests/it/traces/holds.rs`, or the tests that are named here, fail when a
//! time is half or twice as long.

use std::time::Duration;

/// Names and numbers of a new job come some messages after the state; they have settled when they did not change
/// for so long (protocol 20.3 and 20.4).
pub(super) const SETTLED: Duration = Duration::from_secs(2);
/// A new job is believed after so long in any case (protocol 20.4): one that has the name of the last and no number
/// never settles.
pub(super) const ARMED: Duration = Duration::from_secs(5);
/// One that only prepares and still has the last one's names may be none: an A1 says PREPARE for seven seconds,
/// twice, before the real one (OctoPrint-BambuPrinter #14, protocol 20.4). Chosen: twice that.
pub(super) const UNNAMED: Duration = Duration::from_secs(15);
/// A pause is one when it lasts (protocol 20.5).
pub(super) const PAUSED: Duration = Duration::from_secs(2);
/// A pause that was shorter than this may be one of a row, in which the printer pauses and goes on every few
/// seconds; one that lasted longer ends at once. Chosen: people need longer to mend something.
pub(super) const FLAPS: Duration = Duration::from_secs(20);
/// After such a short pause it must stay at work for so long. Chosen: longer than the few seconds of such a row.
pub(super) const STAYS: Duration = Duration::from_secs(10);
/// Another number of the job under way means another job when it stays for as long as names need to settle
/// (protocol 20.3).
pub(super) const RENAMED: Duration = Duration::from_secs(2);
/// The figures of a young job may be those of the last one (protocol 4.4 and 20.5).
pub(super) const YOUNG: Duration = Duration::from_secs(60);
/// The stage of printing is also said for a moment between two steps of preparation, so without a layer it must
/// last. Chosen.
pub(super) const PRINTS: Duration = Duration::from_secs(10);

/// A progress almost at the end, from far below, is believed when it lasts: a single report may have it, and the next
/// one the true figure again. Chosen: a report comes each second or two.
pub(super) const LEAP: Duration = Duration::from_secs(4);
/// The mark that such a leap reaches, percent.
pub(super) const LEAPT: u8 = 95;

/// How long `FINISH` is held (protocol 20.2).
pub(super) const HOLD_FINISH: Duration = Duration::from_secs(1);
/// The cancel code of an H2D comes four to five seconds after `FAILED` (protocol 20.2, recording
/// `h2d_stream_pause_stop_failed_hms`), and a slow connection may make that longer.
pub(super) const HOLD_FAILED: Duration = Duration::from_secs(15);
/// Old P1 firmware goes to rest without a word when a job is cancelled (protocol 20.2).
pub(super) const HOLD_IDLE: Duration = Duration::from_secs(20);
/// How long an end that is late already waits for the cloud to say when it was. Chosen: nobody waits for it.
pub(super) const HOLD_CLOCK: Duration = Duration::from_secs(20);

/// A fault explains a failure that is told within this time. Chosen: longer than a failure is held, and an old fault
/// explains nothing.
pub(super) const EXPLAINS: Duration = Duration::from_secs(120);
/// A cancel code, or a stop, explains an end that comes so long after it. Chosen: a stop that came to nothing must
/// not explain a failure much later (`trace_30_a_stop_of_ours`).
pub(super) const CODE_BEFORE: Duration = Duration::from_secs(60);
/// The code may also come after the end, for as long as a failure is held (protocol 20.2,
/// `trace_5_the_cancel_code_after_the_end`).
pub(super) const CODE_AFTER: Duration = HOLD_FAILED;

/// A print that begins so soon after the power came back, under the name of the last one, was begun by nobody
/// (protocol 20.4, bambuddy #1542). Chosen: a printer needs a minute or two to start.
pub(super) const POWER_ON: Duration = Duration::from_secs(120);
/// So long before its beginning the cloud may have sent a job, which the printer then fetches. Chosen.
pub(super) const SENT: Duration = Duration::from_secs(600);

/// A printer's clock may be ahead of ours by so much before the start that it tells is not believed. Chosen.
pub(super) const CLOCK_AHEAD: Duration = Duration::from_secs(120);

/// When the cloud is asked, from the beginning: prints appear late in its list (protocol 20.6).
pub(super) const ASKS: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(10), Duration::from_secs(30), Duration::from_secs(120)];
/// How long the cloud is waited for: the last question, and time for its answer (protocol 20.6,
/// `the_cloud_is_asked_a_few_times`).
pub(super) const PATIENCE: Duration = Duration::from_secs(150);
/// How long a printer that was away may take to offer that its print goes on (`trace_18_power_lost`). Chosen.
pub(super) const RESUME: Duration = Duration::from_secs(90);
/// How long a printer at rest may take to say more of a job that the cloud cannot know: as long as any that goes to
/// rest without a word.
pub(super) const REST: Duration = HOLD_IDLE;

/// Drying that ends so much before its time was ended by somebody. Chosen: printers count in minutes.
pub(super) const EARLY: Duration = Duration::from_secs(300);
/// How long a health message must be gone: an A1 takes its back and says it again five seconds later
/// (protocol 7.4 and 20.5, recording `a1_stream_local_multicolor_ams_error`, messages 488 to 493).
pub(super) const GONE: Duration = Duration::from_secs(10);

/// How long a printer may keep silent after our own connection came back, before that means anything. Chosen: it is
/// asked for a full report then (protocol 20.1).
pub(super) const AFTER_LINK: Duration = Duration::from_secs(60);
/// How long one may that has not said anything since our start: as long as one at rest (protocol 20.7).
pub(super) const AFTER_START: Duration = Duration::from_secs(300);
/// The same when it was printing: as long as one that works (protocol 20.7).
pub(super) const AFTER_START_PRINTING: Duration = Duration::from_secs(90);
/// After so long nobody believes in the job any more (`two_days_away`). Chosen.
pub(super) const LOST: Duration = Duration::from_secs(48 * 3600);
/// How long a level stays true of a printer that is not heard: what cuts the power by it must not act on what is
/// older (`power_may_be_cut_when_nothing_would_suffer`). Chosen.
pub(super) const UNHEARD: Duration = Duration::from_secs(60);

/// How long the ledger may be behind while a job is under way, in time and in percent. Chosen: an SD card takes few
/// writes, and a restart loses no more than this.
pub(super) const BEHIND: Duration = Duration::from_secs(300);
pub(super) const BEHIND_PERCENT: u8 = 10;

/// A wall clock that moves by more than this against the steady one was set. Chosen: what a time server corrects
/// bit by bit is less.
pub(super) const CLOCK_SET_MS: i64 = 5_000;
/// No machine sleeps longer than this beside a print; a clock that leaps further had never been set. Chosen.
pub(super) const LONGEST_SLEEP_MS: i64 = 30 * 24 * 3_600_000;
