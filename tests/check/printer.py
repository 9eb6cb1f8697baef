"""One printer as the protocol's description has it: merging, and what the first entities show of it."""

import copy
import re

from check.facts import HT, LITE, PRO, Has, OneOf, facts
from check.reading import at, bits, floor, integer, member, number, sane, split, steps, text

MARK = "MARK0000000001"

STAGES = """printing|level|preheat|vibration|changing|M400|runout|hotend|extrusion|scanning|first layer|build plate|lidar|homing
nozzle tip|extruder temp|user|front cover|lidar|flow|nozzle temp|bed temp|unload|step|load|motor noise|AMS|fan|chamber
cooling chamber|g-code|motor noise|nozzle|cutter|first layer|clog|accuracy|accuracy|accuracy|nozzle offset|level
quick release|door|laser|platform|bird|bird|phase 1|phase 2|chamber|bed|lines|material|live-view|bed temp|material
cutter|surface|precondition|blade|camera|blade|pick|chamber|hotend|clumping|air|rotary|chute|nozzle|center|arc|hotend type
plate|surface|underside|pre-ext|AMS""".replace("\n", "|").split("|")

PREFIX = {"00W": "X1", "00M": "X1C", "03W": "X1E", "20P": "X2D", "01S": "P1P", "01P": "P1S", "22E": "P2S", "030": "A1M",
          "039": "A1", "26A": "A2L", "093": "H2S", "094": "H2D", "239": "H2DP", "31B": "H2C"}
ACTIVE = ("PREPARE", "SLICING", "RUNNING", "PAUSE")
# Values of a job and the members that tell them.
OF_A_JOB = {"progress": "mc_percent", "remaining_time": "mc_remaining_time", "layer": "layer_num",
            "total_layers": "total_layer_num", "download_progress": "gcode_file_prepare_percent"}


# Merging -------------------------------------------------------------------------------------------------------------

def by_id(old, new, full, key="id", inner=lambda known, item, full: deep(known, item, full)):
    known = {str(integer(i.get(key)) if key == "id" else i.get(key)): i for i in old or [] if isinstance(i, dict)}
    out = {} if full else dict(known)
    for item in new:
        if isinstance(item, dict) and item.get(key) is not None:
            name = str(integer(item[key]) if key == "id" else item[key])
            out[name] = inner(copy.deepcopy(out.get(name) or known.get(name) or {}), item, full)
    return list(out.values())


def tray(known, item, full):
    return dict(item) if set(item) <= {"id", "state"} else deep(known, item, full)


def unit(known, item, full):
    out = deep(known, {k: v for k, v in item.items() if k != "tray"}, full)
    if isinstance(item.get("tray"), list):
        out["tray"] = by_id(known.get("tray"), item["tray"], full, inner=tray)
    return out


def deep(known, item, full):
    out = dict(known)
    for key, value in item.items():
        if value is None:
            continue
        if key in ("ams",) and isinstance(value, list):
            out[key] = by_id(out.get(key), value, full, inner=unit)
        elif key == "vir_slot" and isinstance(value, list):
            out[key] = by_id(out.get(key), value, full, inner=tray)
        elif key == "lights_report" and isinstance(value, list):
            out[key] = by_id(out.get(key), value, full, key="node")
        elif key == "info" and isinstance(value, list) and any(isinstance(i, dict) and "id" in i for i in value):
            out[key] = by_id(out.get(key), value, full)
        elif key == "parts" and isinstance(value, list):
            ids = {integer(p.get("id")) for p in value}
            out[key] = by_id(out.get(key), value, {16, 32} <= ids)
        elif key == "vt_tray" and isinstance(value, dict):
            out[key] = tray(out.get(key) or {}, value, full)
        elif isinstance(value, dict):
            out[key] = deep(out[key] if isinstance(out.get(key), dict) else {}, value, full)
        else:
            out[key] = value
    return out


class Printer:
    """One printer as the protocol's description has it."""

    def __init__(self, serial):
        self.serial = serial
        self.state, self.modules, self.full, self.held = {}, [], False, False
        self.total, self.name, self.speed, self.nozzle, self.fun = None, None, None, 0, None
        self.stale, self.outside = set(), {}
        self.there, self.feeds, self.values, self.left = {}, {}, {}, (None, None)

    def take(self, message, wall):
        if not isinstance(message, dict):
            return
        info = message.get("info")
        if isinstance(info, dict) and isinstance(info.get("module"), list):
            self.modules = [m for m in info["module"] if isinstance(m, dict)]
        system = message.get("system")
        if isinstance(system, dict) and system.get("command") == "ledctrl" and system.get("result") != "fail":
            known = member(self.state.get("lights_report"), "node", system.get("led_node"))
            if known:
                known["mode"] = system.get("led_mode")
        report = message.get("print")
        if not isinstance(report, dict):
            return
        command = report.get("command")
        if command not in (None, "push_status") or command is None and {"result", "err_code", "errno"} & set(report):
            return
        full = not integer(report.get("msg")) and len(report) >= 40
        report = self.hold(copy.deepcopy(report))
        if isinstance(message.get("fun"), (str, int)):
            report.setdefault("fun", message["fun"])
        before = (self.state.get("gcode_state") or "").upper() in ACTIVE
        self.state = deep(self.state, report, full)
        # What a new job has not said yet is still the last one's.
        if not before and (self.state.get("gcode_state") or "").upper() in ACTIVE:
            self.stale = set(OF_A_JOB)
        self.stale -= {key for key, name in OF_A_JOB.items() if name in report}
        self.full = self.full or full
        self.remember(wall)

    def hold(self, report):
        """One frame in which all bits are gone is not believed."""
        ams = report.get("ams")
        if isinstance(ams, dict) and bits(ams.get("tray_exist_bits")) is not None:
            gone = bits(ams["tray_exist_bits"]) == 0 and (bits(at(self.state, "ams", "tray_exist_bits")) or 0) != 0
            if gone and not self.held:
                self.held = True
                for key in ("ams", "ams_exist_bits", "tray_exist_bits"):
                    ams.pop(key, None)
            else:
                self.held = False
        return report

    def remember(self, wall):
        s = self.state
        name, total = text(s.get("subtask_name")), integer(s.get("total_layer_num"))
        total = total or integer(at(s, "3D", "total_layer_num"))
        if total and total > 0:
            self.total = total
        elif name is None or name != self.name:
            self.total = None
        self.name = name
        if integer(s.get("spd_lvl")) in (1, 2, 3, 4):
            self.speed = integer(s["spd_lvl"])
        current = integer(at(s, "device", "extruder", "state"))
        if current is not None and current >> 4 & 15 in (0, 1):
            self.nozzle = current >> 4 & 15
        left = integer(s.get("mc_remaining_time"))
        if left != self.left[0]:
            self.left = (left, wall)
        self.wall = wall

    # Values ----------------------------------------------------------------------------------------------------------

    @property
    def model(self):
        ota = member(self.modules, "name", "ota") or {}
        names = {"x1carbon": "X1C", "x1": "X1", "x1e": "X1E", "p1p": "P1P", "p1s": "P1S", "p2s": "P2S", "a1": "A1",
                 "a1mini": "A1M", "a2l": "A2L", "h2d": "H2D", "h2dpro": "H2DP", "h2s": "H2S", "h2c": "H2C", "x2d": "X2D"}
        product = (ota.get("product_name") or "").replace("Bambu Lab", "").replace("-", "").replace(" ", "").lower()
        codes = {"C11": "P1P", "C12": "P1S", "C13": "X1E", "N1": "A1M", "N2S": "A1", "N7": "P2S", "N6": "X2D", "N9": "A2L",
                 "O1D": "H2D", "O1S": "H2S", "O1E": "H2DP", "O1C2": "H2C", "BL-P001": "X1C", "BL-P002": "X1"}
        projects = [(member(self.modules, "name", n) or {}).get("project_name") for n in ("ota", "esp32", "ap")]
        return names.get(product) or next((codes[p] for p in projects if p in codes), None) or PREFIX.get(self.serial[:3])

    @property
    def np(self):
        return all(k in self.state for k in ("cfg", "fun", "aux", "stat"))

    def expected(self):
        """Every topic below the printer and its value; None is the payload `None`."""
        s, out = self.state, {}
        model = self.model
        state = (s.get("gcode_state") or "").upper()
        out["status"] = state.lower() if state in ("FAILED", "FINISH", "IDLE", "INIT", "PAUSE", "PREPARE", "RUNNING",
                                                   "SLICING") else None
        active = state in ACTIVE
        out["stage"] = self.stage(active)
        percent = integer(s.get("mc_percent"))
        out["progress"] = None if percent is None else min(100, max(0, percent))
        left = integer(s.get("mc_remaining_time"))
        left = None if out["status"] is None or left is None and active else max(0, left) if active else 0
        out["remaining_time"] = None if left is not None and left > 86400 else left
        layer = integer(s.get("layer_num"))
        layer = integer(at(s, "3D", "layer_num")) if layer is None else layer
        out["layer"] = layer if not self.total or layer is None else min(layer, self.total)
        out["total_layers"] = self.total
        out["job_name"] = text(s.get("subtask_name"))
        self.heat(out, model)
        self.air(out, model)
        self.light(out)
        out["speed_profile"] = {1: "silent", 2: "standard", 3: "sport", 4: "ludicrous"}.get(self.speed)
        out["speed_modifier"] = integer(s.get("spd_mag"))
        wired = bool((integer(at(s, "net", "conf")) or 0) & 1)
        if not wired:
            signal = s.get("wifi_signal")
            signal = re.fullmatch(r"(-?\d+)\s*dBm", signal.strip()) if isinstance(signal, str) else signal
            signal = int(signal.group(1)) if isinstance(signal, re.Match) else integer(signal)
            out["wifi_signal"] = signal if signal is not None and signal < 0 else None
        self.trouble(out)
        ota = member(self.modules, "name", "ota") or {}
        out["firmware_version"] = text(ota.get("sw_ver"))
        lapse = at(s, "ipcam", "timelapse")
        if lapse is not None:
            out["timelapse"] = {"enable": "ON", "disable": "OFF"}.get(lapse)
        for key in self.stale & set(out):
            out[key] = OneOf(None, 0, out[key])
        self.there = self.units(out)
        self.spools(out, self.there)
        self.values = out
        return out

    def more(self):
        """What the rest of the report says; after `expected`."""
        return facts(self)

    def stage(self, active):
        s = self.state
        code = integer(s.get("stg_cur"))
        code = integer(at(s, "stage", "_id")) if code is None else code
        if code is None:
            return None
        if code in (-1, 255) or code == 0 and (not active or s.get("print_type") == "idle"):
            return "idle"
        return ("contains", STAGES[code]) if 0 < code < 78 else "printing" if code == 0 else None

    @property
    def dual(self):
        count = integer(at(self.state, "device", "extruder", "state"))
        return (count & 15) == 2 if count is not None else self.model in ("H2D", "H2DP", "H2C", "X2D")

    def nozzle_of(self, number):
        info = member(at(self.state, "device", "extruder", "info"), "id", number)
        return split(integer(at(info, "temp"))) if info else (None, None)

    def heat(self, out, model):
        s = self.state
        if self.dual:
            right, left = self.nozzle_of(0), self.nozzle_of(1)
            for side, (now, wanted) in (("right", right), ("left", left)):
                out[f"{side}_nozzle_temperature"], out[f"{side}_nozzle_target"] = now, wanted
            nozzle = left if self.nozzle == 1 else right
        else:
            nozzle = sane(number(s.get("nozzle_temper"))), floor(sane(number(s.get("nozzle_target_temper"))))
        out["nozzle_temperature"], out["nozzle_target"] = nozzle
        packed = integer(at(s, "device", "bed", "info", "temp"))
        packed = integer(at(s, "device", "bed_temp")) if packed is None else packed
        bed = split(packed) if packed is not None else (sane(number(s.get("bed_temper"))),
                                                        floor(sane(number(s.get("bed_target_temper")))))
        out["bed_temperature"], out["bed_target"] = bed
        if model in ("X1", "X1C", "X1E", "X2D", "P2S", "H2S", "H2D", "H2DP", "H2C"):
            packed, flat = integer(at(s, "device", "ctc", "info", "temp")), number(s.get("chamber_temper"))
            chamber = split(packed) if packed is not None else split(int(flat)) if flat and flat > 500 else (sane(flat), None)
            out["chamber_temperature"] = chamber[0]
            if model in ("X1E", "X2D", "H2S", "H2D", "H2DP", "H2C"):
                spare = [v for v in (chamber[1], number(s.get("ctt")), number(s.get("mc_target_cham"))) if v is not None]
                out["chamber_target"] = spare[0] if spare else None

    def air(self, out, model):
        s = self.state
        parts = at(s, "device", "airduct", "parts")
        listed = member(parts, "id", 16) is not None
        kit = bool((integer(s.get("home_flag")) or 0) & 1 << 26)
        has = {"part": True, "aux": kit or model not in ("P1P", "A1", "A1M", "A2L", None),
               "chamber": kit or model not in ("P1P", "P2S", "A1", "A1M", "A2L", None), "secondary_aux": False}
        for name, code, key in (("part", 16, "cooling_fan_speed"), ("aux", 32, "big_fan1_speed"),
                                ("chamber", 48, "big_fan2_speed"), ("secondary_aux", 160, None)):
            part = member(parts, "id", code)
            if part is None and (listed and code != 16 or not has[name]):
                continue
            value = integer(part.get("state")) & 0xFF if part else steps(s.get(key))
            out[f"{name}_fan"] = out[f"{name}_fan_speed"] = value
        if "heatbreak_fan_speed" in s:
            out["heatbreak_fan_speed"] = steps(s["heatbreak_fan_speed"])

    def light(self, out):
        lamps, cfg = self.state.get("lights_report"), bits(self.state.get("cfg"))
        chamber, work = member(lamps, "node", "chamber_light"), member(lamps, "node", "work_light")
        lit = {"on": "ON", "flashing": "ON", "off": "OFF"}
        out["chamber_light"] = lit.get(chamber.get("mode")) if chamber else None if cfg is None else ("ON" if cfg & 1 << 7 else "OFF")
        if work:
            out["work_light"] = {"on": "ON", "off": "OFF"}.get(work.get("mode"))

    def trouble(self, out):
        s = self.state
        error = (integer(s.get("print_error")) or 0) & 0xFFFFFFFF
        error = error if error & 0xFFFF >= 0x4000 else 0
        out["print_error"] = "ON" if error not in (0, 0x0300400C, 0x0500400E) else "OFF"
        out["print_error_code"] = f"{error >> 16:04X}-{error & 0xFFFF:04X}" if error else "none"
        codes = set()
        for entry in s.get("hms") if isinstance(s.get("hms"), list) else []:
            attr, code = (bits(entry.get(k)) for k in ("attr", "code"))
            if attr and code:
                attr, code = attr & 0xFFFFFFFF, code & 0xFFFFFFFF
                codes.add(f"HMS_{attr >> 16:04X}_{attr & 0xFFFF:04X}_{code >> 16:04X}_{code & 0xFFFF:04X}")
        codes.discard("HMS_0500_0600_0002_0070")
        out["hms"] = "ON" if codes else "OFF"
        out["hms_codes"] = ", ".join(sorted(codes)) or "none"

    def kind(self, one):
        n = integer(one["id"])
        info = bits(one.get("info"))
        known = {1: "ams", 2: LITE, 5: LITE, 3: PRO, 4: HT}.get(info & 15) if info is not None else None
        for name, kind in (("ams", "ams"), ("ams_f1", LITE), ("n3f", PRO), ("n3s", HT)):
            if known is None and member(self.modules, "name", f"{name}/{n}"):
                known = kind
        return known or (HT if n >= 128 else None)

    def units(self, out):
        s, there = self.state, {}
        exist, trays = bits(at(s, "ams", "ams_exist_bits")), bits(at(s, "ams", "tray_exist_bits"))
        all_units = [u for u in at(s, "ams", "ams") or [] if isinstance(u, dict)]
        remain_on = self.np and bits(s["cfg"]) & 1 << 17 or not self.np and (integer(s.get("home_flag")) or 0) & 1 << 7
        for one in all_units:
            n = integer(one["id"])
            place, first = (12, 24) if n == 16 else (n, n * 4) if n < 4 else (n - 124, n - 112)
            listed = None if exist is None else bool(exist >> place & 1)
            if listed is False and bin(exist).count("1") != len(all_units):
                continue
            kind = self.kind(one)
            there[n] = one
            p = f"ams/{n}/"
            index, raw, temp = integer(one.get("humidity")), integer(one.get("humidity_raw")), number(one.get("temp"))
            out[p + "humidity_index"] = 6 - index if index in (1, 2, 3, 4, 5) else None
            if raw and 1 <= raw <= 100 and kind != LITE:
                out[p + "humidity"] = raw
            if temp and 0 < temp <= 100 and kind != LITE:
                out[p + "temperature"] = temp
            if kind in (PRO, HT) and integer(one.get("dry_time")) is not None:
                out[p + "drying_remaining"] = integer(one["dry_time"])
                out[p + "drying"] = "ON" if integer(one["dry_time"]) > 0 else "OFF"
            for t in one.get("tray") or []:
                slot = integer(t["id"])
                bit = bool(trays >> first + slot & 1) if trays is not None and listed else None
                spool = bit if bit is not None else None if integer(t.get("state")) is None else integer(t["state"]) & 1 == 1
                self.tray(out, p + f"tray_{slot + 1}", "_", t, spool, bool(remain_on))
        return there

    @staticmethod
    def tray(out, key, glue, t, spool, remain_on):
        base = key if glue == "_" else key + "spool"
        key = key + glue
        kind = text(t.get("tray_type"))
        here = spool is not False and kind is not None
        # The printer's own name is part of what is shown; without one, the kind is ("Generic PLA").
        out[base] = Has(text(t.get("tray_sub_brands")) or kind.split("-")[0]) if here else "Empty" if spool is False else None
        out[key + "type"] = kind if here else None
        color = t.get("tray_color") or ""
        out[key + "color"] = "#" + color[:6].upper() if here and re.fullmatch("[0-9a-fA-F]{6}([0-9a-fA-F]{2})?", color) else None
        if glue == "_":
            left = integer(t.get("remain"))
            left = min(left, 100) if here and remain_on and left is not None and left >= 0 else None
            # Printers say 0, or 100, of a spool without a tag, of which nobody knows.
            known = left and str(t.get("tag_uid") or "").strip("0")
            out[key + "remaining"] = left if known or left is None else OneOf(None, left)

    def spools(self, out, units):
        s = self.state
        slots = s.get("vir_slot") if isinstance(s.get("vir_slot"), list) else None
        if slots and len(slots) > 1:
            external = {1: member(slots, "id", 255), 2: member(slots, "id", 254)}
        else:
            external = {1: slots[0] if slots else s.get("vt_tray") or {}}
        self.outside = external
        for n, t in external.items():
            self.tray(out, f"external/{n}/", "", t, True, False)
        info = at(s, "device", "extruder", "info")
        if isinstance(info, list):
            feeds = {n: self.snow(integer(at(member(info, "id", n), "snow")), units) for n in (0, 1)}
        else:
            feeds = {0: self.tray_now(integer(at(s, "ams", "tray_now")), units)}
        self.feeds = feeds
        if self.dual:
            out["right_active_slot"], out["left_active_slot"] = label(feeds[0]), label(feeds.get(1))
        feed = feeds.get(self.nozzle if self.dual else 0)
        out["active_slot"] = label(feed)
        for n in external:
            out[f"external/{n}/active"] = "ON" if feed == ("ext", n) else "OFF"
        for n in units:
            out[f"ams/{n}/active"] = "ON" if feed and feed[0] == "ams" and feed[1] == n else "OFF"
        self.values = out
        out["active_tray"] = self.named(feed)

    def named(self, feed):
        """The name of what feeds."""
        if feed and feed[0] == "ams":
            name = self.values.get(f"ams/{feed[1]}/tray_{feed[2] + 1}")
            return None if name == "Empty" else name
        return "none" if feed == ("none",) else self.values.get(f"external/{feed[1]}/spool") if feed else None

    @staticmethod
    def snow(v, units):
        if v is None:
            return None
        if v in (0xFFFF, 0xFEFF) or v & 0xFF == 0xFF:
            return ("none",)
        if v in (0xFF00, 0xFE00):
            return ("ext", 1 if v == 0xFF00 else 2)
        unit_number = 16 if set(units) == {16} and v >> 8 < 4 else v >> 8
        return ("ams", unit_number, v & 0xFF) if unit_number in units else None

    @staticmethod
    def tray_now(v, units):
        if v is None or v == 255:
            return None if v is None else ("none",)
        if v == 254:
            return ("ext", 1)
        if set(units) == {16}:
            return ("ams", 16, v)
        place = (v, 0) if v >= 128 else (v >> 2, v & 3)
        return ("ams", *place) if place[0] in units else None


def label(feed):
    if feed is None:
        return None
    if feed[0] == "none":
        return "none"
    if feed[0] == "ext":
        return "Ext" if feed[1] == 1 else "Ext2"
    n = feed[1]
    return f"HT{n - 127}" if n >= 128 else f"A{1 if n == 16 else n + 1}-{feed[2] + 1}"
