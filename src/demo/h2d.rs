//! What a simulated H2D says: complete reports of some 12 kB with `msg` 0, two nozzles whose temperatures are
//! packed into `device`, and the bit fields `aux`, `cfg`, `fun` and `stat`.
use super::fields::{COMMON, home_flag};
use super::machine::{Machine, Phase};
use super::parts::Heater;
use super::spool::{Layout, Spool, chipped, external, plain, trays};
use super::template::{Fields, Template, put};
use super::unit::Unit;
use std::fmt::Write as _;
use std::sync::LazyLock;

/// Target in the high half, temperature in the low one.
fn packed(heater: &Heater) -> u32 {
    u32::from(heater.target) << 16 | super::parts::count(heater.shown().round()) & 0xFFFF
}

/// Unit and slot of a spool in one word.
fn slot(spool: usize) -> usize {
    if spool < 4 { spool } else { 128 << 8 }
}

/// What a nozzle has of `spool`: its slot, or the nozzle's own word for nothing.
fn fed(m: &Machine, nozzle: usize, spool: Option<usize>) -> usize {
    let nothing = if nozzle == 0 { 0xFFFF } else { 0xFEFF };
    spool.filter(|spool| m.model.nozzle_of(*spool) == nozzle).map_or(nothing, slot)
}

fn extruder(m: &Machine, nozzle: usize, out: &mut Vec<u8>) {
    let now = fed(m, nozzle, m.feeding);
    let base = if nozzle == 0 { 0x448 } else { 0x458 };
    let loaded = now < 0xFEFF;
    let [right, left] = &m.nozzles;
    put(
        out,
        format_args!(
            concat!(
                r#"{{"filam_bak":[],"hnow":{id},"hpre":{id},"htar":{id},"id":{id},"info":{info},"#,
                r#""snow":{now},"spre":{before},"star":{next},"stat":{stat},"temp":{temp}}}"#
            ),
            id = nozzle,
            info = base | if loaded { 6 } else { 0 },
            now = now,
            before = fed(m, nozzle, m.previous.or(m.feeding)),
            next = fed(m, nozzle, m.target_spool()),
            stat = if loaded { 197_376 } else { 0 },
            temp = packed(if nozzle == 0 { right } else { left }),
        ),
    );
}

/// A unit without its trays.
fn unit(unit: &Unit, id: u32, base: u32, out: &mut Vec<u8>) {
    let (hours, degrees) =
        unit.drying.as_ref().map_or((-1, -1), |drying| (i32::from(drying.hours), i32::from(drying.degrees)));
    put(
        out,
        format_args!(
            concat!(
                r#""dry_setting":{{"dry_duration":{},"dry_filament":"{}","dry_temperature":{}}},"#,
                r#""dry_sf_reason":[],"dry_time":{},"humidity":"{}","humidity_raw":"{}","id":"{}","#,
                r#""info":"{:X}","temp":"{:.1}""#
            ),
            hours,
            unit.drying.as_ref().map_or("", |drying| &drying.filament),
            degrees,
            unit.minutes(),
            unit.index(),
            unit.humidity(),
            id,
            unit.info(base),
            unit.now,
        ),
    );
}

/// The word of options, with those the demo can switch.
fn cfg(m: &Machine) -> u64 {
    let bits = [(3, m.record), (5, m.timelapse), (7, m.light == "on"), (16, m.auto_recovery), (22, m.sound)];
    let mut word = 0x00C0_1847_DA99 & !0x700 | u64::from(m.speed) << 8;
    for (bit, on) in bits {
        word = word & !(1 << bit) | u64::from(on) << bit;
    }
    word
}

fn numeric_state(m: &Machine) -> u8 {
    match m.gcode_state() {
        "PREPARE" => 2,
        "RUNNING" => 4,
        "PAUSE" => 5,
        "FINISH" => 6,
        "FAILED" => 7,
        _ => 0,
    }
}

fn local(spool: Option<usize>) -> usize {
    spool.map_or(255, |spool| spool % 4)
}

const FIELDS: Fields = &[
    ("home_flag", |m, o| put(o, format_args!("{}", home_flag(m, 0xC065_4580)))),
    ("whole_nozzle", |m, o| put(o, format_args!("{:.1}", m.nozzle().shown().round()))),
    ("whole_bed", |m, o| put(o, format_args!("{:.1}", m.bed.shown().round()))),
    ("right", |m, o| extruder(m, 0, o)),
    ("left", |m, o| extruder(m, 1, o)),
    ("extruders", |m, o| put(o, format_args!("{}", 0x8002 | if m.active == 1 { 0x110 } else { 0 }))),
    ("packed_bed", |m, o| put(o, format_args!("{}", packed(&m.bed)))),
    ("bed_state", |m, o| put(o, format_args!("{}", if m.bed.target > 0 { 2 } else { 0 }))),
    ("packed_chamber", |m, o| put(o, format_args!("{}", packed(&m.chamber)))),
    ("chamber_state", |m, o| put(o, format_args!("{}", if m.chamber.target > 0 { 2 } else { 0 }))),
    ("part_percent", |m, o| put(o, format_args!("{}", m.part_fan.percent()))),
    ("aux_percent", |m, o| put(o, format_args!("{}", m.aux_fan.percent()))),
    ("chamber_percent", |m, o| put(o, format_args!("{}", m.chamber_fan.percent()))),
    ("part_order", |m, o| put(o, format_args!("{}", m.part_fan.order_percent()))),
    ("aux_order", |m, o| put(o, format_args!("{}", m.aux_fan.order_percent()))),
    ("chamber_order", |m, o| put(o, format_args!("{}", m.chamber_fan.order_percent()))),
    ("heater_percent", |m, o| put(o, format_args!("{}", if m.chamber.target >= 40 { 60 } else { 0 }))),
    ("airduct", |m, o| put(o, format_args!("{}", m.airduct))),
    ("cfg", |m, o| put(o, format_args!("{:X}", cfg(m)))),
    // Bit 29: commands have to be signed.
    ("fun", |m, o| o.extend_from_slice(if m.signed_only { b"27FF1AFFF9CB3" } else { b"27FF18FFF9CB3" })),
    ("stat", |m, o| {
        let base = if m.busy() { 0x16_4021_8070_u64 } else { 0x6_4025_8000 };
        put(o, format_args!("{:X}", base | u64::from(m.record && m.printing()) << 7));
    }),
    ("numeric_state", |m, o| put(o, format_args!("{}", numeric_state(m)))),
    ("job_state", |m, o| {
        let state = match (m.phase, m.paused) {
            (Phase::Job, true) => 5,
            (Phase::Job, false) => 4,
            (Phase::Idle, _) => 0,
            (Phase::Finish | Phase::Failed, _) => 9,
        };
        put(o, format_args!("{state}"));
    }),
    ("job_attr", |m, o| {
        let kind = if m.plan().kind == "cloud" { 1 } else { 2 };
        put(o, format_args!("{}", kind | if m.busy() { 16 } else { 0 }));
    }),
    ("np_kind", |m, o| {
        o.extend_from_slice(if m.phase == Phase::Idle { b"" } else { m.plan().kind.as_bytes() });
    }),
    ("mc_stage", |m, o| put(o, format_args!("{}", if m.busy() { 2 } else { 1 }))),
    ("err", |m, o| o.extend_from_slice(if m.print_error == 0 { b"0" } else { b"360300400C" })),
    ("mapping", |m, o| {
        o.push(b'[');
        if m.busy() {
            for (index, (_, spool)) in m.plan().spools.iter().enumerate() {
                put(o, format_args!("{}{}", if index > 0 { "," } else { "" }, slot(*spool)));
            }
        }
        o.push(b']');
    }),
    ("local_now", |m, o| put(o, format_args!("{}", local(m.feeding)))),
    ("local_pre", |m, o| put(o, format_args!("{}", local(m.previous.or(m.feeding))))),
    ("local_tar", |m, o| put(o, format_args!("{}", local(m.target_spool())))),
    ("pro", |m, o| unit(&m.units[0], 0, 0x1000_1103, o)),
    ("ht", |m, o| unit(&m.units[1], 128, 0x1000_2004, o)),
];

pub(super) fn spools() -> Vec<Spool> {
    vec![
        chipped(("PLA", "GFA00", "PLA Basic", "A00-W01"), "FFFFFFFF", (190, 230), "3D7710AB00000100", 92.0),
        chipped(("PETG", "GFG02", "PETG HF", "G02-K0"), "000000FF", (230, 260), "90AC5E1200000100", 55.0),
        chipped(("PLA", "GFA01", "PLA Matte", "A01-G1"), "61C680FF", (190, 230), "F80C6DD700000100", 73.0),
        plain("PLA", "GFL99", "F7D959FF", (190, 240)),
        chipped(
            ("PLA-S", "GFS05", "Support for PLA", "S05-C0"),
            "00000000",
            (190, 220),
            "B25D03EE00000100",
            81.0,
        ),
    ]
}

pub(super) static VERSION: LazyLock<Template> = LazyLock::new(|| {
    let mut text = String::from(
        r#"{"flag":3,"hw_ver":"N/A","loader_ver":"00.00.00.00","name":"ota","product_name":"Bambu Lab H2D",
        "sn":"$serial$","sw_ver":"$firmware$","visible":true}"#,
    );
    let modules = [
        ("N3F05", "00.00.00.00", "n3f/0", "AMS 2 Pro (1)", "19CD5A$number$", "03.00.20.31"),
        ("N3S05", "00.00.00.00", "n3s/128", "AMS HT (1)", "19FD5A$number$", "03.00.20.31"),
        ("AHB02", "00.00.00.21", "ahb", "", "19Q11D5A1400562", "02.03.04.10"),
        ("N/A", "00.00.00.00", "mc-sub", "", "N/A", "00.00.00.00"),
        ("TH08", "00.00.17.22", "th", "", "09806D5A1500419", "03.00.16.20"),
        ("EXT07", "00.00.01.00", "ext", "", "09W06D5A1600073", "00.00.08.14"),
        ("SMC09", "00.00.09.26", "smc", "", "09S06D5A1700220", "03.00.10.48"),
        ("MC09", "04.00.52.10", "mc", "", "31E06D5A1800158", "04.00.52.10"),
        ("AP05", "00.00.01.10", "ap", "", "$serial$", "00.00.69.05"),
    ];
    for (hardware, loader, name, product, serial, version) in modules {
        let visible = !product.is_empty();
        let _ = write!(
            text,
            concat!(
                r#",{{"flag":0,"hw_ver":"{}","loader_ver":"{}","name":"{}","product_name":"{}","#,
                r#""sn":"{}","sw_ver":"{}","visible":{}}}"#
            ),
            hardware, loader, name, product, serial, version, visible
        );
    }
    Template::new(&text, &[COMMON, FIELDS])
});

pub(super) static FULL: LazyLock<Template> = LazyLock::new(|| {
    let spools = spools();
    let (pro, ht) = spools.split_at(4);
    let nothing = plain("", "", "00000000", (0, 0));
    let text = REPORT
        .replace("TRAYS", &trays(Layout::H2, 0, pro))
        .replace("HT_TRAY", &trays(Layout::H2, 4, ht))
        .replace("EXTERNAL_LEFT", &external(Layout::H2, "254", &nothing))
        .replace("EXTERNAL_RIGHT", &external(Layout::H2, "255", &nothing));
    Template::new(&text, &[COMMON, FIELDS])
});

const REPORT: &str = r#"{"print":{
"2D":{"bs":{"bi":[{"clock_in":false,"est_time":0,"idx":0,"print_then":false,"proc_list":[],"step_type":1,
"tool_info":{"color":"","diameter":0.4000000059604645,"id":8978432},"type":137}],"total_time":0},"cond":14,
"cur_stage":{"clock_in_time":0,"idx":0,"left_time":0,"process":0,"state":0},"first_confirm":false,
"makeable":false,"material":{"cur_id_list":[],"state":0,"tar_id":"","tar_name":""},"pm":0},
"3D":{"layer_num":$layer$,"print_cali_option":62,"total_layer_num":$layers$},
"ams":{"ams":[
{$pro$,"tray":[TRAYS]},
{$ht$,"tray":[HT_TRAY]}],
"ams_exist_bits":"11","ams_exist_bits_raw":"11","cali_id":255,"cali_stat":0,"insert_flag":true,
"power_on_flag":false,"tray_exist_bits":"1000f","tray_hall_out_bits":"0","tray_is_bbl_bits":"10007",
"tray_now":"$local_now$","tray_pre":"$local_pre$","tray_read_done_bits":"1000f","tray_reading_bits":"0",
"tray_tar":"$local_tar$","unbind_ams_stat":0,"version":228611},
"ams_rfid_status":0,"ams_status":$ams_status$,"ap_err":0,"aux":"2001004","aux_part_fan":false,"batch_id":0,
"bed_target_temper":$bed_target$.0,"bed_temper":$whole_bed$,"big_fan1_speed":"$aux_fan$",
"big_fan2_speed":"$chamber_fan$","cali_version":0,"canvas_id":0,
"care":[{"id":"ls","info":"1A00"},{"id":"ld","info":"641864"},{"id":"lr","info":"1A00"},
{"id":"hr","info":"641864"}],
"cfg":"$cfg$","command":"push_status","cooling_fan_speed":"$part_fan$","design_id":"",
"device":{"airduct":{"modeCur":$airduct$,"modeFunc":0,"modeList":[{"ctrl":[16,32,48],"modeId":0,"off":[96]},
{"ctrl":[16],"modeId":1,"off":[32,48]},{"ctrl":[48],"modeId":2,"off":[]}],"modeVisable":7,"parts":[
{"func":0,"id":16,"range":6553600,"state":$part_percent$,"tar_state":$part_order$},
{"func":1,"id":32,"range":6553600,"state":$aux_percent$,"tar_state":$aux_order$},
{"func":2,"id":48,"range":6553600,"state":$chamber_percent$,"tar_state":$chamber_order$},
{"func":4,"id":96,"range":6553600,"state":$heater_percent$,"tar_state":$heater_percent$}],
"subFunc":0,"subMode":0,"subVisable":7,"version":1},
"bed":{"info":{"temp":$packed_bed$},"state":$bed_state$},"bed_temp":$packed_bed$,
"cam":{"laser":{"cond":252,"state":0},"timelapse_path":""},
"ctc":{"info":{"temp":$packed_chamber$},"state":$chamber_state$},
"ext_tool":{"calib":2,"low_prec":true,"mount":0,"mount_3d":0,"th_temp":0,"type":""},
"extruder":{"info":[$right$,$left$],"state":$extruders$},"fan":307680,
"fire_ext":{"bot_err":0,"cd":0,"cd_init":15,"connect_flag":0,"drill_flag":0,"history":[],"remain_time":0,
"rm_init":33,"state":0},
"fourth_axis":{"connect_flag":0,"theta_pitch":-1},"holder":null,"laser":{"power":0},
"nozzle":{"exist":3,"info":[
{"color_m":"00000000","diameter":0.4,"fila_id":"","id":0,"sn":"N/A","stat":0,"tm":0,"type":"HS01",
"wear":0.0},
{"color_m":"00000000","diameter":0.4,"fila_id":"","id":1,"sn":"N/A","stat":0,"tm":0,"type":"HH01",
"wear":0.0}],
"src_id":0,"state":0,"tar_id":0},
"plate":{"base":4,"cali2d_id":"","cur_id":"P0101","mat":1,"tar_id":""},"type":1},
"err":"$err$","err2":{"err_code":"0","img_id":""},"fail_reason":"$fail_reason$","fan_gear":$fan_gear$,
"file":"$file$","force_upgrade":false,"fun":"$fun$","fun2":"10F7","gcode_file":"$file$",
"gcode_file_prepare_percent":"$download$","gcode_state":"$state$","heatbreak_fan_speed":"$heatbreak$",
"hms":$hms$,"home_flag":$home_flag$,"hw_switch_state":$filament$,"info":{"temp":$chamber$},
"ipcam":{"agora_service":"disable","brtc_service":"enable","bs_state":0,"cap_pic_enable":"invalid",
"ipcam_dev":"1","ipcam_record":"$record$","laser_preview_res":5,"mode_bits":2,"resolution":"1080p",
"rtsp_url":"rtsps://192.168.7.33:322/streaming/live/1","timelapse":"$timelapse$","tl_store_hpd_type":2,
"tl_store_path_type":2,"tutk_server":"disable"},
"job":{"cur_stage":{"idx":0,"state":2},"job_state":$job_state$,"stage":[{"clock_in":false,"color":["",""],
"diameter":[0.4000000059604645,0.4000000059604645],"est_time":0,"heigh":0.0,"idx":0,"platform":"",
"print_then":false,"proc_list":[],"tool":["HS01","HH01"],"type":2}]},
"job_attr":$job_attr$,"job_id":"$task$","lan_task_id":"0","layer_num":$layer$,
"lights_report":[{"mode":"$light$","node":"chamber_light"},{"mode":"flashing","node":"work_light"},
{"mode":"$light2$","node":"chamber_light2"}],
"mapping":$mapping$,"mc_action":0,"mc_err":0,"mc_percent":$percent$,"mc_print_error_code":"$mc_error$",
"mc_print_stage":"$print_stage$","mc_print_sub_stage":0,"mc_remaining_time":$minutes$,"mc_stage":$mc_stage$,
"model_id":"","msg":0,"net":{"conf":16,"info":[{"ip":554150080,"mask":16777215},{"ip":0,"mask":0}]},
"nozzle_diameter":"0.4","nozzle_target_temper":$nozzle_target$.0,"nozzle_temper":$whole_nozzle$,
"nozzle_type":"HS01","online":{"ahb":true,"ext":true,"version":8},"percent":$percent$,"plate_cnt":1,
"plate_id":1,"plate_idx":1,"prepare_per":$download$,"print_error":$print_error$,"print_gcode_action":0,
"print_real_action":0,"print_type":"$np_kind$","profile_id":"0","project_id":"0","queue":0,"queue_est":0,
"queue_number":0,"queue_sts":0,"queue_total":0,"remain_time":$minutes$,"s_obj":$skipped$,"sdcard":true,
"sequence_id":"2021","spd_lvl":$speed$,"spd_mag":$speed_percent$,"stat":"$stat$","state":$numeric_state$,
"stg":$stages$,"stg_cd":0,"stg_cur":$stage$,"subtask_id":"$task$","subtask_name":"$job$","task_id":"$task$",
"total_layer_num":$layers$,
"upgrade_state":{"ahb_new_version_number":"","ams_new_version_number":"","consistency_request":false,
"dis_state":0,"err_code":0,"ext_new_version_number":"","force_upgrade":false,"idx":8,"idx2":102938475,
"lower_limit":"00.00.00.00","message":"RK1126 start write flash success","module":"","new_version_state":2,
"ota_new_version_number":"","progress":"100","sequence_id":0,"sn":"$serial$","status":"UPGRADE_SUCCESS"},
"upload":{"file_size":0,"finish_size":0,"message":"Good","oss_url":"","progress":0,"sequence_id":"0903",
"speed":0,"status":"idle","task_id":"","time_remaining":0,"trouble_id":""},
"ver":"20000","vir_slot":[EXTERNAL_LEFT,EXTERNAL_RIGHT],"wifi_signal":"$wifi$dBm",
"xcam":{"allow_skip_parts":$skip_parts$,"buildplate_marker_detector":$plate_marker$,"cfg":$detectors$,
"first_layer_inspector":$first_layer$,"halt_print_sensitivity":"$sensitivity$",
"print_halt":true,"printing_monitor":$monitor$,
"spaghetti_detector":$spaghetti$},"xcam_status":"0"}}"#;
