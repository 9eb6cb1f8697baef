use std::collections::BTreeSet;
use std::fs;

use secrecy::{ExposeSecret as _, SecretString};

use super::*;

const MINIMAL: &str = "bambu:\n  account: you@example.com\nmqtt: {url: 'mqtt://broker.lan'}\n";
const EXAMPLE: &str = include_str!("../../config.example.yaml");

fn load(text: &str, env: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    let home = [("HOME", "/home/me")];
    let env = home.iter().chain(env).map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Config::load(&Source::Text { name: "config.yaml".to_owned(), text: text.to_owned() }, env)
}

#[track_caller]
fn config(text: &str, env: &[(&str, &str)]) -> Config {
    load(text, env).unwrap_or_else(|error| panic!("{error}")).config
}

#[track_caller]
fn check_shape(text: &str, expected: &str) {
    let error = load(text, &[]).unwrap_err();
    assert!(matches!(error, ConfigError::Shape { .. }), "{error:?}");
    assert_eq!(error.to_string(), expected);
}

/// Every expected piece has to be in a line of its own, and there must be no other line.
#[track_caller]
fn check_sense(text: &str, env: &[(&str, &str)], expected: &[&str]) {
    let lines = load(text, env).unwrap_err().lines();
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for piece in expected {
        assert!(lines.iter().any(|line| line.contains(piece)), "no `{piece}` in {lines:#?}");
    }
}

fn exposed(secret: Option<&SecretString>) -> &str {
    secret.unwrap().expose_secret()
}

#[test]
fn three_lines_are_enough() {
    let config = config(MINIMAL, &[]);
    let account = &config.accounts[0];
    assert_eq!(account.region, Region::Global);
    assert_eq!(account.account.as_ref().unwrap().as_str(), "you@example.com");
    assert_eq!(account.api_url.as_str(), "https://api.bambulab.com/");
    assert_eq!(account.mqtt.to_string(), "us.mqtt.bambulab.com:8883");
    assert!(account.mqtt.tls);
    assert_eq!(config.mqtt.broker, Broker { host: "broker.lan".to_owned(), port: 1883, tls: false });
    assert_eq!(config.mqtt.base_topic, "bambu2mqtt");
    assert_eq!(config.id_prefix(), "bambu2mqtt");
    assert_eq!(config.homeassistant, HomeAssistant::default());
    assert!(config.homeassistant.discovery);
    assert_eq!(config.controls.mode, Mode::Full);
    assert_eq!(config.log.level, LogLevel::Info);
    assert_eq!(config.language, Language::Of("en"));
    assert_eq!(config.texts_url.unwrap().as_str(), "https://e.bambulab.com/query.php");
    assert_eq!(config.state_dir, Path::new("/home/me/.local/state/bambu2mqtt"));
}

#[test]
fn china_has_hosts_of_its_own_and_its_broker_stays_in_com() {
    let config = config("bambu: {region: china, account: '13800000000'}", &[]);
    assert_eq!(config.accounts[0].api_url.as_str(), "https://api.bambulab.cn/");
    assert_eq!(config.accounts[0].mqtt.host, "cn.mqtt.bambulab.com");
    assert!(!config.accounts[0].account.as_ref().unwrap().is_email());
}

#[test]
fn the_environment_alone_is_enough() {
    let config = config("", &[("BAMBU2MQTT__BAMBU__ACCOUNT", "me@example.com")]);
    assert_eq!(config.accounts.len(), 1);
    assert_eq!(config.mqtt.broker.to_string(), "127.0.0.1:1883");
}

#[test]
fn sections_without_a_key_mean_their_defaults() {
    let text = format!("{MINIMAL}homeassistant:\nprinters:\nlog:\nhttp:\n");
    assert_eq!(config(&text, &[]), config(MINIMAL, &[]));
}

#[test]
fn shape_errors_name_file_line_and_column() {
    check_shape(
        "bambu:\n  account: you@example.com\n\nmqtt:\n  username: me\n  ulr: mqtt://x\n",
        "config.yaml line 6, column 3: unknown field `ulr` in `mqtt`; expected `url`, `username`, `password`, \
         `password_file`, `ca_file`, `client_cert_file`, `client_key_file`, `client_id`, `base_topic`, \
         `json_state`, `raw`",
    );
    check_shape(
        "bambu:\n  acount: you@example.com\n",
        "config.yaml line 2, column 3: unknown field `acount` in `bambu`; expected `region`, `account`, `password`, \
         `password_file`, `token`, `token_file`, `api_url`, `mqtt_url`, `ca_file`",
    );
    check_shape(
        "bambu:\n  - account: a@b.c\n  - regoin: china\n",
        "config.yaml line 3, column 5: unknown field `regoin` in `bambu[1]`; expected `region`, `account`, `password`, \
         `password_file`, `token`, `token_file`, `api_url`, `mqtt_url`, `ca_file`",
    );
    check_shape(
        "printers:\n  - serial: 01P00A000000000\n    nmae: x\n",
        "config.yaml line 3, column 5: unknown field `nmae` in `printers[0]`; expected `serial`, `name`, `ignore`, \
         `controls`, `energy`, `notify_layers`",
    );
    check_shape(
        "mqqt:\n  url: x\n",
        "config.yaml line 1, column 1: unknown field `mqqt`; expected `state_dir`, `bambu`, `printers`, `mqtt`, \
         `homeassistant`, `controls`, `alerts`, `privacy`, `prices`, `log`, `language`, `http`",
    );
    check_shape(
        "log: {format: fancy}\n",
        "config.yaml line 1, column 15: log.format: unknown variant `fancy`, expected one of `auto`, `text`, `json`",
    );
    check_shape(
        "mqtt:\n  json_state: perhaps\n",
        "config.yaml line 2, column 15: mqtt.json_state: invalid type: string \"perhaps\", expected a boolean",
    );
    check_shape(
        "mqtt: true\n",
        "config.yaml line 1, column 7: mqtt: invalid type: boolean `true`, expected settings such as `url`",
    );
    let broken = load("mqtt:\n  url: 'hunter2\n", &[]).unwrap_err().to_string();
    assert!(broken.starts_with("config.yaml line 3, column 1: "), "{broken}");
    assert!(!broken.contains("hunter2"), "{broken}");
}

#[test]
fn everything_that_makes_no_sense_is_told_at_once() {
    let text = "
bambu:
  api_url: http://api.example.com
  mqtt_url: mqtt://broker.example.com
printers:
  - serial: 01p00a000000000
    name: x1
  - serial: 01P00A000000000
    name: X1
  - serial: nonsense!
  - name: nobody
mqtt:
  url: mqtt://127.0.0.1:0
  password: hunter2
  client_cert_file: /nowhere/client.pem
  base_topic: home/#
homeassistant:
  discovery_prefix: ''
http:
  listen: everywhere
";
    check_sense(
        text,
        &[("BAMBU2MQTT__MQTT__ULR", "x"), ("BAMBU2MQTT__CONTROLS__GCODE", "perhaps")],
        &[
            "config.yaml: bambu.account: missing",
            "bambu.api_url: http:// is only for loopback",
            "bambu.mqtt_url: mqtt:// is only for loopback",
            "printers[1].serial: `01P00A000000000` is already used by printers[0]",
            "printers[1].name: `X1` is already used by printers[0]",
            "printers[2].serial: `NONSENSE!` is not a serial number",
            "printers[3].serial: missing",
            "mqtt.url: port 0",
            "mqtt.username: missing",
            "mqtt.client_key_file: missing",
            "mqtt.base_topic: `home/#` holds a wildcard",
            "homeassistant.discovery_prefix: `` is empty",
            "http.listen: `everywhere`",
            "BAMBU2MQTT__MQTT__ULR: is not a setting; `mqtt` has `url`, ",
            "BAMBU2MQTT__CONTROLS__GCODE: `perhaps` is not `true` or `false`",
        ],
    );
}

#[test]
fn urls_are_looked_at_closely() {
    let with_url = |url: &str| format!("bambu: {{account: a@b.c}}\nmqtt: {{url: '{url}'}}");
    for (url, expected) in [
        ("nonsense", "is not a URL"),
        ("http://broker", "`http://` is not understood"),
        ("mqtt://", "mqtt.url"),
        ("mqtt://broker:99999", "is not a URL"),
        ("mqtt://broker/topic", "after the port"),
        ("mqtt://me:hunter2@broker", "holds a user name or password"),
    ] {
        check_sense(&with_url(url), &[], &[expected]);
        assert!(!load(&with_url(url), &[]).unwrap_err().to_string().contains("hunter2"));
    }
    assert_eq!(config(&with_url("mqtts://[::1]"), &[]).mqtt.broker.to_string(), "[::1]:8883");
    let loopback =
        "bambu: {account: a@b.c, api_url: 'http://127.0.0.1:8080', mqtt_url: 'mqtt://localhost:1884'}";
    assert_eq!(config(loopback, &[]).accounts[0].mqtt.port, 1884);
    let odd = "bambu: {account: a@b.c, api_url: 'https://h/?x=1'}";
    check_sense(odd, &[], &["bambu.api_url: ends in a query"]);
}

#[test]
fn tls_files_have_to_be_there_and_to_matter() {
    let plain = "bambu: {account: a@b.c, ca_file: /nowhere.pem}\nmqtt: {ca_file: /dev/null}";
    check_sense(
        plain,
        &[],
        &[
            "bambu.ca_file: cannot read /nowhere.pem",
            "mqtt.ca_file: has no effect",
            "mqtt.ca_file: /dev/null holds no PEM",
        ],
    );
}

#[test]
fn topics_are_plain() {
    for topic in ["", "a/+", "/a", "a/", "a//b", "$a", "日本"] {
        check_sense(
            &format!("bambu: {{account: a@b.c}}\nmqtt: {{base_topic: '{topic}'}}"),
            &[],
            &["mqtt.base_topic"],
        );
    }
    check_sense(
        "bambu: {account: a@b.c}\nmqtt: {base_topic: homeassistant}",
        &[],
        &["is also homeassistant."],
    );
}

#[test]
fn ids_follow_the_base_topic() {
    for (topic, prefix) in
        [("bambu2mqtt", "bambu2mqtt"), ("Home/Printers-2", "home_printers_2"), ("_x_", "x")]
    {
        let config = config(&format!("bambu: {{account: a@b.c}}\nmqtt: {{base_topic: '{topic}'}}"), &[]);
        assert_eq!(config.id_prefix(), prefix);
    }
}

#[test]
fn printers_are_found_by_serial_and_override_the_mode() {
    let text = "bambu: {account: a@b.c}
controls: {mode: read_only}
printers:
  - {serial: 01p00a000000000, name: Garage, controls: full}
  - {serial: 01S00A000000000, ignore: true}
";
    let config = config(text, &[]);
    assert_eq!(config.printer("01P00A000000000").unwrap().name.as_deref(), Some("Garage"));
    assert_eq!(config.controls_of("01P00A000000000"), Mode::Full);
    assert_eq!(config.controls_of("01S00A000000000"), Mode::ReadOnly);
    assert_eq!(config.controls_of("unheard of"), Mode::ReadOnly);
    assert!(config.printers[1].ignore);
}

#[test]
fn several_accounts_are_a_list() {
    let text = "bambu:\n  - account: a@b.c\n  - {account: a@b.c, region: china}\n  - token: abc\n";
    let config = config(text, &[]);
    assert_eq!(config.accounts.len(), 3);
    assert!(config.accounts[2].account.is_none());
    check_sense(
        text,
        &[("BAMBU2MQTT__BAMBU__PASSWORD", "x")],
        &["BAMBU2MQTT__BAMBU__PASSWORD: `bambu` is a list"],
    );
    check_sense(
        "bambu: [{account: a@b.c}, {account: A@b.c}]",
        &[],
        &["bambu[1].account: is already used by bambu[0]"],
    );
    check_sense("bambu: []", &[], &["bambu: missing"]);
}

#[test]
fn variables_win_over_the_file_and_keep_their_type() {
    let text = "bambu: {account: a@b.c, password_file: /nowhere}\nmqtt: {username: me, password: old}";
    let config = config(
        text,
        &[
            ("BAMBU2MQTT__BAMBU__PASSWORD", "000123"),
            ("BAMBU2MQTT__MQTT__PASSWORD", "true"),
            ("BAMBU2MQTT__MQTT__USERNAME", ""),
            ("BAMBU2MQTT__CONTROLS__MODE", "read_only"),
            ("BAMBU2MQTT__HOMEASSISTANT__DISCOVERY", "false"),
            ("BAMBU2MQTT_CONFIG", "elsewhere.yaml"),
            ("PATH", "/bin"),
        ],
    );
    assert_eq!(exposed(config.accounts[0].password.as_ref()), "000123");
    assert_eq!(exposed(config.mqtt.password.as_ref()), "true");
    assert_eq!(config.mqtt.username.as_deref(), Some("me"), "an empty variable is one that is not set");
    assert_eq!(config.controls.mode, Mode::ReadOnly);
    assert!(!config.homeassistant.discovery);
}

#[test]
fn unknown_variables_are_named() {
    for (name, expected) in [
        ("BAMBU2MQTT__MQTT__PASSWROD", "is not a setting; `mqtt` has"),
        ("BAMBU2MQTT__NOTHING", "BAMBU2MQTT__SECTION__KEY"),
        ("BAMBU2MQTT__PRINTERS__0__NAME", "`printers` is a list"),
    ] {
        check_sense(MINIMAL, &[(name, "hunter2")], &[expected]);
        assert!(!load(MINIMAL, &[(name, "hunter2")]).unwrap_err().to_string().contains("hunter2"));
    }
    check_sense(
        MINIMAL,
        &[("BAMBU2MQTT__LOG__LEVEL", "loud")],
        &["BAMBU2MQTT__LOG__LEVEL: unknown variant `loud`"],
    );
    check_sense(MINIMAL, &[("BAMBU2MQTT__MQTT__USERNAME", "\u{FFFD}")], &["is not valid UTF-8"]);
}

#[test]
fn secrets_come_from_files_and_credentials_too() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().display().to_string();
    fs::write(temp.path().join("bambu.password"), "from a credential\r\n").unwrap();
    fs::write(temp.path().join("mqtt.password"), "broker's\n").unwrap();
    fs::write(temp.path().join("secret"), " kept spaces \n\n").unwrap();
    let text = "bambu: {account: a@b.c}\nmqtt: {username: me}";
    let found = config(text, &[("CREDENTIALS_DIRECTORY", &folder)]);
    assert_eq!(exposed(found.accounts[0].password.as_ref()), "from a credential");
    assert_eq!(exposed(found.mqtt.password.as_ref()), "broker's");
    assert!(found.accounts[0].token.is_none());
    let file = temp.path().join("secret").display().to_string();
    let found =
        config(text, &[("CREDENTIALS_DIRECTORY", &folder), ("BAMBU2MQTT__BAMBU__PASSWORD_FILE", &file)]);
    assert_eq!(exposed(found.accounts[0].password.as_ref()), " kept spaces ");
    // A token by credential makes the account's name unnecessary.
    fs::write(temp.path().join("bambu.token"), "t\n").unwrap();
    let found = config("mqtt: {username: me}\nbambu: {region: china}", &[("CREDENTIALS_DIRECTORY", &folder)]);
    assert_eq!(exposed(found.accounts[0].token.as_ref()), "t");
}

#[test]
fn relative_paths_are_relative_to_the_file() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("config.yaml");
    fs::write(&path, "bambu: {account: a@b.c, password_file: pw}\nstate_dir: state").unwrap();
    fs::write(temp.path().join("pw"), "x").unwrap();
    let loaded = Config::load(&Source::File(path), []).unwrap();
    assert_eq!(loaded.config.state_dir, temp.path().join("state"));
    assert_eq!(exposed(loaded.config.accounts[0].password.as_ref()), "x");
}

#[test]
fn secrets_that_cannot_be_had_are_told() {
    check_sense(
        "bambu: {account: a@b.c, password: x, password_file: y, token_file: /nowhere}\nmqtt: {username: a, password: ''}",
        &[],
        &[
            "bambu.password_file: given together with bambu.password",
            "bambu.token_file: cannot read",
            "mqtt.password: is empty",
        ],
    );
}

#[test]
fn a_password_of_digits_is_text() {
    let config = config("bambu: {account: a@b.c, password: 0123}", &[]);
    assert_eq!(exposed(config.accounts[0].password.as_ref()), "0123");
}

#[test]
fn nothing_secret_is_ever_shown() {
    let text = "bambu: {account: someone@example.org, password: hunter2, token: hunter3}
mqtt: {username: me, password: hunter4}";
    let loaded = load(text, &[]).unwrap();
    let shown = format!("{loaded:?} {loaded:#?}");
    for secret in ["hunter", "someone", "example.org"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn equal_configurations_are_equal_down_to_the_secrets() {
    let with = |password: &str| config(&format!("bambu: {{account: a@b.c, password: {password}}}"), &[]);
    assert_eq!(with("one"), with("one"));
    assert_ne!(with("one"), with("two"));
}

#[test]
fn what_this_version_lacks_is_told_and_off() {
    let text = "bambu: {account: a@b.c}
http: {listen: '127.0.0.1:9184'}";
    let Loaded { config, warnings } = load(text, &[]).unwrap();
    let keys: BTreeSet<&str> = warnings.iter().map(|warning| warning.key.as_str()).collect();
    assert_eq!(keys, ["http.listen"].into());
    assert!(
        warnings.iter().all(|w| w.to_string().ends_with("is not available in this version and is ignored"))
    );
    assert_eq!(config.http_listen, None);
}

#[test]
fn languages_are_taken_as_people_write_them() {
    let load = |line: &str| load(&format!("bambu: {{account: a@b.c}}\n{line}"), &[]).unwrap();
    for (written, meant) in [
        ("de", Language::Of("de")),
        ("DE", Language::Of("de")),
        ("de_AT", Language::Of("de")),
        ("pt-BR", Language::Of("pt-br")),
        ("pt-PT", Language::Of("pt")),
        ("zh-Hans", Language::Of("zh-cn")),
        // There are names in it, and no error texts.
        ("cs", Language::Of("cs")),
        ("bundled", Language::Bundled),
    ] {
        let loaded = load(&format!("language: {written}"));
        assert_eq!(loaded.config.language, meant, "{written}");
        assert!(loaded.warnings.is_empty(), "{written}");
    }
    for written in ["uk", "tr", "xx", "''"] {
        let loaded = load(&format!("language: {written}"));
        assert_eq!(loaded.config.language, Language::Of("en"), "{written}");
        let [warning] = &loaded.warnings[..] else { panic!("{written}: one warning") };
        assert!(warning.to_string().contains("English ones are shown; there are en, de,"), "{warning}");
    }
}

#[test]
fn what_is_private_does_not_go_together_with_a_mirror_of_everything() {
    let written = |more: &str| format!("bambu: {{account: a@b.c}}\n{more}");
    let loaded = config(&written("privacy: {job_names: false, addresses: false}"), &[]);
    assert!(!loaded.privacy.job_names && loaded.privacy.pictures && !loaded.privacy.addresses);
    let set = config(&written(""), &[("BAMBU2MQTT__PRIVACY__PICTURES", "false")]);
    assert_eq!(set.privacy, printer::Privacy { pictures: false, ..printer::Privacy::default() });
    let error =
        load(&written("privacy: {addresses: false}\nmqtt: {raw: reports}"), &[]).unwrap_err().to_string();
    assert!(error.contains("mqtt.raw") && error.contains("`privacy.addresses`"), "{error}");
    // The mirror has no pictures.
    assert!(config(&written("privacy: {pictures: false}\nmqtt: {raw: full}"), &[]).privacy.job_names);
    let error = load(&written("privacy: {names: false}"), &[]).unwrap_err().to_string();
    assert!(error.contains("names") && error.contains("job_names"), "{error}");
}

#[test]
fn texts_come_from_the_accounts_region_and_from_nowhere_in_front_of_another_cloud() {
    let url = |bambu: &str| config(&format!("bambu: {{account: a@b.c, {bambu}}}"), &[]).texts_url;
    assert_eq!(url("region: china").unwrap().as_str(), "https://e.bambulab.cn/query.php");
    assert_eq!(url("api_url: 'http://127.0.0.1:8080'"), None);
}

#[test]
fn g_code_and_installing_firmware_are_off_until_somebody_wants_it() {
    let Controls { gcode, firmware_install, .. } = config(MINIMAL, &[]).controls;
    assert!(!gcode && !firmware_install, "what can do harm is off until somebody wants it");
    let Loaded { config, warnings } = load("bambu: {account: a@b.c}\ncontrols: {gcode: true}", &[]).unwrap();
    assert!(config.controls.gcode && warnings.is_empty());
}

#[test]
fn the_mirrors_are_off_until_somebody_wants_them() {
    let plain = config(MINIMAL, &[]);
    assert!(!plain.mqtt.json_state && plain.mqtt.raw == Raw::Off);
    let Loaded { config, warnings } =
        load("bambu: {account: a@b.c}\nmqtt: {json_state: true, raw: full}\n", &[]).unwrap();
    assert!(config.mqtt.json_state && config.mqtt.raw == Raw::Full);
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn without_a_home_the_state_directory_has_to_be_named() {
    let load = |text: &str| Config::load(&Source::Text { name: "c".to_owned(), text: text.to_owned() }, []);
    assert!(load(MINIMAL).unwrap_err().to_string().contains("state_dir: cannot tell"));
    assert_eq!(load(&format!("{MINIMAL}state_dir: /s\n")).unwrap().config.state_dir, Path::new("/s"));
}

#[test]
fn the_file_is_found_or_said_how() {
    let temp = tempfile::tempdir().unwrap();
    let (here, system) = (temp.path().join("here.yaml"), temp.path().join("system.yaml"));
    let places = [here.as_path(), system.as_path()];
    let env = || [("BAMBU2MQTT_CONFIG".to_owned(), "/named/by/variable.yaml".to_owned())];
    let error = locate_among(None, [], &places).unwrap_err().to_string();
    assert!(error.contains("here.yaml and ") && error.contains("-c FILE"), "{error}");
    fs::write(&system, "").unwrap();
    assert_eq!(locate_among(None, [], &places).unwrap(), system);
    fs::write(&here, "").unwrap();
    assert_eq!(locate_among(None, [], &places).unwrap(), here);
    assert_eq!(locate_among(None, env(), &places).unwrap(), Path::new("/named/by/variable.yaml"));
    assert_eq!(locate_among(Some("arg.yaml".into()), env(), &places).unwrap(), Path::new("arg.yaml"));
    let missing = Config::load(&Source::File(temp.path().join("gone.yaml")), []).unwrap_err();
    assert!(missing.to_string().starts_with("cannot read the configuration "), "{missing}");
}

/// The example with every key that is commented out switched on: prose has a space after its `#`.
fn uncommented(without: impl Fn(&str) -> bool) -> String {
    let mut lines = Vec::new();
    for line in EXAMPLE.lines() {
        let indent = line.len() - line.trim_start().len();
        let (space, rest) = line.split_at(indent);
        match rest.strip_prefix('#') {
            Some(key) if key.starts_with(|c: char| c.is_ascii_lowercase() || c == '-') => {
                if !without(key.split(':').next().unwrap_or_default()) {
                    lines.push(format!("{space}{key}"));
                }
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines.join("\n")
}

#[test]
fn the_example_loads_and_says_the_defaults() {
    let Loaded { config: example, warnings } = load(EXAMPLE, &[]).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(example, config("bambu: {account: you@example.com}", &[]));
}

#[test]
fn the_example_with_every_key_loads() {
    let temp = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(temp.path().join(name), text).unwrap();
    write("bambu-password", "x");
    write("bambu-token", "x");
    write("mqtt-password", "x");
    for name in ["extra-root.pem", "broker-root.pem", "client.pem"] {
        write(name, "-----BEGIN CERTIFICATE-----\n");
    }
    write("client.key", "-----BEGIN PRIVATE KEY-----\n");
    let secret = |key: &str| matches!(key, "password" | "token");
    let file = |key: &str| matches!(key, "password_file" | "token_file");
    for text in [uncommented(secret), uncommented(file)] {
        write("config.yaml", &text);
        // The certificates of the example need the TLS that its default URL has not.
        let env = [("BAMBU2MQTT__MQTT__URL".to_owned(), "mqtts://broker".to_owned())];
        let loaded = Config::load(&Source::File(temp.path().join("config.yaml")), env);
        let loaded = loaded.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(loaded.config.printers.len(), 1);
        let prices = loaded.config.prices.unwrap();
        assert_eq!((prices.currency, prices.filaments.len()), ("EUR", 3));
        assert_eq!(loaded.config.printers[0].energy.as_ref().unwrap().topic, "zigbee2mqtt/Printer plug");
        assert!(loaded.config.accounts[0].token.is_some() && loaded.config.mqtt.identity.is_some());
        let warned: Vec<_> = loaded.warnings.iter().map(|warning| &warning.key).collect();
        assert_eq!(warned, ["http.listen"]);
    }
}

#[test]
fn every_key_of_the_example_can_be_set_by_environment_and_none_else() {
    fn walk(path: &str, value: &serde_yaml::Value, found: &mut BTreeSet<String>) {
        match value {
            serde_yaml::Value::Mapping(map) => {
                for (key, value) in map {
                    let key = key.as_str().unwrap();
                    let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
                    walk(&path, value, found);
                }
            }
            serde_yaml::Value::Sequence(_) => {}
            _ => drop(found.insert(path.to_owned())),
        }
    }
    let mut found = BTreeSet::new();
    walk("", &serde_yaml::from_str(&uncommented(|_| false)).unwrap(), &mut found);
    assert_eq!(found, env::known().map(str::to_owned).collect());
}

#[test]
fn prices_and_meters_are_taken_as_written() {
    let text = format!(
        "{MINIMAL}
printers:
  - serial: 01P00A000000000
    energy: {{topic: 'tele/plug/SENSOR', value: ENERGY.Total}}
  - serial: 01P00A000000001
    energy: {{topic: shellies/plug/relay/0/energy, unit: Wmin}}
prices:
  currency: eur
  filaments:
    - {{filament: PLA, per_kg: 20}}
    - {{filament: ' Bambu PLA Matte', per_kg: 24.99}}
"
    );
    let config = config(&text, &[("BAMBU2MQTT__PRICES__ENERGY_PER_KWH", "0.32")]);
    let prices = config.prices.unwrap();
    assert_eq!((prices.currency, prices.energy_per_kwh), ("EUR", Some(0.32)));
    assert_eq!(prices.filaments, [("PLA".to_owned(), 20.0), ("Bambu PLA Matte".to_owned(), 24.99)]);
    let energy = |index: usize| config.printers[index].energy.clone().unwrap();
    assert_eq!(energy(0).value.as_deref(), Some("ENERGY.Total"));
    assert_eq!((energy(0).unit, energy(1).unit), (EnergyUnit::KilowattHours, EnergyUnit::WattMinutes));
    let kwh = [EnergyUnit::KilowattHours, EnergyUnit::WattHours, EnergyUnit::WattMinutes];
    assert_eq!(kwh.map(|unit| unit.to_kwh(6000.0).to_string()), ["6000", "6", "0.1"]);
}

#[test]
fn prices_and_meters_that_make_no_sense_are_told_with_their_key() {
    check_sense(
        &format!(
            "{MINIMAL}
printers:
  - serial: 01P00A000000000
    energy: {{unit: Wh}}
  - serial: 01P00A000000001
    energy: {{topic: 'plugs/+/energy', value: ' '}}
prices:
  energy_per_kwh: -1
  filaments:
    - {{filament: PLA, per_kg: .nan}}
    - {{per_kg: 3}}
    - {{filament: pla}}
"
        ),
        &[],
        &[
            "printers[0].energy.topic: missing",
            "printers[1].energy.topic: `plugs/+/energy` holds a wildcard",
            "printers[1].energy.value: is empty",
            "prices.currency: missing; give the code",
            "prices.energy_per_kwh: `-1` is not a price",
            "prices.filaments[0].per_kg: `NaN` is not a price",
            "prices.filaments[1].filament: missing",
            "prices.filaments[2].per_kg: missing",
        ],
    );
    check_sense(
        &format!(
            "{MINIMAL}prices: {{currency: Euros, filaments: [{{filament: PLA, per_kg: 1}}, {{filament: pla, per_kg: 2}}]}}"
        ),
        &[],
        &[
            "prices.currency: `Euros` is not the code",
            "prices.filaments[1].filament: `pla` already has a price",
        ],
    );
    check_shape(
        &format!("{MINIMAL}printers:\n  - serial: 01P00A000000000\n    energy: {{unit: MWh}}\n"),
        "config.yaml line 6, column 20: printers[0].energy.unit: unknown variant `MWh`, expected one of `kWh`, `Wh`, \
         `Wmin`",
    );
}

#[test]
fn codes_to_ignore_are_taken_in_any_usual_spelling() {
    let of = |list: &str| config(&format!("{MINIMAL}alerts: {{ignore: [{list}]}}"), &[]).ignored.to_vec();
    let hms = of("HMS_0500_0100_0002_000B");
    for spelling in
        ["0500-0100-0002-000b", "0500_0100_0002_000B", "050001000002000B", "'HMS 0500 0100 0002 000B'"]
    {
        assert_eq!(of(spelling), hms, "{spelling}");
    }
    let error = of("0300-8013");
    for spelling in ["0300_8013", "03008013", "'0300 8013'"] {
        assert_eq!(of(spelling), error, "{spelling}");
    }
    assert_ne!(of("12008011, 1E008011"), error);
    assert_eq!(of(""), [], "an empty list");
    check_sense(
        &format!(
            "{MINIMAL}alerts: {{ignore: [0300, HMS_0300_8013, door, 0000-0000-0002-000B, 0500-0100-0002-000B]}}"
        ),
        &[],
        &[
            "alerts.ignore[0]: `0300` is not a code; copy it from",
            "alerts.ignore[1]: `HMS_0300_8013` is not a code",
            "alerts.ignore[2]: `door` is not a code",
            "alerts.ignore[3]: `0000-0000-0002-000B` is not a code",
        ],
    );
    check_shape(
        &format!("{MINIMAL}alerts: {{ignored: []}}"),
        "config.yaml line 4, column 10: unknown field `ignored` in `alerts`; expected `ignore`",
    );
}

#[test]
fn layers_to_tell_are_numbers_from_one_on() {
    let with =
        |list: &str| format!("{MINIMAL}printers:\n  - serial: 01P00A000000000\n    notify_layers: {list}\n");
    assert_eq!(config(&with("[50, 5, 50]"), &[]).printers[0].notify_layers.to_vec(), [5, 50]);
    assert!(config(&with("[]"), &[]).printers[0].notify_layers.is_empty());
    check_sense(
        &with("[5, 0]"),
        &[],
        &["printers[0].notify_layers[1]: `0` is no layer; the first one has the number 1"],
    );
    let error = load(&with("[five]"), &[]).unwrap_err().to_string();
    assert!(error.contains("line 6") && error.contains("printers[0].notify_layers[0]"), "{error}");
}
