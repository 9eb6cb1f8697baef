//! Names of filaments by the id that a printer gives them.
//!
//! The ids are those of the presets that come with the vendor's slicer; each pair here was found in its
//! published presets (`filament_id` and `name` of a base preset) or in several public lists that agree.
//! Names are the slicer's, which the ha-bambulab integration shows too.
//! Must not know: where the id came from.

use printer::Text;
use printer::cloud::is_private;

/// Ids and names, by id.
static NAMES: &[(&str, &str)] = &[
    ("GFA00", "Bambu PLA Basic"),
    ("GFA01", "Bambu PLA Matte"),
    ("GFA02", "Bambu PLA Metal"),
    ("GFA03", "Bambu PLA Impact"),
    ("GFA05", "Bambu PLA Silk"),
    ("GFA06", "Bambu PLA Silk+"),
    ("GFA07", "Bambu PLA Marble"),
    ("GFA08", "Bambu PLA Sparkle"),
    ("GFA09", "Bambu PLA Tough"),
    ("GFA10", "Bambu PLA Tough+"),
    ("GFA11", "Bambu PLA Aero"),
    ("GFA12", "Bambu PLA Glow"),
    ("GFA13", "Bambu PLA Dynamic"),
    ("GFA15", "Bambu PLA Galaxy"),
    ("GFA16", "Bambu PLA Wood"),
    ("GFA17", "Bambu PLA Translucent"),
    ("GFA18", "Bambu PLA Lite"),
    ("GFA19", "Bambu PLA Pure"),
    ("GFA50", "Bambu PLA-CF"),
    ("GFB00", "Bambu ABS"),
    ("GFB01", "Bambu ASA"),
    ("GFB02", "Bambu ASA-Aero"),
    ("GFB50", "Bambu ABS-GF"),
    ("GFB51", "Bambu ASA-CF"),
    ("GFB60", "PolyLite ABS"),
    ("GFB61", "PolyLite ASA"),
    ("GFB98", "Generic ASA"),
    ("GFB99", "Generic ABS"),
    ("GFC00", "Bambu PC"),
    ("GFC01", "Bambu PC FR"),
    ("GFC99", "Generic PC"),
    ("GFG00", "Bambu PETG Basic"),
    ("GFG01", "Bambu PETG Translucent"),
    ("GFG02", "Bambu PETG HF"),
    ("GFG03", "Bambu PETG Matte"),
    ("GFG50", "Bambu PETG-CF"),
    ("GFG60", "PolyLite PETG"),
    ("GFG96", "Generic PETG HF"),
    ("GFG97", "Generic PCTG"),
    ("GFG98", "Generic PETG-CF"),
    ("GFG99", "Generic PETG"),
    ("GFL00", "PolyLite PLA"),
    ("GFL01", "PolyTerra PLA"),
    ("GFL03", "eSUN PLA+"),
    ("GFL04", "Overture PLA"),
    ("GFL05", "Overture Matte PLA"),
    ("GFL06", "Fiberon PETG-ESD"),
    ("GFL50", "Fiberon PA6-CF"),
    ("GFL51", "Fiberon PA6-GF"),
    ("GFL52", "Fiberon PA12-CF"),
    ("GFL53", "Fiberon PA612-CF"),
    ("GFL54", "Fiberon PET-CF"),
    ("GFL55", "Fiberon PETG-rCF"),
    ("GFL95", "Generic PLA High Speed"),
    ("GFL96", "Generic PLA Silk"),
    ("GFL98", "Generic PLA-CF"),
    ("GFL99", "Generic PLA"),
    ("GFN03", "Bambu PA-CF"),
    ("GFN04", "Bambu PAHT-CF"),
    ("GFN05", "Bambu PA6-CF"),
    ("GFN06", "Bambu PPA-CF"),
    ("GFN08", "Bambu PA6-GF"),
    ("GFN96", "Generic PPA-GF"),
    ("GFN97", "Generic PPA-CF"),
    ("GFN98", "Generic PA-CF"),
    ("GFN99", "Generic PA"),
    ("GFP95", "Generic PP-GF"),
    ("GFP96", "Generic PP-CF"),
    ("GFP97", "Generic PP"),
    ("GFP98", "Generic PE-CF"),
    ("GFP99", "Generic PE"),
    ("GFR98", "Generic PHA"),
    ("GFR99", "Generic EVA"),
    ("GFS00", "Bambu Support W"),
    ("GFS01", "Bambu Support G"),
    ("GFS02", "Bambu Support For PLA"),
    ("GFS03", "Bambu Support For PA/PET"),
    ("GFS04", "Bambu PVA"),
    ("GFS05", "Bambu Support For PLA/PETG"),
    ("GFS06", "Bambu Support for ABS"),
    ("GFS97", "Generic BVOH"),
    ("GFS98", "Generic HIPS"),
    ("GFS99", "Generic PVA"),
    ("GFSNL02", "SUNLU PLA Matte"),
    ("GFSNL03", "SUNLU PLA+"),
    ("GFSNL04", "SUNLU PLA+ 2.0"),
    ("GFSNL05", "SUNLU Silk PLA+"),
    ("GFSNL06", "SUNLU PLA Marble"),
    ("GFSNL07", "SUNLU Wood PLA"),
    ("GFSNL08", "SUNLU PETG"),
    ("GFT01", "Bambu PET-CF"),
    ("GFT02", "Bambu PPS-CF"),
    ("GFT97", "Generic PPS"),
    ("GFT98", "Generic PPS-CF"),
    ("GFU00", "Bambu TPU 95A HF"),
    ("GFU01", "Bambu TPU 95A"),
    ("GFU02", "Bambu TPU for AMS"),
    ("GFU03", "Bambu TPU 90A"),
    ("GFU04", "Bambu TPU 85A"),
    ("GFU98", "Generic TPU for AMS"),
    ("GFU99", "Generic TPU"),
];

/// What the vendor's own filaments are called before what the spool says of itself.
const VENDOR: &str = "Bambu ";

/// The name that goes with an id.
pub fn name(id: &str) -> Option<&'static str> {
    let at = NAMES.binary_search_by(|(known, _)| (*known).cmp(id)).ok()?;
    NAMES.get(at).map(|(_, name)| *name)
}

/// The ids of the filaments of this name, with the vendor's own name before it or without; letters count alike,
/// large or small.
pub fn ids(name: &str) -> impl Iterator<Item = &'static str> {
    let is = move |known: &str| {
        known.eq_ignore_ascii_case(name)
            || known.strip_prefix(VENDOR).is_some_and(|own| own.eq_ignore_ascii_case(name))
    };
    NAMES.iter().filter(move |(_, known)| is(known)).map(|(id, _)| *id)
}

/// What to call a filament: what its spool says of itself, completed by the name that goes with its id.
///
/// A tag says `PLA Matte` where everybody reads `Bambu PLA Matte`, and the same filament without a tag
/// has only its id: both are called the same. An id that nobody knows is shown behind the material; that of a
/// preset of the user's own (`P` and seven digits) says nothing to anybody and is left out: the account may have
/// a name for it (`printer::Snapshot`).
pub fn display_name(id: Option<&str>, tag_says: Option<&str>, material: &str) -> Text {
    match (id.and_then(name), tag_says) {
        (Some(known), None) => Text::const_new(known),
        (Some(known), Some(says)) => {
            let own = known.strip_prefix(VENDOR);
            let begins = |text: &str| text.get(..says.len()).is_some_and(|t| t.eq_ignore_ascii_case(says));
            if begins(known) || own.is_some_and(begins) {
                Text::const_new(known)
            } else if own.is_some() && !says.starts_with(VENDOR) {
                compact_str::format_compact!("{VENDOR}{says}")
            } else {
                says.into()
            }
        }
        (None, Some(says)) => says.into(),
        (None, None) => match id.filter(|id| !is_private(id)) {
            Some(id) => compact_str::format_compact!("{material} ({id})"),
            None => material.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_says_nothing_twice() {
        assert!(NAMES.is_sorted_by(|a, b| a.0 < b.0));
        let mut names: Vec<_> = NAMES.iter().map(|(_, name)| name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        for (id, known) in NAMES {
            assert_eq!(name(id), Some(*known));
            assert!(known.len() <= 40 && known.trim() == *known, "{known}");
        }
        assert_eq!(name("GFX01"), None);
        assert_eq!(name(""), None);
    }

    #[test]
    fn a_filament_has_one_name_with_a_tag_and_without() {
        let check = |id: &str, says: &str, material: &str, expected: &str| {
            let says = Some(says).filter(|s| !s.is_empty());
            let id = Some(id).filter(|i| !i.is_empty());
            assert_eq!(display_name(id, says, material), expected);
        };
        check("GFA00", "PLA Basic", "PLA", "Bambu PLA Basic");
        check("GFA00", "", "PLA", "Bambu PLA Basic");
        check("GFN04", "PAHT-CF", "PA-CF", "Bambu PAHT-CF");
        // The tag of the support for both calls itself by half of its name (captures x1c_stream, h2d_stream).
        check("GFS05", "Support for PLA", "PLA-S", "Bambu Support For PLA/PETG");
        check("GFS02", "Support for PLA", "PLA-S", "Bambu Support For PLA");
        // What a tag says more than the id is kept.
        check("GFA00", "PLA Basic Gradient", "PLA", "Bambu PLA Basic Gradient");
        check("GFA05", "PLA Silk+", "PLA", "Bambu PLA Silk+");
        check("GFL99", "", "PLA", "Generic PLA");
        check("GFL99", "Somebody's PLA", "PLA", "Somebody's PLA");
        check("GFA00", "Bambu Gold", "PLA", "Bambu Gold");
        check("GFX01", "", "PLA", "PLA (GFX01)");
        check("SUN20001", "", "PLA", "PLA (SUN20001)");
        check("GFX01", "PLA New", "PLA", "PLA New");
        check("P8d19ba6", "", "PETG", "PETG");
        check("PLA", "", "PLA", "PLA (PLA)");
        check("", "", "TPU", "TPU");
        check("GFA00", "É", "PLA", "Bambu É");
    }
}
