//! What people wait for beside the job itself: a layer, the door.

use super::table::{PRINTS, check_print};
use super::{Desk, check};

#[test]
fn a_layer_that_was_named_is_told_once_in_each_job() {
    check_print(
        "layers=5,50\n+60 layer=5\n+60 layer=6\n+60 layer=49\n+60 layer=50\n+60",
        "layer_reached(layer) layer_reached(layer)",
    );
    let mut desk = Desk::new();
    desk.play(&format!("layers=5,50\n{PRINTS}+60 layer=4\n+60 layer=7\n+60 layer=60\n+60"));
    let told: Vec<_> =
        desk.events.iter().filter_map(|event| event.reason.as_ref()?.text.as_deref()).collect();
    assert_eq!(told, ["5", "50"], "also when the printer leaps over it");
    // The next job has its own, and a restart or a gap tells nothing again.
    desk.play("+60 restart=5\n+60\nunlink\n+30 link full\n+60 finish\n+60 idle\n+60 prepare ids=222222 name=b layer=0");
    desk.play("+9 running stage=0 layer=1\n+90 layer=5\n+60");
    assert_eq!(desk.log.iter().filter(|told| told.starts_with("layer_reached")).count(), 3, "{:?}", desk.log);
}

#[test]
fn a_layer_that_lies_behind_is_no_news() {
    // Named while the print is beyond it.
    check_print("+90 layer=20\n+9 layers=5\n+60 layer=21\n+60", "");
    // Met beyond it.
    let mut desk = Desk::unknown(printer::tracker::FirstSight::AdoptSilently);
    desk.play("layers=5,50 running stage=0 ids=111111 name=a layer=20\n+90\n+60 layer=50\n+60");
    assert_eq!(desk.log, ["layer_reached(layer)"]);
    // The figures of a young job may be those of the last.
    check(
        "layers=50\n+1 prepare ids=111111 name=a layer=80\n+9 running stage=1 layer=80\n+20 layer=0\n+60 stage=0 layer=1\n+60",
        "started printing",
    );
}

#[test]
fn the_door_is_told_when_it_is_opened_while_it_prints() {
    check_print(
        "door=closed\n+60 door=open\n+60 door=closed\n+60 door=open\n+60",
        "door_opened_while_printing door_opened_while_printing",
    );
    // Not in a pause, for whoever opens it then is there to help; not at rest; not when it was open already.
    check_print(
        "door=closed\n+60 pause stage=16\n+9 door=open\n+60 running stage=0\n+60",
        "paused(user) resumed",
    );
    check("door=closed\n+60 door=open\n+60 door=closed\n+60", "");
    check_print("+60 door=open\n+60", "");
    // A calibration is no print.
    check(
        "door=closed\n+1 prepare file=/usr/etc/print/auto_cali_for_user.gcode name=c kind=system\n+9 running\n+60 door=open\n+60",
        "calibration_started",
    );
}

#[test]
fn a_door_that_is_open_while_it_is_hot_is_told_and_shown() {
    let mut desk = Desk::new();
    let shown = |desk: &Desk| desk.tracker.levels().door_open_hot;
    desk.play("nozzle=25 bed=25 door=closed\n+60");
    assert_eq!(shown(&desk), Some(false));
    desk.play("nozzle=220 bed=60\n+60 door=open\n+60 door=closed\n+60 nozzle=30 bed=25\n+60 door=open\n+60 bed=70\n+60");
    assert_eq!(shown(&desk), Some(true));
    let told = desk.log.iter().filter(|told| *told == "door_open_while_hot").count();
    assert_eq!(told, 2, "opened while hot, and heated while open: {:?}", desk.log);
    desk.play("bed=25\n+60");
    assert_eq!(shown(&desk), Some(false));
    // Of a printer without a door, and of one that does not answer, nothing is known.
    desk.play("door=-\n+60");
    assert_eq!(shown(&desk), None);
    desk.play("door=closed\n+60 stale\n+60");
    assert_eq!(shown(&desk), None);
}
