//! What a simulated A1 mini says: one complete report when asked, then each second or two only the members
//! that changed (`msg` 1), as firmware 01.04 does.
use super::fields::{COMMON, home_flag};
use super::machine::{Machine, Phase};
use super::spool::{Layout, Spool, chipped, external, plain, trays};
use super::template::{Fields, Template, put};
use std::sync::LazyLock;

const FIELDS: Fields = &[
    ("home_flag", |m, o| put(o, format_args!("{}", home_flag(m, 0x327D_4588)))),
    // The file's name goes with the job; its title stays.
    ("running_file", |m, o| {
        o.extend_from_slice(if m.busy() { m.plan().file.as_bytes() } else { b"" });
    }),
    ("running_kind", |m, o| o.extend_from_slice(if m.busy() { m.plan().kind.as_bytes() } else { b"idle" })),
    ("line", |m, o| put(o, format_args!("{}", if m.phase == Phase::Job { m.layer() * 311 } else { 0 }))),
];

/// The members that ever change, in the order in which a delta lists them.
const LIVE: &[(&str, &str)] = &[
    ("nozzle_temper", "$nozzle$"),
    ("nozzle_target_temper", "$nozzle_target$"),
    ("bed_temper", "$bed$"),
    ("bed_target_temper", "$bed_target$"),
    ("mc_print_stage", r#""$print_stage$""#),
    ("heatbreak_fan_speed", r#""$heatbreak$""#),
    ("cooling_fan_speed", r#""$part_fan$""#),
    // An A1 repeats its only fan in the members of the other two.
    ("big_fan1_speed", r#""$part_fan$""#),
    ("big_fan2_speed", r#""$part_fan$""#),
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
    ("subtask_id", r#""$task$""#),
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
    ("lights_report", r#"[{"node":"chamber_light","mode":"$light$"}]"#),
    ("xcam", r#"{"buildplate_marker_detector":$plate_marker$}"#),
    (
        "ipcam",
        concat!(
            r#"{"ipcam_dev":"1","ipcam_record":"$record$","timelapse":"$timelapse$","resolution":"1080p","#,
            r#""tutk_server":"enable","mode_bits":3}"#
        ),
    ),
];

/// The members of `ams` that ever change.
const LIVE_AMS: &[(&str, &str)] =
    &[("tray_tar", r#""$tray_tar$""#), ("tray_now", r#""$tray_now$""#), ("tray_pre", r#""$tray_pre$""#)];

type Members = Vec<(&'static str, Template)>;

fn members(list: &'static [(&'static str, &'static str)]) -> Members {
    list.iter().map(|(name, text)| (*name, Template::new(text, &[COMMON, FIELDS]))).collect()
}

static TOP: LazyLock<Members> = LazyLock::new(|| members(LIVE));
static AMS: LazyLock<Members> = LazyLock::new(|| members(LIVE_AMS));

/// What was last said of each member that changes.
#[derive(Default)]
pub(super) struct Said {
    top: Vec<Vec<u8>>,
    ams: Vec<Vec<u8>>,
}

/// Writes the members whose text is not the one said before; says whether there were any.
fn changed(m: &Machine, members: &Members, said: &mut Vec<Vec<u8>>, out: &mut Vec<u8>) -> bool {
    said.resize_with(members.len(), Vec::new);
    let begin = out.len();
    let mut now = Vec::with_capacity(160);
    for ((name, template), said) in members.iter().zip(said) {
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
    pub(super) fn delta(&mut self, m: &Machine) -> Option<Vec<u8>> {
        let mut out = br#"{"print":{"#.to_vec();
        let begin = out.len();
        changed(m, &TOP, &mut self.top, &mut out);
        let mut ams = Vec::new();
        if changed(m, &AMS, &mut self.ams, &mut ams) {
            ams.pop();
            put(&mut out, format_args!(r#""ams":{{{}}},"#, String::from_utf8_lossy(&ams)));
        }
        if out.len() == begin {
            return None;
        }
        put(&mut out, format_args!(r#""command":"push_status","msg":1,"sequence_id":"{}"}}}}"#, m.sequence));
        Some(out)
    }
}

pub(super) fn spools() -> Vec<Spool> {
    vec![
        chipped(("PLA", "GFA01", "PLA Matte", "A01-R1"), "DE4343FF", (190, 230), "1C40E7B500000100", 71.0),
        chipped(("PLA", "GFA00", "PLA Basic", "A00-G6"), "00AE42FF", (190, 230), "E93B72AA00000100", 46.0),
        plain("PLA", "GFL99", "FFF144FF", (190, 240)),
        plain("PETG", "GFG99", "0ACC38FF", (220, 260)),
    ]
}

pub(super) static VERSION: LazyLock<Template> = LazyLock::new(|| {
    Template::new(
        r#"{"name":"ota","project_name":"N1","sw_ver":"$firmware$","hw_ver":"OTA","sn":"$serial$","flag":3},
        {"name":"esp32","project_name":"N1","sw_ver":"01.12.31.60","hw_ver":"AP05","sn":"$serial$","flag":0},
        {"name":"mc","project_name":"N1","sw_ver":"00.01.29.70","loader_ver":"00.00.00.32","hw_ver":"MC02",
        "sn":"00206B4E2600311","flag":0},
        {"name":"th","project_name":"N1","sw_ver":"00.00.07.60","loader_ver":"00.00.00.26","hw_ver":"TH03",
        "sn":"00306B4E2700177","flag":0},
        {"name":"ams_f1/0","project_name":"","sw_ver":"00.00.07.90","loader_ver":"00.00.00.00",
        "ota_ver":"00.00.00.00","hw_ver":"AMS_F102","sn":"03CB4E$number$","flag":0}"#,
        &[COMMON, FIELDS],
    )
});

pub(super) static FULL: LazyLock<Template> = LazyLock::new(|| {
    let member = |(name, text): &(&str, &str)| [r#"""#, name, r#"":"#, text, ","].concat();
    let live = |list: &[(&str, &str)]| list.iter().map(member).collect::<String>();
    let spool = plain("PLA", "GFA00", "FFFFFFFF", (190, 240));
    let text = REPORT
        .replace("LIVE_AMS", &live(LIVE_AMS))
        .replace("LIVE", &live(LIVE))
        .replace("TRAYS", &trays(Layout::A1, 0, &spools()))
        .replace("EXTERNAL", &external(Layout::A1, "254", &spool));
    Template::new(&text, &[COMMON, FIELDS])
});

const REPORT: &str = r#"{"print":{
"upgrade_state":{"sequence_id":0,"progress":"","status":"IDLE","consistency_request":false,"dis_state":0,
"err_code":0,"force_upgrade":false,"message":"0%, 0B/s","module":"","new_version_state":2,
"cur_state_code":0,"idx2":3107442196,"new_ver_list":[]},
"upload":{"status":"idle","progress":0,"message":""},
"net":{"conf":0,"info":[{"ip":537372864,"mask":16777215}]},"chamber_temper":5,
LIVE"mc_print_sub_stage":0,"ams_rfid_status":0,"lifecycle":"product",
"queue_number":0,"queue_total":0,"queue_est":0,"queue_sts":0,"project_id":"0","profile_id":"0",
"sdcard":true,"force_upgrade":false,"mess_production_state":"active","filam_bak":[],
"nozzle_diameter":"0.4","nozzle_type":"stainless_steel","cali_version":0,"k":"0.0200","flag3":31,
"online":{"ahb":false,"rfid":false,"version":1371806014},
"ams":{"ams":[{"id":"0","humidity":"5","temp":"0.0","tray":[TRAYS]}],"ams_exist_bits":"1",
"tray_exist_bits":"f","tray_is_bbl_bits":"3",LIVE_AMS"tray_read_done_bits":"f","tray_reading_bits":"0",
"version":3,"insert_flag":true,"power_on_flag":false},
"vt_tray":EXTERNAL,"command":"push_status","msg":0,"sequence_id":"$sequence$"}}"#;
