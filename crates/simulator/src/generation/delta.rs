//! What a simulated P1P, P1S, A1, A1 mini or A2L says: one complete report when asked, then each second or two
//! only the members that changed (`msg` 1), as firmware 01.04 of an A1 mini does.
use crate::machine::{Machine, Phase};
use crate::model::Model;
use crate::sheet::{Group, Sheet};
use crate::spool::Layout;
use crate::template::{Fields, put};

pub(crate) const LAYOUT: Layout = Layout::A1;

pub(crate) const FIELDS: Fields = &[
    // The file's name goes with the job; its title stays.
    ("running_file", |m, o| {
        o.extend_from_slice(if m.tells_file() { m.job_file().as_bytes() } else { b"" });
    }),
    ("running_kind", |m, o| {
        o.extend_from_slice(if m.tells_file() { m.job_kind().as_bytes() } else { b"idle" });
    }),
    ("line", |m, o| put(o, format_args!("{}", if m.phase == Phase::Job { m.layer() * 311 } else { 0 }))),
    // An A1 repeats its only fan in the members of the other two.
    ("fan1", |m, o| {
        put(o, format_args!("{}", if m.model.slings() { &m.part_fan } else { &m.aux_fan }.gear()));
    }),
    ("fan2", |m, o| {
        put(o, format_args!("{}", if m.model.slings() { &m.part_fan } else { &m.chamber_fan }.gear()));
    }),
    ("small_resolution", |m, o| {
        o.extend_from_slice(if m.model.slings() { m.resolution.as_bytes() } else { b"" });
    }),
];

/// A member that changes, and its value.
pub(crate) type Live = (&'static str, &'static str);

/// The members that ever change, in the order in which a delta lists them.
pub(crate) const LIVE: &[Live] = &[
    ("nozzle_temper", "$nozzle$"),
    ("nozzle_target_temper", "$nozzle_target$"),
    ("bed_temper", "$bed$"),
    ("bed_target_temper", "$bed_target$"),
    ("mc_print_stage", r#""$print_stage$""#),
    ("heatbreak_fan_speed", r#""$heatbreak$""#),
    ("cooling_fan_speed", r#""$part_fan$""#),
    ("big_fan1_speed", r#""$fan1$""#),
    ("big_fan2_speed", r#""$fan2$""#),
    ("mc_percent", "$percent$"),
    ("mc_remaining_time", "$minutes$"),
    ("ams_status", "$ams_status$"),
    ("hw_switch_state", "$filament$"),
    ("spd_mag", "$speed_percent$"),
    ("spd_lvl", "$speed$"),
    ("print_error", "$print_error$"),
    ("wifi_signal", r#""$wifi$dBm""#),
    ("gcode_state", r#""$state$""#),
    ("gcode_file_prepare_percent", r#""$download$""#),
    ("task_id", r#""$task$""#),
    ("subtask_id", r#""$subtask$""#),
    ("project_id", r#""$project$""#),
    ("profile_id", r#""$profile$""#),
    ("subtask_name", r#""$job$""#),
    ("gcode_file", r#""$running_file$""#),
    ("stg", "$stages$"),
    ("stg_cur", "$stage$"),
    ("print_type", r#""$running_kind$""#),
    ("home_flag", "$home_flag$"),
    ("mc_print_line_number", r#""$line$""#),
    ("layer_num", "$layer$"),
    ("total_layer_num", "$layers$"),
    ("s_obj", "$skipped$"),
    ("fan_gear", "$fan_gear$"),
    ("hms", "$hms$"),
    ("nozzle_diameter", r#""$diameter$""#),
    ("nozzle_type", r#""$nozzle_type$""#),
    ("lights_report", r#"[{"node":"chamber_light","mode":"$light$"}]"#),
    (
        "ipcam",
        concat!(
            r#"{"ipcam_dev":"1","ipcam_record":"$record$","timelapse":"$timelapse$","resolution":"$small_resolution$","#,
            r#""tutk_server":"enable","mode_bits":3}"#
        ),
    ),
];

/// The members of `ams` that ever change.
pub(crate) const LIVE_AMS: &[Live] = &[
    ("tray_tar", r#""$tray_tar$""#),
    ("tray_now", r#""$tray_now$""#),
    ("tray_pre", r#""$tray_pre$""#),
    ("tray_reading_bits", r#""$reading$""#),
    ("insert_flag", "$on_insert$"),
    ("power_on_flag", "$on_startup$"),
];

/// What one with a unit tells of it when something in it changes.
pub(crate) const LIVE_UNITS: &[Live] = &[("ams", "[@still_units@]")];

/// The spool outside: what somebody told of it.
pub(crate) const LIVE_OUTSIDE: &[Live] = &[("vt_tray", "@external@")];
pub(crate) const LIVE_OUTSIDE_PACKED: &[Live] = &[("vir_slot", "[@external@]")];

/// The camera of a bed-slinger looks at the plate alone.
pub(crate) const LIVE_PLATE: &[Live] = &[("xcam", r#"{"buildplate_marker_detector":$plate_marker$}"#)];

/// What an A2L has besides: the twins of the newer generation.
pub(crate) const LIVE_PACKED: &[Live] = &[
    ("percent", "$percent$"),
    ("remain_time", "$minutes$"),
    ("state", "$numeric_state$"),
    ("prepare_per", "$download$"),
    ("3D", r#"{"layer_num":$layer$,"total_layer_num":$layers$}"#),
    ("cfg", r#""$cfg$""#),
    ("fun", r#""$fun$""#),
    ("stat", r#""$stat$""#),
    ("job_id", r#""$job_id$""#),
    ("mapping", "$mapping$"),
];

/// The members of `device` that ever change.
pub(crate) const LIVE_DEVICE: &[Live] = &[
    ("extruder", r#"{"state":$extruders$,"info":[$extruder_list$]}"#),
    ("bed", r#"{"state":$bed_state$,"info":{"temp":$packed_bed$}}"#),
    ("airduct", r#"{"parts":[$parts$],"version":1}"#),
];

/// What changes, by the object it is in; the report itself comes first.
pub(crate) fn groups(model: Model) -> Vec<(&'static str, Vec<Live>)> {
    let top: &[&[Live]] = match model {
        Model::A2l => &[LIVE, LIVE_PLATE, LIVE_PACKED, LIVE_OUTSIDE_PACKED],
        model if model.slings() => &[LIVE, LIVE_PLATE, LIVE_OUTSIDE],
        _ => &[LIVE, LIVE_OUTSIDE],
    };
    let ams: &[&[Live]] = if model.facts().units.is_empty() { &[LIVE_AMS] } else { &[LIVE_AMS, LIVE_UNITS] };
    let mut groups = vec![("", top.concat()), ("ams", ams.concat())];
    if model == Model::A2l {
        groups.push(("device", LIVE_DEVICE.to_vec()));
    }
    groups
}

/// What was last said of each member that changes, by group.
#[derive(Default)]
pub(crate) struct Said(Vec<Vec<Vec<u8>>>);

/// Writes the members whose text is not the one said before; says whether there were any.
fn changed(m: &Machine, group: &Group, said: &mut Vec<Vec<u8>>, out: &mut Vec<u8>) -> bool {
    said.resize_with(group.members.len(), Vec::new);
    let begin = out.len();
    let mut now = Vec::with_capacity(160);
    for ((name, template), said) in group.members.iter().zip(said) {
        now.clear();
        template.write(m, &mut now);
        if now != *said {
            put(out, format_args!(r#""{name}":"#));
            out.extend_from_slice(&now);
            out.push(b',');
            said.clone_from(&now);
        }
    }
    out.len() > begin
}

impl Said {
    /// The delta since the last call; nothing when nothing changed.
    pub(crate) fn delta(&mut self, m: &Machine, sheet: &Sheet) -> Option<Vec<u8>> {
        self.0.resize_with(sheet.live.len(), Vec::new);
        let mut out = br#"{"print":{"#.to_vec();
        let begin = out.len();
        for (group, said) in sheet.live.iter().zip(&mut self.0) {
            if group.name.is_empty() {
                changed(m, group, said, &mut out);
                continue;
            }
            let open = out.len();
            put(&mut out, format_args!(r#""{}":{{"#, group.name));
            if changed(m, group, said, &mut out) {
                out.pop();
                out.extend_from_slice(b"},");
            } else {
                out.truncate(open);
            }
        }
        if out.len() == begin {
            return None;
        }
        put(&mut out, format_args!(r#""command":"push_status","msg":1,"sequence_id":"{}"}}}}"#, m.sequence));
        Some(out)
    }
}

pub(crate) const REPORT: &str = r#"{"print":{
"upgrade_state":{"sequence_id":0,"progress":"","status":"IDLE","consistency_request":false,"dis_state":0,
"err_code":0,"force_upgrade":false,"message":"0%, 0B/s","module":"","new_version_state":2,
"cur_state_code":0,"idx2":3107442196,"new_ver_list":[]},
"upload":{"status":"idle","progress":0,"message":""},
"net":@net@,"chamber_temper":5,
@live@"mc_print_sub_stage":0,"ams_rfid_status":0,"lifecycle":"product",
"queue_number":0,"queue_total":0,"queue_est":0,"queue_sts":0,
"sdcard":true,"force_upgrade":false,"mess_production_state":"active","filam_bak":[],
"cali_version":0,"k":"0.0200","flag3":31,
"online":{"ahb":false,"rfid":false,"version":1371806014},
"ams":{"ams":[@units@],"ams_exist_bits":"@ams_bits@",
"tray_exist_bits":"@tray_bits@","tray_is_bbl_bits":"@chip_bits@",@live_ams@"tray_read_done_bits":"@tray_bits@",
"version":3},
@rest@"command":"push_status","msg":0,"sequence_id":"$sequence$"}}"#;

/// What stands still in the report of an A2L, and what others have in its place.
pub(crate) const REST_PACKED: &str = r#""ap_err":0,"canvas_id":0,"batch_id":0,"plate_id":0,
"job_attr":0,"err":"100000000","aux":"31004","ver":"20020","fun2":"@fun2@",
"2D":{"bs":{"bi":[],"total_time":0},"cur_stage":{"clock_in_time":false,"idx":0,"process":0,"left_time":0,
"state":0},"material":{"cur_id_list":[],"state":0,"tar_id":"","tar_name":""},"cap_pos_ok":false,
"makeable":false,"pm":1,"cond":15},
"device":{"type":1,@live_device@"nozzle":{"exist":@nozzle_bits@,"state":0,"info":[@nozzles@]},
"ext_tool":@tool@},"#;
