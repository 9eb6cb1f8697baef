//! Pictures of prints: a small PNG, made by hand, of another colour for each job.

const SIDE: u8 = 48;

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ if sum & 1 == 1 { 0xEDB8_8320 } else { 0 })
    })
}

fn adler(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    (b << 16) | a
}

fn chunk(out: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    out.extend(u32::try_from(data.len()).unwrap_or_default().to_be_bytes());
    let start = out.len();
    out.extend_from_slice(&kind);
    out.extend_from_slice(data);
    let sum = crc(out.get(start..).unwrap_or_default());
    out.extend(sum.to_be_bytes());
}

/// A square with a frame. Its data is stored without compression, in one block.
pub(super) fn png(number: u64) -> Vec<u8> {
    let [.., red, green, blue] = number.wrapping_mul(2_654_435_761).to_be_bytes();
    let mut rows = Vec::new();
    for y in 0..SIDE {
        // No filter.
        rows.push(0);
        for x in 0..SIDE {
            let frame = [x, y].into_iter().any(|at| !(4..SIDE - 4).contains(&at));
            rows.extend(if frame { [0x30, 0x30, 0x30] } else { [red, green, blue] });
        }
    }
    let length = u16::try_from(rows.len()).unwrap_or_default();
    let mut data = vec![0x78, 0x01, 0x01];
    data.extend(length.to_le_bytes());
    data.extend((!length).to_le_bytes());
    data.extend_from_slice(&rows);
    data.extend(adler(&rows).to_be_bytes());

    let mut out = vec![0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A];
    let side = u32::from(SIDE).to_be_bytes();
    let header: Vec<u8> = side.into_iter().chain(side).chain([8, 2, 0, 0, 0]).collect();
    chunk(&mut out, *b"IHDR", &header);
    chunk(&mut out, *b"IDAT", &data);
    chunk(&mut out, *b"IEND", &[]);
    out
}
