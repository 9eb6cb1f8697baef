//! The prints of a simulated printer as the cloud keeps them.
use crate::printer::Printer;
use crate::task::{SlotUse, Task};

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
    pub(super) project: u64,
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

/// The prints of a printer that the cloud sent, newest first.
pub(super) fn of(printer: &Printer) -> Vec<Listed> {
    let now = i64::try_from(printer.age().as_secs()).unwrap_or_default();
    printer.tasks().map(|task| listed(task, now)).collect()
}

fn listed(task: &Task, now: i64) -> Listed {
    let slot = |slot: &SlotUse| ListedSlot {
        unit: slot.unit,
        slot: slot.slot,
        filament_id: slot.filament_id.clone(),
        material: slot.material.clone(),
        color: slot.color.clone(),
        weight_g: slot.weight_g,
    };
    Listed {
        id: task.ids.listed(),
        title: task.title.clone(),
        status: task.status.number(),
        began: now - task.began,
        ended: task.ended.map(|ended| now - ended),
        plate: task.plate,
        project: task.ids.project,
        profile: task.ids.profile,
        estimate_s: task.estimate_s,
        weight_g: task.weight_g,
        length_cm: task.length_cm,
        slots: task.slots.iter().map(slot).collect(),
    }
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
