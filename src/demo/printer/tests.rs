use super::*;
use serde_json::json;

#[test]
fn parses() {
    for number in 0..3 {
        let mut printer = Printer::new(number, 1);
        let full: Value = serde_json::from_slice(&printer.full()).unwrap();
        let members = full["print"].as_object().unwrap().len();
        eprintln!("{members} {}", printer.full().len());
        assert!(members >= 55);
        let version = printer.handle(br#"{"info":{"command":"get_version","sequence_id":"7"}}"#);
        let version: Value = serde_json::from_slice(&version[0]).unwrap();
        assert_eq!(version["info"]["sequence_id"], json!("7"));
    }
}
