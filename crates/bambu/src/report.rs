//! The members of a report that we read, under the names they have on the wire.
//!
//! A merged [`Print`] is the compact form in which everything a printer ever said is kept: a few
//! kilobytes, where the same as generic JSON values takes a hundred.
//! To read one more member is one more line here.
//! Must not know what the values mean; that is `snapshot`'s work.

use super::wire::{
    Counted, Dbm, Hex, Keyed, Kind, List, Member, Once, Scalar, Text, Wire, cut, replace, scalar, wire,
};

wire! {
    /// A message on a printer's report topic; one member per category (protocol 3.2).
    pub struct Envelope {
        print: Counted<Print>,
        info: Info,
        event: Event,
        system: Echo,
        camera: Echo,
        xcam: Echo,
        upgrade: Echo,
        fun: Hex,
    }

    /// A report, or the answer to a `print` request.
    pub struct Print {
        command: Once<Text>,
        msg: Once<i64>,
        sequence_id: Once<Text>,
        result: Once<Text>,
        reason: Once<Text>,
        err_code: Once<i64>,
        errno: Once<i64>,

        gcode_state: Text,
        stg_cur: i64,
        stg: List<i64>,
        stage: Stage,
        print_type: Text,
        mc_percent: i64,
        percent: i64,
        mc_remaining_time: i64,
        remain_time: i64,
        layer_num: i64,
        total_layer_num: i64,
        three_d = "3D": Layers,
        subtask_name: Text,
        gcode_file: Text,
        gcode_file_prepare_percent: Text,
        prepare_per: i64,
        gcode_start_time: Text,
        task_id: Text,
        subtask_id: Text,
        job_id: Text,
        project_id: Text,
        profile_id: Text,
        design_id: Text,
        plate_idx: i64,
        s_obj: List<i64>,
        queue_number: i64,
        print_error: i64,
        hms: List<Hms>,

        nozzle_temper: f32,
        nozzle_target_temper: f32,
        bed_temper: f32,
        bed_target_temper: f32,
        chamber_temper: f32,
        ctt: f32,
        mc_target_cham: f32,
        cooling_fan_speed: i64,
        big_fan1_speed: i64,
        big_fan2_speed: i64,
        heatbreak_fan_speed: i64,
        spd_lvl: i64,
        spd_mag: i64,
        lights_report: Keyed<Light>,
        wifi_signal: Dbm,
        net: Net,
        ipcam: Camera,
        xcam: Detectors,
        sdcard: Text,
        hw_switch_state: i64,
        nozzle_diameter: f32,
        nozzle_type: Text,

        ams: Ams,
        vt_tray: Tray,
        vir_slot: Keyed<Tray>,
        device: Device,

        home_flag: Hex,
        cfg: Hex,
        fun: Hex,
        fun2: Hex,
        aux: Hex,
        stat: Hex,
        online: Online,
        upgrade_state: Upgrade,
    }

    /// Where older firmware puts the stage.
    pub struct Stage { id = "_id": i64 }

    /// The newer twin of the layer members.
    pub struct Layers { layer_num: i64, total_layer_num: i64 }

    /// One health message (protocol 4.10).
    pub struct Hms { attr: Code, code: Code }

    /// A lamp.
    pub struct Light { node: Text, mode: Text }

    /// Network facts.
    pub struct Net { conf: i64, info: List<Address> }

    /// One of its connections.
    pub struct Address { ip: i64 }

    /// Camera options.
    pub struct Camera {
        ipcam_dev: i64,
        timelapse: Text,
        ipcam_record: bool,
        rtsp_url: Offered,
        resolution: Text,
        resolution_supported: List<Text>,
        tl_internal_free_kb: i64,
        tl_internal_total_kb: i64,
        tl_external_free_kb: i64,
        tl_external_total_kb: i64,
    }

    /// What the camera looks for; `cfg` is the newer form of most of it.
    pub struct Detectors {
        cfg: i64,
        allow_skip_parts: bool,
        buildplate_marker_detector: bool,
        first_layer_inspector: bool,
        printing_monitor: bool,
        spaghetti_detector: bool,
        halt_print_sensitivity: Text,
    }

    /// What is connected; `version` changes with it.
    pub struct Online { version: i64 }

    /// State of a firmware update.
    pub struct Upgrade {
        dis_state: i64,
        new_version_state: i64,
        progress: i64,
        ota_new_version_number: Text,
        ams_new_version_number: Text,
        new_ver_list: List<NewVersion>,
    }

    /// A version that is offered for one board (P1 and A1; the others use the `…_new_version_number`).
    pub struct NewVersion { name: Text, new_ver: Text }

    /// Everything about AMS units.
    pub struct Ams {
        ams: Keyed<Unit>,
        ams_exist_bits: Hex,
        tray_exist_bits: Hex,
        tray_now: i64,
        insert_flag: bool,
        power_on_flag: bool,
    }

    /// One AMS unit.
    pub struct Unit {
        id: i64,
        humidity: i64,
        humidity_raw: i64,
        temp: f32,
        dry_time: i64,
        dry_setting: DrySetting,
        dry_sf_reason: List<i64>,
        info: Hex,
        tray: Keyed<Tray>,
    }

    /// What a unit dries, and how; -1 for nothing.
    pub struct DrySetting { dry_filament: Text, dry_temperature: i64, dry_duration: i64 }

    /// A slot of an AMS, or an external spool.
    pub struct Tray {
        id: i64,
        state: i64,
        tray_type: Text,
        tray_info_idx: Text,
        tray_sub_brands: Text,
        tray_color: Text,
        cols: List<Text>,
        ctype: i64,
        remain: i64,
        tray_weight: i64,
        total_len: i64,
        nozzle_temp_min: i64,
        nozzle_temp_max: i64,
        bed_temp: i64,
        drying_temp: i64,
        drying_time: i64,
        tray_temp: i64,
        tray_time: i64,
        tag_uid: Tag,
        tray_uuid: Tag,
        k: f32,
        cali_idx: i64,
        // Not on the wire: the slot was announced without filament, so what was known before is void.
        void = "\0void": bool,
    }

    /// The layout of the newer protocol generation (protocol 4.1).
    pub struct Device {
        bed: Heated,
        bed_temp: i64,
        ctc: Heated,
        extruder: Extruders,
        airduct: Airduct,
        nozzle: Nozzles,
        holder: Holder,
        ext_tool: Tool,
        fila_switch: FilamentSwitch,
        fire_ext: Accessory,
        fourth_axis: Accessory,
    }

    /// A heater with packed temperatures.
    pub struct Heated { info: Packed, state: i64 }

    /// A packed temperature: target in the upper, actual in the lower 16 bits.
    pub struct Packed { temp: i64 }

    /// The extruders and which of them is in use.
    pub struct Extruders { state: i64, info: Keyed<Extruder> }

    /// One extruder.
    pub struct Extruder { id: i64, temp: i64, snow: i64, info: i64 }

    /// Fans of the newer generation.
    pub struct Airduct {
        parts: Parts,
        mode_cur = "modeCur": i64,
        mode_list = "modeList": List<Mode>,
        sub_mode = "subMode": i64,
    }

    /// A way to lead the air.
    pub struct Mode { id = "modeId": i64 }

    /// One fan.
    pub struct Part { id: i64, state: i64 }

    /// Nozzles and hotends; X1C 01.08 sends something else under the same names, which is not read.
    pub struct Nozzles { exist: i64, tar_id: i64, info: Keyed<Nozzle> }

    /// One nozzle, or one hotend of the rack.
    pub struct Nozzle {
        id: i64,
        diameter: f32,
        kind = "type": Text,
        tm: i64,
        wear: f32,
        stat: i64,
        sn: Text,
        color_m: Text,
        fila_id: Text,
    }

    /// The rack of hotends.
    pub struct Holder { pos: i64, stat: i64 }

    /// A laser, a cutter.
    pub struct Tool { mount: i64, kind = "type": Text }

    /// A Filament Track Switch: what is in its inlets, B first.
    pub struct FilamentSwitch { inlets = "in": List<i64>, stat: i64 }

    /// Something that can be plugged in; 0 is not.
    pub struct Accessory { connect_flag: i64 }

    /// The answer to `get_version`.
    pub struct Info { command: Text, module: List<Module> }

    /// One board or accessory.
    pub struct Module {
        name: Text,
        sw_ver: Text,
        hw_ver: Text,
        sn: Text,
        product_name: Text,
        project_name: Text,
    }

    /// Connections as the cloud broker sees them.
    pub struct Event { event: Text }

    /// The answer to a request of another category than `print`.
    pub struct Echo {
        command: Text,
        sequence_id: Text,
        result: Text,
        reason: Text,
        err_code: i64,
        errno: i64,
        led_node: Text,
        led_mode: Text,
    }
}

impl Print {
    /// Whether the printer speaks the newer protocol generation (protocol 4.1).
    pub fn is_newer(&self) -> bool {
        self.cfg.is_some() && self.fun.is_some() && self.aux.is_some() && self.stat.is_some()
    }

    /// Whether the printer is connected by cable (protocol 4.8); `home_flag` bit 18, which other programs read for
    /// it, is the sound.
    pub fn is_wired(&self) -> bool {
        self.net.as_ref().and_then(|net| net.conf).is_some_and(|conf| conf & 1 == 1)
    }
}

/// An error code: 32 bits, as a number (negative ones occur) or as hexadecimal text with `0x`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Code(pub u32);

impl Wire for Code {
    fn read<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Self>, D::Error> {
        // Decimal text does not occur; `Hex` reads both other forms.
        let low = |v: Hex| u32::try_from(v.bits(0, 32)).unwrap_or(0);
        Ok(Hex::read(from)?.map(|v| Self(low(v))))
    }
    fn merge_into(slot: &mut Option<Self>, patch: Self, _: Kind) -> bool {
        replace(slot, patch)
    }
}

/// Whether something can be had, of a member that says where. The address itself is not kept: some
/// firmware puts the access code into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offered(pub bool);

impl Wire for Offered {
    fn read<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Self>, D::Error> {
        let said = Text::read(from)?.filter(|text| !text.trim().is_empty());
        Ok(said.map(|text| Self(text != "disable" && !text.contains("//0.0.0.0"))))
    }
    fn merge_into(slot: &mut Option<Self>, patch: Self, _: Kind) -> bool {
        replace(slot, patch)
    }
}

/// What an RFID tag said; empty without one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tag(pub Text);

impl Tag {
    /// Whether there is no tag.
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }
}

impl Scalar for Tag {
    /// Most slots say that there is none, with up to 32 zeros: not kept, as they are too long to be kept for
    /// nothing.
    fn from_text(text: &str) -> Option<Self> {
        let none = text.trim().bytes().all(|b| b == b'0');
        Some(Self(if none { Text::default() } else { cut(text).into() }))
    }
}

impl Wire for Tag {
    fn read<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Self>, D::Error> {
        scalar(from)
    }
    fn merge_into(slot: &mut Option<Self>, patch: Self, kind: Kind) -> bool {
        // Many periodic updates leave it out so; a spool that is gone empties the slot (protocol 4.13).
        (kind == Kind::Full || !patch.is_none() || slot.is_none()) && replace(slot, patch)
    }
}

impl Member for Light {
    type Id = Text;
    /// Three in any capture, and the lamp of the bed.
    const MOST: usize = 8;

    fn id(&self) -> Option<Text> {
        self.node.clone()
    }
}

impl Member for Unit {
    type Id = i64;
    /// Four large units, eight for a single spool, and the Lite of an A2L (protocol 4.13).
    const MOST: usize = 16;

    fn id(&self) -> Option<i64> {
        self.id
    }
}

impl Member for Extruder {
    type Id = i64;
    /// Two in any capture.
    const MOST: usize = 8;

    fn id(&self) -> Option<i64> {
        self.id
    }
}

impl Member for Nozzle {
    type Id = i64;
    /// The numbers of the rack end at 21, and seven hotends are in a capture (`h2c_ams2pro_failed_drying`).
    const MOST: usize = 32;

    fn id(&self) -> Option<i64> {
        self.id
    }
}

impl Member for Part {
    type Id = i64;
    /// Four in any capture; their numbers end at 160, in steps of 16 (protocol 4.7).
    const MOST: usize = 16;

    fn id(&self) -> Option<i64> {
        self.id
    }
}

/// The most slots of a unit that are read: an AMS 3H has nine, all others four or one (protocol 4.13).
pub(crate) const MOST_SLOTS: u8 = 16;

impl Member for Tray {
    type Id = i64;
    const MOST: usize = MOST_SLOTS as usize;

    fn id(&self) -> Option<i64> {
        self.id
    }

    /// `{"id":"2"}` or `{"id":"2","state":10}` says that there is no filament data (protocol 3.4).
    fn starts_anew(&mut self) -> bool {
        let bare = Self { id: self.id, state: self.state, ..Self::default() };
        if *self == bare {
            self.void = Some(true);
        }
        self.void == Some(true)
    }
}

/// The fans; a list with parts 16 and 32 is the complete inventory, any other a part of it (protocol 3.4).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parts {
    /// The fans.
    pub list: Keyed<Part>,
    /// Whether one message had the complete inventory.
    complete: bool,
}

impl Wire for Parts {
    fn read<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Self>, D::Error> {
        Ok(Keyed::read(from)?.map(|list: Keyed<Part>| {
            let complete = [16, 32].iter().all(|id| list.0.iter().any(|part| part.id == Some(*id)));
            Self { list, complete }
        }))
    }
    fn merge_into(slot: &mut Option<Self>, patch: Self, _: Kind) -> bool {
        let kind = if patch.complete { Kind::Full } else { Kind::Delta };
        let known = slot.take();
        let was_complete = known.as_ref().is_some_and(|known| known.complete);
        let complete = patch.complete || was_complete;
        let mut list = known.map(|known| known.list);
        let changed = Keyed::merge_into(&mut list, patch.list, kind);
        *slot = list.map(|list| Self { list, complete });
        changed || complete != was_complete
    }
}
