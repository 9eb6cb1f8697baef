//! What can be done with it.

use crate::printer::{Command, FanKind, LightKind, Side, Snapshot, Speed};

use super::super::entity::{Entity, Platform, button, control};
use super::{SPEEDS, flag, percent, speed, target};

fn to_speed(index: usize) -> Option<Command> {
    [Speed::Silent, Speed::Standard, Speed::Sport, Speed::Ludicrous].get(index).copied().map(Command::Speed)
}

pub(super) static CONTROL: &[Entity<Snapshot>] = &[
    control::<Snapshot>(
        "nozzle_target",
        "Nozzle target temperature",
        Platform::Number(|c| c.nozzle_max, |v| Command::NozzleTarget(Side::Right, v)),
        |s| target(s.nozzle(Side::Right)),
    )
    .heat()
    .needs(|c, _| !c.dual_nozzle),
    control::<Snapshot>(
        "left_nozzle_target",
        "Left nozzle target temperature",
        Platform::Number(|c| c.nozzle_max, |v| Command::NozzleTarget(Side::Left, v)),
        |s| target(s.nozzle(Side::Left)),
    )
    .heat()
    .needs(|c, _| c.dual_nozzle),
    control::<Snapshot>(
        "right_nozzle_target",
        "Right nozzle target temperature",
        Platform::Number(|c| c.nozzle_max, |v| Command::NozzleTarget(Side::Right, v)),
        |s| target(s.nozzle(Side::Right)),
    )
    .heat()
    .needs(|c, _| c.dual_nozzle),
    control::<Snapshot>(
        "bed_target",
        "Bed target temperature",
        Platform::Number(|c| c.bed_max, Command::BedTarget),
        |s| target(s.bed),
    )
    .heat(),
    control::<Snapshot>("part_fan", "Cooling fan", Platform::Fan(FanKind::Part), |s| {
        percent(s.fans.part.percent)
    }),
    control::<Snapshot>("aux_fan", "Aux fan", Platform::Fan(FanKind::Aux), |s| percent(s.fans.aux.percent))
        .needs(|c, _| c.aux_fan),
    control::<Snapshot>("chamber_fan", "Chamber fan", Platform::Fan(FanKind::Chamber), |s| {
        percent(s.fans.chamber.percent)
    })
    .needs(|c, _| c.chamber_fan),
    control::<Snapshot>("second_aux_fan", "Secondary aux fan", Platform::Fan(FanKind::SecondAux), |s| {
        percent(s.fans.second_aux.percent)
    })
    .needs(|c, _| c.second_aux_fan),
    control::<Snapshot>(
        "chamber_light",
        "Chamber light",
        Platform::Light(|on| Command::Light(LightKind::Chamber, on)),
        |s| flag(s.chamber_light),
    )
    .needs(|c, _| c.chamber_light),
    control::<Snapshot>(
        "work_light",
        "Work light",
        Platform::Light(|on| Command::Light(LightKind::Work, on)),
        |s| flag(s.work_light),
    )
    .needs(|c, _| c.work_light)
    .hidden(),
    control::<Snapshot>("speed_profile", "Printing speed", Platform::Select(&SPEEDS, to_speed), speed)
        .icon("mdi:speedometer"),
    control::<Snapshot>("timelapse", "Timelapse", Platform::Switch(Command::Timelapse), |s| {
        flag(s.timelapse)
    })
    .icon("mdi:camera")
    .config()
    .needs(|c, _| c.timelapse),
    control::<Snapshot>("prompt_sound", "Prompt sound", Platform::Switch(Command::PromptSound), |s| {
        flag(s.prompt_sound)
    })
    .icon("mdi:volume-high")
    .config()
    .needs(|c, _| c.prompt_sound),
    button::<Snapshot>("pause", "Pause printing", || Command::Pause).icon("mdi:pause"),
    button::<Snapshot>("resume", "Resume printing", || Command::Resume).icon("mdi:play"),
    button::<Snapshot>("stop", "Stop printing", || Command::Stop).icon("mdi:stop"),
    button::<Snapshot>("refresh", "Force refresh data", || Command::Refresh)
        .icon("mdi:refresh")
        .diagnostic()
        .lasting()
        .early(),
];
