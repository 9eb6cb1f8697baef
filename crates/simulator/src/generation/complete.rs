//! What a simulated X1, X1 Carbon or X1E says: the members and types of firmware 01.08.02, whose reports are
//! always complete and carry neither `msg` nor the bit fields of later firmware.
use crate::spool::Layout;
use crate::template::{Fields, put};

pub(crate) const LAYOUT: Layout = Layout::X1;

pub(crate) const FIELDS: Fields = &[
    // Firmware that wants signatures has the bit fields, and says so in bit 29 of `fun`.
    ("bit_fields", |m, o| {
        if m.signed_only {
            o.extend_from_slice(br#""aux":"280100C","cfg":"FDA89","fun":""#);
            put(o, format_args!("{:X}", m.model.facts().fun | 1 << 29));
            o.extend_from_slice(br#"","stat":"47A180B0","#);
        }
    }),
];

pub(crate) const REPORT: &str = r#"{"print":{
"ams":{"ams":[@units@],
"ams_exist_bits":"@ams_bits@","ams_exist_bits_raw":"@ams_bits@","insert_flag":$on_insert$,"power_on_flag":$on_startup$,
"tray_exist_bits":"@tray_bits@","tray_is_bbl_bits":"@chip_bits@","tray_now":"$tray_now$","tray_pre":"$tray_pre$",
"tray_read_done_bits":"@tray_bits@","tray_reading_bits":"$reading$","tray_tar":"$tray_tar$","version":43117},
"ams_rfid_status":2,"ams_status":$ams_status$,"aux_part_fan":true,
"bed_target_temper":$bed_target$,"bed_temper":$bed$,
"big_fan1_speed":"$aux_fan$","big_fan2_speed":"$chamber_fan$","cali_version":0,
"chamber_temper":$chamber$,"command":"push_status","cooling_fan_speed":"$part_fan$","ctt":$chamber_target$,
"device":{"fan":53920,"nozzle":{"0":{"info":136,"temp":16711935},"info":229}},
"fail_reason":"$fail_reason$","fan_gear":$fan_gear$,"filam_bak":[],"force_upgrade":false,$bit_fields$
"gcode_file":"$file$","gcode_file_prepare_percent":"$download$","gcode_state":"$state$",
"heatbreak_fan_speed":"$heatbreak$","hms":$hms$,"home_flag":$home_flag$,"hw_switch_state":$filament$,
"ipcam":{"agora_service":"disable","ipcam_dev":"1","ipcam_record":"$record$","mode_bits":2,
"resolution":"$resolution$","rtsp_url":"rtsps://192.168.7.$host$:322/streaming/live/1","timelapse":"$timelapse$",
"tutk_server":"enable"},
"job_id":"$job_id$","layer_num":$layer$,
"lights_report":@lamps@,
"maintain":131075,"mc_percent":$percent$,"mc_print_error_code":"$mc_error$",
"mc_print_stage":"$print_stage$","mc_print_sub_stage":0,"mc_remaining_time":$minutes$,
"net":@net@,
"nozzle_diameter":"$diameter$","nozzle_target_temper":$nozzle_target$,"nozzle_temper":$nozzle$,
"nozzle_type":"$nozzle_type$","online":{"ahb":false,"ext":false,"version":4},
"print_error":$print_error$,"print_gcode_action":0,"print_real_action":0,"print_type":"$kind$",
"profile_id":"$profile$","project_id":"$project$","queue_est":0,"queue_number":0,"queue_sts":0,"queue_total":0,
"s_obj":$skipped$,"sdcard":true,"sequence_id":"2021","spd_lvl":$speed$,"spd_mag":$speed_percent$,
"stg":$stages$,"stg_cur":$stage$,"subtask_id":"$subtask$","subtask_name":"$job$","task_id":"$task$",
"total_layer_num":$layers$,
"upgrade_state":{"ahb_new_version_number":"","ams_new_version_number":"","consistency_request":false,
"dis_state":0,"err_code":0,"ext_new_version_number":"","force_upgrade":false,"idx":4,"idx1":0,
"lower_limit":"00.00.00.00","message":"","module":"","new_version_state":2,"ota_new_version_number":"",
"progress":"0","sequence_id":0,"sn":"$serial$","status":"IDLE"},
"upload":{"file_size":0,"finish_size":0,"message":"Good","oss_url":"","progress":0,"sequence_id":"0903",
"speed":0,"status":"idle","task_id":"","time_remaining":0,"trouble_id":""},
"vt_tray":@external@,"wifi_signal":"$wifi$dBm",
"xcam":{"allow_skip_parts":$skip_parts$,"buildplate_marker_detector":$plate_marker$,
"first_layer_inspector":$first_layer$,
"halt_print_sensitivity":"$sensitivity$","print_halt":true,"printing_monitor":$monitor$,
"spaghetti_detector":$spaghetti$},
"xcam_status":"0"}}"#;
