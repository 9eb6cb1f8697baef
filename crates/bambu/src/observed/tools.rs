//! Nozzles, the hotend rack, tool modules, and what the machine senses of itself (protocol 4.7 to 4.12).

use std::sync::Arc;

use crate::filaments;
use crate::models::{Door, Model};
use crate::report::{self, Print};
use crate::wire::Hex;
use printer::tools::{
    AirductMode, FilamentSensors, Flow, HolderPosition, HolderState, Hotend, HotendCondition, HotendPlace,
    Machine, Material, Nozzle, Rack, Space, Storage, ToolModule, TrackSwitch,
};
use printer::{Capabilities, Color, Source, Text};

use super::context::Context;

/// A nozzle or a hotend of the newer generation's inventory.
pub(super) fn nozzle(report: &Print, id: i64) -> Option<&report::Nozzle> {
    let list = report.device.as_ref()?.nozzle.as_ref()?.info.as_ref()?;
    list.0.iter().find(|nozzle| nozzle.id == Some(id))
}

/// What kinds of nozzles there are: the only or right one, the left one.
pub(super) fn kinds(report: &Print, can: &Capabilities) -> [Nozzle; 2] {
    let kind_of = |id: i64| nozzle(report, id).map(kind).unwrap_or_default();
    if can.dual_nozzle {
        // The flat members speak of one nozzle, and on an H2D 01.01 of none that it has.
        return [kind_of(0), kind_of(1)];
    }
    let listed = kind_of(0);
    let diameter_mm = listed.diameter_mm.or_else(|| diameter(report.nozzle_diameter));
    let named = match &listed.code {
        Some(_) => listed,
        None => report.nozzle_type.as_ref().map(named).unwrap_or_default(),
    };
    [Nozzle { diameter_mm, ..named }, Nozzle::default()]
}

fn kind(nozzle: &report::Nozzle) -> Nozzle {
    let named = nozzle.kind.as_ref().map(named).unwrap_or_default();
    Nozzle { diameter_mm: diameter(nozzle.diameter), ..named }
}

/// The kind of nozzle that a word names: one of the old words, or a code such as `HS01` or `HS01-0.4`.
fn named(word: &Text) -> Nozzle {
    let word = word.trim();
    if word.is_empty() {
        return Nozzle::default();
    }
    let code = Some(Text::from(word));
    if let Some(material) = Material::ALL.into_iter().find(|material| material.name() == word) {
        return Nozzle { material: Some(material), code, ..Nozzle::default() };
    }
    let material = match word.get(2..4) {
        Some("00") => Some(Material::StainlessSteel),
        Some("01") => Some(Material::HardenedSteel),
        Some("05") => Some(Material::TungstenCarbide),
        _ => None,
    };
    let flow = match word.get(1..2) {
        // A1 series and X1 have letters of their own for it.
        Some("S" | "A" | "X") => Some(Flow::Standard),
        Some("H" | "E") => Some(Flow::High),
        Some("U") => Some(Flow::TpuHigh),
        _ => None,
    };
    let is_code = word.starts_with('H') && word.len() >= 4;
    Nozzle { material: material.filter(|_| is_code), flow: flow.filter(|_| is_code), code, diameter_mm: None }
}

/// A nozzle's diameter, to the tenth: 0.4 also comes as text, and as 0.4000001.
fn diameter(mm: Option<f32>) -> Option<f32> {
    mm.map(|mm| (mm * 10.0).round() / 10.0).filter(|mm| (0.1..=2.0).contains(mm))
}

/// First number of the rack's slots.
const RACK: i64 = 16;

/// Whether there is a rack: only an H2C has a holder, or numbers above the nozzles'.
pub(super) fn has_rack(report: &Print) -> bool {
    let device = report.device.as_ref();
    let holder = device.and_then(|d| d.holder.as_ref()?.pos).is_some();
    holder || device.and_then(|d| d.nozzle.as_ref()?.exist).is_some_and(|exist| exist >= 1 << RACK)
}

/// The rack; the one before where it is the same, so that it is kept once.
pub(super) fn rack(report: &Print, can: &Capabilities, before: Option<&Arc<Rack>>) -> Option<Arc<Rack>> {
    if !can.hotend_rack {
        return None;
    }
    let device = report.device.as_ref()?;
    let holder = device.holder.as_ref();
    let position = match holder.and_then(|holder| holder.pos) {
        Some(1) => Some(HolderPosition::ATop),
        Some(2) => Some(HolderPosition::BTop),
        Some(3) => Some(HolderPosition::Centre),
        _ => None,
    };
    let state = holder.and_then(|holder| holder.stat).and_then(HolderState::new);
    let mut hotends: [Hotend; 6] = Default::default();
    for (id, slot) in (RACK..).zip(&mut hotends) {
        *slot = hotend(report, id);
    }
    let rack = Rack { position, state, hotends };
    Some(before.filter(|before| ***before == rack).map_or_else(|| Arc::new(rack), Arc::clone))
}

/// The hotend that belongs into a slot. The one that is mounted is listed as the right nozzle.
fn hotend(report: &Print, id: i64) -> Hotend {
    let nozzles = report.device.as_ref().and_then(|d| d.nozzle.as_ref());
    let place = nozzles.and_then(|nozzles| nozzles.exist).map(|exist| {
        let docked = u32::try_from(id).is_ok_and(|id| Hex(exist.cast_unsigned()).bit(id));
        match nozzles.and_then(|nozzles| nozzles.tar_id) {
            _ if docked => HotendPlace::Docked,
            Some(target) if target == id => HotendPlace::Mounted,
            _ => HotendPlace::Empty,
        }
    });
    let listed = match place {
        Some(HotendPlace::Docked) => nozzle(report, id),
        Some(HotendPlace::Mounted) => nozzle(report, 0),
        Some(HotendPlace::Empty) | None => None,
    };
    let Some(listed) = listed else { return Hotend { place, ..Hotend::default() } };
    let text = |text: &Option<Text>| text.clone().filter(|text| !text.is_empty() && text != "N/A");
    let filament_id = text(&listed.fila_id);
    Hotend {
        place,
        nozzle: kind(listed),
        serial: text(&listed.sn),
        max_celsius: listed.tm.and_then(|tm| u16::try_from(tm).ok()).filter(|tm| (1..=500).contains(tm)),
        wear: listed.wear.filter(|wear| *wear >= 0.0),
        condition: listed.stat.and_then(|stat| match Hex(stat.cast_unsigned()).bits(1, 2) {
            0 => Some(HotendCondition::Normal),
            1 => Some(HotendCondition::Abnormal),
            2 => Some(HotendCondition::Unknown),
            _ => None,
        }),
        color: listed.color_m.as_deref().and_then(color),
        filament_name: filament_id.as_deref().and_then(filaments::name),
        filament_id,
    }
}

/// All zeros, nothing to see, when it had no filament.
fn color(text: &str) -> Option<Color> {
    super::filament::color(text).filter(|color| *color != Color::new(0))
}

/// What the machine senses of itself.
pub(super) fn machine(report: &Print, context: &Context<'_>) -> Machine {
    let can = context.capabilities.unwrap_or_default();
    let device = report.device.as_ref();
    let airduct = device.and_then(|d| d.airduct.as_ref());
    let home = |bit: u32| report.home_flag.map(|flags| flags.bit(bit));
    let camera = report.ipcam.as_ref();
    let signature_required = report.fun.map(|fun| fun.bit(29));
    let able = context.model.zip(context.identity.firmware.as_deref());
    Machine {
        door_open: door(report, context.model).filter(|_| can.door),
        storage: storage(report),
        internal: camera.and_then(|c| space(c.tl_internal_free_kb, c.tl_internal_total_kb)),
        external: camera.and_then(|c| space(c.tl_external_free_kb, c.tl_external_total_kb)),
        track_switch: track_switch(report).filter(|_| can.track_switch),
        fire_extinguisher: connected(device.and_then(|d| d.fire_ext.as_ref())),
        rotary: connected(device.and_then(|d| d.fourth_axis.as_ref())),
        filament: filament(report, &can),
        tool: device.and_then(|d| d.ext_tool.as_ref()).and_then(tool),
        airduct: airduct.and_then(|airduct| match airduct.mode_cur? {
            0 => Some(AirductMode::Cooling),
            1 => Some(AirductMode::Heating),
            2 => Some(AirductMode::Laser),
            _ => None,
        }),
        filtering: airduct.and_then(|airduct| match airduct.sub_mode? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }),
        chamber_heating: device.and_then(|d| d.ctc.as_ref()?.state).and_then(|state| match state & 0xF {
            0 => Some(false),
            2 => Some(true),
            _ => None,
        }),
        homed: report.home_flag.map(|flags| flags.bits(0, 3) == 0b111),
        mains_220v: home(3),
        wired: report.net.as_ref().and_then(|net| net.conf).map(|_| report.is_wired()),
        camera: camera.and_then(|camera| match camera.ipcam_dev? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }),
        live_view: camera.and_then(|camera| camera.rtsp_url).map(|url| url.0),
        recording: if report.is_newer() { report.stat.map(|stat| stat.bit(7)) } else { home(5) },
        signature_required,
        developer_mode: match signature_required {
            Some(true) => Some(false),
            // Firmware that could ask for signatures and does not.
            Some(false) => able.and_then(|(model, firmware)| model.signs(firmware)),
            None => None,
        },
    }
}

fn door(report: &Print, model: Option<&Model>) -> Option<bool> {
    match model.map(|model| model.door) {
        Some(Door::HomeFlag(_)) => report.home_flag.map(|flags| flags.bit(23)),
        Some(Door::Stat) | None => report.stat.map(|stat| stat.bit(23)),
    }
}

/// `home_flag` flaps between reports and is believed only in what the others cannot say (protocol 4.9).
fn storage(report: &Print) -> Option<Storage> {
    if report.is_newer() {
        return report.aux.and_then(|aux| by_number(aux.bits(12, 2)));
    }
    let present = match report.sdcard.as_deref()?.trim() {
        "true" | "1" | "HAS_SDCARD_NORMAL" => true,
        "false" | "0" | "NO_SDCARD" => return Some(Storage::Missing),
        "HAS_SDCARD_ABNORMAL" => return Some(Storage::Abnormal),
        "HAS_SDCARD_READONLY" => return Some(Storage::ReadOnly),
        _ => return None,
    };
    let fault = report.home_flag.and_then(|flags| by_number(flags.bits(8, 2)));
    let fault = fault.filter(|storage| matches!(storage, Storage::Abnormal | Storage::ReadOnly));
    present.then(|| fault.unwrap_or(Storage::Normal))
}

fn by_number(number: u64) -> Option<Storage> {
    match number {
        0 => Some(Storage::Missing),
        1 => Some(Storage::Normal),
        2 => Some(Storage::Abnormal),
        3 => Some(Storage::ReadOnly),
        _ => None,
    }
}

/// How much room there is; nothing of nothing is no storage.
fn space(free: Option<i64>, total: Option<i64>) -> Option<Space> {
    let (free_kib, total_kib) = (u64::try_from(free?).ok()?, u64::try_from(total?).ok()?);
    (total_kib > 0 && free_kib <= total_kib).then_some(Space { free_kib, total_kib })
}

fn connected(accessory: Option<&report::Accessory>) -> Option<bool> {
    accessory?.connect_flag.map(|flag| flag != 0)
}

/// The Filament Track Switch, if one is fitted (protocol 4.16).
fn track_switch(report: &Print) -> Option<TrackSwitch> {
    if !super::ams::has_switch(report) {
        return None;
    }
    let switch = report.device.as_ref().and_then(|d| d.fila_switch.as_ref());
    let inlet = |at: usize| {
        let code = *switch?.inlets.as_ref()?.0.get(at)?;
        if code == -1 { Some(Source::Nothing) } else { super::filament::by_unit_and_slot(code) }
    };
    Some(TrackSwitch {
        busy: switch.and_then(|switch| match switch.stat? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }),
        // B comes first on the wire.
        inlets: [inlet(1), inlet(0)],
    })
}

fn filament(report: &Print, can: &Capabilities) -> FilamentSensors {
    let switches = report.hw_switch_state.filter(|state| (0..=0xFF).contains(state));
    let any = switches.map(|state| state != 0);
    if !can.dual_nozzle {
        return FilamentSensors { any, ..FilamentSensors::default() };
    }
    let nozzle = |id: u32| {
        let list = report.device.as_ref()?.extruder.as_ref()?.info.as_ref()?;
        let extruder = list.0.iter().find(|extruder| extruder.id == Some(i64::from(id)));
        let inside = extruder.and_then(|extruder| extruder.info);
        // Bit 1 is the sensor in the print head, 2 the buffer's, 3 says that there is a nozzle.
        let inside = inside.map(|info| Hex(info.cast_unsigned()).bit(1));
        inside.or_else(|| switches.map(|state| Hex(state.cast_unsigned()).bit(id)))
    };
    FilamentSensors { any, right: nozzle(0), left: nozzle(1) }
}

fn tool(tool: &report::Tool) -> Option<ToolModule> {
    match tool.mount? {
        0 => Some(ToolModule::None),
        1 => match tool.kind.as_deref()?.trim() {
            "LB00" => Some(ToolModule::Laser10),
            "LB01" => Some(ToolModule::Laser40),
            "CP00" => Some(ToolModule::Cutter),
            _ => None,
        },
        _ => None,
    }
}
