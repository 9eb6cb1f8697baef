"""The account in a real Home Assistant: its login ends, a code is asked for and typed into the dashboard.

A stage of `run.py`; `run.py --only account` runs nothing else.
"""

import re

import probe
from haclient import HAError

GATEWAY = "Bambu gateway"
# What Home Assistant says about codes that it does not let pass.
OWN = ("doesn't match pattern", "is too long")


def stage(house, check, until) -> None:
    house.gateway.kill()
    house.gateway.wait()
    house.start_gateway("--login-ends", "15s")
    mailbox = house.work / f"gateway-{house.runs}.out"

    def state(platform: str, key: str) -> str | None:
        return (probe.get_state(house.ha, house.entity(GATEWAY, platform, key)) or {}).get("state")

    def codes() -> list[str]:
        return re.findall(r"the code (\d+)", mailbox.read_text())

    def outcome(key: str, mark: int) -> list[str]:
        found = house.eyes.since(mark, f"bambu2mqtt_demo/bridge/{key}/result")
        return [one for one in found if '"accepted"' not in one]

    def is_(platform: str, key: str, wanted: str, timeout: float = 60) -> None:
        ok = until(lambda: state(platform, key) == wanted, timeout)
        check(f"account: {key} is {wanted!r}", ok, f"it is {state(platform, key)!r}; see {house.log}")

    is_("sensor", "account", "connected")
    is_("binary_sensor", "login_problem", "off")
    ends = state("sensor", "token_expires")
    is_("text", "login_code", "")
    is_("sensor", "account", "code_required")
    is_("binary_sensor", "login_problem", "on")
    told = probe.get_state(house.ha, house.entity(GATEWAY, "sensor", "account"))["attributes"]
    check("account: it says why, and what to do", told.get("reason") and "Login code" in told.get("next_step", ""), str(told))
    printers = [e for (platform, _), e in house.entities().items()
                if platform == "sensor" and e["entity_id"].endswith("_nozzle_temperature")]
    alive = [e["state"] for e in printers if e["state"] not in (None, "unavailable", "unknown")]
    check("account: what was last known of the printers stays", alive, str([e["state"] for e in printers]))

    before, mark = len(codes()), len(house.eyes.messages)
    probe.call(house.ha, "button.press", {"entity_id": house.entity(GATEWAY, "button", "request_code")})
    sent = until(lambda: len(codes()) > before and any("confirmed" in one for one in outcome("request_code", mark)), 15)
    check("account: the button has a new code sent", sent, f"codes {len(codes())}, results {outcome('request_code', mark)}")

    field = house.entity(GATEWAY, "text", "login_code")

    def type_(what: str) -> None:
        probe.call(house.ha, "text.set_value", {"entity_id": field, "value": what})

    for odd in ("letters", "123456789"):
        try:
            type_(odd)
            check(f"account: Home Assistant does not take {odd!r} for a code", False, "it did")
        except HAError:
            check(f"account: Home Assistant does not take {odd!r} for a code", True)
    right = codes()[-1]
    wrong = "000001" if right != "000001" else "000002"
    mark = len(house.eyes.messages)
    type_(wrong)
    refused = until(lambda: any("wrong" in one for one in outcome("login_code", mark)), 15)
    check("account: a wrong code is called wrong", refused, str(outcome("login_code", mark)))
    is_("sensor", "account", "code_required")
    is_("text", "login_code", "", 5)
    type_(right)
    is_("sensor", "account", "connected")
    is_("binary_sensor", "login_problem", "off")
    is_("binary_sensor", "cloud", "on")
    is_("text", "login_code", "", 5)
    check("account: the new login has an end of its own", state("sensor", "token_expires") not in (None, "unknown", ends),
          f"{ends} and {state('sensor', 'token_expires')}")
    shown = [e["entity_id"] for e in house.entities().values() if right in str(e)]
    check("account: the code is not to be seen in Home Assistant", not shown, str(shown))
    said = [topic for topic, payload in house.eyes.messages if right in payload and not topic.endswith("/set")]
    check("account: nor on the broker, nor in the log", not said and right not in house.log.read_text(), f"{said}; see {house.log}")
