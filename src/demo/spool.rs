//! Spools, and how each generation of firmware writes the tray that holds one.
use std::fmt::Write as _;

/// A spool in a slot.
#[derive(Clone, Debug)]
pub(super) struct Spool {
    pub(super) kind: &'static str,
    pub(super) code: &'static str,
    pub(super) brand: &'static str,
    pub(super) id_name: &'static str,
    /// RRGGBBAA.
    pub(super) colour: &'static str,
    pub(super) nozzle: (u16, u16),
    /// Sixteen hexadecimal digits, all zero without a chip.
    pub(super) tag: &'static str,
    /// Percent; −1 is unknown.
    pub(super) remain: f64,
}

/// Which members a tray has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// X1 of 2024: drying figures under their long names, no `state`.
    X1,
    /// A1 of 2024: `k`, `n`, and drying figures under their short names.
    A1,
    /// A2L: as A1, with `state` on the old scale and `total_len`.
    A2l,
    /// H2: `state`, `total_len`.
    H2,
}

impl Spool {
    /// Whether the printer can read what it is.
    pub(super) fn has_chip(&self) -> bool {
        self.tag != NO_TAG
    }
}

const NO_TAG: &str = "0000000000000000";

/// A spool with a chip, whose filament the printer knows in full.
pub(super) const fn chipped(
    (kind, code, brand, id_name): (&'static str, &'static str, &'static str, &'static str),
    colour: &'static str,
    nozzle: (u16, u16),
    tag: &'static str,
    remain: f64,
) -> Spool {
    Spool { kind, code, brand, id_name, colour, nozzle, tag, remain }
}

/// A spool without a chip, set by hand.
pub(super) const fn plain(
    kind: &'static str,
    code: &'static str,
    colour: &'static str,
    nozzle: (u16, u16),
) -> Spool {
    Spool { kind, code, brand: "", id_name: "", colour, nozzle, tag: NO_TAG, remain: -1.0 }
}

/// A spool on the holder outside, of which the printer knows what someone typed in.
pub(super) fn external(layout: Layout, slot: &str, spool: &Spool) -> String {
    let text = tray(layout, slot, spool, "0").replace(r#""state":11,"#, "").replace(r#""state":3,"#, "");
    if layout == Layout::A1 {
        return text.replace(&format!(r#""cols":["{}"],"ctype":0,"#, spool.colour), "");
    }
    text
}

fn tray(layout: Layout, slot: &str, spool: &Spool, remain: &str) -> String {
    let chip = spool.has_chip();
    let (hours, degrees) = if chip { ("8", "55") } else { ("0", "0") };
    let mut text = format!(
        r#"{{"bed_temp":"0","bed_temp_type":"0","cali_idx":-1,"cols":["{}"],"ctype":{},"#,
        spool.colour,
        if layout == Layout::H2 { 2 } else { 0 },
    );
    let _ = match layout {
        Layout::A1 => {
            write!(text, r#""k":0.019999999552965164,"n":1,"tray_temp":"{degrees}","tray_time":"{hours}","#)
        }
        Layout::A2l => write!(
            text,
            concat!(
                r#""k":0.019999999552965164,"n":1,"state":3,"total_len":330000,"#,
                r#""tray_temp":"{}","tray_time":"{}","#
            ),
            degrees, hours
        ),
        Layout::X1 => write!(text, r#""drying_temp":"{degrees}","drying_time":"{hours}","#),
        Layout::H2 => write!(
            text,
            r#""drying_temp":"{degrees}","drying_time":"{hours}","state":11,"total_len":330000,"#
        ),
    };
    let uuid = if chip { format!("{}0A1B2C3D4E5F6071", spool.tag) } else { NO_TAG.repeat(2) };
    let (low, high) = spool.nozzle;
    let _ = write!(
        text,
        concat!(
            r#""id":"{}","nozzle_temp_max":"{}","nozzle_temp_min":"{}","remain":{},"tag_uid":"{}","#,
            r#""tray_color":"{}","tray_diameter":"1.75","tray_id_name":"{}","tray_info_idx":"{}","#,
            r#""tray_sub_brands":"{}","tray_type":"{}","tray_uuid":"{}","tray_weight":"{}","#,
            r#""xcam_info":"{}"}}"#
        ),
        slot,
        high,
        low,
        remain,
        spool.tag,
        spool.colour,
        spool.id_name,
        spool.code,
        spool.brand,
        spool.kind,
        uuid,
        if chip { "1000" } else { "0" },
        if chip { "803E803E8403E8030000803F" } else { "000000000000000000000000" },
    );
    text
}

/// The trays of a unit, `first` being the number of the spool in its first slot.
pub(super) fn trays(layout: Layout, first: usize, spools: &[&Spool]) -> String {
    let trays: Vec<String> = spools
        .iter()
        .enumerate()
        .map(|(slot, spool)| tray(layout, &slot.to_string(), spool, &format!("$remain{}$", first + slot)))
        .collect();
    trays.join(",")
}
