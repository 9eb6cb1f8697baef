//! What the newer generation says: complete reports of some 12 kB with `msg` 0, temperatures packed into
//! `device`, and the bit fields `aux`, `cfg`, `fun` and `stat`. An A2L has part of it.
use crate::facts::AmsKind;
use crate::machine::{Machine, Phase};
use crate::model::{Model, Place};
use crate::parts::{Fan, Heater, count};
use crate::spool::Layout;
use crate::template::{Fields, put};

pub(crate) const LAYOUT: Layout = Layout::H2;

/// Target in the high half, temperature in the low one.
fn packed(heater: &Heater) -> u32 {
    u32::from(heater.target) << 16 | count(heater.shown().round()) & 0xFFFF
}

/// Unit and slot of a spool in one word.
fn slot(m: &Machine, spool: usize) -> usize {
    match m.model.place(spool) {
        Place::Unit(kit, slot) => usize::from(kit.id) << 8 | slot,
        Place::External if m.model.nozzle_of(spool) == 1 => 0xFE00,
        Place::External => 0xFF00,
    }
}

/// What a nozzle has of `spool`: its slot, or the nozzle's own word for nothing.
fn fed(m: &Machine, nozzle: usize, spool: Option<usize>) -> usize {
    let nothing = if nozzle == 0 { 0xFFFF } else { 0xFEFF };
    spool.filter(|spool| m.model.nozzle_of(*spool) == nozzle).map_or(nothing, |spool| slot(m, spool))
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

/// A unit without its trays and braces; the settings of drying only where a printer of the newer kind has them.
fn unit(m: &Machine, index: usize, out: &mut Vec<u8>) {
    let Some((kit, unit)) = m.model.facts().units.get(index).zip(m.units.get(index)) else { return };
    let drying = unit.drying.as_ref();
    if m.model.has_bit_fields() {
        put(
            out,
            format_args!(
                concat!(
                    r#""dry_setting":{{"dry_duration":{},"dry_filament":"{}","dry_temperature":{}}},"#,
                    r#""dry_sf_reason":[],"#
                ),
                drying.map_or(-1, |drying| i32::from(drying.hours)),
                drying.map_or("", |drying| &drying.filament),
                drying.map_or(-1, |drying| i32::from(drying.degrees)),
            ),
        );
    }
    let nozzle = u32::try_from(kit.nozzle).unwrap_or_default();
    put(
        out,
        format_args!(r#""dry_time":{},"id":"{}","info":"{:X}","#, unit.minutes(), kit.id, {
            unit.info(kit.kind.info() | nozzle << 8)
        }),
    );
    if kit.kind.humidity().is_some() {
        put(
            out,
            format_args!(
                r#""humidity":"{}","humidity_raw":"{}","temp":"{:.1}""#,
                unit.index(),
                unit.humidity(),
                unit.now,
            ),
        );
    } else {
        put(out, format_args!(r#""humidity":"5","humidity_raw":"0","temp":"0.0""#));
    }
    if kit.kind == AmsKind::LiteA2l {
        let number = m.serial.get(6..).unwrap_or_default();
        put(out, format_args!(r#","ams_id":"{}{number}","check":1"#, kit.kind.module()[2]));
    }
}

/// The word of options, with those the demo can switch.
fn cfg(m: &Machine) -> u64 {
    let bits = [(3, m.record), (5, m.timelapse), (7, m.light == "on")];
    let base = if m.model == Model::A2l { 0x1200_0087_0A00 } else { 0x00C0_1847_DA99 };
    let mut word = base & !0x700 | u64::from(m.speed) << 8;
    for (bit, on) in bits.into_iter().chain(m.options.cfg_bits(m.model)) {
        word = word & !(1 << bit) | u64::from(on) << bit;
    }
    word
}

/// The word of states: whether the camera records, whether the door is open.
fn stat(m: &Machine) -> u64 {
    let base = match (m.model, m.busy()) {
        (Model::A2l, _) => 0x3004_0000,
        (_, true) => 0x16_4021_8070,
        (_, false) => 0x6_4025_8000,
    };
    base | u64::from(m.record && m.printing()) << 7 | u64::from(m.door_open) << 23
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

/// Fans and heater of the air ducts.
fn parts(m: &Machine, out: &mut Vec<u8>) {
    for (index, (id, part)) in m.model.facts().parts.iter().enumerate() {
        let fan = |fan: &Fan| (fan.percent(), fan.order_percent());
        let (now, ordered) = match id {
            16 => fan(&m.part_fan),
            32 => fan(&m.aux_fan),
            48 => fan(&m.chamber_fan),
            160 => fan(&m.second_aux_fan),
            _ if m.chamber.target >= 40 => (60, 60),
            _ => (0, 0),
        };
        let comma = if index > 0 { "," } else { "" };
        put(
            out,
            format_args!(
                r#"{comma}{{"func":{part},"id":{id},"range":6553600,"state":{now},"tar_state":{ordered}}}"#
            ),
        );
    }
}

/// The slot within its unit, as the newer generation has it in `tray_now`.
fn local(m: &Machine, spool: Option<usize>) -> usize {
    match spool.map(|spool| m.model.place(spool)) {
        None => 255,
        Some(Place::Unit(_, slot)) => slot,
        Some(Place::External) => 254,
    }
}

pub(crate) const FIELDS: Fields = &[
    ("whole_nozzle", |m, o| put(o, format_args!("{:.1}", m.nozzle().shown().round()))),
    ("whole_bed", |m, o| put(o, format_args!("{:.1}", m.bed.shown().round()))),
    ("extruder_list", |m, o| {
        extruder(m, 0, o);
        if m.model.nozzles() > 1 {
            o.push(b',');
            extruder(m, 1, o);
        }
    }),
    ("extruders", |m, o| {
        let dual = m.model.nozzles() > 1;
        let used = if m.active == 1 { 0x110 } else { 0 };
        let word = match m.turning() {
            // No nozzle is in use on the way to the other one.
            Some(nozzle) => 0x8002 | 15 << 4 | nozzle << 8 | 2 << 12,
            None => 0x8002 | used,
        };
        put(o, format_args!("{}", if dual { word } else { 1 }));
    }),
    ("packed_bed", |m, o| put(o, format_args!("{}", packed(&m.bed)))),
    ("bed_state", |m, o| put(o, format_args!("{}", if m.bed.target > 0 { 2 } else { 0 }))),
    ("packed_chamber", |m, o| put(o, format_args!("{}", packed(&m.chamber)))),
    ("chamber_state", |m, o| put(o, format_args!("{}", if m.chamber.target > 0 { 2 } else { 0 }))),
    ("parts", parts),
    ("airduct", |m, o| put(o, format_args!("{}", m.airduct))),
    ("filter", |m, o| put(o, format_args!("{}", u8::from(m.filtering)))),
    ("cfg", |m, o| put(o, format_args!("{:X}", cfg(m)))),
    // Bit 29: commands have to be signed.
    ("fun", |m, o| put(o, format_args!("{:X}", m.model.facts().fun | u64::from(m.signed_only) << 29))),
    ("stat", |m, o| put(o, format_args!("{:X}", stat(m)))),
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
        let kind = if m.job_kind() == "cloud" { 1 } else { 2 };
        put(o, format_args!("{}", kind | if m.busy() { 16 } else { 0 }));
    }),
    ("packed_kind", |m, o| {
        o.extend_from_slice(if m.has_job() { m.job_kind().as_bytes() } else { b"" });
    }),
    ("mc_stage", |m, o| put(o, format_args!("{}", if m.busy() { 2 } else { 1 }))),
    ("err", |m, o| match m.print_error {
        0 => o.push(b'0'),
        code => put(o, format_args!("36{code:08X}")),
    }),
    ("mapping", |m, o| {
        o.push(b'[');
        if m.busy() {
            for (index, (_, spool)) in m.job_spools().iter().enumerate() {
                put(o, format_args!("{}{}", if index > 0 { "," } else { "" }, slot(m, *spool)));
            }
        }
        o.push(b']');
    }),
    ("local_now", |m, o| put(o, format_args!("{}", local(m, m.feeding)))),
    ("local_pre", |m, o| put(o, format_args!("{}", local(m, m.previous.or(m.feeding))))),
    ("local_tar", |m, o| put(o, format_args!("{}", local(m, m.target_spool())))),
    ("unit0", |m, o| unit(m, 0, o)),
    ("unit1", |m, o| unit(m, 1, o)),
];

pub(crate) const REPORT: &str = r#"{"print":{@2d@
"3D":{"layer_num":$layer$,"print_cali_option":62,"total_layer_num":$layers$},
"ams":{"ams":[@units@],
"ams_exist_bits":"@ams_bits@","ams_exist_bits_raw":"@ams_bits@","cali_id":255,"cali_stat":0,"insert_flag":$on_insert$,
"power_on_flag":$on_startup$,"tray_exist_bits":"@tray_bits@","tray_hall_out_bits":"0","tray_is_bbl_bits":"@chip_bits@",
"tray_now":"$local_now$","tray_pre":"$local_pre$","tray_read_done_bits":"@tray_bits@","tray_reading_bits":"$reading$",
"tray_tar":"$local_tar$","unbind_ams_stat":0,"version":228611},
"ams_rfid_status":0,"ams_status":$ams_status$,"ap_err":0,"aux":"2001004","aux_part_fan":false,"batch_id":0,
"bed_target_temper":$bed_target$.0,"bed_temper":$whole_bed$,"big_fan1_speed":"$aux_fan$",
"big_fan2_speed":"$chamber_fan$","cali_version":0,"canvas_id":0,
"care":[{"id":"ls","info":"1A00"},{"id":"ld","info":"641864"},{"id":"lr","info":"1A00"},
{"id":"hr","info":"641864"}],
"cfg":"$cfg$","command":"push_status","cooling_fan_speed":"$part_fan$","design_id":"",
"device":{"airduct":{"modeCur":$airduct$,"modeFunc":0,"modeList":[@modes@],"modeVisable":7,"parts":[$parts$],
"subFunc":0,"subMode":$filter$,"subVisable":7,"version":1},
"bed":{"info":{"temp":$packed_bed$},"state":$bed_state$},"bed_temp":$packed_bed$,
"cam":{"laser":{"cond":252,"state":0},"timelapse_path":""@storage@},
"ctc":{"info":{"temp":$packed_chamber$},"state":$chamber_state$},
"ext_tool":@tool@,
"extruder":{"info":[$extruder_list$],"state":$extruders$},"fan":307680,
@fire@"fourth_axis":{"connect_flag":0,"theta_pitch":-1},@screen@"holder":@holder@,"laser":{"power":0},
"nozzle":{"exist":@nozzle_bits@,"info":[@nozzles@],
"src_id":@rack_gap@,"state":0,"tar_id":@rack_gap@},
"plate":{"base":4,"cali2d_id":"","cur_id":"P0101","mat":1,"tar_id":""},"type":1},
"err":"$err$","err2":{"err_code":"0","img_id":""},"fail_reason":"$fail_reason$","fan_gear":$fan_gear$,
"file":"$file$","force_upgrade":false,"fun":"$fun$","fun2":"@fun2@","gcode_file":"$file$",
"gcode_file_prepare_percent":"$download$","gcode_state":"$state$","heatbreak_fan_speed":"$heatbreak$",
"hms":$hms$,"home_flag":$home_flag$,"hw_switch_state":$filament$,"info":{"temp":$chamber$},
"ipcam":{"agora_service":"disable","brtc_service":"enable","bs_state":0,"cap_pic_enable":"invalid",
"ipcam_dev":"1","ipcam_record":"$record$","laser_preview_res":5,"mode_bits":2,"resolution":"$resolution$",
"rtsp_url":"@rtsp@","timelapse":"$timelapse$","tl_store_hpd_type":2,
"tl_store_path_type":2,"tutk_server":"disable"@storage@},
"job":{"cur_stage":{"idx":0,"state":2},"job_state":$job_state$,"stage":[{"clock_in":false,"color":[@no_colours@],
"diameter":[@diameters@],"est_time":0,"heigh":0.0,"idx":0,"platform":"",
"print_then":false,"proc_list":[],"tool":[@codes@],"type":2}]},
"job_attr":$job_attr$,"job_id":"$job_id$","lan_task_id":"0","layer_num":$layer$,
"lights_report":@lamps@,
"mapping":$mapping$,"mc_action":0,"mc_err":0,"mc_percent":$percent$,"mc_print_error_code":"$mc_error$",
"mc_print_stage":"$print_stage$","mc_print_sub_stage":0,"mc_remaining_time":$minutes$,"mc_stage":$mc_stage$,
"model_id":"",@msg@"net":@net@,
"nozzle_diameter":"$diameter$","nozzle_target_temper":$nozzle_target$.0,"nozzle_temper":$whole_nozzle$,
"nozzle_type":"$nozzle_type$","online":{"ahb":true,@ext@"version":8},"percent":$percent$,"plate_cnt":1,
"plate_id":1,"plate_idx":$plate$,"prepare_per":$download$,"print_error":$print_error$,"print_gcode_action":0,
"print_real_action":0,"print_type":"$packed_kind$","profile_id":"$profile$","project_id":"$project$","queue":0,"queue_est":0,
"queue_number":0,"queue_sts":0,"queue_total":0,"remain_time":$minutes$,"s_obj":$skipped$,"sdcard":@sdcard@,
"sequence_id":"2021","spd_lvl":$speed$,"spd_mag":$speed_percent$,"stat":"$stat$","state":$numeric_state$,
"stg":$stages$,"stg_cd":0,"stg_cur":$stage$,"subtask_id":"$subtask$","subtask_name":"$job$","task_id":"$task$",
"total_layer_num":$layers$,
"upgrade_state":{"ahb_new_version_number":"","ams_new_version_number":"","consistency_request":false,
"dis_state":0,"err_code":0,"ext_new_version_number":"","force_upgrade":false,"idx":8,"idx2":102938475,
"lower_limit":"00.00.00.00","message":"RK1126 start write flash success","module":"","new_version_state":2,
"ota_new_version_number":"","progress":"100","sequence_id":0,"sn":"$serial$","status":"UPGRADE_SUCCESS"},
"upload":{"file_size":0,"finish_size":0,"message":"Good","oss_url":"","progress":0,"sequence_id":"0903",
"speed":0,"status":"idle","task_id":"","time_remaining":0,"trouble_id":""},
"ver":"20000","vir_slot":[@external@],"wifi_signal":"$wifi$dBm",
"xcam":{"allow_skip_parts":$skip_parts$,"buildplate_marker_detector":$plate_marker$,"cfg":$detectors$,
"first_layer_inspector":$first_layer$,"halt_print_sensitivity":"$sensitivity$",
"print_halt":true,"printing_monitor":$monitor$,
"spaghetti_detector":$spaghetti$},"xcam_status":"0"}}"#;

/// Work that is not printing; a P2S knows none.
pub(crate) const OTHER_WORK: &str = r#"
"2D":{"bs":{"bi":[{"clock_in":false,"est_time":0,"idx":0,"print_then":false,"proc_list":[],"step_type":1,
"tool_info":{"color":"","diameter":0.4000000059604645,"id":8978432},"type":137}],"total_time":0},"cond":14,
"cur_stage":{"clock_in_time":0,"idx":0,"left_time":0,"process":0,"state":0},"first_confirm":false,
"makeable":false,"material":{"cur_id_list":[],"state":0,"tar_id":"","tar_name":""},"pm":0},"#;

/// The fire extinguisher that goes with a laser.
pub(crate) const FIRE: &str = r#""fire_ext":{"bot_err":0,"cd":0,"cd_init":15,"connect_flag":0,"drill_flag":0,"history":[],"remain_time":0,
"rm_init":33,"state":0},"#;

/// What is left of the storage for time-lapses.
pub(crate) const STORAGE: &str = r#","tl_external_free_kb":0,"tl_external_total_kb":0,
"tl_internal_free_kb":774120,"tl_internal_total_kb":962560"#;
