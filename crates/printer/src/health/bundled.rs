//! What the program knows of codes by itself: the common ones, in English and in our own words.
//!
//! What a code means was learnt from the vendor's public catalogue, as public projects have recorded it
//! (<https://github.com/greghesp/ha-bambulab>, `hms_error_text`), and from the captures.
//! `{unit}` stands for the AMS that speaks (`AMS 2`) and `{slot}` for its slot (`AMS 2 slot 3`).

use std::borrow::Cow;

use super::found::Found;
use super::{Module, built};

/// Texts that go before the vendor's: its own advise programs that are no help to a gateway (protocol 6.5).
pub(super) fn ours(code: u64) -> Option<&'static str> {
    match code {
        0x0500_0500_0001_0007 | 0x0502_4007 | 0x0502_4009 => Some(REFUSED),
        _ => None,
    }
}

const REFUSED: &str = "Refused a command: this firmware only obeys commands that Bambu Lab's own software has \
                       signed. Reading is not affected. Control by other programs needs LAN Only Mode and \
                       Developer Mode, which end the connection to the Bambu cloud";

/// Looks a code up.
pub(super) fn find(code: u64) -> Found {
    let text = match u32::try_from(code) {
        Ok(0x0500_8030 | 0x0502_4008 | 0x0502_400A..=0x0502_400C | 0x0C00_8002) => return Found::Hidden,
        Ok(error) => error_text(error),
        Err(_) if is_hidden(code) => return Found::Hidden,
        Err(_) => hms_text(code),
    };
    text.map_or(Found::Nothing, |text| Found::Text(text.into_owned()))
}

fn exact<K: Ord + Copy>(table: &[(K, &'static str)], code: K) -> Option<Cow<'static, str>> {
    let at = table.binary_search_by_key(&code, |(code, _)| *code).ok()?;
    table.get(at).map(|(_, text)| Cow::Borrowed(*text))
}

fn error_text(code: u32) -> Option<Cow<'static, str>> {
    exact(ERRORS, code).or_else(|| {
        let (low, unit) = (code & 0xFFFF, Module::of(code >> 16));
        let text = match unit {
            Module::Ams(_) | Module::AmsLite(_) | Module::AmsHt(_) => exact(AMS_ERRORS, low),
            Module::External(_) | Module::Extruder(_) => exact(EXTERNAL_ERRORS, low),
            _ => None,
        };
        Some(filled(&text?, unit, None))
    })
}

fn hms_text(code: u64) -> Option<Cow<'static, str>> {
    exact(HMS, code).or_else(|| {
        let part = u32::try_from(code >> 32 & 0xFFFF).ok()?;
        let (slot, rest) = (part >> 8 & 0xF, u32::try_from(code & 0xFFFF_FFFF).ok()?);
        let unit = Module::of(u32::try_from(code >> 48).ok()?);
        let slotted = u64::from(part & 0xF000) << 32 | u64::from(rest);
        let whole = u64::from(part) << 32 | u64::from(rest);
        let text = match unit {
            Module::Ams(_) | Module::AmsHt(_) => {
                exact(AMS_SLOT, slotted).filter(|_| slot < 4).or_else(|| exact(AMS, whole))
            }
            Module::AmsLite(_) => exact(LITE_SLOT, slotted).filter(|_| slot < 4).or_else(|| {
                // Cutter, buffer and cable are the same; heaters it has none.
                exact(AMS, whole).filter(|_| (0x4000..0x6000).contains(&part))
            }),
            Module::External(_) | Module::Extruder(_) => exact(EXTERNAL, whole),
            _ => None,
        };
        Some(filled(&text?, unit, Some(slot + 1)))
    })
}

fn filled(text: &str, unit: Module, slot: Option<u32>) -> Cow<'static, str> {
    let name = match unit {
        unit @ (Module::External(_) | Module::Extruder(_)) => built::at_nozzle(unit).to_owned(),
        unit => unit.to_string(),
    };
    let slot = slot.map(|slot| format!("{name} slot {slot}"));
    text.replace("{slot}", slot.as_deref().unwrap_or(&name)).replace("{unit}", &name).into()
}

/// Entries that the vendor's catalogue has without a text, for every model: its own programs pass them
/// over, and so do we where no catalogue says otherwise. Several captures have them on healthy printers
/// (`h2d_stream_pause_stop_failed_hms_fw010300`, `hms_and_print_errors_from_client_logs`).
fn is_hidden(code: u64) -> bool {
    let (attr, rest) = (code >> 32, code & 0xFFFF_FFFF);
    match attr {
        0x0300_1800 | 0x0300_2600 => rest == 0,
        // The last but one is not in the catalogues that were seen; an X2D has it for good (BambuHelper #164).
        0x0500_0100 => matches!(rest, 0x1_000A | 0x2_0003 | 0x2_0008 | 0x2_0009 | 0x2_000B | 0x3_0009),
        0x0500_0200 => matches!(rest, 0x2_0009..=0x2_000B | 0x3_0009..=0x3_000B),
        0x0500_0300 => matches!(rest, 0x1_0053 | 0x2_0010..=0x2_0019 | 0x2_0050..=0x2_0054 | 0x3_0007),
        0x0500_0400 => matches!(rest, 0x1_0056 | 0x1_0060 | 0x1_0061 | 0x2_0020),
        0x0500_0500 => matches!(rest, 0x1_0008..=0x1_000C | 0x2_0023 | 0x2_0030),
        0x0500_0600 => matches!(
            rest,
            0x2_0005..=0x2_0009
                | 0x2_0011..=0x2_0015
                | 0x2_0021..=0x2_0025
                | 0x2_0035
                | 0x2_0041..=0x2_0045
                | 0x2_0051..=0x2_0054
                | 0x2_0061 | 0x2_0062 | 0x2_0070 | 0x2_0071
                | 0x2_00A0 | 0x2_00A1
        ),
        0x0500_0700 => matches!(rest, 0x2_0001..=0x2_0003 | 0x2_0101 | 0x2_0201),
        0x0503_0000 => matches!(rest, 0x3_0027..=0x3_0029),
        0x0C00_0100 => {
            matches!(rest, 0x1_0018 | 0x2_000E | 0x2_0015 | 0x2_0016 | 0x2_0019 | 0x2_001A | 0x2_001B)
        }
        0x0C00_0400 => rest == 0x2_0006,
        _ => false,
    }
}

/// Health messages of everything but the AMS, by both halves.
static HMS: &[(u64, &str)] = &[
    (0x0300_0100_0001_0001, "Heatbed: the heater looks short-circuited"),
    (0x0300_0100_0001_0002, "Heatbed: the heater looks disconnected"),
    (0x0300_0100_0001_0003, "Heatbed: too hot"),
    (0x0300_0100_0001_0006, "Heatbed: the temperature sensor looks short-circuited"),
    (0x0300_0100_0001_0007, "Heatbed: the temperature sensor looks disconnected"),
    (0x0300_0100_0001_0008, "Heatbed: does not heat as it should; the heater may be broken"),
    (0x0300_0100_0001_000A, "Heatbed: temperature control is faulty; the mains board may be broken"),
    (0x0300_0100_0001_000C, "Heatbed: has heated at full power for too long"),
    (0x0300_0100_0001_000E, "Heatbed: switched off, the mains voltage is not the right one"),
    (0x0300_0100_0003_0008, "Heatbed: the target was above the limit and was lowered to it"),
    (0x0300_0200_0001_0001, "Nozzle: the heater looks short-circuited"),
    (0x0300_0200_0001_0002, "Nozzle: the heater looks disconnected"),
    (0x0300_0200_0001_0003, "Nozzle: too hot"),
    (0x0300_0200_0001_0006, "Nozzle: the temperature sensor looks short-circuited"),
    (0x0300_0200_0001_0007, "Nozzle: the temperature sensor looks disconnected"),
    (0x0300_0200_0001_0008, "Nozzle: does not reach its temperature; check the silicone sock"),
    (0x0300_0200_0001_0009, "Nozzle: temperature control is faulty; the hotend may be missing"),
    (0x0300_0300_0001_0001, "Hotend fan: stopped or much too slow"),
    (0x0300_0300_0002_0002, "Hotend fan: slow; it may need cleaning"),
    (0x0300_0400_0002_0001, "Part cooling fan: stopped or much too slow"),
    (0x0300_0500_0001_0001, "Motor driver: too hot"),
    (0x0300_0900_0002_0001, "Extruder: the motor is overloaded; extruder clogged or filament stuck"),
    (0x0300_0900_0002_0002, "Extruder: high resistance; extruder clogged or filament stuck"),
    (0x0300_0900_0002_0003, "Extruder: extrudes irregularly; clogged, or the filament slips"),
    (0x0300_0A00_0001_0001, "Heatbed force sensor 1: too sensitive; something may touch it"),
    (0x0300_0A00_0001_0002, "Heatbed force sensor 1: weak signal"),
    (0x0300_0A00_0001_0003, "Heatbed force sensor 1: no usable signal; check its cable"),
    (0x0300_0A00_0001_0004, "Heatbed force sensor 1: disturbed; the bed may touch something"),
    (0x0300_0A00_0001_0005, "Heatbed force sensor 1: constant force; the bed may be stuck"),
    (0x0300_0D00_0001_0002, "Heatbed homing failed: too much vibration around the printer"),
    (0x0300_0D00_0001_0003, "The build plate does not lie as it should"),
    (0x0300_0D00_0001_000B, "Z axis: the motor is blocked; look for something in the slides or pulleys"),
    (
        0x0300_0D00_0001_000C,
        "Bed leveling data is implausible; look for something on the bed or the Z slides",
    ),
    (0x0300_0D00_0002_0001, "Heatbed homing is irregular: a bump on the bed or dirt on the nozzle tip"),
    (0x0300_0D00_0002_0003, "The build plate may not lie as it should"),
    (0x0300_0F00_0001_0001, "Accelerometer: implausible data; restart the printer"),
    (0x0300_1000_0002_0001, "X axis: low resonance frequency; the belt may be loose"),
    (0x0300_1000_0002_0002, "X axis: resonance has changed since the last calibration; clean and calibrate"),
    (0x0300_1100_0002_0001, "Y axis: low resonance frequency; the belt may be loose"),
    (0x0300_1100_0002_0002, "Y axis: resonance has changed since the last calibration; clean and calibrate"),
    (0x0300_1200_0002_0001, "The front cover of the toolhead came off"),
    (0x0300_1800_0001_0001, "Extrusion force sensor: low value; the nozzle may be missing"),
    (0x0300_1A00_0002_0001, "The nozzle is wrapped in filament, or the build plate lies askew"),
    (0x0300_1A00_0002_0002, "The nozzle is clogged"),
    (0x0300_2000_0001_0001, "X axis homing failed: the toolhead is blocked or moves too stiffly"),
    (0x0300_2000_0001_0002, "Y axis homing failed: something is blocked or moves too stiffly"),
    (0x0300_2000_0001_0003, "X axis homing failed: the belt may be loose"),
    (0x0300_2000_0001_0004, "Y axis homing failed: the belt may be loose"),
    (0x0300_2D00_0001_0006, "Bed leveling failed: something lies on the bed, or the bed is tilted"),
    (0x0300_3100_0001_0001, "Part cooling fan: stopped or much too slow"),
    (0x0300_3100_0002_0002, "Part cooling fan: slow; it may need cleaning"),
    (0x0300_3200_0001_0001, "Auxiliary fan: stopped or much too slow"),
    (0x0300_3300_0001_0001, "Chamber exhaust fan: stopped or much too slow"),
    (0x0300_4100_0001_0001, "The supply voltage is unstable; protection against a power cut was triggered"),
    (0x0300_9000_0001_0001, "Chamber heating failed: no hot air"),
    (0x0300_9000_0001_0002, "Chamber heating failed: chamber open, room too cold or vents blocked"),
    (0x0300_9600_0001_0001, "The front door is open: the print is held"),
    (0x0300_9600_0003_0001, "The front door is open"),
    (0x0300_9700_0003_0001, "The top cover is open"),
    (0x0300_A100_0001_0001, "The chamber is too hot: open it, or cool the room"),
    (0x0300_A700_0003_0001, "The chamber is hot: fans run faster and louder"),
    (0x0300_A800_0001_0001, "AMS power supply: faulty unit, short circuit, or too many units"),
    (0x0500_0100_0002_0001, "Camera pipeline failed: restart the printer"),
    (0x0500_0100_0002_0002, "The live-view camera is not connected"),
    (0x0500_0100_0003_0004, "The printer's storage is full"),
    (0x0500_0100_0003_0005, "The printer's storage is read-only: no recordings"),
    (0x0500_0100_0003_0006, "The printer's storage is not formatted or cannot be written"),
    (0x0500_0100_0003_0007, "No time-lapse: there is no storage in the printer"),
    (0x0500_0200_0002_0001, "The printer cannot reach the internet"),
    (0x0500_0200_0002_0002, "The printer cannot log in to the cloud"),
    (0x0500_0200_0002_0004, "The printer's user is not authorised"),
    (0x0500_0200_0002_0008, "The printer cannot set its clock from the network"),
    (0x0500_0300_0001_0001, "The motion controller does not answer: restart the printer"),
    (0x0500_0300_0001_0002, "The toolhead does not answer: restart the printer"),
    (0x0500_0300_0001_0003, "The AMS does not answer: restart the printer"),
    (0x0500_0300_0001_0004, "The filament buffer does not answer: restart the printer"),
    (0x0500_0300_0001_000A, "The printer's system is in a bad state: reset it to factory settings"),
    (0x0500_0300_0001_000B, "The screen does not work: restart the printer"),
    (0x0500_0300_0001_0024, "Too cold: below 10 °C the printer neither prints nor moves"),
    (0x0500_0300_0001_0025, "The firmware is damaged: install it again"),
    (0x0500_0300_0002_000C, "The Wi-Fi hardware has a fault: restart the printer"),
    (0x0500_0300_0002_000D, "The controller of the SD card has a fault"),
    (0x0500_0300_0002_000E, "A module's firmware does not go with the printer's: update it"),
    (0x0500_0300_0002_0020, "The printer's storage is too small for the print file"),
    (0x0500_0300_0002_0055, "The printer's login has expired: log in again on it"),
    (0x0500_0300_0003_0022, "The SD card has become slow: format or replace it"),
    (0x0500_0400_0001_0001, "The print job could not be downloaded"),
    (0x0500_0400_0001_0002, "The printer cannot report its state to the cloud"),
    (0x0500_0400_0001_0003, "The print file cannot be read: send it again"),
    (0x0500_0400_0001_0004, "The print file is not authorised"),
    (0x0500_0400_0001_0006, "The interrupted print could not be resumed"),
    (0x0500_0400_0001_0044, "AMS 1: its firmware does not go with the printer's"),
    (0x0500_0400_0001_0049, "The printer lost the connection to an AMS: check the cable"),
    (0x0500_0400_0002_0007, "The bed is hotter than this filament bears: open the door or lower it"),
    (0x0500_0400_0003_0008, "The door seems to be open"),
    (0x0500_0500_0003_0002, "The printer is in engineering mode: mind its security"),
    (0x0501_0400_0003_0001, "Maintenance: clean the carbon rods"),
    (0x0501_0400_0003_0002, "Maintenance: grease the lead screws"),
    (0x0501_0400_0003_0003, "Maintenance: clean and grease the linear rods"),
    (0x0501_0400_0003_0004, "Maintenance: clean and grease the X rail and the Y and Z rods"),
    (0x0C00_0100_0001_0001, "The toolhead's lidar or camera is not connected"),
    (0x0C00_0100_0001_0003, "The toolhead's lidar or camera is out of step: restart the printer"),
    (0x0C00_0100_0001_0004, "The lens of the toolhead's lidar or camera looks dirty"),
    (0x0C00_0100_0001_0005, "The settings of the toolhead's lidar or camera are wrong"),
    (0x0C00_0100_0001_000A, "The lamp of the micro lidar may be broken"),
    (0x0C00_0100_0001_000B, "The micro lidar could not be calibrated: clean the calibration chart"),
    (0x0C00_0100_0002_0002, "The toolhead's lidar or camera has a fault"),
    (0x0C00_0100_0002_0007, "The lasers of the micro lidar have drifted: calibrate again"),
    (0x0C00_0100_0002_0008, "No picture from the live-view camera: spaghetti and pile-up go unseen"),
    (0x0C00_0100_0002_0014, "The nozzle camera has a fault"),
    (0x0C00_0100_0002_0017, "The lens of the nozzle camera is dirty"),
    (0x0C00_0100_0003_000C, "The nozzle camera is too hot: detection pauses until it has cooled down"),
    (0x0C00_0200_0001_0001, "A measuring laser does not light: it is covered or disconnected"),
    (0x0C00_0200_0001_0005, "There is a new micro lidar: calibrate it"),
    (0x0C00_0300_0002_0001, "First layer inspection may be inaccurate: this filament reflects too little"),
    (0x0C00_0300_0002_0002, "First layer inspection was given up: the lidar's data is implausible"),
    (0x0C00_0300_0002_0004, "First layer inspection does not work for this job"),
    (0x0C00_0300_0002_0005, "First layer inspection took too long and may be inaccurate"),
    (0x0C00_0300_0002_000C, "The marker of the build plate was not seen: check how the plate lies"),
    (0x0C00_0300_0002_000E, "The nozzle seems to be wrapped in filament"),
    (0x0C00_0300_0002_0010, "Something lies on the heatbed"),
    (0x0C00_0300_0003_0006, "Purged filament may have piled up in the chute"),
    (0x0C00_0300_0003_0007, "The first layer may have faults"),
    (0x0C00_0300_0003_0008, "There may be spaghetti on the plate"),
    (0x0C00_0300_0003_000B, "First layer inspection is under way"),
    (0x0C00_0300_0003_000D, "The extruder may not be extruding"),
    (0x0C00_0300_0003_0010, "The printer seems to print without filament"),
    (0x0C00_0300_0003_001B, "There may be spaghetti on the plate"),
];

/// AMS, AMS 2 Pro and AMS HT: the part of the unit without the slot, and the code.
static AMS_SLOT: &[(u64, &str)] = &[
    (0x1000_0001_0001, "{slot}: the motor slips; its wheel may be worn, or the filament too thin"),
    (0x1000_0001_0003, "{slot}: the motor's torque control has a fault"),
    (0x1000_0002_0002, "{slot}: the motor is overloaded; filament tangled or stuck"),
    (0x1000_0002_0004, "{slot}: no signal from the motor"),
    (0x2000_0001_0081, "{slot}: filament data not read; the AMS board may have a fault"),
    (0x2000_0001_0082, "{slot}: filament data not read; the tag is not the vendor's"),
    (0x2000_0001_0083, "{slot}: filament data not read; the tag may be damaged"),
    (0x2000_0001_0084, "{slot}: filament data not read; the tag may be damaged or lie at the edge"),
    (0x2000_0001_0085, "{slot}: filament data not read; the tag did not pass its check"),
    (0x2000_0001_0086, "{slot}: filament data not read; the spool cannot turn"),
    (0x2000_0002_0001, "{slot}: filament has run out"),
    (0x2000_0002_0002, "{slot}: empty"),
    (0x2000_0002_0003, "{slot}: filament may be broken inside the AMS"),
    (0x2000_0002_0004, "{slot}: filament may be broken inside the toolhead"),
    (0x2000_0002_0005, "{slot}: filament has run out and its rest could not be purged"),
    (0x2000_0002_0006, "{unit}: a filament tube may have come off or be broken"),
    (0x2000_0002_0007, "{slot}: the sensor at the outlet is disconnected"),
    (0x2000_0002_0008, "{slot}: the sensor at the inlet is disconnected"),
    (0x2000_0002_0009, "{slot}: cannot be extruded; extruder clogged or filament too thin"),
    (0x2000_0002_000A, "{slot}: filament cannot be positioned; filament or buffer stuck"),
    (0x2000_0002_0010, "{slot}: feeding out takes too long"),
    (0x2000_0002_0011, "{slot}: pulling back takes too long"),
    (0x2000_0002_0012, "{slot}: the feeder cannot turn the spool"),
    (0x2000_0002_0013, "{slot}: no signal from the feeder's motor"),
    (0x2000_0002_0014, "{slot}: no signal from the filament odometer"),
    (0x2000_0002_0015, "{slot}: filament may be broken inside the AMS"),
    (0x2000_0002_0016, "{slot}: the assist motor slips; cut off the worn filament"),
    (0x2000_0002_0017, "{slot}: too much friction between AMS and printer"),
    (0x2000_0002_0018, "{slot}: too much friction in the tube at the AMS"),
    (0x2000_0002_0019, "{slot}: too much friction between AMS and buffer"),
    (0x2000_0002_0020, "{slot}: too much friction in the tube at the buffer"),
    (0x2000_0002_0021, "{slot}: too much friction between buffer and toolhead"),
    (0x2000_0002_0022, "{slot}: too much friction in the tube at the toolhead"),
    (0x2000_0002_0023, "{slot}: a tube in the AMS is broken, or the sensor at the outlet has a fault"),
    (0x2000_0002_0024, "{slot}: the spool could not be turned back"),
    (0x2000_0002_0025, "{slot}: too much friction when feeding; check spool and tube"),
    (0x2000_0003_0001, "{slot}: filament has run out; its rest is being purged"),
    (0x2000_0003_0002, "{slot}: filament has run out; another slot with the same one took over"),
    (0x3000_0002_0002, "{slot}: the tag is damaged or cannot be read"),
    (0x6000_0002_0001, "{slot}: overloaded; filament tangled or buffer stuck"),
    (0x7000_0002_0001, "{slot}: filament cannot be pulled out of the extruder"),
    (0x7000_0002_0002, "{slot}: filament cannot be fed into the toolhead"),
    (0x7000_0002_0003, "{unit}: filament cannot be extruded; extruder or nozzle clogged"),
    (0x7000_0002_0004, "{slot}: filament cannot be pulled back from the toolhead"),
    (0x7000_0002_0005, "{slot}: filament cannot be fed out; cut its end straight, check the spool"),
    (0x7000_0002_0006, "{unit}: purging the old filament took too long"),
    (0x7000_0002_0007, "{unit}: filament has run out; put a new one into the same slot"),
    (0x7000_0002_0008, "{unit}: the assignment of slots is missing; resume to try again"),
];

/// AMS, AMS 2 Pro and AMS HT, not of one slot.
static AMS: &[(u64, &str)] = &[
    (0x0100_0001_0001, "{unit}: the assist motor slips; its wheel may be worn, or the filament too thin"),
    (0x0100_0001_0003, "{unit}: the assist motor's torque control has a fault"),
    (0x0100_0001_0004, "{unit}: the assist motor's speed control has a fault"),
    (0x0100_0001_0005, "{unit}: the assist motor's current sensor has a fault"),
    (0x0100_0002_0002, "{unit}: the assist motor is overloaded; filament tangled or stuck"),
    (0x0200_0001_0001, "{unit}: the filament odometer has a fault"),
    (0x0200_0002_0002, "{unit}: no signal from the filament odometer"),
    (0x2400_0001_0007, "{unit}: the sensor of its door has a fault"),
    (0x2400_0002_0009, "{unit}: its cover is open; drying suffers and filament takes up water"),
    (0x2500_0002_0001, "{unit}: dries on the printer's power; a power adapter would dry better"),
    (0x3000_0001_0001, "{unit}: the first tag reader has a fault"),
    (0x3100_0001_0001, "{unit}: the second tag reader has a fault"),
    (0x3500_0001_0001, "{unit}: the temperature and humidity sensor has a fault"),
    (0x3500_0001_0002, "{unit}: the humidity sensor is disconnected"),
    (0x4000_0002_0001, "{unit}: the filament buffer's position is lost; check its cable"),
    (0x4000_0002_0002, "{unit}: the filament buffer's position sensor has a fault"),
    (0x4000_0002_0003, "{unit}: no connection to the AMS hub; check its cable"),
    (0x4000_0002_0004, "{unit}: the filament buffer's signal is irregular; spring stuck or filament tangled"),
    (0x4500_0002_0001, "The filament cutter's sensor has a fault"),
    (0x4500_0002_0002, "The filament cutter had to go too far; the X or Y motor may have lost steps"),
    (0x4500_0002_0003, "The filament cutter was not released: handle or blade may be stuck"),
    (0x5000_0002_0001, "{unit}: no proper connection; check its cable"),
    (0x5100_0003_0001, "{unit}: switched off; load filament from the spool holder"),
    (0x5500_0001_0003, "{unit}: lost while it was being set up"),
    (0x5500_0001_0004, "{unit}: assigned to the wrong extruder; set it up again"),
    (0x5500_0002_0001, "{unit}: new; set it up to tell which extruder it feeds"),
    (0x5600_0003_0001, "{unit}: cools down after drying"),
    (0x8000_0001_0002, "{unit}: heater 1 is disconnected"),
    (0x8000_0001_0003, "{unit}: heater 1 is short-circuited"),
    (0x8000_0001_0004, "{unit}: heater 1 does not heat as it should"),
    (0x8100_0001_0002, "{unit}: heater 2 is disconnected"),
    (0x8100_0001_0003, "{unit}: heater 2 is short-circuited"),
    (0x8100_0001_0004, "{unit}: heater 2 does not heat as it should"),
    (0x9200_0001_0001, "{unit}: the fan of heater 1 is blocked"),
    (0x9300_0001_0001, "{unit}: the fan of heater 2 is blocked"),
    (0x9600_0001_0001, "{unit}: drying may be out of control; cut its power"),
    (0x9600_0001_0003, "{unit}: cannot dry while filament is in the hub"),
    (0x9600_0002_0002, "{unit}: the room is too cold to dry well"),
    (0x9600_0002_0004, "{unit}: drying temperature is off; lid open or heater faulty"),
    (0x9700_0003_0001, "{unit}: too hot inside; it neither feeds nor reads tags for now"),
    (0x9800_0002_0001, "{unit}: the power adapter's voltage is too low"),
    (0x9800_0002_0002, "{unit}: the power adapter's voltage is too high"),
];

/// AMS Lite: the part of the unit without the slot, and the code.
static LITE_SLOT: &[(u64, &str)] = &[
    (0x1000_0001_0001, "{slot}: the motor slips; its wheel may be worn, or the filament too thin"),
    (0x1000_0001_0003, "{slot}: the motor's torque control has a fault"),
    (0x1000_0002_0002, "{slot}: the motor is overloaded; filament tangled or stuck"),
    (0x2000_0002_0001, "{slot}: filament has run out"),
    (0x2000_0002_0002, "{slot}: empty"),
    (0x2000_0002_0003, "{slot}: filament may be broken in its tube"),
    (0x2000_0002_0004, "{slot}: filament may be broken inside the toolhead"),
    (0x2000_0002_0005, "{slot}: filament has run out and its rest could not be purged"),
    (0x2000_0002_0006, "{slot}: cannot be extruded; extruder clogged or filament too thin"),
    (0x2000_0003_0001, "{slot}: filament has run out; its rest is being purged"),
    (0x2000_0003_0002, "{slot}: filament has run out; another slot with the same one took over"),
    (0x3000_0001_0001, "{slot}: the tag reader has a fault"),
    (0x3000_0002_0002, "{slot}: the tag is damaged"),
];

/// The spool holder.
static EXTERNAL: &[(u64, &str)] = &[
    (0x2000_0002_0001, "{unit}: filament has run out"),
    (0x2000_0002_0002, "{unit}: no filament"),
    (0x2000_0002_0004, "{unit}: pull its filament out of the extruder"),
    (0x4500_0002_0001, "The filament cutter's sensor has a fault"),
    (0x4500_0002_0002, "The filament cutter had to go too far; the X or Y motor may have lost steps"),
    (0x4500_0002_0003, "The filament cutter was not released: handle or blade may be stuck"),
    (0x6000_0002_0001, "{unit}: tangled or jammed"),
    (0x7000_0002_0003, "{unit}: check whether filament comes out of the nozzle; push it and try again"),
    (0x7000_0002_0008, "{unit}: the assignment of slots is missing; resume to try again"),
];

/// Errors of everything but the AMS.
static ERRORS: &[(u32, &str)] = &[
    (0x0300_4000, "Stopped: Z axis homing failed"),
    (0x0300_4001, "The nozzle did not cool down in time for homing"),
    (0x0300_4002, "Stopped: bed leveling failed"),
    (0x0300_4005, "The hotend fan's speed is irregular"),
    (0x0300_4006, "The nozzle is clogged"),
    (0x0300_4008, "The AMS could not change the filament"),
    (0x0300_4009, "X or Y axis homing failed"),
    (0x0300_400A, "The resonance of the axes could not be measured"),
    (0x0300_400B, "The printer's parts do not understand each other"),
    (0x0300_400C, "The job was cancelled"),
    (0x0300_400D, "The print could not be resumed after the power cut"),
    (0x0300_400E, "The motors did not pass their test"),
    (0x0300_400F, "The mains voltage is not the printer's"),
    (0x0300_4010, "The offset of the nozzles could not be calibrated"),
    (0x0300_4011, "The flow could not be calibrated"),
    (0x0300_4013, "Cannot print while an AMS is drying"),
    (0x0300_404B, "Stopped: the door or the top cover is open"),
    (0x0300_404D, "Too hot to start: hotend, bed or chamber must cool down first"),
    (0x0300_8000, "Paused for an unknown reason"),
    (0x0300_8001, "Paused by the user"),
    (0x0300_8002, "Paused: the first layer has faults"),
    (0x0300_8003, "Paused: there may be spaghetti on the plate"),
    (0x0300_8004, "Paused: filament has run out"),
    (0x0300_8005, "Paused: the front cover of the toolhead came off"),
    (0x0300_8006, "Paused: the marker of the build plate was not seen"),
    (0x0300_8007, "A print was interrupted by a power cut; it can be resumed if it still sticks"),
    (0x0300_8008, "Paused: the nozzle's temperature is wrong"),
    (0x0300_8009, "Paused: the bed's temperature is wrong"),
    (0x0300_800A, "Paused: filament has piled up in the chute"),
    (0x0300_800B, "Paused: the filament cutter is stuck"),
    (0x0300_800C, "Paused: lost steps were made good; look for shifted layers"),
    (0x0300_800D, "Paused: the extruder does not extrude as it should"),
    (0x0300_800E, "The print file is gone; was the storage taken out?"),
    (0x0300_800F, "Paused: the door seems to be open"),
    (0x0300_8010, "The hotend fan's speed is irregular"),
    (0x0300_8011, "Paused: the build plate is not the one the file is for"),
    (0x0300_8013, "Paused by the print file"),
    (0x0300_8014, "Paused: the nozzle is wrapped in filament, or the build plate lies askew"),
    (0x0300_8015, "Paused: the external spool has run out"),
    (0x0300_8016, "Paused: the nozzle is clogged"),
    (0x0300_8017, "Paused: something lies on the heatbed"),
    (0x0300_8018, "The chamber's temperature is wrong"),
    (0x0300_8019, "There is no build plate"),
    (0x0300_801A, "Paused: filament cannot be extruded"),
    (0x0300_801C, "Paused: extruding takes too much force; the extruder may be clogged"),
    (0x0300_8021, "The nozzle may be missing or not sit right"),
    (0x0300_8042, "Paused: the door or the top cover is open"),
    (0x0300_8062, "The chamber is too hot; the room may be too warm"),
    (0x0300_8063, "The chamber is too hot: open door and cover"),
    (0x0500_4001, "The printer cannot reach the Bambu cloud"),
    (0x0500_4002, "The path or name of the print file is not supported"),
    (0x0500_4003, "Stopped: the print file cannot be read; send it again"),
    (0x0500_4004, "The printer is busy and cannot start another task"),
    (0x0500_4005, "Cannot print while the firmware is being updated"),
    (0x0500_4006, "The printer's storage has no room for the job"),
    (0x0500_4008, "The print could not be started: restart the printer and send it again"),
    (0x0500_400A, "The name of the file is not supported: rename it"),
    (0x0500_400B, "A file could not be downloaded"),
    (0x0500_400C, "There is no SD card in the printer"),
    (0x0500_400D, "The printer wants its self-test first"),
    (0x0500_400E, "The job was cancelled"),
    (0x0500_4014, "The cloud could not slice the job"),
    (0x0500_4015, "The printer's storage has no room for the job"),
    (0x0500_4016, "The SD card is write-protected"),
    (0x0500_402E, "The file system of the storage is not supported: format it as FAT32"),
    (0x0500_402F, "The storage is damaged: format or replace it"),
    (0x0500_4037, "The file was sliced for another model"),
    (0x0500_4038, "The file was sliced for another nozzle diameter"),
    (0x0500_403A, "Too cold: below 10 °C the printer neither prints nor moves"),
    (0x0500_403F, "The print job could not be downloaded"),
    (0x0500_8013, "The print file is gone; was the storage taken out?"),
    (0x0500_8036, "The file was sliced for another model: continue?"),
    (0x0500_803C, "The file was sliced for another nozzle: continue?"),
    (0x0500_8040, "The front cover of the toolhead is off: moving may damage the printer"),
    (0x0500_8041, "The filament in the hotend is too cold to be moved"),
    (0x0500_8051, "The build plate is not the one the file is for"),
    (0x0500_8053, "A nozzle is not the one the file is for"),
    (0x0500_8061, "There is no build plate"),
    (0x0500_8062, "The marker of the build plate was not seen: check how the plate lies"),
    (0x0500_806E, "Something lies on the heatbed"),
    (0x0500_8072, "The live-view camera is covered"),
    (0x0500_8084, "The lens of the live-view camera is dirty"),
    (0x0500_8086, "The lens of the toolhead camera is dirty"),
    (0x0500_8088, "The lens of the camera for laser and cutting is dirty"),
    (0x0500_8089, "Paused: nobody confirmed to be there"),
    (0x0500_808C, "The build plate lies off its place"),
    (0x0500_808F, "The lens of the nozzle camera is dirty"),
    (0x0500_C010, "The printer's storage cannot be read or written: put it in again or replace it"),
    (0x0500_C011, "The SD card has become slow: format or replace it"),
    (0x0500_C07F, "The printer is busy with another task"),
    (0x0502_4001, "The filament is in use by the job: its settings cannot be changed"),
    (0x0502_4003, "Not while printing"),
    (0x0502_400D, "Cannot start: filament is still being loaded or unloaded"),
    (0x0502_C010, "Not while an AMS dries: the power does not suffice for both"),
    (0x0502_C012, "This task cannot be paused"),
];

/// Errors of every kind of AMS.
static AMS_ERRORS: &[(u32, &str)] = &[
    (0x4001, "{unit}: switched off, but its filament is still loaded; unload it"),
    (0x4025, "{unit}: filament data not read"),
    (0x8001, "{unit}: the filament could not be cut; check the cutter"),
    (0x8002, "{unit}: the filament cutter is stuck"),
    (0x8003, "{unit}: filament cannot be pulled out of the extruder"),
    (0x8004, "{unit}: filament cannot be pulled back; the spool or its end may be stuck"),
    (0x8005, "{unit}: filament cannot be fed out; cut its end straight, check the tubes"),
    (0x8006, "{unit}: filament cannot be fed into the extruder; spool stuck or tube loose"),
    (0x8007, "{unit}: filament cannot be extruded; the extruder may be clogged"),
    (0x800A, "{unit}: a filament tube has come off"),
    (0x8010, "{unit}: the assist motor is overloaded; filament tangled or spool stuck"),
    (0x8011, "{unit}: filament has run out; put a new one into the same slot"),
    (0x8012, "{unit}: the assignment of slots is missing; resume to try again"),
    (0x8013, "{unit}: purging the old filament took too long"),
    (0x8016, "{unit}: the extruder does not extrude as it should"),
    (0x8017, "{unit}: dries now; filament can be moved when it has stopped"),
    (0x8021, "{unit}: could not be set up"),
    (0x8023, "{unit}: could not cool down; the room may be too warm"),
    (0xC069, "{unit}: drying failed"),
    (0xC06A, "{unit}: cannot dry while it reads a tag"),
    (0xC06B, "{unit}: cannot dry while it changes filament"),
    (0xC06C, "{unit}: cannot dry while it assists the feed"),
    (0xC06D, "{unit}: cannot dry while filament is being put in"),
    (0xC06E, "{unit}: cannot dry while its motors are tested"),
];

/// Errors of the spool holder.
static EXTERNAL_ERRORS: &[(u32, &str)] = &[
    (0x8001, "The filament could not be cut; check the cutter"),
    (0x8002, "The filament cutter is stuck"),
    (0x8003, "{unit}: pull its filament out; a piece may be stuck in the extruder"),
    (0x8004, "{unit}: filament cannot be pulled back"),
    (0x8005, "{unit}: put the filament in"),
    (0x8006, "{unit}: push the filament in as far as it goes"),
    (0x8007, "{unit}: check whether filament comes out of the nozzle"),
    (0x8010, "{unit}: check whether filament or spool is stuck"),
    (0x8011, "{unit}: filament has run out"),
    (0x8012, "{unit}: the assignment of slots is missing; resume to try again"),
    (0x8013, "{unit}: purging the old filament took too long"),
    (0x8030, "{unit}: the filament that the slicer named is used up; put new filament in"),
    (0xC003, "{unit}: pull its filament out; a piece may be stuck in the extruder"),
    (0xC006, "{unit}: push the filament in as far as it goes"),
    (0xC030, "{unit}: the filament that the slicer named is used up; put new filament in"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_their_texts_fit_a_state() {
        fn check<K: Ord + Copy + std::fmt::Debug>(table: &[(K, &str)]) -> usize {
            for pair in table.windows(2) {
                assert!(pair[0].0 < pair[1].0, "{:X?}", pair[1]);
            }
            for (code, text) in table {
                assert!((4..200).contains(&text.len()) && !text.ends_with('.'), "{code:X?} {text}");
            }
            table.len()
        }
        let hms = check(HMS) + check(AMS_SLOT) + check(AMS) + check(LITE_SLOT) + check(EXTERNAL);
        let errors = check(ERRORS) + check(AMS_ERRORS) + check(EXTERNAL_ERRORS);
        println!("{hms} texts of health messages, {errors} of errors");
        assert!(hms + errors >= 300 && REFUSED.len() < 255);
        assert!(HMS.iter().all(|(code, _)| !is_hidden(*code)), "hidden and explained at once");
    }
}
