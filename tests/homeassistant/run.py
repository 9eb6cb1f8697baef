#!/usr/bin/env python3
"""A real Home Assistant against the demo.

    tests/homeassistant/run.py [--binary FILE] [--work DIR] [--screenshots DIR] [--only STAGE] [--keep]

Starts mosquitto (no persistence), Home Assistant and `bambu2mqtt demo --mqtt-url` on free ports, and looks from
the outside: what Home Assistant shows must be what discovery promises and what the broker says, commands must reach
the simulated printers, and everything must heal after each restart. Nothing waits for a fixed time; everything has a
deadline. Exit code 1 if anything failed; logs are then kept in the working directory.

Home Assistant comes from ../shared/ha/install.sh, which this calls if it is missing. Python's library is enough.
"""

import argparse
import datetime
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SHARED = pathlib.Path(os.environ.get("BAMBU2MQTT_SHARED", ROOT.parent / "shared")) / "ha"
sys.path[:0] = [str(HERE), str(SHARED)]

import account  # noqa: E402
import mqtt as wire  # noqa: E402
import probe  # noqa: E402
import short  # noqa: E402
from haclient import HA, HAError  # noqa: E402

BASE = "bambu2mqtt_demo"
X1C, A1, H2D = "Demo X1 Carbon", "Demo A1 mini", "Demo H2D"
# Switched off, until all models are there.
OFF = ["Demo P1S"]

# Every device: its model, the device it hangs below, and what else it must tell.
FACTS = ("sw_version", "serial_number", "model_id")
DEVICES = {
    "Bambu gateway": ("Gateway", None, ("sw_version",)),
    X1C: ("X1C", "Bambu gateway", FACTS),
    f"{X1C} AMS 1": ("AMS", X1C, ("sw_version", "serial_number")),
    f"{X1C} External spool": ("External spool", X1C, ()),
    A1: ("A1 mini", "Bambu gateway", FACTS),
    f"{A1} AMS 1": ("AMS Lite", A1, ("sw_version", "serial_number")),
    f"{A1} External spool": ("External spool", A1, ()),
    H2D: ("H2D", "Bambu gateway", FACTS),
    f"{H2D} AMS 1": ("AMS 2 Pro", H2D, ("sw_version", "serial_number")),
    f"{H2D} AMS HT 1": ("AMS HT", H2D, ("sw_version", "serial_number")),
    f"{H2D} External spool left": ("External spool", H2D, ()),
    f"{H2D} External spool right": ("External spool", H2D, ()),
    OFF[0]: ("P1S", "Bambu gateway", ("serial_number", "model_id")),
}
MODELS = {"X1", "X1C", "X1E", "P1P", "P1S", "P2S", "A1", "A1 mini", "A2L", "H2S", "H2D", "H2D Pro", "H2C", "X2D"}
# Who may be unknown, by device and beginning or end of the key; anything else must have a value.
MAY_BE_UNKNOWN = {
    "a spool without a chip does not tell how much is left":
        lambda device, key: key.startswith("tray_") and key.endswith(("_remaining", "_remaining_weight")),
    "no sensor sees an external spool, and most have no filament set":
        lambda device, key: " External spool" in device and key in ("spool", "type", "color", "k_value"),
    "nothing feeds, or an external spool that has no number":
        lambda device, key: key.endswith(("active_tray", "active_slot")),
    "an AMS that does not dry has no settings for it":
        lambda device, key: key in ("drying_temperature", "drying_duration", "drying_filament"),
    "nothing is downloaded but at a job's beginning":
        lambda device, key: key == "download_progress",
    "nobody knows from which firmware on an X1E wants signatures":
        lambda device, key: device == "Demo X1E" and key == "control_mode",
    "a printer on a cable has no Wi-Fi signal":
        lambda device, key: device in ("Demo X1E", "Demo H2D Pro") and key == "wifi_signal",
    "a rate needs some minutes":
        lambda device, key: key == "report_rate",
    "a work light that only flashes is neither on nor off":
        lambda device, key: key == "work_light",
    "a button has no state before it was pressed":
        lambda device, key: key in ("pause", "resume", "stop", "refresh", "clear_error", "home", "load",
                            "request_code", "refresh_printers", "ignore_error", "end_purification", "refresh_rack")
        or key.startswith("calibrate_") or key.endswith(("_filament", "_load", "_read_rfid")),
    "nothing has happened yet":
        lambda device, key: key in ("print", "error", "hms", "filament", "printer", "account", "message"),
    "the cloud knows nothing of a print that was sent past it, and of most not whose design it is":
        lambda device, key: key in ("cover", "filament_used", "filament_weight", "filament_length", "bed_type",
                                    "estimated_time", "plate_name", "design_title", "pick", "printable_objects"),
    "no stick is in it":
        lambda device, key: key == "external_free",
    "nothing has ended since the gateway first saw the printer, and who took the print off did not say so":
        lambda device, key: key.startswith("last_") or key in ("success_rate", "start_time", "end_time", "plate_occupied"),
    "a printer that was just met says nothing of what began before":
        lambda device, key: key in ("safe_to_power_off", "bed_cooled", "clear_plate"),
    "a printer that was never heard says nothing of its work":
        lambda device, key: device in OFF and key in ("activity", "printing", "needs_attention", "usage_hours",
                            "job_history", "filament_total", "prints_finished", "prints_failed", "prints_cancelled"),
    "nobody reports a buzzer, nor a heatbed light that was not switched yet":
        lambda device, key: key in ("buzzer", "heatbed_light"),
}
# How many subscriptions the broker has, as it says each second.
SUBSCRIPTIONS = "$SYS/broker/subscriptions/count"
# What changes by itself while printers print.
MOVES = ("status", "stage", "progress", "remaining_time", "end_time", "layer", "temperature", "_fan", "active",
         "wifi_signal", "humidity", "fan_speed", "target", "remaining", "job_name", "total_layers", "print_error", "homed",
         "camera_recording", "door", "hms", "needs_attention", "filament_present", "plate", "gcode_file", "print_type",
         "report", "stale", "heater_left_on", "printers_", "drying", "light", "activity", "printing", "last_", "prints_",
         "success_rate", "usage_hours", "filament_total", "start_time", "safe_to_power_off", "bed_cooled", "plate_occupied",
         "filament_used", "filament_weight", "cover", "pick", "tasks", "job_history")

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("--binary", type=pathlib.Path, help="default: the debug build, made now")
arguments.add_argument("--work", type=pathlib.Path, help="default: a temporary folder")
arguments.add_argument("--screenshots", type=pathlib.Path, help="also take pictures of the device pages, into this folder")
arguments.add_argument("--only", choices=["account"], help="one stage alone")
arguments.add_argument("--keep", action="store_true", help="keep the working directory")

failures: list[str] = []
began = time.monotonic()


def check(what: str, ok, look: str = "") -> bool:
    """`look` says what to look at when it failed."""
    print(f"{'ok  ' if ok else 'FAIL'} {what}" + ("" if ok or not look else f"\n     {look}"), flush=True)
    if not ok:
        failures.append(what)
    return bool(ok)


def until(test, timeout: float, pause: float = 0.1):
    """Waits for something true, and returns it, or the last thing that was not."""
    end = time.monotonic() + timeout
    while True:
        found = test()
        if found or time.monotonic() > end:
            return found
        time.sleep(pause)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def mosquitto() -> str:
    path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    found = shutil.which("mosquitto", path=path)
    if not found:
        sys.exit("mosquitto is not on this machine: apt-get install mosquitto")
    return found


class House:
    """Broker, Home Assistant and gateway, each of which can be stopped and started."""

    def __init__(self, work: pathlib.Path, binary: pathlib.Path):
        self.work, self.binary = work, binary
        self.port, self.http = free_port(), free_port()
        self.config = work / "home-assistant"
        self.broker = self.gateway = self.eyes = None
        self.ha = None
        self.runs = 0
        (work / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest stdout\n"
            "sys_interval 1\n")

    def start_broker(self) -> None:
        log = open(self.work / "mosquitto.log", "a")
        self.broker = subprocess.Popen([mosquitto(), "-c", str(self.work / "mosquitto.conf")], stdout=log, stderr=log)
        self.eyes = wire.connect(self.port, f"{BASE}/#", "homeassistant/#", SUBSCRIPTIONS)

    def stop_broker(self) -> None:
        self.broker.terminate()
        self.broker.wait(10)

    def start_ha(self) -> None:
        start = time.monotonic()
        done = subprocess.run([SHARED / "start.sh", str(self.port), str(self.http), self.config],
                              capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"Home Assistant did not start:\n{done.stderr}")
        self.ha = HA(str(self.config))
        print(f"     Home Assistant runs after {time.monotonic() - start:.1f} s")

    def stop_ha(self) -> None:
        self.ha = None
        if self.config.exists():
            subprocess.run([SHARED / "stop.sh", self.config], check=True)

    def start_gateway(self, *more: str) -> None:
        self.runs += 1
        self.log = self.work / f"gateway-{self.runs}.log"
        self.gateway = subprocess.Popen(
            [self.binary, "-v", "demo", "--mqtt-url", f"mqtt://127.0.0.1:{self.port}", *more],
            stdout=open(self.work / f"gateway-{self.runs}.out", "w"), stderr=open(self.log, "w"), stdin=subprocess.DEVNULL)

    def stop(self) -> None:
        for process in (self.gateway, self.broker):
            if process and process.poll() is None:
                process.kill()
                process.wait()
        self.stop_ha()

    # What is promised --------------------------------------------------------------------------------------------

    def discovery(self) -> dict[str, dict]:
        """All components that discovery messages of ours promise, by unique id and platform."""
        found = {}
        for topic, payload in list(self.eyes.retained.items()):
            if topic.startswith("homeassistant/device/") and topic.endswith("/config"):
                message = short.read(payload)
                for component in message["components"].values():
                    if component["platform"] == "device_automation":
                        continue  # No entity; automations.py looks at these.
                    if "unique_id" not in component:
                        continue  # It is being taken off.
                    entry = dict(component, device=message["device"])
                    found[component["platform"], component["unique_id"]] = entry
        return found

    def entities(self) -> dict[tuple[str, str], dict]:
        return {(e["entity_id"].split(".")[0], e["unique_id"]): e for e in probe.entities(self.ha)}

    def entity(self, device: str, platform: str, key: str) -> str:
        """Entity ids are the user's; unique ids are ours."""
        for (kind, unique), one in self.discovery().items():
            if one["device"]["name"] == device and kind == platform and key_of(one) == key:
                found = self.entities().get((kind, unique))
                return found["entity_id"] if found else f"{platform}.{key}_is_not_there"
        return f"{platform}.{key}_was_not_announced"

    def commands(self, device: str, platform: str, key: str) -> str:
        """The topic below which a control's commands and their results are."""
        for (kind, _), one in self.discovery().items():
            if one["device"]["name"] == device and kind == platform and key_of(one) == key:
                return one["command_topic"].removesuffix("/set")
        return f"{platform}_{key}_was_not_announced"

    def topic(self, device: str, key: str) -> str:
        serial = next(d["device"]["serial_number"] for d in self.discovery().values() if d["device"]["name"] == device)
        return f"{BASE}/{serial}/{key}"


def key_of(component: dict) -> str:
    """The end of the command or value topic, which is the key."""
    topic = component.get("state_topic") or component.get("image_topic") or component["command_topic"].removesuffix("/set")
    return topic.removesuffix("/attributes").rsplit("/", 1)[1]


def value_of(component: dict, retained: dict) -> str | None:
    """What the broker says of an entity. Where it is read beside its details, both topics say the same."""
    topic = component.get("state_topic", "")
    payload = retained.get(topic.removesuffix("/attributes"))
    if payload is not None and topic.endswith("/attributes"):
        beside = json.loads(retained.get(topic) or "{}").get("value")
        same = str(beside) == payload if not isinstance(beside, dict) else beside == json.loads(payload)
        if not same and not (isinstance(beside, (int, float)) and float(beside) == float(payload)):
            return None
    return payload


def blocked(component: dict, retained: dict) -> bool:
    """Whether the printer would not take this control: it wants a signature for it, or is not doing what it is for."""
    waits = {a["topic"].rsplit("/", 1)[1]: a["topic"] for a in component.get("availability", [])}
    if "permitted" in waits:
        below = waits["permitted"].removesuffix("permitted")
        key = component["command_topic"].removeprefix(below).removesuffix("/set")
        return json.loads(retained.get(waits["permitted"], "{}")).get(key) is not True
    return retained.get(waits.get("control_mode", "")) in ("limited", "read_only")


def agrees(component: dict, retained: dict, entity: dict) -> bool:
    """Whether Home Assistant shows what the broker says."""
    state, platform = entity["state"], component["platform"]
    payload = value_of(component, retained)
    if platform == "text":
        # What was typed is never shown.
        return state == ""
    if blocked(component, retained):
        return state == "unavailable"
    if platform in ("button", "event", "image"):
        return state not in (None, "unavailable")
    if payload is None or state in (None, "unavailable"):
        return False
    if payload == "None":
        return state == "unknown"
    if platform == "fan":
        shown = entity["attributes"].get("percentage")
        return (state == "off") if payload == "0" else (state == "on" and shown == int(payload))
    if platform in ("binary_sensor", "switch", "light", "siren"):
        return state == payload.lower()
    if platform == "update":
        told, shown = json.loads(payload), entity["attributes"]
        same = told["installed_version"] == shown.get("installed_version") and told["latest_version"] == shown.get("latest_version")
        return same and state == ("off" if told["installed_version"] == told["latest_version"] else "on")
    if component.get("device_class") == "timestamp":
        return state not in ("unknown",) and moment(state) == moment(payload)
    try:
        return float(state) == float(payload)
    except ValueError:
        return state == payload


def moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def healthy(house: House, what: str, timeout: float = 30) -> float:
    """Waits until Home Assistant shows all that is promised, with the broker's values."""
    start = time.monotonic()
    waiting: dict = {}
    seen: set = set()

    def look() -> bool:
        waiting.clear()
        promised = house.discovery()
        if house.eyes.retained.get(f"{BASE}/bridge/availability") != "online" or not promised:
            waiting["the gateway"] = "is not online on the broker"
            return False
        try:
            there = house.entities()
        except (OSError, HAError) as error:
            waiting["Home Assistant"] = error
            return False
        for id_, component in promised.items():
            entity = there.get(id_)
            if entity is None:
                waiting[id_] = "is not in Home Assistant"
            elif entity["disabled_by"] is None and id_ not in seen:
                payload = value_of(component, house.eyes.retained)
                if agrees(component, house.eyes.retained, entity):
                    seen.add(id_)
                else:
                    waiting[id_] = f"is {entity['state']!r}, the broker says {payload!r}"
        return not waiting

    ok = until(look, timeout, 0.3)
    took = time.monotonic() - start
    first = "; ".join(f"{k} {v}" for k, v in list(waiting.items())[:6])
    check(f"{what}: all {len(house.discovery())} entities show the broker's values ({took:.1f} s)", ok,
          f"{len(waiting)} do not: {first}; see {house.log} and {house.config}/home-assistant.log")
    return took


def all_unavailable(house: House, what: str, timeout: float = 10) -> None:
    alive: list = []

    def look() -> bool:
        alive[:] = [e["entity_id"] for e in house.entities().values() if e["state"] not in (None, "unavailable")]
        return not alive

    check(f"{what}: everything is unavailable", until(look, timeout), f"still alive: {alive[:5]}")


def quiet(house: House, what: str, own_doing: tuple[str, ...] = ()) -> None:
    """Nothing in Home Assistant's log, but for what the test did itself."""
    # A slow machine is nobody's fault.
    own_doing += ("Updating state for",)
    log = [e for e in probe.errors(house.ha) if not any(text in e["message"] for text in own_doing)]
    check(f"{what}: Home Assistant's log has no warning about MQTT", not log, json.dumps(log[:3])[:1500])


def table(house: House) -> dict[str, tuple]:
    """Everything about the entities that a restart must not change."""
    keys = {(p, u): key_of(c) for (p, u), c in house.discovery().items()}
    res = {}
    for id_, e in house.entities().items():
        moves = any(part in keys.get(id_, "") for part in MOVES) or id_[0] in ("button", "event")
        res[e["entity_id"]] = (e["unique_id"], e["device"]["name"], e["unit"], e["entity_category"], e["disabled_by"],
                               None if moves else e["state"])
    return res


def same(what: str, before: dict, after: dict) -> None:
    differ = {k: (before.get(k), after.get(k)) for k in before.keys() | after.keys() if before.get(k) != after.get(k)}
    check(f"{what}: the same {len(before)} entities as before", not differ, str(dict(list(differ.items())[:4])))


# Stages ------------------------------------------------------------------------------------------------------------

def stage_appearance(house: House) -> None:
    there, promised = house.entities(), house.discovery()
    devices = {d["name"]: d for d in probe.devices(house.ha)}
    check("the devices are those of three printers and of one that is off", devices.keys() == DEVICES.keys(),
          f"missing {DEVICES.keys() - devices.keys()}, too many {devices.keys() - DEVICES.keys()}")
    for name, (model, via, facts) in DEVICES.items():
        d = devices.get(name) or {}
        have = (d.get("model"), d.get("via_device"))
        lacks = [fact for fact in facts if not d.get(fact)]
        check(f"device {name}: {model}" + (f" below {via}" if via else ""), have == (model, via) and not lacks,
              f"is {have}, lacks {lacks}")

    unknown = []
    for id_, component in promised.items():
        entity, name, key = there.get(id_), component["device"]["name"], key_of(component)
        if entity and entity["state"] == "unknown" and not any(may(name, key) for may in MAY_BE_UNKNOWN.values()):
            unknown.append(entity["entity_id"])
    check("every entity has a value, but for those with a reason", not unknown, f"unknown: {unknown}")
    extra = [e["entity_id"] for id_, e in there.items() if id_ not in promised]
    check("there is no entity that was not announced", not extra, str(extra))

    # The catalogue is another source than discovery: what it says must be what people see.
    wrong, missing = [], []
    for name, (model, via, _) in DEVICES.items():
        if via not in (None, "Bambu gateway"):
            continue
        kind = "Printer" if via else "Gateway"
        mine = {(id_[0], key_of(c)): there.get(id_) for id_, c in promised.items() if c["device"]["name"] == name}
        of_model = {(row["platform"], row["key"]): row["enabled_by_default"]
                    for row in (catalogue(house, "--model", model) if via else ()) if row["device"] == kind}
        # Of a printer that was never heard there is what each model has; of a control and what shows the same, one.
        keys = {key for _, key in mine} | {f"{key}_speed" for platform, key in mine if platform == "fan"}
        missing += [f"{name} {platform} {key}" for platform, key in of_model
                    if (platform, key) not in mine and key not in keys and name not in OFF]
        for row in catalogue(house):
            entity = mine.pop((row["platform"], row["key"]), None) if row["device"] == kind else None
            if entity is None:
                continue
            shown = (entity["entity_category"] or "", entity["disabled_by"] is None, entity["original_name"])
            enabled = of_model.get((row["platform"], row["key"]), row["enabled_by_default"])
            asked = (row["category"], enabled, row["name"])
            unit = entity["unit"] or ""
            if shown != asked or (entity["disabled_by"] is None and unit != row["unit"]):
                wrong.append(f"{entity['entity_id']}: {shown} {unit!r}, the catalogue has {asked} {row['unit']!r}")
        wrong += [f"{name}: {id_} is not in the catalogue" for id_ in mine]
    check("name, category, unit and whether it is enabled are those of `bambu2mqtt entities`", not wrong, str(wrong[:5]))
    check("every entity of `bambu2mqtt entities --model` is there", not missing, str(missing))

    classes = [e["entity_id"] for id_, e in there.items()
               if e["disabled_by"] is None and e["device_class"] != promised[id_].get("device_class")]
    check("device classes are as announced", not classes, str(classes))
    cover = probe.get_state(house.ha, house.entity(X1C, "image", "cover")) or {"state": None}
    weight = probe.get_state(house.ha, house.entity(X1C, "sensor", "filament_used")) or {"state": None}
    check("a print that went through the cloud has its picture and what it takes",
          cover["state"] not in (None, "unknown") and float(weight["state"]) > 0, f"{cover} {weight}"[:600])
    tray = probe.get_state(house.ha, house.entity(f"{A1} AMS 1", "sensor", "tray_1")) or {"attributes": {}}
    check("a slot tells its filament in attributes",
          tray["attributes"].get("type") == "PLA" and tray["attributes"].get("color"), json.dumps(tray)[:600])


def catalogue(house: House, *more: str) -> list[dict]:
    done = subprocess.run([house.binary, "entities", "--json", *more], capture_output=True, check=True, text=True)
    return json.loads(done.stdout)


def order(house: House, service: str, data: dict, device: str, platform: str, key: str, want, outcome="confirmed") -> None:
    """A service call; the entity follows within seconds, and the result topic says that the printer did it."""
    entity = house.entity(device, platform, key)
    topic, mark, start = house.commands(device, platform, key) + "/result", len(house.eyes.messages), time.monotonic()
    probe.call(house.ha, service, {"entity_id": entity, **data})
    state = None

    def follows() -> bool:
        nonlocal state
        state = probe.get_state(house.ha, entity)
        return bool(state) and (want(state) if callable(want) else state["state"] == want)

    words: list = []

    def told() -> bool:
        words[:] = [json.loads(payload)["outcome"] for payload in house.eyes.since(mark, topic)]
        return outcome in words

    followed = until(follows, 8)
    took = time.monotonic() - start
    answered = until(told, 10)
    shown = state and (state["state"], state["attributes"].get("percentage"))
    check(f"{service} {json.dumps(data)} to {device} {key}: it follows ({took:.1f} s)", followed,
          f"is {shown}, results {words}; see {house.log}")
    check(f"{service} {json.dumps(data)} to {device} {key}: {outcome}", answered, f"results {words}; see {house.log}")


def stage_commands(house: House) -> None:
    for device in (X1C, A1, H2D):
        order(house, "light.turn_off", {}, device, "light", "chamber_light", "off")
    order(house, "light.turn_on", {}, X1C, "light", "chamber_light", "on")
    order(house, "number.set_value", {"value": 60}, X1C, "number", "bed_target", "60")
    order(house, "number.set_value", {"value": 215}, A1, "number", "nozzle_target", "215")
    order(house, "number.set_value", {"value": 225}, H2D, "number", "left_nozzle_target", "225")
    order(house, "select.select_option", {"option": "sport"}, X1C, "select", "speed_profile", "sport")
    order(house, "select.select_option", {"option": "silent"}, H2D, "select", "speed_profile", "silent")

    def fan(percent: int):
        return lambda state: state["attributes"].get("percentage") == percent or (percent == 0 and state["state"] == "off")

    order(house, "fan.set_percentage", {"percentage": 40}, X1C, "fan", "part_fan", fan(40))
    order(house, "fan.turn_on", {"percentage": 70}, X1C, "fan", "aux_fan", fan(70))
    order(house, "fan.turn_off", {}, X1C, "fan", "aux_fan", "off")
    order(house, "fan.turn_on", {}, X1C, "fan", "aux_fan", fan(70))
    order(house, "fan.set_percentage", {"percentage": 0}, X1C, "fan", "aux_fan", "off")
    order(house, "fan.set_percentage", {"percentage": 30}, H2D, "fan", "chamber_fan", fan(30))
    for device in (A1, H2D):
        order(house, "switch.turn_on", {}, device, "switch", "timelapse", "on")
        order(house, "switch.turn_off", {}, device, "switch", "prompt_sound", "off")
    order(house, "switch.turn_off", {}, A1, "switch", "timelapse", "off")

    order(house, "select.select_option", {"option": "heating"}, H2D, "select", "airduct_mode", "heating")
    # Nothing that softens at 40 °C is to be heated while it feeds: the printer itself says no.
    order(house, "number.set_value", {"value": 45}, H2D, "number", "chamber_target", "0", "refused")
    order(house, "switch.turn_off", {}, X1C, "switch", "recording", "off")

    # Buttons have no state to follow: the print's does.
    def press(device: str, key: str, status: str) -> None:
        entity, button = house.entity(device, "sensor", "status"), house.entity(device, "button", key)
        offered = until(lambda: (probe.get_state(house.ha, button) or {}).get("state") != "unavailable", 5)
        check(f"{device} {key}: it can be pressed while the print is there for it", offered, f"see {house.log}")
        order(house, "button.press", {}, device, "button", key,
              lambda _: (probe.get_state(house.ha, entity) or {}).get("state") == status)

    press(X1C, "pause", "pause")
    press(X1C, "resume", "running")
    press(H2D, "stop", "failed")
    gone = [house.entity(H2D, "button", key) for key in ("pause", "resume", "stop")]
    states = lambda: [(probe.get_state(house.ha, entity) or {}).get("state") for entity in gone]
    check("a printer without a print offers neither pause nor resume nor stop",
          until(lambda: states() == ["unavailable"] * 3, 5), f"{states()}")
    refresh(house)


def refresh(house: House) -> None:
    """A full report was asked for at the start; another one must wait, and the answer says how long."""
    topic, mark = house.topic(X1C, "refresh") + "/result", len(house.eyes.messages)
    probe.call(house.ha, "button.press", {"entity_id": house.entity(X1C, "button", "refresh")})
    told = until(lambda: house.eyes.since(mark, topic), 5)
    word = json.loads(told[0]) if told else {}
    check("button.press to refresh reaches the printer, or says when it may",
          word.get("outcome") in ("accepted", "confirmed") or "again in" in word.get("reason", ""), f"results {told}")


def stage_refusals(house: House) -> None:
    """What Home Assistant would not send itself, from any other client."""
    eyes = house.eyes
    number, value = house.entity(X1C, "number", "bed_target"), house.topic(X1C, "bed_target")
    before = probe.get_state(house.ha, number)["state"]
    for payload in ("999", "-1", "warm", "{}", ""):
        mark = len(eyes.messages)
        eyes.publish(f"{value}/set", payload)
        refused = until(lambda: [p for p in eyes.since(mark, f"{value}/result") if "refused" in p], 5)
        reason = json.loads(refused[0]).get("reason") if refused else None
        check(f"{payload!r} for bed_target is refused with a reason", reason, f"results: {eyes.since(mark, f'{value}/result')}")
        again = until(lambda: eyes.since(mark, value), 5)
        check(f"{payload!r} for bed_target: the true value is said again", again == [before], f"said {again}, was {before}")
    state = probe.get_state(house.ha, number)["state"]
    check("bed_target is unchanged after the refusals", state == before, f"was {before}, is {state}")
    try:
        probe.call(house.ha, "number.set_value", {"entity_id": number, "value": 999})
        check("Home Assistant knows the range", False, "number.set_value 999 went through")
    except HAError:
        check("Home Assistant knows the range", True)


def stage_refused_press(house: House) -> None:
    """A press that comes too late, from another client: it is told where a person looks."""
    topic, mark = house.topic(H2D, "resume"), len(house.eyes.messages)
    house.eyes.publish(f"{topic}/set", "PRESS")
    until(lambda: house.eyes.since(mark, f"{topic}/result"), 5)
    last, told = house.entity(H2D, "sensor", "last_command"), house.entity(H2D, "event", "printer")

    def shown() -> bool:
        command, event = probe.get_state(house.ha, last) or {}, probe.get_state(house.ha, told) or {}
        details, news = command.get("attributes", {}), event.get("attributes", {})
        return (command.get("state") == "refused" and details.get("command") == "resume" and bool(details.get("reason"))
                and news.get("event_type") == "command_refused" and (news.get("reason") or {}).get("kind") == "resume")

    check("a refused press is the last command, and an event", until(shown, 10),
          f"{probe.get_state(house.ha, last)} {probe.get_state(house.ha, told)}"[:600])


def stage_hidden(house: House) -> list[str]:
    hidden = [e["entity_id"] for e in house.entities().values() if e["disabled_by"] == "integration"]
    check("some entities are off until someone wants them", len(hidden) > 10, str(hidden))
    for entity in hidden:
        house.ha.cmd("config/entity_registry/update", entity_id=entity, disabled_by=None)
    return hidden


def stage_restart_home_assistant(house: House, hidden: list[str]) -> None:
    before = table(house)
    house.stop_ha()
    house.start_ha()
    healthy(house, "Home Assistant restarted, all entities enabled", 40)
    after = table(house)
    same("Home Assistant restarted", {k: v for k, v in before.items() if k not in hidden},
         {k: v for k, v in after.items() if k not in hidden})
    promised, unknown = house.discovery(), []
    for id_, e in house.entities().items():
        name, key = promised[id_]["device"]["name"], key_of(promised[id_])
        if e["entity_id"] in hidden and e["state"] in ("unknown", "unavailable", None) and not any(
                may(name, key) for may in MAY_BE_UNKNOWN.values()):
            unknown.append(e["entity_id"])
    check("the entities that were off have values too", not unknown, f"without: {unknown}")


def stage_hidden_commands(house: House) -> None:
    """The controls that are off at first."""
    for device, key, service, state in (
            (X1C, "auto_recovery", "turn_on", "on"), (X1C, "auto_recovery", "turn_off", "off"),
            (A1, "filament_backup", "turn_on", "on"), (H2D, "spaghetti_detector", "turn_off", "off"),
            (H2D, "spaghetti_detector", "turn_on", "on")):
        order(house, f"switch.{service}", {}, device, "switch", key, state)
    order(house, "select.select_option", {"option": "high"}, H2D, "select", "spaghetti_sensitivity", "high")
    order(house, "siren.turn_on", {"tone": "beep"}, H2D, "siren", "buzzer", lambda _: True, "accepted")
    order(house, "light.turn_on", {"effect": "flash"}, X1C, "light", "chamber_light", "on")
    home = house.entity(H2D, "button", "home")
    if printing(house, H2D):
        state = (probe.get_state(house.ha, home) or {}).get("state")
        check("a printer that prints does not offer to home its axes", state == "unavailable", f"is {state}")
    else:
        order(house, "button.press", {}, H2D, "button", "home", lambda _: True, "accepted")


def printing(house: House, device: str) -> bool:
    return probe.get_state(house.ha, house.entity(device, "sensor", "status"))["state"] in ("prepare", "running", "pause")


def stage_signed(house: House) -> None:
    """Firmware that takes print commands only with a signature: they cannot be given, lamps still can."""
    house.gateway.kill()
    house.gateway.wait()
    house.start_gateway("--signed")
    modes = [house.topic(device, "control_mode") for device in (X1C, A1, H2D)]
    limited = until(lambda: all(house.eyes.retained.get(mode) == "limited" for mode in modes), 30)
    check("printers with signed firmware say `limited`", limited, f"{[house.eyes.retained.get(mode) for mode in modes]}")
    healthy(house, "signed firmware", 40)
    there, promised = house.entities(), house.discovery()
    off = {e["entity_id"] for id_, e in there.items() if e["disabled_by"] is None and e["state"] == "unavailable"}
    controls = {e["entity_id"] for id_, e in there.items()
                if e["disabled_by"] is None and blocked(promised[id_], house.eyes.retained)}
    check("only buttons that the printer does not take now are unavailable", off == controls, f"{sorted(off ^ controls)[:6]}")
    for device in (X1C, A1, H2D):
        mine = {(platform, key_of(c)) for (platform, _), c in promised.items() if c["device"]["name"] == device}
        gone = {("number", "bed_target"), ("fan", "part_fan"), ("select", "speed_profile"), ("button", "pause")}
        shown = {("sensor", "bed_target"), ("sensor", "part_fan_speed"), ("sensor", "speed_profile"), ("light", "chamber_light")}
        check(f"what needs a signature is shown and not offered: {device}", not gone & mine and shown <= mine,
              f"{sorted(gone & mine)}, {sorted(shown - mine)}")
        left = [id_ for id_ in there if id_ not in promised]
        check(f"no control is left: {device}", not left, str(left[:5]))
    order(house, "light.turn_off", {}, X1C, "light", "chamber_light", "off")
    order(house, "switch.turn_on", {}, A1, "switch", "timelapse", "on")
    for device, key, payload in ((X1C, "pause", "PRESS"), (X1C, "bed_target", "50"), (H2D, "part_fan", "50"), (A1, "speed_profile", "sport")):
        topic, mark = house.topic(device, key), len(house.eyes.messages)
        house.eyes.publish(f"{topic}/set", payload)
        told = until(lambda: house.eyes.since(mark, f"{topic}/result"), 10)
        words = [json.loads(one) for one in told or []]
        check(f"{payload} for {key} of {device} is refused, and says why",
              [w["outcome"] for w in words] == ["refused"] and "signature" in words[0]["reason"] or
              words and "Developer Mode" in words[0]["reason"], f"results {words}")
    warned = house.log.read_text().count("Developer Mode on the printer")
    check("the log says so about once per printer, and tells of each refusal", warned <= 3 + 4, f"{warned} times; see {house.log}")


def stage_restart_broker(house: House) -> None:
    before = table(house)
    house.stop_broker()
    all_unavailable(house, "the broker is gone", 15)
    house.start_broker()
    healthy(house, "a broker that forgot everything", 60)
    same("a broker that forgot everything", before, table(house))


def stage_restart_gateway(house: House) -> None:
    """A demo that is stopped takes its devices with it; a gateway only says `offline`, which the tests in Rust show."""
    before = table(house)
    start = time.monotonic()
    house.gateway.send_signal(signal.SIGTERM)
    try:
        code = house.gateway.wait(5)
    except subprocess.TimeoutExpired:
        code = "none within 5 s"
    check(f"SIGTERM ends the demo with 0 ({time.monotonic() - start:.2f} s)", code == 0, f"exit code {code}; see {house.log}")
    left: list = []

    def clean() -> bool:
        left[:] = [d["name"] for d in probe.devices(house.ha)] + [
            t for t in house.eyes.retained if t.startswith(BASE) and "/event/" not in t and not t.endswith("/trigger")]
        return not left

    check("the demo that was stopped leaves nothing behind", until(clean, 10), f"{len(left)} left: {left[:5]}; see {house.log}")
    # Home Assistant ends its subscriptions in portions; one of a device that comes back in between would be lost.
    few = until(lambda: int(house.eyes.retained[SUBSCRIPTIONS]) < 100, 30)
    check("and Home Assistant no longer listens to it", few, f"{house.eyes.retained[SUBSCRIPTIONS]} subscriptions")
    house.start_gateway()
    healthy(house, "the demo restarted")
    enabled = {k: v[:-2] for k, v in before.items()}
    same("the demo restarted", enabled, {k: v[:-2] for k, v in table(house).items()})


def static(rows: dict) -> dict:
    """Without states: simulated printers begin anew with the demo."""
    return {k: v[:-1] for k, v in rows.items()}


def stage_kill_gateway(house: House) -> None:
    before = table(house)
    house.gateway.kill()
    house.gateway.wait()
    all_unavailable(house, "the gateway was killed (last will)")
    light, switch = house.topic(X1C, "chamber_light"), house.topic(A1, "timelapse")
    house.eyes.publish(f"{light}/set", "OFF", retain=True)
    mark = len(house.eyes.messages)
    house.start_gateway()
    healthy(house, "the gateway came back")
    same("the gateway came back", static(before), static(table(house)))
    # A command after it that is carried out shows that the retained one has been seen by then.
    house.eyes.publish(f"{switch}/set", "ON")
    done = until(lambda: any("confirmed" in p for p in house.eyes.since(mark, f"{switch}/result")), 10)
    check("a command after the restart is carried out", done, f"see {house.log}")
    results = house.eyes.since(mark, f"{light}/result")
    check("a retained command is ignored", not results and house.eyes.retained.get(light) == "ON",
          f"results {results}, the light is {house.eyes.retained.get(light)}")
    check("and the log says so", "a retained command is ignored" in house.log.read_text(), f"see {house.log}")
    house.eyes.publish(f"{light}/set", "", retain=True)


def stage_removal(house: House) -> None:
    """Found out at the next start, from what the broker has kept: killed, the demo could not clear up."""
    serial = house.topic(H2D, "x").split("/")[1]
    house.gateway.kill()
    house.gateway.wait()
    # An AMS may have moved to any printer that has not said yet what it has, so all of them are on.
    house.start_gateway("--printers", "2", "--off", "0")
    expected = {name for name in DEVICES if not name.startswith((H2D, *OFF))}
    names: set = set()

    def gone() -> bool:
        names.clear()
        names.update(d["name"] for d in probe.devices(house.ha))
        return names == expected

    # None of what hangs on printers is judged before each had its time (50 s).
    check("an unbound printer and its AMS vanish from Home Assistant", until(gone, 80),
          f"too many {names - expected}, missing {expected - names}; see {house.log}")
    left: list = []

    def clean() -> bool:
        left[:] = [t for t in house.eyes.retained if serial in t and not t.endswith(("/set", "/result")) and "/event/" not in t]
        return not left

    check("and nothing of it stays on the broker", until(clean, 10), f"{len(left)} topics: {left[:5]}")
    healthy(house, "the other two live on")


def stage_all_models(house: House) -> None:
    """One of each model, with everything that belongs to it."""
    house.gateway.kill()
    house.gateway.wait()
    house.start_gateway("--printers", "14", "--off", "0")
    OFF.clear()
    names: set = set()

    def there() -> bool:
        names.clear()
        names.update(d["model"] for d in probe.devices(house.ha) if d["name"].startswith("Demo "))
        return MODELS <= names

    check("all 14 models are in Home Assistant", until(there, 30), f"missing {MODELS - names}; see {house.log}")
    healthy(house, "14 models", 60)
    promised, unknown = house.discovery(), []
    for id_, e in house.entities().items():
        name, key = promised[id_]["device"]["name"], key_of(promised[id_])
        if e["disabled_by"] is None and e["state"] in ("unknown", "unavailable", None) and not any(
                may(name, key) for may in MAY_BE_UNKNOWN.values()):
            unknown.append(e["entity_id"])
    check("every entity of all models that is on has a value, but for those with a reason", not unknown, f"without: {unknown}")


def stage_dashboard(house: House) -> str:
    """The dashboard names entities that Home Assistant has, and shows, and no others."""
    config = house.work / "dashboard.yaml"
    config.write_text(json.dumps({"state_dir": str(house.work / "dashboard"), "bambu": {"account": "demo@example.com"},
                                  "mqtt": {"url": f"mqtt://127.0.0.1:{house.port}", "base_topic": BASE}}))
    done = subprocess.run([house.binary, "dashboard", "-c", config], capture_output=True, text=True)
    check("a dashboard is printed", done.returncode == 0 and "type: sections" in done.stdout, done.stderr[-500:])
    named = set(re.findall(r"(?:entity|entity_id): ([a-z_]+\.[a-z0-9_]+)", done.stdout))
    named |= set(re.findall(r"\('([a-z_]+\.[a-z0-9_]+)'", done.stdout))
    there = {e["entity_id"] for e in house.entities().values() if e["disabled_by"] is None}
    check(f"all {len(named)} entities of the dashboard are in Home Assistant and on", len(named) > 60 and named <= there,
          str(sorted(named - there)[:5]))
    return done.stdout


def picture_of_dashboard(house: House, text: str, folder: pathlib.Path) -> None:
    import yaml  # Only pictures need it.
    house.ha.cmd("lovelace/dashboards/create", url_path="bambu-printers", title="Printers", icon="mdi:printer-3d",
                 show_in_sidebar=True, require_admin=False)
    house.ha.cmd("lovelace/config/save", url_path="bambu-printers", config=yaml.safe_load(text))
    for file, size in (("dashboard", "1280x1250"), ("dashboard-phone", "430x2200")):
        picture(house, "/bambu-printers/demo_h2d", folder / f"{file}.png", size)


def stage_secrets(house: House) -> None:
    """The demo's account is not secret; the code that hides it is the same as for real ones."""
    leaks = []
    for file in sorted(house.work.glob("gateway-*")):
        text = file.read_text()
        leaks += [f"{file.name}: {word}" for word in ("demo-password", "AADEMO", "panicked") if word in text]
    check("the logs hold no password, no token and no panic", not leaks, str(leaks))
    on_broker = [t for t, p in house.eyes.messages if "AADEMO" in p or "demo-password" in p]
    check("nor does the broker", not on_broker, str(on_broker[:3]))


def screenshots(house: House, folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    devices = {d["name"]: d["id"] for d in probe.devices(house.ha)}
    pages = {"devices": ("/config/devices/dashboard", "1280x900")}
    for name, file in ((H2D, "h2d"), (X1C, "x1c"), (A1, "a1-mini"), (OFF[0], "off")):
        pages[file] = (f"/config/devices/device/{devices[name]}", "1280x1900")
    for ams in (f"{H2D} AMS 1", f"{A1} AMS 1"):
        pages[ams.lower().replace(" ", "-")] = (f"/config/devices/device/{devices[ams]}", "1280x1300")
    for file, (page, size) in pages.items():
        picture(house, page, folder / f"{file}.png", size)


def pictures_of_models(house: House, folder: pathlib.Path) -> None:
    for d in probe.devices(house.ha):
        if d["model"] in MODELS:
            file = folder / f"model-{d['model'].lower().replace(' ', '-')}.png"
            picture(house, f"/config/devices/device/{d['id']}", file, "1280x2400")


def picture(house: House, page: str, file: pathlib.Path, size: str) -> None:
    done = subprocess.run([SHARED / "screenshot.sh", page, str(file), size],
                          env=dict(os.environ, HA_CONFIG=str(house.config)), capture_output=True, text=True)
    check(f"picture of {page}", done.returncode == 0, done.stderr[-500:])


def main() -> int:
    options = arguments.parse_args()
    if not SHARED.is_dir():
        sys.exit(f"{SHARED} is not there; BAMBU2MQTT_SHARED names the folder with `ha` in it")
    binary = options.binary
    if not binary:
        subprocess.run(["cargo", "build", "--quiet"], cwd=ROOT, check=True)
        binary = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug/bambu2mqtt"
    subprocess.run([SHARED / "install.sh"], check=True)
    work = (options.work or pathlib.Path(tempfile.mkdtemp(prefix="bambu2mqtt-ha-"))).resolve()
    work.mkdir(parents=True, exist_ok=True)
    house = House(work, binary.resolve())
    print(f"     working in {work}")
    try:
        house.start_broker()
        house.start_gateway()
        house.start_ha()
        healthy(house, "first start", 60)
        if options.only == "account":
            account.stage(house, check, until)
            quiet(house, "the account", account.OWN)
            return 1 if failures else 0
        stage_appearance(house)
        quiet(house, "first start")
        dashboard = stage_dashboard(house)
        if options.screenshots:
            screenshots(house, options.screenshots.resolve())
            picture_of_dashboard(house, dashboard, options.screenshots.resolve())
        stage_commands(house)
        stage_refusals(house)
        stage_refused_press(house)
        quiet(house, "commands")
        hidden = stage_hidden(house)
        stage_restart_home_assistant(house, hidden)
        quiet(house, "restart of Home Assistant")
        stage_hidden_commands(house)
        quiet(house, "the other controls")
        stage_restart_broker(house)
        # The last is Home Assistant's own: its birth message meets a connection that is gone again.
        own = ("Disconnected from MQTT server", "Failed to connect to MQTT server", "Error returned from MQTT server",
               "_async_resubscribe_and_publish_birth_message")
        quiet(house, "restart of the broker", own)
        stage_restart_gateway(house)
        # The demo's printers begin anew with it, with a little less printed than before.
        own += ("filament_used from integration mqtt has state class total_increasing",)
        stage_kill_gateway(house)
        quiet(house, "restarts of the gateway", own)
        account.stage(house, check, until)
        own += account.OWN
        quiet(house, "the account", own)
        stage_signed(house)
        quiet(house, "signed firmware", own)
        stage_removal(house)
        quiet(house, "removal", own)
        stage_all_models(house)
        quiet(house, "14 models", own)
        if options.screenshots:
            pictures_of_models(house, options.screenshots.resolve())
        stage_secrets(house)
    except Exception:
        failures.append("the test itself")
        import traceback
        traceback.print_exc()
    finally:
        house.stop()
    print(f"\n{len(failures)} failures in {time.monotonic() - began:.0f} s")
    for failure in failures:
        print(f"FAIL {failure}")
    if failures or options.keep:
        print(f"logs: {work}")
    elif not options.work:
        shutil.rmtree(work, ignore_errors=True)
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
