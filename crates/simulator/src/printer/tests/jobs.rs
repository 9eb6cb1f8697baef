//! How jobs begin, what they are called, and how they end.
use super::super::super::task::Status;
use super::*;

/// A printer of this model that does nothing by itself.
fn resting(model: Model) -> Printer {
    let number = Model::ALL.iter().position(|other| *other == model).unwrap();
    let mut printer = printer(number);
    printer.rest();
    live(&mut printer, 12);
    printer
}

/// What `reports` say of these members that is not as before, a line for each report that says something.
fn news(mut before: Value, reports: &[Value], members: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    for report in reports {
        let mut line = Vec::new();
        for member in members {
            if let Some(now) = report.get(member).filter(|now| **now != before[*member]) {
                before[*member] = now.clone();
                line.push(now.as_str().map_or_else(|| now.to_string(), str::to_owned));
            }
        }
        if !line.is_empty() {
            lines.push(line.join(" "));
        }
    }
    lines
}

const IDS: [&str; 5] = ["task_id", "subtask_id", "project_id", "profile_id", "job_id"];

#[test]
fn a_job_is_numbered_as_its_model_does() {
    for model in Model::ALL {
        let mut printer = resting(model);
        printer.start_job(JobSpec::cloud("Würfel \"2\""));
        live(&mut printer, 8);
        let report = full(&mut printer);
        let numbers: Vec<u64> =
            IDS.iter().filter_map(|id| report.get(id)?.as_str().unwrap().parse().ok()).collect();
        let told = printer.job_ids();
        let task = printer.task().unwrap().clone();
        assert_eq!(task.ids, told);
        assert!(numbers.contains(&task.ids.listed()), "{model:?}");
        assert_eq!((task.status, task.title.as_str()), (Status::Running, "Würfel \"2\""));
        assert_eq!(
            numbers.len(),
            if printer.model().has_bit_fields() || !printer.model().is_terse() { 5 } else { 4 }
        );
        assert!(numbers.iter().all(|number| *number > 100_000_000), "{model:?}: {numbers:?}");
        let mut distinct = numbers.clone();
        distinct.dedup();
        let same =
            matches!(model, Model::A1 | Model::A1Mini | Model::A2l | Model::P2s | Model::H2c | Model::X2d);
        assert_eq!(same, numbers[0] == numbers[1], "{model:?}: {numbers:?}");

        printer.start_job(JobSpec::local("Würfel"));
        live(&mut printer, 8);
        let report = full(&mut printer);
        let numbers: Vec<u64> =
            IDS.iter().filter_map(|id| report.get(id)?.as_str().unwrap().parse().ok()).collect();
        assert_eq!(numbers[0] > 0, !printer.model().is_terse(), "{model:?}: {numbers:?}");
        assert!(numbers[0] < 10_000 && numbers[1..].iter().all(|number| *number == 0), "{numbers:?}");
        // The cloud knows only its own, and that this one has ended.
        let cut = printer.task().unwrap();
        assert_eq!((cut.ids, cut.status), (task.ids, Status::Ended));
    }
}

#[test]
fn small_printers_tell_state_and_name_apart() {
    for (model, spec, expected) in [
        (Model::P1s, JobSpec::cloud("Box"), &["PREPARE", "Box cloud"][..]),
        (Model::A1, JobSpec::local("Box"), &["Box local", "PREPARE"]),
        (Model::A1, JobSpec::cloud("Box"), &["PREPARE Box cloud"]),
    ] {
        let mut printer = resting(model);
        let before = full(&mut printer);
        printer.start_job(spec);
        let reports = [vec![full(&mut printer)], live(&mut printer, 6)].concat();
        assert_eq!(news(before, &reports, &["gcode_state", "subtask_name", "print_type"]), expected);
    }
}

#[test]
fn the_same_file_again_is_another_job() {
    for (model, numbered) in [(Model::X1c, true), (Model::A1, false)] {
        let mut printer = resting(model);
        let mut seen = Vec::new();
        for _ in 0..2 {
            printer.start_job(JobSpec::local("Box").seconds(60.0));
            live_until(&mut printer, "RUNNING");
            seen.push(printer.job_ids());
            live_until(&mut printer, "FINISH");
            live(&mut printer, 600);
            assert_eq!(printer.state(), "FINISH", "it goes on showing how the last one ended");
        }
        assert_eq!(seen[0] != seen[1], numbered);
    }
}

/// A resting printer halfway through a job.
fn halfway(model: Model) -> Printer {
    let mut printer = resting(model);
    printer.start_job(JobSpec::cloud("Box"));
    printer.skip_to(0.5);
    live(&mut printer, 4);
    printer
}

#[test]
fn code_and_state_of_a_cancelled_print_come_in_their_order() {
    for (model, order, expected) in [
        (Model::X1c, None, &["FAILED 50348044", "0"][..]),
        (Model::P1s, None, &["50348044", "FAILED", "0"]),
        (Model::A1Mini, None, &["50348044", "FAILED 0"]),
        (Model::H2d, None, &["FAILED", "50348044", "0"]),
        (Model::P1p, Some(CancelOrder::Idle), &["IDLE"]),
    ] {
        let mut printer = halfway(model);
        if let Some(order) = order {
            printer.set_cancel_order(order);
        }
        // Some of them tell the code at once, before any time passes.
        let before = full(&mut printer);
        printer.cancel_job();
        let reports = [vec![full(&mut printer)], live(&mut printer, 25)].concat();
        assert_eq!(news(before, &reports, &["gcode_state", "print_error"]), expected, "{model:?}");
        assert_eq!(printer.task().unwrap().status, Status::Ended);
    }
}

#[test]
fn a_failed_print_shows_why_until_the_next() {
    for model in Model::ALL {
        let mut printer = halfway(model);
        printer.fail_job(0x0300_8008);
        live(&mut printer, 3);
        let report = full(&mut printer);
        assert_eq!((&report["gcode_state"], &report["print_error"]), (&json!("FAILED"), &json!(0x0300_8008)));
        live(&mut printer, 600);
        assert_eq!((printer.state(), &full(&mut printer)["print_error"]), ("FAILED", &json!(0x0300_8008)));
        printer.start_job(JobSpec::cloud("Box"));
        assert_eq!(full(&mut printer)["print_error"], 0);
    }
}

#[test]
fn a_spool_that_runs_out_is_waited_for() {
    for (model, error, entry) in [
        (Model::X1c, 0x0700_8011, json!({"attr": 0x0700_2000, "code": 0x0002_0001})),
        (Model::A1, 0x1200_8011, json!({"attr": 0x1200_2000, "code": 0x0002_0001})),
        (Model::P1p, 0x07FF_8011, json!({"attr": 0x07FF_2000, "code": 0x0002_0001})),
    ] {
        let mut printer = halfway(model);
        live(&mut printer, 60);
        printer.run_out();
        live(&mut printer, 600);
        let report = full(&mut printer);
        assert_eq!((&report["gcode_state"], &report["stg_cur"]), (&json!("PAUSE"), &json!(6)), "{model:?}");
        assert_eq!((&report["print_error"], &report["hms"]), (&json!(error), &json!([entry])));
        printer.resume_job();
        live(&mut printer, 2);
        let report = full(&mut printer);
        assert_eq!((&report["gcode_state"], &report["print_error"]), (&json!("RUNNING"), &json!(0)));
        assert_eq!(report["hms"], json!([]));
        live_until(&mut printer, "FINISH");
    }
}

#[test]
fn a_calibration_is_a_job_of_the_system() {
    for model in Model::ALL {
        let mut printer = resting(model);
        printer.start_job(JobSpec::calibration());
        live(&mut printer, 3);
        let report = full(&mut printer);
        assert_eq!((&report["gcode_state"], &report["print_type"]), (&json!("RUNNING"), &json!("system")));
        assert_eq!(report["gcode_file"], "/usr/etc/print/auto_cali_for_user.gcode");
        assert_eq!((&report["task_id"], &report["subtask_id"]), (&json!("0"), &json!("0")));
        live_until(&mut printer, "FINISH");
        let report = full(&mut printer);
        assert_eq!(report["task_id"], "0");
    }
}

#[test]
fn power_that_comes_back_finds_the_print_gone_or_going_on_or_begun_anew() {
    for model in [Model::X1c, Model::P1s, Model::H2d] {
        for wake in [Wake::Idle, Wake::Resume, Wake::Replay] {
            let mut printer = halfway(model);
            let before = printer.job_ids();
            printer.power_cycle(wake);
            assert_eq!(full(&mut printer)["gcode_state"], "");
            live(&mut printer, 4);
            assert_eq!(full(&mut printer)["gcode_state"], "IDLE");
            match wake {
                Wake::Idle => {
                    live(&mut printer, 30);
                    assert_eq!((printer.state(), printer.job_ids()), ("IDLE", Ids::default()));
                }
                Wake::Resume => {
                    live_until(&mut printer, "RUNNING");
                    assert_eq!(printer.job_ids(), before);
                    assert!(full(&mut printer)["mc_percent"].as_i64().unwrap() >= 50);
                    live_until(&mut printer, "FINISH");
                }
                Wake::Replay => {
                    live_until(&mut printer, "RUNNING");
                    assert_ne!(printer.job_ids(), before);
                    assert_eq!(full(&mut printer)["subtask_name"], "Box");
                    assert!(full(&mut printer)["mc_percent"].as_i64().unwrap() < 10);
                }
            }
        }
    }
}

#[test]
fn what_each_slot_gives_adds_up() {
    let mut printer = resting(Model::H2d);
    let spec = JobSpec::cloud("Box").weight_g(40.0).spools(&[(0.0, 4), (0.25, 0), (0.6, 4), (0.9, 5)]);
    printer.start_job(spec.plate(3));
    let task = printer.task().unwrap();
    let slots: Vec<_> = task.slots.iter().map(|slot| (slot.unit, slot.slot, slot.weight_g)).collect();
    assert_eq!(slots, [(Some(128), 0, 22.0), (Some(0), 0, 14.0), (None, 0, 4.0)]);
    assert_eq!((task.slots[0].material.as_str(), task.slots[0].filament_id.as_str()), ("PLA-S", "GFS05"));
    assert_eq!((task.plate, task.status, task.ended), (3, Status::Created, None));
    live_until(&mut printer, "FINISH");
    let task = printer.task().unwrap();
    assert!(task.status == Status::Finished && task.ended > Some(task.began + 900), "{task:?}");
    // Whoever looks at the list has something to see from the beginning.
    let past: Vec<_> = printer.tasks().skip(2).map(|task| task.status).collect();
    assert_eq!(past, [Status::Finished, Status::Ended, Status::Finished]);
}

#[test]
fn most_prints_of_a_long_life_finish() {
    let (mut finished, mut ended, mut waited, mut calibrated) = (0, 0, 0, 0);
    for number in 0..6 {
        let mut printer = printer(number).with_speed(30.0);
        let mut reports = Vec::new();
        let mut before = "";
        for second in 0..3600 {
            printer.tick(SECOND, &mut reports);
            reports.clear();
            let now = printer.state();
            if now != before {
                let own = printer.machine.job_kind() == "system";
                calibrated += usize::from(own && now == "FINISH");
                finished += usize::from(!own && now == "FINISH");
                ended += usize::from(now == "FAILED");
                waited += usize::from(now == "PAUSE");
                assert!(second > 50 || !["FAILED", "PAUSE"].contains(&now), "first it is quiet");
            }
            before = now;
        }
    }
    assert!(finished > 4 * ended && ended > 5 && waited > 5 && calibrated > 5);
    assert!(finished > 300, "{finished} {ended} {waited} {calibrated}");
}

/// Complete reports of each second from the last layer on, until the job is at its end.
fn closing(printer: &mut Printer) -> Vec<Value> {
    printer.skip_to(0.999);
    let mut reports = Vec::new();
    for _ in 0..120 {
        live(printer, 1);
        let report = full(printer);
        if report["gcode_state"] == "FINISH" {
            return reports;
        }
        if report["mc_remaining_time"] == 0 {
            reports.push(report);
        }
    }
    panic!("{:?} never finishes", printer.model());
}

#[test]
fn the_filament_is_pulled_back_before_a_print_is_at_its_end() {
    for model in Model::ALL {
        let mut printer = resting(model);
        printer.start_job(JobSpec::cloud("Box"));
        live(&mut printer, 4);
        let reports = closing(&mut printer);
        assert!((10..40).contains(&reports.len()), "{model:?}: {}", reports.len());
        let silent = matches!(model, Model::A1 | Model::A1Mini | Model::P1p);
        let stage = if silent { model.no_stage() } else { 22 };
        let percent = if model.is_terse() { 99 } else { 100 };
        for report in &reports {
            assert_eq!((&report["gcode_state"], &report["stg_cur"]), (&json!("RUNNING"), &json!(stage)));
            assert_eq!((&report["mc_percent"], &report["mc_remaining_time"]), (&json!(percent), &json!(0)));
            assert_eq!(report["layer_num"], report["total_layer_num"], "{model:?}");
        }
        assert_eq!(reports[reports.len() - 1]["cooling_fan_speed"], "0", "{model:?}");
        let mut filament: Vec<_> =
            reports.iter().map(|report| (&report["ams_status"], &report["hw_switch_state"])).collect();
        filament.dedup();
        let pulled = [(258, 1), (260, 1), (261, 0), (0, 0)].map(|(step, there)| (json!(step), json!(there)));
        if model == Model::P1p {
            assert_eq!(filament, [(&json!(0), &json!(1))], "nothing takes it back");
        } else {
            assert_eq!(filament, pulled.each_ref().map(|(step, there)| (step, there)), "{model:?}");
        }
        let report = full(&mut printer);
        assert_eq!((&report["mc_percent"], &report["stg_cur"]), (&json!(100), &json!(model.no_stage())));
        assert_eq!(printer.task().unwrap().status, Status::Finished);
    }
}

#[test]
fn the_closing_of_a_print_shows_however_fast_the_day_goes() {
    for model in [Model::X1c, Model::P1s, Model::H2d] {
        let mut printer = resting(model).with_speed(600.0);
        printer.start_job(JobSpec::cloud("Box").seconds(1e6));
        assert!(closing(&mut printer).len() >= 2, "{model:?}");
    }
}

#[test]
fn a_print_can_still_be_cancelled_and_replaced_while_it_closes() {
    let mut printer = halfway(Model::X1c);
    printer.skip_to(1.0);
    live(&mut printer, 6);
    assert_eq!(full(&mut printer)["stg_cur"], 22);
    printer.cancel_job();
    let report = full(&mut printer);
    assert_eq!((&report["gcode_state"], &report["stg_cur"]), (&json!("FAILED"), &json!(-1)));

    let mut printer = halfway(Model::X1c);
    printer.skip_to(1.0);
    live(&mut printer, 6);
    printer.start_job(JobSpec::cloud("Next"));
    printer.skip_to(0.2);
    live(&mut printer, 60);
    let report = full(&mut printer);
    assert_eq!((&report["gcode_state"], &report["stg_cur"]), (&json!("RUNNING"), &json!(0)));
}
