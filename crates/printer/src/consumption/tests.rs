use super::*;

fn slot(material: Option<&str>, id: Option<&str>, weight_g: Option<f32>) -> TaskSlot {
    let text = |text: Option<&str>| text.map(Text::from);
    TaskSlot { material: text(material), filament_id: text(id), weight_g, ..TaskSlot::default() }
}

fn prices(energy_per_kwh: Option<f64>, filaments: &[(&str, f64)]) -> Prices {
    let price =
        |(filament, per_kg): &(&str, f64)| FilamentPrice { filament: (*filament).into(), per_kg: *per_kg };
    Prices { currency: "EUR", filaments: filaments.iter().map(price).collect(), energy_per_kwh }
}

fn job(
    result: Option<JobResult>,
    progress: Option<u8>,
    layer: Option<u32>,
    layers: Option<u32>,
) -> JobRecord {
    JobRecord {
        result,
        progress,
        layer,
        total_layers: layers,
        planned_g: Some(40.0),
        slots: vec![
            slot(Some("PLA"), Some("GFA00"), Some(30.0)),
            slot(Some("PETG"), Some("GFG02"), Some(10.0)),
        ],
        ..JobRecord::default()
    }
}

#[test]
fn filament_goes_with_the_layers() {
    let finished = Some(JobResult::Finished);
    let failed = Some(JobResult::Failed);
    for (result, progress, layer, layers, expected) in [
        (finished, Some(100), Some(80), Some(80), Some(40.0)),
        // A report of the end may be lost.
        (finished, Some(97), Some(70), Some(80), Some(40.0)),
        (finished, None, None, None, Some(40.0)),
        (failed, Some(30), Some(40), Some(80), Some(20.0)),
        (failed, Some(30), Some(40), Some(0), Some(12.0)),
        (failed, Some(30), None, Some(80), Some(12.0)),
        (failed, None, Some(40), Some(80), Some(20.0)),
        // P1 has reported 101 % and layers beyond the last.
        (failed, Some(101), None, None, Some(40.0)),
        (failed, Some(99), Some(81), Some(80), Some(40.0)),
        // It measures itself layer by layer before it prints.
        (failed, Some(0), Some(4), Some(80), Some(0.0)),
        (failed, None, None, Some(80), None),
        (None, Some(50), None, None, Some(20.0)),
        (Some(JobResult::Lost), Some(50), None, None, Some(20.0)),
    ] {
        let job = job(result, progress, layer, layers);
        assert_eq!(used_g(&job), expected, "{result:?} {progress:?} {layer:?} {layers:?}");
    }
    let unknown = JobRecord { planned_g: None, ..job(finished, None, None, None) };
    assert_eq!(used_g(&unknown), None);
    assert_eq!(Share::of_job(&job(finished, None, None, None)).unwrap().estimate.word(), "slicer");
    assert_eq!(Share::of(Some(3), None, None).unwrap().estimate.word(), "scaled");
}

#[test]
fn a_filament_has_the_price_of_its_id_then_of_its_material_then_of_all() {
    let all = prices(None, &[("pla", 20.0), ("GFA01", 28.0), ("my petg", 17.0), ("other", 35.0)]);
    let own = Names::from([("P1234567".into(), "My PETG".into())]);
    for (material, id, expected) in [
        (Some("PLA"), Some("GFA00"), 20.0),
        (Some("PLA"), Some("gfa01"), 28.0),
        (Some("PETG"), Some("P1234567"), 17.0),
        (Some("PETG"), Some("GFG02"), 35.0),
        (None, None, 35.0),
    ] {
        assert_eq!(all.per_kg(&slot(material, id, None), &own), Some(expected));
    }
    assert_eq!(prices(None, &[("PLA", 20.0)]).per_kg(&slot(Some("PLA-CF"), None, None), &own), None);
}

#[track_caller]
fn costs(job: &JobRecord, metered: bool, prices: &Prices, expected: [Option<f64>; 3]) {
    let Cost { filament, energy, total } = cost(job, Share::of_job(job), metered, prices, &Names::new());
    let cents = |value: Option<f64>| value.map(|value| (value * 100.0).round() / 100.0);
    assert_eq!([filament, energy, total].map(cents), expected);
}

#[test]
fn a_cost_is_whole_or_unknown() {
    let known = [("PLA", 20.0), ("PETG", 30.0)];
    let finished = JobRecord { energy_kwh: Some(0.5), ..job(Some(JobResult::Finished), None, None, None) };
    let half = JobRecord { energy_kwh: Some(0.3), ..job(Some(JobResult::Cancelled), Some(50), None, None) };
    costs(&finished, true, &prices(Some(0.4), &known), [Some(0.9), Some(0.2), Some(1.1)]);
    costs(&half, true, &prices(Some(0.4), &known), [Some(0.45), Some(0.12), Some(0.57)]);
    // No energy is to be reckoned.
    costs(&finished, false, &prices(Some(0.4), &known), [Some(0.9), None, Some(0.9)]);
    costs(&finished, true, &prices(None, &known), [Some(0.9), None, Some(0.9)]);
    // It is, and is not known.
    let silent = JobRecord { energy_kwh: None, ..finished.clone() };
    costs(&silent, true, &prices(Some(0.4), &known), [Some(0.9), None, None]);
    // A material without a price.
    costs(&finished, true, &prices(Some(0.4), &[("PLA", 20.0)]), [None, Some(0.2), None]);
    let nothing_of_it = JobRecord {
        slots: vec![slot(Some("PLA"), None, Some(40.0)), slot(Some("ABS"), None, Some(0.0))],
        ..finished.clone()
    };
    costs(&nothing_of_it, false, &prices(None, &[("PLA", 20.0)]), [Some(0.8), None, Some(0.8)]);
    // Slots, weights or progress that nobody told.
    costs(&JobRecord { slots: Vec::new(), ..finished.clone() }, false, &prices(None, &known), [None; 3]);
    let weightless = JobRecord { slots: vec![slot(Some("PLA"), None, None)], ..finished.clone() };
    costs(&weightless, false, &prices(None, &known), [None; 3]);
    let lost = JobRecord { progress: None, result: Some(JobResult::Failed), ..finished };
    costs(&lost, false, &prices(None, &known), [None; 3]);
}

#[test]
fn totals_are_kept_by_material() {
    let mut counters = Counters::default();
    let grams = |counters: &Counters| -> Vec<(String, f64)> {
        counters.filament_g.iter().map(|(of, g)| (of.to_string(), (g * 10.0).round() / 10.0)).collect()
    };
    count(&mut counters, &job(Some(JobResult::Finished), None, None, None));
    count(&mut counters, &job(Some(JobResult::Failed), Some(50), None, None));
    assert_eq!(grams(&counters), [("PETG".to_owned(), 15.0), ("PLA".to_owned(), 45.0)]);
    // Of what is known as a whole only, the material is unknown.
    let whole = JobRecord { slots: Vec::new(), ..job(Some(JobResult::Finished), None, None, None) };
    count(&mut counters, &whole);
    assert_eq!(counters.filament_g.get(UNKNOWN_MATERIAL), Some(&40.0));
    let before = counters.clone();
    count(&mut counters, &JobRecord { class: JobClass::Calibration, ..whole.clone() });
    count(&mut counters, &JobRecord { planned_g: None, ..whole });
    assert_eq!(counters, before);
}

fn at(minutes: i64) -> Timestamp {
    "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
}

/// Readings by their minute, a job from minute 100 to minute 200, and its energy in Wh.
fn energy(readings: &[(i64, f64)]) -> Option<i64> {
    let mut meter = None;
    let mut job = None;
    let mut readings = readings.iter().peekable();
    for minute in 0..=200 {
        if minute == 100 {
            let mut new = JobRecord { started_at: Some(at(100)), ..JobRecord::default() };
            begin(meter, &mut new, at(100));
            job = Some(new);
        }
        while let Some((at_minute, kwh)) = readings.next_if(|(due, _)| *due == minute) {
            read(&mut meter, job.as_mut(), Meter { kwh: *kwh, at: at(*at_minute) });
        }
    }
    let mut job = job.unwrap();
    end(meter, &mut job, at(200));
    #[allow(clippy::cast_possible_truncation)]
    job.energy_kwh.map(|kwh| (kwh * 1000.0).round() as i64)
}

#[test]
fn energy_is_what_the_meter_counted_between_beginning_and_end() {
    for (readings, expected, why) in [
        (&[(90, 12.0), (120, 12.1), (160, 12.3), (199, 12.4)][..], Some(400), "a plain one"),
        (&[(50, 12.0), (150, 12.2)], Some(200), "one that tells only what changed"),
        (&[(10, 12.0), (102, 12.3), (150, 12.5)], Some(200), "too old before, and heard again soon"),
        (&[(10, 12.0), (120, 12.3), (150, 12.5)], None, "too old before, and not heard again soon"),
        (&[(101, 12.0), (150, 12.2)], Some(200), "first heard in the beginning"),
        (&[(130, 12.0), (150, 12.2)], None, "first heard in the middle"),
        (&[(90, 12.0), (130, 12.2)], None, "not heard any more"),
        (&[(90, 12.0), (130, 12.2), (140, 0.0), (180, 0.1)], Some(300), "it began anew"),
        (&[(90, 12.0), (130, 12.2), (140, 0.05), (180, 0.1)], Some(300), "and had counted"),
        (
            &[(90, 12.0), (130, 12.2), (131, 0.0), (132, 12.2), (180, 12.4)],
            Some(400),
            "it slipped for a moment",
        ),
        (&[(90, 12.0), (130, 12.2), (131, 90.0), (180, 90.1)], Some(300), "it was replaced by another"),
        (&[(90, 12.0), (130, f64::NAN), (140, -1.0), (180, 12.1)], Some(100), "nonsense"),
        (&[], None, "never heard"),
    ] {
        assert_eq!(energy(readings), expected, "{why}");
    }
}

#[test]
fn a_gap_of_the_gateway_is_bridged_by_the_meter() {
    // What is kept on disk: the last reading, and the job with what it had counted.
    let mut meter = Some(Meter { kwh: 10.0, at: at(0) });
    let mut job = JobRecord { started_at: Some(at(0)), ..JobRecord::default() };
    begin(meter, &mut job, at(0));
    assert!(read(&mut meter, Some(&mut job), Meter { kwh: 10.2, at: at(30) }));
    let kept = serde_json::to_string(&(&meter, &job)).unwrap();
    let (mut meter, mut job): (Option<Meter>, JobRecord) = serde_json::from_str(&kept).unwrap();
    assert!(read(&mut meter, Some(&mut job), Meter { kwh: 11.0, at: at(300) }));
    end(meter, &mut job, at(310));
    assert!((job.energy_kwh.unwrap() - 1.0).abs() < 1e-9);
}
