//! The prints of a simulated printer as the cloud keeps them.
use crate::demo::model::Place;
use crate::demo::parts::count;
use crate::demo::printer::Printer;

/// One print.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Listed {
    pub(super) id: u64,
    pub(super) title: String,
    /// 1 made, 2 finished, 3 failed or cancelled, 4 running.
    pub(super) status: u8,
    /// Seconds ago, when it began and when it ended.
    pub(super) began: i64,
    pub(super) ended: Option<i64>,
    pub(super) plate: u32,
    pub(super) profile: u64,
    pub(super) estimate_s: u32,
    pub(super) weight_g: f64,
    pub(super) length_cm: u32,
    pub(super) slots: Vec<ListedSlot>,
}

/// What one slot gives to it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ListedSlot {
    /// `None` is outside.
    pub(super) unit: Option<u16>,
    pub(super) slot: u8,
    pub(super) filament_id: String,
    pub(super) material: String,
    pub(super) color: String,
    pub(super) weight_g: f64,
}

/// The prints of a printer, newest first: the one that is under way or was last, if the cloud sent it.
pub(super) fn of(printer: &Printer) -> Vec<Listed> {
    let machine = printer.machine();
    let status = match printer.state() {
        "IDLE" => return Vec::new(),
        "FINISH" => 2,
        "FAILED" => 3,
        _ => 4,
    };
    if machine.job_kind() != "cloud" {
        return Vec::new();
    }
    let (unit, slot) = match machine.job_spools().first().map(|(_, spool)| machine.model.place(*spool)) {
        Some(Place::Unit(kit, slot)) => (Some(kit.id), u8::try_from(slot).unwrap_or_default()),
        _ => (None, 0),
    };
    let began = count(machine.done) + 120;
    vec![Listed {
        id: machine.job_number().max(1).into(),
        title: serde_json::from_str(&format!("\"{}\"", machine.job_name())).unwrap_or_default(),
        status,
        began: began.into(),
        ended: (status != 4).then_some(0),
        plate: machine.job_plate(),
        profile: 0,
        estimate_s: count(machine.plan().seconds),
        weight_g: 27.0,
        length_cm: 905,
        slots: vec![ListedSlot {
            unit,
            slot,
            filament_id: "GFA00".to_owned(),
            material: "PLA".to_owned(),
            color: "F4D976FF".to_owned(),
            weight_g: 27.0,
        }],
    }]
}

/// The firmware that a printer says it has.
pub(super) fn firmware(printer: &Printer) -> &'static str {
    let machine = printer.machine();
    let [open, signed] = machine.model.facts().firmware;
    if machine.signed_only { signed } else { open }
}

/// The prints of a printer, by its serial number.
pub(super) fn of_fleet(api: &super::Api, serial: &str) -> Vec<Listed> {
    api.fleet.with_printer(serial, |printer| of(printer)).unwrap_or_default()
}
