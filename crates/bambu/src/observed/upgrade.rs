//! Firmware that is offered, and an update that is under way (protocol 4.15).

use crate::models::Model;
use crate::report::{Module, Print, Upgrade};
use printer::update::{Boards, Progress};
use printer::{Ams, Text, Update};

use super::context::Context;

/// `dis_state` of an update that is under way.
const UNDER_WAY: i64 = 2;

pub(super) fn update(report: &Print, context: &Context<'_>) -> Update {
    let state = report.upgrade_state.as_ref();
    let latest = state.and_then(|state| {
        let listed = offered(state, |name| name == "ota");
        listed.or_else(|| version(state.ota_new_version_number.as_ref())).cloned()
    });
    let said = state.and_then(|state| match state.new_version_state? {
        1 => Some(true),
        2 => Some(false),
        _ => None,
    });
    Update {
        offered: said,
        // One that runs already is none that is offered, and neither is the number that an X1 keeps while it
        // says that there is nothing new (capture `x1c_misc`).
        latest: latest
            .filter(|latest| context.identity.firmware.as_ref() != Some(latest) && said != Some(false)),
        progress: state.filter(|state| state.dis_state == Some(UNDER_WAY)).map(|state| Progress {
            percent: state.progress.and_then(|v| u8::try_from(v).ok()).filter(|percent| *percent <= 100),
        }),
        page: context.model.and_then(page),
        boards: context.boards.clone(),
    }
}

/// Tells the AMS units of the firmware that the printer names for them.
pub(super) fn offer(report: &Print, units: &mut [Ams]) {
    let state = report.upgrade_state.as_ref();
    // One number for "the AMS" means a unit only where all are of one kind.
    let uniform = units.windows(2).all(|pair| matches!(pair, [a, b] if a.kind == b.kind));
    let common = state.and_then(|state| version(state.ams_new_version_number.as_ref())).filter(|_| uniform);
    for unit in units {
        let of_unit = |name: &str| {
            name.split_once('/').is_some_and(|(kind, number)| {
                matches!(kind, "ams" | "ams_f1" | "n3f" | "n3s") && number.parse() == Ok(unit.id)
            })
        };
        unit.offered = state.and_then(|state| offered(state, of_unit)).or(common).cloned();
    }
}

fn offered(state: &Upgrade, wanted: impl Fn(&str) -> bool) -> Option<&Text> {
    let list = state.new_ver_list.as_ref()?;
    let entry = list.0.iter().find(|entry| entry.name.as_deref().is_some_and(&wanted))?;
    version(entry.new_ver.as_ref())
}

fn version(text: Option<&Text>) -> Option<&Text> {
    text.filter(|text| text.contains('.') && text.bytes().any(|b| matches!(b, b'1'..=b'9')))
}

/// The boards and their versions, as far as they are known.
pub(crate) fn boards(modules: &[Module]) -> Boards {
    let known = |text: &Option<Text>| text.clone().filter(|text| !text.is_empty() && text != "N/A");
    modules.iter().filter_map(|module| Some((known(&module.name)?, known(&module.sw_ver)?))).collect()
}

/// The page where the vendor tells of the versions of a model (protocol 4.15): those that came with an overview of
/// downloads, and the histories in the vendor's wiki that the later models have.
fn page(model: &Model) -> Option<&'static str> {
    Some(match model.name {
        "X1" | "X1C" => "https://bambulab.com/en/support/firmware-download/x1",
        "X1E" => "https://bambulab.com/en/support/firmware-download/x1e",
        "P1P" | "P1S" => "https://bambulab.com/en/support/firmware-download/p1",
        "A1" => "https://bambulab.com/en/support/firmware-download/a1",
        "A1 mini" => "https://bambulab.com/en/support/firmware-download/a1-mini",
        "A2L" => "https://wiki.bambulab.com/en/a2l/manual/a2l-firmware-release-history",
        "P2S" => "https://wiki.bambulab.com/en/p2s/manual/p2s-firmware-release-history",
        "X2D" => "https://wiki.bambulab.com/en/x2d/manual/x2d-firmware-release-history",
        "H2S" => "https://wiki.bambulab.com/en/h2s/manual/h2s-firmware-release-history",
        "H2D" => "https://wiki.bambulab.com/en/h2d/manual/h2d-firmware-release-history",
        "H2D Pro" => "https://wiki.bambulab.com/en/h2d-pro/manual/firmware-release-history",
        "H2C" => "https://wiki.bambulab.com/en/h2c/manual/h2c-firmware-release-history",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::page;
    use crate::models::MODELS;

    #[test]
    fn every_model_but_one_that_nobody_has_seen_has_a_page_of_its_versions() {
        for model in MODELS {
            let page = page(model);
            assert_eq!(page.is_some(), model.name != "N8", "{}", model.name);
            assert!(
                page.is_none_or(|page| page.starts_with("https://") && page.contains("bambulab.com/en/"))
            );
        }
    }
}
