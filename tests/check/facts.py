"""What else a report says: hardware, options, nozzles, drying, rack, firmware, the job's small print.

Written from the protocol's description and the entity tables alone. `facts` returns key -> value; a value is

    a string or number   published exactly so
    None                 published as `None`
    OneOf(...)           one of these; where the description leaves a choice
    Has("words")         published, with these words in it
"""

import re
from datetime import timezone, datetime

from check.reading import at, bits, integer, member, number, text

LITE, PRO, HT = "lite", "pro", "ht"


class OneOf(tuple):
    """Any of these values."""

    def __new__(cls, *values):
        return super().__new__(cls, values)


class Has(str):
    """A value with these words in it, whatever the case."""


def filling(state):
    """Whether filament is in an extruder, in words."""
    return {"ON": "loaded", "OFF": "empty"}.get(state)


def on(value):
    return None if value is None else "ON" if value else "OFF"


def bit(value, n):
    return None if value is None else bool(value >> n & 1)


def facts(p):
    """Every further key of this printer and its value. A key that no report of its kind has is left out."""
    s, out = p.state, {}
    home = integer(s.get("home_flag"))
    home = None if home is None else home & 0xFFFFFFFF
    words = {name: bits(s.get(name)) for name in ("cfg", "aux", "stat", "fun", "fun2")}
    job(p, out)
    hardware(p, out, home, words)
    options(p, out, home, words)
    newer(p, out, words)
    nozzles(p, out)
    rack(s, out)
    firmware(p, out)
    drying(p, out, words)
    places(p, out)
    p.spare = spare(p, out, home, words["fun"] if p.np else None)
    return out


def spare(p, out, home, fun):
    """Keys that need not be published: of what this printer does not say it can do."""
    able = {"prompt_sound": (8, 18), "tangle_detection": (9, 19), "nozzle_blob_detection": (13, 25), "air_print_detection": (45, 29),
            "spaghetti_detector": (42, None), "pileup_detector": (43, None), "clump_detector": (44, None)}
    keys = {key for key, (n, old) in able.items() if not (bit(fun, n) if fun is not None else old is None or bit(home, old))}
    keys |= {key.replace("_detector", "").replace("_detection", "") + "_sensitivity" for key in keys}
    if "printing_monitor" not in out:
        keys.add("printing_monitor_sensitivity")
    # No bit tells of this one.
    keys.add("plate_offset_detector")
    if p.model not in ("X1E", "X2D", "H2S", "H2D", "H2DP", "H2C"):
        keys |= {"chamber_heater", "tool_module"}
    if "door" not in out:
        keys.add("door_open_check")
    if member(p.modules, "name", "ota") is None:
        keys.add("firmware")
    if p.model in ("X1", "X1C", "X1E", "P1P", "P1S"):
        keys.add("prompt_sound")
    return keys


# The job's small print -----------------------------------------------------------------------------------------------

def job(p, out):
    s = p.state
    if "print_type" in s:
        kind = s["print_type"].lower() if isinstance(s["print_type"], str) else None
        out["print_type"] = OneOf("idle", None) if kind == "" else kind if kind in ("cloud", "local", "idle", "system") else None
    if "gcode_file" in s:
        out["gcode_file"] = text(s["gcode_file"])
    done = [integer(s.get(k)) for k in ("gcode_file_prepare_percent", "prepare_per")]
    done = [min(100, max(0, v)) for v in done if v is not None]
    if done:
        loading = (s.get("gcode_state") or "").upper() in ("PREPARE", "SLICING")
        exact = loading and "download_progress" not in p.stale
        out["download_progress"] = OneOf(*done) if exact else OneOf(None, 0, *done)
    if isinstance(s.get("s_obj"), list):
        out["skipped_objects"] = len(set(map(str, s["s_obj"])))
    since = integer(s.get("gcode_start_time"))
    if since is not None:
        out["start_time"] = since and datetime.fromtimestamp(since, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S") or None
    plate = integer(s.get("plate_idx"))
    if plate is not None:
        out["plate"] = OneOf(plate, None)
    queued = integer(s.get("queue_number"))
    if queued is not None:
        out["queue_position"] = OneOf(queued, None) if queued == 0 else queued


# Hardware ------------------------------------------------------------------------------------------------------------

def hardware(p, out, home, words):
    s, model = p.state, p.model
    if words["fun"] is not None and words["stat"] is not None and model not in ("X1", "X1C", "X1E"):
        if bit(words["fun"], 12):
            out["door"] = on(bit(words["stat"], 23))
    elif model in ("X1", "X1C", "X1E") and home is not None:
        # The older ones need a firmware that tells; the community's 99 is built on one that does.
        ota = [integer(n) for n in re.findall(r"\d+", text(at(member(p.modules, "name", "ota"), "sw_ver")) or "")]
        if bit(words["fun"], 12) or ota >= ([1, 1, 2, 0] if model == "X1E" else [1, 7, 0, 0]):
            out["door"] = on(bit(home, 23))
    out["storage"] = storage(s, home, words["aux"])
    if isinstance(at(s, "net", "info"), list):
        out["ip_address"] = next((".".join(str(v >> n & 255) for n in (0, 8, 16, 24))
                                  for v in (integer(at(i, "ip")) for i in s["net"]["info"]) if v), None)
    if integer(at(s, "net", "conf")) is not None:
        out["wired"] = on(integer(s["net"]["conf"]) & 1)
    duct = at(s, "device", "airduct")
    if isinstance(at(duct, "modeList"), list):
        mode = integer(duct.get("modeCur"))
        out["airduct_mode"] = {0: "cooling", 1: "heating", 2: "laser"}.get(mode)
    tool = at(s, "device", "ext_tool")
    if isinstance(tool, dict):
        kind = {"LB00": "laser10", "LB01": "laser40", "CP00": "cutter"}.get(tool.get("type"))
        out["tool_module"] = {0: "none", 1: kind}.get(integer(tool.get("mount")))
    if isinstance(s.get("hw_switch_state"), int) and not p.dual:
        out["filament_present"] = filling(on(s["hw_switch_state"]))
    if p.dual:
        for n, side in enumerate(("right", "left")):
            info = integer(at(member(at(s, "device", "extruder", "info"), "id", n), "info"))
            if info is not None:
                out[f"{side}_filament_present"] = filling(on(bit(info, 1)))
        if "hw_switch_state" in s:
            out["filament_present"] = OneOf("loaded", "empty")
    heater = integer(at(s, "device", "ctc", "state"))
    if heater is not None:
        out["chamber_heater"] = {0: "OFF", 2: "ON"}.get(heater & 15, OneOf("ON", "OFF", None))
    if words["fun"] is not None:
        out["signed_commands_required"] = on(bit(words["fun"], 29))
        # A firmware that never asks for signatures has no such mode.
        out["developer_mode"] = "OFF" if bit(words["fun"], 29) else OneOf("ON", None)
    if home is not None:
        out["homed"] = on(home & 7 == 7)
        out["mains_220v"] = OneOf(on(bit(home, 3)), on(bit(words["fun"], 2)))


def storage(s, home, aux):
    if p_new(s) and aux is not None:
        return ("missing", "normal", "abnormal", "read_only")[aux >> 12 & 3]
    there = s.get("sdcard")
    if isinstance(there, str):
        return {"HAS_SDCARD_NORMAL": "normal", "HAS_SDCARD_ABNORMAL": "abnormal", "NO_SDCARD": "missing"}.get(there)
    if there is False:
        return "missing"
    flag = {0: "missing", 1: "normal", 2: "abnormal", 3: OneOf("abnormal", "read_only")}[home >> 8 & 3] if home is not None else None
    return flag if there is None or flag != "missing" else "normal"


def p_new(s):
    return all(k in s for k in ("cfg", "fun", "aux", "stat"))


# Options -------------------------------------------------------------------------------------------------------------

def options(p, out, home, words):
    """Switches: of a new protocol from `cfg`, of an older one from `home_flag`."""
    s, new = p.state, p.np
    cfg = words["cfg"] if new else None
    either = {"auto_recovery": (16, 4), "remaining_estimate": (17, 7), "filament_backup": (18, 10),
              "save_to_storage": (19, 11), "prompt_sound": (22, 17), "tangle_detection": (23, 20),
              "nozzle_blob_detection": (24, 24)}
    for key, (in_cfg, in_home) in either.items():
        value = bit(cfg, in_cfg) if new else bit(home, in_home)
        if value is not None:
            out[key] = on(value)
    masked = integer(at(s, "xcam", "cfg"))
    told = [bit(home, 28)] if home is not None and bit(home, 29) else []
    told += [bit(masked, 16)] if masked is not None else []
    if told:
        out["air_print_detection"] = OneOf(*map(on, told))
    ams = s.get("ams") if isinstance(s.get("ams"), dict) else {}
    for key, n, flag in (("rfid_on_insert", 0, "insert_flag"), ("rfid_on_startup", 1, "power_on_flag")):
        value = bit(cfg, n) if new else ams.get(flag)
        if isinstance(value, bool):
            out[key] = on(value)
    if new:
        out["door_open_check"] = ("off", "warn", "pause", None)[cfg >> 20 & 3]
    ipcam = s.get("ipcam") if isinstance(s.get("ipcam"), dict) else {}
    if "ipcam_record" in ipcam:
        out["recording"] = {"enable": "ON", "disable": "OFF"}.get(ipcam["ipcam_record"])
    now = bit(words["stat"], 7) if new else bit(home, 5)
    if now is not None:
        out["camera_recording"] = on(now)
    if "ipcam_dev" in ipcam:
        out["camera_fitted"] = on(integer(ipcam["ipcam_dev"]) == 1)
    if "rtsp_url" in ipcam:
        out["live_view"] = on(str(ipcam["rtsp_url"]).startswith("rtsp"))
    xcam = s.get("xcam") if isinstance(s.get("xcam"), dict) else {}
    mask = integer(xcam.get("cfg"))
    for key, member_, n in (("spaghetti_detector", "spaghetti_detector", 7), ("pileup_detector", None, 10),
                            ("clump_detector", None, 13), ("printing_monitor", "printing_monitor", None),
                            ("allow_skip_parts", "allow_skip_parts", None),
                            ("first_layer_inspector", "first_layer_inspector", None),
                            ("buildplate_marker_detector", "buildplate_marker_detector", None), ("plate_offset_detector", None, 20)):
        named, masked = xcam.get(member_) if member_ else None, bit(mask, n) if n is not None else None
        # Where both speak, the mask is the newer one.
        choice = {on(v) for v in (named, masked) if isinstance(v, bool)}
        if choice:
            out[key] = OneOf(*sorted(choice))
    # How easily each of them stops a print: two bits after its own, on older firmware one word for all.
    for key, n in (("spaghetti", 8), ("pileup", 11), ("clump", 14), ("air_print", 17)):
        if mask is not None:
            out[key + "_sensitivity"] = ("low", "medium", "high", None)[mask >> n & 3]
    word = xcam.get("halt_print_sensitivity")
    if word in ("low", "medium", "high", "never_halt"):
        if mask is None:
            out["spaghetti_sensitivity"] = word
        out["printing_monitor_sensitivity"] = word
    if new:
        out["printing_monitor_sensitivity"] = ("never_halt", "low", "medium", "high")[cfg >> 13 & 3]


def newer(p, out, words):
    """What firmware of 2026 has: each by the bit that says what is supported."""
    s = p.state
    ipcam = s.get("ipcam") if isinstance(s.get("ipcam"), dict) else {}
    if ipcam.get("resolution"):
        out["camera_resolution"] = ipcam["resolution"]
    for key, place in (("internal_free", "internal"), ("external_free", "external")):
        free, total = (integer(ipcam.get(f"tl_{place}_{what}_kb")) for what in ("free", "total"))
        if total is not None:
            out[key] = free // 1024 if total else None
    for key, name in (("fire_extinguisher", "fire_ext"), ("rotary", "fourth_axis")):
        flag = integer(at(s, "device", name, "connect_flag"))
        if flag is not None:
            out[key] = on(flag != 0)
    if not p.np:
        return
    fun, fun2, cfg = (words[name] or 0 for name in ("fun", "fun2", "cfg"))
    mask = integer(at(s, "xcam", "cfg"))
    for key, support, n in (("foreign_object_detector", 13, 21), ("movement_detector", 14, 22)):
        if bit(fun2, support) and mask is not None:
            out[key] = on(bit(mask, n))
    if bit(fun2, 4):
        out["air_purification"] = ("off", "inside", "outside", None)[cfg >> 36 & 3]
    if bit(fun2, 15):
        out["smart_blob_detection"] = ("off", "on", "auto", None)[cfg >> 43 & 3]
        del out["nozzle_blob_detection"]
    if bit(fun, 62):
        out["idle_heating_protection"] = ("OFF", "ON", None, None)[cfg >> 32 & 3]
    if cfg >> 38 & 3 in (1, 2):
        out["snapshot_at_end"] = on(cfg >> 38 & 3 == 2)
    if bit(fun, 46):
        out["cooling_filter"] = on(integer(at(s, "device", "airduct", "subMode")) == 1)


# Nozzles and the rack ------------------------------------------------------------------------------------------------

MATERIAL = {"00": "stainless", "01": "hardened", "05": "tungsten"}


def nozzle_type(value):
    """The words that a nozzle's type must have: of the older names, or of a code such as `HH01-0.4`."""
    if not isinstance(value, str) or not value:
        return None
    if value in ("stainless_steel", "hardened_steel", "tungsten_carbide", "brass"):
        return Has(value.split("_")[0])
    code = re.fullmatch(r"[A-Z]([A-Z])(\d\d)(-[\d.]+)?", value)
    return Has(MATERIAL[code[2]]) if code and code[2] in MATERIAL else None


def diameter(value):
    value = number(value)
    return round(value, 1) if value is not None and 0.05 < value < 3 else None


def nozzles(p, out):
    s = p.state
    info = at(s, "device", "nozzle", "info")
    info = info if isinstance(info, list) else []
    flat = diameter(s.get("nozzle_diameter")), nozzle_type(s.get("nozzle_type"))
    sides = {n: (diameter(at(i, "diameter")), nozzle_type(at(i, "type"))) for n in (0, 1) if (i := member(info, "id", n))}
    here = sides.get(p.nozzle if p.dual else 0)
    if here or "nozzle_diameter" in s:
        out["nozzle_diameter"] = OneOf(*{v for v in (here and here[0], flat[0]) if v is not None} or {None})
    if here or "nozzle_type" in s:
        # A list of nozzles is newer than the flat name: an H2D says `stainless_steel` there beside `HS01`.
        out["nozzle_type"] = here[1] if here and here[1] else flat[1]
    if p.dual:
        for n, side in enumerate(("right", "left")):
            if n in sides:
                out[f"{side}_nozzle_diameter"], out[f"{side}_nozzle_type"] = sides[n]


def rack(s, out):
    nozzle, holder = at(s, "device", "nozzle"), at(s, "device", "holder")
    exist = integer(at(nozzle, "exist"))
    if not exist or exist < 1 << 16:
        return
    if isinstance(holder, dict):
        out["holder_position"] = {1: "a_top", 2: "b_top", 3: "centre"}.get(integer(holder.get("pos")))
        states = ("idle", "hotend_centre", "toolhead_centre", "calibrate_hotend_rack", "cut_material", "unlock_hotend",
                  "lift_hotend_rack", "place_hotend", "pick_hotend", "lock_hotend")
        stat = integer(holder.get("stat"))
        out["holder_state"] = states[stat] if stat is not None and 0 <= stat < len(states) else None
    target = integer(nozzle.get("tar_id"))
    for n in range(16, 22):
        key, one = f"hotend_{n - 15}", member(nozzle.get("info"), "id", n)
        out[key] = "docked" if exist >> n & 1 and target != n else OneOf("mounted", "docked", "empty") if target == n else "empty"
        # The mounted one is listed as the right nozzle.
        one = member(nozzle.get("info"), "id", 0) if target == n and one is None else one
        if one and integer(one.get("wear")) is not None and (exist >> n & 1 or target == n):
            out[key + "_wear"] = integer(one["wear"])


# Firmware ------------------------------------------------------------------------------------------------------------

def firmware(p, out):
    s = p.state
    state = s.get("upgrade_state") if isinstance(s.get("upgrade_state"), dict) else {}
    installed = text(at(member(p.modules, "name", "ota"), "sw_ver"))
    listed = {at(v, "name"): v for v in state.get("new_ver_list") or [] if isinstance(v, dict)}
    offered = text(at(listed.get("ota"), "new_ver")) or text(state.get("ota_new_version_number"))
    out["firmware"] = {"installed_version": installed or text(at(listed.get("ota"), "cur_ver")),
                       "latest_version": OneOf(offered, installed) if offered else installed,
                       "in_progress": integer(state.get("dis_state")) == 2}
    new = integer(state.get("new_version_state"))
    if new is not None:
        out["firmware_update"] = {1: "ON", 2: "OFF"}.get(new, OneOf("OFF", None))
    for n in p.there:
        board = next((m for m in p.modules if re.fullmatch(rf"(ams|ams_f1|n3f|n3s)/{n}", str(m.get("name")))), None)
        installed = text(at(board, "sw_ver"))
        if installed:
            offered = text(at(listed.get(f"ams/{n}"), "new_ver")) or text(state.get("ams_new_version_number"))
            out[f"ams/{n}/firmware_version"] = installed
            out[f"ams/{n}/firmware"] = {"installed_version": installed,
                                        "latest_version": OneOf(offered, installed) if offered else installed}


# Filament ------------------------------------------------------------------------------------------------------------

def drying(p, out, words):
    for n, one in p.there.items():
        setting, info = one.get("dry_setting"), bits(one.get("info"))
        if isinstance(setting, dict) and bit(words["fun2"] or 0, 5):
            for key, least in (("temperature", 1), ("duration", 1)):
                value = integer(setting.get(f"dry_{key}"))
                out[f"ams/{n}/drying_{key}"] = value if value is not None and value >= least else OneOf(None, 0) if value == 0 else None
            out[f"ams/{n}/drying_filament"] = text(setting.get("dry_filament"))
        if info is not None and p.dual:
            out[f"ams/{n}/extruder"] = {0: "right", 1: "left"}.get(info >> 8 & 15)
        if info is not None and p.kind(one) in (PRO, HT):
            states = {0: "off", 1: "checking", 2: "drying", 3: "cooling", 4: "stopping", 5: "error"}
            code = info >> 4 & 15
            out[f"ams/{n}/drying_status"] = states.get(code, OneOf(None, "heat_out_of_control", "overheating", "test"))


def places(p, out):
    """The filament of each nozzle, and what each slot knows besides its type and colour."""
    feeds = {"": p.feeds.get(p.nozzle if p.dual else 0)}
    if p.dual:
        feeds.update({"right_": p.feeds.get(0), "left_": p.feeds.get(1)})
    for side, feed in feeds.items():
        if side:
            out[side + "active_tray"] = p.named(feed)
    for n, one in p.there.items():
        for t in one.get("tray") or []:
            key = f"ams/{n}/tray_{integer(t['id']) + 1}"
            here = p.values.get(key + "_type") is not None
            left, weight, length = p.values.get(key + "_remaining"), number(t.get("tray_weight")), integer(t.get("total_len"))
            sure = isinstance(left, int)
            left = left if sure or left is None else left[1]
            known = here and left is not None
            if "tray_weight" in t or "tray_type" in t:
                grams = weight * left / 100 if known and weight else None
                out[key + "_remaining_weight"] = OneOf(*near(grams), *(() if sure else (None,)))
                metres = length / 1000 * left / 100 if known and length else None
                out[key + "_length"] = OneOf(*near(metres), *near(length / 1000 if length and here else None), None)
            pressure(out, key + "_k_value", t, here)
    for n, t in p.outside.items():
        pressure(out, f"external/{n}/k_value", t, p.values.get(f"external/{n}/type") is not None)


def pressure(out, key, t, here):
    if isinstance(t, dict) and "k" in t:
        k = number(t["k"])
        out[key] = k if k and here else OneOf(k, None)


def near(value):
    """A number in the roundings that may be shown."""
    return [None] if value is None else sorted({round(value, n) for n in (1, 2, 3)} | {round(value), int(value)})
