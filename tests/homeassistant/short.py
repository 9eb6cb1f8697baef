"""Discovery messages in their short form, read as Home Assistant reads them."""

import json

KEYS = {
    "avty": "availability", "cmps": "components", "cmd_t": "command_topic", "dev": "device", "dev_cla": "device_class",
    "def_ent_id": "default_entity_id", "en": "enabled_by_default", "ent_cat": "entity_category", "ic": "icon",
    "img_t": "image_topic", "json_attr_t": "json_attributes_topic", "o": "origin", "ops": "options", "p": "platform",
    "pct_stat_t": "percentage_state_topic", "stat_cla": "state_class", "stat_t": "state_topic", "t": "topic",
    "uniq_id": "unique_id", "unit_of_meas": "unit_of_measurement", "val_tpl": "value_template",
}
DEVICE = {"hw": "hw_version", "ids": "identifiers", "mdl": "model", "mdl_id": "model_id", "mf": "manufacturer",
          "sn": "serial_number", "sw": "sw_version"}


def longer(members: dict, keys: dict) -> dict:
    return {keys.get(key, key): value for key, value in members.items()}


def component(members: dict) -> dict:
    base = members.get("~", "")
    full = longer({key: value for key, value in members.items() if key != "~"}, KEYS)
    for key, value in full.items():
        if key.endswith(("topic", "_t")) and isinstance(value, str):
            full[key] = value.replace("~", base, 1) if value.startswith("~") else value
    full["availability"] = [longer(one, KEYS) for one in full.get("availability", [])]
    return full


def read(payload: str | bytes) -> dict:
    """A device discovery message with the keys that the documentation has."""
    message = longer(json.loads(payload), KEYS)
    message["device"] = longer(message.get("device", {}), DEVICE)
    message["components"] = {name: component(one) for name, one in message["components"].items()}
    return message
