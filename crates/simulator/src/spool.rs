//! Spools, and how each generation of firmware writes the tray that holds one.
use super::model::{Model, Place};
use std::borrow::Cow;
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

/// A spool that lies in a printer: what of it can change, and its tray as the printer writes it.
pub(super) struct Reel {
    layout: Layout,
    slot: String,
    outside: bool,
    kind: Cow<'static, str>,
    code: Cow<'static, str>,
    brand: &'static str,
    id_name: &'static str,
    colour: Cow<'static, str>,
    nozzle: (u16, u16),
    tag: &'static str,
    pub(super) remain: f64,
    /// The tray without what is left on it, which comes last.
    text: String,
}

impl Reel {
    fn new(layout: Layout, slot: &str, outside: bool, spool: &Spool) -> Self {
        let mut reel = Self {
            layout,
            slot: slot.to_owned(),
            outside,
            kind: spool.kind.into(),
            code: spool.code.into(),
            brand: spool.brand,
            id_name: spool.id_name,
            colour: spool.colour.into(),
            nozzle: spool.nozzle,
            tag: spool.tag,
            remain: spool.remain,
            text: String::new(),
        };
        reel.text = reel.tray();
        reel
    }

    /// What lies in a model's units.
    pub(super) fn inside(model: Model) -> Vec<Self> {
        let reel = |(number, spool)| {
            let slot = match model.place(number) {
                Place::Unit(_, slot) => slot,
                Place::External => 0,
            };
            Self::new(model.layout(), &slot.to_string(), false, spool)
        };
        model.facts().spools.iter().enumerate().map(reel).collect()
    }

    /// What hangs on its holders outside.
    pub(super) fn outside(model: Model) -> Vec<Self> {
        let reel = |slot: &&str| Self::new(model.layout(), slot, true, &model.facts().external);
        model.holders().iter().map(reel).collect()
    }

    /// Whether the printer can read what it is.
    pub(super) fn has_chip(&self) -> bool {
        self.tag != NO_TAG
    }

    /// What it is made of.
    pub(super) fn kind(&self) -> &str {
        &self.kind
    }

    /// Its id in the vendor's table.
    pub(super) fn code(&self) -> &str {
        &self.code
    }

    /// RRGGBBAA.
    pub(super) fn colour(&self) -> &str {
        &self.colour
    }

    /// The nozzle temperature to change it at.
    pub(super) fn heat(&self) -> u16 {
        if self.nozzle.1 > 0 { self.nozzle.1 } else { 220 }
    }

    /// Somebody tells what it is. The texts come back in reports as they are.
    pub(super) fn set(&mut self, kind: String, code: String, colour: String, nozzle: (u16, u16)) {
        (self.kind, self.code, self.colour, self.nozzle) = (kind.into(), code.into(), colour.into(), nozzle);
        self.text = self.tray();
    }

    /// Appends the tray.
    pub(super) fn write(&self, with_rest: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(self.text.as_bytes());
        // On a holder outside nothing is measured.
        let rest = if self.outside { 0.0 } else { self.remain.ceil() };
        if with_rest {
            super::template::put(out, format_args!(r#","remain":{rest}"#));
        }
        out.push(b'}');
    }

    fn tray(&self) -> String {
        let chip = self.has_chip();
        let (hours, degrees) = if chip { ("8", "55") } else { ("0", "0") };
        let mut text = String::from(r#"{"bed_temp":"0","bed_temp_type":"0","cali_idx":-1,"#);
        if !(self.outside && self.layout == Layout::A1) {
            let kind = if self.layout == Layout::H2 { 2 } else { 0 };
            let _ = write!(text, r#""cols":["{}"],"ctype":{kind},"#, self.colour);
        }
        // A holder outside has no sensor, and a spool that nobody knows is just there.
        let state = |known: &str| match (self.outside, self.kind.is_empty()) {
            (true, _) => String::new(),
            (false, true) if known == "11" => r#""state":9,"#.to_owned(),
            (false, _) => format!(r#""state":{known},"#),
        };
        let _ = match self.layout {
            Layout::A1 => {
                write!(
                    text,
                    r#""k":0.019999999552965164,"n":1,"tray_temp":"{degrees}","tray_time":"{hours}","#
                )
            }
            Layout::A2l => write!(
                text,
                concat!(
                    r#""k":0.019999999552965164,"n":1,{}"total_len":330000,"#,
                    r#""tray_temp":"{}","tray_time":"{}","#
                ),
                state("3"),
                degrees,
                hours
            ),
            Layout::X1 => write!(text, r#""drying_temp":"{degrees}","drying_time":"{hours}","#),
            Layout::H2 => write!(
                text,
                r#""drying_temp":"{degrees}","drying_time":"{hours}",{}"total_len":330000,"#,
                state("11")
            ),
        };
        let uuid = if chip { format!("{}0A1B2C3D4E5F6071", self.tag) } else { NO_TAG.repeat(2) };
        let (low, high) = self.nozzle;
        let _ = write!(
            text,
            concat!(
                r#""id":"{}","nozzle_temp_max":"{}","nozzle_temp_min":"{}","tag_uid":"{}","#,
                r#""tray_color":"{}","tray_diameter":"1.75","tray_id_name":"{}","tray_info_idx":"{}","#,
                r#""tray_sub_brands":"{}","tray_type":"{}","tray_uuid":"{}","tray_weight":"{}","#,
                r#""xcam_info":"{}""#
            ),
            self.slot,
            high,
            low,
            self.tag,
            self.colour,
            self.id_name,
            self.code,
            self.brand,
            self.kind,
            uuid,
            if chip { "1000" } else { "0" },
            if chip { "803E803E8403E8030000803F" } else { "000000000000000000000000" },
        );
        text
    }
}
