//! Names for events.

use jiff::Timestamp;

use crate::Text;

/// Digits of a ULID: no letter that people take for another.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A ULID whose second half is not drawn but follows from the event, so that a replay gives the same one.
pub(super) fn ulid(at: Timestamp, serial: &str, seed: u64, seq: u64) -> Text {
    let numbers = seed.to_le_bytes().into_iter().chain(seq.to_le_bytes());
    name(at, hash(serial.bytes().chain(numbers)))
}

/// The same for the end of a job, which may be found once more when the disk did not take the ledger: it follows
/// from the job alone, and begins with the time at which that was opened.
pub(super) fn of_end(opened: Timestamp, serial: &str, seed: u64, key: &str) -> Text {
    // No text has this byte.
    let parts = seed.to_le_bytes().into_iter().chain([0xFF]).chain(key.bytes());
    name(opened, hash(serial.bytes().chain(parts)))
}

fn name(at: Timestamp, hash: u128) -> Text {
    let millis = u128::try_from(at.as_millisecond()).unwrap_or_default() & 0xFFFF_FFFF_FFFF;
    let number = millis << 80 | hash & ((1 << 80) - 1);
    digits(number, 26)
}

/// Tells the ledgers of one printer apart.
pub(super) fn mark(serial: &str, seed: u64) -> Text {
    digits(hash(serial.bytes().chain(seed.to_le_bytes())), 5)
}

/// The last digits of a number.
fn digits(number: u128, count: u32) -> Text {
    let digit = |place: u32| usize::try_from(number >> (place * 5) & 31).ok();
    (0..count).rev().filter_map(|place| DIGITS.get(digit(place)?).map(|digit| char::from(*digit))).collect()
}

/// FNV-1a with 128 bits: the same in every release and on every machine, which the standard library's is not.
fn hash(bytes: impl Iterator<Item = u8>) -> u128 {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013B;
    const BASIS: u128 = 0x6C62_272E_07BB_0142_62B8_2175_6295_C58D;
    let hash = bytes.fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
    // The lower bits of one that ends in a small number differ little: the upper half is mixed in.
    hash ^ hash >> 64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ulids_and_begin_with_their_time() {
        // The example of the ULID specification: 1469918176385 is 01ARYZ6S41.
        let at = Timestamp::from_millisecond(1_469_918_176_385).unwrap();
        let id = ulid(at, "01P00A000000001", 7, 1);
        assert_eq!((id.len(), &id[..10]), (26, "01ARYZ6S41"));
        assert_eq!(id, ulid(at, "01P00A000000001", 7, 1));
    }

    #[test]
    fn everything_makes_another_id() {
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        let later = Timestamp::from_second(1_700_000_001).unwrap();
        let ids = [ulid(at, "A", 7, 1), ulid(at, "A", 7, 2), ulid(at, "A", 8, 1), ulid(at, "B", 7, 1)];
        for (n, id) in ids.iter().enumerate() {
            assert!(ids[n + 1..].iter().all(|other| other[16..] != id[16..]), "{ids:?}");
        }
        assert!(ulid(later, "A", 7, 1) > ids[0]);
    }
}
