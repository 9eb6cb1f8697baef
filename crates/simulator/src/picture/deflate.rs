//! Compression as PNG wants it: what came before within the window is pointed at, the rest is written with the
//! code words that the standard has ready (RFC 1950 and 1951).

/// How far back one may point, and how long a repetition may be.
const WINDOW: usize = 32_768;
const SHORTEST: usize = 3;
const LONGEST: usize = 258;
/// Places that are kept of what came before, by the three bytes there.
const PLACES: usize = 1 << 14;

/// First length or distance of each code word, and how many bits more tell the rest.
const LENGTHS: [(u16, u8); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];
const DISTANCES: [(u16, u8); 30] = [
    (1, 0),
    (2, 0),
    (3, 0),
    (4, 0),
    (5, 1),
    (7, 1),
    (9, 2),
    (13, 2),
    (17, 3),
    (25, 3),
    (33, 4),
    (49, 4),
    (65, 5),
    (97, 5),
    (129, 6),
    (193, 6),
    (257, 7),
    (385, 7),
    (513, 8),
    (769, 8),
    (1025, 9),
    (1537, 9),
    (2049, 10),
    (3073, 10),
    (4097, 11),
    (6145, 11),
    (8193, 12),
    (12_289, 12),
    (16_385, 13),
    (24_577, 13),
];

/// Bits on their way into bytes, the lowest first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    pending: u32,
    count: u8,
}

impl Bits {
    fn put(&mut self, value: u16, count: u8) {
        self.pending |= u32::from(value) << self.count;
        self.count += count;
        while self.count >= 8 {
            let [low, ..] = self.pending.to_le_bytes();
            self.bytes.push(low);
            self.pending >>= 8;
            self.count -= 8;
        }
    }

    /// A code word, which stands the other way round.
    fn put_word(&mut self, word: u16, count: u8) {
        self.put(word.reverse_bits() >> (16 - count), count);
    }

    /// A byte, the end (256) or a length, as the fixed code has it (RFC 1951, 3.2.6).
    fn put_symbol(&mut self, symbol: u16) {
        match symbol {
            0..144 => self.put_word(0x30 + symbol, 8),
            144..256 => self.put_word(0x190 + symbol - 144, 9),
            256..280 => self.put_word(symbol - 256, 7),
            _ => self.put_word(0xC0 + symbol - 280, 8),
        }
    }

    fn put_repetition(&mut self, length: u16, distance: u16) {
        let (symbol, rest, count) = split(&LENGTHS, length);
        self.put_symbol(257 + symbol);
        self.put(rest, count);
        let (word, rest, count) = split(&DISTANCES, distance);
        self.put_word(word, 5);
        self.put(rest, count);
    }

    fn finish(mut self) -> Vec<u8> {
        self.put(0, (8 - self.count) % 8);
        self.bytes
    }
}

/// The number of the code word for a value, what it does not tell, and the bits for that.
fn split(table: &[(u16, u8)], value: u16) -> (u16, u16, u8) {
    let number = table.partition_point(|(first, _)| *first <= value).saturating_sub(1);
    let (first, count) = table.get(number).copied().unwrap_or_default();
    (u16::try_from(number).unwrap_or_default(), value - first, count)
}

/// Where the three bytes at `at` are kept; nothing at the end.
fn place(data: &[u8], at: usize) -> Option<usize> {
    let [a, b, c] = *data.get(at..)?.first_chunk::<SHORTEST>()?;
    let mixed = u32::from_le_bytes([a, b, c, 0]).wrapping_mul(0x9E37_79B1) >> 18;
    usize::try_from(mixed).ok()
}

/// How many bytes at `at` are the same as at `before`.
fn alike(data: &[u8], before: usize, at: usize) -> usize {
    let (before, at) = (data.iter().skip(before), data.iter().skip(at));
    before.zip(at).take(LONGEST).take_while(|(before, now)| before == now).count()
}

fn adler(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    (b << 16) | a
}

/// The bytes as a zlib stream.
pub(super) fn zlib(data: &[u8]) -> Vec<u8> {
    let mut bits = Bits { bytes: vec![0x78, 0x01], ..Bits::default() };
    // The last block, with the fixed code.
    bits.put(1, 1);
    bits.put(1, 2);
    let mut places = vec![None; PLACES];
    let mut at = 0;
    while let Some(byte) = data.get(at) {
        let kept = place(data, at).and_then(|place| places.get_mut(place));
        let before = kept.and_then(|kept| kept.replace(at)).filter(|before| at - before <= WINDOW);
        let length = before.map_or(0, |before| alike(data, before, at));
        let pair = (u16::try_from(length), u16::try_from(at - before.unwrap_or(at)));
        if let (true, (Ok(long), Ok(distance))) = (length >= SHORTEST, pair) {
            bits.put_repetition(long, distance);
            at += length;
        } else {
            bits.put_symbol(u16::from(*byte));
            at += 1;
        }
    }
    bits.put_symbol(256);
    let mut out = bits.finish();
    out.extend(adler(data).to_be_bytes());
    out
}
