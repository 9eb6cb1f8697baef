use super::*;
use crate::{Identity, Known, Stage};

fn hms(attr: u32, code: u32) -> Hms {
    Hms { attr, code }
}

fn told(code: Hms) -> Option<Told<Hms>> {
    Health::tell(&[code], None, &Texts::bundled(), "01P00X000000001").messages.first().cloned()
}

fn text(code: Hms) -> String {
    told(code).expect("it is told").text
}

fn error_text(code: u32) -> String {
    let health = Health::tell(&[], Some(PrintError(code)), &Texts::bundled(), "03900X000000001");
    health.error.as_ref().expect("it is told").text.clone()
}

fn german(catalogue: &[(u64, &str)]) -> Texts {
    let prefix = Prefix::of("01P").expect("a prefix");
    Texts::new("de", [(prefix, catalogue.iter().map(|(code, text)| (*code, (*text).to_owned())).collect())])
}

#[test]
fn codes_say_how_bad_it_is_and_who_says_it() {
    // Protocol 4.10; the severity is in the code, whatever the bits of `attr` are.
    let fatal = hms(0x0300_0100, 0x0001_0007);
    assert_eq!((fatal.severity(), fatal.module()), (Severity::Fatal, Module::MotionController));
    let lines = [
        (hms(0x0701_4000, 0x0002_0001), Severity::Serious, "AMS 2"),
        (hms(0x1800_2000, 0x0002_0025), Severity::Serious, "AMS HT 1"),
        (hms(0x1880_2000, 0x0002_0025), Severity::Serious, "AMS HT 1"),
        (hms(0x18FF_7000, 0x0002_0003), Severity::Serious, "right extruder"),
        (hms(0x18FE_7000, 0x0002_0003), Severity::Serious, "left extruder"),
        (hms(0x1000_0100, 0x0004_0001), Severity::Info, "print settings"),
        (hms(0x1200_1300, 0x0002_0002), Severity::Serious, "AMS Lite 1"),
        (hms(0x07FF_7000, 0x0002_0003), Severity::Serious, "external spool"),
        (hms(0x07FE_7000, 0x0002_0003), Severity::Serious, "left external spool"),
        (hms(0x0500_0200, 0x0003_000F), Severity::Common, "mainboard"),
        (hms(0x0800_0100, 0x0004_0001), Severity::Info, "toolhead"),
        (hms(0x0C00_0100, 0x0000_0001), Severity::Unknown, "camera"),
        (hms(0xFFFF_FFFF, 0xFFFF_FFFF), Severity::Unknown, "module FF"),
    ];
    for (code, severity, module) in lines {
        assert_eq!((code.severity(), code.module().to_string().as_str()), (severity, module), "{code}");
    }
    assert_eq!(Severity::WORDS[4], Severity::Fatal.word());
}

#[test]
fn errors_with_a_code_that_begins_with_another_digit_than_zero_have_texts() {
    assert_eq!(PrintError(0x1200_8001).to_string(), "1200-8001");
    assert_eq!(error_text(0x1200_8001), "AMS Lite 1: the filament could not be cut; check the cutter");
    assert_eq!(error_text(0x1803_8012), "AMS HT 4: the assignment of slots is missing; resume to try again");
    assert_eq!(
        error_text(0x07FF_8012),
        "External spool: the assignment of slots is missing; resume to try again"
    );
    assert_eq!(error_text(0x0300_400C), "The job was cancelled");
    assert_eq!(error_text(0x1005_4321), "Print settings: a fault that ends the job");
    assert_eq!(PrintError(0x0500_C010).effect(), Effect::Prompt);
    assert_eq!(PrintError(0x0700_8011).effect(), Effect::Pause);
    assert_eq!(PrintError(0xFFFF_FFFF).effect(), Effect::Prompt);
}

#[test]
fn that_the_air_is_cleaned_is_no_problem() {
    let texts = german(&[(Hms::PURIFYING.id(), "Chamber air is purified")]);
    let told = |code| Health::tell(&[code], None, &texts, "01P00A000000001").messages[0].counts();
    assert!(!told(Hms::PURIFYING));
    let other = Hms { code: 0x0003_0058, ..Hms::PURIFYING };
    assert!(!told(other), "nobody has a text for it");
    let texts = german(&[(other.id(), "Something else")]);
    assert!(Health::tell(&[other], None, &texts, "01P00A000000001").messages[0].counts());
}

#[test]
fn what_an_ams_says_names_unit_and_slot() {
    assert_eq!(
        text(hms(0x0702_2200, 0x0003_0002)),
        "AMS 3 slot 3: filament has run out; another slot with the same one took over"
    );
    assert_eq!(
        text(hms(0x0700_6300, 0x0002_0001)),
        "AMS 1 slot 4: overloaded; filament tangled or buffer stuck"
    );
    assert_eq!(
        text(hms(0x1200_1200, 0x0001_0001)),
        "AMS Lite 1 slot 3: the motor slips; its wheel may be worn, or the filament too thin"
    );
    assert_eq!(
        text(hms(0x1800_2400, 0x0002_0009)),
        "AMS HT 1: its cover is open; drying suffers and filament takes up water"
    );
    assert_eq!(
        text(hms(0x07FF_7000, 0x0002_0008)),
        "External spool: the assignment of slots is missing; resume to try again"
    );
    assert_eq!(text(hms(0x0700_2F00, 0x0002_0001)), "AMS 1, part 2F: a fault", "there is no slot 16");
}

#[test]
fn only_what_is_known_or_bad_makes_a_problem() {
    let counts = |code| told(code).expect("it is told").counts();
    assert!(counts(hms(0x0300_9600, 0x0003_0001)), "known");
    assert!(counts(hms(0x0500_0700, 0x0002_0999)), "unknown and serious");
    assert!(!counts(hms(0x0500_0200, 0x0003_000F)), "unknown and common: listed, no problem");
    assert_eq!(text(hms(0x0500_0200, 0x0003_000F)), "Network, cloud or live view: a warning");
    for silent in [(0x0500_0600, 0x0002_00A0), (0x0500_0100, 0x0002_000B), (0x0503_0000, 0x0003_0027)] {
        assert_eq!(told(hms(silent.0, silent.1)), None, "without a text on purpose");
    }
}

#[test]
fn a_catalogue_goes_before_the_bundled_texts_and_empty_entries_hide() {
    let (open, known, lost) = (0x0300_0100_0001_0007, 0x0300_9600_0003_0001, 0x0500_0600_0002_00A0);
    let texts = german(&[(known, "Die Tür ist offen"), (open, ""), (lost, "Kamera fehlt")]);
    let codes = [open, known, lost, 0x0500_0300_0001_0002]
        .map(|id: u64| hms(u32::try_from(id >> 32).unwrap(), u32::try_from(id & 0xFFFF_FFFF).unwrap()));
    let health = Health::tell(&codes, Some(PrintError(0x0502_4007)), &texts, "01P00X000000001");
    let found: Vec<_> = health.messages.iter().map(|message| message.text.as_str()).collect();
    assert_eq!(
        found,
        ["The toolhead does not answer: restart the printer", "Kamera fehlt", "Die Tür ist offen"]
    );
    assert_eq!(health.hidden, [codes[0]]);
    assert!(health.error.as_ref().unwrap().text.starts_with("Refused a command"));
    // Another model's catalogue says nothing about this one.
    let health = Health::tell(&codes[1..2], None, &texts, "09400X000000001");
    assert_eq!(health.messages[0].text, "The front door is open");
}

#[test]
fn a_refused_command_is_explained_in_our_own_words() {
    let refused = hms(0x0500_0500, 0x0001_0007);
    let texts = german(&[(refused.id(), "Bitte Studio aktualisieren")]);
    let health = Health::tell(&[refused], None, &texts, "01P00X000000001");
    assert!(health.messages[0].text.contains("Developer Mode"));
}

#[test]
fn links_name_the_model_and_never_the_printer() {
    let serial = "01P00A123456789";
    let texts = german(&[]);
    let health =
        Health::tell(&[hms(0x0300_0100, 0x0001_0007)], Some(PrintError(0x1200_8001)), &texts, serial);
    assert_eq!(
        health.messages[0].wiki,
        "https://e.bambulab.com/index.php?e=0300010000010007&d=01P&s=device_hms&lang=de"
    );
    assert_eq!(
        health.error.as_ref().unwrap().wiki,
        "https://e.bambulab.com/index.php?e=12008001&d=01P&s=device_error&lang=de"
    );
    assert_eq!((Prefix::of("ä1"), Prefix::of("01"), Prefix::of("0/P0")), (None, None, None));
}

#[test]
fn two_hundred_messages_come_worst_first() {
    let codes: Vec<Hms> = (0..200).map(|n| hms(0x0300_0100 + n, (n % 5) << 16 | n)).collect();
    let health = Health::tell(&codes, None, &Texts::bundled(), "01P00X000000001");
    assert_eq!(health.messages.len(), 200);
    assert!(health.messages.windows(2).all(|two| two[0].code.severity() >= two[1].code.severity()));
    assert_eq!(health.worst(), Some(Severity::Fatal));
}

#[test]
fn a_texts_table_shares_equal_texts_and_takes_a_new_catalogue() {
    let catalogue = |n: u64| (0..n).map(|code| (code, format!("text {code}"))).collect::<Catalogue>();
    let (one, two) = (Prefix::of("01P").unwrap(), Prefix::of("094").unwrap());
    let small = Texts::new("en", [(one, catalogue(1000))]);
    let both = small.with(two, catalogue(1000));
    assert!(both.size() < small.size() + 1000 * 16 + 1, "{} and {}", small.size(), both.size());
    assert!(both.has(one) && both.has(two));
    assert_eq!(both.find(Some(one), 999), Found::Text("text 999".into()));
    let less = both.with(one, vec![(7, "seven".into())]);
    assert_eq!(less.find(Some(one), 7), Found::Text("seven".into()));
    assert_eq!(less.find(Some(one), 999), Found::Nothing);
    assert_eq!(less.find(Some(two), 999), Found::Text("text 999".into()));
}

#[test]
fn people_are_needed_for_errors_bad_messages_and_faults_that_hold_the_print() {
    let plain = Snapshot::unheard("Test", Identity::new("01P00X000000001", "P1S"));
    let texts = Texts::bundled();
    let health = |hms: &[Hms], error: Option<u32>| Health::tell(hms, error.map(PrintError), &texts, "01P");
    let reasons = |snapshot: &Snapshot| snapshot.reasons().map(Attention::word).collect::<Vec<_>>();
    assert!(reasons(&plain).is_empty());
    let with = |health| Snapshot { known: Arc::new(Known { health, ..Known::default() }), ..plain.clone() };
    assert_eq!(reasons(&with(health(&[], Some(0x0700_8011)))), ["print_error"]);
    assert!(reasons(&with(health(&[], Some(0x0300_400C)))).is_empty(), "cancelled");
    assert_eq!(reasons(&with(health(&[hms(0x0300_0100, 0x0001_0007)], None))), ["hms"]);
    assert!(reasons(&with(health(&[hms(0x0501_0400, 0x0003_0002)], None))).is_empty(), "maintenance");
    let in_state = |status, stage| {
        let mut printer = plain.clone();
        (printer.status, printer.stage) = (Some(status), Some(Stage(stage)));
        printer
    };
    let held = |stage| in_state(Status::Pause, stage);
    assert_eq!(reasons(&held(6)), ["paused"], "filament has run out");
    assert!(reasons(&held(16)).is_empty(), "a person wanted it");
    assert!(reasons(&in_state(Status::Running, 6)).is_empty());
}
