#!/usr/bin/env python3
"""Automations in a real Home Assistant: each fires once for a print, and none for a restart.

    tests/homeassistant/automations.py [--binary FILE] [--cloud FILE] [--work DIR] [--screenshots DIR] [--keep]
    tests/homeassistant/automations.py --only-picture --screenshots docs/images

Starts mosquitto, Home Assistant, the emulated cloud (`cargo build --example cloud`) and the real gateway, each of its
own, so that any of them can be restarted while the printers live on. Automations by device trigger, by event entity
and by level entity, and all blueprints, publish what they do below `proof/`; that is counted.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import run
from run import A1, BASE, H2D, ROOT, SHARED, X1C, House, check, failures, healthy, probe, until, wire

BLUEPRINTS = ROOT / "homeassistant/blueprints/automation/bambu2mqtt"
SPEED = 60
run.arguments.description = __doc__
run.arguments.add_argument("--only-picture", action="store_true", help="nothing but the picture of the triggers")
run.arguments.add_argument("--cloud", type=pathlib.Path, help="default: the example `cloud`, made now")


class Lab(House):
    """A gateway with a state directory that stays, between a cloud that lives on and Home Assistant."""

    def __init__(self, work: pathlib.Path, binary: pathlib.Path, cloud: pathlib.Path):
        super().__init__(work, binary)
        self.cloud = subprocess.Popen([cloud, "3", str(SPEED)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=open(work / "cloud.log", "w"), text=True)
        first = json.loads(self.cloud.stdout.readline())
        self.serials = dict(zip((X1C, A1, H2D), first["serials"]))
        state = work / "state"
        state.mkdir(mode=0o700)
        (work / "config.yaml").write_text(json.dumps({
            "state_dir": str(state), "bambu": first["bambu"],
            "mqtt": {"url": f"mqtt://127.0.0.1:{self.port}", "base_topic": BASE}}))
        self.proof = None
        self.wanted: dict[str, int] = {}

    def start_broker(self) -> None:
        super().start_broker()
        kept = self.proof.messages if self.proof else []
        self.proof = wire.connect(self.port, "proof/#", f"{BASE}/+/event/#", f"{BASE}/+/trigger", name="proof")
        self.proof.messages[:0] = kept

    def start_gateway(self, *more: str) -> None:
        self.runs += 1
        self.log = self.work / f"gateway-{self.runs}.log"
        self.gateway = subprocess.Popen([self.binary, "-v", "run", "-c", self.work / "config.yaml", *more],
                                        stdout=open(self.log, "w"), stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

    def stop(self) -> None:
        super().stop()
        self.cloud.kill()
        self.cloud.wait()

    def tell(self, device: str, verb: str, *words) -> None:
        print(verb, self.serials[device], *words, file=self.cloud.stdin, flush=True)
        answer = self.cloud.stdout.readline().strip()
        assert answer == "ok", answer

    def fired(self, name: str) -> list[str]:
        return [payload for topic, payload in self.proof.messages if topic == f"proof/{name}"]

    def expect(self, **more: int) -> None:
        """So many more of these than so far; all others stay."""
        for name, count in more.items():
            self.wanted[name] = self.wanted.get(name, 0) + count

    def settled(self, what: str, timeout: float = 40) -> None:
        """Each automation has fired as often as it should, and does not go on."""
        have: dict = {}

        def counted() -> bool:
            have.clear()
            have.update({name: len(self.fired(name)) for name in self.wanted})
            return all(have[name] >= count for name, count in self.wanted.items())

        until(counted, timeout, 0.2)
        time.sleep(2)  # What comes too much comes now.
        counted()
        wrong = {name: f"{have[name]} times, not {count}" for name, count in self.wanted.items() if have[name] != count}
        check(f"{what}: each automation fired as often as it should", not wrong, f"{wrong}; see {self.log}")

    def state(self, device: str, platform: str, key: str):
        return (probe.get_state(self.ha, self.entity(device, platform, key)) or {}).get("state")

    def reaches(self, device: str, key: str, *states: str, timeout: float = 60) -> bool:
        topic = self.topic(device, key)
        ok = until(lambda: self.eyes.retained.get(topic) in states, timeout)
        return check(f"{key} of {device} is {' or '.join(states)}", ok, f"is {self.eyes.retained.get(topic)}; see {self.log}")


def publish(name: str, payload: str = "{{ trigger.platform }}") -> dict:
    return {"action": "mqtt.publish", "data": {"topic": f"proof/{name}", "payload": payload, "qos": 1}}


def install(lab: Lab, name: str, body: dict) -> None:
    """A file of its own, and a reload."""
    done = probe.automation(lab.ha, json.dumps({"alias": name, **body}), name)
    ok = not done["errors"] and [one["state"] for one in done["automation"]] == ["on"]
    check(f"the automation {name} is taken", ok, json.dumps(done)[:800])


def by_hand(lab: Lab, device: str, short: str) -> None:
    """The same wish by the three ways of the documentation."""
    device_id = next(d["id"] for d in probe.devices(lab.ha) if d["name"] == device)
    install(lab, f"{short}_trigger", {
        "triggers": [{"trigger": "device", "domain": "mqtt", "device_id": device_id, "type": "finished", "subtype": "Print"}],
        "actions": [publish(f"{short}_trigger")]})
    install(lab, f"{short}_event", {
        "triggers": [{"trigger": "event.received", "target": {"entity_id": lab.entity(device, "event", "print")},
                      "options": {"event_type": ["finished", "failed", "cancelled"]}}],
        "actions": [publish(f"{short}_event", "{{ trigger.to_state.attributes.message }}")]})
    install(lab, f"{short}_level", {
        "triggers": [{"trigger": "state", "entity_id": lab.entity(device, "sensor", "last_ended"),
                      "not_to": ["unavailable", "unknown"]}],
        "conditions": ["{% set told = state_attr(this.entity_id, 'last_triggered') %}"
                       "{% set ended = as_datetime(trigger.to_state.state) %}"
                       "{{ ended > told if told else now() - ended < timedelta(minutes=5) }}"],
        "actions": [publish(f"{short}_level", "{{ states('%s') }} {{ state_attr('%s', 'result') }}" % (
            (lab.entity(device, "sensor", "last_job"),) * 2))]})
    lab.expect(**{f"{short}_{way}": 0 for way in ("trigger", "event", "level")})


def blueprints(lab: Lab) -> None:
    for file in sorted(BLUEPRINTS.glob("*.yaml")):
        lab.ha.cmd("blueprint/save", domain="automation", path=f"bambu2mqtt/{file.name}", yaml=file.read_text())
    known = lab.ha.cmd("blueprint/list", domain="automation")
    for file in sorted(BLUEPRINTS.glob("*.yaml")):
        found = known.get(f"bambu2mqtt/{file.name}", {"error": "is not listed"})
        check(f"Home Assistant takes the blueprint {file.name}", "error" not in found, str(found))
    plug = lab.ha.cmd("input_boolean/create", name="Plug")
    probe.call(lab.ha, "input_boolean.turn_on", {"entity_id": f"input_boolean.{plug['id']}"})

    def use(name: str, file: str, **inputs) -> None:
        install(lab, name, {"use_blueprint": {"path": f"bambu2mqtt/{file}", "input": inputs}})

    x1c = {key: lab.entity(X1C, platform, key) for platform, key in (
        ("sensor", "activity"), ("sensor", "last_ended"), ("sensor", "last_job"), ("binary_sensor", "safe_to_power_off"),
        ("binary_sensor", "needs_attention"), ("light", "chamber_light"))}
    use("bp_ended", "print_ended.yaml", last_ended=x1c["last_ended"], last_job=x1c["last_job"],
        actions=[publish("bp_ended", "{{ title | trim }}|{{ message | trim }}")])
    use("bp_power", "power_off.yaml", safe=x1c["safe_to_power_off"], last_ended=x1c["last_ended"], wait={"seconds": 1},
        plug={"entity_id": f"input_boolean.{plug['id']}"})
    install(lab, "plug_watch", {
        "triggers": [{"trigger": "state", "entity_id": f"input_boolean.{plug['id']}", "from": "on", "to": "off"}],
        "actions": [publish("bp_power")]})
    device_id = next(d["id"] for d in probe.devices(lab.ha) if d["name"] == X1C)
    use("bp_runout", "filament_runout.yaml", printer=device_id, activity=x1c["activity"], remind=0.25,
        actions=[publish("bp_runout", "{{ title }}")])
    use("bp_light", "light_follows_printing.yaml", activity=x1c["activity"], attention=x1c["needs_attention"],
        last_ended=x1c["last_ended"], light=x1c["chamber_light"], off_after={"seconds": 1})
    a1 = {key: lab.entity(A1, platform, key) for platform, key in (
        ("sensor", "activity"), ("sensor", "last_ended"), ("binary_sensor", "needs_attention"), ("light", "chamber_light"))}
    use("bp_light_a1", "light_follows_printing.yaml", activity=a1["activity"], attention=a1["needs_attention"],
        last_ended=a1["last_ended"], light=a1["chamber_light"], off_after={"seconds": 1})
    install(lab, "light_watch", {
        "triggers": [{"trigger": "state", "entity_id": x1c["chamber_light"], "from": ["on", "off"], "to": ["on", "off"]}],
        "actions": [publish("bp_light", "{{ trigger.to_state.state }}")]})
    lab.expect(bp_ended=0, bp_power=0, bp_runout=0)


def restart_gateway(lab: Lab, what: str) -> None:
    lab.gateway.kill()
    lab.gateway.wait()
    lab.start_gateway()
    healthy(lab, what, 60)


def stage_print(lab: Lab) -> None:
    """A print from its beginning to its end, and the cooling down."""
    lab.tell(X1C, "start", 120, "Proof of one")
    lab.reaches(X1C, "activity", "preparing", "printing")
    lit = until(lambda: lab.state(X1C, "light", "chamber_light") == "on", 10)
    check("light_follows_printing switches the light on", lit)
    lab.reaches(X1C, "activity", "finished", timeout=90)
    # While it pulls its filament back it cools down: at this speed it may be cold when the print ends, or a moment later.
    lab.reaches(X1C, "safe_to_power_off", "ON", timeout=90)
    lab.expect(one_trigger=1, one_event=1, one_level=1, bp_ended=1, bp_power=1)
    lab.settled("a print that finished, and the printer that cooled down")
    told = {name: lab.fired(name)[-1:] for name in ("one_event", "one_level", "bp_ended")}
    check("the event tells what finished", "Proof of one finished" in str(told["one_event"]), str(told))
    check("the level tells what finished", told["one_level"] == ["Proof of one finished"], str(told))
    check("the blueprint tells what finished", "print finished|Proof of one" in str(told["bp_ended"]), str(told))
    dark = until(lambda: lab.state(X1C, "light", "chamber_light") == "off", 15)
    check("light_follows_printing switches the light off", dark)
    events = [json.loads(p)["event_type"] for t, p in lab.proof.messages
              if t == f"{BASE}/{lab.serials[X1C]}/event/print"]
    check("the events of the print came in their order, each once",
          events.count("started") == events.count("finished") == 1 and events[0] == "started" and events[-1] == "finished",
          str(events))


def stage_trouble(lab: Lab) -> None:
    """Filament runs out, somebody brings some, and then the print fails."""
    lab.tell(X1C, "start", 600, "Proof of two")
    lab.reaches(X1C, "activity", "printing")
    lab.tell(X1C, "runout")
    lab.reaches(X1C, "activity", "paused")
    lab.expect(bp_runout=1)
    lab.settled("a run-out")
    restart_gateway(lab, "the gateway restarted while filament is missing")
    lab.expect(bp_runout=1)
    lab.settled("the reminder, which no restart ends")
    lab.tell(X1C, "resume")
    lab.reaches(X1C, "activity", "printing")
    lab.tell(X1C, "fail", 0x0300_8001)
    lab.reaches(X1C, "activity", "failed", timeout=40)
    # The device trigger waits for finished prints alone.
    lab.expect(one_event=1, one_level=1, bp_ended=1)
    lab.settled("a print that failed")
    check("the blueprint says that it failed", "print failed|Proof of two" in lab.fired("bp_ended")[-1], str(lab.fired("bp_ended")))


def stage_restarts(lab: Lab) -> None:
    """Nothing fires for a restart, neither of a printer that rests nor of one that prints."""
    lab.tell(A1, "start", 36000, "Proof of three")
    lab.reaches(A1, "activity", "printing")
    before = {k: lab.eyes.retained.get(lab.topic(A1, k)) for k in ("activity", "start_time", "job_name")}

    lab.stop_ha()
    lab.start_ha()
    healthy(lab, "Home Assistant restarted", 60)
    lab.settled("Home Assistant restarted", 0)

    lab.stop_broker()
    lab.start_broker()
    healthy(lab, "the broker restarted and has forgotten everything", 60)
    lab.settled("the broker restarted", 0)

    restart_gateway(lab, "the gateway was killed and restarted")
    lab.settled("the gateway restarted", 0)
    after = {k: lab.eyes.retained.get(lab.topic(A1, k)) for k in before}
    check("the print that is under way is the same", before == after, f"{before} and {after}")

    lab.tell(A1, "skip", 0.99)
    lab.reaches(A1, "activity", "finished", timeout=90)
    lab.expect(two_trigger=1, two_event=1, two_level=1)
    lab.settled("the print that saw all restarts")


def stage_missed(lab: Lab) -> None:
    """A print ends while Home Assistant is away: whoever looks at a level finds out."""
    lab.tell(A1, "start", 36000, "Proof of four")
    lab.reaches(A1, "activity", "printing")
    lit = until(lambda: lab.state(A1, "light", "chamber_light") == "on", 10)
    check("light_follows_printing switches the light of the A1 on", lit)
    lab.stop_ha()
    lab.tell(A1, "skip", 0.99)
    lab.reaches(A1, "activity", "finished", timeout=90)
    lab.start_ha()
    lab.expect(two_level=1)
    lab.settled("a print that ended while Home Assistant was away", 60)
    dark = until(lambda: lab.state(A1, "light", "chamber_light") == "off", 15)
    check("light_follows_printing switches the light off for an end that nobody saw", dark)


def stage_list(lab: Lab, folder: pathlib.Path | None) -> None:
    """What the automation editor offers for a printer."""
    device_id = next(d["id"] for d in probe.devices(lab.ha) if d["name"] == H2D)
    offered = lab.ha.cmd("device_automation/trigger/list", device_id=device_id)
    names = {f'"{t["subtype"]}" {t["type"]}' for t in offered if t["domain"] == "mqtt" and "subtype" in t}
    wanted = ('"Print" finished', '"Print" failed', '"Filament" ran out', '"AMS drying" finished', '"Printer" is safe to switch off')
    check(f"the editor offers {len(names)} triggers for the H2D", len(names) > 20 and names.issuperset(wanted), str(sorted(names)))
    gone = [t for t in lab.ha.cmd("device_automation/trigger/list", device_id=next(
        d["id"] for d in probe.devices(lab.ha) if d["name"] == A1)) if t.get("subtype") == "AMS drying"]
    check("and no drying for an A1 mini, whose AMS cannot", not gone, str(gone))
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        # Home Assistant's editor opens only what stands in this file. All triggers at once, as nobody would have them.
        config = lab.config / "configuration.yaml"
        config.write_text(config.read_text() + "automation editable: !include automations.yaml\n")
        (lab.config / "automations.yaml").write_text(json.dumps([{
            "id": "picture", "alias": "Whatever happens to the H2D", "initial_state": False, "actions": [],
            "triggers": [{"trigger": "device", **{k: t[k] for k in ("domain", "device_id", "type", "subtype")}}
                         for t in offered if t["domain"] == "mqtt" and "subtype" in t]}]))
        probe.call(lab.ha, "automation.reload")
        run.picture(lab, "/config/automation/edit/picture", folder / "automation-triggers.png", "900x2100")


def main() -> int:
    options = run.arguments.parse_args()
    if not SHARED.is_dir():
        sys.exit(f"{SHARED} is not there; BAMBU2MQTT_SHARED names the folder with `ha` in it")
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    binary, cloud = options.binary, options.cloud
    if not cloud:
        subprocess.run(["cargo", "build", "--quiet", "--example", "cloud"], cwd=ROOT, check=True)
        cloud = target / "debug/examples/cloud"
    if not binary:
        subprocess.run(["cargo", "build", "--quiet"], cwd=ROOT, check=True)
        binary = target / "debug/bambu2mqtt"
    subprocess.run([SHARED / "install.sh"], check=True)
    work = (options.work or pathlib.Path(tempfile.mkdtemp(prefix="bambu2mqtt-auto-"))).resolve()
    work.mkdir(parents=True, exist_ok=True)
    lab = Lab(work, binary.resolve(), cloud.resolve())
    print(f"     working in {work}")
    try:
        for device in (X1C, A1, H2D):
            lab.tell(device, "rest")
        lab.start_broker()
        lab.start_gateway()
        lab.start_ha()
        healthy(lab, "first start", 60)
        by_hand(lab, X1C, "one")
        by_hand(lab, A1, "two")
        blueprints(lab)
        stage_list(lab, options.screenshots and options.screenshots.resolve())
        for stage in () if options.only_picture else (stage_print, stage_trouble, stage_restarts, stage_missed):
            stage(lab)
        run.quiet(lab, "automations", (
            "Disconnected from MQTT server", "Failed to connect to MQTT server", "Error returned from MQTT server",
            "_async_resubscribe_and_publish_birth_message"))
    except Exception:
        failures.append("the test itself")
        import traceback
        traceback.print_exc()
    finally:
        lab.stop()
    print(f"\n{len(failures)} failures in {time.monotonic() - run.began:.0f} s")
    for failure in failures:
        print(f"FAIL {failure}")
    if failures or options.keep:
        print(f"logs: {work}")
    elif not options.work:
        shutil.rmtree(work, ignore_errors=True)
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
