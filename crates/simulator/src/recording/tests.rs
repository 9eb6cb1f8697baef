use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A complete report, with a member of its own.
fn complete(own: &Value) -> Value {
    let mut print = json!({"command": "push_status", "msg": 0, "gcode_state": "RUNNING", "mc_percent": 10,
        "ams": {"tray_now": "1", "ams": [{"id": "0", "tray": [{"id": "0", "tray_type": "PLA"},
            {"id": "1", "tray_type": "PETG", "remain": 50}]}]}});
    for number in 0..COMPLETE {
        print[format!("member_{number}")] = number.into();
    }
    merge(&mut print, own);
    json!({ "print": print })
}

fn part(mut members: Value) -> Value {
    members["command"] = "push_status".into();
    members["msg"] = 1.into();
    json!({ "print": members })
}

fn boards(serial: &str, unit: &str) -> Value {
    json!({"info": {"command": "get_version", "sequence_id": "7", "module": [
        {"name": "ota", "product_name": "Bambu Lab X1-Carbon", "sn": serial, "sw_ver": "01.09.00.00"},
        {"name": "ams/0", "sn": unit, "sw_ver": "00.00.06.44"},
    ]}})
}

fn line(serial: &str, payload: &Value) -> String {
    json!({"topic": format!("device/{serial}/report"), "payload": payload}).to_string()
}

/// Writes lines to a file, for as long as it is held.
fn file(lines: &[String]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), lines.join("\n")).unwrap();
    file
}

fn load(lines: &[String]) -> Vec<Recording> {
    Recording::load(&[file(lines).path().to_owned()]).unwrap()
}

fn player(lines: &[String]) -> Player {
    Player::new(load(lines).pop().unwrap(), 1.0)
}

fn parse(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

fn seconds(player: &mut Player, count: usize) -> Vec<Value> {
    let mut out = Vec::new();
    for _ in 0..count {
        player.tick(SECOND, &mut out);
    }
    out.iter().map(|payload| parse(payload)).collect()
}

fn ask(player: &mut Player, request: &Value) -> Value {
    let mut answers = player.handle(request.to_string().as_bytes());
    assert_eq!(answers.len(), 1, "{request}");
    parse(&answers.pop().unwrap())
}

const X1C: &str = "00M09A100000001";

#[test]
fn it_is_played_at_its_pace_over_and_over_from_a_complete_report() {
    let full = complete(&json!({}));
    let deltas = [part(json!({"mc_percent": 11})), part(json!({"mc_percent": 12}))];
    let mut lines = vec![line(X1C, &full), line(X1C, &deltas[0]), line(X1C, &deltas[1])];
    assert_eq!(
        seconds(&mut player(&lines), 4),
        [full.clone(), deltas[0].clone(), deltas[1].clone(), full.clone()]
    );

    // With times, they count; a delta before the complete report is played where it stands.
    lines.swap(0, 1);
    for (line, at) in lines.iter_mut().zip(["10:00:00", "10:00:00", "10:00:03"]) {
        *line = line.replacen('{', &format!(r#"{{"at":"2026-01-01T{at}Z","#), 1);
    }
    let mut player = player(&lines);
    assert_eq!(seconds(&mut player, 1), [deltas[0].clone(), full.clone()]);
    assert_eq!(seconds(&mut player, 3), [deltas[1].clone()]);
    assert_eq!(seconds(&mut player, 2), [full.clone(), deltas[0].clone(), full]);
}

#[test]
fn time_that_goes_fast_says_nothing_twice_at_once() {
    let lines = [line(X1C, &complete(&json!({}))), line(X1C, &part(json!({"mc_percent": 11})))];
    let mut player = Player::new(load(&lines).pop().unwrap(), 1000.0);
    assert_eq!(seconds(&mut player, 1).len(), 2);
    assert!(seconds(&mut player, 1).len() <= 2);
}

#[test]
fn asked_for_everything_it_gives_what_was_said_so_far() {
    let first = complete(&json!({"name": "first"}));
    let lines = [
        line(X1C, &part(json!({"mc_percent": 9}))),
        line(X1C, &first),
        line(
            X1C,
            &part(json!({"mc_percent": 12, "ams": {"tray_now": "0", "ams": [
            {"id": "0", "tray": [{"id": "1"}]}]}, "hms": [{"attr": 1, "code": 2}], "gcode_state": null})),
        ),
    ];
    let pushall = json!({"pushing": {"command": "pushall", "sequence_id": "1"}});
    let mut player = player(&lines);
    assert_eq!(ask(&mut player, &pushall), first, "before anything was said");
    seconds(&mut player, 3);
    let all = ask(&mut player, &pushall)["print"].take();
    assert_eq!((&all["mc_percent"], &all["name"], all.get("msg")), (&json!(12), &json!("first"), None));
    assert_eq!(all["ams"]["tray_now"], "0");
    assert_eq!(all["ams"]["ams"][0]["tray"], json!([{"id": "0", "tray_type": "PLA"}, {"id": "1"}]));
    assert_eq!((&all["hms"][0]["code"], &all["gcode_state"]), (&json!(2), &json!("RUNNING")));
    assert_eq!(player.state(), "RUNNING");
}

#[test]
fn boards_are_those_of_the_recording_or_else_what_the_serial_number_tells() {
    let version = json!({"info": {"command": "get_version", "sequence_id": "40001"}});
    let mut known = player(&[line(X1C, &boards(X1C, "00600A123456789"))]);
    let mut expected = boards(X1C, "00600A123456789");
    expected["info"]["sequence_id"] = "40001".into();
    assert_eq!(ask(&mut known, &version), expected);
    assert_eq!((known.model(), known.name()), (Some(Model::X1c), "X1 Carbon 0001"));

    let mut by_serial = player(&[line("22E00A100000001", &part(json!({"hms": []})))]);
    let answer = ask(&mut by_serial, &version);
    assert_eq!(answer["info"]["module"][0]["product_name"], "Bambu Lab P2S");
    assert_eq!(answer["info"]["sequence_id"], "40001");

    let mut nobody = player(&[line("99900A100000001", &part(json!({"hms": []})))]);
    assert!(nobody.handle(version.to_string().as_bytes()).is_empty());
    assert_eq!(nobody.name(), "Recorded 0001");
}

#[test]
fn commands_are_acknowledged_and_change_nothing() {
    let refusal =
        json!({"print": {"command": "stop", "result": "fail", "reason": "busy", "sequence_id": "5"}});
    let mut player = player(&[line(X1C, &complete(&json!({}))), line(X1C, &refusal)]);
    let order = |command: &str| json!({"print": {"command": command, "param": "", "sequence_id": "40007"}});
    let done = ask(&mut player, &order("pause"));
    assert_eq!(done["print"]["result"], "success");
    assert_eq!(done["print"]["sequence_id"], "40007");
    assert_eq!(player.state(), "RUNNING");
    let mut expected = refusal.clone();
    expected["print"]["sequence_id"] = "40007".into();
    assert_eq!(ask(&mut player, &order("stop")), expected, "as in the recording");

    player.handle(br#"{"pushing":{"command":"stop"}}"#);
    assert!(seconds(&mut player, 3).is_empty());
    player.handle(br#"{"pushing":{"command":"start"}}"#);
    assert_eq!(seconds(&mut player, 2).len(), 2);
    for nonsense in
        [&b""[..], b"[]", b"\xff", br#"{"print":3}"#, br#"{"print":{}}"#, br#"{"x":{"command":"y"}}"#]
    {
        assert!(player.handle(nonsense).is_empty());
    }
}

#[test]
fn bytes_stay_as_they_are() {
    use base64::Engine as _;
    let odd = b"{\"print\": {\"x\":\xff\0";
    let text = base64::engine::general_purpose::STANDARD.encode(odd);
    let line = json!({"topic": format!("device/{X1C}/report"), "payload_base64": text}).to_string();
    let mut player = player(&[line]);
    let mut out = Vec::new();
    player.tick(SECOND, &mut out);
    assert_eq!(out, [odd]);
}

#[test]
fn several_printers_in_one_file_are_told_apart_and_requests_left_out() {
    let lines = [
        line("01P00A100000001", &complete(&json!({}))),
        json!({"topic": format!("device/{X1C}/request"), "payload": {"print": {"command": "stop"}}})
            .to_string(),
        String::new(),
        line(X1C, &part(json!({"mc_percent": 1}))),
        line("01P00A100000001", &part(json!({"mc_percent": 2}))),
    ];
    let loaded = load(&lines);
    let seen: Vec<_> = loaded.iter().map(|r| (r.name(), r.len(), r.is_complete(), r.is_empty())).collect();
    let expected = [("P1S 0001".to_owned(), 2, true, false), ("X1 Carbon 0001".to_owned(), 1, false, false)];
    assert_eq!(seen, expected);
}

#[test]
fn the_same_recording_twice_is_two_printers_with_two_units() {
    let file = file(&[line(X1C, &boards(X1C, "00600A123456789")), line(X1C, &complete(&json!({"sn": X1C})))]);
    let path = file.path().to_owned();
    let mut twice = Recording::load(&[path.clone(), path.clone(), path]).unwrap();
    make_distinct(&mut twice, ["00M09A100000002".to_owned(), "00M09A100001".to_owned()]);
    let serials: Vec<_> = twice.iter().map(|recording| recording.serial.clone()).collect();
    assert_eq!(serials[0], X1C);
    assert!(serials[1] != X1C && serials[1] != serials[2] && serials[2] != X1C, "{serials:?}");
    let units: Vec<_> = twice.iter().flat_map(Recording::units).collect();
    assert_eq!((units.len(), units[0].as_str()), (3, "00600A123456789"));
    assert!(units[0] != units[1] && units[1] != units[2] && units[0] != units[2], "{units:?}");
    for (recording, serial) in twice.iter().zip(&serials) {
        assert!(serial.starts_with("00M09A10000") && serial.len() == X1C.len());
        assert_eq!(recording.parsed(1).unwrap()["print"]["sn"], *serial);
        assert_eq!(recording.parsed(0).unwrap()["info"]["module"][0]["sn"], *serial);
    }
    assert!(variant("AB", 2) == "AB2" && variant("ÄÖÜÄÖ", 3).ends_with('3'));
}

#[test]
fn what_cannot_be_played_is_told_with_file_and_line() {
    let wrong = |lines: &[String]| {
        let file = file(lines);
        let name = file.path().display().to_string();
        let error = format!("{:#}", Recording::load(&[file.path().to_owned()]).unwrap_err());
        assert!(error.contains(&name), "{error}");
        error.replace(&name, "FILE")
    };
    let good = line(X1C, &part(json!({})));
    let error = wrong(&[good.clone(), "{\"topic\":1}".to_owned()]);
    assert!(error.starts_with("FILE line 2 cannot be played; take the line out"), "{error}");
    assert!(error.contains(r#"a line is {"topic":"#), "{error}");
    let error = wrong(&[json!({"topic": format!("device/{X1C}/request"), "payload": {}}).to_string()]);
    assert!(
        error.starts_with("FILE has no message of a printer") && error.contains("record again"),
        "{error}"
    );
    assert!(wrong(&[]).starts_with("FILE has no message of a printer"));
    let error = format!("{:#}", Recording::load(&["/nowhere/x.jsonl".into()]).unwrap_err());
    assert!(error.starts_with("cannot read /nowhere/x.jsonl"), "{error}");
}
