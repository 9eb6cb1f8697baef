use proptest::prelude::*;

use super::*;
use printer::event::{EventSource, Kind};
use printer::{Event, JobRecord};

fn serial() -> Serial {
    Serial::new("01P00A000000001")
}

fn event(seq: u64, kind: Kind) -> Event {
    Event {
        id: format!("id-{seq}").into(),
        seq,
        kind,
        at: "2026-03-01T00:00:00Z".parse().unwrap(),
        since: None,
        late: false,
        inferred: false,
        source: EventSource::Report,
        job: Some(Box::new(JobRecord { name: Some("Benchy ö".into()), ..JobRecord::default() })),
        reason: None,
        count: None,
    }
}

fn ledger() -> Ledger {
    Ledger {
        known: true,
        seq: 3,
        epoch: 2,
        open: Some(JobRecord { key: "17".into(), ..JobRecord::default() }),
        told: vec!["started".into()],
        pending: (2..4).map(|seq| event(seq, Kind::Progress(25))).collect(),
        ..Ledger::default()
    }
}

#[test]
fn what_is_written_is_read_again() {
    let bytes = write(&serial(), &ledger());
    assert_eq!(read(&serial(), &bytes).unwrap(), ledger());
    assert!(!file_name(&serial()).contains("01P00A"), "serial numbers are personal");
}

#[test]
fn a_file_cut_off_anywhere_is_noticed() {
    let bytes = write(&serial(), &ledger());
    for length in 0..bytes.len() {
        assert!(read(&serial(), &bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
    }
}

proptest! {
    #[test]
    fn a_file_with_any_byte_changed_is_noticed(place in 0_usize..10_000, byte in 1_u8..) {
        let mut bytes = write(&serial(), &ledger());
        let place = place % bytes.len();
        bytes[place] ^= byte;
        prop_assert!(read(&serial(), &bytes).is_err());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        prop_assert!(read(&serial(), &bytes).is_err());
    }
}
